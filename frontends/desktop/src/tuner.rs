//! The receiver on a thread of its own, and the clock that picture and sound share. The window's
//! thread gives orders and takes pictures; this one fetches, decodes, feeds the speaker and says
//! when to start. Neither ever waits for the other longer than it takes to move a pointer.

use std::collections::VecDeque;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use testcard_core::guide::{ASKING, Health, Reception, stage};
use testcard_core::mp4::Orientation;
use testcard_core::net::{Network, Url};
use testcard_core::playback::{Aim, Playhead, Verdict, judge};
use testcard_core::stream::{Limits, ProgrammeFailure};
use testcard_core::time::{Clock, Instant, MediaTime};
use testcard_core::trace::Trace;
use testcard_https::{ExtraCaError, Https, Options};
use testcard_session::Recorder;

use crate::clock::SystemClock;
use crate::health::Meter;
use crate::journal::{Journal, Shown};
use crate::picture::Picture;
use crate::receiver::{Happening, PICTURES_MAX, Receiver};
use crate::speaker::Feed;
use crate::wav::WavWriter;

/// How often the speaker is fed and the clock is set by it while playing. Less than the speaker's
/// ring holds by a factor of thirty.
const FEED_EVERY: Duration = Duration::from_millis(15);

/// A tuner, from the window's side. Dropping it ends the thread and all its exchanges.
pub struct Tuner {
    shared: Arc<Shared>,
    clock: SystemClock,
    thread: Option<JoinHandle<()>>,
}

/// What the tuner tells a person and a window.
#[derive(Clone, Debug)]
pub struct Report {
    /// What is going on, in words.
    pub reception: Reception,
    /// What will not be played, if anything, as a sentence.
    pub notice: Option<String>,
    /// Why the programme is heard and not seen, as a sentence; `None` where it is seen, or not known
    /// yet.
    pub sound_only: Option<String>,
    /// A speaker for so many frames a second is wanted.
    pub speaker_wanted: Option<u32>,
    /// How the film wants to be turned.
    pub orientation: Orientation,
    /// How the programme ended, when it has.
    pub ending: Option<Result<(), ProgrammeFailure>>,
    /// Body bytes received and exchanges opened for the programme.
    pub totals: (u64, u32),
    /// How often the speaker has run dry.
    pub underruns: u32,
    /// How the stream is, but for the pictures that the window dropped; `None` while there is none.
    pub health: Option<Health>,
    /// Whether there seems to be no network: nobody answers any more.
    pub is_cut_off: bool,
}

struct Shared {
    state: Mutex<State>,
    news: Condvar,
}

struct State {
    /// The latest order not yet carried out: whoever zaps only wants the last channel.
    order: Option<Order>,
    /// A speaker that the window has opened, or failed to open.
    speaker: Option<Option<Feed>>,
    /// The network has something, or pictures were taken.
    stirred: bool,
    quit: bool,
    pictures: VecDeque<Picture>,
    playhead: Playhead,
    sound_frames: Option<u64>,
    report: Report,
}

enum Order {
    Tune(Wanted),
    Leave,
}

/// What to tune to, and how.
struct Wanted {
    url: Url,
    aim: Aim,
    limits: Limits,
    duration: Option<Duration>,
}

