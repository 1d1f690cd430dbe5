//! What the TV did and when, as typed events: what a snapshot shows and a diff compares. Nothing
//! here decides anything, and no event carries more than a test may pin down.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Serialize, Serializer};

use crate::net::ByteRange;
use crate::stream::{Container, NodeFailure, ProgrammeFailure};
use crate::time::{Instant, MediaTime};

/// Where events go.
pub trait Trace {
    /// Takes an event that happened at `at`. Events come in the order in which they happened.
    fn record(&mut self, at: Instant, event: Event);
}

/// Keeps nothing.
impl Trace for () {
    fn record(&mut self, _: Instant, _: Event) {}
}

impl Trace for Vec<(Instant, Event)> {
    fn record(&mut self, at: Instant, event: Event) {
        self.push((at, event));
    }
}

/// One thing that happened. `x` numbers the exchanges of one programme from 1.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "ev", rename_all = "snake_case")]
pub enum Event {
    /// A programme is to be shown from `target_us` on.
    Tuned {
        /// Where it is asked for first.
        url: String,
        /// The position to start at.
        #[serde(rename = "target_us")]
        target: MediaTime,
    },
    /// An exchange was started.
    Opened {
        /// Which.
        x: u32,
        /// What was asked for.
        url: String,
        /// The bytes of it that were asked for, if not all.
        #[serde(serialize_with = "as_text", skip_serializing_if = "Option::is_none")]
        range: Option<ByteRange>,
    },
    /// A response's head came.
    Answered {
        /// To which exchange.
        x: u32,
        /// Its status code.
        status: u16,
    },
    /// An exchange is over.
    Closed {
        /// Which.
        x: u32,
        /// Body bytes that it brought.
        received: u64,
        /// Whether its body came to its end, or we hung up.
        complete: bool,
    },
    /// A node did not do its duty; the archive is asked again after a pause.
    NodeFailed {
        /// The exchange in which.
        x: u32,
        /// How.
        why: NodeFailure,
        /// The pause before the next try.
        #[serde(rename = "pause_us", serialize_with = "as_micros")]
        pause: Duration,
    },
    /// The file is not the one that was begun: everything is read anew.
    FileChanged,
    /// The index is here.
    IndexFound {
        /// Its offset in the file.
        offset: u64,
        /// Its length.
        bytes: u64,
    },
    /// The file has no index of ours; somebody else is to read it.
    Recognised {
        /// What it is.
        container: Container,
    },
    /// Bytes are looked at from here on, to find out where a position lies.
    LookedAt {
        /// Offset in the file of the first byte.
        offset: u64,
    },
    /// Samples are read from here on.
    Seeked {
        /// Offset in the file of the first byte wanted.
        offset: u64,
        /// The position that will be shown first.
        #[serde(rename = "target_us")]
        target: MediaTime,
    },
    /// The window is full; the network waits.
    Throttled,
    /// The window has room; the network goes on.
    Unthrottled,
    /// There is enough to play from `at_us` on.
    Ready {
        /// The position shown first.
        #[serde(rename = "at_us")]
        at: MediaTime,
    },
    /// Playing has run out of samples.
    Starved {
        /// Where it stopped.
        #[serde(rename = "at_us")]
        at: MediaTime,
    },
    /// A part of the programme is not shown.
    Noticed {
        /// Which and why, as a sentence.
        notice: String,
    },
    /// The programme cannot be shown (any further).
    Failed {
        /// Why.
        why: ProgrammeFailure,
        /// The same as a sentence.
        sentence: String,
    },
    /// The last sample was handed out.
    Ended,
}

fn as_micros<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

fn as_text<S: Serializer>(range: &Option<ByteRange>, to: S) -> Result<S::Ok, S::Error> {
    match range {
        Some(range) => to.collect_str(range),
        None => to.serialize_none(),
    }
}
