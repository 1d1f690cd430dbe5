//! The receiver on a thread of its own, and the clock that picture and sound share. The screen's
//! thread gives orders and takes pictures; this one fetches, decodes, feeds the speaker and says
//! when to start. Neither ever waits for the other longer than it takes to move a pointer.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::time::Duration;

use testcard_core::guide::{ASKING, Reception, sentence_case, stage};
use testcard_core::net::{Network, Url};
use testcard_core::playback::{Aim, Part, Playhead, Verdict, judge};
use testcard_core::stream::{Condition, Limits, ProgrammeFailure};
use testcard_core::time::{Clock, Instant, MediaTime};

use crate::journal::{Journal, Shown};
use crate::picture::{Memory, Picture};
use crate::receiver::{Happening, PICTURES_MAX, Receiver};
use crate::runtime::clock::ConsoleClock;
use crate::runtime::sync::{Bell, Guard, Mutex};
use crate::runtime::thread::{self, NoThread, Role, Thread};
use crate::sound::Sound;

/// How often the network is asked for news while any is due: sockets ring no bell. 16 KiB at a time
/// make 4 MB/s, more than the radio carries.
const NETWORK_EVERY: Duration = Duration::from_millis(4);

/// How often the speaker is fed while it plays. Less than its queue holds by a factor of thirty.
const FEED_EVERY: Duration = Duration::from_millis(15);

/// How often anything else is looked at.
const IDLE: Duration = Duration::from_millis(250);

/// A network that has to be found first.
pub trait Way: Network {
    /// Called before a round of exchanges is polled. Goes on finding the network, and tells what is
    /// in the way, as a sentence; `None`: nothing is.
    fn turn(&mut self, now: Instant) -> Option<String>;

    /// Whether exchanges that said to be pending in this round have more at once: they gave what one
    /// round may take.
    fn has_more(&self) -> bool;

    /// The console slept: no connection is what it was.
    fn lost(&mut self);

    /// Why a host was not trusted or not understood, once: more than an exchange's failure says.
    fn trouble(&mut self) -> Option<String>;
}

/// A tuner, from outside. Dropping it does not end the thread: [`Tuner::leave`] does.
#[derive(Clone)]
pub struct Tuner {
    shared: Arc<Shared>,
}

/// What the tuner tells a person and a screen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report {
    /// What is going on, in words.
    pub reception: Reception,
    /// Why there is no network, as a sentence.
    pub link: Option<String>,
    /// What will not be played, if anything, as a sentence.
    pub notice: Option<String>,
    /// Why the programme is only heard, as a sentence; `None` when it is seen too.
    pub sound_only: Option<String>,
    /// How the programme ended, when it has.
    pub ending: Option<Result<(), ProgrammeFailure>>,
}

struct Shared {
    state: Mutex<State>,
    /// Rung when there is something to do for the thread.
    news: Arc<Bell>,
    clock: ConsoleClock,
}

struct State {
    /// The latest order not yet carried out: whoever zaps only wants the last channel.
    order: Option<Order>,
    /// The console sleeps, or is about to.
    asleep: bool,
    quit: bool,
    /// The thread has nothing more to do.
    is_over: bool,
    pictures: VecDeque<Picture>,
    playhead: Playhead,
    report: Report,
    /// Counts the changes of the report.
    version: u32,
    /// Body bytes received and exchanges opened for the programme.
    totals: (u64, u32),
    underruns: u32,
}

struct Order {
    url: Url,
    aim: Aim,
}

