//! A user's share of a node with a value: what `Task`, `Future`, `Gathering` and the rest are made of. Owns one handle on
//! the node and one await of it; must not know the kinds of node.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::any_future::AnyFuture;
use crate::cancel::{Raise, cancel, is_throwing, no_longer_waits_for, poll_leaf, wait_for_node};
use crate::current::{self, wake_target};
use crate::error::TaskError;
use crate::node::{Core, Ending, NodeRef, PromiseRef, State, Watcher, outcome, release, same};

/// One handle, and one await: `Idle` (number 0) → `Watching` when a poll answered `Pending` → `Idle` when the node is
/// done or the await is given up.
pub(crate) struct JoinHandle<T> {
    promise: PromiseRef<T>,
    /// The await's number among the node's watchers; 0 while it watches nothing.
    number: Cell<u64>,
    raise: Raise,
}

impl<T> JoinHandle<T> {
    /// Takes over a handle that is counted already.
    pub(crate) fn adopt(promise: PromiseRef<T>) -> Self {
        Self { promise, number: Cell::new(0), raise: Raise::default() }
    }

    /// A handle of its own on the node that `promise` is a view of.
    pub(crate) fn view(promise: PromiseRef<T>) -> Self {
        promise.core().add_handle();
        Self::adopt(promise)
    }

    /// One more handle on the same node.
    pub(crate) fn another(&self) -> Self {
        Self::view(self.promise.clone())
    }

    pub(crate) fn promise(&self) -> &PromiseRef<T> {
        &self.promise
    }

    pub(crate) fn node(&self) -> NodeRef {
        self.promise.clone().into_node()
    }

    pub(crate) fn core(&self) -> &Core {
        self.promise.core()
    }

    pub(crate) fn any(&self) -> AnyFuture {
        AnyFuture::new(self.node())
    }

    pub(crate) fn done(&self) -> bool {
        self.core().is_done()
    }

    pub(crate) fn cancelled(&self) -> bool {
        self.core().state() == State::Cancelled
    }

    pub(crate) fn cancel(&self, message: Option<&str>) -> bool {
        cancel(&self.node(), &message.map(Arc::from))
    }

    /// How it ended, with a copy of the value.
    pub(crate) fn result(&self) -> Result<T, TaskError>
    where
        T: Clone,
    {
        self.look(T::clone)
    }

    /// How it ended, with what `read` makes of the value.
    pub(crate) fn look<R>(&self, read: impl Fn(&T) -> R) -> Result<R, TaskError> {
        let core = self.core();
        if !core.is_done() {
            return Err(TaskError::NotDone);
        }
        core.set_retrieved();
        if let Some(ending) = core.ending() {
            return Err(ending.into());
        }
        let mut read_value = None;
        self.promise.peek(&mut |value| read_value = Some(read(value)));
        read_value.ok_or(TaskError::Taken)
    }

    /// How it ended, with the value itself.
    pub(crate) fn take_result(&self) -> Result<T, TaskError> {
        outcome(&*self.promise)
    }

    /// Awaits the value as asyncio's `await` does: a cancelled node raises its cancellation here, a panic goes on here.
    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<T> {
        if is_throwing(cx) {
            return Poll::Pending;
        }
        let core = self.promise.core();
        match core.state() {
            State::Pending => {
                self.watch(cx);
                wait_for_node(self.node());
                return Poll::Pending;
            }
            State::Finished => {
                self.number.set(0);
                core.set_retrieved();
                let taken = "awaited again after its value was taken; use shared() to await it more than once";
                return Poll::Ready(self.promise.take().expect(taken));
            }
            State::Cancelled | State::Panicked => {}
        }
        self.number.set(0);
        core.set_retrieved();
        match core.ending().expect("it ended without a value") {
            Ending::Cancelled(cancelled) => self.raise.raise(cancelled.into_message(), cx),
            Ending::Panicked(panic) => panic.resume(),
        }
        Poll::Pending
    }

    /// Awaits the end, whatever it is, and answers it as a value. A look: a cancellation is not handed on.
    pub(crate) fn poll_outcome(&mut self, cx: &Context<'_>) -> Poll<Result<T, TaskError>> {
        poll_leaf(cx, &"the outcome of a task", || {
            if self.core().is_done() {
                self.number.set(0);
                return Poll::Ready(self.take_result());
            }
            self.watch(cx);
            Poll::Pending
        })
    }

    /// Registers with the node, or sees to it that the registration names the waker of this poll.
    fn watch(&self, cx: &Context<'_>) {
        let core = self.core();
        let mut watcher = Watcher::Wake(wake_target(cx));
        let number = self.number.get();
        let known = number != 0 && core.watchers().with(number, |held| std::mem::swap(held, &mut watcher)).is_some();
        if !known {
            self.refuse_what_cannot_be();
            let number = core.kernel().next_watch();
            self.number.set(number);
            core.watchers().add(number, watcher);
        }
    }

