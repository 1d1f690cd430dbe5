//! The firmware's functions for the network that take five words, through the thunk, and the
//! numbers that its sockets give. The libraries are there once [`super::Link::start`] has loaded
//! them, hence weak.

#![allow(missing_docs)] // They are the firmware's.

use crate::runtime::imports::import;

import!("sceNet", "0x0009", []; [
    "0x39AF39A6" fn sceNetInit(pool_bytes: i32, callout_priority: i32, callout_stack: i32, interrupt_priority: i32, interrupt_stack: i32) -> i32;
]);

import!("sceNetResolver", "0x0009", []; [
    "0x224C5F44" fn sceNetResolverStartNtoA(resolver: i32, name: *const u8, address: *mut [u8; 4], timeout_s: u32, retries: i32) -> i32;
]);

import!("sceNetInet", "0x0009", []; [
    "0x4A114C7C" fn sceNetInetGetsockopt(socket: i32, level: i32, option: i32, value: *mut i32, value_bytes: *mut u32) -> i32;
    "0x2FE71FE7" fn sceNetInetSetsockopt(socket: i32, level: i32, option: i32, value: *const i32, value_bytes: u32) -> i32;
]);

/// The firmware's `errno`, which are newlib's (`sys/errno.h` of pspdev's).
pub mod errno {
    pub const AGAIN: i32 = 11;
    pub const CONNREFUSED: i32 = 111;
    pub const INPROGRESS: i32 = 119;
    pub const ALREADY: i32 = 120;
    pub const ISCONN: i32 = 127;
}

/// Protocol family, as with BSD.
pub const AF_INET: i32 = 2;
/// A TCP socket.
pub const SOCK_STREAM: i32 = 1;
/// The level of options of sockets.
pub const SOL_SOCKET: i32 = 0xffff;
/// Why the last thing that went on in the background has failed; forgets it.
pub const SO_ERROR: i32 = 0x1007;
/// Do not wait.
pub const SO_NONBLOCK: i32 = 0x1009;
/// The level of options of TCP, and the one that sends small pieces at once.
pub const IPPROTO_TCP: i32 = 6;
pub const TCP_NODELAY: i32 = 1;
/// Look at what came, and leave it there.
pub const MSG_PEEK: i32 = 2;
