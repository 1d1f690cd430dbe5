//! What a session is and what was watched in it: the contents of `session.toml`.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use testcard_core::net::Url;
use testcard_core::playback::Aim;
use testcard_core::stream::Limits;
use testcard_core::time::{Instant, MediaTime};

use crate::film::Film;

/// What a session is.
#[derive(Clone, Debug)]
pub struct About {
    /// What it shows, as a sentence.
    pub title: String,
    /// Where it comes from.
    pub provenance: Provenance,
    /// What was watched.
    pub viewing: Viewing,
    /// The secrets that became placeholders: number 1 is `{{token:1}}`.
    pub tokens: Vec<Token>,
    /// Films that parts of bodies are taken from.
    pub fixtures: Vec<Fixture>,
}

/// Where a session comes from. Nothing is passed off as recorded that was not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Provenance {
    /// Recorded on a real network.
    Recorded {
        /// When, as `2026-11-20T16:00:00Z`.
        at: String,
        /// By what program and version.
        by: String,
    },
    /// Made up.
    Synthetic {
        /// From which facts, and what of it nobody has seen.
        from: String,
    },
}

/// What somebody watched, and with what kind of set: enough to watch it again.
#[derive(Clone, Debug)]
pub struct Viewing {
    /// What the set could afford.
    pub limits: Limits,
    /// The programmes, in the order of time; the first at 0, when there was no other exchange before.
    pub tunes: Vec<Tune>,
    /// When it was over.
    pub end: End,
}

/// A programme is tuned to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Tune {
    /// When.
    pub at: Instant,
    /// Where it is asked for first.
    pub url: Url,
    /// From where on. `Live`'s `when` is the session's own time.
    pub aim: Aim,
    /// How long it plays, as far as whoever tuned to it knew. Only files that do not say it themselves
    /// are read by it.
    pub duration: Option<Duration>,
}

/// When watching was over: at whichever of these comes first, and in any case when the last
/// programme ended or failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct End {
    /// At this time.
    pub at: Instant,
    /// When the last programme was seen up to here.
    pub position: Option<MediaTime>,
}

/// A secret that was replaced by a placeholder.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Token {
    /// When it first came.
    pub seen: Instant,
    /// Until when it was good, as far as anybody knows.
    pub valid_until: Option<Instant>,
}

/// A film that can be made anywhere, bytes and all.
#[derive(Clone, Debug)]
pub struct Fixture {
    /// How to make it, as `testcard-sim serve --film` has it: `SECONDS:BYTES:LAYOUT`.
    pub film_spec: String,
    /// The film itself.
    pub film: Arc<dyn Film>,
}
