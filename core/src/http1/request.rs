//! The head of a GET request, as bytes to send.

use alloc::vec::Vec;

use crate::net::Request;

/// Appends the head of `request` to `out`: all there is to send, as a GET has no body.
///
/// The address is to be `http:` or `https:`. `user_agent` says who asks (RFC 9110 §10.1.5);
/// characters that have no place in a header value are left out of it. That the connection is kept
/// for another request goes without saying in HTTP/1.1.
pub fn write_request(request: &Request, user_agent: &str, out: &mut Vec<u8>) {
    let url = &request.url;
    let mut text = |text: &str| out.extend_from_slice(text.as_bytes());
    text("GET ");
    text(url.path());
    if let Some(query) = url.query() {
        text("?");
        text(query);
    }
    text(" HTTP/1.1\r\nHost: ");
    text(url.host_str().unwrap_or_default());
    // `Url` knows no port where it is the scheme's own.
    if let Some(port) = url.port() {
        text(&alloc::format!(":{port}"));
    }
    text("\r\nUser-Agent: ");
    out.extend(user_agent.bytes().filter(|byte| (b' '..=b'~').contains(byte)));
    out.extend_from_slice(b"\r\nAccept-Encoding: identity\r\n");
    if let Some(range) = request.range {
        out.extend_from_slice(alloc::format!("Range: {range}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}
