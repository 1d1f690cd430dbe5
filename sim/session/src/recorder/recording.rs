//! What was recorded so far, and a session of it whenever somebody asks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use testcard_archive::{Clip, FilmError, FilmSpec, VirtualFilm};
use testcard_core::net::{ExchangeError, Head, Request, Url};
use testcard_core::playback::Aim;
use testcard_core::stream::Limits;
use testcard_core::time::Instant;
use testcard_core::trace::{Event, Trace};

use super::arrivals::Arrivals;
use super::assembly::{Assembly, Budget};
use super::secrets::Secrets;
use super::walk::{Known, Walk, file};
use crate::Session;
use crate::about::{About, End, Fixture, Provenance, Tune, Viewing};
use crate::body::{Body, Segment};
use crate::bounds::{
    ARRIVALS_MAX, EXCHANGES_MAX, FIXTURES_MAX, LINE_MAX, SESSION_TOML_MAX, TRACE_LINES_MAX,
    TRACE_MAX, TUNES_MAX, URL_MAX,
};
use crate::exchange::{Ending, Exchange};
use crate::trace::{Level, TraceLine};

/// When there are too many arrivals, this at least is noted as one.
const COARSER: Duration = Duration::from_millis(1);
/// Pauses kept of one exchange: at one a second, of ten hours.
const PAUSES_MAX: usize = 36_000;
/// Of `session.toml`, so much is for the addresses of programmes.
const TUNE_BYTES_MAX: usize = SESSION_TOML_MAX as usize / 2;
/// What `t` adds to a line of the trace, and the line's end.
const TIME_BYTES: usize = 32;
/// Files whose boxes are remembered.
const FILES_MAX: usize = 256;

/// How exactly to record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Options {
    /// Pieces of a body that come within this time of one another are noted as one, when the last
    /// of them is there. Zero keeps everything. Doubled whenever there are more arrivals than
    /// [`crate::ARRIVALS_MAX`].
    pub granularity: Duration,
}

impl Options {
    /// Everything as it is: for virtual time, which can be repeated exactly.
    pub const EXACT: Self = Self { granularity: Duration::ZERO };
}

impl Default for Options {
    /// For real networks, where nobody can tell 20 ms from nothing.
    fn default() -> Self {
        Self { granularity: Duration::from_millis(20) }
    }
}

/// What is being recorded: a handle, of which there may be many. Times are those of the clock that
/// the [`super::Recorder`] has; in the session they count from the first that was noted.
#[derive(Clone)]
pub struct Recording(Arc<Mutex<State>>);

impl Recording {
    /// An empty one, for a set with these limits.
    pub fn new(limits: Limits, options: Options) -> Self {
        Self(Arc::new(Mutex::new(State {
            limits,
            granularity: options.granularity,
            zero: None,
            last: Instant::ZERO,
            tunes: Vec::new(),
            tune_bytes_left: TUNE_BYTES_MAX,
            trace: Vec::new(),
            trace_bytes_left: TRACE_MAX as usize,
            level: None,
            secrets: Secrets::default(),
            films: Vec::new(),
            files: BTreeMap::new(),
            budget: Budget::default(),
            arrivals: 0,
            exchanges: Vec::new(),
            is_complete: true,
        })))
    }

    /// Notes that a programme of this duration, if it is known, is tuned to, before anything is asked
    /// for it.
    pub fn tuned(&self, at: Instant, url: &Url, aim: Aim, duration: Option<Duration>) {
        self.lock().tuned(at, url, aim, duration);
    }

    /// Notes what the TV did. Events come in the order in which they happened.
    pub fn trace(&self, at: Instant, event: &Event) {
        let fields = serde_json::to_value(event).unwrap_or_default();
        self.lock().traced(at, fields);
    }

    /// Notes a line of the trace, whatever it tells. Lines come in the order in which they happened.
    pub fn note(&self, line: TraceLine) {
        self.lock().traced(line.at, Value::Object(line.fields));
    }

    /// Notes how things stand, if that is news and a second after the last news.
    pub fn level(&self, at: Instant, level: Level) {
        self.lock().level(at, level);
    }

