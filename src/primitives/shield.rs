//! asyncio's `shield`: keeps a cancellation of the awaiter from what it awaits. Owns the node between the two; must not
//! know the kind of the inner node.

use std::cell::Cell;
use std::panic::Location;
use std::rc::Rc;

use crate::awaitables::{Awaitable, JoinHandle, joined};
use crate::base::{PooledRc, lend, unsize};
use crate::current;
use crate::kernel::{ChildTurn, ChildTurnRef};
use crate::node::{Core, Ending, Kind, Node, NodeRef, Promise, Watch, Watcher, as_promise, drop_flat, make_parts};

/// Awaits something without passing a cancellation on to it: asyncio's `shield`.
///
/// A coroutine becomes a task at once. If the awaiter is cancelled, the cancellation is raised there in the next
/// iteration, and the inner task runs on. A task or future that is done already is returned as it is.
///
/// # Examples
/// ```
/// use oneloop::{catch_cancelled, create_task, run, shield, sleep, yield_now};
/// use std::time::Duration;
///
/// run(async {
///     let inner = create_task(sleep(Duration::from_millis(1)));
///     let handle = inner.handle();
///     let outer = create_task(async { catch_cancelled(shield(inner)).await.is_err() });
///     yield_now().await;
///     outer.cancel();
///     assert!(outer.await && !handle.done());
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Panics
/// If this thread is in no loop, or the loop is closed.
///
/// # Cancel safety
/// The inner task runs on. Its value is lost, unless it is shared.
#[track_caller]
pub fn shield<F>(awaitable: F) -> Awaitable<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let kernel = current::expect();
    let inner = joined(&kernel, awaitable, Location::caller());
    if inner.done() {
        return Awaitable::from_join(inner);
    }
    // if it is of another loop, so is the shield, as in asyncio: to await it panics
    let kernel = Rc::clone(inner.core().kernel());
    let number = kernel.next_watch();
    let watched = inner.node();
    let outer = PooledRc::new_uninit().write(Shield {
        core: Core::new(kernel),
        inner: Cell::new(Some(inner)),
        value: Cell::new(None),
        number,
        ending: Cell::new(None),
        failed: Cell::new(false),
    });
    watched.core().watchers().add(number, Watcher::Watch(unsize!(outer.clone() => dyn Watch), 0));
    Awaitable::from_join(JoinHandle::adopt(as_promise(outer)))
}

/// The outer node. It ends when the inner node has ended, or when it is cancelled.
struct Shield<T> {
    core: Core,
    /// `None` when the value was taken from it, or no handle is left that could take it.
    inner: Cell<Option<JoinHandle<T>>>,
    /// The value between the inner node and the one who takes it.
    value: Cell<Option<T>>,
    /// The number of this shield among the inner node's watchers.
    number: u64,
    /// How the inner node ended, if it ended without a value.
    ending: Cell<Option<Ending>>,
    /// The inner node ended cancelled, and a wait counts it as failed.
    failed: Cell<bool>,
}

impl<T: 'static> Shield<T> {
    /// The inner node may be a shield, and so on: a long chain of them must not be dropped by recursion.
    fn drop_inner(&self) {
        let left = (self.inner.take(), self.value.take());
        if let (Some(_), _) | (_, Some(_)) = left {
            drop_flat(self.core.kernel(), Box::new(left));
        }
    }
}

impl<T: 'static> Watch for Shield<T> {
    fn child_done(&self, index: u32, child: &Core) -> Option<u32> {
        self.ending.set(child.ending());
        Some(index)
    }
}

impl<T: 'static> ChildTurn for Shield<T> {
    fn child_turn(&self, me: &ChildTurnRef, _index: u32) {
        if self.core.is_done() {
            return;
        }
        lend(&self.inner, |inner| {
            inner.core().set_retrieved();
            self.failed.set(inner.cancelled() && inner.promise().cancelled_counts_as_failed());
        });
        let me = || me.clone().into_node::<Self>();
        match self.ending.take() {
            Some(ending) => self.core.end(ending, me),
            None => self.core.finish(me),
        }
    }
}

impl<T: 'static> Node for Shield<T> {
    fn core(&self) -> &Core {
        &self.core
    }

    /// To a cancellation it is a plain future: cancelling it ends it at once, and leaves the inner node alone.
    fn kind(&self) -> Kind<'_> {
        Kind::Plain
    }

    /// A shield ends as its inner node did, and so counts as failed if that does.
    fn cancelled_counts_as_failed(&self) -> bool {
        self.failed.get()
    }

    fn orphaned(&self) {
        if self.core.watchers().is_empty() {
            self.given_up();
        } else {
            // callbacks are still to be called at the end, but no handle is left that could take the value
            self.drop_inner();
        }
    }

    /// Deregisters from the inner node. Without that, the watchers of a task that is shielded often would pile up.
    fn given_up(&self) {
        let registration = lend(&self.inner, |inner| inner.core().watchers().remove(self.number));
        self.drop_inner();
        drop(registration);
    }

    fn shielded(&self) -> Option<NodeRef> {
        lend(&self.inner, JoinHandle::node)
    }

    fn has_parts(&self) -> bool {
        true
    }

    fn parts(&self, found: &mut dyn FnMut(NodeRef)) {
        lend(&self.inner, JoinHandle::part).flatten().into_iter().for_each(found);
    }

    fn make(&self) {
        if let Some(inner) = self.inner.take() {
            self.value.set(inner.promise().take());
        }
    }
}

impl<T: 'static> Promise<T> for Shield<T> {
    fn take(&self) -> Option<T> {
        make_parts(self);
        self.make();
        self.value.take()
    }

    fn peek(&self, look: &mut dyn FnMut(&T)) {
        make_parts(self);
        lend(&self.value, &mut *look);
        lend(&self.inner, |inner| inner.promise().peek(look));
    }
}
