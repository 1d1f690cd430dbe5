//! AAC by the Media Engine, the PSP's second processor: one access unit in, interleaved 16-bit
//! stereo out. Decides what can be decoded here, and says in words why something cannot. Allocates
//! nothing after [`Decoder::new`]; never plays, never places sound on a timeline.
//!
//! The firmware's library (`sceAudiocodec`) is loaded when the first film wants it, so all its
//! imports are weak. It is told what to do by a record of 65 words, of which no official description
//! exists. What is used here is what homebrew players do on consoles, and PPSSPP's notes on the
//! firmware's modules (its `Core/HLE/sceAudiocodec.cpp`):
//!
//! | word | in | out |
//! | --- | --- | --- |
//! | 2 | | not 0: the access unit could not be decoded, though the call returned 0 |
//! | 6, 7 | the access unit: address, bytes | 7: bytes used |
//! | 8, 9 | room for samples: address, bytes | 9: what came out, in samples or in bytes; 0: nothing |
//! | 10 | samples a second (AAC) | |
//! | 11 | lowest byte: an ADTS header comes first | |
//!
//! PPSSPP ignores word 10 and takes every raw access unit for one of 44.1 kHz, which makes noise or
//! nothing of most others, often without a word. With an ADTS header it knows better. So a
//! [trial](super::trial) tells how the decoder at hand wants it, before a film is handed to it.

use alloc::boxed::Box;
use core::ffi::c_void;
use core::fmt;

use psp::sys;
use testcard_core::mp4::Aac;

use super::trial::Trial;
use crate::runtime::imports::import;

import!("sceAudiocodec", "0x4009", [
    "0x9D3F790C" fn sceAudiocodecCheckNeedMem(control: *mut u32, codec: i32) -> i32;
    "0x3A20A200" fn sceAudiocodecGetEDRAM(control: *mut u32, codec: i32) -> i32;
    "0x29681260" fn sceAudiocodecReleaseEDRAM(control: *mut u32) -> i32;
    "0x5B37EB1D" fn sceAudiocodecInit(control: *mut u32, codec: i32) -> i32;
    "0x70A703F8" fn sceAudiocodecDecode(control: *mut u32, codec: i32) -> i32;
]; []);

/// AAC, to `sceAudiocodec`.
const AAC: i32 = 0x1003;

/// `SCE_ERROR_AV_MODULE_ALREADY_LOADED` and `SCE_ERROR_MODULE_ALREADY_LOADED`, which PPSSPP gives
/// instead: somebody else needed it first.
const ALREADY_LOADED: [i32; 2] = [0x8011_0f02_u32.cast_signed(), 0x8011_1102_u32.cast_signed()];

/// Samples per frame of sound that come out: left and right.
pub const CHANNELS: usize = 2;

/// Frames of sound in an access unit of AAC-LC (ISO/IEC 14496-3 §4.5.1.1).
pub const UNIT_FRAMES: usize = 1024;

/// Frames in an access unit when SBR doubles the rate: the most that comes out.
const FRAMES_MAX: usize = 2 * UNIT_FRAMES;

/// The longest access unit of two channels, in bytes: 6144 bits for each (ISO/IEC 14496-3
/// §4.5.3.1).
pub const UNIT_BYTES_MAX: usize = 2 * 6144 / 8;

/// An ADTS header without a checksum.
const ADTS_BYTES: usize = 7;

/// Newer PPSSPPs and the firmware read this much, however short the access unit is: the longest,
/// and an ADTS header with a checksum. Up to a whole line of the cache.
const INPUT_BYTES: usize = (UNIT_BYTES_MAX + 9).next_multiple_of(64);

/// What lies in the last four words of the output before an access unit is decoded. Only SBR's
/// second 1024 frames reach there, and sound does not look like that.
const UNTOUCHED: [i16; 8] = [0x5aa5, -0x5aa6, 0x1234, -0x4321, 0x5aa5, -0x5aa6, 0x1234, -0x4321];

/// Where that is, in samples.
const UNTOUCHED_AT: usize = FRAMES_MAX * CHANNELS - UNTOUCHED.len();

