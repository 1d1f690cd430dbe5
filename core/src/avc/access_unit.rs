//! From the samples of an MP4, whose NAL units have lengths in front of them (ISO/IEC 14496-15
//! §5.3), to byte streams with start codes (ITU-T H.264 Annex B), for decoders that read nothing
//! else. Only what such a decoder needs is carried over, and nothing that could make it read
//! another stream than the one that the film's configuration announces.

use crate::mp4::Avc;

const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// An access unit delimiter (§7.3.2.4) in front of pictures of any kind.
const DELIMITER: [u8; 6] = [0, 0, 0, 1, 9, 0xf0];

/// NAL unit types (ITU-T H.264 table 7-1).
const SLICE: u8 = 1;
const SLICE_OF_IDR: u8 = 5;
const SUPPLEMENT: u8 = 6;

/// What was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AccessUnit {
    /// How many bytes.
    pub bytes: usize,
    /// It is an IDR picture: nothing before it is needed to decode what comes after.
    pub idr: bool,
}

/// Why a sample is no access unit that a decoder could be given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Broken {
    /// A length points past the end of the sample.
    Length,
    /// No part of a picture is in it.
    NoPicture,
    /// A NAL unit has bytes in it that no NAL unit can have (§7.4.1): a decoder would take them for
    /// the start of another one.
    StartCode,
    /// It has more bytes than there is room for.
    TooLarge,
}

/// Sequence and picture parameter sets as a byte stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ParameterSets {
    bytes: [u8; Self::BYTES_MAX],
    len: usize,
}

impl ParameterSets {
    /// More is not kept. A sequence parameter set has some 30 bytes and without scaling lists never
    /// 200, a picture parameter set some 8; films have one of each.
    pub const BYTES_MAX: usize = 512;

    /// Those that the film's configuration has.
    ///
    /// # Errors
    /// [`Broken::TooLarge`], or [`Broken::StartCode`].
    pub fn of(avc: &Avc<'_>) -> Result<Self, Broken> {
        let mut sets = Self { bytes: [0; Self::BYTES_MAX], len: 0 };
        let mut out = Writer { out: &mut sets.bytes, len: 0 };
        for nal_unit in avc.sps().chain(avc.pps()) {
            out.nal_unit(nal_unit)?;
        }
        sets.len = out.len;
        Ok(sets)
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Writes a sample to `out` as a byte stream: a delimiter, the parameter sets if it is an IDR
/// picture or `sync`, then the picture with its supplements. Each NAL unit has `length_size` bytes
/// of length in front of it: 1, 2 or 4.
///
/// Left out are fillers, which are as large as an encoder likes; extensions, which hardware
/// stumbles over; and parameter sets within the sample, since a decoder that was made for one size
/// of pictures may write past its memory when another one comes along.
pub fn to_byte_stream(
    sample: &[u8],
    length_size: u8,
    parameter_sets: &ParameterSets,
    sync: bool,
    out: &mut [u8],
) -> Result<AccessUnit, Broken> {
    let (mut picture, mut idr) = (false, false);
    for nal_unit in nal_units(sample, length_size) {
        let kind = kind(nal_unit?);
        picture |= matches!(kind, SLICE | SLICE_OF_IDR);
        idr |= kind == SLICE_OF_IDR;
    }
    if !picture {
        return Err(Broken::NoPicture);
    }
    let mut out = Writer { out, len: 0 };
    out.bytes(&DELIMITER)?;
    if idr || sync {
        out.bytes(parameter_sets.as_bytes())?;
    }
    for nal_unit in nal_units(sample, length_size) {
        let nal_unit = nal_unit?;
        if matches!(kind(nal_unit), SLICE | SLICE_OF_IDR | SUPPLEMENT) {
            out.nal_unit(nal_unit)?;
        }
    }
    Ok(AccessUnit { bytes: out.len, idr })
}

/// `nal_unit_type`; 0, which is unspecified, when there is no byte.
fn kind(nal_unit: &[u8]) -> u8 {
    nal_unit.first().map_or(0, |header| header & 0x1f)
}

/// The NAL units of a sample, up to the first whose length is wrong.
fn nal_units(sample: &[u8], length_size: u8) -> impl Iterator<Item = Result<&[u8], Broken>> {
    let mut rest = sample;
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some((length, after)) = rest.split_at_checked(usize::from(length_size)) else {
            rest = &[];
            return Some(Err(Broken::Length));
        };
        // Four bytes at most: fits into 32 bits.
        let length = length.iter().fold(0u32, |length, byte| length << 8 | u32::from(*byte));
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some((nal_unit, after)) = after.split_at_checked(length) else {
            rest = &[];
            return Some(Err(Broken::Length));
        };
        rest = after;
        Some(Ok(nal_unit))
    })
}

struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl Writer<'_> {
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let end = self.len.checked_add(bytes.len()).ok_or(Broken::TooLarge)?;
        self.out.get_mut(self.len..end).ok_or(Broken::TooLarge)?.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }

    fn nal_unit(&mut self, nal_unit: &[u8]) -> Result<(), Broken> {
        // Muxers leave zeros at the end, which belong to a byte stream and not to its NAL units.
        let end = nal_unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let nal_unit = &nal_unit[..end];
        if holds_start_code(nal_unit) {
            return Err(Broken::StartCode);
        }
        self.bytes(&START_CODE)?;
        self.bytes(nal_unit)
    }
}

