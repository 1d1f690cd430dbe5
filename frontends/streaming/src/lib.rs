//! What [`testcard_core::mp4`] declines, read by symphonia's own readers out of the core's window:
//! MP3, Ogg Vorbis, FLAC, and MP4 in fragments. [`reader`] is the door; behind it every kind of file
//! has a module that knows where its parts lie, and [`StreamingBuffer`] is the [`std::io::Read`] and
//! [`std::io::Seek`] that symphonia reads from.
//!
//! Nothing here waits. Symphonia's readers pull, and cannot stop in the middle of a packet to wait
//! for the network; so a reader is only let go when all is there that its next step may take, and a
//! step that wanted more all the same is taken back: its reader is thrown away, and a new one begins
//! behind the last packet when there is more. Neither does anything here ask for bytes, open a file,
//! start a thread or read a clock: the same readers run over recorded sessions in virtual time.
//!
//! How exact a seek is, depends on what a file says about itself. Ogg and FLAC number their sound: to
//! the sample. So do the fragments of an MP4. An MP3 of constant bit rate: to the frame, 26 ms. One
//! of variable bit rate with a table of contents: within a 256th of its duration, as the table has
//! no finer steps. Without one the time is taken to pass evenly over the bytes.

#![forbid(unsafe_code)]

mod boxes;
mod buffer;
mod demux;
mod flac;
mod fragments;
mod mp3;
mod mp3_map;
mod ogg;
mod search;
mod vorbis;

use std::time::Duration;

use testcard_core::playback::Reader;
use testcard_core::stream::Container;

pub use buffer::StreamingBuffer;

/// The reader for a kind of file. `duration` is what is known of the programme from elsewhere, for
/// files that do not say it. All kinds have one.
pub fn reader(container: Container, duration: Option<Duration>) -> Option<Box<dyn Reader>> {
    Some(match container {
        Container::Mp3 => Box::new(mp3::Mp3::new(duration)),
        Container::Ogg => Box::new(ogg::Ogg::new(duration)),
        Container::Flac => Box::new(flac::Flac::new(duration)),
        Container::FragmentedMp4 => Box::new(fragments::Fragments::new(duration)),
    })
}
