//! The index of a film: which bytes of an MP4 file are which sample of which track, and when each
//! is decoded and shown (ISO/IEC 14496-12, and QuickTime files as far as they say the same).
//!
//! Everything is read from one `moov` box in memory, in place: nothing is allocated, nothing is
//! copied out, and no bytes make it panic. It never sees the film's media: samples come out as
//! ranges of the file. What it does not play (fragments, encryption, other codecs) is a named
//! error, not a guess.
//!
//! [`MovieLayout::parse`] goes through the moov once and checks every count in it against the box
//! around it. The layout borrows nothing, so it can be kept beside the buffer that the moov is in;
//! [`MovieLayout::over`] brings the two together for as long as they are looked at.
//!
//! Where the tables contradict each other the shortest one wins: a track ends where any of its
//! tables does.

use core::fmt;

use crate::time::MediaTime;

pub mod boxes;
mod codec;
mod cursor;
mod edit;
mod tables;
#[cfg(test)]
mod tests;

pub use boxes::FourCc;
use boxes::{BrokenBox, Child, Children, Fields};
use codec::SampleEntry;
pub use codec::{Aac, Avc, Codec, Colour, NalUnits, Orientation, Picture, Rotation};
pub use cursor::{Cursor, Sample, SampleRange};
use edit::Edits;
use tables::{Span, TableLayout, Tables};

/// What [`MovieLayout::parse`] found in a moov: numbers and places, no bytes.
///
/// About 20 kB: keep it in a box where it would be moved often.
#[derive(Clone, Copy, Debug)]
pub struct MovieLayout {
    moov_len: usize,
    duration: MediaTime,
    tracks: [Option<TrackLayout>; Self::TRACKS_MAX],
    /// Which of the tracks there are is the one to watch, and which to listen to.
    video: Result<usize, Declined>,
    audio: Result<usize, Declined>,
}

impl MovieLayout {
    /// Tracks of picture and sound that are looked at; any after them are ignored.
    pub const TRACKS_MAX: usize = 8;

    /// Reads a complete moov box, header included.
    ///
    /// Takes time proportional to the entries of the run-length tables (`stts`, `ctts`, `stsc`) and
    /// of `stss`; never to a count that the file merely claims.
    pub fn parse(moov: &[u8]) -> Result<Self, Mp4Error> {
        let mut boxes = Children::new(moov, 0);
        let root = match boxes.next() {
            Some(Ok(root)) if root.kind.0 == *b"moov" => root,
            Some(Err(broken)) if broken.kind.0 == *b"moov" => return Err(broken.into()),
            _ => return Err(Mp4Error::NotMoov),
        };
        if u32::try_from(moov.len()).is_err() {
            return Err(Mp4Error::TooLarge);
        }
        let (mut header, mut extends, mut compressed) = (None, false, false);
        for child in root.children(0) {
            let child = child?;
            match &child.kind.0 {
                b"mvhd" => header = Some(Times::parse(&child)?),
                b"mvex" => extends = true,
                b"cmov" => compressed = true,
                _ => {}
            }
        }
        if compressed {
            return Err(Mp4Error::Compressed);
        }
        let missing = Mp4Error::Missing { kind: FourCc(*b"mvhd"), offset: root.offset };
        let header = header.ok_or(missing)?;

        let mut tracks = [None; Self::TRACKS_MAX];
        let mut free = tracks.iter_mut();
        for child in root.children(0) {
            let child = child?;
            if child.kind.0 == *b"trak"
                && let Some(track) = TrackLayout::parse(&child, moov, header.timescale)?
                && let Some(slot) = free.next()
            {
                *slot = Some(track);
            }
        }
        let kept = || tracks.iter().flatten();
        if extends && kept().all(|track| track.tables.sample_count == 0) {
            return Err(Mp4Error::Fragmented);
        }
        let longest = kept().map(|track| track.edits.duration).max().unwrap_or_default();
        let duration = match header.duration {
            Some(0) | None => longest,
            Some(ticks) => MediaTime::from_micros(edit::micros(ticks, header.timescale)),
        };
        let none = Err(Declined::NoTrack);
        let layout = Self { moov_len: moov.len(), duration, tracks, video: none, audio: none };
        let movie = Movie { layout: &layout, moov };
        let (video, audio) = (movie.playable(Kind::Video), movie.playable(Kind::Audio));
        Ok(Self { video, audio, ..layout })
    }

