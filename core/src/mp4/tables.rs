//! The sample tables of a track: how long each sample lasts (`stts`), how much later it is shown
//! than decoded (`ctts`), whether decoding can begin at it (`stss`), how many bytes it has (`stsz`,
//! `stz2`) and where they are (`stsc`, `stco`, `co64`); ISO/IEC 14496-12 §8.6 and §8.7.
//!
//! The tables stay in the moov as they are. Every count is checked against its box once, when the
//! moov is parsed; that pass also leaves [`MARKS`] marks in each run-length table, so that finding
//! one sample among n entries is a search among the marks and a walk over at most n / [`MARKS`]
//! entries, instead of a walk from the start.

use super::boxes::{Child, Fields, FourCc};
use super::{Broken, Mp4Error};
use crate::canary::{Canary, planted};

/// Marks kept per run-length table. An hour of B-frames at 60 Hz has about 200,000 `ctts` entries:
/// between two marks lie some 7,000 of them, 10 µs of walking.
const MARKS: usize = 32;

/// Where in the moov a table's entries lie.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    offset: u32,
    len: u32,
}

impl Span {
    /// `len` bytes from the moov's byte `offset` on.
    pub(super) fn new(offset: usize, len: usize) -> Self {
        // A moov of more than 4 GiB is refused before any box in it is read.
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { offset: narrow(offset), len: narrow(len) }
    }

    /// The bytes, or none of them if this is not the moov that was parsed.
    pub(super) fn of<'a>(&self, moov: &'a [u8]) -> &'a [u8] {
        let start = self.offset as usize;
        moov.get(start..start.saturating_add(self.len as usize)).unwrap_or_default()
    }
}

/// What is known of one track's tables: plain numbers, no bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct TableLayout {
    /// Samples that every table has an entry for.
    pub(super) sample_count: u32,
    /// Sum of the durations of those samples in ticks, at most `i64::MAX`.
    pub(super) duration: i64,
    /// Some chunk's samples are described by another sample entry than the first.
    pub(super) several_descriptions: bool,
    durations: Span,
    duration_marks: [Mark; MARKS],
    shifts: Span,
    shift_marks: [Mark; MARKS],
    syncs: Span,
    sizes: Sizes<Span>,
    runs: Span,
    run_marks: [Mark; MARKS],
    offsets: Offsets<Span>,
}

/// One entry of a run-length table, evenly spaced from the next mark's.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    /// The first sample that the entry speaks of.
    sample: u32,
    /// That sample's decode time; meaningful for `stts` only.
    dts: i64,
}

#[derive(Clone, Copy, Debug)]
enum Sizes<T> {
    Constant { size: u32, count: u32 },
    Bits4 { table: T, count: u32 },
    Bits8(T),
    Bits16(T),
    Bits32(T),
}

#[derive(Clone, Copy, Debug)]
enum Offsets<T> {
    Bits32(T),
    Bits64(T),
}

