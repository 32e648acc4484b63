//! The typed handles as a group. Owns the list of their types, and the methods that all of them have; must not know
//! what any of them is a handle on.
//!
//! A handle type that is missing from the list does not compile: it is no `Future`, and it has no methods. A kind of
//! gathering that is missing cannot be made, because `Gathering::new` asks for `Listed`.

use super::cancel_on_drop::CancelOnDrop;
use super::future::Future;
use super::gathering::{FirstError, Gathering, Outcomes, Values};
use super::join_handle::Listed;
use super::shared::{Awaitable, Shared};
use super::task::Task;

/// Calls the macro `$callback` with every handle type that has a value: the generic type, and behind the colon the
/// types that it stands for, of which there are several only for gatherings.
macro_rules! for_each_handle {
    ($callback:ident) => {
        $callback! {
            Task<T>: Task<T>;
            Future<T>: Future<T>;
            Shared<T>: Shared<T>;
            Awaitable<T>: Awaitable<T>;
            Gathering<T, K>: Gathering<T, Values>, Gathering<T, Outcomes>, Gathering<T, FirstError>;
        }
    };
}
pub(crate) use for_each_handle;

macro_rules! methods {
    ($($Handle:ident<T $(, $K:ident)?>: $($Type:ty),+;)+) => { $(
        $(impl<T> Listed for $Type {})+

        impl<T: 'static $(, $K: 'static)?> $Handle<T $(, $K)?> {
            /// Whether it has ended: with a value, by cancellation or by a panic. asyncio's `done()`.
            pub fn done(&self) -> bool {
                self.join.done()
            }

            /// Whether it has ended by cancellation: asyncio's `cancelled()`.
            pub fn cancelled(&self) -> bool {
                self.join.cancelled()
            }

            /// Requests its cancellation: asyncio's `cancel()`. Returns false if there was nothing left to cancel.
            #[track_caller]
            pub fn cancel(&self) -> bool {
                self.join.cancel(None)
            }

            /// [`cancel`](Self::cancel) with a message for the code that catches the cancellation.
            #[track_caller]
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

            /// How it ended, with what `look` returns for a reference to the value, which stays where it is: for values
            /// that cannot be cloned.
            ///
            /// # Errors
            /// As [`result`](Self::result).
            pub fn peek<R>(&self, look: impl Fn(&T) -> R) -> Result<R, $crate::error::TaskError> {
                self.join.peek(look)
            }

            /// How it ended, with the value moved out.
            ///
            /// # Errors
            /// As [`result`](Self::result).
            pub fn into_result(self) -> Result<T, $crate::error::TaskError> {
                self.join.take_result()
            }

            /// Waits until it is done and returns how it ended, as a value: no cancellation is raised and no panic
            /// resumed here. A cancellation of the waiting task does not cancel it.
            ///
            /// # Errors
            /// If it was cancelled, panicked, or its value was taken by an earlier await.
            ///
            /// # Cancel safety
            /// Nothing is lost: a later call returns what this one would have returned.
            pub async fn outcome(&mut self) -> Result<T, $crate::error::TaskError> {
                std::future::poll_fn(|cx| self.join.poll_outcome(cx)).await
            }

            /// [`outcome`](Self::outcome) of a handle that is used up by it, so it need not be `mut`:
            /// `create_task(work()).into_outcome().await`.
            ///
            /// # Errors
            /// As [`outcome`](Self::outcome).
            ///
            /// # Cancel safety
            /// The handle is dropped with this future, and what it is on goes on.
            pub async fn into_outcome(mut self) -> Result<T, $crate::error::TaskError> {
                self.outcome().await
            }

            /// A cloneable handle without the type of the value.
            pub fn any(&self) -> $crate::awaitables::AnyFuture {
                self.join.any()
            }

            /// This handle as one that cancels when it is dropped, where a plain handle lets its task run on.
            #[must_use = "it is cancelled as soon as this is dropped"]
            pub fn cancel_on_drop(self) -> CancelOnDrop<Self> {
                let any = self.any();
                CancelOnDrop::new(self, any)
            }

            /// Calls `f` when it is done, from an entry of the ready queue of its own: asyncio's `add_done_callback`.
            /// If it is done already, `f` is called in the next iteration.
            pub fn add_done_callback(
                &self,
                f: impl FnOnce(&$crate::awaitables::AnyFuture) + 'static,
            ) -> $crate::awaitables::CallbackId {
                self.join.any().add_done_callback(f)
            }

            /// Removes a callback and returns whether it was still registered: asyncio's `remove_done_callback`. A
            /// callback that is in the ready queue already is called all the same.
            pub fn remove_done_callback(&self, id: $crate::awaitables::CallbackId) -> bool {
                self.join.any().remove_done_callback(id)
            }

            pub(crate) fn join(&self) -> &$crate::awaitables::JoinHandle<T> {
                &self.join
            }
        }

        impl<T: 'static $(, $K: 'static)?> CancelOnDrop<$Handle<T $(, $K)?>> {
            /// Waits until it is done and returns how it ended, as the `outcome` of the handle does.
            ///
            /// # Errors
            /// As [`Task::outcome`](crate::Task::outcome).
            ///
            /// # Cancel safety
            /// Nothing is lost: this handle is still there, and a later call returns what this one would have returned.
            pub async fn outcome(&mut self) -> Result<T, $crate::error::TaskError> {
                self.handle_mut().outcome().await
            }

            /// [`outcome`](Self::outcome) of a handle that is used up by it, so it need not be `mut`.
            ///
            /// # Errors
            /// As [`outcome`](Self::outcome).
            ///
            /// # Cancel safety
            /// The handle is dropped with this future, and so what it is on is cancelled.
            pub async fn into_outcome(mut self) -> Result<T, $crate::error::TaskError> {
                self.outcome().await
            }
        }

        impl<T $(, $K)?> $Handle<T $(, $K)?> {
            pub(crate) fn into_join(self) -> $crate::awaitables::JoinHandle<T> {
                self.join
            }
        }

        impl<V: 'static, E: Clone + 'static $(, $K: 'static)?> $Handle<Result<V, E> $(, $K)?> {
            /// The error that it returned, or `None` if it returned no error: asyncio's `exception()`.
            ///
            /// # Errors
            /// If it is not done, was cancelled, panicked, or its value was taken by an earlier await.
            pub fn exception(&self) -> Result<Option<E>, $crate::error::TaskError> {
                self.join.peek(|result| result.as_ref().err().cloned())
            }
        }

        impl<T: 'static $(, $K: 'static)?> std::future::Future for $Handle<T $(, $K)?> {
            type Output = T;

            #[track_caller]
            fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> std::task::Poll<T> {
                self.join.poll(cx)
            }
        }

        impl<T: 'static $(, $K: 'static)?> std::fmt::Debug for $Handle<T $(, $K)?> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.join.fmt(f)
            }
        }
    )+ };
}

for_each_handle!(methods);
