//! From coded sound to samples that a speaker can play: AAC by symphonia, behind a trait small
//! enough for another decoder to take its place.
//!
//! Whatever the film has comes out as interleaved 16-bit stereo at the film's own rate. Nothing is
//! allocated per frame once the caller's buffer has grown. This module never resamples, never
//! trims an encoder's priming, and never decides when a sample plays.

use std::fmt;

use symphonia::core::audio::{Audio, GenericAudioBufferRef};
use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::codecs::AacDecoder;

/// Samples per frame of sound that come out: left and right.
pub const CHANNELS: usize = 2;

/// Turns frames of coded sound into samples.
pub trait SoundDecoder: Send {
    /// Frames (one sample for each of [`CHANNELS`]) per second in what comes out.
    fn sample_rate(&self) -> u32;

    /// Decodes one access unit and appends its samples, left and right in turn.
    ///
    /// # Errors
    /// [`SoundError::Broken`] appends silence of the same length, if that is known, so that what
    /// follows stays in time; the next access unit may be fine.
    fn decode(&mut self, access_unit: &[u8], out: &mut Vec<i16>) -> Result<(), SoundError>;

    /// Forgets what came before, for a seek. The first access unit after it fades in, as each frame
    /// overlaps the one before it.
    fn reset(&mut self);
}

/// Why there is no sound.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SoundError {
    /// More than two channels, or an arrangement of channels of the stream's own making.
    Channels(Option<u8>),
    /// An MPEG-4 audio object type (ISO/IEC 14496-3 table 1.17) other than AAC-LC and what is built
    /// on it.
    ObjectType(u8),
    /// Frames of 960 samples, as digital radio has them.
    ShortFrames,
    /// No usable AudioSpecificConfig.
    BadConfiguration,
    /// This access unit is damaged.
    Broken,
}

impl fmt::Display for SoundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channels(Some(channels)) => {
                write!(f, "the sound has {channels} channels; only one or two can be decoded")
            }
            Self::Channels(None) => {
                f.write_str("the sound's channels are arranged in a way that cannot be decoded")
            }
            Self::ObjectType(object_type) => {
                write!(f, "the sound is a kind of AAC that cannot be decoded (type {object_type})")
            }
            Self::ShortFrames => f.write_str("the sound is AAC for radio, which cannot be decoded"),
            Self::BadConfiguration => f.write_str("the film does not say how its sound is coded"),
            Self::Broken => f.write_str("a part of the sound is damaged"),
        }
    }
}

impl std::error::Error for SoundError {}

/// How an AAC track is coded: the head of an AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AacConfig {
    /// Frames per second of the AAC-LC layer.
    pub sample_rate: u32,
    /// One or two.
    pub channels: u8,
    /// Whether the treble (HE-AAC's band replication) is declared to be in a layer of its own, which
    /// is left out.
    pub core_only: bool,
    /// `samplingFrequencyIndex`, 15 for a rate written out.
    rate_index: u32,
}

/// `samplingFrequencyIndex` (ISO/IEC 14496-3 table 1.18).
const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// Audio object types.
const AAC_LC: u32 = 2;
const SBR: u32 = 5;
const PARAMETRIC_STEREO: u32 = 29;

impl AacConfig {
    /// Reads an AudioSpecificConfig.
    ///
    /// # Errors
    /// When it describes sound that [`Aac`] does not decode, or nothing at all.
    pub fn parse(bytes: &[u8]) -> Result<Self, SoundError> {
        let mut bits = Bits { bytes, at: 0 };
        let mut object_type = bits.object_type()?;
        let (rate_index, sample_rate) = bits.rate()?;
        let channel_configuration = bits.u(4)?;
        let core_only = object_type == SBR || object_type == PARAMETRIC_STEREO;
        if core_only {
            bits.rate()?;
            object_type = bits.object_type()?;
        }
        if object_type != AAC_LC {
            return Err(SoundError::ObjectType(object_type as u8));
        }
        if bits.u(1)? == 1 {
            return Err(SoundError::ShortFrames);
        }
        // Table 1.19; 0 means that the stream describes them itself.
        let channels = match channel_configuration {
            channels @ 1..=2 => channels as u8,
            channels @ 3..=6 => return Err(SoundError::Channels(Some(channels as u8))),
            7 => return Err(SoundError::Channels(Some(8))),
            _ => return Err(SoundError::Channels(None)),
        };
        Ok(Self { sample_rate, channels, core_only, rate_index })
    }

