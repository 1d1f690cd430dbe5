//! What threads share: a value that one of them at a time may touch, and a bell that one of them
//! rings for another. Both are the kernel's; a waiting thread costs nothing.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::time::Duration;

use psp::sys::{self, EventFlagAttributes, EventFlagWaitTypes, SceUid};

use super::imports;

/// A value for several threads. Held for short whiles only: whoever holds it may be of lower
/// priority than who waits.
pub struct Mutex<T> {
    semaphore: i32,
    value: UnsafeCell<T>,
}

// SAFETY: the semaphore has one unit, so there is never more than one reference to the value.
unsafe impl<T: Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    /// A value that nobody holds. Panics when the kernel has no memory for a semaphore: only at the
    /// start are any made.
    pub fn new(value: T) -> Self {
        // SAFETY: the name ends with a zero.
        let semaphore = unsafe {
            let none = core::ptr::null_mut();
            imports::sceKernelCreateSema(c"mutex".as_ptr().cast(), 0, 1, 1, none)
        };
        assert!(semaphore >= 0, "the kernel makes no semaphore: {semaphore:#x}");
        Self { semaphore, value: UnsafeCell::new(value) }
    }

    /// Waits until nobody holds the value, and holds it until the guard is dropped.
    pub fn lock(&self) -> Guard<'_, T> {
        // SAFETY: the semaphore lives as long as `self`.
        unsafe { sys::sceKernelWaitSema(SceUid(self.semaphore), 1, core::ptr::null_mut()) };
        Guard { mutex: self }
    }
}

impl<T> Drop for Mutex<T> {
    fn drop(&mut self) {
        // SAFETY: nobody can be waiting for it, since nobody can have a reference to it.
        unsafe { sys::sceKernelDeleteSema(SceUid(self.semaphore)) };
    }
}

/// The value of a [`Mutex`], held.
pub struct Guard<'a, T> {
    mutex: &'a Mutex<T>,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: we have the semaphore's one unit.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: we have the semaphore's one unit.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: gives back the unit taken by `lock`.
        unsafe { sys::sceKernelSignalSema(SceUid(self.mutex.semaphore), 1) };
    }
}

/// A bell. Ringing it wakes who waits for it, or who waits next.
pub struct Bell(i32);

const RUNG: u32 = 1;

impl Bell {
    /// A silent bell. Panics when the kernel has no memory for it: only at the start are any made.
    pub fn new() -> Self {
        // SAFETY: the name ends with a zero.
        let flag = unsafe {
            let none = core::ptr::null_mut();
            let one_waits = EventFlagAttributes::empty();
            sys::sceKernelCreateEventFlag(c"bell".as_ptr().cast(), one_waits, 0, none)
        };
        assert!(flag.0 >= 0, "the kernel makes no event flag: {:#x}", flag.0);
        Self(flag.0)
    }

    /// Rings.
    pub fn ring(&self) {
        // SAFETY: the flag lives as long as `self`.
        unsafe { sys::sceKernelSetEventFlag(SceUid(self.0), RUNG) };
    }

    /// Waits until it has rung, or for at most so long (up to 71 minutes); whether it has.
    pub fn wait(&self, at_most: Duration) -> bool {
        let mut timeout = u32::try_from(at_most.as_micros()).unwrap_or(u32::MAX);
        let mode = EventFlagWaitTypes::OR | EventFlagWaitTypes::CLEAR;
        let nowhere = core::ptr::null_mut();
        // SAFETY: the flag lives as long as `self`, the timeout as long as the call.
        unsafe {
            imports::sceKernelWaitEventFlag(self.0, RUNG, mode.bits(), nowhere, &mut timeout) >= 0
        }
    }
}

impl Bell {
    /// Like [`Bell::wait`]; meanwhile the firmware may make the calls that this thread registered
    /// for.
    pub fn wait_for_callbacks(&self, at_most: Duration) -> bool {
        let mut timeout = u32::try_from(at_most.as_micros()).unwrap_or(u32::MAX);
        let mode = (EventFlagWaitTypes::OR | EventFlagWaitTypes::CLEAR).bits();
        let nowhere = core::ptr::null_mut();
        // SAFETY: the flag lives as long as `self`, the timeout as long as the call.
        unsafe { imports::sceKernelWaitEventFlagCB(self.0, RUNG, mode, nowhere, &mut timeout) >= 0 }
    }
}

impl Default for Bell {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        // SAFETY: nobody can be waiting for it, since nobody can have a reference to it.
        unsafe { sys::sceKernelDeleteEventFlag(SceUid(self.0)) };
    }
}
