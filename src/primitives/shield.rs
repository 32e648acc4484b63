//! Keeps a cancellation of the awaiter from what it awaits: asyncio's `shield`. Owns that one node; must not know what is
//! behind the inner one.

use std::cell::Cell;
use std::panic::Location;

use crate::awaitables::{Awaitable, JoinHandle, joined};
use crate::base::{PooledRc, lend, unsize};
use crate::current;
use crate::kernel::{ChildTurn, ChildTurnRef};
use crate::node::{Core, Ending, Kind, Node, Promise, Watch, WatchRef, Watcher, as_promise, drop_flat};

/// Awaits something without handing a cancellation on to it: asyncio's `shield`.
///
/// A coroutine becomes a task now. If the awaiter is cancelled, it sees that in the next iteration, and the inner task
/// runs on. Something that is done already comes back as it is.
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
/// The inner task runs on; its value is lost unless it is shared.
#[track_caller]
pub fn shield<F>(awaitable: F) -> Awaitable<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let kernel = current::expect();
    let inner = joined(&kernel, awaitable, true, Location::caller());
    if inner.done() {
        return Awaitable::from_join(inner);
    }
    inner.promise().fix();
    let number = kernel.next_watch();
    let watched = inner.node();
    let outer = PooledRc::new(Shield {
        core: Core::new(kernel),
        inner: Cell::new(Some(inner)),
        number,
        ending: Cell::new(None),
    });
    watched.core().watchers().add(number, Watcher::Watch(unsize!(outer.clone() => dyn Watch), 0));
    Awaitable::from_join(JoinHandle::adopt(as_promise(outer)))
}

struct Shield<T> {
    core: Core,
    inner: Cell<Option<JoinHandle<T>>>,
    /// Its number among the inner node's watchers.
    number: u64,
    /// How the inner node ended, if it ended without a value.
    ending: Cell<Option<Ending>>,
}

impl<T: 'static> Shield<T> {
    fn drop_inner(&self) {
        if let Some(inner) = self.inner.take() {
            drop_flat(self.core.kernel(), Box::new(inner));
        }
    }
}

/// The inner node is done.
impl<T: 'static> Watch for Shield<T> {
    fn child_done(&self, me: &WatchRef, index: u32, child: &Core) {
        self.ending.set(child.ending());
        self.core.kernel().push_child_turn(me.clone().into_turn(), index);
    }
}

impl<T: 'static> ChildTurn for Shield<T> {
    fn child_turn(&self, me: &ChildTurnRef, _index: u32) {
        if self.core.is_done() {
            return;
        }
        lend(&self.inner, |inner| inner.core().set_retrieved());
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

    /// Cancelling the shield ends the shield, not what is behind it.
    fn kind(&self) -> Kind<'_> {
        Kind::Plain
    }

    fn orphaned(&self) {
        if !self.core.watchers().is_empty() {
            // callbacks wait for the end; the value nobody will take
            self.drop_inner();
        } else {
            self.given_up();
        }
    }

    /// The inner node need not tell any more: a task that is shielded often would else remember each time.
    fn given_up(&self) {
        let told = lend(&self.inner, |inner| inner.core().watchers().remove(self.number));
        self.drop_inner();
        drop(told);
    }
}

impl<T: 'static> Promise<T> for Shield<T> {
    fn take(&self) -> Option<T> {
        let inner = self.inner.take()?;
        inner.promise().take()
    }

    fn peek(&self, look: &mut dyn FnMut(&T)) {
        lend(&self.inner, |inner| inner.promise().peek(look));
    }
}
