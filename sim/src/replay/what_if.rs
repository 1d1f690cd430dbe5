//! What if a token had run out at another time? For watching a recorded session again to see what the
//! TV does then: a node refuses the token, and from there on the session itself is a small archive,
//! which gives out fresh tokens and sends what bytes it has of a film. Never makes anything up before
//! a token was refused that ran out here, and never a byte of a film: what nobody recorded is the
//! same error as ever.
//!
//! A refusal that was recorded stays one. So does all else that was recorded and not yet asked for,
//! unless it is asked for with a fresh token.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::rc::Rc;
use std::str::FromStr;
use std::time::Duration;

use testcard_archive::page;
use testcard_core::net::{ByteRange, Head, Request, Url};
use testcard_core::stream::ProgrammeFailure;
use testcard_core::time::Instant;
use testcard_replay::{
    Answer, Asked, Course, Heap, HostClass, Matcher, Part, Run, authority, finish, run,
};
use testcard_session::{Body, Exchange, NUMBER_MAX, Segment, Session};

use super::{ReplayError, Replayed};
use crate::viewer::Viewer;

/// Bodies come in pieces of what their rate makes of 4 ms, within these bounds, as over
/// [`crate::heap`]'s link.
const PIECE_BYTES: (u64, u64) = (4 * 1024, 16 * 1024);

/// When a token is to run out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Expiry {
    /// The number of its placeholder, from 1.
    pub token: usize,
    /// The last moment, by the session's time, at which it is good.
    pub at: Instant,
}

impl FromStr for Expiry {
    type Err = ExpiryError;

    /// Reads `ID=SECONDS`, as `2=4.05`.
    fn from_str(text: &str) -> Result<Self, ExpiryError> {
        let parsed = || {
            let is_number =
                |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let (token, seconds) = text.split_once('=')?;
            let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
            if ![token, whole, fraction].into_iter().all(is_number) || fraction.len() > 6 {
                return None;
            }
            let micros: u64 = format!("{fraction:0<6}").parse().ok()?;
            let at = whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(micros)?;
            let token = token.parse().ok().filter(|token| *token > 0)?;
            (at <= NUMBER_MAX).then(|| Self { token, at: Instant::from_micros(at) })
        };
        parsed().ok_or(ExpiryError)
    }
}

/// A text that is no [`Expiry`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ExpiryError;

impl fmt::Display for ExpiryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a token's number from 1, '=', and seconds of the session with at most 6 decimals, as \
             2=4.05",
        )
    }
}

impl std::error::Error for ExpiryError {}

/// A token that is to run out and does not occur in the session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UnknownToken {
    /// Its number.
    pub token: usize,
    /// How many tokens there are.
    pub known: usize,
}

impl fmt::Display for UnknownToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the session has no token {}; ", self.token)?;
        match self.known {
            0 => f.write_str("it has none at all"),
            1 => f.write_str("it has only token 1"),
            known => write!(f, "it has tokens 1 to {known}"),
        }
    }
}

impl std::error::Error for UnknownToken {}

/// What came of watching a session in which tokens ran out at other times.
#[derive(Clone, Debug)]
pub struct Watched {
    /// What the TV did.
    pub replayed: Replayed,
    /// How many requests were refused because their token had run out.
    pub refused: u32,
    /// Why the last programme could not be watched any further.
    pub failure: Option<ProgrammeFailure>,
}

/// Watches a session again in virtual time, with tokens running out at these times instead. Of
/// several times for one token the earliest counts.
///
/// # Errors
/// When a token does not occur, the TV asks for what nobody recorded, or something happens that
/// never must.
pub fn watch(session: &Session, expiries: &[Expiry]) -> Result<Watched, ReplayError> {
    let viewer = Viewer::new(session.about.viewing.clone()).reading(testcard_streaming::reader);
    watch_as(viewer, session, expiries)
}

fn watch_as(
    mut viewer: Viewer<Heap>,
    session: &Session,
    expiries: &[Expiry],
) -> Result<Watched, ReplayError> {
    let what_if = WhatIf::new(session, expiries).map_err(ReplayError::UnknownToken)?;
    let what_if = Rc::new(RefCell::new(what_if));
    let mut net = network(session, Rc::clone(&what_if));
    let (end, stopped) = run(&mut viewer, &mut net);
    // What a TV with other tokens leaves out is no flaw of the recording.
    let replayed = finish(session, &viewer, stopped, Vec::new(), end)?;
    let refused = what_if.borrow().refused;
    Ok(Watched { replayed, refused, failure: viewer.failure().cloned() })
}

