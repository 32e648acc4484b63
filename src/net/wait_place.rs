//! One place among what waits for a direction of a descriptor. Owns the number under which the reactor keeps the waker,
//! and the turn that is left to other tasks; must not know whether a future has the place or the descriptor itself.

use std::cell::Cell;
use std::task::{Context, Poll};

use crate::cancel::Waiting;
use crate::current::wake_target;
use crate::kernel::{Leaf, What};
use crate::node::Loop;
use crate::reactor::{Direction, SourceKey, WaiterNumber, Wanted};

/// A place, which is empty before the first wait and after each event. All its methods are given the same descriptor.
pub(super) struct WaitPlace {
    /// The number under which the reactor keeps the waker; `None` before the first wait. After an event it names none.
    number: Cell<Option<WaiterNumber>>,
    pub(super) waiting: Waiting,
    /// This wait has let other tasks run first. It does so once.
    yielded: Cell<bool>,
    pub(super) direction: Direction,
    wanted: Wanted,
}

/// For each connection that is idle.
const _: () = assert!(size_of::<WaitPlace>() == 16);

impl WaitPlace {
    pub(super) fn new(direction: Direction, wanted: Wanted) -> Self {
        Self { number: Cell::default(), waiting: Waiting::default(), yielded: Cell::default(), direction, wanted }
    }

    /// A place for each direction.
    pub(super) fn both() -> [Self; 2] {
        [Self::new(Direction::Read, Wanted::Ready), Self::new(Direction::Write, Wanted::Ready)]
    }

    /// Whether the wait of a future is over. If the descriptor is gone, it is.
    #[inline]
    pub(super) fn poll(&self, kernel: &Loop, key: SourceKey, cx: &Context<'_>) -> Poll<()> {
        if let Some(what) = self.look(kernel, key, cx) {
            self.waiting.note(kernel, cx, what);
            return Poll::Pending;
        }
        self.waiting.ready(kernel);
        Poll::Ready(())
    }

    /// Returns what to wait for, and the reactor keeps the waker, in place of the one of the poll before; or `None` if
    /// the wait is over.
    #[inline]
    pub(super) fn look(&self, kernel: &Loop, key: SourceKey, cx: &Context<'_>) -> Option<Leaf> {
        if !kernel.with_registered(|reactor| reactor.is(key, self.direction, self.wanted)) {
            return self.wait(kernel, key, cx);
        }
        self.number.set(None); // the event has taken the waker
        if kernel.budget().may_go_on(kernel.step().number()) || self.yielded.get() {
            self.yielded.set(false);
            return None;
        }
        self.yielded.set(true);
        cx.waker().wake_by_ref();
        Some(Leaf::of(What::NextTurn))
    }

    fn wait(&self, kernel: &Loop, key: SourceKey, cx: &Context<'_>) -> Option<Leaf> {
        // code of a user, if it is a waker of another crate: the descriptor may go, and the event may come
        let target = wake_target(cx);
        let (event, mut number) = ((self.direction, self.wanted), self.number.get());
        let waits = kernel.with_registered(|reactor| reactor.wait_for_event(key, event, &mut number, target));
        self.number.set(number);
        waits.ok().map(|_spare| Leaf::numbered(self.what(), key.label()))
    }

    fn what(&self) -> What {
        match (self.wanted, self.direction) {
            (Wanted::Ready, Direction::Read) => What::Readable,
            (Wanted::Ready, Direction::Write) => What::Writable,
            (Wanted::Over, _) => What::OtherEnd,
        }
    }

    /// Nothing waits any more.
    #[inline]
    pub(super) fn leave(&self, kernel: &Loop, key: SourceKey) {
        if let Some(number) = self.number.take() {
            drop(kernel.with_registered(|reactor| reactor.forget_waiter(key, self.direction, number)));
        }
        self.waiting.end(kernel);
    }
}
