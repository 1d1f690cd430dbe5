//! `timeline.jsonl`: when everything happened, an event a line, in the order of time and then of the
//! exchanges' numbers.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::time::Duration;

use serde::Deserialize;
use testcard_core::net::ExchangeError;
use testcard_core::time::Instant;

use super::text::{json_complaint, lines};
use crate::bounds::{ARRIVALS_MAX, EXCHANGES_MAX, NUMBER_MAX};
use crate::error::Flaw;
use crate::exchange::{Arrival, Ending, Exchange};

/// A line of any kind is at most about 100 bytes.
const LINE_BYTES_MAX: usize = 1024;

/// One exchange's part of a timeline.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) opened: Instant,
    /// When the head came, its status, and in which line that stands.
    pub(super) head: Option<(Instant, u16, usize)>,
    pub(super) arrivals: Vec<Arrival>,
    pub(super) pauses: Vec<Instant>,
    pub(super) ending: Ending,
    /// Its last event was a pause.
    is_paused: bool,
    /// Body bytes in all.
    pub(super) received: u64,
    /// When its last event was.
    last: Instant,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineText {
    t: u64,
    x: u64,
    ev: Event,
    status: Option<u16>,
    bytes: Option<u32>,
    every: Option<u64>,
    times: Option<u32>,
    why: Option<ExchangeError>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Event {
    Open,
    Head,
    Body,
    Pause,
    End,
    Failed,
    Drop,
}

/// Reads the courses of `count` exchanges.
pub(super) fn read(bytes: &[u8], count: usize) -> Result<Vec<Course>, Flaw> {
    let lines = lines(bytes, ARRIVALS_MAX + 3 * EXCHANGES_MAX, LINE_BYTES_MAX)?;
    let mut courses: Vec<Course> = Vec::new();
    let mut arrivals = 0;
    let mut before = (0, 0);
    for (n, text) in lines {
        let line: LineText = serde_json::from_str(text)
            .map_err(|error| Flaw::malformed(n, json_complaint(&error)))?;
        let (t, x) = (line.t, line.x);
        if t > NUMBER_MAX {
            return Err(Flaw::malformed(n, format!("t is {t}; it must be below 2^53")));
        }
        if (t, x) < before {
            let what = "this belongs further up; sort the lines by t, then by x";
            return Err(Flaw::inconsistent(n, what));
        }
        before = (t, x);
        let index = usize::try_from(x).ok().and_then(|x| x.checked_sub(1));
        let Some(index) = index.filter(|index| *index < count) else {
            let what = format!("there is no exchange {x}: exchanges/ has files for 1 to {count}");
            return Err(Flaw::inconsistent(n, what));
        };
        if matches!(line.ev, Event::Body | Event::Pause) {
            arrivals += 1;
        }
        if arrivals > ARRIVALS_MAX {
            return Err(Flaw::too_large(n, format!("more than {ARRIVALS_MAX} arrivals")));
        }
        let at = Instant::from_micros(t);
        let opened = courses.len();
        match courses.get_mut(index) {
            Some(course) => course.go_on(line, at, n)?,
            None if line.ev != Event::Open => {
                return Err(Flaw::inconsistent(n, format!("exchange {x} was never opened")));
            }
            None if index > opened => {
                let what = format!(
                    "exchange {x} is opened before exchange {}; number them in the order in which \
                     they are opened",
                    opened + 1
                );
                return Err(Flaw::inconsistent(n, what));
            }
            None => {
                line.has_only([false; 4], n)?;
                courses.push(Course {
                    opened: at,
                    head: None,
                    arrivals: Vec::new(),
                    pauses: Vec::new(),
                    is_paused: false,
                    ending: Ending::Open,
                    received: 0,
                    last: at,
                });
            }
        }
    }
    if courses.len() < count {
        let what = format!("exchange {} was never opened", courses.len() + 1);
        return Err(Flaw::inconsistent(None, what));
    }
    Ok(courses)
}

impl LineText {
    /// Checks that of `status`, `bytes`, `every` with `times`, and `why`, those are there that
    /// belong to the event.
    fn has_only(&self, wanted: [bool; 4], n: usize) -> Result<(), Flaw> {
        let there = [
            self.status.is_some(),
            self.bytes.is_some(),
            self.every.is_some() || self.times.is_some(),
            self.why.is_some(),
        ];
        match there == wanted && self.every.is_some() == self.times.is_some() {
            true => Ok(()),
            false => Err(Flaw::malformed(
                n,
                "the fields do not belong to this event; a head has status, a body bytes and \
                 perhaps every and times, a failure why, and the others have none",
            )),
        }
    }
}

impl Course {
    fn go_on(&mut self, line: LineText, at: Instant, n: usize) -> Result<(), Flaw> {
        let x = line.x;
        let wrong = |what: String| Err(Flaw::inconsistent(n, what));
        if self.ending != Ending::Open {
            return wrong(format!("exchange {x} is over already"));
        }
        if at < self.last {
            let last = self.last.as_micros();
            return wrong(format!("the run above of exchange {x} lasts until {last}, after this"));
        }
        self.last = at;
        let was_paused = core::mem::replace(&mut self.is_paused, line.ev == Event::Pause);
        match line.ev {
            Event::Open => return wrong(format!("exchange {x} is open already")),
            Event::Head if self.head.is_some() => {
                return wrong(format!("exchange {x} has a head already"));
            }
            Event::Head => {
                line.has_only([true, false, false, false], n)?;
                self.head = line.status.map(|status| (at, status, n));
            }
            Event::Body | Event::Pause | Event::End if self.head.is_none() => {
                return wrong(format!("exchange {x} has no head yet"));
            }
            Event::Body => {
                line.has_only([false, true, line.times.is_some(), false], n)?;
                self.arrive(&line, at, n)?;
            }
            Event::Pause if was_paused => {
                return wrong(format!("exchange {x} pauses already"));
            }
            Event::Pause => {
                line.has_only([false; 4], n)?;
                self.pauses.push(at);
            }
            Event::End | Event::Drop => {
                line.has_only([false; 4], n)?;
                self.ending = match line.ev {
                    Event::End => Ending::Complete(at),
                    _ => Ending::Dropped(at),
                };
            }
            Event::Failed => {
                line.has_only([false, false, false, true], n)?;
                if let Some(why) = line.why {
                    self.ending = Ending::Failed(at, why);
                }
            }
        }
        Ok(())
    }

    fn arrive(&mut self, line: &LineText, at: Instant, n: usize) -> Result<(), Flaw> {
        let bytes = line.bytes.unwrap_or(0);
        let (every, times) = (line.every.unwrap_or(0), line.times.unwrap_or(1));
        if bytes == 0 {
            return Err(Flaw::malformed(n, "a piece of a body has at least one byte"));
        }
        if line.every.is_some() && (every == 0 || times < 2) {
            let what = "a run has at least 2 pieces, each at least 1 µs after the one before";
            return Err(Flaw::malformed(n, what));
        }
        let last = every.checked_mul(u64::from(times) - 1);
        let last = last.and_then(|lasts| lasts.checked_add(at.as_micros()));
        let received = (u64::from(bytes) * u64::from(times)).checked_add(self.received);
        match (last, received) {
            (Some(last), Some(received)) if last <= NUMBER_MAX && received <= NUMBER_MAX => {
                self.last = Instant::from_micros(last);
                self.received = received;
            }
            _ => return Err(Flaw::malformed(n, "the run ends beyond 2^53 µs or bytes")),
        }
        self.arrivals.push(Arrival {
            first: at,
            every: Duration::from_micros(every),
            times,
            bytes,
        });
        Ok(())
    }
}

pub(super) fn write(exchanges: &[Exchange]) -> String {
    let mut events = Vec::new();
    for (x, exchange) in (1_u64..).zip(exchanges) {
        let mut add = |at: Instant, rest: String| events.push((at, x, rest));
        add(exchange.opened, r#""ev":"open""#.to_owned());
        if let Some((at, head)) = &exchange.head {
            add(*at, format!(r#""ev":"head","status":{}"#, head.status));
        }
        for Arrival { first, every, times, bytes } in &exchange.arrivals {
            let mut rest = format!(r#""ev":"body","bytes":{bytes}"#);
            if *times > 1 {
                let _ = write!(rest, r#","every":{},"times":{times}"#, every.as_micros());
            }
            add(*first, rest);
        }
        for pause in &exchange.pauses {
            add(*pause, r#""ev":"pause""#.to_owned());
        }
        match exchange.ending {
            Ending::Open => {}
            Ending::Complete(at) => add(at, r#""ev":"end""#.to_owned()),
            Ending::Dropped(at) => add(at, r#""ev":"drop""#.to_owned()),
            Ending::Failed(at, why) => {
                let why = serde_json::to_value(why).unwrap_or_default();
                add(at, format!(r#""ev":"failed","why":{why}"#));
            }
        }
    }
    // Stable: what happened to one exchange at the same time stays in order.
    events.sort_by_key(|(at, x, _)| (*at, *x));
    let mut out = String::new();
    for (at, x, rest) in events {
        let _ = writeln!(out, r#"{{"t":{},"x":{x},{rest}}}"#, at.as_micros());
    }
    out
}
