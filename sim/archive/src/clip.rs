//! A clip: the short MP4 whose samples a [`VirtualFilm`](crate::VirtualFilm) repeats. Parsed once
//! with the `mp4-atom` crate, which shares nothing with the TV's own demuxer and so is a check on
//! it. A clip is ours, not input from a network: what does not fit is refused, never repaired.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, LazyLock};

use mp4_atom::{Atom, Decode, DecodeAtom, Ftyp, Header, Moov, Mvhd, StszSamples, Trak};

/// A parsed clip: its bytes, and where each sample lies in them.
#[derive(Debug)]
pub struct Clip {
    pub(crate) bytes: Cow<'static, [u8]>,
    pub(crate) ftyp: Ftyp,
    pub(crate) mvhd: Mvhd,
    /// The pictures, all of which are repeated.
    pub(crate) video: Track,
    /// The sound without its first sample, which is priming and comes once.
    pub(crate) audio: Track,
    pub(crate) priming: Sample,
    /// Composition offsets of the pictures.
    pub(crate) composition_offsets: Vec<i32>,
    /// Indices of the sync samples among the pictures, ascending, the first 0.
    pub(crate) sync: Vec<u32>,
    /// `complete[n]`: the first `n` pictures in decode order are the first `n` on screen.
    complete: Vec<bool>,
}

/// One track's samples.
#[derive(Debug)]
pub(crate) struct Track {
    /// As the clip has it, with the sample tables emptied.
    pub(crate) trak: Trak,
    pub(crate) timescale: u32,
    /// Duration of every sample, in units of the timescale.
    pub(crate) delta: u32,
    pub(crate) samples: Vec<Sample>,
    /// `before[n]`: bytes of the first `n` samples.
    pub(crate) before: Vec<u64>,
}

/// Where one sample's bytes lie in the clip.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Sample {
    pub(crate) at: u32,
    pub(crate) size: u32,
}

impl Clip {
    /// The project's own clip, `recorded-sessions/clips/testcard-640x480.mp4`: 120 s of a moving
    /// test card at 640×480 with a time code, a flash and a beep. The README beside it says what is
    /// where.
    pub fn test_card() -> Arc<Self> {
        static CLIP: LazyLock<Arc<Clip>> = LazyLock::new(|| {
            let bytes =
                include_bytes!("../../../recorded-sessions/clips/testcard-640x480.mp4").as_slice();
            Arc::new(Clip::parse(bytes).expect("the clip in the repository is checked by a test"))
        });
        CLIP.clone()
    }

    /// The project's other clip, `recorded-sessions/clips/testcard-480x272.mp4`: 24 s of the same in
    /// the size of a PSP's screen, which is the largest that it can decode.
    pub fn small_test_card() -> Arc<Self> {
        static CLIP: LazyLock<Arc<Clip>> = LazyLock::new(|| {
            let bytes =
                include_bytes!("../../../recorded-sessions/clips/testcard-480x272.mp4").as_slice();
            Arc::new(Clip::parse(bytes).expect("the clip in the repository is checked by a test"))
        });
        CLIP.clone()
    }

