//! One place among what waits for a direction of a descriptor. Owns the number under which the reactor keeps the waker,
//! and the turn that is left to other tasks; must not know whether a future has the place or the descriptor itself.

use std::cell::Cell;
use std::task::Context;

use crate::cancel::Waiting;
use crate::current::wake_target;
use crate::kernel::{Leaf, What};
use crate::node::Loop;
use crate::reactor::{Direction, SourceKey, Wanted};

/// What is awaited of a descriptor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) key: SourceKey,
    pub(super) direction: Direction,
    pub(super) wanted: Wanted,
}

impl Event {
    fn what(self) -> Leaf {
        let what = match (self.wanted, self.direction) {
            (Wanted::Ready, Direction::Read) => What::Readable,
            (Wanted::Ready, Direction::Write) => What::Writable,
            (Wanted::Over, _) => What::OtherEnd,
        };
        Leaf::numbered(what, self.key.label())
    }
}

/// A place, which is empty before the first wait and after each event.
#[derive(Default)]
pub(super) struct WaitPlace {
    /// The number under which the reactor keeps the waker; 0 before the first wait. After an event it names none.
    number: Cell<u64>,
    pub(super) waiting: Waiting,
    /// This wait has let other tasks run first. It does so once.
    yielded: Cell<bool>,
}

impl WaitPlace {
    /// Returns what to wait for, and the reactor keeps the waker, in place of the one of the poll before; or `None` if
    /// the wait is over. If the descriptor is gone, it is.
    pub(super) fn look(&self, kernel: &Loop, event: Event, cx: &Context<'_>) -> Option<Leaf> {
        let Event { key, direction, wanted } = event;
        let target = wake_target(cx);
        let mut number = self.number.get();
        let (done, spare) =
            kernel.with_reactor(|reactor| reactor.poll_until(key, direction, wanted, &mut number, target));
        self.number.set(number);
        drop(spare); // code of a user, if it is a waker of another crate
        if !done {
            return Some(event.what());
        }
        if kernel.budget().may_go_on(kernel.step().number()) || self.yielded.get() {
            self.yielded.set(false);
            return None;
        }
        self.yielded.set(true);
        cx.waker().wake_by_ref();
        Some(Leaf::of(What::NextTurn))
    }

    /// Nothing waits any more.
    pub(super) fn leave(&self, kernel: &Loop, event: Event) {
        let number = self.number.take();
        if number != 0 {
            drop(kernel.with_reactor(|reactor| reactor.forget_waiter(event.key, event.direction, number)));
        }
        self.waiting.end(kernel);
    }
}
