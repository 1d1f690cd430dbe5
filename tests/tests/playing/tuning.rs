//! From tuning to the first picture.

use std::fmt::Write;

use insta::assert_snapshot;
use testcard_archive::MdatSize;
use testcard_core::playback::Part;

use super::*;

/// A picture lasts this long in every film here, rounded up.
const PICTURE: Duration = Duration::from_micros(33_334);

#[test]
fn a_film_with_its_index_in_front_takes_two_resolves() {
    let viewer =
        watch(Session::new(film(Layout::MoovFirst), good_link(), from_900_s()), seconds(4));
    assert_snapshot!(viewer.timeline());
}

#[test]
fn a_film_with_its_index_behind_takes_three_resolves() {
    let viewer = watch(Session::new(film(Layout::MoovLast), good_link(), from_900_s()), seconds(4));
    assert_snapshot!(viewer.timeline());
}

#[test]
fn a_film_with_its_index_behind_starts_on_one_megabit_a_second() {
    let session = Session::new(film(Layout::MoovLast), link(125_000, 80), from_900_s());
    let viewer = watch(session, seconds(30));
    assert!(viewer.is_playing());
    assert_eq!(viewer.figures().rebuffers, 0);
    assert_snapshot!(viewer.timeline());
}

#[test]
fn media_data_to_the_end_of_the_file_behind_an_index_costs_nothing_extra() {
    let spec = FilmSpec { mdat: MdatSize::ToEnd, ..film(Layout::MoovFirst) };
    let to_end = watch(Session::new(spec, good_link(), from_900_s()), seconds(4));
    let session = Session::new(film(Layout::MoovFirst), good_link(), from_900_s());
    let sized = watch(session, seconds(4));
    assert_eq!(to_end.timeline().to_string(), sized.timeline().to_string());
}

#[test]
fn a_film_of_more_than_four_gibibytes_is_joined_behind_the_fourth() {
    let spec = FilmSpec::new(7_200_000, Layout::MoovLast).with_bytes(6_000_000_000);
    let aim = Aim::At(MediaTime::from_millis(7_000_000));
    let viewer = watch(Session::new(spec, link(5_000_000, 80), aim), seconds(8));
    assert!(offsets_asked_of_nodes(&viewer).last().is_some_and(|offset| *offset > 1 << 32));
    assert!(viewer.is_playing());
    assert_snapshot!(viewer.timeline());
}

#[test]
fn the_first_picture_is_the_one_that_was_asked_for_to_the_frame() {
    for millis in [0, 1, 33, 34, 900_000, 901_234, 903_999, 1_799_000] {
        let aim = Aim::At(MediaTime::from_millis(millis));
        let mut viewer = Viewer::tune(Session::new(film(Layout::MoovFirst), good_link(), aim));
        let start = viewer.watch_until_start(seconds(10)).expect("a first picture");
        let late = start.picture.micros_since(MediaTime::from_millis(millis));
        assert!((0..33_334).contains(&late), "{millis} ms: {start:?}");
        assert_eq!(start.position, MediaTime::from_millis(millis));
    }
}

#[test]
fn a_live_viewer_first_sees_what_the_schedule_shows_at_that_moment() {
    for (link, at_most) in [
        (good_link(), 4),
        (link(5_000_000, 20), 2),
        (link(5_000_000, 250), 6),
        (link(500_000, 80), 7),
        (link(200_000, 80), 14),
    ] {
        for layout in [Layout::MoovFirst, Layout::MoovLast] {
            let aim = live_from_900_s();
            let mut viewer = Viewer::tune(Session::new(film(layout), link, aim));
            let start =
                viewer.watch_until_start(seconds(at_most)).expect("a first picture in time");
            let scheduled = aim.target(start.at, Duration::ZERO);
            let late = scheduled.micros_since(start.position).unsigned_abs();
            assert!(late < 1000, "{link:?} {layout:?}: {late} µs off at {}", start.at);
            let early = start.picture.micros_since(scheduled);
            assert!(u128::from(early.unsigned_abs()) <= PICTURE.as_micros(), "{early}");
        }
    }
}

#[test]
fn bytes_before_the_first_picture_are_the_index_one_group_of_pictures_and_a_quarter_mebibyte() {
    for layout in [Layout::MoovFirst, Layout::MoovLast] {
        for millis in [900_000, 901_900, 903_900] {
            let aim = Aim::At(MediaTime::from_millis(millis));
            let mut viewer = Viewer::tune(Session::new(film(layout), good_link(), aim));
            let start = viewer.watch_until_start(seconds(10)).expect("a first picture");
            let spent = start.totals.received + start.totals.wasted;
            assert!(spent <= budget(&viewer, start.position), "{layout:?} {millis}: {spent}");
        }
    }
}

