//! What a Vorbis stream's headers ask of a decoder, before it is asked: a setup of 3 kB may describe
//! tables of gigabytes. Reads the codebooks' sizes and nothing else.

/// Numbers in all codebooks' tables together. libvorbis writes setups with 100,000 or so.
const TABLE_NUMBERS_MAX: u64 = 4 << 20;

/// The identification header (Vorbis I §4.2.2).
pub struct Identification {
    /// Channels.
    pub channels: u8,
    /// Frames of sound a second.
    pub sample_rate: u32,
    /// What the encoder was asked for, in bits a second; 0: it does not say.
    pub bit_rate: u32,
}

impl Identification {
    /// Reads it; `None` when it is none.
    pub fn read(packet: &[u8]) -> Option<Self> {
        let packet: &[u8; 30] = packet.first_chunk()?;
        let number = |at: usize| packet[at..].first_chunk().copied().map_or(0, u32::from_le_bytes);
        let is_one = packet.starts_with(b"\x01vorbis\0\0\0\0") && packet[11] > 0 && number(12) > 0;
        is_one.then(|| Self { channels: packet[11], sample_rate: number(12), bit_rate: number(20) })
    }
}

/// Whether the codebooks of a setup header (§3.2.1, §4.2.4) are of a size that any encoder writes.
pub fn is_modest(setup: &[u8]) -> bool {
    setup.starts_with(b"\x05vorbis") && numbers(setup).is_some_and(|n| n <= TABLE_NUMBERS_MAX)
}

/// How many numbers the codebooks have; `None` when they end too early or are none.
fn numbers(setup: &[u8]) -> Option<u64> {
    let mut bits = Bits { bytes: setup, at: 7 * 8 };
    let mut all: u64 = 0;
    for _ in 0..=bits.u(8)? {
        if bits.u(24)? != 0x56_4342 {
            return None;
        }
        let (dimensions, entries) = (bits.u(16)?, bits.u(24)?);
        all += entries * dimensions.max(1);
        if all > TABLE_NUMBERS_MAX {
            return Some(all);
        }
        if bits.u(1)? == 1 {
            bits.u(5)?;
            let mut entry = 0;
            while entry < entries {
                entry += bits.u(64 - (entries - entry).leading_zeros())?;
                // An empty length adds none, and there are 32 lengths: the bits run out.
            }
        } else {
            let is_sparse = bits.u(1)? == 1;
            for _ in 0..entries {
                if !is_sparse || bits.u(1)? == 1 {
                    bits.u(5)?;
                }
            }
        }
        let kind = bits.u(4)?;
        if kind == 0 {
            continue;
        }
        bits.u(32)?;
        bits.u(32)?;
        let width = bits.u(4)? + 1;
        bits.u(1)?;
        let count = match kind {
            1 => (1..).take_while(|root| power(*root, dimensions) <= entries).last().unwrap_or(0),
            2 => entries * dimensions,
            _ => return None,
        };
        bits.skip(count * width)?;
    }
    Some(all)
}

fn power(root: u64, exponent: u64) -> u64 {
    let exponent = u32::try_from(exponent).unwrap_or(u32::MAX);
    if exponent == 0 { u64::MAX } else { root.saturating_pow(exponent) }
}

/// Bits as Vorbis packs them (§2.1.4): the lowest of a byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: u64,
}

impl Bits<'_> {
    fn u(&mut self, count: u32) -> Option<u64> {
        let mut value = 0;
        for n in 0..count {
            let byte = self.bytes.get(usize::try_from(self.at / 8).ok()?)?;
            value |= u64::from(byte >> (self.at % 8) & 1) << n;
            self.at += 1;
        }
        Some(value)
    }

    fn skip(&mut self, count: u64) -> Option<()> {
        self.at = self.at.checked_add(count)?;
        (self.at <= self.bytes.len() as u64 * 8).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes fields of so many bits.
    fn setup(fields: &[(u64, u32)]) -> Vec<u8> {
        let mut bits = Vec::new();
        for (value, count) in fields {
            bits.extend((0..*count).map(|n| value >> n & 1));
        }
        let byte = |bits: &[u64]| bits.iter().rev().fold(0, |byte, bit| byte << 1 | *bit as u8);
        b"\x05vorbis".iter().copied().chain(bits.chunks(8).map(byte)).collect()
    }

    /// An ordered codebook of 2^17 entries, all of the same length, and one value for all of them.
    const LARGE: [(u64, u32); 12] = [
        (0x56_4342, 24),
        (32, 16),
        (1 << 17, 24),
        (1, 1),
        (16, 5),
        (1 << 17, 18),
        (1, 4),
        (0, 32),
        (0, 32),
        (0, 4),
        (0, 1),
        (0, 1),
    ];

    #[test]
    fn tables_that_only_an_attacker_would_write_are_refused_before_they_are_made() {
        let books = |count: u64| {
            let mut fields = vec![(count - 1, 8)];
            (0..count).for_each(|_| fields.extend(LARGE));
            setup(&fields)
        };
        assert!(is_modest(&books(1)), "16 MB, as symphonia allows");
        assert!(books(256).len() < 6000);
        assert!(!is_modest(&books(256)), "4 GB");
    }

    #[test]
    fn a_setup_that_ends_early_or_is_none_is_refused() {
        assert!(!is_modest(b""));
        assert!(!is_modest(b"\x05vorbis"));
        assert!(!is_modest(&setup(&[(0, 8), (0x56_4343, 24)])));
        assert!(!is_modest(&setup(&[(0, 8), (0x56_4342, 24), (1, 16), (1 << 20, 24), (0, 2)])));
    }

    #[test]
    fn an_identification_header_tells_channels_and_rate() {
        let packet = b"\x01vorbis\0\0\0\0\x02\x44\xac\0\0\0\0\0\0\x00\xfa\0\0\0\0\0\0\xb8\x01";
        let header = Identification::read(packet).unwrap();
        assert_eq!((header.channels, header.sample_rate, header.bit_rate), (2, 44_100, 64_000));
        assert!(Identification::read(&packet[..29]).is_none());
    }
}
