//! FLAC. symphonia takes the frames apart; of what stands before them it sees no more than the stream
//! information, wherever it begins: pictures of covers and the like are stepped over. Reads metadata
//! blocks (RFC 9639 §8), never sound.

use std::time::Duration;

use symphonia::core::formats::FormatOptions;
use symphonia::default::formats::FlacReader;
use testcard_core::playback::{Bytes, Coding, Find, Format, Packet, Part, Read, Reader};
use testcard_core::time::MediaTime;

use crate::demux::{Demux, Demuxed, Resume};
use crate::search::{Mark, Search, bytes_in};

/// Bytes of the stream information.
const INFO_BYTES: usize = 34;

/// Metadata blocks. Real files have fewer than ten.
const BLOCKS_MAX: u32 = 1000;

/// The largest seek table read: one of a point a second, for six hours.
const SEEK_TABLE_BYTES_MAX: u64 = 512 * 1024;

/// How far a step reaches: symphonia looks so far ahead of a frame at most.
const AHEAD_BYTES: u64 = 34 * 1024;

/// A frame where the file does not say how large they become: 4096 samples of 24 bits, twice, are
/// less than this uncompressed.
const FRAME_BYTES_USUAL: u64 = 24 * 1024;

/// A reader of FLAC, see the module.
pub struct Flac {
    told: Option<Duration>,
    length: Option<u64>,
    state: State,
    /// Where the frames begin.
    audio: u64,
    info: Option<Info>,
    coding: Option<Coding>,
    /// What the seek table says: the number of a sample, and where its frame begins, from `audio` on.
    points: Vec<(u64, u64)>,
    demux: Demux,
    search: Option<Search>,
    reached: Option<MediaTime>,
}

enum State {
    /// The header of a metadata block is at this offset; so many were passed.
    Block(u64, u32),
    /// A seek table is at this offset, of so many bytes, and what follows it.
    Table(u64, u64, Box<State>),
    /// All that is known is known.
    Open,
}

/// The stream information (RFC 9639 §8.2).
#[derive(Clone, Copy, Debug)]
struct Info {
    frame_bytes_max: u64,
    sample_rate: u32,
    channels: u8,
    samples: u64,
}

impl Info {
    fn read(block: &[u8; INFO_BYTES]) -> Option<Self> {
        let number = |range: std::ops::Range<usize>| {
            block[range].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
        };
        // 20 bits of rate, 3 of channels, 5 of bits per sample, 36 of samples.
        let packed = number(10..18);
        let info = Self {
            frame_bytes_max: number(7..10),
            sample_rate: (packed >> 44) as u32,
            channels: (packed >> 41 & 7) as u8 + 1,
            samples: packed & ((1 << 36) - 1),
        };
        (info.sample_rate > 0).then_some(info)
    }

