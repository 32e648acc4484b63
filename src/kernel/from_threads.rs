//! What reaches a loop from other threads: messages, and what is expected to come. Owns taking them in; must not know who
//! sends them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::handle::Handle;
use super::inbox::{LoopSender, Message};
use super::kernel::{Kernel, WaitOutcome, advance};
use super::ready::{Entry, Queued, Run};
use crate::base::{RemoteCall, ThreadPool};
use crate::reactor::ReadyEvent;

/// What is expected from other threads, by the number that it will come under. While there is any, something may still
/// happen: a virtual clock does not jump, and the loop waits really.
#[derive(Default)]
pub(super) struct Expected {
    takers: RefCell<BTreeMap<u64, Rc<dyn Run>>>,
    last: Cell<u64>,
    /// How long a virtual clock has been waited for really since it moved.
    waited: Cell<Duration>,
}

/// The default executor: made when it is first needed, shut once and for all.
#[derive(Default)]
pub(super) struct Executor {
    pool: Option<ThreadPool>,
    shut: bool,
}

impl Expected {
    pub(super) fn is_empty(&self) -> bool {
        self.takers.borrow().is_empty()
    }
}

/// The turn of an errand. A kind of entry for it alone would cost every other entry: measured.
struct Turn(Cell<Option<RemoteCall>>);

impl Run for Turn {
    fn run(self: Rc<Self>, _index: u32) {
        if let Some(errand) = self.0.take() {
            errand.run();
        }
    }
}

impl<P: Queued> Kernel<P> {
    /// The way by which other threads reach this loop.
    pub(crate) fn door(&self) -> LoopSender {
        self.door
    }

    /// Queues what other threads have sent, in the order in which it came. Done before anything else is queued, so that
    /// the queue is as if the threads had put it there themselves. Costs one load when nothing has come.
    #[inline]
    pub(super) fn take_messages(&self) {
        if self.has_messages() {
            self.take_waiting_messages();
        }
    }

    #[inline]
    pub(super) fn has_messages(&self) -> bool {
        !self.door.is_empty()
    }

    #[cold]
    fn take_waiting_messages(&self) {
        let mut messages = self.messages.take();
        self.door.take(&mut messages);
        for message in messages.drain(..) {
            match message {
                Message::Wake(key) => {
                    if let Some(task) = self.mark_queued(key) {
                        self.ready.push(Entry::Task(task));
                    }
                }
                Message::Run(errand) => {
                    let turn = Rc::new(Turn(Cell::new(Some(errand))));
                    self.ready.push(Entry::Run(turn, 0));
                }
                Message::Arrived(number) => {
                    if let Some(taker) = self.expect_no_more(number) {
                        self.ready.push(Entry::Run(taker, 0));
                    }
                }
            }
        }
        self.messages.replace(messages);
    }

    /// Waits until a message comes, or the next deadline on a virtual clock has come by the real one. The clock moves then
    /// alone, so that what it shows when a thread is back does not depend on how long that took.
    pub(super) fn wait_for_expected(&self, woken: &mut Vec<ReadyEvent<Handle>>) -> io::Result<WaitOutcome> {
        let next = self.timers.borrow().next_expiry();
        let left = |at: u64| Duration::from_nanos(at.saturating_sub(self.clock.now()));
        let waited = self.expected.waited.get();
        let began = Instant::now();
        self.poll(next.map(|at| left(at).saturating_sub(waited)), woken)?;
        let waited = waited + began.elapsed();
        match next {
            Some(at) if waited >= left(at) => {
                self.expected.waited.set(Duration::ZERO);
                self.clock.jump_to(at);
            }
            Some(_) => self.expected.waited.set(waited),
            None => self.expected.waited.set(Duration::ZERO),
        }
        Ok(WaitOutcome::MayBeReady)
    }

    /// `taker` takes a turn when a message says that what it expects has come. Answers the number to say.
    pub(crate) fn expect(&self, taker: impl FnOnce(u64) -> Rc<dyn Run>) -> u64 {
        let number = advance(&self.expected.last);
        let taker = taker(number);
        self.expected.takers.borrow_mut().insert(number, taker);
        number
    }

    /// Forgets what is expected. The taker comes back, to be dropped by the caller.
    pub(crate) fn expect_no_more(&self, number: u64) -> Option<Rc<dyn Run>> {
        self.expected.takers.borrow_mut().remove(&number)
    }

    /// The loop closes: everybody who expects something, handed back to be dropped.
    pub(crate) fn take_expected(&self) -> impl Iterator<Item = Rc<dyn Run>> + use<P> {
        self.expected.takers.take().into_values()
    }

    /// The loop closes: no thread reaches it any more. What had come is queued, to be dropped with the rest.
    pub(crate) fn shut_door(&self) {
        self.door.shut();
        self.take_messages();
    }

    // The threads that this loop has at its service.

    /// The default executor, made now if there is none; none if it was shut down.
    pub(crate) fn default_executor(&self) -> Option<ThreadPool> {
        let mut executor = self.executor.borrow_mut();
        (!executor.shut).then(|| executor.pool.get_or_insert_default().clone())
    }

    /// Answers the one before it, to be dropped by the caller.
    pub(crate) fn set_default_executor(&self, pool: ThreadPool) -> Option<ThreadPool> {
        self.executor.borrow_mut().pool.replace(pool)
    }

    /// From now on there is no default executor. Answers the one that there was, to be shut down.
    pub(crate) fn shut_default_executor(&self) -> Option<ThreadPool> {
        let mut executor = self.executor.borrow_mut();
        executor.shut = true;
        executor.pool.clone()
    }
}
