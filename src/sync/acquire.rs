//! The future that acquires a lock, a permit, an item, or whatever else is waited for in a queue. Owns the order of
//! trying, waiting and trying again; must not know locks, permits or items.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::waiters::{OneWait, Waiters};
use crate::base::WaiterId;
use crate::kernel::Leaf;

/// A handle on something that tasks acquire, if need be by waiting: a lock, a permit, an item.
pub(crate) trait Resource: Unpin {
    /// What the task holds afterwards.
    type Acquired;
    /// Whether the first poll calls `acquire_or_wait`.
    const BEGINS_BY_ITSELF: bool = false;
    /// What the wait is for, in the await graph. Asked when it has to wait, or to go on waiting.
    fn awaited(&self) -> Leaf;
    fn waiters(&self) -> &Waiters;
    /// Acquires it if that is possible without waiting.
    fn try_acquire(&self, cx: &Context<'_>) -> bool;
    /// Acquires it, or begins the wait for it, in a function of its own. Returns whether it is acquired.
    #[track_caller]
    fn acquire_or_wait(&self, _wait: &mut OneWait, cx: &Context<'_>) -> bool {
        self.try_acquire(cx)
    }
    /// Called when the wait has a waiter in the queue, and perhaps again while it has the same one.
    fn on_waiting(&self, _waiter: WaiterId) {}
    /// Called when the waiter was notified and its task runs. True: the resource is acquired now. False: the task has
    /// to try again, like a newcomer.
    fn on_notified(&self, cx: &Context<'_>) -> bool;
    fn into_acquired(self) -> Self::Acquired;
    /// Called when a wait ended without success, because it was cancelled, dropped or skipped. If it had been notified,
    /// the notification may have to go to another waiter.
    fn on_abandoned(&self, was_notified: bool);
}

/// Resolves when the resource is acquired.
///
/// Written by hand: an `async fn` around `Waiters::wait` made a contended acquire of a semaphore a twelfth slower
/// (measured).
pub(crate) struct Acquire<R: Resource> {
    /// `None` once it is acquired.
    resource: Option<R>,
    wait: OneWait,
}

impl<R: Resource> Acquire<R> {
    pub(crate) fn new(resource: R) -> Self {
        Self { resource: Some(resource), wait: OneWait::default() }
    }

    /// Waits until the resource is acquired.
    #[inline]
    #[track_caller]
    fn wait(&mut self, cx: &Context<'_>) -> Poll<()> {
        while let Some(resource) = &self.resource {
            let Poll::Ready(notified) = resource.waiters().poll(&mut self.wait, || resource.awaited(), cx) else {
                self.wait.waiter().into_iter().for_each(|waiter| resource.on_waiting(waiter));
                return Poll::Pending;
            };
            if notified && resource.on_notified(cx) {
                break;
            }
            if !notified {
                self.abandon();
            }
            if self.resource.as_ref().is_some_and(|resource| resource.try_acquire(cx)) {
                break;
            }
        }
        Poll::Ready(())
    }

    #[cold]
    fn abandon(&mut self) {
        let Some(resource) = &self.resource else { return };
        if let Some(was_notified) = resource.waiters().remove(&mut self.wait) {
            resource.on_abandoned(was_notified);
        }
    }
}

impl<R: Resource> Future for Acquire<R> {
    type Output = R::Acquired;

    #[inline]
    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<R::Acquired> {
        let this = &mut *self;
        let resource = this.resource.as_ref().expect("a future was polled again after it had returned its value");
        let has_begun = this.wait.has_begun();
        if R::BEGINS_BY_ITSELF && !has_begun {
            if !resource.acquire_or_wait(&mut this.wait, cx) {
                return Poll::Pending;
            }
        } else if has_begun || !resource.try_acquire(cx) {
            ready!(this.wait(cx));
        }
        this.resource.take().map_or(Poll::Pending, |resource| Poll::Ready(resource.into_acquired()))
    }
}

impl<R: Resource> Drop for Acquire<R> {
    #[inline]
    fn drop(&mut self) {
        if self.wait.has_begun() {
            self.abandon();
        }
    }
}
