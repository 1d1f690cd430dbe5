//! The sound thread: takes access units from the desk, decodes them, lays them on the film's
//! timeline and plays them block by block. Waits for a bell when there is nothing to do, and for the
//! hardware when there is. Allocates nothing.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use core::time::Duration;

use testcard_core::playback::SoundLine;
use testcard_core::time::{Clock, Instant, MediaTime};

use super::decoder::{CHANNELS, UNIT_BYTES_MAX, UNIT_FRAMES};
use super::desk::{Next, Orders};
use super::output::{self, Output};
use super::{Failure, Shared};

/// So many access units that cannot be decoded, one after the other, end the sound: a second or
/// more of silence, after which it does not come back.
const BROKEN_MAX: u32 = 50;

/// The hardware may refuse so many blocks, one after the other: it does so when it wakes from sleep.
const REFUSED_MAX: u32 = 3;

/// How long to wait for a bell that rings for every change: a second, to be on the safe side.
const LONG: Duration = Duration::from_secs(1);

/// What filling the block came to.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Filled {
    Full,
    /// Nothing more to decode yet.
    Hungry,
    /// The film's sound is over.
    End,
    /// There was a flush, or a failure.
    Stale,
}

pub struct Playing {
    shared: Arc<Shared>,
    output: Output,
    orders: Orders,
    /// Where the stretch lies on the timeline, from its first decoded frame on.
    line: Option<SoundLine>,
    /// Frames that an access unit of the stretch is decoded to.
    unit_frames: usize,
    access_unit: Box<[u8; UNIT_BYTES_MAX]>,
    /// Frames of silence to lay before what was decoded.
    silence: u64,
    /// What of the decoder's output is not laid yet, in frames.
    fresh: core::ops::Range<usize>,
    /// The fresh frames could not be decoded: silence of the same length.
    fresh_is_broken: bool,
    /// Frames in the block that is being filled.
    filled: usize,
    /// Frames of the stretch that were handed over.
    handed_over: u64,
    /// When the last block handed over will have sounded.
    lasts_until: Option<Instant>,
    /// It was told that nothing more came.
    is_dry: bool,
    broken_in_a_row: u32,
    refused_in_a_row: u32,
}

impl Playing {
    pub fn new(shared: Arc<Shared>) -> Self {
        let orders = shared.desk.with(|desk| desk.orders());
        Self {
            shared,
            output: Output::new(),
            orders,
            line: None,
            unit_frames: UNIT_FRAMES,
            access_unit: Box::new([0; UNIT_BYTES_MAX]),
            silence: 0,
            fresh: 0..0,
            fresh_is_broken: false,
            filled: 0,
            handed_over: 0,
            lasts_until: None,
            is_dry: false,
            broken_in_a_row: 0,
            refused_in_a_row: 0,
        }
    }

    /// For as long as the program runs.
    pub fn run(&mut self) {
        loop {
            let wait = self.turn();
            if !wait.is_zero() {
                self.shared.work.wait(wait);
            }
        }
    }

    /// Does what can be done now; how long to wait for the bell afterwards, if at all.
    fn turn(&mut self) -> Duration {
        let orders = self.shared.desk.with(|desk| desk.orders());
        if orders.stretch != self.orders.stretch {
            self.begin(orders);
        }
        self.orders = orders;
        if !orders.open {
            // A channel that does not come free is asked for again with the next film.
            let _ = self.output.release();
            return LONG;
        }
        let filled = self.fill();
        if filled == Filled::Stale {
            return Duration::ZERO;
        }
        self.report_staged();
        if !orders.playing {
            self.is_dry = false;
            return LONG;
        }
        match filled {
            Filled::Full => self.play(),
            Filled::End if self.filled > 0 => self.play(),
            Filled::End => {
                self.shared.desk.with(|desk| desk.set_all_handed_over(orders.stretch));
                self.shared.room.ring();
                LONG
            }
            Filled::Hungry => self.starve(),
            Filled::Stale => Duration::ZERO,
        }
    }

    /// Begins another stretch.
    fn begin(&mut self, orders: Orders) {
        if self.handed_over > 0 {
            self.output.hush();
        }
        (self.line, self.unit_frames, self.silence) = (None, UNIT_FRAMES, 0);
        (self.fresh, self.filled) = (0..0, 0);
        (self.handed_over, self.lasts_until, self.is_dry) = (0, None, false);
        self.broken_in_a_row = 0;
        if orders.open && self.shared.decoder.lock().reset().is_err() {
            self.fail(orders, Failure::DecoderLost);
        }
    }

    /// Decodes and lays until the block is full.
    fn fill(&mut self) -> Filled {
        loop {
            let limit = output::block_frames(self.rate());
            let room = limit.saturating_sub(self.filled);
            if self.line.is_some() && room == 0 {
                return Filled::Full;
            }
            if self.silence > 0 {
                let frames = room.min(usize::try_from(self.silence).unwrap_or(usize::MAX));
                self.stage(frames)[..].fill(0);
                self.silence -= frames as u64;
            } else if !self.fresh.is_empty() {
                self.lay_fresh(room);
            } else {
                let (stretch, into) = (self.orders.stretch, &mut self.access_unit);
                match self.shared.desk.with(|desk| desk.next(stretch, into)) {
                    Next::Unit(bytes, time) => {
                        self.shared.room.ring();
                        self.decode(bytes);
                        if let Err(failure) = self.place(time) {
                            self.fail(self.orders, failure);
                            return Filled::Stale;
                        }
                    }
                    Next::NotYet => return Filled::Hungry,
                    Next::End => return Filled::End,
                    Next::Stale => return Filled::Stale,
                }
            }
        }
    }