impl TableLayout {
    /// Checks the tables in a track's `stbl`.
    pub(super) fn parse(stbl: &Child<'_>) -> Result<Self, Mp4Error> {
        let (mut stts, mut ctts, mut stss, mut sizes, mut stsc, mut offsets) =
            (None, None, None, None, None, None);
        for child in stbl.children(0) {
            let child = child?;
            match &child.kind.0 {
                b"stts" => {
                    stts.get_or_insert(Table::<8>::parse(&child)?);
                }
                b"ctts" => {
                    ctts.get_or_insert(Table::<8>::parse(&child)?);
                }
                b"stss" => {
                    stss.get_or_insert(Table::<4>::parse(&child)?);
                }
                b"stsz" => {
                    sizes.get_or_insert(parse_stsz(&child)?);
                }
                b"stz2" => {
                    sizes.get_or_insert(parse_stz2(&child)?);
                }
                b"stsc" => {
                    stsc.get_or_insert((Table::<12>::parse(&child)?, child.offset));
                }
                b"stco" => {
                    let table = Table::<4>::parse(&child)?;
                    offsets.get_or_insert((Offsets::Bits32(table.span), table.entries.len()));
                }
                b"co64" => {
                    let table = Table::<8>::parse(&child)?;
                    offsets.get_or_insert((Offsets::Bits64(table.span), table.entries.len()));
                }
                _ => {}
            }
        }
        let missing =
            |kind: &[u8; 4]| Mp4Error::Missing { kind: FourCc(*kind), offset: stbl.offset };
        let stts = stts.ok_or(missing(b"stts"))?;
        let sizes = sizes.ok_or(missing(b"stsz"))?;
        let (stsc, stsc_offset) = stsc.ok_or(missing(b"stsc"))?;
        let (offsets, chunk_count) = offsets.ok_or(missing(b"stco"))?;

        // A chunk number is 32 bits wide, so no file uses more chunks than that.
        let chunk_count = u32::try_from(chunk_count).unwrap_or(u32::MAX);
        let (run_marks, sample_room, several_descriptions) = mark_runs(stsc.entries, chunk_count)
            .ok_or(Mp4Error::Broken {
            kind: FourCc(*b"stsc"),
            offset: stsc_offset,
            broken: Broken::NotAscending,
        })?;
        let (duration_marks, timed) = mark_durations(stts.entries);
        let sample_count = sizes.count().min(sample_room).min(timed);

        let syncs = match stss {
            Some(stss) => {
                if !stss.entries.is_sorted() {
                    return Err(Mp4Error::Broken {
                        kind: FourCc(*b"stss"),
                        offset: stss.offset,
                        broken: Broken::NotAscending,
                    });
                }
                stss.span
            }
            None => Span::default(),
        };
        let mut layout = Self {
            sample_count,
            duration: 0,
            several_descriptions,
            durations: stts.span,
            duration_marks,
            shifts: ctts.map_or(Span::default(), |table| table.span),
            shift_marks: ctts.map_or([Mark::default(); MARKS], |table| mark_shifts(table.entries)),
            syncs,
            sizes,
            runs: stsc.span,
            run_marks,
            offsets,
        };
        layout.duration = layout.total_duration(stts.entries);
        Ok(layout)
    }

    /// The tables themselves.
    pub(super) fn over<'a>(&'a self, moov: &'a [u8]) -> Tables<'a> {
        fn entries<'a, const N: usize>(span: &Span, moov: &'a [u8]) -> &'a [[u8; N]] {
            span.of(moov).as_chunks().0
        }
        Tables {
            layout: self,
            durations: entries(&self.durations, moov),
            shifts: entries(&self.shifts, moov),
            syncs: entries(&self.syncs, moov),
            sizes: match self.sizes {
                Sizes::Constant { size, count } => Sizes::Constant { size, count },
                Sizes::Bits4 { table, count } => Sizes::Bits4 { table: table.of(moov), count },
                Sizes::Bits8(table) => Sizes::Bits8(table.of(moov)),
                Sizes::Bits16(table) => Sizes::Bits16(table.of(moov)),
                Sizes::Bits32(table) => Sizes::Bits32(table.of(moov)),
            },
            runs: entries(&self.runs, moov),
            offsets: match self.offsets {
                Offsets::Bits32(table) => Offsets::Bits32(table.of(moov)),
                Offsets::Bits64(table) => Offsets::Bits64(table.of(moov)),
            },
        }
    }

    fn total_duration(&self, stts: &[[u8; 8]]) -> i64 {
        let (mut left, mut total) = (self.sample_count, 0i64);
        for entry in stts {
            let (count, delta) = duration_entry(entry);
            let count = count.min(left);
            left -= count;
            total = total.saturating_add(i64::from(count) * i64::from(delta));
            if left == 0 {
                break;
            }
        }
        total
    }
}

