//! The film's sound: access units in, loudspeakers out, on a thread of its own. [`Sound`] is what the
//! rest of the program sees of it. All memory is taken when a `Sound` starts; decoding and playing
//! allocate nothing. What belongs where on the timeline is core's to say
//! ([`SoundLine`](testcard_core::playback::SoundLine)); what plays when is for the caller.
//!
//! ```text
//!  open ─► flush(target) ─► push … push ─► play ─► push … push ─► end ─► is_drained
//!               ▲                            │
//!               └──── seek ──── pause ◄──────┘
//! ```
//!
//! [`Sound::push`] has room for some seconds and then says no: the caller keeps the access unit and
//! takes no others from core, whose window fills up, and the download waits.

mod decoder;
mod desk;
mod dump;
mod output;
mod playing;
mod queue;
mod trial;

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use core::time::Duration;

use testcard_core::mp4::{Aac, Sample};
use testcard_core::time::{Clock, MediaTime};

pub use decoder::{Broken, CHANNELS, Decoder, Framing, Refusal, UNIT_FRAMES};
use desk::Desk;
use dump::Dump;
use output::Output;
pub use output::{NoOutput, plays};
use playing::Playing;
use queue::Queue;

use crate::runtime::clock::ConsoleClock;
use crate::runtime::sync::{Bell, Mutex};
use crate::runtime::thread::{self, NoThread, Role, Thread};

/// What a [`Sound`] takes of the heap, once, without a dump (512 KiB more).
pub const MEMORY_BYTES: usize = Queue::MEMORY_BYTES
    + Decoder::MEMORY_BYTES
    + Output::MEMORY_BYTES
    + decoder::UNIT_BYTES_MAX
    + size_of::<Shared>()
    + size_of::<Playing>();

/// Why a film's sound ended early. Each completes the sentence “The sound cannot be played: …”.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Failure {
    /// Too much of it could not be decoded.
    Damaged,
    /// SBR doubles its rate to one that the PSP does not play.
    Rate(u32),
    /// The Media Engine does not start again after a seek.
    DecoderLost,
    /// The hardware takes no sound.
    NoOutput,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged => f.write_str("it is damaged"),
            Self::Rate(rate) => Refusal::Rate(*rate).fmt(f),
            Self::DecoderLost => f.write_str("the firmware's decoder does not start again"),
            Self::NoOutput => f.write_str("the loudspeakers do not take it"),
        }
    }
}

struct Shared {
    clock: ConsoleClock,
    desk: Desk,
    /// Held while one access unit is decoded or one film is opened.
    decoder: Mutex<Decoder>,
    /// Rings when there is something to do for the sound thread,
    work: Bell,
    /// and when there is room, or it came to an end, for the caller.
    room: Arc<Bell>,
    /// 0 to 100.
    volume: AtomicU8,
    is_muted: AtomicBool,
    dump: Mutex<Option<Arc<Dump>>>,
}

/// The sound thread, and what to tell it. May be told from any thread.
pub struct Sound {
    shared: Arc<Shared>,
    thread: Thread,
}

impl Sound {
    /// Starts the sound thread, once. `room` is rung when [`Sound::push`] may have room again, and
    /// when the sound is through or fails.
    pub fn start(clock: ConsoleClock, room: Arc<Bell>) -> Result<Self, NoThread> {
        let shared = Arc::new(Shared {
            clock,
            desk: Desk::new(),
            decoder: Mutex::new(Decoder::new()),
            work: Bell::new(),
            room,
            volume: AtomicU8::new(100),
            is_muted: AtomicBool::new(false),
            dump: Mutex::new(None),
        });
        let mut playing = Playing::new(Arc::clone(&shared));
        let thread = thread::spawn(&Role::SOUND, move || playing.run())?;
        Ok(Self { shared, thread })
    }

    /// Gets ready for a film's sound, at its beginning; what was open is closed. May take tenths of
    /// a second. The reason why not completes the sentence “The sound cannot be played: …”.
    pub fn open(&self, aac: &Aac<'_>) -> Result<(), String> {
        self.close();
        self.shared.decoder.lock().open(aac).map_err(|refusal| refusal.to_string())?;
        self.tell(|desk| desk.open(aac.sample_rate));
        Ok(())
    }

