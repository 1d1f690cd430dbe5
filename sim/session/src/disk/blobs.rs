//! `blobs/<sha256>.gz`: the bytes that are kept, each once, packed by gzip (RFC 1952). A name is that
//! of the unpacked bytes, so that different packers may be used.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

use super::Source;
use crate::bounds::{LITERAL_BYTES_MAX, PACKED_MAX};
use crate::digest::{hex, sha256};
use crate::error::{Flaw, ReadError};

/// The file of a blob.
pub(super) fn name(sha256: &[u8; 32]) -> String {
    format!("blobs/{}.gz", hex(sha256))
}

/// The blobs of a session that is being read, each unpacked once.
pub(super) struct Blobs<'a> {
    source: &'a dyn Source,
    unpacked: BTreeMap<[u8; 32], Arc<[u8]>>,
    bytes: u64,
}

impl<'a> Blobs<'a> {
    pub(super) fn new(source: &'a dyn Source) -> Self {
        Self { source, unpacked: BTreeMap::new(), bytes: 0 }
    }

    /// The bytes of that name, which are to be so many. `fail` is for flaws of whoever named them.
    pub(super) fn get(
        &mut self,
        sha256: &[u8; 32],
        length: u64,
        fail: impl Fn(Flaw) -> ReadError,
    ) -> Result<Arc<[u8]>, ReadError> {
        if let Some(bytes) = self.unpacked.get(sha256) {
            return match bytes.len() as u64 {
                same if same == length => Ok(bytes.clone()),
                other => {
                    let what = format!("length is {length}, and the blob has {other} bytes");
                    Err(fail(Flaw::inconsistent(None, what)))
                }
            };
        }
        self.bytes = self.bytes.saturating_add(length);
        if self.bytes > LITERAL_BYTES_MAX {
            let what = format!("more than {LITERAL_BYTES_MAX} literal bytes in all");
            return Err(fail(Flaw::too_large(None, what)));
        }
        let name = name(sha256);
        let Some(packed) = self.source.file_if_there(&name, PACKED_MAX)? else {
            let what = format!("there is no {name}; get the session again");
            return Err(fail(Flaw::inconsistent(None, what)));
        };
        let bytes =
            unpack(&packed, length, sha256).map_err(|flaw| self.source.fail(&name, flaw))?;
        self.unpacked.insert(*sha256, bytes.clone());
        Ok(bytes)
    }
}

/// Unpacks as many bytes as there should be and not many more.
fn unpack(packed: &[u8], length: u64, expected: &[u8; 32]) -> Result<Arc<[u8]>, Flaw> {
    let bad = |what| Flaw::malformed(None, format!("cannot be unpacked: {what}; get it again"));
    let mut rest = member(packed).ok_or_else(|| bad("this is not gzip's header"))?;
    let mut state = InflateState::new_boxed(DataFormat::Raw);
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let inflated = inflate(&mut state, rest, &mut piece, MZFlush::None);
        rest = &rest[inflated.bytes_consumed..];
        bytes.extend_from_slice(&piece[..inflated.bytes_written]);
        if bytes.len() as u64 > length {
            break;
        }
        match inflated.status {
            Ok(MZStatus::StreamEnd) => break,
            Ok(_) => {}
            Err(MZError::Buf) => return Err(bad("it ends early")),
            Err(_) => return Err(bad("what is packed is damaged")),
        }
    }
    if bytes.len() as u64 != length {
        let what = format!("does not unpack to {length} bytes, as bodies.toml says");
        return Err(Flaw::inconsistent(None, what));
    }
    // RFC 1952 §2.3.1: CRC-32 and length, modulo 2^32.
    let Some((trailer, behind)) = rest.split_at_checked(8) else {
        return Err(bad("it ends early"));
    };
    let sums = [crc32fast::hash(&bytes), length as u32].map(u32::to_le_bytes);
    if trailer != sums.as_flattened() {
        return Err(bad("its check sum is another"));
    }
    if !behind.is_empty() {
        return Err(Flaw::malformed(None, "there is something after the packed bytes"));
    }
    if sha256(&bytes) != *expected {
        let what = "what it unpacks to has another SHA-256 than its name says; get it again";
        return Err(Flaw::inconsistent(None, what));
    }
    Ok(bytes.into())
}

