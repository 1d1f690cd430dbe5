//! Ctrl-C and SIGTERM: what was to be written is written before the program ends.

use std::fs;

use serde_json::Value;
use testcard_archive::Layout;
use testcard_session::Session;

use crate::run::{Running, Stage, archive_with, half_hour};

fn pictures(trace: &[Value]) -> usize {
    trace.iter().filter(|event| event["ev"] == "picture").count()
}

fn is_there(running: &mut Running, count: usize) {
    running.wait_for("a second of pictures", |trace| pictures(trace) >= count);
}

/// Plays, sends a signal in the middle, and checks that trace, session and sound go to the end.
fn stop(signal: &str, more: &[&str]) {
    let stage = Stage::new(archive_with(half_hour(Layout::MoovFirst), &[]));
    let (session, wav) = (stage.path("session"), stage.path("sound.wav"));
    let url = stage.film_url();
    let keep = ["--record", session.to_str().expect("UTF-8"), "--dump-audio"];
    let arguments = [&["play", &url][..], more, &keep, &[wav.to_str().expect("UTF-8")]].concat();
    let mut running = stage.start(&arguments);
    is_there(&mut running, 30);
    running.signal(signal);
    let (code, trace) = running.end();
    assert_eq!(code, Some(130));

    let summary = trace.last().expect("a trace");
    assert_eq!(summary["ev"], "summary", "{summary}");
    assert_eq!(summary["pictures"], pictures(&trace));

    // The session has all that the core did, up to the exchange that was left last.
    let session = Session::read(&session).unwrap_or_else(|error| panic!("{error}"));
    let count = |kind: &str| trace.iter().filter(|event| event["ev"] == kind).count();
    let kept = |kind: &str| session.trace.iter().filter(|line| line.fields["ev"] == kind).count();
    for kind in ["opened", "answered", "closed", "playing"] {
        assert!(count(kind) > 0 && count(kind) == kept(kind), "{kind}");
    }
    assert_eq!(count("opened"), count("closed"));

    let wav = fs::read(wav).expect("sound");
    let size = u32::from_le_bytes([wav[40], wav[41], wav[42], wav[43]]);
    assert_eq!(size as usize, wav.len() - 44, "the header has the sound's true size");
    assert!(size > 0);
}

#[test]
fn ctrl_c_ends_a_headless_recording_with_all_of_it_written() {
    stop("INT", &["--headless"]);
}

#[test]
fn sigterm_ends_a_headless_recording_with_all_of_it_written() {
    stop("TERM", &["--headless"]);
}

#[test]
fn ctrl_c_ends_a_recording_in_a_window_with_all_of_it_written() {
    stop("INT", &[]);
}

#[test]
fn a_set_that_is_told_to_end_is_left_as_by_its_viewer() {
    for signal in ["INT", "TERM"] {
        let stage = Stage::new(archive_with(half_hour(Layout::MoovFirst), &[]));
        let mut running = stage.start(&["--offline", "--channel", "2"]);
        is_there(&mut running, 30);
        running.signal(signal);
        let (code, trace) = running.end();
        assert_eq!(code, Some(0), "{signal}");
        assert_eq!(trace.last().expect("a trace")["ev"], "summary", "{signal}");
    }
}
