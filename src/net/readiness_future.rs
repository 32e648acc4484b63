//! One wait for one direction of a descriptor, as a future. Owns its place among those who wait; must not know the
//! descriptor.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::wait_place::WaitPlace;
use crate::node::Loop;
use crate::reactor::{Direction, SourceKey, Wanted};

/// One wait for one direction. Dropping it drops its waker. If the descriptor is gone, the wait is over.
pub(crate) struct ReadinessFuture {
    kernel: Rc<Loop>,
    key: SourceKey,
    place: WaitPlace,
}

impl ReadinessFuture {
    pub(super) fn new(kernel: &Rc<Loop>, key: SourceKey, direction: Direction, wanted: Wanted) -> Self {
        Self { kernel: Rc::clone(kernel), key, place: WaitPlace::new(direction, wanted) }
    }
}

impl Future for ReadinessFuture {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.place.poll(&self.kernel, self.key, cx)
    }
}

impl Drop for ReadinessFuture {
    fn drop(&mut self) {
        self.place.leave(&self.kernel, self.key);
    }
}
