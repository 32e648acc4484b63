//! The rows, in one list: what each is called, what one operation of it is, what is counted. A row has one name, which
//! the code of the systems uses as it is printed, so that a misspelt one does not compile. Must not know the systems.

use std::fmt;
use std::time::Duration;

/// One thing that is measured.
#[derive(Debug)]
pub struct Row {
    /// Its only name.
    pub name: Name,
    /// What one operation is.
    pub op: &'static str,
    /// Of the value: of one operation, or of all there is.
    pub unit: Unit,
    /// About how long a child is at it, however short its round; nothing where it is as short.
    pub at_least: Duration,
}

/// What is counted. Of all of them less is better.
#[derive(Clone, Copy, Debug)]
pub enum Unit {
    /// By the clock on the wall.
    Nanos,
    /// Of the time that the process had.
    CpuNanos,
    /// By the clock on the wall.
    Micros,
    /// Of memory.
    Bytes,
    /// How often something happened.
    Count,
}

impl Unit {
    /// As it is printed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nanos => "ns",
            Self::CpuNanos => "ns CPU",
            Self::Micros => "µs",
            Self::Bytes => "bytes",
            Self::Count => "count",
        }
    }
}

/// From lines of a name, a unit, the milliseconds that a child takes at least, and what one operation is.
macro_rules! rows {
    ($($name:ident: $unit:ident, $millis:literal, $op:literal;)+) => {
        /// The name of a row.
        #[expect(non_camel_case_types, reason = "a name is the same in the code, on the command line and in a table")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Name {
            $(#[doc = $op] $name,)+
        }

        impl Name {
            /// As it is printed.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }
        }

        /// All rows, in the order in which they are measured and shown.
        pub const ROWS: &[Row] = &[$(Row {
            name: Name::$name,
            op: $op,
            unit: Unit::$unit,
            at_least: Duration::from_millis($millis),
        },)+];
    };
}