    /// Falls silent and forgets the film.
    pub fn close(&self) {
        self.tell(|desk| desk.close());
        self.shared.decoder.lock().close();
    }

    /// Whether [`Sound::push`] takes any access unit now.
    pub fn has_room(&self) -> bool {
        self.shared.desk.with(|desk| desk.has_room())
    }

    /// Takes the film's next access unit. False when there is no room, no film, or its sound has
    /// ended: push it again later, or not at all.
    pub fn push(&self, access_unit: &[u8], sample: &Sample) -> bool {
        self.tell(|desk| desk.push(access_unit, sample.time))
    }

    /// No more access units follow, until the next flush.
    pub fn end(&self) {
        self.tell(|desk| desk.end());
    }

    /// Lets it sound.
    pub fn play(&self) {
        self.tell(|desk| desk.set_playing(true));
    }

    /// Falls silent within two blocks (43 to 85 ms), and goes on from there later.
    pub fn pause(&self) {
        self.tell(|desk| desk.set_playing(false));
    }

    /// Falls silent within a block (21 to 43 ms) and forgets what was pushed; what is pushed from now
    /// on is heard from `target` on, after [`Sound::play`].
    pub fn flush(&self, target: MediaTime) {
        self.tell(|desk| desk.flush(target));
    }

    /// The position on the film's timeline that leaves the loudspeakers now, to the millisecond or
    /// so; the target before anything does. `None` while no film's sound is open.
    pub fn heard(&self) -> Option<MediaTime> {
        let now = self.shared.clock.now();
        self.shared.desk.with(|desk| desk.heard(now))
    }

    /// How much sound waits to be heard.
    pub fn queued(&self) -> Duration {
        let now = self.shared.clock.now();
        self.shared.desk.with(|desk| desk.queued(now))
    }

    /// Whether all sound up to [`Sound::end`] was heard, or there is none to wait for.
    pub fn is_drained(&self) -> bool {
        let now = self.shared.clock.now();
        self.shared.desk.with(|desk| desk.is_drained(now))
    }

    /// How often this film's sound ran dry while it played.
    pub fn underruns(&self) -> u32 {
        self.shared.desk.with(|desk| desk.underruns())
    }

    /// How many access units of this film could not be decoded.
    pub fn broken(&self) -> u32 {
        self.shared.desk.with(|desk| desk.broken())
    }

    /// Why this film's sound ended early, if it did.
    pub fn failure(&self) -> Option<Failure> {
        self.shared.desk.with(|desk| desk.failure())
    }

    /// From 0 to 100 % of the loudness that it was recorded at; heard from the next block on.
    pub fn set_volume(&self, percent: u8) {
        self.shared.volume.store(percent.min(100), Ordering::Relaxed);
    }

    /// Silences it, whatever the volume; time goes on.
    pub fn set_muted(&self, is_muted: bool) {
        self.shared.is_muted.store(is_muted, Ordering::Relaxed);
    }

    /// Writes every frame that is played from now on to a file in the program's folder: raw samples,
    /// 16 bits, little-endian, left and right in turn, before the volume. For tests.
    pub fn dump_to(&self, name: &str) -> Result<(), String> {
        let dump = Dump::start(name)?;
        if let Some(before) = self.shared.dump.lock().replace(dump) {
            before.close();
        }
        Ok(())
    }

    /// Whether all that was played so far is in the file of [`Sound::dump_to`].
    pub fn is_dump_written(&self) -> bool {
        self.shared.dump.lock().as_ref().is_none_or(|dump| dump.is_written())
    }

    /// How access units are wrapped for the decoder, while a film's sound is open.
    pub fn framing(&self) -> Option<Framing> {
        self.shared.decoder.lock().framing()
    }

    /// Bytes of the sound thread's stack never used so far.
    pub fn stack_left(&self) -> usize {
        self.thread.stack_left()
    }

    fn tell<T>(&self, order: impl FnOnce(&mut desk::State) -> T) -> T {
        let answer = self.shared.desk.with(order);
        self.shared.work.ring();
        answer
    }
}