    /// The movie, given the bytes that it was parsed from. None when there are more or fewer.
    ///
    /// Other bytes of the same length give samples that do not exist, though never a panic.
    pub fn over<'a>(&'a self, moov: &'a [u8]) -> Option<Movie<'a>> {
        (moov.len() == self.moov_len).then_some(Movie { layout: self, moov })
    }
}

/// A movie: its duration and its tracks of picture and sound.
#[derive(Clone, Copy, Debug)]
pub struct Movie<'a> {
    layout: &'a MovieLayout,
    moov: &'a [u8],
}

impl<'a> Movie<'a> {
    /// How long the movie lasts, by its header, or else by its longest track.
    pub fn duration(&self) -> MediaTime {
        self.layout.duration
    }

    /// Every track of picture or sound, whatever its codec, in the order of the file, up to
    /// [`MovieLayout::TRACKS_MAX`].
    pub fn tracks(&self) -> impl Iterator<Item = Track<'a>> + use<'a> {
        let moov = self.moov;
        self.layout.tracks.iter().flatten().map(move |layout| Track {
            layout,
            moov,
            tables: layout.tables.over(moov),
        })
    }

    /// The track to watch: the first of H.264, an enabled one if there is any.
    pub fn video(&self) -> Result<Track<'a>, Declined> {
        self.chosen(self.layout.video)
    }

    /// The track to listen to: the first of AAC, an enabled one if there is any. Whether a decoder
    /// is up to its object type and channels is another question.
    pub fn audio(&self) -> Result<Track<'a>, Declined> {
        self.chosen(self.layout.audio)
    }

    fn chosen(&self, index: Result<usize, Declined>) -> Result<Track<'a>, Declined> {
        index.and_then(|n| self.tracks().nth(n).ok_or(Declined::NoTrack))
    }

    /// Which of [`Movie::tracks`] to play. Looks into sample descriptions, so it is done once.
    fn playable(&self, kind: Kind) -> Result<usize, Declined> {
        let tracks = || self.tracks().enumerate().filter(|(_, track)| track.kind() == kind);
        let playable = || tracks().filter(|(_, track)| track.declined().is_none());
        let enabled = playable().find(|(_, track)| track.enabled());
        if let Some((index, _)) = enabled.or_else(|| playable().next()) {
            return Ok(index);
        }
        Err(tracks().find_map(|(_, track)| track.declined()).unwrap_or(Declined::NoTrack))
    }
}

/// One track of a movie.
#[derive(Clone, Copy, Debug)]
pub struct Track<'a> {
    layout: &'a TrackLayout,
    moov: &'a [u8],
    tables: Tables<'a>,
}

impl<'a> Track<'a> {
    /// The track's number in the file, from 1, not necessarily without gaps.
    pub fn id(&self) -> u32 {
        self.layout.id
    }

    /// Picture or sound.
    pub fn kind(&self) -> Kind {
        self.layout.kind
    }

    /// The file wants this track played, and not only to be there for choice.
    pub fn enabled(&self) -> bool {
        self.layout.enabled
    }

    /// Ticks in a second, at least 1.
    pub fn timescale(&self) -> u32 {
        self.layout.timescale
    }

    /// Samples in the media, as many as every table has an entry for. Not all of them need be in
    /// the edit list.
    pub fn sample_count(&self) -> u32 {
        self.layout.tables.sample_count
    }