impl Sizes<Span> {
    fn count(&self) -> u32 {
        match *self {
            Self::Constant { count, .. } | Self::Bits4 { count, .. } => count,
            Self::Bits8(table) => table.len,
            Self::Bits16(table) => table.len / 2,
            Self::Bits32(table) => table.len / 4,
        }
    }
}

/// A table of entries of `N` bytes behind a version, flags and a count (a FullBox, §4.2).
#[derive(Clone, Copy)]
struct Table<'a, const N: usize> {
    entries: &'a [[u8; N]],
    span: Span,
    offset: usize,
}

impl<'a, const N: usize> Table<'a, N> {
    fn parse(child: &Child<'a>) -> Result<Self, Mp4Error> {
        let mut fields = Fields(child.body);
        let count = match (fields.u32(), fields.u32()) {
            (Some(_version_flags), Some(count)) => count,
            _ => return Err(Mp4Error::short(child)),
        };
        let bytes = declared(child, 8, count, u64::from(count) * N as u64)?;
        let span = Span::new(child.body_offset() + 8, bytes.len());
        Ok(Self { entries: bytes.as_chunks().0, span, offset: child.offset })
    }
}

/// The `len` bytes after the first `skip` of a box that says it has `count` entries there.
fn declared<'a>(
    child: &Child<'a>,
    skip: usize,
    count: u32,
    len: u64,
) -> Result<&'a [u8], Mp4Error> {
    let room = child.body.get(skip..).unwrap_or_default();
    usize::try_from(len).ok().and_then(|len| room.get(..len)).ok_or(Mp4Error::Broken {
        kind: child.kind,
        offset: child.offset,
        broken: Broken::Count { declared: count },
    })
}

fn parse_stsz(child: &Child<'_>) -> Result<Sizes<Span>, Mp4Error> {
    let mut fields = Fields(child.body);
    let (size, count) = match (fields.u32(), fields.u32(), fields.u32()) {
        (Some(_version_flags), Some(size), Some(count)) => (size, count),
        _ => return Err(Mp4Error::short(child)),
    };
    if size != 0 {
        return Ok(Sizes::Constant { size, count });
    }
    let bytes = declared(child, 12, count, u64::from(count) * 4)?;
    Ok(Sizes::Bits32(Span::new(child.body_offset() + 12, bytes.len())))
}

fn parse_stz2(child: &Child<'_>) -> Result<Sizes<Span>, Mp4Error> {
    let mut fields = Fields(child.body);
    let (reserved_and_bits, count) = match (fields.u32(), fields.u32(), fields.u32()) {
        (Some(_version_flags), Some(bits), Some(count)) => (bits, count),
        _ => return Err(Mp4Error::short(child)),
    };
    let bits = reserved_and_bits & 0xff;
    let len = (u64::from(count) * u64::from(bits)).div_ceil(8);
    let bytes = declared(child, 12, count, len)?;
    let table = Span::new(child.body_offset() + 12, bytes.len());
    match bits {
        4 => Ok(Sizes::Bits4 { table, count }),
        8 => Ok(Sizes::Bits8(table)),
        16 => Ok(Sizes::Bits16(table)),
        _ => Err(Mp4Error::Broken {
            kind: child.kind,
            offset: child.offset,
            broken: Broken::FieldSize,
        }),
    }
}

/// Entries from one mark to the next.
fn stride(entries: usize) -> usize {
    entries.div_ceil(MARKS).max(1)
}

fn mark_durations(entries: &[[u8; 8]]) -> ([Mark; MARKS], u32) {
    let mut marks = [Mark::default(); MARKS];
    let (mut sample, mut dts) = (0u32, 0i64);
    for (mark, group) in marks.iter_mut().zip(entries.chunks(stride(entries.len()))) {
        *mark = Mark { sample, dts };
        for entry in group {
            let (count, delta) = duration_entry(entry);
            sample = sample.saturating_add(count);
            dts = dts.saturating_add(i64::from(count) * i64::from(delta));
        }
    }
    (marks, sample)
}

