use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;
use testcard_archive::{Clip, VirtualFilm};
use testcard_core::net::{ByteRange, ExchangeError, ExchangePoll, Head, Network, Request, Url};
use testcard_core::playback::Aim;
use testcard_core::stream::Limits;
use testcard_core::time::{Instant, MediaTime};
use testcard_core::trace::{Event, Trace};

use super::*;
use crate::{Arrival, Body, End, Ending, Exchange, Level, Provenance, Segment, Session};

const FRONT: &str = "https://archive.org/download/a/film.mp4";
const NODE: &str = "https://ia1.us.archive.org/0/items/a/film.mp4?t=secret-of-node-1";

/// A network that says what a test put down for it: each exchange's polls with the time that passes
/// before, and body bytes to go with them.
#[derive(Default)]
struct Script {
    now: Rc<Cell<u64>>,
    exchanges: VecDeque<Vec<Step>>,
    closed: Rc<RefCell<u32>>,
}

#[derive(Clone)]
struct Step {
    wait: u64,
    poll: ExchangePoll,
    bytes: Vec<u8>,
}

struct Scripted {
    steps: VecDeque<Step>,
    last: ExchangePoll,
    closed: Rc<RefCell<u32>>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        *self.closed.borrow_mut() += 1;
    }
}

impl Network for Script {
    type Exchange = Scripted;

    fn open(&mut self, _: &Request) -> Scripted {
        let steps = self.exchanges.pop_front().unwrap_or_default().into();
        Scripted { steps, last: ExchangePoll::Pending, closed: self.closed.clone() }
    }

    fn poll(&mut self, exchange: &mut Scripted, buf: &mut [u8]) -> ExchangePoll {
        let Some(step) = exchange.steps.pop_front() else { return exchange.last.clone() };
        self.now.set(self.now.get() + step.wait);
        buf[..step.bytes.len()].copy_from_slice(&step.bytes);
        if matches!(step.poll, ExchangePoll::End | ExchangePoll::Failed(_)) {
            exchange.last = step.poll.clone();
        }
        step.poll
    }
}

fn after(wait: u64, poll: ExchangePoll) -> Step {
    Step { wait, poll, bytes: Vec::new() }
}

fn head(wait: u64, status: u16, headers: &[(&str, &str)]) -> Step {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    after(wait, ExchangePoll::Head(Head { status, headers: headers.collect() }))
}

fn body(wait: u64, bytes: &[u8]) -> Step {
    Step { bytes: bytes.to_vec(), ..after(wait, ExchangePoll::Body(bytes.len())) }
}

fn at(micros: u64) -> Instant {
    Instant::from_micros(micros)
}

fn request(text: &str) -> Request {
    Request { url: Url::parse(text).unwrap(), range: Some(ByteRange::From(0)) }
}

type Clock = Box<dyn Fn() -> Instant>;

/// A recorder over a script, beginning at 5 s by its clock.
fn record(exchanges: Vec<Vec<Step>>, options: Options) -> (Recorder<Script, Clock>, Rc<Cell<u64>>) {
    let now = Rc::new(Cell::new(5_000_000));
    let script = Script { now: now.clone(), exchanges: exchanges.into(), ..Script::default() };
    let clock = now.clone();
    let clock: Clock = Box::new(move || at(clock.get()));
    (Recorder::new(script, Recording::new(Limits::DESKTOP, options), clock), now)
}

fn snapshot(recording: &Recording) -> Session {
    let provenance = Provenance::Synthetic { from: "a script".to_owned() };
    let end = End { at: at(9_000_000), position: None };
    let session = recording.snapshot("A script", provenance, end);
    // Whatever is recorded can be kept.
    session.files().unwrap();
    session
}

/// Everything that an exchange says until it is over or says nothing new.
fn drain<N: Network>(network: &mut N, exchange: &mut N::Exchange) -> Vec<u8> {
    let (mut body, mut buf) = (Vec::new(), vec![0; 1 << 20]);
    loop {
        match network.poll(exchange, &mut buf) {
            ExchangePoll::Head(_) => {}
            ExchangePoll::Body(count) => body.extend_from_slice(&buf[..count]),
            _ => return body,
        }
    }
}

