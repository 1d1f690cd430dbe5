//! Programmes in files that [`crate::mp4`] does not read: somebody else's [`Reader`] takes packets
//! out of the same window, one after another. It may look at any byte it likes, and asks for those
//! that are not there; but only what it has read packets out of is released. So a reader that looks
//! far ahead, or back and forth, to find out what a file is and where a position lies, moves nothing
//! that the throttle goes by.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use super::Part;
use crate::mp4::SampleRange;
use crate::net::Network;
use crate::stream::{Container, Stream, Window};
use crate::time::MediaTime;

/// Packets that wait to be handed out, of both parts together. Where one part's lie so far behind
/// the other's, it is through.
const QUEUE_MAX: usize = 1024;

/// The same in bytes: more than a second of the richest films that a device of ours can decode.
const QUEUE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Who reads which kind of file: the reader for one, if there is one. The duration is what is known
/// of the programme from elsewhere.
pub type Readers = fn(Container, Option<Duration>) -> Option<Box<dyn Reader>>;

/// Reads one file, by turns: each call does what can be done with the bytes that are there.
pub trait Reader: Send {
    /// Looks for the place to read from so that `target` is among what comes: what comes first is
    /// from `target` or not long before. Called again when the bytes asked for are there, or the file
    /// ends before. Once it has answered [`Find::At`], the tracks are known.
    ///
    /// # Errors
    /// Why the file cannot be read, as a phrase.
    fn find(&mut self, target: MediaTime, bytes: &Bytes<'_>) -> Result<Find, String>;

    /// Reads on, from the place that [`Reader::find`] found last.
    ///
    /// # Errors
    /// Why the file cannot be read any further, as a phrase.
    fn next(&mut self, bytes: &Bytes<'_>) -> Result<Read, String>;

    /// Offset of the first byte that [`Reader::next`] still needs. Bytes before it are gone soon.
    fn position(&self) -> u64;

    /// How the track of this part is coded; absent when there is none.
    fn coding(&self, part: Part) -> Option<&Coding>;

    /// How long the file plays, if it says so.
    fn duration(&self) -> Option<Duration>;

    /// About which bytes have to be there to read on for so long: all before this offset.
    fn wanted_for(&self, ahead: Duration) -> u64;
}

/// The bytes that a reader may look at.
#[derive(Clone, Copy)]
pub struct Bytes<'a> {
    window: &'a Window,
    file_length: Option<u64>,
}

impl<'a> Bytes<'a> {
    /// Those in this window on a file of this length, as far as it is known.
    pub fn new(window: &'a Window, file_length: Option<u64>) -> Self {
        Self { window, file_length }
    }

    /// Offset just past the last byte of the file, if that is known.
    pub fn file_length(&self) -> Option<u64> {
        self.file_length
    }

    /// Offset of the first byte that is there.
    pub fn start(&self) -> u64 {
        self.window.start()
    }

    /// Offset just past the last byte that is there.
    pub fn end(&self) -> u64 {
        self.window.end()
    }

    /// Whether all bytes of the range are there, or those of them that the file has.
    pub fn have(&self, range: &Range<u64>) -> bool {
        let end = self.file_length.map_or(range.end, |length| range.end.min(length));
        range.start >= self.window.start() && (end <= self.window.end() || range.start >= end)
    }

    /// Replaces the contents of `out` by the bytes of the range, or those of them that are there;
    /// says whether that is all that the file has there.
    pub fn copy(&self, range: Range<u64>, out: &mut Vec<u8>) -> bool {
        out.clear();
        if range.start < self.window.start() {
            return false;
        }
        let end = range.end.min(self.window.end());
        let size = u32::try_from(end.saturating_sub(range.start)).unwrap_or(u32::MAX);
        self.window.copy(SampleRange { offset: range.start, size }, out);
        self.have(&range)
    }
}

/// What a search has come to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Find {
    /// These bytes are to be there first, as far as the file has them.
    Need(Range<u64>),
    /// The place is at this offset of the file.
    At(u64),
}

/// What reading on has come to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Read {
    /// The next packet.
    Packet(Packet),
    /// All bytes before this offset are to be there first, as far as the file has them.
    Need(u64),
    /// There are no more.
    End,
}

/// One packet: what a decoder takes at a time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Packet {
    /// Of which part.
    pub part: Part,
    /// When it is due.
    pub time: MediaTime,
    /// For how long.
    pub duration: Duration,
    /// Whether decoding may begin with it.
    pub sync: bool,
    /// What the decoder gets.
    pub bytes: Vec<u8>,
}

/// How a track is coded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Coding {
    /// In which format.
    pub format: Format,
    /// What its decoder has to know first; what that is depends on the format.
    pub config: Vec<u8>,
    /// Frames of sound a second; 0 for pictures, and where only the decoder knows.
    pub sample_rate: u32,
    /// Channels of sound; 0 likewise.
    pub channels: u8,
}

/// A format that a reader's packets are coded in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// MPEG audio, layer III. No configuration.
    Mp3,
    /// Vorbis I. The configuration is its identification header and its setup header, joined.
    Vorbis,
    /// FLAC. The configuration is its stream information (RFC 9639 §8.2).
    Flac,
    /// AAC. The configuration is an AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).
    Aac,
    /// H.264. The configuration is an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3).
    Avc,
}

impl core::fmt::Display for Format {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Mp3 => "MP3",
            Self::Vorbis => "Vorbis",
            Self::Flac => "FLAC",
            Self::Aac => "AAC",
            Self::Avc => "H.264",
        })
    }
}

