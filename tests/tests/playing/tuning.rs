//! From tuning to the first picture.

use std::fmt::Write;

use insta::assert_snapshot;
use testcard_archive::MdatSize;
use testcard_core::mp4::Sample;
use testcard_core::playback::Part;

use super::*;

/// A picture lasts this long in every film here, rounded up.
const PICTURE: Duration = Duration::from_micros(33_334);

#[test]
fn a_film_with_its_index_in_front_takes_two_resolves() {
    let viewer = watch(Scene::new(film(Layout::MoovFirst), good_link(), from_900_s()), seconds(4));
    assert_snapshot!(viewer.timeline());
}

#[test]
fn a_film_with_its_index_behind_takes_three_resolves() {
    let viewer = watch(Scene::new(film(Layout::MoovLast), good_link(), from_900_s()), seconds(4));
    assert_snapshot!(viewer.timeline());
}

#[test]
fn a_film_with_its_index_behind_starts_on_one_megabit_a_second() {
    let session = Scene::new(film(Layout::MoovLast), link(125_000, 80), from_900_s());
    let viewer = watch(session, seconds(30));
    assert!(viewer.is_playing());
    assert_eq!(viewer.figures().rebuffers, 0);
    assert_snapshot!(viewer.timeline());
}

#[test]
fn media_data_to_the_end_of_the_file_behind_an_index_costs_nothing_extra() {
    let spec = FilmSpec { mdat: MdatSize::ToEnd, ..film(Layout::MoovFirst) };
    let to_end = watch(Scene::new(spec, good_link(), from_900_s()), seconds(4));
    let session = Scene::new(film(Layout::MoovFirst), good_link(), from_900_s());
    let sized = watch(session, seconds(4));
    assert_eq!(to_end.timeline().to_string(), sized.timeline().to_string());
}

#[test]
fn a_film_of_more_than_four_gibibytes_is_joined_behind_the_fourth() {
    let spec = FilmSpec::new(7_200_000, Layout::MoovLast).with_bytes(6_000_000_000);
    let aim = Aim::At(MediaTime::from_millis(7_000_000));
    let viewer = watch(Scene::new(spec, link(5_000_000, 80), aim), seconds(8));
    assert!(offsets_asked_of_nodes(&viewer).last().is_some_and(|offset| *offset > 1 << 32));
    assert!(viewer.is_playing());
    assert_snapshot!(viewer.timeline());
}

#[test]
fn the_first_picture_is_the_one_that_was_asked_for_to_the_frame() {
    for millis in [0, 1, 33, 34, 900_000, 901_234, 903_999, 1_799_000] {
        let aim = Aim::At(MediaTime::from_millis(millis));
        let mut viewer = Screening::start(Scene::new(film(Layout::MoovFirst), good_link(), aim));
        let (start, _) = viewer.watch_until_start(seconds(10)).expect("a first picture");
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
            let mut viewer = Screening::start(Scene::new(film(layout), link, aim));
            let (start, _) =
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
            let mut viewer = Screening::start(Scene::new(film(layout), good_link(), aim));
            let (start, totals) = viewer.watch_until_start(seconds(10)).expect("a first picture");
            let spent = totals.received + totals.wasted;
            assert!(spent <= budget(&viewer, start.position), "{layout:?} {millis}: {spent}");
        }
    }
}

#[test]
fn a_live_viewer_keeps_to_that_budget_until_it_only_waits_for_its_moment() {
    for layout in [Layout::MoovFirst, Layout::MoovLast] {
        let mut viewer = Screening::start(Scene::new(film(layout), good_link(), live_from_900_s()));
        let (start, totals) = viewer.watch_until_start(seconds(10)).expect("a first picture");
        let is_ready = |event: &Event| matches!(event, Event::Ready { .. });
        let ready = viewer.timeline().events().find(|(_, event)| is_ready(event));
        let waited = start.at.since(ready.expect("it was ready").0);
        assert!(waited < Duration::from_millis(600), "{waited:?}");
        let meanwhile = waited.as_millis() as u64 * good_link().bytes_per_second / 1000;
        let spent = totals.received + totals.wasted;
        let budget = budget(&viewer, start.position) + meanwhile;
        assert!(spent <= budget, "{layout:?}: {spent} of {budget}");
    }
}

/// The index, one group of pictures and 256 KiB.
fn budget(viewer: &Screening, position: MediaTime) -> u64 {
    let moov = viewer.film().moov();
    moov.end - moov.start + group_of_pictures(viewer, position) + 256 * 1024
}

/// How long the film is watched from its first picture on.
const WATCHED: Duration = Duration::from_secs(60);

