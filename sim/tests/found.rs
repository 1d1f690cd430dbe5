//! What the sweep found, told as scenarios: each made the set hang, storm the archive or miss its
//! schedule once.

use std::time::Duration;

use testcard_archive::{FilmSpec, Layout};
use testcard_core::playback::{Aim, BEHIND_MAX, PREBUFFER, Part};
use testcard_core::stream::Limits;
use testcard_core::time::{Instant, MediaTime};
use testcard_core::trace::Event;
use testcard_sim::heap::Link;
use testcard_sim::screening::{Scene, Screening};

fn seconds(seconds: u64) -> Instant {
    Instant::from_micros(seconds * 1_000_000)
}

fn link(bytes_per_second: u64) -> Link {
    Link { bytes_per_second, round_trip: Duration::from_millis(80) }
}

/// A silent film whose groups of pictures have 4 MB each: more than is enough to start with.
fn rich_silent_film(duration_ms: u64, link: Link, aim: Aim) -> Scene {
    let film = FilmSpec::new(duration_ms, Layout::MoovFirst).with_bytes(duration_ms * 1000);
    Scene { refused: Some(Part::Sound), ..Scene::new(film, link, aim) }
}

fn live_from(millis: i64) -> Aim {
    Aim::Live { when: Instant::ZERO, position: MediaTime::from_millis(millis) }
}

#[test]
fn a_silent_film_that_runs_dry_inside_a_large_group_of_pictures_waits_for_more_of_it() {
    let scene = rich_silent_film(600_000, link(500_000), Aim::At(MediaTime::ZERO));
    let mut screening = Screening::start(scene);
    screening.watch_until(seconds(60));
    let starved = screening.timeline().events().filter(|(_, e)| matches!(e, Event::Starved { .. }));
    assert!((1..30).contains(&starved.count()), "{}", screening.timeline());
}

#[test]
fn tuning_behind_the_end_of_a_film_ends_it_and_makes_no_storm_of_requests() {
    let mut screening =
        Screening::start(rich_silent_film(20_000, link(4_000_000), live_from(60_000)));
    screening.watch_until(seconds(30));
    assert!(screening.has_ended(), "{}", screening.timeline());
    assert!(screening.heap().totals().requests <= 4, "{}", screening.timeline());
}

#[test]
fn a_live_viewer_cut_off_while_filling_up_comes_in_where_the_schedule_is_by_then() {
    let film = FilmSpec::new(600_000, Layout::MoovFirst).with_bytes(60_000_000);
    let mut screening = Screening::start(Scene::new(film, link(1_000_000), live_from(60_000)));
    let is_found = |screening: &Screening| {
        screening.timeline().events().any(|(_, event)| matches!(event, Event::Seeked { .. }))
    };
    let mut millis = 0;
    while !is_found(&screening) {
        millis += 10;
        screening.watch_until(Instant::from_micros(millis * 1000));
    }
    screening.change_world("unplugged", |heap| heap.unplug());
    screening.watch_until(seconds(30));
    screening.change_world("plugged in", |heap| heap.plug_in());
    screening.watch_until(seconds(60));
    assert!(screening.is_playing());
    let behind = live_from(60_000).behind(screening.position(), seconds(60));
    assert!(behind <= BEHIND_MAX + PREBUFFER, "{behind:?} behind:\n{}", screening.timeline());
}

#[test]
fn a_server_that_hands_the_film_out_in_crumbs_is_not_asked_more_than_once_a_second() {
    let film = FilmSpec::new(600_000, Layout::MoovFirst).with_bytes(30_000_000);
    let scene = Scene::new(film, link(4_000_000), Aim::At(MediaTime::ZERO));
    let mut screening = Screening::start(scene.with_rules(&["node:always:crumbs=130783"]));
    screening.watch_until(seconds(60));
    assert!(screening.is_playing());
    // A try is a request to the archive and one to a node.
    assert!(screening.heap().totals().requests <= 130, "{}", screening.timeline());
}

#[test]
fn a_window_too_small_for_both_is_given_to_the_picture_when_the_sound_is_left_out() {
    let film = FilmSpec::new(9_000, Layout::MoovFirst).with_bytes(24_000_000);
    let aim = Aim::At(MediaTime::from_millis(4_000));
    let limits = Limits { window_bytes: 140_000, ..Limits::DESKTOP };
    let mut screening =
        Screening::start(Scene { limits, ..Scene::new(film, link(8_000_000), aim) });
    screening.watch_until(seconds(20));
    assert!(screening.has_ended(), "{}", screening.timeline());
}

/// A film of 8 MB/s whose picture is left out: between two samples of sound lie 270 kB of picture.
fn sound_of_a_rich_film(bytes_per_second: u64) -> Scene {
    let film = FilmSpec::new(20_000, Layout::MoovFirst).with_bytes(160_000_000);
    let scene = Scene::new(film, link(bytes_per_second), Aim::At(MediaTime::ZERO));
    Scene { refused: Some(Part::Picture), ..scene }
}

#[test]
fn the_sound_alone_of_a_rich_film_is_not_asked_for_sample_by_sample() {
    let mut screening = Screening::start(sound_of_a_rich_film(4_000_000));
    screening.watch_until(seconds(60));
    assert!(screening.has_ended(), "{}", screening.timeline());
    // One exchange, and one more for every ten seconds; each is a request to the archive and one to
    // a node.
    assert!(screening.heap().totals().requests <= 14, "{}", screening.timeline());
}

#[test]
fn crumbs_that_end_before_the_sound_that_is_wanted_are_crumbs_all_the_same() {
    let film = FilmSpec::new(60_000, Layout::MoovFirst).with_bytes(60_000_000);
    let scene = Scene {
        refused: Some(Part::Picture),
        ..Scene::new(film, link(1_000_000), Aim::At(MediaTime::ZERO))
    };
    let mut screening = Screening::start(scene.with_rules(&["node:always:crumbs=15822"]));
    screening.watch_until(seconds(10));
    // A try is a request to the archive and one to a node.
    assert!(screening.heap().totals().requests <= 22, "{}", screening.timeline());
}
