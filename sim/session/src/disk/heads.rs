//! `exchanges/01.http`: a request's head and, where one came, its answer's, as HTTP/1.1 has them
//! (RFC 9112). The request's target is in absolute form, so that the scheme is kept; of its headers
//! only `Range` is there, the others are a driver's own.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use testcard_core::net::{ByteRange, Head, Request};

use super::text;
use crate::error::Flaw;

pub(super) fn read(bytes: &[u8]) -> Result<(Request, Option<Head>), Flaw> {
    let mut space = [httparse::EMPTY_HEADER; Head::MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut space);
    let request_len = complete(bytes, 0, "request", parsed.parse(bytes))?;
    if (parsed.method, parsed.version) != (Some("GET"), Some(1)) {
        return Err(Flaw::malformed(1, "a request begins with GET and ends with HTTP/1.1"));
    }
    let url = text::url(parsed.path.unwrap_or_default())
        .map_err(|what| Flaw::malformed(1, format!("{what}; write the target in absolute form")))?;
    let range = match &*parsed.headers {
        [] => None,
        [only] if only.name.eq_ignore_ascii_case("range") => {
            let value = String::from_utf8_lossy(only.value);
            Some(range(&value).ok_or_else(|| {
                let what = "expected bytes=FIRST- or bytes=FIRST-LAST";
                Flaw::malformed(2, format!("Range is {}; {what}", text::quoted(&value)))
            })?)
        }
        _ => {
            let what = "a request has one Range or no header at all; take the others out";
            return Err(Flaw::malformed(2, what));
        }
    };
    let request = Request { url, range };

    let rest = &bytes[request_len..];
    if rest.is_empty() {
        return Ok((request, None));
    }
    let mut space = [httparse::EMPTY_HEADER; Head::MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut space);
    let head_len = complete(bytes, request_len, "response", parsed.parse(rest))?;
    let first_line = line(&bytes[..request_len]);
    if head_len < rest.len() {
        let what = "there is something after the response's head; bodies are in bodies.toml";
        return Err(Flaw::malformed(line(&bytes[..request_len + head_len]), what));
    }
    let status = match (parsed.code, parsed.version) {
        (Some(status @ 100..=999), Some(1)) => status,
        _ => {
            let what = "a response begins with HTTP/1.1 and a status from 100 to 999";
            return Err(Flaw::malformed(first_line, what));
        }
    };
    let mut headers = Vec::with_capacity(parsed.headers.len());
    for (n, header) in parsed.headers.iter().enumerate() {
        let value = core::str::from_utf8(header.value)
            .map_err(|_| Flaw::malformed(first_line + 1 + n, "this header's value is no UTF-8"))?;
        headers.push((header.name.to_owned(), value.to_owned()));
    }
    Ok((request, Some(Head { status, headers })))
}

/// The length of a head, or what is wrong with it.
fn complete(
    bytes: &[u8],
    start: usize,
    what: &str,
    parsed: httparse::Result<usize>,
) -> Result<usize, Flaw> {
    match parsed {
        Ok(httparse::Status::Complete(len)) => Ok(len),
        Ok(httparse::Status::Partial) => {
            let what = format!("the {what}'s head is not complete; an empty line ends it");
            Err(Flaw::malformed(line(bytes), what))
        }
        Err(error) => {
            Err(Flaw::malformed(line(&bytes[..start]), format!("this is no {what}: {error}")))
        }
    }
}

/// The line that comes after these bytes.
fn line(before: &[u8]) -> usize {
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

fn range(value: &str) -> Option<ByteRange> {
    let number = |digits: &str| {
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        is_plain.then(|| digits.parse::<u64>().ok()).flatten()
    };
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    let first = number(first)?;
    match last {
        "" => Some(ByteRange::From(first)),
        last => {
            Some(ByteRange::Closed { first, last: number(last).filter(|last| *last >= first)? })
        }
    }
}

pub(super) fn write(request: &Request, head: Option<&Head>) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write_heads(request, head, &mut out);
    out
}

fn write_heads(request: &Request, head: Option<&Head>, out: &mut String) -> core::fmt::Result {
    write!(out, "GET {} HTTP/1.1\r\n", request.url)?;
    if let Some(range) = request.range {
        write!(out, "Range: {range}\r\n")?;
    }
    out.push_str("\r\n");
    if let Some(head) = head {
        write!(out, "HTTP/1.1 {} {}\r\n", head.status, reason(head.status))?;
        for (name, value) in &head.headers {
            write!(out, "{name}: {}\r\n", value.trim_matches([' ', '\t']))?;
        }
        out.push_str("\r\n");
    }
    Ok(())
}

/// What people call a status (RFC 9110 §15). Nobody decides anything by it.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        410 => "Gone",
        416 => "Range Not Satisfiable",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}
