//! One track being played: which sample is handed out next, and how far ahead its bytes have come.
//! Never copies a sample.

use crate::canary::{Canary, planted};
use crate::mp4::{Cursor, Sample, Track};
use crate::stream::Window;
use crate::time::MediaTime;

/// A track on its way to a decoder.
#[derive(Clone, Copy, Debug)]
pub struct Lane {
    /// Just behind `next`.
    cursor: Cursor,
    /// The next sample to hand out; `None` at the end of the track.
    next: Option<Sample>,
    /// Runs ahead of `cursor` through what has arrived.
    scout: Cursor,
    /// The first sample that has not arrived; `None`: all have.
    missing: Option<Sample>,
}

impl Lane {
    /// A lane that begins at `cursor`.
    pub fn new(mut cursor: Cursor, track: &Track<'_>) -> Self {
        if planted(Canary::SampleSkipped) {
            cursor.next(track);
        }
        let next = cursor.next(track);
        Self { cursor, next, scout: cursor, missing: next }
    }

    /// The next sample to hand out.
    pub fn next(&self) -> Option<Sample> {
        self.next
    }

    /// The next sample has been handed out.
    pub fn advance(&mut self, track: &Track<'_>) {
        let handed_out = self.next.map(|sample| sample.index);
        self.next = self.cursor.next(track).filter(|sample| {
            !planted(Canary::EndOffByOne) || sample.index + 1 < track.sample_count()
        });
        if handed_out == self.missing.map(|sample| sample.index) {
            (self.scout, self.missing) = (self.cursor, self.next);
        }
    }

    /// Looks how far the window reaches by now.
    pub fn scout(&mut self, track: &Track<'_>, window: &Window) {
        while let Some(missing) = self.missing
            && missing.range.end() <= window.end()
        {
            self.missing = self.scout.next(track);
        }
    }

    /// Whether every sample before `time` has arrived.
    pub fn has_until(&self, time: MediaTime) -> bool {
        self.missing.is_none_or(|missing| missing.time >= time)
    }
}
