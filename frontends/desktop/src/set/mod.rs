//! The set in its window, on the schedule: keys, clicks and controllers to the guide, what the guide
//! wants to the tuner and the window, what they report back to the guide. Decides nothing but when
//! to tune; what keys mean is the guide's business, how to fetch the tuner's.

mod archive;
mod captions;

use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use testcard_core::guide::{
    Action, Details, Guide, Hours, Kept, Key, Layout, Moment, Reception, Status, View, Zone, layout,
};
use testcard_core::line_up::Programme;
use testcard_core::net::Url;
use testcard_core::playback::Aim;
use testcard_core::schedule::{Airing, Schedule};
use testcard_core::stream::Limits;
use testcard_core::time::{Clock, MediaTime, UnixMillis};
use testcard_https::Options;

pub use self::archive::Archive;
use self::captions::Captions;
use crate::clock::SystemClock;
use crate::journal::{Cursor, ScreenLine, Shown};
use crate::library::Library;
use crate::local_time::zone_around;
use crate::screen::ScreenError;
use crate::settings::Settings;
use crate::stop::Stop;
use crate::television::{Input, Television};
use crate::tuner::Report;

/// How long after a network failure the programme is tried again.
const RETRY_AFTER_MS: i64 = 60_000;

/// A set clock that disagrees with the monotonic one by more than this was set by somebody, or the
/// machine has slept: the schedule is joined anew.
const CLOCK_JUMP_MS: i64 = 2_000;

/// So near to its beginning a programme that is started over is at its beginning.
const STARTS_WITHIN: Duration = Duration::from_secs(1);

/// How often a screen that shows nothing new is looked at: often enough for a clock's minute.
const IDLE: Duration = Duration::from_millis(250);

/// How far civil time may go before the time zone is asked again: the zone is known for thirty days
/// around, and the guide goes fourteen.
const ZONE_GOOD_FOR_MS: i64 = 24 * 60 * 60 * 1000;

/// What a set is made of, besides its window.
pub struct Setup {
    /// What is on.
    pub schedule: Schedule,
    /// The time.
    pub clock: SystemClock,
    /// Where films come from.
    pub archive: Archive,
    /// How to reach hosts, for what is fetched beside the film.
    pub network: Options,
    /// What was remembered.
    pub kept: Kept,
    /// Where to remember it; `None`: nowhere.
    pub settings: Option<Settings>,
    /// Where answers about items are kept; `None`: nowhere.
    pub cache: Option<PathBuf>,
    /// How the time of day is written.
    pub hours: Hours,
    /// What the viewer is to be told first, as a sentence.
    pub notice: Option<String>,
    /// Whether the window fills the screen from the start.
    pub full_screen: bool,
    /// Leave after so many pictures.
    pub frames: Option<u64>,
    /// What ends the set from outside.
    pub stop: Stop,
}

/// A set that is on.
pub struct Set {
    schedule: Schedule,
    guide: Guide,
    television: Television,
    clock: SystemClock,
    archive: Archive,
    network: Options,
    /// What the settings were told last.
    kept: Kept,
    settings: Option<Settings>,
    /// Opened when somebody first wants to know something.
    library: Option<Library>,
    cache: Option<PathBuf>,
    hours: Hours,
    zone: Zone,
    /// The moment that `zone` is around.
    zone_at: UnixMillis,
    frames: Option<u64>,
    stop: Stop,
    on: Option<On>,
    /// The guide wants another moment of the same programme.
    retune: bool,
    /// The latest notice that the viewer has been told of.
    notice: Option<String>,
    /// What the trace was told of the screen last.
    traced: Option<ScreenLine>,
    /// The first click of two was in the guide, so the second is no double click.
    clicked_in_guide: bool,
}

/// The programme tuned to.
struct On {
    channel: usize,
    airing: Airing,
    /// Watched minus monotonic time when it was tuned to, in ms.
    clock_offset_ms: i64,
    /// Whether it cannot be played, which has been told of.
    has_failed: bool,
    /// When to try again after a failure of the network.
    retry_at: Option<UnixMillis>,
    captions: Captions,
    /// Pictures dropped before it.
    dropped_before: u64,
}

