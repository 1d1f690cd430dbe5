//! The console itself: what its owner has set in its menu, how its battery is, and what it wants of
//! a program: to end, to sleep, to wake up. Decides nothing.

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use core::time::Duration;

use psp::sys::{self, PowerInfo, PowerTick, SystemParamId};
use testcard_core::guide::Hours;
use testcard_core::time::UnixMillis;
use testcard_psp_screen::Confirm;

use crate::runtime::clock;
use crate::runtime::sync::Bell;

/// The system parameter that says which button confirms, which the psp crate has no name for: 0 for
/// ○, 1 for ✕.
const CONFIRM: u32 = 9;

/// What its owner has set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Owner {
    /// How the time of day is written.
    pub hours: Hours,
    /// Which button says yes.
    pub confirm: Confirm,
}

impl Owner {
    /// As it is set now. It cannot change while a program runs.
    pub fn read() -> Self {
        let hours = match parameter(SystemParamId::TimeFormat as u32) {
            Some(1) => Hours::Twelve,
            _ => Hours::TwentyFour,
        };
        let confirm = match parameter(CONFIRM) {
            Some(0) => Confirm::Circle,
            _ => Confirm::Cross,
        };
        Self { hours, confirm }
    }
}

fn parameter(id: u32) -> Option<i32> {
    let mut value = 0;
    // SAFETY: writes one number.
    let result = unsafe { crate::runtime::imports::sceUtilityGetSystemParamInt(id, &mut value) };
    (result == 0).then_some(value)
}

/// What to add to UTC for local time at that moment, in minutes, daylight saving time included, as
/// the owner has set both.
pub fn utc_offset_minutes(at: UnixMillis) -> i32 {
    let (utc, mut local) = (clock::tick(at), 0);
    // SAFETY: reads one number and writes another.
    if unsafe { sys::sceRtcConvertUtcToLocalTime(&utc, &mut local) } < 0 {
        return 0;
    }
    let minutes = (local.wrapping_sub(utc).cast_signed()) / 60_000_000;
    i32::try_from(minutes).unwrap_or(0)
}

/// How full the battery is, in percent; `None` without one, or while it is not known.
pub fn battery_percent() -> Option<u8> {
    // SAFETY: only read.
    let (exists, percent) =
        unsafe { (sys::scePowerIsBatteryExist(), sys::scePowerGetBatteryLifePercent()) };
    u8::try_from(percent).ok().filter(|&percent| exists == 1 && percent <= 100)
}

/// Lets the processor run as fast as it can: certificates are checked with it, and the firmware
/// starts programs at two thirds of it. Whether it does.
pub fn run_fast() -> bool {
    // SAFETY: takes the three frequencies in MHz.
    unsafe { sys::scePowerSetClockFrequency(333, 333, 166) == 0 }
}

/// Somebody watches: keeps the screen from dimming and the console from going to sleep for a while.
pub fn stay_awake() {
    // SAFETY: takes a number.
    unsafe { sys::scePowerTick(PowerTick::All) };
}

/// What the console wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wish {
    /// That the program ends: its owner went to the menu.
    Leave,
    /// To sleep: the network and the Memory Stick are about to go.
    Sleep,
    /// It has woken up: every connection is gone.
    Wake,
}

/// Rung by the firmware's calls; [`Wishes::next`] sees to it.
static LEAVE: AtomicBool = AtomicBool::new(false);
static POWER: AtomicU32 = AtomicU32::new(0);

/// Where the console's wishes arrive: at one thread, which waits here.
pub struct Wishes {
    bell: Bell,
}

impl Wishes {
    /// Tells the firmware where to send its wishes. Once in a program.
    pub fn receive() -> &'static Self {
        let wishes: &'static Self =
            alloc::boxed::Box::leak(alloc::boxed::Box::new(Self { bell: Bell::new() }));
        let bell = (&raw const wishes.bell).cast_mut().cast::<c_void>();
        // SAFETY: the names end with a zero; the functions are of the kind that the firmware calls,
        // with the bell, which lives for ever.
        unsafe {
            let leave = sys::sceKernelCreateCallback(c"leave".as_ptr().cast(), on_leave, bell);
            sys::sceKernelRegisterExitCallback(leave);
            let power = sys::sceKernelCreateCallback(c"power".as_ptr().cast(), on_power, bell);
            sys::scePowerRegisterCallback(-1, power);
        }
        wishes
    }

    /// Waits for a wish, at most so long.
    pub fn next(&self, at_most: Duration) -> Option<Wish> {
        let waiting = Self::waiting();
        if waiting.is_some() {
            return waiting;
        }
        self.bell.wait_for_callbacks(at_most);
        Self::waiting()
    }

    fn waiting() -> Option<Wish> {
        if LEAVE.swap(false, Ordering::Relaxed) {
            return Some(Wish::Leave);
        }
        let power = PowerInfo::from_bits_truncate(POWER.swap(0, Ordering::Relaxed));
        // What is over is over: a console that has woken up does not want to sleep.
        if power.contains(PowerInfo::RESUME_COMPLETE) {
            return Some(Wish::Wake);
        }
        let asleep = PowerInfo::SUSPENDING | PowerInfo::STANDBY | PowerInfo::POWER_SWITCH;
        power.intersects(asleep).then_some(Wish::Sleep)
    }
}

unsafe extern "C" fn on_leave(_: c_int, _: c_int, bell: *mut c_void) -> c_int {
    LEAVE.store(true, Ordering::Relaxed);
    // SAFETY: `receive` handed it to the firmware.
    unsafe { &*bell.cast::<Bell>() }.ring();
    0
}

unsafe extern "C" fn on_power(_: c_int, info: c_int, bell: *mut c_void) -> c_int {
    POWER.fetch_or(info.cast_unsigned(), Ordering::Relaxed);
    // SAFETY: `receive` handed it to the firmware.
    unsafe { &*bell.cast::<Bell>() }.ring();
    0
}