/// The session as a network that asks `what_if` first.
fn network(session: &Session, what_if: Rc<RefCell<WhatIf>>) -> Heap {
    let answers = move |request: &Request, now, recorded: &[Exchange], matcher: &mut Matcher| {
        what_if.borrow_mut().answer(request, now, recorded, matcher)
    };
    Heap::answering(session, Box::new(answers))
}

/// The session as an archive, once it is asked what was not recorded.
struct WhatIf {
    expiries: Vec<Expiry>,
    /// Hosts with their ports that programmes are first asked for at.
    fronts: Vec<String>,
    files: Vec<File>,
    /// How many tokens were recorded.
    recorded: usize,
    /// How many there are now.
    tokens: usize,
    refused: u32,
}

impl WhatIf {
    fn new(session: &Session, expiries: &[Expiry]) -> Result<Self, UnknownToken> {
        let known = session.about.tokens.len();
        if let Some(Expiry { token, .. }) = expiries.iter().find(|expiry| expiry.token > known) {
            return Err(UnknownToken { token: *token, known });
        }
        Ok(Self {
            expiries: expiries.to_vec(),
            fronts: session.about.viewing.tunes.iter().map(|tune| authority(&tune.url)).collect(),
            files: files(&session.exchanges),
            recorded: known,
            tokens: known,
            refused: 0,
        })
    }

    /// What comes of a request; nothing when nobody recorded it.
    fn answer(
        &mut self,
        request: &Request,
        now: Instant,
        recorded: &[Exchange],
        matcher: &mut Matcher,
    ) -> Option<Answer> {
        let asked = Asked::from_request(request);
        let tokens = tokens_in(&request.url);
        let is_front = self.is_front(&request.url);
        let ran_out = |expiry: &Expiry| tokens.contains(&expiry.token) && now > expiry.at;
        if !is_front && self.expiries.iter().any(ran_out) {
            self.refused += 1;
            return Some(refusal(delay(&asked, recorded)));
        }
        let is_fresh = tokens.iter().any(|token| *token > self.recorded);
        if self.refused > 0 && (is_fresh || !matcher.has(&asked)) {
            let answer = match is_front {
                true => self.redirect(&asked, recorded, matcher),
                false => self.film(request, recorded),
            };
            if answer.is_some() {
                return answer;
            }
        }
        matcher.find(asked).ok().map(|n| Answer::recorded(&recorded[n]))
    }

    fn is_front(&self, url: &Url) -> bool {
        let authority = authority(url);
        HostClass::of(&authority) == HostClass::Front || self.fronts.contains(&authority)
    }

    /// The redirect that was given last for the same path, with a fresh token.
    fn redirect(
        &mut self,
        asked: &Asked,
        recorded: &[Exchange],
        matcher: &Matcher,
    ) -> Option<Answer> {
        let gives_token = |exchange: &Exchange| {
            let before = Asked::from_request(&exchange.request);
            let head = exchange.head.as_ref().map(|(_, head)| head);
            let location = head.and_then(|head| head.header("location"));
            (&before.host, &before.path) == (&asked.host, &asked.path)
                && head.is_some_and(|head| (300..400).contains(&head.status))
                && location.is_some_and(|location| placeholders(location).next().is_some())
        };
        let (_, exchange) = (recorded.iter().enumerate())
            .filter(|(_, exchange)| gives_token(exchange))
            .max_by_key(|(n, _)| (matcher.is_used(*n), *n))?;
        let mut answer = Answer::recorded(exchange);
        for (name, value) in &mut answer.head.as_mut()?.1.headers {
            if name.eq_ignore_ascii_case("location") {
                *value = self.freshened(value);
            }
        }
        Some(answer)
    }

    /// The same with another token for each, never seen before.
    fn freshened(&mut self, location: &str) -> String {
        let (mut fresh, mut end) = (String::new(), 0);
        for (place, _) in placeholders(location) {
            self.tokens += 1;
            fresh += &format!("{}{{{{token:{}}}}}", &location[end..place.start], self.tokens);
            end = place.end;
        }
        fresh + &location[end..]
    }

