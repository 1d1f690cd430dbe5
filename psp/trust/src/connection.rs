//! A TLS 1.3 connection to a host that has proven to be it. Never retries, never waits on its own:
//! how long anything may take is the business of whoever polls.

use core::fmt;

use embedded_io::ErrorKind;
use embedded_io_async::{BufRead, Read, Write};
use embedded_tls::alert::AlertDescription;
use embedded_tls::{
    Aes128GcmSha256, CryptoProvider, CryptoRngCore, TlsConfig, TlsConnection, TlsContext, TlsError,
    TlsVerifier,
};
use testcard_core::net::ExchangeError;
use testcard_core::time::UnixMillis;

use crate::records::{RECORD_MAX, Records};
use crate::{Host, Refusal, Roots, Verifier};

/// How long the buffer for reading has to be, in bytes: the longest record. A server's chain of
/// certificates has to fit as well.
pub const READ_BUFFER_BYTES: usize = RECORD_MAX;

/// How long the buffer for writing should be, in bytes: a request's head is rarely longer than 1
/// KiB and may take several records; an opening handshake is about 300 bytes.
pub const WRITE_BUFFER_BYTES: usize = 4 * 1024;

/// An open connection. Dropping it does not close the stream below in TLS' way; reading requests'
/// answers needs no such farewell.
pub struct Connection<'a, S: Read + Write + 'a> {
    tls: TlsConnection<'a, Records<S>, Aes128GcmSha256>,
    is_over: bool,
}

impl<'a, S: Read + Write + 'a> Connection<'a, S> {
    /// Makes a TLS connection of a byte stream to `host`, whose certificate has to lead to one of
    /// `roots` and be valid at `now`. The buffers are to be [`READ_BUFFER_BYTES`] and
    /// [`WRITE_BUFFER_BYTES`] long. `rng` has to be good: the connection is as secret as its
    /// numbers.
    ///
    /// # Errors
    /// [`Failure::Refused`] when the server is not proven to be the host.
    pub async fn open(
        stream: S,
        read_buffer: &'a mut [u8],
        write_buffer: &'a mut [u8],
        host: Host<'_>,
        roots: &Roots,
        now: UnixMillis,
        rng: impl CryptoRngCore,
    ) -> Result<Self, Failure> {
        let mut config = TlsConfig::new().enable_rsa_signatures().with_alpn(&[b"http/1.1"]);
        if let Some(name) = host.indication() {
            config = config.with_server_name(name);
        }
        let mut verifier = Verifier::new(host, roots, now);
        let mut tls = TlsConnection::new(Records::new(stream), read_buffer, write_buffer);
        let provider = Provider { rng, verifier: &mut verifier };
        let opened = tls.open(TlsContext::new(&config, provider)).await;
        match (opened, verifier.outcome()) {
            (Ok(()), Ok(())) => Ok(Self { tls, is_over: false }),
            (Ok(()), Err(refusal)) => Err(Failure::Refused(refusal)),
            // Why the verifier has ended the handshake, it knows best.
            (Err(error), _) => Err(verifier.refusal().map_or(error.into(), Failure::Refused)),
        }
    }

    /// Sends all of it.
    ///
    /// # Errors
    /// When the stream has failed.
    pub async fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        while !bytes.is_empty() {
            let n = self.tls.write(bytes).await?;
            bytes = &bytes[n..];
        }
        Ok(self.tls.flush().await?)
    }

    /// What the server has said and was not [consumed](Self::consume) yet, at least a byte; waits
    /// for it if need be. Nothing once the server has said that nothing more comes.
    ///
    /// # Errors
    /// [`Failure::Stream`] when the stream has failed, or ended without such a word.
    pub async fn fill(&mut self) -> Result<&[u8], Failure> {
        if self.is_over {
            return Ok(&[]);
        }
        // Asked twice, because a borrow that is given back in one branch lasts through the others.
        match self.tls.fill_buf().await.map(<[u8]>::len) {
            Ok(_) => Ok(self.tls.fill_buf().await?),
            Err(TlsError::ConnectionClosed) => {
                self.is_over = true;
                Ok(&[])
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The first `n` bytes of what [`Connection::fill`] gave were used.
    pub fn consume(&mut self, n: usize) {
        if !self.is_over {
            self.tls.consume(n);
        }
    }
}

impl<'a, S: Read + Write + 'a> fmt::Debug for Connection<'a, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("is_over", &self.is_over).finish_non_exhaustive()
    }
}

/// What embedded-tls asks for randomness and for trust.
struct Provider<'v, 'a, R> {
    rng: R,
    verifier: &'v mut Verifier<'a>,
}

impl<R: CryptoRngCore> CryptoProvider for Provider<'_, '_, R> {
    type CipherSuite = Aes128GcmSha256;
    /// We have no certificate of our own, and sign nothing.
    type Signature = &'static [u8];

    fn rng(&mut self) -> impl CryptoRngCore {
        &mut self.rng
    }

    fn verifier(&mut self) -> Result<&mut impl TlsVerifier<Aes128GcmSha256>, TlsError> {
        Ok(&mut *self.verifier)
    }
}

/// Why there is no connection, or no longer.
#[derive(Clone, Copy, Debug)]
pub enum Failure {
    /// The server is not believed to be the host.
    Refused(Refusal),
    /// The stream below failed.
    Stream(ErrorKind),
    /// Client and server could not agree, or one of them broke the rules.
    Tls(TlsError),
}

impl Failure {
    /// The same in the words of [`testcard_core::net`].
    pub fn exchange_error(self) -> ExchangeError {
        match self {
            Self::Refused(_) => ExchangeError::Certificate,
            Self::Stream(_) => ExchangeError::Disconnected,
            Self::Tls(_) => ExchangeError::Tls,
        }
    }
}

impl From<TlsError> for Failure {
    fn from(error: TlsError) -> Self {
        match error {
            TlsError::Io(ErrorKind::InvalidData) => Self::Tls(TlsError::InvalidRecord),
            TlsError::Io(kind) => Self::Stream(kind),
            TlsError::IoError => Self::Stream(ErrorKind::ConnectionReset),
            error => Self::Tls(error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Stream(_) => f.write_str("the connection was cut"),
            Self::Tls(
                TlsError::HandshakeAborted(
                    _,
                    AlertDescription::HandshakeFailure | AlertDescription::ProtocolVersion,
                )
                | TlsError::InvalidCipherSuite,
            ) => f.write_str("the server does not speak TLS 1.3 as this PSP does"),
            Self::Tls(error) => write!(f, "the secure connection failed ({error:?})"),
        }
    }
}

impl core::error::Error for Failure {}
