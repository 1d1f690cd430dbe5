//! A recorded session, watched again. [`Heap`] is a network in virtual time that says what was
//! recorded, to the microsecond; [`Playback`] answers requests with it, for worlds that have
//! connections. Both look up in [`Matcher`] which exchange a request means, and neither ever makes
//! an answer up: what was not recorded is an error that names the nearest that was. Somebody who wants
//! to know what would have happened asks [`what_if`].

mod answer;
mod course;
mod heap;
pub mod loopback;
mod matcher;
mod playback;
pub mod turmoil;
pub mod what_if;

use std::fmt;
use std::time::Duration;

use testcard_core::time::Instant;
use testcard_session::{Ending, Provenance, Session, TraceLine};

pub use heap::Heap;
pub use matcher::{Asked, HostClass, Matcher, Unmatched};
pub use playback::{Playback, Unplayable};
pub use what_if::{Expiry, UnknownToken};

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

/// Why a session cannot be watched again the way it was recorded.
#[derive(Clone, Debug)]
pub enum ReplayError {
    /// It went where the recording does not.
    Derailed(Box<Derailed>),
    /// The world cannot do what was recorded.
    Unplayable(Unplayable),
    /// A token that is to run out does not occur.
    UnknownToken(UnknownToken),
    /// The world could not be made.
    World(String),
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

impl fmt::Display for ReplayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Derailed(derailed) => derailed.why.fmt(f),
            Self::Unplayable(unplayable) => unplayable.fmt(f),
            Self::UnknownToken(unknown) => unknown.fmt(f),
            Self::World(why) => write!(f, "the session's hosts cannot be set up here: {why}"),
        }
    }
}

impl std::error::Error for ReplayError {}

/// Watches a session again in virtual time.
pub fn replay(session: &Session) -> Result<Replayed, ReplayError> {
    let mut net = Heap::new(session);
    let mut viewer = Viewer::new(session.about.viewing.clone());
    let (end, stopped) = run(&mut viewer, &mut net);
    finish(session, &viewer, stopped, net.unused(), end)
}

/// Has somebody watch over the replay heap until it is over, and says when that is, and why it is
/// over before its time, if it is.
fn run(viewer: &mut Viewer<Heap>, net: &mut Heap) -> (Instant, Option<Why>) {
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

/// What came of it, if all that was asked for had been recorded and nothing was left out.
fn finish<N: testcard_core::net::Network>(
    session: &Session,
    viewer: &Viewer<N>,
    stopped: Option<Why>,
    unused: Vec<usize>,
    end: Instant,
) -> Result<Replayed, ReplayError> {
    let replayed = Replayed::new(viewer, end);
    let left_out = || {
        let n = *unused.iter().find(|n| !may_be_left_out(session, **n))?;
        Some(Why::Unused { x: n + 1, asked: Asked::from_request(&session.exchanges[n].request) })
    };
    let why = stopped.or_else(|| viewer.violation().cloned().map(Why::Violation)).or_else(left_out);
    match why {
        Some(why) => Err(ReplayError::Derailed(Box::new(Derailed { why, replayed, unused }))),
        None => Ok(replayed),
    }
}

impl Replayed {
    fn new<N: testcard_core::net::Network>(viewer: &Viewer<N>, end: Instant) -> Self {
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
fn recorded_end(session: &Session) -> Instant {
    let ended = |ending: &Ending| match ending {
        Ending::Complete(at) | Ending::Failed(at, _) | Ending::Dropped(at) => Some(*at),
        Ending::Open => None,
    };
    let endings = session.exchanges.iter().filter_map(|exchange| ended(&exchange.ending));
    endings.chain(session.trace.last().map(|line| line.at)).max().unwrap_or(Instant::ZERO)
}

#[cfg(test)]
mod tests {
    use testcard_core::net::Url;
    use testcard_session::Exchange;

    use super::*;
    use crate::diff::{self, Ignore};
    use crate::scenarios;

    fn recorded(name: &str) -> Session {
        let mut all = scenarios::all().into_iter();
        all.find(|scenario| scenario.slug == name).expect("a scenario").record()
    }

    /// The session as it is recorded from `testcard-sim serve --http`, where hosts are ports of this
    /// machine.
    fn as_served(mut session: Session) -> Session {
        let mut nodes = Vec::new();
        let mut moved = |text: &str| {
            let url = Url::parse(text).expect("a URL");
            let host = url.host_str().expect("a host").to_owned();
            let port = match host.as_str() {
                "archive.org" => 8080,
                _ => {
                    let known = nodes.iter().position(|node| *node == host);
                    8081 + known.unwrap_or_else(|| {
                        nodes.push(host);
                        nodes.len() - 1
                    })
                }
            };
            let rest = text.splitn(4, '/').nth(3).unwrap_or_default();
            format!("http://127.0.0.1:{port}/{rest}")
        };
        for tune in &mut session.about.viewing.tunes {
            tune.url = Url::parse(&moved(tune.url.as_str())).expect("a URL");
        }
        for exchange in &mut session.exchanges {
            let url = moved(exchange.request.url.as_str());
            exchange.request.url = Url::parse(&url).expect("a URL");
            if let Some((_, head)) = &mut exchange.head {
                for (name, value) in &mut head.headers {
                    if name.eq_ignore_ascii_case("location") {
                        *value = moved(value);
                    }
                }
            }
        }
        session
    }

    #[test]
    fn a_session_from_ports_of_this_machine_goes_the_same_way_over_every_network() {
        let session = as_served(recorded("short-body"));
        let heap = replay(&session).unwrap_or_else(|error| panic!("heap: {error}"));
        let speed = loopback::speed_for(&session);
        let others: [(&str, Result<Replayed, ReplayError>); 2] = [
            ("turmoil", turmoil::replay(&session)),
            ("loopback", loopback::replay(&session, speed)),
        ];
        for (name, outcome) in others {
            let replayed = outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
            let ignore = Ignore::across_drivers();
            let differences = diff::compare_traces(&heap.trace, &replayed.trace, &ignore);
            assert!(differences.is_empty(), "{name}:\n{}", diff::text(&differences, 5));
        }
    }

    #[test]
    fn only_what_was_cut_off_at_the_end_of_a_real_evening_may_be_left_out() {
        let mut session = recorded("short-body");
        let again = session.exchanges[0].clone();
        let end = recorded_end(&session);
        let last = Exchange { opened: end, ending: Ending::Dropped(end), ..again };
        session.exchanges.push(last);
        let left_out = |session: &Session| match replay(session) {
            Err(ReplayError::Derailed(derailed)) => match derailed.why {
                Why::Unused { x, .. } => {
                    assert!(!derailed.replayed.trace.is_empty());
                    Some(x)
                }
                why => panic!("{why}"),
            },
            Err(error) => panic!("{error}"),
            Ok(_) => None,
        };
        let x = session.exchanges.len();
        assert_eq!(left_out(&session), Some(x), "made up");
        let (at, by) = ("2026-11-20T16:00:00Z".to_owned(), "testcard".to_owned());
        session.about.provenance = Provenance::Recorded { at, by };
        assert_eq!(left_out(&session), None);
        session.exchanges[x - 1].ending = Ending::Complete(end);
        assert_eq!(left_out(&session), Some(x), "it was over");
    }
}
