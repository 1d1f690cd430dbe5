//! The edit list of a track (ISO/IEC 14496-12 §8.6.6): which part of the media is shown when. What
//! the standard leaves open is decided as the players that people compare us with decide it, so
//! that the same samples come out; each such decision is named where it is made.

use super::boxes::{Child, Fields};
use super::tables::{Place, Tables};
use super::{Broken, Kind, Mp4Error};
use crate::time::MediaTime;

/// Edits kept per track. Encoders write one or two; editing programs write one per cut.
pub(super) const EDITS_MAX: usize = 16;

/// Samples at either end of a sound track that its only edit may cut off and that are handed out
/// all the same: a decoder needs the first ones to get going, and the last ones are its padding.
/// ExoPlayer's number.
const PRIMING_SAMPLES: u32 = 4;

/// All edits of a track that show media, in the order they are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edits {
    list: [Edit; EDITS_MAX],
    len: u8,
    /// When the last edit ends.
    pub(super) duration: MediaTime,
}

/// A stretch of media and when it is shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Edit {
    /// When it begins to be shown.
    pub(super) start: MediaTime,
    /// The first tick of the media that is shown.
    media_start: i64,
    /// The first tick of the media that is no longer shown.
    media_end: i64,
    /// The first sample to decode.
    pub(super) first: u32,
    /// One past the last sample to decode.
    pub(super) end: u32,
}

impl Edits {
    /// Reads the `elst` in `edts`, or makes up the edit that its absence stands for.
    pub(super) fn parse(
        edts: Option<&Child<'_>>,
        tables: &Tables<'_>,
        kind: Kind,
        timescale: u32,
        movie_timescale: u32,
        media_duration: i64,
    ) -> Result<Self, Mp4Error> {
        let count = tables.sample_count();
        let mut edits = Self { list: Default::default(), len: 0, duration: MediaTime::ZERO };
        let mut elst = None;
        for child in edts.iter().flat_map(|edts| edts.children(0)) {
            let child = child?;
            if child.kind.0 == *b"elst" {
                elst = Some(child);
                break;
            }
        }
        let entries = match elst {
            Some(elst) => Entries::parse(&elst)?,
            None => Entries::default(),
        };
        if entries.count == 0 {
            let whole =
                Edit { media_end: i64::MAX, end: count, start: MediaTime::ZERO, ..Edit::default() };
            edits.duration = MediaTime::from_micros(micros(media_duration, timescale));
            edits.push(whole);
            return Ok(edits);
        }

        let mut shown = 0u64;
        for (index, entry) in entries.clone().enumerate() {
            let start = MediaTime::from_micros(micros(signed(shown), movie_timescale));
            shown = shown.saturating_add(entry.duration);
            edits.duration = MediaTime::from_micros(micros(signed(shown), movie_timescale));
            // -1 is an empty edit: nothing is shown. Other negative times have no meaning at all.
            if entry.media_time < 0 {
                continue;
            }
            let media_start = entry.media_time;
            let media_end = if entry.dwells {
                media_start.saturating_add(1)
            } else if entry.duration == 0 && index + 1 == entries.count as usize {
                // What a last edit of no duration means is open outside fragmented files; to all
                // players it means the rest.
                let rest = media_duration.saturating_sub(media_start).max(0);
                edits.duration = MediaTime::from_micros(
                    start.as_micros().saturating_add(micros(rest, timescale)),
                );
                i64::MAX
            } else {
                media_start.saturating_add(rescale(entry.duration, timescale, movie_timescale))
            };

            let mut first = tables.sync_at_or_before(media_start);
            // A picture at the very end is kept: the end is rounded to the movie's time scale.
            let mut end = match media_end {
                i64::MAX => count,
                _ => tables.end_shown_before(media_end, kind == Kind::Video),
            };
            if kind == Kind::Audio && entries.count == 1 {
                if first < PRIMING_SAMPLES {
                    first = 0;
                }
                if count - end < PRIMING_SAMPLES {
                    end = count;
                }
            }
            edits.push(Edit { start, media_start, media_end, first, end });
        }
        Ok(edits)
    }

    fn push(&mut self, edit: Edit) {
        if edit.first < edit.end
            && let Some(slot) = self.list.get_mut(usize::from(self.len))
        {
            *slot = edit;
            self.len += 1;
        }
    }

    pub(super) fn get(&self, index: u8) -> Option<&Edit> {
        self.list.get(..usize::from(self.len))?.get(usize::from(index))
    }

