//! The tasks that wait at a lock, event, condition, semaphore, barrier or queue: asyncio's deque of futures. Owns how
//! they wait and are woken; must not know the primitives.
//!
//! A waiter stands for one future of asyncio's deque. That future is pending, done, or cancelled; here the waiter is
//! `Waiting`, `Notified`, or its task has been cancelled. A cancelled waiter counts as such at once, although its task
//! leaves the queue only in its next step: so it is with asyncio's future.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::waiter_queue::{Notify, Waiter, WaiterQueue, WhenCancelled, was_cancelled};
use crate::base::{TaskKey, WaiterId, WaiterState, WakeTarget};
use crate::cancel::Waiting;
use crate::current::{self, key_of, running_key};
use crate::kernel::Leaf;
use crate::node::{Loop, wake};

/// The waiters of one primitive, first in, first out.
///
/// The states of one waiter, and all moves between them:
///
/// ```text
///                            notify, notify_all,
///   first poll               ensure_one_notified              poll returns true, or drop
///       └──────▶ Waiting ───────────────────────────▶ Notified ──────────────────────────▶ removed
///                │     │                                                                     ▲ ▲
///                │     └───────────────────────────────── drop ──────────────────────────────┘ │
///                │                                                                             │
///                └────────────▶ Skipped ─────────── poll returns false, or drop ───────────────┘
///                 notify, while its task
///                 is being cancelled
/// ```
///
/// - A cancelled wait is dropped, and so is one that loses a `select`.
/// - `notify` skips a waiter whose task is being cancelled and notifies the next one instead. `notify_all` skips none.
/// - A skipped waiter is polled again only if a `catch_cancelled` waits beside it, in a `join!` for example, for which
///   the task is polled. Its wait then resolves to false, and the caller starts the wait again, at the end of the
///   queue.
/// - A notified waiter stays in its slot until its task runs, so a newcomer cannot overtake it.
#[derive(Default)]
pub(crate) struct Waiters {
    queue: RefCell<WaiterQueue>,
    /// The loop of the task that had to wait first. All others must be of this loop.
    kernel: OnceCell<Rc<Loop>>,
    /// Buffer for `notify_with_wakers`; empty, and kept for its memory.
    to_wake: Cell<Vec<WakeTarget>>,
}

