//! Which sample of a film lies where. Nothing is stored for a sample: a film repeats its clip, so
//! sizes, offsets and run lengths repeat too, and each is computed from the clip's own tables and
//! the number of rounds before it.
//!
//! The order in `mdat` is that of ffmpeg's muxer for interleaved tracks: one picture to a chunk, and
//! after it, in one chunk, the frames of sound up to the next picture. The first sound chunk also
//! carries the priming frame.

use std::sync::Arc;

use crate::clip::Clip;

/// A NAL unit that carries nothing (ITU-T H.264 §7.3.2.7): four bytes of length, the header byte,
/// any number of 0xFF, and the trailing bits.
const SMALLEST_FILLER: u64 = 6;

/// The samples of one film.
#[derive(Debug)]
pub(crate) struct Samples {
    pub(crate) clip: Arc<Clip>,
    /// How many pictures; also the number of chunks of either track.
    pub(crate) pictures: u64,
    /// How many frames of sound, the priming frame included.
    pub(crate) sounds: u64,
    /// Bytes of filler over all pictures, spread evenly.
    filler: u64,
}

/// A stretch of bytes within `mdat`, all from one place.
pub(crate) enum Stretch<'a> {
    /// Bytes of the clip.
    Clip(&'a [u8]),
    /// From this byte on of a filler of this length.
    Filler { from: u64, len: u64 },
}

impl<'a> Stretch<'a> {
    fn len(&self) -> u64 {
        match self {
            Self::Clip(bytes) => bytes.len() as u64,
            Self::Filler { from, len } => len - from,
        }
    }

    /// The same without its first bytes, of which it has as many; absent when nothing is left.
    fn without(self, gone: u64) -> Option<Self> {
        (gone < self.len()).then(|| match self {
            Self::Clip(bytes) => Self::Clip(&bytes[gone as usize..]),
            Self::Filler { from, len } => Self::Filler { from: from + gone, len },
        })
    }
}

impl Samples {
    pub(crate) fn new(clip: Arc<Clip>, pictures: u64) -> Self {
        let (v, a) = (clip.video.samples.len() as u64, clip.audio.samples.len() as u64);
        let sounds = 1 + (pictures * a).div_ceil(v);
        Self { clip, pictures, sounds, filler: 0 }
    }

    /// Adds `spare` bytes of filler over all pictures. Returns what could not be used because it is
    /// too little for a NAL unit in each.
    pub(crate) fn fill(&mut self, spare: u64) -> u64 {
        if spare < self.pictures * SMALLEST_FILLER {
            return spare;
        }
        self.filler = spare;
        0
    }

    /// Bytes of all samples.
    pub(crate) fn len(&self) -> u64 {
        self.picture_at(self.pictures)
    }

    /// Bytes of a picture, filler included.
    pub(crate) fn picture_size(&self, picture: u64) -> u64 {
        self.clip_picture_size(picture) + self.filler_size(picture)
    }

    /// Bytes of a frame of sound.
    pub(crate) fn sound_size(&self, sound: u64) -> u64 {
        u64::from(self.clip_sound(sound).size)
    }

    /// Where a picture lies, counted from the first sample.
    pub(crate) fn picture_at(&self, picture: u64) -> u64 {
        let track = &self.clip.video;
        let (round, rest) = divide(picture, track.samples.len());
        round * track.round_bytes()
            + track.before[rest]
            + self.filler_before(picture)
            + self.sound_bytes_before(self.sounds_before(picture))
    }

    /// Where the sound after a picture lies, counted from the first sample.
    pub(crate) fn sound_chunk_at(&self, picture: u64) -> u64 {
        self.picture_at(picture) + self.picture_size(picture)
    }

    /// Where a frame of sound lies, counted from the first sample; absent behind the last.
    pub(crate) fn sound_at(&self, sound: u64) -> Option<u64> {
        if sound >= self.sounds {
            return None;
        }
        // The last picture that at most so many frames come before.
        let (mut first, mut end) = (0, self.pictures);
        while end - first > 1 {
            let middle = first + (end - first) / 2;
            if self.sounds_before(middle) <= sound { first = middle } else { end = middle }
        }
        let before = self.sound_bytes_before(sound);
        let chunk_before = self.sound_bytes_before(self.sounds_before(first));
        Some(self.sound_chunk_at(first) + before - chunk_before)
    }

    /// How many frames of sound come before a picture. All have been there at the end.
    pub(crate) fn sounds_before(&self, picture: u64) -> u64 {
        match picture {
            0 => 0,
            _ if picture >= self.pictures => self.sounds,
            _ => 1 + self.round_sounds_before(picture),
        }
    }

    /// The same without priming and end: the pattern that repeats with the clip.
    pub(crate) fn round_sounds_before(&self, picture: u64) -> u64 {
        picture * self.clip.audio.samples.len() as u64 / self.clip.video.samples.len() as u64
    }

