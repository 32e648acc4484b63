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
use crate::wait_list::{Place, State, WaitList};
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

    /// Calls up to `most` of those who wait, in order. Those whose task was cancelled are passed over. Answers how many it
    /// called.
    pub(crate) fn call(&self, most: usize) -> usize {
        self.call_those(most, |list, place| !self.was_cancelled(list, place))
    }

    /// Calls everybody who waits.
    pub(crate) fn call_all(&self) {
        self.call_those(usize::MAX, |_, _| true);
    }

    fn call_those(&self, most: usize, may_be_called: impl Fn(&WaitList<Watcher>, Place) -> bool) -> usize {
        let mut list = self.list.borrow_mut();
        if list.is_empty() {
            return 0;
        }
        let mut called = self.called.take();
        while called.len() < most
            && let Some(place) = list.first()
        {
            if may_be_called(&list, place) {
                called.extend(list.call(place));
            } else {
                // the key of a task, whose drop does nothing
                list.pass_over(place);
            }
        }
        drop(list);
        let count = called.len();
        for watcher in called.drain(..) {
            self.wake(watcher);
        }
        self.called.set(called);
        count
    }

    /// Sees to it that the first in the line goes on: calls it, unless it has been called, or was cancelled and will look
    /// after the next one itself.
    pub(crate) fn call_first(&self) {
        let mut list = self.list.borrow_mut();
        let nobody_before = list.called() == 0 && list.passed_over() == 0;
        let Some(first) = list.first().filter(|_| nobody_before) else { return };
        if self.was_cancelled(&list, first) {
            list.pass_over(first);
            return;
        }
        let watcher = list.call(first);
        drop(list);
        if let Some(watcher) = watcher {
            self.wake(watcher);
        }
    }

    /// A wait at the end of the line, until it is called: true. `what` names it in the await graph.
    ///
    /// A wait that is given up, by a cancellation or because it is dropped, tells `given_up` whether it had been called.
    /// So does one that was passed over, since its task was cancelled, and is polled again all the same, since something
    /// caught the cancellation that the task awaits beside it: it leaves the line like the others, and answers false, for
    /// its primitive to begin anew.
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

    /// Binds the line to this thread's loop, unless it is bound.
    ///
    /// # Panics
    /// If it is bound to another loop, or this thread is in none.
    pub(crate) fn bind(&self) {
        let kernel = self.kernel.get_or_init(context::expect);
        let here = context::with(|current| current.is_some_and(|current| std::ptr::eq(current, &raw const **kernel)));
        assert!(
            here,
            "a lock, event, condition, semaphore, barrier or queue is bound to the event loop whose tasks waited for \
             it first; make one for each loop"
        );
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
    fn join(&mut self, cx: &Context<'_>) {
        self.line.bind();
        let watcher = waker::watcher(cx.waker());
        self.place = Some(self.line.list.borrow_mut().join(watcher));
    }

    /// How it stands. If it waits, whoever polls now is woken when it is called.
    fn look(&self, place: Place, cx: &Context<'_>) -> State {
        let mut watcher = waker::watcher(cx.waker());
        let mut list = self.line.list.borrow_mut();
        if let Some(held) = list.waiter_mut(place) {
            std::mem::swap(held, &mut watcher);
        }
        list.state(place)
    }

    fn give_up(&mut self) {
        let Some(place) = self.place.take() else { return };
        let mut list = self.line.list.borrow_mut();
        let called = list.state(place) == State::Called;
        let watcher = list.leave(place);
        drop(list);
        drop(watcher);
        if let Some(given_up) = self.given_up.take() {
            given_up(called);
        }
    }
}

impl<F: FnOnce(bool) + Unpin> Future for Turn<'_, F> {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        if is_throwing(cx) {
            return Poll::Pending;
        }
        match self.place.map(|place| (place, self.look(place, cx))) {
            Some((place, State::Called)) => {
                self.place = None;
                self.line.list.borrow_mut().leave(place);
                return Poll::Ready(true);
            }
            Some((_, State::PassedOver)) => {
                self.give_up();
                return Poll::Ready(false);
            }
            Some((_, State::Waiting)) => {}
            None => self.join(cx),
        }
        wait_for(self.what);
        Poll::Pending
    }
}

impl<F: FnOnce(bool)> Drop for Turn<'_, F> {
    fn drop(&mut self) {
        self.give_up();
    }
}
