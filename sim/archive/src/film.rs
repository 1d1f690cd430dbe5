//! A film that needs no disk: a clip's samples repeated behind a generated moov, of any length, in
//! either layout, read by range; or a sound file that needs none. It holds a few kilobytes however long it is, and never reads or
//! writes a file.
//!
//! The clip is smaller than a real film of the same length, so every picture is followed by a filler
//! data NAL unit (ITU-T H.264 §7.4.2.7) that decoders skip: the film's size is met to the byte.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use mp4_atom::Encode;

use crate::clip::Clip;
use crate::moov::{Piece, Table, box_header, moov};
use crate::samples::{Samples, Stretch, divide, write_filler};
use crate::sound::{Sound, SoundError, SoundFile};

/// What a film should be like. As a string: `SECONDS:BYTES:LAYOUT`, where SECONDS may have three
/// decimals, BYTES may be `min`, and LAYOUT is `first` or `last` (where moov lies), then any of
/// `+co64` (64-bit offsets), `+wide` (mdat with a 64-bit length) and `+to-end` (mdat without one). Or
/// it is `mp3`, `ogg`, `flac` or `fragments`, for a [sound file](SoundFile), which is padded to BYTES
/// by a tag, a metadata block or a box in front; Ogg cannot be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FilmSpec {
    /// Duration in milliseconds, at least 1, as `mvhd` and the edit lists say it. The samples end
    /// up to three pictures later, where no picture is missing on screen.
    pub duration_ms: u64,
    /// Bytes of the whole file; absent for as few as possible.
    pub bytes: Option<u64>,
    /// Where moov lies.
    pub layout: Layout,
    /// `co64` instead of `stco` even where 32 bits are enough.
    pub wide_offsets: bool,
    /// How long `mdat` says it is.
    pub mdat: MdatSize,
    /// Repeats the [small test card](Clip::small_test_card), whatever clip the others repeat.
    pub small: bool,
}

/// Where moov lies.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Layout {
    /// `ftyp moov free mdat`: what `qt-faststart` leaves, as on archive.org's derivatives.
    MoovFirst,
    /// `ftyp free mdat moov`: what a muxer writes first, as on most originals.
    MoovLast,
    /// No film at all.
    Sound(SoundFile),
}

/// How `mdat` gives its length (ISO/IEC 14496-12 §4.2).
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum MdatSize {
    /// In 32 bits where they are enough, otherwise in 64.
    #[default]
    Fitting,
    /// In 64 bits.
    Wide,
    /// 0, "to the end of the file". Only with [`Layout::MoovFirst`].
    ToEnd,
}

impl FilmSpec {
    /// A film of `duration_ms`, as small as the clip allows.
    pub fn new(duration_ms: u64, layout: Layout) -> Self {
        Self {
            duration_ms,
            bytes: None,
            layout,
            wide_offsets: false,
            mdat: MdatSize::Fitting,
            small: false,
        }
    }

    /// The same with `bytes` in all.
    pub fn with_bytes(self, bytes: u64) -> Self {
        Self { bytes: Some(bytes), ..self }
    }
}

impl FromStr for FilmSpec {
    type Err = FilmSpecError;

    fn from_str(text: &str) -> Result<Self, FilmSpecError> {
        let [seconds, bytes, layout] = text.split(':').collect::<Vec<_>>()[..] else {
            return Err(FilmSpecError::Form);
        };
        let duration_ms = millis(seconds).ok_or(FilmSpecError::Seconds)?;
        let mut flags = layout.split('+');
        let layout = match flags.next() {
            Some("first") => Layout::MoovFirst,
            Some("last") => Layout::MoovLast,
            Some(name) => match SoundFile::ALL.iter().find(|kind| kind.name() == name) {
                Some(kind) => Layout::Sound(*kind),
                None => return Err(FilmSpecError::Layout),
            },
            None => return Err(FilmSpecError::Layout),
        };
        let mut spec = Self::new(duration_ms, layout);
        if bytes != "min" {
            spec.bytes = Some(bytes.parse().map_err(|_| FilmSpecError::Bytes)?);
        }
        for flag in flags {
            match flag {
                _ if matches!(layout, Layout::Sound(_)) => return Err(FilmSpecError::Layout),
                "co64" => spec.wide_offsets = true,
                "wide" => spec.mdat = MdatSize::Wide,
                "to-end" => spec.mdat = MdatSize::ToEnd,
                "480x272" => spec.small = true,
                _ => return Err(FilmSpecError::Layout),
            }
        }
        Ok(spec)
    }
}