    /// The bytes from `at` (counted from the first sample) on, in stretches; none at the end.
    pub(crate) fn stretches(&self, at: u64) -> impl Iterator<Item = Stretch<'_>> {
        let pictures = match at < self.len() {
            true => self.picture_with(at)..self.pictures,
            false => 0..0,
        };
        let first = pictures.start;
        let mut skip = at - self.picture_at(first).min(at);
        pictures.flat_map(|picture| self.stretches_of(picture)).filter_map(move |stretch| {
            let gone = skip.min(stretch.len());
            skip -= gone;
            stretch.without(gone)
        })
    }

    /// The last picture that does not lie after `at`.
    fn picture_with(&self, at: u64) -> u64 {
        let (mut first, mut end) = (0, self.pictures);
        while end - first > 1 {
            let middle = first + (end - first) / 2;
            if self.picture_at(middle) <= at { first = middle } else { end = middle }
        }
        first
    }

    /// A picture, its filler, and the sound after it.
    fn stretches_of(&self, picture: u64) -> impl Iterator<Item = Stretch<'_>> {
        let sample = self.clip.video.samples[divide(picture, self.clip.video.samples.len()).1];
        let filler = Stretch::Filler { from: 0, len: self.filler_size(picture) };
        let sounds = self.sounds_before(picture)..self.sounds_before(picture + 1);
        let sounds = sounds.map(|sound| Stretch::Clip(self.clip_bytes(self.clip_sound(sound))));
        [Stretch::Clip(self.clip_bytes(sample)), filler].into_iter().chain(sounds)
    }

    fn clip_picture_size(&self, picture: u64) -> u64 {
        let samples = &self.clip.video.samples;
        u64::from(samples[divide(picture, samples.len()).1].size)
    }

    fn clip_sound(&self, sound: u64) -> crate::clip::Sample {
        let samples = &self.clip.audio.samples;
        match sound.checked_sub(1) {
            None => self.clip.priming,
            Some(repeated) => samples[divide(repeated, samples.len()).1],
        }
    }

    fn clip_bytes(&self, sample: crate::clip::Sample) -> &[u8] {
        &self.clip.bytes[sample.at as usize..][..sample.size as usize]
    }

    fn sound_bytes_before(&self, sound: u64) -> u64 {
        let Some(repeated) = sound.checked_sub(1) else { return 0 };
        let track = &self.clip.audio;
        let (round, rest) = divide(repeated, track.samples.len());
        u64::from(self.clip.priming.size) + round * track.round_bytes() + track.before[rest]
    }

    fn filler_before(&self, picture: u64) -> u64 {
        (u128::from(picture) * u128::from(self.filler) / u128::from(self.pictures)) as u64
    }

    fn filler_size(&self, picture: u64) -> u64 {
        self.filler_before(picture + 1) - self.filler_before(picture)
    }
}

/// How many whole rounds of `len`, and the index within the next.
pub(crate) fn divide(index: u64, len: usize) -> (u64, usize) {
    (index / len as u64, (index % len as u64) as usize)
}

/// Writes a filler's bytes from byte `from` on, as many as there are or `out` holds. Returns how
/// many.
pub(crate) fn write_filler(from: u64, len: u64, out: &mut [u8]) -> usize {
    let count = out.len().min(usize::try_from(len - from).unwrap_or(usize::MAX));
    let out = &mut out[..count];
    out.fill(0xFF);
    let prefix = ((len - 4) as u32).to_be_bytes();
    let special = (0..).zip(prefix).chain([(4, 0x0C), (len - 1, 0x80)]);
    for (at, value) in special {
        let index = u64::checked_sub(at, from).and_then(|at| usize::try_from(at).ok());
        if let Some(byte) = index.and_then(|index| out.get_mut(index)) {
            *byte = value;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filler_reads_the_same_in_one_piece_and_in_many() {
        let mut whole = vec![0; 40];
        assert_eq!(write_filler(0, 9, &mut whole), 9);
        assert_eq!(whole[..9], [0, 0, 0, 5, 0x0C, 0xFF, 0xFF, 0xFF, 0x80]);
        let mut pieces = Vec::new();
        for from in 0..9 {
            let mut one = [0];
            assert_eq!(write_filler(from, 9, &mut one), 1);
            pieces.push(one[0]);
        }
        assert_eq!(pieces, whole[..9]);
        assert_eq!(write_filler(0, 6, &mut whole), 6);
        assert_eq!(whole[..6], [0, 0, 0, 2, 0x0C, 0x80]);
    }

    #[test]
    fn pictures_and_sound_tile_the_media_without_gap_or_overlap() {
        let mut samples = Samples::new(Clip::test_card(), 7300);
        assert_eq!(samples.fill(1_000_003), 0);
        let mut at = 0;
        for picture in 0..7300 {
            assert_eq!(samples.picture_at(picture), at);
            at += samples.picture_size(picture);
            assert_eq!(samples.sound_chunk_at(picture), at);
            let sounds = samples.sounds_before(picture)..samples.sounds_before(picture + 1);
            assert!((1..=3).contains(&sounds.clone().count()));
            for sound in sounds {
                assert_eq!(samples.sound_at(sound), Some(at));
                at += samples.sound_size(sound);
            }
        }
        assert_eq!(samples.len(), at);
        assert_eq!(samples.sounds_before(7300), samples.sounds);
        assert_eq!(samples.sound_at(samples.sounds), None);
    }

    #[test]
    fn less_than_a_filler_for_every_picture_is_handed_back() {
        let mut samples = Samples::new(Clip::test_card(), 100);
        assert_eq!(samples.fill(599), 599);
        assert_eq!(samples.fill(600), 0);
    }
}
