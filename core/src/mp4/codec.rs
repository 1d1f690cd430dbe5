//! What a decoder has to be told before the first sample: the sample entry (ISO/IEC 14496-12
//! §8.5.2), H.264's `avcC` (ISO/IEC 14496-15 §5.3.3) and AAC's `AudioSpecificConfig` (ISO/IEC
//! 14496-3 §1.6.2). Reads these records; never a sample.

use super::boxes::{Child, Children, Fields, FourCc};

/// What the samples of a track are encoded with.
#[derive(Clone, Copy, Debug)]
pub enum Codec<'a> {
    /// H.264 in length-prefixed NAL units (`avc1`, `avc3`).
    Avc(Avc<'a>),
    /// AAC of any object type, without ADTS headers (`mp4a`).
    Aac(Aac<'a>),
    /// Encrypted samples (`encv`, `enca`, `drms` …).
    Encrypted(FourCc),
    /// A codec that we play, whose decoder configuration is missing or broken; or, as `stsd`, no
    /// word about the codec at all.
    Misconfigured(FourCc),
    /// Anything else, by the type of its sample entry.
    Other(FourCc),
}

/// How to decode an H.264 track.
#[derive(Clone, Copy, Debug)]
pub struct Avc<'a> {
    /// `profile_idc`: 66 Baseline, 77 Main, 100 High (H.264 §A.2).
    pub profile: u8,
    /// The constraint flags that follow the profile.
    pub compatibility: u8,
    /// `level_idc`: ten times the level's number.
    pub level: u8,
    /// Bytes of the length in front of each NAL unit: 1, 2 or 4.
    pub nal_length_size: u8,
    /// Parameter sets may also be in the samples (`avc3`), and then replace those given here.
    pub in_band: bool,
    /// The whole `avcC` record, as decoders of other makes take it.
    pub record: &'a [u8],
    sps: NalUnits<'a>,
    pps: NalUnits<'a>,
}

impl<'a> Avc<'a> {
    /// The sequence parameter sets, NAL unit header included.
    pub fn sps(&self) -> NalUnits<'a> {
        self.sps
    }

    /// The picture parameter sets, NAL unit header included.
    pub fn pps(&self) -> NalUnits<'a> {
        self.pps
    }

    /// Reads an `avcC` record. `in_band` says that parameter sets may also be in the samples. None
    /// when it ends early or contradicts the standard.
    pub fn parse(record: &'a [u8], in_band: bool) -> Option<Self> {
        let mut fields = Fields(record);
        if fields.u8()? != 1 {
            return None;
        }
        let (profile, compatibility, level) = (fields.u8()?, fields.u8()?, fields.u8()?);
        let nal_length_size = match fields.u8()? & 3 {
            0 => 1,
            1 => 2,
            3 => 4,
            _ => return None,
        };
        let sps_count = fields.u8()? & 0x1f;
        let sps = NalUnits::take(&mut fields, sps_count)?;
        let pps_count = fields.u8()?;
        let pps = NalUnits::take(&mut fields, pps_count)?;
        let complete = sps_count > 0 && pps_count > 0;
        (complete || in_band).then_some(Self {
            profile,
            compatibility,
            level,
            nal_length_size,
            in_band,
            record,
            sps,
            pps,
        })
    }
}

/// The parameter sets of one kind.
#[derive(Clone, Copy, Debug)]
pub struct NalUnits<'a> {
    left: u8,
    rest: &'a [u8],
}

impl<'a> NalUnits<'a> {
    /// Moves past `count` units, each behind a 16-bit length.
    fn take(fields: &mut Fields<'a>, count: u8) -> Option<Self> {
        let rest = fields.0;
        for _ in 0..count {
            let len = fields.u16()?;
            fields.bytes(usize::from(len))?;
        }
        Some(Self { left: count, rest })
    }
}

impl<'a> Iterator for NalUnits<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        let mut fields = Fields(self.rest);
        let len = fields.u16()?;
        let unit = fields.bytes(usize::from(len))?;
        self.rest = fields.0;
        Some(unit)
    }
}

/// How to decode an AAC track.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Aac<'a> {
    /// The `AudioSpecificConfig`; empty when the file has none (some MPEG-2 AAC).
    pub config: &'a [u8],
    /// Audio object type of the core: 2 is LC, 1 Main, 42 xHE-AAC (ISO/IEC 14496-3 table 1.17).
    pub object_type: u8,
    /// Samples a second that the core decodes to; SBR doubles that.
    pub sample_rate: u32,
    /// Channels of the core, at least 1 in any file that can be played; PS doubles one.
    pub channels: u8,
    /// Samples per channel in a packet of the core: 1024, or 960.
    pub samples_per_packet: u16,
    /// SBR (HE-AAC) is signalled. It may be there without.
    pub sbr: bool,
    /// Parametric stereo (HE-AAC v2) is signalled. It may be there without.
    pub ps: bool,
}