    /// How long the track lasts, edit list applied.
    pub fn duration(&self) -> MediaTime {
        self.layout.edits.duration
    }

    /// What the samples are encoded with.
    pub fn codec(&self) -> Codec<'a> {
        let none = Codec::Misconfigured(FourCc(*b"stsd"));
        self.sample_entry().map_or(none, |entry| entry.codec())
    }

    /// How the picture is to be shown. None for sound, or a sample entry that ends early.
    pub fn picture(&self) -> Option<Picture> {
        match self.kind() {
            Kind::Video => self.sample_entry()?.picture(self.layout.orientation),
            Kind::Audio => None,
        }
    }

    /// Before the first sample.
    pub fn start(&self) -> Cursor {
        cursor::start(self)
    }

    /// Before the sync sample from which on decoding gives what is shown or heard at `time`: the
    /// last one shown at or before it. Before the beginning that is the first sample, after the end
    /// the last sync sample.
    ///
    /// Costs a binary search among the n sync samples (among all samples where all are), and in
    /// each of its steps a search among 32 marks and a walk over at most 1/32 of the entries of
    /// `stts` and `ctts`; then the same once for `stsc`, and a walk over the sizes that precede the
    /// sample in its chunk where sizes differ.
    pub fn seek(&self, time: MediaTime) -> Cursor {
        cursor::seek(self, time)
    }

    /// Why this track cannot be played here. None when it can.
    pub fn declined(&self) -> Option<Declined> {
        match self.codec() {
            Codec::Avc(_) | Codec::Aac(_) => {}
            Codec::Encrypted(_) => return Some(Declined::Encrypted),
            Codec::Misconfigured(kind) => return Some(Declined::Misconfigured(kind)),
            Codec::Other(kind) => return Some(Declined::Codec(kind)),
        }
        if self.layout.tables.several_descriptions {
            return Some(Declined::SeveralDescriptions);
        }
        (self.sample_count() == 0).then_some(Declined::Empty)
    }

    fn sample_entry(&self) -> Option<SampleEntry<'a>> {
        SampleEntry::first(self.layout.descriptions.of(self.moov))
    }

    fn tables(&self) -> &Tables<'a> {
        &self.tables
    }

    fn edits(&self) -> &'a Edits {
        &self.layout.edits
    }
}

/// What a track is for.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Kind {
    /// Pictures (handler `vide`).
    Video,
    /// Sound (handler `soun`).
    Audio,
}

/// Why a movie has no picture, or no sound, that can be played.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Declined {
    /// There is no such track.
    NoTrack,
    /// There is, but without a single sample.
    Empty,
    /// It is encoded with something that is not played here; the type of its sample entry.
    Codec(FourCc),
    /// It is encrypted.
    Encrypted,
    /// What its decoder has to be told is missing or broken; the type of its sample entry, or `stsd`
    /// when there is none.
    Misconfigured(FourCc),
    /// Its samples are encoded in more than one way.
    SeveralDescriptions,
}

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTrack => f.write_str("there is no such track"),
            Self::Empty => f.write_str("the track is empty"),
            Self::Codec(kind) => write!(f, "the codec {kind} is not supported"),
            Self::Encrypted => f.write_str("the track is encrypted"),
            Self::Misconfigured(kind) => {
                write!(f, "the decoder configuration of {kind} is missing or broken")
            }
            Self::SeveralDescriptions => {
                f.write_str("the track changes its encoding on the way, which is not supported")
            }
        }
    }
}

impl core::error::Error for Declined {}

