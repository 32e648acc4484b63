//! Which loop this thread is in, and which context of variables. Owns both as thread-locals; must not know how a loop
//! runs, nor what a variable is.
#![expect(unsafe_code, reason = "every wake and every await looks here; a plain pointer costs one load, measured")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::base::{Context, Value, VariableId};
use crate::kernel::{Leaf, Throw};
use crate::node::Loop;

thread_local! {
    /// The innermost entered loop: the top of `ENTERED`, kept as a pointer without a destructor, so that looking at it
    /// costs one load and works while the thread ends.
    static INNERMOST: Cell<*const Loop> = const { Cell::new(std::ptr::null()) };
    /// The loops that are entered, outermost first, each under the number of its guard.
    static ENTERED: RefCell<Stack> = const { RefCell::new(Stack { guards: Vec::new(), last: 0 }) };
    /// Whether anything on this thread was ever put into a context: all that a program without variables looks at.
    static USES_VARIABLES: Cell<bool> = const { Cell::new(false) };
    /// The context of variables that this thread runs in; none stands for one that nobody has written to.
    static VARIABLES: Cell<Option<Context>> = const { Cell::new(None) };
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

/// Calls `f` with the loop that this thread is in.
///
/// # Safety
/// `f` must enter and leave no loop, so it must call no code of a user.
#[inline]
pub(super) unsafe fn with<R>(f: impl FnOnce(Option<&Loop>) -> R) -> R {
    let innermost = INNERMOST.try_with(Cell::get).unwrap_or(std::ptr::null());
    // SAFETY: the pointer lives (see `Stack`), and it goes on living while `f` runs, since only `enter` and the end of
    // a guard change the stack and `f` does neither.
    f(unsafe { innermost.as_ref() })
}

/// Whether this thread is in the loop.
#[inline]
pub(crate) fn is_in(kernel: &Loop) -> bool {
    INNERMOST.try_with(|innermost| std::ptr::eq(innermost.get(), kernel)).unwrap_or(false)
}

/// The cancellation that is thrown at the running task.
#[inline]
pub(crate) fn throw() -> Throw {
    // SAFETY: one field is read.
    unsafe { with(|kernel| kernel.map_or(Throw::Off, |kernel| kernel.throwing().throw())) }
}

/// Notes what the running task is about to wait for, if that is no node.
#[inline]
pub(crate) fn note_wait(what: Leaf) {
    // SAFETY: one field is written, whose type has no destructor.
    unsafe {
        with(|kernel| {
            if let Some(kernel) = kernel {
                kernel.running_task().leaf().set(Some(what));
            }
        });
    }
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
    ENTERED
        .try_with(|stack| stack.borrow().guards.iter().any(|(_, kernel)| kernel.life().is_running()))
        .unwrap_or(false)
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

/// Whether this thread may be in a context, or anything on it may have one to run in. One load, so that what has none
/// costs nothing more.
#[inline]
pub(crate) fn uses_contexts() -> bool {
    USES_VARIABLES.get()
}

/// Something on this thread is given a context to run in.
pub(crate) fn note_context_use() {
    USES_VARIABLES.set(true);
}

/// Puts this thread into a context, or into one that nobody has written to, and answers which it was in. Whoever runs
/// something in a context does so between two of these: the second answers what became of it.
#[cold]
pub(crate) fn swap_context(next: Option<Context>) -> Option<Context> {
    note_context_use();
    // while the thread ends, its variables have gone
    VARIABLES.try_with(|slot| slot.replace(next)).unwrap_or_default()
}

/// Shows the context that this thread is in to `look`, if anybody has written to it. `look` must not call code of a user.
fn with_thread_context<R>(look: impl FnOnce(&Context) -> R) -> Option<R> {
    let seen = VARIABLES.try_with(|slot| {
        let context = slot.take();
        let seen = context.as_ref().map(look);
        slot.set(context);
        seen
    });
    seen.unwrap_or_default()
}

/// What a variable is set to on this thread.
pub(crate) fn context_value(id: VariableId) -> Option<Value> {
    with_thread_context(|context| context.value(id)).flatten()
}

/// A copy of the context that this thread is in, if anybody has written to it.
#[inline]
pub(crate) fn copy_thread_context() -> Option<Context> {
    if uses_contexts() { with_thread_context(Context::copy) } else { None }
}

/// The context that this thread is in, to be written to.
pub(crate) fn writable_context() -> Context {
    with_thread_context(Context::clone).unwrap_or_else(|| {
        let context = Context::new();
        drop(swap_context(Some(context.clone())));
        context
    })
}
