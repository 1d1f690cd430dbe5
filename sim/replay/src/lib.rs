//! Recorded sessions, watched again in virtual time, wherever the core runs: on a desktop, and inside
//! a PSP's EBOOT. [`Heap`] is a network that says what was recorded, to the microsecond; [`viewer`]
//! is somebody who watches over any network; [`timeline`] is what can be read about it afterwards.
//!
//! Which exchange a request means is looked up in [`Matcher`], and nothing is ever made up: what was
//! not recorded is an error that names the nearest that was. Never opens a file or a socket, starts a
//! thread or reads a clock.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(test)]
extern crate std;

mod answer;
mod course;
mod heap;
mod matcher;
pub mod timeline;
pub mod viewer;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use testcard_core::net::Network;
use testcard_core::time::Instant;
use testcard_session::{Ending, Provenance, Session, TraceLine};

pub use answer::{Answer, Part};
pub use course::{Course, Run};
pub use heap::{Answers, Heap};
pub use matcher::{Asked, HostClass, Matcher, Unmatched, authority};

use crate::timeline::Timeline;
use crate::viewer::{Figures, Viewer, Violation};

/// What was opened this shortly before the end of a real evening, and was not over then, need not be
/// opened again: whoever switched the set off did not look at the clock. What was made up has a clock
/// that everybody looks at.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// The most moments at which something comes or is due. Ten hours of 60 pictures and 47 pieces of
/// sound a second have 4 million; a session holds one million runs of pieces, and a run in a file
/// somebody else made may claim 2^32 of them.
const STEPS_MAX: u32 = 8_000_000;

/// What came of watching a session again.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// What the TV did, for people.
    pub timeline: Timeline,
    /// The same as a session keeps it.
    pub trace: Vec<TraceLine>,
    /// What it came to.
    pub figures: Figures,
    /// When watching was over.
    pub end: Instant,
}

/// A session that went where the recording does not, and what had come of it.
#[derive(Clone, Debug)]
pub struct Derailed {
    /// Why.
    pub why: Why,
    /// What the TV did all the same. Over a network with connections it goes on for a while, in which
    /// nothing answers what was not recorded.
    pub replayed: Replayed,
    /// The indices of the exchanges that were not asked for.
    pub unused: Vec<usize>,
}

impl fmt::Display for Derailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}

impl core::error::Error for Derailed {}

/// How a session went where the recording does not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Why {
    /// The TV asked for something that was not recorded.
    Unmatched(Unmatched),
    /// An exchange was recorded and never asked for.
    Unused {
        /// Its number, from 1.
        x: usize,
        /// What was asked for.
        asked: Asked,
    },
    /// Something happened that never must.
    Violation(Violation),
    /// There is more to do than in any evening: nobody has recorded this.
    Endless,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unmatched(unmatched) => unmatched.fmt(f),
            Self::Unused { x, asked } => {
                write!(f, "exchange {x} ({asked}) was recorded and not asked for")
            }
            Self::Violation(violation) => violation.fmt(f),
            Self::Endless => write!(
                f,
                "there is no end of things to do: more than {STEPS_MAX} steps, which is more than \
                 an evening of ten hours takes"
            ),
        }
    }
}

/// Watches a session again in virtual time, with a set that plays films alone.
///
/// # Errors
/// When it goes where the recording does not.
pub fn replay(session: &Session) -> Result<Replayed, Box<Derailed>> {
    replay_by(session, Viewer::new(session.about.viewing.clone()))
}

/// Watches a session again in virtual time, with this viewer of it.
///
/// # Errors
/// When it goes where the recording does not.
pub fn replay_by(session: &Session, mut viewer: Viewer<Heap>) -> Result<Replayed, Box<Derailed>> {
    let mut net = Heap::new(session);
    let (end, stopped) = run(&mut viewer, &mut net);
    finish(session, &viewer, stopped, net.unused(), end)
}

/// Has somebody watch over the replay heap until it is over, and says when that is, and why it is
/// over before its time, if it is.
pub fn run(viewer: &mut Viewer<Heap>, net: &mut Heap) -> (Instant, Option<Why>) {
    let (mut now, mut steps) = (Instant::ZERO, 0);
    let endless = loop {
        net.advance(now);
        let wake = viewer.poll(net, now).min(net.next_news());
        if viewer.is_over() || net.unmatched().is_some() {
            break None;
        }
        if steps == STEPS_MAX {
            break Some(Why::Endless);
        }
        steps += 1;
        now = wake.max(now + Duration::from_micros(1));
    };
    viewer.leave(net, now);
    (now, net.unmatched().map(Why::Unmatched).or(endless))
}

/// What came of it, if all that was asked for had been recorded and nothing was left out. `stopped`
/// is why it was over before its time, `unused` the indices of the exchanges that were not asked for.
///
/// # Errors
/// When it went where the recording does not.
pub fn finish<N: Network>(
    session: &Session,
    viewer: &Viewer<N>,
    stopped: Option<Why>,
    unused: Vec<usize>,
    end: Instant,
) -> Result<Replayed, Box<Derailed>> {
    let replayed = Replayed::new(viewer, end);
    let left_out = || {
        let n = *unused.iter().find(|n| !may_be_left_out(session, **n))?;
        Some(Why::Unused { x: n + 1, asked: Asked::from_request(&session.exchanges[n].request) })
    };
    let why = stopped.or_else(|| viewer.violation().cloned().map(Why::Violation)).or_else(left_out);
    match why {
        Some(why) => Err(Box::new(Derailed { why, replayed, unused })),
        None => Ok(replayed),
    }
}

impl Replayed {
    fn new<N: Network>(viewer: &Viewer<N>, end: Instant) -> Self {
        Self {
            timeline: viewer.timeline().clone(),
            trace: viewer.timeline().to_trace(0),
            figures: viewer.figures().clone(),
            end,
        }
    }
}

/// Whether the exchange of this index was opened as the set was switched off; see [`LAST_MOMENT`].
fn may_be_left_out(session: &Session, n: usize) -> bool {
    let exchange = &session.exchanges[n];
    matches!(session.about.provenance, Provenance::Recorded { .. })
        && matches!(exchange.ending, Ending::Dropped(_) | Ending::Open)
        && exchange.opened + LAST_MOMENT > recorded_end(session)
}

/// When the last thing happened that was recorded.
pub fn recorded_end(session: &Session) -> Instant {
    let ended = |ending: &Ending| match ending {
        Ending::Complete(at) | Ending::Failed(at, _) | Ending::Dropped(at) => Some(*at),
        Ending::Open => None,
    };
    let endings = session.exchanges.iter().filter_map(|exchange| ended(&exchange.ending));
    endings.chain(session.trace.last().map(|line| line.at)).max().unwrap_or(Instant::ZERO)
}
