//! Somebody who watches one film over a [`Heap`]: the core's player, a clock and a model of the
//! desktop's decoders, in virtual time. It decodes nothing; it takes samples when a decoder would,
//! and holds every byte of them against the film.
//!
//! What must hold whatever the network does is asserted while watching: samples come in order, once
//! and with the film's own bytes; the window never grows beyond its capacity; a node serves one
//! exchange at a time; the throttle never waits while playing does.

use std::collections::VecDeque;
use std::time::Duration;

use testcard_archive::{Archive, Clip, FilmSpec, Rule, VirtualFilm};
use testcard_core::mp4::Sample;
use testcard_core::net::Url;
use testcard_core::playback::{Aim, Next, Part, Player, Playhead, Step, Verdict, judge};
use testcard_core::stream::{Condition, Limits, ProgrammeFailure};
use testcard_core::time::{Instant, MediaTime};

use crate::heap::{Heap, Link, Totals};
use crate::timeline::{Line, Timeline};

/// Where a session's film is asked for.
pub const URL: &str = "https://archive.org/download/film/film.mp4";

/// Decoded pictures that wait to be shown, as the desktop keeps them.
const PICTURES_MAX: usize = 6;

/// Decoded sound that waits to be heard, as the desktop keeps it.
const SOUND_MAX: Duration = Duration::from_millis(500);

/// More rounds than this without time moving on is a loop that never ends. A key frame far before
/// the target has some hundreds of samples decoded in one moment.
const ROUNDS_MAX: u32 = 20_000;

/// What is watched, and over what.
#[derive(Clone, Debug)]
pub struct Session {
    /// The film at [`URL`].
    pub film: FilmSpec,
    /// The way to it.
    pub link: Link,
    /// From where on it is watched.
    pub aim: Aim,
    /// What the viewer's set can afford.
    pub limits: Limits,
    /// How long a node's address is good for; absent: for ever.
    pub token_life: Option<Duration>,
    /// What goes wrong at the archive.
    pub rules: Vec<Rule>,
    /// The part that the viewer's set cannot decode.
    pub refused: Option<Part>,
    /// Seed of everything random.
    pub seed: u64,
}

impl Session {
    /// A session in which nothing goes wrong, on a desktop.
    pub fn new(film: FilmSpec, link: Link, aim: Aim) -> Self {
        Self {
            film,
            link,
            aim,
            limits: Limits::DESKTOP,
            token_life: Some(Duration::from_micros(Archive::TOKEN_LIFE_US)),
            rules: Vec::new(),
            refused: None,
            seed: 0,
        }
    }

    /// The same with these [rules](Rule) for what goes wrong.
    pub fn with_rules(self, rules: &[&str]) -> Self {
        let parse = |rule: &&str| rule.parse().expect("a rule of the test");
        Self { rules: rules.iter().map(parse).collect(), ..self }
    }
}

/// When and where a session's first picture (or, without pictures, its sound) was there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Start {
    /// When it was shown.
    pub at: Instant,
    /// Its own time, which is at or just behind the position asked for.
    pub picture: MediaTime,
    /// Where the playhead stood.
    pub position: MediaTime,
    /// What had gone over the link by then.
    pub totals: Totals,
}

/// What a session came to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Figures {
    /// The first thing seen; absent while there is nothing.
    pub start: Option<Start>,
    /// How often playing ran dry, the first start not counted.
    pub rebuffers: u32,
    /// How long it stood still then.
    pub rebuffering: Duration,
    /// How often the samples came from another place than before.
    pub seeks: u32,
    /// The most bytes ever held in the window.
    pub window_peak: usize,
    /// Samples taken: pictures and sound.
    pub samples: (u64, u64),
    /// Pictures shown.
    pub shown: u64,
    /// Pictures that were there only after their time.
    pub late: u64,
}

/// Somebody watching.
pub struct Viewer {
    heap: Heap,
    player: Option<Player<Heap>>,
    film: VirtualFilm,
    refused: Option<Part>,
    now: Instant,
    timeline: Timeline,
    figures: Figures,
    playhead: Playhead,
    is_ready: bool,
    has_ended: bool,
    failure: Option<ProgrammeFailure>,
    /// Times of decoded pictures, in presentation order, none before the target.
    pictures: VecDeque<MediaTime>,
    /// Where the decoded sound ends.
    sound_until: Option<MediaTime>,
    /// Since when playing has stood still after having run dry.
    dry_since: Option<Instant>,
    /// The number of the next picture and the next sound sample; absent after a seek.
    expected: [Option<u32>; 2],
    bytes: Vec<u8>,
    true_bytes: Vec<u8>,
}

