//! What counts as a difference between two sessions, how it is said, and what is left out.

use std::sync::Arc;
use std::time::Duration;

use testcard_core::net::{ByteRange, Url};
use testcard_core::playback::Aim;
use testcard_core::time::{Instant, MediaTime};
use testcard_session::{Body, Ending, Exchange, Films, Segment, Session, TraceLine, VirtualFilms};
use testcard_sim::diff::{Difference, Ignore, Place, Rule, compare, compare_traces, text};

use crate::sample::{self, Turn, bad, good};

fn summary(differences: &[Difference]) -> Vec<(String, &str)> {
    differences.iter().map(|d| (d.place.to_string(), d.field.as_str())).collect()
}

fn place(text: &str) -> String {
    text.to_owned()
}

#[test]
fn a_session_is_the_same_as_itself_to_the_microsecond() {
    for session in [good(), bad()] {
        assert_eq!(compare(&session, &session.clone(), &Ignore::none()), []);
    }
    assert_eq!(text(&[], 10), "");
}

#[test]
fn a_status_that_is_another_is_found_in_the_exchange_and_in_the_trace() {
    let expected = good();
    let mut actual = expected.clone();
    actual.exchanges[3].head.as_mut().unwrap().1.status = 200;
    let answered = |line: &&mut TraceLine| line.fields["ev"] == "answered";
    actual.trace.iter_mut().filter(answered).nth(3).unwrap().fields["status"] = 200.into();
    let differences = compare(&expected, &actual, &Ignore::none());
    let statuses: Vec<_> = differences.iter().map(|d| (&d.expected, &d.actual)).collect();
    let change = (&Some("206".to_owned()), &Some("200".to_owned()));
    assert_eq!(statuses, [change, change]);
    assert_eq!(
        summary(&differences),
        [(place("exchange 4"), "status"), (place("trace line 14"), "status")]
    );
    insta::assert_snapshot!(text(&differences, 10));
}

/// The first exchanges again, as when a node was asked in vain.
fn with_one_more(session: &Session, status: u16) -> Session {
    let mut longer = session.clone();
    let mut more = session.exchanges[3].clone();
    more.head.as_mut().unwrap().1.status = status;
    more.opened = session.exchanges[2].opened;
    longer.exchanges.insert(2, more);
    // All later exchanges of the programme count on, and so do all later tokens.
    let mut numbers = 0;
    for line in &mut longer.trace {
        if line.fields["ev"] == "opened" {
            numbers += 1;
        }
        if let Some(x) = line.fields.get_mut("x")
            && x.as_u64() >= Some(3)
        {
            *x = (x.as_u64().unwrap() + 1).into();
        }
    }
    assert_eq!(numbers, session.exchanges.len());
    let third = |line: &TraceLine| line.fields["ev"] == "opened" && line.fields["x"] == 4;
    let at = longer.trace.iter().position(third).unwrap();
    let mut opened = longer.trace[at].clone();
    opened.fields["x"] = 3.into();
    opened.fields["url"] = session.exchanges[3].request.url.as_str().into();
    let mut answered = opened.clone();
    answered.fields =
        serde_json::from_value(serde_json::json!({"ev": "answered", "x": 3, "status": status}))
            .unwrap();
    longer.trace.splice(at..at, [opened, answered]);
    longer
}

#[test]
fn one_more_exchange_is_one_difference_and_not_everything_after_it() {
    let expected = good();
    let actual = with_one_more(&expected, 500);
    let differences = compare(&expected, &actual, &Ignore::none());
    assert_eq!(summary(&differences), [(place("exchange 3"), "exchange")]);
    assert_eq!(differences[0].place, Place::Exchange { expected: None, actual: Some(3) });
    assert_eq!(differences[0].expected, None);
    let back = compare(&actual, &expected, &Ignore::none());
    assert_eq!(summary(&back), [(place("exchange 3"), "exchange")]);
    assert_eq!(back[0].actual, None);

    let traces = compare_traces(&expected.trace, &actual.trace, &Ignore::none());
    assert_eq!(summary(&traces), [(place("trace line 10"), "line")]);
    insta::assert_snapshot!(text(&[differences, traces].concat(), 10));
}

