//! An MP3: frames one after another behind a tag or two. symphonia takes them apart; where to begin
//! and what time it is there, [`Map`] says.

use std::time::Duration;

use symphonia::core::formats::FormatOptions;
use symphonia::default::formats::MpaReader;
use testcard_core::playback::{Bytes, Coding, Find, Format, Packet, Part, Read, Reader};
use testcard_core::time::MediaTime;

use crate::demux::{Demux, Demuxed, Resume};
use crate::mp3_map::{FRAME_BYTES_MAX, FrameHeader, Map, first_frame, id3_bytes};
use crate::search::bytes_in;

/// What may lie between a tag and the first frame, or where a file is damaged: more is no MP3.
const JUNK_BYTES_MAX: u64 = 64 * 1024;

/// What is read to find a frame: a few of them, to see one follow another.
const LOOK_BYTES: u64 = 4 * FRAME_BYTES_MAX as u64;

/// Tags one after another. Nobody writes more than two.
const TAGS_MAX: u32 = 8;

/// A reader of MP3, see the module.
pub struct Mp3 {
    /// What is known of the duration from elsewhere.
    told: Option<Duration>,
    state: State,
    length: Option<u64>,
    coding: Option<Coding>,
    demux: Demux,
    /// Frames of sound a second.
    rate: u64,
}

enum State {
    /// A tag, or what follows tags, lies at this offset; so many were passed.
    Tag(u64, u32),
    /// The first frame lies at this offset or, by so much, behind it.
    First(u64, u64),
    /// Reading is to begin at a frame at this offset or, by so much, behind it.
    Sync(Map, u64, u64),
    /// Reading; the packets so far end so many frames of sound behind this time.
    Reading(Map, MediaTime, u64),
    /// Nothing can be made of it.
    Lost,
}

impl Mp3 {
    /// A reader for a programme of this duration, if it is known.
    pub fn new(told: Option<Duration>) -> Self {
        // A step takes a frame, and at first a look at the one behind it.
        let reach = 2 * FRAME_BYTES_MAX as u64;
        Self {
            told,
            state: State::Tag(0, 0),
            length: None,
            coding: None,
            demux: Demux::new(
                |source| Ok(Box::new(MpaReader::try_new(source, FormatOptions::default())?)),
                Resume::BehindPackets,
                reach,
            ),
            rate: 1,
        }
    }

    fn map(&self) -> Option<&Map> {
        match &self.state {
            State::Sync(map, ..) | State::Reading(map, ..) => Some(map),
            _ => None,
        }
    }

    /// The first frame at or behind an offset: where it is, its header, and bytes from there on.
    /// `Err`: how many bytes from the offset on it takes to say.
    fn frame_at(at: u64, mut look: u64, bytes: &Bytes<'_>) -> Result<Option<Frame>, u64> {
        let mut piece = Vec::new();
        loop {
            let range = at..at.saturating_add(look);
            if !bytes.have(&range) {
                return Err(look);
            }
            bytes.copy(range.clone(), &mut piece);
            let is_end = bytes.file_length().is_some_and(|length| length <= range.end);
            match first_frame(&piece, is_end) {
                Some((n, header)) => return Ok(Some((at + n as u64, header, piece.split_off(n)))),
                None if is_end || look >= JUNK_BYTES_MAX => return Ok(None),
                None => look *= 2,
            }
        }
    }
}

type Frame = (u64, FrameHeader, Vec<u8>);