    /// Reads an MP4 with one H.264 track and one AAC track of constant sample durations, 4-byte NAL
    /// lengths, one frame of priming before the sound, and otherwise both equally long.
    pub fn parse(bytes: impl Into<Cow<'static, [u8]>>) -> Result<Self, ClipError> {
        let bytes = bytes.into();
        let (mut ftyp, mut moov) = (None, None);
        let mut rest: &[u8] = &bytes;
        while !rest.is_empty() {
            let header = Header::decode(&mut rest)?;
            let size = header.size.unwrap_or(rest.len());
            let mut body = rest.get(..size).ok_or(ClipError::Unsuitable("a box is cut short"))?;
            match header.kind {
                Ftyp::KIND => ftyp = Some(Ftyp::decode_atom(&header, &mut body)?),
                Moov::KIND => moov = Some(Moov::decode_atom(&header, &mut body)?),
                _ => {}
            }
            rest = &rest[size..];
        }
        let ftyp = ftyp.ok_or(ClipError::Unsuitable("no ftyp"))?;
        let moov = moov.ok_or(ClipError::Unsuitable("no moov"))?;

        let (mut video, mut audio) = (None, None);
        for trak in moov.trak {
            if trak.mdia.minf.vmhd.is_some() {
                video = Some(trak);
            } else if trak.mdia.minf.smhd.is_some() {
                audio = Some(trak);
            }
        }
        let mut video = video.ok_or(ClipError::Unsuitable("no picture"))?;
        let audio = audio.ok_or(ClipError::Unsuitable("no sound"))?;

        let ctts = video.mdia.minf.stbl.ctts.take();
        let stss = video.mdia.minf.stbl.stss.take();
        let video = Track::new(video, bytes.len())?;
        let mut audio = Track::new(audio, bytes.len())?;

        let pictures = video.samples.len();
        let mut composition_offsets = Vec::with_capacity(pictures);
        for entry in ctts.map(|ctts| ctts.entries).unwrap_or_default() {
            let offset = i32::try_from(entry.sample_offset)
                .map_err(|_| ClipError::Unsuitable("a composition offset beyond 31 bits"))?;
            let missing = pictures - composition_offsets.len();
            composition_offsets
                .extend(std::iter::repeat_n(offset, missing.min(entry.sample_count as usize)));
        }
        composition_offsets.resize(pictures, 0);
        let sync: Vec<u32> = match stss {
            Some(stss) => stss.entries.iter().map(|number| number.saturating_sub(1)).collect(),
            None => (0..pictures as u32).collect(),
        };
        if sync.first() != Some(&0) {
            return Err(ClipError::Unsuitable("the first picture is not a sync sample"));
        }

        let priming = audio.samples.remove(0);
        audio.before = running_total(&audio.samples);
        let (sounds, shift) = (audio.samples.len() as u64, media_time(&audio.trak));
        if shift != u64::from(audio.delta) {
            return Err(ClipError::Unsuitable("the priming is not one frame of sound"));
        }
        let video_length = pictures as u64 * u64::from(video.delta) * u64::from(audio.timescale);
        let audio_length = sounds * u64::from(audio.delta) * u64::from(video.timescale);
        if video_length != audio_length || sounds < pictures as u64 {
            return Err(ClipError::Unsuitable(
                "picture and sound are not equally long, or fewer frames of sound than pictures",
            ));
        }

        let complete = complete_prefixes(&video, &composition_offsets);
        if complete.last() != Some(&true) {
            return Err(ClipError::Unsuitable("its pictures do not end where they should"));
        }
        Ok(Self {
            ftyp,
            mvhd: moov.mvhd,
            video,
            audio,
            priming,
            composition_offsets,
            sync,
            complete,
            bytes,
        })
    }

    /// The smallest number of pictures, not less than `at_least`, after which no picture is missing
    /// on screen: a cut between a P picture and the B pictures shown before it would leave a hole.
    pub(crate) fn complete_pictures(&self, at_least: u64) -> u64 {
        let round = self.video.samples.len() as u64;
        let (rounds, rest) = (at_least / round, (at_least % round) as usize);
        let more = self.complete[rest..].iter().take_while(|complete| !**complete).count();
        rounds * round + (rest + more) as u64
    }
}

impl Track {
    fn new(mut trak: Trak, file_len: usize) -> Result<Self, ClipError> {
        let stbl = &mut trak.mdia.minf.stbl;
        let delta = match stbl.stts.entries.as_slice() {
            [only] if only.sample_delta > 0 => only.sample_delta,
            _ => return Err(ClipError::Unsuitable("sample durations vary")),
        };
        let sizes = match std::mem::take(&mut stbl.stsz.samples) {
            StszSamples::Different { sizes } => sizes,
            StszSamples::Identical { count, size } => vec![size; count as usize],
        };
        let chunks = match (stbl.stco.take(), stbl.co64.take()) {
            (Some(stco), _) => stco.entries,
            _ => return Err(ClipError::Unsuitable("no 32-bit chunk offsets")),
        };

        let stsc = std::mem::take(&mut stbl.stsc.entries);
        let mut samples = Vec::with_capacity(sizes.len());
        let mut sizes = sizes.into_iter();
        let mut runs = stsc.iter().peekable();
        let mut samples_per_chunk = 0;
        for (number, mut at) in (1..).zip(chunks) {
            if let Some(run) = runs.next_if(|run| run.first_chunk == number) {
                samples_per_chunk = run.samples_per_chunk;
            }
            for size in sizes.by_ref().take(samples_per_chunk as usize) {
                samples.push(Sample { at, size });
                at += size;
            }
            if at as usize > file_len {
                return Err(ClipError::Unsuitable("a sample lies past the end"));
            }
        }
        if samples.is_empty() || sizes.next().is_some() {
            return Err(ClipError::Unsuitable("the sample tables do not agree"));
        }

        stbl.stts.entries.clear();
        let before = running_total(&samples);
        Ok(Self { timescale: trak.mdia.mdhd.timescale, trak, delta, samples, before })
    }

