//! Files of other programs. What they tell is played to a recorder, event by event in the order of
//! time, which replaces secrets and drops media as it does for every network.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use testcard_core::net::{ExchangeError, ExchangePoll, Head, Network, Request};
use testcard_core::playback::Aim;
use testcard_core::stream::Limits;
use testcard_core::time::{Instant, MediaTime};
use testcard_session::{
    Arrival, Body, EXCHANGES_MAX, End, NUMBER_MAX, Options, Provenance, Recorded, Recorder,
    Recording, Segment,
};

use super::{Entry, ImportError, Imported, Log, own};

/// Bodies are taken to come in pieces this far apart: nobody can tell shorter times from nothing.
const PIECE_US: u64 = 20_000;
/// Bodies whose bytes are known come in no more pieces than this.
const PIECES_MAX: u64 = 256;
/// The longest address; browsers stop far below.
const URL_MAX: usize = 64 * 1024;
/// The longest that any part of an exchange is taken to have lasted.
const LONGEST_US: f64 = 7.0 * 24.0 * 3600.0 * 1e6;
/// A name or a title, in characters.
const NAME_MAX: usize = 200;
/// The hash of bytes that nobody knows.
const NO_HASH: [u8; 32] = [0; 32];

/// A session from another program's file.
pub fn session(log: &Log) -> Result<Imported, ImportError> {
    let mut left_out = Vec::new();
    let mut courses = Vec::new();
    for (number, entry) in (1..).zip(&log.entries) {
        match Course::of(entry) {
            Ok(_) if courses.len() == EXCHANGES_MAX => {
                left_out.push((number, format!("a session has {EXCHANGES_MAX} exchanges at most")));
            }
            Ok(course) => courses.push((number, course)),
            Err(why) => left_out.push((number, why)),
        }
    }
    // Browsers write entries in the order in which they began, others as they like.
    courses.sort_by_key(|(_, course)| course.opened);
    let start = courses.first().map(|(_, course)| course.opened).ok_or(ImportError::Empty)?;
    courses.retain(|(number, course)| {
        let is_near = course.over(start) < NUMBER_MAX;
        if !is_near {
            left_out.push((*number, "it was centuries after the others".to_owned()));
        }
        is_near
    });
    left_out.sort();
    let courses: Vec<_> = courses.into_iter().map(|(_, course)| course).collect();

    let recording = Recording::new(Limits::DESKTOP, Options::EXACT);
    play(&courses, start, &recording);
    let last = courses.iter().map(|course| course.over(start)).max().unwrap_or(0);
    let end = End { at: Instant::from_micros(last), position: None };
    let name = |text: &str| -> String {
        text.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect()
    };
    let creator = match log.creator.name.trim() {
        "" => "a program that does not say its name".to_owned(),
        creator => format!("{creator} {}", log.creator.version.trim()),
    };
    let creator = name(creator.trim());
    let by = format!("{creator}, as a HAR file");
    let at = Timestamp::from_microsecond(start).unwrap_or(Timestamp::UNIX_EPOCH).to_string();
    let title = match log.comment.as_deref().map(name).filter(|text| !text.trim().is_empty()) {
        Some(comment) => comment,
        None => format!("What {creator} noted"),
    };
    let mut session = recording.snapshot(&title, Provenance::Recorded { at, by }, end);
    for (exchange, course) in session.exchanges.iter_mut().zip(&courses) {
        if let (Bytes::Unknown(length @ 1..), Some((at, _))) = (&course.body, &exchange.head) {
            exchange.arrivals = runs(*at, course.receive_us, *length, u64::from(u32::MAX));
            exchange.body = Body::new([Segment::Elided { length: *length, sha256: NO_HASH }]);
        }
    }
    Ok(Imported { session, left_out })
}

/// One exchange, as far as a file tells of it.
struct Course {
    /// µs since 1970.
    opened: i64,
    request: Request,
    /// Until the head came, or if none did, until the end.
    wait_us: u64,
    head: Option<Head>,
    receive_us: u64,
    body: Bytes,
    ending: How,
}

/// What is known of a body.
enum Bytes {
    Known(Vec<u8>),
    /// Only how many.
    Unknown(u64),
}

#[derive(Clone, Copy)]
enum How {
    Complete,
    Failed(ExchangeError),
    HungUp,
}

