//! What must hold of an evening, read off its timeline once it is over: every exchange closed, no
//! more requests than is polite, and a reason for every failure among the things that truly went
//! wrong. Never plays anything; what must hold at every moment, the viewer checks itself.

use std::collections::BTreeMap;
use std::time::Duration;

use testcard_archive::{CutKind, Detour, Fault, Place};
use testcard_core::net::ExchangeError;
use testcard_core::playback::{BEHIND_MAX, REBUFFER_MAX};
use testcard_core::stream::{
    ANSWERED_TRIES_MAX, HEAD_DUE, NodeFailure, PAUSE_MAX, PROGRESS_BYTES, Patience,
    ProgrammeFailure,
};
use testcard_core::time::Instant;
use testcard_core::trace::Event;

use super::play::Evening;
use super::trial::{Change, Trial};
use super::violation::Violation;
use crate::heap::Met;

/// The most requests of one programme within [`REQUESTS_WITHIN`]. After a failure there is at least
/// a second's pause when one went before, so that there are eleven tries in ten seconds at the most;
/// a try is two requests, one to the archive and one to the node it names. Redirects at the archive
/// itself add to that and are its own wish.
pub const REQUESTS_MAX: usize = 22;

/// What [`REQUESTS_MAX`] is counted over.
pub const REQUESTS_WITHIN: Duration = Duration::from_secs(10);

/// How long a film must have played without a halt to count as playing.
pub const STEADY: Duration = Duration::from_secs(8);

/// The most that a live viewer may be behind while playing goes well: what is tolerated, and the
/// pause that led there.
pub const BEHIND: Duration = BEHIND_MAX.saturating_add(REBUFFER_MAX);

/// The smallest window that there is: [`testcard_core::stream::Window`] is made of chunks.
const WINDOW_MIN: usize = 64 * 1024;

/// The first law that an evening breaks.
pub fn broken(trial: &Trial, evening: &Evening) -> Option<Violation> {
    let programmes = programmes(evening);
    let each = |law: fn(&[Told]) -> Option<Violation>| programmes.iter().find_map(|told| law(told));
    each(exchanges_are_closed_once)
        .or_else(|| requests_are_few(trial, &programmes))
        .or_else(|| each(failures_come_to_an_end))
        .or_else(|| pauses_are_as_asked(evening))
        .or_else(|| failures_have_reasons(trial, evening))
}

type Told<'a> = (Instant, &'a Event);

/// What was told of each programme.
fn programmes(evening: &Evening) -> Vec<Vec<Told<'_>>> {
    let mut programmes = Vec::new();
    for told in evening.timeline.events() {
        if matches!(told.1, Event::Tuned { .. }) {
            programmes.push(Vec::new());
        }
        if let Some(programme) = programmes.last_mut() {
            programme.push(told);
        }
    }
    programmes
}

fn exchanges_are_closed_once(programme: &[Told]) -> Option<Violation> {
    let tuned = programme.first()?.0;
    let mut open = BTreeMap::new();
    for (_, event) in programme {
        match event {
            Event::Opened { x, .. } => *open.entry(*x).or_insert(0) += 1,
            Event::Closed { x, .. } => *open.entry(*x).or_insert(0) -= 1,
            _ => {}
        }
    }
    let (x, _) = open.into_iter().find(|(_, balance)| *balance != 0)?;
    Some(Violation::NotClosedOnce { tuned, x })
}

fn requests_are_few(trial: &Trial, programmes: &[Vec<Told>]) -> Option<Violation> {
    // A detour over the archive itself is a request more for each of its hops.
    let has_detour = |fault: &Fault| {
        matches!(fault, Fault::Redirect(Detour::Chain | Detour::Loop | Detour::Relative))
    };
    let hops = match trial.scene.rules.iter().any(|rule| has_detour(&rule.fault)) {
        true => 3,
        false => 1,
    };
    programmes.iter().find_map(|programme| {
        let is_opened = |told: &&Told| matches!(told.1, Event::Opened { .. });
        let opened: Vec<Instant> = programme.iter().filter(is_opened).map(|told| told.0).collect();
        opened.iter().enumerate().find_map(|(n, from)| {
            let count = opened.partition_point(|at| *at < *from + REQUESTS_WITHIN) - n;
            (count > REQUESTS_MAX * hops)
                .then_some(Violation::TooManyRequests { from: *from, count })
        })
    })
}

