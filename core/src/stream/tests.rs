//! What a stream does when an archive behaves and when it does not. The archive here is a list of
//! answers, one for each exchange in order; time is what the test says it is.

use alloc::collections::VecDeque;
use alloc::vec;
use core::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::net::ExchangeError;
use crate::trace::Event;

const MIB: usize = 1024 * 1024;

/// One answer of the scripted archive.
#[derive(Clone)]
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    then: Then,
}

/// What follows the last body byte of an answer.
#[derive(Clone, Copy)]
enum Then {
    End,
    Fail(ExchangeError),
    /// Nothing, for ever.
    Silence,
}

impl Answer {
    fn of(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), then: Then::End }
    }

    fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_string(), value.to_string()));
        self
    }

    fn redirect(location: &str) -> Self {
        let mut answer = Self::of(302).with("Location", location);
        answer.body = b"<html>moved</html>".to_vec();
        answer
    }

    /// A good node's answer: the rest of `film` from `from` on.
    fn rest(film: &[u8], from: usize) -> Self {
        let range = alloc::format!("bytes {from}-{}/{}", film.len() - 1, film.len());
        let mut answer = Self::of(206).with("content-range", range).with("etag", "\"1-1\"");
        answer.body = film[from..].to_vec();
        answer
    }

    fn cut_after(mut self, bytes: usize, then: Then) -> Self {
        self.body.truncate(bytes);
        self.then = then;
        self
    }
}

/// The archive's side, and what it saw.
#[derive(Default)]
struct Scripted {
    answers: VecDeque<Answer>,
    /// Addresses and first bytes; 0 where no range was asked for.
    asked: Vec<(String, u64)>,
    open_now: Rc<RefCell<usize>>,
}

struct Exchange {
    answer: Option<Answer>,
    head_given: bool,
    given: usize,
    open_now: Rc<RefCell<usize>>,
}

impl Drop for Exchange {
    fn drop(&mut self) {
        *self.open_now.borrow_mut() -= 1;
    }
}

impl Network for Scripted {
    type Exchange = Exchange;

    fn open(&mut self, request: &Request) -> Exchange {
        let first = request.range.map_or(0, ByteRange::first);
        self.asked.push((request.url.to_string(), first));
        *self.open_now.borrow_mut() += 1;
        let open_now = self.open_now.clone();
        Exchange { answer: self.answers.pop_front(), head_given: false, given: 0, open_now }
    }

    fn poll(&mut self, exchange: &mut Exchange, buf: &mut [u8]) -> ExchangePoll {
        let Some(answer) = &exchange.answer else { return ExchangePoll::Pending };
        if !exchange.head_given {
            exchange.head_given = true;
            let headers = answer.headers.clone();
            return ExchangePoll::Head(Head { status: answer.status, headers });
        }
        let rest = &answer.body[exchange.given..];
        if rest.is_empty() {
            return match answer.then {
                Then::End => ExchangePoll::End,
                Then::Fail(error) => ExchangePoll::Failed(error),
                Then::Silence => ExchangePoll::Pending,
            };
        }
        let count = rest.len().min(buf.len()).min(10_000);
        buf[..count].copy_from_slice(&rest[..count]);
        exchange.given += count;
        ExchangePoll::Body(count)
    }
}

/// A stream, its archive and its time.
struct Set {
    stream: Stream<Scripted>,
    net: Scripted,
    now: Instant,
    trace: Vec<(Instant, Event)>,
}

const START: &str = "https://archive.org/download/item/film.mp4";
const NODE: &str = "https://ia800906.us.archive.org/21/items/item/film.mp4?token=1";

