//! Sessions as HAR files: what others read in them, what comes back, and what comes of other
//! programs' files.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use testcard_core::net::{ByteRange, ExchangeError};
use testcard_core::playback::Aim;
use testcard_core::stream::Patience;
use testcard_core::time::{Instant, MediaTime};
use testcard_session::{Arrival, Body, Ending, Films, Provenance, Segment, Session, VirtualFilms};
use testcard_sim::diff::{Ignore, compare};
use testcard_sim::har::{ImportError, Imported, export, import};

use crate::sample::{bad, good};

fn read(har: &Value) -> Result<Imported, ImportError> {
    import(har.to_string().as_bytes())
}

/// A session with everything in it that one can have.
fn rich() -> Session {
    let mut session = bad();
    session.about.provenance = Provenance::Recorded {
        at: "2026-11-20T16:00:00Z".to_owned(),
        by: "testcard 0.1.0".to_owned(),
    };
    let fixture = VirtualFilms.film("2:300000:first").unwrap();
    let film = Arc::clone(&fixture.film);
    session.about.fixtures.push(fixture);
    session.about.viewing.limits.patience = Patience::Tries(7);
    session.about.viewing.end.position = Some(MediaTime::from_millis(-40));
    let mut tune = session.about.viewing.tunes[0].clone();
    tune.at = Instant::from_micros(5);
    tune.aim = Aim::Live { when: Instant::from_micros(3), position: MediaTime::from_millis(8) };
    session.about.viewing.tunes.push(tune);
    session.about.tokens[0].valid_until = None;

    let once = |at, bytes| Arrival {
        first: Instant::from_micros(at),
        every: Duration::ZERO,
        times: 1,
        bytes,
    };
    let mixed = &mut session.exchanges[1];
    mixed.request.range = Some(ByteRange::Closed { first: 0, last: 999 });
    mixed.arrivals = vec![once(490_000, 10), once(490_001, 75), once(800_000, 20)];
    mixed.body = Body::new([
        Segment::Literal([0, 159, 146, 150].as_slice().into()),
        Segment::Elided { length: 81, sha256: [0xa5; 32] },
        Segment::Fixture { film, range: 100..120 },
    ])
    .with_sha256([0x5a; 32]);
    let binary = &mut session.exchanges[2];
    binary.arrivals.truncate(0);
    binary.arrivals.push(once(2_600_000, 4));
    binary.body = Body::literal([0xff, 0x00, 0xfe, b'a']);
    binary.ending = Ending::Open;
    let refused = &mut session.exchanges[5];
    refused.request.range = None;
    refused.head = None;
    refused.ending = Ending::Failed(Instant::from_micros(24_400_000), ExchangeError::Certificate);
    session
}

#[test]
fn a_session_comes_back_from_a_har_file_as_it_was() {
    for session in [good(), bad(), rich()] {
        let back = read(&export(&session)).unwrap();
        assert_eq!(back.left_out, []);
        let back = back.session;
        assert_eq!(compare(&session, &back, &Ignore::none()), []);
        assert_eq!(back.trace, session.trace);
        let about = |session: &Session| format!("{:?}", session.about);
        assert_eq!(about(&back), about(&session));
        for (exchange, original) in back.exchanges.iter().zip(&session.exchanges) {
            let body = |body: &Body| (format!("{:?}", body.segments()), body.sha256());
            assert_eq!(body(&exchange.body), body(&original.body));
            assert_eq!(exchange.arrivals, original.arrivals);
            assert_eq!(exchange.ending, original.ending);
        }
        assert_eq!(export(&back), export(&session));
    }
}

#[test]
fn others_read_the_file_and_find_the_same_requests_sizes_and_times_in_it() {
    let session = rich();
    let text = export(&session).to_string();
    let har = har::from_slice(text.as_bytes()).unwrap();
    let har::Spec::V1_2(log) = har.log else { panic!("another version") };
    assert_eq!(log.creator.name, "Testcard");
    assert_eq!(log.entries.len(), session.exchanges.len());
    let redirect = &log.entries[0];
    assert_eq!(redirect.started_date_time, "2026-11-20T16:00:00.000000Z");
    assert_eq!((redirect.timings.wait, redirect.timings.receive), (240.0, 0.138));
    assert_eq!(redirect.time, 240.138);
    assert_eq!((redirect.request.method.as_str(), redirect.response.status), ("GET", 302));
    let headers = &redirect.response.headers;
    let location = headers.iter().find(|header| header.name == "Location").unwrap();
    assert_eq!(redirect.response.redirect_url.as_ref(), Some(&location.value));
    assert_eq!(redirect.response.content.text.as_ref().map(String::len), Some(138));
    assert_eq!(log.entries[1].started_date_time, "2026-11-20T16:00:00.240000Z");
    assert_eq!(log.entries[1].request.headers[0].value, "bytes=0-999");
    assert_eq!(log.entries[1].response.content.size, 105);
    assert_eq!(log.entries[1].response.content.text, None);
    assert_eq!(log.entries[1].response.content.mime_type.as_deref(), Some("video/mp4"));
    assert_eq!(log.entries[2].response.content.encoding.as_deref(), Some("base64"));
    assert_eq!(log.entries[3].request.query_string[0].value, "{{token:2}}");
    assert_eq!(log.entries[5].response.status, 0);
}