/// Seconds, bytes and requests to the first picture, 2 s into a group of pictures; how long the film
/// stood still in the minute from then on; and the bytes that came by then and served nothing.
///
/// Beside them what no player that reads the whole index could do better. To the first picture: six
/// round trips for the redirect and the node, one more for each jump in the file, and the bytes of
/// the index and of the pictures from the sync sample on. In the minute: what the link cannot have
/// carried of it by its end. That no byte is wasted is possible everywhere.
#[test]
fn the_matrix_of_rates_round_trips_and_layouts() {
    let position = MediaTime::from_millis(902_000);
    let mut matrix = format!(
        "{:>9} {:>6} {:>6} | {:>9} {:>9} | {:>9} {:>9} | {:>8} | {:>9} {:>9} | {:>7}\n",
        "bytes/s",
        "rtt",
        "moov",
        "first",
        "floor",
        "bytes",
        "floor",
        "requests",
        "stood",
        "floor",
        "wasted"
    );
    // The film has 102,778 bytes a second.
    for rate in [50_000, 90_000, 110_000, 250_000, 500_000, 1_000_000, 5_000_000] {
        for round_trip_ms in [20, 80, 250] {
            for (layout, jumps) in [(Layout::MoovFirst, 1), (Layout::MoovLast, 2)] {
                let link = link(rate, round_trip_ms);
                let session = Scene::new(film(layout), link, Aim::At(position));
                let mut viewer = Screening::start(session);
                let (start, totals) =
                    viewer.watch_until_start(seconds(120)).expect("a first picture");
                let moov = viewer.film().moov();
                let floor_bytes = moov.end - moov.start + group_until(&viewer, position);
                let floor_us = (6 + jumps) * round_trip_ms * 1000 + floor_bytes * 1_000_000 / rate;
                let spent = totals.received + totals.wasted;
                viewer.watch_until(start.at + WATCHED);
                let stood = not_played(viewer.position(), start.position);
                let by_then = (start.at + WATCHED).as_micros() - floor_us;
                let played_at_best = carried(&viewer, position, rate * by_then / 1_000_000);
                let stood_at_least = not_played(played_at_best, position);
                assert!(start.at.as_micros() >= floor_us && stood >= stood_at_least, "{link:?}");
                writeln!(
                    matrix,
                    "{rate:>9} {:>6} {:>6} | {} {} | {spent:>9} {floor_bytes:>9} | {:>8} | {} {} | \
                     {:>7}",
                    format!("{round_trip_ms} ms"),
                    format!("{layout:?}").to_lowercase().trim_start_matches("moov"),
                    in_seconds(start.at.as_micros()),
                    in_seconds(floor_us),
                    totals.requests,
                    in_seconds(stood),
                    in_seconds(stood_at_least),
                    viewer.heap().totals().wasted,
                )
                .expect("a String takes everything");
            }
        }
    }
    assert_snapshot!(matrix);
}

/// Microseconds of [`WATCHED`] in which playing did not get from one position to the other.
fn not_played(reached: MediaTime, from: MediaTime) -> u64 {
    let played = u64::try_from(reached.micros_since(from)).expect("playing goes on");
    (WATCHED.as_micros() as u64).saturating_sub(played)
}

/// How far one can play from a position with so many bytes behind the picture there.
fn carried(viewer: &Screening, position: MediaTime, bytes: u64) -> MediaTime {
    let track = viewer.player().and_then(|player| player.track(Part::Picture)).expect("a picture");
    let mut cursor = track.seek(position);
    let mut samples = std::iter::from_fn(|| cursor.next(&track));
    let there = samples.find(|sample| sample.time >= position).expect("not the last picture");
    let within = |sample: &Sample| sample.range.end() <= there.range.end() + bytes;
    samples.take_while(within).map(|sample| sample.time).max().unwrap_or(position)
}

fn in_seconds(micros: u64) -> String {
    format!("{:>5}.{:03}", micros / 1_000_000, micros / 1000 % 1000)
}

/// Bytes from the sync sample that a position needs to the next sync sample.
fn group_of_pictures(viewer: &Screening, position: MediaTime) -> u64 {
    let track = viewer.player().and_then(|player| player.track(Part::Picture)).expect("a picture");
    let mut cursor = track.seek(position);
    let first = cursor.next(&track).expect("a sample").range.offset;
    let next = std::iter::from_fn(|| cursor.next(&track)).find(|sample| sample.sync);
    next.expect("not the last group").range.offset - first
}

/// Bytes from the sync sample that a position needs to the end of the picture there.
fn group_until(viewer: &Screening, position: MediaTime) -> u64 {
    let track = viewer.player().and_then(|player| player.track(Part::Picture)).expect("a picture");
    let mut cursor = track.seek(position);
    let first = cursor.next(&track).expect("a sample").range.offset;
    let there = std::iter::from_fn(|| cursor.next(&track)).find(|s| s.time >= position);
    there.expect("not the last picture").range.end() - first
}
