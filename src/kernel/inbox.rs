//! Messages from other threads to one loop. Owns the messages that the loop has not taken yet, and the order in which a
//! sender and a loop that falls asleep look at each other; must not know which loop it is, nor anything that is not
//! `Send`.
//!
//! No code of a user is called or dropped under the lock: a message that is refused goes back to its sender.

use std::collections::HashSet;
use std::mem;

use crate::base::concurrency::{Arc, AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering, fence, lock};
use crate::base::{RemoteCall, TaskKey};

/// What another thread sends to a loop.
#[derive(Debug)]
pub(crate) enum Message {
    /// Queues a task, unless it is done.
    Wake(TaskKey),
    /// Runs a callback.
    Run(RemoteCall),
    /// The result that is expected under this id has come: see `Expected`.
    Arrived(u64),
}

/// Names a loop among all of the process.
pub(super) type Epoch = u64;

/// The epoch of an inbox that no loop has.
pub(super) const NO_EPOCH: Epoch = 0;

/// The word of no task: no loop has that many.
const NO_TASK: u64 = u64::MAX;

/// Memory for so many messages is kept when all have been taken. If more have come, those are dropped that wake a task
/// which an earlier one wakes too, before more memory is taken.
const FEW: usize = 1_024;

/// What ends the sleep of a loop, from any thread.
pub(super) trait EndSleep {
    fn end_sleep(&self);
}

impl EndSleep for mio::Waker {
    fn end_sleep(&self) {
        // it fails only if the counter of the descriptor is full, and then the loop is awake anyway
        let _ = self.wake();
    }
}

/// What sleeps until a message comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sleeper {
    Loop,
    /// A host, in the place of the loop, between two turns.
    Host,
}

/// The messages to one loop at a time.
#[derive(Debug)]
pub(super) struct Inbox<W = mio::Waker> {
    contents: Mutex<Contents<W>>,
    /// Whether there are messages. The sender of the first message sets it and the loop, which takes all messages at
    /// once, clears it; both hold the lock.
    pending: AtomicBool,
    /// Whether the loop sleeps, or is about to. A sender that finds it set clears it, and wakes the loop.
    ///
    /// The sender stores `pending` and then loads `asleep`; the loop stores `asleep` and then loads `pending`. Between
    /// the two each has a fence, so at least one side sees what the other has stored, and the loop never sleeps over a
    /// message.
    asleep: AtomicBool,
    /// Whether a host waits in the place of the loop that sleeps. It decides nothing but in which order a sender wakes
    /// the loop and lets go of the lock.
    host_waits: AtomicBool,
    /// The task that the last message wakes, as a word; `NO_TASK` if the last message is of another kind or was taken.
    /// To wake the same task once more, nothing has to be sent, and no lock is taken.
    ///
    /// It is only ever exchanged, never just loaded or stored. Each exchange sees what was done before the exchanges
    /// that it follows. The loop exchanges it when it takes the messages, so it sees what was done before every wake
    /// that was left out.
    last_woken: AtomicU64,
}

#[derive(Debug)]
struct Contents<W> {
    messages: Vec<Message>,
    /// Which loop has this inbox.
    epoch: Epoch,
    /// The generation of the last task of the loops that have had this inbox: see [`TaskKey`].
    generation: u64,
    /// Ends the sleep of the loop. `None` when the loop accepts nothing more.
    waker: Option<Arc<W>>,
}

impl<W> Default for Inbox<W> {
    fn default() -> Self {
        Self::with(Contents { messages: Vec::new(), epoch: NO_EPOCH, generation: 0, waker: None })
    }
}

impl<W> Inbox<W> {
    /// A new inbox, given to a loop.
    pub(super) fn opened(epoch: Epoch, waker: Arc<W>) -> Self {
        Self::with(Contents { messages: Vec::new(), epoch, generation: 0, waker: Some(waker) })
    }

    fn with(contents: Contents<W>) -> Self {
        Self {
            contents: Mutex::new(contents),
            pending: AtomicBool::new(false),
            asleep: AtomicBool::new(false),
            host_waits: AtomicBool::new(false),
            last_woken: AtomicU64::new(NO_TASK),
        }
    }
}

// What a sender does.
impl<W: EndSleep> Inbox<W> {
    /// Wakes a task of whatever loop has this inbox. If that has no such task, nothing happens.
    pub(super) fn send_wake(&self, key: TaskKey) {
        let word = key.to_word() as u64;
        if self.last_woken.compare_exchange(word, word, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            return;
        }
        let contents = lock(&self.contents);
        if contents.waker.is_some() {
            self.put(contents, Message::Wake(key));
        }
    }