/// A field, and what it has to be.
type Field = (&'static str, fn(&Value) -> bool);

/// HAR 1.2, §4: what is not optional there.
#[test]
fn every_field_that_har_asks_for_is_there() {
    fn has(object: &Value, required: &[Field]) {
        for (name, is_right) in required {
            let field = object.get(name).unwrap_or_else(|| panic!("{name} is missing: {object}"));
            assert!(is_right(field), "{name}: {field}");
        }
    }
    let is_pair = |pair: &Value| pair["name"].is_string() && pair["value"].is_string();
    for session in [good(), rich()] {
        let har = export(&session);
        let log = &har["log"];
        has(log, &[("version", Value::is_string), ("entries", Value::is_array)]);
        has(&log["creator"], &[("name", Value::is_string), ("version", Value::is_string)]);
        for entry in log["entries"].as_array().unwrap() {
            has(
                entry,
                &[
                    ("startedDateTime", Value::is_string),
                    ("time", Value::is_number),
                    ("request", Value::is_object),
                    ("response", Value::is_object),
                    ("cache", Value::is_object),
                    ("timings", Value::is_object),
                ],
            );
            let common: [Field; 5] = [
                ("httpVersion", Value::is_string),
                ("cookies", Value::is_array),
                ("headers", Value::is_array),
                ("headersSize", Value::is_i64),
                ("bodySize", Value::is_i64),
            ];
            let (request, response) = (&entry["request"], &entry["response"]);
            has(request, &common);
            has(response, &common);
            has(
                request,
                &[
                    ("method", Value::is_string),
                    ("url", Value::is_string),
                    ("queryString", Value::is_array),
                ],
            );
            has(
                response,
                &[
                    ("status", Value::is_i64),
                    ("statusText", Value::is_string),
                    ("content", Value::is_object),
                    ("redirectURL", Value::is_string),
                ],
            );
            has(&response["content"], &[("size", Value::is_u64), ("mimeType", Value::is_string)]);
            let timings = &entry["timings"];
            has(
                timings,
                &[("send", Value::is_f64), ("wait", Value::is_f64), ("receive", Value::is_f64)],
            );
            let sum: f64 = ["blocked", "dns", "connect", "send", "wait", "receive"]
                .iter()
                .filter_map(|name| timings[name].as_f64())
                .filter(|time| *time >= 0.0)
                .sum();
            assert!((sum - entry["time"].as_f64().unwrap()).abs() < 1e-6, "{timings}");
            for pairs in [&request["headers"], &request["queryString"], &response["headers"]] {
                assert!(pairs.as_array().unwrap().iter().all(is_pair), "{pairs}");
            }
        }
    }
}

#[test]
fn a_session_that_was_made_up_does_not_pretend_to_know_when() {
    let har = export(&good());
    assert_eq!(har["log"]["entries"][0]["startedDateTime"], "1970-01-01T00:00:00.000000Z");
    let comment = har["log"]["comment"].as_str().unwrap();
    assert!(comment.contains("Nobody knows when this was"), "{comment}");
    assert!(!export(&rich())["log"]["comment"].as_str().unwrap().contains("Nobody"));
}

#[test]
fn what_somebody_edited_in_a_har_file_stays_edited() {
    let mut har = export(&good());
    let entry = &mut har["log"]["entries"][3];
    entry["response"]["status"] = 200.into();
    entry["response"]["headers"][0]["value"] = "another day".into();
    har["log"]["entries"].as_array_mut().unwrap().remove(2);
    let session = read(&har).unwrap().session;
    let head = &session.exchanges[2].head.as_ref().unwrap().1;
    assert_eq!((session.exchanges.len(), head.status), (3, 200));
    assert_eq!(head.header("date"), Some("another day"));
}

/// As Chromium's developer tools save it, shortened.
fn browser() -> Value {
    let node = "https://ia800101.us.archive.org/1/items/film/film.mp4?t=0123456789abcdef0123456789";
    let entry = |at: &str, url: &str, range: Option<&str>, response: Value, timings: [f64; 4]| {
        let [blocked, connect, wait, receive] = timings;
        let range = range.map(|value| json!({"name": "Range", "value": value}));
        json!({
            "_priority": "High", "pageref": "page_1", "startedDateTime": at, "cache": {},
            "time": 1e3,
            "request": {
                "method": "GET", "url": url, "httpVersion": "h2", "cookies": [], "queryString": [],
                "headers": range.into_iter().collect::<Vec<_>>(), "headersSize": -1, "bodySize": 0,
            },
            "response": response,
            "timings": {
                "blocked": blocked, "dns": -1, "ssl": 30, "connect": connect, "send": 0.0,
                "wait": wait, "receive": receive, "_blocked_queueing": 1,
            },
        })
    };
    let redirect = json!({
        "status": 302, "statusText": "", "httpVersion": "h2", "cookies": [],
        "headers": [
            {"name": ":status", "value": "302"},
            {"name": "location", "value": node},
            {"name": "set-cookie", "value": "donation-identifier=0a1b2c3d4e5f"},
        ],
        "content": {"size": 4, "mimeType": "text/html", "text": "gone"}, "redirectURL": node,
        "headersSize": -1, "bodySize": -1,
    });
    let media = json!({
        "status": 206, "statusText": "", "httpVersion": "http/1.1", "cookies": [],
        "headers": [
            {"name": "Content-Length", "value": "9000001"},
            {"name": "Content-Range", "value": "bytes 100-9000100/9000101"},
        ],
        "content": {"size": 4_000_001, "mimeType": "video/mp4"}, "redirectURL": "",
        "headersSize": 300, "bodySize": 4_000_301, "_transferSize": 4_000_301,
    });
    let failed = json!({
        "status": 0, "statusText": "", "httpVersion": "", "cookies": [], "headers": [],
        "content": {"size": 0, "mimeType": "x-unknown"}, "redirectURL": "", "headersSize": -1,
        "bodySize": -1, "_error": "net::ERR_NAME_NOT_RESOLVED",
    });
    let front = "https://archive.org/download/film/film.mp4";
    let at = |time: &str| format!("2026-11-20T{time}");
    let mut posted = entry(&at("16:00:00.000Z"), front, None, redirect.clone(), [0.0; 4]);
    posted["request"]["method"] = "POST".into();
    json!({"log": {
        "version": "1.2", "creator": {"name": "WebInspector", "version": "537.36"},
        "pages": [{"startedDateTime": at("16:00:00.000Z"), "id": "page_1", "title": "film",
                   "pageTimings": {"onContentLoad": 1.0, "onLoad": null}}],
        "entries": [
            posted,
            entry("2026-11-20T17:00:01.5+01:00", front, None, redirect, [2.5, 100.0, 40.0, 0.25]),
            entry(&at("16:00:02.000Z"), node, Some("bytes=100-"), media, [-1.0, -1.0, 80.0, 2000.0]),
            entry(&at("16:00:05.000Z"), "https://elsewhere.example/x", None, failed, [0.0; 4]),
            entry(&at("16:00:06.000Z"), "data:text/plain,x", None, json!({"status": 200}), [0.0; 4]),
            entry(&at("16:00:07.000Z"), front, Some("bytes=0-1,5-6"), json!({"status": 206}), [0.0; 4]),
        ],
    }})
}

#[test]
fn what_a_browser_saved_becomes_a_session_as_if_it_had_been_recorded() {
    let Imported { session, left_out } = read(&browser()).unwrap();
    let why: Vec<_> = left_out.iter().map(|(n, why)| (*n, why.as_str())).collect();
    assert_eq!(
        why,
        [
            (1, "it is no GET request"),
            (5, "its url is neither http nor https"),
            (6, "it asks for other than one range"),
        ]
    );
    let [redirect, media, failed] = &session.exchanges[..] else { panic!("{session:#?}") };
    let at = Instant::from_micros;

    assert_eq!(redirect.opened, Instant::ZERO);
    let (head_at, head) = redirect.head.as_ref().unwrap();
    assert_eq!((*head_at, head.status), (at(142_500), 302));
    assert_eq!(redirect.body.sha256(), Body::literal(&b"gone"[..]).sha256());
    assert_eq!(redirect.ending, Ending::Complete(at(142_750)));
    assert_eq!(head.headers.len(), 2, "HTTP/2's status is no header");

    // 4,000,001 bytes within two seconds, though 9,000,001 were promised.
    assert_eq!(media.opened, at(500_000));
    assert_eq!(media.request.range, Some(ByteRange::From(100)));
    assert_eq!(media.body.len(), 4_000_001);
    assert!(matches!(media.body.segments(), [Segment::Elided { sha256: [0, ..], .. }]));
    let every = Duration::from_millis(20);
    assert_eq!(
        media.arrivals,
        [
            Arrival { first: at(600_000), every, times: 100, bytes: 40_000 },
            Arrival { first: at(2_580_000), every: Duration::ZERO, times: 1, bytes: 1 },
        ]
    );
    assert_eq!(media.ending, Ending::Dropped(at(2_580_000)));

    assert_eq!(failed.head, None);
    assert_eq!(failed.ending, Ending::Failed(at(4_500_000), ExchangeError::NameNotFound));

    let written = export(&session).to_string();
    assert!(!written.contains("0123456789abcdef") && !written.contains("0a1b2c3d4e5f"));
    assert_eq!(media.request.url.query(), Some("t={{token:1}}"));
    assert_eq!(head.header("location"), Some(media.request.url.as_str()));
    assert_eq!(session.about.tokens.len(), 2);
    let tunes: Vec<_> = session.about.viewing.tunes.iter().map(|t| t.url.as_str()).collect();
    assert_eq!(tunes, ["https://archive.org/download/film/film.mp4"]);
    let Provenance::Recorded { at, by } = &session.about.provenance else { panic!() };
    assert_eq!(
        (at.as_str(), by.as_str()),
        ("2026-11-20T16:00:01.5Z", "WebInspector 537.36, as a HAR file")
    );
    let again = read(&export(&session)).unwrap().session;
    assert_eq!(compare(&session, &again, &Ignore::none()), []);
    let dir = tempfile::tempdir().unwrap();
    session.write(&dir.path().join("imported")).unwrap();
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_place() {
    let said = |change: &dyn Fn(&mut Value)| {
        let mut har = export(&good());
        change(&mut har);
        read(&har).unwrap_err().to_string()
    };
    let entry = |har: &mut Value, pointer: &str, to: Value| {
        *har.pointer_mut(&format!("/log/entries/1/{pointer}")).unwrap() = to;
    };
    let own = |pointer: &'static str, to: Value| {
        said(&|har| entry(har, &format!("_testcard/{pointer}"), to.clone()))
    };
    let cases = [
        import(b"{").unwrap_err().to_string(),
        import(b"{}").unwrap_err().to_string(),
        said(&|har| har["log"]["version"] = "2.0".into()),
        said(&|har| har["log"]["_testcard"]["schema"] = 2.into()),
        said(&|har| har["log"]["_testcard"]["tunes"][0]["url"] = "nowhere".into()),
        said(&|har| har["log"]["_testcard"]["films"] = json!(["1:2:3:4"])),
        said(&|har| har["log"]["entries"][1]["_testcard"] = Value::Null),
        said(&|har| entry(har, "request/method", "PUT".into())),
        said(&|har| entry(har, "request/url", "ftp://archive.org/".into())),
        said(&|har| entry(har, "response/status", 99.into())),
        own("opened_us", json!(10_000_000)),
        own("ended_us", Value::Null),
        own("arrivals", json!([])),
        own("arrivals/0/times", json!(0)),
        own("body/0", json!({"literal": "?"})),
        own("body/1", json!({"elided": {"length": 5, "sha256": "é"}})),
        own("body/0", json!({"fixture": {"film": "no", "from": 0, "to": 1}})),
        read(&json!({"log": {"entries": []}})).unwrap_err().to_string(),
    ];
    insta::assert_snapshot!(cases.join("\n"));
    let too_large = vec![b' '; testcard_sim::har::HAR_BYTES_MAX + 1];
    assert!(matches!(import(&too_large), Err(ImportError::TooLarge)));
}

/// Calls `visit` with the place of every value within.
fn places(value: &Value, at: &str, visit: &mut impl FnMut(&str)) {
    visit(at);
    match value {
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(n, v)| places(v, &format!("{at}/{n}"), visit));
        }
        Value::Object(map) => {
            map.iter().for_each(|(key, v)| places(v, &format!("{at}/{key}"), visit));
        }
        _ => {}
    }
}

#[test]
fn no_value_of_a_file_can_do_harm() {
    let mut own = export(&read(&browser()).unwrap().session);
    own["log"]["_testcard"]["trace"] = json!([{"t": 5, "ev": "throttled"}]);
    let strange = [
        json!(null),
        json!(-1),
        json!(u64::MAX),
        json!(1e308),
        json!("é\0"),
        json!("9999-12-31T23:59:59Z"),
        json!([]),
        json!({}),
        json!(["x"]),
        json!("x".repeat(40_000)),
    ];
    for har in [own, browser()] {
        let mut all = Vec::new();
        places(&har, "", &mut |at| all.push(at.to_owned()));
        assert!(all.len() > 100);
        let mut good = 0;
        for at in &all {
            for value in &strange {
                let mut har = har.clone();
                *har.pointer_mut(at).unwrap() = value.clone();
                if let Ok(Imported { session, .. }) = read(&har) {
                    good += 1;
                    assert!(read(&export(&session)).is_ok(), "{at} = {value}");
                }
            }
        }
        assert!(good > 100, "{good} were read");
    }
}