impl Tuner {
    /// Starts the thread. It reaches hosts as `network` says, tells `trace` what it does, and writes
    /// the sound that it plays to the file at `sound_dump`. With `has_speaker` films with sound wait
    /// for [`Tuner::connect_speaker`].
    /// `wake_window` is called when the window has something to do that it cannot know of.
    pub fn start(
        network: Options,
        clock: SystemClock,
        trace: Arc<Mutex<Journal>>,
        sound_dump: Option<PathBuf>,
        has_speaker: bool,
        wake_window: Box<dyn Fn() + Send>,
    ) -> Result<Self, ExtraCaError> {
        let state = State {
            order: None,
            speaker: None,
            stirred: false,
            quit: false,
            pictures: VecDeque::with_capacity(PICTURES_MAX),
            playhead: Playhead::paused_at(MediaTime::ZERO),
            sound_frames: None,
            report: Report::off(),
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), news: Condvar::new() });
        let waker = Arc::clone(&shared);
        let https = Https::new(network, Arc::new(move || waker.stir()))?;
        let recording = lock(&trace).recording();
        let (shared_too, now) = (Arc::clone(&shared), clock.clone());
        let devices = Devices { sound_dump, has_speaker, wake_window };
        let thread = match recording {
            None => Desk::new(https, shared_too, now, trace, devices).start(),
            Some(recording) => {
                let recorder_clock = clock.clone();
                let recorder = Recorder::new(https, recording, move || recorder_clock.now());
                Desk::new(recorder, shared_too, now, trace, devices).start()
            }
        };
        Ok(Self { shared, clock, thread: Some(thread) })
    }

    /// Leaves what is on and tunes to another programme, which lasts so long if that is known: files
    /// that do not say it themselves are read by it.
    pub fn tune(&self, url: Url, aim: Aim, limits: Limits, duration: Option<Duration>) {
        let reception = Reception::Tuning { stage: ASKING.to_string() };
        self.order(Order::Tune(Wanted { url, aim, limits, duration }), reception);
    }

    /// Leaves what is on, for nothing.
    pub fn leave(&self) {
        self.order(Order::Leave, Reception::Off);
    }

    fn order(&self, order: Order, reception: Reception) {
        let mut state = self.shared.lock();
        state.order = Some(order);
        // What is on now is over, for the eye too.
        state.pictures.clear();
        state.playhead.pause(MediaTime::ZERO);
        state.report = Report { reception, ..Report::off() };
        drop(state);
        self.shared.news.notify_all();
    }

    /// Hands over a speaker at the rate that [`Report::speaker_wanted`] named; `None`: there is
    /// none to be had, and films are played silently from now on.
    pub fn connect_speaker(&self, feed: Option<Feed>) {
        let mut state = self.shared.lock();
        // Meanwhile another programme may want another one.
        let rate = feed.as_ref().map(Feed::sample_rate);
        if rate.is_none() || state.report.speaker_wanted == rate {
            state.report.speaker_wanted = None;
        }
        state.speaker = Some(feed);
        drop(state);
        self.shared.stir();
    }

    /// The place in the film that is seen and heard now, or will be once playing goes on.
    pub fn position(&self) -> MediaTime {
        self.shared.lock().playhead.position(self.clock.now(), None)
    }

    /// What is going on.
    pub fn report(&self) -> Report {
        self.shared.lock().report.clone()
    }

    /// Takes the picture whose time has come, if one's has; how many were too late, and when the
    /// next is due.
    pub fn due_picture(&self) -> DuePicture {
        let mut state = self.shared.lock();
        let now = self.clock.now();
        let mut due = DuePicture { picture: None, dropped: 0, next_in: None, sound_frames: None };
        if !state.playhead.is_running() {
            return due;
        }
        let position = state.playhead.position(now, None);
        while let Some(first) = state.pictures.front() {
            match judge(first.pts, position, state.pictures.len() > 1) {
                Verdict::Hold(time) => {
                    due.next_in = Some(time);
                    break;
                }
                Verdict::Drop => {
                    state.pictures.pop_front();
                    due.dropped += 1;
                }
                // Two that are due: the later one is the one to see.
                Verdict::Show => {
                    due.dropped += u64::from(due.picture.is_some());
                    due.picture = state.pictures.pop_front();
                }
            }
        }
        due.sound_frames = state.sound_frames;
        if due.picture.is_some() {
            state.stirred = true;
            drop(state);
            self.shared.news.notify_all();
        }
        due
    }
}

impl Drop for Tuner {
    fn drop(&mut self) {
        self.shared.lock().quit = true;
        self.shared.news.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed; there is nobody left to tell.
            let _ = thread.join();
        }
    }
}

/// What [`Tuner::due_picture`] found.
pub struct DuePicture {
    /// The picture to show now.
    pub picture: Option<Picture>,
    /// Pictures that came too late.
    pub dropped: u64,
    /// When the next picture is due; `None`: not known.
    pub next_in: Option<Duration>,
    /// Frames of sound played so far.
    pub sound_frames: Option<u64>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stir(&self) {
        self.lock().stirred = true;
        self.news.notify_all();
    }
}

impl Report {
    fn off() -> Self {
        Self {
            reception: Reception::Off,
            notice: None,
            sound_only: None,
            speaker_wanted: None,
            orientation: Orientation::default(),
            ending: None,
            totals: (0, 0),
            underruns: 0,
            health: None,
            is_cut_off: false,
        }
    }
}

/// What the tuner has beside the network.
struct Devices {
    sound_dump: Option<PathBuf>,
    has_speaker: bool,
    wake_window: Box<dyn Fn() + Send>,
}

