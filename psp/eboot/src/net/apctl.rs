//! The Wi-Fi connection: made with the first network that a person has set up on the PSP, watched,
//! and made again after it was lost, the console slept, or the switch was off. Nothing here waits
//! for anything; whoever shows the state polls, some times a second.

use core::ffi::c_void;
use core::fmt;
use core::sync::atomic::{AtomicI32, Ordering};
use core::time::Duration;

use psp::sys::{self, ApctlInfo, NetModule};
use testcard_core::time::Instant;

use super::inet;
use crate::runtime::{log, thread};

/// The networks that the firmware's settings hold, counted from one.
const PROFILES: core::ops::RangeInclusive<i32> = 1..=10;

/// What the firmware's stack may take for packets, and its threads for their stacks; the numbers of
/// pspdev's examples. Comes from the kernel's memory, not from our heap.
const POOL_BYTES: i32 = 128 * 1024;
const STACK_BYTES: i32 = 4 * 1024;
const PRIORITY: i32 = thread::FIRMWARE_NETWORK_PRIORITY;
const APCTL_STACK_BYTES: i32 = 0x1600;

/// How long connecting may take as a whole. A PSP takes 5 to 15 seconds.
const PATIENCE: Duration = Duration::from_secs(45);

/// How long the firmware may look idle after it was asked to connect.
const BEFORE_THE_FIRST_STEP: Duration = Duration::from_secs(5);

/// How long to leave it alone after so many failures in a row.
const PAUSES: [Duration; 3] =
    [Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(15)];

/// States of the firmware (`PSP_NET_APCTL_STATE_…` of pspdev's `pspnet_apctl.h`).
mod state {
    pub const DISCONNECTED: i32 = 0;
    pub const SCANNING: i32 = 1;
    pub const GETTING_IP: i32 = 3;
    pub const GOT_IP: i32 = 4;
}

/// Events of the firmware: it could not, and why.
const EVENT_ERROR: i32 = 6;

/// It is connecting or connected already.
const NOT_DISCONNECTED: i32 = 0x8041_0a04_u32.cast_signed();

/// Our own code where the firmware has said nothing: what it calls a timeout.
const TIMEOUT: i32 = 0x8041_0a0b_u32.cast_signed();

/// Why the last attempt failed, as the firmware's thread says it.
static LAST_ERROR: AtomicI32 = AtomicI32::new(0);

/// The network's libraries are loaded: without that, their functions are not there to be called.
#[derive(Clone, Copy, Debug)]
pub struct Up(());

/// The Wi-Fi connection.
#[derive(Debug)]
pub struct Link {
    phase: Phase,
    state: LinkState,
    failures: usize,
    /// The one of the [`PROFILES`] to use; the first that is set up where that is not.
    profile: Option<u8>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    SwitchOff,
    /// Not to be tried before then.
    Waiting(Instant),
    Connecting {
        since: Instant,
        started: bool,
    },
    Connected,
}

/// What there is to say about the connection. [`fmt::Display`] says it in a sentence or two that
/// fit a line of the screen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LinkState {
    /// The switch for Wi-Fi is off.
    SwitchOff,
    /// No network is set up on this PSP.
    NoProfile,
    /// It is being made.
    Connecting(Step),
    /// It is there.
    Connected(Ip),
    /// It could not be made, or was lost; it will be tried again. The firmware's code.
    Failed(i32),
}

/// How far connecting has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// About to.
    Starting,
    /// Looking for the access point.
    Searching,
    /// Joining its network, with the password if it has one.
    Joining,
    /// Waiting for an address.
    GettingAddress,
}

/// An address in words, as the firmware gives it.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Ip([u8; 16]);

impl fmt::Display for Ip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.split(|&byte| byte == 0).next().unwrap_or_default();
        f.write_str(core::str::from_utf8(text).unwrap_or("an address"))
    }
}

