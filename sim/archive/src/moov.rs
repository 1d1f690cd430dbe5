//! The moov of a film (ISO/IEC 14496-12 §8.2.1), whose tables are computed as they are read: the
//! moov of a five-hour film is 19 MB on the wire and nothing in memory. Boxes without tables come
//! from the clip and are written by `mp4-atom`.

use mp4_atom::{Elst, Encode, Trak};

use crate::clip::Clip;
use crate::samples::{Samples, divide};

/// Units per second of the film's own timeline: milliseconds, as ffmpeg has it.
const MOVIE_TIMESCALE: u32 = 1000;

/// A stretch of the moov.
#[derive(Debug)]
pub(crate) enum Piece {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The entries of a table.
    Table { table: Table, entries: u64 },
}

/// What the entries of a table are computed from.
#[derive(Debug)]
pub(crate) enum Table {
    /// `stsz` of the pictures (§8.7.3).
    PictureSizes,
    /// `stsz` of the sound.
    SoundSizes,
    /// `stco` or, when wide, `co64` of the pictures (§8.7.5).
    PictureOffsets { wide: bool },
    /// The same of the sound.
    SoundOffsets { wide: bool },
    /// `stss` (§8.6.2).
    Sync,
    /// `ctts` (§8.6.1.3), one entry for each run of equal offsets.
    Composition(Runs),
    /// `stsc` of the sound (§8.7.4) from its run of this number on.
    SoundChunks(Runs, u64),
}

/// Where runs of equal values start, in a sequence that repeats. A run never crosses from one round
/// into the next.
#[derive(Debug)]
pub(crate) struct Runs {
    starts: Vec<u32>,
    round: usize,
}

impl Piece {
    /// Bytes of this piece.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Table { table, entries } => table.width() as u64 * entries,
        }
    }
}

impl Table {
    /// The most bytes that an entry has.
    pub(crate) const WIDTH_MAX: usize = 12;

    /// Bytes of an entry.
    pub(crate) fn width(&self) -> usize {
        match self {
            Self::PictureSizes | Self::SoundSizes | Self::Sync => 4,
            Self::PictureOffsets { wide } | Self::SoundOffsets { wide } => 4 + 4 * *wide as usize,
            Self::Composition(_) => 8,
            Self::SoundChunks(..) => 12,
        }
    }

    /// Writes an entry as it is on the wire. `media_at` is the offset of the first sample in the
    /// file.
    pub(crate) fn write(&self, entry: u64, samples: &Samples, media_at: u64, out: &mut [u8; 12]) {
        let mut put = |at: usize, value: u64| {
            out[at..at + 4].copy_from_slice(&(value as u32).to_be_bytes());
        };
        let mut put_offset = |wide, value: u64| match wide {
            false => put(0, value),
            true => {
                put(0, value >> 32);
                put(4, value);
            }
        };
        match self {
            Self::PictureSizes => put(0, samples.picture_size(entry)),
            Self::SoundSizes => put(0, samples.sound_size(entry)),
            Self::PictureOffsets { wide } => {
                put_offset(*wide, media_at + samples.picture_at(entry));
            }
            Self::SoundOffsets { wide } => {
                put_offset(*wide, media_at + samples.sound_chunk_at(entry));
            }
            Self::Sync => {
                let (round, rest) = divide(entry, samples.clip.sync.len());
                let pictures = samples.clip.video.samples.len() as u64;
                put(0, round * pictures + u64::from(samples.clip.sync[rest]) + 1);
            }
            Self::Composition(runs) => {
                let (start, end) = (runs.start(entry), runs.start(entry + 1));
                let offset = samples.clip.composition_offsets[divide(start, runs.round).1];
                put(0, end.min(samples.pictures) - start);
                put(4, u64::from(offset as u32));
            }
            Self::SoundChunks(runs, first) => {
                let start = runs.start(first + entry);
                put(0, start + 1);
                put(4, samples.round_sounds_before(start + 1) - samples.round_sounds_before(start));
                put(8, 1);
            }
        }
    }
}