impl Set {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::with_limits(answers, Limits::DESKTOP)
    }

    fn with_limits(answers: impl IntoIterator<Item = Answer>, limits: Limits) -> Self {
        let source = Url::parse(START).expect("a literal");
        let net = Scripted { answers: answers.into_iter().collect(), ..Scripted::default() };
        let stream = Stream::new(source, limits).expect("https");
        Self { stream, net, now: Instant::from_micros(1), trace: Vec::new() }
    }

    fn poll(&mut self) -> Result<Progress, ProgrammeFailure> {
        let mut cx = Context { net: &mut self.net, now: self.now, trace: &mut self.trace };
        self.stream.poll(&mut cx)
    }

    /// Polls until an index or a failure comes, letting time jump over pauses and silences.
    fn index(&mut self) -> Result<Vec<u8>, ProgrammeFailure> {
        for _ in 0..10_000 {
            match self.poll()? {
                Progress::Index(index) => return Ok(index),
                Progress::Wait(wake) => self.now = wake.max(self.now),
                Progress::FileChanged => {}
                Progress::Other(container) => panic!("{container}"),
            }
        }
        panic!("neither index nor failure: {:?}", self.trace);
    }

    /// Polls until the window holds `len` bytes from `from` on, and returns them.
    fn bytes(&mut self, from: usize, len: usize) -> Vec<u8> {
        self.stream.seek(from as u64);
        self.more_bytes(from, len)
    }

    fn more_bytes(&mut self, from: usize, len: usize) -> Vec<u8> {
        let range = SampleRange { offset: from as u64, size: len as u32 };
        let mut out = Vec::new();
        for _ in 0..10_000 {
            if self.stream.copy(range, &mut out) {
                return out;
            }
            match self.poll().expect("no programme failure") {
                Progress::Wait(wake) => self.now = wake.max(self.now),
                Progress::Index(_) | Progress::Other(_) | Progress::FileChanged => {}
            }
        }
        panic!("the bytes never came: {:?}", self.trace);
    }

    fn failures(&self) -> Vec<NodeFailure> {
        let why = |event: &Event| match event {
            Event::NodeFailed { why, .. } => Some(*why),
            _ => None,
        };
        self.trace.iter().filter_map(|(_, event)| why(event)).collect()
    }

    fn offsets_asked(&self) -> Vec<u64> {
        self.net.asked.iter().map(|(_, offset)| *offset).collect()
    }
}

/// A box of `kind` with `len` bytes in all.
fn mp4_box(kind: &[u8; 4], len: usize) -> Vec<u8> {
    let mut bytes = (len as u32).to_be_bytes().to_vec();
    bytes.extend(kind);
    bytes.extend((8..len).map(|at| (at * 31 % 251) as u8));
    bytes
}

fn film(boxes: &[(&[u8; 4], usize)]) -> Vec<u8> {
    boxes.iter().flat_map(|(kind, len)| mp4_box(kind, *len)).collect()
}

fn moov_first() -> Vec<u8> {
    film(&[(b"ftyp", 32), (b"moov", 5000), (b"free", 8), (b"mdat", 3 * MIB)])
}

#[test]
fn an_index_in_front_is_read_in_one_exchange_and_not_a_byte_beyond() {
    let film = moov_first();
    let mut set = Set::new([Answer::rest(&film, 0)]);
    assert_eq!(set.index().as_deref(), Ok(&film[32..5032]));
    assert_eq!(set.offsets_asked(), [0]);
    assert_eq!(set.stream.totals(), (5032, 1));
}

#[test]
fn an_index_behind_the_media_costs_one_jump() {
    let film = film(&[(b"ftyp", 32), (b"free", 8), (b"mdat", 3 * MIB), (b"moov", 5000)]);
    let mut set = Set::new([Answer::rest(&film, 0), Answer::rest(&film, 40 + 3 * MIB)]);
    assert_eq!(set.index().as_deref(), Ok(&film[40 + 3 * MIB..]));
    assert_eq!(set.offsets_asked(), [0, 40 + 3 * MIB as u64]);
}

#[test]
fn media_behind_the_index_goes_on_in_the_same_exchange_when_it_is_near() {
    let film = moov_first();
    let mut set = Set::new([Answer::rest(&film, 0)]);
    set.index().expect("an index");
    let from = 5040 + 1000;
    assert_eq!(set.bytes(from, 2 * MIB), &film[from..from + 2 * MIB]);
    assert_eq!(set.offsets_asked(), [0]);
}

