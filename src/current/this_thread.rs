//! The loop and the context of variables that this thread is in. Owns both as thread-locals; must not know how a loop
//! runs, nor what a variable is.
#![expect(unsafe_code, reason = "every wake and every await looks here; a plain pointer costs one load: measured")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;

use crate::base::{Context, TaskKey, Value, VariableId};
use crate::kernel::Leaf;
use crate::node::{Loop, TaskState};

thread_local! {
    /// The loop that was entered last: the top of `ENTERED`. A pointer without a destructor, so that reading it costs
    /// one load, and works while the thread ends.
    static INNERMOST: Cell<*const Loop> = const { Cell::new(std::ptr::null()) };
    /// The loops that are entered, the outermost first.
    static ENTERED: RefCell<Stack> = const { RefCell::new(Stack { loops: Vec::new(), last_guard: 0 }) };
    /// Whether this thread, or a task of it, was ever given a context. A program without variables reads only this,
    /// and never `CONTEXT`.
    static USES_CONTEXTS: Cell<bool> = const { Cell::new(false) };
    /// The context of variables that this thread is in. `None` stands for an empty context.
    static CONTEXT: Cell<Option<Context>> = const { Cell::new(None) };
}

/// Invariant, **the pointer lives**: `INNERMOST` is null, or points into an `Rc` in `ENTERED`. Every change of the
/// stack ends with `update_innermost`. When the thread ends, the destructor of the stack makes the pointer null before
/// the loops are dropped.
struct Stack {
    /// Each loop with the number of its guard.
    loops: Vec<(u64, Rc<Loop>)>,
    last_guard: u64,
}

impl Stack {
    fn update_innermost(&self) {
        INNERMOST.set(self.loops.last().map_or(std::ptr::null(), |(_, kernel)| Rc::as_ptr(kernel)));
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        INNERMOST.set(std::ptr::null());
    }
}

/// Dropping this leaves the loop. Guards may be dropped in any order.
#[derive(Debug)]
pub(crate) struct Guard {
    number: u64,
}

/// Enters a loop on this thread.
pub(crate) fn enter(kernel: Rc<Loop>) -> Guard {
    let entered = ENTERED.try_with(|stack| {
        let mut stack = stack.borrow_mut();
        stack.last_guard += 1;
        let number = stack.last_guard;
        stack.loops.push((number, kernel));
        stack.update_innermost();
        number
    });
    // while the thread ends, the stack is gone, and no loop can be entered; no guard has the number 0
    Guard { number: entered.unwrap_or(0) }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // while the thread ends, the stack is gone, and the loop with it
        let left = ENTERED.try_with(|stack| {
            let mut stack = stack.borrow_mut();
            let at = stack.loops.iter().position(|(number, _)| *number == self.number);
            let left = at.map(|at| stack.loops.remove(at));
            stack.update_innermost();
            left
        });
        // this may be the last pointer to the loop, and drop tasks with it: so the borrow has ended before
        drop(left);
    }
}

/// Calls `f` with the loop that this thread is in.
///
/// # Safety
/// `f` must neither enter nor leave a loop. So it must not call code of a user.
#[inline]
pub(super) unsafe fn with<R>(f: impl FnOnce(Option<&Loop>) -> R) -> R {
    let innermost = INNERMOST.try_with(Cell::get).unwrap_or(std::ptr::null());
    // SAFETY: the pointer lives (see `Stack`). It does so until `f` returns, because only `enter` and the drop of a
    // guard change the stack, and `f` does neither.
    f(unsafe { innermost.as_ref() })
}

/// Whether this thread is in this loop.
#[inline]
pub(crate) fn is_in(kernel: &Loop) -> bool {
    INNERMOST.try_with(|innermost| std::ptr::eq(innermost.get(), kernel)).unwrap_or(false)
}

/// The loop that this thread is in, if it runs a task; and whether `waker` is that of the running step.
///
/// # Safety
/// The reference must not be used after the running step: so a caller must not keep it when it returns.
#[inline]
pub(crate) unsafe fn running_loop<'a>(waker: &Waker) -> Option<(&'a Loop, bool)> {
    let innermost = INNERMOST.try_with(Cell::get).unwrap_or(std::ptr::null());
    // SAFETY: the pointer lives (see `Stack`). It does so until the step ends, whatever loop is entered or left: a task
    // has a counted pointer to its loop, and the step of the running one has a counted pointer to the task.
    let kernel = unsafe { innermost.as_ref() }?;
    if kernel.running_task().is_polled_with(waker) {
        return Some((kernel, true));
    }
    kernel.running_task().is_some().then_some((kernel, false))
}

/// The task that runs in the loop that this thread is in; or `TaskKey::NONE`.
#[cold]
pub(crate) fn running_key() -> TaskKey {
    // SAFETY: `f` reads one field.
    unsafe { with(|kernel| kernel.and_then(|kernel| kernel.running_task().with(TaskState::key))) }
        .unwrap_or(TaskKey::NONE)
}

/// The number of the running step; 0 if this thread is in no loop.
#[inline]
pub(crate) fn step_number() -> u32 {
    // SAFETY: `f` reads one field.
    unsafe { with(|kernel| kernel.map_or(0, |kernel| kernel.step().number())) }
}