impl Set {
    /// Puts a set together around a window.
    pub fn new(setup: Setup, mut television: Television) -> Self {
        let mut guide = Guide::new(&setup.schedule, &setup.kept);
        television.set_volume(guide.volume(), guide.muted());
        if setup.full_screen {
            television.set_full_screen(true);
            guide.full_screen_changed(true);
        }
        let (now, wall) = (setup.clock.now(), setup.clock.wall());
        guide.inform(now);
        let trouble = setup.settings.as_ref().and_then(Settings::trouble);
        if let Some(sentence) = setup.notice.or(trouble.map(|trouble| trouble.to_string())) {
            guide.notify(sentence, now);
        }
        Self {
            schedule: setup.schedule,
            guide,
            television,
            clock: setup.clock,
            archive: setup.archive,
            network: setup.network,
            kept: setup.kept,
            settings: setup.settings,
            library: None,
            cache: setup.cache,
            hours: setup.hours,
            zone: zone_around(wall, &TimeZone::system()),
            zone_at: wall,
            frames: setup.frames,
            stop: setup.stop,
            on: None,
            retune: false,
            notice: None,
            traced: None,
            clicked_in_guide: false,
        }
    }

    /// Runs until somebody leaves. The trace is complete then, and what is to be remembered written.
    ///
    /// # Errors
    /// When the window is lost.
    pub fn watch(mut self) -> Result<(), ScreenError> {
        while !self.turn()? {}
        self.television.finish();
        Ok(())
    }

    /// One round: what has fallen due, what is on, what is seen, what is pressed. Whether to leave.
    fn turn(&mut self) -> Result<bool, ScreenError> {
        let moment = self.moment();
        let mut leave = self.stop.is_wished();
        while let Some(action) = self.guide.poll(moment) {
            leave |= self.act(action);
        }
        if self.archive.poll() {
            self.guide.inform(moment.now);
        }
        let report = self.television.tuner().report();
        self.keep_to_schedule(moment, &report)?;
        // Tuning has another report.
        let report = self.television.tuner().report();
        if report.notice != self.notice {
            self.notice.clone_from(&report.notice);
            self.guide.inform(moment.now);
        }
        self.fetch_captions(&report);
        let status = self.status(moment, &report);
        let view = self.guide.view(&self.schedule, &status, moment);
        self.trace(&view, moment, &status);
        let inputs = self.television.turn(&view, &report, self.patience(moment))?;
        let (width, height) = self.television.size();
        let layout = layout(width, height, &view);
        for input in inputs {
            if let Some(action) = self.input(input, &layout, view.guide.is_some()) {
                leave |= self.act(action);
            }
        }
        self.keep();
        let enough = self.frames.is_some_and(|n| self.television.pictures_shown() >= n);
        Ok(leave || enough)
    }

    fn moment(&self) -> Moment {
        Moment { now: self.clock.now(), wall: self.clock.wall() }
    }

    /// Tells the guide what a person did.
    fn input(&mut self, input: Input, layout: &Layout, in_guide: bool) -> Option<Action> {
        let moment = self.moment();
        self.television.trace(&Shown::Input { input: input.to_string() });
        match input {
            Input::Key(key) => self.guide.handle_key(key, &self.schedule, moment),
            Input::Click { x, y } => {
                self.clicked_in_guide = in_guide;
                self.guide.click(x, y, layout, &self.schedule, moment)
            }
            // The first of the two has opened or closed the banner, which is as well.
            Input::DoubleClick { .. } if !self.clicked_in_guide && !in_guide => {
                self.guide.handle_key(Key::FullScreen, &self.schedule, moment)
            }
            Input::DoubleClick { x, y } if in_guide => {
                self.guide.click(x, y, layout, &self.schedule, moment)
            }
            Input::DoubleClick { .. } => None,
            Input::Wheel { rows, hours } if in_guide => {
                self.guide.scroll(rows, hours, &self.schedule, moment);
                None
            }
            Input::Wheel { rows: 0, .. } => None,
            Input::Wheel { rows, .. } => {
                let key = if rows < 0 { Key::VolumeUp } else { Key::VolumeDown };
                self.guide.handle_key(key, &self.schedule, moment)
            }
            Input::FullScreen(on) => {
                self.guide.full_screen_changed(on);
                None
            }
            Input::PadConnected(name) => {
                self.guide.notify(format!("{name} is connected."), moment.now);
                None
            }
            Input::PadDisconnected => {
                self.guide.notify("A game controller is gone.".to_string(), moment.now);
                None
            }
        }
    }

