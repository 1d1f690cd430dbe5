//! A sound file that needs no disk: twelve seconds repeated, of any length, read by range. What is
//! repeated is made to follow itself: frames and pages are numbered on, fragments say a later time,
//! checksums are right. Never decodes or encodes anything.

use std::fmt;
use std::ops::Range;

/// A kind of sound file, by the name that a description has for it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SoundFile {
    /// MPEG audio, layer III, of 40 kbit/s.
    Mp3,
    /// Vorbis in Ogg.
    Ogg,
    /// FLAC.
    Flac,
    /// AAC in an MP4 in fragments.
    Fragments,
}

impl SoundFile {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Mp3, Self::Ogg, Self::Flac, Self::Fragments];

    /// Its name in a description.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mp3 => "mp3",
            Self::Ogg => "ogg",
            Self::Flac => "flac",
            Self::Fragments => "fragments",
        }
    }

    /// The kind that a file of this name is; fragments look like any MP4 from outside.
    pub fn of_name(file: &str) -> Option<Self> {
        match file.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "mp3" => Some(Self::Mp3),
            "ogg" | "oga" => Some(Self::Ogg),
            "flac" => Some(Self::Flac),
            _ => None,
        }
    }

    /// The twelve seconds; see `recorded-sessions/clips`.
    const fn clip(self) -> &'static [u8] {
        match self {
            Self::Mp3 => include_bytes!("../../../recorded-sessions/clips/radio.mp3"),
            Self::Ogg => include_bytes!("../../../recorded-sessions/clips/radio.ogg"),
            Self::Flac => include_bytes!("../../../recorded-sessions/clips/radio.flac"),
            Self::Fragments => include_bytes!("../../../recorded-sessions/clips/radio.mp4"),
        }
    }

    /// What stands before what is repeated, and what is repeated, piece by piece: bytes of the clip.
    fn layout(self) -> (Range<usize>, Vec<Range<usize>>) {
        let clip = self.clip();
        match self {
            Self::Mp3 => (0..0, (0..500).map(|n| n * 120..n * 120 + 120).collect()),
            Self::Ogg => {
                let (mut pages, mut at) = (Vec::new(), 0);
                while at < clip.len() {
                    let segments = usize::from(clip[at + 26]);
                    let lengths = &clip[at + 27..at + 27 + segments];
                    let body: usize = lengths.iter().map(|length| usize::from(*length)).sum();
                    pages.push(at..at + 27 + segments + body);
                    at += 27 + segments + body;
                }
                // The identification header, and the page of the other two.
                let sound = pages.split_off(2);
                (0..pages[1].end, sound)
            }
            Self::Flac => {
                let mut at = 4;
                let mut is_last = false;
                while !is_last {
                    is_last = clip[at] & 0x80 != 0;
                    at += 4 + u32::from_be_bytes([0, clip[at + 1], clip[at + 2], clip[at + 3]])
                        as usize;
                }
                // 1600 samples, the rate and the channels of all frames are written the same.
                let start = [clip[at], clip[at + 1], clip[at + 2], clip[at + 3]];
                let is_frame = |at: &usize| {
                    clip[*at..].starts_with(&start) && {
                        let header = flac_header(&clip[*at..]);
                        clip.get(*at + header)
                            == Some(&(crc(&clip[*at..*at + header], 8, 0x07) as u8))
                    }
                };
                let starts: Vec<_> = (at..clip.len() - 16).filter(is_frame).collect();
                let ends = starts[1..].iter().copied().chain([clip.len()]);
                (0..42, starts.iter().zip(ends).map(|(start, end)| *start..end).collect())
            }
            Self::Fragments => {
                let (mut boxes, mut at) = (Vec::new(), 0);
                while at < clip.len() {
                    let size = word(clip, at) as usize;
                    boxes.push(at..at + size);
                    at += size;
                }
                let fragments = boxes[2..].chunks(2).map(|pair| pair[0].start..pair[1].end);
                (0..boxes[1].end, fragments.collect())
            }
        }
    }
}

impl fmt::Display for SoundFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Seconds of the clips.
const CLIP_SECONDS: u64 = 12;
/// Samples of a FLAC frame.
const FLAC_SAMPLES: u64 = 1600;
/// Frames of a second of Vorbis, and ticks of a second of the MP4.
const OGG_RATE: u64 = 22_050;
const MP4_RATE: u64 = 32_000;

/// A sound file, see the module.
#[derive(Debug)]
pub(crate) struct Sound {
    kind: SoundFile,
    /// What stands before all else, but for padding.
    head: Vec<u8>,
    /// Bytes of padding, of which there are headers.
    padding: u64,
    pieces: Vec<Range<usize>>,
    /// Where the pieces end in a round of which no number is longer than in the clip.
    ends: Vec<u64>,
    /// How many pieces there are, all rounds together.
    count: u64,
}

