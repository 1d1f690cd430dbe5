//! What time it is where in an MP3: frames carry no time, so it has to be told from the bytes. Reads
//! frame headers and the tables that encoders put into the first frame; never sound.

use std::time::Duration;

use testcard_core::time::MediaTime;

/// The longest frame of layer III: 320 kbit/s at 32 kHz, padded.
pub const FRAME_BYTES_MAX: usize = 1441;

/// A frame's header (ISO/IEC 11172-3 §2.4.1.3, ISO/IEC 13818-3 §2.4.2.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FrameHeader {
    /// Version 1, as against 2 and 2.5.
    is_mpeg1: bool,
    /// Bits a second.
    pub bit_rate: u32,
    /// Frames of sound a second.
    pub sample_rate: u32,
    /// One or two.
    pub channels: u8,
    /// Bytes of the frame, header and all.
    pub bytes: usize,
}

impl FrameHeader {
    /// The header at the start of these bytes, if it is one of layer III with a stated bit rate.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        const RATES: [[u32; 15]; 2] = [
            [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
            [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        ];
        let &[0xff, second, third, fourth] = bytes.first_chunk()? else { return None };
        let halvings = match second >> 3 & 3 {
            0 => 2,
            2 => 1,
            3 => 0,
            _ => return None,
        };
        let is_layer_3 = second & 0xe6 == 0xe2;
        let is_mpeg1 = halvings == 0;
        let kilobits = *RATES[usize::from(is_mpeg1)].get(usize::from(third >> 4))?;
        let sample_rate = [44_100, 48_000, 32_000].get(usize::from(third >> 2 & 3))? >> halvings;
        if !is_layer_3 || kilobits == 0 {
            return None;
        }
        let bit_rate = kilobits * 1000;
        let slots = if is_mpeg1 { 144 } else { 72 };
        let bytes = slots * bit_rate / sample_rate + u32::from(third >> 1 & 1);
        Some(Self {
            is_mpeg1,
            bit_rate,
            sample_rate,
            channels: if fourth >> 6 == 3 { 1 } else { 2 },
            bytes: bytes as usize,
        })
    }

    /// Frames of sound in it.
    pub fn samples(&self) -> u64 {
        if self.is_mpeg1 { 1152 } else { 576 }
    }

    /// Whether the other can follow it in one stream.
    fn agrees_with(&self, other: &Self) -> bool {
        (self.is_mpeg1, self.sample_rate) == (other.is_mpeg1, other.sample_rate)
    }

    /// Where an encoder's tag lies in the frame: behind the side information (§2.4.1.7).
    fn tag_at(&self) -> usize {
        4 + match (self.is_mpeg1, self.channels) {
            (true, 1) => 17,
            (true, _) => 32,
            (false, 1) => 9,
            (false, _) => 17,
        }
    }
}

/// The first frame in these bytes that another one follows, and where it begins. With `is_end` they
/// are the last of the file, and nothing need follow.
pub fn first_frame(bytes: &[u8], is_end: bool) -> Option<(usize, FrameHeader)> {
    (0..bytes.len()).find_map(|at| {
        let header = FrameHeader::read(&bytes[at..])?;
        let next = at + header.bytes;
        let is_followed = match bytes.get(next..next + 4) {
            Some(next) => FrameHeader::read(next).is_some_and(|next| header.agrees_with(&next)),
            None => is_end && next <= bytes.len(),
        };
        is_followed.then_some((at, header))
    })
}

/// Bytes of an ID3v2 tag at the start of these ten (id3.org, ID3v2.4.0 §3.1), if there is one.
pub fn id3_bytes(start: &[u8]) -> Option<u64> {
    let start: &[u8; 10] = start.first_chunk()?;
    if !start.starts_with(b"ID3") {
        return None;
    }
    let size = start[6..].iter().fold(0, |size, byte| size << 7 | u64::from(byte & 0x7f));
    let footer = if start[5] & 0x10 != 0 { 10 } else { 0 };
    Some(10 + size + footer)
}

