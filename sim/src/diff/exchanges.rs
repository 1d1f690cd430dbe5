//! Compares what was asked of the network and what came back.

use std::fmt::Write;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use testcard_core::net::Head;
use testcard_core::time::Instant;
use testcard_session::{Arrival, Body, Ending, Exchange, Fixture, Segment, Session};

use super::align::{Step, align};
use super::words::Asked;
use super::{Found, Here, Place, Rule, words};

/// Which exchanges of the two sides belong together, each counted from 0.
pub struct Pairs {
    steps: Vec<Step>,
    of_expected: Vec<Option<usize>>,
    of_actual: Vec<Option<usize>>,
}

impl Pairs {
    /// Pairs exchanges by what they ask for and how they are answered.
    pub fn of(expected: &[Asked], actual: &[Asked]) -> Self {
        let weight = |i: usize, j: usize| expected[i].weight(&actual[j]);
        let steps = align(expected.len(), actual.len(), Asked::BEST, weight);
        let mut of_expected = vec![None; expected.len()];
        let mut of_actual = vec![None; actual.len()];
        for step in &steps {
            if let Step::Pair(i, j) = *step {
                of_expected[i] = Some(j);
                of_actual[j] = Some(i);
            }
        }
        Self { steps, of_expected, of_actual }
    }

    /// How many exchanges either side has.
    pub fn lengths(&self) -> (usize, usize) {
        (self.of_expected.len(), self.of_actual.len())
    }

    /// The actual exchange that belongs to an expected one.
    pub fn of_expected(&self, n: usize) -> Option<usize> {
        self.of_expected.get(n).copied().flatten()
    }

    /// The expected exchange that belongs to an actual one.
    pub fn of_actual(&self, n: usize) -> Option<usize> {
        self.of_actual.get(n).copied().flatten()
    }
}

/// Compares the exchanges of two sessions; which ones belong together.
pub fn compare(expected: &Session, actual: &Session, found: &mut Found<'_>) -> Pairs {
    let asked = |exchange: &Exchange| {
        let range = exchange.request.range.map(|range| range.to_string()).unwrap_or_default();
        let status = exchange.head.as_ref().map(|(_, head)| head.status);
        Asked::new(exchange.request.url.as_str(), range, status)
    };
    let asked = |session: &Session| session.exchanges.iter().map(asked).collect::<Vec<_>>();
    let pairs = Pairs::of(&asked(expected), &asked(actual));
    let fixtures = [&expected.about.fixtures[..], &actual.about.fixtures[..]];
    for step in &pairs.steps {
        match *step {
            Step::Pair(i, j) => {
                let place = Place::Exchange { expected: Some(i + 1), actual: Some(j + 1) };
                let was = &expected.exchanges[i];
                pair(place, was, &actual.exchanges[j], fixtures, found);
            }
            Step::Left(i) => {
                let place = Place::Exchange { expected: Some(i + 1), actual: None };
                let was = &expected.exchanges[i];
                let mut here = here(place, was);
                found.add(&mut here, was.opened, "exchange", Some(course(was)), None);
            }
            Step::Right(j) => {
                let place = Place::Exchange { expected: None, actual: Some(j + 1) };
                let is = &actual.exchanges[j];
                let mut here = here(place, is);
                found.add(&mut here, is.opened, "exchange", None, Some(course(is)));
            }
        }
    }
    pairs
}

fn here(place: Place, exchange: &Exchange) -> Here {
    Here { place, subject: words::request(&exchange.request), context: Vec::new() }
}

