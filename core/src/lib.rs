//! The whole TV, without sockets, threads, clocks or pixels.
//!
//! A byte's way from the network to the screen reads downwards through these modules: [`schedule`]
//! says what is on, [`net`] is the contract for one HTTP exchange, [`stream`] turns exchanges into
//! the bytes of one programme, [`mp4`] says which bytes are which sample, [`playback`] hands the
//! samples to decoders and says when to show what comes back; [`avc`] is what those of the picture
//! need to know of H.264. [`guide`] is what a person sees and
//! presses; [`trace`] is what a test sees. Platforms without an HTTP library speak [`http1`].
//!
//! Nothing here reads a clock, touches a socket, iterates a hash map, decides by a float, or panics
//! on input. Drivers (a window, an EBOOT, a simulator) bring a [`time::Clock`] and a
//! [`net::Network`], call `poll`, and are told when to call again.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(test)]
extern crate std;

pub mod avc;
pub mod canary;
pub mod guide;
pub mod http1;
pub mod line_up;
pub mod mp4;
pub mod net;
pub mod playback;
pub mod schedule;
pub mod stream;
pub mod time;
pub mod trace;
