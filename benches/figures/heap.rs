//! The heap, counted: the system's allocator with a sum beside it.
//!
//! Each thread counts for itself and adds to the common sum now and then: one number that every allocation of every
//! thread writes would cost whoever allocates on several cores more than the allocation.

#![expect(
    unsafe_code,
    reason = "the only way to count allocations is to be the allocator; each call is handed on as it came"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering};

struct Counting;

#[global_allocator]
static HEAP: Counting = Counting;

/// What threads have added.
static LIVE: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);

/// What a thread keeps to itself, at most.
const OWN_MAX: isize = 64 << 10;

thread_local! {
    static OWN: Own = const { Own(Cell::new(0)) };
}

/// What a thread has not added yet; its end adds it.
struct Own(Cell<isize>);

impl Drop for Own {
    fn drop(&mut self) {
        add_to_all(self.0.take());
    }
}

/// Bytes that the heap holds now, as glibc cuts them: eight bytes of its own for each piece, in steps of sixteen. What
/// other threads did is known to 64 KiB each, what this one did to the byte.
pub(crate) fn live() -> usize {
    let live = LIVE.load(Ordering::Relaxed) + OWN.with(|own| own.0.get());
    usize::try_from(live).unwrap_or(0)
}

/// The most since the last [`forget_peak`].
pub(crate) fn peak() -> usize {
    usize::try_from(PEAK.load(Ordering::Relaxed))
        .unwrap_or(0)
        .max(live())
}

/// Begins anew with what is held now.
pub(crate) fn forget_peak() {
    PEAK.store(live().cast_signed(), Ordering::Relaxed);
}

fn piece(size: usize) -> isize {
    (size + 8).next_multiple_of(16).max(32).cast_signed()
}

fn add(bytes: isize) {
    let kept = OWN.try_with(|own| {
        let sum = own.0.get() + bytes;
        let is_kept = sum.abs() < OWN_MAX;
        own.0.set(if is_kept { sum } else { 0 });
        if is_kept { 0 } else { sum }
    });
    // What a thread frees after its count has gone is added at once.
    let sum = kept.unwrap_or(bytes);
    if sum != 0 {
        add_to_all(sum);
    }
}

fn add_to_all(sum: isize) {
    let live = LIVE.fetch_add(sum, Ordering::Relaxed) + sum;
    if live > PEAK.load(Ordering::Relaxed) {
        PEAK.fetch_max(live, Ordering::Relaxed);
    }
}

// SAFETY: every call goes to the system's allocator unchanged, which keeps the contract; counting touches no memory but
// a number of the thread's own and two common ones.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(piece(layout.size()));
        // SAFETY: the caller's promise about `layout` is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(piece(layout.size()));
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        add(-piece(layout.size()));
        // SAFETY: `pointer` came from the system's allocator with this layout, because all of ours do.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        add(piece(size) - piece(layout.size()));
        // SAFETY: as above, and the caller's promise about `size` is handed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
