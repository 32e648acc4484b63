//! What a loop counts at all times, without an observer: tokio calls it runtime metrics, asyncio has none. Owns the
//! numbers as the program sees them; must not know where they are counted.

use std::fmt;

use crate::kernel::Numbers;

/// What a loop has counted since it was made, from [`EventLoop::metrics`](crate::EventLoop::metrics). It is plain data,
/// so it may go to another thread.
///
/// Every loop counts these, since no entry pays for it: the loop counts once an iteration, a poll or a timer. What has
/// to be looked at for each step or wake (what woke, how late a timer was, the longest step, how tasks have ended) is
/// counted by an observer, [`Counters`](super::Counters).
///
/// # Examples
/// ```
/// use oneloop::{Clock, EventLoop, gather, sleep};
/// use std::time::Duration;
///
/// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
/// let task = lp.create_task(async {
///     gather((1..=3).map(|seconds| sleep(Duration::from_secs(seconds)))).await;
/// });
/// lp.run_until_complete(task)?;
/// let metrics = lp.metrics();
/// assert_eq!((metrics.tasks_created, metrics.tasks), (4, 0));
/// assert_eq!((metrics.timers_set, metrics.timers_due, metrics.timers), (3, 3, 0));
/// assert_eq!(metrics.largest_batch, 3); // the three children
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoopMetrics {
    /// Iterations that have begun to run a batch.
    pub iterations: u64,
    /// Entries of the ready queue in those batches: steps of tasks, callbacks, turns of primitives, timers; also those
    /// that were cancelled meanwhile, and so have done nothing.
    pub entries: u64,
    /// The most entries that an iteration has had: how long the ready queue was at most.
    pub largest_batch: usize,
    /// How many entries are queued now, for the next iteration.
    pub ready: usize,
    /// How often the loop has asked the system for events of descriptors, with a wait or without.
    pub polls: u64,
    /// Events of descriptors that something waited for.
    pub events: u64,
    /// Timers that are set now, and not due.
    pub timers: usize,
    /// Timers that were set.
    pub timers_set: u64,
    /// Timers that came due.
    pub timers_due: u64,
    /// Tasks that have not ended, with those of the loop itself, which [`all_tasks`](crate::all_tasks) leaves
    /// out.
    pub tasks: usize,
    /// Tasks that were made.
    pub tasks_created: u64,
    /// Bytes of memory that the buffers of [streams](crate::StreamReader) over sockets and pipes have now: with what
    /// was received and not read, or written and not sent, and with the room that is kept for more. What grows here
    /// without end is written to a peer that does not read, by a task that never calls
    /// [`drain`](crate::StreamWriter::drain).
    pub buffer_bytes: u64,
    /// The most that `buffer_bytes` was.
    pub most_buffer_bytes: u64,
}

/// A line for each number: its name, spaces, the number.
impl fmt::Display for LoopMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = [
            ("iterations", self.iterations),
            ("entries", self.entries),
            ("largest_batch", self.largest_batch as u64),
            ("ready", self.ready as u64),
            ("polls", self.polls),
            ("events", self.events),
            ("timers", self.timers as u64),
            ("timers_set", self.timers_set),
            ("timers_due", self.timers_due),
            ("tasks", self.tasks as u64),
            ("tasks_created", self.tasks_created),
            ("buffer_bytes", self.buffer_bytes),
            ("most_buffer_bytes", self.most_buffer_bytes),
        ];
        rows.into_iter().try_for_each(|(name, number)| writeln!(f, "{name:<18} {number}"))
    }
}

impl LoopMetrics {
    pub(crate) fn of(numbers: Numbers) -> Self {
        let Numbers { iterations, entries, largest_batch, ready, polls, events, .. } = numbers;
        let Numbers { timers, timers_set, timers_due, tasks, tasks_created, .. } = numbers;
        let Numbers { buffer_bytes, most_buffer_bytes, .. } = numbers;
        Self {
            iterations,
            entries,
            largest_batch,
            ready,
            polls,
            events,
            timers,
            timers_set,
            timers_due,
            tasks,
            tasks_created,
            buffer_bytes,
            most_buffer_bytes,
        }
    }
}