/// The only exchange of a session in which these pieces came as the body of one request.
fn recorded(status: u16, headers: &[(&str, &str)], pieces: &[&[u8]], film: &[&str]) -> Exchange {
    let mut steps = vec![head(0, status, headers)];
    steps.extend(pieces.iter().map(|piece| body(10, piece)));
    let (mut recorder, _) = record(vec![steps], Options::EXACT);
    for spec in film {
        recorder.recording().expects(&spec.parse().unwrap()).unwrap();
    }
    let mut exchange = recorder.open(&request(NODE));
    drain(&mut recorder, &mut exchange);
    snapshot(recorder.recording()).exchanges.remove(0)
}

fn film(spec: &str) -> VirtualFilm {
    VirtualFilm::new(&Clip::test_card(), &spec.parse().unwrap()).unwrap()
}

fn bytes(film: &VirtualFilm, range: std::ops::Range<u64>) -> Vec<u8> {
    let mut bytes = vec![0; (range.end - range.start) as usize];
    assert_eq!(film.read_at(range.start, &mut bytes), bytes.len());
    bytes
}

/// What became of each segment: kept, elided or taken from a film, and how long it is.
fn shape(body: &Body) -> Vec<(char, u64)> {
    let letter = |segment: &Segment| match segment {
        Segment::Literal(_) => 'k',
        Segment::Elided { .. } => 'e',
        Segment::Fixture { .. } => 'f',
    };
    body.segments().iter().map(|segment| (letter(segment), segment.len())).collect()
}

fn one(first: u64, bytes: u32) -> Arrival {
    Arrival { first: at(first), every: Duration::ZERO, times: 1, bytes }
}

#[test]
fn an_exchange_is_recorded_as_it_went_and_the_caller_sees_no_difference() {
    let steps = vec![
        after(100, ExchangePoll::Pending),
        head(80_000, 302, &[("Location", "/b"), ("X", "1"), ("x", "2")]),
        body(1000, b"mov"),
        body(0, b"ed"),
        body(500, b"!"),
        after(7, ExchangePoll::End),
        after(9, ExchangePoll::End),
    ];
    let (mut recorder, now) = record(vec![steps], Options::EXACT);
    let mut exchange = recorder.open(&request(FRONT));
    assert_eq!(recorder.poll(&mut exchange, &mut [0; 64]), ExchangePoll::Pending);
    assert_eq!(drain(&mut recorder, &mut exchange), b"moved!");
    assert_eq!(recorder.poll(&mut exchange, &mut [0; 64]), ExchangePoll::End);
    now.set(8_000_000);
    drop(exchange);
    assert_eq!(*recorder.network().closed.borrow(), 1);

    let session = snapshot(recorder.recording());
    let [exchange] = &session.exchanges[..] else { panic!("one exchange") };
    assert_eq!(exchange.opened, at(0));
    assert_eq!(exchange.request, request(FRONT));
    let (head_at, head) = exchange.head.as_ref().unwrap();
    assert_eq!((*head_at, head.status, head.headers.len()), (at(80_100), 302, 3));
    assert_eq!(exchange.arrivals, [one(81_100, 5), one(81_600, 1)]);
    assert_eq!(exchange.ending, Ending::Complete(at(81_607)));
    assert_eq!(shape(&exchange.body), [('k', 6)]);
    assert_eq!(session.about.viewing.end.at, at(4_000_000));
}

#[test]
fn a_time_in_which_nobody_looks_is_a_pause_and_one_in_which_nothing_comes_is_none() {
    let pending = || after(0, ExchangePoll::Pending);
    let steps =
        vec![head(10, 206, &[]), body(0, b"one"), pending(), body(50, b"four"), body(0, b"three")];
    let (mut recorder, now) = record(vec![steps], Options::EXACT);
    let mut exchange = recorder.open(&request(NODE));
    drain(&mut recorder, &mut exchange);
    assert_eq!(recorder.poll(&mut exchange, &mut [0; 64]), ExchangePoll::Body(4));
    now.set(now.get() + 900);
    assert_eq!(recorder.poll(&mut exchange, &mut [0; 64]), ExchangePoll::Body(5));
    now.set(now.get() + 70);
    drop(exchange);
    let session = snapshot(recorder.recording());
    let [exchange] = &session.exchanges[..] else { panic!("one exchange") };
    assert_eq!(exchange.arrivals, [one(10, 3), one(60, 4), one(960, 5)]);
    assert_eq!(exchange.pauses, [at(60), at(960)]);
    assert_eq!(exchange.ending, Ending::Dropped(at(1030)));
}

