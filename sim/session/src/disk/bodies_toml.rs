//! `bodies.toml`: of what segments each exchange's body is made. A body without bytes is not
//! mentioned.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use alloc::{format, vec};
use core::fmt::Write;
use core::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::blobs::Blobs;
use super::text::{Toml, quoted};
use super::timeline::Course;
use crate::about::Fixture;
use crate::body::{Body, Segment};
use crate::bounds::SEGMENTS_MAX;
use crate::digest::{from_hex, hex};
use crate::error::{Flaw, ReadError};
use crate::exchange::Exchange;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BodiesText {
    #[serde(default)]
    body: Vec<Spanned<BodyText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BodyText {
    x: Spanned<i64>,
    length: Spanned<i64>,
    sha256: Option<Spanned<String>>,
    segments: Vec<Spanned<SegmentText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SegmentText {
    literal: Option<String>,
    elided: Option<String>,
    fixture: Option<i64>,
    offset: Option<Spanned<i64>>,
    length: Spanned<i64>,
}

/// What a segment says, before any blob is opened.
enum Recipe {
    Literal { sha256: [u8; 32], length: u64, line: usize },
    Ready(Segment),
}

/// Reads the body of each course. `fail` says in which file a flaw of this text is.
pub(super) fn read(
    bytes: &[u8],
    courses: &[Course],
    fixtures: &[Fixture],
    blobs: &mut Blobs<'_>,
    fail: impl Fn(Flaw) -> ReadError,
) -> Result<Vec<Body>, ReadError> {
    let toml = Toml::new(bytes).map_err(&fail)?;
    let text: BodiesText = toml.parse().map_err(&fail)?;
    let mut bodies = vec![Body::default(); courses.len()];
    let (mut segments, mut before) = (0, 0);
    for text in &text.body {
        let line = toml.line(text);
        let text = text.get_ref();
        let x = usize::try_from(*text.x.get_ref()).unwrap_or(0);
        let x_line = toml.line(&text.x);
        let (Some(course), true) = (x.checked_sub(1).and_then(|n| courses.get(n)), x > before)
        else {
            let what = match x > before {
                true => format!("there is no exchange {}", text.x.get_ref()),
                false => "this body belongs further up, or is there twice; sort them by x".into(),
            };
            return Err(fail(Flaw::inconsistent(x_line, what)));
        };
        before = x;
        segments += text.segments.len();
        if segments > SEGMENTS_MAX {
            let what = format!("more than {SEGMENTS_MAX} segments in all");
            return Err(fail(Flaw::too_large(line, what)));
        }
        let recipes = recipes(&toml, text, line, course, fixtures).map_err(&fail)?;
        let mut parts = Vec::with_capacity(recipes.len());
        for recipe in recipes {
            parts.push(match recipe {
                Recipe::Ready(segment) => segment,
                Recipe::Literal { sha256, length, line } => Segment::Literal(blobs.get(
                    &sha256,
                    length,
                    |flaw| fail(Flaw { line: Some(line), ..flaw }),
                )?),
            });
        }
        bodies[x - 1] = whole(&toml, text, parts).map_err(&fail)?;
    }
    for (x, (course, body)) in (1..).zip(courses.iter().zip(&bodies)) {
        if course.received != body.len() {
            let what = format!(
                "exchange {x} received {} bytes, as timeline.jsonl says, and has no body here",
                course.received
            );
            return Err(fail(Flaw::inconsistent(None, what)));
        }
    }
    Ok(bodies)
}

/// The segments of one body, checked against its length and that of what arrived.
fn recipes(
    toml: &Toml<'_>,
    text: &BodyText,
    line: usize,
    course: &Course,
    fixtures: &[Fixture],
) -> Result<Vec<Recipe>, Flaw> {
    let mut recipes = Vec::with_capacity(text.segments.len());
    let mut sum = 0_u64;
    for segment in &text.segments {
        let (line, segment) = (toml.line(segment), segment.get_ref());
        let length = toml.number("length", &segment.length)?;
        if length == 0 {
            return Err(Flaw::malformed(line, "a segment has at least one byte; leave it out"));
        }
        let hash = |digits: &str| {
            from_hex(digits).ok_or_else(|| {
                let what = "expected 64 lower-case hexadecimal digits, instead of";
                Flaw::malformed(line, format!("{what} {}", quoted(digits)))
            })
        };
        recipes.push(match segment {
            SegmentText {
                literal: Some(digits),
                elided: None,
                fixture: None,
                offset: None,
                ..
            } => Recipe::Literal { sha256: hash(digits)?, length, line },
            SegmentText {
                literal: None,
                elided: Some(digits),
                fixture: None,
                offset: None,
                ..
            } => Recipe::Ready(Segment::Elided { length, sha256: hash(digits)? }),
            SegmentText {
                literal: None,
                elided: None,
                fixture: Some(id),
                offset: Some(offset),
                ..
            } => {
                let start = toml.number("offset", offset)?;
                let index = usize::try_from(*id).ok().and_then(|id| id.checked_sub(1));
                let Some(fixture) = index.and_then(|index| fixtures.get(index)) else {
                    let what = format!("session.toml has no [[fixture]] with the id {id}");
                    return Err(Flaw::inconsistent(line, what));
                };
                let range = part_of(fixture, start, length).ok_or_else(|| {
                    let len = fixture.film.length();
                    let what = format!("the film {:?} has only {len} bytes", fixture.film_spec);
                    Flaw::inconsistent(line, what)
                })?;
                Recipe::Ready(Segment::Fixture { film: fixture.film.clone(), range })
            }
            _ => {
                let what = "a segment is one of literal = HASH, elided = HASH, and fixture = ID \
                            with offset; each with length";
                return Err(Flaw::malformed(line, what));
            }
        });
        // Beyond 2^64 it is not what arrived in any case.
        sum = sum.saturating_add(length);
    }
    let length = toml.number("length", &text.length)?;
    if length != sum {
        let what = format!("length is {length}, and the segments have {sum} bytes");
        return Err(Flaw::inconsistent(toml.line(&text.length), what));
    }
    if length != course.received {
        let what = format!(
            "exchange {} has a body of {length} bytes, and received {} as timeline.jsonl says",
            text.x.get_ref(),
            course.received
        );
        return Err(Flaw::inconsistent(line, what));
    }
    Ok(recipes)
}

fn part_of(fixture: &Fixture, start: u64, length: u64) -> Option<Range<u64>> {
    let end = start.checked_add(length)?;
    (end <= fixture.film.length()).then_some(start..end)
}

/// The body, its hash checked where everything is here that was hashed.
fn whole(toml: &Toml<'_>, text: &BodyText, parts: Vec<Segment>) -> Result<Body, Flaw> {
    let body = Body::new(parts);
    let Some(digits) = &text.sha256 else { return Ok(body) };
    let line = toml.line(digits);
    let Some(sha256) = from_hex(digits.get_ref()) else {
        return Err(Flaw::malformed(line, "sha256 is not 64 lower-case hexadecimal digits"));
    };
    match body.sha256() {
        Some(known) if known != sha256 => {
            let what = format!("sha256 is not that of the bytes, which is {}", hex(&known));
            Err(Flaw::inconsistent(line, what))
        }
        Some(_) => Ok(body),
        None => Ok(body.with_sha256(sha256)),
    }
}

/// The whole file.
///
/// # Errors
/// The number of an exchange whose body is taken from a film that is not among the fixtures.
pub(super) fn write(exchanges: &[Exchange], fixtures: &[Fixture]) -> Result<String, usize> {
    let mut out = String::new();
    for (x, exchange) in (1..).zip(exchanges) {
        let body = &exchange.body;
        if body.is_empty() {
            continue;
        }
        let gap = if out.is_empty() { "" } else { "\n" };
        // Writing to a string does not fail.
        let _ = writeln!(out, "{gap}[[body]]\nx = {x}\nlength = {}", body.len());
        if let Some(sha256) = body.sha256() {
            let _ = writeln!(out, "sha256 = \"{}\"", hex(&sha256));
        }
        out.push_str("segments = [\n");
        for segment in body.segments() {
            let length = segment.len();
            let _ = match segment {
                Segment::Literal(bytes) => {
                    let name = hex(&crate::digest::sha256(bytes));
                    writeln!(out, "    {{ literal = \"{name}\", length = {length} }},")
                }
                Segment::Elided { sha256, .. } => {
                    let hash = hex(sha256);
                    writeln!(out, "    {{ elided = \"{hash}\", length = {length} }},")
                }
                Segment::Fixture { film, range } => {
                    let is_it = |fixture: &Fixture| Arc::ptr_eq(&fixture.film, film);
                    let Some(index) = fixtures.iter().position(is_it) else {
                        return Err(x);
                    };
                    let (id, offset) = (index + 1, range.start);
                    writeln!(out, "    {{ fixture = {id}, offset = {offset}, length = {length} }},")
                }
            };
        }
        out.push_str("]\n");
    }
    Ok(out)
}
