//! Compares what the TV did, line by line.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use testcard_session::TraceLine;

use super::align::{Step, align};
use super::exchanges::Pairs;
use super::{Found, Here, Ignore, Place, Rule, words};

/// How many lines before a difference are shown with it.
const CONTEXT: usize = 2;

/// Compares two traces. `known` says which exchanges belong together, when the sessions tell.
pub fn compare(
    expected: &[TraceLine],
    actual: &[TraceLine],
    known: Option<&Pairs>,
    found: &mut Found<'_>,
) {
    let sides = [Side::read(expected, found), Side::read(actual, found)];
    let known =
        known.filter(|pairs| pairs.lengths() == (sides[0].opened.len(), sides[1].opened.len()));
    let own;
    let pairs = match known {
        Some(pairs) => pairs,
        None => {
            own = openings(&sides[0], &sides[1]);
            &own
        }
    };
    // An exchange that only one side has is one difference: its request, or where the exchanges
    // themselves are compared, the exchange.
    let [expected, actual] = &sides;
    let left = expected.without(|n| pairs.of_expected(n).is_some(), known.is_some());
    let right = actual.without(|n| pairs.of_actual(n).is_some(), known.is_some());

    let (left, left_closings) = set_aside_closings(left, found);
    let (right, right_closings) = set_aside_closings(right, found);
    closings(expected, actual, pairs, &left_closings, &right_closings, found);

    let weight = |i: usize, j: usize| weight(left[i], right[j], pairs, found.ignores(Rule::Times));
    for step in align(left.len(), right.len(), BEST, weight) {
        match step {
            Step::Pair(i, j) => pair(expected, left[i], right[j], pairs, found),
            Step::Left(i) => missing(expected, left[i], found),
            Step::Right(j) => extra(actual, right[j], found),
        }
    }
}

/// Two traces side by side: the numbers, from 1, of the lines that belong together, and of those
/// without a counterpart. `level` lines are left out.
pub fn side_by_side(
    expected: &[TraceLine],
    actual: &[TraceLine],
    ignore: &Ignore,
) -> Vec<(Option<usize>, Option<usize>)> {
    let ignore = ignore.with(Rule::Levels);
    let found = Found::new(&ignore);
    let (left, right) = (Side::read(expected, &found), Side::read(actual, &found));
    let pairs = openings(&left, &right);
    let any_time = ignore.has(Rule::Times);
    let weight = |i: usize, j: usize| weight(left.lines[i], right.lines[j], &pairs, any_time);
    let steps = align(left.lines.len(), right.lines.len(), BEST, weight);
    let numbers = |step| match step {
        Step::Pair(i, j) => (Some(left.lines[i].number), Some(right.lines[j].number)),
        Step::Left(i) => (Some(left.lines[i].number), None),
        Step::Right(j) => (None, Some(right.lines[j].number)),
    };
    steps.into_iter().map(numbers).collect()
}

/// The numbers, from 1, of the lines that tell how the chosen exchanges went. Exchanges are counted
/// from 0.
pub fn lines_of(trace: &[TraceLine], is_chosen: impl Fn(usize) -> bool) -> Vec<usize> {
    let side = Side::read(trace, &Found::new(&Ignore::default()));
    let is_of_them = |line: &&Line<'_>| line.is_course() && line.exchange.is_some_and(&is_chosen);
    side.lines.iter().filter(is_of_them).map(|line| line.number).collect()
}

/// A trace and what its lines are about.
struct Side<'a> {
    lines: Vec<Line<'a>>,
    /// The lines on which exchanges were opened.
    opened: Vec<usize>,
}

/// A line of a trace.
#[derive(Clone, Copy)]
struct Line<'a> {
    /// From 0, among the lines of its side that count.
    index: usize,
    /// From 1, among all of them.
    number: usize,
    line: &'a TraceLine,
    event: &'a str,
    /// The exchange that it is about, from 0 in the order of opening.
    exchange: Option<usize>,
}