#[test]
fn tokens_that_count_on_are_the_same_tokens() {
    let expected = good();
    let mut actual = expected.clone();
    let renumber = |text: &str| text.replace("{{token:2}}", "{{token:5}}");
    for exchange in &mut actual.exchanges {
        exchange.request.url = Url::parse(&renumber(exchange.request.url.as_str())).unwrap();
        for (_, value) in &mut exchange.head.as_mut().unwrap().1.headers {
            *value = renumber(value);
        }
    }
    for line in &mut actual.trace {
        if let Some(serde_json::Value::String(url)) = line.fields.get_mut("url") {
            *url = renumber(url);
        }
    }
    assert_ne!(expected.exchanges[3].request.url, actual.exchanges[3].request.url);
    assert_eq!(compare(&expected, &actual, &Ignore::none()), []);

    let url = expected.exchanges[3].request.url.as_str().replace("{{token:2}}", "{{token:1}}");
    actual.exchanges[3].request.url = Url::parse(&url).unwrap();
    let differences = compare(&expected, &actual, &Ignore::none());
    assert_eq!(summary(&differences), [(place("exchange 4"), "url")], "an expired one is used");
}

#[test]
fn headers_are_compared_by_name_and_a_missing_one_is_one_difference() {
    let expected = good();
    let mut actual = expected.clone();
    let headers = &mut actual.exchanges[3].head.as_mut().unwrap().1.headers;
    headers.retain(|(name, _)| name != "Content-Type");
    headers.iter_mut().find(|(name, _)| name == "ETag").unwrap().1 = "\"other\"".to_owned();
    headers.iter_mut().find(|(name, _)| name == "Date").unwrap().1 = "yesterday".to_owned();
    headers.iter_mut().find(|(name, _)| name == "Server").unwrap().0 = "server".to_owned();
    headers.push(("Retry-After".to_owned(), "7".to_owned()));
    let found = compare(&expected, &actual, &Ignore::none());
    let fields: Vec<_> = found.iter().map(|d| d.field.as_str()).collect();
    assert_eq!(
        fields,
        ["header Date", "header name", "header Content-Type", "header ETag", "header Retry-After"]
    );
    let ignore = Ignore::none().with(Rule::Date).with(Rule::HeaderCase);
    let found = compare(&expected, &actual, &ignore);
    let fields: Vec<_> = found.iter().map(|d| d.field.as_str()).collect();
    assert_eq!(fields, ["header Content-Type", "header ETag", "header Retry-After"]);
}

#[test]
fn what_was_watched_is_compared() {
    let expected = good();
    let mut actual = expected.clone();
    actual.about.viewing.limits.window_bytes /= 2;
    actual.about.viewing.tunes[0].aim = Aim::At(MediaTime::ZERO);
    let mut again = expected.about.viewing.tunes[0].clone();
    again.at = Instant::from_micros(5_000_000);
    actual.about.viewing.tunes.push(again);
    actual.about.viewing.end.at = Instant::from_micros(9_000_000);
    let differences = compare(&expected, &actual, &Ignore::none());
    insta::assert_snapshot!(text(&differences, 10));
}

/// The session as another driver would record it: later, in other pieces, the redirects' bodies
/// closed before the nodes are asked, and more of what was hung up.
fn elsewhere(session: &Session) -> Session {
    let later = |at: Instant| Instant::from_micros(at.as_micros() * 11 / 10 + 17);
    let mut other = session.clone();
    for exchange in &mut other.exchanges {
        exchange.opened = later(exchange.opened);
        let (at, head) = exchange.head.as_mut().unwrap();
        *at = later(*at);
        for (name, value) in &mut head.headers {
            *name = name.to_ascii_lowercase();
            if name == "date" {
                *value = "another day".to_owned();
            }
        }
        for run in &mut exchange.arrivals {
            (run.first, run.every) = (later(run.first), run.every * 2);
            (run.times, run.bytes) = (run.times * 2, run.bytes / 2);
        }
        exchange.ending = match exchange.ending {
            Ending::Complete(at) => Ending::Complete(later(at)),
            Ending::Failed(at, error) => Ending::Failed(later(at), error),
            Ending::Dropped(at) => {
                let length = exchange.body.len() + 1;
                exchange.body = Body::new([Segment::Elided { length, sha256: [1; 32] }]);
                Ending::Dropped(later(at))
            }
            Ending::Open => Ending::Open,
        };
    }
    for line in &mut other.trace {
        line.at = later(line.at);
        if line.fields["ev"] == "closed" && line.fields["complete"] == false {
            line.fields["received"] = (line.fields["received"].as_u64().unwrap() + 1).into();
        }
    }
    other.trace.retain(|line| line.fields["ev"] != "level");
    for n in 1..other.trace.len() {
        let complete = |line: &TraceLine| line.fields.get("complete") == Some(&true.into());
        if complete(&other.trace[n]) {
            other.trace.swap(n - 1, n);
        }
    }
    other
}