impl Course {
    fn of(entry: &Entry) -> Result<Self, String> {
        let request = own::request(entry)?;
        if request.url.as_str().len() > URL_MAX {
            return Err(format!("its url has more than {URL_MAX} bytes"));
        }
        let started: Timestamp = entry
            .started_date_time
            .parse()
            .map_err(|_| "its startedDateTime is no date with a time zone".to_owned())?;
        let timings = &entry.timings;
        // `ssl` is a part of `connect` (§4.2.16).
        let before =
            [timings.blocked, timings.dns, timings.connect, timings.send, timings.wait].map(micros);
        let (mut wait_us, receive_us) = (before.iter().sum(), micros(timings.receive));
        if (wait_us, receive_us) == (0, 0) {
            wait_us = micros(entry.time);
        }
        let error = entry.response.error.as_deref().filter(|error| !error.is_empty());
        let head = match entry.response.status {
            0 => None,
            _ => Some(own::head(entry)?),
        };
        let body = match own::text(&entry.response.content)? {
            Some(bytes) => Bytes::Known(bytes),
            None => {
                let sizes = [entry.response.content.size, entry.response.body_size];
                let sizes = sizes.into_iter().flatten().filter_map(|size| u64::try_from(size).ok());
                Bytes::Unknown(sizes.into_iter().find(|size| *size > 0).unwrap_or(0))
            }
        };
        if body.len() > NUMBER_MAX {
            return Err("its body is larger than any".to_owned());
        }
        let ending = match (&head, error) {
            (None, error) => ending(error.unwrap_or_default()),
            (Some(_), Some(error)) => ending(error),
            (Some(head), None) if is_short(head, body.len()) => How::HungUp,
            (Some(_), None) => How::Complete,
        };
        let opened = started.as_microsecond();
        Ok(Self { opened, request, wait_us, head, receive_us, body, ending })
    }

    fn opened(&self, start: i64) -> u64 {
        u64::try_from(self.opened.saturating_sub(start)).unwrap_or(0)
    }

    fn head_at(&self, start: i64) -> u64 {
        self.opened(start).saturating_add(self.wait_us)
    }

    fn over(&self, start: i64) -> u64 {
        self.head_at(start).saturating_add(self.receive_us)
    }
}

impl Bytes {
    fn len(&self) -> u64 {
        match self {
            Self::Known(bytes) => bytes.len() as u64,
            Self::Unknown(length) => *length,
        }
    }
}

fn micros(millis: Option<f64>) -> u64 {
    // Negative ones are not known; a cast of what is too large or no number is none either.
    (millis.unwrap_or(0.0) * 1000.0).clamp(0.0, LONGEST_US).round() as u64
}

/// Whether less came than was promised. Who was the one to stop, HAR does not say; browsers do all
/// the time, as soon as they have seen enough of a film.
fn is_short(head: &Head, length: u64) -> bool {
    matches!(head.status, 200 | 206)
        && head.header("content-encoding").is_none()
        && head.content_length().is_some_and(|promised| promised > length)
}

/// What Chromium calls an error, as one of ours.
fn ending(error: &str) -> How {
    match error {
        "net::ERR_ABORTED" => How::HungUp,
        "net::ERR_NAME_NOT_RESOLVED" => How::Failed(ExchangeError::NameNotFound),
        "net::ERR_CONNECTION_REFUSED" => How::Failed(ExchangeError::Refused),
        "net::ERR_ADDRESS_UNREACHABLE"
        | "net::ERR_CONNECTION_TIMED_OUT"
        | "net::ERR_INTERNET_DISCONNECTED"
        | "net::ERR_NETWORK_CHANGED" => How::Failed(ExchangeError::Unreachable),
        error if error.starts_with("net::ERR_CERT_") => How::Failed(ExchangeError::Certificate),
        error if error.starts_with("net::ERR_SSL_") => How::Failed(ExchangeError::Tls),
        "net::ERR_INVALID_HTTP_RESPONSE" => How::Failed(ExchangeError::Protocol),
        _ => How::Failed(ExchangeError::Disconnected),
    }
}