/// How an access unit is wrapped for the decoder.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Framing {
    /// As it lies in an MP4 file; its rate is in word 10.
    Raw,
    /// With an ADTS header in front (ISO/IEC 14496-3 §1.A.3.2), which tells the rate again.
    Adts,
}

/// Why a film's sound cannot be decoded here. Each completes the sentence “The sound cannot be
/// played: …”.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// More than two channels, or none.
    Channels(u8),
    /// An MPEG-4 audio object type (ISO/IEC 14496-3 table 1.17) other than AAC-LC.
    ObjectType(u8),
    /// Frames of 960 samples, as digital radio has them.
    ShortFrames,
    /// A rate that the PSP does not play.
    Rate(u32),
    /// A rate at which this decoder's sound comes out wrong.
    RateUnknownHere(u32),
    /// The firmware's library does not load.
    NoLibrary(i32),
    /// The Media Engine does not take it: what was asked of it, and its answer.
    NoDecoder(&'static str, i32),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channels(channels) => {
                write!(f, "it has {channels} channels; only one or two can be decoded")
            }
            Self::ObjectType(kind) => {
                write!(f, "it is a kind of AAC that cannot be decoded (type {kind})")
            }
            Self::ShortFrames => f.write_str("it is AAC for radio, which cannot be decoded"),
            Self::Rate(rate) => {
                write!(f, "it has {rate} samples a second, which a PSP does not play")
            }
            Self::RateUnknownHere(rate) => {
                write!(f, "it has {rate} samples a second, which this decoder does not understand")
            }
            Self::NoLibrary(code) => {
                write!(f, "the firmware's decoder does not load ({code:#010x})")
            }
            Self::NoDecoder(step, code) => {
                write!(f, "the firmware's decoder does not start ({step}: {code:#010x})")
            }
        }
    }
}

/// This access unit cannot be decoded; the next may.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Broken;

/// What the Media Engine reads and writes. It does not see the CPU's cache, so nothing else may lie
/// in the same lines of it (64 bytes), and each part is written back before a call.
#[repr(C, align(64))]
struct Memory {
    /// 65 words, and up to a whole line.
    control: [u32; 80],
    input: [u8; INPUT_BYTES],
    output: [i16; FRAMES_MAX * CHANNELS],
}

/// The decoder. There is one Media Engine, so there is one of these.
pub struct Decoder {
    memory: Box<Memory>,
    /// What the open film has, if one is open.
    stream: Option<Stream>,
    has_library: bool,
    holds_edram: bool,
}

#[derive(Clone, Copy)]
struct Stream {
    rate: u32,
    channels: u8,
    framing: Framing,
}

impl Decoder {
    /// What it takes of the heap. The Media Engine has memory of its own.
    pub const MEMORY_BYTES: usize = size_of::<Memory>();

    /// A decoder for nothing yet.
    pub fn new() -> Self {
        let (control, input) = ([0; 80], [0; INPUT_BYTES]);
        let memory = Memory { control, input, output: [0; FRAMES_MAX * CHANNELS] };
        Self { memory: Box::new(memory), stream: None, has_library: false, holds_edram: false }
    }

    /// Gets ready for a film's sound; what was open is closed. Reads the firmware's library from
    /// flash the first time, which takes tenths of a second.
    ///
    /// HE-AAC plays with its treble (SBR) where the decoder finds it by itself, and without
    /// where it does not.
    pub fn open(&mut self, aac: &Aac<'_>) -> Result<(), Refusal> {
        self.close();
        match aac.channels {
            1 | 2 => {}
            channels => return Err(Refusal::Channels(channels)),
        }
        if aac.object_type != Aac::LC {
            return Err(Refusal::ObjectType(aac.object_type));
        }
        if usize::from(aac.samples_per_packet) != UNIT_FRAMES {
            return Err(Refusal::ShortFrames);
        }
        if !super::output::plays(aac.sample_rate) {
            return Err(Refusal::Rate(aac.sample_rate));
        }
        self.load_library()?;
        let opened = self.find_framing(aac.sample_rate, aac.channels);
        if opened.is_err() {
            self.close();
        }
        opened
    }

