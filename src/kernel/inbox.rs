//! Messages from other threads to a loop. Owns the messages that the loop has not taken yet, and the table that finds a
//! loop by its number; must not know tasks, nor anything that is not `Send`.
//!
//! Inboxes are never freed, so a sender looks one up with a plain load and without a reference count. An inbox serves
//! one loop after another. Each of these loops has an *epoch*, a number that no other loop of the process has: a
//! [`LoopSender`] carries it, and so never sends to a later loop with the same inbox. A waker has room for the number
//! of the inbox only; if its loop is gone, its key matches no task.
//!
//! No code of a user is called or dropped under a lock of this file: a message that is refused goes back to its sender.

use std::cell::Cell;
use std::io;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};

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

/// The messages to one loop.
#[derive(Debug)]
pub(crate) struct Inbox {
    contents: Mutex<Contents>,
    /// Whether there are messages. The sender of the first message sets it and the loop, which takes all messages at
    /// once, clears it; both hold the lock.
    pending: AtomicBool,
    /// Whether the loop sleeps, or is about to. A sender that finds it set clears it, and wakes the loop.
    ///
    /// The sender stores `pending` and then loads `asleep`; the loop stores `asleep` and then loads `pending`. All four
    /// are `SeqCst`, so at least one side sees what the other has stored, and the loop never sleeps over a message.
    asleep: AtomicBool,
    /// The task that the last message wakes, as a word; `NO_TASK` if the last message is of another kind or was taken.
    /// To wake the same task once more, nothing has to be sent, and no lock is taken.
    ///
    /// It is only ever exchanged, never just loaded or stored. Each exchange sees what was done before the exchanges
    /// that it follows. The loop exchanges it when it takes the messages, so it sees what was done before every wake
    /// that was left out.
    last_woken: AtomicU64,
}

/// The word of no task: no loop has that many.
const NO_TASK: u64 = u64::MAX;

/// The epoch of an inbox that no loop has.
const NO_EPOCH: u64 = 0;

impl Default for Inbox {
    fn default() -> Self {
        Self {
            contents: Mutex::default(),
            pending: AtomicBool::new(false),
            asleep: AtomicBool::new(false),
            last_woken: AtomicU64::new(NO_TASK),
        }
    }
}

#[derive(Debug)]
struct Contents {
    messages: Vec<Message>,
    /// Which loop has this inbox: see the head of the file.
    epoch: u64,
    /// The generation of the last task of the loops that have had this inbox: see [`TaskKey`].
    generation: u64,
    /// Ends the sleep of the loop. `None` when the loop accepts nothing more.
    waker: Option<Arc<mio::Waker>>,
}

impl Default for Contents {
    fn default() -> Self {
        Self { messages: Vec::new(), epoch: NO_EPOCH, generation: 0, waker: None }
    }
}

const INBOXES_PER_CHUNK: usize = 256;
const CHUNKS: usize = TaskKey::LOOPS / INBOXES_PER_CHUNK;

/// All inboxes. A chunk is made when the inboxes of the chunks before it are all in use, and never freed.
static INBOXES: [OnceLock<Box<[Inbox]>>; CHUNKS] = [const { OnceLock::new() }; CHUNKS];

static REGISTRY: Mutex<Registry> = Mutex::new(Registry { chunks: 0, last_number: 0, last_epoch: NO_EPOCH });

/// Which inboxes and epochs have been given out.
struct Registry {
    /// The chunks that were made.
    chunks: usize,
    /// The number that was given out last. The search for a free inbox begins behind it, so a number is used again as
    /// late as possible.
    last_number: usize,
    last_epoch: u64,
}

impl Registry {
    /// Finds an inbox that no loop has, and returns it locked, with its number.
    fn free_inbox(&mut self) -> io::Result<(usize, &'static Inbox, MutexGuard<'static, Contents>)> {
        let made = self.chunks * INBOXES_PER_CHUNK;
        let if_free = |number| {
            let inbox = find(number)?;
            let contents = lock(&inbox.contents);
            (contents.epoch == NO_EPOCH).then_some((number, inbox, contents))
        };
        if let Some(free) = (1..=made).map(|i| (self.last_number + i) % made).find_map(if_free) {
            return Ok(free);
        }
        let chunk =
            INBOXES.get(self.chunks).ok_or_else(|| io::Error::other("16,384 event loops are alive; close some"))?;
        chunk.get_or_init(|| (0..INBOXES_PER_CHUNK).map(|_| Inbox::default()).collect());
        self.chunks += 1;
        Ok(if_free(made).expect("no loop has an inbox of a new chunk"))
    }
}

fn find(number: usize) -> Option<&'static Inbox> {
    INBOXES[number / INBOXES_PER_CHUNK].get().map(|chunk| &chunk[number % INBOXES_PER_CHUNK])
}

impl Inbox {
    /// Wakes a task from any thread. Its loop may be gone.
    pub(crate) fn send_wake(key: TaskKey) {
        let Some(inbox) = find(usize::from(key.number())) else { return };
        let word = key.to_word() as u64;
        if inbox.last_woken.compare_exchange(word, word, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            return;
        }
        let contents = lock(&inbox.contents);
        if contents.waker.is_some() {
            inbox.put(contents, Message::Wake(key));
        }
    }

