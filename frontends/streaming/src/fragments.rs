//! MP4 in fragments. Each fragment is read as a file of its own, by a reader of symphonia's that sees
//! what the file begins with and then the fragment, which has come as a whole: so nothing of a
//! programme of hours piles up, and times are those that the fragment says.

use std::collections::VecDeque;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_FLAC, CODEC_ID_MP3};
use symphonia::core::codecs::video::well_known::CODEC_ID_H264;
use symphonia::core::errors::{Error, Result as Outcome};
use symphonia::core::formats::{FormatOptions, FormatReader, Track};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions, ReadBytes};
use symphonia::default::formats::IsoMp4Reader;
use testcard_core::mp4::boxes::{BoxHeader, FourCc, HeaderError, Size};
use testcard_core::playback::{Bytes, Coding, Find, Format, Packet, Part, Read, Reader};
use testcard_core::time::MediaTime;

use crate::boxes::{self, Defaults, Fragment};
use crate::buffer::StreamingBuffer;
use crate::demux::phrase;
use crate::search::{Mark, Search, bytes_in};

/// The largest `moov` read: in front of fragments it has tracks and no samples.
const MOOV_BYTES_MAX: u64 = 1024 * 1024;
/// The largest segment index read: one of 20,000 segments.
const SIDX_BYTES_MAX: u64 = 256 * 1024;
/// The largest fragment.
const FRAGMENT_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// What looks like a fragment and is looked into, in one search. Only a file made to cost time has
/// more that are none.
const CANDIDATES_MAX: u32 = 1000;
/// Boxes before the first fragment.
const BOXES_MAX: u32 = 1000;
/// The longest header of a box with a known type.
const HEADER_BYTES: u64 = 16;
/// What is searched for a fragment at first, where none is known to begin.
const SEARCH_BYTES: u64 = 64 * 1024;

/// The least that a file may begin with (§4.3).
const FTYP_BOX: &[u8; 16] = b"\0\0\0\x10ftypiso6\0\0\0\0";

const FTYP: FourCc = FourCc(*b"ftyp");
const MOOV: FourCc = FourCc(*b"moov");
const SIDX: FourCc = FourCc(*b"sidx");
const MOOF: FourCc = FourCc(*b"moof");
const MDAT: FourCc = FourCc(*b"mdat");

/// A reader of fragmented MP4, see the module.
pub struct Fragments {
    told: Option<Duration>,
    length: Option<u64>,
    /// The next box of what the file begins with, and how many were passed.
    at: u64,
    passed: u32,
    head: Vec<u8>,
    defaults: Vec<Defaults>,
    /// Where the first fragment is.
    first: Option<u64>,
    /// Segments by the file's own index.
    segments: Vec<(u64, u64)>,
    tracks: Vec<Played>,
    codings: [Option<Coding>; 2],
    /// Where the next fragment is, or a box before it.
    next: u64,
    queue: VecDeque<Packet>,
    search: Option<(Search, u64)>,
    /// When the latest fragment of each part was over, for those that do not say when they begin.
    reached: [MediaTime; 2],
}

/// A track that is played.
#[derive(Clone, Copy)]
struct Played {
    id: u32,
    part: Part,
    /// Ticks a second.
    scale: u32,
}

impl Played {
    fn micros(&self, ticks: u64) -> u64 {
        let micros = u128::from(ticks) * 1_000_000 / u128::from(self.scale.max(1));
        u64::try_from(micros).unwrap_or(u64::MAX)
    }

    fn time(&self, ticks: u64) -> MediaTime {
        MediaTime::from_micros(i64::try_from(self.micros(ticks)).unwrap_or(i64::MAX))
    }
}

impl Fragments {
    /// A reader for a programme of this duration, if it is known.
    pub fn new(told: Option<Duration>) -> Self {
        Self {
            told,
            length: None,
            at: 0,
            passed: 0,
            head: Vec::new(),
            defaults: Vec::new(),
            first: None,
            segments: Vec::new(),
            tracks: Vec::new(),
            codings: [None, None],
            next: 0,
            queue: VecDeque::new(),
            search: None,
            reached: [MediaTime::ZERO; 2],
        }
    }

