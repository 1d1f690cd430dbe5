//! From coded pictures to samples that a screen can show: H.264 by openh264, behind a trait small
//! enough for another decoder to take its place.
//!
//! Pictures come out in presentation order and later than their access units went in, each with its
//! own presentation time. Their memory is used again, so playing a film allocates nothing per
//! picture. This module never decides what to drop or when to show something.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use openh264::OpenH264API;
use openh264::decoder::{DecodeOptions, DecodedYUV, Decoder, DecoderConfig, Flush};
use openh264::formats::YUVSource;
use testcard_core::avc::{Chroma, Sps};
use testcard_core::time::MediaTime;

/// Turns access units into pictures.
pub trait PictureDecoder: Send {
    /// Decodes one access unit in decode order and appends the pictures that are ready, in
    /// presentation order. Usually that is one picture, of an earlier access unit.
    ///
    /// # Errors
    /// After [`PictureError::Broken`] the decoder waits for the next IDR picture by itself. The
    /// other errors say that the stream cannot be decoded at all.
    fn decode(
        &mut self,
        access_unit: &[u8],
        pts: MediaTime,
        out: &mut Vec<Picture>,
    ) -> Result<Fed, PictureError>;

    /// Appends the pictures still held back, at the end of the stream. Decoding resumes at an IDR
    /// picture.
    fn drain(&mut self, out: &mut Vec<Picture>);

    /// Forgets everything but the configuration, for a seek. Decoding resumes at an IDR picture.
    ///
    /// # Errors
    /// [`PictureError::NoDecoder`], after which every call to `decode` says the same.
    fn reset(&mut self) -> Result<(), PictureError>;
}

/// What became of an access unit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fed {
    /// It was decoded.
    Decoded,
    /// It was left out: it comes before the IDR picture that decoding has to start at.
    BeforeIdr,
}

/// Why there is no picture.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PictureError {
    /// Fields or MBAFF may occur.
    Interlaced,
    /// More than 8 bits per sample.
    BitDepth(u8),
    /// Another chroma format than 4:2:0.
    Chroma(Chroma),
    /// More than the 36,864 macroblocks of level 5.2 (ITU-T H.264 table A-1).
    TooLarge {
        /// In luma samples.
        width: u32,
        /// In luma samples.
        height: u32,
    },
    /// No usable parameter sets, or an impossible NAL length size.
    BadConfiguration,
    /// This access unit is damaged, or refers to one that was.
    Broken,
    /// The decoder could not be created, for want of memory.
    NoDecoder,
}

impl fmt::Display for PictureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interlaced => f.write_str("the picture is interlaced, which cannot be decoded"),
            Self::BitDepth(bits) => {
                write!(f, "the picture has {bits} bits per sample; only 8 can be decoded")
            }
            Self::Chroma(chroma) => {
                let name = match chroma {
                    Chroma::Monochrome => "4:0:0",
                    Chroma::C420 => "4:2:0",
                    Chroma::C422 => "4:2:2",
                    Chroma::C444 => "4:4:4",
                };
                write!(f, "the picture's colour is coded as {name}; only 4:2:0 can be decoded")
            }
            Self::TooLarge { width, height } => {
                write!(f, "the picture is too large to decode ({width} x {height})")
            }
            Self::BadConfiguration => f.write_str("the film does not say how its picture is coded"),
            Self::Broken => f.write_str("a part of the picture is damaged"),
            Self::NoDecoder => f.write_str("the picture decoder could not be started"),
        }
    }
}

impl std::error::Error for PictureError {}

/// How an H.264 track is coded, as its sample entry says (ISO/IEC 14496-15 §5.3.3).
#[derive(Clone, Copy, Debug)]
pub struct AvcConfig<'a> {
    /// Bytes of the length in front of each NAL unit: 1, 2 or 4.
    pub nal_length_bytes: usize,
    /// Sequence parameter sets, NAL header included. None for `avc3` tracks that carry their own.
    pub sps: &'a [&'a [u8]],
    /// Picture parameter sets, NAL header included.
    pub pps: &'a [&'a [u8]],
    /// What the container says about colours, which goes before what the stream says.
    pub colours: Option<Colours>,
    /// Width and height of a sample as the container says, which goes before what the stream says.
    pub sample_aspect: Option<(u32, u32)>,
}

