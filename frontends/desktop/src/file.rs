//! A film on this disk, told as an exchange, so that `testcard probe` reads a file exactly the way
//! the set reads the network. Never used to play.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use testcard_core::net::{ByteRange, ExchangeError, ExchangePoll, Head, Network, Request, Url};

/// One file, which answers every request whatever its address.
pub struct OneFile {
    file: File,
    length: u64,
}

/// A reading of the file from some offset on.
pub struct Reading {
    position: u64,
    head_given: bool,
}

impl OneFile {
    /// Opens the file at `path`.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
        }
        Ok(Self { file, length: metadata.len() })
    }

    /// An address that the core accepts and that nobody connects to.
    pub fn url() -> Url {
        Url::parse("http://localhost/file").expect("a literal")
    }
}

impl Network for OneFile {
    type Exchange = Reading;

    fn open(&mut self, request: &Request) -> Reading {
        Reading { position: request.range.map_or(0, ByteRange::first), head_given: false }
    }

    fn poll(&mut self, reading: &mut Reading, buf: &mut [u8]) -> ExchangePoll {
        if !reading.head_given {
            reading.head_given = true;
            let (first, length) = (reading.position, self.length);
            let (status, headers) = match first < length {
                true => {
                    let range = format!("bytes {first}-{}/{length}", length - 1);
                    (206, vec![("content-range".to_string(), range)])
                }
                false => (200, vec![("content-length".to_string(), "0".to_string())]),
            };
            return ExchangePoll::Head(Head { status, headers });
        }
        let read = self.file.seek(SeekFrom::Start(reading.position));
        match read.and_then(|_| self.file.read(buf)) {
            Ok(0) => ExchangePoll::End,
            Ok(count) => {
                reading.position += count as u64;
                ExchangePoll::Body(count)
            }
            Err(_) => ExchangePoll::Failed(ExchangeError::Disconnected),
        }
    }
}