fn mark_shifts(entries: &[[u8; 8]]) -> [Mark; MARKS] {
    let mut marks = [Mark::default(); MARKS];
    let mut sample = 0u32;
    for (mark, group) in marks.iter_mut().zip(entries.chunks(stride(entries.len()))) {
        *mark = Mark { sample, dts: 0 };
        for entry in group {
            sample = sample.saturating_add(shift_entry(entry).0);
        }
    }
    marks
}

/// Also how many samples the chunks have room for, and whether any is described by another sample
/// entry than the first. None when the chunk numbers do not begin at 1 and ascend.
fn mark_runs(entries: &[[u8; 12]], chunk_count: u32) -> Option<([Mark; MARKS], u32, bool)> {
    let mut marks = [Mark::default(); MARKS];
    let (mut sample, mut several) = (0u32, false);
    let stride = stride(entries.len());
    let mut runs = entries.iter().map(run_entry).enumerate().peekable();
    if runs.peek().is_some_and(|(_, run)| run.first_chunk != 0) {
        return None;
    }
    while let Some((index, run)) = runs.next() {
        if index % stride == 0
            && let Some(mark) = marks.get_mut(index / stride)
        {
            *mark = Mark { sample, dts: 0 };
        }
        let next_first = match runs.peek() {
            Some((_, next)) if next.first_chunk <= run.first_chunk => return None,
            Some((_, next)) => next.first_chunk.min(chunk_count),
            None => chunk_count,
        };
        let chunks = next_first.saturating_sub(run.first_chunk);
        sample = sample.saturating_add(chunks.saturating_mul(run.samples_per_chunk));
        several |= chunks > 0 && run.description != 1;
    }
    Some((marks, sample, several))
}

/// Samples and the ticks that each of them lasts. The standard has the latter unsigned; files with
/// negative values exist, and players read them as such.
fn duration_entry(entry: &[u8; 8]) -> (u32, i32) {
    let [a, b, c, d, e, f, g, h] = *entry;
    (u32::from_be_bytes([a, b, c, d]), i32::from_be_bytes([e, f, g, h]))
}

/// Samples and the ticks from their decoding to their presentation. Version 0 has the latter
/// unsigned, but is written with negative values nevertheless, and players read them as such.
fn shift_entry(entry: &[u8; 8]) -> (u32, i32) {
    duration_entry(entry)
}

/// The sample named, counted from 0 (in the file from 1; a 0 is taken for the first as well).
fn sync_entry(entry: &[u8; 4]) -> u32 {
    u32::from_be_bytes(*entry).saturating_sub(1)
}

struct Run {
    /// Counted from 0 (in the file from 1).
    first_chunk: u32,
    samples_per_chunk: u32,
    description: u32,
}

fn run_entry(entry: &[u8; 12]) -> Run {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = *entry;
    Run {
        // Chunk 0 does not exist: it becomes a number that no table ascends from.
        first_chunk: u32::from_be_bytes([a, b, c, d]).wrapping_sub(1),
        samples_per_chunk: u32::from_be_bytes([e, f, g, h]),
        description: u32::from_be_bytes([i, j, k, l]),
    }
}

/// The tables of one track, in place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tables<'a> {
    layout: &'a TableLayout,
    durations: &'a [[u8; 8]],
    shifts: &'a [[u8; 8]],
    syncs: &'a [[u8; 4]],
    sizes: Sizes<&'a [u8]>,
    runs: &'a [[u8; 12]],
    offsets: Offsets<&'a [u8]>,
}

