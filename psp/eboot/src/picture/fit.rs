//! Whether the Media Engine can decode a film's picture, judged by the film's configuration alone.

use core::fmt;

use testcard_core::avc::{Chroma, ParameterSets, Sps};
use testcard_core::mp4::Avc;

use super::{HEIGHT, WIDTH};

/// Width and height of pictures in pixels, neither of them 0.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Size {
    /// At most [`WIDTH`].
    pub width: usize,
    /// At most [`HEIGHT`].
    pub height: usize,
}

/// What a film's configuration says to the decoder.
pub(super) struct Fitting {
    pub(super) size: Size,
    pub(super) parameter_sets: ParameterSets,
    pub(super) length_size: u8,
    /// How many pictures are decoded before one that is shown earlier, if the film says so.
    pub(super) reorder: Option<u8>,
}

/// Why a film's picture is not shown. As text it is the reason: "the picture has 640 x 480 …".
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refused {
    /// More pixels than the screen has.
    TooLarge {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// Coded in another way than H.264's Baseline or Main profile: `profile_idc`.
    Profile(u8),
    /// Fields may occur.
    Interlaced,
    /// More than 8 bits per sample.
    BitDepth(u8),
    /// Another chroma format than 4:2:0.
    Chroma,
    /// It needs so many earlier pictures; so many are kept.
    References {
        /// Needed.
        needed: u8,
        /// Kept, at this size.
        kept: u8,
    },
    /// The film does not say beforehand how its picture is coded.
    Configuration,
    /// Another picture is being decoded.
    Busy,
    /// The firmware has no decoder, or does not start it: a code of its own.
    Firmware(i32),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { width, height } => write!(
                f,
                "the picture has {width} x {height} pixels, and up to {WIDTH} x {HEIGHT} can be \
                 decoded here"
            ),
            Self::Profile(profile) => {
                f.write_str("the picture is coded in H.264's ")?;
                match profile {
                    88 => f.write_str("Extended profile")?,
                    100 => f.write_str("High profile")?,
                    _ => write!(f, "profile {profile}")?,
                }
                f.write_str(", and only Baseline and Main can be decoded here")
            }
            Self::Interlaced => f.write_str("the picture is interlaced"),
            Self::BitDepth(bits) => {
                write!(f, "the picture has {bits} bits per sample, and only 8 can be decoded here")
            }
            Self::Chroma => f.write_str("the picture's colour is not coded as 4:2:0"),
            Self::References { needed, kept } => {
                write!(f, "the picture refers to {needed} earlier ones, and {kept} are kept here")
            }
            Self::Configuration => f.write_str("the film does not say how its picture is coded"),
            Self::Busy => f.write_str("another picture is being decoded"),
            Self::Firmware(code) => {
                write!(f, "the console does not start its picture decoder ({code:#010x})")
            }
        }
    }
}

/// Macroblocks that the decoder keeps of earlier pictures: `MaxDpbMbs` of level 2.1 (ITU-T H.264
/// table A-1), up to which the firmware's own player is said to play.
const MACROBLOCKS_KEPT: usize = 4752;

/// Every sequence parameter set has to fit, since any picture may use any of them.
pub(super) fn fitting(avc: &Avc<'_>) -> Result<Fitting, Refused> {
    let mut size = None;
    let mut reorder = None;
    for nal_unit in avc.sps() {
        let sps = Sps::parse(nal_unit).map_err(|_| Refused::Configuration)?;
        size = Some(size_of(&sps)?);
        reorder = sps.reorder;
    }
    Ok(Fitting {
        // Absent when they are in the samples only: then nothing is known about what will come.
        size: size.ok_or(Refused::Configuration)?,
        parameter_sets: ParameterSets::of(avc).map_err(|_| Refused::Configuration)?,
        length_size: avc.nal_length_size,
        reorder,
    })
}

fn size_of(sps: &Sps) -> Result<Size, Refused> {
    let too_large = Refused::TooLarge { width: sps.width, height: sps.height };
    let side = |side: u32| usize::try_from(side).map_err(|_| too_large);
    let size = Size { width: side(sps.width)?, height: side(sps.height)? };
    if size.width > WIDTH || size.height > HEIGHT {
        return Err(too_large);
    }
    if sps.bit_depth > 8 {
        return Err(Refused::BitDepth(sps.bit_depth));
    }
    if sps.chroma != Chroma::C420 {
        return Err(Refused::Chroma);
    }
    if !matches!(sps.profile, 66 | 77) {
        return Err(Refused::Profile(sps.profile));
    }
    if !sps.frames_only {
        return Err(Refused::Interlaced);
    }
    let macroblocks = size.width.div_ceil(16) * size.height.div_ceil(16);
    // 16 is the most that any stream may need (§A.3.1).
    let kept = (MACROBLOCKS_KEPT / macroblocks).min(16) as u8;
    if sps.reference_frames > kept {
        return Err(Refused::References { needed: sps.reference_frames, kept });
    }
    Ok(size)
}
