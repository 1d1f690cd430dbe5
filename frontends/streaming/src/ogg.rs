//! Vorbis in Ogg. symphonia takes the pages apart; what its reader has to see first, the headers of
//! the stream, is kept and shown to it again wherever it begins. Looks into page headers (RFC 3533
//! §6), never into sound.

use std::ops::Range;
use std::time::Duration;

use symphonia::core::formats::FormatOptions;
use symphonia::default::formats::OggReader;
use testcard_core::playback::{Bytes, Coding, Find, Format, Packet, Part, Read, Reader};
use testcard_core::time::MediaTime;

use crate::demux::{Demux, Demuxed, Resume};
use crate::search::{Mark, Search, bytes_in};
use crate::vorbis::{Identification, is_modest};

/// The largest page: a header, 255 segments' lengths and as many segments of 255 bytes.
const PAGE_BYTES_MAX: u64 = 27 + 255 + 255 * 255;

/// Headers larger than this are not read: a picture of the cover may be among them.
const HEAD_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What a step takes: a page of a second of ordinary sound, and what is left of one that was come
/// upon in its middle.
const REACH: u64 = 32 * 1024;

/// A reader of Ogg Vorbis, see the module.
pub struct Ogg {
    told: Option<Duration>,
    length: Option<u64>,
    head: Head,
    coding: Option<Coding>,
    bit_rate: u64,
    demux: Demux,
    search: Option<Search>,
    /// What has been read ends there: what begins before was handed out.
    reached: Option<MediaTime>,
}

/// The headers, as far as they were read.
#[derive(Default)]
struct Head {
    /// Where the next page begins.
    at: u64,
    /// The stream with the sound.
    serial: Option<[u8; 4]>,
    /// Its pages so far, and its packets: three, and the last may be incomplete.
    pages: Vec<u8>,
    packets: Vec<Vec<u8>>,
    is_open: bool,
    is_complete: bool,
}

/// A page's header and its segments' lengths.
struct Page {
    header: [u8; 27],
    segments: Vec<u8>,
}

impl Page {
    /// The page that begins with these bytes; `Err`: there is none, or how many bytes it takes to say.
    fn read(start: &[u8]) -> Result<Self, Option<u64>> {
        let Some(header) = start.first_chunk::<27>() else { return Err(Some(27)) };
        if !header.starts_with(b"OggS\0") {
            return Err(None);
        }
        let end = 27 + usize::from(header[26]);
        match start.get(27..end) {
            Some(segments) => Ok(Self { header: *header, segments: segments.to_vec() }),
            None => Err(Some(end as u64)),
        }
    }

    fn serial(&self) -> [u8; 4] {
        [self.header[14], self.header[15], self.header[16], self.header[17]]
    }

    fn is_first(&self) -> bool {
        self.header[5] & 2 != 0
    }

    fn bytes(&self) -> u64 {
        let body: u64 = self.segments.iter().map(|segment| u64::from(*segment)).sum();
        27 + self.segments.len() as u64 + body
    }
}

impl Head {
    /// Takes the page at [`Head::at`].
    fn take(&mut self, page: &Page, bytes: &[u8]) -> Result<(), String> {
        self.at += page.bytes();
        let body = bytes.get(27 + page.segments.len()..).unwrap_or_default();
        if self.serial.is_none() {
            if !page.is_first() {
                return Err("there is no sound in it that can be played".to_owned());
            }
            match body {
                [1, b'v', b'o', b'r', b'b', b'i', b's', ..] => self.serial = Some(page.serial()),
                [b'O', b'p', b'u', b's', ..] => return Err(no_decoder("Opus")),
                [0x7f, b'F', b'L', b'A', b'C', ..] => return Err(no_decoder("FLAC in Ogg")),
                [b'S', b'p', b'e', b'e', b'x', ..] => return Err(no_decoder("Speex")),
                // A film's picture, a skeleton: the sound may still come.
                _ => return Ok(()),
            }
        }
        if self.serial != Some(page.serial()) {
            return Ok(());
        }
        if self.pages.len() + bytes.len() > HEAD_BYTES_MAX {
            return Err(format!("its headers are larger than {} MB", HEAD_BYTES_MAX >> 20));
        }
        self.pages.extend_from_slice(bytes);
        let mut rest = body;
        for length in &page.segments {
            let (segment, later) = rest.split_at(rest.len().min(usize::from(*length)));
            rest = later;
            if !self.is_open {
                self.packets.push(Vec::new());
            }
            if let Some(packet) = self.packets.last_mut() {
                packet.extend_from_slice(segment);
            }
            self.is_open = *length == 255;
        }
        // Sound begins on a page of its own (Vorbis I §A.2).
        self.is_complete = self.packets.len() >= 3 && !self.is_open;
        Ok(())
    }
}

fn no_decoder(what: &str) -> String {
    format!("its sound is {what}, and this set has no decoder for that")
}

impl Ogg {
    /// A reader for a programme of this duration, if it is known.
    pub fn new(told: Option<Duration>) -> Self {
        Self {
            told,
            length: None,
            head: Head::default(),
            coding: None,
            bit_rate: 0,
            demux: Demux::new(
                |source| Ok(Box::new(OggReader::try_new(source, FormatOptions::default())?)),
                Resume::AtPage,
                REACH,
            ),
            search: None,
            reached: None,
        }
    }