    /// Sends a message to the loop with this epoch. If that accepts nothing more, the message comes back.
    pub(super) fn send(&self, epoch: Epoch, message: Message) -> Result<(), Message> {
        let contents = lock(&self.contents);
        if !contents.is_open(epoch) {
            return Err(message);
        }
        self.put(contents, message);
        Ok(())
    }

    /// Whether the loop with this epoch still accepts messages.
    pub(super) fn is_open(&self, epoch: Epoch) -> bool {
        lock(&self.contents).is_open(epoch)
    }

    fn put(&self, mut contents: MutexGuard<'_, Contents<W>>, message: Message) {
        let first = contents.messages.is_empty();
        let woken = if let Message::Wake(key) = message { key.to_word() as u64 } else { NO_TASK };
        contents.push(message);
        self.last_woken.swap(woken, Ordering::AcqRel);
        // if there are earlier messages, their first sender has woken the loop
        if !first {
            return;
        }
        self.pending.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        let sleeps = self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::Relaxed);
        let Some(waker) = contents.waker.as_ref().filter(|_| sleeps) else { return };
        if self.host_waits.load(Ordering::Relaxed) {
            // Under the lock: a turn that takes the message has been told of it, too. Otherwise a turn that something
            // else has begun takes it, and its host is woken again for nothing.
            waker.end_sleep();
        } else {
            // A loop that wakes wants the lock at once, so that is let go before: else each wake costs it a second
            // sleep.
            let waker = Arc::clone(waker);
            drop(contents);
            waker.end_sleep();
        }
    }
}

impl<W> Contents<W> {
    fn is_open(&self, epoch: Epoch) -> bool {
        self.epoch == epoch && self.waker.is_some()
    }

    fn push(&mut self, message: Message) {
        if self.messages.len() == self.messages.capacity() && self.messages.len() >= FEW {
            self.drop_repeated_wakes();
        }
        self.messages.push(message);
    }

    /// Of several wakes of one task keeps the first, which is the one that queues it. Then the memory depends on how
    /// many tasks are woken, and not on how often. Makes room for as many messages as are left, so that looking at each
    /// costs no more than sending it.
    #[cold]
    fn drop_repeated_wakes(&mut self) {
        let mut woken = HashSet::new();
        self.messages
            .retain(|message| if let Message::Wake(key) = message { woken.insert(key.to_word()) } else { true });
        self.messages.reserve(self.messages.len());
    }
}

// What the loop does.
impl<W> Inbox<W> {
    /// Gives the inbox to a loop, unless another one has it. Returns the generation of the last task of the loops that
    /// had it before.
    pub(super) fn open(&self, epoch: Epoch, waker: &Arc<W>) -> Option<u64> {
        let mut contents = lock(&self.contents);
        if contents.epoch != NO_EPOCH {
            return None;
        }
        contents.epoch = epoch;
        contents.waker = Some(Arc::clone(waker));
        Some(contents.generation)
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.pending.load(Ordering::Acquire)
    }

    /// Exchanges the messages for `empty`, in which the next ones are put.
    pub(super) fn take(&self, empty: Vec<Message>) -> Vec<Message> {
        let mut contents = lock(&self.contents);
        self.forget_messages();
        mem::replace(&mut contents.messages, empty)
    }

    /// Called under the lock, when the messages are taken out.
    fn forget_messages(&self) {
        self.pending.store(false, Ordering::Release);
        self.last_woken.swap(NO_TASK, Ordering::AcqRel);
    }

    /// Announces that the loop is about to sleep: from now on a message wakes it. False if a message has come already,
    /// so that the loop must not sleep.
    pub(super) fn fall_asleep(&self, sleeper: Sleeper) -> bool {
        self.host_waits.store(sleeper == Sleeper::Host, Ordering::Relaxed);
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        !self.pending.load(Ordering::Acquire)
    }

    /// The sleep is over.
    pub(super) fn wake_up(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }

    /// Refuses messages from now on. Those that were accepted stay, for `take`.
    pub(super) fn refuse(&self) {
        let waker = lock(&self.contents).waker.take();
        drop(waker);
    }

    /// The loop is gone, whose last task had this generation. The inbox is free.
    pub(super) fn retire(&self, generation: u64) {
        let mut contents = lock(&self.contents);
        self.forget_messages();
        let left = mem::take(&mut contents.messages);
        let waker = contents.waker.take();
        contents.epoch = NO_EPOCH;
        contents.generation = generation;
        drop(contents);
        drop((left, waker)); // a message may hold a closure of a user
    }
}

/// Makes a vector empty for the next messages, with memory for a few of them.
pub(super) fn emptied(mut messages: Vec<Message>) -> Vec<Message> {
    messages.clear();
    messages.shrink_to(FEW);
    messages
}
