//! Tasks in line in front of something: a wait list joined to the loop. Owns the one wait that locks, events, conditions,
//! semaphores and queues are made of; must not know what any of them guards.
//!
//! Where asyncio has a list of futures, a place in the line is one: it waits, is called (its future is done), or its task
//! was cancelled, which is seen from the outside at once, before the task has taken the step in which it leaves.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use crate::base::{Place, State, TaskKey, WaitQueue, WakeTarget};
use crate::cancel::{is_throwing, wait_for};
use crate::current::{self, key_of};
use crate::kernel::Leaf;
use crate::node::{Loop, is_interrupted, wake};

#[derive(Default)]
pub(crate) struct Waiters {
    list: RefCell<List>,
    /// The loop whose tasks wait here: that of the first who had to.
    kernel: OnceCell<Rc<Loop>>,
    /// Room for those who are called at once, kept for its memory.
    called: Cell<Vec<WakeTarget>>,
}

#[derive(Default)]
struct List {
    places: WaitQueue<Waiter>,
    wakers: Slab<Waker>,
}

/// One who waits.
#[derive(Clone, Copy)]
enum Waiter {
    /// A task of the line's loop. Waking it runs no code of a user's.
    Task(TaskKey),
    /// Anybody else, by his place among the wakers.
    Other(usize),
}

/// What became of the first who waits, whose turn it was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turned {
    Called,
    PassedOver,
    /// Nothing: it has a waker, which may be code of a user's.
    Not,
}

impl List {
    fn keep(&mut self, waker: Waker) -> Waiter {
        Waiter::Other(self.wakers.insert(waker))
    }

    /// Takes the waker of one who waits no longer.
    fn take(&mut self, waiter: Waiter) -> Option<Waker> {
        match waiter {
            Waiter::Task(_) => None,
            Waiter::Other(at) => Some(self.wakers.remove(at)),
        }
    }
}

#[cold]
fn was_cancelled(kernel: &Loop, key: TaskKey) -> bool {
    is_interrupted(kernel, key)
}

impl Waiters {
    /// How many wait and have not been called.
    pub(crate) fn waiting(&self) -> usize {
        self.list.borrow().places.waiters().count()
    }

    /// Whether nobody is in front of a newcomer: everybody in the line was cancelled, if there is anybody.
    pub(crate) fn is_clear(&self) -> bool {
        let Some(kernel) = self.kernel.get() else { return true };
        let places = &self.list.borrow().places;
        places.is_empty()
            || places.called() == 0
                && places.waiters().all(|waiter| matches!(waiter, Waiter::Task(key) if was_cancelled(kernel, key)))
    }

    /// Calls up to `most` of those who wait, in order. Those whose task was cancelled are passed over. Answers how many it
    /// called.
    pub(crate) fn call(&self, most: usize) -> usize {
        self.call_those(most, true)
    }

    /// Calls everybody who waits.
    pub(crate) fn call_all(&self) {
        self.call_those(usize::MAX, false);
    }

    #[inline]
    fn call_those(&self, most: usize, passes_over: bool) -> usize {
        let mut called = 0;
        while called < most && self.anybody_waits() {
            match self.turn(passes_over) {
                Turned::Called => called += 1,
                Turned::PassedOver => {}
                Turned::Not => return called + self.call_others(most - called, passes_over),
            }
        }
        called
    }

    #[inline]
    fn anybody_waits(&self) -> bool {
        self.list.borrow().places.first().is_some()
    }

    /// Calls the first who waits, if it is a task, or passes it over.
    ///
    /// A task whose wait was ended by a cancellation is queued until it has been told. So that need be looked for only in
    /// one that is queued already.
    fn turn(&self, passes_over: bool) -> Turned {
        let places = &mut self.list.borrow_mut().places;
        let (Some(first), Some(kernel)) = (places.first(), self.kernel.get()) else { return Turned::Not };
        let Some(Waiter::Task(key)) = places.waiter(first) else { return Turned::Not };
        if !kernel.wake(key) && passes_over && was_cancelled(kernel, key) {
            places.pass_over(first);
            return Turned::PassedOver;
        }
        places.call(first);
        Turned::Called
    }

    /// `call_those` if others than tasks wait: first all are called, then they are woken.
    #[cold]
    fn call_others(&self, most: usize, passes_over: bool) -> usize {
        let Some(kernel) = self.kernel.get() else { return 0 };
        let mut list = self.list.borrow_mut();
        let mut called = self.called.take();
        while called.len() < most
            && let Some(first) = list.places.first()
            && let Some(waiter) = list.places.waiter(first)
        {
            let target = match waiter {
                Waiter::Task(key) if passes_over && was_cancelled(kernel, key) => {
                    list.places.pass_over(first);
                    continue;
                }
                Waiter::Task(key) => WakeTarget::Task(key),
                Waiter::Other(at) => WakeTarget::Foreign(list.wakers.remove(at)),
            };
            list.places.call(first);
            called.push(target);
        }
        drop(list);
        let count = called.len();
        called.drain(..).for_each(|target| wake(kernel, target));
        self.called.set(called);
        count
    }

    /// Sees to it that the first in the line goes on: calls it, unless it has been called, or was cancelled and will look
    /// after the next one itself.
    pub(crate) fn call_first(&self) {
        let list = self.list.borrow();
        let nobody_before = list.places.called() == 0 && list.places.passed_over() == 0;
        drop(list);
        if nobody_before && self.anybody_waits() && self.turn(true) == Turned::Not {
            self.call_others(1, true);
        }
    }

