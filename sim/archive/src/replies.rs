//! The heads and pages that the archive's hosts were seen to send, and what a fault makes of their
//! timing and their form.

use crate::fault::Fault;
use crate::response::{Cut, Framing, Pace, Response, Segment, reason};

/// The response of a fault that leaves nothing of the real one.
pub(crate) fn instead(faults: &[Fault]) -> Option<Response> {
    faults.iter().find_map(|fault| match fault {
        Fault::Status { status, retry_after } => {
            let mut response = page(*status);
            if let Some(seconds) = retry_after {
                response.headers.push(("Retry-After".to_owned(), seconds.to_string()));
            }
            Some(with_timing(response, faults))
        }
        Fault::BackendError => {
            let body = r#"{"error":"[BACKEND_ERROR] the search is not available"}"#;
            Some(json(body.to_owned(), faults))
        }
        _ => None,
    })
}

fn with_timing(mut response: Response, faults: &[Fault]) -> Response {
    for fault in faults {
        match fault {
            Fault::Delay(us) => response.delay_us = *us,
            Fault::Pace(bytes_per_second) => response.pace = Pace::Rate(*bytes_per_second),
            Fault::NoAnswer(how) => response.cut = Some(Cut { after: None, how: *how }),
            Fault::Cut(after, how) => response.cut = Some(Cut { after: Some(*after), how: *how }),
            Fault::OddHeaders => response.headers = odd(response.headers),
            _ => {}
        }
    }
    response
}

/// The same headers in lower case, those twice that say nothing about the body.
fn odd(headers: Vec<(String, String)>) -> Vec<(String, String)> {
    let is_twice = |name: &str| !name.starts_with("content-") && name != "transfer-encoding";
    let twice = headers.into_iter().flat_map(|(name, value)| {
        let field = (name.to_ascii_lowercase(), value);
        let again = is_twice(&field.0).then(|| field.clone());
        [Some(field), again].into_iter().flatten()
    });
    twice.collect()
}

/// A response, timed by the faults.
pub(crate) fn respond_with(
    status: u16,
    headers: Vec<(&str, String)>,
    framing: Framing,
    body: Vec<Segment>,
    faults: &[Fault],
) -> Response {
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let response =
        Response { status, headers, framing, body, delay_us: 0, pace: Pace::Free, cut: None };
    with_timing(response, faults)
}

/// The redirect of `/download`, after the captures of 2023-08-03 and 2026-10-01.
pub(crate) fn redirect(location: Option<String>, content_type: &str, faults: &[Fault]) -> Response {
    let mut headers = vec![
        ("Server", "nginx/1.25.1".to_owned()),
        ("Content-Type", content_type.to_owned()),
        ("Transfer-Encoding", "chunked".to_owned()),
        ("Connection", "keep-alive".to_owned()),
        ("Access-Control-Allow-Origin", "*".to_owned()),
        ("Accept-Ranges", "bytes".to_owned()),
    ];
    headers.extend(location.map(|location| ("Location", location)));
    headers.push(("Strict-Transport-Security", "max-age=15724800".to_owned()));
    headers.push(("Referrer-Policy", "no-referrer-when-downgrade".to_owned()));
    headers.push(("access-control-allow-headers", "Accept-Encoding,Range".to_owned()));
    let mut body = nginx_page(302);
    for fault in faults {
        if let Fault::RedirectBody(bytes) = fault {
            body.resize(*bytes as usize, b' ');
        }
    }
    let body = vec![Segment::Bytes(body)];
    respond_with(302, headers, Framing::Chunked, body, faults)
}

/// A status with nginx's page: 401 is what a node says to an address that has run out.
pub fn page(status: u16) -> Response {
    let page = nginx_page(status);
    html(status, String::from_utf8_lossy(&page).into_owned())
}

/// A page with any status.
pub(crate) fn html(status: u16, page: String) -> Response {
    let headers = vec![
        ("Server", "nginx".to_owned()),
        ("Content-Type", "text/html; charset=UTF-8".to_owned()),
        ("Content-Length", page.len().to_string()),
        ("Connection", "keep-alive".to_owned()),
    ];
    respond_with(status, headers, Framing::Length, vec![Segment::Bytes(page.into_bytes())], &[])
}

/// JSON, with a 200.
pub(crate) fn json(body: String, faults: &[Fault]) -> Response {
    let headers = vec![
        ("Server", "nginx".to_owned()),
        ("Content-Type", "application/json".to_owned()),
        ("Content-Length", body.len().to_string()),
        ("Connection", "keep-alive".to_owned()),
        ("access-control-allow-origin", "*".to_owned()),
    ];
    let body = vec![Segment::Bytes(body.into_bytes())];
    respond_with(200, headers, Framing::Length, body, faults)
}

/// The page that nginx sends for a status of its own: 170 bytes for a 500.
fn nginx_page(status: u16) -> Vec<u8> {
    let title = format!("{status} {}", reason(status));
    format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n\
         <center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    .into_bytes()
}

/// What a file's name says that it is.
pub(crate) fn content_type(file: &str) -> &'static str {
    match file.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "mp4" => "video/mp4",
        "mp3" => "audio/mpeg",
        "ogg" | "oga" => "audio/ogg",
        "flac" => "audio/flac",
        _ => "application/octet-stream",
    }
}