    /// The box at an offset, its header's length and where it ends. `Err`: bytes that it takes to
    /// say, `Ok(None)`: none is there.
    fn header_at(&self, at: u64, bytes: &Bytes<'_>) -> Result<Option<Box>, Range<u64>> {
        let range = at..at.saturating_add(HEADER_BYTES);
        let mut start = Vec::new();
        let is_here = bytes.copy(range.clone(), &mut start);
        match BoxHeader::read(&start) {
            Ok(header) => {
                let end = match header.size {
                    Size::Known(size) => at.checked_add(size),
                    Size::ToEnd => self.length,
                };
                let end = end.filter(|end| *end > at);
                Ok(end.map(|end| Box {
                    kind: header.kind,
                    at,
                    end,
                    head: header.header_len.into(),
                }))
            }
            Err(HeaderError::NeedMore(_)) if !is_here => Err(range),
            Err(_) => Ok(None),
        }
    }

    /// Reads what the file begins with; what it takes to go on, if there is more of it.
    fn open(&mut self, bytes: &Bytes<'_>) -> Result<Option<Range<u64>>, String> {
        if self.passed == 0 && bytes.start() > 0 && self.head.is_empty() {
            // The core was here, and kept the index alone. It begins with `ftyp` in every file.
            self.at = bytes.start();
            self.head.extend_from_slice(FTYP_BOX);
        }
        while self.first.is_none() {
            let found = match self.header_at(self.at, bytes) {
                Err(range) => return Ok(Some(range)),
                Ok(found) => found.filter(|_| self.passed < BOXES_MAX),
            };
            let Some(found) = found else { return Err("it has no fragments".to_owned()) };
            let kept = match found.kind {
                MOOF => {
                    self.first = Some(found.at);
                    break;
                }
                FTYP | MOOV => MOOV_BYTES_MAX,
                SIDX if self.segments.is_empty() => SIDX_BYTES_MAX,
                _ => 0,
            };
            if found.end - found.at <= kept {
                let range = found.at..found.end;
                if !bytes.have(&range) {
                    return Ok(Some(range));
                }
                let mut piece = Vec::new();
                bytes.copy(range, &mut piece);
                match found.kind {
                    SIDX => {
                        let index = piece.get(found.head..).unwrap_or_default();
                        self.segments = boxes::segments(index, found.end).unwrap_or_default();
                    }
                    kind => {
                        if kind == MOOV {
                            self.defaults = boxes::defaults(&piece);
                        }
                        self.head.extend(piece);
                    }
                }
            } else if found.kind == MOOV {
                return Err(format!("its index is larger than {} MB", MOOV_BYTES_MAX >> 20));
            }
            (self.at, self.passed) = (found.end, self.passed + 1);
        }
        if self.tracks.is_empty() {
            self.choose_tracks()?;
        }
        Ok(None)
    }

    /// Has symphonia read the tracks, and takes the first of each part that can be played.
    fn choose_tracks(&mut self) -> Result<(), String> {
        let reader = self.reader(Vec::new()).map_err(|error| phrase(&error))?;
        for track in reader.tracks() {
            let Some((part, coding)) = coding_of(track) else { continue };
            let scale = track.time_base.map_or(0, |base| base.denom.get());
            if scale > 0 && self.codings[part as usize].is_none() {
                self.codings[part as usize] = Some(coding);
                self.tracks.push(Played { id: track.id, part, scale });
            }
        }
        match self.tracks.is_empty() {
            true => Err("it has neither H.264 nor sound that can be played".to_owned()),
            false => Ok(()),
        }
    }

    /// symphonia's reader of the head and this fragment.
    fn reader(&self, fragment: Vec<u8>) -> Outcome<std::boxed::Box<dyn FormatReader>> {
        let buffer = StreamingBuffer::new(true);
        buffer.splice(&self.head, 0);
        buffer.put(fragment);
        let open = || -> Outcome<std::boxed::Box<dyn FormatReader>> {
            let options = MediaSourceStreamOptions::default();
            let mut source = MediaSourceStream::new(std::boxed::Box::new(buffer), options);
            // It expects that somebody has looked for `ftyp` behind the first box's size.
            source.read_quad_bytes()?;
            Ok(std::boxed::Box::new(IsoMp4Reader::try_new(source, FormatOptions::default())?))
        };
        let outcome = catch_unwind(AssertUnwindSafe(open));
        outcome.unwrap_or(Err(Error::DecodeError("its reader gave up")))
    }