/// How to get from Y'CbCr to R'G'B'.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Colours {
    /// The weights of the primaries.
    pub matrix: Matrix,
    /// Whether samples use all of 0..=255, and not 16..=235.
    pub full_range: bool,
}

/// Matrix coefficients (ITU-T H.273 §8.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Matrix {
    /// Standard definition, by rule or by habit.
    Bt601,
    /// High definition.
    Bt709,
    /// Ultra-high definition, non-constant luminance.
    Bt2020,
}

impl Matrix {
    /// The matrix that H.273 gives this number, or for one that is unspecified or unknown the one
    /// that is usual for a picture of this size.
    pub fn from_code(code: Option<u8>, width: u32, height: u32) -> Self {
        match code {
            Some(1) => Self::Bt709,
            Some(4..=7) => Self::Bt601,
            Some(9 | 10) => Self::Bt2020,
            _ if width >= 1280 || height > 576 => Self::Bt709,
            _ => Self::Bt601,
        }
    }
}

/// A decoded picture: three planes of 8-bit samples, chroma at half the resolution both ways.
pub struct Picture {
    /// When to show it.
    pub pts: MediaTime,
    /// Width in luma samples.
    pub width: usize,
    /// Height in luma samples.
    pub height: usize,
    /// Width and height of a sample, neither zero.
    pub sample_aspect: (u32, u32),
    /// How to turn the samples into colours.
    pub colours: Colours,
    planes: Vec<u8>,
    pool: Pool,
}

impl Picture {
    /// A grey picture to draw on, for tests and for cards.
    pub fn grey(width: usize, height: usize, colours: Colours, pts: MediaTime) -> Self {
        let pool = Pool::default();
        let mut planes = pool.take(i420_bytes(width, height));
        planes.fill(128);
        Self { pts, width, height, sample_aspect: (1, 1), colours, planes, pool }
    }

    /// Luma: rows of [`Picture::width`] bytes, no padding.
    pub fn y(&self) -> &[u8] {
        &self.planes[..self.width * self.height]
    }

    /// Blue-difference chroma: rows of [`Picture::chroma_width`] bytes, no padding.
    pub fn u(&self) -> &[u8] {
        let start = self.width * self.height;
        &self.planes[start..start + self.chroma_width() * self.height.div_ceil(2)]
    }

    /// Red-difference chroma: rows of [`Picture::chroma_width`] bytes, no padding.
    pub fn v(&self) -> &[u8] {
        let start = self.width * self.height + self.chroma_width() * self.height.div_ceil(2);
        &self.planes[start..]
    }

    /// The three planes for writing.
    pub fn planes_mut(&mut self) -> [&mut [u8]; 3] {
        let (luma, chroma) = self.planes.split_at_mut(self.width * self.height);
        let (u, v) = chroma.split_at_mut(chroma.len() / 2);
        [luma, u, v]
    }

    /// Width in chroma samples.
    pub fn chroma_width(&self) -> usize {
        self.width.div_ceil(2)
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        self.pool.give_back(std::mem::take(&mut self.planes));
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({} x {} at {} us)", self.width, self.height, self.pts.as_micros())
    }
}

fn i420_bytes(width: usize, height: usize) -> usize {
    width * height + 2 * width.div_ceil(2) * height.div_ceil(2)
}

/// Memory of pictures that were dropped, for the next ones.
#[derive(Clone, Default)]
struct Pool(Arc<Mutex<Vec<Vec<u8>>>>);

impl Pool {
    /// What a player holds at a time is far less; the rest goes back to the system.
    const SPARE_MAX: usize = 8;

    fn take(&self, bytes: usize) -> Vec<u8> {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those of another size are left over from before the size changed.
        spare.retain(|planes| planes.len() == bytes);
        spare.pop().unwrap_or_else(|| vec![0; bytes])
    }

    fn give_back(&self, planes: Vec<u8>) {
        let mut spare = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < Self::SPARE_MAX {
            spare.push(planes);
        }
    }
}