    /// A wait at the end of the line, until it is called: true. `what` names it in the await graph.
    ///
    /// A wait that is given up, by a cancellation or because it is dropped, tells `given_up` whether it had been called.
    /// So does one that was passed over, since its task was cancelled, and is polled again all the same, since something
    /// caught the cancellation that the task awaits beside it: it leaves the line like the others, and answers false, for
    /// its primitive to begin anew.
    pub(crate) fn wait<F: Fn(bool)>(&self, what: Leaf, given_up: F) -> Turn<'_, F> {
        Turn { line: self, what, place: None, given_up }
    }

    /// One poll of a wait at `place`, if it has one yet: what `wait` answers. One that was passed over still has its place.
    #[inline]
    pub(super) fn poll(&self, place: &mut Option<Place>, what: Leaf, cx: &Context<'_>) -> Poll<bool> {
        match *place {
            None => {
                *place = self.join(what, cx);
                Poll::Pending
            }
            Some(at) => {
                let polled = self.look(at, what, cx);
                if polled == Poll::Ready(true) {
                    *place = None;
                }
                polled
            }
        }
    }

    /// Takes a place, unless a cancellation is on its way.
    #[inline(never)]
    fn join(&self, what: Leaf, cx: &Context<'_>) -> Option<Place> {
        if is_throwing(cx) {
            return None;
        }
        let kernel = self.bind();
        kernel.leaf().set(Some(what));
        Some(match task_of(kernel, cx) {
            Some(key) => self.list.borrow_mut().places.join(Waiter::Task(key)),
            None => self.join_with_waker(cx.waker().clone()),
        })
    }

    /// Whether the one at `place` has been called, and has left it then.
    #[inline(never)]
    fn look(&self, place: Place, what: Leaf, cx: &Context<'_>) -> Poll<bool> {
        if is_throwing(cx) {
            return Poll::Pending;
        }
        if self.list.borrow_mut().places.leave_if_called(place) {
            return Poll::Ready(true);
        }
        self.stay(place, what, cx)
    }

    #[cold]
    fn join_with_waker(&self, waker: Waker) -> Place {
        let mut list = self.list.borrow_mut();
        let waiter = list.keep(waker);
        list.places.join(waiter)
    }

    /// Polled again and not called: whoever polls now is to be woken, if it waits.
    #[cold]
    fn stay(&self, place: Place, what: Leaf, cx: &Context<'_>) -> Poll<bool> {
        let task = self.kernel.get().and_then(|kernel| task_of(kernel, cx));
        let mut waker = if task.is_none() { Some(cx.waker().clone()) } else { None };
        let mut list = self.list.borrow_mut();
        let polled = match list.places.state(place) {
            State::Waiting(held) => {
                let unused = list.take(held);
                let waker = std::mem::replace(&mut waker, unused);
                if let Some(waiter) = task.map(Waiter::Task).or_else(|| waker.map(|waker| list.keep(waker))) {
                    list.places.replace(place, waiter);
                }
                Poll::Pending
            }
            // cloning a waker is somebody's code
            State::Called => {
                list.places.leave(place);
                Poll::Ready(true)
            }
            State::PassedOver | State::Nobody => Poll::Ready(false),
        };
        drop(list);
        drop(waker);
        if polled.is_pending() {
            wait_for(what);
        }
        polled
    }

    /// Gives a place up: whether it had been called.
    #[cold]
    pub(super) fn leave(&self, place: Place) -> bool {
        let mut list = self.list.borrow_mut();
        let state = list.places.leave(place);
        let unused = if let State::Waiting(waiter) = state { list.take(waiter) } else { None };
        drop(list);
        drop(unused);
        matches!(state, State::Called)
    }

    /// Binds the line to this thread's loop, unless it is bound, and answers it.
    ///
    /// # Panics
    /// If it is bound to another loop, or this thread is in none.
    #[inline]
    pub(crate) fn bind(&self) -> &Loop {
        let kernel = self.kernel.get().unwrap_or_else(|| self.bind_first());
        let here = current::with(|current| current.is_some_and(|current| std::ptr::eq(current, &raw const **kernel)));
        assert!(
            here,
            "a lock, event, condition, semaphore, barrier or queue is bound to the event loop whose tasks waited for \
             it first; make one for each loop"
        );
        kernel
    }

    #[cold]
    fn bind_first(&self) -> &Rc<Loop> {
        self.kernel.get_or_init(current::expect)
    }
}

/// Which task of the loop is polled, unless a waker of foreign make, or another loop's, stands in between.
#[inline]
fn task_of(kernel: &Loop, cx: &Context<'_>) -> Option<TaskKey> {
    key_of(cx.waker()).filter(|key| key.number() == kernel.number())
}

/// One wait: outside → in the line at the first poll → over when it has been called and has seen it, or was dropped.
pub(crate) struct Turn<'a, F: Fn(bool)> {
    line: &'a Waiters,
    what: Leaf,
    place: Option<Place>,
    given_up: F,
}

impl<F: Fn(bool)> Turn<'_, F> {
    fn give_up(&mut self) {
        if let Some(place) = self.place.take() {
            (self.given_up)(self.line.leave(place));
        }
    }
}

impl<F: Fn(bool) + Unpin> Future for Turn<'_, F> {
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<bool> {
        let Self { line, what, place, .. } = &mut *self;
        let polled = line.poll(place, what, cx);
        if polled == Poll::Ready(false) {
            self.give_up();
        }
        polled
    }
}

impl<F: Fn(bool)> Drop for Turn<'_, F> {
    fn drop(&mut self) {
        self.give_up();
    }
}