#[test]
fn across_drivers_only_what_the_set_decided_counts() {
    let expected = bad();
    let mut actual = elsewhere(&expected);
    // The node that was cut off failed, and was not hung up; its body is what the driver got of it.
    assert!(matches!(actual.exchanges[3].ending, Ending::Failed(..)));
    assert_eq!(compare(&expected, &actual, &Ignore::across_drivers()), []);
    for rule in Ignore::across_drivers().rules() {
        let stricter = Ignore::across_drivers().without(rule);
        assert_ne!(compare(&expected, &actual, &stricter), [], "{rule} is not needed");
    }

    let failed = |line: &TraceLine| line.fields["ev"] == "node_failed";
    let at = actual.trace.iter().position(failed).unwrap();
    actual.trace.swap(at, at + 1);
    assert_ne!(compare(&expected, &actual, &Ignore::across_drivers()), [], "another order");
    actual.trace.swap(at, at + 1);
    // How long the pause is depends on when the failure before was, and what failed does not.
    actual.trace[at].fields["pause_us"] = 1.into();
    assert_eq!(compare(&expected, &actual, &Ignore::across_drivers()), []);
    actual.trace[at].fields["why"] = "stalled".into();
    let differences = compare(&expected, &actual, &Ignore::across_drivers());
    assert_eq!(summary(&differences)[0].1, "why");
}

#[test]
fn a_closing_is_compared_even_where_its_place_is_not() {
    let expected = good();
    let is_closing = |line: &&TraceLine| line.fields["ev"] == "closed" && line.fields["x"] == 3;
    let at = expected.trace.iter().position(|line| is_closing(&line)).unwrap();
    let ignore = Ignore::across_drivers();

    let mut actual = expected.clone();
    actual.trace[at].fields["received"] = 100.into();
    assert_eq!(summary(&compare(&expected, &actual, &ignore))[0].1, "received");
    actual.trace[at].fields["complete"] = false.into();
    let differences = compare(&expected, &actual, &ignore);
    assert_eq!(differences.len(), 2, "one side hung up: {differences:?}");
    actual.trace.remove(at);
    let differences = compare(&expected, &actual, &ignore);
    assert_eq!((differences[0].field.as_str(), &differences[0].actual), ("line", &None));
}

#[test]
fn the_first_difference_comes_first_and_times_come_with_everything_they_delay() {
    let expected = good();
    let mut actual = expected.clone();
    actual.exchanges[1].head.as_mut().unwrap().0 = Instant::from_micros(470_000);
    actual.exchanges[1].arrivals[0].first = Instant::from_micros(485_000);
    actual.exchanges[0].ending = Ending::Complete(Instant::from_micros(900_000));
    let differences = compare(&expected, &actual, &Ignore::none());
    assert_eq!(
        summary(&differences),
        [
            (place("exchange 1"), "ended at"),
            (place("exchange 2"), "head at"),
            (place("exchange 2"), "piece 1"),
        ]
    );
    assert!(differences.is_sorted_by_key(|d| d.at));
    assert_eq!(compare(&expected, &actual, &Ignore::none().with(Rule::Times)), []);
}