impl Viewer {
    /// Tunes in at [`Instant::ZERO`].
    pub fn tune(session: Session) -> Self {
        let clip = Clip::test_card();
        let film = VirtualFilm::new(&clip, &session.film).expect("a film that can be made");
        let mut archive = Archive::new(clip, session.seed);
        archive.add("film", "A film", "film.mp4", session.film);
        let life = session.token_life.map(|life| u64::try_from(life.as_micros()).unwrap_or(0));
        archive.set_token_life(life);
        archive.set_rules(session.rules);
        let mut timeline = Timeline::default();
        let url = Url::parse(URL).expect("a URL");
        let player = Player::new(url, session.aim, session.limits, Instant::ZERO, &mut timeline);
        Self {
            heap: Heap::new(archive, session.link),
            player: Some(player.expect("an https address")),
            film,
            refused: session.refused,
            now: Instant::ZERO,
            timeline,
            figures: Figures::default(),
            playhead: Playhead::paused_at(MediaTime::ZERO),
            is_ready: false,
            has_ended: false,
            failure: None,
            pictures: VecDeque::with_capacity(PICTURES_MAX),
            sound_until: None,
            dry_since: None,
            expected: [None; 2],
            bytes: Vec::new(),
            true_bytes: Vec::new(),
        }
    }

    /// Watches until `until`.
    pub fn watch_until(&mut self, until: Instant) {
        self.watch(until, |_| false);
    }

    /// Watches until the first picture, or until `at_most` if there is none by then.
    pub fn watch_until_start(&mut self, at_most: Instant) -> Option<Start> {
        self.watch(at_most, |viewer| viewer.figures.start.is_some());
        self.figures.start
    }

    fn watch(&mut self, until: Instant, enough: impl Fn(&Self) -> bool) {
        loop {
            let next = self.settle().min(self.heap.next_news());
            if enough(self) {
                return;
            }
            if next > until {
                self.now = until.max(self.now);
                self.heap.advance(self.now);
                return;
            }
            self.now = next.max(self.now + Duration::from_micros(1));
            self.heap.advance(self.now);
        }
    }

    /// Leaves the film.
    pub fn zap(&mut self) {
        if let Some(player) = self.player.take() {
            player.close(&mut self.heap, self.now, &mut self.timeline);
        }
    }

    /// The network, to do something to it; say what, for the timeline.
    pub fn change_world(&mut self, what: &str, change: impl FnOnce(&mut Heap)) {
        self.timeline.push(self.now, Line::World(what.to_owned()));
        change(&mut self.heap);
    }

    /// The network.
    pub fn heap(&self) -> &Heap {
        &self.heap
    }

    /// What has happened.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// What it came to.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// The film as it truly is.
    pub fn film(&self) -> &VirtualFilm {
        &self.film
    }

    /// What the core makes of the film, until [`Viewer::zap`].
    pub fn player(&self) -> Option<&Player<Heap>> {
        self.player.as_ref()
    }

    /// Why the film cannot be watched (any further).
    pub fn failure(&self) -> Option<&ProgrammeFailure> {
        self.failure.as_ref()
    }

    /// The position being seen and heard.
    pub fn position(&self) -> MediaTime {
        self.playhead.position(self.now, None)
    }

    /// Whether pictures and sound move.
    pub fn is_playing(&self) -> bool {
        self.playhead.is_running()
    }

    /// Does all that can be done now; when there will be more to do, news of the network aside.
    fn settle(&mut self) -> Instant {
        let mut wake = Instant::FAR_FUTURE;
        for round in 0.. {
            assert!(round < ROUNDS_MAX, "time stands still:\n{}", self.timeline);
            self.show();
            let Some(next) = self.step() else { continue };
            wake = next;
            let is_busy = self.decode();
            self.check();
            if !is_busy && wake > self.now {
                break;
            }
        }
        wake.min(self.start_when_due()).min(self.next_need())
    }

    /// Polls the player once; when to do so again, if it says to wait.
    fn step(&mut self) -> Option<Instant> {
        let position = self.position();
        let Some(player) = &mut self.player else { return Some(Instant::FAR_FUTURE) };
        match player.poll(&mut self.heap, self.now, position, &mut self.timeline) {
            Step::Wait(wake) => return Some(wake),
            Step::Located => {
                if let Some(part) = self.refused {
                    player.refuse(part, "this set has no decoder for it");
                }
            }
            Step::Seeked => {
                let target = player.target();
                self.figures.seeks += 1;
                self.run_dry(target);
                self.playhead.pause(target);
                self.pictures.clear();
                (self.sound_until, self.expected) = (None, [None; 2]);
                (self.is_ready, self.has_ended) = (false, false);
            }
            Step::Ready => self.is_ready = true,
            Step::Starved => {
                self.is_ready = false;
                self.run_dry(position);
            }
            Step::Notice(_) => {}
            Step::Ended => self.has_ended = true,
            Step::Failed(failure) => self.failure = Some(failure),
        }
        None
    }