/// Whether two zeros are followed by 0, 1 or 2. Looks at every third byte where it can.
fn holds_start_code(nal_unit: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&third) = nal_unit.get(at) {
        if third > 2 {
            at += 3;
        } else if nal_unit[at - 1] == 0 && nal_unit[at - 2] == 0 {
            return true;
        } else {
            at += 1;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    const SETS: &[u8] = &[0, 0, 0, 1, 0x67, 42, 0, 0, 0, 1, 0x68, 43];

    fn sets() -> ParameterSets {
        let mut sets = ParameterSets { bytes: [0; ParameterSets::BYTES_MAX], len: SETS.len() };
        sets.bytes[..SETS.len()].copy_from_slice(SETS);
        sets
    }

    fn sample(nal_units: &[&[u8]]) -> Vec<u8> {
        let mut sample = Vec::new();
        for nal_unit in nal_units {
            sample.extend_from_slice(&(nal_unit.len() as u32).to_be_bytes());
            sample.extend_from_slice(nal_unit);
        }
        sample
    }

    fn convert(sample: &[u8], sync: bool) -> Result<(Vec<u8>, bool), Broken> {
        let mut out = [0; 256];
        let unit = to_byte_stream(sample, 4, &sets(), sync, &mut out)?;
        Ok((out[..unit.bytes].to_vec(), unit.idr))
    }

    fn stream(nal_units: &[&[u8]]) -> Vec<u8> {
        nal_units.iter().flat_map(|unit| [&START_CODE[..], unit].concat()).collect()
    }

    #[test]
    fn parameter_sets_come_before_idr_and_sync_samples_and_no_others() {
        let idr = sample(&[&[0x65, 1], &[0x65, 2]]);
        let expected = stream(&[&[9, 0xf0], &[0x67, 42], &[0x68, 43], &[0x65, 1], &[0x65, 2]]);
        assert_eq!(convert(&idr, true), Ok((expected.clone(), true)));
        assert_eq!(convert(&idr, false), Ok((expected, true)), "whatever the sample tables say");

        let other = sample(&[&[0x41, 1]]);
        assert_eq!(convert(&other, false), Ok((stream(&[&[9, 0xf0], &[0x41, 1]]), false)));
        let expected = stream(&[&[9, 0xf0], &[0x67, 42], &[0x68, 43], &[0x41, 1]]);
        assert_eq!(convert(&other, true), Ok((expected, false)), "a recovery point");
    }

    #[test]
    fn lengths_may_have_one_byte_or_two() {
        let mut out = [0; 64];
        for (sample, size) in [(&[2, 0x41, 7][..], 1), (&[0, 2, 0x41, 7], 2)] {
            let unit = to_byte_stream(sample, size, &sets(), false, &mut out).unwrap();
            assert_eq!(out[..unit.bytes], stream(&[&[9, 0xf0], &[0x41, 7]]));
        }
    }

    #[test]
    fn fillers_extensions_and_other_parameter_sets_are_left_out() {
        let filler = [&[0x0c][..], &[0xff; 300], &[0x80]].concat();
        let with_all: &[&[u8]] = &[&[9, 16], &[0x67, 9], &[0x68, 9], &[6, 5], &[0x41, 1], &[0x74]];
        let with_all = sample(&[with_all, &[&filler]].concat());
        let expected = stream(&[&[9, 0xf0], &[6, 5], &[0x41, 1]]);
        assert_eq!(convert(&with_all, false), Ok((expected, false)));
    }

    #[test]
    fn a_length_past_the_end_is_broken_wherever_it_is() {
        let whole = sample(&[&[6, 5], &[0x41, 1, 2, 3]]);
        for cut in 1..whole.len() {
            let expected = if cut == 6 { Broken::NoPicture } else { Broken::Length };
            assert_eq!(convert(&whole[..cut], false), Err(expected), "the first {cut} bytes");
        }
        assert_eq!(convert(&[0xff; 9], false), Err(Broken::Length));
    }

    #[test]
    fn a_sample_without_a_picture_is_none() {
        assert_eq!(convert(&[], true), Err(Broken::NoPicture));
        assert_eq!(convert(&sample(&[&[], &[6, 5], &[9, 16]]), true), Err(Broken::NoPicture));
    }

    #[test]
    fn no_nal_unit_hides_another_one() {
        for third in 0..=255 {
            for before in 0..5 {
                let hiding = [&[0x41][..], &[7; 5][..before], &[0, 0, third, 0x67, 1]].concat();
                let broken = convert(&sample(&[&hiding]), false) == Err(Broken::StartCode);
                assert_eq!(broken, third <= 2, "00 00 {third:02x} after {before}");
            }
        }
    }

    #[test]
    fn zeros_at_the_end_of_a_nal_unit_are_no_part_of_it() {
        let padded = sample(&[&[0x41, 1, 0, 0, 0], &[0x41, 2]]);
        let expected = stream(&[&[9, 0xf0], &[0x41, 1], &[0x41, 2]]);
        assert_eq!(convert(&padded, false), Ok((expected, false)));
    }

    #[test]
    fn what_has_no_room_is_too_large_and_writes_past_nothing() {
        let picture = sample(&[&[0x65, 1, 2, 3]]);
        let needed = convert(&picture, true).unwrap().0.len();
        let mut out = [0; 64];
        for room in 0..needed {
            let written = to_byte_stream(&picture, 4, &sets(), true, &mut out[..room]);
            assert_eq!(written, Err(Broken::TooLarge), "{room} bytes");
        }
        assert!(to_byte_stream(&picture, 4, &sets(), true, &mut out[..needed]).is_ok());
    }
}