#[test]
fn media_far_behind_is_asked_for_at_its_exact_byte_through_the_archive_again() {
    let film = moov_first();
    let from = 2 * MIB + 77;
    let mut set = Set::new([
        Answer::redirect(NODE),
        Answer::rest(&film, 0),
        Answer::redirect(NODE),
        Answer::rest(&film, from),
    ]);
    set.index().expect("an index");
    assert_eq!(set.bytes(from, 1000), &film[from..from + 1000]);
    let urls: Vec<_> = set.net.asked.iter().map(|(url, _)| url.as_str()).collect();
    assert_eq!(urls, [START, NODE, START, NODE]);
    assert_eq!(set.offsets_asked(), [0, 0, from as u64, from as u64]);
}

#[test]
fn every_exchange_opened_is_ended_and_no_two_media_exchanges_are_open_at_once() {
    let film = moov_first();
    let mut set = Set::new([
        Answer::redirect(NODE),
        Answer::rest(&film, 0),
        Answer::redirect(NODE),
        Answer::rest(&film, 2 * MIB),
    ]);
    set.index().expect("an index");
    set.bytes(2 * MIB, 1000);
    assert_eq!(*set.net.open_now.borrow(), 1);
    let Set { mut stream, mut net, now, mut trace } = set;
    stream.close(&mut Context { net: &mut net, now, trace: &mut trace });
    assert_eq!(*net.open_now.borrow(), 0);
    let opened = trace.iter().filter(|(_, e)| matches!(e, Event::Opened { .. })).count();
    let closed = trace.iter().filter(|(_, e)| matches!(e, Event::Closed { .. })).count();
    assert_eq!((opened, closed), (4, 4));
}

#[test]
fn a_stale_node_address_is_resolved_again_at_the_exact_byte() {
    for status in [401, 403, 410, 500] {
        let film = moov_first();
        let mut set = Set::new([
            Answer::redirect(NODE),
            Answer::of(status),
            Answer::redirect(NODE),
            Answer::rest(&film, 0),
        ]);
        assert_eq!(set.index().as_deref(), Ok(&film[32..5032]), "{status}");
        assert_eq!(set.failures(), [NodeFailure::Status(status)]);
    }
}

#[test]
fn a_connection_cut_in_the_middle_is_resumed_at_the_exact_byte() {
    let film = moov_first();
    let cut = MIB + 123;
    for (then, why) in [
        (
            Then::Fail(ExchangeError::Disconnected),
            NodeFailure::Exchange(ExchangeError::Disconnected),
        ),
        (Then::End, NodeFailure::ShortBody),
        (Then::Silence, NodeFailure::Stalled),
    ] {
        let mut set =
            Set::new([Answer::rest(&film, 0).cut_after(cut, then), Answer::rest(&film, cut)]);
        set.index().expect("an index");
        assert_eq!(set.bytes(6000, 2 * MIB), &film[6000..6000 + 2 * MIB]);
        assert_eq!(set.offsets_asked(), [0, cut as u64]);
        assert_eq!(set.failures(), [why]);
    }
}

#[test]
fn a_stall_is_noticed_after_ten_seconds_and_not_before() {
    let film = moov_first();
    let mut set = Set::new([Answer::rest(&film, 0).cut_after(MIB, Then::Silence)]);
    set.index().expect("an index");
    set.stream.seek(6000);
    while !matches!(set.poll(), Ok(Progress::Wait(wake)) if wake > set.now) {}
    let quiet_since = set.now;
    set.now = quiet_since + (STALL_AFTER - Duration::from_micros(1));
    set.poll().expect("no failure");
    assert_eq!(set.failures(), []);
    set.now = quiet_since + STALL_AFTER;
    set.poll().expect("no programme failure");
    assert_eq!(set.failures(), [NodeFailure::Stalled]);
}