/// `12` or `12.345` seconds in milliseconds.
fn millis(seconds: &str) -> Option<u64> {
    let (whole, part) = seconds.split_once('.').unwrap_or((seconds, "000"));
    let part = (part.len() == 3).then(|| part.parse::<u64>().ok())??;
    whole.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(part)
}

impl fmt::Display for FilmSpec {
    /// The string it is read from.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.duration_ms / 1000)?;
        match self.duration_ms % 1000 {
            0 => {}
            part => write!(f, ".{part:03}")?,
        }
        match self.bytes {
            None => f.write_str(":min")?,
            Some(bytes) => write!(f, ":{bytes}")?,
        }
        match self.layout {
            Layout::MoovFirst => f.write_str(":first")?,
            Layout::MoovLast => f.write_str(":last")?,
            Layout::Sound(kind) => write!(f, ":{kind}")?,
        }
        if self.wide_offsets {
            f.write_str("+co64")?;
        }
        f.write_str(match self.mdat {
            MdatSize::Fitting => "",
            MdatSize::Wide => "+wide",
            MdatSize::ToEnd => "+to-end",
        })?;
        f.write_str(if self.small { "+480x272" } else { "" })
    }
}

/// Why a string describes no film.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FilmSpecError {
    /// It has not three parts.
    Form,
    /// The first is no duration.
    Seconds,
    /// The second is no size.
    Bytes,
    /// The third is no layout.
    Layout,
}

impl fmt::Display for FilmSpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "expected SECONDS:BYTES:LAYOUT",
            Self::Seconds => "SECONDS is neither a whole number nor one with three decimals",
            Self::Bytes => "BYTES is neither min nor a whole number",
            Self::Layout => {
                "LAYOUT is neither mp3, ogg, flac or fragments, nor first or last, followed by any of \
                 +co64, +wide, +to-end and +480x272"
            }
        })
    }
}

impl std::error::Error for FilmSpecError {}

/// A film, see the module.
#[derive(Debug)]
pub struct VirtualFilm {
    samples: Samples,
    /// Each with the offset at which it starts, ascending, none empty.
    parts: Vec<(u64, Part)>,
    media_at: u64,
    moov: Range<u64>,
    len: u64,
    duration_ms: u64,
    /// Offsets of bytes that are read inverted.
    damage: Vec<u64>,
}

/// Where a sample lies and when it is due, computed without any moov.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FilmSample {
    /// Its bytes in the file.
    pub range: Range<u64>,
    /// When it is shown or heard, in microseconds of the presentation, rounded down.
    pub time_us: i64,
}

#[derive(Debug)]
enum Part {
    Bytes(Vec<u8>),
    Table(Table),
    Zeros,
    Media,
    Sound(Sound),
}

impl VirtualFilm {
    /// Plans a film. Takes microseconds and a few kilobytes, whatever the film's length.
    pub fn new(clip: &Arc<Clip>, spec: &FilmSpec) -> Result<Self, FilmError> {
        let clip = &if spec.small { Clip::small_test_card() } else { clip.clone() };
        if spec.duration_ms == 0 {
            return Err(FilmError::NoDuration);
        }
        if let Layout::Sound(kind) = spec.layout {
            return Self::of_sound(clip, kind, spec);
        }
        if spec.mdat == MdatSize::ToEnd && spec.layout == Layout::MoovLast {
            return Err(FilmError::MoovAfterMdatToEnd);
        }
        let pictures = u128::from(spec.duration_ms) * u128::from(clip.video.timescale);
        let pictures = pictures.div_ceil(1000 * u128::from(clip.video.delta));
        let pictures = match u64::try_from(pictures) {
            Ok(pictures) if pictures <= Self::PICTURES_MAX => clip.complete_pictures(pictures),
            _ => return Err(FilmError::TooLong),
        };
        let samples = Samples::new(clip.clone(), pictures);

        let narrow_limit = u64::from(u32::MAX);
        if spec.wide_offsets || spec.bytes.is_some_and(|bytes| bytes > narrow_limit) {
            return Self::assemble(samples, spec, true);
        }
        let film = Self::assemble(samples, spec, false)?;
        if film.len > narrow_limit {
            return Self::assemble(film.samples, spec, true);
        }
        Ok(film)
    }

