//! The cable is pulled in the middle of a film, and put back.

use serde_json::Value;
use testcard_archive::serve::Options;
use testcard_archive::{Archive, Clip, Layout};

use crate::run::{Stage, archive_with, half_hour};

fn count(trace: &[Value], kind: &str) -> usize {
    trace.iter().filter(|event| event["ev"] == kind).count()
}

#[test]
fn what_is_buffered_plays_out_and_playing_resumes_by_itself_when_the_server_is_back() {
    // A link that brings no more than a little ahead of what is played.
    let options = Options { rate: Some(400_000), ..Options::default() };
    let archive = archive_with(half_hour(Layout::MoovFirst), &[]);
    let mut stage = Stage::with_options(archive, options);
    let mut running = stage.start(&["play", &stage.film_url(), "--at", "600"]);
    running.wait_for("a second of pictures", |trace| count(trace, "picture") >= 30);

    stage.server.unplug();
    running.wait_for("starving", |trace| count(trace, "starved") == 1);
    let unplugged = running.trace.clone();
    let failed = unplugged.iter().position(|event| event["ev"] == "node_failed").expect("a reason");
    let played_on = count(&unplugged[failed..], "picture");
    assert!(played_on >= 15, "{played_on} pictures came out of the buffer");
    let last_before = last_pts(&unplugged);

    stage.server.plug_in().expect("the ports are still ours");
    let starved = unplugged.len() - 1;
    running.wait_for("resuming", |trace| count(&trace[starved..], "picture") >= 30);
    let resumed = &running.trace;
    let first_after = pts(resumed[starved..].iter().find(|event| event["ev"] == "picture"));
    assert!(first_after > last_before, "time went back from {last_before} to {first_after}");
    assert!(first_after - last_before <= 200_000, "the film lost {} µs", first_after - last_before);
}

#[test]
fn a_set_without_a_network_shows_the_test_card_and_plays_again_when_there_is_one() {
    let options = Options { rate: Some(400_000), ..Options::default() };
    let mut archive = Archive::new(Clip::test_card(), 1);
    archive.add("film", "A film", "film.mp4", half_hour(Layout::MoovFirst));
    let mut stage = Stage::with_options(archive, options);
    std::fs::write(stage.path("line-up.toml"), LINE_UP).expect("a file");
    let file = stage.path("line-up.toml");
    let mut running = stage.start(&[
        "--base-url",
        stage.server.url(),
        "--line-up",
        file.to_str().expect("UTF-8"),
        "--channel",
        "9",
    ]);
    running.wait_for("a second of pictures", |trace| count(trace, "picture") >= 30);

    stage.server.unplug();
    let card = |trace: &[Value]| {
        let screen = trace.iter().rev().find(|event| event["ev"] == "screen");
        screen.and_then(|screen| screen["card"].as_str().map(str::to_string))
    };
    running.wait_for("the card", |trace| {
        card(trace).is_some_and(|card| card.starts_with("No network.") && card.contains("again"))
    });

    stage.server.plug_in().expect("the ports are still ours");
    let before = count(&running.trace, "picture");
    running.wait_for("resuming", |trace| count(trace, "picture") >= before + 30);
    running.wait_for("the film", |trace| card(trace).is_none());
}

/// One film of half an hour, over and over.
const LINE_UP: &str = "\
[[channel]]
number = 9
id = \"over\"
name = \"Over and over\"

[[channel.programme]]
title = \"A film\"
item = \"film\"
file = \"film.mp4\"
duration = \"0:30:00\"
";

fn pts(picture: Option<&Value>) -> i64 {
    picture.and_then(|event| event["pts_us"].as_i64()).expect("a picture")
}

fn last_pts(trace: &[Value]) -> i64 {
    pts(trace.iter().rev().find(|event| event["ev"] == "picture"))
}
