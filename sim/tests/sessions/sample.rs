//! Sessions to compare, draw and export: a film over a link of 1 MB/s, and what happened to it. The
//! way the set behaves is a sketch of the real one, good enough to have every kind of event in it.

use std::time::Duration;

use serde_json::Value;
use testcard_core::net::{ByteRange, ExchangeError, Head, Request, Url};
use testcard_core::playback::Aim;
use testcard_core::stream::{Limits, NodeFailure};
use testcard_core::time::{Instant, MediaTime};
use testcard_core::trace::Event;
use testcard_session::{
    About, Arrival, Body, End, Ending, Exchange, Level, Provenance, Segment, Session, Token,
    TraceLine, Tune, Viewing,
};

/// Where the film is asked for.
pub const URL: &str = "https://archive.org/download/film/film.mp4";

const FILM_BYTES: u64 = 1_285_000_000;
const INDEX_BYTES: u64 = 1_847_193;
const MEDIA_AT: u64 = 93_416_316;
/// What playing takes.
const BYTES_PER_SECOND: u64 = 165_000;
const WINDOW: u64 = 16 * 1024 * 1024;
const START_US: u64 = 900_000_000;
/// How long a moment of the sketch is.
const TICK_US: u64 = 100_000;

/// What the link or the node does from a time on.
#[derive(Clone, Copy)]
pub enum Turn {
    /// It sends so many bytes a second; with none, it is silent.
    Rate(u64),
    /// It cuts the connection.
    Cut,
    /// The next node that is asked refuses.
    Refuse,
}

/// The film from its fifteenth minute on, for so many seconds, over a link that does these things at
/// these seconds.
pub fn session(title: &str, seconds: u64, turns: &[(u64, Turn)]) -> Session {
    let mut set = Set {
        session: empty(title, seconds),
        now: 0,
        x: 0,
        rate: 1_000_000,
        is_refused: false,
        fetched: 0,
        window: 0,
        played_us: 0,
        is_playing: false,
        is_throttled: false,
    };
    set.tune();
    set.watch(seconds, turns);
    set.session
}

/// Nothing goes wrong.
pub fn good() -> Session {
    session("A film with its index in front, on a good day", 150, &[])
}

/// A node is cut off, the next one refuses, the third is slower than the film and then silent for a
/// while.
pub fn bad() -> Session {
    use Turn::{Cut, Rate, Refuse};
    let turns = [
        (6, Rate(260_000)),
        (24, Refuse),
        (24, Cut),
        (25, Rate(60_000)),
        (58, Rate(0)),
        (72, Rate(900_000)),
    ];
    session("The same film; its node is cut off and the next one is slow", 150, &turns)
}

fn empty(title: &str, seconds: u64) -> Session {
    let tune = Tune {
        at: Instant::ZERO,
        url: Url::parse(URL).unwrap(),
        aim: Aim::At(MediaTime::from_micros(START_US as i64)),
        duration: None,
    };
    Session {
        about: About {
            title: title.to_owned(),
            provenance: Provenance::Synthetic {
                from: "a sketch of how the set behaves".to_owned(),
            },
            viewing: Viewing {
                limits: Limits::DESKTOP,
                tunes: vec![tune],
                end: End { at: Instant::from_micros(seconds * 1_000_000), position: None },
            },
            tokens: Vec::new(),
            fixtures: Vec::new(),
        },
        exchanges: Vec::new(),
        trace: Vec::new(),
    }
}

struct Set {
    session: Session,
    now: u64,
    x: u32,
    rate: u64,
    is_refused: bool,
    /// Bytes of the film that came, counted from where it is played.
    fetched: u64,
    window: u64,
    played_us: u64,
    is_playing: bool,
    is_throttled: bool,
}

