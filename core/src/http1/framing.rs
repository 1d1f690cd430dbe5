//! Where a response's body ends, by its head (RFC 9112 §6.3), and whether the connection may serve
//! another exchange after that. Never looks at the body.

use super::Malformed;
use super::chunked::Chunked;
use crate::net::Head;

/// How the end of a body is found.
#[derive(Debug)]
pub enum Framing {
    /// After so many bytes.
    Length(u64),
    /// Where its last chunk says so.
    Chunked(Chunked),
    /// Where the peer closes the connection.
    UntilClose,
}

/// The framing of the response with this head, and whether the connection may be kept after it.
/// `minor_version` is 1 for HTTP/1.1.
///
/// The connection is not kept after a response whose head contradicts itself: what one side takes
/// for a body's end, the other may take for its middle.
pub fn of(minor_version: u8, head: &Head) -> Result<(Framing, bool), Malformed> {
    let length = content_length(head)?;
    let keeps = minor_version >= 1
        && !elements(head, "connection").any(|option| option.eq_ignore_ascii_case("close"));
    let mut codings = elements(head, "transfer-encoding");
    let coding = codings.next();
    match head.status {
        // Without a body, whatever the head says. 101 changes to a protocol that nobody asked for.
        101 => return Ok((Framing::Length(0), false)),
        204 | 304 => return Ok((Framing::Length(0), keeps && coding.is_none())),
        _ => {}
    }
    match coding {
        // HTTP/1.0 has no transfer codings: whoever names one there means nothing by it.
        Some(_) if minor_version == 0 => {}
        Some(name) if name.eq_ignore_ascii_case("chunked") && codings.next().is_none() => {
            return Ok((Framing::Chunked(Chunked::default()), keeps && length.is_none()));
        }
        // Nobody asked for any other coding, and we could not remove it.
        Some(_) => return Err(Malformed),
        None => {}
    }
    Ok(match length {
        Some(length) => (Framing::Length(length), keeps),
        None => (Framing::UntilClose, false),
    })
}

/// The length that every `Content-Length` agrees on; a proxy may have repeated it, as another field
/// or in a list (RFC 9110 §8.6).
fn content_length(head: &Head) -> Result<Option<u64>, Malformed> {
    let mut agreed = None;
    for value in fields(head, "content-length").flat_map(|value| value.split(',')) {
        let digits = value.trim_matches([' ', '\t']);
        // `parse` alone would take a sign.
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Malformed);
        }
        let length: u64 = digits.parse().map_err(|_| Malformed)?;
        if agreed.is_some_and(|agreed| agreed != length) {
            return Err(Malformed);
        }
        agreed = Some(length);
    }
    Ok(agreed)
}

/// The values of all fields of that name.
fn fields<'a>(head: &'a Head, name: &'static str) -> impl Iterator<Item = &'a str> {
    head.headers
        .iter()
        .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// The elements of a list that may be spread over several fields (RFC 9110 §5.6.1).
fn elements<'a>(head: &'a Head, name: &'static str) -> impl Iterator<Item = &'a str> {
    fields(head, name)
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|element| !element.is_empty())
}