fn failures_come_to_an_end(programme: &[Told]) -> Option<Violation> {
    let (mut in_a_row, mut media) = (0, None);
    for (_, event) in programme {
        match event {
            Event::Answered { x, status: 200 | 206 } => media = Some(*x),
            Event::Closed { x, received, complete }
                if *received >= PROGRESS_BYTES || (*complete && media == Some(*x)) =>
            {
                in_a_row = 0;
            }
            Event::NodeFailed { why, .. } if !why.is_unreachable() => in_a_row += 1,
            _ => {}
        }
        if in_a_row >= ANSWERED_TRIES_MAX {
            return Some(Violation::NeverGivesUp(in_a_row));
        }
    }
    None
}

fn pauses_are_as_asked(evening: &Evening) -> Option<Violation> {
    evening.timeline.events().find_map(|(at, event)| {
        let Event::NodeFailed { why: NodeFailure::Busy(_), pause, .. } = event else { return None };
        let asked = asked_for(evening, at)?;
        (*pause < asked.min(PAUSE_MAX))
            .then_some(Violation::RetryAfterIgnored { asked, pause: *pause })
    })
}

/// The pause that the latest answer before `at` asked for.
pub fn asked_for(evening: &Evening, at: Instant) -> Option<Duration> {
    let latest = evening.met.iter().rfind(|met| met.at <= at)?;
    latest.faults.iter().find_map(|fault| match fault {
        Fault::Status { retry_after, .. } => {
            Some(retry_after.map(|seconds| Duration::from_secs(seconds.into())))
        }
        _ => None,
    })?
}

fn failures_have_reasons(trial: &Trial, evening: &Evening) -> Option<Violation> {
    let world = World { trial, evening };
    evening.timeline.events().find_map(|(_, event)| match event {
        Event::NodeFailed { why, .. } if !world.explains(*why) => {
            Some(Violation::NodeFailure(*why))
        }
        Event::Failed { why, .. } if !world.explains_the_end(why) => {
            Some(Violation::ProgrammeFailure(why.clone()))
        }
        _ => None,
    })
}

/// Whether any of the index may have come damaged: then nobody can say what the film is like.
pub fn has_damaged_index(met: &[Met]) -> bool {
    met.iter().any(|met| met.faults.contains(&Fault::MoovDamaged))
}

/// What truly went wrong, to hold against what the core says went wrong.
struct World<'a> {
    trial: &'a Trial,
    evening: &'a Evening,
}