impl Waiters {
    /// The number of waiters that have not been notified.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.borrow().waiters.waiting().count()
    }

    /// Whether every waiter was cancelled. True for an empty queue. If so, a newcomer need not wait.
    pub(crate) fn all_cancelled(&self) -> bool {
        let Some(kernel) = self.kernel.get() else { return true };
        let waiters = &self.queue.borrow().waiters;
        waiters.is_empty()
            || waiters.notified() == 0
                && waiters.waiting().all(|waiter| matches!(waiter, Waiter::Task(key) if was_cancelled(kernel, key)))
    }

    /// Notifies up to `most` waiters, in order, and skips those whose task is being cancelled. Returns how many it
    /// notified.
    #[inline]
    pub(crate) fn notify(&self, most: usize) -> usize {
        if self.has_waiting() { self.notify_waiting(most) } else { 0 }
    }

    #[inline(never)] // in most calls of `notify`, none waits
    fn notify_waiting(&self, most: usize) -> usize {
        self.notify_up_to(most, WhenCancelled::Skip)
    }

    /// The waiter that `notify(1)` would notify. Skips those before it, whose tasks are being cancelled.
    #[cold]
    pub(super) fn first_waiting(&self) -> Option<WaiterId> {
        let kernel = self.kernel.get()?;
        let waiters = &mut self.queue.borrow_mut().waiters;
        let is_cancelled = |waiter| matches!(waiter, Waiter::Task(key) if was_cancelled(kernel, key)).then_some(());
        while let Some((first, ())) = waiters.notify_first(is_cancelled) {
            waiters.skip(first);
        }
        waiters.first()
    }

    /// Notifies all waiters.
    #[inline(never)]
    pub(crate) fn notify_all(&self) {
        self.notify_up_to(usize::MAX, WhenCancelled::Notify);
    }

    #[inline]
    fn has_waiting(&self) -> bool {
        self.queue.borrow().waiters.has_waiting()
    }

    #[expect(clippy::inline_always, reason = "its two callers differ, and each pays for both otherwise: measured")]
    #[inline(always)]
    fn notify_up_to(&self, most: usize, when_cancelled: WhenCancelled) -> usize {
        let Some(kernel) = self.kernel.get() else { return 0 };
        let mut notified = 0;
        let mut queue = self.queue.borrow_mut();
        while notified < most && queue.waiters.has_waiting() {
            match queue.notify_task(kernel, when_cancelled) {
                Notify::Notified(_) => notified += 1,
                Notify::Skipped => {}
                Notify::NotATask => {
                    drop(queue);
                    return notified + self.notify_with_wakers(most - notified, when_cancelled);
                }
            }
        }
        notified
    }

    /// `notify_up_to` for waiters of any kind. Wakers may run code of a user, so it marks all waiters first, ends its
    /// borrow, and then wakes them.
    #[cold]
    fn notify_with_wakers(&self, most: usize, when_cancelled: WhenCancelled) -> usize {
        let Some(kernel) = self.kernel.get() else { return 0 };
        let mut queue = self.queue.borrow_mut();
        let mut to_wake = self.to_wake.take();
        while to_wake.len() < most
            && let Some((first, waiter)) = queue.waiters.notify_first(Some)
        {
            match waiter {
                Waiter::Task(key) if when_cancelled == WhenCancelled::Skip && was_cancelled(kernel, key) => {
                    queue.waiters.skip(first);
                }
                Waiter::Task(key) => to_wake.push(WakeTarget::Task(key)),
                Waiter::Waker(index) => to_wake.push(WakeTarget::Foreign(queue.wakers.remove(index).0)),
            }
        }
        drop(queue);
        let notified = to_wake.len();
        to_wake.drain(..).for_each(|target| wake(kernel, target));
        self.to_wake.set(to_wake);
        notified
    }

    /// Notifies the first waiter, unless a waiter is notified already, or skipped: each of these calls this again when
    /// it leaves. asyncio's `Lock._wake_up_first`. Unless all is as it was, `on_next` is called with the task that is
    /// notified, and its loop, or with `None`. It must not wake anything, nor use the waiters.
    #[inline]
    pub(super) fn ensure_one_notified(&self, on_next: impl FnOnce(Option<(&Loop, TaskKey)>)) {
        let Some(kernel) = self.kernel.get() else { return on_next(None) };
        let mut queue = self.queue.borrow_mut();
        if queue.waiters.notified() != 0 || queue.waiters.skipped() != 0 {
            return;
        }
        if !queue.waiters.has_waiting() {
            return on_next(None);
        }
        match queue.notify_task(kernel, WhenCancelled::Skip) {
            Notify::Notified(key) => on_next(Some((kernel, key))),
            Notify::Skipped => on_next(None),
            Notify::NotATask => {
                on_next(queue.task_of_first().map(|key| (&**kernel, key)));
                drop(queue);
                self.notify_with_wakers(1, WhenCancelled::Skip);
            }
        }
    }

    /// Waits at the end of the queue until notified. `what` is the name of the wait in the await graph.
    ///
    /// Resolves to true when it was notified. Resolves to false if it was skipped and is polled all the same: the
    /// caller has to start again.
    pub(crate) fn wait(&self, what: Leaf) -> WaiterFuture<'_> {
        WaiterFuture { waiters: self, what, wait: OneWait::default() }
    }

    /// Waits, as often as it takes, until `condition` holds. The code that makes it hold has to call `notify_all`.
    pub(crate) async fn wait_until(&self, what: Leaf, condition: impl Fn() -> bool) {
        while !condition() {
            self.wait(what).await;
        }
    }

    /// One poll of a wait: see `wait` for what it returns. A wait that returns true has removed its waiter, and one
    /// that returns false has not.
    #[inline]
    #[track_caller]
    pub(super) fn poll(&self, wait: &mut OneWait, what: impl FnOnce() -> Leaf, cx: &Context<'_>) -> Poll<bool> {
        match wait.id {
            None => {
                self.begin(wait, what(), cx);
                Poll::Pending
            }
            Some(waiter) => self.poll_begun(waiter, wait, what, cx),
        }
    }

    /// The first poll of a wait.
    #[inline(never)]
    #[track_caller]
    fn begin(&self, wait: &mut OneWait, what: Leaf, cx: &Context<'_>) {
        self.begin_inline(wait, what, cx);
    }

    #[expect(clippy::inline_always, reason = "a caller that is a function of its own saves registers: measured")]
    #[inline(always)]
    #[track_caller]
    pub(super) fn begin_inline(&self, wait: &mut OneWait, what: Leaf, cx: &Context<'_>) {
        let kernel = self.bind();
        wait.id = Some(match wait.waiting.begin(kernel, cx, what) {
            Some(key) => self.queue.borrow_mut().waiters.enqueue(Waiter::Task(key)),
            None => self.enqueue_elsewhere(kernel, cx),
        });
    }

    #[inline(never)]
    fn poll_begun(
        &self,
        id: WaiterId,
        wait: &mut OneWait,
        what: impl FnOnce() -> Leaf,
        cx: &Context<'_>,
    ) -> Poll<bool> {
        if !self.queue.borrow_mut().waiters.remove_if_notified(id) {
            return self.update(id, wait, what, cx);
        }
        if let Some(kernel) = self.kernel.get() {
            wait.waiting.ready(kernel);
        }
        wait.id = None;
        Poll::Ready(true)
    }

    #[inline]
    fn end(&self, waiting: &Waiting) {
        if let Some(kernel) = self.kernel.get() {
            waiting.end(kernel);
        }
    }

    /// `enqueue` for a wait that is not polled with the very waker of the running task.
    #[cold]
    fn enqueue_elsewhere(&self, kernel: &Loop, cx: &Context<'_>) -> WaiterId {
        if let Some(key) = task_of(kernel, cx) {
            return self.queue.borrow_mut().waiters.enqueue(Waiter::Task(key));
        }
        let waker = (cx.waker().clone(), running_key());
        let mut queue = self.queue.borrow_mut();
        let waiter = queue.insert_waker(waker);
        queue.waiters.enqueue(waiter)
    }

    /// A waiter was polled and is not notified: from now on it is woken by the waker of this poll.
    #[cold]
    #[inline(never)] // `what` of a lock wants registers, which the usual poll would save for it
    #[track_caller]
    fn update(&self, id: WaiterId, wait: &mut OneWait, what: impl FnOnce() -> Leaf, cx: &Context<'_>) -> Poll<bool> {
        let task = self.kernel.get().and_then(|kernel| task_of(kernel, cx));
        let mut waker = if task.is_none() { Some((cx.waker().clone(), running_key())) } else { None };
        let mut queue = self.queue.borrow_mut();
        let polled = match queue.waiters.state(id) {
            WaiterState::Waiting(held) => {
                let unused = queue.remove_waker(held);
                let waker = std::mem::replace(&mut waker, unused);
                if let Some(waiter) = task.map(Waiter::Task).or_else(|| waker.map(|waker| queue.insert_waker(waker))) {
                    queue.waiters.rename(id, waiter);
                }
                Poll::Pending
            }
            // cloning the waker may have run code of a user, which notified this waiter
            WaiterState::Notified => {
                queue.waiters.remove(id);
                wait.id = None;
                Poll::Ready(true)
            }
            WaiterState::Skipped | WaiterState::Removed => Poll::Ready(false),
        };
        drop(queue);
        drop(waker);
        match self.kernel.get() {
            Some(kernel) if polled.is_pending() => wait.waiting.note(kernel, cx, what()),
            _ => self.end(&wait.waiting),
        }
        polled
    }

    /// Ends a wait without success. Returns whether its waiter had been notified; `None` if it had no waiter.
    #[cold]
    pub(super) fn remove(&self, wait: &mut OneWait) -> Option<bool> {
        self.end(&wait.waiting);
        let id = wait.id.take()?;
        let mut queue = self.queue.borrow_mut();
        let state = queue.waiters.remove(id);
        let unused = if let WaiterState::Waiting(waiter) = state { queue.remove_waker(waiter) } else { None };
        drop(queue);
        drop(unused);
        Some(matches!(state, WaiterState::Notified))
    }

    /// Binds the waiters to this thread's loop, unless they are bound, and returns it. Panics if they are bound to
    /// another loop, or this thread is in no loop.
    #[inline]
    #[track_caller]
    pub(crate) fn bind(&self) -> &Loop {
        let kernel = match self.kernel.get() {
            Some(kernel) => kernel,
            None => self.bind_to(current::expect()),
        };
        let here = current::is_in(kernel);
        assert!(
            here,
            "a lock, event, condition, semaphore, barrier or queue is bound to the event loop whose tasks waited for \
             it first; make one for each loop"
        );
        kernel
    }

    /// The loop that they are bound to, or else that of this thread.
    pub(super) fn kernel(&self) -> Option<Rc<Loop>> {
        self.kernel.get().cloned().or_else(current::current)
    }

    #[cold]
    fn bind_to(&self, kernel: Rc<Loop>) -> &Rc<Loop> {
        self.kernel.get_or_init(|| kernel)
    }
}