impl Line<'_> {
    /// Whether it says how an exchange went, and nothing of what the set made of it.
    fn is_course(&self) -> bool {
        matches!(self.event, "opened" | "answered" | "closed")
    }
}

impl<'a> Side<'a> {
    fn read(trace: &'a [TraceLine], found: &Found<'_>) -> Self {
        let mut lines = Vec::with_capacity(trace.len());
        let mut opened = Vec::new();
        // Each programme counts its exchanges from 1.
        let mut numbers = BTreeMap::new();
        for (n, line) in trace.iter().enumerate() {
            let event = words::event(&line.fields);
            if event == "level" && found.ignores(Rule::Levels) {
                continue;
            }
            let x = line.fields.get("x").and_then(Value::as_u64);
            if let ("opened", Some(x)) = (event, x) {
                numbers.insert(x, opened.len());
                opened.push(lines.len());
            }
            let exchange = x.and_then(|x| numbers.get(&x).copied());
            lines.push(Line { index: lines.len(), number: n + 1, line, event, exchange });
        }
        Self { lines, opened }
    }

    /// Its lines, without those that only say how an exchange went that the other side has not.
    fn without(&self, has_pair: impl Fn(usize) -> bool, also_opening: bool) -> Vec<Line<'a>> {
        let is_folded = |line: &Line<'_>| {
            let counts = line.event == "opened" && !also_opening;
            line.is_course() && !counts && line.exchange.is_some_and(|exchange| !has_pair(exchange))
        };
        self.lines.iter().filter(|line| !is_folded(line)).copied().collect()
    }

    /// Whether the line tells where playing stood or ran dry: how far it came by then is the clock's
    /// doing, while where it began is what was asked for.
    fn is_read_off_a_clock(&self, line: Line<'_>) -> bool {
        let before = self.lines[..line.index].iter().rev().map(|line| line.event);
        let mut turns = before.filter(|event| matches!(*event, "tuned" | "seeked" | "starved"));
        match line.event {
            "starved" => true,
            "ready" | "playing" => turns.next() == Some("starved"),
            _ => false,
        }
    }

    fn context(&self, line: Line<'_>) -> Vec<String> {
        let before = &self.lines[line.index.saturating_sub(CONTEXT)..line.index];
        before.iter().map(|line| words::timed(line.line)).collect()
    }
}

/// Pairs the exchanges of two traces by what they ask for and how they are answered.
fn openings(expected: &Side<'_>, actual: &Side<'_>) -> Pairs {
    let requests = |side: &Side<'_>| -> Vec<words::Asked> {
        let mut statuses = BTreeMap::new();
        for line in side.lines.iter().filter(|line| line.event == "answered") {
            if let (Some(x), Some(status)) = (line.exchange, line.line.fields.get("status")) {
                statuses.insert(x, status.as_u64().and_then(|s| u16::try_from(s).ok()));
            }
        }
        let asked = |(n, at): (usize, &usize)| {
            let fields = &side.lines[*at].line.fields;
            let text = |field: &str| fields.get(field).and_then(Value::as_str).unwrap_or_default();
            let status = statuses.get(&n).copied().flatten();
            words::Asked::new(text("url"), text("range").to_owned(), status)
        };
        side.opened.iter().enumerate().map(asked).collect()
    };
    Pairs::of(&requests(expected), &requests(actual))
}

/// The weight of two lines that say the same at the same time.
const BEST: u32 = 10;

fn weight(left: Line<'_>, right: Line<'_>, pairs: &Pairs, any_time: bool) -> u32 {
    if left.event != right.event {
        return 0;
    }
    let timely = u32::from(any_time || left.line.at == right.line.at);
    match (left.exchange, right.exchange) {
        (None, None) if left.line.fields == right.line.fields => 9 + timely,
        (None, None) => 3 + timely,
        (Some(x), y) if y.is_some() && pairs.of_expected(x) == y => {
            let is_same = |key: &str| left.line.fields.get(key) == right.line.fields.get(key);
            let are_same = left.line.fields.len() == right.line.fields.len()
                && left.line.fields.keys().all(|key| key == "x" || is_same(key));
            if are_same { 9 + timely } else { 6 + timely }
        }
        _ => 0,
    }
}

