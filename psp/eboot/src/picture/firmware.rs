//! The firmware's sceMpeg, as far as it decodes single access units. That it can do this at all is
//! no part of its manual: a player of 2006 found out how to hand them to the Media Engine, and
//! programs have done it so since. Nothing above this module knows a number of the firmware's.

use alloc::boxed::Box;
use core::ffi::c_void;
use core::ptr;

use psp::sys::{self, AvModule};

use super::STRIDE;
use super::memory::{ACCESS_UNIT_BYTES, LIBRARY_BYTES};
use crate::runtime::imports::import;

import!("sceMpeg", "0x0009", [
    "0x682A619B" fn sceMpegInit() -> i32;
    "0x874624D6" fn sceMpegFinish() -> i32;
    "0xC132E22F" fn sceMpegQueryMemSize(mode: i32) -> i32;
    "0x606A4649" fn sceMpegDelete(mpeg: *mut u32) -> i32;
    "0xA780CF7E" fn sceMpegMallocAvcEsBuf(mpeg: *mut u32) -> i32;
    "0xCEB870B1" fn sceMpegFreeAvcEsBuf(mpeg: *mut u32, buffer: i32) -> i32;
    "0xA11C7026" fn sceMpegAvcDecodeMode(mpeg: *mut u32, mode: *mut [i32; 2]) -> i32;
    "0x740FCCD1" fn sceMpegAvcDecodeStop(mpeg: *mut u32, stride: i32, pictures: *mut [*mut u32; STOP_PICTURES], count: *mut i32) -> i32;
    "0x13407F13" fn sceMpegRingbufferDestruct(ring: *mut [u32; RING_WORDS]) -> i32;
]; [
    "0x37295ED8" fn sceMpegRingbufferConstruct(ring: *mut [u32; RING_WORDS], packets: i32, data: *mut c_void, bytes: i32, refill: *mut c_void, argument: *mut c_void) -> i32;
    "0xD8C5F121" fn sceMpegCreate(mpeg: *mut u32, memory: *mut u8, bytes: i32, ring: *mut [u32; RING_WORDS], stride: i32, mode: i32, top: i32) -> i32;
    "0x0E3C2E9D" fn sceMpegAvcDecode(mpeg: *mut u32, unit: *mut Unit, stride: i32, picture: *mut *mut u32, count: *mut i32) -> i32;
]);

import!("sceMpegbase", "0x0009", [
    "0xBEA18F91" fn sceMpegbase_BEA18F91(first: *mut Transfer) -> i32;
]; []);

/// `SceMpegRingbuffer` has 11 words, in newer firmware 12.
const RING_WORDS: usize = 16;

/// sceMpegAvcDecodeStop fills up to so many pictures.
pub(super) const STOP_PICTURES: usize = 4;

/// 32 bits a pixel (`PSP_DISPLAY_PIXEL_FORMAT_8888`). PPSSPP converts to no other here.
const PIXEL_FORMAT: i32 = 3;

/// Where the Media Engine has its access unit, in its own memory.
const DESTINATION: usize = 0x4a000;

/// The most that the Media Engine's DMA moves at a time.
const TRANSFER_BYTES: usize = 4095;

const TRANSFERS: usize = ACCESS_UNIT_BYTES.div_ceil(TRANSFER_BYTES);

/// `SCE_AVCODEC_ERROR…ALREADY_LOADED`, of sceUtilityLoadAvModule and of its successor.
const ALREADY_LOADED: [i32; 2] = [0x8011_0f02_u32.cast_signed(), 0x8011_1102_u32.cast_signed()];

/// `SceMpegAu`.
#[repr(C)]
pub(super) struct Unit {
    times: [u32; 4],
    buffer: i32,
    bytes: usize,
}

/// A stretch of memory to be copied into the Media Engine, and which one comes after it. PPSSPP
/// takes the one behind it in memory for the next, whatever `next` says.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Transfer {
    from: *const u8,
    to: usize,
    next: *mut Transfer,
    bytes: usize,
}

/// The Media Engine, decoding one stream. The firmware remembers where its parts are, so it stays
/// in its box.
#[repr(C, align(64))]
pub(super) struct Engine {
    transfers: [Transfer; TRANSFERS],
    ring: [u32; RING_WORDS],
    handle: u32,
    unit: Unit,
    running: bool,
}

impl Engine {
    /// Has the firmware load what it takes, which it keeps. Says with which code it refused to.
    pub(super) fn load() -> Result<Box<Self>, i32> {
        for module in [AvModule::AvCodec, AvModule::MpegBase] {
            // SAFETY: takes a number.
            match unsafe { sys::sceUtilityLoadAvModule(module) } {
                code if code < 0 && !ALREADY_LOADED.contains(&code) => return Err(code),
                _ => {}
            }
        }
        let none = Transfer { from: ptr::null(), to: 0, next: ptr::null_mut(), bytes: 0 };
        Ok(Box::new(Self {
            transfers: [none; TRANSFERS],
            ring: [0; RING_WORDS],
            handle: 0,
            unit: Unit { times: [u32::MAX; 4], buffer: 0, bytes: 0 },
            running: false,
        }))
    }