    /// The AudioSpecificConfig of the AAC-LC layer alone.
    fn core(self) -> Box<[u8]> {
        // Five bits of object type, four of rate, 24 more for a rate written out, four of channels,
        // and three flags that are off.
        let mut bits = u64::from(AAC_LC << 4 | self.rate_index);
        if self.rate_index == 15 {
            bits = bits << 24 | u64::from(self.sample_rate);
        }
        bits = bits << 7 | u64::from(self.channels) << 3;
        let bytes = bits.to_be_bytes();
        bytes[if self.rate_index == 15 { 3 } else { 6 }..].into()
    }
}

/// symphonia's AAC-LC decoder.
///
/// HE-AAC plays at the rate and without the treble of its AAC-LC layer.
pub struct Aac {
    decoder: AacDecoder,
    config: AacConfig,
}

/// §4.5.1.1: a frame is 1024 samples unless `frameLengthFlag` says 960.
const FRAMES: usize = 1024;

impl Aac {
    /// A decoder for the track with this AudioSpecificConfig.
    ///
    /// # Errors
    /// See [`AacConfig::parse`].
    pub fn new(audio_specific_config: &[u8]) -> Result<Self, SoundError> {
        let config = AacConfig::parse(audio_specific_config)?;
        let mut parameters = AudioCodecParameters::new();
        parameters.for_codec(CODEC_ID_AAC).with_extra_data(config.core());
        let decoder = AacDecoder::try_new(&parameters, &AudioDecoderOptions::default())
            .map_err(|_| SoundError::BadConfiguration)?;
        Ok(Self { decoder, config })
    }

    /// How the track is coded.
    pub fn config(&self) -> AacConfig {
        self.config
    }
}

impl SoundDecoder for Aac {
    fn sample_rate(&self) -> u32 {
        self.config.sample_rate
    }

    fn decode(&mut self, access_unit: &[u8], out: &mut Vec<i16>) -> Result<(), SoundError> {
        let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, access_unit);
        // To symphonia a frame that ends before it begins (ID_END, §4.5.2.1) is a whole one, of
        // whatever its buffer held before.
        if access_unit.first().is_some_and(|byte| byte >> 5 != 7)
            && let Ok(GenericAudioBufferRef::F32(samples)) = self.decoder.decode_ref(&packet)
            && let Some(left) = samples.plane(0)
            && left.len() == FRAMES
        {
            let right = samples.plane(1).unwrap_or(left);
            for (left, right) in left.iter().zip(right) {
                out.extend([to_i16(*left), to_i16(*right)]);
            }
            return Ok(());
        }
        out.resize(out.len() + FRAMES * CHANNELS, 0);
        Err(SoundError::Broken)
    }

    fn reset(&mut self) {
        self.decoder.reset();
    }
}

/// Full scale is 1.0, and what is beyond it is clipped: AAC overshoots.
fn to_i16(sample: f32) -> i16 {
    (sample * 32_768.0).round() as i16
}

