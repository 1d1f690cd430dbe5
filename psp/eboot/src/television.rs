//! The set, as its owner sees it: buttons in, the guide, and whatever is due on the screen. Decides
//! what to tune to; what the buttons mean is the guide's, how it is fetched the tuner's, and how it
//! looks the screen's. Runs on the screen's thread, once in each refresh, and draws when something
//! is new.

use alloc::string::String;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use testcard_core::guide::{self, Action, Guide, Key, Moment, Reception, Status, View, Zone};
use testcard_core::net::Url;
use testcard_core::playback::Aim;
use testcard_core::schedule::{Airing, Schedule};
use testcard_core::time::{Clock, Instant, UnixMillis};
use testcard_psp_screen::{Extra, Screen, covers_picture};

use crate::console::{self, Owner};
use crate::display::Display;
use crate::journal::{Journal, Shown};
use crate::pad::{Pad, Press};
use crate::picture::{self, Picture};
use crate::runtime::clock::ConsoleClock;
use crate::runtime::log;
use crate::runtime::sync::Mutex;
use crate::settings::{Kept, Settings};
use crate::sound::Sound;
use crate::tuner::{Report, Tuner};

/// How long after a network failure the programme is tried again.
const RETRY_AFTER_MS: i64 = 60_000;

/// Two clocks that disagree by more than this: somebody set one, or the console slept. The schedule
/// is joined anew.
const CLOCK_JUMP_MS: i64 = 2_000;

/// How often the console is asked how it is, and told that somebody watches.
const CONSOLE_EVERY: Duration = Duration::from_secs(5);

/// What the set is made of.
pub struct Setup {
    /// What its owner wants.
    pub settings: Settings,
    /// What is on when.
    pub schedule: Schedule,
    /// The time.
    pub clock: ConsoleClock,
    /// What fetches.
    pub tuner: Tuner,
    /// What is heard.
    pub sound: Arc<Sound>,
    /// Where events go.
    pub journal: Arc<Mutex<Journal>>,
    /// What else there is to tell and to be told.
    pub signals: Arc<Signals>,
}

/// What the rest of the program and the set tell each other.
pub struct Signals {
    /// The set is to be switched off.
    pub leave: AtomicBool,
    /// It has been.
    pub has_left: AtomicBool,
    /// The console slept: everything is to be tuned to anew.
    pub has_slept: AtomicBool,
    /// What is to be kept of what its owner set. Written by who has time for it.
    pub kept: Mutex<Kept>,
}

impl Signals {
    /// Of a set that is switched on, with what was kept from the last time.
    pub fn new(kept: Kept) -> Self {
        Self {
            leave: AtomicBool::new(false),
            has_left: AtomicBool::new(false),
            has_slept: AtomicBool::new(false),
            kept: Mutex::new(kept),
        }
    }
}

/// The programme tuned to.
struct On {
    channel: usize,
    airing: Airing,
    /// Civil minus monotonic time when it was tuned to, in ms.
    clock_offset_ms: i64,
    /// When to try again after a failure of the network.
    retry_at: Option<UnixMillis>,
}

/// A TV set.
pub struct Television {
    setup: Setup,
    owner: Owner,
    guide: Guide,
    pad: Pad,
    display: Display,
    screen: Screen,
    on: Option<On>,
    report: Report,
    report_version: u32,
    /// What is on the screen.
    view: View,
    battery: Option<u8>,
    utc_offset_minutes: i32,
    /// When the console is asked next.
    console_at: Instant,
    /// The second that the view is of.
    second: i64,
    /// The picture of the programme that is on the screen, which stands while it waits.
    picture: Option<Picture>,
    shown: u32,
    dropped: u32,
    /// What was logged as shown last.
    said: String,
}

impl Television {
    /// Switches the set on.
    pub fn new(setup: Setup, display: Display) -> Self {
        let owner = Owner::read();
        let channels = &setup.schedule.line_up().channels;
        let channel = setup
            .settings
            .channel
            .and_then(|number| channels.iter().position(|channel| channel.number == number));
        let kept = setup.signals.kept.lock().clone();
        let channel = channel.and_then(|channel| channels.get(channel));
        let guide = Guide::in_hand(
            &setup.schedule,
            &guide::Kept {
                channel: channel.map_or(kept.channel, |channel| channel.id.clone()),
                volume: setup.settings.volume.unwrap_or(kept.volume),
                ..guide::Kept::default()
            },
        );
        Self {
            owner,
            guide,
            pad: Pad::new(owner.confirm),
            display,
            screen: Screen::new(),
            on: None,
            report: Report::off(),
            report_version: 0,
            view: View::default(),
            battery: None,
            utc_offset_minutes: 0,
            console_at: Instant::ZERO,
            second: i64::MIN,
            picture: None,
            shown: 0,
            dropped: 0,
            said: String::new(),
            setup,
        }
    }