    /// The most pictures: keeps every table, and so the moov, far below 4 GiB. 77 days at 30
    /// pictures per second.
    const PICTURES_MAX: u64 = 200_000_000;

    fn assemble(mut samples: Samples, spec: &FilmSpec, wide: bool) -> Result<Self, FilmError> {
        let mut ftyp = Vec::new();
        samples.clip.ftyp.encode(&mut ftyp)?;
        let moov = moov(&samples, spec.duration_ms, wide)?;
        let moov_len: u64 = moov.iter().map(Piece::len).sum();

        let wide_mdat = spec.mdat == MdatSize::Wide || (wide && spec.mdat == MdatSize::Fitting);
        let mdat_header_len = if wide_mdat { 16 } else { 8 };
        let minimum = ftyp.len() as u64 + moov_len + 8 + mdat_header_len + samples.len();
        let spare = match spec.bytes {
            None => 0,
            Some(bytes) => bytes.checked_sub(minimum).ok_or(FilmError::TooFewBytes { minimum })?,
        };
        // What is too little for fillers goes into the `free` box that ffmpeg leaves before mdat.
        let free = 8 + samples.fill(spare);

        let mdat_len = mdat_header_len + samples.len();
        let mdat_header = match (spec.mdat, wide_mdat) {
            (MdatSize::ToEnd, _) => box_header(b"mdat", 0),
            (_, false) => box_header(b"mdat", mdat_len),
            (_, true) => [&box_header(b"mdat", 1)[..], &mdat_len.to_be_bytes()].concat(),
        };

        let mut film = Self {
            samples,
            parts: Vec::new(),
            media_at: 0,
            moov: 0..0,
            len: 0,
            duration_ms: spec.duration_ms,
            damage: Vec::new(),
        };
        film.append(ftyp.len() as u64, Part::Bytes(ftyp));
        if spec.layout == Layout::MoovFirst {
            film.append_moov(moov);
            film.append_media(free, mdat_header);
        } else {
            film.append_media(free, mdat_header);
            film.append_moov(moov);
        }
        Ok(film)
    }

    fn of_sound(clip: &Arc<Clip>, kind: SoundFile, spec: &FilmSpec) -> Result<Self, FilmError> {
        let sound =
            Sound::new(kind, spec.duration_ms, spec.bytes).map_err(|error| match error {
                SoundError::Duration => FilmError::TooLong,
                SoundError::AtLeast(minimum) => FilmError::TooFewBytes { minimum },
                SoundError::AtMost(maximum) => FilmError::TooManyBytes { maximum },
            })?;
        Ok(Self {
            samples: Samples::new(clip.clone(), 0),
            len: sound.len(),
            parts: vec![(0, Part::Sound(sound))],
            media_at: 0,
            moov: 0..0,
            duration_ms: spec.duration_ms,
            damage: Vec::new(),
        })
    }

    fn is_film(&self) -> bool {
        !matches!(self.parts.as_slice(), [(_, Part::Sound(_))])
    }

    fn append(&mut self, len: u64, part: Part) {
        if len > 0 {
            self.parts.push((self.len, part));
            self.len += len;
        }
    }

    fn append_moov(&mut self, pieces: Vec<Piece>) {
        let start = self.len;
        for piece in pieces {
            let len = piece.len();
            self.append(
                len,
                match piece {
                    Piece::Bytes(bytes) => Part::Bytes(bytes),
                    Piece::Table { table, .. } => Part::Table(table),
                },
            );
        }
        self.moov = start..self.len;
    }

    fn append_media(&mut self, free: u64, mdat_header: Vec<u8>) {
        self.append(8, Part::Bytes(box_header(b"free", free)));
        self.append(free - 8, Part::Zeros);
        self.append(mdat_header.len() as u64, Part::Bytes(mdat_header));
        self.media_at = self.len;
        self.append(self.samples.len(), Part::Media);
    }

    /// Bytes of the whole file.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Never: a film has at least its boxes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Which bytes are the moov box, its header included; none in a sound file.
    pub fn moov(&self) -> Range<u64> {
        self.moov.clone()
    }

    /// How long it is shown, in milliseconds. Its last samples may lie behind that.
    pub fn duration_ms(&self) -> u64 {
        self.duration_ms
    }

    /// How many pictures it has.
    pub fn pictures(&self) -> u64 {
        self.samples.pictures
    }