impl<'a> Aac<'a> {
    /// Audio object type LC, the one that every decoder knows.
    pub const LC: u8 = 2;

    fn parse(config: &'a [u8], entry_rate: u32, entry_channels: u8) -> Option<Self> {
        const SBR: u8 = 5;
        const PS: u8 = 29;
        let mut bits = Bits { bytes: config, position: 0 };
        let mut object_type = audio_object_type(&mut bits)?;
        let sample_rate = sampling_frequency(&mut bits)?;
        let channel_configuration = bits.take(4)? as u8;
        let ps = object_type == PS;
        let mut sbr = ps || object_type == SBR;
        if sbr {
            sampling_frequency(&mut bits)?;
            object_type = audio_object_type(&mut bits)?;
        }
        let channels = match channel_configuration {
            channels @ 1..=6 => channels,
            7 | 12 | 14 => 8,
            11 => 7,
            // Spelled out in a program_config_element, or unknown: the sample entry has to do.
            _ => entry_channels,
        };
        let mut aac = Self {
            config,
            object_type,
            sample_rate: if sample_rate == 0 { entry_rate } else { sample_rate },
            channels,
            samples_per_packet: 1024,
            sbr,
            ps,
        };
        // The rest is read as far as it goes: it says nothing that decoding would fail without.
        if matches!(object_type, 1..=4 | 6 | 7) {
            if bits.take(1) == Some(1) {
                aac.samples_per_packet = 960;
            }
            if channel_configuration != 0 && !sbr {
                (sbr, aac.ps) = backward_compatible_extension(&mut bits, object_type)
                    .unwrap_or((aac.sbr, aac.ps));
                aac.sbr = sbr;
            }
        }
        Some(aac)
    }
}

/// GASpecificConfig after its first bit, then the extension that older decoders do not look for
/// (ISO/IEC 14496-3 §1.6.5.3): whether SBR and PS are there.
fn backward_compatible_extension(bits: &mut Bits<'_>, object_type: u8) -> Option<(bool, bool)> {
    if bits.take(1)? == 1 {
        bits.take(14)?; // coreCoderDelay
    }
    let extended = bits.take(1)? == 1;
    if object_type == 6 {
        bits.take(3)?; // layerNr
    }
    if extended {
        bits.take(1)?; // extensionFlag3
    }
    if bits.take(11)? != 0x2b7 || audio_object_type(bits)? != 5 || bits.take(1)? != 1 {
        return None;
    }
    sampling_frequency(bits)?;
    let ps = bits.take(11) == Some(0x548) && bits.take(1) == Some(1);
    Some((true, ps))
}

fn audio_object_type(bits: &mut Bits<'_>) -> Option<u8> {
    match bits.take(5)? as u8 {
        31 => Some(32 + bits.take(6)? as u8),
        short => Some(short),
    }
}

/// Hertz; 0 for the two reserved indices.
fn sampling_frequency(bits: &mut Bits<'_>) -> Option<u32> {
    const HERTZ: [u32; 13] = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025,
        8_000, 7_350,
    ];
    match bits.take(4)? {
        15 => bits.take(24),
        index => Some(HERTZ.get(index as usize).copied().unwrap_or(0)),
    }
}

/// Reads bits, the most significant first; None once they have run out.
struct Bits<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl Bits<'_> {
    /// At most 24 bits.
    fn take(&mut self, count: u8) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            let byte = self.bytes.get(self.position / 8)?;
            value = value << 1 | u32::from(byte >> (7 - self.position % 8) & 1);
            self.position += 1;
        }
        Some(value)
    }
}

/// How a picture track is to be shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Picture {
    /// Width in samples, as the sample entry has it; the decoder has the last word.
    pub width: u16,
    /// Height in samples, as the sample entry has it; the decoder has the last word.
    pub height: u16,
    /// Width to height of one picture sample, neither of them 0 (`pasp`); (1, 1) when not given.
    pub pixel_aspect_ratio: (u32, u32),
    /// What to do to the decoded picture before it is shown.
    pub orientation: Orientation,
    /// How numbers become colours (`colr` of type `nclx` or `nclc`), when the file says so.
    pub colour: Option<Colour>,
}

/// A quarter turn or more, and a mirror, from the matrix of the track.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Orientation {
    /// First turn the picture clockwise.
    pub rotation: Rotation,
    /// Then swap left and right.
    pub mirrored: bool,
}

/// Clockwise, in quarter turns.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Rotation {
    /// As decoded.
    #[default]
    None,
    /// 90°: what was on top is now on the right.
    Quarter,
    /// 180°: upside down.
    Half,
    /// 270°: what was on top is now on the left.
    ThreeQuarters,
}

