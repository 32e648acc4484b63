//! A result that somebody will set: asyncio's `Future`. Owns the cell and its handle; must not know tasks.

use std::cell::Cell;
use std::rc::Rc;

use super::join_handle::{JoinHandle, handle_methods};
use crate::base::{PooledRc, lend};
use crate::current;
use crate::error::{InvalidState, Panic};
use crate::node::{Core, Ending, Kind, Loop, Node, Promise, as_node, as_promise};

/// A result that somebody will set: asyncio's `Future`, made by [`create_future`](fn@create_future).
///
/// Every clone can settle it and await it. The value goes to the first that awaits it; use `shared()` to let several
/// have it. If all handles are dropped before it is settled, its callbacks never run.
///
/// Write it with its path, `oneloop::Future<T>`: the trait of that name is in Rust's own prelude.
///
/// # Examples
/// ```
/// use oneloop::{EventLoop, create_future, run};
///
/// let seven = run(async {
///     let future = create_future();
///     let setter = future.clone();
///     EventLoop::current().call_soon(move || setter.set_result(7).expect("nobody else sets it"));
///     future.await
/// })?;
/// assert_eq!(seven, 7);
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Cancel safety
/// Dropping the await loses nothing. A cancellation of the awaiting task is handed on: it cancels the future, for
/// everybody who awaits it.
#[must_use = "a future does nothing unless it is settled and awaited"]
pub struct Future<T> {
    join: JoinHandle<T>,
    cell: PooledRc<FutureCell<T>>,
}

impl<T: 'static> Future<T> {
    /// Settles it with a value: asyncio's `set_result`. Awaiters and callbacks take their turns in the next iteration.
    ///
    /// # Errors
    /// If it is done already; the value comes back.
    pub fn set_result(&self, value: T) -> Result<(), InvalidState<T>> {
        if self.cell.core.is_done() {
            return Err(InvalidState(value));
        }
        self.cell.value.set(Some(value));
        self.cell.core.finish(|| as_node(self.cell.clone()));
        Ok(())
    }
}

impl<T: 'static> Future<T> {
    /// Settles it with a panic, which goes on in whoever awaits it. Nothing happens if it is done.
    pub(crate) fn set_panic(&self, panic: Panic) {
        if !self.cell.core.is_done() {
            self.cell.core.end(Ending::Panicked(panic), || as_node(self.cell.clone()));
        }
    }
}

impl<V: 'static, E: 'static> Future<Result<V, E>> {
    /// Settles it with an error: asyncio's `set_exception`.
    ///
    /// # Errors
    /// If it is done already; the error comes back.
    pub fn set_exception(&self, error: E) -> Result<(), InvalidState<E>> {
        self.set_result(Err(error)).map_err(|InvalidState(result)| match result {
            Err(error) => InvalidState(error),
            Ok(_) => unreachable!("what came back is what was given"),
        })
    }
}

impl<T: 'static> Future<T> {
    /// A cloneable handle without the type of the value.
    pub fn handle(&self) -> super::any_future::AnyFuture {
        self.join.any()
    }
}

handle_methods!(Future);

impl<T: 'static> Clone for Future<T> {
    fn clone(&self) -> Self {
        Self { join: self.join.another(), cell: self.cell.clone() }
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
///     assert_eq!(future.set_result(2).unwrap_err().0, 2); // settled once, and for all
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
    let cell = PooledRc::new(FutureCell { core: Core::new(kernel), value: Cell::new(None) });
    Future { join: JoinHandle::adopt(as_promise(cell.clone())), cell }
}

struct FutureCell<T> {
    core: Core,
    value: Cell<Option<T>>,
}

impl<T: 'static> Node for FutureCell<T> {
    fn core(&self) -> &Core {
        &self.core
    }

    fn kind(&self) -> Kind<'_> {
        Kind::Plain
    }

    fn orphaned(&self) {
        if self.core.is_done() {
            drop(self.value.take());
        } else {
            // nobody can settle it any more
            self.core.forget_watchers();
        }
    }
}

impl<T: 'static> Promise<T> for FutureCell<T> {
    fn take(&self) -> Option<T> {
        self.value.take()
    }

    fn peek(&self, look: &mut dyn FnMut(&T)) {
        lend(&self.value, look);
    }
}
