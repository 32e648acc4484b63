//! A wait that is polled, beside those that are awaited. Owns the waker of the last poll, and the turn that is left to
//! other tasks; must not know what is awaited.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::cancel::Waiting;
use crate::current::{self, SingleWaiter};
use crate::kernel::{Leaf, What};
use crate::node::Loop;

/// The wait of the one task that polls a direction of a stream.
#[derive(Default)]
pub(super) struct PolledWait {
    /// The loop of the task that had to wait first. All others must be of this loop.
    kernel: OnceCell<Rc<Loop>>,
    waiter: SingleWaiter,
    waiting: Waiting,
    /// The last poll has let other tasks run first.
    yielded: Cell<bool>,
}

impl PolledWait {
    /// What polls waits for `what`, until `wake`.
    ///
    /// # Panics
    /// If the loop of an earlier wait cannot wake it.
    #[track_caller]
    pub(super) fn wait(&self, cx: &Context<'_>, what: Leaf) {
        let kernel = match self.kernel.get() {
            Some(kernel) => kernel,
            None => self.bind(current::expect()),
        };
        self.waiter.set(cx);
        self.waiting.note_kept(kernel, cx, what);
    }

    #[cold]
    fn bind(&self, kernel: Rc<Loop>) -> &Rc<Loop> {
        self.kernel.get_or_init(|| kernel)
    }

    pub(super) fn wake(&self) {
        if let Some(kernel) = self.kernel.get() {
            self.waiter.wake(kernel);
        }
    }

    /// Counts an operation that need not wait. After as many as a step may do, other tasks have their turn first.
    pub(super) fn poll_turn(&self, kernel: &Loop, cx: &Context<'_>) -> Poll<()> {
        let has_yielded = self.yielded.replace(false);
        if kernel.budget().may_go_on(kernel.step().number()) || has_yielded {
            return Poll::Ready(());
        }
        self.yielded.set(true);
        self.waiting.note_kept(kernel, cx, Leaf::of(What::NextTurn));
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for PolledWait {
    fn drop(&mut self) {
        if let Some(kernel) = self.kernel.get() {
            self.waiting.end(kernel);
        }
    }
}
