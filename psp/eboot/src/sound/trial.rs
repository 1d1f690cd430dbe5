//! An access unit whose sound is known, to find out whether a decoder understands a rate before a
//! film's sound is entrusted to it.
//!
//! AAC says in which *band* a frequency lies, and where the bands are depends on the rate (ISO/IEC
//! 14496-3 tables 4.129 to 4.147). A decoder that takes one rate for another puts most of the sound
//! elsewhere and complains now and then. So the trial is one spectral line in a band that lies
//! elsewhere at 44.1 and 48 kHz, or does not exist there: what comes out crosses zero as often as
//! the line's number says, or the decoder is wrong. It is valid AAC-LC at its own rate.
//!
//! The bands of 44.1 and 48 kHz are the same. What differs is how far up noise shaping (TNS) goes, so
//! that a decoder that takes one for the other is almost right. It is found out at 32 kHz.

use super::decoder::{CHANNELS, UNIT_FRAMES};

/// The longest of them.
const BYTES_MAX: usize = 9;

/// A trial at one rate.
pub struct Trial {
    rate: u32,
    bytes: [u8; BYTES_MAX],
    len: usize,
    /// The spectral line, of 1024: how often one frame of its sound crosses zero.
    line: usize,
}

impl Trial {
    /// The trial for a rate; `None` at 44.1 kHz, which is what a decoder takes everything for that
    /// does not listen.
    pub fn at(rate: u32) -> Option<Self> {
        // A band's number, where it begins, and how wide it is.
        Some(match rate {
            // At 44.1 and 48 kHz there are 49 bands.
            48_000 | 32_000 => Self::in_band(32_000, 49, 960, 32),
            24_000 | 22_050 => Self::in_band(rate, 30, 260, 24),
            16_000 | 12_000 | 11_025 => Self::in_band(rate, 25, 280, 20),
            8_000 => Self::in_band(rate, 25, 372, 24),
            _ => return None,
        })
    }

    /// The rate that it is made for, frames a second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// One channel with the last line of the first four of a band, and nothing else (ISO/IEC 14496-3
    /// §4.4.2).
    fn in_band(rate: u32, band: u32, first: usize, lines: u32) -> Self {
        /// How loud, in steps of 1.5 dB: a tenth of full scale.
        const GAIN: u128 = 186;
        /// Codebook 1's word for 0, 0, 0, 1; that for 0, 0, 0, 0 is a 0.
        const LAST_OF_FOUR: u128 = 0x14;
        let mut bits = Bits { value: 0, count: 0 };
        // A single_channel_element with tag 0, its loudness; one long window of the sine shape.
        bits.put(3 + 4, 0);
        bits.put(8, GAIN);
        bits.put(1 + 2 + 1, 0);
        bits.put(6, u128::from(band) + 1);
        bits.put(1, 0);
        // Codebook 0 up to the band: its length in five bits, 31 means that more follow.
        bits.put(4, 0);
        if band >= 31 {
            bits.put(5, 31);
        }
        bits.put(5, u128::from(band % 31));
        // Codebook 1 for the one band, as loud as all of it.
        bits.put(4, 1);
        bits.put(5, 1);
        bits.put(1, 0);
        // No pulses, no noise shaping, no gain control.
        bits.put(3, 0);
        bits.put(5, LAST_OF_FOUR);
        bits.put(lines / 4 - 1, 0);
        // ID_END.
        bits.put(3, 7);
        let len = bits.count.div_ceil(8) as usize;
        let all = (bits.value << (8 * len as u32 - bits.count)).to_be_bytes();
        let mut bytes = [0; BYTES_MAX];
        bytes[..len].copy_from_slice(&all[all.len() - len..]);
        Self { rate, bytes, len, line: first + 3 }
    }

    /// To be decoded twice, since each access unit overlaps the one before it.
    pub fn access_unit(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Whether that is its sound, left and right in turn.
    pub fn is_passed(&self, samples: &[i16]) -> bool {
        /// What the overlap adds or takes away where two frames meet; bands of other rates are at
        /// least 60 lines off.
        const TOLERANCE: usize = 8;
        let left = samples.iter().step_by(CHANNELS).take(UNIT_FRAMES);
        let signs = left.map(|sample| *sample < 0);
        let crossings = signs.clone().zip(signs.skip(1)).filter(|(a, b)| a != b).count();
        crossings.abs_diff(self.line) <= TOLERANCE
    }
}

/// Up to 128 bits, the first on top.
struct Bits {
    value: u128,
    count: u32,
}

impl Bits {
    fn put(&mut self, width: u32, value: u128) {
        self.value = self.value << width | value;
        self.count += width;
    }
}