/// What is behind the header of a gzip member (RFC 1952 §2.3): packed bytes and a trailer.
fn member(packed: &[u8]) -> Option<&[u8]> {
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const HEADER_CRC: u8 = 2;
    const RESERVED: u8 = 0xE0;
    let (header, mut rest) = packed.split_at_checked(10)?;
    let flags = header[3];
    if header[..3] != [0x1F, 0x8B, 8] || flags & RESERVED != 0 {
        return None;
    }
    if flags & EXTRA != 0 {
        let (length, behind) = rest.split_first_chunk()?;
        rest = behind.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = &rest[end + 1..];
        }
    }
    if flags & HEADER_CRC != 0 { rest.get(2..) } else { Some(rest) }
}

/// Packs bytes: the same ones the same way every time, without a name or a date.
#[cfg(feature = "std")]
pub(super) fn pack(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("memory takes whatever is written to it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_that_unpacks_to_more_than_it_should_is_refused_unread() {
        let bomb = pack(&vec![0; 50_000_000]);
        assert!(bomb.len() < 100_000);
        let refused = unpack(&bomb, 10, &sha256(&[0; 10])).unwrap_err();
        assert_eq!(refused.what, "does not unpack to 10 bytes, as bodies.toml says");
    }

    #[test]
    fn what_is_packed_unpacks_to_the_same() {
        for bytes in [&b"x"[..], &[7; 100_000]] {
            assert_eq!(&*unpack(&pack(bytes), bytes.len() as u64, &sha256(bytes)).unwrap(), bytes);
        }
    }

    #[test]
    fn any_packers_header_is_passed_over() {
        let (plain, hash) = (pack(b"x"), sha256(b"x"));
        // RFC 1952 §2.3.1: FHCRC, FEXTRA, FNAME and FCOMMENT, in the order in which they come.
        for (flags, fields) in [
            (8, &b"x.txt\0"[..]),
            (16, b"why\0"),
            (2, b"cc"),
            (4, b"\x03\0abc"),
            (30, b"\x03\0abcname\0comment\0cc"),
        ] {
            let packed = [&plain[..3], &[flags], &plain[4..10], fields, &plain[10..]].concat();
            assert_eq!(&*unpack(&packed, 1, &hash).unwrap(), b"x", "flags {flags}");
            let cut = &packed[..10 + fields.len() - 1];
            assert!(unpack(cut, 1, &hash).is_err(), "flags {flags}, cut");
        }
    }

    #[test]
    fn a_blob_that_is_cut_or_damaged_anywhere_is_refused() {
        let bytes: Vec<u8> = (0..2000_u32).flat_map(u32::to_be_bytes).collect();
        let (packed, hash) = (pack(&bytes), sha256(&bytes));
        for length in 0..packed.len() {
            assert!(unpack(&packed[..length], 8000, &hash).is_err(), "cut to {length}");
        }
        /// Check sum and length (RFC 1952 §2.3.1).
        const TRAILER: usize = 8;
        // What the first ten bytes say beside the format, nobody needs.
        for at in 10..packed.len() {
            let mut damaged = packed.clone();
            damaged[at] ^= 0x10;
            // The packed bits end within the byte before the trailer; those behind them mean nothing
            // (RFC 1951 §3.1.1).
            let may_be_harmless = at == packed.len() - TRAILER - 1;
            if let Ok(unpacked) = unpack(&damaged, 8000, &hash) {
                assert!(may_be_harmless, "damaged at {at}");
                assert_eq!(&*unpacked, &*bytes);
            }
        }
    }

    #[test]
    fn something_after_the_packed_bytes_is_refused() {
        let packed = [pack(b"x"), vec![0]].concat();
        assert!(unpack(&packed, 1, &sha256(b"x")).is_err());
    }
}
