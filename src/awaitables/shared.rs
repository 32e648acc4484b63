//! Views of a value: copied for several awaiters, or mapped to another type. Owns the handles `Shared` and `Awaitable`;
//! must not know the kinds of node behind them.

use std::any::Any;
use std::cell::{Cell, OnceCell};

use super::future::Future;
use super::join_handle::JoinHandle;
use super::task::Task;
use crate::base::{PooledRc, lend};
use crate::node::{Core, Kind, Node, NodeRef, Promise, as_promise, drop_flat, make_parts};

/// Any task, future or gathering with a value of type `T`: the element type for a mixture of them.
///
/// # Examples
/// ```
/// use oneloop::{Awaitable, create_future, create_task, ensure_future, gather, run};
///
/// run(async {
///     let future = create_future();
///     assert!(future.set_result(1).is_ok());
///     let mixture: Vec<Awaitable<i32>> = vec![
///         future.into(),
///         create_task(async { 2 }).into(),
///         ensure_future(async { 3 }),
///         ensure_future(gather([async { 4 }])).map(|four| four[0]),
///     ];
///     assert_eq!(gather(mixture).await, [1, 2, 3, 4]);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Cancel safety
/// Dropping the await loses nothing. A cancellation of the awaiting task cancels what is behind the handle, if nothing
/// else is awaited there.
#[must_use = "if it is dropped, the task behind it runs on, and its result is lost"]
pub struct Awaitable<T> {
    pub(super) join: JoinHandle<T>,
}

impl<T: 'static> Awaitable<T> {
    pub(crate) fn from_join(join: JoinHandle<T>) -> Self {
        Self { join }
    }

    /// This task, future or gathering with its value mapped by `f`. No task is made for that.
    ///
    /// `f` is called once, when the value is first read or taken.
    pub fn map<U: 'static>(self, f: impl FnOnce(T) -> U + 'static) -> Awaitable<U> {
        let mapped = Mapped { source: Source::new(self.join), f: Cell::new(Some(f)), value: Cell::new(None) };
        Awaitable { join: JoinHandle::view(as_promise(PooledRc::new(mapped))) }
    }

    /// A handle that can be cloned and awaited many times.
    pub fn shared(self) -> Shared<T>
    where
        T: Clone,
    {
        Shared::new(self.join)
    }
}

impl<T: 'static> From<Task<T>> for Awaitable<T> {
    fn from(task: Task<T>) -> Self {
        Self { join: task.into_join() }
    }
}

impl<T: 'static> From<Future<T>> for Awaitable<T> {
    fn from(future: Future<T>) -> Self {
        Self { join: future.into_join() }
    }
}

impl<T: Clone + 'static> From<Shared<T>> for Awaitable<T> {
    fn from(shared: Shared<T>) -> Self {
        Self { join: shared.join }
    }
}

/// A task, future or gathering with a value that every clone of the handle can await, as a copy. Made by `shared()`.
///
/// # Examples
/// ```
/// use oneloop::{create_task, run};
///
/// run(async {
///     let shared = create_task(async { String::from("once") }).shared();
///     let other = shared.clone();
///     assert_eq!((shared.await, other.await), ("once".into(), "once".into()));
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Cancel safety
/// Dropping the await loses nothing. A cancellation of one awaiting task cancels what is behind the handle, for all
/// awaiters, if nothing else is awaited there.
#[must_use = "if it is dropped, the task behind it runs on, and its result is lost"]
pub struct Shared<T> {
    pub(super) join: JoinHandle<T>,
}

impl<T: Clone + 'static> Shared<T> {
    pub(crate) fn new(source: JoinHandle<T>) -> Self {
        Self {
            join: JoinHandle::view(as_promise(PooledRc::new(Copied {
                source: Source::new(source),
                value: OnceCell::new(),
            }))),
        }
    }
}

impl<T: 'static> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self { join: self.join.another() }
    }
}

impl<T: Clone + 'static> Task<T> {
    /// A handle that can be cloned and awaited many times.
    pub fn shared(self) -> Shared<T> {
        Shared::new(self.into_join())
    }
}

impl<T: Clone + 'static> Future<T> {
    /// A handle that can be cloned and awaited many times.
    pub fn shared(self) -> Shared<T> {
        Shared::new(self.into_join())
    }
}