fn pair(
    place: Place,
    was: &Exchange,
    is: &Exchange,
    fixtures: [&[Fixture]; 2],
    found: &mut Found<'_>,
) {
    let mut here = here(place, was);
    let here = &mut here;
    let opened = was.opened.min(is.opened);
    found.time(here, "opened", was.opened, is.opened);
    found.text(here, opened, "url", was.request.url.as_str(), is.request.url.as_str());
    if was.request.range != is.request.range {
        let range = |side: &Exchange| side.request.range.map(|range| range.to_string());
        found.add(here, opened, "range", range(was), range(is));
    }

    match (&was.head, &is.head) {
        (Some((was_at, was)), Some((is_at, is))) => {
            found.time(here, "head at", *was_at, *is_at);
            heads(here, (*was_at).min(*is_at), was, is, found);
        }
        (None, None) => {}
        (was, is) => {
            let at = was.as_ref().or(is.as_ref()).map_or(opened, |(at, _)| *at);
            let status = |side: &Option<(Instant, Head)>| {
                side.as_ref().map(|(_, head)| head.status.to_string())
            };
            found.add(here, at, "head", status(was), status(is));
        }
    }

    let over = ended(was).min(ended(is));
    let is_hung_up = |side: &Exchange| matches!(side.ending, Ending::Dropped(_) | Ending::Open);
    let is_cut_anywhere = is_hung_up(was) && is_hung_up(is) && found.ignores(Rule::HangUpBytes);
    if !found.ignores(Rule::Pieces) && !is_cut_anywhere {
        pieces(here, &was.arrivals, &is.arrivals, found);
        pauses(here, over, &was.pauses, &is.pauses, found);
    }
    if !is_cut_anywhere {
        found.value(here, over, "body length", was.body.len(), is.body.len());
    }
    bodies(here, over, [&was.body, &is.body], fixtures, found);
    found.value(here, over, "ended", how(was.ending), how(is.ending));
    if let (Some(was), Some(is)) = (when(was.ending), when(is.ending)) {
        found.time(here, "ended at", was, is);
    }
}

/// Compares statuses and headers.
fn heads(here: &mut Here, at: Instant, was: &Head, is: &Head, found: &mut Found<'_>) {
    found.value(here, at, "status", was.status, is.status);
    let any_case = found.ignores(Rule::HeaderCase);
    let counts = |(name, _): &&(String, String)| {
        !(found.ignores(Rule::Date) && name.eq_ignore_ascii_case("date"))
    };
    let left: Vec<_> = was.headers.iter().filter(counts).collect();
    let right: Vec<_> = is.headers.iter().filter(counts).collect();
    let weight = |i: usize, j: usize| {
        let ((was_name, was), (is_name, is)) = (left[i], right[j]);
        match was_name.eq_ignore_ascii_case(is_name) {
            false => 0,
            true if was == is && (any_case || was_name == is_name) => 3,
            true => 1 + u32::from(was == is),
        }
    };
    for step in align(left.len(), right.len(), 3, weight) {
        match step {
            Step::Pair(i, j) => {
                let ((was_name, was), (is_name, is)) = (left[i], right[j]);
                if !any_case {
                    found.value(here, at, "header name", was_name, is_name);
                }
                found.text(here, at, &format!("header {was_name}"), was, is);
            }
            Step::Left(i) => {
                let (name, value) = left[i];
                found.add(here, at, &format!("header {name}"), Some(value.clone()), None);
            }
            Step::Right(j) => {
                let (name, value) = right[j];
                found.add(here, at, &format!("header {name}"), None, Some(value.clone()));
            }
        }
    }
}

/// Compares the pieces that bodies came in, up to the first that is different. Runs may be cut
/// differently; what counts is the pieces.
fn pieces(here: &mut Here, was: &[Arrival], is: &[Arrival], found: &mut Found<'_>) {
    let any_time = found.ignores(Rule::Times);
    let (mut left, mut right) = (Pieces::new(was), Pieces::new(is));
    let mut number = 1u64;
    loop {
        let (was, is) = match (left.head(), right.head()) {
            (None, None) => return,
            (Some(was), Some(is)) => (was, is),
            (was, is) => {
                let at = was.or(is).map_or(Instant::ZERO, |run| run.first);
                let field = format!("piece {number}");
                return found.add(here, at, &field, was.map(piece), is.map(piece));
            }
        };
        if was.bytes != is.bytes || !any_time && was.first != is.first {
            let (at, field) = (was.first.min(is.first), format!("piece {number}"));
            return found.add(here, at, &field, Some(piece(was)), Some(piece(is)));
        }
        // The first pieces are the same; all of both runs are, if they come at the same pace.
        let same = if any_time || was.every == is.every { was.times.min(is.times) } else { 1 };
        left.skip(same);
        right.skip(same);
        number += u64::from(same);
    }
}

