//! Draws by ChaCha, in whole numbers only: the same seed and purpose, the same draws, on every
//! machine. A purpose has a stream of its own, so that drawing more for one changes no other.

use std::ops::Range;

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

/// What is drawn.
#[derive(Clone, Copy)]
pub enum Purpose {
    /// The film.
    Film,
    /// The way to it.
    Link,
    /// Who watches it, from where on and with what.
    Viewer,
    /// Which kinds of trouble there can be at all.
    Menu,
    /// What goes wrong at the archive.
    Rules,
    /// What happens to the world.
    Events,
}

/// A source of draws for one purpose.
pub struct Dice(ChaCha12Rng);

impl Dice {
    pub fn new(seed: u64, purpose: Purpose) -> Self {
        let mut source = ChaCha12Rng::seed_from_u64(seed);
        source.set_stream(purpose as u64);
        Self(source)
    }

    /// A number of the range, which is not empty. That small ones are likelier by one part in
    /// billions does not matter here.
    pub fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.0.next_u64() % (range.end - range.start)
    }

    /// A number of the range, which begins above 0: as likely to lie between 10 and 20 as between
    /// 1000 and 2000.
    pub fn magnitude(&mut self, range: Range<u64>) -> u64 {
        let octaves = u64::from((range.end / range.start).ilog2()) + 1;
        let floor = range.start << self.within(0..octaves);
        let number = self.within(floor..2 * floor);
        number.min(range.end - 1)
    }

    /// True `part` times out of `whole`.
    pub fn chance(&mut self, part: u64, whole: u64) -> bool {
        self.within(0..whole) < part
    }

    /// One of them; there is at least one.
    pub fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.within(0..all.len() as u64) as usize].clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn magnitudes_stay_in_their_range_and_reach_both_of_its_ends() {
        let mut dice = Dice::new(0, Purpose::Film);
        let draws: Vec<u64> = (0..2000).map(|_| dice.magnitude(10..1000)).collect();
        assert!(draws.iter().all(|draw| (10..1000).contains(draw)));
        assert!(draws.iter().any(|draw| *draw < 12) && draws.iter().any(|draw| *draw > 900));
    }

    #[test]
    fn each_purpose_draws_on_its_own_and_each_seed_too() {
        let draw = |seed, purpose| Dice::new(seed, purpose).within(0..u64::MAX);
        assert_eq!(draw(1, Purpose::Film), draw(1, Purpose::Film));
        assert_ne!(draw(1, Purpose::Film), draw(1, Purpose::Link));
        assert_ne!(draw(1, Purpose::Film), draw(2, Purpose::Film));
    }
}
