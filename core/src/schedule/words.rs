//! Chance, as everyone has the same: keys, key streams, draws and shuffles of the schedule.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// What the words are for and in which version of the algorithm. It is part of the key, so that a
/// change of the algorithm is a change of every schedule and never of half of one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Label {
    Rounds1,
    Rounds2,
    Window2,
    Gap2,
}

impl Label {
    const fn bytes(self) -> &'static [u8] {
        match self {
            Self::Rounds1 => b"testcard schedule 1\0",
            Self::Rounds2 => b"testcard schedule 2\0",
            Self::Window2 => b"testcard schedule 2 window\0",
            Self::Gap2 => b"testcard schedule 2 gap\0",
        }
    }
}

/// Where the words of one purpose come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key([u8; 32]);

impl Key {
    pub(super) fn new(label: Label, seed: u64, channel: &str, part: Option<&str>) -> Self {
        let mut hash = Sha256::new()
            .chain_update(label.bytes())
            .chain_update(seed.to_le_bytes())
            .chain_update(channel);
        if let Some(part) = part {
            // No id has a zero byte in it.
            hash.update([0]);
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// The words of that number.
    pub(super) fn words(self, nonce: i64) -> Words {
        let mut rng = ChaCha20Rng::from_seed(self.0);
        rng.set_stream(nonce.cast_unsigned());
        Words(rng)
    }
}

/// A key stream to draw from.
pub(super) struct Words(ChaCha20Rng);

impl Words {
    /// A number from 0 to `m - 1`, each equally likely. `m` is from 1 to
    /// [`Channel::PROGRAMMES_MAX`](crate::line_up::Channel::PROGRAMMES_MAX).
    ///
    /// Written out because the rand crates may map words to ranges differently from one version to
    /// the next, and a schedule is for ever.
    pub(super) fn below(&mut self, m: usize) -> usize {
        const WORDS: u64 = 1 << 32;
        let m = m as u64;
        let fair = WORDS - WORDS % m;
        loop {
            let word = u64::from(self.0.next_u32());
            if word < fair {
                return (word % m) as usize;
            }
        }
    }

    pub(super) fn shuffle<T>(&mut self, list: &mut [T]) {
        for i in (1..list.len()).rev() {
            // Never out of bounds: a draw below i + 1 is at most i.
            list.swap(i, self.below(i + 1));
        }
    }
}
