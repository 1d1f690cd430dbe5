//! A network session: what was asked of the network and what came back, when, and what the TV made
//! of it. Recorded by any driver, kept as a directory of text files that people can read and git can
//! compare. Never replays anything: `testcard-sim` does.
//!
//! `docs/session-format.md` says how each file looks.
//!
//! Whoever only reads sessions needs no operating system: without the feature `std` there are no
//! directories, no recorder and no [`lint`], and the files come from a [`Source`].

#![cfg_attr(not(feature = "std"), no_std)]
// Whoever only reads has no use for what writes.
#![cfg_attr(not(feature = "std"), allow(dead_code))]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;

mod about;
mod body;
mod bounds;
mod digest;
mod disk;
mod error;
mod exchange;
mod film;
#[cfg(feature = "std")]
mod lint;
#[cfg(feature = "std")]
mod recorder;
mod trace;

pub use about::{About, End, Fixture, Provenance, Token, Tune, Viewing};
pub use body::{Body, Segment};
pub use bounds::{
    ARRIVALS_MAX, EXCHANGES_MAX, FIXTURE_BYTES_MAX, FIXTURES_MAX, LITERAL_BYTES_MAX, NUMBER_MAX,
    SCHEMA, SEGMENTS_MAX, TOKENS_MAX, TRACE_LINES_MAX, TUNES_MAX,
};
pub use digest::sha256_hex;
#[cfg(feature = "std")]
pub use disk::Directory;
pub use disk::Source;
#[cfg(feature = "std")]
pub use error::WriteError;
pub use error::{ReadError, ReadErrorKind};
pub use exchange::{Arrival, Ending, Exchange};
#[cfg(feature = "std")]
pub use film::VirtualFilms;
pub use film::{BlankFilms, Film, Films, TrueFilm, TrueSample};
#[cfg(feature = "std")]
pub use lint::{Finding, LINT_BLOB_BYTES_MAX, LINT_SESSION_BYTES_MAX, Rule, lint};
#[cfg(feature = "std")]
pub use recorder::{Options, Recorded, Recorder, Recording};
pub use trace::{Level, TraceLine, trace_sha256, trace_text};

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
