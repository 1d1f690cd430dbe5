//! The page about sessions: what is on it, and what must never be.

use std::path::Path;

use testcard_sim::diff::{Ignore, compare, html};

use testcard_core::net::{ExchangeError, Url};
use testcard_core::time::Instant;
use testcard_session::{Arrival, Body, Ending, Provenance, Segment, Session, TraceLine};

use crate::sample::{Turn, bad, good, session};

/// Leaves a page to be looked at.
fn keep(name: &str, page: &str) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(path, page).unwrap();
}

#[test]
fn two_sessions_are_on_one_page_with_the_first_difference_marked() {
    let (expected, actual) = (good(), bad());
    let ignore = Ignore::across_drivers();
    let differences = compare(&expected, &actual, &ignore);
    let page = html::report(&expected, &actual, &differences, &ignore);
    keep("report.html", &page);
    check(&page);
    assert!(!page.contains("%TITLE%") && !page.contains("%BODY%"));
    assert_eq!(page.matches("id=\"first\"").count(), 1);
    assert_eq!(page.matches("href=\"#first\"").count(), 3, "verdict, overview and close-up");
    assert_eq!(page.matches("class=\"failed\"").count(), 3, "overview, close-up and legend");
    assert!(page.contains("class=\"stall\""));
    assert!(page.contains(">starved, 64."), "{page}");
    keep("same.html", &html::report(&expected, &expected, &[], &Ignore::none()));
    keep("view.html", &html::view(&actual));
}

/// What a browser would have to fetch or to run, and elements that are not closed in order.
fn check(page: &str) {
    let tags = || page.split('<').skip(1).filter(|tag| !tag.starts_with("!--"));
    for tag in tags().map(|tag| tag.split('>').next().unwrap_or_default()) {
        let name = tag.split_whitespace().next().unwrap_or_default();
        assert!(!["script", "link", "img", "image", "iframe", "object"].contains(&name), "{tag}");
        let href = tag.split("href=").nth(1).unwrap_or("\"#");
        assert!(href.starts_with("\"#"), "{tag}");
        assert!(!tag.contains("src=") && !tag.contains(" on"), "{tag}");
    }
    assert!(!page.contains("@import") && !page.contains("url(http"));
    const VOID: [&str; 5] = ["meta", "col", "wbr", "br", "!DOCTYPE"];
    let mut open = Vec::new();
    for tag in tags() {
        let tag = tag.split_once('>').expect("a tag is closed").0;
        let name = tag.trim_start_matches('/').split_whitespace().next().unwrap();
        let name = name.trim_end_matches('/');
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closed");
        } else if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn ninety_minutes_with_hundreds_of_exchanges_stay_one_small_page() {
    let turns: Vec<_> = (1..269).map(|n| (n * 20, Turn::Cut)).collect();
    let (expected, actual) = (session("Calm", 5400, &[]), session("Cut off", 5400, &turns));
    assert!(actual.exchanges.len() > 500);
    let differences = compare(&expected, &actual, &Ignore::default());
    let page = html::report(&expected, &actual, &differences, &Ignore::default());
    keep("long.html", &page);
    check(&page);
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
    assert!(page.contains(">540 exchanges<"));
    assert!(page.contains("… and 753 more."));
}

#[test]
fn a_session_that_was_over_long_ago_says_so_in_the_close_up() {
    let (short, long) = (session("Short", 10, &[]), session("Long", 100, &[(80, Turn::Cut)]));
    let differences = compare(&long, &short, &Ignore::across_drivers());
    let late =
        differences.iter().filter(|difference| difference.at >= Instant::from_micros(80_000_000));
    let late: Vec<_> = late.cloned().collect();
    let page = html::report(&short, &long, &late, &Ignore::across_drivers());
    check(&page);
    assert_eq!(page.matches("it was over by then").count(), 1);
}

/// Every text that a session can bring along, and numbers at their limits.
fn hostile(evil: &str) -> Session {
    let mut session = bad();
    session.about.title = evil.to_owned();
    session.about.provenance = Provenance::Recorded { at: evil.to_owned(), by: evil.to_owned() };
    let exchange = &mut session.exchanges[2];
    let (_, head) = exchange.head.as_mut().unwrap();
    head.status = u16::MAX;
    head.headers.push((evil.to_owned(), evil.to_owned()));
    let mut url = Url::parse("https://archive.org/").unwrap();
    url.set_path(evil);
    url.set_fragment(Some(evil));
    exchange.request.url = url;
    exchange.ending = Ending::Failed(Instant::FAR_FUTURE, ExchangeError::Protocol);
    exchange.arrivals = vec![
        Arrival {
            first: Instant::FAR_FUTURE,
            every: std::time::Duration::MAX,
            times: u32::MAX,
            bytes: u32::MAX,
        };
        3
    ];
    exchange.arrivals.push(Arrival {
        first: Instant::ZERO,
        every: std::time::Duration::ZERO,
        times: 0,
        bytes: 0,
    });
    exchange.body = Body::new(vec![Segment::Elided { length: u64::MAX, sha256: [0; 32] }; 2]);
    session.about.viewing.limits.window_bytes = usize::MAX;
    let values = serde_json::json!({
        "ev": evil, "x": evil, "url": evil, "why": {"status": evil}, evil: evil, "at_us": i64::MIN,
        "window_bytes": u64::MAX, "status": -1, "t": [evil],
    });
    for at in [Instant::FAR_FUTURE, Instant::ZERO] {
        let serde_json::Value::Object(fields) = values.clone() else { unreachable!() };
        session.trace.push(TraceLine { at, fields: fields.clone() });
        for event in ["level", "opened", "closed", "starved", "throttled"] {
            let mut fields = fields.clone();
            fields.insert("ev".to_owned(), event.into());
            session.trace.push(TraceLine { at, fields });
        }
    }
    session
}

#[test]
fn whatever_a_session_says_is_text_and_no_number_of_it_is_too_large() {
    let evil = "</title></svg><script src=//x>alert(1)</script><img onerror='x' \"on=\u{1b}\u{202e}%BODY%%TITLE%&lt;";
    let (good, hostile) = (good(), hostile(evil));
    for ignore in [Ignore::none(), Ignore::across_drivers()] {
        for (a, b) in [(&good, &hostile), (&hostile, &good), (&hostile, &hostile)] {
            let differences = compare(a, b, &ignore);
            let page = html::report(a, b, &differences, &ignore);
            check(&page);
            assert!(page.contains("&lt;script"));
            assert!(!page.contains(['\u{1b}', '\u{202e}']));
        }
    }
    let page = html::view(&hostile);
    check(&page);
    for number in ["NaN", "inf", "-0.0\""] {
        assert!(!page.contains(&format!("=\"{number}")), "{number}");
    }
    let empty = Session { exchanges: Vec::new(), trace: Vec::new(), ..good };
    check(&html::view(&empty));
    check(&html::report(&empty, &empty, &[], &Ignore::none()));
}