    /// Reads the headers; what it takes to go on, if they are not complete.
    fn read_head(&mut self, bytes: &Bytes<'_>) -> Result<Option<Range<u64>>, String> {
        let mut piece = Vec::new();
        while !self.head.is_complete {
            let at = self.head.at;
            let here = at..bytes.end().min(at + PAGE_BYTES_MAX);
            bytes.copy(here.clone(), &mut piece);
            let page = match Page::read(&piece) {
                Ok(page) if page.bytes() <= piece.len() as u64 => page,
                Ok(page) => return self.more(at..at + page.bytes(), bytes).map(Some),
                Err(Some(needed)) => return self.more(at..at + needed, bytes).map(Some),
                Err(None) => return Err("its pages do not follow one another".to_owned()),
            };
            piece.truncate(page.bytes() as usize);
            self.head.take(&page, &piece)?;
        }
        if self.coding.is_none() {
            let [identification, _, setup, ..] = &self.head.packets[..] else {
                return Err("its headers are incomplete".to_owned());
            };
            let header = Identification::read(identification)
                .filter(|_| is_modest(setup))
                .ok_or("its headers are damaged")?;
            self.bit_rate = header.bit_rate.into();
            self.coding = Some(Coding {
                format: Format::Vorbis,
                config: [identification.as_slice(), setup].concat(),
                sample_rate: header.sample_rate,
                channels: header.channels,
            });
            self.demux.set_head(self.head.pages.clone());
            self.head.packets.clear();
        }
        Ok(None)
    }

    fn more(&self, range: Range<u64>, bytes: &Bytes<'_>) -> Result<Range<u64>, String> {
        match bytes.have(&range) {
            true => Err("it ends in the middle of its headers".to_owned()),
            false => Ok(range),
        }
    }

    /// Takes a step of symphonia's reader.
    fn step(&mut self, bytes: &Bytes<'_>) -> Result<Stepped, String> {
        let rate = self.coding.as_ref().map_or(1, |coding| coding.sample_rate);
        Ok(match self.demux.next(bytes)? {
            Demuxed::Need(until) => Stepped::Need(until),
            Demuxed::End => Stepped::End,
            Demuxed::Packet(packet) => {
                let micros = |ticks: i64| i128::from(ticks) * 1_000_000 / i128::from(rate);
                let time = i64::try_from(micros(packet.pts.get())).unwrap_or(i64::MAX);
                let ticks = i64::try_from(packet.dur.get()).unwrap_or(i64::MAX);
                let duration = u64::try_from(micros(ticks)).unwrap_or(0);
                Stepped::Packet(Packet {
                    part: Part::Sound,
                    time: MediaTime::from_micros(time),
                    duration: Duration::from_micros(duration),
                    sync: true,
                    bytes: packet.data.into_vec(),
                })
            }
        })
    }

    /// What the file's end is thought to be.
    fn end(&self) -> Mark {
        let offset = self.length.unwrap_or(self.head.at).max(self.head.at);
        let by_rate = (offset - self.head.at).saturating_mul(1000) / self.bytes_per_second().max(1);
        let millis = i64::try_from(by_rate).unwrap_or(i64::MAX / 1000);
        let time = match self.told {
            Some(told) => MediaTime::ZERO + told,
            None => MediaTime::from_millis(millis.min(i64::MAX / 1000)),
        };
        Mark { offset, time }
    }
}

enum Stepped {
    Packet(Packet),
    Need(u64),
    End,
}

impl Reader for Ogg {
    fn find(&mut self, target: MediaTime, bytes: &Bytes<'_>) -> Result<Find, String> {
        self.length = bytes.file_length();
        if let Some(needed) = self.read_head(bytes)? {
            return Ok(Find::Need(needed));
        }
        self.reached = None;
        let start = Mark { offset: self.head.at, time: MediaTime::ZERO };
        let mut search = match self.search.take().filter(|search| search.target() == target) {
            Some(search) => search,
            None => {
                let search = Search::new(target, start, self.end());
                self.demux.place(search.guess().unwrap_or(start.offset));
                search
            }
        };
        while let Some(guess) = search.guess() {
            let time = match self.step(bytes)? {
                Stepped::Need(until) => {
                    self.search = Some(search);
                    return Ok(Find::Need(guess..until));
                }
                Stepped::End => None,
                Stepped::Packet(packet) => Some(packet.time),
            };
            search.looked(guess, time);
            self.demux.place(search.guess().unwrap_or(start.offset));
        }
        self.demux.place(search.found());
        Ok(Find::At(search.found()))
    }

    fn next(&mut self, bytes: &Bytes<'_>) -> Result<Read, String> {
        loop {
            match self.step(bytes)? {
                Stepped::Need(until) => return Ok(Read::Need(until)),
                Stepped::End => return Ok(Read::End),
                // A reader that had to begin a page again brings some twice.
                Stepped::Packet(packet) if self.reached.is_some_and(|r| packet.time < r) => {}
                Stepped::Packet(packet) => {
                    self.reached = Some(packet.time + packet.duration);
                    return Ok(Read::Packet(packet));
                }
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
        None
    }

    fn wanted_for(&self, ahead: Duration) -> u64 {
        self.demux.position() + self.demux.reach() + bytes_in(ahead, self.bytes_per_second())
    }
}

impl Ogg {
    /// Bytes of the file that a second takes, about.
    fn bytes_per_second(&self) -> u64 {
        let told = self.told.map_or(0, |told| u64::try_from(told.as_millis()).unwrap_or(0));
        let sound = self.length.unwrap_or(0).saturating_sub(self.head.at);
        match (sound.saturating_mul(1000).checked_div(told), self.bit_rate) {
            (Some(rate @ 1..), _) => rate,
            (_, 0) => 16_000,
            (_, bit_rate) => bit_rate / 8,
        }
    }
}