    /// Gives the Media Engine's memory back.
    pub fn close(&mut self) {
        self.stream = None;
        if self.holds_edram {
            self.holds_edram = false;
            // SAFETY: the record is the one that got the memory.
            unsafe { sceAudiocodecReleaseEDRAM(self.memory.control.as_mut_ptr()) };
        }
    }

    /// How access units are wrapped, while a film's sound is open.
    pub fn framing(&self) -> Option<Framing> {
        self.stream.map(|stream| stream.framing)
    }

    /// Forgets what came before, for a seek: the next access unit fades in, as each overlaps the
    /// one before it.
    pub fn reset(&mut self) -> Result<(), Refusal> {
        match self.stream {
            Some(stream) => self.start(stream),
            None => Ok(()),
        }
    }

    /// Decodes one access unit, of any length and content. How many frames [`Self::samples`] has
    /// then: 1024, or 2048 at twice the rate.
    pub fn decode(&mut self, access_unit: &[u8]) -> Result<usize, Broken> {
        let stream = self.stream.ok_or(Broken)?;
        self.decode_as(stream, access_unit)
    }

    /// What the last access unit was decoded to, left and right in turn, if it was.
    pub fn samples(&self) -> &[i16] {
        &self.memory.output
    }

    fn load_library(&mut self) -> Result<(), Refusal> {
        if !self.has_library {
            // SAFETY: takes a number.
            let code = unsafe { sys::sceUtilityLoadAvModule(sys::AvModule::AvCodec) };
            if code < 0 && !ALREADY_LOADED.contains(&code) {
                return Err(Refusal::NoLibrary(code));
            }
            self.has_library = true;
        }
        Ok(())
    }

    fn find_framing(&mut self, rate: u32, channels: u8) -> Result<(), Refusal> {
        let raw = Stream { rate, channels, framing: Framing::Raw };
        let Some(trial) = Trial::at(rate) else { return self.start(raw) };
        for framing in [Framing::Raw, Framing::Adts] {
            let alone = Stream { rate: trial.rate(), channels: 1, framing };
            self.start(alone)?;
            // Each access unit overlaps the one before it: the second is the first that is whole.
            let _ = self.decode_as(alone, trial.access_unit());
            let frames = self.decode_as(alone, trial.access_unit());
            if frames == Ok(UNIT_FRAMES) && trial.is_passed(&self.samples()[..2 * UNIT_FRAMES]) {
                return self.start(Stream { rate, channels, framing });
            }
        }
        if trial.rate() == rate { Err(Refusal::RateUnknownHere(rate)) } else { self.start(raw) }
    }

    /// Starts afresh.
    fn start(&mut self, stream: Stream) -> Result<(), Refusal> {
        self.close();
        let control = &mut self.memory.control;
        control.fill(0);
        control[10] = stream.rate;
        control[11] = u32::from(stream.framing == Framing::Adts);
        let control = (&raw mut self.memory.control).cast::<u32>();
        // SAFETY: the record has its 65 words and lives as long as the Media Engine knows of it:
        // `close` is called before it goes.
        unsafe {
            for (step, call) in [
                ("memory", sceAudiocodecCheckNeedMem as unsafe extern "C" fn(*mut u32, i32) -> i32),
                ("place", sceAudiocodecGetEDRAM),
                ("start", sceAudiocodecInit),
            ] {
                write_back(control.cast(), size_of::<[u32; 80]>());
                let code = call(control, AAC);
                if code < 0 {
                    return Err(Refusal::NoDecoder(step, code));
                }
                self.holds_edram |= step == "place";
            }
        }
        self.stream = Some(stream);
        Ok(())
    }

