//! What a desktop brings to the TV: decoders for picture and sound, a window and a speaker.
//!
//! The way of a byte, from module to module: [`testcard_https`] brings it, the core's player says
//! which sample it belongs to, or [`testcard_streaming`] where it is no film, [`receiver`] has
//! [`picture`] and [`sound`] decode that, [`tuner`] says
//! when it is due, and [`television`] puts it on [`screen`] and [`speaker`], under what [`draw`]
//! draws. [`set`] keeps all of that to the schedule, and [`commands`] is what a person types.
//!
//! Each device knows no other. What to fetch, drop, retry or show is decided in `testcard_core`.

pub mod clock;
pub mod commands;
pub mod draw;
pub mod errand;
pub mod file;
pub mod frame_dump;
pub mod health;
pub mod journal;
pub mod library;
pub mod local_time;
pub mod logging;
pub mod offline;
pub mod pads;
pub mod picture;
pub mod places;
pub mod receiver;
pub mod screen;
pub mod set;
pub mod settings;
pub mod sound;
mod sound_file;
pub mod speaker;
pub mod stop;
pub mod subtitles;
pub mod tape;
pub mod television;
pub mod tuner;
pub mod wav;
mod whole_file;