/// Why a sound file cannot be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SoundError {
    /// Too long for its numbers.
    Duration,
    /// It has at least so many bytes.
    AtLeast(u64),
    /// Nothing can be put into it to make it larger than this.
    AtMost(u64),
}

impl Sound {
    /// A file that plays for `duration_ms` or up to one piece longer, of `bytes` in all if it is to
    /// have a certain size.
    pub(crate) fn new(
        kind: SoundFile,
        duration_ms: u64,
        bytes: Option<u64>,
    ) -> Result<Self, SoundError> {
        let (head, pieces) = kind.layout();
        let count = u128::from(duration_ms) * pieces.len() as u128;
        let count = count.div_ceil(u128::from(CLIP_SECONDS) * 1000).max(1);
        // A FLAC frame's number has 31 bits, a time of the MP4 32.
        let count = u64::try_from(count).ok().filter(|count| *count < 1 << 26);
        let count = count.ok_or(SoundError::Duration)?;
        let ends = pieces.iter().scan(0, |end, piece| {
            *end += piece.len() as u64;
            Some(*end)
        });
        let ends = ends.collect();
        let head = kind.clip()[head].to_vec();
        let mut sound = Self { kind, head, padding: 0, pieces, ends, count };
        let least = sound.len();
        if kind == SoundFile::Fragments && sound.count * 2 > u64::from(u32::MAX) / MP4_RATE {
            return Err(SoundError::Duration);
        }
        sound.padding = match bytes.map(|bytes| (bytes, bytes.checked_sub(least))) {
            None => 0,
            Some((_, None)) => return Err(SoundError::AtLeast(least)),
            Some((_, Some(0))) => 0,
            Some((_, Some(padding))) if padding < sound.padding_header() => {
                return Err(SoundError::AtLeast(least + sound.padding_header()));
            }
            Some((_, Some(padding))) if padding > sound.padding_max() => {
                return Err(SoundError::AtMost(least + sound.padding_max()));
            }
            Some((_, Some(padding))) => padding,
        };
        sound.finish_head();
        Ok(sound)
    }

    /// What padding begins with: a tag, a metadata block or a box.
    fn padding_header(&self) -> u64 {
        match self.kind {
            SoundFile::Mp3 => 10,
            SoundFile::Flac => 4,
            SoundFile::Fragments => 8,
            SoundFile::Ogg => u64::MAX,
        }
    }

    fn padding_max(&self) -> u64 {
        match self.kind {
            SoundFile::Mp3 => 10 + (1 << 28) - 1,
            SoundFile::Flac => 4 + (1 << 24) - 1,
            SoundFile::Fragments => u32::MAX.into(),
            SoundFile::Ogg => 0,
        }
    }

    fn finish_head(&mut self) {
        let body = self.padding.saturating_sub(self.padding_header());
        match self.kind {
            SoundFile::Flac => {
                // Largest frames, samples in all, and no sum of them: nobody has added it up.
                self.head[4] = if self.padding == 0 { 0x80 } else { 0 };
                let frame_max =
                    u32::from_be_bytes([0, self.head[15], self.head[16], self.head[17]]);
                self.head[15..18].copy_from_slice(&(frame_max + 5).to_be_bytes()[1..]);
                let samples = (self.count * FLAC_SAMPLES).to_be_bytes();
                self.head[21] = self.head[21] & 0xf0 | samples[3] & 0x0f;
                self.head[22..26].copy_from_slice(&samples[4..]);
                self.head[26..42].fill(0);
                if self.padding > 0 {
                    self.head.push(0x81);
                    self.head.extend_from_slice(&(body as u32).to_be_bytes()[1..]);
                }
            }
            SoundFile::Mp3 if self.padding > 0 => {
                self.head.extend_from_slice(b"ID3\x04\0\0");
                self.head.extend((0..4).rev().map(|n| (body >> (7 * n)) as u8 & 0x7f));
            }
            SoundFile::Fragments if self.padding > 0 => {
                self.head.extend_from_slice(&(self.padding as u32).to_be_bytes());
                self.head.extend_from_slice(b"free");
            }
            _ => {}
        }
    }

    /// Where the pieces begin.
    fn begin(&self) -> u64 {
        match self.padding {
            0 => self.head.len() as u64,
            padding => self.head.len() as u64 + padding - self.padding_header(),
        }
    }

