//! A waker that is nothing but a number. Owns the vtable; must not know what a task is.
//!
//! Clone and drop do nothing, so a waker may be kept anywhere, for any time: a number that no longer fits wakes nobody,
//! and nothing of a task can be reached, let alone dropped, from another thread.
#![expect(unsafe_code, reason = "a RawWaker's vtable")]

use std::ptr;
use std::task::{RawWaker, RawWakerVTable, Waker};

use super::this_thread as current;
use crate::base::TaskKey;
use crate::kernel::{Alarm, Inbox};
use crate::node::{Loop, Watcher};

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, |_| ());

/// The waker of the task with this key.
pub(crate) fn waker(key: TaskKey) -> Waker {
    // SAFETY: the data word is never dereferenced, so every function of the vtable is sound for any word, on any
    // thread, any number of times; clone gives the same word and the same vtable.
    unsafe { Waker::new(ptr::without_provenance(key.to_word()), &VTABLE) }
}

/// The task that `waker` wakes, if it is one of ours.
pub(crate) fn key_of(waker: &Waker) -> Option<TaskKey> {
    ptr::eq(waker.vtable(), &raw const VTABLE).then(|| TaskKey::from_word(waker.data().addr()))
}

/// What to keep of a waker that watches a node.
pub(crate) fn watcher(waker: &Waker) -> Watcher {
    key_of(waker).map_or_else(|| Watcher::Waker(waker.clone()), Watcher::Task)
}

/// What a timer is to do to wake.
pub(crate) fn alarm(waker: &Waker) -> Alarm {
    key_of(waker).map_or_else(|| Alarm::Waker(waker.clone()), Alarm::Task)
}

/// Queues the task: directly if `kernel` is its loop, through its loop's inbox else.
pub(crate) fn wake_task(kernel: &Loop, key: TaskKey) {
    if kernel.number() == key.number() {
        kernel.wake(key);
    } else {
        Inbox::deliver(key);
    }
}

fn clone(word: *const ()) -> RawWaker {
    RawWaker::new(word, &VTABLE)
}

/// Queues the task: directly on its loop's thread while that loop is entered, through the loop's inbox elsewhere.
fn wake(word: *const ()) {
    let key = TaskKey::from_word(word.addr());
    current::with(|kernel| match kernel {
        Some(kernel) => wake_task(kernel, key),
        None => Inbox::deliver(key),
    });
}
