//! What happens, written down: as a file of JSON lines, `t` in µs since the program started, and in
//! the session that is being recorded. Only writes.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use testcard_core::net::Url;
use testcard_core::playback::Aim;
use testcard_core::time::{Instant, MediaTime};
use testcard_core::trace::{Event, Trace};
use testcard_session::{Level, Recording, TraceLine};

/// Writes events down as they happen: to a file, in a recording, to both or nowhere.
pub struct Journal {
    file: Option<BufWriter<File>>,
    recording: Option<Recording>,
}

#[derive(Serialize)]
struct Line<'a, E> {
    t: Instant,
    #[serde(flatten)]
    event: &'a E,
}

/// What the screen shows beside the picture, as far as tests ask.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ScreenLine {
    /// Number of the channel watched.
    pub channel: u16,
    /// How much later than scheduled the programme is watched, in ms.
    pub behind_ms: i64,
    /// What is under the guide's cursor; absent when it is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guide: Option<Cursor>,
    /// The sentence of the card in the picture's place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// Whether the page of a programme that is only heard is there.
    pub sound_only: bool,
    /// Whether the banner is there.
    pub banner: bool,
    /// The digits entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// In percent.
    pub volume: u8,
    /// Whether the sound is off.
    pub muted: bool,
    /// Whether the stream's health is there.
    pub health: bool,
    /// What the set says of its own accord.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice: Option<String>,
    /// What is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subtitle: Option<String>,
}

/// What is under the guide's cursor.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Cursor {
    /// Number of the channel.
    pub channel: u16,
    /// The programme's title; absent for an ident.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// When it starts, in ms since 1970.
    pub starts_ms: i64,
}

/// What the window adds to the core's events.
#[derive(Serialize)]
#[serde(tag = "ev", rename_all = "snake_case")]
pub enum Shown {
    /// Pictures and sound move from here on.
    Playing {
        /// The position in the film.
        at_us: MediaTime,
    },
    /// A person did something.
    Input {
        /// What: a key of the remote control, a click.
        input: String,
    },
    /// Something on the screen has changed, but for the picture.
    Screen(ScreenLine),
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

impl Journal {
    /// A journal that writes to a file at `path` and to `recording`, where there is one.
    pub fn create(path: Option<&Path>, recording: Option<Recording>) -> io::Result<Self> {
        let file = path.map(File::create).transpose()?.map(BufWriter::new);
        Ok(Self { file, recording })
    }

    /// The recording that it writes to.
    pub fn recording(&self) -> Option<Recording> {
        self.recording.clone()
    }

    /// Whether a file is being written.
    pub fn is_traced(&self) -> bool {
        self.file.is_some()
    }

    /// Notes that a programme is tuned to, before the core says so and anything is asked for.
    pub fn tuned(&mut self, at: Instant, url: &Url, aim: Aim, duration: Option<Duration>) {
        if let Some(recording) = &self.recording {
            recording.tuned(at, url, aim, duration);
        }
    }

    /// Writes that pictures and sound move from a position on. It is the one thing of the window's
    /// that a session keeps too: whoever watches the session again starts then.
    pub fn playing(&mut self, at: Instant, position: MediaTime) {
        let event = Shown::Playing { at_us: position };
        self.write(&Line { t: at, event: &event });
        if let Some(recording) = &self.recording
            && let Ok(Value::Object(fields)) = serde_json::to_value(&event)
        {
            recording.note(TraceLine { at, fields });
        }
    }

    /// Notes how things stand. Only a session keeps that.
    pub fn level(&mut self, at: Instant, level: Level) {
        if let Some(recording) = &self.recording {
            recording.level(at, level);
        }
    }

    /// Writes what the window did.
    pub fn shown(&mut self, at: Instant, event: &Shown) {
        self.write(&Line { t: at, event });
    }

    fn write(&mut self, line: &impl Serialize) {
        let Some(file) = &mut self.file else { return };
        // Whole lines at once, so that a trace is readable while the program runs, and after a kill.
        let written = serde_json::to_writer(&mut *file, line).map_err(io::Error::from);
        if let Err(error) = written.and_then(|()| file.write_all(b"\n")).and_then(|()| file.flush())
        {
            log::warn!("the trace cannot be written any further: {error}");
            self.file = None;
        }
    }
}

impl Trace for Journal {
    fn record(&mut self, at: Instant, event: Event) {
        crate::logging::event(&event);
        self.write(&Line { t: at, event: &event });
        if let Some(recording) = &self.recording {
            recording.trace(at, &event);
        }
    }
}
