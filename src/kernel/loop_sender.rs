//! The ways from other threads to the loops of the process. Owns the table that finds a loop's inbox by its number;
//! must not know what is in an inbox.
//!
//! Inboxes are never freed, so a sender looks one up with a plain load and without a reference count. An inbox serves
//! one loop after another. Each of these loops has an *epoch*, a number that no other loop of the process has: a
//! [`LoopSender`] carries it, and so never sends to a later loop with the same inbox. A waker has room for the number
//! of the inbox only; if its loop is gone, its key matches no task.

use std::cell::Cell;
use std::io;
use std::sync::{Mutex, PoisonError};

use super::inbox::{Epoch, Inbox, Message, NO_EPOCH, emptied};
use crate::base::concurrency::Arc;
use crate::base::{StaticRef, TaskKey, ThreadId, this_thread};

/// So many inboxes are made before one is used again, so that a stale number seldom meets another loop.
const NUMBERS_IN_TURN: usize = 16;

/// All inboxes. One is made for each loop at first, and later when those before it are all in use; none is ever freed.
static INBOXES: [StaticRef<Inbox>; TaskKey::LOOPS] = [const { StaticRef::unset() }; TaskKey::LOOPS];

/// A plain lock: which loop has which inbox is decided by the inbox itself.
static REGISTRY: Mutex<Registry> = Mutex::new(Registry { made: 0, last_number: 0, last_epoch: NO_EPOCH });

/// Which inboxes and epochs have been given out.
struct Registry {
    /// The inboxes that were made.
    made: usize,
    /// The number that was given out last. The search for a free inbox begins behind it, so a number is used again as
    /// late as possible.
    last_number: usize,
    last_epoch: Epoch,
}

/// An inbox that was given to a loop.
struct Opened {
    number: usize,
    inbox: &'static Inbox,
    /// Of the last task of the loops that had the inbox before.
    generation: u64,
}

impl Registry {
    /// Opens an inbox that no loop has.
    fn open(&mut self, epoch: Epoch, waker: Arc<mio::Waker>) -> io::Result<Opened> {
        if self.made >= NUMBERS_IN_TURN
            && let Some(opened) = self.open_again(epoch, &waker)
        {
            return Ok(opened);
        }
        let number = self.made;
        let place = INBOXES.get(number).ok_or_else(|| io::Error::other("16,384 event loops are alive; close some"))?;
        let inbox = Box::leak(Box::new(Inbox::opened(epoch, waker)));
        place.set(inbox);
        self.made += 1;
        Ok(Opened { number, inbox, generation: 0 })
    }

    /// Opens an inbox that was made before, if no loop has one of them.
    fn open_again(&self, epoch: Epoch, waker: &Arc<mio::Waker>) -> Option<Opened> {
        (1..=self.made).map(|i| (self.last_number + i) % self.made).find_map(|number| {
            let inbox = find(number)?;
            inbox.open(epoch, waker).map(|generation| Opened { number, inbox, generation })
        })
    }
}

fn find(number: usize) -> Option<&'static Inbox> {
    INBOXES[number].get()
}

/// Wakes a task from any thread. Its loop may be gone.
pub(crate) fn send_wake(key: TaskKey) {
    if let Some(inbox) = find(usize::from(key.number())) {
        inbox.send_wake(key);
    }
}

/// The way from other threads to one loop. It may outlive the loop: then its messages are refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoopSender {
    inbox: &'static Inbox,
    epoch: Epoch,
    /// The thread of the loop.
    thread: ThreadId,
    number: u16,
}

impl LoopSender {
    pub(crate) fn number(self) -> u16 {
        self.number
    }

    /// The way to a loop that is gone, and that this thread ran.
    #[cfg(all(test, oneloop_loom))]
    pub(crate) fn to_nowhere() -> Self {
        let inbox = Box::leak(Box::default());
        Self { inbox, epoch: NO_EPOCH + 1, thread: this_thread(), number: 0 }
    }

    /// Sends a message. If the loop accepts nothing more, the message comes back.
    pub(crate) fn send(self, message: Message) -> Result<(), Message> {
        self.inbox.send(self.epoch, message)
    }

    /// Whether the loop still accepts messages.
    pub(crate) fn is_open(self) -> bool {
        self.inbox.is_open(self.epoch)
    }

    /// Whether this is the thread of the loop, which must not block until the loop does something.
    pub(crate) fn is_own_thread(self) -> bool {
        this_thread() == self.thread
    }

    /// A number that no other loop of the process has, nor has had.
    pub(crate) fn epoch(self) -> Epoch {
        self.epoch
    }

    /// Whether both send to the same loop.
    pub(crate) fn is(self, other: Self) -> bool {
        self.epoch == other.epoch
    }
}

/// The loop's own end of its inbox. Dropping it frees the inbox, and with it the number of the loop.
pub(super) struct LoopReceiver {
    sender: LoopSender,
    /// Empty; kept for its memory.
    buffer: Cell<Vec<Message>>,
    /// The generation of the last task, as far as this is told.
    generation: Cell<u64>,
}

impl LoopReceiver {
    /// Takes an inbox for a loop of this thread. `waker` ends the sleep of that loop.
    pub(super) fn open(waker: mio::Waker) -> io::Result<Self> {
        let mut registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
        let epoch = registry.last_epoch + 1;
        let Opened { number, inbox, generation } = registry.open(epoch, Arc::new(waker))?;
        registry.last_number = number;
        registry.last_epoch = epoch;
        let number = u16::try_from(number).map_err(io::Error::other)?;
        let sender = LoopSender { inbox, epoch, thread: this_thread(), number };
        Ok(Self { sender, buffer: Cell::default(), generation: Cell::new(generation) })
    }

    #[inline]
    pub(super) fn sender(&self) -> LoopSender {
        self.sender
    }

    /// The loop's own inbox.
    pub(super) fn inbox(&self) -> &'static Inbox {
        self.sender.inbox
    }

    /// The generation of the last task of the loops that had this number before.
    pub(super) fn generation(&self) -> u64 {
        self.generation.get()
    }

    /// The loop ends, whose last task had this generation.
    pub(super) fn set_generation(&self, generation: u64) {
        self.generation.set(generation);
    }

    /// Takes all messages out, and hands them to `receive` in the order in which they were sent.
    pub(super) fn drain(&self, receive: impl FnMut(Message)) {
        let mut messages = self.inbox().take(self.buffer.take());
        messages.drain(..).for_each(receive);
        self.buffer.set(emptied(messages));
    }
}

impl Drop for LoopReceiver {
    fn drop(&mut self) {
        self.inbox().retire(self.generation.get());
    }
}