    /// Bytes of the whole file.
    pub(crate) fn len(&self) -> u64 {
        self.begin() + self.start_of(self.count)
    }

    /// Where a piece begins, from the first one on.
    fn start_of(&self, n: u64) -> u64 {
        let round = self.pieces.len() as u64;
        let all = self.ends.last().copied().unwrap_or(0);
        let within = (n % round) as usize;
        let in_round = within.checked_sub(1).map_or(0, |last| self.ends[last]);
        let extra = match self.kind {
            SoundFile::Flac => {
                let grown = |from: u64| n.saturating_sub(from);
                // What the clip's own numbers take, they take each round.
                let own = |n: u64| n.saturating_sub(1 << 7);
                let clips = n / round * own(round) + own(n % round);
                grown(1 << 7) + grown(1 << 11) + grown(1 << 16) + grown(1 << 21) - clips
            }
            _ => 0,
        };
        n / round * all + in_round + extra
    }

    /// Copies bytes from `offset` on, at least one. `offset` lies within the file.
    pub(crate) fn read_at(&self, offset: u64, out: &mut [u8]) -> usize {
        let head = self.head.len() as u64;
        if offset < head {
            return copy(&self.head[offset as usize..], out);
        }
        let begin = self.begin();
        if let Some(left @ 1..) = begin.checked_sub(offset) {
            let count = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            out[..count].fill(0);
            return count;
        }
        let (mut low, mut high) = (0, self.count);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            match self.start_of(middle) <= offset - begin {
                true => low = middle,
                false => high = middle,
            }
        }
        let within = (offset - begin - self.start_of(low)) as usize;
        copy(&self.piece(low)[within..], out)
    }

    /// A piece, numbered on.
    fn piece(&self, n: u64) -> Vec<u8> {
        let round = self.pieces.len() as u64;
        let mut bytes = self.kind.clip()[self.pieces[(n % round) as usize].clone()].to_vec();
        match self.kind {
            SoundFile::Mp3 => {}
            SoundFile::Ogg => {
                let position = bytes[6..14].first_chunk().copied().map_or(0, u64::from_le_bytes);
                let later = position + n / round * CLIP_SECONDS * OGG_RATE;
                bytes[6..14].copy_from_slice(&later.to_le_bytes());
                bytes[5] = if n + 1 == self.count { 4 } else { 0 };
                bytes[18..22].copy_from_slice(&(n as u32 + 2).to_le_bytes());
                bytes[22..26].fill(0);
                let sum = crc(&bytes, 32, 0x04c1_1db7) as u32;
                bytes[22..26].copy_from_slice(&sum.to_le_bytes());
            }
            SoundFile::Flac => {
                let header = flac_header(&bytes);
                let rest = &bytes[4 + coded_bytes(bytes[4])..header];
                let mut made = [&bytes[..4], &coded(n), rest].concat();
                made.push(crc(&made, 8, 0x07) as u8);
                made.extend_from_slice(&bytes[header + 1..bytes.len() - 2]);
                let sum = crc(&made, 16, 0x8005) as u16;
                made.extend_from_slice(&sum.to_be_bytes());
                bytes = made;
            }
            SoundFile::Fragments => {
                let find = |kind: &[u8; 4]| bytes.windows(4).position(|four| four == kind);
                if let (Some(number), Some(time)) = (find(b"mfhd"), find(b"tfdt")) {
                    bytes[number + 8..number + 12].copy_from_slice(&(n as u32 + 1).to_be_bytes());
                    // Version 1: 64 bits.
                    let later = n / round * CLIP_SECONDS * MP4_RATE;
                    let begins = (u64::from(word(&bytes, time + 8)) << 32)
                        + u64::from(word(&bytes, time + 12))
                        + later;
                    bytes[time + 8..time + 16].copy_from_slice(&begins.to_be_bytes());
                }
            }
        }
        bytes
    }
}