    /// Where a fragment begins at or behind an offset, and when. `Err`: bytes that it takes to say;
    /// `Ok(None)`: there is none.
    fn fragment_at(
        &self,
        at: u64,
        mut look: u64,
        bytes: &Bytes<'_>,
    ) -> Result<Option<(u64, MediaTime)>, u64> {
        let mut piece = Vec::new();
        loop {
            let is_here = bytes.copy(at..at.saturating_add(look), &mut piece);
            let mut candidates = 0;
            let found = (0..piece.len().saturating_sub(24)).find_map(|n| {
                // Its first box says its number, in 16 bytes (§8.8.5).
                let is_one = piece[n + 4..].starts_with(b"moof\0\0\0\x10mfhd");
                let size = usize::try_from(boxes::u32_at(&piece, n)?).ok()?;
                let moof = piece.get(n..n.checked_add(size)?).filter(|_| is_one)?;
                candidates += 1;
                if candidates > CANDIDATES_MAX {
                    return None;
                }
                let read = Fragment::read(moof, FRAGMENT_BYTES_MAX, &self.defaults)?;
                let time = read.parts.iter().find_map(|part| self.begin_of(part))?;
                Some((at + n as u64, time))
            });
            let is_end =
                bytes.file_length().is_some_and(|length| at.saturating_add(look) >= length);
            match found {
                Some(found) => return Ok(Some(found)),
                None if !is_here => return Err(look),
                None if is_end || look >= FRAGMENT_BYTES_MAX => return Ok(None),
                None => look *= 4,
            }
        }
    }

    fn begin_of(&self, part: &boxes::Part) -> Option<MediaTime> {
        let track = self.tracks.iter().find(|track| track.id == part.track)?;
        Some(track.time(part.begins?))
    }

    /// Reads all packets of a fragment, which is `moof` of so many bytes and its media.
    fn take(&mut self, mut fragment: Vec<u8>, moof_bytes: usize, at: u64) -> Option<()> {
        let head = self.head.len() as u64;
        let whole = fragment.len() as u64;
        let moof = fragment.get_mut(..moof_bytes)?;
        let read = Fragment::read(moof, whole, &self.defaults)?;
        read.move_offsets(moof, at, head)?;
        let mut reader = self.reader(fragment).ok()?;
        let mut is_first = [true; 2];
        // As many as were checked to have room.
        while let Ok(Ok(Some(packet))) = catch_unwind(AssertUnwindSafe(|| reader.next_packet())) {
            let Some(track) = self.tracks.iter().find(|track| track.id == packet.track_id) else {
                continue;
            };
            let n = track.part as usize;
            let begins = read.parts.iter().find(|part| part.track == track.id);
            let begins = begins.and_then(|part| part.begins);
            let begin = begins.map_or(self.reached[n], |begins| track.time(begins));
            let ticks = u64::try_from(packet.pts.get()).unwrap_or(0);
            let packet = Packet {
                part: track.part,
                time: begin + Duration::from_micros(track.micros(ticks)),
                duration: Duration::from_micros(track.micros(packet.dur.get())),
                sync: track.part == Part::Sound || is_first[n],
                bytes: packet.data.into_vec(),
            };
            is_first[n] = false;
            self.queue.push_back(packet);
        }
        for packet in &self.queue {
            self.reached[packet.part as usize] = packet.time + packet.duration;
        }
        Some(())
    }

    /// Where the file is thought to end, and when.
    fn end(&self, first: u64) -> Mark {
        let time = self.duration().unwrap_or(Duration::from_secs(3600));
        let offset = self.length.unwrap_or(first).max(first);
        Mark { offset, time: MediaTime::ZERO + time }
    }
}

/// A box, see [`Fragments::header_at`].
struct Box {
    kind: FourCc,
    at: u64,
    end: u64,
    /// Bytes of its header.
    head: usize,
}

