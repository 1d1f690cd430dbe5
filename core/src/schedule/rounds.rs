//! Rounds: each of some programmes once in a shuffled order, then all again in another.

use alloc::vec::Vec;

use super::words::Key;

/// Rounds of so many programmes, without an end in either direction.
#[derive(Clone, Debug)]
pub(super) struct Rounds {
    key: Key,
    /// Never zero.
    programmes: usize,
}

impl Rounds {
    /// `None` for no programmes.
    pub(super) fn new(key: Key, programmes: usize) -> Option<Self> {
        (programmes > 0).then_some(Self { key, programmes })
    }

    /// Which programmes the round plays, first to last.
    pub(super) fn order(&self, round: i64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.programmes).collect();
        if order.len() >= 3 {
            self.key.words(round).shuffle(&mut order);
            if order.first() == Some(&self.last(round.wrapping_sub(1))) {
                order.swap(0, 1);
            }
        }
        order
    }

    /// The programme that ends a round of three or more: the shuffle's first draw, since no later
    /// step of it touches the last place, and the seam does not either.
    fn last(&self, round: i64) -> usize {
        self.key.words(round).below(self.programmes)
    }

    /// So many programmes from that number on, counted through all rounds from the start of round
    /// 0.
    pub(super) fn from(&self, first: i128, count: usize) -> Vec<usize> {
        let length = self.programmes as i128;
        let mut round = first.div_euclid(length) as i64;
        let mut skip = first.rem_euclid(length) as usize;
        let mut taken = Vec::new();
        while taken.len() < count {
            let left = count - taken.len();
            taken.extend(self.order(round).into_iter().skip(skip).take(left));
            round = round.wrapping_add(1);
            skip = 0;
        }
        taken
    }
}
