//! The sound of sound files, from coded to what a speaker can play: MP3, Vorbis and FLAC by symphonia,
//! behind the same trait as [`crate::sound`]'s AAC. Never resamples, and never decides when a sample
//! plays.

use std::panic::{AssertUnwindSafe, catch_unwind};

use symphonia::core::codecs::audio::well_known::{CODEC_ID_FLAC, CODEC_ID_MP3, CODEC_ID_VORBIS};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Result as Outcome;
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::codecs::{FlacDecoder, MpaDecoder, VorbisDecoder};
use testcard_core::playback::{Coding, Format};

use crate::sound::{Aac, SoundDecoder, SoundError};

/// Frames a second that a speaker may be asked for: from a telephone's to the most that anybody
/// records.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=192_000;

/// The decoder for what a reader brings.
///
/// # Errors
/// When there is none.
pub fn decoder(coding: &Coding) -> Result<Box<dyn SoundDecoder>, SoundError> {
    if coding.format == Format::Aac {
        return Ok(Box::new(Aac::new(&coding.config)?));
    }
    Ok(Box::new(SoundFile::new(coding)?))
}

/// One of symphonia's decoders.
struct SoundFile {
    decoder: Box<dyn AudioDecoder>,
    sample_rate: u32,
    interleaved: Vec<i16>,
}

impl SoundFile {
    fn new(coding: &Coding) -> Result<Self, SoundError> {
        if !(1..=2).contains(&coding.channels) {
            return Err(SoundError::Channels(Some(coding.channels)));
        }
        if !RATES.contains(&coding.sample_rate) {
            return Err(SoundError::BadConfiguration);
        }
        let mut parameters = AudioCodecParameters::new();
        parameters
            .with_sample_rate(coding.sample_rate)
            .with_extra_data(coding.config.clone().into_boxed_slice());
        let options = AudioDecoderOptions::default();
        let make = || -> Outcome<Box<dyn AudioDecoder>> {
            Ok(match coding.format {
                Format::Vorbis => {
                    parameters.for_codec(CODEC_ID_VORBIS);
                    Box::new(VorbisDecoder::try_new(&parameters, &options)?)
                }
                Format::Flac => {
                    parameters.for_codec(CODEC_ID_FLAC);
                    Box::new(FlacDecoder::try_new(&parameters, &options)?)
                }
                Format::Mp3 | Format::Aac | Format::Avc => {
                    parameters.for_codec(CODEC_ID_MP3);
                    Box::new(MpaDecoder::try_new(&parameters, &options)?)
                }
            })
        };
        // A panic in there costs the programme, not the set.
        match catch_unwind(AssertUnwindSafe(make)) {
            Ok(Ok(decoder)) => {
                Ok(Self { decoder, sample_rate: coding.sample_rate, interleaved: Vec::new() })
            }
            _ => Err(SoundError::BadConfiguration),
        }
    }
}

impl SoundDecoder for SoundFile {
    fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// Of a damaged packet nobody knows how long it is: it appends nothing, and what follows knows
    /// its own time.
    fn decode(&mut self, access_unit: &[u8], out: &mut Vec<i16>) -> Result<(), SoundError> {
        let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, access_unit);
        let (decoder, interleaved) = (&mut self.decoder, &mut self.interleaved);
        let decode = || {
            let samples = decoder.decode_ref(&packet).ok()?;
            let spec = samples.spec();
            let told = (spec.channels().count(), spec.rate());
            samples.copy_to_vec_interleaved(interleaved);
            Some(told)
        };
        match catch_unwind(AssertUnwindSafe(decode)) {
            Ok(Some((channels, rate))) if rate == self.sample_rate => match channels {
                1 => out.extend(self.interleaved.iter().flat_map(|sample| [*sample; 2])),
                2 => out.extend_from_slice(&self.interleaved),
                _ => return Err(SoundError::Broken),
            },
            _ => return Err(SoundError::Broken),
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.decoder.reset();
    }
}
