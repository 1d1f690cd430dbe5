//! The loudspeakers: blocks of sound at the film's own rate to the one channel of the PSP that
//! converts rates (`sceAudioSRC`). Never decodes, never decides what is played.
//!
//! The hardware plays out of our memory: nothing is copied when a block is handed over. Two may be
//! in its hands, and a call that hands over the second returns when the first is through. So on
//! return the block just handed over begins to sound, and the other one is ours again: two blocks
//! are enough, and the moment of the return is the one to count from what is heard. The firmware's
//! own count of what is left moves by whole blocks, so it is right at that moment only.
//!
//! PPSSPP copies instead, and measures its wait as if all were 44.1 kHz: below that it returns early
//! until it holds more than it says, by 0.02 s at 22 kHz and 0.14 s at 8 kHz. Sound is late by that
//! much there, and nobody can tell from inside.

use alloc::boxed::Box;
use core::fmt;

use psp::sys::{self, AudioOutputFrequency};

use super::decoder::CHANNELS;

/// The most frames in a block.
pub const BLOCK_FRAMES_MAX: usize = 1024;

/// As loud as it was recorded: 1.0 in the hardware's fixed point.
const FULL_VOLUME: u32 = 0x8000;

/// How often a call is made again before the channel is given up as another's.
const TRIES: u32 = 100;

/// The hardware's frequency for a rate, and the frames in a block: 21 to 43 ms of sound.
fn settings(rate: u32) -> Option<(AudioOutputFrequency, usize)> {
    use AudioOutputFrequency as F;
    Some(match rate {
        48_000 => (F::Khz48, 1024),
        44_100 => (F::Khz44_1, 1024),
        32_000 => (F::Khz32, 1024),
        24_000 => (F::Khz24, 512),
        22_050 => (F::Khz22_05, 512),
        16_000 => (F::Khz16, 512),
        12_000 => (F::Khz12, 512),
        11_025 => (F::Khz11_025, 256),
        8_000 => (F::Khz8, 256),
        _ => return None,
    })
}

/// Whether the hardware plays sound of so many frames a second at its true speed.
pub fn plays(rate: u32) -> bool {
    settings(rate).is_some()
}

/// Frames in each block at this rate.
pub fn block_frames(rate: u32) -> usize {
    settings(rate).map_or(BLOCK_FRAMES_MAX, |(_, frames)| frames)
}

/// The hardware does not take sound: a code of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoOutput(pub i32);

impl fmt::Display for NoOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the loudspeakers do not take it ({:#010x})", self.0)
    }
}

/// Read by the hardware past the CPU's cache, so it shares no line of it.
#[repr(C, align(64))]
struct Block([i16; BLOCK_FRAMES_MAX * CHANNELS]);

/// The channel, and the blocks that it plays.
pub struct Output {
    blocks: Box<[Block; 2]>,
    /// The one that is ours to fill.
    ours: usize,
    /// Frames a second that the channel is reserved for; 0 when it is not.
    rate: u32,
}

impl Output {
    /// What it takes of the heap.
    pub const MEMORY_BYTES: usize = size_of::<[Block; 2]>();

    /// Reserves nothing yet.
    pub fn new() -> Self {
        let blocks = Box::new([const { Block([0; BLOCK_FRAMES_MAX * CHANNELS]) }; 2]);
        Self { blocks, ours: 0, rate: 0 }
    }

    /// The block to fill next.
    pub fn block(&mut self) -> &mut [i16] {
        &mut self.blocks[self.ours].0
    }

    /// Plays the block that was filled, of [`block_frames`] frames at that rate, at 0 to 100 % of
    /// the volume that it was recorded at. Returns when the one before it is through: how many
    /// frames are still to be heard at that moment, this block's included.
    pub fn play(&mut self, rate: u32, volume_percent: u8) -> Result<u64, NoOutput> {
        if self.rate != rate {
            self.reserve(rate)?;
        }
        let volume = FULL_VOLUME * u32::from(volume_percent.min(100)) / 100;
        let block = &mut self.blocks[self.ours];
        // SAFETY: the block is as long as the channel was reserved for, and is left alone until the
        // hardware is through with it; it is written from the CPU's cache to memory first.
        let code = unsafe {
            sys::sceKernelDcacheWritebackRange(
                (&raw const *block).cast(),
                size_of::<Block>() as u32,
            );
            sys::sceAudioSRCOutputBlocking(volume as i32, block.0.as_mut_ptr().cast())
        };
        if code < 0 {
            return Err(NoOutput(code));
        }
        self.ours ^= 1;
        // SAFETY: takes nothing. It is the same channel under an older name.
        let rest = unsafe { sys::sceAudioOutput2GetRestSample() };
        Ok(u64::try_from(rest).unwrap_or(block_frames(rate) as u64))
    }

    /// Falls silent at once where the hardware plays out of our memory; and after the blocks in its
    /// hands in any case, when no others follow.
    pub fn hush(&mut self) {
        for block in self.blocks.iter_mut() {
            block.0.fill(0);
            // SAFETY: only writes the cache back.
            unsafe {
                let bytes = size_of::<Block>() as u32;
                sys::sceKernelDcacheWritebackRange((&raw const *block).cast(), bytes);
            }
        }
    }

    fn reserve(&mut self, rate: u32) -> Result<(), NoOutput> {
        /// Two channels; the hardware's converter knows nothing else.
        const STEREO: i32 = 2;
        self.release()?;
        let (frequency, frames) = settings(rate).ok_or(NoOutput(0))?;
        // SAFETY: takes numbers.
        let code = unsafe { sys::sceAudioSRCChReserve(frames as i32, frequency, STEREO) };
        if code < 0 {
            return Err(NoOutput(code));
        }
        self.rate = rate;
        Ok(())
    }

    /// Gives the channel back when it is through with the last block.
    pub fn release(&mut self) -> Result<(), NoOutput> {
        if self.rate == 0 {
            return Ok(());
        }
        for _ in 0..TRIES {
            // SAFETY: takes nothing.
            let code = unsafe { sys::sceAudioSRCChRelease() };
            if code >= 0 {
                self.rate = 0;
                return Ok(());
            }
            // It is still playing; the firmware has no call that waits for the end.
            crate::runtime::thread::pause(core::time::Duration::from_millis(2));
        }
        Err(NoOutput(-1))
    }
}

impl Default for Output {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.hush();
        // Without the channel the firmware cannot play from the memory that goes; if it does not
        // let go of it, the memory has to stay.
        if self.release().is_err() {
            let silent = Box::new([const { Block([0; BLOCK_FRAMES_MAX * CHANNELS]) }; 2]);
            core::mem::forget(core::mem::replace(&mut self.blocks, silent));
        }
    }
}
