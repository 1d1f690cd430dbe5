//! What the sound thread and the others share: orders one way, access units with them, and how it is
//! going the other way. Everything here is short, so it is done with interrupts off: the sound thread
//! is the most urgent, and a lock would let it wait for less urgent ones.

use core::cell::UnsafeCell;
use core::time::Duration;

use psp::sys;
use testcard_core::playback::SoundLine;
use testcard_core::time::{Instant, MediaTime};

use super::Failure;
use super::decoder::{UNIT_BYTES_MAX, UNIT_FRAMES};
use super::queue::Queue;

/// Which stretch of sound something belongs to; each flush begins another.
pub type Stretch = u32;

/// What the sound thread is to do.
#[derive(Clone, Copy)]
pub struct Orders {
    pub stretch: Stretch,
    /// A film's sound is open.
    pub open: bool,
    pub playing: bool,
    /// Where the stretch begins on the film's timeline.
    pub target: MediaTime,
    /// Frames a second that the film says it has.
    pub rate: u32,
}

/// What the hardware had in its hands at one moment.
#[derive(Clone, Copy)]
struct Sounding {
    at: Instant,
    /// Frames of the stretch that had been heard by then,
    from: u64,
    /// and that will have been when it is through.
    until: u64,
}

/// What the next access unit is, to the sound thread.
pub enum Next {
    /// So many bytes, due then.
    Unit(usize, MediaTime),
    /// None yet.
    NotYet,
    /// No more will come.
    End,
    /// There was a flush.
    Stale,
}

/// The shared state itself.
pub struct State {
    orders: Orders,
    queue: Queue,
    ended: bool,
    all_handed_over: bool,
    /// The rate that really comes out: SBR doubles it.
    rate: u32,
    sounding: Option<Sounding>,
    /// Frames decoded and not handed over.
    staged: u64,
    underruns: u32,
    broken: u32,
    failure: Option<Failure>,
}

impl State {
    fn new() -> Self {
        let target = MediaTime::ZERO;
        let orders = Orders { stretch: 0, open: false, playing: false, target, rate: 0 };
        Self {
            orders,
            queue: Queue::new(),
            ended: false,
            all_handed_over: false,
            rate: 0,
            sounding: None,
            staged: 0,
            underruns: 0,
            broken: 0,
            failure: None,
        }
    }

    // For those who give orders.

    pub fn open(&mut self, rate: u32) {
        self.flush(MediaTime::ZERO);
        (self.orders.open, self.orders.rate) = (true, rate);
        (self.underruns, self.broken, self.failure) = (0, 0, None);
        self.rate = rate;
    }

    pub fn close(&mut self) {
        self.flush(MediaTime::ZERO);
        self.failure = None;
        self.orders.open = false;
    }

    pub fn flush(&mut self, target: MediaTime) {
        self.queue.clear();
        self.orders.stretch = self.orders.stretch.wrapping_add(1);
        (self.orders.playing, self.orders.target) = (false, target);
        (self.ended, self.all_handed_over) = (false, false);
        (self.sounding, self.staged) = (None, 0);
    }

    pub fn set_playing(&mut self, playing: bool) {
        self.orders.playing = playing;
    }

    pub fn has_room(&self) -> bool {
        self.takes() && self.queue.has_room()
    }

    pub fn push(&mut self, access_unit: &[u8], time: MediaTime) -> bool {
        self.takes() && self.queue.push(access_unit, time)
    }

    fn takes(&self) -> bool {
        self.orders.open && !self.ended
    }

    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Frames of the stretch that have left the loudspeakers.
    pub fn heard_frames(&self, now: Instant) -> u64 {
        self.sounding.map_or(0, |sounding| {
            let micros = now.as_micros().saturating_sub(sounding.at.as_micros());
            let frames = micros.saturating_mul(u64::from(self.rate)) / 1_000_000;
            sounding.from.saturating_add(frames).min(sounding.until)
        })
    }

    pub fn heard(&self, now: Instant) -> Option<MediaTime> {
        let line = SoundLine::new(self.orders.target, self.rate);
        self.orders.open.then(|| line.position(self.heard_frames(now)))
    }

    pub fn queued(&self, now: Instant) -> Duration {
        let handed_over = self.sounding.map_or(0, |sounding| sounding.until);
        let rest = handed_over - self.heard_frames(now).min(handed_over);
        let waiting = self.queue.len() as u64 * UNIT_FRAMES as u64;
        let micros = |frames: u64, rate: u32| frames * 1_000_000 / u64::from(rate.max(1));
        Duration::from_micros(
            micros(rest + self.staged, self.rate) + micros(waiting, self.orders.rate),
        )
    }

    pub fn is_drained(&self, now: Instant) -> bool {
        let through = self.sounding.is_none_or(|sounding| self.heard_frames(now) >= sounding.until);
        !self.orders.open || self.all_handed_over && through
    }

    pub fn underruns(&self) -> u32 {
        self.underruns
    }

    pub fn broken(&self) -> u32 {
        self.broken
    }

    pub fn failure(&self) -> Option<Failure> {
        self.failure
    }

    // For the sound thread.

    pub fn orders(&self) -> Orders {
        self.orders
    }

    pub fn next(&mut self, stretch: Stretch, into: &mut [u8; UNIT_BYTES_MAX]) -> Next {
        if stretch != self.orders.stretch {
            return Next::Stale;
        }
        match self.queue.pop(into) {
            Some((bytes, time)) => Next::Unit(bytes, time),
            None if self.ended => Next::End,
            None => Next::NotYet,
        }
    }

    pub fn set_rate(&mut self, stretch: Stretch, rate: u32) {
        if stretch == self.orders.stretch {
            self.rate = rate;
        }
    }

    pub fn set_staged(&mut self, stretch: Stretch, frames: u64) {
        if stretch == self.orders.stretch {
            self.staged = frames;
        }
    }

    pub fn sounds(&mut self, stretch: Stretch, at: Instant, from: u64, until: u64) {
        if stretch == self.orders.stretch {
            self.sounding = Some(Sounding { at, from: from.min(until), until });
            self.staged = 0;
        }
    }

    pub fn set_all_handed_over(&mut self, stretch: Stretch) {
        if stretch == self.orders.stretch {
            self.all_handed_over = true;
        }
    }

    pub fn count_underrun(&mut self, stretch: Stretch) {
        if stretch == self.orders.stretch {
            self.underruns += 1;
        }
    }

    pub fn count_broken(&mut self, stretch: Stretch) {
        if stretch == self.orders.stretch {
            self.broken += 1;
        }
    }

    pub fn fail(&mut self, stretch: Stretch, failure: Failure) {
        if stretch == self.orders.stretch {
            self.failure = Some(failure);
            self.orders.open = false;
            self.queue.clear();
        }
    }
}

/// Where it lies.
pub struct Desk(UnsafeCell<State>);

// SAFETY: all access is in `with`, and there is one core.
unsafe impl Sync for Desk {}

impl Desk {
    pub fn new() -> Self {
        Self(UnsafeCell::new(State::new()))
    }

    /// Does something that is short, allocates nothing and does not come here again.
    pub fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        // SAFETY: with interrupts off no other thread runs: this is the only reference.
        unsafe {
            let flags = sys::sceKernelCpuSuspendIntr();
            let result = work(&mut *self.0.get());
            sys::sceKernelCpuResumeIntr(flags);
            result
        }
    }
}
