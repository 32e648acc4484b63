//! The one door by which another thread reaches a loop. Owns what was sent and the loop has not seen yet, and the table
//! that finds a loop by its number; must not know tasks, nor anything that is not `Send`.
//!
//! An inbox stays where it is for ever, and serves one loop after another: so finding it takes a lock neither on a table
//! nor on a count, and nothing can be freed under whoever knocks. Each loop is a *life* of its inbox; who knows the life
//! ([`LoopSender`]) meets a closed door when that is over, and a wake, which knows only the number, meets a key that fits no
//! task. Nothing is called or dropped under a lock here: what is not delivered is handed back.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};

use crate::base::{RemoteCall, TaskKey};

/// What another thread has for a loop.
#[derive(Debug)]
pub(crate) enum Message {
    /// A task is to be queued, if it still lives.
    Wake(TaskKey),
    /// A callback.
    Run(RemoteCall),
    /// What is expected under this number has come.
    Arrived(u64),
}

/// What threads have sent to the loop with one number.
#[derive(Debug)]
pub(crate) struct Inbox {
    contents: Mutex<Contents>,
    /// Whether there are messages. Set under the lock by the first of a batch, cleared under the lock by the loop, which
    /// then takes the whole batch.
    pending: AtomicBool,
    /// Whether the loop waits, or is about to. Who sends the first of a batch and finds this set clears it and writes to
    /// the wake descriptor.
    ///
    /// The two flags cross: the sender sets `pending` and then looks at `asleep`, the loop sets `asleep` and then looks
    /// at `pending`, in one order that both see (`SeqCst`). So one of them sees the other, and no message is slept over.
    asleep: AtomicBool,
    /// The task that the last message wakes, as a word; [`NOBODY`] if it is of another kind, or there is none. Who wakes
    /// the same task again has nothing to send, and needs no lock.
    ///
    /// Only ever exchanged, never just read or stored: so each exchange sees what was done before those that it follows,
    /// and the loop, which exchanges it when it takes the messages, sees what was done before any wake they stand for.
    last_woken: AtomicU64,
}

/// No task: there are never that many on a loop.
const NOBODY: u64 = u64::MAX;

impl Default for Inbox {
    fn default() -> Self {
        Self {
            contents: Mutex::default(),
            pending: AtomicBool::new(false),
            asleep: AtomicBool::new(false),
            last_woken: AtomicU64::new(NOBODY),
        }
    }
}

#[derive(Debug, Default)]
struct Contents {
    messages: Vec<Message>,
    /// Which loop of this number it is; 0 when there is none.
    life: u64,
    /// Ends the loop's wait; none when nothing more is taken in.
    waker: Option<Arc<mio::Waker>>,
}

const CHUNK: usize = 256;
const CHUNKS: usize = (u16::MAX as usize + 1) / CHUNK;

/// All inboxes there have been, in chunks that are made when those before are all in use, and never freed.
static INBOXES: [OnceLock<Box<[Inbox]>>; CHUNKS] = [const { OnceLock::new() }; CHUNKS];

static REGISTER: Mutex<Register> = Mutex::new(Register { chunks: 0, last: 0, lives: 0 });

/// Numbers go round through the chunks there are, so that one is reused late.
struct Register {
    chunks: usize,
    /// The number that was given last.
    last: usize,
    /// How many lives were given.
    lives: u64,
}

impl Register {
    /// An inbox that no loop has, locked, with its number.
    fn vacancy(&mut self) -> io::Result<(usize, &'static Inbox, MutexGuard<'static, Contents>)> {
        let made = self.chunks * CHUNK;
        let vacant = |number| {
            let inbox = find(number)?;
            let contents = lock(&inbox.contents);
            (contents.life == 0).then_some((number, inbox, contents))
        };
        if let Some(found) = (1..=made).map(|i| (self.last + i) % made).find_map(vacant) {
            return Ok(found);
        }
        let chunk =
            INBOXES.get(self.chunks).ok_or_else(|| io::Error::other("65,536 event loops are alive; close some"))?;
        chunk.get_or_init(|| (0..CHUNK).map(|_| Inbox::default()).collect());
        self.chunks += 1;
        Ok(vacant(made).expect("it is new"))
    }
}