/// openh264, fed with the length-prefixed NAL units of an MP4 sample.
///
/// Decodes progressive 8-bit 4:2:0 in the Baseline, Main and High profiles.
pub struct OpenH264 {
    decoder: Option<Decoder>,
    nal_length_bytes: usize,
    /// SPS and PPS from the sample entry, as a byte stream.
    parameter_sets: Vec<u8>,
    colours: Option<Colours>,
    sample_aspect: Option<(u32, u32)>,
    /// The parameter set that the last one seen says it is.
    sps: Option<Sps>,
    waiting_for_idr: bool,
    /// Presentation times of access units whose pictures have not come out.
    pending: BinaryHeap<Reverse<MediaTime>>,
    /// The access unit at hand as a byte stream (ITU-T H.264 Annex B), which is what openh264 reads.
    byte_stream: Vec<u8>,
    pool: Pool,
}

/// More pictures cannot be held back: the decoded picture buffer has room for 16 (§A.3.1).
const PENDING_MAX: usize = 17;

/// What an access unit is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// Decoding can start here.
    Idr,
    Picture,
    /// Only what goes with pictures.
    NoPicture,
}

/// NAL unit types (ITU-T H.264 table 7-1).
const NAL_SLICE: u8 = 1;
const NAL_IDR: u8 = 5;
const NAL_SPS: u8 = 7;

const START_CODE: [u8; 4] = [0, 0, 0, 1];

impl OpenH264 {
    /// A decoder for one track.
    ///
    /// # Errors
    /// When the parameter sets describe a stream that openh264 does not decode, or nothing at all.
    pub fn new(config: &AvcConfig<'_>) -> Result<Self, PictureError> {
        if !matches!(config.nal_length_bytes, 1 | 2 | 4) {
            return Err(PictureError::BadConfiguration);
        }
        let mut this = Self {
            decoder: None,
            nal_length_bytes: config.nal_length_bytes,
            parameter_sets: Vec::new(),
            colours: config.colours,
            sample_aspect: config.sample_aspect.filter(|(width, height)| *width > 0 && *height > 0),
            sps: None,
            waiting_for_idr: true,
            pending: BinaryHeap::with_capacity(PENDING_MAX),
            byte_stream: Vec::new(),
            pool: Pool::default(),
        };
        for sps in config.sps {
            this.sps = Some(acceptable(sps)?);
        }
        for nal_unit in config.sps.iter().chain(config.pps) {
            this.parameter_sets.extend_from_slice(&START_CODE);
            this.parameter_sets.extend_from_slice(nal_unit);
        }
        this.reset()?;
        Ok(this)
    }

    /// What the last sequence parameter set says; absent before the first access unit of an `avc3`
    /// track.
    pub fn sps(&self) -> Option<&Sps> {
        self.sps.as_ref()
    }

    /// Turns length-prefixed NAL units into `self.byte_stream`, and says what is in them.
    fn read_nal_units(&mut self, mut rest: &[u8]) -> Result<Kind, PictureError> {
        self.byte_stream.clear();
        let mut kind = Kind::NoPicture;
        while !rest.is_empty() {
            let (prefix, after) =
                rest.split_at_checked(self.nal_length_bytes).ok_or(PictureError::Broken)?;
            let length = prefix.iter().fold(0usize, |length, byte| length << 8 | *byte as usize);
            let (nal_unit, after) = after.split_at_checked(length).ok_or(PictureError::Broken)?;
            rest = after;
            let Some(header) = nal_unit.first() else { continue };
            match header & 0x1f {
                // Of scalable and multi-view layers, which a decoder of the base layer ignores
                // (§7.4.1) and openh264 stumbles over.
                14 | 15 | 20 => continue,
                NAL_SLICE => kind = Kind::Picture,
                NAL_IDR => kind = Kind::Idr,
                NAL_SPS => self.sps = Some(acceptable(nal_unit)?),
                _ => {}
            }
            self.byte_stream.extend_from_slice(&START_CODE);
            self.byte_stream.extend_from_slice(nal_unit);
        }
        Ok(kind)
    }