    fn decode_as(&mut self, stream: Stream, access_unit: &[u8]) -> Result<usize, Broken> {
        // One that begins with the mark of its own end (ID_END, ISO/IEC 14496-3 §4.5.2.1) is to
        // some decoders a whole one, of whatever their buffers held before.
        let ends_at_once = access_unit.first().is_none_or(|byte| byte >> 5 == 7);
        if ends_at_once || access_unit.len() > UNIT_BYTES_MAX {
            return Err(Broken);
        }
        let memory = &mut *self.memory;
        let header = match stream.framing {
            Framing::Raw => 0,
            Framing::Adts => {
                let header = adts_header(stream, access_unit.len());
                memory.input[..ADTS_BYTES].copy_from_slice(&header);
                ADTS_BYTES
            }
        };
        let length = header + access_unit.len();
        memory.input[header..length].copy_from_slice(access_unit);
        memory.input[length..].fill(0);
        memory.output[UNTOUCHED_AT..].copy_from_slice(&UNTOUCHED);
        memory.control[2] = 0;
        memory.control[7] = length as u32;
        memory.control[9] = size_of_val(&memory.output) as u32;
        // From here on the Media Engine has it too, which the compiler cannot know: all is reached
        // by one pointer that may write all of it, nothing is borrowed, and what may have been
        // written is read anew.
        let memory = &raw mut *self.memory;
        // SAFETY: input and output are as long as the record says, and live as long as `self`; the
        // output has room for the most that comes out. All that the Media Engine reads is in memory
        // and no longer in the cache. Nor is the output, or dirty lines of it might be written over
        // the samples later; nobody reads it until the call is over.
        let (code, [error, came_out], end) = unsafe {
            let control = (&raw mut (*memory).control).cast::<u32>();
            control.add(6).write(address((&raw mut (*memory).input).cast()));
            control.add(8).write(address((&raw mut (*memory).output).cast()));
            write_back(memory.cast(), size_of::<Memory>());
            let code = sceAudiocodecDecode(control, AAC);
            let end = (&raw const (*memory).output).cast::<i16>().add(UNTOUCHED_AT);
            let words = [2, 9].map(|word| control.add(word).read_volatile());
            (code, words, end.cast::<[i16; UNTOUCHED.len()]>().read_volatile())
        };
        if code < 0 || error != 0 || came_out == 0 {
            return Err(Broken);
        }
        // Word 9 counts samples here and bytes there: it does not tell how many frames there are.
        Ok(if end == UNTOUCHED { UNIT_FRAMES } else { FRAMES_MAX })
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        self.close();
    }
}

/// Addresses have 32 bits here.
fn address(place: *mut c_void) -> u32 {
    place.expose_provenance() as u32
}

/// Writes what the CPU's cache holds of this memory back to it, and forgets it.
///
/// # Safety
/// The range has to begin and end at lines of the cache, or be shared with nobody.
unsafe fn write_back(place: *const c_void, bytes: usize) {
    // SAFETY: the caller's.
    unsafe { sys::sceKernelDcacheWritebackInvalidateRange(place, bytes as u32) };
}

/// `samplingFrequencyIndex` (ISO/IEC 14496-3 table 1.18): the place in this list.
const RATES: [u32; 12] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000];

/// An ADTS header (ISO/IEC 14496-3 §1.A.3.2) for an access unit of AAC-LC with so many bytes.
fn adts_header(stream: Stream, unit_bytes: usize) -> [u8; ADTS_BYTES] {
    const SYNC: u64 = 0xfff;
    /// MPEG-4, layer 0, no checksum.
    const KIND: u64 = 0b0001;
    const LC: u64 = 1;
    /// The rate varies.
    const FULLNESS: u64 = 0x7ff;
    // No rate is opened that is not in the list: `output::plays`.
    let index = RATES.iter().position(|&rate| rate == stream.rate).unwrap_or(15) as u64;
    let bytes = (ADTS_BYTES + unit_bytes) as u64;
    let mut bits = SYNC << 4 | KIND;
    for (width, value) in
        [(2, LC), (4, index), (1, 0), (3, u64::from(stream.channels)), (4, 0), (13, bytes)]
    {
        bits = bits << width | value;
    }
    // One access unit behind the header, counted from 0.
    bits = bits << 13 | FULLNESS << 2;
    let mut header = [0; ADTS_BYTES];
    header.copy_from_slice(&bits.to_be_bytes()[1..]);
    header
}
