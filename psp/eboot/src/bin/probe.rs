//! A program to try the runner of `tests/ppsspp` with: it does what a line of `probe.txt`, beside the
//! EBOOT, tells it to, and leaves. No part of the TV.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec;
use core::ffi::c_void;
use core::time::Duration;

use psp::sys;
use testcard_core::time::Clock;
use testcard_psp::net::{Link, LinkState};
use testcard_psp::program;
use testcard_psp::runtime::clock::ConsoleClock;
use testcard_psp::runtime::{files, log, thread};

program!("PROBE", main);

fn main() {
    let order = files::read_text("probe.txt", 256).unwrap_or_default();
    let mut words = order.split_ascii_whitespace();
    match words.next() {
        Some("panic") => panic!("as it was told to"),
        Some("leave") => {}
        Some("wild") => {
            // SAFETY: it is not. That is what is tried.
            let there = unsafe { core::ptr::read_volatile(0x10 as *const u32) };
            log::line(format_args!("read {there}"));
        }
        Some("bars") => bars(),
        Some("buttons") => buttons(),
        Some("read") => {
            let port = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
            let first = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
            read(port, first);
        }
        _ => log::line(format_args!("RESULT FAIL nobody knows {order:?}")),
    }
    log::line(format_args!("RESULT PASS probe"));
}

/// Eight bars, of red, green and blue by the bits of their number, until cross is pressed.
fn bars() {
    const STRIDE: usize = 512;
    // SAFETY: the video memory is 2 MiB, and nobody else draws. Its mirror here is not cached.
    let picture = unsafe {
        let start = (sys::sceGeEdramGetAddr() as usize | 0x4000_0000) as *mut u32;
        core::slice::from_raw_parts_mut(start, STRIDE * 272)
    };
    for (i, pixel) in picture.iter_mut().enumerate() {
        let (x, y) = (i % STRIDE, i / STRIDE);
        let bar = x * 8 / 480;
        let level = |bit: usize| if bar >> bit & 1 == 1 { 255 - y as u32 / 2 } else { 0 };
        *pixel = 0xFF00_0000 | level(2) << 16 | level(1) << 8 | level(0);
    }
    // SAFETY: video memory stays.
    unsafe {
        sys::sceDisplaySetMode(sys::DisplayMode::Lcd, 480, 272);
        let (format, now) = (sys::DisplayPixelFormat::Psm8888, sys::DisplaySetBufSync::NextFrame);
        sys::sceDisplaySetFrameBuf(picture.as_ptr().cast(), STRIDE, format, now);
    }
    log::line(format_args!("shown: bars"));
    wait_for(sys::CtrlButtons::CROSS);
}

/// Says which button goes down, until cross does.
fn buttons() {
    log::line(format_args!("ready"));
    let mut before = sys::CtrlButtons::empty();
    while !before.contains(sys::CtrlButtons::CROSS) {
        let now = held();
        let new = now - before;
        if !new.is_empty() {
            log::line(format_args!("down: {new:?}"));
        }
        before = now;
        thread::pause(Duration::from_millis(10));
    }
}

fn held() -> sys::CtrlButtons {
    let mut pad = sys::SceCtrlData::default();
    // SAFETY: one sample is written to one.
    unsafe { sys::sceCtrlPeekBufferPositive(&mut pad, 1) };
    pad.buttons
}

fn wait_for(button: sys::CtrlButtons) {
    while !held().contains(button) {
        thread::pause(Duration::from_millis(10));
    }
}

/// Asks that port of this machine for something, reads so many bytes, waits for cross, and reads the
/// rest. Says how much there was, and how it ended.
fn read(port: u16, first: usize) {
    connect_to_the_network();
    // SAFETY: all pointers are to what lives through the call.
    unsafe {
        let socket = sys::sceNetInetSocket(2, 1, 0);
        let mut address = sys::sockaddr { sa_len: 16, sa_family: 2, sa_data: [0; 14] };
        address.sa_data[..2].copy_from_slice(&port.to_be_bytes());
        address.sa_data[2..6].copy_from_slice(&[127, 0, 0, 1]);
        if sys::sceNetInetConnect(socket, &address, 16) < 0 {
            return log::line(format_args!("refused: {}", sys::sceNetInetGetErrno()));
        }
        while sys::sceNetInetSend(socket, c"go".as_ptr().cast(), 2, 0) < 0 {
            thread::pause(Duration::from_millis(1));
        }
        log::line(format_args!("connected"));

        let mut buf = vec![0_u8; 16 * 1024];
        let (mut total, mut sum, mut paused) = (0, 0_u32, false);
        let end = loop {
            if total >= first && !paused {
                paused = true;
                log::line(format_args!("paused after {total}"));
                wait_for(sys::CtrlButtons::CROSS);
            }
            let got = sys::sceNetInetRecv(socket, buf.as_mut_ptr().cast::<c_void>(), buf.len(), 0);
            match usize::try_from(got) {
                Ok(0) => break 0,
                Ok(got) => {
                    total += got;
                    let add = |sum: u32, &byte: &u8| sum.wrapping_mul(31).wrapping_add(byte.into());
                    sum = buf[..got].iter().fold(sum, add);
                }
                Err(_) => match sys::sceNetInetGetErrno() {
                    11 => thread::pause(Duration::from_millis(1)),
                    other => break other,
                },
            }
        };
        log::line(format_args!("read: {total} sum {sum} end {end}"));
        sys::sceNetInetClose(socket);
    }
}

fn connect_to_the_network() {
    let clock = ConsoleClock::new();
    let (mut link, _) = Link::start(None).expect("PPSSPP has a network");
    while !matches!(link.poll(clock.now()), LinkState::Connected(_)) {
        thread::pause(Duration::from_millis(20));
    }
}