/// Big-endian bits, as ISO/IEC 14496 has them.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn u(&mut self, n: usize) -> Result<u32, SoundError> {
        let mut value = 0;
        for _ in 0..n {
            let byte = self.bytes.get(self.at / 8).ok_or(SoundError::BadConfiguration)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(value)
    }

    fn object_type(&mut self) -> Result<u32, SoundError> {
        Ok(match self.u(5)? {
            31 => 32 + self.u(6)?,
            object_type => object_type,
        })
    }

    /// Index and rate in Hz, never 0.
    fn rate(&mut self) -> Result<(u32, u32), SoundError> {
        let index = self.u(4)?;
        let rate = match index {
            15 => self.u(24)?,
            _ => *RATES.get(index as usize).ok_or(SoundError::BadConfiguration)?,
        };
        if rate == 0 { Err(SoundError::BadConfiguration) } else { Ok((index, rate)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One second, 441 Hz at half of full scale on the left, silence on the right; see
    /// `tests/media/make.sh`.
    const TONE: &[u8] = include_bytes!("../tests/media/tone.aac");
    /// AAC-LC, 44,100 Hz, stereo.
    const TONE_CONFIG: [u8; 2] = [0x12, 0x10];

    /// The same on one channel, for a fifth of a second.
    const MONO: &[u8] = include_bytes!("../tests/media/mono.aac");
    /// AAC-LC, 44,100 Hz, mono.
    const MONO_CONFIG: [u8; 2] = [0x12, 0x08];

    /// The access units of an ADTS stream (ISO/IEC 13818-7 §6.2).
    fn access_units(stream: &[u8]) -> Vec<&[u8]> {
        let mut rest = stream;
        let mut units = Vec::new();
        while rest.len() > 7 {
            let length =
                (rest[3] as usize & 3) << 11 | (rest[4] as usize) << 3 | (rest[5] >> 5) as usize;
            units.push(&rest[7..length]);
            rest = &rest[length..];
        }
        units
    }

    /// Left and right.
    fn split(samples: &[i16]) -> (Vec<i16>, Vec<i16>) {
        samples.chunks_exact(2).map(|frame| (frame[0], frame[1])).unzip()
    }

    /// Crossings of zero from below, one for each hertz and second.
    fn rises(samples: &[i16]) -> usize {
        samples.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count()
    }

    #[test]
    fn a_tone_on_the_left_stays_on_the_left_and_keeps_its_pitch_and_level() {
        let mut decoder = Aac::new(&TONE_CONFIG).unwrap();
        assert_eq!(decoder.sample_rate(), 44_100);
        let mut out = Vec::new();
        let units = access_units(TONE);
        for unit in &units {
            decoder.decode(unit, &mut out).unwrap();
        }
        assert_eq!(out.len(), units.len() * FRAMES * CHANNELS);
        let (left, right) = split(&out);
        // Past the priming and the onset: a tenth of a second.
        let steady = &left[4096..4096 + 4410];
        assert_eq!(rises(steady), 44);
        let peak = steady.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!((15_500..=17_300).contains(&peak), "{peak}");
        assert!(right.iter().all(|sample| sample.unsigned_abs() < 64));
    }

    #[test]
    fn one_channel_is_heard_on_both_sides() {
        let mut decoder = Aac::new(&MONO_CONFIG).unwrap();
        let mut out = Vec::new();
        for unit in access_units(MONO) {
            decoder.decode(unit, &mut out).unwrap();
        }
        let (left, right) = split(&out);
        assert_eq!(rises(&left[4096..4096 + 2205]), 22);
        assert_eq!(left, right);
    }

    #[test]
    fn damage_is_silence_of_the_same_length() {
        let mut decoder = Aac::new(&TONE_CONFIG).unwrap();
        let units = access_units(TONE);
        let mut out = Vec::new();
        decoder.decode(units[8], &mut out).unwrap();
        out.clear();
        for damaged in [&units[9][..units[9].len() / 2], &[], &[0xff; 40]] {
            assert_eq!(decoder.decode(damaged, &mut out), Err(SoundError::Broken), "{damaged:?}");
            assert_eq!(out, [0; FRAMES * CHANNELS]);
            out.clear();
        }
        decoder.decode(units[10], &mut out).unwrap();
        decoder.decode(units[11], &mut out).unwrap();
        assert!(out[FRAMES * CHANNELS..].iter().any(|sample| *sample > 15_000), "it recovers");
    }

    #[test]
    fn a_seek_leaves_no_trace_of_the_sound_before() {
        let units = access_units(TONE);
        let mut fresh = Vec::new();
        Aac::new(&TONE_CONFIG).unwrap().decode(units[12], &mut fresh).unwrap();
        let mut decoder = Aac::new(&TONE_CONFIG).unwrap();
        let mut out = Vec::new();
        for unit in &units[..10] {
            decoder.decode(unit, &mut out).unwrap();
        }
        decoder.reset();
        out.clear();
        decoder.decode(units[12], &mut out).unwrap();
        assert_eq!(out, fresh);
    }

    #[test]
    fn a_buffer_that_has_grown_once_is_enough() {
        let mut decoder = Aac::new(&TONE_CONFIG).unwrap();
        let mut out = Vec::with_capacity(FRAMES * CHANNELS);
        let place = out.as_ptr();
        for unit in access_units(TONE) {
            out.clear();
            decoder.decode(unit, &mut out).unwrap();
        }
        assert_eq!(out.as_ptr(), place);
    }

    #[test]
    fn overshoot_is_clipped_and_not_wrapped() {
        assert_eq!([1.5, -1.5, 0.5, 0.0].map(to_i16), [i16::MAX, i16::MIN, 16_384, 0]);
    }

    #[test]
    fn sound_that_cannot_be_decoded_is_declined_for_its_own_reason() {
        for (config, reason) in [
            // AAC-LC at 48 kHz in 5.1 and 7.1, and with channels described in the stream.
            (&[0x11, 0xb0][..], SoundError::Channels(Some(6))),
            (&[0x11, 0xb8], SoundError::Channels(Some(8))),
            (&[0x11, 0x80], SoundError::Channels(None)),
            // AAC Main; xHE-AAC (42).
            (&[0x09, 0x90], SoundError::ObjectType(1)),
            (&[0xf9, 0x46, 0x40], SoundError::ObjectType(42)),
            (&[0x11, 0x94], SoundError::ShortFrames),
            (&[0x17, 0x10], SoundError::BadConfiguration),
            (&[0x12], SoundError::BadConfiguration),
            (&[], SoundError::BadConfiguration),
        ] {
            assert_eq!(AacConfig::parse(config), Err(reason), "{config:x?}");
        }
    }

    #[test]
    fn he_aac_is_decoded_without_its_treble() {
        for (name, config, sample_rate, channels) in [
            // 24 kHz core declared as SBR with an output of 48 kHz, as fdk-aac writes it.
            ("HE-AAC", &[0x2b, 0x11, 0x88][..], 24_000, 2),
            ("HE-AAC v2", &[0xeb, 0x09, 0x88], 24_000, 1),
        ] {
            let decoder = Aac::new(config).unwrap();
            let config = decoder.config();
            assert_eq!(
                (config.sample_rate, config.channels, config.core_only),
                (sample_rate, channels, true),
                "{name}"
            );
        }
        // Declared in a way that older decoders overlook: AAC-LC, then an extension.
        assert_eq!(Aac::new(&[0x13, 0x90, 0x56, 0xe5, 0x98]).unwrap().sample_rate(), 22_050);
    }

    #[test]
    fn a_rate_that_is_written_out_is_passed_on() {
        let config = AacConfig::parse(&[0x17, 0x80, 0x56, 0x22, 0x10]).unwrap();
        assert_eq!((config.sample_rate, config.channels), (44_100, 2));
        assert_eq!(AacConfig::parse(&config.core()), Ok(config));
        assert_eq!(Aac::new(&config.core()).unwrap().sample_rate(), 44_100);
    }
}