/// The task of this loop that is being polled; none if the waker is foreign or of another loop's task.
#[inline]
fn task_of(kernel: &Loop, cx: &Context<'_>) -> Option<TaskKey> {
    key_of(cx.waker()).filter(|key| key.number() == kernel.number())
}

/// One wait: its waiter, once it has one, and what its task knows of it.
#[derive(Default)]
pub(crate) struct OneWait {
    id: Option<WaiterId>,
    waiting: Waiting,
}

impl OneWait {
    /// Whether it has a waiter.
    pub(super) fn has_begun(&self) -> bool {
        self.id.is_some()
    }

    /// Its waiter, once it has one.
    pub(super) fn waiter(&self) -> Option<WaiterId> {
        self.id
    }
}

/// The future that `Waiters::wait` returns. It has a waiter from its first poll until it is ready or dropped.
pub(crate) struct WaiterFuture<'a> {
    waiters: &'a Waiters,
    what: Leaf,
    wait: OneWait,
}

impl Future for WaiterFuture<'_> {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let Self { waiters, what, wait } = &mut *self;
        let polled = waiters.poll(wait, || *what, cx);
        if polled == Poll::Ready(false) {
            waiters.remove(wait);
        }
        polled
    }
}

impl Drop for WaiterFuture<'_> {
    fn drop(&mut self) {
        if self.wait.id.is_some() {
            self.waiters.remove(&mut self.wait);
        }
    }
}