impl World<'_> {
    fn met(&self, is: impl Fn(Place, &Fault) -> bool) -> bool {
        let mut met = self.evening.met.iter();
        met.any(|met| met.faults.iter().any(|fault| is(met.place, fault)))
    }

    fn met_status(&self, expected: u16) -> bool {
        self.met(|_, fault| matches!(fault, Fault::Status { status, .. } if *status == expected))
    }

    fn was_cut(&self, is: impl Fn(CutKind) -> bool) -> bool {
        self.met(|_, fault| matches!(fault, Fault::Cut(_, how) if is(*how)))
    }

    fn was_not_answered(&self, is: impl Fn(CutKind) -> bool) -> bool {
        self.met(|_, fault| matches!(fault, Fault::NoAnswer(how) if is(*how)))
    }

    fn was_unplugged(&self) -> bool {
        self.trial.events.iter().any(|(_, change)| *change == Change::Unplug)
    }

    /// Whether a token can run out between the redirect that brings it and the node that asks for
    /// it: on the way, or while an answer is held back.
    fn token_is_short(&self) -> bool {
        let held_back = |fault: &Fault| match fault {
            Fault::Delay(us) => *us,
            _ => 0,
        };
        let faults = self.evening.met.iter().flat_map(|met| &met.faults);
        let held_back = Duration::from_micros(faults.map(held_back).max().unwrap_or(0));
        let way = self.trial.scene.link.round_trip * 3 + held_back;
        self.trial.scene.token_life.is_some_and(|life| life <= way)
    }

    /// Whether the head of an answer can be overdue.
    fn was_held_back(&self) -> bool {
        let way = self.trial.scene.link.round_trip * 3;
        self.met(|_, fault| {
            matches!(fault, Fault::Delay(us) if Duration::from_micros(*us) + way >= HEAD_DUE)
        })
    }

    /// Whether a server did fail in this way.
    fn explains(&self, why: NodeFailure) -> bool {
        match why {
            NodeFailure::Exchange(ExchangeError::Refused) => self.was_unplugged(),
            NodeFailure::Exchange(ExchangeError::Disconnected) => {
                let is_end = |how| how != CutKind::Stall;
                self.was_unplugged() || self.was_cut(is_end) || self.was_not_answered(is_end)
            }
            // Every name here has an address, and there is neither TLS nor anything to parse.
            NodeFailure::Exchange(
                ExchangeError::NameNotFound
                | ExchangeError::Unreachable
                | ExchangeError::Certificate
                | ExchangeError::Tls
                | ExchangeError::Protocol,
            ) => false,
            NodeFailure::Status(401) => self.met_status(401) || self.token_is_short(),
            NodeFailure::Status(status) | NodeFailure::Busy(status) => self.met_status(status),
            NodeFailure::ShortBody => self.met(|_, fault| matches!(fault, Fault::Crumbs(_))),
            NodeFailure::Stalled => self.was_cut(|how| how == CutKind::Stall),
            NodeFailure::NoAnswer => {
                self.was_not_answered(|how| how == CutKind::Stall) || self.was_held_back()
            }
            NodeFailure::RangeIgnored => {
                self.met(|_, fault| matches!(fault, Fault::RangeIgnored | Fault::Page))
            }
            // 416, where the file had been shorter or longer before.
            NodeFailure::WrongRange => self.met(|_, fault| {
                matches!(fault, Fault::RangeShifted(_) | Fault::Truncated(_) | Fault::Replaced(_))
            }),
            NodeFailure::ContentCoding => self.met(|_, fault| *fault == Fault::Packed),
        }
    }

    /// Whether a programme had to end for this reason.
    fn explains_the_end(&self, why: &ProgrammeFailure) -> bool {
        let led_to = |detour| self.met(|_, fault| *fault == Fault::Redirect(detour));
        let was_cut_short = || self.met(|_, fault| matches!(fault, Fault::Truncated(_)));
        let limits = self.trial.scene.limits;
        match why {
            ProgrammeFailure::NotFound => self.met(|place, fault| {
                place == Place::Download && matches!(fault, Fault::Status { status: 404, .. })
            }),
            // Every trial's film has a good address, is there, is public and is a film.
            ProgrammeFailure::InsecureAddress
            | ProgrammeFailure::NoReader(_)
            | ProgrammeFailure::NoSuchItem
            | ProgrammeFailure::Dark => false,
            ProgrammeFailure::InsecureRedirect => led_to(Detour::PlainHttp),
            ProgrammeFailure::ForeignRedirect(_) => led_to(Detour::ForeignHost),
            ProgrammeFailure::TooManyRedirects => led_to(Detour::Loop),
            ProgrammeFailure::BrokenRedirect => led_to(Detour::Missing),
            ProgrammeFailure::WebPage => self.met(|_, fault| *fault == Fault::Page),
            ProgrammeFailure::NotMp4 | ProgrammeFailure::NoIndex => was_cut_short(),
            // A damaged index has samples behind the end of the file.
            ProgrammeFailure::Truncated => was_cut_short() || has_damaged_index(&self.evening.met),
            ProgrammeFailure::IndexTooLarge(bytes) => *bytes > limits.index_bytes,
            ProgrammeFailure::Index(_) => has_damaged_index(&self.evening.met),
            ProgrammeFailure::NothingToPlay(_) if has_damaged_index(&self.evening.met) => true,
            ProgrammeFailure::NothingToPlay(_) => {
                self.evening.largest_sample > limits.window_bytes.max(WINDOW_MIN) as u64
            }
            ProgrammeFailure::KeepsChanging => self.met(|_, fault| {
                matches!(fault, Fault::Replaced(_) | Fault::Truncated(_) | Fault::Page)
            }),
            ProgrammeFailure::GaveUp(last) => {
                let has_limit = matches!(limits.patience, Patience::Tries(_));
                self.explains(*last) && (has_limit || !last.is_unreachable())
            }
        }
    }
}