/// Takes the lines out that tell of an exchange's end, if their order does not count.
fn set_aside_closings<'a>(
    lines: Vec<Line<'a>>,
    found: &Found<'_>,
) -> (Vec<Line<'a>>, Vec<Line<'a>>) {
    let counts = !found.ignores(Rule::ClosingOrder);
    lines.into_iter().partition(|line| counts || line.event != "closed" || line.exchange.is_none())
}

/// Compares those, exchange by exchange.
fn closings(
    expected: &Side<'_>,
    actual: &Side<'_>,
    pairs: &Pairs,
    left: &[Line<'_>],
    right: &[Line<'_>],
    found: &mut Found<'_>,
) {
    let by_exchange = |lines: &[Line<'_>]| -> BTreeMap<usize, usize> {
        let of = |(n, line): (usize, &Line<'_>)| Some((line.exchange?, n));
        lines.iter().enumerate().filter_map(of).collect()
    };
    let theirs = by_exchange(right);
    let mut met = BTreeSet::new();
    for line in left {
        let pair_of = line.exchange.and_then(|x| pairs.of_expected(x));
        match pair_of.and_then(|x| theirs.get(&x)) {
            Some(other) if met.insert(*other) => pair(expected, *line, right[*other], pairs, found),
            _ => missing(expected, *line, found),
        }
    }
    for (n, line) in right.iter().enumerate() {
        if !met.contains(&n) {
            extra(actual, *line, found);
        }
    }
}

fn missing(side: &Side<'_>, line: Line<'_>, found: &mut Found<'_>) {
    let place = Place::Trace { expected: Some(line.number), actual: None };
    let subject = words::line(&line.line.fields);
    let mut here = Here { place, subject: subject.clone(), context: side.context(line) };
    found.add(&mut here, line.line.at, "line", Some(subject), None);
}

fn extra(side: &Side<'_>, line: Line<'_>, found: &mut Found<'_>) {
    let place = Place::Trace { expected: None, actual: Some(line.number) };
    let subject = words::line(&line.line.fields);
    let mut here = Here { place, subject: subject.clone(), context: side.context(line) };
    found.add(&mut here, line.line.at, "line", None, Some(subject));
}

/// Compares two lines about the same thing.
fn pair(
    side: &Side<'_>,
    expected: Line<'_>,
    actual: Line<'_>,
    pairs: &Pairs,
    found: &mut Found<'_>,
) {
    let (was, is) = (expected.line, actual.line);
    let place = Place::Trace { expected: Some(expected.number), actual: Some(actual.number) };
    let mut here =
        Here { place, subject: words::line(&was.fields), context: side.context(expected) };
    let here = &mut here;
    found.time(here, "t", was.at, is.at);

    let at = was.at.min(is.at);
    let is_paired = expected.exchange.is_some_and(|x| pairs.of_expected(x) == actual.exchange);
    let is_hung_up = |line: &TraceLine| line.fields.get("complete") == Some(&Value::Bool(false));
    let added = is.fields.keys().filter(|key| !was.fields.contains_key(*key));
    for key in was.fields.keys().chain(added) {
        let is_ignored = match key.as_str() {
            "x" => is_paired,
            "received" => found.ignores(Rule::HangUpBytes) && is_hung_up(was) && is_hung_up(is),
            // It depends on how long ago the failure before was.
            "pause_us" => found.ignores(Rule::Times),
            "at_us" if found.ignores(Rule::Times) && side.is_read_off_a_clock(expected) => true,
            "target_us" | "at_us" | "position_us" => found.ignores(Rule::Positions),
            _ => false,
        };
        if is_ignored {
            continue;
        }
        match (was.fields.get(key), is.fields.get(key)) {
            (Some(Value::String(was)), Some(Value::String(is))) => {
                found.text(here, at, key, was, is);
            }
            (was, is) if was == is => {}
            (was, is) => found.add(here, at, key, was.map(words::value), is.map(words::value)),
        }
    }
}