    /// Shows what is on until it is to be switched off.
    pub fn watch(mut self) {
        let signals = Arc::clone(&self.setup.signals);
        self.apply_volume();
        let now = self.setup.clock.now();
        self.guide.inform(now);
        while !signals.leave.load(Ordering::Relaxed) {
            if signals.has_slept.swap(false, Ordering::Relaxed) {
                self.on = None;
                self.console_at = Instant::ZERO;
            }
            self.turn();
        }
        self.finish();
        signals.has_left.store(true, Ordering::Relaxed);
    }

    /// One refresh of the screen.
    fn turn(&mut self) {
        let (now, wall) = (self.setup.clock.now(), self.setup.clock.wall());
        let moment = Moment { now, wall };
        let mut is_new = self.look_at_the_console(now, wall);
        is_new |= self.handle_buttons(moment);
        if self.guide.next_wake(moment).is_some_and(|wake| wake <= now) {
            let action = self.guide.poll(moment);
            self.act(action);
            is_new = true;
        }
        is_new |= self.keep_to_schedule(now, wall);
        is_new |= self.hear_the_tuner(now);
        let second = wall.0.div_euclid(1000);
        is_new |= core::mem::replace(&mut self.second, second) != second;

        let mut has_changed = is_new && self.look(moment);
        let (picture, dropped) = self.setup.tuner.due_picture();
        self.dropped += dropped;
        if let Some(picture) = picture {
            let shown = Shown::Picture { n: self.shown, pts_us: picture.pts() };
            self.setup.journal.lock().shown(now, &shown);
            self.shown += 1;
            self.picture = Some(picture);
            has_changed = true;
        }
        match has_changed {
            true => self.draw(),
            false => self.display.wait(),
        }
    }

    /// Asks the console how it is, every now and then; whether it is otherwise than before.
    fn look_at_the_console(&mut self, now: Instant, wall: UnixMillis) -> bool {
        if now < self.console_at {
            return false;
        }
        self.console_at = now + CONSOLE_EVERY;
        if matches!(self.report.reception, Reception::Playing) {
            console::stay_awake();
        }
        let before = (self.battery, self.utc_offset_minutes);
        self.battery = console::battery_percent();
        self.utc_offset_minutes = console::utc_offset_minutes(wall);
        before != (self.battery, self.utc_offset_minutes)
    }

    /// Whether any button was pressed.
    fn handle_buttons(&mut self, moment: Moment) -> bool {
        let mut any = false;
        let in_guide = self.view.list.is_some();
        for Press { key, is_repeat } in self.pad.presses(moment.now) {
            // A button held too long had better not run through the channels.
            if is_repeat && matches!(key, Key::Up | Key::Down) && !in_guide {
                continue;
            }
            let action = self.guide.handle_key(key, &self.setup.schedule, moment);
            self.act(action);
            any = true;
        }
        any
    }

    fn act(&mut self, action: Option<Action>) {
        match action {
            Some(Action::Volume(volume)) => {
                self.setup.signals.kept.lock().volume = volume;
                self.apply_volume();
            }
            Some(Action::Mute(_)) => self.apply_volume(),
            // The schedule's next look finds another channel wanted than is on. No button starts a
            // programme over, there is no window, and the console's own HOME button switches off.
            Some(Action::Tune(_) | Action::Retune | Action::FullScreen(_) | Action::Quit)
            | None => {}
        }
    }

    fn apply_volume(&self) {
        self.setup.sound.set_volume(self.guide.volume());
        self.setup.sound.set_muted(self.guide.muted());
    }