    /// # Panics
    /// If the running task awaits itself or something of another loop: neither could ever go on.
    fn refuse_what_cannot_be(&self) {
        let kernel = current::current();
        let task = kernel.as_ref().and_then(|kernel| kernel.running_task().current());
        let foreign = task.is_some() && !current::is_in(self.core().kernel());
        let own = task.is_some_and(|task| same(&*task, &*self.promise));
        assert!(!foreign, "awaited a future of another event loop; await it in a task of the loop that made it");
        assert!(!own, "Task cannot await on itself; hand its handle to another task");
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        let number = self.number.get();
        if number != 0 {
            drop(self.promise.core().watchers().remove(number));
            drop(no_longer_waits_for(&*self.promise));
        }
        release(&*self.promise);
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.any().fmt(f)
    }
}

/// What every handle with a value can do, for a type that is a struct around `join: JoinHandle<T>`.
macro_rules! handle_methods {
    ($Handle:ident) => {
        impl<T: 'static> $Handle<T> {
            /// Whether it has ended, in whatever way: asyncio's `done()`.
            pub fn done(&self) -> bool {
                self.join.done()
            }

            /// Whether it has ended by cancellation: asyncio's `cancelled()`.
            pub fn cancelled(&self) -> bool {
                self.join.cancelled()
            }

            /// Asks it to be cancelled: asyncio's `cancel()`. False if there was nothing left to cancel.
            pub fn cancel(&self) -> bool {
                self.join.cancel(None)
            }

            /// [`cancel`](Self::cancel) with a message for whoever catches it.
            pub fn cancel_with(&self, message: &str) -> bool {
                self.join.cancel(Some(message))
            }

            /// How it ended, with a copy of the value: asyncio's `result()`.
            ///
            /// # Errors
            /// If it is not done, was cancelled, panicked, or its value was taken by an earlier await.
            pub fn result(&self) -> Result<T, $crate::error::TaskError>
            where
                T: Clone,
            {
                self.join.result()
            }

            /// How it ended, with what `look` makes of the value, which stays where it is: for values that cannot be
            /// copied.
            ///
            /// # Errors
            /// As [`result`](Self::result).
            pub fn peek<R>(&self, look: impl Fn(&T) -> R) -> Result<R, $crate::error::TaskError> {
                self.join.look(look)
            }

            /// How it ended, with the value itself.
            ///
            /// # Errors
            /// As [`result`](Self::result).
            pub fn into_result(self) -> Result<T, $crate::error::TaskError> {
                self.join.take_result()
            }

            /// Waits for the end and answers it as a value: a cancelled or panicked one raises nothing here, and a
            /// cancellation of the waiting task is not handed on.
            ///
            /// # Errors
            /// If it was cancelled, panicked, or its value was taken by an earlier await.
            ///
            /// # Cancel safety
            /// Nothing is lost: whoever asks again gets the same answer.
            pub async fn outcome(&mut self) -> Result<T, $crate::error::TaskError> {
                std::future::poll_fn(|cx| self.join.poll_outcome(cx)).await
            }

            /// Calls `f` when it is done, in a turn of its own: asyncio's `add_done_callback`. If it is done already, the
            /// turn comes in the next iteration.
            pub fn add_done_callback(
                &self,
                f: impl FnOnce(&$crate::awaitables::AnyFuture) + 'static,
            ) -> $crate::awaitables::CallbackId {
                self.join.any().add_done_callback(f)
            }

            /// Takes a callback back; whether it was still registered. One that is queued already runs.
            pub fn remove_done_callback(&self, id: $crate::awaitables::CallbackId) -> bool {
                self.join.any().remove_done_callback(id)
            }

            pub(crate) fn join(&self) -> &$crate::awaitables::JoinHandle<T> {
                &self.join
            }
        }

        impl<T> $Handle<T> {
            pub(crate) fn into_join(self) -> $crate::awaitables::JoinHandle<T> {
                self.join
            }

            pub(crate) fn another_join(&self) -> $crate::awaitables::JoinHandle<T> {
                self.join.another()
            }
        }

        impl<V: 'static, E: Clone + 'static> $Handle<Result<V, E>> {
            /// The error that it returned, if it did: asyncio's `exception()`.
            ///
            /// # Errors
            /// If it is not done, was cancelled, panicked, or its value was taken by an earlier await.
            pub fn exception(&self) -> Result<Option<E>, $crate::error::TaskError> {
                self.join.look(|result| result.as_ref().err().cloned())
            }
        }

        impl<T: 'static> std::future::Future for $Handle<T> {
            type Output = T;

            fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<T> {
                self.join.poll(cx)
            }
        }

        impl<T: 'static> std::fmt::Debug for $Handle<T> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.join.fmt(f)
            }
        }
    };
}
pub(crate) use handle_methods;
