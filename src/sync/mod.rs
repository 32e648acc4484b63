//! Locks, events, conditions, semaphores, barriers and queues, over one wait queue. Must not know the loop that runs their users.

mod waiters; // a FIFO wait queue of tasks
mod acquire; // a wait for something that one then has
mod event; // a flag that tasks wait for
mod lock; // mutual exclusion
mod semaphore; // a number of permits
mod queue_store; // in which order a queue gives its items
mod queue; // queues of items
mod condition; // a lock that is released while its holder waits
mod barrier; // tasks that wait for each other

pub use barrier::Barrier;
pub use condition::Condition;
pub use event::Event;
pub use lock::{Lock, LockGuard};
pub use queue::{LifoQueue, PriorityQueue, Queue};
pub use semaphore::{BoundedSemaphore, Semaphore, SemaphorePermit};
pub(crate) use waiters::Waiters;