    /// Room for so many more frames in the block.
    fn stage(&mut self, frames: usize) -> &mut [i16] {
        let from = self.filled * CHANNELS;
        self.filled += frames;
        &mut self.output.block()[from..from + frames * CHANNELS]
    }

    fn lay_fresh(&mut self, room: usize) {
        let frames = room.min(self.fresh.len());
        let from = self.fresh.start * CHANNELS;
        self.fresh.start += frames;
        if self.fresh_is_broken {
            self.stage(frames).fill(0);
            return;
        }
        let shared = Arc::clone(&self.shared);
        let decoder = shared.decoder.lock();
        let samples = &decoder.samples()[from..from + frames * CHANNELS];
        self.stage(frames).copy_from_slice(samples);
    }

    /// Decodes the access unit, which becomes the fresh frames.
    fn decode(&mut self, bytes: usize) {
        let decoded = self.shared.decoder.lock().decode(&self.access_unit[..bytes]);
        let expected = self.line.map(|_| self.unit_frames);
        let frames = match decoded {
            Ok(frames) if expected.is_none_or(|expected| frames == expected) => Some(frames),
            _ => None,
        };
        self.fresh_is_broken = frames.is_none();
        self.fresh = 0..frames.or(expected).unwrap_or(UNIT_FRAMES);
        if frames.is_some() {
            self.broken_in_a_row = 0;
        } else {
            self.broken_in_a_row += 1;
            let stretch = self.orders.stretch;
            self.shared.desk.with(|desk| desk.count_broken(stretch));
        }
    }

    /// Lays the fresh frames on the timeline: what to cut, where to put silence.
    fn place(&mut self, time: MediaTime) -> Result<(), Failure> {
        if self.broken_in_a_row >= BROKEN_MAX {
            return Err(Failure::Damaged);
        }
        let frames = self.fresh.len();
        let orders = self.orders;
        if self.line.is_none() {
            // The first access unit tells whether SBR doubles the rate.
            self.unit_frames = frames;
            let rate = self.rate();
            if !output::plays(rate) {
                return Err(Failure::Rate(rate));
            }
            self.line = Some(SoundLine::new(orders.target, rate));
            self.shared.desk.with(|desk| desk.set_rate(orders.stretch, rate));
            if let Some(dump) = &*self.shared.dump.lock() {
                dump.note_start(orders.target, rate);
            }
        }
        if let Some(line) = &mut self.line {
            let placement = line.place(time, frames as u64);
            let skip = usize::try_from(placement.skip).unwrap_or(usize::MAX);
            self.fresh.start = skip.min(frames);
            self.silence = placement.silence;
        }
        Ok(())
    }

    /// Plays the block, filled up with silence if it is the last.
    fn play(&mut self) -> Duration {
        if self.shared.desk.with(|desk| desk.orders()).stretch != self.orders.stretch {
            return Duration::ZERO;
        }
        let rate = self.rate();
        let (frames, limit) = (self.filled, output::block_frames(rate));
        self.stage(limit - frames).fill(0);
        if let Some(dump) = &*self.shared.dump.lock() {
            dump.push(&self.output.block()[..frames * CHANNELS]);
        }
        let volume = match self.shared.is_muted.load(Ordering::Relaxed) {
            true => 0,
            false => self.shared.volume.load(Ordering::Relaxed),
        };
        let played = self.output.play(rate, volume);
        self.filled = 0;
        let Ok(rest) = played else {
            let _ = self.output.release();
            self.refused_in_a_row += 1;
            if self.refused_in_a_row > REFUSED_MAX {
                self.fail(self.orders, Failure::NoOutput);
            }
            self.handed_over += frames as u64;
            return Duration::ZERO;
        };
        self.refused_in_a_row = 0;
        self.is_dry = false;
        let (stretch, now) = (self.orders.stretch, self.shared.clock.now());
        let heard = (self.handed_over + limit as u64).saturating_sub(rest);
        self.handed_over += frames as u64;
        self.lasts_until = Some(now + duration(rest, rate));
        let until = self.handed_over;
        self.shared.desk.with(|desk| desk.sounds(stretch, now, heard, until));
        Duration::ZERO
    }

    /// There is nothing to play: counts it when it can be heard. How long to wait for more.
    fn starve(&mut self) -> Duration {
        let now = self.shared.clock.now();
        let left = self.lasts_until.map_or(Duration::ZERO, |until| until.since(now));
        if left.is_zero() && !self.is_dry {
            self.is_dry = true;
            let stretch = self.orders.stretch;
            self.shared.desk.with(|desk| desk.count_underrun(stretch));
        }
        if left.is_zero() { LONG } else { left }
    }

    fn report_staged(&mut self) {
        let frames = self.silence + (self.fresh.len() + self.filled) as u64;
        let stretch = self.orders.stretch;
        self.shared.desk.with(|desk| desk.set_staged(stretch, frames));
    }

    /// The rate that comes out.
    fn rate(&self) -> u32 {
        self.orders.rate * (self.unit_frames / UNIT_FRAMES) as u32
    }

    /// Ends the film's sound.
    fn fail(&mut self, orders: Orders, failure: Failure) {
        self.shared.desk.with(|desk| desk.fail(orders.stretch, failure));
        self.shared.room.ring();
    }
}

/// How long so many frames last at a rate.
fn duration(frames: u64, rate: u32) -> Duration {
    Duration::from_micros(frames * 1_000_000 / u64::from(rate.max(1)))
}
