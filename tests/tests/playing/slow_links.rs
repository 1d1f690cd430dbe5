//! Links that cannot carry the film, for a while or for ever.

use testcard_core::playback::BEHIND_MAX;

use super::*;

/// Four fifths of what the film needs.
const TOO_SLOW: u64 = 80_000;

/// How long playing stood still each time that it ran dry.
fn pauses(viewer: &Screening) -> Vec<Duration> {
    use testcard_sim::timeline::Line;
    let mut since = None;
    let mut pauses = Vec::new();
    for (at, line) in viewer.timeline().lines() {
        match line {
            Line::Core(Event::Starved { .. }) => since = Some(*at),
            Line::Playing(_) => pauses.extend(since.take().map(|since| at.since(since))),
            _ => {}
        }
    }
    pauses
}

#[test]
fn on_a_link_slower_than_the_film_pauses_grow_and_no_request_is_made() {
    let session = Scene::new(film(Layout::MoovFirst), link(TOO_SLOW, 80), from_900_s());
    let viewer = watch(session, seconds(600));
    let pauses = pauses(&viewer);
    assert!(pauses.len() >= 5, "{pauses:?}");
    assert!(pauses.windows(2).take(3).all(|pair| pair[0] < pair[1]), "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause < Duration::from_secs(15)), "{pauses:?}");
    assert_eq!(viewer.heap().totals().requests, 4);
    // All that came was played: nine tenths of what the link can carry at the least.
    let played = viewer.position().micros_since(MediaTime::from_millis(900_000)) / 1_000_000;
    assert!(played >= (600 - 25) * 80 / 103 * 9 / 10, "{played} s in 600 s");
}

#[test]
fn a_live_viewer_on_such_a_link_skips_to_what_is_on_and_makes_no_storm_of_requests() {
    let session = Scene::new(film(Layout::MoovFirst), link(TOO_SLOW, 80), live_from_900_s());
    let mut viewer = Screening::start(session);
    for second in 60..600 {
        viewer.watch_until(seconds(second));
        let behind = live_from_900_s().behind(viewer.position(), seconds(second));
        assert!(behind < BEHIND_MAX + Duration::from_secs(20), "{behind:?} behind at {second} s");
    }
    let figures = viewer.figures();
    assert!(figures.seeks >= 2, "{figures:?}");
    // What the link cannot carry is a fifth; more than that goes into filling up and tuning again.
    assert!(figures.rebuffering < Duration::from_secs(600 / 4), "{figures:?}");
    assert!(figures.shown > 600 * 30 / 2, "{figures:?}");
    assert!(most_requests_in_ten_seconds(&viewer) <= 6);
    insta::assert_snapshot!(viewer.timeline());
}

#[test]
fn a_link_that_slows_down_and_recovers_is_played_over_without_a_further_pause() {
    let session = Scene::new(film(Layout::MoovLast), good_link(), from_900_s());
    let mut viewer = Screening::start(session);
    viewer.watch_until(seconds(6));
    viewer.change_world("20 kB/s", |heap| heap.set_rate(20_000));
    viewer.watch_until(seconds(90));
    let before = viewer.figures().rebuffers;
    assert!(before >= 1);
    viewer.change_world("1 MB/s", |heap| heap.set_rate(1_000_000));
    viewer.watch_until(seconds(120));
    viewer.change_world("still 1 MB/s", |_| {});
    assert!(viewer.is_playing());
    assert_eq!(viewer.figures().rebuffers, before);
}
