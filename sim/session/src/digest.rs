//! SHA-256 as it stands in files: 64 lower-case hexadecimal digits.

use alloc::string::String;

use sha2::{Digest, Sha256};

/// The hash of these bytes.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// A hash in digits.
pub(crate) fn hex(hash: &[u8; 32]) -> String {
    let digit = |n: u8| char::from_digit(n.into(), 16).unwrap_or('0');
    hash.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The SHA-256 of these bytes as it stands in files: 64 lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&sha256(bytes))
}

/// A hash from its digits; `None` unless there are 64 of them, in lower case.
pub(crate) fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let text: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_they_are_written_and_nothing_else_is() {
        let hash = sha256(b"media");
        assert_eq!(from_hex(&hex(&hash)), Some(hash));
        for not in ["", "../../etc/passwd", &hex(&hash).to_uppercase(), &hex(&hash)[1..]] {
            assert_eq!(from_hex(not), None, "{not:?}");
        }
    }
}
