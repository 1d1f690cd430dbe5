//! The sessions that come with Testcard, as what happened in them: who watched what over which link,
//! and what went wrong. Recorded from the virtual archive in virtual time, so that anybody can make
//! them again, to the byte. Never judges what the TV made of it: the snapshots do.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use testcard_archive::{Archive, Clip, FilmSpec, Rule};
use testcard_core::line_up::Programme;
use testcard_core::net::Url;
use testcard_core::playback::Aim;
use testcard_core::stream::Limits;
use testcard_core::time::{Instant, MediaTime};
use testcard_core::trace::Event;
use testcard_session::{End, Options, Provenance, Recorder, Recording, Session, Tune, Viewing};

use crate::heap::{Heap, Link};
use crate::viewer::Viewer;

/// One session's story.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The name of its directory.
    pub slug: &'static str,
    /// What it shows, as a sentence.
    pub title: &'static str,
    /// From which facts it is made up, and what of it nobody has seen.
    pub facts: &'static str,
    films: Vec<Film>,
    link: Link,
    window_bytes: usize,
    /// When which film is tuned to, from which second on.
    tunes: Vec<(Duration, usize, u64)>,
    /// The second of the last film at which it is over.
    until: u64,
    /// How long the line-up says that the films are, if it does.
    duration: Option<Duration>,
    token_life: Duration,
    rules: Vec<&'static str>,
    /// When the link's rate changes, and to how many bytes a second.
    rates: Vec<(Duration, u64)>,
    /// When it is over at the latest.
    longest: Duration,
    seed: u64,
}

#[derive(Clone, Debug)]
struct Film {
    item: &'static str,
    file: &'static str,
    /// `SECONDS:BYTES:LAYOUT`; absent for an item that the archive does not have.
    spec: Option<&'static str>,
    is_dark: bool,
}

impl Film {
    fn spec(&self) -> Option<FilmSpec> {
        self.spec.map(|text| text.parse().expect("a scenario's film"))
    }
}

/// Four minutes of 800 kbit/s.
const FILM_FIRST: &str = "240:24000000:first";
const FILM_LAST: &str = "240:24000000:last";

/// 40 s of such a film.
const WINDOW: usize = 4 << 20;

const SEEN: &str = "the redirect's headers and chunked body as captured on 2023-08-03 and 2026-10-01; \
                    nodes, tokens, entity tags and timing are made up";

impl Scenario {
    /// Twenty seconds from the middle of a film over a good link: 1 MB/s and 80 ms.
    fn new(slug: &'static str, title: &'static str, film: &'static str) -> Self {
        let film = Film { item: "film", file: "film.mp4", spec: Some(film), is_dark: false };
        Self {
            slug,
            title,
            facts: SEEN,
            films: vec![film],
            link: Link { bytes_per_second: 1_000_000, round_trip: Duration::from_millis(80) },
            window_bytes: WINDOW,
            tunes: vec![(Duration::ZERO, 0, 100)],
            until: 120,
            duration: None,
            token_life: Duration::from_secs(60),
            rules: Vec::new(),
            rates: Vec::new(),
            longest: Duration::from_secs(1200),
            seed: 0,
        }
    }

    fn facts(self, facts: &'static str) -> Self {
        Self { facts, ..self }
    }

