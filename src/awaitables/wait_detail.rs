//! What a task waits for, closer than by its kind. Owns the value and its text; must not know how it is found out.

use std::fmt;
use std::time::Duration;

use crate::sys::signal_name;

/// A time that is shorter is nothing to be told.
pub(crate) const SHORTEST: Duration = Duration::from_millis(1);

/// A time with three digits at most, and no decimal that is 0: the one way in which times are told.
pub(crate) fn in_words(time: Duration) -> String {
    let millis = time.as_millis();
    if millis < 1_000 {
        return format!("{millis} ms");
    }
    // in whole numbers, since those with a point would be 17 KiB of a program
    let tenths = (millis + 50) / 100;
    match (tenths / 10, tenths % 10) {
        (100.., _) => format!("{} s", (millis + 500) / 1_000),
        (seconds, 0) => format!("{seconds} s"),
        (seconds, tenth) => format!("{seconds}.{tenth} s"),
    }
}

/// What a task waits for, in more detail than [`GraphNode::leaf`](crate::GraphNode::leaf). Printed, it takes the place
/// of that: `a lock held by Task-7` in place of `a lock`.
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
/// assert!(matches!(&graph.nodes[1].detail, Some(WaitDetail::HeldBy { task, .. }) if task == "Task-1"));
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitDetail {
    /// A lock, which this task has acquired and not released. (It may have given the guard to another task since.)
    #[non_exhaustive]
    HeldBy {
        /// Its name.
        task: String,
        /// For how long it has held the lock, at least. `None` if that is not known: the loop has not polled since.
        held: Option<Duration>,
    },
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
    /// The items of a queue: so many of them were not done when the wait began.
    Unfinished(usize),
    /// A barrier.
    #[non_exhaustive]
    Parties {
        /// The place of the task among those that have come, from 1. 0: it has to wait until those of the round before
        /// have left.
        place: usize,
        /// How many have to come.
        of: usize,
    },
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
            Self::HeldBy { task, held } => match held.filter(|held| *held >= SHORTEST) {
                Some(held) => write!(f, "a lock held by {task} for at least {}", in_words(held)),
                None => write!(f, "a lock held by {task}"),
            },
            Self::HolderEnded => f.write_str("a lock acquired by a task that has ended"),
            Self::Full(size) => write!(f, "room in a queue, full ({size})"),
            Self::Permits { free, of } => write!(f, "a semaphore, {free} of {of} free"),
            Self::Unfinished(items) => write!(f, "the items of a queue to be done, {items} when it began"),
            Self::Parties { place: 0, of } => write!(f, "a barrier of {of}, to be left"),
            Self::Parties { place, of } => write!(f, "a barrier of {of}, as number {place}"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_few_digits() {
        let told = [0, 7, 999, 1_000, 1_049, 1_050, 59_960, 99_949, 99_951, 100_449, 3_600_500];
        let words = ["0 ms", "7 ms", "999 ms", "1 s", "1 s", "1.1 s", "60 s", "99.9 s", "100 s", "100 s", "3601 s"];
        assert_eq!(told.map(|millis| in_words(Duration::from_millis(millis))), words);
    }
}
