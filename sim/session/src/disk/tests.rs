use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use proptest::prelude::*;
use testcard_archive::{Clip, VirtualFilm};
use testcard_core::net::{ByteRange, ExchangeError, Head, Request, Url};
use testcard_core::playback::Aim;
use testcard_core::stream::{Limits, Patience};
use testcard_core::time::{Instant, MediaTime};

use super::*;
use crate::digest::sha256;
use crate::{
    About, Arrival, Body, End, Ending, Fixture, Provenance, SEGMENTS_MAX, Segment, Token, Tune,
    Viewing, VirtualFilms, WriteError,
};

const FILM: &str = "2:min:first";

fn read(files: &Files) -> Result<Session, ReadError> {
    Session::read_from(files, &VirtualFilms)
}

fn at(micros: u64) -> Instant {
    Instant::from_micros(micros)
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn head(status: u16, headers: &[(&str, &str)]) -> Head {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    Head { status, headers: headers.collect() }
}

fn arrival(first: u64, bytes: u32) -> Arrival {
    Arrival { first: at(first), every: Duration::ZERO, times: 1, bytes }
}

/// Two exchanges: a redirect, and a film's first bytes until somebody hung up.
pub(crate) fn sample() -> Session {
    let film = Arc::new(VirtualFilm::new(&Clip::test_card(), &FILM.parse().unwrap()).unwrap());
    let start = url("https://archive.org/download/a/b%20c%3Fd.mp4");
    let node = url("https://ia800906.us.archive.org/21/items/a/b%20c%3Fd.mp4?t={{token:1}}");
    let range = Some(ByteRange::From(0));
    let redirect = Exchange {
        opened: at(0),
        request: Request { url: start.clone(), range },
        head: Some((
            at(180_000),
            head(
                302,
                &[
                    ("Server", "nginx/1.25.1"),
                    ("Accept-Ranges", "bytes"),
                    ("accept-ranges", "bytes"),
                    ("Location", node.as_str()),
                    ("X-Empty", ""),
                ],
            ),
        )),
        arrivals: vec![arrival(180_000, 5)],
        pauses: Vec::new(),
        ending: Ending::Complete(at(180_001)),
        body: Body::literal(&b"moved"[..]),
    };
    let media = Exchange {
        opened: at(180_000),
        request: Request { url: node, range },
        head: Some((at(400_000), head(206, &[("Content-Range", "bytes 0-999999/1000000")]))),
        arrivals: vec![
            Arrival { first: at(400_000), every: Duration::from_millis(1), times: 4, bytes: 1000 },
            arrival(500_000, 36),
        ],
        pauses: vec![at(403_000)],
        ending: Ending::Dropped(at(500_000)),
        body: Body::new([
            Segment::Literal(Arc::from(&b"moved"[..])),
            Segment::Elided { length: 31, sha256: [9; 32] },
            Segment::Fixture { film: film.clone(), range: 100..4100 },
        ])
        .with_sha256([7; 32]),
    };
    let level = serde_json::json!({"ev": "level", "playing": true, "window_bytes": 5});
    let serde_json::Value::Object(fields) = level else { panic!("an object") };
    Session {
        about: About {
            title: "A film, \"watched\"\nfor a moment".to_owned(),
            provenance: Provenance::Synthetic { from: "a test".to_owned() },
            viewing: Viewing {
                limits: Limits { patience: Patience::Tries(8), ..Limits::DESKTOP },
                tunes: vec![
                    Tune {
                        at: at(0),
                        url: start.clone(),
                        aim: Aim::At(MediaTime::ZERO),
                        duration: None,
                    },
                    Tune {
                        at: at(450_000),
                        url: start,
                        aim: Aim::Live { when: at(3), position: MediaTime::from_micros(-7) },
                        duration: None,
                    },
                ],
                end: End { at: at(500_000), position: Some(MediaTime::from_millis(5)) },
            },
            tokens: vec![Token { seen: at(180_000), valid_until: Some(at(300_000)) }],
            fixtures: vec![Fixture { film_spec: FILM.to_owned(), film }],
        },
        exchanges: vec![redirect, media],
        trace: vec![TraceLine { at: at(400_000), fields }],
    }
}

static SAMPLE: LazyLock<Files> = LazyLock::new(|| sample().files().unwrap());

fn text(name: &str) -> &'static str {
    std::str::from_utf8(&SAMPLE.0[name]).unwrap()
}

