//! A recorded session as an [`Origin`]: what its hosts said, with the times at which it came, for
//! worlds that have connections, simulated or real.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use testcard_archive::{
    Cut, CutKind, Framing, Origin, Pace, Request, Response, Run, Segment, Source,
};
use testcard_core::net::{ExchangeError, Head};
use testcard_replay::{Asked, Course, Matcher, Unmatched, authority};
use testcard_session::{Body, Ending, Exchange, Session};

/// What was recorded and cannot come over a connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unplayable {
    /// The exchange's number, from 1.
    pub x: usize,
    /// How it failed.
    pub error: ExchangeError,
}

impl fmt::Display for Unplayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "exchange {} failed before there was a connection ({}), which only the replay heap can \
             do again: use --driver heap",
            self.x, self.error
        )
    }
}

impl std::error::Error for Unplayable {}

/// A session being played back. Its clones are the same playback.
#[derive(Clone, Debug)]
pub struct Playback {
    matcher: Arc<Mutex<Matcher>>,
    exchanges: Arc<Vec<Exchange>>,
}

impl Playback {
    /// A session from its start.
    ///
    /// # Errors
    /// When something was recorded that no host can do.
    pub fn new(session: &Session) -> Result<Self, Unplayable> {
        for (n, exchange) in session.exchanges.iter().enumerate() {
            match exchange.ending {
                Ending::Failed(_, error) if error != ExchangeError::Disconnected => {
                    return Err(Unplayable { x: n + 1, error });
                }
                _ => {}
            }
        }
        let matcher = Arc::new(Mutex::new(Matcher::new(session)));
        Ok(Self { matcher, exchanges: Arc::new(session.exchanges.clone()) })
    }

    /// The hosts that were asked, each with its port if that is not its scheme's own.
    pub fn hosts(&self) -> Vec<String> {
        let mut hosts: Vec<_> =
            self.exchanges.iter().map(|exchange| authority(&exchange.request.url)).collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }

    /// What was recorded for a request: the exchange's number, from 1, and the plan.
    ///
    /// # Errors
    /// When nothing was.
    pub fn look_up(&self, request: &Request) -> Result<(usize, Response), Box<Unmatched>> {
        let asked = Asked::new(request.method, request.host, request.target, request.range);
        let n = self.matcher().find(asked)?;
        Ok((n + 1, respond(&self.exchanges[n])))
    }

    /// The first request that was not recorded.
    pub fn unmatched(&self) -> Option<Unmatched> {
        self.matcher().unmatched()
    }

    /// The exchanges that were not asked for.
    pub fn unused(&self) -> Vec<usize> {
        self.matcher().unused()
    }

    /// What is behind the lock is whole after every statement, so a panic elsewhere spoils nothing.
    fn matcher(&self) -> MutexGuard<'_, Matcher> {
        self.matcher.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Origin for Playback {
    fn respond(&mut self, request: &Request) -> Response {
        match self.look_up(request) {
            Ok((_, response)) => response,
            // Whoever runs the playback sees it and ends the session.
            Err(_) => Response::unanswered(CutKind::Stall),
        }
    }
}

/// What was recorded, as a plan.
fn respond(exchange: &Exchange) -> Response {
    let Course { runs, end_us, beyond } = Course::new(exchange);
    let runs = runs.into_iter().map(|testcard_replay::Run { first_us, every_us, times, bytes }| {
        Run { first_us, every_us, times, bytes }
    });
    let (runs, end_us) = (runs.collect(), end_us.unwrap_or(0));
    let how = match exchange.ending {
        Ending::Complete(_) => None,
        Ending::Failed(..) => Some(CutKind::Close),
        // What would have come after the TV hung up, nobody knows.
        Ending::Dropped(_) | Ending::Open => Some(CutKind::Stall),
    };
    let Some((at, head)) = &exchange.head else {
        let how = how.unwrap_or(CutKind::Close);
        return Response { delay_us: end_us, ..Response::unanswered(how) };
    };
    let len = exchange.body.len();
    let delay = at.since(exchange.opened).as_micros();
    Response {
        status: head.status,
        headers: head.headers.clone(),
        framing: framing(head),
        body: vec![
            Segment::Other { source: Arc::new(Bytes(exchange.body.clone())), len },
            Segment::Bytes(vec![0; usize::try_from(beyond).unwrap_or(0)]),
        ],
        delay_us: u64::try_from(delay).unwrap_or(u64::MAX),
        pace: Pace::Times { runs, end_us },
        cut: how.map(|how| Cut { after: Some(len + beyond), how }),
    }
}

/// How the body was marked on the wire (RFC 9112 §6.3).
fn framing(head: &Head) -> Framing {
    let is_chunked = head.header("transfer-encoding").is_some_and(|coding| {
        coding.rsplit(',').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("chunked"))
    });
    match head.content_length() {
        _ if is_chunked => Framing::Chunked,
        Some(_) => Framing::Length,
        None => Framing::UntilClose,
    }
}

/// A recorded body as a source of bytes.
#[derive(Debug)]
struct Bytes(Body);

impl Source for Bytes {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        self.0.read_at(offset, buf)
    }
}