/// How a track is coded, if that is one of the ways that a set can decode.
fn coding_of(track: &Track) -> Option<(Part, Coding)> {
    match track.codec_params.as_ref()? {
        CodecParameters::Audio(audio) => {
            let format = match audio.codec {
                CODEC_ID_AAC => Format::Aac,
                CODEC_ID_MP3 => Format::Mp3,
                CODEC_ID_FLAC => Format::Flac,
                _ => return None,
            };
            let channels = audio.channels.as_ref().map_or(0, |channels| channels.count());
            let coding = Coding {
                format,
                config: audio.extra_data.as_deref().unwrap_or_default().to_vec(),
                sample_rate: audio.sample_rate.unwrap_or(0),
                channels: u8::try_from(channels).unwrap_or(u8::MAX),
            };
            Some((Part::Sound, coding))
        }
        CodecParameters::Video(video) if video.codec == CODEC_ID_H264 => {
            let config = video.extra_data.first()?.data.to_vec();
            let coding = Coding { format: Format::Avc, config, sample_rate: 0, channels: 0 };
            Some((Part::Picture, coding))
        }
        _ => None,
    }
}

impl Reader for Fragments {
    fn find(&mut self, target: MediaTime, bytes: &Bytes<'_>) -> Result<Find, String> {
        self.length = bytes.file_length();
        if let Some(needed) = self.open(bytes)? {
            return Ok(Find::Need(needed));
        }
        let first = self.first.unwrap_or(0);
        self.queue.clear();
        self.reached = [target; 2];
        let micros = u64::try_from(target.as_micros()).unwrap_or(0);
        let of_index = self.segments.iter().rev().skip(1).find(|(_, time)| *time <= micros);
        if let Some((offset, _)) = of_index {
            self.next = *offset;
            return Ok(Find::At(*offset));
        }
        let start = Mark { offset: first, time: MediaTime::ZERO };
        let search = self.search.take().filter(|(search, _)| search.target() == target);
        let (mut search, mut look) =
            search.unwrap_or_else(|| (Search::new(target, start, self.end(first)), SEARCH_BYTES));
        while let Some(guess) = search.guess() {
            match self.fragment_at(guess, look, bytes) {
                Err(more) => {
                    self.search = Some((search, more));
                    return Ok(Find::Need(guess..guess.saturating_add(more)));
                }
                Ok(Some((offset, time))) => search.looked(offset, Some(time)),
                Ok(None) => search.looked(guess, None),
            }
            look = SEARCH_BYTES;
        }
        self.next = search.found();
        Ok(Find::At(self.next))
    }

    fn next(&mut self, bytes: &Bytes<'_>) -> Result<Read, String> {
        for _ in 0..BOXES_MAX {
            if let Some(packet) = self.queue.pop_front() {
                return Ok(Read::Packet(packet));
            }
            let at = self.next;
            if self.length.is_some_and(|length| at >= length) {
                return Ok(Read::End);
            }
            let moof = match self.header_at(at, bytes) {
                Err(range) => return Ok(Read::Need(range.end)),
                Ok(None) => return Ok(Read::End),
                Ok(Some(found)) if found.kind != MOOF => {
                    self.next = found.end;
                    continue;
                }
                Ok(Some(moof)) => moof,
            };
            let mdat = match self.header_at(moof.end, bytes) {
                Err(range) => return Ok(Read::Need(range.end)),
                Ok(mdat) => mdat.filter(|found| found.kind == MDAT),
            };
            let end = mdat.map_or(moof.end, |mdat| mdat.end);
            if end - at > FRAGMENT_BYTES_MAX {
                let megabytes = FRAGMENT_BYTES_MAX >> 20;
                return Err(format!("a piece of it is larger than {megabytes} MB"));
            }
            if !bytes.have(&(at..end)) {
                return Ok(Read::Need(end));
            }
            let mut fragment = Vec::new();
            bytes.copy(at..end, &mut fragment);
            self.next = end;
            // One that is damaged is left out.
            let _ = self.take(fragment, (moof.end - at) as usize, at);
        }
        Ok(Read::End)
    }

    fn position(&self) -> u64 {
        self.next
    }

    fn coding(&self, part: Part) -> Option<&Coding> {
        self.codings[part as usize].as_ref()
    }

    fn duration(&self) -> Option<Duration> {
        let of_index = self.segments.last().map(|(_, micros)| Duration::from_micros(*micros));
        of_index.or(self.told)
    }

    fn wanted_for(&self, ahead: Duration) -> u64 {
        let millis = self.duration().map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(0));
        let media = self.length.unwrap_or(0).saturating_sub(self.first.unwrap_or(0));
        let rate = media.saturating_mul(1000).checked_div(millis).unwrap_or(0);
        self.next.saturating_add(bytes_in(ahead, rate))
    }
}