    /// How many frames of sound it has; 0 for a sound file, whose frames nobody counts.
    pub fn sounds(&self) -> u64 {
        if self.is_film() { self.samples.sounds } else { 0 }
    }

    /// What a picture truly is, counted in decode order from 0; absent behind the last.
    pub fn picture(&self, number: u64) -> Option<FilmSample> {
        let clip = &self.samples.clip;
        let rest = divide(number, clip.video.samples.len()).1;
        let start = self.media_at + self.samples.picture_at(number);
        (number < self.samples.pictures).then(|| FilmSample {
            range: start..start + self.samples.picture_size(number),
            time_us: clip.video.time_us(number, clip.composition_offsets[rest]),
        })
    }

    /// What a frame of sound truly is, counted from 0, the priming frame; absent behind the last.
    pub fn sound(&self, number: u64) -> Option<FilmSample> {
        self.is_film().then_some(())?;
        let start = self.media_at + self.samples.sound_at(number)?;
        Some(FilmSample {
            range: start..start + self.samples.sound_size(number),
            time_us: self.samples.clip.audio.time_us(number, 0),
        })
    }

    /// The same film with the bytes at these offsets inverted.
    pub fn damaged_at(self, damage: Vec<u64>) -> Self {
        Self { damage, ..self }
    }

    /// Copies the bytes from `offset` on, as many as `buf` holds and the film has. Returns how many,
    /// less than asked for only at the end.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> usize {
        let wanted = self.len.saturating_sub(offset);
        let count = buf.len().min(usize::try_from(wanted).unwrap_or(usize::MAX));
        let buf = &mut buf[..count];
        let mut done = 0;
        while done < count {
            done += self.read_some(offset + done as u64, &mut buf[done..]);
        }
        for damaged in &self.damage {
            let at = damaged.checked_sub(offset).and_then(|at| usize::try_from(at).ok());
            if let Some(byte) = at.and_then(|at| buf.get_mut(at)) {
                *byte = !*byte;
            }
        }
        count
    }

    /// Copies at least one byte, all from one part. `offset` lies within the film.
    fn read_some(&self, offset: u64, out: &mut [u8]) -> usize {
        let index = self.parts.partition_point(|(start, _)| *start <= offset) - 1;
        let (start, part) = &self.parts[index];
        let end = self.parts.get(index + 1).map_or(self.len, |(start, _)| *start);
        let count = out.len().min(usize::try_from(end - offset).unwrap_or(usize::MAX));
        let (out, from) = (&mut out[..count], offset - start);
        match part {
            Part::Bytes(bytes) => copy(&bytes[from as usize..], out),
            Part::Sound(sound) => sound.read_at(from, out),
            Part::Zeros => {
                out.fill(0);
                count
            }
            Part::Table(table) => {
                let width = table.width();
                let mut entry = [0; Table::WIDTH_MAX];
                table.write(from / width as u64, &self.samples, self.media_at, &mut entry);
                copy(&entry[(from % width as u64) as usize..width], out)
            }
            Part::Media => {
                let mut done = 0;
                for stretch in self.samples.stretches(from) {
                    let out = &mut out[done..];
                    done += match stretch {
                        Stretch::Clip(bytes) => copy(bytes, out),
                        Stretch::Filler { from, len } => write_filler(from, len, out),
                    };
                    if done == count {
                        break;
                    }
                }
                assert!(done == count, "the media part is as long as its samples");
                done
            }
        }
    }
}

fn copy(from: &[u8], out: &mut [u8]) -> usize {
    let count = from.len().min(out.len());
    out[..count].copy_from_slice(&from[..count]);
    count
}

/// Why a film cannot be made.
#[derive(Debug)]
pub enum FilmError {
    /// It would last 0 ms.
    NoDuration,
    /// It would have more pictures than the tables are made for.
    TooLong,
    /// The clip's own bytes are more than the film may have.
    TooFewBytes {
        /// The smallest size that is possible.
        minimum: u64,
    },
    /// A sound file has no place for so much padding.
    TooManyBytes {
        /// The largest size that is possible.
        maximum: u64,
    },
    /// With an `mdat` to the end of the file nothing can follow.
    MoovAfterMdatToEnd,
    /// The clip's boxes cannot be written again.
    Clip(mp4_atom::Error),
}

impl From<mp4_atom::Error> for FilmError {
    fn from(error: mp4_atom::Error) -> Self {
        Self::Clip(error)
    }
}