    fn start(&mut self) -> Result<(), PictureError> {
        // Without this mode nearly every packet of a stream with B pictures is an error.
        let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        let decoder = Decoder::with_api_config(OpenH264API::from_source(), config);
        let mut decoder = decoder.map_err(|_| PictureError::NoDecoder)?;
        if !self.parameter_sets.is_empty() {
            decoder
                .decode_with_options(&self.parameter_sets, DecodeOptions::new())
                .map_err(|_| PictureError::BadConfiguration)?;
        }
        self.decoder = Some(decoder);
        Ok(())
    }

    /// Starts again at the next IDR picture, with the pictures that are whole appended.
    fn give_up_until_idr(&mut self, out: &mut Vec<Picture>) -> PictureError {
        self.drain(out);
        match self.decoder {
            Some(_) => PictureError::Broken,
            None => PictureError::NoDecoder,
        }
    }
}

impl PictureDecoder for OpenH264 {
    fn decode(
        &mut self,
        access_unit: &[u8],
        pts: MediaTime,
        out: &mut Vec<Picture>,
    ) -> Result<Fed, PictureError> {
        let kind = match self.read_nal_units(access_unit) {
            Ok(kind) => kind,
            Err(PictureError::Broken) => return Err(self.give_up_until_idr(out)),
            Err(declined) => return Err(declined),
        };
        if self.waiting_for_idr && kind != Kind::Idr {
            return Ok(Fed::BeforeIdr);
        }
        self.waiting_for_idr = false;
        let decoder = self.decoder.as_mut().ok_or(PictureError::NoDecoder)?;
        let look = self.sps.as_ref().map(|sps| Look::of(sps, self.colours, self.sample_aspect));
        match (decoder.decode_with_options(&self.byte_stream, DecodeOptions::new()), look) {
            (Ok(yuv), Some(look)) if self.pending.len() < PENDING_MAX => {
                // Every picture takes a time, so only a picture may leave one.
                if kind != Kind::NoPicture {
                    self.pending.push(Reverse(pts));
                }
                if let (Some(yuv), Some(Reverse(pts))) = (yuv, self.pending.peek()) {
                    out.push(look.picture(&yuv, *pts, &self.pool));
                    self.pending.pop();
                }
                Ok(Fed::Decoded)
            }
            _ => Err(self.give_up_until_idr(out)),
        }
    }

    fn drain(&mut self, out: &mut Vec<Picture>) {
        if let (Some(decoder), Some(sps)) = (&mut self.decoder, &self.sps)
            && let Ok(pictures) = decoder.flush_remaining()
        {
            let look = Look::of(sps, self.colours, self.sample_aspect);
            for yuv in &pictures {
                let Some(Reverse(pts)) = self.pending.pop() else { break };
                out.push(look.picture(yuv, pts, &self.pool));
            }
        }
        // openh264 never takes back the memory of a picture that was flushed (its `FlushFrame` looks
        // for it in `m_pPicBuff`, which only its threads set) and soon has none left. So flushing is
        // the last thing that a decoder does; should there be no new one, `decode` will say so.
        let _ = self.reset();
    }

    fn reset(&mut self) -> Result<(), PictureError> {
        self.decoder = None;
        self.pending.clear();
        self.waiting_for_idr = true;
        self.start()
    }
}

/// A sequence parameter set that openh264 can follow.
fn acceptable(nal_unit: &[u8]) -> Result<Sps, PictureError> {
    let sps = Sps::parse(nal_unit).map_err(|_| PictureError::BadConfiguration)?;
    let (width, height) = (sps.width, sps.height);
    if !sps.frames_only {
        Err(PictureError::Interlaced)
    } else if sps.bit_depth > 8 {
        Err(PictureError::BitDepth(sps.bit_depth))
    } else if sps.chroma != Chroma::C420 {
        Err(PictureError::Chroma(sps.chroma))
    } else if width.div_ceil(16) * height.div_ceil(16) > 36_864 {
        Err(PictureError::TooLarge { width, height })
    } else {
        Ok(sps)
    }
}

/// What a picture's samples mean.
#[derive(Clone, Copy)]
struct Look {
    colours: Colours,
    sample_aspect: (u32, u32),
}

