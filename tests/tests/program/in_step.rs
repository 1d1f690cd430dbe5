//! Picture and sound, against each other and against the film.

use serde_json::Value;
use testcard_archive::Layout;

use crate::run::{CLIP, Frame, RATE, Stage, archive_with, beeps, half_hour, samples};

#[test]
fn every_picture_is_the_one_of_its_time() {
    for layout in [Layout::MoovFirst, Layout::MoovLast] {
        let stage = Stage::new(archive_with(half_hour(layout), &[]));
        let pictures = stage.path("pictures");
        let dump = pictures.to_str().expect("UTF-8");
        let run = stage
            .play(&stage.film_url(), &["--at", "900.5", "--frames", "70", "--dump-frames", dump]);
        assert_eq!(run.code(), Some(0), "{}", run.sentence());
        let frames = Frame::all(&pictures, 0);
        assert_eq!(frames.len(), 70);
        for (nth, frame) in (0..).zip(&frames) {
            let number = 900 * RATE + RATE / 2 + nth;
            assert_eq!(frame.number(), number % CLIP, "{layout:?}, picture {nth}");
            let due = (number * 1_000_000 / RATE) as i64;
            assert!(frame.pts_us.abs_diff(due) <= 1, "{} {due}", frame.pts_us);
            assert_eq!(frame.flashes(), number % RATE < 3);
        }
    }
}

#[test]
fn the_sound_dumped_starts_with_the_first_picture_to_the_frame() {
    let stage = Stage::new(archive_with(half_hour(Layout::MoovFirst), &[]));
    let wav = stage.path("sound.wav");
    let dump = wav.to_str().expect("UTF-8");
    let arguments = ["--at", "900.5", "--frames", "120", "--dump-audio", dump];
    let run = stage.play(&stage.film_url(), &arguments);
    assert_eq!(run.code(), Some(0), "{}", run.sentence());
    // Beeps start on whole seconds; AAC smears an edge over a part of its 1024 samples.
    let beeps = beeps(&samples(&wav, 44));
    assert!(beeps.len() >= 3, "{beeps:?}");
    for (nth, beep) in (0..).zip(beeps) {
        assert!(beep.abs_diff(24_000 + nth * 48_000) < 240, "beep {nth} at {beep}");
    }
}

/// Plays a minute and says how far apart, in ms, each flash of the last two seconds was from its
/// beep: when the picture was on the screen, against what the speaker had played by then.
fn skews_after_a_minute(layout: Layout) -> Vec<i64> {
    let stage = Stage::new(archive_with(half_hour(layout), &[]));
    let (pictures, wav) = (stage.path("pictures"), stage.path("sound.wav"));
    let run = stage.run(&[
        "play",
        &stage.film_url(),
        "--at",
        "600",
        "--frames",
        "1870",
        "--dump-frames",
        pictures.to_str().expect("UTF-8"),
        "--dump-audio",
        wav.to_str().expect("UTF-8"),
    ]);
    assert_eq!(run.code(), Some(0), "{}", run.sentence());

    // What the file-backed speaker got is what was dumped: silence before, and then every beep. A
    // machine too busy to feed it in time leaves holes, which the program has to own up to.
    let (heard, dumped) =
        (beeps(&samples(&stage.path("speaker.raw"), 0)), beeps(&samples(&wav, 44)));
    assert!(heard.len() >= 60, "{} beeps were heard", heard.len());
    let before = heard[0] - dumped[0];
    let underruns = run.events("summary")[0]["underruns"].as_u64().expect("a number");
    for (heard, dumped) in heard.iter().zip(&dumped) {
        // The speaker plays at less than full volume, so a beep is loud a little later.
        let hole = (heard - dumped).abs_diff(before);
        assert!(hole <= 48 || underruns > 0, "the sound had a hole of {hole} frames");
    }

    let flashes = Frame::all(&pictures, 659_500_000)
        .into_iter()
        .filter(Frame::flashes)
        .filter(|frame| frame.number() % RATE == 0)
        .collect::<Vec<_>>();
    assert!(flashes.len() >= 2, "{} flashes", flashes.len());
    let shown = run.events("picture");
    let skew = |flash: &Frame| {
        let event = shown.iter().find(|event| event["pts_us"] == flash.pts_us);
        let sound = event.and_then(|event| event["sound_frames"].as_i64()).expect("it was shown");
        let nearest = dumped.iter().min_by_key(|beep| (**beep as i64 - sound).abs());
        (sound - *nearest.expect("a beep") as i64) / 48
    };
    flashes.iter().map(skew).collect()
}

#[test]
fn flash_and_beep_are_together_after_a_minute_moov_first() {
    let skews = skews_after_a_minute(Layout::MoovFirst);
    assert!(skews.iter().all(|ms| ms.abs() <= 40), "{skews:?} ms");
}

#[test]
fn flash_and_beep_are_together_after_a_minute_moov_last() {
    let skews = skews_after_a_minute(Layout::MoovLast);
    assert!(skews.iter().all(|ms| ms.abs() <= 40), "{skews:?} ms");
}

#[test]
fn the_last_line_of_the_trace_sums_up() {
    let stage = Stage::new(archive_with(half_hour(Layout::MoovFirst), &[]));
    let run = stage.play(&stage.film_url(), &["--at", "1799"]);
    assert_eq!(run.code(), Some(0), "{}", run.sentence());
    let summary = run.trace.last().expect("a trace");
    assert_eq!((&summary["ev"], &summary["pictures"]), (&Value::from("summary"), &Value::from(30)));
}