/// Why a moov cannot be read. Offsets are from the moov's first byte.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Mp4Error {
    /// The bytes do not begin with a moov box.
    NotMoov,
    /// The moov is larger than 4 GiB.
    TooLarge,
    /// The moov is compressed (`cmov`), as QuickTime once did.
    Compressed,
    /// The samples are described by movie fragments along the file, not by the moov.
    Fragmented,
    /// A box that must be there is not.
    Missing {
        /// Its type.
        kind: FourCc,
        /// Where the box begins that it should be in.
        offset: usize,
    },
    /// A box contradicts itself or the one around it.
    Broken {
        /// Its type.
        kind: FourCc,
        /// Where it begins.
        offset: usize,
        /// In what way.
        broken: Broken,
    },
}

/// In what way a box is broken.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Broken {
    /// It says it is shorter than its header, or longer than the box around it.
    Size,
    /// It ends before its last field.
    Short,
    /// It says it has so many entries, which is more than fit in it.
    Count {
        /// So many.
        declared: u32,
    },
    /// It has so many entries, which is more than are supported.
    TooMany {
        /// So many.
        declared: u32,
    },
    /// Its entries should ascend, and do not.
    NotAscending,
    /// Its time scale is 0.
    Timescale,
    /// Its entries are of a size that does not exist.
    FieldSize,
}

impl Mp4Error {
    fn short(child: &Child<'_>) -> Self {
        Self::Broken { kind: child.kind, offset: child.offset, broken: Broken::Short }
    }
}

impl From<BrokenBox> for Mp4Error {
    fn from(BrokenBox { kind, offset }: BrokenBox) -> Self {
        Self::Broken { kind, offset, broken: Broken::Size }
    }
}

impl fmt::Display for Mp4Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMoov => f.write_str("there is no moov box here"),
            Self::TooLarge => f.write_str("the moov box is larger than 4 GiB"),
            Self::Compressed => f.write_str("the moov box is compressed, which is not supported"),
            Self::Fragmented => f.write_str("the file is fragmented, which is not supported"),
            Self::Missing { kind, offset } => {
                write!(f, "the box at byte {offset} of the moov has no {kind} in it")
            }
            Self::Broken { kind, offset, broken } => {
                write!(f, "the {kind} box at byte {offset} of the moov ")?;
                match broken {
                    Broken::Size => f.write_str("does not fit in the box around it"),
                    Broken::Short => f.write_str("ends too early"),
                    Broken::Count { declared } => {
                        write!(f, "says it has {declared} entries and is too short for them")
                    }
                    Broken::TooMany { declared } => {
                        write!(f, "has {declared} entries, more than are supported")
                    }
                    Broken::NotAscending => f.write_str("has entries out of order"),
                    Broken::Timescale => f.write_str("has a time scale of 0"),
                    Broken::FieldSize => f.write_str("has entries of a size that does not exist"),
                }
            }
        }
    }
}

impl core::error::Error for Mp4Error {}

/// What is known of one track.
#[derive(Clone, Copy, Debug)]
struct TrackLayout {
    id: u32,
    enabled: bool,
    orientation: Orientation,
    kind: Kind,
    timescale: u32,
    /// The body of `stsd`.
    descriptions: Span,
    tables: TableLayout,
    edits: Edits,
}