/// A place in all tables at once: everything about one sample, and the next one a step away.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Place {
    /// The sample that this is the place of, from 0.
    pub(super) sample: u32,
    pub(super) dts: i64,
    delta: i32,
    duration_entry: u32,
    duration_left: u32,
    shift: i32,
    shift_entry: u32,
    shift_left: u32,
    /// The entry of `stss` that is the first not before this sample, and the sample it names.
    sync_entry: u32,
    next_sync: u32,
    run_entry: u32,
    samples_per_chunk: u32,
    run_end: u32,
    chunk: u32,
    chunk_left: u32,
    /// Where the sample's bytes are in the file.
    pub(super) offset: u64,
}

impl Place {
    /// Composition time: when the sample is shown, in ticks of the media.
    pub(super) fn cts(&self) -> i64 {
        let shift = if planted(Canary::DecodeOrder) { 0 } else { self.shift };
        self.dts.saturating_add(i64::from(shift))
    }

    /// How long the sample lasts, in ticks; zero when the file says less than nothing.
    pub(super) fn duration(&self) -> u32 {
        u32::try_from(self.delta).unwrap_or(0)
    }

    /// Whether decoding can begin here.
    pub(super) fn is_sync(&self) -> bool {
        self.next_sync == self.sample
    }
}

impl<'a> Tables<'a> {
    /// Samples that every table has an entry for.
    pub(super) fn sample_count(&self) -> u32 {
        self.layout.sample_count
    }

    /// Bytes of one sample.
    pub(super) fn size(&self, sample: u32) -> Option<u32> {
        let index = sample as usize;
        match self.sizes {
            Sizes::Constant { size, count } => (sample < count).then_some(size),
            Sizes::Bits4 { table, count } => {
                let byte = u32::from(*table.get(index / 2)?);
                // The high half comes first (§8.7.3.3).
                let size = if sample & 1 == 0 { byte >> 4 } else { byte & 0xf };
                (sample < count).then_some(size)
            }
            Sizes::Bits8(table) => table.get(index).map(|&byte| u32::from(byte)),
            Sizes::Bits16(table) => {
                table.as_chunks().0.get(index).map(|&size| u32::from(u16::from_be_bytes(size)))
            }
            Sizes::Bits32(table) => {
                table.as_chunks().0.get(index).map(|&size| u32::from_be_bytes(size))
            }
        }
    }

    /// The place of one sample. None when there is no such sample.
    ///
    /// Costs a search among the marks of three tables, a walk of up to `n / MARKS` entries in each,
    /// a binary search of `stss`, and, where samples differ in size, a walk over those that precede
    /// the sample in its chunk.
    pub(super) fn place(&self, sample: u32) -> Option<Place> {
        if sample >= self.layout.sample_count {
            return None;
        }
        let mut place = Place { sample, ..Place::default() };
        self.place_in_time(&mut place)?;

        let sync_entry = self.syncs.partition_point(|entry| sync_entry(entry) < sample);
        place.sync_entry = u32::try_from(sync_entry).ok()?;
        self.read_sync(&mut place);

        let (mut entry, mut first) = from_mark(&self.layout.run_marks, self.runs.len(), sample);
        loop {
            let (run, end) = self.run(entry)?;
            let chunks = end.saturating_sub(run.first_chunk);
            let samples = chunks.saturating_mul(run.samples_per_chunk);
            let within = sample - first;
            if within < samples {
                place.run_entry = u32::try_from(entry).ok()?;
                place.samples_per_chunk = run.samples_per_chunk;
                place.run_end = end;
                place.chunk = run.first_chunk + within / run.samples_per_chunk;
                let preceding = within % run.samples_per_chunk;
                place.chunk_left = run.samples_per_chunk - preceding;
                let skipped = self.bytes_of(sample - preceding, preceding)?;
                place.offset = self.chunk_offset(place.chunk)?.checked_add(skipped)?;
                return Some(place);
            }
            first += samples;
            entry += 1;
        }
    }