    /// The edit that shows `time`, or the next one where nothing is shown then; the last one when
    /// that is past. None when no edit shows anything.
    pub(super) fn at(&self, time: MediaTime, timescale: u32) -> Option<u8> {
        let last = self.len.checked_sub(1)?;
        let over = |edit: &Edit| edit.time(edit.media_end, timescale) <= time;
        Some(
            (0..last)
                .find(|&index| self.get(index).is_some_and(|edit| !over(edit)))
                .unwrap_or(last),
        )
    }
}

impl Edit {
    /// When a tick of the media is shown. Both terms are rounded down on their own, the edit's start
    /// from the movie's time scale and the rest from the media's.
    pub(super) fn time(&self, media: i64, timescale: u32) -> MediaTime {
        let within = micros(media.saturating_sub(self.media_start), timescale);
        MediaTime::from_micros(self.start.as_micros().saturating_add(within))
    }

    /// The last tick of the media that [`Edit::time`] puts at or before `time`.
    pub(super) fn media(&self, time: MediaTime, timescale: u32) -> i64 {
        let within = i128::from(time.micros_since(self.start)) + 1;
        let ticks = (within * i128::from(timescale) - 1).div_euclid(1_000_000);
        self.media_start.saturating_add(narrow(ticks)).min(self.media_end.saturating_sub(1))
    }

    /// Whether any moment of the sample is within the edit.
    pub(super) fn shows(&self, place: &Place) -> bool {
        let cts = place.cts();
        let last = cts.saturating_add(i64::from(place.duration().max(1)) - 1);
        cts < self.media_end && last >= self.media_start
    }
}

/// The entries of an `elst`.
#[derive(Clone, Debug, Default)]
struct Entries<'a> {
    fields: Fields<'a>,
    wide: bool,
    count: u32,
}

struct Entry {
    /// In ticks of the movie.
    duration: u64,
    /// In ticks of the media; -1 for an empty edit.
    media_time: i64,
    /// One moment of the media is held for the whole edit (a rate of 0). All other rates are
    /// played at 1.
    dwells: bool,
}

impl<'a> Entries<'a> {
    fn parse(elst: &Child<'a>) -> Result<Self, Mp4Error> {
        let mut fields = Fields(elst.body);
        let (Some(version_flags), Some(count)) = (fields.u32(), fields.u32()) else {
            return Err(Mp4Error::short(elst));
        };
        let wide = version_flags >> 24 == 1;
        let broken = |broken| Mp4Error::Broken { kind: elst.kind, offset: elst.offset, broken };
        let len = u64::from(count) * if wide { 20 } else { 12 };
        let bytes = usize::try_from(len).ok().and_then(|len| fields.bytes(len));
        let bytes = bytes.ok_or(broken(Broken::Count { declared: count }))?;
        if count as usize > EDITS_MAX {
            return Err(broken(Broken::TooMany { declared: count }));
        }
        Ok(Self { fields: Fields(bytes), wide, count })
    }
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let fields = &mut self.fields;
        let (duration, media_time) = if self.wide {
            (fields.u64()?, fields.i64()?)
        } else {
            (u64::from(fields.u32()?), i64::from(fields.i32()?))
        };
        let dwells = fields.u16()? == 0;
        let _rate_fraction = fields.u16()?;
        Some(Entry { duration, media_time, dwells })
    }
}

/// Ticks to microseconds, rounded down. Saturates.
pub(super) fn micros(ticks: i64, timescale: u32) -> i64 {
    match ticks.checked_mul(1_000_000) {
        Some(scaled) => scaled.div_euclid(i64::from(timescale)),
        None => narrow((i128::from(ticks) * 1_000_000).div_euclid(i128::from(timescale))),
    }
}

/// Ticks of one time scale to those of another, rounded down. Saturates.
fn rescale(ticks: u64, to: u32, from: u32) -> i64 {
    let scaled = u128::from(ticks) * u128::from(to) / u128::from(from);
    i64::try_from(scaled).unwrap_or(i64::MAX)
}

fn signed(ticks: u64) -> i64 {
    i64::try_from(ticks).unwrap_or(i64::MAX)
}

fn narrow(number: i128) -> i64 {
    let (least, most) = (i128::from(i64::MIN), i128::from(i64::MAX));
    i64::try_from(number.clamp(least, most)).unwrap_or_default()
}