/// How offsets and times of one file belong together.
#[derive(Clone, Debug)]
pub struct Map {
    /// Where the first frame of sound begins.
    from: u64,
    /// So many bytes from there take so many microseconds; both at least 1.
    bytes: u64,
    micros: u64,
    /// At each hundredth of the duration, the 256ths of the bytes behind `from`.
    table: Option<[u8; 100]>,
}

impl Map {
    /// The map of a file whose first frame, at `at`, has this header and these bytes. `length` is
    /// the file's, `duration` what is known of it from elsewhere.
    pub fn new(
        at: u64,
        header: FrameHeader,
        frame: &[u8],
        length: Option<u64>,
        duration: Option<Duration>,
    ) -> Self {
        let constant = (u64::from(header.bit_rate), 8_000_000);
        let duration = duration.map(|duration| micros(duration).max(1));
        let to_end = |from: u64| length.and_then(|length| length.checked_sub(from));
        let Some(tag) = Tag::read(frame, &header) else {
            let (bytes, micros) = match (to_end(at), duration) {
                // By its first frame it would play for so long. If that is what others say, its bit
                // rate is constant, and the frames tell the time better.
                (Some(bytes), Some(micros))
                    if scale(bytes, constant.1, constant.0).abs_diff(micros) > micros / 50 =>
                {
                    (bytes, micros)
                }
                _ => constant,
            };
            return Self { from: at, bytes: bytes.max(1), micros, table: None };
        };
        // The frame that has the tag is silent. Encoders count it among the bytes, not the frames.
        let from = at + header.bytes as u64;
        let told = tag.bytes.map(|bytes| u64::from(bytes).saturating_sub(header.bytes as u64));
        let bytes = match (told.filter(|bytes| *bytes > 0), to_end(from)) {
            (Some(told), Some(left)) => told.min(left),
            (told, left) => told.or(left).unwrap_or(0),
        };
        let samples = u64::from(tag.frames) * header.samples();
        let micros = samples * 1_000_000 / u64::from(header.sample_rate.max(1));
        match (bytes, micros) {
            (0, _) | (_, 0) => {
                Self { from, bytes: constant.0.max(1), micros: constant.1, table: None }
            }
            (bytes, micros) => {
                let rises = |table: &[u8; 100]| table.is_sorted();
                Self { from, bytes, micros, table: tag.table.filter(rises) }
            }
        }
    }

    /// Where the first frame of sound begins.
    pub fn from(&self) -> u64 {
        self.from
    }

    /// Bytes that a second takes, on the average.
    pub fn bytes_per_second(&self) -> u64 {
        scale(1_000_000, self.bytes, self.micros)
    }

    /// What so many bytes take.
    pub fn duration_of(&self, bytes: u64) -> Duration {
        Duration::from_micros(scale(bytes, self.micros, self.bytes))
    }

    /// About where what is due at `time` begins.
    pub fn offset_at(&self, time: MediaTime) -> u64 {
        let micros = u64::try_from(time.as_micros()).unwrap_or(0);
        let ahead = match &self.table {
            None => scale(micros, self.bytes, self.micros),
            Some(table) => {
                let hundredths = micros.min(self.micros) * 100;
                let (step, rest) = (hundredths / self.micros, hundredths % self.micros);
                let (low, high) = entries(table, step);
                let parts = low * self.micros + (high - low) * rest;
                let parts = u128::from(parts) * u128::from(self.bytes);
                (parts / (256 * u128::from(self.micros))) as u64
            }
        };
        self.from.saturating_add(ahead)
    }

