//! What is checked on the PSP itself, or inside PPSSPP, because a desktop's tests cannot show it:
//! that the same core comes to the same results when it was compiled for this processor. Each check
//! writes what it computed to a file beside the EBOOT, so that whoever runs it can compare that with
//! the desktop's. Never part of the TV.
//!
//! `checks.toml` beside the EBOOT says which to run; without it all are. `RESULT PASS n checks` or
//! `RESULT FAIL f of n checks` is the last line, once.

mod golden;
mod picture;
mod sessions;
mod sound;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use toml::{Table, Value};

use crate::runtime::files::{self, File, FileError};
use crate::runtime::log;

/// The most of `checks.toml` that is read.
const SETTINGS_BYTES: usize = 16 * 1024;

/// Something that can be checked here.
struct Check {
    /// What `checks.toml` calls it.
    name: &'static str,
    /// Does it, and tells how each part of it went.
    run: fn(&Settings, &mut Report),
}

/// All of them, in the order in which they are run.
const CHECKS: &[Check] = &[
    Check { name: "golden-vectors", run: golden::run },
    Check { name: "picture-refusals", run: picture::refuse },
    Check { name: "picture-sizes", run: picture::sizes },
    Check { name: "picture-film", run: picture::film },
    Check { name: "sessions", run: sessions::run },
    Check { name: "sound-refusals", run: sound::refuse },
    Check { name: "sound-decoder", run: sound::decode },
    Check { name: "sound-player", run: sound::play },
    Check { name: "sound-orders", run: sound::obey },
    Check { name: "sound-volume", run: sound::change_volume },
];

/// Runs what `checks.toml` names.
pub fn run() {
    let mut report = Report::default();
    match Settings::read() {
        Ok(settings) => run_chosen(&settings, &mut report),
        Err(why) => report.tell("checks.toml", Err(why)),
    }
    log::last_words(format_args!("{report}"));
}

fn run_chosen(settings: &Settings, report: &mut Report) {
    let chosen = match settings.names("checks") {
        Ok(Some(names)) => names,
        Ok(None) => CHECKS.iter().map(|check| check.name).collect(),
        Err(why) => return report.tell("checks.toml", Err(why)),
    };
    for name in chosen {
        let Some(check) = CHECKS.iter().find(|check| check.name == name) else {
            report.tell(name, Err("there is no such check".to_string()));
            continue;
        };
        let before = report.told;
        (check.run)(settings, report);
        if report.told == before {
            report.tell(name, Err("it checked nothing".to_string()));
        }
    }
}

/// What `checks.toml` says.
struct Settings(Table);

impl Settings {
    fn read() -> Result<Self, String> {
        let text = match files::read_text("checks.toml", SETTINGS_BYTES) {
            Ok(text) => text,
            Err(FileError::NotFound) => String::new(),
            Err(error) => return Err(error.to_string()),
        };
        text.parse().map(Self).map_err(|error: toml::de::Error| error.message().to_string())
    }

    /// A list of names; `None` when it is not there.
    fn names(&self, key: &str) -> Result<Option<Vec<&str>>, String> {
        let Some(value) = self.0.get(key) else { return Ok(None) };
        let names = value.as_array().and_then(|list| list.iter().map(Value::as_str).collect());
        names.map(Some).ok_or_else(|| alloc::format!("{key} is no list of names"))
    }
}

/// How the checks went.
#[derive(Default)]
struct Report {
    told: u32,
    failed: u32,
}

impl Report {
    /// One line: what was checked, and what came of it, in words.
    fn tell(&mut self, name: &str, outcome: Result<String, String>) {
        self.told += 1;
        match outcome {
            Ok(how) => log::line(format_args!("PASS {name}: {how}")),
            Err(why) => {
                self.failed += 1;
                log::line(format_args!("FAIL {name}: {why}"));
            }
        }
        log::flush();
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.told, self.failed) {
            (0, _) => f.write_str("RESULT FAIL nothing was checked"),
            (told, 0) => write!(f, "RESULT PASS {told} checks"),
            (told, failed) => write!(f, "RESULT FAIL {failed} of {told} checks"),
        }
    }
}

/// Writes what a check computed to a file beside the EBOOT.
fn write(name: &str, bytes: &[u8]) -> Result<(), String> {
    let written = File::create(name).and_then(|mut file| file.write(bytes));
    written.map_err(|error| alloc::format!("{name}: {error}"))
}

/// The first line in which two texts differ, counted from 1, with what either has there.
fn first_difference<'a>(expected: &'a str, found: &'a str) -> Option<(usize, &'a str, &'a str)> {
    let (mut left, mut right) = (expected.lines(), found.lines());
    for number in 1.. {
        match (left.next(), right.next()) {
            (None, None) => break,
            (expected, found) if expected != found => {
                let nothing = "(the end)";
                return Some((number, expected.unwrap_or(nothing), found.unwrap_or(nothing)));
            }
            _ => {}
        }
    }
    // Lines may be the same and their ends not.
    (expected != found).then_some((0, "other line ends", "other line ends"))
}
