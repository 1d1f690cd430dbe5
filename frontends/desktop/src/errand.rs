//! A small file fetched beside the film: subtitles. On a thread of its own, through the same contract
//! as the film, following redirects by the core's rules; a few tries, a bounded answer, a bounded
//! time. Never used for anything that is played.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant as Monotonic};

use testcard_core::net::{ExchangeError, ExchangePoll, Head, Network, Request, Url};
use testcard_core::stream::{ProgrammeFailure, REDIRECTS_MAX, redirect};
use testcard_https::{Exchange, ExtraCaError, Https, Options};

/// How long one try may take.
const TRY_WITHIN: Duration = Duration::from_secs(30);

/// Pauses before the second and later tries. In the archive's bad hours about half of all requests
/// fail independently, so four in a row happen to one file in 16, which can be done without.
const PAUSES: [Duration; 3] =
    [Duration::from_secs(2), Duration::from_secs(8), Duration::from_secs(30)];

/// A file on its way. Dropping it hangs up.
pub struct Errand {
    answer: Receiver<Result<Vec<u8>, ErrandError>>,
    is_over: Arc<AtomicBool>,
    stir: Sender<()>,
}

/// Why a file did not come.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ErrandError {
    /// The exchange failed.
    Exchange(ExchangeError),
    /// Another answer than the file.
    Status(u16),
    /// A redirect that is not followed.
    Redirect(ProgrammeFailure),
    /// The file is longer than it may be, in bytes.
    TooLong(usize),
    /// It took too long.
    TimedOut,
}

impl fmt::Display for ErrandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exchange(error) => error.fmt(f),
            Self::Status(status) => write!(f, "the server answered {status}"),
            Self::Redirect(why) => write!(f, "{why}"),
            Self::TooLong(most) => write!(f, "it is longer than {most} bytes"),
            Self::TimedOut => write!(f, "the server did not answer in {} s", TRY_WITHIN.as_secs()),
        }
    }
}

impl ErrandError {
    /// Whether another try may bring something else.
    fn may_pass(&self) -> bool {
        match self {
            Self::Exchange(_) | Self::TimedOut => true,
            Self::Status(status) => *status == 429 || *status >= 500,
            Self::Redirect(_) | Self::TooLong(_) => false,
        }
    }
}

impl Errand {
    /// Fetches the file at `url`, at most `bytes_max` of it, and calls `wake` when it has come or
    /// failed to.
    ///
    /// # Errors
    /// Those of [`Https::new`].
    pub fn start(
        url: Url,
        bytes_max: usize,
        network: Options,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Self, ExtraCaError> {
        let (stir, news) = mpsc::channel();
        let stirrer = stir.clone();
        let waker = Arc::new(move || {
            // Who fetches may have stopped listening.
            let _ = stirrer.send(());
        });
        let https = Https::new(network, waker)?;
        let (say, answer) = mpsc::channel();
        let is_over = Arc::new(AtomicBool::new(false));
        let fetching = Fetch { https, news, is_over: Arc::clone(&is_over), url, bytes_max };
        let spawned = thread::Builder::new().name("errand".to_string()).spawn(move || {
            if let Some(outcome) = fetching.run() {
                // Whoever asked may be gone.
                let _ = say.send(outcome);
                wake();
            }
        });
        if let Err(error) = spawned {
            // The file never comes, which is no more than subtitles are worth.
            log::warn!("a file cannot be fetched: {error}");
        }
        Ok(Self { answer, is_over, stir })
    }

    /// The file, or why it did not come; once, when it is known.
    pub fn poll(&self) -> Option<Result<Vec<u8>, ErrandError>> {
        self.answer.try_recv().ok()
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // It may be done already.
        let _ = self.stir.send(());
    }
}

/// The thread's side.
struct Fetch {
    https: Https,
    news: Receiver<()>,
    is_over: Arc<AtomicBool>,
    url: Url,
    bytes_max: usize,
}

impl Fetch {
    /// `None`: nobody wants it any more.
    fn run(mut self) -> Option<Result<Vec<u8>, ErrandError>> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let outcome = self.fetch()?;
            match (&outcome, pauses.next()) {
                (Err(error), Some(pause)) if error.may_pass() => self.wait(pause)?,
                _ => return Some(outcome),
            }
        }
    }

    fn fetch(&mut self) -> Option<Result<Vec<u8>, ErrandError>> {
        let deadline = Monotonic::now() + TRY_WITHIN;
        let mut url = self.url.clone();
        for _ in 0..=REDIRECTS_MAX {
            let mut exchange = self.https.open(&Request { url: url.clone(), range: None });
            let head = match self.head(&mut exchange, deadline)? {
                Ok(head) => head,
                Err(error) => return Some(Err(error)),
            };
            match head.status {
                200 => return self.body(&mut exchange, deadline),
                301 | 302 | 303 | 307 | 308 => {
                    match redirect::follow(&self.url, &url, head.header("location")) {
                        Ok(next) => url = next,
                        Err(why) => return Some(Err(ErrandError::Redirect(why))),
                    }
                }
                status => return Some(Err(ErrandError::Status(status))),
            }
        }
        Some(Err(ErrandError::Redirect(ProgrammeFailure::TooManyRedirects)))
    }

    fn head(
        &mut self,
        exchange: &mut Exchange,
        deadline: Monotonic,
    ) -> Option<Result<Head, ErrandError>> {
        loop {
            match self.https.poll(exchange, &mut []) {
                ExchangePoll::Head(head) => return Some(Ok(head)),
                ExchangePoll::Failed(error) => return Some(Err(ErrandError::Exchange(error))),
                ExchangePoll::Pending | ExchangePoll::Body(_) | ExchangePoll::End => {}
            }
            if self.is_late(deadline)? {
                return Some(Err(ErrandError::TimedOut));
            }
        }
    }

    fn body(
        &mut self,
        exchange: &mut Exchange,
        deadline: Monotonic,
    ) -> Option<Result<Vec<u8>, ErrandError>> {
        let mut bytes = Vec::new();
        let mut piece = [0; 16 * 1024];
        loop {
            match self.https.poll(exchange, &mut piece) {
                ExchangePoll::Body(count) if bytes.len() + count > self.bytes_max => {
                    return Some(Err(ErrandError::TooLong(self.bytes_max)));
                }
                ExchangePoll::Body(count) => bytes.extend_from_slice(&piece[..count]),
                ExchangePoll::End => return Some(Ok(bytes)),
                ExchangePoll::Failed(error) => return Some(Err(ErrandError::Exchange(error))),
                ExchangePoll::Pending | ExchangePoll::Head(_) => {
                    if self.is_late(deadline)? {
                        return Some(Err(ErrandError::TimedOut));
                    }
                }
            }
        }
    }

    /// Waits until the network has news; whether it is too late for them. `None`: nobody waits.
    fn is_late(&self, deadline: Monotonic) -> Option<bool> {
        let left = deadline.saturating_duration_since(Monotonic::now());
        // Woken or not, the next poll tells.
        let _ = self.news.recv_timeout(left);
        (!self.is_over.load(Ordering::SeqCst)).then_some(left.is_zero())
    }

    /// Lets time pass, whatever the network has to say. `None`: nobody waits.
    fn wait(&self, pause: Duration) -> Option<()> {
        let deadline = Monotonic::now() + pause;
        while !self.is_late(deadline)? {}
        Some(())
    }
}
