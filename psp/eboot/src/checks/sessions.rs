//! Recorded sessions, watched again in virtual time: what the TV does here has to be, to the
//! microsecond, what it did when they were recorded. The trace of each is left in
//! `NAME.trace.jsonl`, which has to be, to the byte, what `testcard-sim replay --save` writes on a
//! desktop.
//!
//! Compared here is all but the `level` lines, which are noted whenever something is done a second
//! after the last: for drawing, and no part of what is compared on the desktop either.
//!
//! Films that parts of bodies are taken from are blank here: they would take the whole clip that they
//! are made of, and a test on the desktop shows that no session's trace depends on their bytes.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use testcard_core::time::{Clock, Instant};
use testcard_session::{BlankFilms, ReadError, ReadErrorKind, Session, Source, trace_text};

use super::{Report, Settings, first_difference, write};
use crate::runtime::clock::ConsoleClock;
use crate::runtime::files::{self, FileError};
use crate::runtime::heap;

/// The largest file of a session that is read here: an index of 2 MiB, packed or as an ordinary
/// timeline, with room to spare.
const FILE_BYTES: usize = 4 * 1024 * 1024;

/// Those that are watched unless `checks.toml` names others: `sessions = ["moov-first"]`.
fn chosen() -> impl Iterator<Item = &'static str> {
    include_str!("sessions.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

pub(super) fn run(settings: &Settings, report: &mut Report) {
    let names = match settings.names("sessions") {
        Ok(names) => names.unwrap_or_else(|| chosen().collect()),
        Err(why) => return report.tell("sessions", Err(why)),
    };
    for name in names {
        report.tell(name, watch(name));
    }
}

/// Watches one session again; in words how long it took, or what is another than it was.
fn watch(name: &str) -> Result<String, String> {
    let folder = Folder { path: format!("sessions/{name}/") };
    let session = Session::read_from(&folder, &BlankFilms).map_err(|error| error.to_string())?;
    let recorded = folder.recorded_trace()?;

    let clock = ConsoleClock::new();
    let began = clock.now();
    let outcome = testcard_replay::replay(&session);
    let real = clock.now().since(began);

    let (replayed, derailed) = match outcome {
        Ok(replayed) => (replayed, None),
        Err(derailed) => {
            let why = derailed.to_string();
            (derailed.replayed, Some(why))
        }
    };
    let trace = trace_text(&replayed.trace);
    write(&format!("{name}.trace.jsonl"), trace.as_bytes())?;
    match (derailed, first_difference(&decisions(&recorded), &decisions(&trace))) {
        (Some(why), _) => Err(why),
        (None, Some((line, was, is))) => {
            Err(format!("line {line} of the trace, levels not counted, was {was} and is {is}"))
        }
        (None, None) => Ok(speed(replayed.end.since(Instant::ZERO), real)),
    }
}

/// A trace without its `level` lines. Their `ev` comes right behind the time, see
/// docs/session-format.md.
fn decisions(trace: &str) -> String {
    let is_level = |line: &str| {
        line.split_once(',').is_some_and(|(_, rest)| rest.starts_with(r#""ev":"level""#))
    };
    trace.split_inclusive('\n').filter(|line| !is_level(line)).collect()
}

fn speed(shown: Duration, real: Duration) -> String {
    let times = shown.as_millis() / real.as_millis().max(1);
    let (shown, real, peak) = (shown.as_millis(), real.as_millis(), heap::usage().peak / 1024);
    format!(
        "as recorded; {shown} ms in {real} ms, {times} times as fast; at most {peak} KiB of the heap \
         so far"
    )
}

/// A session's folder on the Memory Stick.
struct Folder {
    /// With its final slash, from the program's folder on.
    path: String,
}

impl Folder {
    /// The trace as it was written down.
    fn recorded_trace(&self) -> Result<String, String> {
        let trace = self.file_if_there("trace.jsonl", FILE_BYTES as u64);
        match trace.map_err(|error| error.to_string())? {
            Some(bytes) if !bytes.is_empty() => {
                String::from_utf8(bytes).map_err(|error| error.to_string())
            }
            _ => Err("it has no trace.jsonl to compare with".to_string()),
        }
    }
}

impl Source for Folder {
    fn file_if_there(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let place = self.place(name);
        let limit = usize::try_from(most).unwrap_or(usize::MAX).min(FILE_BYTES);
        let error = match files::read(&place, limit) {
            Ok(bytes) => return Ok(Some(bytes)),
            Err(FileError::NotFound) => return Ok(None),
            Err(error) => error,
        };
        let kind = match error {
            FileError::TooLong { .. } => ReadErrorKind::TooLarge,
            _ => ReadErrorKind::Unreadable,
        };
        Err(ReadError { file: place, line: None, kind, what: error.to_string() })
    }

    fn place(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }
}