#[test]
fn a_recording_and_its_sessions_may_be_saved_on_another_thread() {
    fn is_send<T: Clone + Send + 'static>() {}
    is_send::<Recording>();
    is_send::<Session>();
}

#[test]
fn every_ending_is_told_from_the_others() {
    let failed = ExchangePoll::Failed(ExchangeError::Refused);
    let scripts = vec![vec![after(5, failed)], vec![head(1, 200, &[])], vec![]];
    let (mut recorder, now) = record(scripts, Options::EXACT);
    let mut refused = recorder.open(&request(FRONT));
    let mut dropped = recorder.open(&request(FRONT));
    let open = recorder.open(&request(FRONT));
    drain(&mut recorder, &mut refused);
    drain(&mut recorder, &mut dropped);
    now.set(5_000_100);
    drop((refused, dropped));
    let endings: Vec<_> =
        snapshot(recorder.recording()).exchanges.iter().map(|exchange| exchange.ending).collect();
    assert_eq!(
        endings,
        [Ending::Failed(at(5), ExchangeError::Refused), Ending::Dropped(at(100)), Ending::Open]
    );
    drop(open);
    assert_eq!(snapshot(recorder.recording()).exchanges[2].ending, Ending::Dropped(at(100)));
}

#[test]
fn secrets_leave_no_trace_in_any_file() {
    let location = [("Location", NODE), ("Set-Cookie", "id=another-secret")];
    let page = format!("<a href=\"{NODE}\">moved</a>");
    let scripts = vec![
        vec![head(9, 302, &location), body(0, page.as_bytes()), after(0, ExchangePoll::End)],
        vec![head(9, 206, &[("content-range", "bytes 0-3/4")]), body(0, b"abcd")],
        vec![head(1000, 401, &[]), body(0, b"no"), after(0, ExchangePoll::End)],
    ];
    let (mut recorder, _) = record(scripts, Options::EXACT);
    let mut recording = recorder.recording().clone();
    recording.tuned(at(5_000_000), &Url::parse(FRONT).unwrap(), Aim::At(MediaTime::ZERO), None);
    for url in [FRONT, NODE, NODE] {
        let mut exchange = recorder.open(&request(url));
        drain(&mut recorder, &mut exchange);
        let opened = Event::Opened { x: 1, url: url.to_owned(), range: Some(ByteRange::From(0)) };
        Trace::record(&mut recording, at(5_000_010), opened);
    }
    recording.trace(at(5_000_020), &Event::Noticed { notice: "secret-of-node-1!".to_owned() });

    let session = snapshot(&recording);
    for (name, bytes) in session.files().unwrap().0 {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("secret"), "{name}: {text}");
    }
    let masked = NODE.replace("secret-of-node-1", "{{token:1}}");
    assert_eq!(session.exchanges[0].head.as_ref().unwrap().1.header("location"), Some(&*masked));
    assert_eq!(session.exchanges[1].request.url.as_str(), masked);
    assert_eq!(session.trace[1].fields["url"], masked);
    assert_eq!(session.trace[3].fields["notice"], "{{token:1}}!");
    // The page has a secret in it, the refusal has not.
    assert_eq!(shape(&session.exchanges[0].body), [('e', page.len() as u64)]);
    assert_eq!(shape(&session.exchanges[2].body), [('k', 2)]);
    let [node, cookie] = &session.about.tokens[..] else { panic!("two tokens") };
    assert_eq!((node.seen, node.valid_until), (at(9), Some(at(1018))));
    assert_eq!((cookie.seen, cookie.valid_until), (at(9), None));
}

#[test]
fn a_schedule_that_began_before_the_session_is_the_same_schedule() {
    let recording = Recording::new(Limits::DESKTOP, Options::EXACT);
    let live = Aim::Live { when: at(1_000_000), position: MediaTime::from_millis(700) };
    let url = Url::parse(FRONT).unwrap();
    recording.tuned(at(5_000_000), &url, live, None);
    recording.tuned(at(6_000_000), &url, live, None);
    let tunes = snapshot(&recording).about.viewing.tunes;
    assert_eq!([tunes[0].at, tunes[1].at], [at(0), at(1_000_000)]);
    for tune in tunes {
        let lead = Duration::ZERO;
        let (now, then) = (at(2_500_000), at(7_500_000));
        assert_eq!(tune.aim.target(now, lead), live.target(then, lead));
    }
}

