//! Somebody who watches films over any [`Network`]: the core's player, and a model of the desktop's
//! decoders. It decodes nothing; it takes samples when a decoder would. It reads no clock and waits
//! for nothing: whoever drives it says what time it is and hears when to call again, so that the
//! same evening can be spent in virtual time, on simulated sockets and on real ones.
//!
//! What must hold whatever the network does is checked all the while, see [`Violation`].

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use testcard_core::mp4::Sample;
use testcard_core::net::{Network, Url};
use testcard_core::playback::{Next, Part, Player, Playhead, Readers, Step, Verdict, judge};
use testcard_core::stream::{Condition, ProgrammeFailure};
use testcard_core::time::{Instant, MediaTime};
use testcard_session::{Level, TrueFilm, Tune, Viewing};

use crate::timeline::{Line, Timeline};

/// Decoded pictures that wait to be shown, as the desktop keeps them.
const PICTURES_MAX: usize = 6;

/// Pictures that a decoder keeps back, because others may have to be shown before them: the most
/// that x264 refers back to with its defaults (`bframes=3` with a pyramid).
const REORDERED_MAX: usize = 2;

/// Decoded sound that waits to be heard, as the desktop keeps it.
const SOUND_MAX: Duration = Duration::from_millis(500);

/// More rounds than this without time moving on is a loop that never ends. A key frame far before
/// the target has some hundreds of samples decoded in one moment.
const ROUNDS_MAX: u32 = 20_000;

/// The first thing seen of a programme or, without pictures, heard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Start {
    /// When it was shown.
    pub at: Instant,
    /// The picture's own time, which is at or just behind the position asked for.
    pub picture: MediaTime,
    /// Where the playhead stood.
    pub position: MediaTime,
}

/// What watching came to, all programmes together.
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

/// Something that must never happen, and did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Violation {
    /// A sample is missing or came twice.
    SampleOrder {
        /// Of which track.
        part: Part,
        /// The number that was due.
        expected: u32,
        /// The number that came.
        came: u32,
    },
    /// A sample's bytes are not those of the film.
    SampleBytes {
        /// Of which track.
        part: Part,
        /// The sample's number.
        index: u32,
    },
    /// A sample that the index does not have room for in the film.
    SampleOutside {
        /// Of which track.
        part: Part,
        /// The sample's number.
        index: u32,
    },
    /// A sample's time is not the one that the film shows it at.
    SampleTime {
        /// Of which track.
        part: Part,
        /// The sample's number.
        index: u32,
        /// When the film shows it.
        expected: MediaTime,
        /// The time that came with it.
        came: MediaTime,
    },
    /// The first sample after a seek is none to decode what is wanted from.
    WrongStart {
        /// Of which track.
        part: Part,
        /// The sample's number.
        index: u32,
        /// What is wanted.
        target: MediaTime,
    },
    /// The programme was said to be over before its last sample.
    EndedEarly {
        /// Of which track.
        part: Part,
        /// The number of the sample that was due.
        next: u64,
        /// How many are shown from there on.
        missing: usize,
    },
    /// A picture was shown after a later one.
    TimeWentBack {
        /// The picture shown before.
        from: MediaTime,
        /// The one after it.
        to: MediaTime,
    },
    /// The window holds more than it may.
    WindowOverflow {
        /// Bytes held.
        held: usize,
        /// Bytes allowed.
        capacity: usize,
    },
    /// The network waits for the player and the player for the network.
    ThrottledAndStarved,
    /// So much to do in one moment that it never ends.
    TimeStandsStill,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SampleOrder { part, expected, came } => {
                write!(f, "{part:?} sample {came} came where {expected} was due")
            }
            Self::SampleBytes { part, index } => {
                write!(f, "{part:?} sample {index} has other bytes than the film")
            }
            Self::SampleOutside { part, index } => {
                write!(f, "{part:?} sample {index} lies outside of the film")
            }
            Self::SampleTime { part, index, expected, came } => {
                let (expected, came) = (expected.as_micros(), came.as_micros());
                write!(f, "{part:?} sample {index} came for {came} µs and is due at {expected} µs")
            }
            Self::WrongStart { part, index, target } => {
                let target = target.as_micros();
                write!(f, "{part:?} sample {index} cannot be the first for {target} µs")
            }
            Self::EndedEarly { part, next, missing } => {
                write!(f, "{part:?} ended before sample {next}, and {missing} were still to come")
            }
            Self::TimeWentBack { from, to } => {
                let (from, to) = (from.as_micros(), to.as_micros());
                write!(f, "the picture at {to} µs was shown after the one at {from} µs")
            }
            Self::WindowOverflow { held, capacity } => {
                write!(f, "the window holds {held} bytes and may hold {capacity}")
            }
            Self::ThrottledAndStarved => {
                f.write_str("the network waits for the player and the player for the network")
            }
            Self::TimeStandsStill => f.write_str("there is no end of things to do in one moment"),
        }
    }
}

