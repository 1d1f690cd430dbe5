//! Who owns which of the console's 24 MB: one table, made of the constants that the owners
//! themselves use, asserted when the program is compiled and once more against what the kernel
//! really has. Takes no memory itself.

use testcard_core::http1::Response;
use testcard_core::stream::Limits;

use crate::net::https;
use crate::picture::Memory;
use crate::receiver;
use crate::runtime::heap;
use crate::runtime::imports;
use crate::runtime::log;
use crate::runtime::thread::Role;
use crate::sound;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// What a program of a PSP-1000 has: 32 MB less 8 for the kernel. Later consoles have more for who
/// asks for it, which nobody here does.
pub const ALL_BYTES: usize = 24 * MIB;

/// What has to be left when everything that may be taken is taken.
pub const SPARE_BYTES: usize = MIB;

/// One owner.
pub struct Share {
    /// Who.
    pub owner: &'static str,
    /// The most that it takes, in bytes.
    pub bytes: usize,
}

const fn share(owner: &'static str, bytes: usize) -> Share {
    Share { owner, bytes }
}

/// The most that the program itself has: code, constants, statics, and the main thread's stack.
/// Held against what there is when it starts.
pub const PROGRAM: Share = share("program", 4 * MIB);

/// The stacks of all threads but the main one.
const STACK_BYTES: usize = {
    let mut sum = 0;
    let mut n = 0;
    while n < Role::ALL.len() {
        sum += Role::ALL[n].stack_bytes();
        n += 1;
    }
    sum
};

/// What the kernel has outside of the heap: stacks, and the firmware's libraries and sockets.
pub const KERNEL: [Share; 2] = [
    share("stacks", STACK_BYTES),
    // For the network, for AAC and for H.264. PPSSPP loads none: only a console can show what they
    // take.
    share("firmware's modules", 3 * MIB),
];

/// What the heap holds at most at any one time.
pub const HEAP: [Share; 7] = [
    share("film's bytes ahead", Limits::PSP.window_bytes + 2 * 64 * KIB),
    share("film's index", Limits::PSP.index_bytes as usize),
    share("sample for a decoder", receiver::SAMPLE_BYTES_MAX as usize),
    share("pictures", Memory::BYTES),
    share("sound", sound::MEMORY_BYTES),
    share("connections", https::BUFFERS_BYTES + https::CONNECTIONS_MAX * Response::BUFFER_BYTES),
    // The built-in line-up takes 60 KiB, the longest of a person's own a megabyte.
    share("line-up, guide, screen", MIB),
];

const fn sum(shares: &[Share]) -> usize {
    let (mut sum, mut n) = (0, 0);
    while n < shares.len() {
        sum += shares[n].bytes;
        n += 1;
    }
    sum
}

const _: () = {
    let left = heap::LEFT_TO_THE_KERNEL as usize;
    assert!(sum(&KERNEL) <= left, "the heap leaves too little to the kernel");
    let taken = PROGRAM.bytes + left + sum(&HEAP);
    assert!(taken + SPARE_BYTES <= ALL_BYTES, "the console has not that much memory");
};

/// The memory is not as the table says; a sentence.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TooLittle {
    has: usize,
    wants: usize,
}

impl core::fmt::Display for TooLittle {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { has, wants } = self;
        write!(f, "The console has {has} bytes for the set, which wants {wants}.")
    }
}

/// Prints the table and holds it against what is really there: the heap has to hold what it may
/// have to hold, and [`SPARE_BYTES`] more.
pub fn check() -> Result<(), TooLittle> {
    let heap = heap::usage().size;
    // The heap took what the program left, but for the kernel's.
    let program = ALL_BYTES.saturating_sub(heap + heap::LEFT_TO_THE_KERNEL as usize);
    log::line(format_args!("memory: program has {} KiB", program / KIB));
    for Share { owner, bytes } in [&PROGRAM].into_iter().chain(&KERNEL).chain(&HEAP) {
        log::line(format_args!("memory: {owner}: at most {} KiB", bytes / KIB));
    }
    let wants = sum(&HEAP) + SPARE_BYTES;
    log::line(format_args!(
        "memory: heap of {} KiB, at most {} KiB wanted",
        heap / KIB,
        wants / KIB
    ));
    match heap < wants {
        true => Err(TooLittle { has: heap, wants }),
        false => Ok(()),
    }
}

/// Logs how much of everything is taken. `stacks`: what each thread's has left, in bytes.
pub fn report(stacks: &[(&str, usize)]) {
    let heap::Use { size, used, peak } = heap::usage();
    // SAFETY: only reads.
    let (free, largest) =
        unsafe { (imports::sceKernelTotalFreeMemSize(), imports::sceKernelMaxFreeMemSize()) };
    let stacks = Stacks(stacks);
    let (size, used, peak) = (size / KIB, used / KIB, peak / KIB);
    let (free, largest) = (free as usize / KIB, largest as usize / KIB);
    log::line(format_args!(
        "memory: heap {used} of {size} KiB, at most {peak}; kernel {free} KiB, {largest} in one \
         piece; stacks left: {stacks}"
    ));
}

/// What is left of each stack.
struct Stacks<'a>(&'a [(&'a str, usize)]);

impl core::fmt::Display for Stacks<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for (n, (name, left)) in self.0.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{name} {} KiB", left / KIB)?;
        }
        Ok(())
    }
}