#[test]
fn a_long_throttle_is_not_taken_for_a_stall() {
    let film = film(&[(b"ftyp", 32), (b"moov", 5000), (b"mdat", 4 * MIB)]);
    let limits = Limits { window_bytes: MIB, ..Limits::DESKTOP };
    let mut set = Set::with_limits([Answer::rest(&film, 0)], limits);
    set.index().expect("an index");
    set.stream.seek(5032);
    while set.stream.condition() != Condition::Throttled {
        set.poll().expect("no failure");
    }
    assert_eq!(set.stream.window().len(), MIB);
    set.now = set.now + Duration::from_secs(3600);
    set.stream.release_before(5032 + MIB as u64);
    assert_eq!(set.more_bytes(5032 + MIB, 1000), &film[5032 + MIB..][..1000]);
    assert_eq!(set.failures(), []);
    assert_eq!(set.offsets_asked(), [0]);
}

#[test]
fn a_token_that_expires_during_a_throttle_costs_one_resolve() {
    let film = film(&[(b"ftyp", 32), (b"moov", 5000), (b"mdat", 4 * MIB)]);
    let limits = Limits { window_bytes: MIB, ..Limits::DESKTOP };
    let cut = 5032 + MIB;
    let dead = Then::Fail(ExchangeError::Disconnected);
    let answers = [
        Answer::rest(&film, 0).cut_after(cut, dead),
        Answer::redirect(NODE),
        Answer::of(401),
        Answer::redirect(NODE),
        Answer::rest(&film, cut),
    ];
    let mut set = Set::with_limits(answers, limits);
    set.index().expect("an index");
    set.stream.seek(5032);
    while set.stream.condition() != Condition::Throttled {
        set.poll().expect("no failure");
    }
    set.stream.release_before(cut as u64 - 10);
    assert_eq!(set.more_bytes(cut - 10, 1000), &film[cut - 10..][..1000]);
}

#[test]
fn a_pause_that_the_server_asks_for_is_kept_to_the_microsecond() {
    let film = moov_first();
    let mut set = Set::new([Answer::of(503).with("retry-after", 17), Answer::rest(&film, 0)]);
    set.poll().expect("no programme failure");
    let before = set.now;
    assert!(
        matches!(set.poll(), Ok(Progress::Wait(wake)) if wake == before + Duration::from_secs(17))
    );
    assert_eq!(set.net.asked.len(), 1);
    set.now = before + Duration::from_secs(17);
    assert!(set.index().is_ok());
}

#[test]
fn an_archive_that_fails_for_ever_is_given_up_with_its_reason() {
    let mut set = Set::new(vec![Answer::of(500); 20]);
    let gave_up = ProgrammeFailure::GaveUp(NodeFailure::Status(500));
    assert_eq!(set.index(), Err(gave_up));
    assert_eq!(set.net.asked.len(), 8);
}

#[test]
fn a_node_that_cuts_every_connection_after_its_first_bytes_is_making_no_progress() {
    let film = moov_first();
    let limits = Limits { patience: Patience::Tries(5), ..Limits::DESKTOP };
    let cut = Then::Fail(ExchangeError::Disconnected);
    let answers = (0..40).map(|n| Answer::rest(&film, n * 100).cut_after(100, cut));
    let mut set = Set::with_limits(answers, limits);
    let gave_up = ProgrammeFailure::GaveUp(NodeFailure::Exchange(ExchangeError::Disconnected));
    assert_eq!(set.index(), Err(gave_up));
    assert_eq!(set.net.asked.len(), 5);
}

#[test]
fn a_server_that_hands_the_film_out_in_crumbs_is_given_up() {
    let film = moov_first();
    let crumb = |n: usize| {
        let (from, total) = (n, film.len());
        let mut answer = Answer::of(206)
            .with("content-range", alloc::format!("bytes {from}-{}/{total}", from + 9));
        answer.body = film[from..from + 10].to_vec();
        answer
    };
    // The walk leaves ftyp at once, and then wants every byte of the index.
    let mut set = Set::new([0].into_iter().chain((32..5000).step_by(10)).map(crumb));
    assert_eq!(set.index(), Err(ProgrammeFailure::GaveUp(NodeFailure::ShortBody)));
    assert!(set.net.asked.len() < 20);
}