    fn rules(self, rules: &[&'static str]) -> Self {
        Self { rules: rules.to_vec(), ..self }
    }

    fn rate(mut self, bytes_per_second: u64) -> Self {
        self.link.bytes_per_second = bytes_per_second;
        self
    }

    fn watched(mut self, from: u64, until: u64) -> Self {
        self.tunes[0].2 = from;
        Self { until, ..self }
    }

    /// Somebody watches it, and it is written down.
    pub fn record(&self) -> Session {
        let archive = self.archive();
        let viewing = self.viewing();
        let recording = Recording::new(viewing.limits, Options::EXACT);
        for spec in self.films.iter().filter_map(Film::spec) {
            recording.expects(&spec).expect("a film that can be made");
        }

        let clock = Rc::new(Cell::new(Instant::ZERO));
        let time = clock.clone();
        let mut heap = Heap::new(archive, self.link);
        let mut net = Recorder::new(heap.clone(), recording.clone(), move || time.get());
        for tune in &viewing.tunes {
            recording.tuned(tune.at, &tune.url, tune.aim, tune.duration);
        }
        let end = viewing.end;
        let mut viewer = Viewer::new(viewing).reading(testcard_streaming::reader);
        let mut rates = self.rates.iter().peekable();
        loop {
            let now = clock.get();
            if let Some((_, rate)) = rates.next_if(|(at, _)| Instant::ZERO + *at <= now) {
                heap.set_rate(*rate);
            }
            let next_rate = rates.peek().map_or(Instant::FAR_FUTURE, |(at, _)| Instant::ZERO + *at);
            let wake = viewer.poll(&mut net, now).min(heap.next_news()).min(next_rate);
            assert_eq!(viewer.violation(), None, "{}:\n{}", self.slug, viewer.timeline());
            if viewer.is_over() {
                break;
            }
            clock.set(wake.max(now + Duration::from_micros(1)));
            heap.advance(clock.get());
        }
        viewer.leave(&mut net, clock.get());
        let met: Vec<_> = heap.met().iter().flat_map(|met| met.faults.clone()).collect();
        for rule in &self.rules {
            let rule: Rule = rule.parse().expect("a scenario's rule");
            assert!(met.contains(&rule.fault), "{}: {rule} never happens", self.slug);
        }
        for (at, event) in viewer.timeline().events() {
            if let Event::Opened { url, .. } = event {
                let url = Url::parse(url).expect("an address that was asked");
                recording.valid_until(&url, self.valid_until(at));
            }
        }
        let provenance = Provenance::Synthetic { from: self.facts.to_owned() };
        viewer.timeline().to_trace(0).into_iter().for_each(|line| recording.note(line));
        recording.snapshot(self.title, provenance, end)
    }

    /// Until when a node's address is good that is asked at this time. The set asks as soon as it
    /// has the redirect's head, which the archive wrote half a round trip before.
    fn valid_until(&self, opened: Instant) -> Instant {
        let travelled = self.link.round_trip / 2;
        Instant::ZERO + opened.since(Instant::ZERO).saturating_sub(travelled) + self.token_life
    }

    fn archive(&self) -> Archive {
        let mut archive = Archive::new(Clip::test_card(), self.seed);
        for film in &self.films {
            let Some(spec) = film.spec() else { continue };
            archive.add(film.item, film.item, film.file, spec);
            if film.is_dark {
                archive.darken(film.item);
            }
        }
        archive.set_token_life(Some(u64::try_from(self.token_life.as_micros()).unwrap_or(0)));
        archive
            .set_rules(self.rules.iter().map(|r| r.parse().expect("a scenario's rule")).collect());
        archive
    }

    fn viewing(&self) -> Viewing {
        let tune = |(at, film, from): &(Duration, usize, u64)| {
            let Film { item, file, .. } = &self.films[*film];
            let path = Programme {
                title: String::new(),
                year: None,
                item: (*item).to_owned(),
                file: (*file).to_owned(),
                bytes: None,
                duration_ms: 0,
                licence: None,
                ..Programme::default()
            }
            .download_path();
            Tune {
                at: Instant::ZERO + *at,
                url: Url::parse(&format!("https://archive.org{path}")).expect("a scenario's path"),
                aim: Aim::At(MediaTime::from_millis(i64::try_from(from * 1000).unwrap_or(0))),
                duration: self.duration,
            }
        };
        let until = i64::try_from(self.until * 1000).unwrap_or(i64::MAX);
        Viewing {
            limits: Limits { window_bytes: self.window_bytes, ..Limits::DESKTOP },
            tunes: self.tunes.iter().map(tune).collect(),
            end: End {
                at: Instant::ZERO + self.longest,
                position: Some(MediaTime::from_millis(until)),
            },
        }
    }
}

/// All of them, in the order in which a reader should meet them.
pub fn all() -> Vec<Scenario> {
    [layouts(), mishaps(), slow_links(), redirects(), evenings(), radio()].concat()
}

/// A film of 90 minutes and 710 MB watched to its end, which takes long to record and is in git only
/// as this story. For measuring.
pub fn whole_film() -> Scenario {
    Scenario {
        window_bytes: Limits::DESKTOP.window_bytes,
        longest: Duration::from_secs(6000),
        ..Scenario::new(
            "whole-film",
            "A film of an hour and a half is watched from its first picture to its last",
            "5400:710000000:first",
        )
        .rate(2_000_000)
        .watched(0, 6000)
    }
}

fn layouts() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "moov-first",
            "A film whose index is in front plays from its middle after two resolves",
            FILM_FIRST,
        ),
        Scenario::new(
            "moov-last",
            "A film whose index is behind its media plays from its middle after three resolves",
            FILM_LAST,
        ),
        Scenario::new(
            "moov-last-at-one-megabit",
            "A film whose index is behind its media starts on 1 Mbit/s and does not pause",
            FILM_LAST,
        )
        .rate(125_000)
        .watched(100, 112),
        Scenario::new(
            "mdat-to-the-end-of-the-file",
            "Media data that say no length cost nothing extra when the index is in front",
            "240:24000000:first+to-end",
        ),
        Scenario::new(
            "index-larger-than-8-mib",
            "An index of more than 8 MiB behind the media is read whole",
            "8300:min:last",
        )
        .watched(5000, 5010),
        Scenario::new(
            "beyond-four-gibibytes",
            "A film of 6 GB is joined behind its fourth gibibyte by 64-bit chunk offsets",
            "1200:6000000000:last+co64+wide",
        )
        .rate(20_000_000)
        .watched(1100, 1104),
        Scenario {
            window_bytes: 1 << 20,
            ..Scenario::new(
                "throttle-deadlock",
                "300 MB lie before the index and a window of 1 MiB before a node that ignores \
                 ranges: looking for the index neither reads them nor waits for ever",
                "600:300000000:last",
            )
            .facts(
                "a player of 2023 stopped for ever when probing had moved the decoder's position \
                 and the throttle waited for it; nodes that ignore ranges were seen; the rest is \
                 made up",
            )
            .rules(&["node:1..3:range-ignored"])
        },
    ]
}