fn find(number: usize) -> Option<&'static Inbox> {
    INBOXES[number / CHUNK].get().map(|chunk| &chunk[number % CHUNK])
}

impl Inbox {
    /// Delivers a wake from any thread to the loop that `key` names. The loop may be gone.
    pub(crate) fn deliver(key: TaskKey) {
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
        let woken = if let Message::Wake(key) = message { key.to_word() as u64 } else { NOBODY };
        contents.messages.push(message);
        self.last_woken.swap(woken, Ordering::AcqRel);
        if !first {
            return;
        }
        self.pending.store(true, Ordering::SeqCst);
        let sleeps = self.asleep.load(Ordering::SeqCst) && self.asleep.swap(false, Ordering::SeqCst);
        let waker = if sleeps { contents.waker.clone() } else { None };
        drop(contents);
        if let Some(waker) = waker {
            // The only failure is a full counter, and then the loop is awake anyway.
            let _ = waker.wake();
        }
    }
}

/// The way to one loop, good for ever: when the loop is closed, so is the door.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoopSender {
    inbox: &'static Inbox,
    life: u64,
    /// The loop's own.
    thread: ThreadId,
    number: u16,
}

impl LoopSender {
    /// A number of its own for a loop of this thread that `waker` wakes, and the door to it.
    pub(crate) fn open(waker: mio::Waker) -> io::Result<Self> {
        let mut register = lock(&REGISTER);
        let (number, inbox, mut contents) = register.vacancy()?;
        register.last = number;
        register.lives += 1;
        contents.life = register.lives;
        contents.waker = Some(Arc::new(waker));
        let number = u16::try_from(number).map_err(io::Error::other)?;
        Ok(Self { inbox, life: register.lives, thread: thread::current().id(), number })
    }

    pub(crate) fn number(self) -> u16 {
        self.number
    }

    /// Sends a message. It comes back if the loop takes nothing more.
    pub(crate) fn send(self, message: Message) -> Result<(), Message> {
        let contents = lock(&self.inbox.contents);
        if contents.life != self.life || contents.waker.is_none() {
            return Err(message);
        }
        self.inbox.put(contents, message);
        Ok(())
    }

    /// Whether the loop still takes messages.
    pub(crate) fn is_open(self) -> bool {
        let contents = lock(&self.inbox.contents);
        contents.life == self.life && contents.waker.is_some()
    }

    /// Whether this is the loop's own thread, which must not wait for the loop.
    pub(crate) fn is_own_thread(self) -> bool {
        thread::current().id() == self.thread
    }

    /// Whether both lead to the same loop.
    pub(crate) fn is(self, other: Self) -> bool {
        self.life == other.life
    }

    // For the loop itself, whose door this is.

    pub(crate) fn is_empty(self) -> bool {
        !self.inbox.pending.load(Ordering::Acquire)
    }

    /// Moves what has come into `messages`, which is empty.
    pub(crate) fn take(self, messages: &mut Vec<Message>) {
        let mut contents = lock(&self.inbox.contents);
        self.inbox.pending.store(false, Ordering::Release);
        self.inbox.last_woken.swap(NOBODY, Ordering::AcqRel);
        std::mem::swap(&mut contents.messages, messages);
    }

    /// The loop is about to wait: from now on messages wake it. False if one has come already.
    pub(crate) fn fall_asleep(self) -> bool {
        self.inbox.asleep.store(true, Ordering::SeqCst);
        !self.inbox.pending.load(Ordering::SeqCst)
    }

    /// The wait is over.
    pub(crate) fn wake_up(self) {
        self.inbox.asleep.store(false, Ordering::Relaxed);
    }

    /// Takes nothing in from now on. What has come is left to be taken.
    pub(crate) fn shut(self) {
        let waker = lock(&self.inbox.contents).waker.take();
        drop(waker);
    }

    /// Gives the number back, when the loop is no more.
    pub(crate) fn abandon(self) {
        let mut contents = lock(&self.inbox.contents);
        self.inbox.pending.store(false, Ordering::Release);
        self.inbox.last_woken.swap(NOBODY, Ordering::AcqRel);
        let left = std::mem::take(&mut *contents);
        drop(contents);
        drop(left);
    }
}

/// No code of a user runs under these locks, so a poisoned one holds sound data.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
