//! A wait for something that one then has: a lock, a permit, an item. Owns the order of taking, waiting and looking again;
//! must not know what it is.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::waiters::Waiters;
use crate::base::Place;
use crate::kernel::Leaf;

/// What is had by standing in line for it, as one who waits for it holds it.
pub(crate) trait Resource: Unpin {
    type Had;
    /// What the wait is called in the await graph.
    const WHAT: Leaf;
    fn line(&self) -> &Waiters;
    /// Takes it if one need not wait.
    fn take_if_free(&self) -> bool;
    /// It is one's turn: whether that says that one has it now, or one is to look again, as a newcomer does.
    fn take(&self) -> bool;
    fn had(self) -> Self::Had;
    /// See `Waiters::wait`.
    fn given_up(&self, called: bool);
}

/// Until one has it. A future by hand: one of the compiler's around another for the wait costs a twelfth of all that is done
/// for a permit; measured.
pub(crate) struct Acquire<G: Resource> {
    /// Until one has it.
    goal: Option<G>,
    place: Option<Place>,
}

impl<G: Resource> Acquire<G> {
    pub(crate) fn new(goal: G) -> Self {
        Self { goal: Some(goal), place: None }
    }

    #[cold]
    fn give_up(&mut self) {
        if let (Some(goal), Some(place)) = (&self.goal, self.place.take()) {
            goal.given_up(goal.line().leave(place));
        }
    }
}

impl<G: Resource> Future for Acquire<G> {
    type Output = G::Had;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<G::Had> {
        let this = &mut *self;
        loop {
            let goal = this.goal.as_ref().expect("a wait was polled again after it was done");
            if this.place.is_none() && goal.take_if_free() {
                break;
            }
            match goal.line().poll(&mut this.place, G::WHAT, cx) {
                Poll::Ready(true) if goal.take() => break,
                Poll::Ready(true) => {}
                Poll::Ready(false) => this.give_up(),
                Poll::Pending => return Poll::Pending,
            }
        }
        this.goal.take().map_or(Poll::Pending, |goal| Poll::Ready(goal.had()))
    }
}

impl<G: Resource> Drop for Acquire<G> {
    #[inline]
    fn drop(&mut self) {
        if self.place.is_some() {
            self.give_up();
        }
    }
}