fn copy(from: &[u8], out: &mut [u8]) -> usize {
    let count = from.len().min(out.len());
    out[..count].copy_from_slice(&from[..count]);
    count
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Bytes of a frame's header (RFC 9639 §9.1) without its checksum.
fn flac_header(frame: &[u8]) -> usize {
    let block = match frame[2] >> 4 {
        6 => 1,
        7 => 2,
        _ => 0,
    };
    let rate = match frame[2] & 15 {
        12 => 1,
        13 | 14 => 2,
        _ => 0,
    };
    4 + coded_bytes(frame[4]) + block + rate
}

/// Bytes of a number that begins with this one.
fn coded_bytes(first: u8) -> usize {
    (first.leading_ones() as usize).max(1)
}

/// A number as FLAC codes it (§9.1.5): like UTF-8, and further.
fn coded(number: u64) -> Vec<u8> {
    let later = match number {
        ..0x80 => return vec![number as u8],
        0x80..0x800 => 1,
        0x800..0x1_0000 => 2,
        0x1_0000..0x20_0000 => 3,
        _ => 4,
    };
    // As many ones as there are bytes.
    let first = !(0xff_u8 >> (later + 1)) | (number >> (6 * later)) as u8;
    let rest = (0..later).rev().map(|n| 0x80 | (number >> (6 * n)) as u8 & 0x3f);
    std::iter::once(first).chain(rest).collect()
}

/// A checksum of so many bits, the highest first, from 0.
fn crc(bytes: &[u8], width: u32, polynomial: u64) -> u64 {
    let mask = (1 << width) - 1;
    bytes.iter().fold(0_u64, |sum, byte| {
        let mut sum = sum ^ u64::from(*byte) << (width - 8);
        for _ in 0..8 {
            let is_high = sum >> (width - 1) & 1 == 1;
            sum = sum << 1 & mask ^ if is_high { polynomial } else { 0 };
        }
        sum
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(kind: SoundFile, seconds: u64, bytes: Option<u64>) -> Vec<u8> {
        let sound = Sound::new(kind, seconds * 1000, bytes).unwrap();
        let mut read = vec![0; sound.len() as usize];
        let mut at = 0;
        while at < read.len() {
            at += sound.read_at(at as u64, &mut read[at..]);
        }
        read
    }

    #[test]
    fn twelve_seconds_are_the_clip() {
        for kind in [SoundFile::Mp3, SoundFile::Ogg, SoundFile::Fragments] {
            assert!(whole(kind, 12, None) == kind.clip(), "{kind}");
        }
        // But for its length, the sum of its samples and a seek table.
        let (made, clip) = (whole(SoundFile::Flac, 12, None), SoundFile::Flac.clip());
        assert_eq!(made.len(), clip.len() - (SoundFile::Flac.layout().1[0].start - 42));
        assert!(clip.ends_with(&made[42..]));
    }

    #[test]
    fn any_cut_into_reads_gives_the_same_bytes() {
        for kind in SoundFile::ALL {
            let expected = whole(kind, 40, None);
            let sound = Sound::new(kind, 40_000, None).unwrap();
            for step in [1, 1000, 65_537] {
                let mut at = 0;
                while at < expected.len() {
                    let mut buf = vec![0; step];
                    let count = sound.read_at(at as u64, &mut buf);
                    let count = count.min(expected.len() - at);
                    assert!(
                        count > 0 && buf[..count] == expected[at..at + count],
                        "{kind} at {at}"
                    );
                    at += count;
                }
            }
        }
    }

    #[test]
    fn padding_meets_a_size_to_the_byte() {
        for kind in [SoundFile::Mp3, SoundFile::Flac, SoundFile::Fragments] {
            let least = whole(kind, 12, None).len() as u64;
            assert_eq!(whole(kind, 12, Some(least + 100_000)).len() as u64, least + 100_000);
            let few = Sound::new(kind, 12_000, Some(least - 1)).unwrap_err();
            assert_eq!(few, SoundError::AtLeast(least));
        }
        let many = Sound::new(SoundFile::Mp3, 12_000, Some(1 << 40)).unwrap_err();
        assert!(matches!(many, SoundError::AtMost(_)));
    }

    #[test]
    fn checksums_are_those_of_ogg_and_flac() {
        // The clip's own.
        let ogg = SoundFile::Ogg.clip();
        let page = ogg[..58].to_vec();
        let mut blank = page.clone();
        blank[22..26].fill(0);
        assert_eq!((crc(&blank, 32, 0x04c1_1db7) as u32).to_le_bytes(), page[22..26]);
        let frame = &SoundFile::Flac.clip()[SoundFile::Flac.layout().1[0].clone()];
        let (body, sum) = frame.split_at(frame.len() - 2);
        assert_eq!((crc(body, 16, 0x8005) as u16).to_be_bytes(), sum);
    }

    #[test]
    fn numbers_are_coded_as_in_utf_8() {
        for number in [0, 0x7f, 0x80, 0x7ff, 0x800, 0xffff, 0x1_0000, 0x1f_ffff] {
            let mut utf_8 = [0; 4];
            if let Some(c) = char::from_u32(number) {
                assert_eq!(
                    coded(number.into()),
                    c.encode_utf8(&mut utf_8).as_bytes(),
                    "{number:x}"
                );
            }
        }
        assert_eq!(coded(0x20_0000), [0xf8, 0x88, 0x80, 0x80, 0x80]);
    }
}