impl Tuner {
    /// Starts the thread. It reaches hosts through what `make` makes there, tells `journal` what it
    /// does, and plays to `sound`. It listens for `news`, which everybody rings who has any.
    pub fn start<N: Way>(
        make: impl FnOnce() -> Result<N, String> + Send + 'static,
        sound: Arc<Sound>,
        pictures: Arc<Memory>,
        news: Arc<Bell>,
        clock: ConsoleClock,
        journal: Arc<Mutex<Journal>>,
    ) -> Result<(Self, Thread), NoThread> {
        let state = State {
            order: None,
            asleep: false,
            quit: false,
            is_over: false,
            pictures: VecDeque::with_capacity(PICTURES_MAX),
            playhead: Playhead::paused_at(MediaTime::ZERO),
            report: Report::off(),
            version: 0,
            totals: (0, 0),
            underruns: 0,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), news, clock });
        let tuner = Self { shared: Arc::clone(&shared) };
        let thread = thread::spawn(&Role::NETWORK, move || {
            let net = match make() {
                Ok(net) => net,
                Err(why) => return shared.give_up(why),
            };
            let receiver = Receiver::new(net, sound, pictures);
            Desk {
                shared,
                receiver,
                clock,
                journal,
                started: false,
                has_played: false,
                trouble: None,
            }
            .run();
        })?;
        Ok((tuner, thread))
    }

    /// Leaves what is on and tunes to another film.
    pub fn tune(&self, url: Url, aim: Aim) {
        let mut state = self.shared.state.lock();
        state.order = Some(Order { url, aim });
        // What is on now is over, for the eye too.
        state.pictures.clear();
        state.playhead.pause(MediaTime::ZERO);
        let reception = Reception::Tuning { stage: ASKING.to_string() };
        let link = state.report.link.take();
        state.report = Report { reception, link, ..Report::off() };
        state.version += 1;
        drop(state);
        self.shared.news.ring();
    }

    /// The console is about to sleep: leaves what is on and every connection.
    pub fn sleep(&self) {
        self.shared.state.lock().asleep = true;
        self.shared.news.ring();
    }

    /// The console has woken up. What is to be on is for the caller to say.
    pub fn wake(&self) {
        self.shared.state.lock().asleep = false;
        self.shared.news.ring();
    }

    /// Ends the thread, and soon: [`Tuner::is_over`].
    pub fn leave(&self) {
        self.shared.state.lock().quit = true;
        self.shared.news.ring();
    }

    /// Whether the thread has left its programme and the network.
    pub fn is_over(&self) -> bool {
        self.shared.state.lock().is_over
    }

    /// What is going on, if that is other news than those of `version`, which then becomes theirs.
    pub fn news(&self, version: &mut u32) -> Option<Report> {
        let state = self.shared.state.lock();
        (core::mem::replace(version, state.version) != state.version).then(|| state.report.clone())
    }

    /// Takes the picture whose time has come, if one's has, and says how many were too late.
    pub fn due_picture(&self) -> (Option<Picture>, u32) {
        let mut state = self.shared.state.lock();
        let now = self.shared.clock.now();
        let (mut picture, mut dropped) = (None, 0);
        if !state.playhead.is_running() {
            return (picture, dropped);
        }
        let position = state.playhead.position(now, None);
        while let Some(first) = state.pictures.front() {
            match judge(first.pts(), position, state.pictures.len() > 1) {
                Verdict::Hold(_) => break,
                Verdict::Drop => {
                    state.pictures.pop_front();
                    dropped += 1;
                }
                // Two that are due: the later one is the one to see.
                Verdict::Show => {
                    dropped += u32::from(picture.is_some());
                    picture = state.pictures.pop_front();
                }
            }
        }
        drop(state);
        if picture.is_some() || dropped > 0 {
            self.shared.news.ring();
        }
        (picture, dropped)
    }

    /// Body bytes received and exchanges opened for the programme, and how often its sound has run
    /// dry.
    pub fn totals(&self) -> (u64, u32, u32) {
        let state = self.shared.state.lock();
        (state.totals.0, state.totals.1, state.underruns)
    }
}

impl Report {
    /// That of a tuner that nobody has asked for anything.
    pub fn off() -> Self {
        Self { reception: Reception::Off, link: None, notice: None, sound_only: None, ending: None }
    }
}

impl Shared {
    /// There is no network, and there will be none.
    fn give_up(&self, why: String) {
        let mut state = self.state.lock();
        state.report.link = Some(why);
        state.version += 1;
        state.is_over = true;
    }
}

/// The thread's side.
struct Desk<N: Network> {
    shared: Arc<Shared>,
    receiver: Receiver<N>,
    clock: ConsoleClock,
    journal: Arc<Mutex<Journal>>,
    /// Whether the clock runs.
    started: bool,
    /// Whether it ever ran in this programme.
    has_played: bool,
    /// What is wrong with a host of the programme's.
    trouble: Option<String>,
}

