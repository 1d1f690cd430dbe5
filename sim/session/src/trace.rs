//! What the TV did during a session, a line at a time: the contents of `trace.jsonl`. A line is kept
//! as it is written, whatever its fields, so that a newer program's trace can still be compared.

use alloc::string::String;
use core::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use testcard_core::time::{Instant, MediaTime};

use crate::digest::sha256_hex;

/// One line of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceLine {
    /// When it happened.
    pub at: Instant,
    /// What: `ev` and the fields of [`testcard_core::trace::Event`] or [`Level`].
    pub fields: Map<String, Value>,
}

/// The SHA-256 of a trace as `trace.jsonl` has it, in 64 lower-case hexadecimal digits: the same for
/// whoever did the same at the same times.
pub fn trace_sha256(trace: &[TraceLine]) -> String {
    sha256_hex(trace_text(trace).as_bytes())
}

/// A trace as `trace.jsonl` has it.
pub fn trace_text(trace: &[TraceLine]) -> String {
    crate::disk::trace_text(trace)
}

/// How things stood, for drawing: `{"ev":"level", …}`. Noted once a second of the session when it
/// changed. No part of what is compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Level {
    /// Bytes in the window.
    pub window_bytes: u64,
    /// Where playing stands.
    #[serde(rename = "position_us")]
    pub position: MediaTime,
    /// Whether pictures and sound move.
    pub playing: bool,
    /// Whether the window is full, and the network waits.
    pub throttled: bool,
}

impl Level {
    /// The shortest time between two that are noted.
    pub const EVERY: Duration = Duration::from_secs(1);

    /// Whether a drawing would look otherwise with it: another state, or a window that is fuller or
    /// emptier by more than a thirty-second.
    pub fn is_news_after(&self, before: &Self) -> bool {
        let least = self.window_bytes.max(before.window_bytes) / 32;
        (self.playing, self.throttled) != (before.playing, before.throttled)
            || self.window_bytes.abs_diff(before.window_bytes) > least
    }
}
