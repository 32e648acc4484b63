//! Locks, events, conditions, semaphores, barriers and queues. Owns how tasks wait for each other; must not know the
//! loop that runs them.
//!
//! asyncio has a deque of futures in each of these. Here that deque is one type, `Waiters` (`waiters.rs`, on the plain
//! data of `waiter_queue.rs`), which has the subtle part: a waiter that was notified and is then cancelled has to pass
//! that on. On it stands `Acquire` (`acquire.rs`): try, wait, try again, for anything that is a `Resource`. A primitive
//! is what is left: `event.rs` is the shortest, `lock.rs` the next. A semaphore hands its permits over in `permits.rs`,
//! and all queues are one state (`queue_state.rs`) with three stores (`queue_store.rs`). `condition.rs` and
//! `barrier.rs` are made of the others.

mod waiter_queue; // which tasks wait, first in, first out, and how each is woken
mod waiters; // how a task waits in that queue, and is notified
mod holder; // which task holds a lock
mod acquire; // the future that waits for a resource and acquires it
mod event; // a flag that tasks wait for
mod lock_core; // a lock without its value
mod lock; // mutual exclusion
mod permits; // the permits of a semaphore, and who is granted how many
mod semaphore; // a number of permits, as users hold it
mod closable_semaphore; // the same, which can be closed
mod queue_store; // the order in which a queue returns its items
mod queue_state; // the state of a queue, and the waits for items and room
mod queue; // the three kinds of queue
mod condition; // a lock that is released while its holder waits
mod barrier; // tasks that wait for each other

pub use barrier::Barrier;
pub use closable_semaphore::ClosableSemaphore;
pub use condition::Condition;
pub use event::Event;
pub use lock::{Lock, LockGuard, OwnedLockGuard};
pub use permits::SemaphorePermit;
pub use queue::{LifoQueue, PriorityQueue, Queue};
pub use semaphore::{BoundedSemaphore, Semaphore};
pub(crate) use waiters::Waiters;
