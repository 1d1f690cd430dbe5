//! Writes a session as HAR.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use testcard_core::time::Instant;
use testcard_session::{
    Arrival, Ending, Exchange, Fixture, NUMBER_MAX, Provenance, Segment, Session,
};

use super::own::{Part, Whole};
use super::{Cache, Content, Creator, Entry, File, Log, Pair, Request, Response, Timings};

/// A session as HAR 1.2. Where it was recorded, times of day are true; one that was made up counts
/// from 1970-01-01 and says so in the log's comment.
pub fn export(session: &Session) -> Value {
    let recorded = match &session.about.provenance {
        Provenance::Recorded { at, .. } => at.parse::<Timestamp>().ok(),
        Provenance::Synthetic { .. } => None,
    };
    let title = session.about.title.trim();
    let comment = match recorded {
        Some(_) => title.to_owned(),
        None => format!(
            "{title}{}Nobody knows when this was: times count from 1970-01-01T00:00:00Z.",
            if title.is_empty() { "" } else { " — " }
        ),
    };
    let zero = recorded.unwrap_or(Timestamp::UNIX_EPOCH);
    let fixtures = &session.about.fixtures;
    let log = Log {
        version: "1.2".to_owned(),
        creator: Creator {
            name: "Testcard".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        comment: (!comment.is_empty()).then_some(comment),
        entries: session.exchanges.iter().map(|exchange| entry(exchange, zero, fixtures)).collect(),
        testcard: Some(json!(Whole::of(session))),
    };
    json!(File { log })
}

fn entry(exchange: &Exchange, zero: Timestamp, fixtures: &[Fixture]) -> Entry {
    let (opened, ended) = (exchange.opened, ended(exchange));
    let head_at = exchange.head.as_ref().map_or(ended, |(at, _)| *at);
    Entry {
        started_date_time: date(zero, opened),
        time: Some(millis(opened, ended)),
        request: request(exchange),
        response: response(exchange),
        cache: Cache {},
        timings: Timings {
            wait: Some(millis(opened, head_at)),
            receive: Some(millis(head_at, ended)),
            ..Timings::default()
        },
        testcard: Some(json!(Part::of(exchange, fixtures))),
    }
}

fn request(exchange: &Exchange) -> Request {
    let url = &exchange.request.url;
    let pair = |name: &str, value: &str| Pair { name: name.to_owned(), value: value.to_owned() };
    let range = exchange.request.range.map(|range| pair("Range", &range.to_string()));
    Request {
        method: "GET".to_owned(),
        url: url.to_string(),
        http_version: "HTTP/1.1".to_owned(),
        cookies: Vec::new(),
        headers: range.into_iter().collect(),
        query_string: url.query_pairs().map(|(name, value)| pair(&name, &value)).collect(),
        headers_size: Some(-1),
        body_size: Some(0),
    }
}

fn response(exchange: &Exchange) -> Response {
    let head = exchange.head.as_ref().map(|(_, head)| head);
    let header = |name| head.and_then(|head| head.header(name)).unwrap_or_default().to_owned();
    let length = i64::try_from(exchange.body.len().min(NUMBER_MAX)).unwrap_or(i64::MAX);
    let (text, encoding) = text(exchange);
    let error = match exchange.ending {
        Ending::Failed(_, error) => Some(error.to_string()),
        _ => None,
    };
    Response {
        status: head.map_or(0, |head| i64::from(head.status)),
        status_text: String::new(),
        http_version: if head.is_some() { "HTTP/1.1" } else { "" }.to_owned(),
        cookies: Vec::new(),
        headers: head.map_or(Vec::new(), |head| {
            let pairs = head.headers.iter().cloned();
            pairs.map(|(name, value)| Pair { name, value }).collect()
        }),
        content: Content {
            size: Some(length),
            mime_type: Some(header("content-type")),
            text,
            encoding,
        },
        redirect_url: Some(header("location")),
        headers_size: Some(-1),
        body_size: Some(length),
        error,
    }
}

/// The bytes of a body that are all there, and how they are encoded.
fn text(exchange: &Exchange) -> (Option<String>, Option<String>) {
    let mut bytes = Vec::new();
    for segment in exchange.body.segments() {
        let Segment::Literal(part) = segment else { return (None, None) };
        bytes.extend_from_slice(part);
    }
    if bytes.is_empty() {
        return (None, None);
    }
    match String::from_utf8(bytes) {
        Ok(text) => (Some(text), None),
        Err(error) => (Some(BASE64.encode(error.as_bytes())), Some("base64".to_owned())),
    }
}

/// When an exchange was over, or the last that is known of it.
fn ended(exchange: &Exchange) -> Instant {
    match exchange.ending {
        Ending::Complete(at) | Ending::Failed(at, _) | Ending::Dropped(at) => at,
        Ending::Open => {
            let last = exchange.arrivals.last().map(Arrival::last);
            last.or(exchange.head.as_ref().map(|(at, _)| *at)).unwrap_or(exchange.opened)
        }
    }
}

fn millis(from: Instant, to: Instant) -> f64 {
    to.since(from).as_micros() as f64 / 1000.0
}

/// The time of day, to the microsecond; the last one there is where that is beyond.
fn date(zero: Timestamp, at: Instant) -> String {
    let since = i64::try_from(at.as_micros()).unwrap_or(i64::MAX);
    let at = zero.checked_add(SignedDuration::from_micros(since)).unwrap_or(Timestamp::MAX);
    format!("{at:.6}")
}