    /// Does what the guide says; whether that is to leave.
    fn act(&mut self, action: Action) -> bool {
        match action {
            // The schedule's next look finds another channel wanted than is on.
            Action::Tune(_) => {}
            Action::Retune => self.retune = true,
            Action::Volume(_) | Action::Mute(_) => {
                self.television.set_volume(self.guide.volume(), self.guide.muted());
            }
            Action::FullScreen(on) => self.television.set_full_screen(on),
            Action::Quit => return true,
        }
        false
    }

    /// Tunes when another programme is to be watched than the one tuned to, or another moment of it.
    fn keep_to_schedule(&mut self, moment: Moment, report: &Report) -> Result<(), ScreenError> {
        let Some(base) = self.archive.base() else { return Ok(()) };
        let Moment { now, wall } = moment;
        let channel = self.guide.channel();
        let at = self.guide.watching_at(wall);
        let Some(airing) = self.schedule.on_air(channel, at) else { return Ok(()) };
        let clock_offset_ms = at.0.saturating_sub((now.as_micros() / 1000) as i64);
        if let Some(on) = &mut self.on {
            let same = (on.channel, on.airing) == (channel, airing);
            let jumped = on.clock_offset_ms.abs_diff(clock_offset_ms) > CLOCK_JUMP_MS as u64;
            if same
                && !on.has_failed
                && let Some(Err(failure)) = &report.ending
            {
                log::warn!("{failure}");
                on.has_failed = true;
                on.retry_at = failure.is_network().then(|| wall.plus_millis(RETRY_AFTER_MS));
            }
            let retry = on.retry_at.is_some_and(|at| at <= wall);
            if same && !jumped && !retry && !self.retune {
                return Ok(());
            }
            if !same {
                self.television.clear_picture()?;
                self.guide.inform(now);
            }
        }
        self.retune = false;
        let programme = self.schedule.line_up().channels.get(channel).and_then(|c| airing.of(c));
        let wanted = programme.and_then(|programme| {
            let url = base.join(&programme.download_path()).ok()?;
            Some((url, Duration::from_millis(programme.duration_ms)))
        });
        match wanted {
            Some((url, duration)) => {
                let position = airing.position(at);
                // Whoever starts over is to see the first second too, however long tuning takes.
                let from_start = at < wall && position < MediaTime::ZERO + STARTS_WITHIN;
                let aim = match from_start {
                    true => Aim::At(MediaTime::ZERO),
                    false => Aim::Live { when: now, position },
                };
                self.television.tuner().tune(url, aim, Limits::DESKTOP, Some(duration));
            }
            // The ident, which is drawn.
            None => self.television.tuner().leave(),
        }
        // Another moment of the same programme has the same subtitles: they are not asked for twice.
        let same = self.on.take().filter(|on| (on.channel, on.airing) == (channel, airing));
        let captions = match (same, programme) {
            (Some(on), _) => on.captions,
            (None, Some(programme)) => captions(base, programme),
            (None, None) => Captions::None,
        };
        self.on = Some(On {
            channel,
            airing,
            clock_offset_ms,
            has_failed: false,
            retry_at: None,
            captions,
            dropped_before: self.television.pictures_dropped(),
        });
        Ok(())
    }

    /// Gets the subtitles, once they are wanted and the film plays.
    fn fetch_captions(&mut self, report: &Report) {
        let Some(on) = &mut self.on else { return };
        if self.guide.subtitles() && report.reception == Reception::Playing {
            on.captions.fetch(&self.network, self.television.waker());
        }
    }

    fn status(&mut self, moment: Moment, report: &Report) -> Status {
        if moment.wall.millis_since(self.zone_at).abs() > ZONE_GOOD_FOR_MS {
            self.zone = zone_around(moment.wall, &TimeZone::system());
            self.zone_at = moment.wall;
        }
        let reception = self.reception(report);
        let details = self.details(moment);
        let captions = self.on.as_ref().map(|on| &on.captions);
        let subtitle = captions
            .filter(|_| self.guide.subtitles())
            .and_then(|captions| captions.at(self.television.tuner().position()));
        Status {
            link: no_network(&reception, report),
            sound_only: report.sound_only.clone(),
            reception,
            notice: report.notice.clone(),
            offline: self.archive.offline().map(str::to_string),
            zone: self.zone.clone(),
            hours: self.hours,
            subtitle,
            has_subtitles: captions.is_some_and(Captions::are_there),
            health: report.health.clone().map(|mut health| {
                let before = self.on.as_ref().map_or(0, |on| on.dropped_before);
                health.dropped_pictures = self.television.pictures_dropped() - before;
                health
            }),
            details,
        }
    }