/// A body that comes at an even pace: equal pieces, and what is left over at the end.
fn runs(head: Instant, receive_us: u64, length: u64, most: u64) -> Vec<Arrival> {
    if length == 0 {
        return Vec::new();
    }
    let least = length.div_ceil(u64::from(u32::MAX));
    let pieces = (receive_us / PIECE_US).clamp(1, most).max(least).min(length);
    let every = Duration::from_micros(receive_us / pieces);
    let piece = |first, times, bytes| {
        // Neither is larger than 32 bits hold: see `least` and `most`.
        let [times, bytes] = [times, bytes].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        Arrival { first, every: if times == 1 { Duration::ZERO } else { every }, times, bytes }
    };
    let mut runs = vec![piece(head + every, pieces, length / pieces)];
    let left = length % pieces;
    if left > 0 {
        runs.push(piece(head + Duration::from_micros(receive_us), 1, left));
    }
    runs
}

/// Something that happens to an exchange.
enum Event<'a> {
    Open,
    Says(ExchangePoll, &'a [u8]),
    HangUp,
}

/// Plays exchanges to a recorder, in the order of time.
fn play(courses: &[Course], start: i64, recording: &Recording) {
    let mut events = Vec::new();
    for (n, course) in courses.iter().enumerate() {
        let mut add = |at: u64, event| events.push((Instant::from_micros(at), n, event));
        add(course.opened(start), Event::Open);
        if let Some(head) = &course.head {
            let at = course.head_at(start);
            add(at, Event::Says(ExchangePoll::Head(head.clone()), &[]));
            if let Bytes::Known(bytes) = &course.body {
                let head_at = Instant::from_micros(at);
                let mut rest = &bytes[..];
                for run in runs(head_at, course.receive_us, course.body.len(), PIECES_MAX) {
                    for time in 0..run.times {
                        let at = run.first + run.every * time;
                        let (piece, more) = rest.split_at(rest.len().min(run.bytes as usize));
                        add(at.as_micros(), Event::Says(ExchangePoll::Body(piece.len()), piece));
                        rest = more;
                    }
                }
            }
        }
        let over = match course.ending {
            How::Complete => Event::Says(ExchangePoll::End, &[]),
            How::Failed(error) => Event::Says(ExchangePoll::Failed(error), &[]),
            How::HungUp => Event::HangUp,
        };
        add(course.over(start), over);
    }
    events.sort_by_key(|(at, ..)| *at);

    let now = Rc::new(Cell::new(Instant::ZERO));
    let clock = Rc::clone(&now);
    let tape = Tape { said: ExchangePoll::Pending, bytes: Vec::new() };
    let mut recorder = Recorder::new(tape, recording.clone(), move || clock.get());
    let mut open: Vec<_> = courses.iter().map(|_| None).collect();
    let mut buf = Vec::new();
    let mut is_tuned = false;
    for (at, n, event) in events {
        now.set(at);
        match event {
            Event::Open => {
                let request = &courses[n].request;
                let host = request.url.host_str();
                let is_front = matches!(host, Some("archive.org" | "www.archive.org"));
                if !is_tuned && is_front && request.url.path().starts_with("/download/") {
                    is_tuned = true;
                    recording.tuned(at, &request.url, Aim::At(MediaTime::ZERO), None);
                }
                open[n] = Some(recorder.open(request));
            }
            Event::Says(said, bytes) => {
                let Some(exchange) = &mut open[n] else { continue };
                look(&mut recorder, exchange);
                let tape = recorder.network();
                tape.said = said;
                tape.bytes.clear();
                tape.bytes.extend_from_slice(bytes);
                buf.resize(buf.len().max(bytes.len()), 0);
                recorder.poll(exchange, &mut buf);
            }
            Event::HangUp => {
                if let Some(mut exchange) = open[n].take() {
                    look(&mut recorder, &mut exchange);
                }
            }
        }
    }
}

/// Looks in vain, so that the recorder knows that what comes now was not there before: a browser
/// looks all the time.
fn look<C: Fn() -> Instant>(recorder: &mut Recorder<Tape, C>, exchange: &mut Recorded<(), C>) {
    let tape = recorder.network();
    tape.said = ExchangePoll::Pending;
    tape.bytes.clear();
    recorder.poll(exchange, &mut []);
}

/// A network that says what it is told to.
struct Tape {
    said: ExchangePoll,
    bytes: Vec<u8>,
}

impl Network for Tape {
    type Exchange = ();

    fn open(&mut self, _: &Request) {}

    fn poll(&mut self, (): &mut (), buf: &mut [u8]) -> ExchangePoll {
        buf[..self.bytes.len()].copy_from_slice(&self.bytes);
        self.said.clone()
    }
}