fn mishaps() -> Vec<Scenario> {
    let story =
        |slug, title, rules: &[&'static str]| Scenario::new(slug, title, FILM_FIRST).rules(rules);
    vec![
        Scenario {
            token_life: Duration::from_secs(10),
            until: 200,
            ..story(
                "token-expires-during-a-long-throttle",
                "A node's address that expired while the window was full is never used again",
                &["node:1:close=6000000", "node:2:close=3000000"],
            )
            .facts("that node addresses expire, and after how long, is made up (unconfirmed)")
        },
        Scenario::new(
            "stale-node-at-seek",
            "A node that refuses its address at a seek is left for a fresh one at once",
            FILM_LAST,
        )
        .rules(&["node:2:status=401"])
        .facts("401 from a data node was reported; when it comes is made up"),
        story(
            "nodes-refuse-for-ever",
            "Nodes that refuse every address are given up with a reason",
            &["node:always:status=401"],
        )
        .facts("401 from a data node was reported; that all do is made up"),
        Scenario {
            seed: 5,
            until: 160,
            ..story(
                "two-resolves-in-five-fail",
                "An archive that fails two resolves in five delays the picture and never prevents it",
                &["download:400/1000:status=500", "node:1..40:close=1600123"],
            )
            .facts("37 to 50 % of resolves got a 500 of 170 bytes at bad times in August 2026; \
                    where the nodes cut is made up")
        },
        story(
            "busy-with-retry-after",
            "An archive that asks for seven seconds gets them",
            &["download:0..2:status=503,7"],
        )
        .facts("503 for refused addresses was seen; its Retry-After is made up"),
        story(
            "range-ignored",
            "A 200 where the middle of the film was asked for is not taken for it",
            &["node:1:range-ignored"],
        )
        .facts("nodes that ignore ranges were seen; the rest is made up"),
        story(
            "wrong-content-range",
            "Bytes from another place than was asked for are not taken",
            &["node:1:range-shifted=1000"],
        )
        .facts("nothing that was seen: all of it is made up"),
        story(
            "file-changed",
            "A film that is replaced while it is watched is read anew from its index on",
            &["node:1..9:replaced=4096", "node:1:close=6000000"],
        )
        .facts("nothing that was seen: all of it is made up"),
        Scenario {
            until: 145,
            ..story(
                "short-body",
                "A body that ends early is resumed at the very byte while the buffer plays",
                &["node:1:close=3000123"],
            )
            .facts("what users of curl and wget tell; where it happens is made up")
        },
        Scenario {
            until: 145,
            ..story(
                "disconnect-mid-body",
                "Connections reset again and again are resumed at the very byte each time",
                &["node:1:reset=3000123", "node:2:reset=0", "node:3:reset=70001"],
            )
            .facts("a reset before the first byte of a second connection was seen; the rest is \
                    made up")
        },
        Scenario {
            until: 145,
            ..story(
                "stall-without-close",
                "A node that goes quiet without closing is left after ten seconds while the buffer \
                 plays",
                &["node:1:stall=3000000"],
            )
            .facts("nothing that was seen: all of it is made up")
        },
        story(
            "odd-headers",
            "Header names in lower case and headers that come twice change nothing",
            &["download:always:odd-headers", "node:always:odd-headers"],
        )
        .facts("the 302 mixes cases as captured; all in lower case, and twice, is made up"),
    ]
}

fn slow_links() -> Vec<Scenario> {
    vec![
        Scenario {
            rates: vec![(Duration::from_secs(8), 50_000), (Duration::from_secs(125), 1_000_000)],
            until: 235,
            ..Scenario::new(
                "slow-node-recovers",
                "Bytes that come at half the film's rate are sat out until the set runs dry, and when \
                 they come faster again playing goes on",
                FILM_FIRST,
            )
            .facts("nodes slower than the film were seen; the times are made up")
        },
        Scenario {
            until: 145,
            ..Scenario::new(
                "slower-than-the-film",
                "On a link that is slower than the film the pauses grow and no request is made",
                FILM_FIRST,
            )
            .rate(60_000)
            .facts("nodes slower than the film were seen; the rate is made up")
        },
    ]
}

fn redirects() -> Vec<Scenario> {
    let story =
        |slug, title, rules: &[&'static str]| Scenario::new(slug, title, FILM_FIRST).rules(rules);
    vec![
        story(
            "redirect-chain",
            "Four redirects in a row are followed, one of them relative",
            &["download:always:redirect=chain"],
        )
        .facts("one redirect is what the archive sends; more are made up"),
        story(
            "relative-location",
            "A redirect to a path of the same host is followed",
            &["download:always:redirect=relative"],
        )
        .facts("a relative Location was seen in 2026; what it leads to is made up"),
        story(
            "redirect-loop",
            "Redirects that lead nowhere are given up after five",
            &["download:always:redirect=loop"],
        )
        .facts("nothing that was seen: all of it is made up"),
        story(
            "redirect-to-a-foreign-host",
            "A redirect away from the archive's hosts is refused, and nobody there is asked",
            &["download:always:redirect=foreign"],
        )
        .facts("nothing that was seen: all of it is made up"),
        story(
            "redirect-to-plain-http",
            "A redirect to a connection that is not secure is refused",
            &["download:always:redirect=http"],
        )
        .facts("nothing that was seen: all of it is made up"),
        story(
            "redirect-with-a-large-body",
            "A chunked body behind a redirect is not waited for when it is long",
            &["download:0:redirect-body=100", "download:1:redirect-body=400000"],
        )
        .facts("the redirect's chunked body as captured; a long one is made up"),
    ]
}

fn evenings() -> Vec<Scenario> {
    let film = |item, file, spec| Film { item, file, spec: Some(spec), is_dark: false };
    let base = |slug, title| Scenario::new(slug, title, FILM_FIRST);
    let millis = Duration::from_millis;
    vec![
        Scenario {
            films: vec![film("voyage", "Le voyage? dans la Lune #1 – été & co 100%.mp4", FILM_LAST)],
            ..base(
                "path-with-everything",
                "A path with spaces, a question mark and letters beyond ASCII is asked for as it is",
            )
            .facts("such names are on archive.org, a space that is not encoded gets a 404; the \
                    rest is made up")
        },
        Scenario {
            films: vec![Film { is_dark: true, ..film("film", "film.mp4", FILM_FIRST) }],
            ..base("dark-item", "A film taken out of public view is said to be so")
                .facts("is_dark in the metadata was seen; the refusal of the download is made up")
        },
        Scenario {
            films: vec![Film { spec: None, ..film("nothing", "film.mp4", "") }],
            ..base("no-such-item", "An item that never was is said not to be there")
                .facts("{} as the metadata of what does not exist was seen")
        },
        Scenario {
            films: vec![
                film("before", "before.mp4", "120:12000000:first"),
                film("after", "after.mp4", "300:30000000:last"),
            ],
            tunes: vec![(Duration::ZERO, 0, 110), (Duration::from_secs(15), 1, 0)],
            until: 12,
            ..base(
                "programme-boundary",
                "A film plays to its last sample, and the next begins when its time has come",
            )
        },
        Scenario {
            films: vec![
                film("one", "one.mp4", FILM_FIRST),
                film("two", "two.mp4", FILM_LAST),
                film("three", "three.mp4", FILM_FIRST),
                film("four", "four.mp4", FILM_LAST),
                film("five", "five.mp4", FILM_FIRST),
            ],
            tunes: vec![
                (millis(0), 0, 20),
                (millis(400), 1, 40),
                (millis(800), 2, 60),
                (millis(1200), 3, 80),
                (millis(1600), 4, 100),
            ],
            until: 105,
            ..base(
                "five-channels-in-two-seconds",
                "Somebody who zaps through five channels in two seconds leaves no exchange open",
            )
        },
    ]
}

/// Programmes that somebody else reads, out of the same window.
fn radio() -> Vec<Scenario> {
    let story = |slug, title, file, spec| Scenario {
        films: vec![Film { item: "radio", file, spec: Some(spec), is_dark: false }],
        facts: "audio/mpeg for an MP3 as captured on 2026-10-01, and the redirect; all else is made up",
        // At 5 kB/s a quarter of a minute.
        window_bytes: 128 * 1024,
        duration: Some(Duration::from_secs(3600)),
        tunes: vec![(Duration::ZERO, 0, 1000)],
        until: 1020,
        ..Scenario::new(slug, title, spec)
    };
    vec![
        Scenario {
            token_life: Duration::from_secs(30),
            until: 1100,
            ..story(
                "radio-mp3-token-expires",
                "An hour of MP3 is joined in the middle by one jump, and a node's address that ran out \
                 while the window was full is not used again",
                "hour.mp3",
                "3600:min:mp3",
            )
            .rules(&["node:1:close=300000"])
        },
        story(
            "radio-ogg",
            "An hour of Ogg Vorbis is joined where its pages say that it is a quarter past",
            "hour.ogg",
            "3600:min:ogg",
        ),
        story(
            "radio-flac",
            "An hour of FLAC behind a picture of two megabytes is joined in the middle, and the picture \
             is never asked for",
            "hour.flac",
            "3600:26000000:flac",
        ),
        story(
            "radio-fragments",
            "An hour of MP4 in fragments is joined at the fragment that has the moment",
            "hour.mp4",
            "3600:min:fragments",
        ),
        Scenario {
            window_bytes: 1 << 16,
            duration: Some(Duration::from_secs(600)),
            tunes: vec![(Duration::ZERO, 0, 0)],
            until: 60,
            ..story(
                "radio-throttle-deadlock",
                "200 MB of pictures lie before an MP3's first frame and a window of 64 kB before a node \
                 that ignores ranges: looking for the sound neither reads them nor waits for ever",
                "cover.mp3",
                "600:200000000:mp3",
            )
            .facts(
                "a player of 2023 stopped for ever when probing had moved the decoder's position and \
                 the throttle waited for it; nodes that ignore ranges were seen; the rest is made up",
            )
            .rules(&["node:1..3:range-ignored"])
        },
    ]
}

#[cfg(test)]
mod tests {
    use testcard_archive::{Origin, Request};

    use super::*;

    #[test]
    fn a_token_is_recorded_as_good_until_the_very_microsecond_at_which_the_archive_refuses_it() {
        let scenario = &layouts()[0];
        let session = scenario.record();
        let mut archive = scenario.archive();
        let mut ask = |host: &str, target: &str, now: Instant| {
            let range = Some("bytes=0-");
            let now_us = now.as_micros();
            archive.respond(&Request { method: "GET", host, target, range, now_us })
        };
        // The archive gave the token out when the question reached it, and does so again.
        let (head_at, _) = session.exchanges[0].head.as_ref().unwrap();
        let issued = Instant::ZERO + (head_at.since(Instant::ZERO) - scenario.link.round_trip / 2);
        let redirect = ask("archive.org", session.exchanges[0].request.url.path(), issued);
        let node = Url::parse(redirect.header("Location").unwrap()).unwrap();
        let target = format!("{}?{}", node.path(), node.query().unwrap());
        let until = session.about.tokens[0].valid_until.unwrap();
        let later = until + Duration::from_micros(1);
        assert_eq!(ask(node.host_str().unwrap(), &target, until).status, 206);
        assert_eq!(ask(node.host_str().unwrap(), &target, later).status, 401);
    }
}
