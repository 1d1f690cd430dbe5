//! What a tuner is doing before there is a picture, in words, the same on every screen. Decides
//! nothing: it only reads the player.

use alloc::format;
use alloc::string::{String, ToString};
use core::time::Duration;

use super::sentence_case;
use crate::net::Network;
use crate::playback::Player;
use crate::stream::{Condition, NodeFailure};
use crate::time::Instant;

/// What a tuner begins with, before there is a player to ask.
pub const ASKING: &str = "Asking the archive for the film…";

/// The step under way between the remote control and the picture.
pub fn stage<N: Network>(player: &Player<N>, now: Instant) -> String {
    let stream = player.stream();
    let is_known = player.movie().is_some() || player.container().is_some();
    match stream.condition() {
        Condition::Pausing(why, until) => pausing(why, until.since(now)),
        Condition::Asking if !is_known => ASKING.into(),
        Condition::Asking => "Asking the archive for this moment of the film…".into(),
        _ => match stream.index_progress() {
            Some((have, of)) if of > 200_000 => format!(
                "Reading the film's index, {}.{} of {}.{} MB…",
                have / 1_000_000,
                have / 100_000 % 10,
                of / 1_000_000,
                of / 100_000 % 10
            ),
            Some(_) => "Reading the film's index…".into(),
            None if !is_known => "Looking for the film's index…".into(),
            None => "Filling up…".into(),
        },
    }
}

fn pausing(why: NodeFailure, left: Duration) -> String {
    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    let why = sentence_case(&why.to_string());
    match seconds {
        0 | 1 => format!("{why}. Trying again…"),
        _ => format!("{why}. Trying again in {seconds}\u{a0}s…"),
    }
}
