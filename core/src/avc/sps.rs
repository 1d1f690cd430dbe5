//! What an H.264 sequence parameter set says about its pictures (ITU-T H.264 §7.3.2.1.1, Annex E):
//! enough to name why a stream cannot be decoded somewhere, in which order its pictures come, and
//! in which colours to show them. Never decodes a picture, and never panics on any bytes.

/// The part of a sequence parameter set that matters to whoever decodes or shows its pictures.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sps {
    /// `profile_idc`: 66 Baseline, 77 Main, 88 Extended, 100 High (§A.2).
    pub profile: u8,
    /// Earlier pictures that must be kept to decode the next, 0 to 16 (`max_num_ref_frames`).
    pub reference_frames: u8,
    /// Width in luma samples after cropping, at most 16,384.
    pub width: u32,
    /// Height in luma samples after cropping, at most 16,384.
    pub height: u32,
    /// How chroma is sampled.
    pub chroma: Chroma,
    /// Bits per sample, the larger of luma's and chroma's: 8 to 14.
    pub bit_depth: u8,
    /// Whether every picture is a frame. Interlaced coding (fields, or MBAFF) may occur otherwise.
    pub frames_only: bool,
    /// Width and height of a sample, when the stream says so.
    pub sample_aspect: Option<(u16, u16)>,
    /// Whether samples use all values (0..=255) and not the limited range (16..=235).
    pub full_range: bool,
    /// `matrix_coefficients` (ITU-T H.273 §8.3), when the stream says so: 1 is BT.709, 5 and 6 are
    /// BT.601, 9 is BT.2020; 2 means unspecified and is given as absent.
    pub matrix: Option<u8>,
    /// Pictures that may come before one in decoding order and after it on the screen
    /// (`max_num_reorder_frames`), 0 to 16, when the stream says so.
    pub reorder: Option<u8>,
}

/// `chroma_format_idc` (ITU-T H.264 table 6-1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Chroma {
    /// No chroma at all.
    Monochrome,
    /// Half the resolution both ways.
    C420,
    /// Half the resolution across.
    C422,
    /// As many samples as luma.
    C444,
}

/// The bytes are not a sequence parameter set, or end too soon.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NotAnSps;

/// Profiles whose parameter sets carry chroma format and bit depth (§7.3.2.1.1).
const HIGH_PROFILES: [u32; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];

/// The largest width or height that any level allows is 16,888 samples (§A.3.1, level 6.2).
const SIDE_MAX: u32 = 16_384;

impl Sps {
    /// Reads a NAL unit of type 7, its header byte included.
    pub fn parse(nal_unit: &[u8]) -> Result<Self, NotAnSps> {
        let Some((header, payload)) = nal_unit.split_first() else { return Err(NotAnSps) };
        if header & 0x1f != 7 {
            return Err(NotAnSps);
        }
        let bits = &mut Bits::new(payload);

        let profile = bits.u(8)?;
        bits.u(16)?; // constraint flags and level
        bits.ue()?; // seq_parameter_set_id
        let (mut chroma, mut bit_depth) = (Chroma::C420, 8);
        if HIGH_PROFILES.contains(&profile) {
            chroma = match bits.ue()? {
                0 => Chroma::Monochrome,
                1 => Chroma::C420,
                2 => Chroma::C422,
                3 => Chroma::C444,
                _ => return Err(NotAnSps),
            };
            if chroma == Chroma::C444 {
                bits.flag()?; // separate_colour_plane_flag
            }
            let deepest = bits.ue()?.max(bits.ue()?);
            bit_depth = match deepest {
                extra @ 0..=6 => 8 + extra as u8,
                _ => return Err(NotAnSps),
            };
            bits.flag()?; // qpprime_y_zero_transform_bypass_flag
            if bits.flag()? {
                skip_scaling_lists(bits, if chroma == Chroma::C444 { 12 } else { 8 })?;
            }
        }
        bits.ue()?; // log2_max_frame_num_minus4
        match bits.ue()? {
            0 => {
                bits.ue()?; // log2_max_pic_order_cnt_lsb_minus4
            }
            1 => {
                bits.flag()?; // delta_pic_order_always_zero_flag
                bits.ue()?; // offset_for_non_ref_pic, signed
                bits.ue()?; // offset_for_top_to_bottom_field, signed
                let frames_in_cycle = bits.ue()?;
                if frames_in_cycle > 255 {
                    return Err(NotAnSps);
                }
                for _ in 0..frames_in_cycle {
                    bits.ue()?; // offset_for_ref_frame, signed
                }
            }
            2 => {}
            _ => return Err(NotAnSps),
        }
        let reference_frames = match bits.ue()? {
            frames @ 0..=16 => frames as u8,
            _ => return Err(NotAnSps),
        };
        bits.flag()?; // gaps_in_frame_num_value_allowed_flag
        let width_in_mbs = bits.ue()?.saturating_add(1);
        let height_in_map_units = bits.ue()?.saturating_add(1);
        let frames_only = bits.flag()?;
        if !frames_only {
            bits.flag()?; // mb_adaptive_frame_field_flag
        }
        bits.flag()?; // direct_8x8_inference_flag

        // §7.4.2.1.1: a map unit is two macroblocks high unless every picture is a frame, and the
        // unit of cropping is a chroma sample.
        let fields = if frames_only { 1 } else { 2 };
        let crop_x = if matches!(chroma, Chroma::C420 | Chroma::C422) { 2 } else { 1 };
        let crop_y = if chroma == Chroma::C420 { 2 } else { 1 } * fields;
        let (mut width, mut height) =
            (width_in_mbs.checked_mul(16), height_in_map_units.checked_mul(16 * fields));
        if bits.flag()? {
            let mut crop = |side: Option<u32>, unit: u32| -> Result<_, NotAnSps> {
                let both = bits.ue()?.checked_add(bits.ue()?);
                Ok(both.and_then(|n| side?.checked_sub(n.checked_mul(unit)?)))
            };
            width = crop(width, crop_x)?;
            height = crop(height, crop_y)?;
        }
        let side = |side: Option<u32>| side.filter(|n| (1..=SIDE_MAX).contains(n)).ok_or(NotAnSps);
        let mut sps = Self {
            profile: profile as u8,
            reference_frames,
            width: side(width)?,
            height: side(height)?,
            chroma,
            bit_depth,
            frames_only,
            sample_aspect: None,
            full_range: false,
            matrix: None,
            reorder: None,
        };
        // Encoders are careless about what follows, and a picture can be shown without it.
        if bits.flag() == Ok(true) {
            let _ = sps.read_usability(bits);
        }
        Ok(sps)
    }

