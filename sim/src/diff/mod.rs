//! What is different between two sessions, or between two traces: field by field, what was expected
//! and what is there instead, the first difference first. Compares structure, not text: exchanges
//! are paired before they are compared, so that one more request is reported as one more request.
//!
//! [`compare`] and [`compare_traces`] find the differences, [`text`] says them to people,
//! [`html::report`] draws them,
//! and they can be serialised for machines. What is not to count as a
//! difference is declared beforehand, see [`Ignore`]. Two things never count: the number that an
//! exchange has, and the number of a `{{token:1}}` — as long as the same ones are the same on both
//! sides. The title of a session and where it comes from are not compared.
//!
//! Sessions come from anywhere: no field of them can make this panic, and the cost of comparing grows
//! with their size only.

mod align;
mod chart;
mod exchanges;
pub mod html;
mod ignore;
mod text;
mod tokens;
mod trace;
mod words;

use std::fmt;

use serde::Serialize;
use testcard_core::playback::Aim;
use testcard_core::stream::Patience;
use testcard_core::time::Instant;
use testcard_session::{Session, TraceLine, Viewing};

pub use self::ignore::{Ignore, Rule, UnknownRule};
pub use self::text::text;
use self::tokens::Tokens;

/// One thing that is not as expected.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Difference {
    /// When in the session; where the sides differ in that too, the earlier time.
    #[serde(rename = "at_us")]
    pub at: Instant,
    /// Where in the session.
    #[serde(rename = "where")]
    pub place: Place,
    /// What is there, as people would call it: a request, a line of the trace.
    pub subject: String,
    /// The lines of the trace just before, on the first difference of a line only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<String>,
    /// Which part of it is different. `exchange` and `line` mean all of it: one side has none.
    pub field: String,
    /// What it was to be; absent when there was to be nothing.
    pub expected: Option<String>,
    /// What it is; absent when there is nothing.
    pub actual: Option<String>,
}

impl Difference {
    /// Whether one side has nothing at all of what the other has.
    fn is_of_all(&self) -> bool {
        match self.place {
            Place::Viewing => false,
            Place::Exchange { expected, actual } | Place::Trace { expected, actual } => {
                expected.is_none() || actual.is_none()
            }
        }
    }
}

/// Where something is different. Numbers count from 1; a side that has no such thing has none.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// What was watched, and with what kind of set.
    Viewing,
    /// An exchange.
    Exchange {
        /// Its number among those expected.
        expected: Option<usize>,
        /// Its number among those that are there.
        actual: Option<usize>,
    },
    /// A line of the trace.
    Trace {
        /// Its number among those expected.
        expected: Option<usize>,
        /// Its number among those that are there.
        actual: Option<usize>,
    },
}

/// Compares what was watched, the exchanges and the traces of two sessions. A trace that nobody
/// wrote down on one side is not compared.
pub fn compare(expected: &Session, actual: &Session, ignore: &Ignore) -> Vec<Difference> {
    let mut found = Found::new(ignore);
    viewings(&expected.about.viewing, &actual.about.viewing, &mut found);
    let pairs = exchanges::compare(expected, actual, &mut found);
    if !expected.trace.is_empty() && !actual.trace.is_empty() {
        trace::compare(&expected.trace, &actual.trace, Some(&pairs), &mut found);
    }
    found.in_order()
}

/// Compares two traces.
pub fn compare_traces(
    expected: &[TraceLine],
    actual: &[TraceLine],
    ignore: &Ignore,
) -> Vec<Difference> {
    let mut found = Found::new(ignore);
    trace::compare(expected, actual, None, &mut found);
    found.in_order()
}

/// The differences found so far.
struct Found<'a> {
    ignore: &'a Ignore,
    tokens: Tokens,
    differences: Vec<Difference>,
}

/// Where a difference is looked for at the moment.
struct Here {
    place: Place,
    subject: String,
    context: Vec<String>,
}

impl<'a> Found<'a> {
    fn new(ignore: &'a Ignore) -> Self {
        Self { ignore, tokens: Tokens::default(), differences: Vec::new() }
    }

    fn ignores(&self, rule: Rule) -> bool {
        self.ignore.has(rule)
    }

