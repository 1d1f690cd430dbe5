//! Asks archive.org, politely: one question at a time and at most one a second, an answer that came
//! within a day from disk, patience when it is busy, and never for long. Redirects are followed by
//! the core's rules. Knows nothing of what the answers mean; whoever asks says whether one is any
//! good.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use testcard_core::net::{ExchangeError, ExchangePoll, Head, Network, Request, Url};
use testcard_core::stream::{ProgrammeFailure, REDIRECTS_MAX, redirect};
use testcard_https::{Exchange, ExtraCaError, Https, Options};

use crate::logging::without_secrets;

use super::cache::Cache;

/// From one question to the next. archive.org publishes no limit but asks for delays; this is our
/// own.
const PACE: Duration = Duration::from_secs(1);

/// Pauses before the second and later tries, unless `Retry-After` says something else. If half of
/// all requests failed independently of each other, as downloads were seen to in bad hours, five
/// failures in a row would happen to one question in thirty.
const PAUSES: [Duration; 4] = [
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
];

/// The longest that `Retry-After` is heeded; who asks for more is told so to the person.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(120);

/// How long an answer may take, from the question to its last byte.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// The longest answer. An entry of a file is some 300 bytes, so this is room for 50,000 of them.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// Someone who asks questions.
pub struct Client {
    https: Https,
    news: Receiver<()>,
    cache: Cache,
    manners: Manners,
    asked_at: Option<Instant>,
}

/// How long to wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Manners {
    pace: Duration,
    pauses: [Duration; 4],
}

/// Why there is no answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AskError {
    /// The exchange failed, every time.
    Exchange(ExchangeError),
    /// It took too long, every time.
    TimedOut,
    /// The server refuses.
    Status(u16),
    /// The server is busy, every time.
    Busy(u16),
    /// The server asks for more patience than there is, in seconds.
    Later(u64),
    /// A redirect that is not followed, or an address that is not asked.
    Address(ProgrammeFailure),
    /// The answer is longer than this many bytes.
    TooLong(usize),
    /// The server says that something is wrong with the question; in its words.
    Refused(String),
    /// The answer is none, every time; what is wrong with it.
    Nonsense(String),
}

impl AskError {
    /// Whether another try, in a moment, may bring an answer.
    fn may_pass(&self) -> bool {
        match self {
            Self::Exchange(error) => !matches!(
                error,
                ExchangeError::NameNotFound | ExchangeError::Certificate | ExchangeError::Tls
            ),
            Self::TimedOut | Self::Busy(_) | Self::Nonsense(_) => true,
            Self::Status(_) | Self::Later(_) | Self::Address(_) => false,
            Self::TooLong(_) | Self::Refused(_) => false,
        }
    }

    /// Whether nobody answered, or only with errors of their own: another day may bring an answer.
    pub fn is_network(&self) -> bool {
        match self {
            Self::Exchange(_) | Self::TimedOut | Self::Busy(_) | Self::Later(_) => true,
            Self::Nonsense(_) => true,
            Self::Status(_) | Self::Address(_) | Self::TooLong(_) | Self::Refused(_) => false,
        }
    }
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exchange(error) => write!(f, "{error}"),
            Self::TimedOut => write!(f, "no answer within {} s", ANSWER_WITHIN.as_secs()),
            Self::Status(status) => write!(f, "the server answered {status}"),
            Self::Busy(status) => {
                write!(f, "the server is busy (it answered {status}); try again in some minutes")
            }
            Self::Later(seconds) => {
                write!(f, "the server is busy and asks to be asked again in {seconds} s")
            }
            Self::Address(why) => write!(f, "{why}"),
            Self::TooLong(most) => write!(f, "the answer is longer than {most} bytes"),
            Self::Refused(words) => write!(f, "the server says {words:?}"),
            Self::Nonsense(what) => write!(f, "the answer makes no sense: {what}"),
        }
    }
}

/// What is wrong with an answer.
pub enum Wrong {
    /// The question; in the server's words.
    Question(String),
    /// The answer, this time.
    Answer(String),
}

impl Client {
    /// Asks servers at or beside `base` and keeps answers in `cache`.
    ///
    /// # Errors
    /// Those of [`Https::new`].
    pub fn new(base: &Url, network: Options, cache: Cache) -> Result<Self, ExtraCaError> {
        let (stir, news) = mpsc::channel();
        let waker = move || {
            // Nobody listens between questions.
            let _ = stir.send(());
        };
        let https = Https::new(network, Arc::new(waker))?;
        Ok(Self { https, news, cache, manners: Manners::towards(base), asked_at: None })
    }

    /// What `read` makes of the answer at `url`: one of the last day from disk, else a new one.
    /// Takes as long as it takes: with all tries some five minutes at most.
    ///
    /// # Errors
    /// Why there is none after a few tries.
    pub fn ask<T>(
        &mut self,
        url: &Url,
        read: impl Fn(&[u8]) -> Result<T, Wrong>,
    ) -> Result<T, AskError> {
        if let Some(answer) = self.cache.get(url)
            && let Ok(value) = read(&answer)
        {
            return Ok(value);
        }
        redirect::check_start(url).map_err(AskError::Address)?;
        let mut pauses = self.manners.pauses.into_iter();
        loop {
            let (error, retry_after) = match self.try_once(url) {
                Ok(answer) => match read(&answer) {
                    Ok(value) => {
                        self.cache.put(url, &answer);
                        return Ok(value);
                    }
                    Err(Wrong::Question(words)) => return Err(AskError::Refused(words)),
                    Err(Wrong::Answer(what)) => (AskError::Nonsense(what), None),
                },
                Err(refusal) => refusal,
            };
            let pause = pauses.next().filter(|_| error.may_pass());
            let Some(pause) = pause else { return Err(error) };
            let pause = match retry_after {
                Some(asked) if asked > RETRY_AFTER_MAX => {
                    return Err(AskError::Later(asked.as_secs()));
                }
                Some(asked) => asked.max(pause),
                None => pause,
            };
            let url = without_secrets(url.as_str());
            log::info!("{url}: {error}; asking again in {} s", pause.as_secs_f32());
            thread::sleep(pause);
        }
    }