impl Reader for Mp3 {
    fn find(&mut self, target: MediaTime, bytes: &Bytes<'_>) -> Result<Find, String> {
        self.length = bytes.file_length();
        loop {
            match self.state {
                State::Tag(at, passed) => {
                    let range = at..at.saturating_add(10);
                    if !bytes.have(&range) {
                        return Ok(Find::Need(range));
                    }
                    let mut start = Vec::new();
                    bytes.copy(range, &mut start);
                    self.state = match id3_bytes(&start) {
                        Some(tag) if passed < TAGS_MAX => State::Tag(at + tag, passed + 1),
                        _ => State::First(at, LOOK_BYTES),
                    };
                }
                State::First(at, look) => match Self::frame_at(at, look, bytes) {
                    Err(look) => {
                        self.state = State::First(at, look);
                        return Ok(Find::Need(at..at.saturating_add(look)));
                    }
                    Ok(None) => {
                        self.state = State::Lost;
                        return Err("there is no MP3 sound in it".to_owned());
                    }
                    Ok(Some((at, header, frame))) => {
                        self.rate = u64::from(header.sample_rate);
                        self.coding = Some(Coding {
                            format: Format::Mp3,
                            config: Vec::new(),
                            sample_rate: header.sample_rate,
                            channels: header.channels,
                        });
                        let map = Map::new(at, header, &frame, self.length, self.told);
                        self.state = State::Sync(map, at, LOOK_BYTES);
                    }
                },
                State::Sync(..) | State::Reading(..) => break,
                State::Lost => return Err("there is no MP3 sound in it".to_owned()),
            }
        }
        let (State::Sync(map, ..) | State::Reading(map, ..)) =
            std::mem::replace(&mut self.state, State::Lost)
        else {
            return Err("there is no MP3 sound in it".to_owned());
        };
        let last = self.length.unwrap_or(u64::MAX).saturating_sub(1);
        // A frame that begins at or before it is wanted, not one behind it.
        let offset = map.offset_at(target).saturating_sub(FRAME_BYTES_MAX as u64);
        let offset = offset.min(last).max(map.from());
        self.state = State::Sync(map, offset, LOOK_BYTES);
        Ok(Find::At(offset))
    }

    fn next(&mut self, bytes: &Bytes<'_>) -> Result<Read, String> {
        if let State::Sync(map, at, look) = &self.state {
            let (at, look) = (*at, *look);
            match Self::frame_at(at, look, bytes) {
                Err(look) => {
                    self.state = State::Sync(map.clone(), at, look);
                    return Ok(Read::Need(at.saturating_add(look)));
                }
                // What follows the last frame is a tag, if anything.
                Ok(None) => return Ok(Read::End),
                Ok(Some((frame, ..))) => {
                    self.state = State::Reading(map.clone(), map.time_at(frame), 0);
                    self.demux.place(frame);
                }
            }
        }
        let State::Reading(_, begin, frames) = &mut self.state else { return Ok(Read::End) };
        let packet = match self.demux.next(bytes)? {
            Demuxed::Need(until) => return Ok(Read::Need(until)),
            Demuxed::End => return Ok(Read::End),
            Demuxed::Packet(packet) => packet,
        };
        let micros = |frames: u64| Duration::from_micros(frames * 1_000_000 / self.rate.max(1));
        let samples = FrameHeader::read(&packet.data).map_or(0, |header| header.samples());
        let time = *begin + micros(*frames);
        *frames = frames.saturating_add(samples).min(1 << 42);
        Ok(Read::Packet(Packet {
            part: Part::Sound,
            time,
            duration: micros(samples),
            sync: true,
            bytes: packet.data.into_vec(),
        }))
    }

    fn position(&self) -> u64 {
        match &self.state {
            State::Tag(at, _) | State::First(at, _) | State::Sync(_, at, _) => *at,
            State::Reading(..) | State::Lost => self.demux.position(),
        }
    }

    fn coding(&self, part: Part) -> Option<&Coding> {
        self.coding.as_ref().filter(|_| part == Part::Sound)
    }

    fn duration(&self) -> Option<Duration> {
        let map = self.map()?;
        Some(map.duration_of(self.length?.saturating_sub(map.from())))
    }

    fn wanted_for(&self, ahead: Duration) -> u64 {
        let rate = self.map().map_or(0, Map::bytes_per_second);
        self.position().saturating_add(LOOK_BYTES + bytes_in(ahead, rate))
    }
}