    fn add(
        &mut self,
        here: &mut Here,
        at: Instant,
        field: &str,
        expected: Option<String>,
        actual: Option<String>,
    ) {
        self.differences.push(Difference {
            at,
            place: here.place,
            subject: here.subject.clone(),
            context: std::mem::take(&mut here.context),
            field: field.to_owned(),
            expected,
            actual,
        });
    }

    /// Compares two values that are there on both sides.
    fn value<T: PartialEq + fmt::Display>(
        &mut self,
        here: &mut Here,
        at: Instant,
        field: &str,
        expected: T,
        actual: T,
    ) {
        if expected != actual {
            self.add(here, at, field, Some(expected.to_string()), Some(actual.to_string()));
        }
    }

    /// Compares two times, unless they do not count.
    fn time(&mut self, here: &mut Here, field: &str, expected: Instant, actual: Instant) {
        if !self.ignores(Rule::Times) {
            self.value(here, expected.min(actual), field, expected, actual);
        }
    }

    /// Compares two texts in which there may be numbered secrets.
    fn text(&mut self, here: &mut Here, at: Instant, field: &str, expected: &str, actual: &str) {
        if !self.tokens.same(expected, actual) {
            self.add(here, at, field, Some(expected.to_owned()), Some(actual.to_owned()));
        }
    }

    /// By time; at one time by place, in the order in which they were found there.
    fn in_order(mut self) -> Vec<Difference> {
        self.differences.sort_by_key(|difference| difference.at);
        self.differences
    }
}

fn viewings(expected: &Viewing, actual: &Viewing, found: &mut Found<'_>) {
    let start = Instant::ZERO;
    let mut here =
        Here { place: Place::Viewing, subject: "what was watched".to_owned(), context: Vec::new() };
    let here = &mut here;
    let (was, is) = (expected.limits, actual.limits);
    found.value(here, start, "window bytes", was.window_bytes, is.window_bytes);
    found.value(here, start, "index bytes", was.index_bytes, is.index_bytes);
    found.value(here, start, "patience", patience(was.patience), patience(is.patience));

    let tunes = expected.tunes.len().max(actual.tunes.len());
    for n in 0..tunes {
        let field = |what: &str| format!("programme {}{what}", n + 1);
        match (expected.tunes.get(n), actual.tunes.get(n)) {
            (Some(was), Some(is)) => {
                let at = was.at.min(is.at);
                found.time(here, &field(" at"), was.at, is.at);
                found.text(here, at, &field(""), was.url.as_str(), is.url.as_str());
                if !found.ignores(Rule::Positions) {
                    found.value(here, at, &field(" from"), aim(was.aim), aim(is.aim));
                }
            }
            (Some(was), None) => {
                found.add(here, was.at, &field(""), Some(was.url.to_string()), None);
            }
            (None, is) => {
                let at = is.map_or(start, |is| is.at);
                found.add(here, at, &field(""), None, is.map(|is| is.url.to_string()));
            }
        }
    }

    let at = expected.end.at.min(actual.end.at);
    found.time(here, "end", expected.end.at, actual.end.at);
    if expected.end.position != actual.end.position && !found.ignores(Rule::Positions) {
        let position = |side: &Viewing| side.end.position.map(words::position);
        found.add(here, at, "end position", position(expected), position(actual));
    }
}

fn patience(patience: Patience) -> String {
    match patience {
        Patience::Endless => "endless".to_owned(),
        Patience::Tries(tries) => format!("{tries} tries"),
    }
}

fn aim(aim: Aim) -> String {
    match aim {
        Aim::At(position) => words::position(position),
        Aim::Live { when, position } => {
            format!("{} at {when}, and on from there", words::position(position))
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, expected, actual) = match *self {
            Self::Viewing => return f.write_str("viewing"),
            Self::Exchange { expected, actual } => ("exchange", expected, actual),
            Self::Trace { expected, actual } => ("trace line", expected, actual),
        };
        match (expected, actual) {
            (Some(expected), Some(actual)) if expected != actual => {
                write!(f, "{what} {expected}, now {actual}")
            }
            (Some(n), _) | (None, Some(n)) => write!(f, "{what} {n}"),
            (None, None) => f.write_str(what),
        }
    }
}