#[test]
fn levels_are_kept_once_a_second_and_when_they_are_new() {
    let recording = Recording::new(Limits::DESKTOP, Options::EXACT);
    let level = |window_bytes| Level {
        window_bytes,
        position: MediaTime::ZERO,
        playing: true,
        throttled: false,
    };
    for (now, window_bytes) in
        [(0, 1), (999_999, 2), (1_000_000, 2), (3_000_000, 2), (3_000_001, 3)]
    {
        recording.level(at(now), level(window_bytes));
    }
    let trace = snapshot(&recording).trace;
    let kept: Vec<_> = trace.iter().map(|l| (l.at, l.fields["window_bytes"].clone())).collect();
    assert_eq!(kept, [(at(0), 1.into()), (at(1_000_000), 2.into()), (at(3_000_001), 3.into())]);
    assert_eq!(trace[0].fields["ev"], "level");
}

#[test]
fn a_long_films_index_is_kept_byte_for_byte_and_its_session_is_small() {
    for (spec, moov_is_first) in [("1800:185000000:first", true), ("1800:185000000:last", false)] {
        let film = film(spec);
        let range = format!("bytes 0-{}/{}", film.len() - 1, film.len());
        let mut steps = vec![head(0, 206, &[("Content-Range", &range)])];
        let whole = bytes(&film, 0..film.len());
        steps.extend(whole.chunks(1 << 18).map(|piece| body(250, piece)));
        let (mut recorder, _) = record(vec![steps], Options::EXACT);
        let mut exchange = recorder.open(&request(NODE));
        let (mut offset, mut buf) = (0, vec![0; 1 << 18]);
        loop {
            match recorder.poll(&mut exchange, &mut buf) {
                ExchangePoll::Body(count) => offset += count,
                ExchangePoll::Pending => break,
                _ => {}
            }
        }
        assert_eq!(offset as u64, film.len());

        let session = snapshot(recorder.recording());
        let body = &session.exchanges[0].body;
        assert_eq!(body.len(), film.len());
        let mut moov = vec![0; (film.moov().end - film.moov().start) as usize];
        body.read_at(film.moov().start, &mut moov);
        assert!(moov == bytes(&film, film.moov()), "{spec}");
        let kinds: String = shape(body).iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, if moov_is_first { "ke" } else { "kek" });
        assert_eq!(body.sha256(), Some(crate::digest::sha256(&whole)));

        let on_disk: usize = session.files().unwrap().0.values().map(Vec::len).sum();
        assert!(on_disk < 1_000_000, "{on_disk} bytes");
    }
}

#[test]
fn a_film_that_is_expected_becomes_a_fixture_but_for_its_boxes() {
    let spec = "10:2000000:first";
    let film = film(spec);
    let whole = bytes(&film, 0..film.len());
    let pieces: Vec<_> = whole.chunks(10_007).collect();
    let kept = recorded(200, &[], &pieces, &["5:1000000:last", spec]).body;
    let header = film.moov().end + 8 + 8;
    let [(_, boxes), _] = shape(&kept)[..] else { panic!("{:?}", shape(&kept)) };
    assert!((film.moov().end..header + 100).contains(&boxes), "{boxes}");
    assert_eq!(shape(&kept), [('k', boxes), ('f', film.len() - boxes)]);
    let mut back = vec![0; whole.len()];
    kept.read_at(0, &mut back);
    assert!(back == whole);
}

#[test]
fn a_film_that_is_damaged_on_the_way_is_a_fixture_up_to_there() {
    let spec = "10:2000000:first";
    let film = film(spec);
    let mut whole = bytes(&film, 0..film.len());
    whole[1_500_000] ^= 1;
    let pieces: Vec<_> = whole.chunks(65_536).collect();
    let kept = recorded(200, &[], &pieces, &[spec]).body;
    let [('k', boxes), ('f', same), ('e', rest)] = shape(&kept)[..] else {
        panic!("{:?}", shape(&kept))
    };
    assert_eq!((boxes + same, rest), (1_500_000, 500_000));
    let Segment::Elided { sha256, .. } = kept.segments()[2] else { panic!("elided") };
    assert_eq!(sha256, crate::digest::sha256(&whole[1_500_000..]));
}

