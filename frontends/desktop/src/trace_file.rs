//! The trace as a file: one JSON object a line, `t` in µs since the program started. Only writes.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use testcard_core::time::Instant;
use testcard_core::trace::{Event, Trace};

/// Writes events to a file as they happen, or nowhere.
pub struct TraceFile(Option<BufWriter<File>>);

#[derive(Serialize)]
struct Line<'a, E> {
    t: Instant,
    #[serde(flatten)]
    event: &'a E,
}

/// What the window adds to the core's events.
#[derive(Serialize)]
#[serde(tag = "ev", rename_all = "snake_case")]
pub enum Shown {
    /// A picture reached the screen (or its file).
    Picture {
        /// Counted from 0.
        n: u64,
        /// Its place on the film's timeline.
        pts_us: i64,
        /// Frames of sound played so far; absent without a sound device.
        #[serde(skip_serializing_if = "Option::is_none")]
        sound_frames: Option<u64>,
    },
    /// What the program cost.
    Summary {
        /// Pictures shown.
        pictures: u64,
        /// Pictures that were too late to be shown.
        dropped: u64,
        /// Body bytes received.
        bytes: u64,
        /// Exchanges opened.
        exchanges: u32,
        /// Times that the sound device found nothing to play.
        underruns: u64,
    },
}

impl TraceFile {
    /// A trace that writes to `path`; nowhere when there is none.
    pub fn create(path: Option<&Path>) -> io::Result<Self> {
        path.map(File::create).transpose().map(|file| Self(file.map(BufWriter::new)))
    }

    /// Writes what the window did.
    pub fn shown(&mut self, at: Instant, event: &Shown) {
        self.write(&Line { t: at, event });
    }

    fn write(&mut self, line: &impl Serialize) {
        let Some(file) = &mut self.0 else { return };
        // Whole lines at once, so that a trace is readable while the program runs, and after a kill.
        let written = serde_json::to_writer(&mut *file, line).map_err(io::Error::from);
        if let Err(error) = written.and_then(|()| file.write_all(b"\n")).and_then(|()| file.flush())
        {
            eprintln!("testcard: the trace cannot be written any further: {error}");
            self.0 = None;
        }
    }
}

impl Trace for TraceFile {
    fn record(&mut self, at: Instant, event: Event) {
        self.write(&Line { t: at, event: &event });
    }
}