impl Rotation {
    /// 0, 90, 180 or 270.
    pub fn degrees(self) -> u16 {
        match self {
            Self::None => 0,
            Self::Quarter => 90,
            Self::Half => 180,
            Self::ThreeQuarters => 270,
        }
    }
}

impl Orientation {
    /// From the matrix in `tkhd` (ISO/IEC 14496-12 §6.2.2), of which `a b c d` are the four that
    /// turn, scale and mirror: x' = a·x + c·y, y' = b·x + d·y. Scale is ignored, and so is a matrix
    /// that turns by anything but quarters.
    pub(super) fn from_matrix([a, b, c, d]: [i32; 4]) -> Self {
        let (rotation, mirrored) = match (a.signum(), b.signum(), c.signum(), d.signum()) {
            (a @ (1 | -1), 0, 0, 1) => (Rotation::None, a < 0),
            (0, 1, c @ (1 | -1), 0) => (Rotation::Quarter, c > 0),
            (a @ (1 | -1), 0, 0, -1) => (Rotation::Half, a > 0),
            (0, -1, c @ (1 | -1), 0) => (Rotation::ThreeQuarters, c < 0),
            _ => (Rotation::None, false),
        };
        Self { rotation, mirrored }
    }
}

/// Colour description by the code points of ISO/IEC 23091-2 (H.273).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Colour {
    /// Colour primaries: 1 BT.709, 5 and 6 BT.601, 9 BT.2020, 2 unspecified.
    pub primaries: u16,
    /// Transfer characteristics: 1 and 6 BT.709 and 601, 13 sRGB, 16 PQ, 18 HLG, 2 unspecified.
    pub transfer: u16,
    /// Matrix coefficients: 1 BT.709, 5 and 6 BT.601, 9 BT.2020, 0 RGB, 2 unspecified.
    pub matrix: u16,
    /// Luma goes from 0 to 255, not from 16 to 235.
    pub full_range: bool,
}

/// One sample entry: the first in `stsd`.
#[derive(Clone, Copy, Debug)]
pub(super) struct SampleEntry<'a> {
    pub(super) kind: FourCc,
    body: &'a [u8],
    /// Version of the `stsd` around it; 0 in QuickTime files.
    description_version: u8,
}

impl<'a> SampleEntry<'a> {
    /// Reads the body of an `stsd`.
    pub(super) fn first(stsd: &'a [u8]) -> Option<Self> {
        let mut fields = Fields(stsd);
        let description_version = fields.u8()?;
        let entries = stsd.get(8..)?;
        let Child { kind, body, .. } = Children::new(entries, 0).next()?.ok()?;
        Some(Self { kind, body, description_version })
    }

    pub(super) fn codec(&self) -> Codec<'a> {
        match &self.kind.0 {
            b"avc1" | b"avc3" => {
                let in_band = self.kind.0 == *b"avc3";
                let record = find(self.visual_children(), *b"avcC");
                record
                    .and_then(|record| Avc::parse(record.body, in_band))
                    .map_or(Codec::Misconfigured(self.kind), Codec::Avc)
            }
            b"mp4a" => self.mpeg4_audio().unwrap_or(Codec::Misconfigured(self.kind)),
            // Common Encryption (ISO/IEC 23001-7) and what came before it from Apple and OMA.
            b"encv" | b"enca" | b"drmi" | b"drms" => Codec::Encrypted(self.kind),
            _ => Codec::Other(self.kind),
        }
    }

    pub(super) fn picture(&self, orientation: Orientation) -> Option<Picture> {
        let mut fields = Fields(self.body.get(24..)?);
        let (width, height) = (fields.u16()?, fields.u16()?);
        let pixel_aspect_ratio = find(self.visual_children(), *b"pasp")
            .and_then(|pasp| {
                let mut fields = Fields(pasp.body);
                Some((fields.u32()?, fields.u32()?))
            })
            .filter(|&(horizontal, vertical)| horizontal > 0 && vertical > 0)
            .unwrap_or((1, 1));
        let colour = intact(self.visual_children())
            .filter(|child| child.kind.0 == *b"colr")
            .find_map(|colr| colour(colr.body));
        Some(Picture { width, height, pixel_aspect_ratio, orientation, colour })
    }

    /// The boxes after the fields of a VisualSampleEntry (§12.1.3).
    fn visual_children(&self) -> Children<'a> {
        Children::new(self.body.get(78..).unwrap_or_default(), 0)
    }

    fn mpeg4_audio(&self) -> Option<Codec<'a>> {
        let mut fields = Fields(self.body.get(8..)?);
        let version = fields.u16()?;
        fields.bytes(6)?;
        let mut channels = u32::from(fields.u16()?);
        fields.bytes(6)?;
        let mut rate = fields.u32()? >> 16;
        // QuickTime's sound descriptions of version 1 and 2 are longer. ISO's version 1 is not, and
        // lies in an stsd of version 1.
        let children_at = match version {
            1 if self.description_version == 0 => 28 + 16,
            2 if self.description_version == 0 => {
                fields.u32()?;
                rate = integer_part(fields.u64()?);
                channels = fields.u32()?;
                28 + 36
            }
            _ => 28,
        };
        let children = Children::new(self.body.get(children_at..)?, 0);
        let esds = find(children.clone(), *b"esds")
            .or_else(|| find(find(children, *b"wave")?.children(0), *b"esds"))?;
        let (object_type_indication, config) = decoder_config(esds.body)?;
        match object_type_indication {
            // MPEG-4 audio, MPEG-2 AAC Main, LC and SSR (https://mp4ra.org/registered-types/object-types).
            0x40 | 0x66..=0x68 => {}
            _ => return Some(Codec::Other(self.kind)),
        }
        let channels = u8::try_from(channels).unwrap_or(0);
        if config.is_empty() {
            return Some(Codec::Aac(Aac {
                config,
                object_type: Aac::LC,
                sample_rate: rate,
                channels,
                samples_per_packet: 1024,
                sbr: false,
                ps: false,
            }));
        }
        let aac = Aac::parse(config, rate, channels)?;
        // Object types that MPEG-4 audio has besides AAC: speech coders, layers 1 to 3, lossless …
        let is_aac = matches!(aac.object_type, 1..=4 | 6 | 7 | 17 | 19 | 20 | 23 | 39 | 42);
        Some(if is_aac { Codec::Aac(aac) } else { Codec::Other(self.kind) })
    }
}

