//! What any program on a PSP needs before it can be about anything: the module's header and entry,
//! the firmware's functions, a heap, a log, and something to do when it panics.

pub mod clock;
mod entry;
pub mod files;
pub mod heap;
pub mod imports;
pub mod log;
mod panic;
pub mod sync;
pub mod thread;

pub use entry::{Entry, Exports, MAIN_STACK_BYTES, ModuleInfo, start};

/// Back to the menu.
pub fn leave() -> ! {
    // SAFETY: the firmware ends all threads of the program, this one too.
    unsafe { psp::sys::sceKernelExitGame() };
    loop {
        core::hint::spin_loop();
    }
}
