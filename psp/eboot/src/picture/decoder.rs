//! One film's picture: what goes to the Media Engine, what comes back, and when to begin again.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

use testcard_core::avc::{Broken, to_byte_stream};
use testcard_core::mp4::Avc;
use testcard_core::time::MediaTime;

use super::WIDTH;
use super::firmware::{Engine, STOP_PICTURES};
use super::fit::{self, Fitting, Refused, Size};
use super::memory::{Memory, Picture, Workspace};
use super::pending::Pending;

/// After so many failures without a picture in between, nothing more is tried.
const FAILURES_MAX: u32 = 4;

/// What no decoder writes into the highest byte of a pixel: hardware writes 0, PPSSPP 255.
const UNTOUCHED: u32 = 0x5a00_0000;

/// Why there is no picture of an access unit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Damaged {
    /// All pictures are in use. The access unit was not looked at: it can be given again.
    NoRoom,
    /// The sample is no access unit.
    Sample(Broken),
    /// The decoder refused it: the firmware's code.
    Firmware(i32),
    /// Access units went in, and no picture ever came out.
    Silent,
    /// Too much was damaged: nothing is decoded any more.
    GivenUp,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoom => f.write_str("all pictures are in use"),
            Self::Sample(Broken::TooLarge) => f.write_str("a part of the picture is too large"),
            Self::Sample(_) => f.write_str("a part of the picture is damaged"),
            Self::Firmware(code) => {
                write!(f, "the picture decoder refused a part of the picture ({code:#010x})")
            }
            Self::Silent => f.write_str("the picture decoder gives no picture"),
            Self::GivenUp => f.write_str("the picture is too damaged to be decoded"),
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// The Media Engine has seen nothing yet.
    Fresh,
    /// It has seen something that nothing may be left of, or that it choked on.
    Stale,
    /// It began with a sync sample shown at that time.
    Decoding(MediaTime),
}

/// See the module. Used by one thread at a time.
pub struct Decoder {
    engine: Box<Engine>,
    workspace: Workspace,
    fitting: Fitting,
    state: State,
    pending: Pending,
    /// What was held back at the end.
    last: [Option<Picture>; STOP_PICTURES],
    failures: u32,
    damaged: u32,
}

impl Decoder {
    /// A decoder for one track, started. Takes 30 ms; the first time longer, because the firmware
    /// loads its decoder.
    ///
    /// # Errors
    /// When the track is none that can be decoded here, or there is a decoder already.
    pub fn open(memory: &Arc<Memory>, config: &Avc<'_>) -> Result<Self, Refused> {
        let fitting = fit::fitting(config)?;
        let workspace = Workspace::of(memory).ok_or(Refused::Busy)?;
        let mut engine = Engine::load().map_err(Refused::Firmware)?;
        // SAFETY: the workspace is ours until after the engine has stopped.
        unsafe { engine.start(workspace.library()) }.map_err(Refused::Firmware)?;
        Ok(Self {
            engine,
            workspace,
            state: State::Fresh,
            pending: Pending::new(fitting.reorder.is_some()),
            fitting,
            last: Default::default(),
            failures: 0,
            damaged: 0,
        })
    }

    /// How large its pictures are.
    pub fn size(&self) -> Size {
        self.fitting.size
    }

    /// Whether there is a free picture to decode into.
    pub fn has_room(&self) -> bool {
        self.workspace.memory().has_room()
    }

    /// How many access units were damaged so far.
    pub fn damaged(&self) -> u32 {
        self.damaged
    }