impl Look {
    fn of(sps: &Sps, colours: Option<Colours>, sample_aspect: Option<(u32, u32)>) -> Self {
        let from_stream = || Colours {
            matrix: Matrix::from_code(sps.matrix, sps.width, sps.height),
            full_range: sps.full_range,
        };
        let aspect = || sps.sample_aspect.map(|(width, height)| (width.into(), height.into()));
        Self {
            colours: colours.unwrap_or_else(from_stream),
            sample_aspect: sample_aspect.or_else(aspect).unwrap_or((1, 1)),
        }
    }

    /// Copies a picture out of the decoder's own memory, which the next call overwrites.
    fn picture(self, yuv: &DecodedYUV<'_>, pts: MediaTime, pool: &Pool) -> Picture {
        let (width, height) = yuv.dimensions();
        let (y_stride, u_stride, v_stride) = yuv.strides();
        let mut picture = Picture {
            pts,
            width,
            height,
            sample_aspect: self.sample_aspect,
            colours: self.colours,
            planes: pool.take(i420_bytes(width, height)),
            pool: pool.clone(),
        };
        let chroma_width = picture.chroma_width();
        let [y, u, v] = picture.planes_mut();
        copy_rows(y, width, yuv.y(), y_stride);
        copy_rows(u, chroma_width, yuv.u(), u_stride);
        copy_rows(v, chroma_width, yuv.v(), v_stride);
        picture
    }
}

