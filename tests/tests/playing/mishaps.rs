//! What networks and archives do in the middle of a film.

use insta::assert_snapshot;
use testcard_core::net::ExchangeError;
use testcard_core::stream::{Condition, Limits, NodeFailure};

use super::*;

fn session() -> Scene {
    Scene::new(film(Layout::MoovFirst), good_link(), from_900_s())
}

/// 20 s of the film: what a mishap of a minute outlasts.
fn small_window() -> Limits {
    Limits { window_bytes: 2 * 1024 * 1024, ..Limits::DESKTOP }
}

#[test]
fn a_node_address_that_expires_during_a_long_throttle_is_never_used_again() {
    let rules = ["node:1:close=20000000", "node:2:close=10000000"];
    let session = Scene {
        link: link(5_000_000, 80),
        token_life: Some(Duration::from_secs(10)),
        ..session().with_rules(&rules)
    };
    let viewer = watch(session, seconds(400));
    assert_eq!(statuses(&viewer), [302, 206, 302, 206, 302, 206, 302, 206]);
    assert_eq!((viewer.figures().rebuffers, viewer.figures().late), (0, 0));
    assert!(
        viewer.position() > MediaTime::from_millis(1_297_000),
        "{}",
        viewer.position().as_micros()
    );
    assert_snapshot!(viewer.timeline());
}

#[test]
fn a_long_throttle_is_not_taken_for_a_stall() {
    let viewer = watch(Scene { link: link(5_000_000, 20), ..session() }, seconds(300));
    assert_eq!(statuses(&viewer), [302, 206, 302, 206]);
    assert_eq!(viewer.figures().rebuffers, 0);
}

#[test]
fn a_node_that_refuses_access_is_left_for_a_fresh_one_at_once() {
    let viewer = watch(session().with_rules(&["node:1:status=401"]), seconds(4));
    assert!(viewer.is_playing());
    assert_snapshot!(viewer.timeline());
}

#[test]
fn a_film_that_the_archive_refuses_is_asked_about_once() {
    let viewer = watch(session().with_rules(&["download:always:status=404"]), seconds(60));
    assert_eq!(viewer.heap().open_exchanges(), 0);
    assert_snapshot!(viewer.timeline());
}

#[test]
fn an_archive_that_fails_two_resolves_in_five_delays_the_picture_and_never_prevents_it() {
    for seed in 0..20 {
        let session = Scene { seed, ..session() };
        let session = session.with_rules(&["download:400/1000:status=500"]);
        let mut viewer = Screening::start(session);
        let start = viewer.watch_until_start(seconds(40));
        assert!(start.is_some(), "seed {seed}:\n{}", viewer.timeline());
        assert!(most_requests_in_ten_seconds(&viewer) <= 10, "seed {seed}");
    }
}

#[test]
fn the_same_session_runs_the_same_way_twice_and_another_seed_runs_another_way() {
    let timeline = |seed| {
        let session = Scene { seed, ..session() };
        let rules = ["download:400/1000:status=500", "node:300/1000:reset=1000000"];
        watch(session.with_rules(&rules), seconds(40)).timeline().to_string()
    };
    assert_eq!(timeline(1), timeline(1));
    assert_ne!(timeline(1), timeline(2));
}

#[test]
fn an_archive_that_asks_for_seven_seconds_gets_them() {
    let viewer = watch(session().with_rules(&["download:0..2:status=503,7"]), seconds(18));
    assert!(viewer.is_playing());
    assert_snapshot!(viewer.timeline());
}

#[test]
fn a_connection_cut_in_mid_body_is_resumed_at_the_very_byte_while_the_buffer_plays() {
    for how in ["reset", "close"] {
        let rule = format!("node:1:{how}=5000123");
        let viewer = watch(session().with_rules(&[&rule]), seconds(60));
        let offsets = offsets_asked_of_nodes(&viewer);
        assert_eq!(offsets.len(), 3);
        assert_eq!(offsets[2], offsets[1] + 5_000_123, "{how}");
        assert_eq!((viewer.figures().rebuffers, viewer.figures().late), (0, 0));
    }
}

#[test]
fn a_node_that_goes_quiet_without_closing_is_left_after_ten_seconds_while_the_buffer_plays() {
    let viewer = watch(session().with_rules(&["node:1:stall=5000000"]), seconds(60));
    assert_eq!((viewer.figures().rebuffers, viewer.figures().late), (0, 0));
    assert_snapshot!(viewer.timeline());
}

#[test]
fn a_set_unplugged_for_a_minute_plays_out_its_buffer_says_why_and_recovers_by_itself() {
    let mut viewer = Screening::start(Scene { limits: small_window(), ..session() });
    viewer.watch_until(seconds(10));
    viewer.change_world("unplugged", |heap| heap.unplug());
    viewer.watch_until(seconds(20));
    assert!(viewer.is_playing(), "20 s were buffered");
    viewer.watch_until(seconds(60));
    assert!(!viewer.is_playing());
    let condition = viewer.player().expect("a player").stream().condition();
    let refused = NodeFailure::Exchange(ExchangeError::Refused);
    assert!(matches!(condition, Condition::Pausing(why, _) if why == refused), "{condition:?}");
    viewer.watch_until(seconds(70));
    viewer.change_world("plugged in", |heap| heap.plug_in());
    viewer.watch_until(seconds(100));
    assert!(viewer.is_playing());
    assert_eq!(viewer.figures().rebuffers, 1);
    assert!(most_requests_in_ten_seconds(&viewer) <= 8);
    assert_snapshot!(viewer.timeline());
}
