//! Tasks one by one as they end: asyncio's `as_completed`. Owns the line of those that have ended; must not know `wait`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::wait::{Waitable, node_of, refuse_foreign};
use crate::base::{PooledRc, unsize};
use crate::cancel::{SingleWaiter, poll_leaf};
use crate::current::{self, Timer, deadline_after};
use crate::error::TimeoutError;
use crate::kernel::{ChildTurn, ChildTurnRef, Run};
use crate::node::{Core, Loop, Watch, WatchRef, Watcher};

/// Hands out tasks in the order in which they end: asyncio's `as_completed` as an asynchronous iterator, which gives the
/// very tasks that it was given.
///
/// # Examples
/// ```
/// use oneloop::{as_completed, create_task, run, sleep};
/// use std::time::Duration;
///
/// run(async {
///     let tasks = [3, 1, 2].map(|ms| create_task(async move { sleep(Duration::from_millis(ms)).await; ms }));
///     let mut order = Vec::new();
///     let mut ended = as_completed(tasks);
///     while let Some(task) = ended.next().await {
///         order.push(task?.await);
///     }
///     assert_eq!(order, [1, 2, 3]);
///     Ok::<(), oneloop::TimeoutError>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
/// If this thread is in no loop, or a task belongs to another loop.
pub fn as_completed<I>(tasks: I) -> AsCompleted<I::Item>
where
    I: IntoIterator,
    I::Item: Waitable,
{
    let handles: Vec<Option<I::Item>> = tasks.into_iter().map(Some).collect();
    let line = PooledRc::new(Completions {
        kernel: current::expect(),
        ended: RefCell::default(),
        to_come: Cell::new(handles.len()),
        waiter: SingleWaiter::default(),
        timer: Cell::new(None),
        closed: Cell::new(false),
    });
    let mut numbers = Vec::with_capacity(handles.len());
    for (index, handle) in (1..).zip(handles.iter().flatten()) {
        let node = node_of(handle);
        refuse_foreign(&line.kernel, node.core());
        let number = line.kernel.next_watch();
        if node.core().is_done() {
            line.kernel.push_child_turn(unsize!(line.clone() => dyn ChildTurn), index);
        } else {
            node.core().watchers().add(number, Watcher::Watch(unsize!(line.clone() => dyn Watch), index));
        }
        numbers.push(number);
    }
    AsCompleted { left: handles.len(), handles, numbers, line }
}

/// What [`as_completed`](fn@as_completed) makes.
#[must_use = "it hands out nothing unless next() is awaited"]
pub struct AsCompleted<H: Waitable> {
    handles: Vec<Option<H>>,
    numbers: Vec<u64>,
    left: usize,
    line: PooledRc<Completions>,
}

impl<H: Waitable> AsCompleted<H> {
    /// Gives up after `limit` from now: what has not ended by then comes out as a [`TimeoutError`] each. Nothing is
    /// cancelled. `None` for no limit.
    pub fn timeout(self, limit: impl Into<Option<Duration>>) -> Self {
        if let (Some(limit), true) = (limit.into(), self.line.to_come.get() > 0) {
            let kernel = &self.line.kernel;
            let line = unsize!(self.line.clone() => dyn Run);
            drop(self.line.timer.replace(Some(Timer::running(kernel, deadline_after(kernel, limit), line))));
        }
        self
    }

    /// The next task that has ended, or `None` when all were handed out.
    ///
    /// # Errors
    /// [`TimeoutError`] if the time was up first, once for each task that is left.
    ///
    /// # Cancel safety
    /// Nothing is lost: a task that has ended stays in the line.
    pub async fn next(&mut self) -> Option<Result<H, TimeoutError>> {
        if self.left == 0 {
            return None;
        }
        let next = poll_fn(|cx| self.line.poll_next(cx)).await;
        self.left -= 1;
        Some(next.and_then(|index| self.handles[index - 1].take()).ok_or(TimeoutError))
    }

    /// The tasks that were not handed out, in the order of the arguments.
    pub fn into_rest(mut self) -> Vec<H> {
        self.forget();
        std::mem::take(&mut self.handles).into_iter().flatten().collect()
    }

    fn forget(&self) {
        for (handle, number) in self.handles.iter().zip(&self.numbers) {
            drop(handle.as_ref().and_then(|handle| node_of(handle).core().watchers().remove(*number)));
        }
        self.line.close();
    }
}

impl<H: Waitable> Drop for AsCompleted<H> {
    fn drop(&mut self) {
        self.forget();
    }
}

impl<H: Waitable> fmt::Debug for AsCompleted<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted").field("left", &self.left).finish_non_exhaustive()
    }
}

/// Who has ended. A child's end takes a turn of its own before it stands in the line, as asyncio's callback does.
struct Completions {
    kernel: Rc<Loop>,
    /// Indices counted from 1; `None` for one that did not end in time.
    ended: RefCell<VecDeque<Option<usize>>>,
    to_come: Cell<usize>,
    waiter: SingleWaiter,
    timer: Cell<Option<Timer>>,
    /// The time is up, or nobody asks any more.
    closed: Cell<bool>,
}

impl Completions {
    fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<usize>> {
        poll_leaf(cx, &"the next of several tasks", || {
            if let Some(next) = self.ended.borrow_mut().pop_front() {
                return Poll::Ready(next);
            }
            self.waiter.set(cx);
            Poll::Pending
        })
    }

    fn close(&self) {
        self.closed.set(true);
        drop(self.timer.take());
    }
}

impl Watch for Completions {
    fn child_done(&self, me: &WatchRef, index: u32, _child: &Core) {
        self.kernel.push_child_turn(me.clone().into_turn(), index);
    }
}

/// The child with this index has ended.
impl ChildTurn for Completions {
    fn child_turn(&self, _me: &ChildTurnRef, index: u32) {
        if self.closed.get() {
            return;
        }
        self.ended.borrow_mut().push_back(Some(index as usize));
        self.to_come.set(self.to_come.get() - 1);
        self.waiter.wake(&self.kernel);
        if self.to_come.get() == 0 {
            drop(self.timer.take());
        }
    }
}

/// The time is up.
impl Run for Completions {
    fn run(&self) {
        if self.closed.replace(true) {
            return;
        }
        drop(self.timer.take());
        let late = self.to_come.replace(0);
        self.ended.borrow_mut().extend(std::iter::repeat_n(None, late));
        self.waiter.wake(&self.kernel);
    }
}
