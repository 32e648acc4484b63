//! One wait for one direction of a descriptor. Owns the place among those who wait; must not know the descriptor.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::cancel::Waiting;
use crate::current::wake_target;
use crate::kernel::Leaf;
use crate::node::Loop;
use crate::reactor::{Direction, SourceKey, Wanted};

/// One wait for one direction. Dropping it drops its waker. If the descriptor is gone, the wait is over.
pub(crate) struct ReadinessFuture {
    kernel: Rc<Loop>,
    key: SourceKey,
    direction: Direction,
    wanted: Wanted,
    /// The number under which the reactor keeps the waker; 0 while it keeps none.
    number: u64,
    waiting: Waiting,
    /// This wait has let other tasks run first. It does so once.
    yielded: bool,
}

impl ReadinessFuture {
    pub(super) fn new(kernel: Rc<Loop>, key: SourceKey, direction: Direction, wanted: Wanted) -> Self {
        Self { kernel, key, direction, wanted, number: 0, waiting: Waiting::default(), yielded: false }
    }

    fn what(&self) -> Leaf {
        match (self.wanted, self.direction) {
            (Wanted::Ready, Direction::Read) => &"a descriptor to be readable",
            (Wanted::Ready, Direction::Write) => &"a descriptor to be writable",
            (Wanted::Over, _) => &"the other end of a descriptor to be gone",
        }
    }
}

impl Future for ReadinessFuture {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let target = wake_target(cx);
        let this = &mut *self;
        let (key, direction, wanted) = (this.key, this.direction, this.wanted);
        let (done, spare) =
            this.kernel.with_reactor(|reactor| reactor.poll_until(key, direction, wanted, &mut this.number, target));
        drop(spare);
        if !done {
            this.waiting.note(&this.kernel, cx, this.what());
            return Poll::Pending;
        }
        if this.kernel.budget().may_go_on(this.kernel.step().number()) || this.yielded {
            this.waiting.ready(&this.kernel);
            return Poll::Ready(());
        }
        this.yielded = true;
        this.waiting.note(&this.kernel, cx, &"its next turn");
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for ReadinessFuture {
    fn drop(&mut self) {
        if self.number != 0 {
            drop(self.kernel.with_reactor(|reactor| reactor.forget_waiter(self.key, self.direction, self.number)));
        }
        self.waiting.end(&self.kernel);
    }
}
