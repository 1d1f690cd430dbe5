//! What happens, written down as the desktop's `--trace` does: JSON lines, `t` in µs since the
//! console was switched on. Only notes; [`Journal::write`] takes it to the Memory Stick, on a thread
//! that has time for that.

use alloc::string::String;

use serde::Serialize;
use testcard_core::time::{Instant, MediaTime};
use testcard_core::trace::{Event, Trace};

use crate::runtime::files::{File, FileError};
use crate::runtime::log;
use crate::runtime::sync::Mutex;

/// Lines that wait to be written: more than a second of anything.
const WAITING_BYTES_MAX: usize = 32 * 1024;

/// The longest a trace gets: two hours of pictures. A Memory Stick has other things on it.
const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Writes events down as they happen.
#[derive(Default)]
pub struct Journal {
    /// Whether anybody wants to read them.
    is_kept: bool,
    waiting: String,
    left_out: u32,
}

#[derive(Serialize)]
struct Line<'a, E> {
    t: Instant,
    #[serde(flatten)]
    event: &'a E,
}

/// What the set adds to the core's events.
#[derive(Serialize)]
#[serde(tag = "ev", rename_all = "snake_case")]
pub enum Shown {
    /// Pictures and sound move from here on.
    Playing {
        /// The position in the film.
        at_us: MediaTime,
    },
    /// A picture reached the screen.
    Picture {
        /// Counted from 0.
        n: u32,
        /// Its place on the film's timeline.
        pts_us: MediaTime,
    },
    /// What the programme cost.
    Summary {
        /// Pictures shown.
        pictures: u32,
        /// Pictures that were too late to be shown.
        dropped: u32,
        /// Body bytes received.
        bytes: u64,
        /// Exchanges opened.
        exchanges: u32,
        /// Times that the speaker found nothing to play.
        underruns: u32,
    },
}

impl Journal {
    /// A journal that keeps what happens for [`Journal::write`].
    pub fn kept() -> Self {
        Self { is_kept: true, waiting: String::with_capacity(WAITING_BYTES_MAX), left_out: 0 }
    }

    /// Notes what the set did.
    pub fn shown(&mut self, at: Instant, event: &Shown) {
        self.note(&Line { t: at, event });
    }

    fn note(&mut self, line: &impl Serialize) {
        if !self.is_kept {
            return;
        }
        // Only a map with keys that are no text cannot be JSON.
        let Ok(line) = serde_json::to_string(line) else { return };
        if self.waiting.len() + line.len() + 1 > WAITING_BYTES_MAX {
            self.left_out += 1;
            return;
        }
        self.waiting.push_str(&line);
        self.waiting.push('\n');
    }
}

impl Trace for Journal {
    fn record(&mut self, at: Instant, event: Event) {
        log_event(&event);
        self.note(&Line { t: at, event: &event });
    }
}

/// The log is for people: what they may wonder about.
fn log_event(event: &Event) {
    match event {
        Event::Tuned { url, target } => {
            log::line(format_args!("tuned: {url} at {} ms", target.as_micros() / 1000));
        }
        Event::Answered { x, status } => log::line(format_args!("answered: {x}: {status}")),
        Event::NodeFailed { x, why, pause } => {
            log::line(format_args!("node failed: {x}: {why}; pause {} ms", pause.as_millis()));
        }
        Event::IndexFound { offset, bytes } => {
            log::line(format_args!("index: {bytes} bytes at {offset}"));
        }
        Event::Seeked { offset, target } => {
            log::line(format_args!("seeked: {} ms at {offset}", target.as_micros() / 1000));
        }
        Event::Starved { at } => {
            log::line(format_args!("starved: at {} ms", at.as_micros() / 1000));
        }
        Event::Ended => log::line(format_args!("ended")),
        _ => {}
    }
}

/// The file of a [`Journal`].
pub struct JournalFile {
    file: File,
    written: usize,
    /// Swapped with the journal's own, so that nobody waits for the Memory Stick.
    writing: String,
}

impl JournalFile {
    /// A new file in the program's folder.
    pub fn create(name: &str) -> Result<Self, FileError> {
        let writing = String::with_capacity(WAITING_BYTES_MAX);
        Ok(Self { file: File::create(name)?, written: 0, writing })
    }

    /// Writes what waits.
    pub fn write(&mut self, journal: &Mutex<Journal>) -> Result<(), FileError> {
        let mut noted = journal.lock();
        core::mem::swap(&mut noted.waiting, &mut self.writing);
        let left_out = core::mem::take(&mut noted.left_out);
        noted.is_kept = self.written < FILE_BYTES_MAX;
        drop(noted);
        if left_out > 0 {
            log::line(format_args!("the trace misses {left_out} lines: they came too fast"));
        }
        self.written += self.writing.len();
        self.file.write(self.writing.as_bytes())?;
        self.writing.clear();
        Ok(())
    }
}