    /// Tunes when another programme is on than the one tuned to; whether it did.
    fn keep_to_schedule(&mut self, now: Instant, wall: UnixMillis) -> bool {
        let channel = self.guide.channel();
        let clock_offset_ms = wall.0 - (now.as_micros() / 1000) as i64;
        if let Some(on) = &self.on {
            let same = on.channel == channel && on.airing.starts <= wall && wall < on.airing.ends;
            let jumped = (on.clock_offset_ms - clock_offset_ms).abs() > CLOCK_JUMP_MS;
            let retry = on.retry_at.is_some_and(|at| at <= wall);
            if same && !jumped && !retry {
                return false;
            }
        }
        let Some(airing) = self.setup.schedule.on_air(channel, wall) else { return false };
        if !self.on.as_ref().is_some_and(|on| on.channel == channel && on.airing == airing) {
            self.picture = None;
            self.guide.inform(now);
        }
        let Some(url) = self.url(channel, &airing) else { return false };
        if let Some(channel) = self.setup.schedule.line_up().channels.get(channel) {
            self.setup.signals.kept.lock().channel.clone_from(&channel.id);
        }
        let aim = Aim::Live { when: now, position: airing.position(wall) };
        self.setup.tuner.tune(url, aim);
        self.on = Some(On { channel, airing, clock_offset_ms, retry_at: None });
        true
    }

    fn url(&self, channel: usize, airing: &Airing) -> Option<Url> {
        let channel = self.setup.schedule.line_up().channels.get(channel)?;
        let path = airing.of(channel)?.download_path();
        // A path that is percent-encoded joins any base that is an address at all.
        self.setup.settings.base_url.join(&path).ok()
    }

    /// Takes the tuner's report, when it has changed; whether it has.
    fn hear_the_tuner(&mut self, now: Instant) -> bool {
        let Some(report) = self.setup.tuner.news(&mut self.report_version) else { return false };
        if report.notice.is_some() && report.notice != self.report.notice {
            self.guide.inform(now);
        }
        let network_failed = matches!(&report.ending, Some(Err(failure)) if failure.is_network());
        if let Some(on) = &mut self.on
            && network_failed
        {
            let retry_at = self.setup.clock.wall().plus_millis(RETRY_AFTER_MS);
            on.retry_at.get_or_insert(retry_at);
        }
        self.report = report;
        self.say();
        true
    }

    /// Logs what a person is told.
    fn say(&mut self) {
        let Report { reception, link, notice, sound_only, .. } = &self.report;
        let (what, sentence) = match (link, reception) {
            (Some(link), _) => ("link", link.as_str()),
            (None, Reception::Off) => ("off", ""),
            (None, Reception::Tuning { stage }) => ("tuning", stage.as_str()),
            (None, Reception::Playing) => {
                ("playing", sound_only.as_deref().or(notice.as_deref()).unwrap_or_default())
            }
            (None, Reception::Waiting { why }) => ("waiting", why.as_str()),
            (None, Reception::Failed { sentence, .. }) => ("failed", sentence.as_str()),
        };
        let said = alloc::format!("shown: {what}: {sentence}");
        if said != self.said {
            log::line(format_args!("{said}"));
            self.said = said;
        }
    }

    /// What the viewer is told about reception.
    fn reception(&self) -> Reception {
        match &self.report.reception {
            Reception::Failed { sentence, .. } => Reception::Failed {
                sentence: sentence.clone(),
                retry_at: self.on.as_ref().and_then(|on| on.retry_at),
            },
            reception => reception.clone(),
        }
    }

    /// Looks at everything that words on the screen depend on; whether they are others than before.
    fn look(&mut self, moment: Moment) -> bool {
        let status = Status {
            reception: self.reception(),
            notice: self.report.notice.clone(),
            link: self.report.link.clone(),
            sound_only: self.report.sound_only.clone(),
            zone: Zone::fixed(self.utc_offset_minutes),
            hours: self.owner.hours,
            ..Status::default()
        };
        let view = self.guide.view(&self.setup.schedule, &status, moment);
        let is_new = view != self.view;
        self.view = view;
        is_new
    }

    fn draw(&mut self) {
        let picture = self.picture.as_ref().filter(|_| !covers_picture(&self.view));
        if let Some(picture) = picture {
            let (pixels, size) = (picture.pixels(), picture.size());
            self.display.put(pixels, picture::STRIDE, (size.width, size.height));
        }
        let extra = Extra {
            battery: self.battery,
            picture: picture.is_some(),
            confirm: self.owner.confirm,
        };
        let has_drawn = self.screen.draw(&mut self.display.canvas(), &self.view, &extra);
        match has_drawn || picture.is_some() {
            true => self.display.flip(),
            false => self.display.wait(),
        }
    }

    /// Writes the last line of the trace.
    fn finish(&self) {
        let (bytes, exchanges, underruns) = self.setup.tuner.totals();
        let (pictures, dropped) = (self.shown, self.dropped);
        let summary = Shown::Summary { pictures, dropped, bytes, exchanges, underruns };
        self.setup.journal.lock().shown(self.setup.clock.now(), &summary);
    }
}
