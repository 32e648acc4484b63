//! The functions of `oneloop.h`. Owns what crosses from C to Rust; must not know what a program in C does with it.
#![expect(unsafe_code, reason = "pointers from C")]

use std::ffi::{c_int, c_void};
use std::os::fd::AsRawFd;
use std::time::Duration;

use oneloop::{Error, EventLoop, Left, LoopHandle, Turn, TurnBudget};

const FAILED: c_int = -1;

/// A function of C with its argument.
#[derive(Clone, Copy)]
struct Callback {
    function: extern "C" fn(*mut c_void),
    data: *mut c_void,
}

// SAFETY: `oneloop.h` asks those who send one to another thread for data that may cross.
unsafe impl Send for Callback {}

impl Callback {
    fn call(self) {
        (self.function)(self.data);
    }
}

/// A limit of C: -1 is none.
fn limit(nanoseconds: i64) -> Option<Duration> {
    u64::try_from(nanoseconds).ok().map(Duration::from_nanos)
}

fn told(turn: Result<Turn, Error>) -> c_int {
    turn.map_or(FAILED, |turn| c_int::from(turn.left == Left::Ready))
}

/// Makes a loop.
#[unsafe(no_mangle)]
pub extern "C" fn oneloop_new() -> *mut EventLoop {
    EventLoop::new().map_or(std::ptr::null_mut(), |lp| Box::into_raw(Box::new(lp)))
}

/// Closes a loop, and frees it.
///
/// # Safety
/// The loop is from `oneloop_new`, is not used any more, and belongs to this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oneloop_free(lp: *mut EventLoop) {
    if !lp.is_null() {
        // SAFETY: it was made by `Box::into_raw`, and is not used any more.
        drop(unsafe { Box::from_raw(lp) });
    }
}

/// The descriptor that a host watches.
///
/// # Safety
/// The loop is open, and belongs to this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oneloop_descriptor(lp: &EventLoop) -> c_int {
    lp.as_raw_fd()
}

/// Nanoseconds until the next deadline.
///
/// # Safety
/// The loop is open, and belongs to this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oneloop_next_deadline(lp: &EventLoop) -> i64 {
    let left = lp.next_deadline().map(|at| at.saturating_duration_since(lp.time()).as_nanos());
    left.map_or(-1, |left| i64::try_from(left).unwrap_or(i64::MAX))
}

/// Runs what is ready.
///
/// # Safety
/// The loop is open, and belongs to this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oneloop_turn(lp: &EventLoop, nanoseconds: i64) -> c_int {
    told(lp.run_ready(limit(nanoseconds).map_or(TurnBudget::UNLIMITED, TurnBudget::time)))
}

/// Waits, and runs one iteration.
///
/// # Safety
/// The loop is open, and belongs to this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oneloop_wait(lp: &EventLoop, nanoseconds: i64) -> c_int {
    told(lp.run_once(limit(nanoseconds)))
}

/// Calls a function in the next turn.
///
/// # Safety
/// The loop is open, and belongs to this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oneloop_call_soon(
    lp: &EventLoop,
    function: extern "C" fn(*mut c_void),
    data: *mut c_void,
) -> c_int {
    if lp.is_closed() {
        return FAILED;
    }
    let callback = Callback { function, data };
    lp.call_soon(move || callback.call());
    0
}

/// Calls a function when the time has passed.
///
/// # Safety
/// The loop is open, and belongs to this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oneloop_call_later(
    lp: &EventLoop,
    nanoseconds: u64,
    function: extern "C" fn(*mut c_void),
    data: *mut c_void,
) -> c_int {
    if lp.is_closed() {
        return FAILED;
    }
    let callback = Callback { function, data };
    lp.call_later(Duration::from_nanos(nanoseconds), move || callback.call());
    0
}

/// Makes a handle for other threads.
///
/// # Safety
/// The loop is open, and belongs to this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oneloop_remote_new(lp: &EventLoop) -> *mut LoopHandle {
    Box::into_raw(Box::new(lp.remote()))
}

/// Frees a handle.
///
/// # Safety
/// The handle is from `oneloop_remote_new`, and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oneloop_remote_free(remote: *mut LoopHandle) {
    if !remote.is_null() {
        // SAFETY: it was made by `Box::into_raw`, and is not used any more.
        drop(unsafe { Box::from_raw(remote) });
    }
}

/// Calls a function in the thread of the loop.
///
/// # Safety
/// The handle is from `oneloop_remote_new`, and what `data` points to may cross threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oneloop_remote_call(
    remote: &LoopHandle,
    function: extern "C" fn(*mut c_void),
    data: *mut c_void,
) -> c_int {
    let callback = Callback { function, data };
    let call = move || {
        let callback = callback; // as a whole, which is `Send`
        callback.call();
    };
    remote.call_soon_threadsafe(call).map_or(FAILED, |_| 0)
}
