//! A request's head as it comes over a connection: what every transport that has real or simulated
//! sockets reads. HTTP/1.1 (RFC 9112) without request bodies.

/// What the archive needs of a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RequestHead {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The value of `Host`.
    pub host: Option<String>,
    /// The value of `Range`.
    pub range: Option<String>,
    /// The value of `User-Agent`.
    pub user_agent: Option<String>,
    /// No request follows on this connection.
    pub last: bool,
}

impl RequestHead {
    /// The longest head, as nginx has it by default. More is not worth waiting for its end.
    pub const BYTES_MAX: usize = 32 * 1024;

    /// The head at the start of `received`, and its length, if it is whole. What is no HTTP, such as
    /// a path with a space in it, is the last request for a path that does not exist: archive.org
    /// answers 404.
    pub fn parse(received: &[u8]) -> Option<(usize, Self)> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(received) {
            Ok(httparse::Status::Partial) => None,
            Ok(httparse::Status::Complete(len)) => {
                let header = |name: &str| {
                    let found = request.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name));
                    found.map(|h| String::from_utf8_lossy(h.value).trim().to_owned())
                };
                let close =
                    header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
                let body = header("content-length").is_some_and(|len| len != "0")
                    || header("transfer-encoding").is_some();
                let head = Self {
                    method: request.method.unwrap_or_default().to_owned(),
                    target: request.path.unwrap_or_default().to_owned(),
                    host: header("host"),
                    range: header("range"),
                    user_agent: header("user-agent"),
                    last: close || body || request.version == Some(0),
                };
                Some((len, head))
            }
            Err(_) => {
                let line = received.split(|byte| *byte == b'\r').next().unwrap_or_default();
                let head = Self {
                    method: "GET".to_owned(),
                    target: format!("/ {}", String::from_utf8_lossy(line)),
                    host: None,
                    range: None,
                    user_agent: None,
                    last: true,
                };
                Some((received.len(), head))
            }
        }
    }
}
