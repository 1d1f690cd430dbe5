//! One of symphonia's readers on a leash: let go when all is there that a step may take, and taken
//! back when it took more. What is here of the file is its own business; what is released is not, and
//! goes by [`Demux::position`].

use std::panic::{AssertUnwindSafe, catch_unwind};

use symphonia::core::errors::{Error, Result as Outcome};
use symphonia::core::formats::FormatReader;
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::packet::Packet;
use testcard_core::playback::Bytes;

use crate::buffer::StreamingBuffer;

/// The furthest that a step may reach. No sound comes in pieces like that.
const REACH_MAX: u64 = 8 * 1024 * 1024;

/// Damaged packets in a row after which nothing more is expected of a file.
const DAMAGED_MAX: u32 = 256;

/// Makes one of symphonia's readers.
pub type Open = fn(MediaSourceStream<'static>) -> Outcome<Box<dyn FormatReader>>;

/// Where a fresh reader can begin that is to go on with the next packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resume {
    /// Behind the bytes of the packets so far: packets are what the file consists of.
    BehindPackets,
    /// At the page that the latest packet is from. Packets of it come twice then.
    AtPage,
}

/// What a step has come to.
pub enum Demuxed {
    /// A packet.
    Packet(Packet),
    /// All bytes before this offset are to be there first.
    Need(u64),
    /// There are no more.
    End,
}

/// A reader, see the module.
pub struct Demux {
    open: Open,
    resume: Resume,
    buffer: StreamingBuffer,
    reader: Option<Box<dyn FormatReader>>,
    /// What a reader has to see before the file's own bytes.
    head: Vec<u8>,
    /// Where a fresh reader can begin.
    position: u64,
    /// How far beyond what it has read a step may reach.
    reach: u64,
    damaged: u32,
}

impl Demux {
    /// A reader of which a step is expected to reach so many bytes ahead.
    pub fn new(open: Open, resume: Resume, reach: u64) -> Self {
        Self {
            open,
            resume,
            buffer: StreamingBuffer::new(false),
            reader: None,
            head: Vec::new(),
            position: 0,
            reach,
            damaged: 0,
        }
    }

    /// From now on the reader sees this head first, wherever it begins.
    pub fn set_head(&mut self, head: Vec<u8>) {
        self.head = head;
    }

    /// From now on a step is expected to reach so far.
    pub fn set_reach(&mut self, reach: u64) {
        self.reach = reach.clamp(1, REACH_MAX);
    }

    /// How far beyond what it has read a step is expected to reach.
    pub fn reach(&self) -> u64 {
        self.reach
    }

    /// Begins at an offset of the file.
    pub fn place(&mut self, offset: u64) {
        self.reader = None;
        self.position = offset;
        self.damaged = 0;
        self.buffer.splice(&self.head, offset);
    }

    /// Offset of the first byte that may still be needed.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Takes a step, if there are enough bytes for one.
    ///
    /// # Errors
    /// Why the file cannot be read, as a phrase.
    pub fn next(&mut self, bytes: &Bytes<'_>) -> Result<Demuxed, String> {
        while self.damaged < DAMAGED_MAX {
            let before = self.buffer.offset();
            let until = before.saturating_add(self.reach);
            if !bytes.have(&(before..until)) {
                return Ok(Demuxed::Need(until));
            }
            self.buffer.fill(bytes, until);
            let outcome = self.step();
            if self.buffer.has_missed() {
                // What came of it is nothing: it was to be more. Other steps may be as long.
                self.reader = None;
                self.buffer.splice(&self.head, self.position);
                self.reach = self.reach.saturating_mul(2);
                if self.reach > REACH_MAX {
                    return Err(format!("a piece of it is larger than {} MB", REACH_MAX >> 20));
                }
                continue;
            }
            match outcome {
                Ok(Some(packet)) => {
                    self.advance(before, packet.data.len() as u64);
                    self.damaged = 0;
                    return Ok(Demuxed::Packet(packet));
                }
                Ok(None) => return Ok(Demuxed::End),
                // Where a file is cut off, or another one is joined to it, it is over.
                Err(Error::IoError(_) | Error::ResetRequired) => return Ok(Demuxed::End),
                Err(_) if self.reader.is_some() => self.damaged += 1,
                Err(error) => return Err(phrase(&error)),
            }
        }
        Ok(Demuxed::End)
    }

    /// Lets the reader go. A panic in there costs the programme, not the set.
    fn step(&mut self) -> Outcome<Option<Packet>> {
        let step = || {
            let reader = match &mut self.reader {
                Some(reader) => reader,
                None => {
                    let options = MediaSourceStreamOptions::default();
                    let source = Box::new(self.buffer.clone());
                    self.reader.insert((self.open)(MediaSourceStream::new(source, options))?)
                }
            };
            reader.next_packet()
        };
        let outcome = catch_unwind(AssertUnwindSafe(step));
        outcome.unwrap_or(Err(Error::DecodeError("its reader gave up")))
    }

    fn advance(&mut self, before: u64, packet_bytes: u64) {
        let after = self.buffer.offset();
        match self.resume {
            // Where something else lies between the packets, this would fall behind for ever.
            Resume::BehindPackets => {
                let behind = self.position.saturating_add(packet_bytes).min(after);
                self.position = behind.max(after.saturating_sub(2 * self.reach));
            }
            Resume::AtPage if after > before => self.position = before,
            Resume::AtPage => {}
        }
    }
}

/// Why symphonia cannot read a file, as a phrase.
pub fn phrase(error: &Error) -> String {
    match error {
        Error::IoError(_) => "it ends too early".to_owned(),
        Error::DecodeError(why) | Error::Unsupported(why) => format!("it cannot be read ({why})"),
        _ => "it cannot be read".to_owned(),
    }
}