#[test]
fn a_live_viewer_keeps_to_that_budget_until_it_only_waits_for_its_moment() {
    for layout in [Layout::MoovFirst, Layout::MoovLast] {
        let mut viewer = Viewer::tune(Session::new(film(layout), good_link(), live_from_900_s()));
        let start = viewer.watch_until_start(seconds(10)).expect("a first picture");
        let is_ready = |event: &Event| matches!(event, Event::Ready { .. });
        let ready = viewer.timeline().events().find(|(_, event)| is_ready(event));
        let waited = start.at.since(ready.expect("it was ready").0);
        assert!(waited < Duration::from_millis(600), "{waited:?}");
        let meanwhile = waited.as_millis() as u64 * good_link().bytes_per_second / 1000;
        let spent = start.totals.received + start.totals.wasted;
        let budget = budget(&viewer, start.position) + meanwhile;
        assert!(spent <= budget, "{layout:?}: {spent} of {budget}");
    }
}

/// The index, one group of pictures and 256 KiB.
fn budget(viewer: &Viewer, position: MediaTime) -> u64 {
    let moov = viewer.film().moov();
    moov.end - moov.start + group_of_pictures(viewer, position) + 256 * 1024
}

/// Seconds, bytes and requests to the first picture, 2 s into a group of pictures. Beside them what
/// no player that reads the whole index could do better: six round trips for the redirect and the
/// node, one more for each jump in the file, and the bytes of the index and of the pictures from the
/// sync sample on.
#[test]
fn the_matrix_of_rates_round_trips_and_layouts() {
    let position = MediaTime::from_millis(902_000);
    let mut matrix = format!(
        "{:>9} {:>6} {:>10} | {:>7} {:>7} | {:>9} {:>9} | {:>8}\n",
        "bytes/s", "rtt", "moov", "first", "floor", "bytes", "floor", "requests"
    );
    for rate in [250_000, 500_000, 1_000_000, 5_000_000] {
        for round_trip_ms in [20, 80, 250] {
            for (layout, jumps) in [(Layout::MoovFirst, 1), (Layout::MoovLast, 2)] {
                let link = link(rate, round_trip_ms);
                let session = Session::new(film(layout), link, Aim::At(position));
                let mut viewer = Viewer::tune(session);
                let start = viewer.watch_until_start(seconds(60)).expect("a first picture");
                let moov = viewer.film().moov();
                let floor_bytes = moov.end - moov.start + group_until(&viewer, position);
                let floor_us = (6 + jumps) * round_trip_ms * 1000 + floor_bytes * 1_000_000 / rate;
                let spent = start.totals.received + start.totals.wasted;
                writeln!(
                    matrix,
                    "{rate:>9} {:>6} {:>10} | {} {} | {spent:>9} {floor_bytes:>9} | {:>8}",
                    format!("{round_trip_ms} ms"),
                    format!("{layout:?}").to_lowercase().trim_start_matches("moov"),
                    in_seconds(start.at.as_micros()),
                    in_seconds(floor_us),
                    start.totals.requests,
                )
                .expect("a String takes everything");
            }
        }
    }
    assert_snapshot!(matrix);
}

fn in_seconds(micros: u64) -> String {
    format!("{:>5}.{:03}", micros / 1_000_000, micros / 1000 % 1000)
}

/// Bytes from the sync sample that a position needs to the next sync sample.
fn group_of_pictures(viewer: &Viewer, position: MediaTime) -> u64 {
    let track = viewer.player().and_then(|player| player.track(Part::Picture)).expect("a picture");
    let mut cursor = track.seek(position);
    let first = cursor.next(&track).expect("a sample").range.offset;
    let next = std::iter::from_fn(|| cursor.next(&track)).find(|sample| sample.sync);
    next.expect("not the last group").range.offset - first
}

/// Bytes from the sync sample that a position needs to the end of the picture there.
fn group_until(viewer: &Viewer, position: MediaTime) -> u64 {
    let track = viewer.player().and_then(|player| player.track(Part::Picture)).expect("a picture");
    let mut cursor = track.seek(position);
    let first = cursor.next(&track).expect("a sample").range.offset;
    let there = std::iter::from_fn(|| cursor.next(&track)).find(|s| s.time >= position);
    there.expect("not the last picture").range.end() - first
}