/// The thread's side.
struct Desk<N: Network> {
    shared: Arc<Shared>,
    receiver: Receiver<N>,
    clock: SystemClock,
    trace: Arc<Mutex<Journal>>,
    sound_dump: Option<PathBuf>,
    wav: Option<WavWriter<BufWriter<File>>>,
    wake_window: Box<dyn Fn() + Send>,
    /// Whether the window can open a speaker.
    has_speaker: bool,
    feed: Option<Feed>,
    /// The rate of the film's sound; `None`: it has none that can be played.
    sound_rate: Option<u32>,
    /// Whether the clock runs.
    started: bool,
    happenings: Vec<Happening>,
    meter: Meter,
}

impl<N: Network> Desk<N> {
    fn new(
        net: N,
        shared: Arc<Shared>,
        clock: SystemClock,
        trace: Arc<Mutex<Journal>>,
        devices: Devices,
    ) -> Self {
        Self {
            shared,
            receiver: Receiver::new(net),
            clock,
            trace,
            sound_dump: devices.sound_dump,
            wav: None,
            wake_window: devices.wake_window,
            has_speaker: devices.has_speaker,
            feed: None,
            sound_rate: None,
            started: false,
            happenings: Vec::new(),
            meter: Meter::default(),
        }
    }

    /// Runs on a thread of its own.
    fn start(self) -> JoinHandle<()>
    where
        N: Send + 'static,
        N::Exchange: Send,
    {
        let thread = thread::Builder::new().name("tuner".to_string()).spawn(move || self.run());
        // Without a thread to spare nothing works: the window would not have opened either.
        thread.expect("a thread can be started")
    }

    fn run(mut self) {
        loop {
            let now = self.clock.now();
            let mut wake = self.turn(now);
            let mut state = self.shared.lock();
            if self.started {
                wake = wake.min(now + FEED_EVERY);
            }
            while !state.stirred && !state.quit && state.order.is_none() && state.speaker.is_none()
            {
                let left = wake.since(self.clock.now());
                if left.is_zero() {
                    break;
                }
                // A condition variable cannot wait for ever with a time-out.
                let left = left.min(Duration::from_secs(3600));
                state = self
                    .shared
                    .news
                    .wait_timeout(state, left)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
            }
            state.stirred = false;
            let quit = state.quit;
            let order = state.order.take();
            let speaker = state.speaker.take();
            drop(state);
            if let Some(feed) = speaker {
                self.has_speaker = feed.is_some();
                // One that was asked for by the programme before is of no use.
                self.feed = feed.filter(|feed| Some(feed.sample_rate()) == self.sound_rate);
                self.check_speaker();
            }
            if quit {
                self.leave();
                if let Some(Err(error)) = self.wav.map(WavWriter::finish) {
                    log::warn!("the sound dump is not complete: {error}");
                }
                return;
            }
            match order {
                Some(Order::Tune(wanted)) => self.tune(wanted),
                Some(Order::Leave) => self.leave(),
                None => {}
            }
        }
    }

    fn tune(&mut self, Wanted { url, aim, limits, duration }: Wanted) {
        self.stop_clock(MediaTime::ZERO);
        self.sound_rate = None;
        self.meter = Meter::default();
        let now = self.clock.now();
        let mut trace = lock(&self.trace);
        trace.tuned(now, &url, aim, duration);
        let outcome = self.receiver.tune(url, aim, limits, duration, now, &mut *trace);
        drop(trace);
        if let Err(failure) = outcome {
            self.fail(failure);
        }
    }

    fn leave(&mut self) {
        self.stop_clock(MediaTime::ZERO);
        self.receiver.leave(self.clock.now(), &mut *lock(&self.trace));
    }

    /// One round of all that can be done now; when to do the next.
    fn turn(&mut self, now: Instant) -> Instant {
        let heard = self.heard();
        let mut playhead = self.shared.lock().playhead;
        if let Some(heard) = heard {
            playhead.follow(now, heard);
        }
        let position = playhead.position(now, heard);
        let mut happenings = std::mem::take(&mut self.happenings);
        let mut events = Vec::new();
        let mut wake = self.receiver.turn(now, position, &mut happenings, &mut events);
        // Decoding takes its time, and the window wants the trace too.
        for (at, event) in events {
            self.meter.event(&event);
            lock(&self.trace).record(at, event);
        }
        for happening in happenings.drain(..) {
            self.happened(happening, position);
        }
        self.happenings = happenings;
        let may_start = !self.started && self.receiver.may_start() && self.speaker_is_ready();
        // Before the clock is seen to run, so that the first picture is there when it is due.
        self.publish(now);
        if may_start {
            wake = wake.min(self.start_when_due(now));
        }
        if let Some(level) = self.receiver.level(position, self.started) {
            lock(&self.trace).level(now, level);
        }
        self.feed_speaker();
        wake
    }