#[test]
fn pieces_are_compared_however_they_are_written_down() {
    let expected = good();
    let mut actual = expected.clone();
    let run = actual.exchanges[1].arrivals[0];
    assert!(run.times > 400);
    let mut tail = run;
    tail.first = run.first + run.every * 7;
    tail.times -= 7;
    actual.exchanges[1].arrivals = vec![tail];
    for n in (0..7).rev() {
        let mut one = run;
        (one.times, one.first, one.every) = (1, run.first + run.every * n, Duration::ZERO);
        actual.exchanges[1].arrivals.insert(0, one);
    }
    assert_eq!(compare(&expected, &actual, &Ignore::none()), []);
    actual.exchanges[1].arrivals[4].first = run.first;
    let differences = compare(&expected, &actual, &Ignore::none());
    assert_eq!(summary(&differences), [(place("exchange 2"), "piece 5")]);
}

fn with_body(session: &Session, body: Body) -> Session {
    let mut session = session.clone();
    let exchange: &mut Exchange = &mut session.exchanges[0];
    exchange.body = body;
    session
}

#[test]
fn bodies_are_the_same_when_their_bytes_are() {
    let session = good();
    let film = "2:300000:first";
    let make = || VirtualFilms.film(film).unwrap();
    let (fixture_a, fixture_b) = (make(), make());
    let (film_a, film_b) = (&fixture_a.film, &fixture_b.film);
    let mut bytes = vec![0; 1000];
    film_a.read_at(500, &mut bytes);
    let fixture =
        |film: &Arc<_>| Body::new([Segment::Fixture { film: Arc::clone(film), range: 500..1500 }]);
    let whole = with_body(&session, Body::literal(bytes.clone()));
    let cut = with_body(
        &session,
        Body::new([
            Segment::Literal(bytes[..300].into()),
            Segment::Fixture { film: Arc::clone(film_a), range: 800..1500 },
        ]),
    );
    let hash = whole.exchanges[0].body.sha256().unwrap();
    let elided = with_body(&session, Body::new([Segment::Elided { length: 1000, sha256: hash }]));
    let mut named = with_body(&session, fixture(film_a));
    named.about.fixtures.push(fixture_a.clone());
    let unnamed = with_body(&session, fixture(film_b));
    let all = [&whole, &cut, &elided, &named, &unnamed];
    for (a, b) in all.iter().flat_map(|a| all.iter().map(move |b| (a, b))) {
        assert_eq!(compare(a, b, &Ignore::none()), []);
    }

    bytes[777] ^= 0x55;
    let changed = with_body(&session, Body::literal(bytes));
    for (other, field) in [
        (&whole, "body at 777"),
        (&cut, "body at 777"),
        (&named, "body at 777"),
        (&elided, "body at 0"),
    ] {
        let differences = compare(&changed, other, &Ignore::none());
        assert_eq!(summary(&differences), [(place("exchange 1"), field)]);
    }
}

#[test]
fn differences_are_written_for_machines_too() {
    let expected = good();
    let mut actual = expected.clone();
    actual.exchanges[1].request.range = Some(ByteRange::Closed { first: 0, last: 31 });
    let differences = compare(&expected, &actual, &Ignore::none());
    insta::assert_snapshot!(serde_json::to_string_pretty(&differences).unwrap());
}

#[test]
fn what_a_terminal_would_obey_is_shown_and_not_done() {
    let expected = good();
    let mut actual = expected.clone();
    let evil = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\n\u{202e}".to_owned() + &"x".repeat(1000);
    actual.exchanges[1].head.as_mut().unwrap().1.headers.push((evil.clone(), evil));
    let said = text(&compare(&expected, &actual, &Ignore::none()), 10);
    assert!(said.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{said}");
    assert!(said.contains(r"\u{1b}[2J"));
    assert!(said.lines().all(|line| line.chars().count() < 1000));
}

#[test]
fn of_many_places_the_first_are_shown_and_the_rest_counted() {
    let expected = good();
    let actual = sample::session("slower", 150, &[(0, Turn::Rate(999_000))]);
    let differences = compare(&expected, &actual, &Ignore::default());
    let said = text(&differences, 3);
    assert!(said.contains("more in"), "{said}");
    assert!(said.lines().count() < 40, "{said}");
    let last = said.lines().last().unwrap();
    assert!(last.starts_with(&differences.len().to_string()), "{last}");
}

#[test]
fn two_quite_different_sessions_are_told_apart_where_they_part() {
    let differences = compare(&good(), &bad(), &Ignore::across_drivers());
    insta::assert_snapshot!(text(&differences, 100));
}
