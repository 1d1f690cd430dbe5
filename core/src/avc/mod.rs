//! What a player has to know of H.264 around its decoder (ITU-T H.264): which pictures a stream
//! has, and its access units in the form that hardware takes. Never decodes a picture, allocates
//! nothing, and no bytes make it panic.

mod access_unit;
mod sps;

pub use access_unit::{AccessUnit, Broken, ParameterSets, to_byte_stream};
pub use sps::{Chroma, NotAnSps, Sps};
