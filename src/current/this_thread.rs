//! The loop and the context of variables that this thread is in. Owns both as thread-locals; must not know how a loop
//! runs, nor what a variable is.
#![expect(unsafe_code, reason = "every wake and every await looks here; a plain pointer costs one load: measured")]

use std::cell::{Cell, RefCell};
use std::mem::{self, ManuallyDrop};
use std::rc::Rc;
use std::task::Waker;

use crate::base::{Context, TaskKey, Value, VariableId};
use crate::kernel::Leaf;
use crate::node::{Loop, TaskState};

thread_local! {
    /// The loop that was entered last: the top of `ENTERED`. A pointer without a destructor, so that reading it costs
    /// one load, and works while the thread ends.
    static INNERMOST: Cell<*const Loop> = const { Cell::new(std::ptr::null()) };
    /// The loops that are entered. Without a destructor, as that costs the first run of a process two microseconds
    /// (measured): what is left when the thread ends is left by the destructor of `END`, if there may be anything.
    static ENTERED: ManuallyDrop<RefCell<Stack>> = const { ManuallyDrop::new(RefCell::new(Stack::EMPTY)) };
    static END: End = const { End };
    #[cfg(test)]
    static BEHIND_THE_END: Cell<Option<tests::BehindTheEnd>> = const { Cell::new(None) };
    /// Whether this thread, or a task of it, was ever given a context. A program without variables reads only this,
    /// and never `CONTEXT`.
    static USES_CONTEXTS: Cell<bool> = const { Cell::new(false) };
    /// The context of variables that this thread is in. `None` stands for an empty context.
    static CONTEXT: Cell<Option<Context>> = const { Cell::new(None) };
}

/// The loops that this thread has entered.
///
/// Invariant, **the pointer lives**: `INNERMOST` is null, or points into an `Rc` in `ENTERED`. Every change of the
/// stack ends with `update_innermost`, before a loop that was in it is dropped.
struct Stack {
    outermost: Option<Entered>,
    /// Those inside it. They have memory only while there are any: most threads are in one loop at most.
    others: Vec<Entered>,
    last_guard: u64,
}

struct Entered {
    /// The number of its guard.
    guard: u64,
    kernel: Rc<Loop>,
}

impl Stack {
    const EMPTY: Self = Self { outermost: None, others: Vec::new(), last_guard: 0 };

    /// The outermost first.
    fn loops(&self) -> impl Iterator<Item = &Rc<Loop>> {
        self.outermost.iter().chain(&self.others).map(|entered| &entered.kernel)
    }

    /// Returns the number for the guard.
    fn push(&mut self, kernel: Rc<Loop>) -> u64 {
        self.last_guard += 1;
        let entered = Entered { guard: self.last_guard, kernel };
        match self.outermost {
            None => self.outermost = Some(entered),
            Some(_) => self.others.push(entered),
        }
        self.update_innermost();
        self.last_guard
    }

    /// Removes the loop with this guard. The caller drops it.
    fn remove(&mut self, guard: u64) -> Option<Entered> {
        let is_it = |entered: &mut Entered| entered.guard == guard;
        let left = self.outermost.take_if(is_it).or_else(|| self.others.extract_if(.., is_it).next());
        if self.outermost.is_none() && !self.others.is_empty() {
            self.outermost = Some(self.others.remove(0));
        }
        if self.others.is_empty() {
            self.others = Vec::new();
        }
        self.update_innermost();
        left
    }

    fn update_innermost(&self) {
        let innermost = self.others.last().or(self.outermost.as_ref());
        INNERMOST.set(innermost.map_or(std::ptr::null(), |entered| Rc::as_ptr(&entered.kernel)));
    }
}

/// Its destructor is called when the thread ends.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        let left = with_stack(|stack| {
            let left = mem::replace(stack, Stack { last_guard: stack.last_guard, ..Stack::EMPTY });
            stack.update_innermost();
            left
        });
        drop(left); // which may drop the last pointer to a loop, and tasks with it: so the borrow has ended before
    }
}

/// `f` must not drop a loop.
fn with_stack<R>(f: impl FnOnce(&mut Stack) -> R) -> R {
    ENTERED.with(|stack| f(&mut stack.borrow_mut()))
}

/// Dropping this leaves the loop. Guards may be dropped in any order.
#[derive(Debug)]
pub(crate) struct Guard {
    number: u64,
}