impl Set {
    fn tune(&mut self) {
        let target = MediaTime::from_micros(START_US as i64);
        self.note(Event::Tuned { url: URL.to_owned(), target });
        self.resolve(0);
        let index = self.session.exchanges.len() - 1;
        let bytes = INDEX_BYTES + 32;
        let took = bytes * 1_000_000 / self.rate;
        let pieces = u32::try_from(bytes / 4096).unwrap();
        let arrival = Arrival {
            first: self.at(),
            every: Duration::from_micros(took / u64::from(pieces)),
            times: pieces,
            bytes: 4096,
        };
        self.now += took;
        let node = &mut self.session.exchanges[index];
        node.arrivals.push(arrival);
        node.body = Body::new([
            Segment::Literal(b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41".as_slice().into()),
            Segment::Elided { length: u64::from(pieces) * 4096 - 32, sha256: [7; 32] },
        ]);
        node.ending = Ending::Dropped(Instant::from_micros(self.now));
        self.note(Event::IndexFound { offset: 32, bytes: INDEX_BYTES });
        self.note(Event::Seeked { offset: MEDIA_AT, target });
        let received = u64::from(pieces) * 4096;
        self.note(Event::Closed { x: self.x, received, complete: false });
        self.open_media();
    }

    fn watch(&mut self, seconds: u64, turns: &[(u64, Turn)]) {
        let mut turns = turns.iter().peekable();
        let mut next_level = 0;
        while self.now < seconds * 1_000_000 {
            while let Some((_, turn)) = turns.next_if(|(at, _)| at * 1_000_000 <= self.now) {
                match turn {
                    Turn::Rate(rate) => self.rate = *rate,
                    Turn::Refuse => self.is_refused = true,
                    Turn::Cut => self.fail(ExchangeError::Disconnected),
                }
            }
            self.tick();
            if self.now >= next_level {
                next_level = (self.now / 1_000_000 + 1) * 1_000_000;
                let level = Level {
                    window_bytes: self.window,
                    position: MediaTime::from_micros((START_US + self.played_us) as i64),
                    playing: self.is_playing,
                    throttled: self.is_throttled,
                };
                let Value::Object(mut fields) = serde_json::to_value(level).unwrap() else {
                    panic!()
                };
                fields.insert("ev".to_owned(), "level".into());
                self.session.trace.push(TraceLine { at: self.at(), fields });
            }
        }
        let fetched = self.fetched;
        let media = self.session.exchanges.last_mut().unwrap();
        media.ending = Ending::Dropped(Instant::from_micros(self.now));
        media.body = Body::new([Segment::Elided { length: came(media), sha256: [9; 32] }]);
        let received = media.body.len();
        assert!(received <= fetched);
        self.note(Event::Closed { x: self.x, received, complete: false });
    }

    fn tick(&mut self) {
        self.now += TICK_US;
        let position = MediaTime::from_micros((START_US + self.played_us) as i64);
        if !self.is_throttled && self.rate > 0 {
            let bytes = self.rate * TICK_US / 1_000_000;
            let at = Instant::from_micros(self.now - TICK_US / 2);
            let pieces = u32::try_from(bytes / 4096 + 1).unwrap();
            let media = self.session.exchanges.last_mut().unwrap();
            media.arrivals.push(Arrival {
                first: at,
                every: Duration::from_micros(TICK_US / u64::from(pieces) / 2),
                times: pieces,
                bytes: u32::try_from(bytes).unwrap() / pieces,
            });
            let bytes = u64::from(pieces) * (bytes / u64::from(pieces));
            self.fetched += bytes;
            self.window += bytes;
            if self.window > WINDOW {
                self.is_throttled = true;
                self.note(Event::Throttled);
            }
        } else if self.is_throttled && self.window < WINDOW * 3 / 4 {
            self.is_throttled = false;
            self.note(Event::Unthrottled);
        }
        let taken = BYTES_PER_SECOND * TICK_US / 1_000_000;
        if !self.is_playing && self.window > BYTES_PER_SECOND / 2 {
            self.is_playing = true;
            self.note(Event::Ready { at: position });
        } else if self.is_playing && self.window < taken {
            self.is_playing = false;
            self.note(Event::Starved { at: position });
        } else if self.is_playing {
            self.window -= taken;
            self.played_us += TICK_US;
        }
    }

    fn fail(&mut self, error: ExchangeError) {
        let at = self.at();
        let media = self.session.exchanges.last_mut().unwrap();
        media.ending = Ending::Failed(at, error);
        media.body = Body::new([Segment::Elided { length: came(media), sha256: [8; 32] }]);
        let received = media.body.len();
        self.note(Event::Closed { x: self.x, received, complete: false });
        let why = NodeFailure::Exchange(error);
        self.note(Event::NodeFailed { x: self.x, why, pause: Duration::ZERO });
        self.open_media();
    }

    fn open_media(&mut self) {
        self.is_throttled = false;
        while !self.resolve(MEDIA_AT + self.fetched) {
            self.note(Event::Closed { x: self.x, received: 0, complete: false });
            let pause = Duration::from_secs(2);
            self.note(Event::NodeFailed { x: self.x, why: NodeFailure::Status(401), pause });
            self.now += 2_000_000;
        }
    }

    /// Asks the archive and the node that it names; whether that one has the film.
    fn resolve(&mut self, first: u64) -> bool {
        let token = self.session.about.tokens.len() + 1;
        let valid_until = Some(Instant::from_micros(self.now + 3_600_000_000));
        self.session.about.tokens.push(Token { seen: self.at(), valid_until });
        let node = ["dn600101.us", "dn711006.ca"][token % 2];
        let node = format!(
            "https://{node}.archive.org/{}/items/film/film.mp4?t={{{{token:{token}}}}}",
            token % 2
        );
        let location = [("Location", node.as_str()), ("Content-Length", "138")];
        self.open(URL, first, 240_000, 302, &location);
        let front_x = self.x;
        let front_at = self.at();
        let front = self.session.exchanges.len() - 1;
        let status = if self.is_refused { 401 } else { 206 };
        self.is_refused = false;
        let length = (FILM_BYTES - first).to_string();
        let range = format!("bytes {first}-{}/{FILM_BYTES}", FILM_BYTES - 1);
        let headers = [
            ("Server", "nginx/1.24.0"),
            ("Content-Type", "video/mp4"),
            ("Content-Length", &length),
            ("Content-Range", &range),
            ("ETag", "\"5f3a-b06c\""),
        ];
        // The rest of the redirect's body comes while the node is asked.
        let closed = front_at + Duration::from_micros(138);
        let redirect = &mut self.session.exchanges[front];
        redirect.arrivals.push(Arrival {
            first: closed,
            every: Duration::ZERO,
            times: 1,
            bytes: 138,
        });
        redirect.body = Body::literal([b'-'; 138]);
        redirect.ending = Ending::Complete(closed);
        let lines = self.session.trace.len();
        self.open(
            &node,
            first,
            240_000,
            status,
            if status == 206 { &headers } else { &headers[..1] },
        );
        let event = Event::Closed { x: front_x, received: 138, complete: true };
        self.session.trace.insert(lines + 1, line(closed, &event));
        if status != 206 {
            let at = self.at();
            self.session.exchanges.last_mut().unwrap().ending = Ending::Dropped(at);
        }
        status == 206
    }

    fn open(&mut self, url: &str, first: u64, after: u64, status: u16, headers: &[(&str, &str)]) {
        self.x += 1;
        let range = ByteRange::From(first);
        self.note(Event::Opened { x: self.x, url: url.to_owned(), range: Some(range) });
        let opened = self.at();
        self.now += after;
        let date = [("Date".to_owned(), "Fri, 20 Nov 2026 16:00:00 GMT".to_owned())].into_iter();
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let head = Head { status, headers: date.chain(headers).collect() };
        self.session.exchanges.push(Exchange {
            opened,
            request: Request { url: Url::parse(url).unwrap(), range: Some(range) },
            head: Some((self.at(), head)),
            arrivals: Vec::new(),
            pauses: Vec::new(),
            ending: Ending::Open,
            body: Body::default(),
        });
        self.note(Event::Answered { x: self.x, status });
    }

    fn at(&self) -> Instant {
        Instant::from_micros(self.now)
    }

    fn note(&mut self, event: Event) {
        self.session.trace.push(line(self.at(), &event));
    }
}

fn came(exchange: &Exchange) -> u64 {
    exchange.arrivals.iter().map(|run| u64::from(run.times) * u64::from(run.bytes)).sum()
}

/// A line of a trace.
pub fn line(at: Instant, event: &Event) -> TraceLine {
    let Value::Object(fields) = serde_json::to_value(event).unwrap() else { panic!() };
    TraceLine { at, fields }
}