    fn put(&self, mut contents: MutexGuard<'_, Contents>, message: Message) {
        let first = contents.messages.is_empty();
        let woken = if let Message::Wake(key) = message { key.to_word() as u64 } else { NO_TASK };
        contents.messages.push(message);
        self.last_woken.swap(woken, Ordering::AcqRel);
        // if there are earlier messages, their first sender has woken the loop
        if !first {
            return;
        }
        self.pending.store(true, Ordering::SeqCst);
        let sleeps = self.asleep.load(Ordering::SeqCst) && self.asleep.swap(false, Ordering::SeqCst);
        let waker = if sleeps { contents.waker.clone() } else { None };
        // the system call comes after the lock: the loop takes the lock as soon as it is awake
        drop(contents);
        if let Some(waker) = waker {
            // it fails only if the counter of the descriptor is full, and then the loop is awake anyway
            let _ = waker.wake();
        }
    }
}

/// The way from other threads to one loop. It may outlive the loop: then its messages are refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoopSender {
    inbox: &'static Inbox,
    epoch: u64,
    /// The thread of the loop.
    thread: ThreadId,
    number: u16,
}

impl LoopSender {
    pub(crate) fn number(self) -> u16 {
        self.number
    }

    /// Sends a message. If the loop accepts nothing more, the message comes back.
    pub(crate) fn send(self, message: Message) -> Result<(), Message> {
        let contents = lock(&self.inbox.contents);
        if contents.epoch != self.epoch || contents.waker.is_none() {
            return Err(message);
        }
        self.inbox.put(contents, message);
        Ok(())
    }

    /// Whether the loop still accepts messages.
    pub(crate) fn is_open(self) -> bool {
        let contents = lock(&self.inbox.contents);
        contents.epoch == self.epoch && contents.waker.is_some()
    }

    /// Whether this is the thread of the loop, which must not block until the loop does something.
    pub(crate) fn is_own_thread(self) -> bool {
        thread::current().id() == self.thread
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
}

impl LoopReceiver {
    /// Takes an inbox for a loop of this thread. `waker` ends the sleep of that loop.
    pub(super) fn open(waker: mio::Waker) -> io::Result<Self> {
        let mut registry = lock(&REGISTRY);
        let (number, inbox, mut contents) = registry.free_inbox()?;
        registry.last_number = number;
        registry.last_epoch += 1;
        contents.epoch = registry.last_epoch;
        contents.waker = Some(Arc::new(waker));
        let number = u16::try_from(number).map_err(io::Error::other)?;
        let sender = LoopSender { inbox, epoch: registry.last_epoch, thread: thread::current().id(), number };
        Ok(Self { sender, buffer: Cell::default() })
    }

    #[inline]
    pub(super) fn sender(&self) -> LoopSender {
        self.sender
    }

    fn inbox(&self) -> &'static Inbox {
        self.sender.inbox
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.inbox().pending.load(Ordering::Acquire)
    }

    /// The generation of the last task of the loops that had this inbox before.
    pub(super) fn generation(&self) -> u64 {
        lock(&self.inbox().contents).generation
    }

    /// The loop ends, whose last task had this generation.
    pub(super) fn set_generation(&self, generation: u64) {
        lock(&self.inbox().contents).generation = generation;
    }

    /// Takes all messages out, and hands them to `receive` in the order in which they were sent.
    pub(super) fn drain(&self, receive: impl FnMut(Message)) {
        let mut messages = self.buffer.take();
        let mut contents = lock(&self.inbox().contents);
        self.inbox().pending.store(false, Ordering::Release);
        self.inbox().last_woken.swap(NO_TASK, Ordering::AcqRel);
        mem::swap(&mut contents.messages, &mut messages);
        drop(contents);
        messages.drain(..).for_each(receive);
        self.buffer.set(messages);
    }

    /// Announces that the loop is about to sleep: from now on a message wakes it. False if a message has come already,
    /// so that the loop must not sleep.
    pub(super) fn fall_asleep(&self) -> bool {
        self.inbox().asleep.store(true, Ordering::SeqCst);
        !self.inbox().pending.load(Ordering::SeqCst)
    }

    /// The sleep is over.
    pub(super) fn wake_up(&self) {
        self.inbox().asleep.store(false, Ordering::Relaxed);
    }

    /// Refuses messages from now on. Those that were accepted stay, for `drain`.
    pub(super) fn refuse(&self) {
        let waker = lock(&self.inbox().contents).waker.take();
        drop(waker);
    }
}

impl Drop for LoopReceiver {
    fn drop(&mut self) {
        let mut contents = lock(&self.inbox().contents);
        self.inbox().pending.store(false, Ordering::Release);
        self.inbox().last_woken.swap(NO_TASK, Ordering::AcqRel);
        let generation = contents.generation;
        let left = mem::replace(&mut *contents, Contents { generation, ..Contents::default() });
        drop(contents);
        drop(left); // a message may hold a closure of a user
    }
}

/// No code of a user runs under these locks, so the data under a poisoned one is sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