/// Counts a leaf that waits for `what` in the running step, if it is polled with the waker of that. Returns the number
/// of the step, or `None`.
#[inline]
pub(crate) fn count_leaf(what: Leaf, waker: &Waker) -> Option<u32> {
    // SAFETY: `f` compares and counts, and calls no code of a user.
    unsafe {
        with(|kernel| {
            let kernel = kernel?;
            kernel.running_task().with_polled(waker, |task| {
                let step = task.awaits().step();
                kernel.step().add_leaf(task.awaits(), what);
                step
            })
        })
    }
}

/// The loop that this thread is in.
pub(crate) fn current() -> Option<Rc<Loop>> {
    let innermost = INNERMOST.try_with(Cell::get).unwrap_or(std::ptr::null());
    (!innermost.is_null()).then(|| {
        // SAFETY: the pointer lives (see `Stack`), and comes from `Rc::as_ptr`.
        unsafe { Rc::increment_strong_count(innermost) };
        // SAFETY: as above; and the count was incremented for the `Rc` that is made here.
        unsafe { Rc::from_raw(innermost) }
    })
}

/// The loop with this number, if this thread has entered it.
pub(crate) fn entered(number: u16) -> Option<Rc<Loop>> {
    let find = |stack: &RefCell<Stack>| {
        stack.borrow().loops.iter().map(|(_, kernel)| kernel).find(|kernel| kernel.number() == number).cloned()
    };
    ENTERED.try_with(find).ok().flatten()
}

/// Whether a loop runs on this thread.
pub(crate) fn any_running() -> bool {
    ENTERED.try_with(|stack| stack.borrow().loops.iter().any(|(_, kernel)| kernel.life().is_running())).unwrap_or(false)
}

/// Whether a task of any loop is running on this thread.
pub(crate) fn any_task_running() -> bool {
    let runs_task =
        |stack: &RefCell<Stack>| stack.borrow().loops.iter().any(|(_, kernel)| kernel.running_task().is_some());
    ENTERED.try_with(runs_task).unwrap_or(false)
}

/// Whether a task of another loop than `kernel` is running on this thread. Then `kernel` does not run.
pub(crate) fn runs_task_of_another(kernel: &Loop) -> bool {
    let is_other = |other: &Loop| !std::ptr::eq(other, kernel) && other.running_task().is_some();
    ENTERED.try_with(|stack| stack.borrow().loops.iter().any(|(_, other)| is_other(other))).unwrap_or(false)
}

/// The loop that this thread is in, for callers that need one.
///
/// # Panics
/// If this thread is in no loop.
#[track_caller]
pub(crate) fn expect() -> Rc<Loop> {
    current().expect(
        "no event loop on this thread: call this inside EventLoop::run_until_complete or oneloop::run, \
         or enter a loop first with `let _in = lp.enter();`",
    )
}

/// Whether this thread, or a task or callback of it, may have a context that is not empty. It costs one load, which is
/// all that a program without variables pays.
#[inline]
pub(crate) fn uses_contexts() -> bool {
    USES_CONTEXTS.get()
}

/// Called when a context is given to this thread, or to a task of it.
pub(crate) fn note_context_use() {
    USES_CONTEXTS.set(true);
}

/// Swaps the context that this thread is in (`None` stands for an empty one), and returns the previous one. To run code
/// in a context, this is called before and after: the second call returns the context as the code has left it.
#[cold]
pub(crate) fn swap_context(next: Option<Context>) -> Option<Context> {
    note_context_use();
    // while the thread ends, its context is gone
    CONTEXT.try_with(|slot| slot.replace(next)).unwrap_or_default()
}

/// Shows the context that this thread is in to `look`, unless it is empty. `look` must not call code of a user, which
/// would not find the context in its place.
fn with_thread_context<R>(look: impl FnOnce(&Context) -> R) -> Option<R> {
    let seen = CONTEXT.try_with(|slot| {
        let context = slot.take();
        let seen = context.as_ref().map(look);
        slot.set(context);
        seen
    });
    seen.unwrap_or_default()
}

/// The value of a variable in the context that this thread is in.
pub(crate) fn context_value(id: VariableId) -> Option<Value> {
    with_thread_context(|context| context.value(id)).flatten()
}

/// The context that this thread is in; `None` stands for an empty one.
#[inline]
pub(crate) fn thread_context() -> Option<Context> {
    if !uses_contexts() {
        return None;
    }
    with_thread_context(Context::clone)
}

/// A copy of the context that this thread is in; `None` if that is empty.
#[inline]
pub(crate) fn copy_thread_context() -> Option<Context> {
    if !uses_contexts() {
        return None;
    }
    with_thread_context(|context| if context.is_empty() { None } else { Some(context.copy()) }).flatten()
}

/// The context that this thread is in, for setting a variable in it.
pub(crate) fn writable_context() -> Context {
    thread_context().unwrap_or_else(|| {
        let context = Context::new();
        drop(swap_context(Some(context.clone())));
        context
    })
}
