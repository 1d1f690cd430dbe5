//! Sessions as HAR 1.2 files, which browsers and other tools read and write, and back.
//!
//! HAR knows requests, heads, bodies and three durations for each exchange. It does not know when a
//! body came piece by piece, that an exchange failed, was hung up or is still open, bytes that are
//! not there but could be made again, nor what was watched and what the TV made of it. All that goes
//! into fields named `_testcard`, as HAR provides for (§5.1): whoever does not know them loses it,
//! and [`import`] gets it back. The format's own fields are then read too, so that a request or a
//! head that was edited stays so. Lost in any case are the cuts between literal segments of a body.
//!
//! A file from elsewhere, of a browser for example, is imported as if the browser had been recorded:
//! through a [`testcard_session::Recorder`], so that the same secrets become placeholders and the
//! same bytes are kept. What it leaves open is decided as little as possible:
//!
//! - A body comes at an even pace between `wait` and the end of `receive`.
//! - Bytes that are not in the file are elided. Nobody knows their hash: it is given as all zeros.
//! - A body shorter than its `Content-Length` was hung up by the browser; no status is a failure.
//! - What was watched is the first film asked for at archive.org, from its start. There is no trace.
//!
//! Times of day come from when the session was recorded. One that was made up counts from
//! 1970-01-01, and says so.

mod export;
mod foreign;
mod own;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use testcard_session::Session;

pub use self::export::export;

/// The longest HAR file read, in bytes. Browsers put whole films into them.
pub const HAR_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The version of what is in `_testcard`.
const SCHEMA: u32 = 1;

/// A session from a HAR file, and what of the file is not in it.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The session.
    pub session: Session,
    /// The entries that a session cannot have, by their numbers from 1, and why not.
    pub left_out: Vec<(usize, String)>,
}

/// Makes a session of a HAR file.
pub fn import(json: &[u8]) -> Result<Imported, ImportError> {
    if json.len() > HAR_BYTES_MAX {
        return Err(ImportError::TooLarge);
    }
    let file: File = serde_json::from_slice(json).map_err(ImportError::NotHar)?;
    if !file.log.version.starts_with("1.") {
        return Err(ImportError::Version(file.log.version.chars().take(20).collect()));
    }
    match &file.log.testcard {
        Some(whole) => {
            let schema = whole.get("schema").and_then(Value::as_u64);
            if schema != Some(u64::from(SCHEMA)) {
                return Err(ImportError::Schema(schema));
            }
            let session = own::session(&file.log, whole)?;
            Ok(Imported { session, left_out: Vec::new() })
        }
        None => foreign::session(&file.log),
    }
}

/// Why a HAR file cannot be imported.
#[derive(Debug)]
pub enum ImportError {
    /// It has more than [`HAR_BYTES_MAX`] bytes.
    TooLarge,
    /// It is not JSON, or not HAR.
    NotHar(serde_json::Error),
    /// It is of another version of HAR, which it names.
    Version(String),
    /// Its `_testcard` fields are of another version; which, if they say it.
    Schema(Option<u64>),
    /// An entry, by its number from 1, is not as it should be: how not.
    Entry(usize, String),
    /// The log as a whole is not as it should be: how not.
    Log(String),
    /// There is nothing in it that a session could have.
    Empty,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => {
                write!(f, "the file has more than {} MiB", HAR_BYTES_MAX / 1024 / 1024)
            }
            Self::NotHar(error) => write!(f, "the file is not HAR: {error}"),
            Self::Version(version) => {
                write!(f, "the file is HAR {version:?}; only versions 1.x can be read")
            }
            Self::Schema(Some(schema)) => write!(
                f,
                "the file's _testcard fields are of version {schema}, and this program reads \
                 version {SCHEMA}; use the program that wrote it"
            ),
            Self::Schema(None) => {
                f.write_str("the file's _testcard field has no schema; remove it, or repair it")
            }
            Self::Entry(number, what) => write!(f, "entry {number}: {what}"),
            Self::Log(what) => write!(f, "the log's _testcard field: {what}"),
            Self::Empty => f.write_str("the file has no GET request over http or https"),
        }
    }
}

impl std::error::Error for ImportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NotHar(error) => Some(error),
            _ => None,
        }
    }
}

/// What is read of a HAR file, and written of one: HAR 1.2, §4. Files of browsers lack much of what
/// the format asks for; what has a default is not missed.
#[derive(Debug, Deserialize, Serialize)]
struct File {
    log: Log,
}

#[derive(Debug, Deserialize, Serialize)]
struct Log {
    #[serde(default = "version")]
    version: String,
    #[serde(default)]
    creator: Creator,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    entries: Vec<Entry>,
    #[serde(rename = "_testcard", skip_serializing_if = "Option::is_none")]
    testcard: Option<Value>,
}

/// What a file has that names no version (§4.1).
fn version() -> String {
    "1.1".to_owned()
}

#[derive(Debug, Default, Deserialize, Serialize)]
struct Creator {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    started_date_time: String,
    #[serde(default)]
    time: Option<f64>,
    request: Request,
    response: Response,
    #[serde(default)]
    cache: Cache,
    #[serde(default)]
    timings: Timings,
    #[serde(rename = "_testcard", skip_serializing_if = "Option::is_none")]
    testcard: Option<Value>,
}

/// Nothing is kept in a cache.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Cache {}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    method: String,
    url: String,
    #[serde(default)]
    http_version: String,
    #[serde(default)]
    cookies: Vec<Value>,
    #[serde(default)]
    headers: Vec<Pair>,
    #[serde(default)]
    query_string: Vec<Pair>,
    #[serde(default)]
    headers_size: Option<i64>,
    #[serde(default)]
    body_size: Option<i64>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    /// 0 where no answer came.
    status: i64,
    #[serde(default)]
    status_text: String,
    #[serde(default)]
    http_version: String,
    #[serde(default)]
    cookies: Vec<Value>,
    #[serde(default)]
    headers: Vec<Pair>,
    #[serde(default)]
    content: Content,
    #[serde(rename = "redirectURL", default)]
    redirect_url: Option<String>,
    #[serde(default)]
    headers_size: Option<i64>,
    #[serde(default)]
    body_size: Option<i64>,
    /// Chromium's: why no answer came, or not all of it.
    #[serde(rename = "_error", default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Pair {
    #[serde(default)]
    name: String,
    #[serde(default)]
    value: String,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    #[serde(default)]
    size: Option<i64>,
    #[serde(default)]
    mime_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encoding: Option<String>,
}

/// Milliseconds; -1 where nobody knows (§4.2.16).
#[derive(Debug, Deserialize, Serialize)]
struct Timings {
    #[serde(default)]
    blocked: Option<f64>,
    #[serde(default)]
    dns: Option<f64>,
    #[serde(default)]
    connect: Option<f64>,
    #[serde(default)]
    send: Option<f64>,
    #[serde(default)]
    wait: Option<f64>,
    #[serde(default)]
    receive: Option<f64>,
    #[serde(default)]
    ssl: Option<f64>,
}

impl Default for Timings {
    fn default() -> Self {
        let unknown = Some(-1.0);
        Self {
            blocked: unknown,
            dns: unknown,
            connect: unknown,
            send: Some(0.0),
            wait: Some(0.0),
            receive: Some(0.0),
            ssl: unknown,
        }
    }
}