    fn happened(&mut self, happening: Happening, position: MediaTime) {
        match happening {
            Happening::Located { sound_rate } => {
                self.sound_rate = sound_rate;
                self.receiver.player().into_iter().for_each(|player| self.meter.located(player));
                self.check_speaker();
                self.open_sound_dump();
                let fits = self.feed.as_ref().map(Feed::sample_rate) == self.sound_rate;
                if !fits {
                    self.feed = None;
                    self.shared.lock().report.speaker_wanted = self.sound_rate;
                    (self.wake_window)();
                }
            }
            Happening::Seeked(target) => self.stop_clock(target),
            Happening::Starved => self.stop_clock_keeping_pictures(position),
            Happening::Ready => {}
            Happening::Notice(notice) => {
                let mut state = self.shared.lock();
                // An order that came meanwhile is about another programme.
                if state.order.is_none() {
                    state.report.notice = Some(notice);
                }
            }
            Happening::Ended => {}
            Happening::Failed(failure) => self.fail(failure),
        }
    }

    /// Where nobody could hear it, sound is not even decoded.
    fn check_speaker(&mut self) {
        if !self.has_speaker && self.sound_rate.take().is_some() {
            self.receiver.refuse_sound("no sound card could be opened");
        }
    }

    /// The first programme with sound is the one dumped.
    fn open_sound_dump(&mut self) {
        let (Some(path), Some(rate)) = (&self.sound_dump, self.sound_rate) else { return };
        match WavWriter::create(path, rate) {
            Ok(wav) => self.wav = Some(wav),
            Err(error) => log::warn!("{} cannot be written: {error}", path.display()),
        }
        self.sound_dump = None;
    }

    fn fail(&mut self, failure: ProgrammeFailure) {
        self.stop_clock(MediaTime::ZERO);
        let sentence = failure.to_string();
        let mut state = self.shared.lock();
        // An order that came meanwhile is about another programme.
        if state.order.is_none() {
            state.report.reception = Reception::Failed { sentence, retry_at: None };
            state.report.ending = Some(Err(failure));
            (self.wake_window)();
        }
    }

    /// Starts picture and sound together when the schedule says so; until when to wait.
    fn start_when_due(&mut self, now: Instant) -> Instant {
        let Some(player) = self.receiver.player() else { return Instant::FAR_FUTURE };
        let mut state = self.shared.lock();
        let position = state.playhead.position(now, None);
        let due = player.due(position, now);
        if due > now {
            return due;
        }
        if state.order.is_none() {
            state.playhead.run(now);
            self.started = true;
            (self.wake_window)();
            drop(state);
            lock(&self.trace).playing(now, position);
        }
        now
    }

    /// A film with sound starts once its speaker is there. A machine without one plays silently.
    fn speaker_is_ready(&self) -> bool {
        self.sound_rate.is_none() || self.feed.is_some()
    }

    /// Stops at another place than where playing was: nothing of what waits belongs there.
    fn stop_clock(&mut self, position: MediaTime) {
        self.stop_clock_keeping_pictures(position);
        if let Some(feed) = &mut self.feed {
            feed.flush();
        }
        let mut state = self.shared.lock();
        state.pictures.clear();
        state.sound_frames = None;
    }

    fn stop_clock_keeping_pictures(&mut self, position: MediaTime) {
        self.started = false;
        self.shared.lock().playhead.pause(position);
    }

    /// The position of what leaves the speaker now; `None` when sound does not lead.
    fn heard(&self) -> Option<MediaTime> {
        let feed = self.feed.as_ref().filter(|_| self.started && self.sound_rate.is_some())?;
        let silent = self.receiver.sound.is_empty() && self.receiver.has_all_sound();
        (!silent || feed.queued() > 0).then(|| self.receiver.heard(feed.played())).flatten()
    }