#[test]
fn a_session_is_written_as_text() {
    assert_eq!(
        SAMPLE.0.keys().collect::<Vec<_>>(),
        [
            "blobs/5edd1832df25e2f1a72585c0ee55c1e585e7f4902eb1d15f7abf1c71c1b296ae.gz",
            "bodies.toml",
            "exchanges/01.http",
            "exchanges/02.http",
            "session.toml",
            "timeline.jsonl",
            "trace.jsonl",
        ]
    );
    assert_eq!(
        text("timeline.jsonl"),
        r#"{"t":0,"x":1,"ev":"open"}
{"t":180000,"x":1,"ev":"head","status":302}
{"t":180000,"x":1,"ev":"body","bytes":5}
{"t":180000,"x":2,"ev":"open"}
{"t":180001,"x":1,"ev":"end"}
{"t":400000,"x":2,"ev":"head","status":206}
{"t":400000,"x":2,"ev":"body","bytes":1000,"every":1000,"times":4}
{"t":403000,"x":2,"ev":"pause"}
{"t":500000,"x":2,"ev":"body","bytes":36}
{"t":500000,"x":2,"ev":"drop"}
"#
    );
    assert_eq!(
        text("trace.jsonl"),
        "{\"t\":400000,\"ev\":\"level\",\"playing\":true,\"window_bytes\":5}\n"
    );
    assert_eq!(
        text("exchanges/01.http"),
        "GET https://archive.org/download/a/b%20c%3Fd.mp4 HTTP/1.1\r\n\
         Range: bytes=0-\r\n\
         \r\n\
         HTTP/1.1 302 Found\r\n\
         Server: nginx/1.25.1\r\n\
         Accept-Ranges: bytes\r\n\
         accept-ranges: bytes\r\n\
         Location: https://ia800906.us.archive.org/21/items/a/b%20c%3Fd.mp4?t={{token:1}}\r\n\
         X-Empty: \r\n\
         \r\n"
    );
    assert_eq!(
        text("session.toml"),
        r#"schema = 1
title = "A film, \"watched\"\nfor a moment"

[provenance]
kind = "synthetic"
from = "a test"

[set]
window_bytes = 16777216
index_bytes = 67108864
tries = 8

[[tune]]
t = 0
url = "https://archive.org/download/a/b%20c%3Fd.mp4"
position_us = 0

[[tune]]
t = 450000
url = "https://archive.org/download/a/b%20c%3Fd.mp4"
position_us = -7
live = true
when_us = 3

[end]
t = 500000
position_us = 5000

[[token]]
id = 1
seen = 180000
valid_until = 300000

[[fixture]]
id = 1
film = "2:min:first"
"#
    );
    assert_eq!(
        text("bodies.toml"),
        "[[body]]
x = 1
length = 5
sha256 = \"5edd1832df25e2f1a72585c0ee55c1e585e7f4902eb1d15f7abf1c71c1b296ae\"
segments = [
    { literal = \"5edd1832df25e2f1a72585c0ee55c1e585e7f4902eb1d15f7abf1c71c1b296ae\", length = 5 },
]

[[body]]
x = 2
length = 4036
sha256 = \"0707070707070707070707070707070707070707070707070707070707070707\"
segments = [
    { literal = \"5edd1832df25e2f1a72585c0ee55c1e585e7f4902eb1d15f7abf1c71c1b296ae\", length = 5 },
    { elided = \"0909090909090909090909090909090909090909090909090909090909090909\", length = 31 },
    { fixture = 1, offset = 100, length = 4000 },
]
"
    );
}

/// The files that docs/session-format.md shows.
fn documented() -> Files {
    let mut files = BTreeMap::new();
    let text = include_str!("../../../../docs/session-format.md");
    for example in text.split("<!-- example: ").skip(1) {
        let (name, rest) = example.split_once(" -->\n```").unwrap();
        let (_, rest) = rest.split_once('\n').unwrap();
        let (shown, _) = rest.split_once("```\n").unwrap();
        let (name, bytes) = match name {
            "blob" => {
                let bytes = shown.trim_end().as_bytes();
                (blobs::name(&sha256(bytes)), blobs::pack(bytes))
            }
            name if name.ends_with(".http") => {
                (name.to_owned(), shown.replace('\n', "\r\n").into_bytes())
            }
            name => (name.to_owned(), shown.as_bytes().to_vec()),
        };
        files.insert(name, bytes);
    }
    Files(files)
}

#[test]
fn the_documented_session_can_be_read_and_is_written_as_it_is_shown() {
    let documented = documented();
    assert_eq!(documented.0.len(), 7);
    let session = read(&documented).unwrap();
    assert_eq!(session.files().unwrap(), documented);
    let mut body = vec![0; 4101];
    assert_eq!(session.exchanges[1].body.read_at(0, &mut body), 4101);
    assert_eq!(body[4096..], [0xf0, 0x33, 0x2f, 0xcf, 0x1c]);
}

#[test]
fn how_long_a_programme_was_thought_to_last_is_kept() {
    let mut session = sample();
    let told = Some(Duration::from_millis(61_500));
    session.about.viewing.tunes[1].duration = told;
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("some-session");
    session.write(&place).unwrap();
    assert_eq!(Session::read(&place).unwrap().about.viewing.tunes[1].duration, told);
}

#[test]
fn a_session_survives_the_disk_and_replaces_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("some-session");
    let mut session = sample();
    session.write(&place).unwrap();
    session.about.title = "Another".to_owned();
    session.exchanges.pop();
    session.write(&place).unwrap();
    let back = Session::read(&place).unwrap();
    assert_eq!(back.files().unwrap(), session.files().unwrap());
    assert!(!place.join("exchanges/02.http").exists());
    let beside: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
}

#[test]
fn whoever_is_interrupted_while_writing_leaves_a_session() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("s");
    let session = sample();
    session.write(&place).unwrap();
    // While the new one is being made:
    fs::create_dir(dir.path().join(".s.new")).unwrap();
    fs::write(dir.path().join(".s.new/session.toml"), "schema").unwrap();
    Session::read(&place).unwrap();
    // Between putting the old one aside and the new one in place:
    fs::rename(&place, dir.path().join(".s.old")).unwrap();
    assert_eq!(Session::read(&place).unwrap().files().unwrap(), *SAMPLE);
    session.write(&place).unwrap();
    // Before the old one was removed:
    fs::create_dir_all(dir.path().join(".s.old/blobs")).unwrap();
    Session::read(&place).unwrap();
    session.write(&place).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn what_is_no_session_is_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.txt"), "the only copy").unwrap();
    let refused = sample().write(dir.path());
    assert!(matches!(refused, Err(WriteError::Occupied(_))));
    assert!(dir.path().join("thesis.txt").exists());
    assert!(matches!(sample().write(Path::new("/")), Err(WriteError::NoName(_))));
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_session_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (place, elsewhere) = (dir.path().join("s"), dir.path().join("elsewhere"));
    sample().write(&place).unwrap();
    for name in ["timeline.jsonl", "blobs"] {
        let inside = place.join(name);
        fs::rename(&inside, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &inside).unwrap();
        let refused = Session::read(&place).unwrap_err();
        assert_eq!(refused.kind, ReadErrorKind::Unreadable, "{refused}");
        fs::remove_file(&inside).unwrap();
        fs::rename(&elsewhere, &inside).unwrap();
    }
    Session::read(&place).unwrap();
}

#[test]
fn no_session_at_all_is_said_by_name() {
    let refused = Session::read(Path::new("/nonexistent/x")).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "/nonexistent/x/session.toml: there is no such file; get the session again, or name another"
    );
}