fn copy_rows(to: &mut [u8], width: usize, from: &[u8], stride: usize) {
    for (to, from) in to.chunks_exact_mut(width).zip(from.chunks(stride)) {
        to.copy_from_slice(&from[..width]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 25 pictures, the n-th with a luma of 32 + 7 n, an IDR picture every 12; see
    /// `tests/media/make.sh`.
    const STEPS: &[u8] = include_bytes!("../tests/media/steps.h264");
    const STEPS_ORDER: &str = include_str!("../tests/media/steps.order");

    /// A film of access units as an MP4 holds them, and which picture each one is.
    struct Film {
        sps: Vec<u8>,
        pps: Vec<u8>,
        samples: Vec<(Vec<u8>, usize)>,
    }

    fn film(nal_length_bytes: usize) -> Film {
        let (mut sps, mut pps) = (Vec::new(), Vec::new());
        let mut samples: Vec<Vec<u8>> = Vec::new();
        for nal_unit in nal_units(STEPS) {
            match nal_unit[0] & 0x1f {
                9 => samples.push(Vec::new()),
                7 => sps = nal_unit.to_vec(),
                8 => pps = nal_unit.to_vec(),
                _ => {
                    let sample = samples.last_mut().unwrap();
                    let length = nal_unit.len().to_be_bytes();
                    sample.extend_from_slice(&length[8 - nal_length_bytes..]);
                    sample.extend_from_slice(nal_unit);
                }
            }
        }
        let order = STEPS_ORDER.lines().map(|line| line.parse().unwrap());
        Film { sps, pps, samples: samples.into_iter().zip(order).collect() }
    }

    /// The NAL units of a byte stream.
    fn nal_units(stream: &[u8]) -> Vec<&[u8]> {
        let starts: Vec<usize> = (0..stream.len() - 2)
            .filter(|&i| stream[i..].starts_with(&[0, 0, 1]))
            .map(|i| i + 3)
            .collect();
        let ends = starts[1..].iter().map(|start| start - 3).chain([stream.len()]);
        let unit = |(start, end): (usize, usize)| {
            let end = start + stream[start..end].iter().rposition(|byte| *byte != 0).unwrap() + 1;
            &stream[start..end]
        };
        starts.iter().copied().zip(ends).map(unit).collect()
    }

    fn decoder(film: &Film, nal_length_bytes: usize) -> OpenH264 {
        OpenH264::new(&AvcConfig {
            nal_length_bytes,
            sps: &[&film.sps],
            pps: &[&film.pps],
            colours: None,
            sample_aspect: None,
        })
        .unwrap()
    }

    fn pts(index: usize) -> MediaTime {
        MediaTime::from_millis(40 * index as i64 - 80)
    }

    /// Which pictures of the film these are, after a check that each has the time of its own.
    fn indices(pictures: &[Picture]) -> Vec<usize> {
        let index = |picture: &Picture| {
            let luma = |samples: &[u8]| -> usize {
                samples.iter().map(|&y| y as usize).sum::<usize>() / samples.len()
            };
            let index = (luma(picture.y()) + 3 - 32) / 7;
            assert_eq!(picture.pts, pts(index), "picture {index} has the time of another");
            assert!(picture.u().iter().chain(picture.v()).all(|c| (126..=130).contains(c)));
            index
        };
        pictures.iter().map(index).collect()
    }

    #[test]
    fn pictures_leave_in_presentation_order_each_with_its_own_time() {
        for nal_length_bytes in [2, 4] {
            let film = film(nal_length_bytes);
            assert_eq!(film.samples.len(), 25);
            let mut decoder = decoder(&film, nal_length_bytes);
            let mut out = Vec::new();
            for (sample, index) in &film.samples {
                assert_eq!(decoder.decode(sample, pts(*index), &mut out), Ok(Fed::Decoded));
            }
            decoder.drain(&mut out);
            assert_eq!(indices(&out), (0..25).collect::<Vec<_>>());
            assert_eq!((out[0].width, out[0].height), (64, 48));
            assert_eq!(
                out[0].colours,
                Colours { matrix: Matrix::Bt709, full_range: false },
                "as the stream says"
            );
        }
    }

    #[test]
    fn a_film_may_go_on_and_on() {
        let film = film(4);
        let mut decoder = decoder(&film, 4);
        let mut out = Vec::new();
        for round in 0..40 {
            // The 25th is an IDR picture with nothing after it.
            for (sample, index) in &film.samples[..24] {
                let fed = decoder.decode(sample, pts(round * 24 + index), &mut out);
                assert_eq!(fed, Ok(Fed::Decoded), "round {round}, picture {index}");
            }
        }
        decoder.drain(&mut out);
        let times: Vec<_> = out.iter().map(|picture| picture.pts).collect();
        assert_eq!(times, (0..40 * 24).map(pts).collect::<Vec<_>>());
    }

    #[test]
    fn an_access_unit_without_a_picture_takes_no_ones_time() {
        let film = film(4);
        let mut decoder = decoder(&film, 4);
        let mut out = Vec::new();
        for (i, (sample, index)) in film.samples.iter().enumerate() {
            decoder.decode(sample, pts(*index), &mut out).unwrap();
            if i % 5 == 2 {
                // An end of sequence would be followed by an IDR picture; filler data may be anywhere.
                let filler = [0, 0, 0, 4, 12, 0xff, 0xff, 0x80];
                decoder.decode(&filler, pts(100 + i), &mut out).unwrap();
            }
        }
        decoder.drain(&mut out);
        assert_eq!(indices(&out), (0..25).collect::<Vec<_>>());
    }

    #[test]
    fn decoding_starts_at_an_idr_and_says_what_it_left_out() {
        let film = film(4);
        let mut decoder = decoder(&film, 4);
        let mut out = Vec::new();
        for (sample, index) in &film.samples[5..12] {
            assert_eq!(decoder.decode(sample, pts(*index), &mut out), Ok(Fed::BeforeIdr));
        }
        for (sample, index) in &film.samples[12..] {
            assert_eq!(decoder.decode(sample, pts(*index), &mut out), Ok(Fed::Decoded));
        }
        decoder.drain(&mut out);
        assert_eq!(indices(&out), (12..25).collect::<Vec<_>>());
    }

    #[test]
    fn a_seek_forgets_what_came_before_it() {
        let film = film(4);
        let mut decoder = decoder(&film, 4);
        let mut out = Vec::new();
        for (sample, index) in &film.samples[..6] {
            decoder.decode(sample, pts(*index), &mut out).unwrap();
        }
        decoder.reset().unwrap();
        out.clear();
        for (sample, index) in &film.samples[12..] {
            decoder.decode(sample, pts(*index), &mut out).unwrap();
        }
        decoder.drain(&mut out);
        assert_eq!(indices(&out), (12..25).collect::<Vec<_>>());
    }

    #[test]
    fn damage_costs_the_pictures_up_to_the_next_idr_and_no_more() {
        let film = film(4);
        let cut_short = film.samples[4].0[..film.samples[4].0.len() - 1].to_vec();
        let mut scrambled = film.samples[4].0.clone();
        for byte in &mut scrambled[5..] {
            *byte = !*byte;
        }
        for damaged in [cut_short, scrambled, vec![0, 0, 0, 9, 1], vec![0, 0]] {
            let mut decoder = decoder(&film, 4);
            let mut out = Vec::new();
            for (i, (sample, index)) in film.samples.iter().enumerate() {
                let sample = if i == 4 { &damaged } else { sample };
                let fed = decoder.decode(sample, pts(*index), &mut out);
                let expected = match i {
                    4 => Err(PictureError::Broken),
                    5..12 => Ok(Fed::BeforeIdr),
                    _ => Ok(Fed::Decoded),
                };
                assert_eq!(fed, expected, "access unit {i}");
            }
            decoder.drain(&mut out);
            assert_eq!(indices(&out), [0, 1, 2, 3].into_iter().chain(12..25).collect::<Vec<_>>());
        }
    }

    #[test]
    fn parameter_sets_within_the_stream_are_followed() {
        let mut film = film(4);
        let mut first = Vec::new();
        for nal_unit in [&film.sps, &film.pps] {
            first.extend_from_slice(&(nal_unit.len() as u32).to_be_bytes());
            first.extend_from_slice(nal_unit);
        }
        first.extend_from_slice(&film.samples[0].0);
        film.samples[0].0 = first;
        let config = AvcConfig {
            nal_length_bytes: 4,
            sps: &[],
            pps: &[],
            colours: Some(Colours { matrix: Matrix::Bt2020, full_range: true }),
            sample_aspect: Some((4, 3)),
        };
        let mut decoder = OpenH264::new(&config).unwrap();
        let mut out = Vec::new();
        for (sample, index) in &film.samples {
            assert_eq!(decoder.decode(sample, pts(*index), &mut out), Ok(Fed::Decoded));
        }
        decoder.drain(&mut out);
        assert_eq!(indices(&out), (0..25).collect::<Vec<_>>());
        assert_eq!(out[0].colours, config.colours.unwrap(), "the container goes first");
        assert_eq!(out[0].sample_aspect, (4, 3));
    }

    #[test]
    fn the_memory_of_a_picture_is_used_again() {
        let film = film(4);
        let mut decoder = decoder(&film, 4);
        let mut out = Vec::new();
        let mut places = std::collections::BTreeSet::new();
        for (sample, index) in &film.samples {
            decoder.decode(sample, pts(*index), &mut out).unwrap();
            places.extend(out.drain(..).map(|picture| picture.y().as_ptr()));
        }
        assert!(places.len() <= 4, "{} places for one picture at a time", places.len());
    }

    #[test]
    fn a_stream_that_cannot_be_decoded_is_declined_for_its_own_reason() {
        // The parameter sets are those in the tests of `sps`.
        for (hex, reason) in [
            ("67640015acd9444fcb808800000300080000030190f8a14cb0", PictureError::Interlaced),
            ("676e000aa6cd9447b011000003000100000300320f122596", PictureError::BitDepth(10)),
            (
                "677a000abcd9447b011000000300100000030320f1225960",
                PictureError::Chroma(Chroma::C422),
            ),
            (
                "67f4000a919b288f6022000003000200000300641e244b2c",
                PictureError::Chroma(Chroma::C444),
            ),
            ("67", PictureError::BadConfiguration),
        ] {
            let sps: Vec<u8> = (0..hex.len())
                .step_by(2)
                .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
                .collect();
            let config = AvcConfig {
                nal_length_bytes: 4,
                sps: &[&sps],
                pps: &[],
                colours: None,
                sample_aspect: None,
            };
            assert_eq!(OpenH264::new(&config).err(), Some(reason));
            let config = AvcConfig { nal_length_bytes: 3, sps: &[], ..config };
            assert_eq!(OpenH264::new(&config).err(), Some(PictureError::BadConfiguration));
        }
    }
}