impl fmt::Debug for Ip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for LinkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SwitchOff => f.write_str("Wi-Fi is off: slide the WLAN switch"),
            Self::NoProfile => {
                f.write_str("No Wi-Fi set up: see the PSP's Settings, Network Settings")
            }
            Self::Connecting(Step::Starting) => f.write_str("Connecting to Wi-Fi"),
            Self::Connecting(Step::Searching) => f.write_str("Looking for the access point"),
            Self::Connecting(Step::Joining) => f.write_str("Joining the Wi-Fi network"),
            Self::Connecting(Step::GettingAddress) => f.write_str("Waiting for an address"),
            Self::Connected(ip) => write!(f, "Connected as {ip}"),
            Self::Failed(code) => write!(f, "{} ({code:08x})", advice(*code)),
        }
    }
}

/// What has happened, and what to do. The codes are those that the firmware's own menu shows.
fn advice(code: i32) -> &'static str {
    match code.cast_unsigned() {
        0x8041_0106 | 0x8041_0107 => "No access point found: is it on, and near?",
        0x8041_0502..=0x8041_0505 => "The access point gives no address: restart it?",
        0x8041_0a06 | 0x8041_0d0c => "Wi-Fi was switched off",
        0x8041_0a07 | 0x8041_0a05 => "The access point is out of reach",
        0x8041_0a08 => "The access point has hung up",
        0x8041_0a0a | 0x8041_0d16 => "The PSP was asleep; connecting again",
        0x8041_0a0b | 0x8041_0d11 => "The access point does not answer",
        0x8041_0d06..=0x8041_0d0b | 0x8041_0d10 => {
            "The access point refuses: is the password right?"
        }
        _ => "Wi-Fi failed; trying again",
    }
}

/// The network's libraries could not be started.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NetError {
    /// The firmware's function that has failed.
    pub what: &'static str,
    /// What it gave.
    pub code: i32,
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the PSP's network could not be started: {} gave {:08x}", self.what, self.code)
    }
}

impl Link {
    /// Loads the firmware's libraries and starts them, once. `profile` is the one to use of the
    /// networks that are set up on the console, counted from one, if its owner has a wish. Takes
    /// some tenths of a second on a console.
    ///
    /// # Errors
    /// When one of them does not start: no memory for it, or firmware older than 2.00.
    pub fn start(profile: Option<u8>) -> Result<(Self, Up), NetError> {
        let check = |what, code| match code {
            0.. => Ok(()),
            code => Err(NetError { what, code }),
        };
        // SAFETY: in the order that they need each other.
        unsafe {
            check("NetCommon", sys::sceUtilityLoadNetModule(NetModule::NetCommon))?;
            check("NetInet", sys::sceUtilityLoadNetModule(NetModule::NetInet))?;
            let (p, s) = (PRIORITY, STACK_BYTES);
            check("sceNetInit", inet::sceNetInit(POOL_BYTES, p, s, p, s))?;
            check("sceNetInetInit", sys::sceNetInetInit())?;
            check("sceNetResolverInit", sys::sceNetResolverInit())?;
            check("sceNetApctlInit", sys::sceNetApctlInit(APCTL_STACK_BYTES, PRIORITY))?;
            check(
                "sceNetApctlAddHandler",
                sys::sceNetApctlAddHandler(Some(heard), core::ptr::null_mut()),
            )?;
        }
        let link = Self {
            phase: Phase::Waiting(Instant::ZERO),
            state: LinkState::Connecting(Step::Starting),
            failures: 0,
            profile,
        };
        Ok((link, Up(())))
    }

    /// The state as it was last seen.
    pub fn state(&self) -> LinkState {
        self.state
    }

    /// Looks what has become of it, goes on with it, and says what there is to say.
    pub fn poll(&mut self, now: Instant) -> LinkState {
        let before = self.state;
        self.go_on(now);
        if self.state != before {
            log::line(format_args!("Wi-Fi: {}", self.state));
        }
        self.state
    }