impl<N: Way> Desk<N> {
    /// Runs until somebody calls [`Tuner::leave`].
    fn run(mut self) {
        let mut was_asleep = false;
        loop {
            let mut state = self.shared.state.lock();
            let (quit, asleep) = (state.quit, state.asleep);
            let order = state.order.take_if(|_| !asleep);
            drop(state);
            if quit {
                self.leave();
                self.shared.state.lock().is_over = true;
                return;
            }
            if asleep && !was_asleep {
                self.leave();
                self.receiver.network().lost();
            }
            was_asleep = asleep;
            if let Some(order) = order {
                self.tune(order);
            }
            let now = self.clock.now();
            let wake = match asleep {
                true => Instant::FAR_FUTURE,
                false => self.turn(now),
            };
            let pause = wake.since(self.clock.now()).min(self.patience());
            if !pause.is_zero() && !self.receiver.network().has_more() {
                self.shared.news.wait(pause);
            }
        }
    }

    /// How long nobody would tell that there is something to do.
    fn patience(&self) -> Duration {
        let condition = self.receiver.player().map(|player| player.stream().condition());
        match condition {
            Some(Condition::Asking | Condition::Reading) => NETWORK_EVERY,
            _ if self.started => FEED_EVERY,
            _ => IDLE,
        }
    }

    fn tune(&mut self, Order { url, aim }: Order) {
        (self.trouble, self.has_played) = (None, false);
        self.stop_clock(MediaTime::ZERO);
        let now = self.clock.now();
        let outcome =
            self.receiver.tune(url, aim, Limits::PSP, now, &mut HeldForEach(&self.journal));
        if let Err(failure) = outcome {
            self.fail(failure);
        }
    }

    fn leave(&mut self) {
        self.stop_clock(MediaTime::ZERO);
        self.receiver.leave(self.clock.now(), &mut HeldForEach(&self.journal));
    }

    /// One round of all that can be done now; when to do the next.
    fn turn(&mut self, now: Instant) -> Instant {
        let link = self.receiver.network().turn(now);
        // What has begun is played as far as it goes; nothing is begun without a network.
        if link.is_some() && !self.has_played {
            self.publish(now, link);
            return Instant::FAR_FUTURE;
        }
        let heard = self.heard();
        let mut playhead = self.shared.state.lock().playhead;
        if let Some(heard) = heard {
            playhead.follow(now, heard);
        }
        let position = playhead.position(now, heard);
        let mut wake = self.advance(now, position);
        self.tell_trouble();
        // All pictures there can be may be with the screen already.
        let has_pictures = !self.shared.state.lock().pictures.is_empty();
        let may_start = !self.started && self.receiver.may_start(has_pictures);
        // Before the clock is seen to run, so that the first picture is there when it is due.
        self.publish(now, link);
        if may_start {
            wake = wake.min(self.start_when_due(now));
        }
        wake
    }

    /// Adds to a failure's sentence what is wrong with the host.
    fn tell_trouble(&mut self) {
        let Some(trouble) = self.receiver.network().trouble() else { return };
        let mut state = self.shared.state.lock();
        if state.order.is_none()
            && let Reception::Failed { sentence, .. } = &mut state.report.reception
        {
            *sentence = format!("{sentence} {}.", sentence_case(&trouble));
            state.version += 1;
        }
        self.trouble = Some(trouble);
    }

    fn advance(&mut self, now: Instant, position: MediaTime) -> Instant {
        let Self { receiver, journal, shared, started, .. } = self;
        let mut trace = HeldForEach(journal);
        receiver.turn(now, position, &mut trace, |receiver, happening| {
            let mut desk = Happened { shared, receiver, started };
            desk.happened(happening, position);
        })
    }

    fn fail(&mut self, failure: ProgrammeFailure) {
        let Self { receiver, shared, started, .. } = self;
        Happened { shared, receiver, started }.fail(failure);
    }

    fn stop_clock(&mut self, position: MediaTime) {
        let Self { receiver, shared, started, .. } = self;
        Happened { shared, receiver, started }.stop_clock(position);
    }

    /// Starts picture and sound together when the schedule says so; until when to wait.
    fn start_when_due(&mut self, now: Instant) -> Instant {
        let Some(player) = self.receiver.player() else { return Instant::FAR_FUTURE };
        let mut state = self.shared.state.lock();
        let position = state.playhead.position(now, None);
        let due = player.due(position, now);
        if due > now {
            return due;
        }
        if state.order.is_none() {
            state.playhead.run(now);
            (self.started, self.has_played) = (true, true);
            drop(state);
            if self.receiver.has_sound() {
                self.receiver.sound().play();
            }
            self.journal.lock().shown(now, &Shown::Playing { at_us: position });
        }
        now
    }