    /// One answer, or why there is none and how long the server would be left alone.
    fn try_once(&mut self, url: &Url) -> Result<Vec<u8>, (AskError, Option<Duration>)> {
        let mut current = url.clone();
        for _ in 0..=REDIRECTS_MAX {
            thread::sleep(self.manners.wait(self.asked_at, Instant::now()));
            let asked_at = Instant::now();
            self.asked_at = Some(asked_at);
            let deadline = asked_at + ANSWER_WITHIN;
            log::debug!("asking {}", without_secrets(current.as_str()));
            let mut exchange = self.https.open(&Request { url: current.clone(), range: None });
            let head = self.head(&mut exchange, deadline).map_err(|error| (error, None))?;
            match head.status {
                200 => return self.body(&mut exchange, deadline).map_err(|error| (error, None)),
                301 | 302 | 303 | 307 | 308 => {
                    current = redirect::follow(url, &current, head.header("location"))
                        .map_err(|why| (AskError::Address(why), None))?;
                }
                status @ (429 | 500..) => {
                    let asked = head.header("retry-after");
                    let asked = asked.and_then(|value| retry_after(value, Timestamp::now()));
                    return Err((AskError::Busy(status), asked));
                }
                status => return Err((AskError::Status(status), None)),
            }
        }
        Err((AskError::Address(ProgrammeFailure::TooManyRedirects), None))
    }

    fn head(&mut self, exchange: &mut Exchange, deadline: Instant) -> Result<Head, AskError> {
        loop {
            match self.https.poll(exchange, &mut []) {
                ExchangePoll::Head(head) => return Ok(head),
                ExchangePoll::Failed(error) => return Err(AskError::Exchange(error)),
                ExchangePoll::Pending | ExchangePoll::Body(_) | ExchangePoll::End => {}
            }
            self.wait_for_news(deadline)?;
        }
    }

    fn body(&mut self, exchange: &mut Exchange, deadline: Instant) -> Result<Vec<u8>, AskError> {
        let mut bytes = Vec::new();
        let mut piece = [0; 16 * 1024];
        loop {
            match self.https.poll(exchange, &mut piece) {
                ExchangePoll::Body(count) if bytes.len() + count > BYTES_MAX => {
                    return Err(AskError::TooLong(BYTES_MAX));
                }
                ExchangePoll::Body(count) => bytes.extend_from_slice(&piece[..count]),
                ExchangePoll::End => return Ok(bytes),
                ExchangePoll::Failed(error) => return Err(AskError::Exchange(error)),
                ExchangePoll::Pending | ExchangePoll::Head(_) => self.wait_for_news(deadline)?,
            }
        }
    }

    /// Waits until the network has news. Those of an exchange long over wake it too, which costs a
    /// poll.
    fn wait_for_news(&self, deadline: Instant) -> Result<(), AskError> {
        let left = deadline.saturating_duration_since(Instant::now());
        let _ = self.news.recv_timeout(left);
        if left.is_zero() { Err(AskError::TimedOut) } else { Ok(()) }
    }
}

impl Manners {
    /// A server on this machine is a test's, and nobody else's to be spared.
    fn towards(base: &Url) -> Self {
        let host = base.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let is_here = host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        match is_here {
            true => Self { pace: Duration::ZERO, pauses: [Duration::from_millis(10); 4] },
            false => Self { pace: PACE, pauses: PAUSES },
        }
    }

    /// How long to wait before the next question.
    fn wait(&self, asked_at: Option<Instant>, now: Instant) -> Duration {
        asked_at.map_or(Duration::ZERO, |at| (at + self.pace).saturating_duration_since(now))
    }
}

/// The value of `Retry-After` (RFC 9110 §10.2.3): seconds, or a date.
fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if value.bytes().all(|b| b.is_ascii_digit()) {
        return value.parse().ok().map(Duration::from_secs);
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    let seconds = date.as_second().saturating_sub(now.as_second());
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn the_archive_is_asked_once_a_second_and_this_machine_at_once() {
        let manners = Manners::towards(&url("https://archive.org"));
        let now = Instant::now();
        assert_eq!(manners.wait(None, now), Duration::ZERO);
        assert_eq!(manners.wait(Some(now), now), Duration::from_secs(1));
        let later = now + Duration::from_millis(300);
        assert_eq!(manners.wait(Some(now), later), Duration::from_millis(700));
        assert_eq!(manners.wait(Some(now), now + Duration::from_secs(5)), Duration::ZERO);
        for here in ["https://localhost:8443", "https://127.0.0.1", "http://[::1]:80"] {
            assert_eq!(Manners::towards(&url(here)).pace, Duration::ZERO, "{here}");
        }
        for there in ["https://localhost.example", "https://10.0.0.1"] {
            assert_eq!(Manners::towards(&url(there)).pace, PACE, "{there}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-11-20T20:42:00Z".parse().unwrap();
        for (value, seconds) in [
            ("30", Some(30)),
            (" 0 ", Some(0)),
            ("Fri, 20 Nov 2026 20:42:30 GMT", Some(30)),
            ("Fri, 20 Nov 2026 20:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
            ("99999999999999999999999", None),
        ] {
            assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value:?}");
        }
    }
}
