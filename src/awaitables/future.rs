//! A result that the program sets by hand: asyncio's `Future`. Owns the node with the result and its handle; must not
//! know tasks.

use std::cell::Cell;
use std::rc::Rc;

use super::join_handle::JoinHandle;
use crate::base::{PooledRc, lend};
use crate::current;
use crate::error::{InvalidState, Panic};
use crate::node::{Core, Ending, Kind, Loop, Node, Promise, as_node, as_promise, drop_flat};

/// A result that the program sets by hand: asyncio's `Future`, made by [`create_future`](fn@create_future).
///
/// Every clone can set the result, and await it. The first await takes the value, and a second one panics; use
/// `shared()` if several awaiters want it. If all handles are dropped before the result is set, its callbacks are never
/// called.
///
/// Write it with its path, `oneloop::Future<T>`: the trait `Future` is in Rust's own prelude.
///
/// # Examples
/// ```
/// use oneloop::{EventLoop, create_future, run};
///
/// let seven = run(async {
///     let future = create_future();
///     let setter = future.clone();
///     EventLoop::current().call_soon(move || setter.set_result(7).expect("set once"));
///     future.await
/// })?;
/// assert_eq!(seven, 7);
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Cancel safety
/// Dropping the await loses nothing. A cancellation of the awaiting task cancels the future, for all its awaiters, if
/// nothing else is awaited there.
#[must_use = "a future does nothing unless its result is set and awaited"]
pub struct Future<T> {
    pub(super) join: JoinHandle<T>,
    node: PooledRc<FutureNode<T>>,
}

impl<T: 'static> Future<T> {
    /// Sets the result: asyncio's `set_result`. Awaiters and callbacks run in the next iteration.
    ///
    /// # Errors
    /// If it is done already. The error holds the value.
    pub fn set_result(&self, value: T) -> Result<(), InvalidState<T>> {
        if self.node.core.is_done() {
            return Err(InvalidState(value));
        }
        self.node.value.set(Some(value));
        self.node.core.finish(|| as_node(self.node.clone()));
        Ok(())
    }

    /// Ends it with a panic, which is resumed in its awaiters. Does nothing if it is done.
    pub(crate) fn set_panic(&self, panic: Panic) {
        if !self.node.core.is_done() {
            self.node.core.end(Ending::Panicked(panic), || as_node(self.node.clone()));
        }
    }
}

impl<V: 'static, E: 'static> Future<Result<V, E>> {
    /// Sets an error as the result: asyncio's `set_exception`.
    ///
    /// # Errors
    /// If it is done already. The error holds the one that was to be set.
    pub fn set_exception(&self, error: E) -> Result<(), InvalidState<E>> {
        self.set_result(Err(error)).map_err(|InvalidState(result)| match result {
            Err(error) => InvalidState(error),
            Ok(_) => unreachable!("set_result returns the value that it was given"),
        })
    }
}

impl<T: 'static> Clone for Future<T> {
    fn clone(&self) -> Self {
        Self { join: self.join.another(), node: self.node.clone() }
    }
}

/// A pending future on this thread's loop: asyncio's `loop.create_future()`.
///
/// # Examples
/// ```
/// use oneloop::{create_future, run};
///
/// run(async {
///     let future = create_future();
///     assert!(future.set_result(1).is_ok());
///     assert_eq!(future.set_result(2).unwrap_err().0, 2); // the result is set once
///     assert_eq!(future.await, 1);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Panics
/// If this thread is in no loop.
#[track_caller]
pub fn create_future<T: 'static>() -> Future<T> {
    pending_future(current::expect())
}

/// A pending future on `kernel`.
pub(crate) fn pending_future<T: 'static>(kernel: Rc<Loop>) -> Future<T> {
    let node = PooledRc::new_uninit().write(FutureNode { core: Core::new(kernel), value: Cell::new(None) });
    Future { join: JoinHandle::adopt(as_promise(node.clone())), node }
}

struct FutureNode<T> {
    core: Core,
    value: Cell<Option<T>>,
}

impl<T: 'static> Node for FutureNode<T> {
    fn core(&self) -> &Core {
        &self.core
    }

    fn kind(&self) -> Kind<'_> {
        Kind::Plain
    }

    fn orphaned(&self) {
        if self.core.is_done() {
            if let Some(value) = self.value.take() {
                drop_flat(self.core.kernel(), Box::new(value));
            }
        } else {
            // no handle is left that could set the result
            self.core.forget_watchers();
        }
    }
}

impl<T: 'static> Promise<T> for FutureNode<T> {
    fn take(&self) -> Option<T> {
        self.value.take()
    }

    fn peek(&self, look: &mut dyn FnMut(&T)) {
        lend(&self.value, look);
    }
}
