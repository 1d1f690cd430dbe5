//! A session watched again over simulated TCP: each of its hosts is one of the simulation's, under its
//! own name, and says what it said.

use std::time::Duration;

use testcard_core::time::Instant;
use testcard_replay::finish;
use testcard_session::Session;

use super::playback::Playback;
use super::{ReplayError, Replayed, Why, recorded_end};
use crate::heap::Link;
use crate::simulated_tcp::{Net, World, watch};
use crate::viewer::Viewer;

/// The line adds as little as a simulated one can, because the recorded times have the real one in
/// them: two ticks there and back.
const ROUND_TRIP: Duration = Duration::from_millis(10);

/// How long after the recorded end it is over in any case.
const LATER: Duration = Duration::from_secs(60);

/// Watches a session again over simulated TCP.
pub fn replay(session: &Session) -> Result<Replayed, ReplayError> {
    let playback = Playback::new(session).map_err(ReplayError::Unplayable)?;
    let link = Link { bytes_per_second: u64::MAX, round_trip: ROUND_TRIP };
    let end = recorded_end(session).min(session.about.viewing.end.at) + LATER;
    let world =
        World { duration_max: end.since(Instant::ZERO), ..World::new(playback.hosts(), link) };
    let viewer = Viewer::<Net>::new(session.about.viewing.clone());
    let viewer = viewer.reading(testcard_streaming::reader);
    let outcome = watch(world, playback.clone(), viewer)
        .map_err(|error| ReplayError::World(error.to_string()))?;
    let elapsed = Instant::ZERO + outcome.elapsed;
    let stopped = playback.unmatched().map(Why::Unmatched);
    Ok(finish(session, &outcome.viewer, stopped, playback.unused(), elapsed)?)
}