#[test]
fn an_ignored_range_is_read_past_when_what_matters_is_near() {
    let film = moov_first();
    let cut = 100_000;
    let mut whole = Answer::of(200).with("Content-Length", film.len());
    whole.body = film.clone();
    let gone = Then::Fail(ExchangeError::Disconnected);
    let mut set = Set::new([Answer::rest(&film, 0).cut_after(cut, gone), whole]);
    set.index().expect("an index");
    assert_eq!(set.bytes(6000, 200_000), &film[6000..206_000]);
    assert_eq!(set.offsets_asked(), [0, cut as u64]);
}

#[test]
fn a_range_ignored_far_into_the_film_is_a_node_failure() {
    let film = moov_first();
    let mut whole = Answer::of(200).with("content-length", film.len());
    whole.body = film.clone();
    let mut set = Set::new([Answer::rest(&film, 0), whole, Answer::rest(&film, 2 * MIB)]);
    set.index().expect("an index");
    assert_eq!(set.bytes(2 * MIB, 100), &film[2 * MIB..2 * MIB + 100]);
    assert_eq!(set.failures(), [NodeFailure::RangeIgnored]);
}

#[test]
fn a_206_for_other_bytes_is_a_node_failure() {
    let film = moov_first();
    let mut set = Set::new([Answer::rest(&film, 1), Answer::of(206), Answer::rest(&film, 0)]);
    assert!(set.index().is_ok());
    assert_eq!(set.failures(), [NodeFailure::WrongRange; 2]);
}

#[test]
fn a_file_that_changed_under_us_is_begun_anew_once() {
    let (old, new) = (moov_first(), film(&[(b"ftyp", 32), (b"moov", 6000), (b"mdat", MIB)]));
    let mut set = Set::new([
        Answer::rest(&old, 0),
        Answer::rest(&new, 500_000),
        Answer::rest(&new, 0),
        Answer::rest(&old, 900_000),
    ]);
    set.index().expect("an index");
    set.stream.seek(500_000);
    assert_eq!(set.index().as_deref(), Ok(&new[32..6032]), "the new file's index");
    set.stream.seek(900_000);
    // It is the old file again.
    assert_eq!(set.index(), Err(ProgrammeFailure::KeepsChanging));
}

#[test]
fn two_nodes_that_label_one_file_differently_are_believed_from_then_on() {
    let film = moov_first();
    let other = |from| {
        let mut answer = Answer::rest(&film, from);
        answer.headers.retain(|(name, _)| name != "etag");
        answer.with("ETag", "\"2-1\"")
    };
    let far = |n: usize| 500_000 * n;
    let mut set = Set::new([
        Answer::rest(&film, 0),
        other(far(1)),
        other(0),
        Answer::rest(&film, far(2)),
        other(far(4)),
    ]);
    set.index().expect("an index");
    set.stream.seek(far(1) as u64);
    set.index().expect("the same index, read again");
    assert_eq!(set.bytes(far(2), 10), &film[far(2)..far(2) + 10]);
    assert_eq!(set.bytes(far(4), 10), &film[far(4)..far(4) + 10]);
}

const METADATA: &str = "https://archive.org/metadata/item";

/// The archive's answer to a question about an item.
fn metadata(json: &str) -> Answer {
    let mut answer = Answer::of(200).with("Content-Type", "application/json");
    answer.body = json.as_bytes().to_vec();
    answer
}

