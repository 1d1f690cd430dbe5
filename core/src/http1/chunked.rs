//! Takes the chunked transfer coding off a body (RFC 9112 §7.1). Extensions and trailers say nothing
//! that we want to know and are skipped; nothing is held back, whatever their length.

use super::Malformed;
use crate::net::Head;

/// The most bytes between two pieces of data, and after the last: a body's trailers may be as long as
/// its head, and nobody was seen to send more than some 90 bytes of extension to a chunk.
const SKIPPED_MAX: usize = Head::MAX_BYTES;

/// How far into the coding we are.
#[derive(Debug)]
pub struct Chunked {
    at: At,
    /// Bytes since the last piece of data.
    skipped: usize,
}

#[derive(Clone, Copy, Debug)]
enum At {
    /// A chunk's size, before its first digit.
    Size,
    /// A chunk's size so far.
    Digits(u64),
    /// What follows the size, until the end of its line.
    Extension(u64),
    /// The line feed that ends the line with this size.
    SizeLineFeed(u64),
    /// So many bytes of data are left in the chunk; at least one.
    Data(u64),
    DataReturn,
    DataLineFeed,
    /// The start of a trailer, or of the empty line that ends the body.
    Trailer,
    /// The rest of a trailer.
    TrailerText,
    TrailerLineFeed,
    EndLineFeed,
    End,
}

impl Default for Chunked {
    fn default() -> Self {
        Self { at: At::Size, skipped: 0 }
    }
}

impl Chunked {
    /// Decodes from `input` to `out` until either runs out or the coding ends: how many bytes of
    /// each were used. What follows the end is left alone.
    pub fn decode(&mut self, input: &[u8], out: &mut [u8]) -> Result<(usize, usize), Malformed> {
        let (mut used, mut written) = (0, 0);
        while let Some(&byte) = input.get(used) {
            match self.at {
                At::End => break,
                At::Data(left) => {
                    let room = (input.len() - used).min(out.len() - written);
                    let n = usize::try_from(left).unwrap_or(usize::MAX).min(room);
                    if n == 0 {
                        break;
                    }
                    out[written..written + n].copy_from_slice(&input[used..used + n]);
                    (used, written) = (used + n, written + n);
                    self.skipped = 0;
                    self.at = match left - n as u64 {
                        0 => At::DataReturn,
                        left => At::Data(left),
                    };
                }
                _ => match self.step(byte) {
                    Ok(at) => (self.at, used) = (at, used + 1),
                    // The data before it is good. What comes after is found malformed again.
                    Err(Malformed) if written > 0 => break,
                    Err(Malformed) => return Err(Malformed),
                },
            }
        }
        Ok((used, written))
    }

    /// Whether all of the body has come: its last chunk is the empty one (RFC 9112 §8), even if the
    /// connection was cut in the trailers.
    pub fn is_body_complete(&self) -> bool {
        matches!(
            self.at,
            At::Trailer | At::TrailerText | At::TrailerLineFeed | At::EndLineFeed | At::End
        )
    }

    /// Whether the coding has ended, trailers and all.
    pub fn is_at_end(&self) -> bool {
        matches!(self.at, At::End)
    }

    /// Where `byte`, which is not data, leads.
    fn step(&mut self, byte: u8) -> Result<At, Malformed> {
        self.skipped += 1;
        if self.skipped > SKIPPED_MAX {
            return Err(Malformed);
        }
        Ok(match (self.at, byte) {
            (At::Size, _) => At::Digits(hex_digit(byte)?),
            (At::Digits(size) | At::Extension(size), b'\r') => At::SizeLineFeed(size),
            (At::Digits(size), b';' | b' ' | b'\t') => At::Extension(size),
            (At::Digits(size), _) => {
                let digit = hex_digit(byte)?;
                At::Digits(size.checked_mul(16).ok_or(Malformed)? | digit)
            }
            (At::SizeLineFeed(0), b'\n') => At::Trailer,
            (At::SizeLineFeed(size), b'\n') => At::Data(size),
            (At::DataReturn, b'\r') => At::DataLineFeed,
            (At::DataLineFeed, b'\n') => At::Size,
            (At::Trailer, b'\r') => At::EndLineFeed,
            (At::EndLineFeed, b'\n') => At::End,
            (At::TrailerText, b'\r') => At::TrailerLineFeed,
            (At::TrailerLineFeed, b'\n') => At::Trailer,
            // A line feed of its own would end the line for some and not for others.
            (_, b'\n') => return Err(Malformed),
            (At::Extension(size), _) => At::Extension(size),
            (At::Trailer | At::TrailerText, _) => At::TrailerText,
            _ => return Err(Malformed),
        })
    }
}

fn hex_digit(byte: u8) -> Result<u64, Malformed> {
    char::from(byte).to_digit(16).map(u64::from).ok_or(Malformed)
}