#[test]
fn what_was_learnt_of_a_file_holds_for_its_next_exchange_on_another_node() {
    let film = film("60:9000000:last");
    let (len, moov) = (film.len(), film.moov());
    let part = |first: u64, last: u64| {
        let range = format!("bytes {first}-{last}/{len}");
        let body_bytes = bytes(&film, first..last + 1);
        let mut steps = vec![head(0, 206, &[("Content-Range", &range)])];
        steps.extend(body_bytes.chunks(1000).map(|piece| body(5, piece)));
        steps
    };
    let middle = moov.start + 5000;
    let scripts = vec![
        part(0, 9999),
        // From within mdat to within moov, then the rest of it.
        part(moov.start - 3000, middle - 1),
        part(middle, len - 1),
    ];
    let (mut recorder, _) = record(scripts, Options::EXACT);
    for node in [NODE, "https://ia2.us.archive.org/7/items/a/film.mp4", NODE] {
        let mut exchange = recorder.open(&request(node));
        drain(&mut recorder, &mut exchange);
    }
    let session = snapshot(recorder.recording());
    assert_eq!(shape(&session.exchanges[1].body), [('e', 3000), ('k', 5000)]);
    assert_eq!(shape(&session.exchanges[2].body), [('k', len - middle)]);
}

#[test]
fn an_index_is_found_in_a_tail_of_which_nothing_is_known_however_it_is_cut() {
    let film = film("5:min:last");
    let start = film.moov().start - 1000;
    let tail = bytes(&film, start..film.len());
    let range = format!("bytes {start}-{}/{}", film.len() - 1, film.len());
    for size in [1, 3, 24, 1000, 100_000] {
        let pieces: Vec<_> = tail.chunks(size).collect();
        let exchange = recorded(206, &[("Content-Range", &range)], &pieces, &[]);
        assert_eq!(
            shape(&exchange.body),
            [('e', 1000), ('k', tail.len() as u64 - 1000)],
            "in pieces of {size}"
        );
    }
}

#[test]
fn media_that_only_spells_moov_is_elided() {
    let mut media = vec![7; 10_000];
    media[500..508].copy_from_slice(b"\0\0\x01\0moov");
    media[900..904].copy_from_slice(b"moov");
    media[9_996..].copy_from_slice(b"moov");
    let exchange = recorded(206, &[("Content-Range", "bytes 100-10099/99999")], &[&media], &[]);
    assert_eq!(shape(&exchange.body), [('e', 10_000)]);
    let Segment::Elided { sha256, .. } = exchange.body.segments()[0] else { panic!("elided") };
    assert_eq!(sha256, crate::digest::sha256(&media));
}

#[test]
fn pages_are_kept_up_to_a_bound_and_unknown_files_by_their_beginning() {
    let page = vec![b'x'; 300_000];
    let html = [("Content-Type", "text/html; charset=UTF-8")];
    let pieces: Vec<_> = page.chunks(999).collect();
    for (status, headers) in [(200, &html[..]), (302, &[]), (500, &[])] {
        let exchange = recorded(status, headers, &pieces, &[]);
        assert_eq!(shape(&exchange.body), [('k', 262_144), ('e', 37_856)], "{status}");
    }
    let exchange = recorded(200, &[("Content-Type", "audio/mpeg")], &pieces, &[]);
    assert_eq!(shape(&exchange.body), [('k', 4096), ('e', 295_904)]);
}

#[test]
fn beyond_what_a_session_holds_the_network_goes_on_and_the_recording_says_so() {
    let (mut recorder, _) = record(Vec::new(), Options::EXACT);
    for _ in 0..crate::EXCHANGES_MAX {
        recorder.open(&request(FRONT));
    }
    assert!(recorder.recording().is_complete());
    recorder.open(&request(FRONT));
    assert!(!recorder.recording().is_complete());
    assert_eq!(*recorder.network().closed.borrow() as usize, crate::EXCHANGES_MAX + 1);
    assert_eq!(snapshot(recorder.recording()).exchanges.len(), crate::EXCHANGES_MAX);
}

#[test]
fn too_many_arrivals_are_kept_more_coarsely() {
    let (mut recorder, now) = record(vec![vec![head(0, 200, &[])]], Options::EXACT);
    let mut exchange = recorder.open(&request(NODE));
    drain(&mut recorder, &mut exchange);
    let mut state = recorder.recording().lock();
    let count = crate::ARRIVALS_MAX as u64 + 1;
    for n in 0..count {
        // Never equal to the one before, so that there are no runs.
        let piece = vec![0; 1 + (n % 2) as usize];
        state.received(0, at(5_000_000 + n * 10), &piece);
    }
    drop(state);
    now.set(5_000_000 + count * 10);
    let exchange = snapshot(recorder.recording()).exchanges.remove(0);
    assert!(exchange.arrivals.len() < crate::ARRIVALS_MAX / 2);
    let received: u64 =
        exchange.arrivals.iter().map(|run| u64::from(run.bytes) * u64::from(run.times)).sum();
    assert_eq!(received, count + count / 2);
}