impl TrackLayout {
    /// Reads a `trak`. None when it is of neither picture nor sound.
    fn parse(
        trak: &Child<'_>,
        moov: &[u8],
        movie_timescale: u32,
    ) -> Result<Option<Self>, Mp4Error> {
        let (mut tkhd, mut edts, mut mdia) = (None, None, None);
        for child in trak.children(0) {
            let child = child?;
            match &child.kind.0 {
                b"tkhd" => tkhd = Some(child),
                b"edts" => edts = Some(child),
                b"mdia" => mdia = Some(child),
                _ => {}
            }
        }
        let mdia = mdia.ok_or(missing(b"mdia", trak))?;

        let (mut mdhd, mut hdlr, mut minf) = (None, None, None);
        for child in mdia.children(0) {
            let child = child?;
            match &child.kind.0 {
                b"mdhd" => mdhd = Some(child),
                b"hdlr" => hdlr = Some(child),
                b"minf" => minf = Some(child),
                _ => {}
            }
        }
        let hdlr = hdlr.ok_or(missing(b"hdlr", &mdia))?;
        let kind = match hdlr.body.get(8..12) {
            Some(b"vide") => Kind::Video,
            Some(b"soun") => Kind::Audio,
            Some(_) => return Ok(None),
            None => return Err(Mp4Error::short(&hdlr)),
        };
        let tkhd = tkhd.ok_or(missing(b"tkhd", trak))?;
        let (enabled, id, orientation) = parse_tkhd(&tkhd).ok_or(Mp4Error::short(&tkhd))?;
        let mdhd = mdhd.ok_or(missing(b"mdhd", &mdia))?;
        let timescale = Times::parse(&mdhd)?.timescale;
        let minf = minf.ok_or(missing(b"minf", &mdia))?;
        let stbl = required(&minf, b"stbl")?;
        let stsd = required(&stbl, b"stsd")?;

        let tables = TableLayout::parse(&stbl)?;
        let edits = Edits::parse(
            edts.as_ref(),
            &tables.over(moov),
            kind,
            timescale,
            movie_timescale,
            tables.duration,
        )?;
        let descriptions = Span::new(stsd.body_offset(), stsd.body.len());
        Ok(Some(Self { id, enabled, orientation, kind, timescale, descriptions, tables, edits }))
    }
}

fn required<'a>(parent: &Child<'a>, kind: &[u8; 4]) -> Result<Child<'a>, Mp4Error> {
    for child in parent.children(0) {
        let child = child?;
        if child.kind.0 == *kind {
            return Ok(child);
        }
    }
    Err(missing(kind, parent))
}

fn missing(kind: &[u8; 4], parent: &Child<'_>) -> Mp4Error {
    Mp4Error::Missing { kind: FourCc(*kind), offset: parent.offset }
}

/// Whether the track is enabled, its number, and its matrix (§8.3.2).
fn parse_tkhd(tkhd: &Child<'_>) -> Option<(bool, u32, Orientation)> {
    let mut fields = Fields(tkhd.body);
    let version_flags = fields.u32()?;
    let wide = version_flags >> 24 == 1;
    fields.bytes(if wide { 16 } else { 8 })?; // creation, modification
    let id = fields.u32()?;
    fields.bytes(if wide { 12 } else { 8 })?; // reserved, duration
    fields.bytes(16)?; // reserved, layer, alternate group, volume, reserved
    let (a, b, _u) = (fields.i32()?, fields.i32()?, fields.i32()?);
    let (c, d) = (fields.i32()?, fields.i32()?);
    Some((version_flags & 1 != 0, id, Orientation::from_matrix([a, b, c, d])))
}

/// What `mvhd` and `mdhd` have in common (§8.2.2, §8.4.2).
struct Times {
    timescale: u32,
    /// In ticks. None when the file does not know (all bits set).
    duration: Option<i64>,
}

impl Times {
    fn parse(child: &Child<'_>) -> Result<Self, Mp4Error> {
        let (timescale, duration) = Self::fields(child.body).ok_or(Mp4Error::short(child))?;
        if timescale == 0 {
            let broken = Broken::Timescale;
            return Err(Mp4Error::Broken { kind: child.kind, offset: child.offset, broken });
        }
        Ok(Self { timescale, duration })
    }

    fn fields(body: &[u8]) -> Option<(u32, Option<i64>)> {
        let mut fields = Fields(body);
        if fields.u32()? >> 24 == 1 {
            fields.bytes(16)?; // creation, modification
            let timescale = fields.u32()?;
            Some((timescale, i64::try_from(fields.u64()?).ok()))
        } else {
            fields.bytes(8)?;
            let timescale = fields.u32()?;
            let duration = fields.u32()?;
            Some((timescale, (duration != u32::MAX).then_some(i64::from(duration))))
        }
    }
}