impl core::error::Error for Violation {}

/// Somebody watching.
pub struct Viewer<N: Network> {
    viewing: Viewing,
    /// How many of its programmes were tuned to.
    tuned: usize,
    player: Option<Player<N>>,
    /// What the films at these addresses truly are, each in all its versions.
    truth: BTreeMap<String, Vec<Arc<dyn TrueFilm>>>,
    refused: Option<Part>,
    readers: Option<Readers>,
    now: Instant,
    timeline: Timeline,
    /// How things stood when it was last noted.
    level: Option<(Instant, Level)>,
    figures: Figures,
    violation: Option<Violation>,
    playhead: Playhead,
    is_ready: bool,
    has_ended: bool,
    failure: Option<ProgrammeFailure>,
    /// Times of decoded pictures, in presentation order, none before the target.
    pictures: VecDeque<MediaTime>,
    /// The picture shown last.
    shown: Option<MediaTime>,
    /// Where the decoded sound ends.
    sound_until: Option<MediaTime>,
    /// Since when playing has stood still after having run dry.
    dry_since: Option<Instant>,
    /// The number of the next picture and the next sound sample; absent after a seek.
    expected: [Option<u32>; 2],
    bytes: Vec<u8>,
    true_bytes: Vec<u8>,
}

impl<N: Network> Viewer<N> {
    /// Somebody who is going to watch this. Tunes in when first polled.
    pub fn new(viewing: Viewing) -> Self {
        Self {
            viewing,
            tuned: 0,
            player: None,
            truth: BTreeMap::new(),
            refused: None,
            readers: None,
            now: Instant::ZERO,
            timeline: Timeline::default(),
            level: None,
            figures: Figures::default(),
            violation: None,
            playhead: Playhead::paused_at(MediaTime::ZERO),
            is_ready: false,
            has_ended: false,
            failure: None,
            pictures: VecDeque::with_capacity(PICTURES_MAX),
            shown: None,
            sound_until: None,
            dry_since: None,
            expected: [None; 2],
            bytes: Vec::new(),
            true_bytes: Vec::new(),
        }
    }

    /// The same, with a set that cannot decode this part.
    pub fn refusing(self, part: Option<Part>) -> Self {
        Self { refused: part, ..self }
    }

    /// The same, with a set that reads what is no film of the core's.
    pub fn reading(self, readers: Readers) -> Self {
        Self { readers: Some(readers), ..self }
    }