    /// Composition time of one sample: [`Tables::place`] without the bytes.
    fn cts(&self, sample: u32) -> Option<i64> {
        // Longer tables than the shortest one know of samples that are not there.
        if sample >= self.layout.sample_count {
            return None;
        }
        let mut place = Place { sample, ..Place::default() };
        self.place_in_time(&mut place)?;
        Some(place.cts())
    }

    fn place_in_time(&self, place: &mut Place) -> Option<()> {
        let sample = place.sample;
        let marks = &self.layout.duration_marks;
        let (mut entry, mut first) = from_mark(marks, self.durations.len(), sample);
        let mut dts = marks.get(entry / stride(self.durations.len()))?.dts;
        loop {
            let (count, delta) = duration_entry(self.durations.get(entry)?);
            let within = sample - first;
            if within < count {
                place.dts = dts.saturating_add(i64::from(within) * i64::from(delta));
                place.delta = delta;
                place.duration_entry = u32::try_from(entry).ok()?;
                place.duration_left = count - within;
                break;
            }
            dts = dts.saturating_add(i64::from(count) * i64::from(delta));
            first += count;
            entry += 1;
        }

        let (mut entry, mut first) = from_mark(&self.layout.shift_marks, self.shifts.len(), sample);
        loop {
            // A table that ends early leaves the rest of the samples unshifted.
            let (count, shift) = self.shifts.get(entry).map_or((u32::MAX, 0), shift_entry);
            let within = sample - first;
            if within < count {
                place.shift = shift;
                place.shift_entry = u32::try_from(entry).ok()?;
                place.shift_left = count - within;
                return Some(());
            }
            first += count;
            entry += 1;
        }
    }

    /// Moves to the next sample in decode order, given the size of this one. None when there is
    /// none.
    pub(super) fn step(&self, place: &mut Place, size: u32) -> Option<()> {
        place.sample += 1;
        if place.sample >= self.layout.sample_count {
            return None;
        }
        if place.next_sync < place.sample {
            self.read_sync(place);
        }

        place.dts = place.dts.saturating_add(i64::from(place.delta));
        place.duration_left -= 1;
        while place.duration_left == 0 {
            place.duration_entry += 1;
            (place.duration_left, place.delta) =
                duration_entry(self.durations.get(place.duration_entry as usize)?);
        }

        place.shift_left -= 1;
        while place.shift_left == 0 {
            place.shift_entry += 1;
            (place.shift_left, place.shift) =
                self.shifts.get(place.shift_entry as usize).map_or((u32::MAX, 0), shift_entry);
        }

        place.chunk_left -= 1;
        if place.chunk_left > 0 {
            place.offset = place.offset.checked_add(u64::from(size))?;
            return Some(());
        }
        place.chunk += 1;
        while place.chunk >= place.run_end || place.samples_per_chunk == 0 {
            place.run_entry += 1;
            let (run, end) = self.run(place.run_entry as usize)?;
            place.chunk = run.first_chunk;
            place.samples_per_chunk = run.samples_per_chunk;
            place.run_end = end;
        }
        place.chunk_left = place.samples_per_chunk;
        place.offset = self.chunk_offset(place.chunk)?;
        Some(())
    }

    /// The last sync sample that is shown at or before `cts`; the first sample when there is none.
    /// Sync samples are shown in the order they are decoded in, so this is a binary search with one
    /// look at the times per step.
    pub(super) fn sync_at_or_before(&self, cts: i64) -> u32 {
        let shown = |sample: u32| self.cts(sample).is_some_and(|at| at <= cts);
        if self.syncs.is_empty() {
            return partition(self.layout.sample_count, shown).saturating_sub(1);
        }
        let sync = |entry: u32| self.sync(entry).unwrap_or(u32::MAX);
        let count = u32::try_from(self.syncs.len()).unwrap_or(u32::MAX);
        match partition(count, |entry| shown(sync(entry))).checked_sub(1) {
            Some(entry) => sync(entry),
            None => 0,
        }
    }