fn colour(colr: &[u8]) -> Option<Colour> {
    let mut fields = Fields(colr);
    let kind = fields.four_cc()?;
    let (primaries, transfer, matrix) = (fields.u16()?, fields.u16()?, fields.u16()?);
    let full_range = match &kind.0 {
        // Files exist that leave the last byte off.
        b"nclx" => fields.u8().is_some_and(|flags| flags & 0x80 != 0),
        b"nclc" => false,
        _ => return None,
    };
    Some(Colour { primaries, transfer, matrix, full_range })
}

/// The objectTypeIndication and the DecoderSpecificInfo in an `esds` (ISO/IEC 14496-1 §7.2.6).
fn decoder_config(esds: &[u8]) -> Option<(u8, &[u8])> {
    const ES_DESCRIPTOR: u8 = 3;
    const DECODER_CONFIG_DESCRIPTOR: u8 = 4;
    const DECODER_SPECIFIC_INFO: u8 = 5;
    let mut fields = Fields(esds.get(4..)?);
    let mut es = Fields(descriptor(&mut fields, ES_DESCRIPTOR)?);
    es.u16()?;
    let flags = es.u8()?;
    if flags & 0x80 != 0 {
        es.u16()?; // dependsOn_ES_ID
    }
    if flags & 0x40 != 0 {
        let len = es.u8()?;
        es.bytes(usize::from(len))?; // URL
    }
    if flags & 0x20 != 0 {
        es.u16()?; // OCR_ES_Id
    }
    let mut config = Fields(descriptor(&mut es, DECODER_CONFIG_DESCRIPTOR)?);
    let object_type_indication = config.u8()?;
    config.bytes(12)?;
    let specific = descriptor(&mut config, DECODER_SPECIFIC_INFO).unwrap_or_default();
    Some((object_type_indication, specific))
}

/// The payload of the next descriptor of that tag. A length beyond the end means up to the end:
/// the lengths of the outer descriptors are often wrong.
fn descriptor<'a>(fields: &mut Fields<'a>, wanted: u8) -> Option<&'a [u8]> {
    loop {
        let tag = fields.u8()?;
        let mut len = 0usize;
        for _ in 0..4 {
            let byte = fields.u8()?;
            len = len << 7 | usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                break;
            }
        }
        let payload = fields.bytes(len.min(fields.0.len()))?;
        if tag == wanted {
            return Some(payload);
        }
    }
}

/// The integer part of a positive IEEE 754 double, given by its bits; 0 for anything else.
fn integer_part(bits: u64) -> u32 {
    let exponent = bits >> 52;
    let mantissa = bits & ((1 << 52) - 1) | 1 << 52;
    match exponent.checked_sub(1023) {
        Some(exponent @ 0..=31) => u32::try_from(mantissa >> (52 - exponent)).unwrap_or(0),
        _ => 0,
    }
}

/// The children up to the first broken one: sample entries often end in padding.
fn intact(children: Children<'_>) -> impl Iterator<Item = Child<'_>> {
    children.map_while(Result::ok)
}

fn find(children: Children<'_>, kind: [u8; 4]) -> Option<Child<'_>> {
    intact(children).find(|child| child.kind.0 == kind)
}