    /// The same, holding every sample of the film at `url` against what it truly is, in whichever
    /// of these versions has the length that the server tells.
    pub fn knowing<F: TrueFilm + 'static>(mut self, url: &Url, versions: Vec<Arc<F>>) -> Self {
        let versions = versions.into_iter().map(|film| film as Arc<dyn TrueFilm>);
        self.truth.insert(url.to_string(), versions.collect());
        self
    }

    // Getters.

    /// What has happened.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// What it came to.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// What must not happen and did. Nothing is watched any more then.
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// What the core makes of the film, until it is left.
    pub fn player(&self) -> Option<&Player<N>> {
        self.player.as_ref()
    }

    /// Why the film cannot be watched (any further).
    pub fn failure(&self) -> Option<&ProgrammeFailure> {
        self.failure.as_ref()
    }

    /// Whether every sample of the programme has been taken.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// The position being seen and heard.
    pub fn position(&self) -> MediaTime {
        self.playhead.position(self.now, None)
    }

    /// Whether pictures and sound move.
    pub fn is_playing(&self) -> bool {
        self.playhead.is_running()
    }

    /// Whether all is watched that was to be watched.
    pub fn is_over(&self) -> bool {
        let position = self.position();
        let is_last = self.tuned == self.viewing.tunes.len();
        let has_seen_enough = self.playhead.is_running()
            && self.viewing.end.position.is_some_and(|end| position >= end);
        let has_nothing_left =
            self.pictures.is_empty() && self.sound_until.is_none_or(|until| until <= position);
        let is_through = (self.has_ended && has_nothing_left && self.figures.start.is_some())
            || (self.failure.is_some() && (has_nothing_left || !self.playhead.is_running()));
        self.violation.is_some()
            || self.now >= self.viewing.end.at
            || (is_last && (has_seen_enough || is_through))
    }

    // Commands.

    /// Notes something that was done to the world.
    pub fn note(&mut self, now: Instant, what: &str) {
        self.timeline.push(now, Line::World(what.to_owned()));
    }

    /// Has this watched next, after all else.
    pub fn add(&mut self, tune: Tune) {
        self.viewing.tunes.push(tune);
    }

    /// Leaves the programme that is on.
    pub fn leave(&mut self, net: &mut N, now: Instant) {
        self.now = now;
        if let Some(player) = self.player.take() {
            player.close(net, now, &mut self.timeline);
        }
    }

    // Progress.

    /// Does all that can be done now. Returns when there will be more to do, news of the network
    /// aside.
    pub fn poll(&mut self, net: &mut N, now: Instant) -> Instant {
        self.now = now;
        while let Some(tune) = self.viewing.tunes.get(self.tuned)
            && tune.at <= now
        {
            let tune = tune.clone();
            self.tuned += 1;
            self.tune(tune, net);
        }
        let next_tune = self.viewing.tunes.get(self.tuned).map_or(Instant::FAR_FUTURE, |t| t.at);
        let wake = self.settle(net).min(next_tune).min(self.viewing.end.at);
        self.note_level();
        wake
    }

    fn tune(&mut self, Tune { url, aim, duration, .. }: Tune, net: &mut N) {
        self.leave(net, self.now);
        self.run_dry(MediaTime::ZERO);
        (self.dry_since, self.failure) = (None, None);
        self.forget_samples(MediaTime::ZERO);
        match Player::new(url, aim, self.viewing.limits, self.now, &mut self.timeline) {
            Ok(player) => {
                self.player = Some(match self.readers {
                    Some(readers) => player.reading(readers, duration),
                    None => player,
                });
            }
            Err(failure) => self.failure = Some(failure),
        }
    }

    fn settle(&mut self, net: &mut N) -> Instant {
        let mut wake = Instant::FAR_FUTURE;
        for round in 0.. {
            if round == ROUNDS_MAX {
                self.violate(Violation::TimeStandsStill);
            }
            if self.violation.is_some() {
                return Instant::FAR_FUTURE;
            }
            self.show();
            let Some(next) = self.step(net) else { continue };
            wake = next;
            let is_busy = self.decode();
            self.check();
            if !is_busy && wake > self.now {
                break;
            }
        }
        wake.min(self.start_when_due()).min(self.next_need())
    }

    fn violate(&mut self, violation: Violation) {
        self.violation.get_or_insert(violation);
    }

    /// Polls the player once; when to do so again, if it says to wait.
    fn step(&mut self, net: &mut N) -> Option<Instant> {
        let position = self.position();
        let Some(player) = &mut self.player else { return Some(Instant::FAR_FUTURE) };
        match player.poll(net, self.now, position, &mut self.timeline) {
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
                self.forget_samples(target);
            }
            Step::Ready => self.is_ready = true,
            Step::Starved => {
                self.is_ready = false;
                self.run_dry(position);
            }
            Step::Notice(_) => {}
            Step::Ended => {
                self.has_ended = true;
                self.check_end();
            }
            Step::Failed(failure) => self.failure = Some(failure),
        }
        None
    }

    /// Samples come from another place: what was decoded belongs to none of them.
    fn forget_samples(&mut self, target: MediaTime) {
        self.playhead.pause(target);
        self.pictures.clear();
        (self.shown, self.sound_until, self.expected) = (None, None, [None; 2]);
        (self.is_ready, self.has_ended) = (false, false);
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
        let timescale = player.timescale(part);
        match part {
            Part::Picture => {
                self.figures.samples.0 += 1;
                if sample.time >= target && sample.shown {
                    if let Some(from) = self.shown.filter(|shown| sample.time < *shown) {
                        self.violate(Violation::TimeWentBack { from, to: sample.time });
                    }
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
        let index = sample.index;
        let is_first = self.expected[part as usize].is_none();
        let target = self.player.as_ref().map_or(MediaTime::ZERO, Player::target);
        if is_first && (!sample.sync || (index > 0 && sample.time > target)) {
            self.violate(Violation::WrongStart { part, index, target });
        }
        if let Some(expected) = self.expected[part as usize].replace(index.wrapping_add(1))
            && expected != index
        {
            self.violate(Violation::SampleOrder { part, expected, came: index });
        }
        let Some(film) = self.film() else { return };
        let truth = match part {
            Part::Picture => film.picture(index.into()),
            Part::Sound => film.sound(index.into()),
        };
        let Some(truth) = truth else {
            return self.violate(Violation::SampleOutside { part, index });
        };
        let (expected, came) = (MediaTime::from_micros(truth.time_us), sample.time);
        if expected != came {
            self.violate(Violation::SampleTime { part, index, expected, came });
        }
        let mut true_bytes = core::mem::take(&mut self.true_bytes);
        true_bytes.resize((truth.range.end - truth.range.start) as usize, 0);
        film.read_at(truth.range.start, &mut true_bytes);
        if self.bytes != true_bytes {
            self.violate(Violation::SampleBytes { part, index });
        }
        self.true_bytes = true_bytes;
    }

    /// What the film that is on truly is, if anybody knows: of what is no film, nobody does.
    fn film(&self) -> Option<Arc<dyn TrueFilm>> {
        if self.player.as_ref()?.container().is_some() {
            return None;
        }
        let tune = self.viewing.tunes.get(self.tuned.checked_sub(1)?)?;
        let versions = self.truth.get(tune.url.as_str())?;
        let length = self.player.as_ref()?.stream().file_length();
        let version =
            versions.iter().find(|film| length.is_none_or(|length| film.length() == length));
        match (version, &versions[..]) {
            // A file cut short is the film as far as it goes.
            (None, [only]) => Some(only.clone()),
            (version, _) => version.cloned(),
        }
    }

    /// Holds the end of the programme against that of the film.
    fn check_end(&mut self) {
        let (Some(film), Some(player)) = (self.film(), &self.player) else { return };
        let end = i64::try_from(film.duration_ms()).unwrap_or(i64::MAX).saturating_mul(1000);
        for part in [Part::Picture, Part::Sound] {
            let next = u64::from(self.expected[part as usize].unwrap_or(0));
            let left = (next..).map_while(|number| match part {
                Part::Picture => film.picture(number),
                Part::Sound => film.sound(number),
            });
            let missing = left.filter(|sample| sample.time_us < end).count();
            if player.track(part).is_some() && missing > 0 {
                return self.violate(Violation::EndedEarly { part, next, missing });
            }
        }
    }

    fn check(&mut self) {
        let Some(player) = &self.player else { return };
        let window = player.stream().window();
        let (held, capacity) = (window.len(), window.capacity());
        let is_throttled = player.stream().condition() == Condition::Throttled;
        let is_starved = player.is_filling() && self.failure.is_none();
        self.figures.window_peak = self.figures.window_peak.max(held);
        if held > capacity {
            self.violate(Violation::WindowOverflow { held, capacity });
        }
        if is_throttled && is_starved {
            self.violate(Violation::ThrottledAndStarved);
        }
    }

    fn note_level(&mut self) {
        let Some(player) = &self.player else { return };
        let stream = player.stream();
        let level = Level {
            window_bytes: stream.window().len() as u64,
            position: self.position(),
            playing: self.playhead.is_running(),
            throttled: stream.condition() == Condition::Throttled,
        };
        let is_due = |(at, before): &(Instant, Level)| {
            self.now.since(*at) >= Level::EVERY && level.is_news_after(before)
        };
        if self.level.as_ref().is_none_or(is_due) {
            self.level = Some((self.now, level));
            self.timeline.push(self.now, Line::Level(level));
        }
    }

    /// Shows the pictures whose time has come.
    fn show(&mut self) {
        if !self.playhead.is_running() {
            return;
        }
        let position = self.position();
        while let Some(time) = self.next_picture().filter(|time| *time <= position) {
            self.pictures.pop_front();
            self.shown = Some(time);
            self.figures.shown += 1;
            self.figures.late += u64::from(judge(time, position, true) == Verdict::Drop);
        }
    }

    /// The picture to be shown next, if the decoder gives it out: none that is still to be decoded
    /// may have to be shown before it.
    fn next_picture(&self) -> Option<MediaTime> {
        let is_last = || {
            self.failure.is_some()
                || self.player.as_ref().is_none_or(|player| player.is_through(Part::Picture))
        };
        let is_out = self.pictures.len() > REORDERED_MAX || is_last();
        self.pictures.front().copied().filter(|_| is_out)
    }

    /// Starts playing when everything for it is here and its time has come; otherwise when that
    /// will be, as far as it is known.
    fn start_when_due(&mut self) -> Instant {
        let Some(player) = &self.player else { return Instant::FAR_FUTURE };
        let position = self.playhead.position(self.now, None);
        let has_picture = self.next_picture().is_some() || player.is_through(Part::Picture);
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
            self.figures.start = Some(Start { at: self.now, picture, position });
        }
        self.now
    }

    /// While playing: when a decoder will next have room, or the end is reached.
    fn next_need(&self) -> Instant {
        if !self.playhead.is_running() {
            return Instant::FAR_FUTURE;
        }
        let in_time = |time: MediaTime| {
            let micros = time.micros_since(self.position());
            self.now + Duration::from_micros(u64::try_from(micros).unwrap_or(0).max(1))
        };
        let need = match (self.next_picture(), self.sound_until) {
            (Some(picture), _) => in_time(picture),
            // Without pictures to set the pace, sound is topped up every 20 ms; when that is overdue,
            // there is none, and only news of the network can help.
            (None, Some(until)) if !self.has_ended && self.failure.is_none() => {
                match until + Duration::from_millis(20) - SOUND_MAX {
                    top_up if top_up > self.position() => in_time(top_up),
                    _ => Instant::FAR_FUTURE,
                }
            }
            (None, Some(until)) if until > self.position() => in_time(until),
            _ => Instant::FAR_FUTURE,
        };
        match self.viewing.end.position {
            Some(end) if end > self.position() => need.min(in_time(end)),
            _ => need,
        }
    }
}