    fn time_of(&self, sample: u64) -> MediaTime {
        let micros = u128::from(sample) * 1_000_000 / u128::from(self.sample_rate);
        MediaTime::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

impl Flac {
    /// A reader for a programme of this duration, if it is known.
    pub fn new(told: Option<Duration>) -> Self {
        Self {
            told,
            length: None,
            state: State::Block(4, 0),
            audio: 0,
            info: None,
            coding: None,
            points: Vec::new(),
            demux: Demux::new(
                |source| Ok(Box::new(FlacReader::try_new(source, FormatOptions::default())?)),
                Resume::BehindPackets,
                AHEAD_BYTES + FRAME_BYTES_USUAL,
            ),
            search: None,
            reached: None,
        }
    }

    /// Reads metadata; what it takes to go on, if there is more of it.
    fn open(&mut self, bytes: &Bytes<'_>) -> Result<Option<Find>, String> {
        let mut piece = Vec::new();
        loop {
            match std::mem::replace(&mut self.state, State::Open) {
                State::Open => return Ok(None),
                State::Block(at, passed) => {
                    let length = if passed == 0 { 4 + INFO_BYTES } else { 4 };
                    let range = at..at + length as u64;
                    if !bytes.have(&range) {
                        self.state = State::Block(at, passed);
                        return Ok(Some(Find::Need(range)));
                    }
                    bytes.copy(range, &mut piece);
                    let Some(&[kind, a, b, c]) = piece.first_chunk() else {
                        return Err("it ends in the middle of its headers".to_owned());
                    };
                    let length = u64::from(u32::from_be_bytes([0, a, b, c]));
                    let next = at + 4 + length;
                    if passed == 0 {
                        let block = piece.get(4..).and_then(|block| block.first_chunk());
                        self.begin(kind & 0x7f, block)?;
                    }
                    let then = match kind & 0x80 == 0 && passed < BLOCKS_MAX {
                        true => State::Block(next, passed + 1),
                        false => {
                            self.audio = next;
                            State::Open
                        }
                    };
                    self.state = match kind & 0x7f {
                        3 if length <= SEEK_TABLE_BYTES_MAX => {
                            State::Table(at + 4, length, Box::new(then))
                        }
                        _ => then,
                    };
                }
                State::Table(at, length, then) => {
                    let range = at..at + length;
                    if !bytes.have(&range) {
                        self.state = State::Table(at, length, then);
                        return Ok(Some(Find::Need(range)));
                    }
                    bytes.copy(range, &mut piece);
                    let number =
                        |bytes: &[u8]| bytes.first_chunk().copied().map(u64::from_be_bytes);
                    let points = piece.chunks_exact(18);
                    let points = points.filter_map(|p| Some((number(p)?, number(&p[8..])?)));
                    // Points that were kept free have a number that no sample has (§8.5).
                    self.points = points.filter(|(sample, _)| *sample != u64::MAX).collect();
                    self.points.sort_unstable();
                    self.state = *then;
                }
            }
        }
    }

    /// The first block has come.
    fn begin(&mut self, kind: u8, block: Option<&[u8; INFO_BYTES]>) -> Result<(), String> {
        let info = block.filter(|_| kind == 0).and_then(|block| Some((block, Info::read(block)?)));
        let (block, info) = info.ok_or("it does not begin with its stream information")?;
        // The same as the only block.
        let head = [b"fLaC\x80\0\0\x22".as_slice(), block].concat();
        self.demux.set_head(head);
        if info.frame_bytes_max > 0 {
            self.demux.set_reach(AHEAD_BYTES + info.frame_bytes_max);
        }
        self.coding = Some(Coding {
            format: Format::Flac,
            config: block.to_vec(),
            sample_rate: info.sample_rate,
            channels: info.channels,
        });
        self.info = Some(info);
        Ok(())
    }

    /// What is known to lie around a time, before anything is looked at.
    fn marks(&self, info: Info, target: MediaTime) -> (Mark, Mark) {
        let end = Mark {
            offset: self.length.unwrap_or(self.audio).max(self.audio),
            time: MediaTime::ZERO + self.duration().unwrap_or(Duration::from_secs(3600)),
        };
        let marks = self.points.iter().map(|(sample, offset)| Mark {
            offset: self.audio.saturating_add(*offset),
            time: info.time_of(*sample),
        });
        let start = Mark { offset: self.audio, time: MediaTime::ZERO };
        let inside = marks.filter(|mark| (start.offset..end.offset).contains(&mark.offset));
        inside.fold((start, end), |(before, behind), mark| match mark.time <= target {
            true if mark.offset >= before.offset => (mark, behind),
            false if mark.time < behind.time && mark.offset > before.offset => (before, mark),
            _ => (before, behind),
        })
    }

    fn step(&mut self, info: Info, bytes: &Bytes<'_>) -> Result<Read, String> {
        Ok(match self.demux.next(bytes)? {
            Demuxed::Need(until) => Read::Need(until),
            Demuxed::End => Read::End,
            Demuxed::Packet(packet) => {
                let sample = u64::try_from(packet.pts.get()).unwrap_or(0);
                let time = info.time_of(sample);
                let end = info.time_of(sample.saturating_add(packet.dur.get()));
                let micros = u64::try_from(end.micros_since(time)).unwrap_or(0);
                Read::Packet(Packet {
                    part: Part::Sound,
                    time,
                    duration: Duration::from_micros(micros),
                    sync: true,
                    bytes: packet.data.into_vec(),
                })
            }
        })
    }
}

impl Reader for Flac {
    fn find(&mut self, target: MediaTime, bytes: &Bytes<'_>) -> Result<Find, String> {
        self.length = bytes.file_length();
        if let Some(needed) = self.open(bytes)? {
            return Ok(needed);
        }
        let Some(info) = self.info else { return Err("it says nothing about itself".to_owned()) };
        self.reached = None;
        let mut search = match self.search.take().filter(|search| search.target() == target) {
            Some(search) => search,
            None => {
                let (before, behind) = self.marks(info, target);
                let search = Search::new(target, before, behind);
                self.demux.place(search.guess().unwrap_or(before.offset));
                search
            }
        };
        while let Some(guess) = search.guess() {
            let time = match self.step(info, bytes)? {
                Read::Need(until) => {
                    self.search = Some(search);
                    return Ok(Find::Need(guess..until));
                }
                Read::End => None,
                Read::Packet(packet) => Some(packet.time),
            };
            search.looked(guess, time);
            self.demux.place(search.guess().unwrap_or(self.audio));
        }
        self.demux.place(search.found());
        Ok(Find::At(search.found()))
    }

    fn next(&mut self, bytes: &Bytes<'_>) -> Result<Read, String> {
        let Some(info) = self.info else { return Ok(Read::End) };
        loop {
            match self.step(info, bytes)? {
                // A reader that had to begin again may bring some twice.
                Read::Packet(packet) if self.reached.is_some_and(|r| packet.time < r) => {}
                Read::Packet(packet) => {
                    self.reached = Some(packet.time + packet.duration);
                    return Ok(Read::Packet(packet));
                }
                other => return Ok(other),
            }
        }
    }

    fn position(&self) -> u64 {
        self.demux.position()
    }

    fn coding(&self, part: Part) -> Option<&Coding> {
        self.coding.as_ref().filter(|_| part == Part::Sound)
    }

    fn duration(&self) -> Option<Duration> {
        let info = self.info.filter(|info| info.samples > 0);
        let micros =
            |info: Info| u64::try_from(info.time_of(info.samples).as_micros()).unwrap_or(0);
        info.map(|info| Duration::from_micros(micros(info))).or(self.told)
    }

    fn wanted_for(&self, ahead: Duration) -> u64 {
        self.demux.position() + self.demux.reach() + bytes_in(ahead, self.bytes_per_second())
    }
}

impl Flac {
    /// Bytes of the file that a second takes, about.
    fn bytes_per_second(&self) -> u64 {
        let millis = self.duration().map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(0));
        let sound = self.length.unwrap_or(0).saturating_sub(self.audio);
        sound.saturating_mul(1000).checked_div(millis).filter(|rate| *rate > 0).unwrap_or(100_000)
    }
}
