//! A network session: what was asked of the network and what came back, when, and what the TV made
//! of it. Recorded by any driver, kept as a directory of text files that people can read and git can
//! compare. Never replays anything: `testcard-sim` does.
//!
//! `docs/session-format.md` says how each file looks.

#![forbid(unsafe_code)]

mod about;
mod body;
mod bounds;
mod digest;
mod disk;
mod error;
mod exchange;
mod lint;
mod recorder;
mod trace;

pub use about::{About, End, Fixture, Provenance, Token, Tune, Viewing};
pub use body::{Body, Segment};
pub use bounds::{
    ARRIVALS_MAX, EXCHANGES_MAX, FIXTURE_BYTES_MAX, FIXTURES_MAX, LITERAL_BYTES_MAX, NUMBER_MAX,
    SCHEMA, SEGMENTS_MAX, TOKENS_MAX, TRACE_LINES_MAX, TUNES_MAX,
};
pub use digest::sha256_hex;
pub use error::{ReadError, ReadErrorKind, WriteError};
pub use exchange::{Arrival, Ending, Exchange};
pub use lint::{Finding, LINT_BLOB_BYTES_MAX, LINT_SESSION_BYTES_MAX, Rule, lint};
pub use recorder::{Options, Recorded, Recorder, Recording};
pub use trace::{Level, TraceLine, trace_sha256};

/// A session as it is in memory.
#[derive(Clone, Debug)]
pub struct Session {
    /// What it is, and what was watched.
    pub about: About,
    /// The exchanges in the order in which they were opened; the first is number 1.
    pub exchanges: Vec<Exchange>,
    /// What the TV did while the session was recorded, in order. Empty when nobody wrote it down.
    pub trace: Vec<TraceLine>,
}