    /// When a sample of the repeated track is due, in microseconds, the edit list applied.
    pub(crate) fn time_us(&self, number: u64, composition_offset: i32) -> i64 {
        let ticks = i128::from(number) * i128::from(self.delta) + i128::from(composition_offset)
            - i128::from(media_time(&self.trak));
        (ticks * 1_000_000).div_euclid(i128::from(self.timescale)) as i64
    }

    /// Bytes of one round.
    pub(crate) fn round_bytes(&self) -> u64 {
        self.before[self.samples.len()]
    }
}

/// Where the presentation starts on the media's own timeline, by the edit list; 0 without one.
pub(crate) fn media_time(trak: &Trak) -> u64 {
    trak.edts
        .as_ref()
        .and_then(|edts| edts.elst.as_ref())
        .and_then(|elst| elst.entries.iter().find_map(|entry| entry.media_time))
        .unwrap_or(0)
}

fn running_total(samples: &[Sample]) -> Vec<u64> {
    let totals = samples.iter().scan(0, |sum, sample| {
        *sum += u64::from(sample.size);
        Some(*sum)
    });
    std::iter::once(0).chain(totals).collect()
}

fn complete_prefixes(video: &Track, composition_offsets: &[i32]) -> Vec<bool> {
    let shift = media_time(&video.trak) as i64;
    let mut last_shown = -1;
    let mut complete = vec![true];
    for (decoded, offset) in (0..).zip(composition_offsets) {
        let shown = decoded + (i64::from(*offset) - shift) / i64::from(video.delta);
        last_shown = last_shown.max(shown);
        complete.push(last_shown == decoded);
    }
    complete
}

/// Why an MP4 cannot serve as a clip.
#[derive(Debug)]
pub enum ClipError {
    /// `mp4-atom` could not read it.
    Parse(mp4_atom::Error),
    /// It can be read, but breaks the rule named.
    Unsuitable(&'static str),
}

impl From<mp4_atom::Error> for ClipError {
    fn from(error: mp4_atom::Error) -> Self {
        Self::Parse(error)
    }
}

impl fmt::Display for ClipError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parse(error) => write!(f, "not an MP4 that can be read: {error}"),
            Self::Unsuitable(why) => write!(f, "cannot serve as a clip: {why}"),
        }
    }
}

impl std::error::Error for ClipError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clips_in_the_repository_are_what_their_readme_says() {
        let (small, large) = (Clip::small_test_card(), Clip::test_card());
        for (clip, seconds) in [(&small, 24), (&large, 120)] {
            assert_eq!(clip.video.samples.len(), seconds * 30);
            assert_eq!(clip.audio.samples.len(), seconds * 48_000 / 1024);
            assert_eq!(clip.sync, (0..seconds as u32 / 4).map(|gop| gop * 120).collect::<Vec<_>>());
            assert!(clip.composition_offsets.iter().any(|offset| *offset > 1024), "no B pictures");
            assert_eq!(clip.audio.timescale, 48_000);
        }
        assert!(small.bytes.len() + large.bytes.len() < 4_000_000);
    }

    #[test]
    fn a_cut_never_falls_between_a_picture_and_those_shown_before_it() {
        let clip = Clip::test_card();
        assert_eq!(clip.complete_pictures(0), 0);
        assert_eq!(clip.complete_pictures(54_000), 54_000);
        for wanted in 1..400 {
            let pictures = clip.complete_pictures(wanted);
            assert!((wanted..wanted + 3).contains(&pictures), "{wanted} became {pictures}");
            let shift = media_time(&clip.video.trak) as i64;
            let mut shown: Vec<i64> = (0..pictures as i64)
                .map(|n| n + (i64::from(clip.composition_offsets[n as usize]) - shift) / 512)
                .collect();
            shown.sort_unstable();
            assert_eq!(shown, (0..pictures as i64).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_no_clip_is_refused_by_name() {
        assert!(matches!(Clip::parse(b"".as_slice()), Err(ClipError::Unsuitable("no ftyp"))));
        assert!(Clip::parse(b"<!DOCTYPE html><p>not a film".as_slice()).is_err());
        let whole = include_bytes!("../../../recorded-sessions/clips/testcard-480x272.mp4");
        assert!(matches!(
            Clip::parse(&whole[..200_000]),
            Err(ClipError::Unsuitable("a box is cut short"))
        ));
    }
}
