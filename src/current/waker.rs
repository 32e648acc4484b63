//! The waker of a task, which is nothing but a number. Owns its vtables; must not know what a task is.
//!
//! To clone or drop such a waker frees nothing, so it may be kept anywhere and for any time. When its task is done, its
//! number matches no task, and to wake it has no effect. Another thread that has the waker can reach nothing of the
//! task, so it cannot drop anything of it either.
//!
//! There are several vtables, each of which is a variant of the waker, and the polls of a task use one after another.
//! So a waker that was cloned in an earlier poll does not pass for the present one (`will_wake`), and a future of
//! another crate that waits clones the waker in each poll. These clones are counted: that is all that a task knows of
//! such a future.
#![expect(unsafe_code, reason = "the vtable of a RawWaker")]

use std::ptr;
use std::task::{Context, RawWaker, RawWakerVTable, Waker};

use super::this_thread;
use crate::base::{TaskKey, WakeTarget};
use crate::kernel::{RunningStep, send_wake};
use crate::node::{FIRST_VARIANT, Loop, TaskState, VARIANTS, wake_task};

/// One for each variant, one after the other in memory, so that one comparison recognises all.
static VTABLES: [RawWakerVTable; VARIANTS as usize] = [
    vtable::<1>(),
    vtable::<2>(),
    vtable::<3>(),
    vtable::<4>(),
    vtable::<5>(),
    vtable::<6>(),
    vtable::<7>(),
    vtable::<8>(),
];

const fn vtable<const VARIANT: u8>() -> RawWakerVTable {
    RawWakerVTable::new(clone::<VARIANT>, wake_by_value::<VARIANT>, wake, drop_clone::<VARIANT>)
}

/// The waker of the task with this key, in this variant.
#[inline]
pub(crate) fn waker(key: TaskKey, variant: u8) -> Waker {
    let vtable = &VTABLES[usize::from((variant - FIRST_VARIANT) % VARIANTS)];
    // SAFETY: the functions of the vtable take the data pointer as a number and never read memory through it. So each
    // of them is sound for any number, on any thread, any number of times. `clone` returns the same number and vtable.
    unsafe { Waker::new(ptr::without_provenance(key.to_word()), vtable) }
}

/// The task that `waker` wakes. `None` if the waker is foreign, that is, not made by this crate.
#[inline]
pub(crate) fn key_of(waker: &Waker) -> Option<TaskKey> {
    let offset = ptr::from_ref(waker.vtable()).addr().wrapping_sub((&raw const VTABLES).addr());
    (offset < size_of_val(&VTABLES)).then(|| TaskKey::from_word(waker.data().addr()))
}

/// What to wake for the future that is polled with `cx`: its task, or, if a combinator of another crate stands in
/// between, the waker of that combinator.
pub(crate) fn wake_target(cx: &Context<'_>) -> WakeTarget {
    let waker = cx.waker();
    key_of(waker).map_or_else(|| WakeTarget::Foreign(waker.clone()), WakeTarget::Task)
}

/// If this is called in a poll of the task, a future of another crate waits.
fn clone<const VARIANT: u8>(word: *const ()) -> RawWaker {
    count(word, VARIANT, |step, task| {
        step.add_clone(task.awaits());
        task.note_clone();
    });
    RawWaker::new(word, &VTABLES[usize::from(VARIANT - FIRST_VARIANT)])
}

/// If the clone was made in the same poll, that future has woken itself.
fn wake_by_value<const VARIANT: u8>(word: *const ()) {
    count(word, VARIANT, |step, task| step.spend_clone(task.awaits()));
    wake(word);
}

/// If the clone was made in the same poll, that future has gone.
fn drop_clone<const VARIANT: u8>(word: *const ()) {
    count(word, VARIANT, |step, task| step.remove_clone(task.awaits()));
}

/// Calls `change` for the step in which the task with this word is polled with this variant, if that step is running.
fn count(word: *const (), variant: u8, change: fn(&RunningStep, &TaskState)) {
    let change_if_on = |kernel: &Loop| {
        kernel.running_task().with(|task| {
            if task.key() == TaskKey::from_word(word.addr()) && task.waker_variant() == variant {
                change(kernel.step(), task);
            }
        })
    };
    // SAFETY: the closure looks at the running task and counts. It calls no code of a user.
    unsafe { this_thread::with(|kernel| kernel.map(change_if_on)) };
}

/// Queues the task: directly if this thread is in its loop, and through the loop's inbox otherwise.
fn wake(word: *const ()) {
    let key = TaskKey::from_word(word.addr());
    // SAFETY: `wake_task` and `send_wake` queue a task or a message. They call no code of a user.
    unsafe {
        this_thread::with(|kernel| match kernel {
            Some(kernel) => wake_task(kernel, key),
            None => send_wake(key),
        });
    }
}