    /// Starts decoding a stream, which takes 30 ms. Says with which code the firmware refused to.
    ///
    /// # Safety
    /// At `memory` have to be [`LIBRARY_BYTES`], on a line of the cache, that nobody else
    /// touches until [`Engine::stop`].
    pub(super) unsafe fn start(&mut self, memory: *mut u8) -> Result<(), i32> {
        self.stop();
        let none = ptr::null_mut();
        let mpeg = &raw mut self.handle;
        // SAFETY: the firmware keeps these addresses until `stop`; all of them are in `self`, which
        // is in a box, or are the caller's.
        unsafe {
            succeeded(sceMpegInit())?;
            let bytes = sceMpegQueryMemSize(0);
            // There are no packets: access units do not come through the ring, but it has to exist.
            let started = succeeded(bytes)
                .and_then(|()| match usize::try_from(bytes) {
                    Ok(0..=LIBRARY_BYTES) => Ok(()),
                    _ => Err(bytes),
                })
                .and_then(|()| {
                    let ring = &raw mut self.ring;
                    succeeded(sceMpegRingbufferConstruct(ring, 0, none, 0, none, none))?;
                    succeeded(sceMpegCreate(mpeg, memory, bytes, ring, STRIDE as i32, 0, 0))
                });
            if let Err(code) = started {
                sceMpegFinish();
                return Err(code);
            }
        }
        self.running = true;
        let mut mode = [-1, PIXEL_FORMAT];
        // SAFETY: the library was created, and has a buffer to give.
        let buffer = unsafe {
            let set = sceMpegAvcDecodeMode(mpeg, &mut mode);
            if set < 0 { set } else { sceMpegMallocAvcEsBuf(mpeg) }
        };
        if buffer <= 0 {
            self.stop();
            return Err(buffer);
        }
        self.unit = Unit { times: [u32::MAX; 4], buffer, bytes: 0 };
        Ok(())
    }

    /// Ends decoding a stream. Nothing is left of it in the Media Engine, nor of its pictures.
    pub(super) fn stop(&mut self) {
        if !core::mem::take(&mut self.running) {
            return;
        }
        let mpeg = &raw mut self.handle;
        // SAFETY: the library was created. In PPSSPP only sceMpegFinish forgets that there was a
        // stream at this address; without it, the next one would be decoded by what has been freed.
        unsafe {
            sceMpegFreeAvcEsBuf(mpeg, self.unit.buffer);
            sceMpegDelete(mpeg);
            sceMpegRingbufferDestruct(&raw mut self.ring);
            sceMpegFinish();
        }
    }

    /// Decodes an access unit; whether a picture was written. The thread waits meanwhile, some 5 ms
    /// for a picture of 480 × 272, and others run.
    ///
    /// # Safety
    /// At `picture` has to be a whole one, on a line of the cache, that nobody touches meanwhile.
    pub(super) unsafe fn decode(&mut self, unit: &[u8], picture: *mut u32) -> Result<bool, i32> {
        if !self.running || unit.is_empty() || unit.len() > ACCESS_UNIT_BYTES {
            return Err(-1);
        }
        let parts = unit.chunks(TRANSFER_BYTES);
        let last = parts.len() - 1;
        let first = (&raw mut self.transfers).cast::<Transfer>();
        for (at, part) in parts.enumerate() {
            let transfer = Transfer {
                from: part.as_ptr(),
                to: DESTINATION + at * TRANSFER_BYTES,
                next: if at == last { ptr::null_mut() } else { first.wrapping_add(at + 1) },
                bytes: part.len(),
            };
            // SAFETY: there are as many as the longest access unit has parts. Written through the
            // pointer that the firmware gets, which no use of the array itself comes between.
            unsafe { first.add(at).write(transfer) };
        }
        self.unit.bytes = unit.len();
        let (mut into, mut count) = (picture, 0);
        // SAFETY: the transfers and the unit lie in memory, since the cache was written back, and
        // stay there; the picture is the caller's.
        let code = unsafe {
            write_back();
            match sceMpegbase_BEA18F91(first) {
                code if code < 0 => code,
                _ => sceMpegAvcDecode(
                    &raw mut self.handle,
                    &mut self.unit,
                    STRIDE as i32,
                    &mut into,
                    &mut count,
                ),
            }
        };
        succeeded(code)?;
        Ok(count > 0)
    }

    /// Has the pictures that were held back written; how many were. Nothing can be decoded after
    /// that before [`Engine::start`].
    ///
    /// # Safety
    /// Each of `pictures` has to be as that of [`Engine::decode`]; they may be the same.
    pub(super) unsafe fn finish(&mut self, mut pictures: [*mut u32; STOP_PICTURES]) -> usize {
        if !self.running {
            return 0;
        }
        let mut count = 0;
        // SAFETY: the pictures are the caller's.
        let code = unsafe {
            write_back();
            sceMpegAvcDecodeStop(&raw mut self.handle, STRIDE as i32, &mut pictures, &mut count)
        };
        if code < 0 { 0 } else { usize::try_from(count).unwrap_or(0).min(STOP_PICTURES) }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

// SAFETY: the firmware does not mind which thread calls it, and the pointers are into `self`.
unsafe impl Send for Engine {}

fn succeeded(code: i32) -> Result<(), i32> {
    if code < 0 { Err(code) } else { Ok(()) }
}

/// Brings memory up to date with the data cache and empties that. The Media Engine sees memory
/// only: without this it would read an access unit of the past, and a line of an old picture,
/// written back later, would spoil the new one. The cache has 16 KB, a picture 544: to empty all of
/// it is quicker than to look for each line. Nobody touches a picture while it is written, so no
/// line of it is in the cache afterwards either.
fn write_back() {
    // SAFETY: changes nothing that can be seen from here.
    unsafe { sys::sceKernelDcacheWritebackInvalidateAll() };
}
