//! A waker that is nothing but a number. Owns the vtable; must not know what a task is.
//!
//! Clone and drop do nothing, so a waker may be kept anywhere, for any time: a number that no longer fits wakes nobody,
//! and nothing of a task can be reached, let alone dropped, from another thread.
#![expect(unsafe_code, reason = "a RawWaker's vtable")]

use std::ptr;
use std::task::{Context, RawWaker, RawWakerVTable, Waker};

use super::this_thread;
use crate::base::{TaskKey, WakeTarget};
use crate::kernel::Inbox;
use crate::node::wake_task;

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, |_| ());

/// The waker of the task with this key.
pub(crate) fn waker(key: TaskKey) -> Waker {
    // SAFETY: the data word is never dereferenced, so every function of the vtable is sound for any word, on any
    // thread, any number of times; clone gives the same word and the same vtable.
    unsafe { Waker::new(ptr::without_provenance(key.to_word()), &VTABLE) }
}

/// The task that `waker` wakes, if the waker was made here.
#[inline]
pub(crate) fn key_of(waker: &Waker) -> Option<TaskKey> {
    ptr::eq(waker.vtable(), &raw const VTABLE).then(|| TaskKey::from_word(waker.data().addr()))
}

/// What is to be woken for a future that is polled with `cx`: its task, unless a combinator of another crate stands in
/// between with a waker of its own.
pub(crate) fn wake_target(cx: &Context<'_>) -> WakeTarget {
    let waker = cx.waker();
    key_of(waker).map_or_else(|| WakeTarget::Foreign(waker.clone()), WakeTarget::Task)
}

fn clone(word: *const ()) -> RawWaker {
    RawWaker::new(word, &VTABLE)
}

/// Queues the task: directly on its loop's thread while that loop is entered, through the loop's inbox elsewhere.
fn wake(word: *const ()) {
    let key = TaskKey::from_word(word.addr());
    // SAFETY: to wake a task by its key only queues it.
    unsafe {
        this_thread::with(|kernel| match kernel {
            Some(kernel) => wake_task(kernel, key),
            None => Inbox::send_wake(key),
        });
    }
}