/// What a view is as a node, it is by its source.
macro_rules! as_the_source {
    () => {
        fn core(&self) -> &Core {
            self.source.node.core()
        }

        fn kind(&self) -> Kind<'_> {
            self.source.node.kind()
        }

        fn cancelled_counts_as_failed(&self) -> bool {
            self.source.node.cancelled_counts_as_failed()
        }

        fn orphaned(&self) {
            self.source.node.orphaned();
        }

        fn given_up(&self) {
            self.source.node.given_up();
        }

        fn viewed(&self) -> Option<NodeRef> {
            Some(self.source.node.clone())
        }

        fn has_parts(&self) -> bool {
            true
        }
    };
}

/// A view that takes the value from its source once and hands out copies.
struct Copied<T: 'static> {
    source: Source<T>,
    /// It stays until the view is dropped, so code of a user that is shown it may come back here.
    value: OnceCell<T>,
}

impl<T: Clone + 'static> Copied<T> {
    fn value(&self) -> Option<&T> {
        make_parts(self);
        self.make();
        self.value.get()
    }
}

impl<T: Clone + 'static> Node for Copied<T> {
    as_the_source!();

    fn parts(&self, found: &mut dyn FnMut(NodeRef)) {
        if self.value.get().is_none() {
            self.source.part().into_iter().for_each(found);
        }
    }

    fn make(&self) {
        if self.value.get().is_none()
            && let Some(value) = self.source.take()
        {
            // the source gives a value once, so none was set meanwhile
            let _ = self.value.set(value);
        }
    }
}

impl<T: Clone + 'static> Promise<T> for Copied<T> {
    fn take(&self) -> Option<T> {
        self.value().cloned()
    }

    fn peek(&self, look: &mut dyn FnMut(&T)) {
        self.value().into_iter().for_each(look);
    }
}

impl<T> Drop for Copied<T> {
    fn drop(&mut self) {
        self.source.drop_with(self.value.take());
    }
}

/// A view that maps the value of its source once.
struct Mapped<T: 'static, U: 'static, F: 'static> {
    source: Source<T>,
    /// `None` when it has been called.
    f: Cell<Option<F>>,
    value: Cell<Option<U>>,
}

impl<T: 'static, U: 'static, F: FnOnce(T) -> U + 'static> Node for Mapped<T, U, F> {
    as_the_source!();

    fn parts(&self, found: &mut dyn FnMut(NodeRef)) {
        if has_value(&self.f) {
            self.source.part().into_iter().for_each(found);
        }
    }

    fn make(&self) {
        if let Some(f) = self.f.take() {
            self.value.set(self.source.take().map(f));
        }
    }
}

impl<T: 'static, U: 'static, F: FnOnce(T) -> U + 'static> Promise<U> for Mapped<T, U, F> {
    fn take(&self) -> Option<U> {
        make_parts(self);
        self.make();
        self.value.take()
    }

    fn peek(&self, look: &mut dyn FnMut(&U)) {
        make_parts(self);
        self.make();
        lend(&self.value, look);
    }
}

impl<T, U, F> Drop for Mapped<T, U, F> {
    fn drop(&mut self) {
        self.source.drop_with((self.f.take(), self.value.take()));
    }
}

/// What a view is over. That may be a view too, and so on, a hundred thousand times: nothing here goes through all of
/// them by recursion.
struct Source<T: 'static> {
    /// `None` only while the view is dropped.
    join: Option<JoinHandle<T>>,
    /// The node behind all views.
    node: NodeRef,
}

impl<T: 'static> Source<T> {
    fn new(join: JoinHandle<T>) -> Self {
        let node = join.promise().viewed().unwrap_or_else(|| join.node());
        Self { join: Some(join), node }
    }

    fn part(&self) -> Option<NodeRef> {
        self.join.as_ref().and_then(JoinHandle::part)
    }

    fn take(&self) -> Option<T> {
        self.join.as_ref().and_then(|join| join.promise().take())
    }

    /// Drops the source and `rest`, when the view is dropped.
    fn drop_with(&mut self, rest: impl Any) {
        let join = self.join.take();
        drop_flat(self.node.core().kernel(), Box::new((rest, join)));
    }
}

fn has_value<T>(place: &Cell<Option<T>>) -> bool {
    let value = place.take();
    let is_some = value.is_some();
    place.set(value);
    is_some
}