    /// What time it is at this offset.
    pub fn time_at(&self, offset: u64) -> MediaTime {
        let bytes = offset.saturating_sub(self.from);
        let micros = match &self.table {
            None => scale(bytes, self.micros, self.bytes),
            Some(table) => {
                // The last step that begins at or before the offset.
                let parts = u128::from(bytes.min(self.bytes)) * 256;
                let all = u128::from(self.bytes);
                let begun = |entry: &u8| u128::from(*entry) * all <= parts;
                let step =
                    (table.iter().take_while(|entry| begun(entry)).count() as u64).max(1) - 1;
                let (low, high) = entries(table, step);
                let into = parts.saturating_sub(u128::from(low) * all);
                let of = (u128::from(high - low) * all).max(1);
                let hundredths = u128::from(step) * of + into.min(of);
                (hundredths * u128::from(self.micros) / (100 * of)) as u64
            }
        };
        MediaTime::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

/// Where a step of the table begins and ends.
fn entries(table: &[u8; 100], step: u64) -> (u64, u64) {
    let entry = |step: u64| {
        let step = usize::try_from(step).unwrap_or(usize::MAX);
        table.get(step).map_or(256, |entry| u64::from(*entry))
    };
    (entry(step), entry(step + 1))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn scale(value: u64, by: u64, of: u64) -> u64 {
    u64::try_from(u128::from(value) * u128::from(by) / u128::from(of.max(1))).unwrap_or(u64::MAX)
}

/// What an encoder tells of the whole file in its first frame: the tags of Xing (and LAME, which calls
/// it `Info` at a constant bit rate) and of Fraunhofer (`VBRI`). None of them is standardised.
struct Tag {
    frames: u32,
    bytes: Option<u32>,
    table: Option<[u8; 100]>,
}

impl Tag {
    fn read(frame: &[u8], header: &FrameHeader) -> Option<Self> {
        let number =
            |at: usize| frame.get(at..at + 4)?.first_chunk().copied().map(u32::from_be_bytes);
        let at = header.tag_at();
        if let Some(b"Xing" | b"Info") = frame.get(at..at + 4) {
            let flags = number(at + 4)?;
            let mut next = at + 8;
            let mut field = |flag: u32, bytes: usize| {
                let here = next;
                (flags & flag != 0).then(|| {
                    next += bytes;
                    here
                })
            };
            let (frames, bytes, table) = (field(1, 4), field(2, 4), field(4, 100));
            return Some(Self {
                frames: frames.and_then(number).unwrap_or(0),
                bytes: bytes.and_then(number),
                table: table.and_then(|at| frame.get(at..at + 100)?.first_chunk().copied()),
            });
        }
        let at = 4 + 32;
        (frame.get(at..at + 4)? == b"VBRI").then_some(())?;
        Some(Self { frames: number(at + 14)?, bytes: number(at + 10), table: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 128 kbit/s, 44.1 kHz, joint stereo.
    const HEADER: [u8; 4] = [0xff, 0xfb, 0x90, 0x64];

    fn time(millis: i64) -> MediaTime {
        MediaTime::from_millis(millis)
    }

    fn frames(count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..count {
            bytes.extend_from_slice(&HEADER);
            bytes.resize(bytes.len() + 413, 0);
        }
        bytes
    }

    fn header() -> FrameHeader {
        FrameHeader::read(&HEADER).unwrap()
    }

    #[test]
    fn frames_of_every_version_are_as_long_as_their_headers_say() {
        for (bytes, length, rate, channels) in [
            ([0xff, 0xfb, 0x90, 0x64], 417, 44_100, 2),
            ([0xff, 0xfb, 0x92, 0x64], 418, 44_100, 2),
            ([0xff, 0xfb, 0xe8, 0xc4], FRAME_BYTES_MAX - 1, 32_000, 1),
            ([0xff, 0xf3, 0x48, 0xc4], 144, 16_000, 1),
            ([0xff, 0xe3, 0x18, 0xc4], 72, 8_000, 1),
        ] {
            let header = FrameHeader::read(&bytes).unwrap();
            let told = (header.bytes, header.sample_rate, header.channels);
            assert_eq!(told, (length, rate, channels), "{bytes:x?}");
        }
        for bytes in [[0xff, 0xfb, 0x00, 0x64], [0xff, 0xfd, 0x90, 0x64], [0xff, 0xfb, 0xf0, 0x64]]
        {
            assert_eq!(FrameHeader::read(&bytes), None, "{bytes:x?}");
        }
    }

    #[test]
    fn a_frame_counts_when_another_follows() {
        let mut bytes = b"\xff\xfb\x90\x64 and noise".to_vec();
        let junk = bytes.len();
        bytes.extend(frames(3));
        assert_eq!(first_frame(&bytes, false).unwrap().0, junk);
        assert_eq!(first_frame(&frames(1), false), None, "the next may be on its way");
        assert_eq!(first_frame(&frames(1), true).unwrap().0, 0);
        assert_eq!(first_frame(&bytes[..junk], true), None);
    }

    #[test]
    fn a_tags_length_has_seven_bits_a_byte() {
        assert_eq!(id3_bytes(b"ID3\x04\0\0\0\0\x02\x01"), Some(10 + 257));
        assert_eq!(id3_bytes(b"ID3\x04\0\x10\x7f\x7f\x7f\x7f"), Some(20 + (1 << 28) - 1));
        assert_eq!(id3_bytes(&frames(1)), None);
    }

    #[test]
    fn at_a_constant_bit_rate_the_bytes_tell_the_time_exactly() {
        let map = Map::new(1000, header(), &frames(1), Some(16_001_000), None);
        assert_eq!(map.offset_at(time(500_000)), 8_001_000);
        assert_eq!(map.time_at(8_001_000), time(500_000));
        assert_eq!((map.from(), map.bytes_per_second()), (1000, 16_000));
        // Somebody's rounded duration makes no difference to that.
        let told = Some(Duration::from_secs(1001));
        let map = Map::new(1000, header(), &frames(1), Some(16_001_000), told);
        assert_eq!(map.time_at(8_001_000), time(500_000));
    }

    #[test]
    fn without_a_table_a_duration_that_others_know_is_spread_over_the_bytes() {
        let told = Some(Duration::from_secs(2000));
        let map = Map::new(0, header(), &frames(1), Some(16_000_000), told);
        assert_eq!(map.offset_at(time(500_000)), 4_000_000);
        assert_eq!(map.time_at(4_000_000), time(500_000));
    }

    #[test]
    fn a_table_of_contents_is_followed_there_and_back() {
        let mut frame = frames(1);
        let fields = [&b"Xing"[..], &7_u32.to_be_bytes(), &38_282_u32.to_be_bytes()].concat();
        frame[36..48].copy_from_slice(&fields);
        frame[48..52].copy_from_slice(&(2_560_000_u32 + 417).to_be_bytes());
        // The first half of the time takes a quarter of the bytes.
        for (n, entry) in frame[52..152].iter_mut().enumerate() {
            *entry = if n < 50 { (n * 64 / 50) as u8 } else { (64 + (n - 50) * 192 / 50) as u8 };
        }
        let map = Map::new(0, header(), &frame, Some(3_000_000), None);
        let duration = map.duration_of(2_560_000);
        assert!(duration.abs_diff(Duration::from_secs(1000)) < Duration::from_millis(50));
        let near = |a: u64, b: u64| assert!(a.abs_diff(b) < 12_000, "{a} is not near {b}");
        near(map.offset_at(time(500_000)), 417 + 640_000);
        near(map.offset_at(time(250_000)), 417 + 320_000);
        near(map.offset_at(time(750_000)), 417 + 1_600_000);
        for seconds in 0..1000 {
            let there = map.offset_at(time(seconds * 1000));
            let back = map.time_at(there).as_micros() / 1_000_000;
            // A 256th of the duration.
            assert!(back.abs_diff(seconds) <= 4, "{seconds} s came back as {back}");
        }
    }

    #[test]
    fn tags_of_nonsense_leave_the_bit_rate_to_tell_the_time() {
        for (frames_told, bytes_told) in [(0, 1000), (u32::MAX, 0), (1, u32::MAX), (0, 0)] {
            let mut frame = frames(1);
            frame[36..40].copy_from_slice(b"Info");
            frame[40..44].copy_from_slice(&3_u32.to_be_bytes());
            frame[44..48].copy_from_slice(&u32::to_be_bytes(frames_told));
            frame[48..52].copy_from_slice(&u32::to_be_bytes(bytes_told));
            for length in [None, Some(0), Some(417), Some(u64::MAX)] {
                let map = Map::new(0, header(), &frame, length, None);
                for millis in [0, 1, i64::MAX / 1000] {
                    map.time_at(map.offset_at(time(millis)));
                }
            }
        }
    }
}