    fn feed_speaker(&mut self) {
        let Some(feed) = self.feed.as_mut().filter(|_| self.started) else { return };
        while !self.receiver.sound.is_empty() {
            let taken = feed.push(self.receiver.sound.as_slices().0);
            if taken == 0 {
                break;
            }
            let samples: Vec<i16> = self.receiver.sound.drain(..taken).collect();
            if let Some(wav) = &mut self.wav
                && let Err(error) = wav.write(&samples)
            {
                log::warn!("the sound cannot be dumped any further: {error}");
                self.wav = None;
            }
        }
    }

    /// Moves pictures to the window's side and tells how things stand.
    fn publish(&mut self, now: Instant) {
        let heard = self.heard();
        let reception = self.reception(now);
        let over = self.receiver.is_over() && self.feed.as_ref().is_none_or(|f| f.queued() == 0);
        let totals = self.receiver.player().map(|player| player.stream().totals());
        let health = self.receiver.player().map(|player| self.meter.look(player));
        let mut state = self.shared.lock();
        if state.order.is_some() {
            return;
        }
        let had_none = state.pictures.is_empty();
        while state.pictures.len() < PICTURES_MAX
            && let Some(picture) = self.receiver.pictures.pop_front()
        {
            state.pictures.push_back(picture);
        }
        // A window that found no picture does not know when to look again.
        if had_none && !state.pictures.is_empty() && self.started {
            (self.wake_window)();
        }
        if let Some(heard) = heard {
            state.playhead.follow(now, heard);
        }
        state.sound_frames = self.feed.as_ref().map(Feed::played);
        state.report.orientation = self.receiver.orientation;
        if state.report.sound_only.as_deref() != self.receiver.sound_only() {
            state.report.sound_only = self.receiver.sound_only().map(str::to_string);
        }
        state.report.underruns = self.feed.as_ref().map_or(0, Feed::underruns);
        state.report.health = health;
        state.report.is_cut_off = self.meter.is_cut_off();
        if let Some(totals) = totals {
            state.report.totals = totals;
        }
        if let Some(reception) = reception
            && state.report.ending.is_none()
        {
            state.report.reception = reception;
        }
        if over && state.pictures.is_empty() && state.report.ending.is_none() {
            state.report.ending = Some(Ok(()));
        }
    }

    /// What the tuner is doing, in words.
    fn reception(&self, now: Instant) -> Option<Reception> {
        let player = self.receiver.player()?;
        if self.started {
            return Some(Reception::Playing);
        }
        let why = stage(player, now);
        Some(match self.receiver.has_started_once() {
            false => Reception::Tuning { stage: why },
            true => Reception::Waiting { why },
        })
    }
}

fn lock(trace: &Mutex<Journal>) -> MutexGuard<'_, Journal> {
    trace.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes a window's event, at the tuner's time.
pub fn trace_shown(trace: &Mutex<Journal>, clock: &SystemClock, event: &Shown) {
    lock(trace).shown(clock.now(), event);
}

#[cfg(test)]
mod tests {
    use sdl2::audio::AudioCallback;

    use super::*;
    use crate::speaker;

    #[test]
    fn a_programme_that_is_left_falls_silent_at_once() {
        let (mut feed, mut playout) = speaker::connect(48_000, 1000);
        feed.push(&[1000; 800]);
        let clock = SystemClock::new();
        let state = State {
            order: None,
            speaker: None,
            stirred: false,
            quit: false,
            pictures: VecDeque::new(),
            playhead: Playhead::paused_at(MediaTime::ZERO),
            sound_frames: None,
            report: Report::off(),
        };
        let https = Https::new(Options::default(), Arc::new(|| ())).expect("no extra authority");
        let shared = Arc::new(Shared { state: Mutex::new(state), news: Condvar::new() });
        let trace = Journal::create(None, None).expect("no file");
        let wake_window = Box::new(|| ());
        let devices = Devices { sound_dump: None, has_speaker: true, wake_window };
        let mut desk = Desk::new(https, shared, clock, Arc::new(Mutex::new(trace)), devices);
        (desk.feed, desk.sound_rate, desk.started) = (Some(feed), Some(48_000), true);
        let url = Url::parse("https://archive.org/download/another/film.mp4").expect("a literal");
        let (aim, limits) = (Aim::At(MediaTime::ZERO), Limits::DESKTOP);
        desk.tune(Wanted { url, aim, limits, duration: None });
        let mut heard = [1; 200];
        playout.callback(&mut heard);
        assert_eq!(heard, [0; 200]);
    }
}
