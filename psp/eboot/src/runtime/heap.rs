//! The heap: one block of the kernel's memory, dealt out by TLSF, so that taking and giving back
//! cost the same however full it is. Keeps count, because 24 MB are few.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

use psp::sys;
use rlsf::Tlsf;

use super::imports;

/// What is left to the kernel for threads' stacks, sockets and the firmware's libraries, in bytes.
pub const LEFT_TO_THE_KERNEL: u32 = 4 * 1024 * 1024;

/// Blocks of 16 bytes to 32 MiB, in 8 steps for each doubling.
type Pool = Tlsf<'static, u32, u8, 22, 8>;

/// The program's heap.
pub struct Heap(UnsafeCell<State>);

struct State {
    pool: Pool,
    size: usize,
    used: usize,
    peak: usize,
}

/// How the heap is doing, in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Use {
    /// All of it.
    pub size: usize,
    /// Taken now.
    pub used: usize,
    /// The most that was ever taken at once.
    pub peak: usize,
}

// SAFETY: all access is in `Heap::locked`, and there is one core.
unsafe impl Sync for Heap {}

#[global_allocator]
static HEAP: Heap = Heap(UnsafeCell::new(State { pool: Pool::new(), size: 0, used: 0, peak: 0 }));

impl Heap {
    /// Nothing else runs meanwhile: the pool takes a bounded time, some hundred instructions.
    fn locked<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        // SAFETY: with interrupts off no other thread runs, and an interrupt handler of ours does
        // not exist, so this is the only reference.
        unsafe {
            let flags = sys::sceKernelCpuSuspendIntr();
            let result = work(&mut *self.0.get());
            sys::sceKernelCpuResumeIntr(flags);
            result
        }
    }
}

// SAFETY: the pool keeps the contract; a null pointer says that it has nothing left.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.locked(|state| match state.pool.allocate(layout) {
            Some(place) => {
                state.used += layout.size();
                state.peak = state.peak.max(state.used);
                place.as_ptr()
            }
            None => ptr::null_mut(),
        })
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        self.locked(|state| {
            state.used -= layout.size();
            // SAFETY: the caller got it from `alloc` with this alignment.
            unsafe { state.pool.deallocate(NonNull::new_unchecked(place), layout.align()) }
        });
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.locked(|state| {
            // SAFETY: the caller got it from `alloc` with this alignment, and says that the size
            // does not overflow with it.
            let grown = unsafe {
                let layout = Layout::from_size_align_unchecked(size, layout.align());
                state.pool.reallocate(NonNull::new_unchecked(place), layout)
            };
            match grown {
                Some(place) => {
                    state.used = state.used - layout.size() + size;
                    state.peak = state.peak.max(state.used);
                    place.as_ptr()
                }
                None => ptr::null_mut(),
            }
        })
    }
}

/// Takes the heap's memory from the kernel. Called once, before anything is allocated.
pub fn claim() {
    // SAFETY: the block belongs to the heap alone, for ever.
    unsafe {
        let size = imports::sceKernelMaxFreeMemSize().saturating_sub(LEFT_TO_THE_KERNEL);
        let none = ptr::null_mut();
        let block =
            imports::sceKernelAllocPartitionMemory(2, c"heap".as_ptr().cast(), 0, size, none);
        assert!(block >= 0, "the kernel has no {size} bytes for the heap: {block:#x}");
        let start = imports::sceKernelGetBlockHeadAddr(block).cast::<MaybeUninit<u8>>();
        let memory = core::slice::from_raw_parts_mut(start, size as usize);
        HEAP.locked(|state| {
            state.pool.insert_free_block(memory);
            state.size = size as usize;
        });
    }
}

/// How the heap is doing.
pub fn usage() -> Use {
    HEAP.locked(|state| Use { size: state.size, used: state.used, peak: state.peak })
}