    /// What archive.org says about the programme under the guide's cursor. Nobody asks about one
    /// that nobody looks at, nor about films from inside the program.
    fn details(&mut self, moment: Moment) -> Option<Details> {
        let (channel, airing) = self.guide.selected(&self.schedule, moment)?;
        let programme = airing.of(self.schedule.line_up().channels.get(channel)?)?;
        if self.library.is_none() && self.archive.offline().is_none() {
            let (base, cache) = (self.archive.base()?.clone(), self.cache.clone());
            let wake = self.television.waker();
            let library = Library::open(base, self.network.clone(), cache, wake);
            self.library = library.inspect_err(|error| log::warn!("no details: {error}")).ok();
        }
        self.library.as_mut()?.details(&programme.item)
    }

    /// What the viewer is told about reception.
    fn reception(&self, report: &Report) -> Reception {
        if self.archive.base().is_none() {
            return Reception::Tuning { stage: "Calling archive.org…".to_string() };
        }
        match &report.reception {
            Reception::Failed { sentence, .. } => Reception::Failed {
                sentence: sentence.clone(),
                retry_at: self.on.as_ref().and_then(|on| on.retry_at),
            },
            // The picture that stands would have a person wait for it; the test card does not.
            Reception::Waiting { why } if report.is_cut_off => {
                Reception::Tuning { stage: why.clone() }
            }
            reception => reception.clone(),
        }
    }

    /// How long nothing changes by itself.
    fn patience(&self, moment: Moment) -> Duration {
        let due = self.guide.next_wake(moment).map_or(IDLE, |wake| wake.since(moment.now));
        let left = self.on.as_ref().map_or(i64::MAX, |on| {
            on.airing.ends.millis_since(self.guide.watching_at(moment.wall))
        });
        let left = Duration::from_millis(u64::try_from(left).unwrap_or(0));
        due.min(left).min(IDLE)
    }

    /// Has remembered what a person has changed.
    fn keep(&mut self) {
        let kept = self.guide.kept(&self.schedule);
        if kept == self.kept {
            return;
        }
        if let Some(settings) = &self.settings {
            settings.keep(kept.clone());
        }
        self.kept = kept;
    }

    /// Tells the trace of the screen, where that has changed.
    fn trace(&mut self, view: &View, moment: Moment, status: &Status) {
        if !self.television.is_traced() {
            return;
        }
        let channels = &self.schedule.line_up().channels;
        let number = |channel: usize| channels.get(channel).map_or(0, |channel| channel.number);
        let cursor = self.guide.selected(&self.schedule, moment);
        let cursor = cursor.map(|(channel, airing)| Cursor {
            channel: number(channel),
            title: channels
                .get(channel)
                .and_then(|channel| Some(airing.of(channel)?.title.clone())),
            starts_ms: airing.starts.0,
        });
        let behind_ms = moment.wall.millis_since(self.guide.watching_at(moment.wall));
        let line = ScreenLine {
            channel: number(self.guide.channel()),
            behind_ms,
            guide: cursor,
            card: view.card.as_ref().map(|card| card.sentence.clone()),
            sound_only: view.sound.is_some(),
            banner: view.banner.is_some(),
            entry: view.entry.as_ref().map(|entry| entry.digits.clone()),
            volume: self.guide.volume(),
            muted: self.guide.muted(),
            health: view.health.is_some(),
            notice: view.notice.clone(),
            subtitle: status.subtitle.clone(),
        };
        if self.traced.as_ref() != Some(&line) {
            self.television.trace(&Shown::Screen(line.clone()));
            self.traced = Some(line);
        }
    }
}

/// Where a programme's subtitles are.
fn captions(base: &Url, programme: &Programme) -> Captions {
    let Some(file) = programme.subtitles.clone() else { return Captions::None };
    let path = Programme { file, ..programme.clone() }.download_path();
    base.join(&path).map_or(Captions::None, Captions::At)
}

/// That there is no network, where that is why nothing plays, and what the set does about it.
fn no_network(reception: &Reception, report: &Report) -> Option<String> {
    match reception {
        Reception::Tuning { stage } if report.is_cut_off => Some(format!("No network. {stage}")),
        _ => None,
    }
}
