//! The film's picture: H.264 by the console's own decoder, the Media Engine, which the firmware's
//! sceMpeg drives. Access units go in one by one as the film has them; pictures come out in the
//! order in which they are shown, each with its time, in memory that was set aside at the start.
//!
//! What is no film for the Media Engine is refused in words before it sees a byte of it, because a
//! picture larger than its memory makes it hang, and what is damaged never reaches it either.
//! Nothing here decides what is shown and when, and nothing is allocated while a film plays.
//!
//! What is written here about the hardware comes from people's programs that ran on it; what about
//! PPSSPP, from running this there.

mod decoder;
mod firmware;
mod fit;
mod memory;
mod pending;

pub use decoder::{Damaged, Decoder};
pub use fit::{Refused, Size};
pub use memory::{ACCESS_UNIT_BYTES, Memory, Picture};

/// The screen's width, and that of the largest picture that is decoded.
pub const WIDTH: usize = 480;

/// The screen's height, and that of the largest picture that is decoded.
pub const HEIGHT: usize = 272;

/// Pixels from one row of a picture to the next. The graphics processor wants a power of two.
pub const STRIDE: usize = 512;