/// Compares when the TV stopped looking for more, up to the first time that is different.
fn pauses(here: &mut Here, over: Instant, was: &[Instant], is: &[Instant], found: &mut Found<'_>) {
    for n in 0..was.len().max(is.len()) {
        let (was, is) = (was.get(n), is.get(n));
        let is_same = was == is || was.is_some() && is.is_some() && found.ignores(Rule::Times);
        if !is_same {
            let at = was.into_iter().chain(is).min().copied().unwrap_or(over);
            let text = |at: &Instant| at.to_string();
            let field = format!("pause {}", n + 1);
            return found.add(here, at, &field, was.map(text), is.map(text));
        }
    }
}

/// What is still to come of some runs of pieces.
struct Pieces<'a> {
    runs: &'a [Arrival],
    taken: u32,
}

impl<'a> Pieces<'a> {
    fn new(runs: &'a [Arrival]) -> Self {
        Self { runs, taken: 0 }
    }

    /// What is left of the first run.
    fn head(&mut self) -> Option<Arrival> {
        // A run of none has no place in a session, and would be met for ever.
        while self.runs.first().is_some_and(|run| run.times <= self.taken) {
            self.runs = &self.runs[1..];
            self.taken = 0;
        }
        let run = self.runs.first()?;
        let first = run.first + run.every.saturating_mul(self.taken);
        Some(Arrival { first, times: run.times - self.taken, ..*run })
    }

    fn skip(&mut self, pieces: u32) {
        self.taken = self.taken.saturating_add(pieces);
    }
}

fn piece(run: Arrival) -> String {
    format!("{} bytes at {}", run.bytes, run.first)
}

/// How an exchange went, in a line.
pub fn course(exchange: &Exchange) -> String {
    let mut text = words::request(&exchange.request);
    match &exchange.head {
        Some((_, head)) => {
            let bytes = exchange.body.len();
            let _ = write!(text, " → {}, {bytes} bytes, {}", head.status, how(exchange.ending));
        }
        None => {
            let _ = write!(text, " → {}", how(exchange.ending));
        }
    }
    text
}

/// How an exchange ended, without the time.
pub fn how(ending: Ending) -> String {
    match ending {
        Ending::Complete(_) => "complete".to_owned(),
        Ending::Failed(_, error) => format!("failed: {error}"),
        Ending::Dropped(_) => "hung up".to_owned(),
        Ending::Open => "still open".to_owned(),
    }
}

/// When an exchange ended.
pub fn when(ending: Ending) -> Option<Instant> {
    match ending {
        Ending::Complete(at) | Ending::Failed(at, _) | Ending::Dropped(at) => Some(at),
        Ending::Open => None,
    }
}

/// When an exchange was over, or the last that is known of it.
pub fn ended(exchange: &Exchange) -> Instant {
    when(exchange.ending)
        .or_else(|| exchange.arrivals.last().map(Arrival::last))
        .or_else(|| exchange.head.as_ref().map(|(at, _)| *at))
        .unwrap_or(exchange.opened)
}

