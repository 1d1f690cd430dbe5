//! What happened in a session, as text for people and snapshots: one event a line, in virtual time,
//! nothing left out and nothing made up. Never decides what is worth telling.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};
use testcard_core::time::{Instant, MediaTime};
use testcard_core::trace::{Event, Trace};
use testcard_session::{Level, TraceLine};

/// Events in the order in which they happened.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    lines: Vec<(Instant, Line)>,
}

/// One thing that happened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Line {
    /// The core did or saw it.
    Core(Event),
    /// The viewer sees and hears the film from this position on.
    Playing(MediaTime),
    /// Something that the test did to the world.
    World(String),
    /// How things stand: for drawing, not for reading.
    Level(Level),
}

impl Timeline {
    /// Adds a line; lines come in order.
    pub fn push(&mut self, at: Instant, line: Line) {
        self.lines.push((at, line));
    }

    /// What happened, and when.
    pub fn lines(&self) -> &[(Instant, Line)] {
        &self.lines
    }

    /// What the core did and saw.
    pub fn events(&self) -> impl Iterator<Item = (Instant, &Event)> {
        self.lines.iter().filter_map(|(at, line)| match line {
            Line::Core(event) => Some((*at, event)),
            _ => None,
        })
    }

    /// The same as a session keeps it, from the line of this number on.
    pub fn to_trace(&self, from: usize) -> Vec<TraceLine> {
        let lines = self.lines.get(from..).unwrap_or_default();
        lines.iter().map(|(at, line)| TraceLine { at: *at, fields: line.to_fields() }).collect()
    }
}

/// What happened beside what the core did.
#[derive(Serialize)]
struct At {
    at_us: MediaTime,
}

#[derive(Serialize)]
struct What<'a> {
    what: &'a str,
}

impl Line {
    fn to_fields(&self) -> Map<String, Value> {
        match self {
            Self::Core(event) => object(event),
            Self::Playing(from) => tagged("playing", &At { at_us: *from }),
            Self::World(what) => tagged("world", &What { what }),
            Self::Level(level) => tagged("level", level),
        }
    }
}

fn tagged(ev: &str, fields: &impl Serialize) -> Map<String, Value> {
    let mut all = Map::from_iter([("ev".to_owned(), Value::from(ev))]);
    all.extend(object(fields));
    all
}

/// The fields of what is an object with fields by its type.
fn object(fields: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(fields) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

impl Trace for Timeline {
    fn record(&mut self, at: Instant, event: Event) {
        self.push(at, Line::Core(event));
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_to_be_read = |line: &Line| !matches!(line, Line::Level(_));
        for (at, line) in self.lines.iter().filter(|(_, line)| is_to_be_read(line)) {
            writeln!(f, "{:>11} | {line}", at.to_string())?;
        }
        Ok(())
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core(event) => show(event, f),
            Self::Playing(from) => write!(f, "playing       from {}", Position(*from)),
            Self::World(what) => write!(f, "--- {what} ---"),
            Self::Level(level) => write!(f, "{} bytes in the window", level.window_bytes),
        }
    }
}

fn show(event: &Event, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match event {
        Event::Tuned { url, target } => {
            write!(f, "tuned         {url} at {}", Position(*target))
        }
        Event::Opened { x, url, range } => {
            write!(f, "opened        #{x} {url}")?;
            range.map_or(Ok(()), |range| write!(f, " {range}"))
        }
        Event::Answered { x, status } => write!(f, "answered      #{x} {status}"),
        Event::Closed { x, received, complete } => {
            let how = if *complete { "complete" } else { "hung up" };
            write!(f, "closed        #{x} {how} after {received} bytes")
        }
        Event::NodeFailed { x, why, pause } => {
            write!(f, "node failed   #{x} {why}; again in {} ms", pause.as_millis())
        }
        Event::FileChanged => f.write_str("file changed"),
        Event::IndexFound { offset, bytes } => {
            write!(f, "index found   {bytes} bytes at {offset}")
        }
        Event::Recognised { container } => write!(f, "recognised    {container}"),
        Event::LookedAt { offset } => write!(f, "looked at     byte {offset}"),
        Event::Seeked { offset, target } => {
            write!(f, "seeked        to {} from byte {offset}", Position(*target))
        }
        Event::Throttled => f.write_str("throttled"),
        Event::Unthrottled => f.write_str("unthrottled"),
        Event::Ready { at } => write!(f, "ready         at {}", Position(*at)),
        Event::Starved { at } => write!(f, "starved       at {}", Position(*at)),
        Event::Noticed { notice } => write!(f, "noticed       {notice}"),
        Event::Failed { sentence, .. } => write!(f, "failed        {sentence}"),
        Event::Ended => f.write_str("ended"),
    }
}

/// A position in seconds: `900.000000`.
struct Position(MediaTime);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        if micros < 0 {
            f.write_char('-')?;
        }
        Instant::from_micros(micros.unsigned_abs()).fmt(f)
    }
}