impl fmt::Display for FilmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDuration => f.write_str("a film must last at least a millisecond"),
            Self::TooLong => f.write_str("the film is too long"),
            Self::TooFewBytes { minimum } => {
                write!(f, "a film of this duration has at least {minimum} bytes")
            }
            Self::TooManyBytes { maximum } => {
                write!(f, "a sound file of this kind and duration has at most {maximum} bytes")
            }
            Self::MoovAfterMdatToEnd => {
                f.write_str("an mdat to the end of the file leaves no place for a moov after it")
            }
            Self::Clip(error) => write!(f, "the clip cannot be written again: {error}"),
        }
    }
}

impl std::error::Error for FilmError {}

#[cfg(test)]
mod tests {
    use mp4_atom::{Any, Decode, DecodeAtom, Header, Moov, StszSamples, Trak};

    use super::*;

    fn film(spec: FilmSpec) -> VirtualFilm {
        VirtualFilm::new(&Clip::test_card(), &spec).unwrap()
    }

    fn read(film: &VirtualFilm, range: Range<u64>) -> Vec<u8> {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        assert_eq!(film.read_at(range.start, &mut bytes), bytes.len());
        bytes
    }

    fn decode_moov(film: &VirtualFilm) -> Moov {
        let bytes = read(film, film.moov());
        let mut rest = bytes.as_slice();
        let header = Header::decode(&mut rest).unwrap();
        Moov::decode_atom(&header, &mut rest).unwrap()
    }

    /// Offset and size of every sample, by a reading of the tables that computes nothing.
    fn samples(trak: &Trak) -> Vec<(u64, u32)> {
        let stbl = &trak.mdia.minf.stbl;
        let StszSamples::Different { sizes } = &stbl.stsz.samples else { panic!("one size") };
        let chunks: Vec<u64> = match (&stbl.stco, &stbl.co64) {
            (Some(stco), None) => stco.entries.iter().copied().map(u64::from).collect(),
            (None, Some(co64)) => co64.entries.clone(),
            _ => panic!("one kind of offsets"),
        };
        let (mut sizes, mut found, mut in_chunk) = (sizes.iter(), Vec::new(), 0);
        for (number, mut at) in (1u32..).zip(chunks) {
            if let Some(run) = stbl.stsc.entries.iter().find(|run| run.first_chunk == number) {
                in_chunk = run.samples_per_chunk;
            }
            for size in sizes.by_ref().take(in_chunk as usize) {
                found.push((at, *size));
                at += u64::from(*size);
            }
        }
        assert!(sizes.next().is_none(), "samples without a chunk");
        found
    }

    #[test]
    fn a_description_is_read_as_it_is_written() {
        for text in [
            "1800:185000000:first+to-end",
            "5:min:last+co64+wide",
            "0.001:min:first",
            "1800:min:last+480x272",
            "3600:min:mp3",
            "60:1000000:flac",
        ] {
            assert_eq!(text.parse::<FilmSpec>().unwrap().to_string(), text);
        }
        let spec: FilmSpec = "12.345:min:last+co64".parse().unwrap();
        assert_eq!((spec.duration_ms, spec.bytes, spec.layout), (12_345, None, Layout::MoovLast));
        assert!(spec.wide_offsets);
    }

