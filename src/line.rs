//! Tasks in line in front of something: a wait list joined to the loop. Owns the one wait that locks, events, conditions,
//! semaphores and queues are made of; must not know what any of them guards.
//!
//! Where asyncio has a list of futures, a place in the line is one: it waits, is called (its future is done), or its task
//! was cancelled, which is seen from the outside at once, before the task has taken the step in which it leaves.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::context;
use crate::kernel::Leaf;
use crate::node::{Loop, Watcher, is_interrupted};
use crate::throw::{is_throwing, wait_for};
use crate::wait_list::{Left, Place, WaitList};
use crate::waker;

#[derive(Default)]
pub(crate) struct Line {
    list: RefCell<WaitList<Watcher>>,
    /// The loop whose tasks wait here: that of the first who had to.
    kernel: OnceCell<Rc<Loop>>,
    /// Room for those who are called at once, kept for its memory.
    called: Cell<Vec<Watcher>>,
}

impl Line {
    /// How many wait and have not been called.
    pub(crate) fn waiting(&self) -> usize {
        self.list.borrow().waiting()
    }

    /// Whether nobody is in front of a newcomer: everybody in the line was cancelled, if there is anybody.
    pub(crate) fn is_clear(&self) -> bool {
        let list = self.list.borrow();
        if list.is_empty() {
            return true;
        }
        let mut places = std::iter::successors(list.first(), |place| list.behind(*place));
        list.called() == 0 && places.all(|place| self.was_cancelled(&list, place))
    }

    /// Calls up to `most` of those who wait, in order, but none whose task was cancelled. Answers how many it called.
    pub(crate) fn call(&self, most: usize) -> usize {
        if self.list.borrow().is_empty() {
            return 0;
        }
        let mut called = self.called.take();
        self.take_out(most, &mut called);
        let count = called.len();
        for watcher in called.drain(..) {
            self.wake(watcher);
        }
        self.called.set(called);
        count
    }

    fn take_out(&self, most: usize, called: &mut Vec<Watcher>) {
        let mut list = self.list.borrow_mut();
        let mut next = list.first();
        while called.len() < most
            && let Some(place) = next
        {
            next = list.behind(place);
            if !self.was_cancelled(&list, place) {
                called.extend(list.call(place));
            }
        }
    }

    /// Sees to it that the first in the line goes on: calls it, unless it has been called, or was cancelled and will look
    /// after the next one itself.
    pub(crate) fn call_first(&self) {
        let mut list = self.list.borrow_mut();
        let first = if list.called() == 0 { list.first() } else { None };
        let first = first.filter(|place| !self.was_cancelled(&list, *place));
        let watcher = first.and_then(|place| list.call(place));
        drop(list);
        if let Some(watcher) = watcher {
            self.wake(watcher);
        }
    }

    /// A wait at the end of the line, until it is called. `what` names it in the await graph. If it ends otherwise, by a
    /// cancellation or because it was dropped, `given_up` is told whether it had been called.
    pub(crate) fn wait<F: FnOnce(bool)>(&self, what: Leaf, given_up: F) -> Turn<'_, F> {
        Turn { line: self, what, place: None, given_up: Some(given_up) }
    }

    fn was_cancelled(&self, list: &WaitList<Watcher>, place: Place) -> bool {
        match (list.waiter(place), self.kernel.get()) {
            (Some(Watcher::Task(key)), Some(kernel)) => is_interrupted(kernel, *key),
            _ => false,
        }
    }

    fn wake(&self, watcher: Watcher) {
        if let Some(kernel) = self.kernel.get() {
            watcher.wake(kernel);
        }
    }

    fn join(&self, cx: &Context<'_>) -> Place {
        let kernel = self.kernel.get_or_init(context::expect);
        let here = context::with(|current| current.is_some_and(|current| std::ptr::eq(current, &raw const **kernel)));
        assert!(
            here,
            "a lock, event, condition, semaphore, barrier or queue is bound to the event loop whose tasks waited for \
             it first; make one for each loop"
        );
        let watcher = waker::watcher(cx.waker());
        self.list.borrow_mut().join(watcher)
    }
}

/// One wait: outside → in the line at the first poll → over when it has been called and has seen it, or was dropped.
pub(crate) struct Turn<'a, F: FnOnce(bool)> {
    line: &'a Line,
    what: Leaf,
    place: Option<Place>,
    given_up: Option<F>,
}

impl<F: FnOnce(bool)> Turn<'_, F> {
    /// Whether the place has been called; if not, whoever polls now is woken when it is.
    fn was_called(&self, place: Place, cx: &Context<'_>) -> bool {
        let mut watcher = waker::watcher(cx.waker());
        match self.line.list.borrow_mut().waiter_mut(place) {
            Some(held) => std::mem::swap(held, &mut watcher),
            None => return true,
        }
        false
    }
}

impl<F: FnOnce(bool) + Unpin> Future for Turn<'_, F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if is_throwing(cx) {
            return Poll::Pending;
        }
        match self.place {
            None => self.place = Some(self.line.join(cx)),
            Some(place) if self.was_called(place, cx) => {
                self.place = None;
                self.line.list.borrow_mut().leave(place);
                return Poll::Ready(());
            }
            Some(_) => {}
        }
        wait_for(self.what);
        Poll::Pending
    }
}

impl<F: FnOnce(bool)> Drop for Turn<'_, F> {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            let left = self.line.list.borrow_mut().leave(place);
            let called = matches!(left, Left::Called);
            drop(left);
            if let Some(given_up) = self.given_up.take() {
                given_up(called);
            }
        }
    }
}