    /// One past the last sample, in decode order, that is shown before `cts` (or at it, when
    /// `inclusive`). May be later by some samples where they are reordered further than any
    /// decoder's picture buffer allows.
    pub(super) fn end_shown_before(&self, cts: i64, inclusive: bool) -> u32 {
        /// A decoded picture buffer holds 16 frames at most (H.264 §A.3.1): no picture is shown
        /// further from its place in decode order than that. Twice, for pairs of fields.
        const REORDER_MAX: u32 = 32;
        let count = self.layout.sample_count;
        let early = |at: i64| if inclusive { at <= cts } else { at < cts };
        let decoded = partition(count, |sample| {
            let mut place = Place { sample, ..Place::default() };
            self.place_in_time(&mut place).is_some() && early(place.dts)
        });
        let (from, to) =
            (decoded.saturating_sub(REORDER_MAX), decoded.saturating_add(REORDER_MAX).min(count));
        (from..to)
            .rev()
            .find(|&sample| self.cts(sample).is_some_and(early))
            .map_or(decoded, |sample| sample + 1)
    }

    /// The sample that entry of `stss` names, from 0.
    fn sync(&self, entry: u32) -> Option<u32> {
        self.syncs.get(entry as usize).map(sync_entry)
    }

    fn read_sync(&self, place: &mut Place) {
        // Absent, or empty, means that decoding can begin anywhere.
        place.next_sync = if self.syncs.is_empty() {
            place.sample
        } else {
            let mut named = self.sync(place.sync_entry);
            while named.is_some_and(|named| named < place.sample) {
                place.sync_entry += 1;
                named = self.sync(place.sync_entry);
            }
            named.unwrap_or(u32::MAX)
        };
    }

    /// An entry of `stsc` and the first chunk that it does not speak of.
    fn run(&self, entry: usize) -> Option<(Run, u32)> {
        let run = run_entry(self.runs.get(entry)?);
        let chunks = match self.offsets {
            Offsets::Bits32(table) => table.len() / 4,
            Offsets::Bits64(table) => table.len() / 8,
        };
        let chunks = u32::try_from(chunks).unwrap_or(u32::MAX);
        let end = self.runs.get(entry + 1).map_or(chunks, |next| run_entry(next).first_chunk);
        Some((run, end.min(chunks)))
    }

    fn chunk_offset(&self, chunk: u32) -> Option<u64> {
        let index = chunk as usize;
        match self.offsets {
            Offsets::Bits32(table) => {
                table.as_chunks().0.get(index).map(|&at| u64::from(u32::from_be_bytes(at)))
            }
            Offsets::Bits64(table) => {
                table.as_chunks().0.get(index).map(|&at| u64::from_be_bytes(at))
            }
        }
    }

    /// Bytes of `count` samples from `first` on.
    fn bytes_of(&self, first: u32, count: u32) -> Option<u64> {
        if let Sizes::Constant { size, .. } = self.sizes {
            return Some(u64::from(size) * u64::from(count));
        }
        (first..first + count)
            .try_fold(0u64, |sum, sample| Some(sum + u64::from(self.size(sample)?)))
    }
}

/// The last marked entry that begins at or before `sample`, and the sample it begins at.
fn from_mark(marks: &[Mark; MARKS], entries: usize, sample: u32) -> (usize, u32) {
    let stride = stride(entries);
    let used = marks.get(..entries.div_ceil(stride)).unwrap_or_default();
    let after = used.partition_point(|mark| mark.sample <= sample);
    match after.checked_sub(1).and_then(|index| Some((index, used.get(index)?))) {
        Some((index, mark)) => (index * stride, mark.sample),
        None => (0, 0),
    }
}

/// The first number below `count` for which `holds` is false, where it holds up to some number and
/// no further.
fn partition(count: u32, holds: impl Fn(u32) -> bool) -> u32 {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}
