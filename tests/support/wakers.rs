//! Wakers of foreign make, for what no real one does on purpose.
#![expect(unsafe_code, reason = "a clone of what the standard library makes a waker of calls no code of the program")]

use std::cell::Cell;
use std::task::{RawWaker, RawWakerVTable, Waker};

thread_local! {
    static WHEN_CLONED: Cell<Option<Box<dyn FnOnce()>>> = const { Cell::new(None) };
}

/// A waker whose next clone calls `f`, and that wakes nothing.
pub(crate) fn waker_that_calls_when_cloned(f: impl FnOnce() + 'static) -> Waker {
    const VTABLE: RawWakerVTable = RawWakerVTable::new(
        |_| {
            WHEN_CLONED.take().into_iter().for_each(|f| f());
            RawWaker::new(std::ptr::null(), &VTABLE)
        },
        |_| {},
        |_| {},
        |_| {},
    );
    WHEN_CLONED.set(Some(Box::new(f)));
    // SAFETY: the functions touch no data, so that they may be called at any time from any thread.
    unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &VTABLE)) }
}