#[test]
fn a_film_that_the_archive_refuses_is_asked_about_once_and_the_answer_is_told() {
    use ProgrammeFailure::{Dark, GaveUp, NoSuchItem, NotFound};
    let refused = |status| GaveUp(NodeFailure::Status(status));
    let there = r#"{"files":[{"name":"another.mp4"}],"metadata":{"identifier":"item"}}"#;
    for (status, json, why) in [
        (404, "{}", NoSuchItem),
        (404, "[]", NoSuchItem),
        (404, there, NotFound),
        (403, r#"{"is_dark":true,"metadata":{"identifier":"item"}}"#, Dark),
        (401, r#"{"is_dark":true}"#, Dark),
        (403, there, refused(403)),
        (410, r#"{"error":"busy"}"#, refused(410)),
    ] {
        let mut set = Set::new([Answer::of(status), metadata(json)]);
        assert_eq!(set.index(), Err(why), "{status} {json}");
        assert_eq!(set.now, Instant::from_micros(1), "nothing was waited for");
        let urls: Vec<_> = set.net.asked.iter().map(|(url, _)| url.as_str()).collect();
        assert_eq!(urls, [START, METADATA]);
        assert_eq!(*set.net.open_now.borrow(), 0);
        let events: Vec<_> = set.trace.into_iter().map(|(_, event)| event).collect();
        let received = json.len() as u64;
        assert_eq!(
            events[2..],
            [
                Event::Closed { x: 1, received: 0, complete: false },
                Event::Opened { x: 2, url: METADATA.into(), range: None },
                Event::Answered { x: 2, status: 200 },
                Event::Closed { x: 2, received, complete: true },
            ]
        );
    }
}

#[test]
fn a_refusal_stands_when_the_archive_does_not_say_why() {
    let endless = " ".repeat(MIB) + "{}";
    for (answer, wait) in [
        (Answer::of(500), Duration::ZERO),
        (Answer::of(429).with("retry-after", 1), Duration::ZERO),
        (Answer::redirect("https://archive.org/metadata/other"), Duration::ZERO),
        (metadata("<html>"), Duration::ZERO),
        (metadata(&endless), Duration::ZERO),
        (metadata("{}").cut_after(1, Then::Fail(ExchangeError::Disconnected)), Duration::ZERO),
        (metadata("{}").cut_after(1, Then::End), Duration::ZERO),
        (metadata("{}").cut_after(2, Then::Silence), REASON_DUE),
    ] {
        let mut set = Set::new([Answer::of(404), answer]);
        let began = set.now;
        assert_eq!(set.index(), Err(ProgrammeFailure::NotFound));
        assert_eq!(set.now.since(began), wait);
        assert_eq!((set.net.asked.len(), *set.net.open_now.borrow()), (2, 0));
    }
    let mut silent = Set::new([Answer::of(404)]);
    let began = silent.now;
    assert_eq!(silent.index(), Err(ProgrammeFailure::NotFound));
    assert_eq!(silent.now.since(began), REASON_DUE);
}

#[test]
fn a_set_that_waits_for_the_archives_reason_is_asking_and_can_be_left() {
    let mut set = Set::new([Answer::of(404)]);
    set.poll().expect("the question is open");
    assert_eq!(set.stream.condition(), Condition::Asking);
    // What the viewer does meanwhile changes nothing.
    set.stream.seek(MIB as u64);
    assert!(matches!(set.poll(), Ok(Progress::Wait(due)) if due == set.now + REASON_DUE));
    let Set { mut stream, mut net, now, mut trace } = set;
    stream.close(&mut Context { net: &mut net, now, trace: &mut trace });
    assert_eq!(*net.open_now.borrow(), 0);
    let closed = Event::Closed { x: 2, received: 0, complete: false };
    assert_eq!(trace.last().map(|(_, event)| event), Some(&closed));
}

#[test]
fn a_film_that_is_not_the_archives_is_refused_without_a_question() {
    let mut set = Set::new([Answer::of(404)]);
    let source = Url::parse("https://example.com/films/a.mp4").expect("a literal");
    set.stream = Stream::new(source, Limits::DESKTOP).expect("https");
    assert_eq!(set.index(), Err(ProgrammeFailure::NotFound));
    assert_eq!(set.net.asked.len(), 1);
}

#[test]
fn a_404_is_the_programmes_failure_at_the_archive_and_the_nodes_behind_a_redirect() {
    assert_eq!(Set::new([Answer::of(404)]).index(), Err(ProgrammeFailure::NotFound));
    let film = moov_first();
    let mut set = Set::new([Answer::redirect(NODE), Answer::of(404), Answer::rest(&film, 0)]);
    assert!(set.index().is_ok());
    assert_eq!(set.failures(), [NodeFailure::Status(404)]);
}

#[test]
fn five_redirects_are_followed_and_a_sixth_is_not() {
    let film = moov_first();
    let redirects = |count: usize| {
        let mut answers = vec![Answer::redirect("/again"); count];
        answers.push(Answer::rest(&film, 0));
        Set::new(answers).index()
    };
    assert!(redirects(5).is_ok());
    assert_eq!(redirects(6), Err(ProgrammeFailure::TooManyRedirects));
}

#[test]
fn a_redirect_away_from_the_archive_is_never_followed() {
    let mut set = Set::new([Answer::redirect("https://example.com/film.mp4")]);
    assert_eq!(set.index(), Err(ProgrammeFailure::ForeignRedirect("example.com".into())));
    assert_eq!(set.net.asked.len(), 1);
}

#[test]
fn what_is_not_a_film_is_named_for_what_it_is() {
    let body = |text: &[u8]| {
        let mut answer = Answer::of(200).with("content-length", text.len());
        answer.body = text.to_vec();
        Set::new([answer]).index()
    };
    assert_eq!(body(b"<!DOCTYPE html><html></html>"), Err(ProgrammeFailure::WebPage));
    assert_eq!(body(b"\n <html>"), Err(ProgrammeFailure::WebPage));
    assert_eq!(body(b"RIFF\x04\0\0\0WAVEfmt "), Err(ProgrammeFailure::NotMp4));
    assert_eq!(body(b""), Err(ProgrammeFailure::NotMp4));
    assert_eq!(body(b"ftyp"), Err(ProgrammeFailure::NotMp4));
}

#[test]
fn a_sound_file_is_known_by_its_start_and_read_on_from_there_without_asking_again() {
    let file: Vec<u8> = b"OggS".iter().copied().chain((0..200_000).map(|n| n as u8)).collect();
    let mut set = Set::new([Answer::rest(&file, 0)]);
    assert!(matches!(set.poll(), Ok(Progress::Other(Container::Ogg))));
    assert!(!set.stream.look_at(0..100_000), "it is on its way");
    assert_eq!(set.more_bytes(0, 100_000), file[..100_000]);
    assert_eq!(set.stream.window().start(), 0, "looking releases nothing");
    assert!(!set.stream.look_at(50_000..150_000));
    assert_eq!(set.more_bytes(50_000, 100_000), file[50_000..150_000]);
    assert_eq!(set.stream.window().start(), 0);
    assert_eq!(set.net.asked.len(), 1);
}

#[test]
fn a_look_at_a_far_place_asks_for_it_and_what_was_there_is_gone() {
    let file: Vec<u8> = b"fLaC".iter().copied().chain((0..MIB).map(|n| n as u8)).collect();
    let far = 900_000;
    let mut set = Set::new([Answer::rest(&file, 0), Answer::rest(&file, far)]);
    assert!(matches!(set.poll(), Ok(Progress::Other(Container::Flac))));
    assert!(set.stream.look_at(far as u64..far as u64 + 1000));
    assert_eq!(set.more_bytes(far, 1000), file[far..far + 1000]);
    assert_eq!(set.stream.window().start(), far as u64);
    assert_eq!(set.net.asked.len(), 2);
}

#[test]
fn a_file_that_ends_before_its_index_is_truncated_and_one_without_an_index_has_none() {
    let whole = film(&[(b"ftyp", 32), (b"mdat", MIB), (b"moov", 5000)]);
    for kept in [100, MIB, MIB + 32 + 8, MIB + 4000] {
        let short = &whole[..kept];
        let mut set =
            Set::new([Answer::rest(short, 0), Answer::rest(short, (32 + MIB).min(kept - 1))]);
        assert_eq!(set.index(), Err(ProgrammeFailure::Truncated), "{kept}");
    }
    let none = &whole[..32 + MIB];
    assert_eq!(Set::new([Answer::rest(none, 0)]).index(), Err(ProgrammeFailure::NoIndex));
}

#[test]
fn an_index_larger_than_the_device_can_hold_is_refused_before_it_is_read() {
    let mut film = moov_first();
    film[32..36].copy_from_slice(&(u32::MAX).to_be_bytes());
    let mut set = Set::new([Answer::rest(&film, 0)]);
    assert_eq!(set.index(), Err(ProgrammeFailure::IndexTooLarge(u64::from(u32::MAX))));
}
