//! Whom a connection is to lead to, as a URL names it.

use rustls_pki_types::ServerName;

use crate::Refusal;

/// A host that certificates can be for: a name, or an IP address. Which of both is told from the
/// text, as a certificate for the one is none for the other (RFC 9525 §6.5).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Host<'a> {
    text: &'a str,
    name: ServerName<'a>,
}

impl<'a> Host<'a> {
    /// The host of a URL: `archive.org`, `127.0.0.1`, `[::1]`.
    ///
    /// # Errors
    /// [`Refusal::WrongHost`] for what no certificate can be for.
    pub fn new(text: &'a str) -> Result<Self, Refusal> {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        let name = ServerName::try_from(bare).map_err(|_| Refusal::WrongHost)?;
        Ok(Self { text: bare, name })
    }

    /// As certificates name it.
    pub(crate) fn name(&self) -> &ServerName<'a> {
        &self.name
    }

    /// The host as it was given, without brackets.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// What a server is told (RFC 6066 §3): names only, never addresses.
    pub(crate) fn indication(&self) -> Option<&'a str> {
        matches!(self.name, ServerName::DnsName(_)).then_some(self.text)
    }
}
