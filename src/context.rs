//! Which loop this thread is in. Owns the crate's only thread-local; must not know how a loop runs.
#![expect(unsafe_code, reason = "every wake and every await looks here; a plain pointer costs one load, measured")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::node::Loop;

thread_local! {
    /// The innermost entered loop: the top of `ENTERED`, kept as a pointer without a destructor, so that looking at it
    /// costs one load and works while the thread ends.
    static INNERMOST: Cell<*const Loop> = const { Cell::new(std::ptr::null()) };
    /// The loops that are entered, outermost first, each under the number of its guard.
    static ENTERED: RefCell<Stack> = const { RefCell::new(Stack { guards: Vec::new(), last: 0 }) };
}

/// Invariant, **the pointer lives**: `INNERMOST` is null or points into an `Rc` that `ENTERED` holds. Both change
/// together in `show_innermost`, and the stack's end, when the thread ends, makes the pointer null first.
struct Stack {
    guards: Vec<(u64, Rc<Loop>)>,
    last: u64,
}

impl Stack {
    fn show_innermost(&self) {
        INNERMOST.set(self.guards.last().map_or(std::ptr::null(), |(_, kernel)| Rc::as_ptr(kernel)));
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        INNERMOST.set(std::ptr::null());
    }
}

/// Leaves the loop when it is dropped. Guards may be dropped in any order.
#[derive(Debug)]
pub(crate) struct Guard {
    number: u64,
}

/// Enters a loop on this thread.
pub(crate) fn enter(kernel: Rc<Loop>) -> Guard {
    let entered = ENTERED.try_with(|stack| {
        let mut stack = stack.borrow_mut();
        stack.last += 1;
        let number = stack.last;
        stack.guards.push((number, kernel));
        stack.show_innermost();
        number
    });
    // While the thread ends there is no loop to be in any more: what runs then finds none.
    Guard { number: entered.unwrap_or(0) }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // If the stack has gone with its thread, so has the entry.
        let left = ENTERED.try_with(|stack| {
            let mut stack = stack.borrow_mut();
            let at = stack.guards.iter().position(|(number, _)| *number == self.number);
            let left = at.map(|at| stack.guards.remove(at));
            stack.show_innermost();
            left
        });
        // The loop's last share may go here, and tasks with it: outside the borrow.
        drop(left);
    }
}

/// Calls `f` with the loop that this thread is in. `f` must not call code of a user.
pub(crate) fn with<R>(f: impl FnOnce(Option<&Loop>) -> R) -> R {
    let innermost = INNERMOST.try_with(Cell::get).unwrap_or(std::ptr::null());
    // SAFETY: the pointer lives (see `Stack`), and it goes on living while `f` runs, since only `enter` and the end of
    // a guard change the stack and `f` does neither.
    f(unsafe { innermost.as_ref() })
}

/// A share of the loop that this thread is in.
pub(crate) fn current() -> Option<Rc<Loop>> {
    let innermost = INNERMOST.try_with(Cell::get).unwrap_or(std::ptr::null());
    (!innermost.is_null()).then(|| {
        // SAFETY: the pointer lives (see `Stack`) and comes from `Rc::as_ptr`.
        unsafe { Rc::increment_strong_count(innermost) };
        // SAFETY: the same, and the count that was just gained is this share's.
        unsafe { Rc::from_raw(innermost) }
    })
}

/// Whether a loop runs on this thread.
pub(crate) fn any_running() -> bool {
    ENTERED.try_with(|stack| stack.borrow().guards.iter().any(|(_, kernel)| kernel.is_running())).unwrap_or(false)
}

/// A share of the loop that this thread is in, for what cannot do without one.
///
/// # Panics
/// If there is none.
#[track_caller]
pub(crate) fn expect() -> Rc<Loop> {
    current().expect(
        "no event loop on this thread: call this inside EventLoop::run_until_complete or oneloop::run, \
         or enter a loop first with `let _in = lp.enter();`",
    )
}