/// Enters a loop on this thread. The guard is for a frame of this crate, which drops it; if a program gets it, which
/// may forget it, [`leave_at_the_end`] is called before.
pub(crate) fn enter(kernel: Rc<Loop>) -> Guard {
    Guard { number: with_stack(|stack| stack.push(kernel)) }
}

/// Has the thread leave, when it ends, every loop that it is in.
pub(crate) fn leave_at_the_end() {
    let _ = END.try_with(|_| ()); // while the thread ends, a loop that is never left stays open
}

impl Drop for Guard {
    fn drop(&mut self) {
        let left = with_stack(|stack| stack.remove(self.number));
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

/// What a lock that is acquired writes down of the task that acquires it, which is the running one.
#[derive(Clone, Copy)]
pub(crate) struct Acquirer {
    /// As `running_key` tells it.
    pub(crate) task: TaskKey,
    /// The number of the running step, or of the last one.
    pub(crate) step: u32,
    /// Whether the loop wants to know of each lock: see `Holders`.
    pub(crate) is_to_be_told: bool,
}

#[inline]
pub(crate) fn acquirer() -> Acquirer {
    // SAFETY: `f` reads three fields.
    unsafe {
        with(|kernel| {
            let kernel = kernel?;
            let task = kernel.running_task().with(TaskState::key)?;
            Some(Acquirer { task, step: kernel.step().number(), is_to_be_told: kernel.holders().wants_all() })
        })
    }
    .unwrap_or(Acquirer { task: TaskKey::NONE, step: 0, is_to_be_told: false })
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
    with_stack(|stack| stack.loops().find(|kernel| kernel.number() == number).cloned())
}

/// Whether a loop runs on this thread.
pub(crate) fn any_running() -> bool {
    with_stack(|stack| stack.loops().any(|kernel| kernel.life().is_running()))
}

/// Whether a task of any loop is running on this thread.
pub(crate) fn any_task_running() -> bool {
    with_stack(|stack| stack.loops().any(|kernel| kernel.running_task().is_some()))
}

/// Whether a task of another loop than `kernel` is running on this thread. Then `kernel` does not run.
pub(crate) fn runs_task_of_another(kernel: &Loop) -> bool {
    let is_other = |other: &Loop| !std::ptr::eq(other, kernel) && other.running_task().is_some();
    with_stack(|stack| stack.loops().any(|other| is_other(other)))
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

#[cfg(test)]
mod tests {
    use std::rc::Weak;
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::base::Clock;
    use crate::kernel::Kernel;

    /// Dropped when a thread ends, behind the loops that it is in.
    pub(super) struct BehindTheEnd(Vec<Weak<Loop>>, mpsc::Sender<usize>);

    impl Drop for BehindTheEnd {
        fn drop(&mut self) {
            let alive = self.0.iter().filter(|kernel| kernel.strong_count() > 0).count();
            self.1.send(alive).expect("the test waits");
        }
    }

    #[test]
    fn loops_whose_guards_were_forgotten_are_freed_when_the_thread_ends() {
        let (sender, alive) = mpsc::channel();
        let thread = move || {
            let loops = [(); 3].map(|()| Kernel::new(Clock::Virtual).expect("descriptors for a loop"));
            let weak = loops.each_ref().map(Rc::downgrade).to_vec();
            BEHIND_THE_END.set(Some(BehindTheEnd(weak, sender))); // the last is dropped first
            leave_at_the_end();
            for kernel in loops {
                mem::forget(enter(kernel));
            }
        };
        thread::spawn(thread).join().expect("it ends well");
        assert_eq!(alive.recv(), Ok(0));
    }

    #[test]
    fn guards_are_dropped_in_any_order_and_nothing_is_kept() {
        let loops = [(); 3].map(|()| Kernel::new(Clock::Virtual).expect("descriptors for a loop"));
        let [first, second, third] = loops.each_ref().map(|kernel| enter(Rc::clone(kernel)));
        let is_in_only = |expected: &[usize]| {
            assert!(is_in(&loops[expected[expected.len() - 1]]));
            let entered = with_stack(|stack| stack.loops().map(|kernel| kernel.number()).collect::<Vec<_>>());
            assert_eq!(entered, expected.iter().map(|at| loops[*at].number()).collect::<Vec<_>>());
        };
        is_in_only(&[0, 1, 2]);
        drop(first);
        is_in_only(&[1, 2]);
        drop(third);
        is_in_only(&[1]);
        drop(second);
        assert!(current().is_none());
        assert_eq!(with_stack(|stack| stack.others.capacity()), 0, "memory only while it is needed");
    }
}