/// What reading says after `from` became `to` in one file of the sample.
fn after(name: &str, from: &str, to: &str) -> String {
    let mut files = SAMPLE.clone();
    let changed = text(name).replacen(from, to, 1);
    assert_ne!(changed, text(name), "{from:?} is not in {name}");
    files.0.insert(name.to_owned(), changed.into_bytes());
    read(&files).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn a_flaw_is_told_with_its_file_and_its_line() {
    let told: Vec<String> = [
        ("session.toml", "schema = 1", "schema = 2"),
        ("session.toml", "schema = 1", "schema = 0"),
        ("session.toml", "schema = 1\n", ""),
        ("session.toml", "[end]\nt = 500000", "[end]\nt = -1"),
        ("session.toml", "[end]\nt = 500000", "[end]\nt = 9007199254740992"),
        ("session.toml", "when_us = 3\n", ""),
        ("session.toml", "t = 0\n", "t = 450001\n"),
        ("session.toml", "kind = \"synthetic\"", "kind = \"recorded\""),
        ("session.toml", "https://archive.org", "file:///etc"),
        ("session.toml", "tries = 8", "attempts = 8"),
        ("session.toml", "[[token]]\nid = 1", "[[token]]\nid = 2"),
        ("session.toml", "2:min:first", "2:1:first"),
        ("session.toml", "2:min:first", "2:9000000000000000000:first"),
        ("timeline.jsonl", "{\"t\":0,\"x\":1,\"ev\":\"open\"}\n", ""),
        ("timeline.jsonl", "\"x\":2,\"ev\":\"open\"", "\"x\":3,\"ev\":\"open\""),
        ("timeline.jsonl", "\"x\":2,\"ev\":\"open\"", "\"x\":1,\"ev\":\"open\""),
        ("timeline.jsonl", "{\"t\":180001,", "{\"t\":170001,"),
        ("timeline.jsonl", "\"status\":302", "\"status\":301"),
        ("timeline.jsonl", "\"status\":302", "\"bytes\":302"),
        ("timeline.jsonl", "\"ev\":\"head\",\"status\":302", "\"ev\":\"end\""),
        ("timeline.jsonl", "\"bytes\":5}", "\"bytes\":6}"),
        ("timeline.jsonl", "\"bytes\":5}", "\"bytes\":0}"),
        ("timeline.jsonl", "\"times\":4", "\"times\":1"),
        ("timeline.jsonl", "\"every\":1000,\"times\":4", "\"every\":100000,\"times\":4"),
        ("timeline.jsonl", "\"every\":1000,", "\"every\":18446744073709551615,"),
        ("timeline.jsonl", "\"ev\":\"drop\"", "\"ev\":\"failed\",\"why\":\"bored\""),
        ("timeline.jsonl", "\"ev\":\"drop\"}\n", "\"ev\":\"drop\""),
        ("bodies.toml", "x = 2", "x = 1"),
        ("bodies.toml", "x = 2", "x = 3"),
        ("bodies.toml", "length = 5\n", "length = 6\n"),
        ("bodies.toml", "length = 31", "length = 32"),
        ("bodies.toml", "sha256 = \"5ed", "sha256 = \"5ee"),
        ("bodies.toml", "literal = \"5ed", "literal = \"../"),
        ("bodies.toml", "literal = \"5ed", "literal = \"5ee"),
        ("bodies.toml", "fixture = 1", "fixture = 2"),
        ("bodies.toml", "offset = 100", "offset = 9000000000000000"),
        ("bodies.toml", "offset = 100, ", ""),
        ("exchanges/01.http", "GET", "POST"),
        ("exchanges/01.http", "https://archive.org", ""),
        ("exchanges/01.http", "bytes=0-", "bytes=5-1"),
        ("exchanges/01.http", "Range: bytes=0-", "Cookie: a"),
        ("exchanges/01.http", "302 Found", "99 Found"),
        ("exchanges/01.http", "X-Empty: \r\n\r\n", "X-Empty: \r\n"),
        ("exchanges/01.http", "X-Empty: \r\n\r\n", "X-Empty: \r\n\r\nmoved"),
        ("exchanges/02.http", "HTTP/1.1 206 Partial Content\r\n", "HTTP/9 "),
        ("trace.jsonl", "\"t\":400000", "\"t\":-1"),
        ("trace.jsonl", "\"ev\"", "\"event\""),
    ]
    .into_iter()
    .map(|(name, from, to)| after(name, from, to))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn as_many_segments_as_allowed_are_read_and_one_more_is_refused() {
    let with = |count: u32| {
        let mut session = sample();
        let segment = Segment::Elided { length: 1, sha256: [1; 32] };
        session.exchanges[0].body = Body::new(vec![segment; count as usize]);
        session.exchanges[0].arrivals = vec![arrival(180_000, count)];
        session.files()
    };
    let allowed = SEGMENTS_MAX as u32 - 3;
    with(allowed).unwrap();
    let refused = with(allowed + 1).unwrap_err().to_string();
    assert!(refused.contains("more than 8192 segments in all"), "{refused}");
}

prop_compose! {
    /// An exchange whose times begin at 0.
    fn any_exchange()(
        path in "[a-z]{1,9}( |%20|é|\\?x=\\{\\{token:1\\}\\}|)",
        range in prop_oneof![
            Just(None),
            any::<u64>().prop_map(|first| Some(ByteRange::From(first))),
            (any::<u32>(), any::<u32>()).prop_map(|(first, more)| Some(ByteRange::Closed {
                first: first.into(),
                last: u64::from(first) + u64::from(more),
            })),
        ],
        status in 100..1000_u16,
        headers in prop::collection::vec(("[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}", "[ -~é€]{0,20}"), 0..9),
        gaps in prop::collection::vec((0..3_u64, 1..5_u32, 1..50_u64, 1..9_u32), 0..9),
        literals in prop::collection::vec(0..3_u8, 0..3),
        answered in any::<bool>(),
        pauses in any::<bool>(),
        ending in 0..5_u8,
    ) -> Exchange {
        let mut now = 0;
        let mut arrivals = Vec::new();
        let mut received = 0;
        for (gap, times, every, bytes) in gaps {
            now += gap;
            let every = if times == 1 { 0 } else { every };
            arrivals.push(Arrival {
                first: at(now),
                every: Duration::from_micros(every),
                times,
                bytes,
            });
            now += every * u64::from(times - 1);
            received += u64::from(times * bytes);
        }
        let mut segments = Vec::new();
        for literal in literals {
            if received > 1 {
                segments.push(match literal {
                    0 => Segment::Literal(Arc::from(&b"x"[..])),
                    1 => Segment::Elided { length: 1, sha256: [literal; 32] },
                    _ => Segment::Literal(Arc::from(&b"y"[..])),
                });
                received -= 1;
            }
        }
        segments.push(Segment::Elided { length: received, sha256: [4; 32] });
        if !answered {
            arrivals.clear();
            segments.clear();
        }
        Exchange {
            opened: at(0),
            request: Request { url: url(&format!("https://archive.org/{path}")), range },
            head: answered.then(|| (at(0), Head { status, headers })),
            arrivals,
            pauses: if answered && pauses { vec![at(now)] } else { Vec::new() },
            ending: match (ending, answered) {
                (0, true) => Ending::Complete(at(now)),
                (1, _) => Ending::Failed(at(now), ExchangeError::Disconnected),
                (2, _) => Ending::Failed(at(now + 1), ExchangeError::NameNotFound),
                (3, _) => Ending::Dropped(at(now)),
                _ => Ending::Open,
            },
            body: Body::new(segments),
        }
    }
}

proptest! {
    #[test]
    fn what_is_read_is_written_with_the_same_bytes(
        exchanges in prop::collection::vec(any_exchange(), 0..12),
        title in "\\PC{1,40}",
    ) {
        let mut session = sample();
        session.about.title = title;
        session.exchanges.extend(exchanges);
        // All are opened at the same time, so that their events mingle.
        for exchange in &mut session.exchanges {
            exchange.opened = at(0);
        }
        let files = session.files().unwrap();
        prop_assert_eq!(read(&files).unwrap().files().unwrap(), files);
    }

    /// Whatever is done to the files: a session, or an error that names one of them.
    #[test]
    fn a_broken_session_is_refused_by_name_and_never_panics(
        which in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        how in 0..8_u8,
        byte in any::<u8>(),
        number in prop_oneof![
            Just("18446744073709551615"), Just("-1"), Just("9007199254740991"), Just("1e999"),
            Just("99999999999999999999999999"), Just("4294967295"), Just("0"), Just("{{{{[[[[")
        ],
    ) {
        let mut files = SAMPLE.clone();
        let names: Vec<_> = files.0.keys().cloned().collect();
        let name = which.get(&names);
        let from = files.0[other.get(&names)].clone();
        let bytes = files.0.get_mut(name).unwrap();
        let at = place.index(bytes.len());
        let mut lines: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let line = place.index(lines.len());
        match how {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= byte.max(1),
            2 => { bytes.insert(at, byte); }
            3 => { lines.remove(line); *bytes = lines.concat(); }
            4 => { lines.insert(line, lines[lines.len() - 1]); *bytes = lines.concat(); }
            5 => {
                let theirs: Vec<_> = from.split_inclusive(|byte| *byte == b'\n').collect();
                lines.insert(line, theirs[place.index(theirs.len())]);
                *bytes = lines.concat();
            }
            6 => {
                // The number nearest behind the place becomes another.
                let is_digit = |byte: &u8| byte.is_ascii_digit();
                if let Some(start) = bytes[at..].iter().position(is_digit).map(|n| at + n) {
                    let len = bytes[start..].iter().take_while(|byte| is_digit(byte)).count();
                    bytes.splice(start..start + len, number.bytes());
                }
            }
            _ => { files.0.remove(name); }
        }
        match read(&files) {
            Ok(session) => {
                // What can be read can be written and read from any place.
                let mut buf = [0; 64];
                for exchange in &session.exchanges {
                    exchange.body.read_at(exchange.body.len() / 2, &mut buf);
                }
                session.files().unwrap();
            }
            Err(error) => {
                let text = error.to_string();
                prop_assert!(names.iter().any(|name| text.starts_with(name.as_str())), "{}", text);
                prop_assert!(text.len() < 1000, "{}", text);
            }
        }
    }
}