    /// `vui_parameters` (§E.1.1).
    fn read_usability(&mut self, bits: &mut Bits<'_>) -> Result<(), NotAnSps> {
        if bits.flag()? {
            let aspect = match bits.u(8)? {
                255 => (bits.u(16)? as u16, bits.u(16)? as u16),
                i => *SAMPLE_ASPECTS.get(i as usize).unwrap_or(&(0, 0)),
            };
            self.sample_aspect = Some(aspect).filter(|(width, height)| *width > 0 && *height > 0);
        }
        if bits.flag()? {
            bits.flag()?; // overscan_appropriate_flag
        }
        if bits.flag()? {
            bits.u(3)?; // video_format
            self.full_range = bits.flag()?;
            if bits.flag()? {
                bits.u(16)?; // colour_primaries, transfer_characteristics
                self.matrix = Some(bits.u(8)? as u8).filter(|matrix| *matrix != 2);
            }
        }
        if bits.flag()? {
            bits.ue()?; // chroma_sample_loc_type_top_field
            bits.ue()?; // chroma_sample_loc_type_bottom_field
        }
        if bits.flag()? {
            bits.u(32)?; // num_units_in_tick
            bits.u(32)?; // time_scale
            bits.flag()?; // fixed_frame_rate_flag
        }
        let of_nal_units = bits.flag()?;
        if of_nal_units {
            skip_buffering(bits)?;
        }
        let of_slices = bits.flag()?;
        if of_slices {
            skip_buffering(bits)?;
        }
        if of_nal_units || of_slices {
            bits.flag()?; // low_delay_hrd_flag
        }
        bits.flag()?; // pic_struct_present_flag
        if bits.flag()? {
            bits.flag()?; // motion_vectors_over_pic_boundaries_flag
            for _ in 0..4 {
                bits.ue()?; // bytes of a picture, bits of a macroblock, lengths of motion vectors
            }
            self.reorder = Some(bits.ue()?).filter(|frames| *frames <= 16).map(|n| n as u8);
        }
        Ok(())
    }
}

/// `hrd_parameters` (§E.1.2), for the number of bits they take.
fn skip_buffering(bits: &mut Bits<'_>) -> Result<(), NotAnSps> {
    let alternatives = bits.ue()?;
    if alternatives > 31 {
        return Err(NotAnSps);
    }
    bits.u(8)?; // bit_rate_scale, cpb_size_scale
    for _ in 0..=alternatives {
        bits.ue()?; // bit_rate_value_minus1
        bits.ue()?; // cpb_size_value_minus1
        bits.flag()?; // cbr_flag
    }
    bits.u(20)?; // lengths of delays and of the time offset
    Ok(())
}

