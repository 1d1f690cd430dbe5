//! The set on its schedule.

use testcard_core::line_up::LineUp;
use testcard_core::schedule::{DEFAULT_SEED, Schedule};
use testcard_core::time::UnixMillis;

use crate::run::{CLIP, Frame, RATE, Stage, archive_with, half_hour};

/// 2026-11-20T20:42:00Z.
const WHEN: UnixMillis = UnixMillis(1_795_207_320_000);

#[test]
fn the_time_code_of_the_first_picture_is_the_scheduled_second_on_every_channel() {
    let schedule = Schedule::new(LineUp::built_in(), DEFAULT_SEED);
    for (index, channel) in schedule.line_up().channels.iter().enumerate() {
        let stage = Stage::new(archive_with(half_hour(testcard_archive::Layout::MoovFirst), &[]));
        let pictures = stage.path("pictures");
        let run = stage.run(&[
            "--offline",
            "--when",
            "2026-11-20T20:42:00Z",
            "--channel",
            &channel.number.to_string(),
            "--frames",
            "1",
            "--dump-frames",
            pictures.to_str().expect("UTF-8"),
        ]);
        assert_eq!(run.code(), Some(0), "{}", run.sentence());
        let shown_us = run.events("picture")[0]["t"].as_i64().expect("µs");
        let now = WHEN.plus_millis(shown_us / 1000);
        let airing = schedule.on_air(index, now).expect("something is on");
        let scheduled_us = airing.position(now).as_micros();
        let frame = &Frame::all(&pictures, 0)[0];
        // Pictures are shown when they are due or within a refresh or two after; a slow machine may
        // start late, and never early.
        let late_us = scheduled_us - frame.pts_us;
        assert!((-40_000..1_000_000).contains(&late_us), "{}: {late_us} µs late", channel.name);
        let second = frame.pts_us / 1_000_000;
        assert_eq!(frame.number() / RATE, second as u64 % (CLIP / RATE), "{}", channel.name);
    }
}

#[test]
fn now_prints_what_the_set_would_show() {
    let schedule = Schedule::new(LineUp::built_in(), DEFAULT_SEED);
    let output = std::process::Command::new(crate::run::program())
        .args(["now", "--json", "--when", "2026-11-20T20:42:00Z"])
        // None of whoever runs the tests.
        .env("XDG_DATA_HOME", "/nonexistent")
        .output()
        .expect("the program runs");
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(printed, serde_json::to_value(schedule.now(WHEN)).expect("JSON"));
}
