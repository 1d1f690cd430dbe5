//! Sessions that the program records, watched again.

use std::path::Path;

use testcard_archive::{Archive, Clip, FilmSpec, Layout};
use testcard_core::line_up::LineUp;
use testcard_core::schedule::{DEFAULT_SEED, Schedule};
use testcard_core::time::UnixMillis;
use testcard_session::{Provenance, Session, TraceLine, lint};
use testcard_sim::diff::{self, Ignore, Rule};
use testcard_sim::replay;

use crate::pinned::archive_org;
use crate::run::{Run, Stage, archive_with, half_hour};

/// Runs the program on archive.org's own addresses and records the session.
fn record(stage: &Stage, pins: &[String], arguments: &[&str]) -> (Run, Session) {
    let dir = stage.path("session");
    let record = ["--record", dir.to_str().expect("UTF-8")];
    let pins: Vec<&str> = pins.iter().map(String::as_str).collect();
    let run = stage.run(&[arguments, &record, &pins].concat());
    (run, read(&dir))
}

/// A session that may be shown to others.
fn read(dir: &Path) -> Session {
    let findings: Vec<_> = lint(dir).iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    let session = Session::read(dir).unwrap_or_else(|error| panic!("{error}"));
    let Provenance::Recorded { by, .. } = &session.about.provenance else {
        panic!("{:?}", session.about.provenance);
    };
    assert!(by.starts_with("testcard "), "{by}");
    session
}

/// The lines of a trace without what a set does at its own pace, which is another one when the
/// session is watched again.
fn without(kinds: &[&str], trace: &[TraceLine]) -> Vec<TraceLine> {
    let is_left_out = |line: &&TraceLine| !kinds.iter().any(|kind| line.fields["ev"] == **kind);
    trace.iter().filter(is_left_out).cloned().collect()
}

/// Watches a session again, and holds what the TV does, but for `kinds`, against what it did.
fn assert_replays(session: &Session, kinds: &[&str], ignore: Ignore) {
    let replayed = replay::replay(session).unwrap_or_else(|error| panic!("{error}"));
    let (expected, actual) = (without(kinds, &session.trace), without(kinds, &replayed.trace));
    let differences = diff::compare_traces(&expected, &actual, &ignore);
    assert!(differences.is_empty(), "{}\n{}", diff::text(&differences, 5), replayed.timeline);
}

/// What depends on how fast the film is watched.
const PACE: [&str; 3] = ["throttled", "unthrottled", "starved"];

#[test]
fn a_film_played_as_fast_as_it_goes_is_recorded_and_replays() {
    for layout in [Layout::MoovFirst, Layout::MoovLast] {
        let (stage, pins) = archive_org(archive_with(half_hour(layout), &[]));
        let url = stage.film_url();
        let arguments = ["play", &url, "--headless", "--at", "900", "--frames", "300"];
        let (run, session) = record(&stage, &pins, &arguments);
        assert_eq!(run.code(), Some(0), "{}", run.sentence());
        assert_eq!(session.exchanges.len(), run.events("opened").len());
        assert_replays(&session, &PACE, Ignore::across_drivers());
    }
}

#[test]
fn a_film_played_to_its_end_is_recorded_to_its_end() {
    let (stage, pins) = archive_org(archive_with(half_hour(Layout::MoovFirst), &[]));
    let (run, session) =
        record(&stage, &pins, &["play", &stage.film_url(), "--headless", "--at", "1790"]);
    assert_eq!(run.code(), Some(0), "{}", run.sentence());
    assert!(session.trace.iter().any(|line| line.fields["ev"] == "ended"));
    assert_replays(&session, &PACE, Ignore::across_drivers());
}

#[test]
fn a_film_that_fails_is_recorded_with_its_failure() {
    let archive = archive_with(half_hour(Layout::MoovFirst), &["node:always:truncated=94000000"]);
    let (stage, pins) = archive_org(archive);
    let (run, session) =
        record(&stage, &pins, &["play", &stage.film_url(), "--headless", "--at", "900"]);
    assert_eq!(run.code(), Some(3), "{}", run.sentence());
    assert!(session.trace.iter().any(|line| line.fields["ev"] == "failed"));
    assert_replays(&session, &PACE, Ignore::across_drivers());
}

#[test]
fn a_film_in_the_window_is_recorded_and_replays() {
    let (stage, pins) = archive_org(archive_with(half_hour(Layout::MoovLast), &[]));
    let url = stage.film_url();
    let (run, session) = record(&stage, &pins, &["play", &url, "--at", "60", "--frames", "60"]);
    assert_eq!(run.code(), Some(0), "{}", run.sentence());
    assert!(session.trace.iter().any(|line| line.fields["ev"] == "playing"));
    assert_replays(&session, &[], Ignore::across_drivers());
}

/// Two films of twenty seconds that take turns on channel 1.
const LINE_UP: &str = "\
[[channel]]
number = 1
id = \"turns\"
name = \"Turns\"

[[channel.programme]]
title = \"The one\"
item = \"one\"
file = \"one.mp4\"
duration = \"0:00:20\"

[[channel.programme]]
title = \"The other\"
item = \"other\"
file = \"other.mp4\"
duration = \"0:00:20\"
";

#[test]
fn the_set_records_across_the_end_of_a_programme() {
    let mut archive = Archive::new(Clip::test_card(), 1);
    for item in ["one", "other"] {
        let spec = FilmSpec::new(20_000, Layout::MoovFirst);
        archive.add(item, item, &format!("{item}.mp4"), spec);
    }
    let (stage, pins) = archive_org(archive);
    let line_up = stage.path("line-up.toml");
    std::fs::write(&line_up, LINE_UP).expect("a file");

    let turns = LineUp::parse(LINE_UP).unwrap_or_else(|error| panic!("{error}"));
    // 2026-11-20T20:42:00Z, and four seconds before the next programme after that.
    let base = UnixMillis(1_795_207_320_000);
    let soon = base.plus_millis(4_000);
    let airing = Schedule::new(turns, DEFAULT_SEED).on_air(0, soon).expect("something is on");
    let wait_ms = airing.ends.millis_since(soon);
    let when = format!("2026-11-20T20:42:{:02}.{:03}Z", wait_ms / 1000, wait_ms % 1000);
    let (run, session) = record(
        &stage,
        &pins,
        &[
            "--base-url",
            stage.server.url(),
            "--line-up",
            line_up.to_str().expect("UTF-8"),
            "--when",
            &when,
            "--frames",
            "180",
        ],
    );
    assert_eq!(run.code(), Some(0), "{}", run.sentence());
    assert_eq!(session.about.viewing.tunes.len(), 2, "{:?}", session.about.viewing.tunes);
    // It joins a running schedule, as late as this machine happens to be.
    assert_replays(&session, &[], Ignore::across_drivers().with(Rule::Positions));
}

#[test]
fn what_is_no_session_is_not_replaced() {
    let stage = Stage::new(archive_with(half_hour(Layout::MoovFirst), &[]));
    let dir = stage.path("letters");
    std::fs::create_dir(&dir).expect("a folder");
    std::fs::write(dir.join("to-an-aunt.txt"), "Dear aunt").expect("a file");
    let run = stage.play(&stage.film_url(), &["--record", dir.to_str().expect("UTF-8")]);
    assert_eq!(run.code(), Some(2));
    let sentence = format!(
        "testcard: --record: {}: there is something that is no session; choose another directory\n",
        dir.display()
    );
    assert_eq!(run.sentence(), sentence);
    assert!(stage.server.exchanges().is_empty());
    assert!(dir.join("to-an-aunt.txt").exists());
}