    /// Stops what is playing, if anything is, at `position`.
    fn run_dry(&mut self, position: MediaTime) {
        if self.playhead.is_running() {
            self.figures.rebuffers += 1;
            self.dry_since = Some(self.now);
            self.playhead.pause(position);
        }
    }

    /// Takes what the decoders have room for; whether that was anything.
    fn decode(&mut self) -> bool {
        let horizon = self.position() + SOUND_MAX;
        let picture = self.pictures.len() < PICTURES_MAX && self.take(Part::Picture);
        let sound = self.sound_until.is_none_or(|until| until < horizon) && self.take(Part::Sound);
        picture || sound
    }

    fn take(&mut self, part: Part) -> bool {
        let Some(player) = &mut self.player else { return false };
        let Next::Sample(sample) = player.next_sample(part, &mut self.bytes) else { return false };
        let target = player.target();
        let timescale = player.track(part).map_or(1, |track| track.timescale().max(1));
        match part {
            Part::Picture => {
                self.figures.samples.0 += 1;
                if sample.time >= target && sample.shown {
                    let behind = self.pictures.partition_point(|time| *time < sample.time);
                    self.pictures.insert(behind, sample.time);
                }
            }
            Part::Sound => {
                self.figures.samples.1 += 1;
                let micros = u64::from(sample.duration) * 1_000_000 / u64::from(timescale);
                self.sound_until = Some(sample.time + Duration::from_micros(micros));
            }
        }
        self.check_sample(part, sample);
        true
    }

    /// Holds a sample against the one before it and against the film.
    fn check_sample(&mut self, part: Part, sample: Sample) {
        let expected = &mut self.expected[part as usize];
        if let Some(expected) = *expected {
            assert_eq!(sample.index, expected, "a {part:?} sample is missing or came twice");
        }
        *expected = Some(sample.index + 1);
        self.true_bytes.resize(sample.range.size as usize, 0);
        let count = self.film.read_at(sample.range.offset, &mut self.true_bytes);
        assert_eq!(count, self.true_bytes.len(), "{sample:?} lies outside of the film");
        assert!(self.bytes == self.true_bytes, "{part:?} {sample:?} has the wrong bytes");
    }

    fn check(&mut self) {
        let Some(player) = &self.player else { return };
        let window = player.stream().window();
        assert!(window.len() <= window.capacity(), "the window holds more than it may");
        self.figures.window_peak = self.figures.window_peak.max(window.len());
        assert!(self.heap.media_exchanges() <= 1, "a node serves more than one exchange");
        let is_throttled = player.stream().condition() == Condition::Throttled;
        let is_starved = is_throttled && player.is_filling() && self.failure.is_none();
        assert!(!is_starved, "throttled and starved:\n{}", self.timeline);
    }

    /// Shows the pictures whose time has come.
    fn show(&mut self) {
        if !self.playhead.is_running() {
            return;
        }
        let position = self.position();
        while let Some(time) = self.pictures.pop_front_if(|time| *time <= position) {
            self.figures.shown += 1;
            self.figures.late += u64::from(judge(time, position, true) == Verdict::Drop);
        }
    }

    /// Starts playing when everything for it is here and its time has come; otherwise when that
    /// will be, as far as it is known.
    fn start_when_due(&mut self) -> Instant {
        let Some(player) = &self.player else { return Instant::FAR_FUTURE };
        let position = self.playhead.position(self.now, None);
        let has_picture = !self.pictures.is_empty() || player.is_through(Part::Picture);
        let has_sound = self.sound_until.is_some_and(|until| until > position)
            || player.is_through(Part::Sound);
        if self.playhead.is_running() || !self.is_ready || !has_picture || !has_sound {
            return Instant::FAR_FUTURE;
        }
        let due = player.due(position, self.now);
        if due > self.now {
            return due;
        }
        self.playhead.run(self.now);
        self.timeline.push(self.now, Line::Playing(position));
        if let Some(since) = self.dry_since.take() {
            self.figures.rebuffering += self.now.since(since);
        }
        if self.figures.start.is_none() {
            let picture = self.pictures.front().copied().unwrap_or(position);
            let totals = self.heap.totals();
            self.figures.start = Some(Start { at: self.now, picture, position, totals });
        }
        self.now
    }

    /// When a decoder will next have room, while playing.
    fn next_need(&self) -> Instant {
        if !self.playhead.is_running() {
            return Instant::FAR_FUTURE;
        }
        let in_time = |time: MediaTime| {
            let micros = time.micros_since(self.position());
            self.now + Duration::from_micros(u64::try_from(micros).unwrap_or(0).max(1))
        };
        match (self.pictures.front(), self.sound_until) {
            (Some(picture), _) => in_time(*picture),
            // Without pictures to set the pace, sound is topped up every 20 ms.
            (None, Some(until)) if !self.has_ended => {
                in_time(until + Duration::from_millis(20) - SOUND_MAX)
            }
            _ => Instant::FAR_FUTURE,
        }
    }
}
