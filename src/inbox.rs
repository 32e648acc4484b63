//! The one door by which another thread reaches a loop. Owns the foreign wakes that the loop has not seen yet, and the
//! table that finds a loop by its number; must not know tasks, nor anything that is not `Send`.
//!
//! An inbox is its own `Arc`: a waker that comes after the loop has gone finds no entry in the table, or a closed door,
//! and does nothing.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::key::TaskKey;

/// The live loops by number. Numbers go round, so that one is reused as late as can be.
struct Loops {
    next: u16,
    inboxes: BTreeMap<u16, Arc<Inbox>>,
}

static LOOPS: Mutex<Loops> = Mutex::new(Loops { next: 0, inboxes: BTreeMap::new() });

/// Foreign wakes of one loop.
#[derive(Debug)]
pub(crate) struct Inbox {
    number: u16,
    keys: Mutex<Vec<TaskKey>>,
    /// Whether `keys` holds anything. Set under the lock by the first of a batch, who alone writes to the wake
    /// descriptor; cleared under the lock by the loop, which then takes the whole batch.
    pending: AtomicBool,
    waker: mio::Waker,
}

impl Inbox {
    /// A number of its own for a loop, and the inbox that is found by it.
    pub(crate) fn register(waker: mio::Waker) -> io::Result<Arc<Self>> {
        let mut loops = lock(&LOOPS);
        let number = (0..=u16::MAX)
            .map(|i| loops.next.wrapping_add(i))
            .find(|number| !loops.inboxes.contains_key(number))
            .ok_or_else(|| io::Error::other("65,536 event loops are alive; close some"))?;
        loops.next = number.wrapping_add(1);
        let inbox = Arc::new(Self { number, keys: Mutex::default(), pending: AtomicBool::new(false), waker });
        loops.inboxes.insert(number, Arc::clone(&inbox));
        Ok(inbox)
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    /// Delivers a wake from any thread to the loop that `key` names. The loop may be gone.
    pub(crate) fn deliver(key: TaskKey) {
        let inbox = lock(&LOOPS).inboxes.get(&key.number()).cloned();
        if let Some(inbox) = inbox {
            inbox.push(key);
        }
    }

    fn push(&self, key: TaskKey) {
        let mut keys = lock(&self.keys);
        keys.push(key);
        let first = !self.pending.swap(true, Ordering::AcqRel);
        drop(keys);
        if first {
            // The only failure is a full counter, and then the loop is awake anyway.
            let _ = self.waker.wake();
        }
    }

    /// Moves what has come into `keys`, which is empty. Costs one load when nothing has come.
    pub(crate) fn take(&self, keys: &mut Vec<TaskKey>) {
        if self.pending.load(Ordering::Acquire) {
            let mut held = lock(&self.keys);
            self.pending.store(false, Ordering::Release);
            std::mem::swap(&mut *held, keys);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.pending.load(Ordering::Acquire)
    }

    /// Takes the loop out of the table: later wakes go nowhere.
    pub(crate) fn close(&self) {
        lock(&LOOPS).inboxes.remove(&self.number);
    }
}

/// No code of a user runs under these locks, so a poisoned one holds sound data.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
