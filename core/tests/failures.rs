//! Every failure that the core can name, on the screen: a plain sentence, what the set does about
//! it, and when it tries again. A failure that is new does not compile here until it is in the
//! table, and then has to read like the others.

use testcard_core::guide::{Backdrop, Guide, Kept, Moment, Reception, Status};
use testcard_core::line_up::{Channel, LineUp, Programme};
use testcard_core::mp4::{self, FourCc, Mp4Error};
use testcard_core::net::ExchangeError;
use testcard_core::schedule::Schedule;
use testcard_core::stream::{Container, NodeFailure, ProgrammeFailure};
use testcard_core::time::{Instant, UnixMillis};

/// 2026-11-20T20:42:00Z.
const WALL: UnixMillis = UnixMillis(1_795_207_320_000);

/// A table with a row for each of a number of variants, and the variant that each row is of.
fn assert_all_there<T>(table: &[T], variants: usize, variant: impl Fn(&T) -> usize) {
    for wanted in 0..variants {
        assert!(table.iter().any(|row| variant(row) == wanted), "variant {wanted} is not there");
    }
}

fn exchange_errors() -> Vec<ExchangeError> {
    use ExchangeError::*;
    let table = vec![NameNotFound, Refused, Unreachable, Certificate, Tls, Disconnected, Protocol];
    assert_all_there(&table, 7, |error| match error {
        NameNotFound => 0,
        Refused => 1,
        Unreachable => 2,
        Certificate => 3,
        Tls => 4,
        Disconnected => 5,
        Protocol => 6,
    });
    table
}

fn node_failures() -> Vec<NodeFailure> {
    use NodeFailure::*;
    let mut table = vec![ShortBody, Stalled, NoAnswer, RangeIgnored, WrongRange, ContentCoding];
    table.extend([401, 403, 404, 410, 416, 500, 502, 504].map(Status));
    table.extend([429, 503].map(Busy));
    table.extend(exchange_errors().into_iter().map(Exchange));
    assert_all_there(&table, 9, |failure| match failure {
        Exchange(_) => 0,
        Status(_) => 1,
        Busy(_) => 2,
        ShortBody => 3,
        Stalled => 4,
        NoAnswer => 5,
        RangeIgnored => 6,
        WrongRange => 7,
        ContentCoding => 8,
    });
    table
}

fn index_errors() -> Vec<Mp4Error> {
    use Mp4Error::*;
    let (kind, offset) = (FourCc(*b"stsz"), 1234);
    let mut table = vec![NotMoov, TooLarge, Compressed, Fragmented, Missing { kind, offset }];
    let ways = [
        mp4::Broken::Size,
        mp4::Broken::Short,
        mp4::Broken::Count { declared: u32::MAX },
        mp4::Broken::TooMany { declared: u32::MAX },
        mp4::Broken::NotAscending,
        mp4::Broken::Timescale,
        mp4::Broken::FieldSize,
    ];
    table.extend(ways.map(|broken| Broken { kind, offset, broken }));
    assert_all_there(&table, 6, |error| match error {
        NotMoov => 0,
        TooLarge => 1,
        Compressed => 2,
        Fragmented => 3,
        Missing { .. } => 4,
        Broken { .. } => 5,
    });
    table
}

fn programme_failures() -> Vec<ProgrammeFailure> {
    use ProgrammeFailure::*;
    let mut table = vec![
        NotFound,
        NoSuchItem,
        Dark,
        InsecureAddress,
        InsecureRedirect,
        ForeignRedirect("example.com".to_string()),
        TooManyRedirects,
        BrokenRedirect,
        WebPage,
        NotMp4,
        Truncated,
        NoIndex,
        IndexTooLarge(123_456_789),
        NothingToPlay("it is not H.264".to_string()),
        KeepsChanging,
    ];
    let kinds = [Container::FragmentedMp4, Container::Mp3, Container::Ogg, Container::Flac];
    table.extend(kinds.map(NoReader));
    table.extend(index_errors().into_iter().map(Index));
    table.extend(node_failures().into_iter().map(GaveUp));
    assert_all_there(&table, 18, |failure| match failure {
        NotFound => 0,
        NoSuchItem => 1,
        Dark => 2,
        InsecureAddress => 3,
        InsecureRedirect => 4,
        ForeignRedirect(_) => 5,
        TooManyRedirects => 6,
        BrokenRedirect => 7,
        WebPage => 8,
        NotMp4 => 9,
        NoReader(_) => 10,
        Truncated => 11,
        NoIndex => 12,
        IndexTooLarge(_) => 13,
        Index(_) => 14,
        NothingToPlay(_) => 15,
        KeepsChanging => 16,
        GaveUp(_) => 17,
    });
    table
}

/// A channel of two films, an hour each.
fn schedule() -> Schedule {
    let programme = |title: &str| Programme {
        title: title.to_string(),
        item: title.to_lowercase(),
        file: "film.mp4".to_string(),
        duration_ms: 3_600_000,
        ..Programme::default()
    };
    let channel = Channel {
        id: "films".to_string(),
        number: 3,
        name: "Films".to_string(),
        programmes: vec![programme("One"), programme("Other")],
        ..Channel::default()
    };
    Schedule::new(LineUp { channels: vec![channel] }, 1)
}

/// What a person reads is a sentence: no more, no less, and nothing of a programmer's.
fn assert_reads_well(sentence: &str) {
    let first = sentence.chars().next().expect("words");
    assert!(first.is_uppercase() && sentence.ends_with('.'), "{sentence:?}");
    assert!(!sentence.contains("..") && !sentence.contains("  "), "{sentence:?}");
    assert!(!sentence.contains(['{', '}', '_', '"']), "{sentence:?}");
    assert!((15..=160).contains(&sentence.chars().count()), "{sentence:?}");
}

#[test]
fn every_failure_has_a_card_with_a_sentence_and_with_what_comes_next() {
    let schedule = schedule();
    let guide = Guide::new(&schedule, &Kept::default());
    let moment = Moment { now: Instant::ZERO, wall: WALL };
    for failure in programme_failures() {
        let sentence = failure.to_string();
        assert_reads_well(&sentence);
        // The network may come back, so the set tries again; a film does not get better.
        let retry_at = failure.is_network().then(|| WALL.plus_millis(60_000));
        let reception = Reception::Failed { sentence: sentence.clone(), retry_at };
        let status = Status { reception, ..Status::default() };
        let card = guide.view(&schedule, &status, moment).card.expect("a card");
        assert_eq!((card.backdrop, &*card.heading), (Backdrop::TestCard, "3 · Films"));
        assert_eq!(card.sentence, sentence);
        let next = card.detail.unwrap_or_default();
        match retry_at {
            Some(_) => assert_eq!(next, "Trying again in 60\u{a0}s", "{sentence}"),
            None => assert!(next.starts_with("Next at "), "{sentence} {next:?}"),
        }
    }
}

#[test]
fn every_failure_of_a_node_completes_a_sentence() {
    for failure in node_failures() {
        let phrase = failure.to_string();
        assert!(phrase.starts_with("the "), "{phrase:?}");
        assert!(!phrase.ends_with('.'), "{phrase:?}");
    }
}