/// A programme being read.
pub(super) struct Reading {
    pub(super) container: Container,
    pub(super) reader: Box<dyn Reader>,
    /// Where the search has come to, until playing from there has begun.
    pub(super) found: Option<u64>,
    /// Whether the driver has heard of the tracks.
    pub(super) is_located: bool,
    /// Read and not handed out.
    queue: VecDeque<Packet>,
    queue_bytes: usize,
    /// The reader can go on only when more has come.
    is_blocked: bool,
    has_ended: bool,
    /// Why it cannot go on at all.
    broken: Option<String>,
    refused: [bool; 2],
    /// The number of the next packet handed out, and where the latest that was read ends.
    index: [u32; 2],
    reached: [Option<MediaTime>; 2],
}

impl Reading {
    pub(super) fn new(container: Container, reader: Box<dyn Reader>) -> Self {
        Self {
            container,
            reader,
            found: None,
            is_located: false,
            queue: VecDeque::new(),
            queue_bytes: 0,
            is_blocked: false,
            has_ended: false,
            broken: None,
            refused: [false; 2],
            index: [0; 2],
            reached: [None; 2],
        }
    }

    /// Forgets what was read; what comes next is from another place.
    pub(super) fn restart(&mut self) {
        self.queue.clear();
        self.queue_bytes = 0;
        (self.is_blocked, self.has_ended) = (false, false);
        // Packets have no numbers of their own. What is read from the middle does not begin with 0.
        (self.index, self.reached) = ([1; 2], [None; 2]);
    }

    pub(super) fn has(&self, part: Part) -> bool {
        !self.refused[part as usize] && self.reader.coding(part).is_some()
    }

    /// Plays without this part; whether it was played until now.
    pub(super) fn refuse(&mut self, part: Part) -> bool {
        let had = self.has(part);
        self.refused[part as usize] = true;
        self.queue.retain(|packet| packet.part != part);
        self.queue_bytes = self.queue.iter().map(|packet| packet.bytes.len()).sum();
        had
    }

    fn is_queued(&self, part: Part) -> bool {
        self.queue.iter().any(|packet| packet.part == part)
    }

    fn is_full(&self) -> bool {
        self.queue.len() >= QUEUE_MAX || self.queue_bytes >= QUEUE_BYTES_MAX
    }

    /// Whether no packet of this part comes any more.
    pub(super) fn is_through(&self, part: Part) -> bool {
        !self.has(part) || ((self.has_ended || self.is_full()) && !self.is_queued(part))
    }

    /// Reads on until a packet of each part waits, as far as the bytes go. What was read is released.
    pub(super) fn read_on<N: Network>(&mut self, stream: &mut Stream<N>) {
        self.is_blocked = false;
        while !self.has_ended
            && !self.is_full()
            && self.broken.is_none()
            && [Part::Picture, Part::Sound]
                .iter()
                .any(|part| self.has(*part) && !self.is_queued(*part))
        {
            let bytes = Bytes::new(stream.window(), stream.file_length());
            match self.reader.next(&bytes) {
                Ok(Read::Packet(packet)) => {
                    if self.has(packet.part) {
                        self.reached[packet.part as usize] = Some(packet.time + packet.duration);
                        self.queue_bytes += packet.bytes.len();
                        self.queue.push_back(packet);
                    }
                }
                // A reader that wants more than the file has is through with it.
                Ok(Read::Need(_)) if stream.is_at_end() => self.has_ended = true,
                Ok(Read::Need(until)) => {
                    self.is_blocked = true;
                    let window = stream.window();
                    if until.saturating_sub(self.reader.position()) > window.capacity() as u64 {
                        self.broken = Some(too_large(window.capacity()));
                    }
                    break;
                }
                Ok(Read::End) => self.has_ended = true,
                Err(why) => self.broken = Some(why),
            }
            stream.release_before(self.reader.position());
        }
    }

    /// Takes the next packet of a part.
    pub(super) fn take(&mut self, part: Part) -> Option<(u32, Packet)> {
        let n = self.queue.iter().position(|packet| packet.part == part)?;
        let packet = self.queue.remove(n)?;
        self.queue_bytes -= packet.bytes.len();
        let index = self.index[part as usize];
        self.index[part as usize] = index.wrapping_add(1);
        Some((index, packet))
    }

    /// Why it cannot go on at all, once what waits was handed out.
    pub(super) fn broken(&self) -> Option<&str> {
        self.broken.as_deref().filter(|_| self.queue.is_empty())
    }

    /// When the first packet is due that is wanted and has not come; `None`: none is wanted.
    pub(super) fn missing(&self, target: MediaTime) -> Option<MediaTime> {
        let parts = [Part::Picture, Part::Sound].into_iter();
        let missing = parts.filter(|part| self.has(*part) && !self.is_queued(*part));
        missing
            .filter(|_| self.is_blocked)
            .map(|part| self.reached[part as usize].unwrap_or(target))
            .min()
    }

    /// Whether every packet was handed out.
    pub(super) fn is_over(&self) -> bool {
        self.has_ended && self.queue.is_empty()
    }

    /// Whether nothing was ever read.
    pub(super) fn is_empty(&self) -> bool {
        self.reached == [None; 2]
    }

    /// Offset before which all has to be there to play until `time`.
    pub(super) fn wanted_until(&self, time: MediaTime) -> u64 {
        let reached = self.reached.iter().flatten().min();
        let ahead = reached.map_or(0, |reached| time.micros_since(*reached));
        self.reader.wanted_for(Duration::from_micros(u64::try_from(ahead).unwrap_or(0)))
    }
}

fn too_large(capacity: usize) -> String {
    alloc::format!("a piece of it is larger than {} kB", capacity / 1000)
}
