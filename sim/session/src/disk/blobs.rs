//! `blobs/<sha256>.gz`: the bytes that are kept, each once, packed by gzip (RFC 1952). A name is that
//! of the unpacked bytes, so that different packers may be used.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;

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

/// Unpacks as many bytes as there should be and not one more.
fn unpack(packed: &[u8], length: u64, expected: &[u8; 32]) -> Result<Arc<[u8]>, Flaw> {
    let mut decoder = GzDecoder::new(packed);
    let mut bytes = Vec::new();
    let read = decoder.by_ref().take(length + 1).read_to_end(&mut bytes);
    if let Err(error) = read {
        return Err(Flaw::malformed(None, format!("cannot be unpacked: {error}; get it again")));
    }
    if bytes.len() as u64 != length {
        let what = format!("does not unpack to {length} bytes, as bodies.toml says");
        return Err(Flaw::inconsistent(None, what));
    }
    if !decoder.into_inner().is_empty() {
        return Err(Flaw::malformed(None, "there is something after the packed bytes"));
    }
    if sha256(&bytes) != *expected {
        let what = "what it unpacks to has another SHA-256 than its name says; get it again";
        return Err(Flaw::inconsistent(None, what));
    }
    Ok(bytes.into())
}

/// Packs bytes: the same ones the same way every time, without a name or a date.
pub(super) fn pack(bytes: &[u8]) -> Vec<u8> {
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
    fn something_after_the_packed_bytes_is_refused() {
        let packed = [pack(b"x"), vec![0]].concat();
        assert!(unpack(&packed, 1, &sha256(b"x")).is_err());
    }
}