/// Compares the bytes of two bodies, as far as both go and both are known.
fn bodies(
    here: &mut Here,
    at: Instant,
    bodies: [&Body; 2],
    fixtures: [&[Fixture]; 2],
    found: &mut Found<'_>,
) {
    let [was, is] = bodies;
    let hashes = (was.len() == is.len()).then(|| was.sha256().zip(is.sha256())).flatten();
    if hashes.is_some_and(|(was, is)| was == is) {
        return;
    }
    let mut budget = Budget { left: COMPARED_BYTES_MAX, is_exceeded: false };
    if let Some((offset, was, is)) = first_difference(bodies, fixtures, &mut budget) {
        found.add(here, at, &format!("body at {offset}"), Some(was), Some(is));
    } else if let Some((was, is)) = hashes {
        found.value(here, at, "body sha256", hex(&was), hex(&is));
    } else if budget.is_exceeded {
        // Not known to be the same is no better than different: what is declared is.
        let [was, is] = [(was, fixtures[0]), (is, fixtures[1])].map(|(body, fixtures)| {
            format!("not compared byte by byte: {}", declared(body, fixtures))
        });
        found.add(here, at, "body", Some(was), Some(is));
    }
}

/// What a body is said to be made of: its first parts, where there are many.
fn declared(body: &Body, fixtures: &[Fixture]) -> String {
    const PARTS_MAX: usize = 4;
    let part = |segment: &Segment| match segment {
        Segment::Literal(bytes) => format!("{} bytes", bytes.len()),
        Segment::Elided { length, sha256 } => {
            format!("{length} bytes with SHA-256 {}", hex(sha256))
        }
        Segment::Fixture { film, range } => {
            let fixture = fixtures.iter().find(|fixture| Arc::ptr_eq(&fixture.film, film));
            let spec = fixture.map_or("?", |fixture| &fixture.film_spec);
            format!("bytes {}..{} of the film {spec}", range.start, range.end)
        }
    };
    let mut parts: Vec<_> = body.segments().iter().take(PARTS_MAX).map(part).collect();
    if body.segments().len() > PARTS_MAX {
        parts.push("…".to_owned());
    }
    parts.join(", ")
}

/// The first place where two bodies have different bytes, and what is there. Bytes that were elided
/// are known by the hash of their segment only, and where that does not tell, they are no difference.
fn first_difference(
    bodies: [&Body; 2],
    fixtures: [&[Fixture]; 2],
    budget: &mut Budget,
) -> Option<(u64, String, String)> {
    let [mut left, mut right] = bodies.map(Spans::new);
    let mut offset = 0_u64;
    while let (Some(was), Some(is)) = (left.head(), right.head()) {
        let length = was.length.min(is.length);
        if let Some(at) = differs(&was, &is, length, fixtures, budget) {
            return Some((offset.saturating_add(at), was.describe(at), is.describe(at)));
        }
        left.taken += length;
        right.taken += length;
        offset = offset.saturating_add(length);
    }
    None
}

/// The first of `length` bytes of two spans that is not the same.
fn differs(
    was: &Span<'_>,
    is: &Span<'_>,
    length: u64,
    fixtures: [&[Fixture]; 2],
    budget: &mut Budget,
) -> Option<u64> {
    match (was.elided(length), is.elided(length)) {
        (Elided::No, Elided::No) => {}
        (Elided::Whole(was), Elided::Whole(is)) => return (was != is).then_some(0),
        (Elided::Whole(hash), Elided::No) if budget.allows(length) => {
            return (is.sha256(length) != hash).then_some(0);
        }
        (Elided::No, Elided::Whole(hash)) if budget.allows(length) => {
            return (was.sha256(length) != hash).then_some(0);
        }
        _ => return None,
    }
    let recipes = (was.film(fixtures[0]), is.film(fixtures[1]));
    if let (Some(was), Some(is)) = recipes
        && was == is
    {
        return None;
    }
    if !budget.allows(length) {
        return None;
    }
    let (mut left, mut right) = ([0; CHUNK], [0; CHUNK]);
    let mut done = 0;
    while done < length {
        let count = chunk(length - done);
        let (left, right) = (&mut left[..count], &mut right[..count]);
        was.read(done, left);
        is.read(done, right);
        if let Some(at) = left.iter().zip(right.iter()).position(|(a, b)| a != b) {
            return Some(done + at as u64);
        }
        done += count as u64;
    }
    None
}

