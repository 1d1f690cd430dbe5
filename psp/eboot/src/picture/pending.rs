//! The times of access units whose pictures have not come out yet.
//!
//! The decoder takes access units in decoding order, holds some pictures back, and gives them in
//! the order in which they are shown, without saying which is which. So the one that comes out is
//! the earliest of those that wait.

use testcard_core::time::MediaTime;

/// A stream may hold back 16 pictures (ITU-T H.264 §A.3.1), and the Media Engine is seen to hold
/// back one more than it has to.
const MOST: usize = 18;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending {
    /// Ascending.
    times: [MediaTime; MOST],
    len: usize,
    /// How many waited when the first picture came out: as many as the decoder holds back, and that
    /// one. 0 before.
    depth: usize,
    /// The stream says how many pictures are held back, so that the depth stays as it is.
    announced: bool,
}

impl Pending {
    pub(super) fn new(announced: bool) -> Self {
        Self { times: [MediaTime::ZERO; MOST], len: 0, depth: 0, announced }
    }

    /// An access unit went in. False when as many wait as can never be: nothing comes out.
    pub(super) fn push(&mut self, time: MediaTime) -> bool {
        if self.len == MOST {
            return false;
        }
        let later = self.times[..self.len].iter().rev().take_while(|other| **other > time).count();
        let at = self.len - later;
        self.times.copy_within(at..self.len, at + 1);
        self.times[at] = time;
        self.len += 1;
        true
    }

    /// A picture came out: when to show it.
    pub(super) fn came_out(&mut self) -> Option<MediaTime> {
        if self.depth == 0 {
            self.depth = self.len;
        }
        // More than the decoder holds back: pictures were lost in it, which says nothing about
        // that.
        if self.announced && self.len > self.depth {
            self.forget(self.len - self.depth);
        }
        let time = self.times[..self.len].first().copied();
        self.forget(1);
        time
    }

    fn forget(&mut self, earliest: usize) {
        let earliest = earliest.min(self.len);
        self.times.copy_within(earliest..self.len, 0);
        self.len -= earliest;
    }
}