    /// What the session knows of a film from the first byte on that is asked for. Where that ends
    /// nothing more comes: whoever wants more asks for it, and hears that nobody recorded it.
    fn film(&self, request: &Request, recorded: &[Exchange]) -> Option<Answer> {
        let (name, first) = (file_name(&request.url), request.range.map_or(0, ByteRange::first));
        let files = self.files.iter().filter(|file| file.name == name);
        let file = files.max_by_key(|file| file.known_until(first))?;
        let end = match request.range {
            Some(ByteRange::Closed { last, .. }) => last.saturating_add(1).min(file.length),
            Some(ByteRange::From(_)) | None => file.length,
        };
        let known =
            file.known_until(first).min(end).checked_sub(first).filter(|bytes| *bytes > 0)?;
        let (_, Stretch { x, .. }) = file.at(first)?;
        let model = &recorded[x];
        let (head_at, head) = model.head.as_ref()?;
        let delay = head_at.since(model.opened);
        let (runs, sent, end_us) = paced(known, rate(model), micros(delay));
        let range = request.range.map(|_| first..end);
        let is_complete = first + sent == end;
        Some(Answer {
            head: Some((delay, head_of(head, range, file.length))),
            course: Course { runs, end_us: is_complete.then_some(end_us), beyond: 0 },
            parts: file.parts(first..first + sent, recorded),
            failure: None,
        })
    }
}

/// What a session has of one version of a file, its bodies put together.
struct File {
    name: String,
    length: u64,
    etag: Option<String>,
    /// By the offset of the first byte; none overlaps another.
    known: BTreeMap<u64, Stretch>,
}

/// Bytes of a file that are in one body.
#[derive(Clone, Copy)]
struct Stretch {
    /// Where in the file they end.
    end: u64,
    /// The index of the exchange with the body.
    x: usize,
    /// Where in the file that body begins.
    body: u64,
}

/// All files of which bytes were recorded. Where the same bytes came several times, those stand that
/// were kept or can be made again, and then those that came first.
fn files(exchanges: &[Exchange]) -> Vec<File> {
    let mut files: Vec<File> = Vec::new();
    for is_elided in [false, true] {
        for (x, exchange) in exchanges.iter().enumerate() {
            let Some((_, head)) = &exchange.head else { continue };
            let Some((body, length)) = place(head) else { continue };
            let (name, etag) = (file_name(&exchange.request.url), head.header("etag"));
            let is_it = |file: &File| {
                (file.name.as_str(), file.length, file.etag.as_deref()) == (name, length, etag)
            };
            let n = files.iter().position(is_it).unwrap_or_else(|| {
                let (name, etag) = (name.to_owned(), etag.map(str::to_owned));
                files.push(File { name, length, etag, known: BTreeMap::new() });
                files.len() - 1
            });
            let mut at = body;
            for segment in exchange.body.segments() {
                let end = at.saturating_add(segment.len());
                if matches!(segment, Segment::Elided { .. }) == is_elided {
                    files[n].learn(at, Stretch { end: end.min(length), x, body });
                }
                at = end;
            }
        }
    }
    files
}

impl File {
    /// Takes what it does not know yet of the bytes from `at` on.
    fn learn(&mut self, mut at: u64, stretch: Stretch) {
        while at < stretch.end {
            match self.at(at) {
                Some((_, known)) => at = known.end,
                None => {
                    let next = self.known.range(at..).next().map_or(u64::MAX, |(next, _)| *next);
                    let end = stretch.end.min(next);
                    self.known.insert(at, Stretch { end, ..stretch });
                    at = end;
                }
            }
        }
    }

    /// The stretch with this byte, and where it begins.
    fn at(&self, offset: u64) -> Option<(u64, Stretch)> {
        let (start, stretch) = self.known.range(..=offset).next_back()?;
        (stretch.end > offset).then_some((*start, *stretch))
    }

    /// Up to where every byte from `first` on is known.
    fn known_until(&self, first: u64) -> u64 {
        let mut until = first;
        while let Some((_, stretch)) = self.at(until) {
            until = stretch.end;
        }
        until
    }

