//! Which bytes of a file a `Range` asks for.

/// What a `Range` asks for.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Asked {
    /// Every byte, with a 200.
    All,
    /// These, both ends included, with a 206.
    Bytes { first: u64, last: u64 },
    /// None that exist, with a 416.
    Nothing,
}

/// Reads a `Range` for a file of `len` bytes (RFC 9110 §14.1.2). Several ranges, or what is none,
/// count as the whole file, as the RFC allows.
pub(crate) fn parse_range(range: &str, len: u64) -> Asked {
    let parsed = || {
        let (first, last) = range.trim().strip_prefix("bytes=")?.split_once('-')?;
        if first.is_empty() {
            let count: u64 = last.parse().ok()?;
            return Some((len.saturating_sub(count), len.checked_sub(1), count == 0));
        }
        let first: u64 = first.parse().ok()?;
        let last: Option<u64> = match last {
            "" => None,
            digits => Some(digits.parse().ok().filter(|last| *last >= first)?),
        };
        let last = last.map_or(len.checked_sub(1), |last| Some(last.min(len.checked_sub(1)?)));
        Some((first, last, first >= len))
    };
    match parsed() {
        None => Asked::All,
        Some((_, None, _) | (_, _, true)) => Asked::Nothing,
        Some((first, Some(last), false)) => Asked::Bytes { first, last },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_cut_to_the_file_or_not_satisfiable() {
        let bytes = |first, last| Asked::Bytes { first, last };
        for (range, asked) in [
            ("bytes=0-", bytes(0, 9)),
            ("bytes=3-5", bytes(3, 5)),
            ("bytes=3-99", bytes(3, 9)),
            ("bytes=9-9", bytes(9, 9)),
            ("bytes=-4", bytes(6, 9)),
            ("bytes=-99", bytes(0, 9)),
            ("bytes=10-", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=5-4", Asked::All),
            ("bytes=0-1,3-4", Asked::All),
            ("bytes=", Asked::All),
            ("lines=0-1", Asked::All),
        ] {
            assert_eq!(parse_range(range, 10), asked, "{range}");
        }
        assert_eq!(parse_range("bytes=0-", 0), Asked::Nothing);
    }
}
