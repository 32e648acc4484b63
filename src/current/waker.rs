//! The waker of a task, which is nothing but a number. Owns its vtable; must not know what a task is.
//!
//! To clone or drop such a waker does nothing, so it may be kept anywhere and for any time. When its task is done, its
//! number matches no task, and to wake it has no effect. Another thread that has the waker can reach nothing of the
//! task, so it cannot drop anything of it either.
#![expect(unsafe_code, reason = "the vtable of a RawWaker")]

use std::ptr;
use std::task::{Context, RawWaker, RawWakerVTable, Waker};

use super::this_thread;
use crate::base::{TaskKey, WakeTarget};
use crate::kernel::Inbox;
use crate::node::wake_task;

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, |_| ());

/// The waker of the task with this key.
pub(crate) fn waker(key: TaskKey) -> Waker {
    // SAFETY: the functions of the vtable take the data pointer as a number and never read memory through it. So each
    // of them is sound for any number, on any thread, any number of times. `clone` returns the same number and vtable.
    unsafe { Waker::new(ptr::without_provenance(key.to_word()), &VTABLE) }
}

/// The task that `waker` wakes. `None` if the waker is foreign, that is, not made by this crate.
#[inline]
pub(crate) fn key_of(waker: &Waker) -> Option<TaskKey> {
    ptr::eq(waker.vtable(), &raw const VTABLE).then(|| TaskKey::from_word(waker.data().addr()))
}

/// What to wake for the future that is polled with `cx`: its task, or, if a combinator of another crate stands in
/// between, the waker of that combinator.
pub(crate) fn wake_target(cx: &Context<'_>) -> WakeTarget {
    let waker = cx.waker();
    key_of(waker).map_or_else(|| WakeTarget::Foreign(waker.clone()), WakeTarget::Task)
}

fn clone(word: *const ()) -> RawWaker {
    RawWaker::new(word, &VTABLE)
}

/// Queues the task: directly if this thread is in its loop, and through the loop's inbox otherwise.
fn wake(word: *const ()) {
    let key = TaskKey::from_word(word.addr());
    // SAFETY: `wake_task` and `send_wake` queue a task or a message. They call no code of a user.
    unsafe {
        this_thread::with(|kernel| match kernel {
            Some(kernel) => wake_task(kernel, key),
            None => Inbox::send_wake(key),
        });
    }
}