    /// Known bytes of the file, as parts of bodies.
    fn parts(&self, bytes: Range<u64>, recorded: &[Exchange]) -> Vec<Part> {
        let (mut parts, mut at) = (Vec::new(), bytes.start);
        while at < bytes.end
            && let Some((_, Stretch { end, x, body })) = self.at(at)
        {
            let end = end.min(bytes.end);
            parts.push(Part { body: recorded[x].body.clone(), from: at - body, len: end - at });
            at = end;
        }
        parts
    }
}

/// Where in its file a body begins, and how long the file is. `None` for what is no part of a film,
/// or of one of unknown length.
fn place(head: &Head) -> Option<(u64, u64)> {
    let coding = head.header("content-encoding");
    if coding.is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return None;
    }
    match head.status {
        200 => Some((0, head.content_length()?)),
        206 => {
            let range = head.content_range()?;
            Some((range.bytes?.0, range.total?))
        }
        _ => None,
    }
}

/// A file's name without the node's own part of the path: every node has the same file.
fn file_name(url: &Url) -> &str {
    let path = url.path();
    path.split_once("/items/").map_or(path, |(_, name)| name)
}

/// A recorded head for another part of the same file.
fn head_of(recorded: &Head, range: Option<Range<u64>>, length: u64) -> Head {
    let is_replaced = |name: &str| {
        ["content-range", "content-length", "transfer-encoding"]
            .iter()
            .any(|replaced| name.eq_ignore_ascii_case(replaced))
    };
    let (status, bytes) = match &range {
        Some(range) => (206, range.clone()),
        None => (200, 0..length),
    };
    let kept = recorded.headers.iter().filter(|(name, _)| !is_replaced(name));
    let mut headers: Vec<_> = kept.cloned().collect();
    if let Some(Range { start, end }) = range {
        let range = format!("bytes {start}-{}/{length}", end.saturating_sub(1));
        headers.push(("Content-Range".to_owned(), range));
    }
    headers.push(("Content-Length".to_owned(), (bytes.end - bytes.start).to_string()));
    Head { status, headers }
}

/// How many bytes a second came while the TV looked for them; `None`: all came at once.
fn rate(exchange: &Exchange) -> Option<u64> {
    let mut before = exchange.head.as_ref()?.0;
    let (mut bytes, mut time) = (0_u64, Duration::ZERO);
    for arrival in &exchange.arrivals {
        let is_pause = |pause: &Instant| before <= *pause && *pause < arrival.first;
        // What is there after a pause came nobody knows when.
        let seen = if exchange.pauses.iter().any(is_pause) {
            arrival.times.saturating_sub(1)
        } else {
            time = time.saturating_add(arrival.first.since(before));
            arrival.times
        };
        time = time.saturating_add(arrival.last().since(arrival.first));
        bytes = bytes.saturating_add(u64::from(arrival.bytes) * u64::from(seen));
        before = arrival.last();
    }
    let rate = u128::from(bytes) * 1_000_000 / u128::from(micros(time)).max(1);
    (bytes > 0 && !time.is_zero()).then(|| u64::try_from(rate).unwrap_or(u64::MAX).max(1))
}

/// So many bytes at this rate from `head_us` after the request on: their runs, how many bytes these
/// are, and when the last is there. Nobody looks for more than 2^32 pieces.
fn paced(bytes: u64, rate: Option<u64>, head_us: u64) -> (Vec<Run>, u64, u64) {
    let piece = rate.unwrap_or(u64::MAX) / 250;
    let piece = piece.clamp(PIECE_BYTES.0, PIECE_BYTES.1);
    let every_us = |bytes: u64| rate.map_or(0, |rate| (bytes * 1_000_000).div_ceil(rate));
    let times = u32::try_from(bytes / piece).unwrap_or(u32::MAX);
    let full = u64::from(times) * piece;
    let rest = (bytes - full).min(piece);
    let full_us = head_us.saturating_add(every_us(piece).saturating_mul(times.into()));
    let rest_us = full_us.saturating_add(every_us(rest));
    let runs = [
        (times, piece, head_us.saturating_add(every_us(piece))),
        (u32::from(rest > 0), rest, rest_us),
    ];
    let runs = runs.into_iter().filter(|(times, ..)| *times > 0).map(|(times, bytes, first_us)| {
        // At most PIECE_BYTES, so it fits.
        Run { first_us, every_us: every_us(bytes), times, bytes: bytes as u32 }
    });
    (runs.collect(), full + rest, rest_us)
}

