//! Addresses of names. The firmware looks a name up in one call of up to many seconds, so a thread
//! of its own does it, and nobody else waits. (It has a call that does not wait, of which nobody
//! says how it ends, and which PPSSPP does not have.) Addresses are kept for a while, a few of
//! them.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::future::poll_fn;
use core::net::Ipv4Addr;
use core::task::Poll;
use core::time::Duration;

use psp::sys;
use testcard_core::time::{Clock, Instant};

use super::Up;
use super::inet;
use super::socket::Address;
use crate::runtime::clock::ConsoleClock;
use crate::runtime::log;
use crate::runtime::sync::{Bell, Mutex};
use crate::runtime::thread::{self, NoThread, Role};

/// How many names are known or asked for at a time: the archive, two nodes, and as many again.
const NAMES_MAX: usize = 8;

/// The longest name, in bytes (RFC 1035 §2.3.4).
const NAME_BYTES_MAX: usize = 253;

/// How long an address is good for. The firmware does not tell what the server says; the archive's
/// own say 5 to 10 minutes.
const GOOD_FOR: Duration = Duration::from_secs(300);

/// How long a name server may take, in seconds, and how often it is asked again.
const TIMEOUT_S: u32 = 4;
const RETRIES: i32 = 2;

/// What the firmware works in while it looks up a name; pspdev's examples give it as much.
const WORK_BYTES: usize = 1024;

/// Looks up names.
pub struct Resolver(Arc<Shared>);

struct Shared {
    names: Mutex<Vec<Entry>>,
    /// Rung when a name was added.
    asked: Bell,
}

struct Entry {
    name: String,
    state: State,
    /// When that became its state.
    since: Instant,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum State {
    Asked,
    Known(Address),
    Unknown,
}

/// A name has no address, or nobody could be asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoAddress;

impl fmt::Display for NoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host's name could not be found")
    }
}

impl Resolver {
    /// Starts the thread that asks.
    pub fn start(up: Up) -> Result<Self, NoThread> {
        let names = Mutex::new(Vec::with_capacity(NAMES_MAX));
        let shared = Arc::new(Shared { names, asked: Bell::new() });
        let theirs = shared.clone();
        thread::spawn(&Role::NAMES, move || theirs.answer(up))?;
        Ok(Self(shared))
    }

    /// The address of a host: a name, or an IPv4 address in words, for which nobody is asked. An
    /// IPv6 address has none that the firmware could use.
    pub async fn address(&self, host: &str) -> Result<Address, NoAddress> {
        if let Ok(address) = host.parse::<Ipv4Addr>() {
            return Ok(address.octets());
        }
        if host == "localhost" {
            return Ok([127, 0, 0, 1]);
        }
        if host.len() > NAME_BYTES_MAX || host.bytes().any(|byte| byte == 0 || byte == b':') {
            return Err(NoAddress);
        }
        let mut asked = false;
        poll_fn(|_| self.0.look_up(host, core::mem::replace(&mut asked, true))).await
    }

    /// Forgets an address that led nowhere.
    pub fn forget(&self, host: &str) {
        self.0.names.lock().retain(|entry| entry.name != host || entry.state == State::Asked);
    }
}

impl Shared {
    /// `asked`: whether whoever asks now has asked before, and takes the answer that there is none.
    fn look_up(&self, name: &str, asked: bool) -> Poll<Result<Address, NoAddress>> {
        let now = ConsoleClock::new().now();
        let mut names = self.names.lock();
        let at = names.iter().position(|entry| entry.name == name);
        match at.map(|at| (names[at].state, names[at].since)) {
            Some((State::Asked, _)) => return Poll::Pending,
            Some((State::Known(address), since)) if asked || now.since(since) < GOOD_FOR => {
                return Poll::Ready(Ok(address));
            }
            Some((State::Unknown, _)) if asked => return Poll::Ready(Err(NoAddress)),
            _ => {}
        }
        if let Some(at) = at {
            names.remove(at);
        }
        if names.len() == NAMES_MAX {
            // The oldest that nobody is waiting for; there is one unless all are being asked for.
            match names.iter().position(|entry| entry.state != State::Asked) {
                Some(at) => drop(names.remove(at)),
                None => return Poll::Pending,
            }
        }
        names.push(Entry { name: name.into(), state: State::Asked, since: now });
        self.asked.ring();
        Poll::Pending
    }

    /// What the thread does.
    fn answer(&self, up: Up) {
        let mut work = alloc::vec![0u8; WORK_BYTES];
        loop {
            let next = || {
                let names = self.names.lock();
                names.iter().find(|entry| entry.state == State::Asked).map(|e| e.name.clone())
            };
            let Some(name) = next() else {
                self.asked.wait(Duration::from_secs(3600));
                continue;
            };
            let address = ask(up, &name, &mut work);
            if address.is_err() {
                log::line(format_args!("{name}: {NoAddress}"));
            }
            let since = ConsoleClock::new().now();
            let mut names = self.names.lock();
            if let Some(entry) = names.iter_mut().find(|entry| entry.name == name) {
                entry.state = address.map_or(State::Unknown, State::Known);
                entry.since = since;
            }
        }
    }
}

/// Asks, and waits for the answer.
fn ask(_: Up, name: &str, work: &mut [u8]) -> Result<Address, NoAddress> {
    let mut text = Vec::with_capacity(name.len() + 1);
    text.extend_from_slice(name.as_bytes());
    text.push(0);
    let (mut resolver, mut address) = (0, [0; 4]);
    // SAFETY: the working memory is as long as it says and outlives the resolver, the name ends
    // with a zero, and an address is four bytes.
    let code = unsafe {
        let bytes = work.len() as u32;
        let code = sys::sceNetResolverCreate(&mut resolver, work.as_mut_ptr().cast(), bytes);
        if code < 0 {
            return Err(NoAddress);
        }
        let code = inet::sceNetResolverStartNtoA(
            resolver,
            text.as_ptr(),
            &mut address,
            TIMEOUT_S,
            RETRIES,
        );
        sys::sceNetResolverDelete(resolver);
        code
    };
    // Some firmware and some emulators answer that all is well with no address.
    if code < 0 || address == [0; 4] || address == [255; 4] { Err(NoAddress) } else { Ok(address) }
}