impl Runs {
    fn new<T: PartialEq>(round: usize, value: impl Fn(usize) -> T) -> Self {
        let starts = (0..round).filter(|n| *n == 0 || value(*n) != value(*n - 1));
        Self { starts: starts.map(|n| n as u32).collect(), round }
    }

    /// The index at which a run starts.
    fn start(&self, run: u64) -> u64 {
        let (rounds, rest) = divide(run, self.starts.len());
        rounds * self.round as u64 + u64::from(self.starts[rest])
    }

    /// How many runs start before an index.
    fn before(&self, index: u64) -> u64 {
        let (rounds, rest) = divide(index, self.round);
        let more = self.starts.partition_point(|start| (*start as usize) < rest);
        rounds * self.starts.len() as u64 + more as u64
    }
}

/// The moov of a film that lasts `duration_ms`, with 64-bit chunk offsets when `wide`.
pub(crate) fn moov(
    samples: &Samples,
    duration_ms: u64,
    wide: bool,
) -> Result<Vec<Piece>, mp4_atom::Error> {
    let clip = &*samples.clip;
    let mut mvhd = clip.mvhd.clone();
    mvhd.timescale = MOVIE_TIMESCALE;
    mvhd.duration = duration_ms;

    let pictures = picture_tables(samples, wide);
    let video = trak(&clip.video.trak, duration_ms, samples.pictures, clip.video.delta, pictures)?;
    let sounds = sound_tables(samples, wide);
    let audio = trak(&clip.audio.trak, duration_ms, samples.sounds, clip.audio.delta, sounds)?;
    Ok(container(b"moov", vec![vec![bytes(&mvhd)?], video, audio]))
}

fn trak(
    from: &Trak,
    duration_ms: u64,
    samples: u64,
    delta: u32,
    mut tables: Vec<Piece>,
) -> Result<Vec<Piece>, mp4_atom::Error> {
    let mut tkhd = from.tkhd.clone();
    tkhd.duration = duration_ms;
    let mut mdhd = from.mdia.mdhd.clone();
    mdhd.duration = samples * u64::from(delta);

    let mut edits = Vec::new();
    if let Some(elst) = from.edts.as_ref().and_then(|edts| edts.elst.as_ref()) {
        let mut elst: Elst = elst.clone();
        if let Some(entry) = elst.entries.last_mut() {
            entry.segment_duration = duration_ms;
        }
        edits = container(b"edts", vec![vec![bytes(&elst)?]]);
    }

    let minf = &from.mdia.minf;
    let mut media_header = Vec::new();
    if let Some(vmhd) = &minf.vmhd {
        media_header.push(bytes(vmhd)?);
    }
    if let Some(smhd) = &minf.smhd {
        media_header.push(bytes(smhd)?);
    }
    let mut described = vec![
        bytes(&minf.stbl.stsd)?,
        full_box(b"stts", 0, &[], 1, [samples as u32, delta].map(u32::to_be_bytes).as_flattened()),
    ];
    described.append(&mut tables);
    let stbl = container(b"stbl", vec![described]);
    let minf = container(b"minf", vec![media_header, vec![bytes(&minf.dinf)?], stbl]);
    let mdia = container(b"mdia", vec![vec![bytes(&mdhd)?], vec![bytes(&from.mdia.hdlr)?], minf]);
    Ok(container(b"trak", vec![vec![bytes(&tkhd)?], edits, mdia]))
}

fn picture_tables(samples: &Samples, wide: bool) -> Vec<Piece> {
    let clip: &Clip = &samples.clip;
    let round = clip.video.samples.len();
    let (rounds, rest) = divide(samples.pictures, round);
    let sync_in_rest = clip.sync.partition_point(|sync| (*sync as usize) < rest);
    let sync = rounds * clip.sync.len() as u64 + sync_in_rest as u64;

    let offsets = &clip.composition_offsets;
    let runs = Runs::new(round, |n| offsets[n]);
    let version = u8::from(offsets.iter().any(|offset| *offset < 0));

    let mut pieces = Vec::new();
    pieces.extend(table_box(b"stss", 0, &[], Table::Sync, sync));
    let entries = runs.before(samples.pictures);
    pieces.extend(table_box(b"ctts", version, &[], Table::Composition(runs), entries));
    pieces.push(full_box(b"stsc", 0, &[], 1, [1u32, 1, 1].map(u32::to_be_bytes).as_flattened()));
    pieces.extend(table_box(b"stsz", 0, &[0; 4], Table::PictureSizes, samples.pictures));
    let kind = if wide { b"co64" } else { b"stco" };
    pieces.extend(table_box(kind, 0, &[], Table::PictureOffsets { wide }, samples.pictures));
    pieces
}