/// What a node says to a token that has run out.
fn refusal(after: Duration) -> Answer {
    let page = page(401);
    let len = page.body_len();
    let mut body = vec![0; usize::try_from(len).unwrap_or(0)];
    page.read_body(0, &mut body);
    let at = micros(after);
    // A page of nginx, so it fits.
    let run = Run { first_us: at, every_us: 0, times: 1, bytes: len as u32 };
    Answer {
        head: Some((after, Head { status: page.status, headers: page.headers })),
        course: Course { runs: vec![run], end_us: Some(at), beyond: 0 },
        parts: vec![Part { body: Body::literal(body), from: 0, len }],
        failure: None,
    }
}

/// How long the head took that came for the recorded request most like this one.
fn delay(asked: &Asked, recorded: &[Exchange]) -> Duration {
    let answered =
        recorded.iter().filter_map(|exchange| Some((exchange, &exchange.head.as_ref()?.0)));
    answered
        .max_by_key(|(exchange, _)| Asked::from_request(&exchange.request).likeness(asked))
        .map_or(Duration::ZERO, |(exchange, at)| at.since(exchange.opened))
}

/// The tokens that a request carries.
fn tokens_in(url: &Url) -> Vec<usize> {
    placeholders(url.query().unwrap_or_default()).map(|(_, number)| number).collect()
}