    /// Notes that this film may be asked for. What would be elided is taken from it where the bytes
    /// are the same.
    pub fn expects(&self, film: &FilmSpec) -> Result<(), FilmError> {
        let film_spec = film.to_string();
        let film = Arc::new(VirtualFilm::new(&Clip::test_card(), film)?);
        let mut state = self.lock();
        let is_known = state.films.iter().any(|known| known.film_spec == film_spec);
        if !is_known && state.films.len() < FIXTURES_MAX {
            state.films.push(Fixture { film_spec, film });
        }
        Ok(())
    }

    /// Notes until when the secrets in a URL are good, for whoever knows. Without it, that is when
    /// they were first refused.
    pub fn valid_until(&self, url: &Url, at: Instant) {
        let mut state = self.lock();
        let at = state.time(at);
        let url = state.secrets.url(url, at);
        state.secrets.expire(&url, at);
    }

    /// Whether everything was noted. False when there was more than a session holds: the session
    /// is good up to there.
    pub fn is_complete(&self) -> bool {
        self.lock().is_complete
    }

    /// The session so far. What is open then stays so in it, and is recorded on.
    pub fn snapshot(&self, title: &str, provenance: Provenance, end: End) -> Session {
        let state = self.lock();
        let exchanges: Vec<_> =
            state.exchanges.iter().map(|x| x.snapshot(&state.secrets)).collect();
        let is_used = |fixture: &&Fixture| {
            let is_it = |segment: &Segment| match segment {
                Segment::Fixture { film, .. } => Arc::ptr_eq(film, &fixture.film),
                _ => false,
            };
            exchanges.iter().any(|exchange| exchange.body.segments().iter().any(is_it))
        };
        Session {
            about: About {
                title: title.to_owned(),
                provenance,
                viewing: Viewing {
                    limits: state.limits,
                    tunes: state.tunes.clone(),
                    end: End { at: state.since_zero(end.at), position: end.position },
                },
                tokens: state.secrets.tokens().to_vec(),
                fixtures: state.films.iter().filter(is_used).cloned().collect(),
            },
            trace: state.trace.clone(),
            exchanges,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Who panicked elsewhere did so between two notes.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For a driver that hands its events to several.
impl Trace for Recording {
    fn record(&mut self, at: Instant, event: Event) {
        self.trace(at, &event);
    }
}

/// What is behind every handle. Times are the session's own.
pub(super) struct State {
    limits: Limits,
    granularity: Duration,
    /// The first time that was noted, by the driver's clock.
    zero: Option<Instant>,
    /// When something was last noted of an exchange.
    last: Instant,
    tunes: Vec<Tune>,
    tune_bytes_left: usize,
    trace: Vec<TraceLine>,
    trace_bytes_left: usize,
    level: Option<(Instant, Level)>,
    secrets: Secrets,
    films: Vec<Fixture>,
    files: BTreeMap<(String, Option<u64>), Known>,
    budget: Budget,
    /// Of all exchanges.
    arrivals: usize,
    exchanges: Vec<Underway>,
    is_complete: bool,
}

/// An exchange as far as it went.
struct Underway {
    opened: Instant,
    request: Request,
    /// What was asked for, its secrets in it: a redirect may be relative to it.
    asked: Url,
    answer: Option<Answer>,
    ending: Ending,
}

struct Answer {
    at: Instant,
    pauses: Vec<Instant>,
    head: Head,
    file: (String, Option<u64>),
    walk: Walk,
    body: Assembly,
    arrivals: Arrivals,
}

impl State {
    fn time(&mut self, at: Instant) -> Instant {
        self.zero.get_or_insert(at);
        self.since_zero(at)
    }

    fn since_zero(&self, at: Instant) -> Instant {
        Instant::ZERO + at.since(self.zero.unwrap_or(at))
    }

    /// The same for exchanges, whose events never go back, whatever a clock does.
    fn forward(&mut self, at: Instant) -> Instant {
        self.last = self.time(at).max(self.last);
        self.last
    }

    fn tuned(&mut self, at: Instant, url: &Url, aim: Aim, duration: Option<Duration>) {
        let aim = match aim {
            Aim::At(position) => Aim::At(position),
            // The schedule may have begun long before the session.
            Aim::Live { when, position } => {
                let zero = *self.zero.get_or_insert(at);
                Aim::Live { when: self.since_zero(when), position: position + zero.since(when) }
            }
        };
        let at = self.time(at).max(self.tunes.last().map_or(Instant::ZERO, |tune| tune.at));
        self.secrets.trust(url);
        let url = self.secrets.url(url, at);
        let length = url.as_str().len();
        if self.tunes.len() == TUNES_MAX || length > self.tune_bytes_left {
            self.is_complete = false;
            return;
        }
        self.tune_bytes_left -= length;
        self.tunes.push(Tune { at, url, aim, duration });
    }

    fn traced(&mut self, at: Instant, event: Value) {
        let Value::Object(mut fields) = event else { return };
        let at = self.time(at).max(self.trace.last().map_or(Instant::ZERO, |line| line.at));
        self.secrets.fields(&mut fields, at);
        self.line(at, fields);
    }

    fn line(&mut self, at: Instant, fields: Map<String, Value>) {
        let length = serde_json::to_vec(&fields).map_or(usize::MAX, |text| text.len());
        let length = length.saturating_add(TIME_BYTES);
        if self.trace.len() == TRACE_LINES_MAX || length > LINE_MAX.min(self.trace_bytes_left) {
            self.is_complete = false;
            return;
        }
        self.trace_bytes_left -= length;
        self.trace.push(TraceLine { at, fields });
    }

    fn level(&mut self, at: Instant, level: Level) {
        let at = self.time(at).max(self.trace.last().map_or(Instant::ZERO, |line| line.at));
        if let Some((then, last)) = self.level
            && (!level.is_news_after(&last) || at.since(then) < Level::EVERY)
        {
            return;
        }
        self.level = Some((at, level));
        if let Ok(Value::Object(mut fields)) = serde_json::to_value(level) {
            fields.insert("ev".to_owned(), "level".into());
            self.line(at, fields);
        }
    }

    /// The index of a new exchange, if it is recorded.
    pub(super) fn opened(&mut self, at: Instant, request: &Request) -> Option<usize> {
        let at = self.forward(at);
        let url = self.secrets.url(&request.url, at);
        if self.exchanges.len() == EXCHANGES_MAX || url.as_str().len() > URL_MAX {
            self.is_complete = false;
            return None;
        }
        self.exchanges.push(Underway {
            opened: at,
            request: Request { url, range: request.range },
            asked: request.url.clone(),
            answer: None,
            ending: Ending::Open,
        });
        Some(self.exchanges.len() - 1)
    }

    pub(super) fn answered(&mut self, index: usize, at: Instant, head: &Head) {
        let at = self.forward(at);
        let exchange = &mut self.exchanges[index];
        if exchange.answer.is_some() || exchange.ending != Ending::Open {
            return;
        }
        if matches!(head.status, 401 | 403 | 410) {
            self.secrets.expire(&exchange.request.url, at);
        }
        let file = file(&exchange.asked, head);
        let unknown = Known::default();
        let known = self.files.get(&file).unwrap_or(&unknown);
        exchange.answer = Some(Answer {
            at,
            pauses: Vec::new(),
            walk: Walk::new(head, known),
            file,
            head: self.secrets.head(head, &exchange.asked, at),
            body: Assembly::default(),
            arrivals: Arrivals::default(),
        });
    }

    pub(super) fn received(&mut self, index: usize, at: Instant, bytes: &[u8]) {
        let at = self.forward(at);
        let exchange = &mut self.exchanges[index];
        let (Some(answer), Ending::Open) = (&mut exchange.answer, exchange.ending) else { return };
        let before = answer.arrivals.len();
        for piece in bytes.chunks(u32::MAX as usize) {
            answer.arrivals.note(at, piece.len() as u32, self.granularity);
        }
        self.arrivals += answer.arrivals.len().saturating_sub(before);

        let mut forgotten = Known::default();
        let known = match self.files.contains_key(&answer.file) || self.files.len() < FILES_MAX {
            true => self.files.entry(answer.file.clone()).or_default(),
            false => &mut forgotten,
        };
        let (films, budget, body) = (&self.films, &mut self.budget, &mut answer.body);
        answer.walk.feed(bytes, known, &mut |verdict, offset, bytes| {
            body.take(verdict, offset, bytes, films, budget);
        });
        if self.arrivals > ARRIVALS_MAX {
            self.coarsen();
        }
    }

    /// From `since` until now nobody looked for more.
    pub(super) fn paused(&mut self, index: usize, since: Instant, now: Instant) {
        let (since, now) = (self.time(since), self.time(now));
        let exchange = &mut self.exchanges[index];
        let (Some(answer), Ending::Open) = (&mut exchange.answer, exchange.ending) else { return };
        // What is shorter may be within a piece, and is nothing but a driver's turn.
        let is_long = now.since(since) > self.granularity;
        if is_long && since >= answer.at && answer.pauses.len() < PAUSES_MAX {
            answer.pauses.push(since);
            answer.arrivals.break_off();
        }
    }

    /// Makes room for as many arrivals again.
    fn coarsen(&mut self) {
        while self.arrivals > ARRIVALS_MAX / 2 {
            self.granularity = (self.granularity * 2).max(COARSER);
            self.arrivals = 0;
            for answer in self.exchanges.iter_mut().filter_map(|x| x.answer.as_mut()) {
                answer.arrivals.coarsen(self.granularity);
                self.arrivals += answer.arrivals.len();
            }
        }
    }

    pub(super) fn over(&mut self, index: usize, at: Instant, why: Option<ExchangeError>) {
        let at = self.forward(at);
        let exchange = &mut self.exchanges[index];
        match (exchange.ending, why) {
            (Ending::Open, Some(why)) => exchange.ending = Ending::Failed(at, why),
            (Ending::Open, None) if exchange.answer.is_some() => {
                exchange.ending = Ending::Complete(at);
            }
            _ => {}
        }
    }

    pub(super) fn dropped(&mut self, index: usize, at: Instant) {
        let at = self.forward(at);
        if let ending @ Ending::Open = &mut self.exchanges[index].ending {
            *ending = Ending::Dropped(at);
        }
    }
}

impl Underway {
    fn snapshot(&self, secrets: &Secrets) -> Exchange {
        let answer = self.answer.as_ref();
        Exchange {
            opened: self.opened,
            request: self.request.clone(),
            head: answer.map(|answer| (answer.at, answer.head.clone())),
            arrivals: answer.map(|answer| answer.arrivals.runs()).unwrap_or_default(),
            pauses: answer.map(|answer| answer.pauses()).unwrap_or_default(),
            ending: self.ending,
            body: answer.map(|answer| answer.snapshot(secrets)).unwrap_or_default(),
        }
    }
}

impl Answer {
    /// The pauses that are still between two arrivals, should these have been put together since.
    fn pauses(&self) -> Vec<Instant> {
        let runs = self.arrivals.runs();
        let is_within = |at: Instant| {
            let n = runs.partition_point(|run| run.first <= at);
            n.checked_sub(1).is_some_and(|n| at < runs[n].last())
        };
        let mut pauses: Vec<Instant> =
            self.pauses.iter().copied().filter(|at| !is_within(*at)).collect();
        pauses.dedup_by_key(|at| runs.partition_point(|run| run.first <= *at));
        pauses
    }

    /// The body so far. A page that tells a secret is not kept: in a body nothing can be replaced
    /// that is not as long as the placeholder.
    fn snapshot(&self, secrets: &Secrets) -> Body {
        let body = self.body.body(self.walk.undecided());
        let tells = |segment: &Segment| match segment {
            Segment::Literal(bytes) => secrets.are_in(bytes),
            _ => false,
        };
        if !self.walk.is_text() || !body.segments().iter().any(tells) {
            return body;
        }
        match body.sha256() {
            Some(sha256) => Body::new([Segment::Elided { length: body.len(), sha256 }]),
            None => Body::default(),
        }
    }
}
