//! What is in `_testcard`: all that HAR has no place for, each number as a session has it. Read back,
//! nothing is taken on trust: lengths agree, times do not go back, and everything is within the
//! bounds of a session.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use testcard_core::net::{ByteRange, ExchangeError, Head, Request, Url};
use testcard_core::playback::Aim;
use testcard_core::stream::{Limits, Patience};
use testcard_core::time::{Instant, MediaTime};
use testcard_session::{
    ARRIVALS_MAX, About, Arrival, Body, EXCHANGES_MAX, End, Ending, Exchange, FIXTURES_MAX, Film,
    Films, Fixture, Provenance, SEGMENTS_MAX, Segment, Session, TOKENS_MAX, TRACE_LINES_MAX,
    TUNES_MAX, Token, TraceLine, Tune, Viewing, VirtualFilms,
};

use super::{Content, Entry, ImportError, Log, Pair, SCHEMA};

/// Of the log.
#[derive(Deserialize, Serialize)]
pub struct Whole {
    schema: u32,
    title: String,
    provenance: Origin,
    window_bytes: u64,
    index_bytes: u64,
    /// Absent: endless patience.
    tries: Option<u32>,
    tunes: Vec<Tuned>,
    end_us: Instant,
    end_position_us: Option<MediaTime>,
    tokens: Vec<Secret>,
    films: Vec<String>,
    trace: Vec<Line>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Origin {
    Recorded { at: String, by: String },
    Synthetic { from: String },
}

#[derive(Deserialize, Serialize)]
struct Tuned {
    at_us: Instant,
    url: String,
    position_us: MediaTime,
    /// Of a schedule that runs: when it shows that position.
    #[serde(skip_serializing_if = "Option::is_none")]
    when_us: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duration_us: Option<u64>,
}

#[derive(Deserialize, Serialize)]
struct Secret {
    seen_us: Instant,
    valid_until_us: Option<Instant>,
}

#[derive(Deserialize, Serialize)]
struct Line {
    t: Instant,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

/// Of an entry.
#[derive(Deserialize, Serialize)]
pub struct Part {
    opened_us: Instant,
    head_us: Option<Instant>,
    arrivals: Vec<Run>,
    /// When nobody looked for more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pauses_us: Vec<Instant>,
    ending: How,
    ended_us: Option<Instant>,
    /// Absent where the content's text is all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<Vec<Piece>>,
    /// Where it was noted and the parts do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct Run {
    t: Instant,
    bytes: u32,
    #[serde(default = "once")]
    times: u32,
    #[serde(default)]
    every_us: u64,
}

const fn once() -> u32 {
    1
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum How {
    Complete,
    Failed(ExchangeError),
    Dropped,
    Open,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Piece {
    /// Base64.
    Literal(String),
    Elided {
        length: u64,
        sha256: String,
    },
    Fixture {
        film: String,
        from: u64,
        to: u64,
    },
}

impl Whole {
    /// What of a session is in no entry.
    pub fn of(session: &Session) -> Self {
        let About { title, provenance, viewing, tokens, fixtures } = &session.about;
        Self {
            schema: SCHEMA,
            title: title.clone(),
            provenance: match provenance.clone() {
                Provenance::Recorded { at, by } => Origin::Recorded { at, by },
                Provenance::Synthetic { from } => Origin::Synthetic { from },
            },
            window_bytes: viewing.limits.window_bytes as u64,
            index_bytes: viewing.limits.index_bytes,
            tries: match viewing.limits.patience {
                Patience::Endless => None,
                Patience::Tries(tries) => Some(tries),
            },
            tunes: viewing.tunes.iter().map(Tuned::of).collect(),
            end_us: viewing.end.at,
            end_position_us: viewing.end.position,
            tokens: tokens
                .iter()
                .map(|token| Secret { seen_us: token.seen, valid_until_us: token.valid_until })
                .collect(),
            films: fixtures.iter().map(|fixture| fixture.film_spec.clone()).collect(),
            trace: session
                .trace
                .iter()
                .map(|line| Line { t: line.at, fields: line.fields.clone() })
                .collect(),
        }
    }

    fn about(self) -> Result<(About, Vec<TraceLine>), String> {
        within("programmes", self.tunes.len(), TUNES_MAX)?;
        within("tokens", self.tokens.len(), TOKENS_MAX)?;
        within("films", self.films.len(), FIXTURES_MAX)?;
        within("lines of the trace", self.trace.len(), TRACE_LINES_MAX)?;
        let tunes = self.tunes.iter().map(Tuned::tune).collect::<Result<Vec<_>, _>>()?;
        in_order("programmes", tunes.iter().map(|tune| tune.at))?;
        in_order("lines of the trace", self.trace.iter().map(|line| line.t))?;
        let window_bytes = usize::try_from(self.window_bytes)
            .map_err(|_| format!("no window here can have {} bytes", self.window_bytes))?;
        let about = About {
            title: self.title,
            provenance: match self.provenance {
                Origin::Recorded { at, by } => Provenance::Recorded { at, by },
                Origin::Synthetic { from } => Provenance::Synthetic { from },
            },
            viewing: Viewing {
                limits: Limits {
                    window_bytes,
                    index_bytes: self.index_bytes,
                    patience: self.tries.map_or(Patience::Endless, Patience::Tries),
                },
                tunes,
                end: End { at: self.end_us, position: self.end_position_us },
            },
            tokens: self
                .tokens
                .iter()
                .map(|token| Token { seen: token.seen_us, valid_until: token.valid_until_us })
                .collect(),
            fixtures: self.films.into_iter().map(fixture).collect::<Result<_, _>>()?,
        };
        let line = |line: Line| TraceLine { at: line.t, fields: line.fields };
        Ok((about, self.trace.into_iter().map(line).collect()))
    }
}

impl Tuned {
    fn of(tune: &Tune) -> Self {
        let (position_us, when_us) = match tune.aim {
            Aim::At(position) => (position, None),
            Aim::Live { when, position } => (position, Some(when)),
        };
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let duration_us = tune.duration.map(micros);
        Self { at_us: tune.at, url: tune.url.to_string(), position_us, when_us, duration_us }
    }

    fn tune(&self) -> Result<Tune, String> {
        let url = Url::parse(&self.url).map_err(|error| format!("a programme's url: {error}"))?;
        let position = self.position_us;
        let aim = match self.when_us {
            None => Aim::At(position),
            Some(when) => Aim::Live { when, position },
        };
        Ok(Tune { at: self.at_us, url, aim, duration: self.duration_us.map(Duration::from_micros) })
    }
}

fn fixture(film_spec: String) -> Result<Fixture, String> {
    let made = VirtualFilms.film(&film_spec).map_err(|error| format!("a film: {error}"))?;
    // Bodies name it as the file does.
    Ok(Fixture { film_spec, ..made })
}

impl Part {
    /// What of an exchange is not in its entry.
    pub fn of(exchange: &Exchange, fixtures: &[Fixture]) -> Self {
        let segments = exchange.body.segments();
        let (ending, ended_us) = match exchange.ending {
            Ending::Complete(at) => (How::Complete, Some(at)),
            Ending::Failed(at, error) => (How::Failed(error), Some(at)),
            Ending::Dropped(at) => (How::Dropped, Some(at)),
            Ending::Open => (How::Open, None),
        };
        let run = |run: &Arrival| Run {
            t: run.first,
            bytes: run.bytes,
            times: run.times,
            every_us: micros(run.every),
        };
        let is_text = segments.iter().all(|segment| matches!(segment, Segment::Literal(_)));
        Self {
            opened_us: exchange.opened,
            head_us: exchange.head.as_ref().map(|(at, _)| *at),
            arrivals: exchange.arrivals.iter().map(run).collect(),
            pauses_us: exchange.pauses.clone(),
            ending,
            ended_us,
            body: (!is_text)
                .then(|| segments.iter().map(|segment| Piece::of(segment, fixtures)).collect()),
            sha256: (!is_text).then(|| exchange.body.sha256().map(|hash| hex(&hash))).flatten(),
        }
    }
}

impl Piece {
    fn of(segment: &Segment, fixtures: &[Fixture]) -> Self {
        match segment {
            Segment::Literal(bytes) => Self::Literal(BASE64.encode(bytes)),
            Segment::Elided { length, sha256 } => {
                Self::Elided { length: *length, sha256: hex(sha256) }
            }
            Segment::Fixture { film, range } => {
                let is_it = |fixture: &&Fixture| Arc::ptr_eq(&fixture.film, film);
                let spec = fixtures.iter().find(is_it).map(|fixture| fixture.film_spec.clone());
                // A session always names its films; import says what is wrong with another one.
                Self::Fixture { film: spec.unwrap_or_default(), from: range.start, to: range.end }
            }
        }
    }

    fn segment(self, films: &BTreeMap<&str, &Arc<dyn Film>>) -> Result<Segment, String> {
        Ok(match self {
            Self::Literal(text) => {
                let bytes = BASE64.decode(text).map_err(|error| format!("its body: {error}"))?;
                Segment::Literal(bytes.into())
            }
            Self::Elided { length, sha256 } => Segment::Elided { length, sha256: unhex(&sha256)? },
            Self::Fixture { film, from, to } => {
                let film = films.get(&*film).ok_or("its body is from a film that is not named")?;
                if from > to || to > film.length() {
                    return Err(format!("its body is from {from} to {to} of a shorter film"));
                }
                Segment::Fixture { film: Arc::clone(film), range: Range { start: from, end: to } }
            }
        })
    }
}

/// A session from a file that [`super::export`] wrote.
pub fn session(log: &Log, whole: &Value) -> Result<Session, ImportError> {
    let whole = Whole::deserialize(whole).map_err(|error| ImportError::Log(error.to_string()))?;
    let (about, trace) = whole.about().map_err(ImportError::Log)?;
    let films: BTreeMap<_, _> =
        about.fixtures.iter().map(|fixture| (&*fixture.film_spec, &fixture.film)).collect();
    within("entries", log.entries.len(), EXCHANGES_MAX).map_err(ImportError::Log)?;
    let mut exchanges: Vec<Exchange> = Vec::with_capacity(log.entries.len());
    let (mut arrivals, mut segments) = (0, 0);
    for (number, entry) in (1..).zip(&log.entries) {
        let in_entry = |what: String| ImportError::Entry(number, what);
        let exchange = exchange(entry, &films).map_err(in_entry)?;
        arrivals += exchange.arrivals.len();
        segments += exchange.body.segments().len();
        within("arrivals", arrivals, ARRIVALS_MAX).map_err(in_entry)?;
        within("parts of bodies", segments, SEGMENTS_MAX).map_err(in_entry)?;
        if exchanges.last().is_some_and(|before| before.opened > exchange.opened) {
            return Err(in_entry("it was opened before the one before it".to_owned()));
        }
        exchanges.push(exchange);
    }
    Ok(Session { about, exchanges, trace })
}

fn exchange(entry: &Entry, films: &BTreeMap<&str, &Arc<dyn Film>>) -> Result<Exchange, String> {
    let part = entry.testcard.as_ref().ok_or("it has no _testcard field, unlike the log")?;
    let part = Part::deserialize(part).map_err(|error| format!("its _testcard field: {error}"))?;
    let request = request(entry)?;
    let head = match part.head_us {
        None => None,
        Some(at) => Some((at, head(entry)?)),
    };
    let arrival = |run: &Run| Arrival {
        first: run.t,
        every: Duration::from_micros(run.every_us),
        times: run.times,
        bytes: run.bytes,
    };
    let arrivals: Vec<_> = part.arrivals.iter().map(arrival).collect();
    if arrivals.iter().any(|run| run.times == 0 || run.bytes == 0) {
        return Err("a run of arrivals brings nothing".to_owned());
    }
    let body = match part.body {
        Some(pieces) => {
            within("parts of its body", pieces.len(), SEGMENTS_MAX)?;
            let segments = pieces.into_iter().map(|piece| piece.segment(films));
            Body::new(segments.collect::<Result<Vec<_>, _>>()?)
        }
        None => Body::literal(text(&entry.response.content)?.unwrap_or_default()),
    };
    let body = match part.sha256 {
        Some(sha256) => body.with_sha256(unhex(&sha256)?),
        None => body,
    };
    let came = arrivals.iter().fold(0_u64, |sum, run| {
        sum.saturating_add(u64::from(run.bytes).saturating_mul(u64::from(run.times)))
    });
    if came != body.len() {
        return Err(format!("{came} bytes of its body arrived, and it has {}", body.len()));
    }
    let ending = match (part.ending, part.ended_us) {
        (How::Complete, Some(at)) => Ending::Complete(at),
        (How::Failed(error), Some(at)) => Ending::Failed(at, error),
        (How::Dropped, Some(at)) => Ending::Dropped(at),
        (How::Open, None) => Ending::Open,
        (How::Open, Some(_)) => return Err("it is open, and has an end".to_owned()),
        (_, None) => return Err("it is over, and has no end".to_owned()),
    };
    within("pauses", part.pauses_us.len(), ARRIVALS_MAX)?;
    let first = part.head_us.unwrap_or(Instant::FAR_FUTURE);
    let last = part.ended_us.unwrap_or(Instant::FAR_FUTURE);
    let pauses = part.pauses_us;
    if !pauses.is_empty() {
        in_order("its pauses", [first].into_iter().chain(pauses.iter().copied()).chain([last]))?;
        let came = |at: Instant| arrivals.partition_point(|run| run.first <= at);
        if pauses.windows(2).any(|pair| came(pair[0]) == came(pair[1])) {
            return Err("between two of its pauses nothing came".to_owned());
        }
    }
    let pieces = arrivals.iter().flat_map(|run| [run.first, run.last()]);
    let start = [Some(part.opened_us), part.head_us].into_iter().flatten();
    in_order("its times", start.chain(pieces).chain(part.ended_us))?;
    Ok(Exchange { opened: part.opened_us, request, head, arrivals, pauses, ending, body })
}

/// What an entry asks for.
pub fn request(entry: &Entry) -> Result<Request, String> {
    if entry.request.method != "GET" {
        return Err("it is no GET request".to_owned());
    }
    let url = Url::parse(&entry.request.url).map_err(|error| format!("its url: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("its url is neither http nor https".to_owned());
    }
    let is_range = |header: &&Pair| header.name.eq_ignore_ascii_case("range");
    let range = match entry.request.headers.iter().find(is_range) {
        None => None,
        Some(header) => Some(range(&header.value).ok_or("it asks for other than one range")?),
    };
    Ok(Request { url, range })
}

fn range(value: &str) -> Option<ByteRange> {
    let (first, last) = value.trim().strip_prefix("bytes=")?.split_once('-')?;
    let first = first.trim().parse().ok()?;
    match last.trim() {
        "" => Some(ByteRange::From(first)),
        last => {
            let last = last.parse().ok().filter(|last| *last >= first)?;
            Some(ByteRange::Closed { first, last })
        }
    }
}

/// The head of an entry's response.
pub fn head(entry: &Entry) -> Result<Head, String> {
    let status = u16::try_from(entry.response.status).ok().filter(|s| (100..1000).contains(s));
    let status = status.ok_or_else(|| format!("its status is {}", entry.response.status))?;
    // What HTTP/2 has instead of a status line is no header.
    let headers = entry.response.headers.iter().filter(|header| !header.name.starts_with(':'));
    let headers: Vec<_> =
        headers.map(|header| (header.name.clone(), header.value.clone())).collect();
    within("headers", headers.len(), Head::MAX_HEADERS)?;
    let bytes = headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    within("bytes of headers", bytes, Head::MAX_BYTES)?;
    Ok(Head { status, headers })
}

/// The bytes of a content, if they are there.
pub fn text(content: &Content) -> Result<Option<Vec<u8>>, String> {
    match (&content.text, content.encoding.as_deref()) {
        (None, _) => Ok(None),
        (Some(text), None | Some("")) => Ok(Some(text.clone().into_bytes())),
        (Some(text), Some("base64")) => {
            let bytes = BASE64.decode(text).map_err(|error| format!("its content: {error}"))?;
            Ok(Some(bytes))
        }
        (Some(_), Some(_)) => Err("its content is encoded other than as base64".to_owned()),
    }
}

fn within(what: &str, count: usize, most: usize) -> Result<(), String> {
    match count <= most {
        true => Ok(()),
        false => Err(format!("there are more than {most} {what}")),
    }
}

fn in_order(what: &str, times: impl Iterator<Item = Instant>) -> Result<(), String> {
    match times.is_sorted() {
        true => Ok(()),
        false => Err(format!("{what} go back in time")),
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn hex(hash: &[u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Result<[u8; 32], String> {
    let flaw = || "a SHA-256 is not 64 hexadecimal digits".to_owned();
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(flaw()) };
    let bytes: Option<Vec<u8>> = pairs
        .iter()
        .map(|[high, low]| u8::try_from(digit(high)? * 16 + digit(low)?).ok())
        .collect();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(flaw)
}