/// Where in a text placeholders stand, and their numbers.
fn placeholders(text: &str) -> impl Iterator<Item = (Range<usize>, usize)> {
    const OPEN: &str = "{{token:";
    text.match_indices(OPEN).filter_map(|(start, _)| {
        let (number, _) = text[start + OPEN.len()..].split_once("}}")?;
        Some((start..start + OPEN.len() + number.len() + 2, number.parse().ok()?))
    })
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use testcard_archive::{Clip, VirtualFilm};
    use testcard_core::net::{ExchangePoll, Network};
    use testcard_core::time::MediaTime;
    use testcard_core::trace::Event;

    use super::*;
    use crate::replay::Why;
    use crate::viewer::Violation;

    /// A film whose second body is cut after 3 s, and whose third goes on from there.
    fn short_body() -> Session {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../recorded-sessions/short-body");
        Session::read(&dir).unwrap()
    }

    /// The same with the film's own bytes at the ends of bodies, where the recording has others.
    fn with_every_byte() -> Session {
        let mut session = short_body();
        for exchange in &mut session.exchanges {
            if let [Segment::Fixture { film, range }, elided] = exchange.body.segments() {
                let range = range.start..range.end + elided.len();
                exchange.body = Body::new([Segment::Fixture { film: film.clone(), range }]);
            }
        }
        session
    }

    fn expiries(texts: &[&str]) -> Vec<Expiry> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    /// Has every sample held against the film.
    fn watch_closely(session: &Session, texts: &[&str]) -> Result<Watched, ReplayError> {
        let spec = session.about.fixtures[0].film_spec.parse().unwrap();
        let film = VirtualFilm::new(&Clip::test_card(), &spec).unwrap();
        let viewing = session.about.viewing.clone();
        let url = viewing.tunes[0].url.clone();
        let viewer = Viewer::new(viewing).knowing(&url, vec![Arc::new(film)]);
        watch_as(viewer, session, &expiries(texts))
    }

    fn answers(replayed: &Replayed) -> Vec<u16> {
        let status = |event: &Event| match event {
            Event::Answered { status, .. } => Some(*status),
            _ => None,
        };
        replayed.timeline.events().filter_map(|(_, event)| status(event)).collect()
    }

    #[test]
    fn a_token_that_runs_out_while_its_exchange_is_open_changes_nothing() {
        // The exchange with token 2 is open from 0.81 s to 4.05 s, its body from 1.05 s on.
        let session = short_body();
        let watched = watch(&session, &expiries(&["2=2.05"])).unwrap();
        assert_eq!(watched.refused, 0);
        let as_recorded = crate::replay::replay(&session).unwrap();
        assert!(watched.replayed.trace == as_recorded.trace, "{}", watched.replayed.timeline);
    }

    #[test]
    fn a_token_is_good_in_its_last_microsecond_and_not_in_the_next() {
        let session = short_body();
        let refused = |text| watch(&session, &expiries(&[text])).unwrap().refused;
        assert_eq!((refused("3=4.129979"), refused("3=4.129978")), (0, 1));
    }

    #[test]
    fn a_token_that_ran_out_before_a_cut_is_left_for_a_fresh_one_and_the_film_goes_on() {
        let session = with_every_byte();
        let as_recorded = crate::replay::replay(&session).unwrap();
        let Watched { replayed, refused, failure } = watch_closely(&session, &["3=4"]).unwrap();
        assert_eq!((refused, failure), (1, None));
        assert_eq!(answers(&replayed), [302, 206, 302, 206, 302, 401, 302, 206]);
        assert!(replayed.timeline.to_string().contains("film.mp4?t={{token:4}} bytes=13133527-"));
        assert_eq!(replayed.figures.shown, as_recorded.figures.shown);
        assert_eq!(replayed.figures.rebuffers, 0);
    }

    #[test]
    fn bytes_that_are_not_the_films_are_found() {
        let error = watch_closely(&short_body(), &["3=4"]).unwrap_err();
        let ReplayError::Derailed(derailed) = error else { panic!("{error}") };
        assert!(matches!(derailed.why, Why::Violation(Violation::SampleBytes { .. })));
    }

    #[test]
    fn every_token_that_runs_out_is_refused_and_what_is_left_of_the_recording_still_happens() {
        let session = with_every_byte();
        let watched = watch_closely(&session, &["1=0", "3=0"]).unwrap();
        assert_eq!(watched.refused, 2);
        assert_eq!(answers(&watched.replayed), [302, 401, 302, 206, 302, 206, 302, 401, 302, 206]);
        assert!(watched.replayed.timeline.to_string().contains("the connection was cut"));
    }

    #[test]
    fn bytes_that_nobody_recorded_are_an_error_that_names_them() {
        let mut session = short_body();
        session.about.viewing.end.position = Some(MediaTime::from_millis(200_000));
        let error = watch(&session, &expiries(&["3=4"])).unwrap_err();
        let ReplayError::Derailed(derailed) = error else { panic!("{error}") };
        let Why::Unmatched(unmatched) = derailed.why else { panic!("{}", derailed.why) };
        // Where the last body ends.
        assert_eq!(unmatched.asked.range.as_deref(), Some("bytes=18347052-"));
        assert_eq!(unmatched.asked.host, HostClass::Node);
    }

    #[test]
    fn a_session_goes_the_same_way_every_time() {
        let session = short_body();
        let watched = || watch(&session, &expiries(&["2=0", "3=4"])).unwrap().replayed;
        let (first, second) = (watched(), watched());
        assert_eq!(first.trace, second.trace);
        assert_eq!((first.figures, first.end), (second.figures, second.end));
    }

    #[test]
    fn a_token_that_does_not_occur_is_an_error_that_names_those_that_do() {
        let error = watch(&short_body(), &expiries(&["99=1"])).unwrap_err();
        let unknown = UnknownToken { token: 99, known: 3 };
        assert!(matches!(&error, ReplayError::UnknownToken(token) if *token == unknown));
        assert_eq!(error.to_string(), "the session has no token 99; it has tokens 1 to 3");
    }

    #[test]
    fn an_expiry_is_a_token_and_seconds_with_six_decimals_at_most() {
        let at = |token, micros| Ok(Expiry { token, at: Instant::from_micros(micros) });
        assert_eq!("2=4.05".parse(), at(2, 4_050_000));
        assert_eq!("17=0".parse(), at(17, 0));
        assert_eq!("1=0.000001".parse(), at(1, 1));
        let beyond = format!("1={}", NUMBER_MAX);
        for text in
            ["", "1", "1=", "=1", "0=1", "1=-1", "+1=1", "1=1.", "1=.5", "1=1.0000001", &beyond]
        {
            assert_eq!(text.parse::<Expiry>(), Err(ExpiryError), "{text:?}");
        }
    }

    /// Asks, and reads the answer to its end: its head and when it came after the question, and the
    /// body.
    fn ask(
        net: &mut Heap,
        now: &mut Instant,
        url: &str,
        range: ByteRange,
    ) -> (Duration, Head, Vec<u8>) {
        let asked = *now;
        let request = Request { url: Url::parse(url).unwrap(), range: Some(range) };
        let mut exchange = net.open(&request);
        let (mut head, mut body, mut buf) = (None, Vec::new(), [0; 1000]);
        loop {
            match net.poll(&mut exchange, &mut buf) {
                ExchangePoll::Head(came) => head = Some((now.since(asked), came)),
                ExchangePoll::Body(count) => body.extend_from_slice(&buf[..count]),
                ExchangePoll::Pending => {
                    *now = net.next_news();
                    assert!(*now < Instant::FAR_FUTURE, "an answer to {range} that never ends");
                    net.advance(*now);
                }
                ExchangePoll::Failed(why) => panic!("{why}"),
                ExchangePoll::End => break,
            }
        }
        let (after, head) = head.expect("a head before the end");
        (after, head, body)
    }

    #[test]
    fn any_range_of_what_is_known_comes_put_together_from_the_bodies_that_have_it() {
        const NODE: &str = "https://dn600101.us.archive.org/0/items/film/film.mp4?t=";
        let session = with_every_byte();
        let film = &session.about.fixtures[0].film;
        let what_if = WhatIf::new(&session, &expiries(&["1=0"])).unwrap();
        let mut net = network(&session, Rc::new(RefCell::new(what_if)));
        let mut now = Instant::from_micros(1);
        net.advance(now);
        // The second body ends and the third begins within it.
        let range = ByteRange::Closed { first: 13_100_000, last: 13_149_999 };

        let url = format!("{NODE}{{{{token:1}}}}");
        let (after, head, body) = ask(&mut net, &mut now, &url, range);
        assert_eq!((after, head.status), (Duration::from_millis(240), 401));
        assert!(body.starts_with(b"<html>\r\n<head><title>401 "));

        let front = session.about.viewing.tunes[0].url.as_str();
        for fresh in [4, 5] {
            let (_, head, _) = ask(&mut net, &mut now, front, range);
            assert_eq!(head.status, 302);
            let end = format!("/items/film/film.mp4?t={{{{token:{fresh}}}}}");
            assert!(head.header("location").unwrap().ends_with(&end), "{head:?}");
        }

        let began = now;
        let (after, head, body) = ask(&mut net, &mut now, &format!("{NODE}{{{{token:4}}}}"), range);
        assert_eq!((after, head.status), (Duration::from_millis(240), 206));
        assert_eq!(head.header("content-range"), Some("bytes 13100000-13149999/24000000"));
        assert_eq!(head.header("content-length"), Some("50000"));
        assert_eq!(head.header("etag"), Some("\"53cc018e-16e3600\""));
        let mut truth = vec![0; 50_000];
        film.read_at(13_100_000, &mut truth);
        assert!(body == truth, "{} bytes that are not the film's", body.len());
        // At the megabyte a second of the recorded link, a few microseconds for rounding aside.
        let took = micros(now.since(began + after));
        assert!((50_000..50_100).contains(&took), "{took} µs");

        net.open(&Request {
            url: Url::parse(&format!("{NODE}{{{{token:4}}}}")).unwrap(),
            range: Some(ByteRange::From(1_000_000)),
        });
        let unmatched = net.unmatched().expect("bytes that nobody recorded");
        assert_eq!(unmatched.asked.range.as_deref(), Some("bytes=1000000-"));
    }

    #[test]
    fn bytes_that_were_kept_count_more_than_those_that_stand_for_others() {
        let mut file =
            File { name: String::new(), length: 100, etag: None, known: BTreeMap::new() };
        let stretch = |end, x| Stretch { end, x, body: 0 };
        file.learn(10, stretch(20, 0));
        file.learn(30, stretch(40, 1));
        file.learn(5, stretch(35, 2));
        let known: Vec<_> = file.known.iter().map(|(at, s)| (*at, s.end, s.x)).collect();
        assert_eq!(known, [(5, 10, 2), (10, 20, 0), (20, 30, 2), (30, 40, 1)]);
        assert_eq!((file.known_until(7), file.known_until(4), file.known_until(40)), (40, 4, 40));
    }
}
