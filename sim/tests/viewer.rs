//! The viewer, where a session's network would not show it.

use std::time::Duration;

use testcard_archive::{Archive, Clip, FilmSpec, Layout};
use testcard_core::net::Url;
use testcard_core::playback::Aim;
use testcard_core::stream::Limits;
use testcard_core::time::{Instant, MediaTime};
use testcard_session::{End, Tune, Viewing};
use testcard_sim::heap::{Heap, Link};
use testcard_sim::viewer::Viewer;

#[test]
fn whoever_looks_only_now_and_then_sees_the_pictures_in_order_all_the_same() {
    let mut archive = Archive::new(Clip::test_card(), 1);
    archive.add("film", "A film", "film.mp4", FilmSpec::new(20_000, Layout::MoovFirst));
    let link = Link { bytes_per_second: 1_000_000, round_trip: Duration::from_millis(10) };
    let mut net = Heap::new(archive, link);
    let url = Url::parse("https://archive.org/download/film/film.mp4").unwrap();
    let aim = Aim::At(MediaTime::ZERO);
    let mut viewer = Viewer::new(Viewing {
        limits: Limits::DESKTOP,
        tunes: vec![Tune { at: Instant::ZERO, url, aim, duration: None }],
        end: End { at: Instant::from_micros(60_000_000), position: None },
    });
    let mut now = Instant::ZERO;
    while !viewer.is_over() {
        net.advance(now);
        viewer.poll(&mut net, now);
        now = now + Duration::from_millis(270);
    }
    assert_eq!(viewer.violation(), None);
    assert_eq!(viewer.figures().shown, 600);
}