rows! {
    spawn_join_1000: Nanos, 0, "a no-op task spawned and joined: 1,000 spawned, then all joined";
    spawn_join_10000: Nanos, 0, "the same with 10,000";
    spawn_await: Nanos, 0, "a no-op task spawned and awaited, one at a time";
    spawn_eager: Nanos, 0, "the same with a task that begins at once, where the system has such tasks";
    self_wake: Nanos, 0, "a lone task wakes itself and is polled";
    repoll_1000: Nanos, 0, "the same with 1,000 tasks: one poll of one of them";
    ping_pong: Nanos, 0, "a token handed to the other of two tasks";
    yield_ring: Nanos, 0, "one of 300 tasks lets the others go first, as its system has it";
    gather_10: Nanos, 0, "a child of 10 that is polled twice, from its creation to its value, in order";
    gather_1000: Nanos, 0, "the same with 1,000 children";
    gather_10000: Nanos, 0, "the same with 10,000 children";
    wait_drain_10: Nanos, 0, "a wait for the first of 10 tasks to end, until none is left";
    wait_drain_1000: Nanos, 0, "the same with 1,000 tasks";
    wait_drain_10000: Nanos, 0, "the same with 10,000 tasks";
    task_group_100: Nanos, 0, "a child of a group of 100 that is polled twice";
    queue: Nanos, 0, "an item from a producer to a consumer, through a queue with room for 16";
    broadcast: Nanos, 0, "a message that one of 1,000 subscribers has, each through a queue of its own: 100 to each";
    lock: Nanos, 0, "a lock had and let go, with ten tasks in each other's way";
    semaphore: Nanos, 0, "one of two permits, with ten tasks in each other's way";
    call_soon_chain: Nanos, 0, "a callback that calls the next soon, or a task that spawns it";
    call_soon_batch: Nanos, 0, "a callback, or task that is not joined, of 10,000 that are queued, then run";
    timer_arm_cancel_1: Nanos, 0, "a timer armed, and the one that is live cancelled";
    timer_arm_cancel_10000: Nanos, 0, "the same with any one of 10,000 live";
    timer_arm_cancel_1000000: Nanos, 1_000, "the same with any one of 1,000,000 live";
    million_timers: CpuNanos, 1_150, "a timer made and set with a million others, and fired";
    sleepers: CpuNanos, 0, "one of 10,000 tasks that sleep 20 to 40 ms";
    timeouts: Nanos, 100, "one of 100,000 requests at once, each a task, under a limit of 30 s that none exceeds";
    cancel_storm: Nanos, 200, "one of 100,000 sleeping tasks cancelled, and its clean-up done";
    sleep_overshoot: Micros, 370, "how far from its time a sleep of 50 µs to 5 ms ends: the median";
    sleep_overshoot_p99: Micros, 370, "the same: the 99th percentile";
    sleep_overshoot_cpu: CpuNanos, 370, "what one of these sleeps takes of the processor";
    timer_order: Count, 0, "of 100 timers 100 µs apart, set in reverse: how often one fires before an earlier";
    foreign_wake: Nanos, 0, "a task woken from another thread again and again: what a wake costs that thread";
    foreign_wake_latency: Micros, 300, "from a wake in another thread to the poll, the loop asleep: the median";
    memory_task: Bytes, 0, "a task that waits, and its handle";
    memory_timer: Bytes, 0, "a timer that is set, in a box";
    memory_connection: Bytes, 300, "an idle connection, and the task that reads from it";
    first_tick: Micros, 0, "in a new process, from nothing to the first poll of a task";
    echo_1k_1: Nanos, 0, "1 KiB to and fro over TCP between two tasks of the loop";
    echo_1k_64: Nanos, 0, "the same over 64 connections at once";
    echo_1k_1024: Nanos, 140, "the same over 1,024 connections at once";
    echo_10k_1: Nanos, 0, "10 KiB to and fro";
    echo_10k_64: Nanos, 0, "the same over 64 connections at once";
    echo_10k_1024: Nanos, 230, "the same over 1,024 connections at once";
    echo_100k_1: Nanos, 0, "100 KiB to and fro";
    echo_100k_64: Nanos, 0, "the same over 64 connections at once";
    echo_100k_1024: Nanos, 750, "the same over 1,024 connections at once";
    readline_1: Nanos, 0, "a line of 1 KiB to and fro, through the system's own buffer";
    readline_64: Nanos, 0, "the same over 64 connections at once";
    readexactly_1: Nanos, 0, "1 KiB to and fro, through the buffer, its length known";
    readexactly_64: Nanos, 0, "the same over 64 connections at once";
    connect_churn: Nanos, 0, "a connection made, 1 KiB to and fro, and the connection closed";
    many_loops_1: Nanos, 600,
        "1 KiB to and fro between 64 clients and a server with a listener: of all the messages of half a second";
    many_loops_2: Nanos, 600, "the same on two threads, each with its loop, its listener on one port and its clients";
    many_loops_4: Nanos, 600, "the same on four";
    many_loops_8: Nanos, 600, "the same on eight";
    cold: Micros, 1_050, "1 KiB to and fro for the first time after a second of sleep";
    udp_ping: Nanos, 0, "a datagram of 1 KiB to and fro over UDP";
    http: Nanos, 100, "a request to hyper's server and its answer, over 64 connections at once, from another thread";
    http_p99: Micros, 600, "what 99 of 100 requests take, when half as many come as it has just answered";
    idle: Micros, 1_500, "processor time of a loop with 10,000 idle connections, in all of a second";
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

/// The row of this name.
///
/// # Errors
///
/// There is none: what it says names the rows that look like it.
pub fn find(name: &str) -> Result<&'static Row, String> {
    if let Some(row) = ROWS.iter().find(|row| row.name.text() == name) {
        return Ok(row);
    }
    let stem = |name: &str| name.chars().take(4).collect::<String>();
    let alike: Vec<_> = ROWS.iter().map(|row| row.name.text()).filter(|known| stem(known) == stem(name)).collect();
    let hint = if alike.is_empty() { String::new() } else { format!("; there is {}", alike.join(", ")) };
    Err(format!("unknown row `{name}`{hint}"))
}