/// The most bytes of two bodies that are compared with each other. Those of a film are made while
/// they are compared, and a session of a few hundred bytes may claim a terabyte of them.
const COMPARED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// How many more bytes of two bodies may be compared.
struct Budget {
    left: u64,
    /// A part was too long for what was left.
    is_exceeded: bool,
}

impl Budget {
    /// Takes what a part takes, if there is enough left.
    fn allows(&mut self, length: u64) -> bool {
        match self.left.checked_sub(length) {
            Some(left) => self.left = left,
            None => self.is_exceeded = true,
        }
        !self.is_exceeded
    }
}

/// Bytes that are read at once.
const CHUNK: usize = 16 * 1024;

fn chunk(left: u64) -> usize {
    usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK))
}

/// What is still to come of a body.
struct Spans<'a> {
    segments: &'a [Segment],
    taken: u64,
}

/// A part of a segment, from `start` of it on.
struct Span<'a> {
    segment: &'a Segment,
    start: u64,
    length: u64,
}

/// How much of an elided segment a span is.
enum Elided {
    /// It is not elided.
    No,
    /// All of it; its hash.
    Whole([u8; 32]),
    /// Some of it.
    Part,
}

impl<'a> Spans<'a> {
    fn new(body: &'a Body) -> Self {
        Self { segments: body.segments(), taken: 0 }
    }

    fn head(&mut self) -> Option<Span<'a>> {
        loop {
            let (segment, rest) = self.segments.split_first()?;
            if self.taken < segment.len() {
                let (start, length) = (self.taken, segment.len() - self.taken);
                return Some(Span { segment, start, length });
            }
            self.segments = rest;
            self.taken = 0;
        }
    }
}

impl Span<'_> {
    fn elided(&self, taken: u64) -> Elided {
        match self.segment {
            Segment::Elided { length, sha256 } if (self.start, taken) == (0, *length) => {
                Elided::Whole(*sha256)
            }
            Segment::Elided { .. } => Elided::Part,
            _ => Elided::No,
        }
    }

    /// The recipe of the film that the bytes are from, and where they are in it.
    fn film<'a>(&self, fixtures: &'a [Fixture]) -> Option<(&'a str, u64)> {
        let Segment::Fixture { film, range } = self.segment else { return None };
        let fixture = fixtures.iter().find(|fixture| Arc::ptr_eq(&fixture.film, film))?;
        Some((&fixture.film_spec, range.start.checked_add(self.start)?))
    }

    /// Reads bytes that are there; what a film does not have reads as zeros.
    fn read(&self, at: u64, buf: &mut [u8]) {
        buf.fill(0);
        let at = self.start + at;
        match self.segment {
            Segment::Literal(bytes) => {
                let bytes = usize::try_from(at).ok().and_then(|at| bytes.get(at..));
                let bytes = bytes.unwrap_or_default();
                let count = bytes.len().min(buf.len());
                buf[..count].copy_from_slice(&bytes[..count]);
            }
            Segment::Fixture { film, range } => {
                if let Some(offset) = range.start.checked_add(at) {
                    film.read_at(offset, buf);
                }
            }
            Segment::Elided { .. } => {}
        }
    }

    fn sha256(&self, length: u64) -> [u8; 32] {
        let (mut hash, mut buf, mut done) = (Sha256::new(), [0; CHUNK], 0);
        while done < length {
            let count = chunk(length - done);
            self.read(done, &mut buf[..count]);
            hash.update(&buf[..count]);
            done += count as u64;
        }
        hash.finalize().into()
    }

    fn describe(&self, at: u64) -> String {
        if let Segment::Elided { length, sha256 } = self.segment {
            return format!("{length} bytes with SHA-256 {}", hex(sha256));
        }
        let mut bytes = [0; 16];
        let left = self.length - at;
        let count = chunk(left).min(bytes.len());
        self.read(at, &mut bytes[..count]);
        let is_more = left > count as u64;
        format!("{}{}", hex(&bytes[..count]), if is_more { "…" } else { "" })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
