//! The archive, the way to it and a viewer, all in one process and in virtual time: what the TV does
//! on a good day and on a bad one, the same every time and thousands of times faster than watching.
//!
//! [`viewer`] is somebody who watches, over any network; [`heap`] a network without sockets;
//! [`screening`] puts the two together; [`simulated_tcp`] has the same viewer watch over hosts, names
//! and connections; and [`timeline`] is what can be read about it afterwards.

#![forbid(unsafe_code)]

pub mod diff;
pub mod har;
pub mod heap;
pub mod real_time;
pub mod replay;
pub mod scenarios;
pub mod screening;
pub mod simulated_tcp;
pub mod sweep;

pub use testcard_replay::{timeline, viewer};