    /// The position of what leaves the speaker now; `None` when sound does not lead.
    fn heard(&self) -> Option<MediaTime> {
        let sound = self.receiver.sound();
        if !self.started || !self.receiver.has_sound() || sound.is_drained() {
            return None;
        }
        sound.heard()
    }

    /// Moves pictures to the screen's side and tells how things stand.
    fn publish(&mut self, now: Instant, link: Option<String>) {
        let heard = self.heard();
        let reception = self.reception(now);
        let over = self.receiver.is_over();
        let totals = self.receiver.player().map(|player| player.stream().totals());
        let mut state = self.shared.state.lock();
        if state.order.is_some() {
            return;
        }
        while let Some(picture) = self.receiver.pictures.pop_front() {
            state.pictures.push_back(picture);
        }
        if let Some(heard) = heard {
            state.playhead.follow(now, heard);
        }
        state.underruns = self.receiver.sound().underruns();
        if let Some(totals) = totals {
            state.totals = totals;
        }
        let state = &mut *state;
        let mut changed = state.report.link != link;
        state.report.link = link;
        if let Some(reception) = reception
            && state.report.ending.is_none()
            && state.report.reception != reception
        {
            state.report.reception = reception;
            changed = true;
        }
        if over && state.pictures.is_empty() && state.report.ending.is_none() {
            state.report.ending = Some(Ok(()));
            changed = true;
        }
        state.version += u32::from(changed);
    }

    /// What the tuner is doing, in words.
    fn reception(&self, now: Instant) -> Option<Reception> {
        let player = self.receiver.player()?;
        if self.started {
            return Some(Reception::Playing);
        }
        let mut why = stage(player, now);
        if let (Some(trouble), Condition::Pausing(..)) =
            (&self.trouble, player.stream().condition())
        {
            why = format!("{why} {}.", sentence_case(trouble));
        }
        Some(match self.has_played {
            false => Reception::Tuning { stage: why },
            true => Reception::Waiting { why },
        })
    }
}

/// The journal, held for each event alone: it is the screen's too, and decoding a picture or leaving
/// a programme takes its time.
struct HeldForEach<'a>(&'a Mutex<Journal>);

impl testcard_core::trace::Trace for HeldForEach<'_> {
    fn record(&mut self, at: Instant, event: testcard_core::trace::Event) {
        self.0.lock().record(at, event);
    }
}

/// The parts of a desk that a happening changes.
struct Happened<'a, N: Network> {
    shared: &'a Shared,
    receiver: &'a mut Receiver<N>,
    started: &'a mut bool,
}

impl<N: Network> Happened<'_, N> {
    fn happened(&mut self, happening: Happening, position: MediaTime) {
        match happening {
            Happening::Seeked(target) => self.stop_clock(target),
            Happening::Starved => self.stop_clock_keeping_pictures(position),
            Happening::Notice(notice) => self.notice(notice),
            Happening::Failed(failure) => self.fail(failure),
            Happening::Located | Happening::Ready | Happening::Ended => {}
        }
    }

    fn notice(&mut self, notice: String) {
        let is_seen =
            self.receiver.player().is_some_and(|player| player.track(Part::Picture).is_some());
        let mut state = self.orderless();
        let Some(state) = &mut state else { return };
        match is_seen {
            true => state.report.notice = Some(notice),
            false => state.report.sound_only = Some(notice),
        }
        state.version += 1;
    }

    fn fail(&mut self, failure: ProgrammeFailure) {
        self.stop_clock(MediaTime::ZERO);
        let sentence = failure.to_string();
        let mut state = self.orderless();
        let Some(state) = &mut state else { return };
        state.report.reception = Reception::Failed { sentence, retry_at: None };
        state.report.ending = Some(Err(failure));
        state.version += 1;
    }

    /// The state, unless an order came meanwhile: then what happens is about another programme.
    fn orderless(&self) -> Option<Guard<'_, State>> {
        let state = self.shared.state.lock();
        state.order.is_none().then_some(state)
    }

    /// Stops at another place than where playing was: nothing of what waits belongs there.
    fn stop_clock(&mut self, position: MediaTime) {
        self.stop_clock_keeping_pictures(position);
        self.shared.state.lock().pictures.clear();
    }

    fn stop_clock_keeping_pictures(&mut self, position: MediaTime) {
        *self.started = false;
        self.receiver.sound().pause();
        self.shared.state.lock().playhead.pause(position);
    }
}