    #[test]
    fn what_is_no_description_is_refused_by_its_part() {
        for (text, error) in [
            ("", FilmSpecError::Form),
            ("5:min", FilmSpecError::Form),
            ("-5:min:last", FilmSpecError::Seconds),
            ("5.5:min:last", FilmSpecError::Seconds),
            ("99999999999999999999:min:last", FilmSpecError::Seconds),
            ("5:little:last", FilmSpecError::Bytes),
            ("5:min:middle", FilmSpecError::Layout),
            ("5:min:last+far", FilmSpecError::Layout),
            ("5:min:mp3+co64", FilmSpecError::Layout),
        ] {
            assert_eq!(text.parse::<FilmSpec>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_film_is_as_long_as_asked_to_the_byte_in_every_layout() {
        for (layout, mdat) in [
            (Layout::MoovFirst, MdatSize::Fitting),
            (Layout::MoovFirst, MdatSize::Wide),
            (Layout::MoovFirst, MdatSize::ToEnd),
            (Layout::MoovLast, MdatSize::Fitting),
            (Layout::MoovLast, MdatSize::Wide),
        ] {
            let spec = FilmSpec { mdat, ..FilmSpec::new(1_800_000, layout) };
            let smallest = film(spec.clone()).len();
            for bytes in [smallest, smallest + 1, smallest + 300_000, 185_000_000, 185_000_001] {
                let film = film(spec.clone().with_bytes(bytes));
                assert_eq!(film.len(), bytes);
                // The box chain ends where the file does.
                let mut at = 0;
                let mut kinds = Vec::new();
                while at < bytes {
                    let head = read(&film, at..bytes.min(at + 16));
                    let header = Header::decode(&mut head.as_slice()).unwrap();
                    kinds.push(header.kind.to_string());
                    let wide = u64::from(head[..4] == [0, 0, 0, 1]) * 8;
                    at = header.size.map_or(bytes, |size| at + 8 + wide + size as u64);
                }
                assert_eq!(at, bytes);
                assert_eq!(
                    kinds,
                    match layout {
                        Layout::MoovFirst => ["ftyp", "moov", "free", "mdat"],
                        _ => ["ftyp", "free", "mdat", "moov"],
                    }
                );
            }
            let refused = VirtualFilm::new(&Clip::test_card(), &spec.with_bytes(smallest - 1));
            assert!(
                matches!(refused, Err(FilmError::TooFewBytes { minimum }) if minimum == smallest)
            );
        }
    }

    #[test]
    fn the_tables_lead_to_the_clips_own_samples() {
        let clip = Clip::test_card();
        let film = film(FilmSpec::new(250_000, Layout::MoovLast).with_bytes(40_000_000));
        let moov = decode_moov(&film);
        let [video, audio] = &moov.trak[..] else { panic!("two tracks") };

        let pictures = samples(video);
        assert_eq!(pictures.len() as u64, film.pictures());
        assert_eq!(film.pictures(), 7501);
        for (n, (at, size)) in pictures.iter().enumerate() {
            let original = clip.video.samples[n % 3600];
            let bytes = read(&film, *at..at + u64::from(*size));
            let (picture, filler) = bytes.split_at(original.size as usize);
            assert_eq!(picture, &clip.bytes[original.at as usize..][..picture.len()]);
            assert_eq!(filler[..4], (filler.len() as u32 - 4).to_be_bytes());
            assert_eq!((filler[4], filler[filler.len() - 1]), (0x0C, 0x80));
            assert!(filler[5..filler.len() - 1].iter().all(|byte| *byte == 0xFF));
        }

        let sounds = samples(audio);
        assert_eq!(sounds.len(), 1 + (7501 * 25_usize).div_ceil(16));
        for (n, (at, size)) in sounds.iter().enumerate() {
            let original = match n {
                0 => clip.priming,
                _ => clip.audio.samples[(n - 1) % 5625],
            };
            let bytes = read(&film, *at..at + u64::from(*size));
            assert_eq!(bytes, &clip.bytes[original.at as usize..][..original.size as usize]);
        }

        // Every byte of mdat belongs to exactly one sample.
        let mut all = [pictures, sounds].concat();
        all.sort_unstable();
        let mut end = film.media_at;
        for (at, size) in all {
            assert_eq!(at, end);
            end = at + u64::from(size);
        }
        assert_eq!(end, film.moov().start);
    }

    #[test]
    fn a_small_film_repeats_the_small_clip_whatever_the_others_repeat() {
        let small = Clip::small_test_card();
        let film = film("60:9000000:last+480x272".parse().unwrap());
        assert_eq!(film.len(), 9_000_000);
        let moov = decode_moov(&film);
        let visual = &moov.trak[0].tkhd;
        assert_eq!((visual.width.integer(), visual.height.integer()), (480, 272));
        for (n, (at, size)) in samples(&moov.trak[0]).iter().enumerate() {
            let original = small.video.samples[n % 720];
            let bytes = read(&film, *at..at + u64::from(*size));
            let picture = &small.bytes[original.at as usize..][..original.size as usize];
            assert_eq!(&bytes[..picture.len()], picture);
        }
    }

    #[test]
    fn times_sync_samples_and_edits_are_the_clips_repeated() {
        let clip = Clip::test_card();
        let film = film(FilmSpec::new(250_017, Layout::MoovFirst));
        let moov = decode_moov(&film);
        assert_eq!(moov.mvhd.duration, 250_017);
        let stbl = &moov.trak[0].mdia.minf.stbl;
        let pictures = film.pictures();
        assert!((7501..=7503).contains(&pictures));

        let offsets: Vec<i64> = (stbl.ctts.as_ref().unwrap().entries.iter())
            .flat_map(|entry| std::iter::repeat_n(entry.sample_offset, entry.sample_count as usize))
            .collect();
        let expected = (0..pictures as usize).map(|n| clip.composition_offsets[n % 3600]);
        assert_eq!(offsets, expected.map(i64::from).collect::<Vec<_>>());
        let sync: Vec<u32> = (0..=pictures as u32 / 120).map(|gop| gop * 120 + 1).collect();
        assert_eq!(stbl.stss.as_ref().unwrap().entries, sync);
        assert_eq!(u64::from(stbl.stts.entries[0].sample_count), pictures);
        for (trak, media_time) in moov.trak.iter().zip([1024, 1024]) {
            let entry = &trak.edts.as_ref().unwrap().elst.as_ref().unwrap().entries[0];
            assert_eq!((entry.segment_duration, entry.media_time), (250_017, Some(media_time)));
        }
    }

    #[test]
    fn a_moov_is_as_large_as_that_of_a_real_film() {
        // ffmpeg's own for 30 minutes of picture and sound in this interleaving: 1.94 MB.
        let film = film(FilmSpec::new(1_800_000, Layout::MoovFirst).with_bytes(185_000_000));
        let moov = film.moov();
        assert!((1_800_000..2_100_000).contains(&(moov.end - moov.start)), "{moov:?}");
    }

    #[test]
    fn beyond_4_gib_offsets_and_mdat_have_64_bits() {
        let len = 11_300_000_000;
        for layout in [Layout::MoovFirst, Layout::MoovLast] {
            let film = film(FilmSpec::new(7_200_000, layout).with_bytes(len));
            assert_eq!(film.len(), len);
            let moov = decode_moov(&film);
            let pictures = samples(&moov.trak[0]);
            let (at, size) = *pictures.last().unwrap();
            assert!(at > u64::from(u32::MAX));
            let clip = Clip::test_card();
            let original = clip.video.samples[(pictures.len() - 1) % 3600];
            let bytes = read(&film, at..at + u64::from(size));
            assert_eq!(
                bytes[..original.size as usize],
                clip.bytes[original.at as usize..][..original.size as usize]
            );
        }
    }

    #[test]
    fn any_cut_into_reads_gives_the_same_bytes() {
        let film = film(FilmSpec::new(10_000, Layout::MoovFirst).with_bytes(2_000_000));
        let whole = read(&film, 0..film.len());
        for step in [1, 7, 4096, 65_537] {
            let mut pieces = Vec::new();
            let mut buf = vec![0; step];
            loop {
                match film.read_at(pieces.len() as u64, &mut buf) {
                    0 => break,
                    count => pieces.extend_from_slice(&buf[..count]),
                }
            }
            assert!(pieces == whole, "in steps of {step}");
        }
        assert_eq!(film.read_at(film.len() + 5, &mut [0; 8]), 0);
    }

    #[test]
    fn damage_shows_at_its_offsets_and_nowhere_else() {
        let spec = FilmSpec::new(10_000, Layout::MoovFirst);
        let (good, bad) = (film(spec.clone()), film(spec).damaged_at(vec![40, 200]));
        let (good, bad) = (read(&good, 0..300), read(&bad, 0..300));
        let differ: Vec<usize> = (0..300).filter(|n| good[*n] != bad[*n]).collect();
        assert_eq!(differ, [40, 200]);
    }

    #[test]
    fn impossible_films_are_refused_by_name() {
        let make = |spec| VirtualFilm::new(&Clip::test_card(), &spec);
        assert!(matches!(make(FilmSpec::new(0, Layout::MoovFirst)), Err(FilmError::NoDuration)));
        assert!(matches!(
            make(FilmSpec::new(u64::MAX, Layout::MoovFirst)),
            Err(FilmError::TooLong)
        ));
        let spec = FilmSpec { mdat: MdatSize::ToEnd, ..FilmSpec::new(1000, Layout::MoovLast) };
        assert!(matches!(make(spec), Err(FilmError::MoovAfterMdatToEnd)));
    }

    #[test]
    fn the_boxes_of_a_short_film_are_ones_mp4_atom_knows() {
        let film = film(FilmSpec::new(34, Layout::MoovFirst));
        let bytes = read(&film, 0..film.len());
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            assert!(!matches!(Any::decode(&mut rest).unwrap(), Any::Unknown(..)));
        }
    }
}
