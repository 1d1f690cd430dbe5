//! Random numbers for TLS' keys.
//!
//! A program on a PSP has nobody to ask for them: the chip that has a true source is the kernel's
//! alone, and `sceKernelUtilsMt19937` is arithmetic on a seed that one brings along. So what nobody
//! else can know is pooled by a hash, and ChaCha20 is keyed with it, anew for every connection:
//!
//! | source | what it is worth |
//! | --- | --- |
//! | a seed kept on the Memory Stick, replaced at every start | all of it, once it has seen some starts, unless somebody reads the stick |
//! | the date to the microsecond | some 20 bits to whoever knows the second of the start |
//! | how long short waits take, 64 times | a bit or two each on a console, less in an emulator |
//! | how long connections take to open, to the microsecond | some bits each, in the course of an evening |
//! | the stick's position, voltage of the battery, address of the Wi-Fi chip | few, and nothing to a neighbour |
//!
//! Worth, honestly: on a console from its second start on, more than anybody could guess who has
//! not had the Memory Stick in hands. At the very first start, and for somebody on the same network
//! who knows when that was, maybe 60 bits. What TLS keeps secret here is which film is being
//! watched. That a server is who it says does not depend on any of it.

use core::fmt;
use core::time::Duration;

use psp::sys;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};
use testcard_core::time::Clock;

use crate::runtime::clock::ConsoleClock;
use crate::runtime::files::{self, File};
use crate::runtime::{log, thread};

/// The file with the seed, beside the program.
const SEED_FILE: &str = "testcard.seed";

/// What is read of it at most; it has 32 bytes.
const SEED_BYTES_MAX: usize = 1024;

/// Waits whose length is measured.
const WAITS: usize = 64;

/// The pool.
pub struct Entropy([u8; 32]);

impl fmt::Debug for Entropy {
    /// Tells nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}

impl Entropy {
    /// Fills the pool, and replaces the seed on the Memory Stick. Takes a tenth of a second.
    pub fn gather() -> Self {
        let mut pool = Self([0; 32]);
        match files::read(SEED_FILE, SEED_BYTES_MAX) {
            Ok(seed) => pool.stir(&seed),
            Err(error) => log::line(format_args!("{SEED_FILE}: {error}; it will be made")),
        }
        pool.stir_console();
        for nth in 0..WAITS {
            thread::pause(Duration::from_micros(500 + 37 * nth as u64));
            pool.stir_time();
        }
        let seed = pool.draw(b"seed for the next start");
        let kept = File::create(SEED_FILE).and_then(|mut file| file.write(&seed));
        if let Err(error) = kept {
            log::line(format_args!("{SEED_FILE}: {error}"));
        }
        pool
    }

    /// Adds what happened, and when.
    pub fn stir(&mut self, what: &[u8]) {
        let clock = ConsoleClock::new();
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(clock.now().as_micros().to_le_bytes());
        hash.update(what);
        self.0 = hash.finalize().into();
    }

    fn stir_time(&mut self) {
        let mut tick = 0;
        // SAFETY: writes a number.
        unsafe { sys::sceRtcGetCurrentTick(&mut tick) };
        self.stir(&tick.to_le_bytes());
    }

    fn stir_console(&mut self) {
        let mut pad = sys::SceCtrlData::default();
        let mut ethernet = [0; 8];
        // SAFETY: each writes what it is given room for.
        let left = unsafe {
            sys::sceCtrlPeekBufferPositive(&mut pad, 1);
            sys::sceWlanGetEtherAddr(ethernet.as_mut_ptr());
            sys::scePowerGetBatteryLifePercent()
        };
        self.stir(&pad.timestamp.to_le_bytes());
        self.stir(&[pad.lx, pad.ly]);
        self.stir(&ethernet);
        self.stir(&left.to_le_bytes());
    }

    /// Numbers for one connection. Whoever learns them learns neither those before nor those after.
    pub fn numbers(&mut self) -> ChaCha20Rng {
        self.stir_time();
        ChaCha20Rng::from_seed(self.draw(b"numbers for a connection"))
    }

    /// Bytes for one purpose. What is left in the pool tells nothing about them.
    fn draw(&mut self, purpose: &[u8]) -> [u8; 32] {
        let half = |mark: &[u8]| -> [u8; 32] {
            Sha256::new().chain_update(self.0).chain_update(mark).finalize().into()
        };
        let (drawn, left) = (half(purpose), half(b"what is left"));
        self.0 = left;
        drawn
    }
}