proptest! {
    /// Whatever servers say, as far as a driver lets it through: it can be kept.
    #[test]
    fn whatever_is_answered_can_be_kept(
        path in "\\PC{0,30}",
        query in "[ -~é]{0,60}",
        status in any::<u16>(),
        headers in prop::collection::vec(
            (
                prop_oneof!["Location", "Set-Cookie", "Link", "\\PC{0,9}", "[ -~]{0,9}"],
                prop_oneof![
                    "https?://[a-z:@]{0,9}/[ -~é\t]{0,60}",
                    "[/?=&#a{}:]{0,30}",
                    "(.|\n|\t|\u{7f}){0,30}",
                    Just("?a=1&".repeat(6000)),
                ],
            ),
            0..6
        ),
        page in prop::collection::vec(any::<u8>(), 1..40),
    ) {
        let mut url = Url::parse(FRONT).unwrap();
        url.set_path(&path);
        url.set_query(Some(&query));
        let headers: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let steps = vec![head(3, status, &headers), body(4, &page)];
        let (mut recorder, _) = record(vec![steps], Options::default());
        recorder.recording().tuned(at(0), &url, Aim::At(MediaTime::ZERO), None);
        let opened = Event::Opened { x: 1, url: url.to_string(), range: Some(ByteRange::From(0)) };
        recorder.recording().trace(at(0), &opened);
        let mut exchange = recorder.open(&Request { url, range: None });
        drain(&mut recorder, &mut exchange);
        let session = snapshot(recorder.recording());
        prop_assert!(recorder.recording().is_complete());
        prop_assert_eq!(session.exchanges[0].body.len(), page.len() as u64);
    }

    /// However a body is cut into pieces, and whatever is in it: it is recorded with its length and
    /// its hash, and the same bytes are kept.
    #[test]
    fn any_body_in_any_pieces_is_recorded_the_same(
        parts in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                Just(b"\0\0\0\x10ftypisom\0\0\0\0".to_vec()),
                Just(b"\0\0\0\x20moov\0\0\0\x6cmvhd\0\0\0\0".to_vec()),
                Just(b"\0\0\0\0moov\0\0\0\x6cmvhd".to_vec()),
                Just(b"\0\0\0\x01mdat\0\0\0\0\0\0\0\x30".to_vec()),
                Just(b"\0\0\0\0mdat".to_vec()),
                Just(b"\xff\xff\xff\xfffree".to_vec()),
                Just(b"\0\0\0\x01free\xff\xff\xff\xff\xff\xff\xff\xff".to_vec()),
                Just(b"\0\0\0\x03uuid".to_vec()),
            ],
            0..12
        ),
        first in prop_oneof![Just(0), 1..100_u64, Just(u64::MAX - 1000)],
        size in 1..50_usize,
    ) {
        let whole = parts.concat();
        let range = format!("bytes {first}-{}/*", first.saturating_add(whole.len() as u64));
        let headers = [("Content-Range", range.as_str())];
        let at_once = recorded(206, &headers, &[&whole], &[]).body;
        let pieces: Vec<_> = whole.chunks(size).collect();
        let cut = recorded(206, &headers, &pieces, &[]).body;
        prop_assert_eq!(shape(&cut), shape(&at_once));
        for body in [cut, at_once] {
            prop_assert_eq!(body.len(), whole.len() as u64);
            prop_assert_eq!(body.sha256(), Some(crate::digest::sha256(&whole)));
            let mut offset = 0;
            for segment in body.segments() {
                let theirs = &whole[offset..][..segment.len() as usize];
                match segment {
                    Segment::Literal(bytes) => prop_assert_eq!(&bytes[..], theirs),
                    Segment::Elided { sha256, .. } => {
                        prop_assert_eq!(*sha256, crate::digest::sha256(theirs));
                    }
                    Segment::Fixture { .. } => prop_assert!(false, "no film was expected"),
                }
                offset += theirs.len();
            }
        }
    }
}
