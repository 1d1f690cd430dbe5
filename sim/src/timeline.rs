//! What happened in a session, as text for people and snapshots: one event a line, in virtual time,
//! nothing left out and nothing made up. Never decides what is worth telling.

use std::fmt::{self, Write};

use testcard_core::time::{Instant, MediaTime};
use testcard_core::trace::{Event, Trace};

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
            Line::Playing(_) | Line::World(_) => None,
        })
    }
}

impl Trace for Timeline {
    fn record(&mut self, at: Instant, event: Event) {
        self.push(at, Line::Core(event));
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, line) in &self.lines {
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
