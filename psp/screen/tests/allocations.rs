//! How often the heap is asked for memory. One test to a process: the count is of all threads.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use testcard_psp_screen::{Canvas, HEIGHT, STRIDE, Screen, WIDTH, draw_panic};

mod shown;

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps GlobalAlloc's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps GlobalAlloc's contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static HEAP: Counting = Counting;

fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    run();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

#[test]
fn drawing_a_view_again_and_drawing_a_panic_allocate_nothing() {
    let mut pixels = shown::film();
    let mut canvas = Canvas::new(&mut pixels, WIDTH, HEIGHT, STRIDE);
    for (name, view, extra) in shown::screens() {
        let mut screen = Screen::new();
        let mut draw = || _ = screen.draw(&mut canvas, &view, &extra);
        assert!(allocations(&mut draw) > 0, "{name}: they are counted");
        assert_eq!(allocations(&mut draw), 0, "{name}");
    }
    let panicking = allocations(|| draw_panic(&mut canvas, shown::PANIC));
    assert_eq!(panicking, 0);
}
