//! Sound files and fragments from a server on this machine: heard at the very second, and said to be
//! what they are. What sounds there tells the second by its pitch (see recorded-sessions/clips).

use testcard_archive::{Archive, Clip, Rule};

use crate::run::{Stage, samples};

/// The kinds, by file name and description, with the frames a second of each.
const FILES: [(&str, &str, u32); 4] = [
    ("hour.mp3", "3600:min:mp3", 48_000),
    ("hour.ogg", "3600:min:ogg", 22_050),
    ("hour.flac", "3600:min:flac", 16_000),
    ("hour.mp4", "3600:min:fragments", 32_000),
];

fn stage(rules: &[&str]) -> Stage {
    let mut archive = Archive::new(Clip::test_card(), 1);
    for (name, spec, _) in FILES {
        archive.add("radio", "An hour of radio", name, spec.parse().expect("a description"));
    }
    archive.set_rules(rules.iter().map(|rule| rule.parse::<Rule>().expect(rule)).collect());
    Stage::new(archive)
}

fn url(stage: &Stage, name: &str) -> String {
    format!("{}/download/radio/{name}", stage.server.url())
}

/// The second of the clip's twelve that sounds in a stretch of one channel.
fn second(samples: &[i16], rate: u32) -> i64 {
    let rises = samples.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count() as i64;
    let hertz = rises * i64::from(rate) / samples.len() as i64;
    (hertz - 300 + 25) / 50
}

#[test]
fn every_kind_of_radio_is_heard_at_the_very_second_wherever_it_is_joined() {
    let stage = stage(&[]);
    let dump = stage.path("sound.wav");
    let dump = dump.to_str().expect("a path");
    for (name, _, rate) in FILES {
        // Near the end, so that it is over soon; second 4 of the clip.
        let run = stage.play(&url(&stage, name), &["--at", "3592", "--dump-audio", dump]);
        assert_eq!(run.code(), Some(0), "{name}: {}", run.sentence());
        let both = samples(dump.as_ref(), 44);
        let left: Vec<i16> = both.iter().step_by(2).copied().collect();
        let seconds = left.len() as u32 / rate;
        assert!((7..=8).contains(&seconds), "{name}: {seconds} s");
        for n in 0..7 {
            // From the middle of each second, for half of one.
            let from = (n * rate + rate / 4) as usize;
            let heard = second(&left[from..from + rate as usize / 2], rate);
            assert_eq!(heard, 4 + i64::from(n), "{name}, {n} s after it was joined");
        }
        assert!(run.events("recognised").len() == 1, "{name}");
        assert!(run.events("looked_at").len() <= 2, "{name}: {:?}", run.events("looked_at"));
    }
}

#[test]
fn radio_goes_on_where_its_node_fails() {
    let stage = stage(&["node:1..3:close=9000"]);
    let dump = stage.path("sound.wav");
    let dump = dump.to_str().expect("a path");
    let more = ["--at", "3592", "--dump-audio", dump];
    let run = stage.play(&url(&stage, "hour.mp3"), &more);
    assert_eq!(run.code(), Some(0), "{}", run.sentence());
    assert!(!run.events("node_failed").is_empty());
    let left: Vec<i16> = samples(dump.as_ref(), 44).iter().step_by(2).copied().collect();
    for n in 0..7 {
        let from = n * 48_000 + 12_000;
        assert_eq!(second(&left[from..from + 24_000], 48_000), 4 + n as i64);
    }
}

#[test]
fn probe_says_what_a_sound_file_is_and_how_long_it_plays() {
    let stage = stage(&[]);
    for (name, expected) in [
        ("hour.mp3", "MP3, 3600.000 s\naudio: MP3 48000 Hz, 1 channels\n"),
        (
            "hour.ogg",
            "Ogg, which does not say how long it plays\naudio: Vorbis 22050 Hz, 1 channels\n",
        ),
        ("hour.flac", "FLAC, 3600.000 s\naudio: FLAC 16000 Hz, 1 channels\n"),
        (
            "hour.mp4",
            "MP4 in fragments, which does not say how long it plays\n\
             audio: AAC 32000 Hz, 1 channels\n",
        ),
    ] {
        let mut probe = std::process::Command::new(crate::run::program());
        probe.arg("probe").arg(url(&stage, name)).arg("--extra-ca").arg(stage.path("ca.pem"));
        let output = probe.output().expect("the program runs");
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    }
}