    fn go_on(&mut self, now: Instant) {
        // SAFETY: only asks.
        if unsafe { sys::sceWlanGetSwitchState() } == 0 {
            if self.phase != Phase::SwitchOff {
                disconnect();
                (self.phase, self.state) = (Phase::SwitchOff, LinkState::SwitchOff);
            }
            return;
        }
        match self.phase {
            Phase::SwitchOff => {
                self.failures = 0;
                self.connect(now);
            }
            Phase::Waiting(until) if now >= until => self.connect(now),
            Phase::Waiting(_) => {}
            Phase::Connecting { since, started } => self.watch(since, started, now),
            Phase::Connected => match firmware_state() {
                state::GOT_IP => {}
                _ => {
                    // Lost, or the console has slept: at once, and only then with pauses.
                    log::line(format_args!("Wi-Fi: lost ({:08x})", last_error()));
                    disconnect();
                    self.connect(now);
                }
            },
        }
    }

    fn connect(&mut self, now: Instant) {
        // SAFETY: only asks.
        let is_set_up = |profile: &i32| unsafe { sys::sceUtilityCheckNetParam(*profile) } == 0;
        let Some(profile) = self.profile.map(i32::from).into_iter().chain(PROFILES).find(is_set_up)
        else {
            (self.phase, self.state) = (Phase::Waiting(now + PAUSES[1]), LinkState::NoProfile);
            return;
        };
        LAST_ERROR.store(0, Ordering::Relaxed);
        // SAFETY: takes a number.
        match unsafe { sys::sceNetApctlConnect(profile) } {
            0.. => {
                self.phase = Phase::Connecting { since: now, started: false };
                self.state = LinkState::Connecting(Step::Starting);
            }
            code => {
                if code == NOT_DISCONNECTED {
                    disconnect();
                }
                self.fail(code, now);
            }
        }
    }

    /// Looks how far connecting has come.
    fn watch(&mut self, since: Instant, started: bool, now: Instant) {
        let waited = now.since(since);
        let step = match firmware_state() {
            state::GOT_IP => {
                self.failures = 0;
                (self.phase, self.state) = (Phase::Connected, LinkState::Connected(own_address()));
                return;
            }
            state::DISCONNECTED => {
                let error = last_error();
                if error != 0 || started || waited > BEFORE_THE_FIRST_STEP {
                    return self.fail(if error == 0 { TIMEOUT } else { error }, now);
                }
                Step::Starting
            }
            state::SCANNING => Step::Searching,
            state::GETTING_IP => Step::GettingAddress,
            // Joining, which is 2, and what comes with passwords.
            _ => Step::Joining,
        };
        if waited > PATIENCE {
            disconnect();
            return self.fail(TIMEOUT, now);
        }
        self.phase = Phase::Connecting { since, started: started || step != Step::Starting };
        self.state = LinkState::Connecting(step);
    }

    fn fail(&mut self, code: i32, now: Instant) {
        let pause = PAUSES[self.failures.min(PAUSES.len() - 1)];
        self.failures += 1;
        (self.phase, self.state) = (Phase::Waiting(now + pause), LinkState::Failed(code));
    }
}

/// The firmware's thread tells here what has happened.
unsafe extern "C" fn heard(_: i32, _: i32, event: i32, error: i32, _: *mut c_void) {
    if event == EVENT_ERROR && error != 0 {
        LAST_ERROR.store(error, Ordering::Relaxed);
    }
}

fn last_error() -> i32 {
    LAST_ERROR.load(Ordering::Relaxed)
}

fn disconnect() {
    // SAFETY: takes nothing; that there was no connection is no harm.
    unsafe { sys::sceNetApctlDisconnect() };
}

fn firmware_state() -> i32 {
    let mut state = state::DISCONNECTED;
    // SAFETY: writes a number of four bytes, whose Rust type has not all the values it may have.
    let code = unsafe { sys::sceNetApctlGetState((&raw mut state).cast()) };
    if code < 0 { state::DISCONNECTED } else { state }
}

fn own_address() -> Ip {
    let mut info = sys::SceNetApctlInfo { proxy_url: [0; 128] };
    // SAFETY: the union has room for each answer, and an address is text of 16 bytes in it, all of
    // which were written to above.
    unsafe {
        sys::sceNetApctlGetInfo(ApctlInfo::Ip, &mut info);
        Ip(info.ip)
    }
}
