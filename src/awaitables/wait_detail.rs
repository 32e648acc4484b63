//! What a task waits for, closer than by its kind. Owns the value and its text; must not know how it is found out.

use std::fmt;

use crate::sys::signal_name;

/// What a task waits for, closer than [`GraphNode::leaf`](crate::GraphNode::leaf) says it. Printed, it takes the place of
/// that: `a lock held by Task-7` in place of `a lock`.
///
/// # Examples
/// ```
/// use oneloop::{EventLoop, Lock, WaitDetail, create_task, run, yield_now};
///
/// let graph = run(async {
///     let lock = Lock::new(());
///     let _held = lock.acquire().await;
///     let wanted = lock.clone();
///     create_task(async move { drop(wanted.acquire().await) });
///     yield_now().await;
///     EventLoop::current().call_graph()
/// })?;
/// assert_eq!(graph.nodes[1].detail, Some(WaitDetail::HeldBy("Task-1".to_owned())));
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitDetail {
    /// A lock, which this task has acquired and not released. (It may have given the guard to another task since.)
    HeldBy(String),
    /// A lock that was acquired by a task that has ended, and has not released it: it was given to another task, or was
    /// forgotten.
    HolderEnded,
    /// Room in a queue of this size.
    Full(usize),
    /// A semaphore, as it was when the wait began.
    #[non_exhaustive]
    Permits {
        /// How many were free: too few, or wanted by tasks that have waited longer.
        free: usize,
        /// How many there were in all.
        of: usize,
    },
    /// A barrier for so many tasks.
    Parties(usize),
    /// A [`wait`](crate::wait()).
    #[non_exhaustive]
    Tasks {
        /// asyncio's name of the condition: `ALL_COMPLETED`, `FIRST_COMPLETED` or `FIRST_EXCEPTION`.
        return_when: &'static str,
        /// How many tasks, futures and gatherings it was given.
        of: usize,
    },
    /// A descriptor.
    #[non_exhaustive]
    Descriptor {
        /// Its number.
        fd: i32,
        /// What it is, as far as the system says: `tcp 127.0.0.1:80` for a connection, with the address of the peer; or
        /// `descriptor 7`.
        name: String,
        /// What is waited for: that it is `readable` or `writable`, or its other end `gone`; of a stream also `data`,
        /// `room`, or that it is `sent`, `drained` or `closed`.
        event: &'static str,
    },
    /// A child process with this PID.
    Process(u32),
    /// A signal with this number.
    Signal(i32),
}

impl fmt::Display for WaitDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeldBy(task) => write!(f, "a lock held by {task}"),
            Self::HolderEnded => f.write_str("a lock acquired by a task that has ended"),
            Self::Full(size) => write!(f, "room in a queue, full ({size})"),
            Self::Permits { free, of } => write!(f, "a semaphore, {free} of {of} free"),
            Self::Parties(parties) => write!(f, "a barrier of {parties}"),
            Self::Tasks { return_when, of } => write!(f, "{return_when} of {of}"),
            Self::Descriptor { name, event: "data", .. } => write!(f, "data of {name}"),
            Self::Descriptor { name, event: "room", .. } => write!(f, "room in {name}"),
            Self::Descriptor { name, event: "gone", .. } => write!(f, "the other end of {name} to be gone"),
            Self::Descriptor { name, event, .. } => write!(f, "{name} to be {event}"),
            Self::Process(pid) => write!(f, "process {pid} to end"),
            Self::Signal(number) => match signal_name(*number) {
                Some(name) => write!(f, "signal {name}"),
                None => write!(f, "signal {number}"),
            },
        }
    }
}
