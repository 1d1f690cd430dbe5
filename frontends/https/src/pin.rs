//! Names whose addresses are known beforehand: a recording of archive.org that is played on this
//! machine keeps its URLs. Never asks anybody, and never changes whose certificate is expected.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;
use std::str::FromStr;

use testcard_core::net::Url;

/// Says that a host's port is found at an address, without the system being asked; what curl has
/// `--resolve` for. Written `HOST:PORT:ADDRESS` or `HOST:PORT:ADDRESS:PORT`, with an IPv6 address in
/// brackets: `archive.org:443:127.0.0.1:8443`, `archive.org:443:[::1]`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Pin {
    /// The host as URLs name it: a name in ASCII, or an address, with IPv6 in brackets.
    pub host: String,
    /// The port as URLs name it, or mean it: 443 for https, 80 for http.
    pub port: u16,
    /// Where to connect instead.
    pub address: SocketAddr,
}

impl Pin {
    /// Where the host's port is, as far as `pins` say so. The last word counts, as with curl.
    pub(crate) fn find(pins: &[Self], host: &str, port: u16) -> Option<SocketAddr> {
        let says = |pin: &&Self| pin.port == port && pin.host.eq_ignore_ascii_case(host);
        pins.iter().rev().find(says).map(|pin| pin.address)
    }
}

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let host_end = match text.strip_prefix('[') {
            Some(_) => text.find(']').map(|bracket| bracket + 1),
            None => text.find(':'),
        };
        let (host, rest) = text.split_at(host_end.ok_or(PinError::Form)?);
        let rest = rest.strip_prefix(':').ok_or(PinError::Form)?;
        let (port, address) = rest.split_once(':').ok_or(PinError::Form)?;
        let port = port.parse::<NonZeroU16>().map_err(|_| PinError::Port)?.get();
        Ok(Self { host: parse_host(host)?, port, address: parse_address(address, port)? })
    }
}

/// The host as it is in a URL once that is parsed.
fn parse_host(text: &str) -> Result<String, PinError> {
    // Some end a URL's host or are no part of it; some mean more to curl than a name.
    if text.contains(['/', '\\', '?', '#', '@', '*', '+']) {
        return Err(PinError::Host);
    }
    let url = Url::parse(&format!("https://{text}/")).map_err(|_| PinError::Host)?;
    url.host_str().map(str::to_owned).ok_or(PinError::Host)
}

/// An address, at `port` unless it names another.
fn parse_address(text: &str, port: u16) -> Result<SocketAddr, PinError> {
    let address = text.parse::<SocketAddr>().ok().or_else(|| {
        let ip = match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
            Some(text) => text.parse::<Ipv6Addr>().ok()?.into(),
            None => text.parse::<Ipv4Addr>().ok()?.into(),
        };
        Some(SocketAddr::new(ip, port))
    });
    address.filter(|address| address.port() != 0).ok_or(PinError::Address)
}

/// Why a text is no [`Pin`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PinError {
    /// There are not three parts.
    Form,
    /// The first part is no host.
    Host,
    /// The second part is no port.
    Port,
    /// The third part is no address.
    Address,
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "it is not HOST:PORT:ADDRESS, such as archive.org:443:127.0.0.1",
            Self::Host => "the host is neither a name nor an address in a URL",
            Self::Port => "the host's port is not a number from 1 to 65535",
            Self::Address => {
                "the address is not an IP address with or without a port, such as 127.0.0.1, \
                 127.0.0.1:8443 or [::1]:8443"
            }
        })
    }
}

impl std::error::Error for PinError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(host: &str, port: u16, address: &str) -> Result<Pin, PinError> {
        Ok(Pin { host: host.to_owned(), port, address: address.parse().unwrap() })
    }

    #[test]
    fn a_pin_is_read_with_and_without_the_port_of_its_address() {
        for (text, read) in [
            ("archive.org:443:127.0.0.1", pin("archive.org", 443, "127.0.0.1:443")),
            ("archive.org:443:127.0.0.1:8443", pin("archive.org", 443, "127.0.0.1:8443")),
            ("archive.org:443:[::1]", pin("archive.org", 443, "[::1]:443")),
            ("archive.org:443:[::1]:8443", pin("archive.org", 443, "[::1]:8443")),
            ("[::2]:80:[::1]:8080", pin("[::2]", 80, "[::1]:8080")),
            ("192.0.2.1:65535:127.0.0.1:1", pin("192.0.2.1", 65535, "127.0.0.1:1")),
        ] {
            assert_eq!(text.parse(), read, "{text}");
        }
    }

    #[test]
    fn a_host_is_read_as_a_url_has_it() {
        for (text, host) in [
            ("Archive.ORG:443:127.0.0.1", "archive.org"),
            ("bücher.example:443:127.0.0.1", "xn--bcher-kva.example"),
            ("[0:0::1]:443:127.0.0.1", "[::1]"),
        ] {
            assert_eq!(text.parse(), pin(host, 443, "127.0.0.1:443"), "{text}");
        }
    }

    #[test]
    fn what_is_no_pin_is_refused_by_the_part_that_is_wrong() {
        for (text, error) in [
            ("", PinError::Form),
            ("archive.org", PinError::Form),
            ("archive.org:443", PinError::Form),
            ("[::1", PinError::Form),
            ("[::1]443:127.0.0.1", PinError::Form),
            (":443:127.0.0.1", PinError::Host),
            ("*:443:127.0.0.1", PinError::Host),
            ("+archive.org:443:127.0.0.1", PinError::Host),
            ("archive.org/x:443:127.0.0.1", PinError::Host),
            ("me@archive.org:443:127.0.0.1", PinError::Host),
            ("two words:443:127.0.0.1", PinError::Host),
            ("[::g]:443:127.0.0.1", PinError::Host),
            ("archive.org::127.0.0.1", PinError::Port),
            ("archive.org:0:127.0.0.1", PinError::Port),
            ("archive.org:65536:127.0.0.1", PinError::Port),
            ("archive.org:https:127.0.0.1", PinError::Port),
            ("archive.org:443:", PinError::Address),
            ("archive.org:443:::1", PinError::Address),
            ("archive.org:443:localhost", PinError::Address),
            ("archive.org:443:127.0.0.1,127.0.0.2", PinError::Address),
            ("archive.org:443:127.0.0.1:", PinError::Address),
            ("archive.org:443:127.0.0.1:0", PinError::Address),
            ("archive.org:443:[127.0.0.1]", PinError::Address),
        ] {
            assert_eq!(text.parse::<Pin>(), Err(error), "{text}");
        }
    }

    #[test]
    fn the_last_pin_of_a_host_and_port_counts_and_no_other_is_found() {
        let pins: Vec<Pin> = [
            "archive.org:443:127.0.0.1:1",
            "archive.org:80:127.0.0.1:2",
            "archive.org:443:127.0.0.1:3",
            "us.archive.org:443:127.0.0.1:4",
        ]
        .map(|text| text.parse().unwrap())
        .into();
        let port = |host, port| Pin::find(&pins, host, port).map(|address| address.port());
        assert_eq!(port("archive.org", 443), Some(3));
        assert_eq!(port("Archive.org", 80), Some(2));
        assert_eq!(port("archive.org", 8443), None);
        assert_eq!(port("www.archive.org", 443), None);
    }
}
