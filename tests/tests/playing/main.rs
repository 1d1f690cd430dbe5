//! A viewer, the archive and the way between them, in virtual time: what is seen, when, and at what
//! cost, on good days and on bad ones.

mod anything;
mod endings;
mod mishaps;
mod radio;
mod slow_links;
mod tuning;

use std::time::Duration;

use testcard_archive::{FilmSpec, Layout};
use testcard_core::net::ByteRange;
use testcard_core::playback::Aim;
use testcard_core::time::{Instant, MediaTime};
use testcard_core::trace::Event;
use testcard_sim::heap::Link;
use testcard_sim::screening::{Scene, Screening};

/// The film that is measured everywhere: half an hour of 822 kbit/s.
fn film(layout: Layout) -> FilmSpec {
    FilmSpec::new(1_800_000, layout).with_bytes(185_000_000)
}

fn link(bytes_per_second: u64, round_trip_ms: u64) -> Link {
    Link { bytes_per_second, round_trip: Duration::from_millis(round_trip_ms) }
}

/// A good line: 1 MB/s and 80 ms.
fn good_link() -> Link {
    link(1_000_000, 80)
}

/// Half an hour in the middle of which is a quarter of an hour: 900 s.
fn from_900_s() -> Aim {
    Aim::At(MediaTime::from_millis(900_000))
}

/// A schedule that shows the 900th second at the moment of tuning.
fn live_from_900_s() -> Aim {
    Aim::Live { when: Instant::ZERO, position: MediaTime::from_millis(900_000) }
}

fn seconds(seconds: u64) -> Instant {
    Instant::from_micros(seconds * 1_000_000)
}

/// Watches until then.
fn watch(session: Scene, until: Instant) -> Screening {
    let mut viewer = Screening::start(session);
    viewer.watch_until(until);
    viewer
}

/// The most exchanges that were opened within ten seconds.
fn most_requests_in_ten_seconds(viewer: &Screening) -> usize {
    let opened: Vec<Instant> = viewer
        .timeline()
        .events()
        .filter(|(_, event)| matches!(event, Event::Opened { .. }))
        .map(|(at, _)| at)
        .collect();
    let until = |from: Instant| opened.partition_point(|at| *at < from + Duration::from_secs(10));
    opened.iter().enumerate().map(|(n, from)| until(*from) - n).max().unwrap_or(0)
}

/// The offsets that were asked for at nodes, in order.
fn offsets_asked_of_nodes(viewer: &Screening) -> Vec<u64> {
    let offset = |event: &Event| match event {
        Event::Opened { url, range, .. } if !url.contains("/download/") => {
            range.map(ByteRange::first)
        }
        _ => None,
    };
    viewer.timeline().events().filter_map(|(_, event)| offset(event)).collect()
}

/// The statuses of all answers, in order.
fn statuses(viewer: &Screening) -> Vec<u16> {
    let status = |event: &Event| match event {
        Event::Answered { status, .. } => Some(*status),
        _ => None,
    };
    viewer.timeline().events().filter_map(|(_, event)| status(event)).collect()
}
