//! What is checked on the PSP itself: an EBOOT that shows nothing, and says how the core did.

#![no_std]
#![no_main]

use testcard_psp::{checks, program};

program!("TESTCARD", main);

fn main() {
    checks::run();
}
