//! Which addresses a film may come from. Never opens anything.
//!
//! The archive answers `/download/…` with a redirect to a data node, so redirects must be followed;
//! but only over https, and only to hosts that belong to whom we asked. http is for this machine
//! itself: mirrors and tests on a loopback address.

use alloc::string::{String, ToString};

use url::Host;

use super::failure::ProgrammeFailure;
use crate::canary::{Canary, planted};
use crate::net::Url;

/// Checks the address that a film starts from.
pub fn check_start(url: &Url) -> Result<(), ProgrammeFailure> {
    match url.scheme() {
        "https" if url.has_host() => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        _ => Err(ProgrammeFailure::InsecureAddress),
    }
}

/// Where a redirect from `current` leads, `start` being the address asked for first. `location` may
/// be relative (RFC 9110 §10.2.2); its percent-encoding is kept as it came.
pub fn follow(start: &Url, current: &Url, location: Option<&str>) -> Result<Url, ProgrammeFailure> {
    let location = location.filter(|l| !l.is_empty()).ok_or(ProgrammeFailure::BrokenRedirect)?;
    let next = current.join(location).map_err(|_| ProgrammeFailure::BrokenRedirect)?;
    if !same_site(start, &next) && !planted(Canary::StrangerFollowed) {
        let host: String = next.host_str().map_or_else(|| "nowhere".into(), ToString::to_string);
        return Err(ProgrammeFailure::ForeignRedirect(host));
    }
    match (current.scheme(), next.scheme()) {
        (_, "https") => Ok(next),
        ("http", "http") if is_loopback(&next) => Ok(next),
        _ => Err(ProgrammeFailure::InsecureRedirect),
    }
}

/// Whether both hosts belong to one owner: the same host, any two hosts of archive.org, or any two
/// loopback addresses. The port does not matter.
fn same_site(a: &Url, b: &Url) -> bool {
    (a.host().is_some() && a.host() == b.host())
        || (is_archive(a) && is_archive(b))
        || (is_loopback(a) && is_loopback(b))
}

fn is_archive(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "archive.org" || name.ends_with(".archive.org"),
        _ => false,
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a literal of this test")
    }

    fn from_archive(location: &str) -> Result<String, ProgrammeFailure> {
        let start = url("https://archive.org/download/a/b.mp4");
        follow(&start, &start, Some(location)).map(String::from)
    }

    #[test]
    fn a_redirect_to_a_data_node_is_followed_with_its_encoding_kept() {
        let node = "https://ia800906.us.archive.org/21/items/x/a%20b%3Fc%C3%A9.mp4?t=1";
        assert_eq!(from_archive(node).as_deref(), Ok(node));
    }

    #[test]
    fn a_relative_redirect_is_followed() {
        let expected = "https://archive.org/serve/b.mp4";
        assert_eq!(from_archive("/serve/b.mp4").as_deref(), Ok(expected));
        assert_eq!(from_archive("../../serve/b.mp4").as_deref(), Ok(expected));
    }

    #[test]
    fn a_redirect_to_a_host_that_only_looks_like_the_archive_is_refused() {
        for host in ["archive.org.example.com", "notarchive.org", "example.com", "127.0.0.1"] {
            let refused = from_archive(&alloc::format!("https://{host}/b.mp4"));
            assert_eq!(refused, Err(ProgrammeFailure::ForeignRedirect(host.into())));
        }
    }

    #[test]
    fn a_redirect_from_https_to_http_is_refused_even_on_this_machine() {
        assert_eq!(
            from_archive("http://ia1.us.archive.org/b.mp4"),
            Err(ProgrammeFailure::InsecureRedirect)
        );
        let start = url("https://127.0.0.1:8443/a.mp4");
        let down = follow(&start, &start, Some("http://127.0.0.1:8080/a.mp4"));
        assert_eq!(down, Err(ProgrammeFailure::InsecureRedirect));
    }

    #[test]
    fn a_redirect_to_nowhere_is_named() {
        for location in [None, Some(""), Some("https://")] {
            let start = url("https://archive.org/download/a/b.mp4");
            assert_eq!(follow(&start, &start, location), Err(ProgrammeFailure::BrokenRedirect));
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for fine in [
            "https://archive.org/x",
            "http://127.0.0.1:80/x",
            "http://[::1]/x",
            "http://localhost/x",
        ] {
            assert_eq!(check_start(&url(fine)), Ok(()), "{fine}");
        }
        for not in ["http://archive.org/x", "http://10.0.0.1/x", "ftp://127.0.0.1/x", "file:///x"] {
            assert_eq!(check_start(&url(not)), Err(ProgrammeFailure::InsecureAddress), "{not}");
        }
    }
}
