//! Samples one after another, in decode order. A [`Cursor`] is a place in a track that is kept
//! between calls and borrows nothing; it never reads a sample's bytes, only says where they are.

use super::Track;
use super::edit::Edit;
use super::tables::Place;
use crate::time::MediaTime;

/// One sample: an access unit of a picture track, or a packet of sound.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sample {
    /// Its number in the track, from 0. A track whose edit list repeats media repeats numbers.
    pub index: u32,
    /// Where its bytes are.
    pub range: SampleRange,
    /// When to decode it, in ticks of [`Track::timescale`], before the edit list.
    pub dts: i64,
    /// When it is shown or heard, in ticks of [`Track::timescale`], before the edit list.
    pub pts: i64,
    /// How long it lasts until the next one is decoded, in ticks of [`Track::timescale`].
    pub duration: u32,
    /// When it is shown or heard, edit list applied, rounded down.
    pub time: MediaTime,
    /// Decoding can begin here.
    pub sync: bool,
    /// The edit list shows some of it. False for what only gets the decoder going or fills it up:
    /// to be decoded, and then neither shown nor heard.
    pub shown: bool,
}

/// A stretch of the file.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct SampleRange {
    /// Where it begins, from the start of the file.
    pub offset: u64,
    /// Its length in bytes. Whether it lies within the file is for the reader to find out.
    pub size: u32,
}

impl SampleRange {
    /// One past its last byte. Saturates.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(u64::from(self.size))
    }
}

/// A place between two samples of a track. Belongs to the track that made it: with another one it
/// gives samples that do not exist, though never a panic.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cursor {
    edit: u8,
    /// The next sample, or None when there are no more.
    pub(super) place: Option<Place>,
}

impl Cursor {
    /// The next sample, and moves past it. None at the end of the track, and ever after.
    ///
    /// Constant time, apart from the first sample of a further edit, which costs a seek.
    pub fn next(&mut self, track: &Track<'_>) -> Option<Sample> {
        let place = self.place.as_mut()?;
        let edit = track.edits().get(self.edit)?;
        let size = track.tables().size(place.sample)?;
        let sample = sample(track, edit, place, size);
        let stepped = track.tables().step(place, size);
        if stepped.is_none() || place.sample >= edit.end {
            self.edit = self.edit.saturating_add(1);
            self.place = first(track, self.edit);
        }
        Some(sample)
    }

    /// The sample that [`Cursor::next`] would return.
    pub fn peek(&self, track: &Track<'_>) -> Option<Sample> {
        let (edit, place) = (track.edits().get(self.edit)?, self.place.as_ref()?);
        Some(sample(track, edit, place, track.tables().size(place.sample)?))
    }
}

/// Before the first sample of a track.
pub(super) fn start(track: &Track<'_>) -> Cursor {
    Cursor { edit: 0, place: first(track, 0) }
}

/// Before the last sample from which on decoding gives what is shown at `time`.
pub(super) fn seek(track: &Track<'_>, time: MediaTime) -> Cursor {
    let Some(index) = track.edits().at(time, track.timescale()) else {
        return Cursor { edit: 0, place: None };
    };
    let place = track.edits().get(index).and_then(|edit| {
        let sync = track.tables().sync_at_or_before(edit.media(time, track.timescale()));
        track.tables().place(sync.clamp(edit.first, edit.end - 1))
    });
    Cursor { edit: index, place }
}

fn first(track: &Track<'_>, edit: u8) -> Option<Place> {
    track.tables().place(track.edits().get(edit)?.first)
}

fn sample(track: &Track<'_>, edit: &Edit, place: &Place, size: u32) -> Sample {
    let pts = place.cts();
    Sample {
        index: place.sample,
        range: SampleRange { offset: place.offset, size },
        dts: place.dts,
        pts,
        duration: place.duration(),
        time: edit.time(pts, track.timescale()),
        sync: place.is_sync(),
        shown: edit.shows(place),
    }
}
