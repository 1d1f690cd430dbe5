//! The program's threads: which there are, how urgent, and on how large a stack. There is one core:
//! a thread runs until it waits, or a more urgent one can.

use alloc::boxed::Box;
use core::ffi::{CStr, c_void};
use core::fmt;
use core::time::Duration;

use psp::sys::{self, SceUid, ThreadAttributes};

use super::imports;

/// How urgent the firmware's threads for the Wi-Fi and TCP are, when we start them; the number of
/// pspdev's examples.
pub const FIRMWARE_NETWORK_PRIORITY: i32 = 0x2a;

const _: () = assert!(
    Role::NETWORK.priority > FIRMWARE_NETWORK_PRIORITY,
    "a handshake would keep the firmware from the Wi-Fi"
);

/// What a thread is for. Lower numbers are more urgent; a program's may lie from 0x10 to 0x6f.
pub struct Role {
    name: &'static CStr,
    priority: i32,
    stack_bytes: usize,
}

impl Role {
    /// Decodes sound and keeps the hardware's queue full. Waits most of the time, and must never
    /// be late: the queue holds 23 ms.
    pub const SOUND: Self = Self { name: c"sound", priority: 0x12, stack_bytes: 32 * 1024 };

    /// Buttons and screen, at most 60 times a second.
    pub const SCREEN: Self = Self { name: c"screen", priority: 0x18, stack_bytes: 64 * 1024 };

    /// Looks up hosts' names, which the firmware does in one long call.
    pub const NAMES: Self = Self { name: c"names", priority: 0x1c, stack_bytes: 16 * 1024 };

    /// Fetches, decrypts and finds the samples. Certificates are checked here, which takes a deep
    /// stack and a quarter of a second at a time: everybody else goes first, and so do the
    /// firmware's own threads for the network ([`FIRMWARE_NETWORK_PRIORITY`]), which keep and
    /// acknowledge what comes meanwhile.
    pub const NETWORK: Self = Self { name: c"network", priority: 0x30, stack_bytes: 192 * 1024 };

    /// Writes what is played to a file, for tests only; nobody waits for it.
    pub const DUMP: Self = Self { name: c"dump", priority: 0x40, stack_bytes: 16 * 1024 };

    /// All of them but the tests' own, for the table of who owns which memory.
    pub const ALL: [Self; 4] = [Self::SOUND, Self::SCREEN, Self::NAMES, Self::NETWORK];

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name.to_str().unwrap_or_default()
    }

    /// The size of its stack.
    pub const fn stack_bytes(&self) -> usize {
        self.stack_bytes
    }
}

/// The kernel starts no thread: a code of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NoThread(pub i32);

impl fmt::Display for NoThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the firmware starts no thread ({:#010x})", self.0)
    }
}

/// A thread that was started. It ends by itself, or with the program.
pub struct Thread(SceUid);

type Work = Box<dyn FnOnce() + Send>;

/// Starts a thread.
pub fn spawn(role: &Role, work: impl FnOnce() + Send + 'static) -> Result<Thread, NoThread> {
    let work: Box<Work> = Box::new(Box::new(work));
    let attributes = (ThreadAttributes::USER | ThreadAttributes::VFPU).bits();
    let none = core::ptr::null_mut();
    // SAFETY: the name ends with a zero. The kernel copies the argument, a pointer that `run` turns
    // into the box again; if it does not run, we do.
    unsafe {
        let name = role.name.as_ptr().cast();
        let id = imports::sceKernelCreateThread(
            name,
            run,
            role.priority,
            role.stack_bytes,
            attributes,
            none,
        );
        if id < 0 {
            return Err(NoThread(id));
        }
        let mut argument = Box::into_raw(work);
        let bytes = size_of_val(&argument);
        let started = imports::sceKernelStartThread(id, bytes, (&raw mut argument).cast());
        if started < 0 {
            drop(Box::from_raw(argument));
            sys::sceKernelDeleteThread(SceUid(id));
            return Err(NoThread(started));
        }
        Ok(Thread(SceUid(id)))
    }
}

unsafe extern "C" fn run(_: usize, argument: *mut c_void) -> i32 {
    // SAFETY: `spawn` handed over this pointer, once.
    let work: Box<Work> = unsafe { Box::from_raw(*argument.cast::<*mut Work>()) };
    work();
    // SAFETY: nothing on this stack is needed any more.
    unsafe { sys::sceKernelExitDeleteThread(0) }
}

impl Thread {
    /// The thread that runs this.
    pub fn current() -> Self {
        // SAFETY: only asks.
        Self(SceUid(unsafe { sys::sceKernelGetThreadId() }))
    }

    /// Bytes of the stack never used so far.
    pub fn stack_left(&self) -> usize {
        // SAFETY: only reads; an unknown thread gives an error.
        usize::try_from(unsafe { sys::sceKernelGetThreadStackFreeSize(self.0) }).unwrap_or(0)
    }
}

/// Lets less urgent threads run for so long, at most 71 minutes.
pub fn pause(time: Duration) {
    let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
    // SAFETY: takes a number.
    unsafe { sys::sceKernelDelayThread(micros) };
}