    /// Decodes a sample of the track, in decoding order. `sync` says that decoding can begin there.
    ///
    /// Gives a picture of this or an earlier access unit, in the order in which they are shown.
    /// There is none while the decoder fills up, from a flush or an error to the next sync sample,
    /// and for access units after that one which are shown before it: they refer to what was not
    /// decoded.
    ///
    /// # Errors
    /// The decoder goes on by itself at the next sync sample, except after [`Damaged::GivenUp`].
    pub fn decode(
        &mut self,
        sample: &[u8],
        pts: MediaTime,
        sync: bool,
    ) -> Result<Option<Picture>, Damaged> {
        if self.failures >= FAILURES_MAX {
            return Err(Damaged::GivenUp);
        }
        let begins = match self.state {
            State::Decoding(from) if pts < from && !sync => return Ok(None),
            State::Decoding(_) => false,
            State::Fresh | State::Stale if !sync => return Ok(None),
            State::Fresh | State::Stale => true,
        };
        let size = self.fitting.size;
        let mut picture = self.workspace.memory().take(size).ok_or(Damaged::NoRoom)?;
        if begins {
            self.begin(pts)?;
        }
        let Fitting { length_size, parameter_sets, .. } = &self.fitting;
        let out = self.workspace.access_unit();
        let unit = match to_byte_stream(sample, *length_size, parameter_sets, sync, out) {
            Ok(unit) => unit,
            Err(broken) => return Err(self.failed(Damaged::Sample(broken))),
        };
        if !self.pending.push(pts) {
            return Err(self.failed(Damaged::Silent));
        }
        let beside = size.width.next_multiple_of(16);
        picture.pixels_mut()[0] = UNTOUCHED;
        picture.pixels_mut()[beside] = UNTOUCHED;
        // SAFETY: the picture is ours, whole, and on a line of the cache.
        let decoded = unsafe { self.engine.decode(&out[..unit.bytes], picture.start()) };
        let counted = decoded.map_err(|code| self.failed(Damaged::Firmware(code)))?;
        // PPSSPP counts the last picture again when there is no new one.
        if !counted || picture.pixels()[0] == UNTOUCHED {
            return Ok(None);
        }
        // PPSSPP leaves no space between rows shorter than the screen's, once it knows how short
        // they are: when it was given the first access unit it took them for as long.
        if beside < WIDTH && !begins && picture.pixels()[beside] != UNTOUCHED {
            picture.unroll();
        }
        self.failures = 0;
        Ok(self.pending.came_out().map(|pts| {
            picture.pts = pts;
            picture
        }))
    }

    /// At the end of the film: one after the other, the pictures that were held back. PPSSPP gives
    /// none. Decoding goes on at a sync sample.
    pub fn drain(&mut self) -> Option<Picture> {
        if let State::Decoding(_) = self.state {
            self.state = State::Stale;
            self.finish();
        }
        let mut picture = self.last.iter_mut().find_map(Option::take)?;
        picture.pts = self.pending.came_out()?;
        Some(picture)
    }

    /// Forgets everything but the film's configuration, for a seek. Decoding goes on at a sync
    /// sample, which then takes 30 ms more.
    pub fn flush(&mut self) {
        if let State::Decoding(_) = self.state {
            self.state = State::Stale;
        }
        self.last = Default::default();
        self.pending = Pending::new(self.fitting.reorder.is_some());
    }

    /// The Media Engine starts from nothing. sceMpeg has calls to flush it, which PPSSPP ignores:
    /// what it held back of the old place would come out at the new one.
    fn begin(&mut self, pts: MediaTime) -> Result<(), Damaged> {
        self.flush();
        if self.state == State::Stale {
            // SAFETY: the workspace is ours until after the engine has stopped.
            unsafe { self.engine.start(self.workspace.library()) }
                .map_err(|code| self.failed(Damaged::Firmware(code)))?;
        }
        self.state = State::Decoding(pts);
        Ok(())
    }

    fn finish(&mut self) {
        let size = self.fitting.size;
        for place in &mut self.last {
            *place = self.workspace.memory().take(size);
        }
        let Some(spare) = self.last.iter().flatten().last() else { return };
        let spare = spare.start();
        let starts =
            self.last.each_ref().map(|picture| picture.as_ref().map_or(spare, Picture::start));
        // SAFETY: the pictures are ours, whole, and on a line of the cache.
        let count = unsafe { self.engine.finish(starts) };
        self.last.iter_mut().skip(count).for_each(|picture| *picture = None);
    }

    /// Notes a failure: nothing is decoded until the next sync sample.
    fn failed(&mut self, why: Damaged) -> Damaged {
        self.damaged = self.damaged.saturating_add(1);
        self.failures += 1;
        self.state = State::Stale;
        why
    }
}