fn sound_tables(samples: &Samples, wide: bool) -> Vec<Piece> {
    // The first and the last chunk differ from the pattern, and what follows the first is a run
    // that the pattern may have begun earlier: these get entries of their own.
    let chunks = samples.pictures;
    let own = |chunk: u64| {
        let sounds = samples.sounds_before(chunk + 1) - samples.sounds_before(chunk);
        [chunk as u32 + 1, sounds as u32, 1].map(u32::to_be_bytes).concat()
    };
    let round = samples.clip.video.samples.len();
    let runs = Runs::new(round, |n| {
        samples.round_sounds_before(n as u64 + 1) - samples.round_sounds_before(n as u64)
    });
    let mut first = own(0);
    if chunks > 2 && runs.start(1) != 1 {
        first.extend(own(1));
    }
    let last = if chunks > 1 { own(chunks - 1) } else { Vec::new() };
    // Run 0 is the first chunk's.
    let entries = runs.before(chunks - 1).saturating_sub(1);

    let count = entries + (first.len() + last.len()) as u64 / 12;
    let payload = first.len() as u64 + entries * 12 + last.len() as u64;
    let mut pieces = vec![
        Piece::Bytes([&full_header(b"stsc", 0, &[], count, payload)[..], &first].concat()),
        Piece::Table { table: Table::SoundChunks(runs, 1), entries },
        Piece::Bytes(last),
    ];
    pieces.extend(table_box(b"stsz", 0, &[0; 4], Table::SoundSizes, samples.sounds));
    let kind = if wide { b"co64" } else { b"stco" };
    pieces.extend(table_box(kind, 0, &[], Table::SoundOffsets { wide }, chunks));
    pieces
}

/// A box that contains others.
fn container(kind: &[u8; 4], children: Vec<Vec<Piece>>) -> Vec<Piece> {
    let children = children.into_iter().flatten();
    let mut pieces = vec![Piece::Bytes(Vec::new())];
    pieces.extend(children);
    let len = 8 + pieces.iter().map(Piece::len).sum::<u64>();
    pieces[0] = Piece::Bytes(box_header(kind, len));
    pieces
}

/// A box as `mp4-atom` writes it.
fn bytes(atom: &impl Encode) -> Result<Piece, mp4_atom::Error> {
    let mut bytes = Vec::new();
    atom.encode(&mut bytes)?;
    Ok(Piece::Bytes(bytes))
}

fn full_box(kind: &[u8; 4], version: u8, fields: &[u8], count: u64, entries: &[u8]) -> Piece {
    let header = full_header(kind, version, fields, count, entries.len() as u64);
    Piece::Bytes([&header, entries].concat())
}

fn table_box(kind: &[u8; 4], version: u8, fields: &[u8], table: Table, entries: u64) -> [Piece; 2] {
    let payload = table.width() as u64 * entries;
    let header = full_header(kind, version, fields, entries, payload);
    [Piece::Bytes(header), Piece::Table { table, entries }]
}

/// The start of a full box (§4.2) with fields, then a count of entries, then `payload` bytes.
fn full_header(kind: &[u8; 4], version: u8, fields: &[u8], count: u64, payload: u64) -> Vec<u8> {
    let mut header = box_header(kind, 16 + fields.len() as u64 + payload);
    header.extend([version, 0, 0, 0]);
    header.extend(fields);
    header.extend((count as u32).to_be_bytes());
    header
}

/// The start of a box of `len` bytes, its own eight included. A film's length is limited so that no
/// box but `mdat` needs more than 32 bits.
pub(crate) fn box_header(kind: &[u8; 4], len: u64) -> Vec<u8> {
    [&(len as u32).to_be_bytes()[..], kind].concat()
}
