//! One wait for one direction of a descriptor, as a future. Owns its place among those who wait; must not know the
//! descriptor.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::wait_place::{Event, WaitPlace};
use crate::node::Loop;

/// One wait for one direction. Dropping it drops its waker. If the descriptor is gone, the wait is over.
pub(crate) struct ReadinessFuture {
    kernel: Rc<Loop>,
    event: Event,
    place: WaitPlace,
}

impl ReadinessFuture {
    pub(super) fn new(kernel: Rc<Loop>, event: Event) -> Self {
        Self { kernel, event, place: WaitPlace::default() }
    }

    /// An operation would have blocked: the direction is not ready until the next event.
    pub(super) fn set_blocked(&self) {
        self.kernel.with_reactor(|reactor| reactor.set_blocked(self.event.key, self.event.direction));
    }

    /// The wait is over, and another one for the same direction begins.
    pub(super) fn begin_again(&self) {
        self.place.leave(&self.kernel, self.event);
    }
}

impl Future for ReadinessFuture {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(what) = self.place.look(&self.kernel, self.event, cx) {
            self.place.waiting.note(&self.kernel, cx, what);
            return Poll::Pending;
        }
        self.place.waiting.ready(&self.kernel);
        Poll::Ready(())
    }
}

impl Drop for ReadinessFuture {
    fn drop(&mut self) {
        self.place.leave(&self.kernel, self.event);
    }
}
