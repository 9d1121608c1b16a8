//! The heap, counted: the system's allocator with a sum beside it.

#![expect(
    unsafe_code,
    reason = "the only way to count allocations is to be the allocator; each call is handed on as it came"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

#[global_allocator]
static HEAP: Counting = Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// Bytes that the heap holds now, as glibc cuts them: eight bytes of its own for each piece, in steps of sixteen.
pub(crate) fn live() -> usize {
    LIVE.load(Ordering::Relaxed)
}

/// The most since the last [`forget_peak`].
pub(crate) fn peak() -> usize {
    PEAK.load(Ordering::Relaxed)
}

/// Begins anew with what is held now.
pub(crate) fn forget_peak() {
    PEAK.store(live(), Ordering::Relaxed);
}

fn piece(layout: Layout) -> usize {
    (layout.size() + 8).next_multiple_of(16).max(32)
}

fn add(bytes: usize) {
    let live = LIVE.fetch_add(bytes, Ordering::Relaxed) + bytes;
    if live > PEAK.load(Ordering::Relaxed) {
        PEAK.fetch_max(live, Ordering::Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator unchanged, which keeps the contract; counting touches no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(piece(layout));
        // SAFETY: the caller's promise about `layout` is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(piece(layout));
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(piece(layout), Ordering::Relaxed);
        // SAFETY: `pointer` came from the system's allocator with this layout, because all of ours do.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LIVE.fetch_sub(piece(layout), Ordering::Relaxed);
        add((size + 8).next_multiple_of(16).max(32));
        // SAFETY: as above, and the caller's promise about `size` is handed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