/// `aspect_ratio_idc` (ITU-T H.264 table E-1).
const SAMPLE_ASPECTS: [(u16, u16); 17] = [
    (0, 0),
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

/// §7.3.2.1.1.1, for the number of bits it takes.
fn skip_scaling_lists(bits: &mut Bits<'_>, lists: usize) -> Result<(), NotAnSps> {
    for list in 0..lists {
        if !bits.flag()? {
            continue;
        }
        let (mut last, mut next) = (8i64, 8i64);
        for _ in 0..if list < 6 { 16 } else { 64 } {
            if next != 0 {
                next = (last + bits.se()? + 256).rem_euclid(256);
            }
            if next != 0 {
                last = next;
            }
        }
    }
    Ok(())
}

/// Bits of a NAL unit's payload, emulation prevention bytes (§7.4.1) left out.
struct Bits<'a> {
    bytes: &'a [u8],
    /// Bits not yet given of the byte before `bytes`.
    left: u32,
    byte: u8,
    zeros: u32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, left: 0, byte: 0, zeros: 0 }
    }

    fn flag(&mut self) -> Result<bool, NotAnSps> {
        if self.left == 0 {
            self.byte = self.next_byte()?;
            if self.zeros >= 2 && self.byte == 3 {
                self.byte = self.next_byte()?;
                self.zeros = 0;
            }
            self.zeros = if self.byte == 0 { self.zeros + 1 } else { 0 };
            self.left = 8;
        }
        self.left -= 1;
        Ok(self.byte >> self.left & 1 == 1)
    }

    fn next_byte(&mut self) -> Result<u8, NotAnSps> {
        let (first, rest) = self.bytes.split_first().ok_or(NotAnSps)?;
        self.bytes = rest;
        Ok(*first)
    }

    /// An unsigned number of `n` bits, at most 32.
    fn u(&mut self, n: u32) -> Result<u32, NotAnSps> {
        let mut value = 0;
        for _ in 0..n {
            value = value << 1 | u32::from(self.flag()?);
        }
        Ok(value)
    }

    /// An Exp-Golomb number (§9.1) below 2³² − 1.
    fn ue(&mut self) -> Result<u32, NotAnSps> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros == 32 {
                return Err(NotAnSps);
            }
        }
        Ok(((1u32 << zeros) - 1) + self.u(zeros)?)
    }

    /// A signed Exp-Golomb number (§9.1.1).
    fn se(&mut self) -> Result<i64, NotAnSps> {
        let code = i64::from(self.ue()?);
        Ok(if code % 2 == 0 { -(code / 2) } else { code / 2 + 1 })
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    // Made by x264 through `ffmpeg -f lavfi -i color=black:size=64x48 -c:v libx264` and the options
    // beside each.

    /// `-vf scale=62:46,setsar=4/3 -color_range pc -colorspace smpte170m`
    const CROPPED: &str = "6764000aacd9447eab0e6e04040c800000030080000019078912cb";
    /// `-x264-params interlaced=1`
    const INTERLACED: &str = "67640015acd9444fcb808800000300080000030190f8a14cb0";
    /// `-pix_fmt yuv420p10le`
    const TEN_BITS: &str = "676e000aa6cd9447b011000003000100000300320f122596";
    /// `-pix_fmt yuv422p`, `yuv444p`, `gray`
    const OTHER_CHROMA: [(&str, Chroma); 3] = [
        ("677a000abcd9447b011000000300100000030320f1225960", Chroma::C422),
        ("67f4000a919b288f6022000003000200000300641e244b2c", Chroma::C444),
        ("6764000af36511ec05b2000003000200000300641e244b2c", Chroma::Monochrome),
    ];

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
    }

    fn sps(hex: &str) -> Sps {
        Sps::parse(&bytes(hex)).unwrap()
    }

    #[test]
    fn size_is_after_cropping_and_colours_are_as_signalled() {
        assert_eq!(
            sps(CROPPED),
            Sps {
                profile: 100,
                reference_frames: 4,
                width: 62,
                height: 46,
                chroma: Chroma::C420,
                bit_depth: 8,
                frames_only: true,
                sample_aspect: Some((4, 3)),
                full_range: true,
                matrix: Some(6),
                reorder: Some(2),
            }
        );
    }

    #[test]
    fn interlacing_depth_and_chroma_are_told_apart() {
        let interlaced = sps(INTERLACED);
        assert!(!interlaced.frames_only);
        assert_eq!((interlaced.width, interlaced.height), (64, 48));
        assert_eq!(sps(TEN_BITS).bit_depth, 10);
        assert_eq!((sps(TEN_BITS).width, sps(TEN_BITS).height), (64, 48));
        for (hex, chroma) in OTHER_CHROMA {
            assert_eq!((sps(hex).chroma, sps(hex).width, sps(hex).height), (chroma, 64, 48));
        }
    }

    #[test]
    fn no_bytes_are_too_wild_to_be_refused_politely() {
        let whole = bytes(CROPPED);
        for cut in 0..8 {
            assert_eq!(Sps::parse(&whole[..cut]), Err(NotAnSps), "the first {cut} bytes");
        }
        assert_eq!(Sps::parse(&[0x68, 1, 2, 3]), Err(NotAnSps), "a picture parameter set");
        // Every way to damage one byte either parses to some size within bounds or is an error.
        for at in 1..whole.len() {
            for value in 0..=255 {
                let mut damaged = whole.clone();
                damaged[at] = value;
                if let Ok(sps) = Sps::parse(&damaged) {
                    assert!(sps.width <= SIDE_MAX && sps.height <= SIDE_MAX);
                }
            }
        }
    }
}
