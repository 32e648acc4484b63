//! What is measured. Owns the names of the rows, what one operation of each is, and the sizes that all systems share;
//! must not know the systems.

use std::time::Duration;

pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// What one operation is.
    pub(crate) op: &'static str,
    /// Of the value: of one operation, or of all there is.
    pub(crate) unit: Unit,
    pub(crate) goal: Goal,
    /// About how long a child is at it, however short its round; nothing where it is as short.
    pub(crate) at_least: Duration,
}

/// What is counted. Of all of them less is better.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    /// By the clock on the wall.
    Nanos,
    /// Of the time that the process had.
    CpuNanos,
    Micros,
    Bytes,
    Count,
}

impl Unit {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nanos => "ns",
            Self::CpuNanos => "ns CPU",
            Self::Micros => "µs",
            Self::Bytes => "bytes",
            Self::Count => "count",
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// The best peer should have so many times as much.
    Ratio(f64),
    /// The best peer should not have less.
    Best,
    /// There should be nothing, whatever the peers have.
    Zero,
}

const fn row(name: &'static str, goal: f64, op: &'static str) -> Row {
    Row { name, op, unit: Unit::Nanos, goal: Goal::Ratio(goal), at_least: Duration::ZERO }
}

const fn best(name: &'static str, unit: Unit, op: &'static str) -> Row {
    Row { name, op, unit, goal: Goal::Best, at_least: Duration::ZERO }
}

impl Row {
    const fn at_least(self, millis: u64) -> Self {
        Self { at_least: Duration::from_millis(millis), ..self }
    }
}

/// Where that is nothing, there was neither a system call nor a wake-up.
const IDLES: &str = "processor time of a loop with 10,000 idle connections, in all of a second";

/// Of all threads, so that twice as many should take half as long.
const MANY: &str =
    "1 KiB to and fro between 64 clients and a server with a listener: of all the messages of half a second";

pub(crate) const ROWS: &[Row] = &[
    row("spawn_join_1000", 1.5, "a no-op task spawned and joined: 1,000 spawned, then all joined"),
    row("spawn_join_10000", 1.5, "the same with 10,000"),
    row("spawn_await", 1.5, "a no-op task spawned and awaited, one at a time"),
    row("spawn_eager", 1.5, "the same with a task that begins at once, where the system has such tasks"),
    row("self_wake", 2.0, "a lone task wakes itself and is polled"),
    row("repoll_1000", 3.0, "the same with 1,000 tasks: one poll of one of them"),
    row("ping_pong", 2.0, "a token handed to the other of two tasks"),
    row("yield_ring", 2.0, "one of 300 tasks lets the others go first, as its system has it"),
    row("gather_10", 3.0, "a child of 10 that is polled twice, from its creation to its value, in order"),
    row("gather_1000", 3.0, "the same with 1,000 children"),
    row("gather_10000", 3.0, "the same with 10,000 children"),
    row("wait_drain_10", 2.0, "a wait for the first of 10 tasks to end, until none is left"),
    row("wait_drain_1000", 2.0, "the same with 1,000 tasks"),
    row("wait_drain_10000", 2.0, "the same with 10,000 tasks"),
    row("task_group_100", 2.0, "a child of a group of 100 that is polled twice"),
    row("queue", 2.0, "an item from a producer to a consumer, through a queue with room for 16"),
    row("lock", 2.0, "a lock had and let go, with ten tasks in each other's way"),
    row("semaphore", 2.0, "one of two permits, with ten tasks in each other's way"),
    row("call_soon_chain", 3.0, "a callback that calls the next soon, or a task that spawns it"),
    row("call_soon_batch", 3.0, "a callback, or task that is not joined, of 10,000 that are queued, then run"),
    row("timer_arm_cancel_1", 2.0, "a timer armed, and the one that is live cancelled"),
    row("timer_arm_cancel_10000", 2.0, "the same with any one of 10,000 live"),
    row("timer_arm_cancel_1000000", 2.0, "the same with any one of 1,000,000 live").at_least(1_000),
    Row {
        unit: Unit::CpuNanos,
        ..row("million_timers", 1.5, "a timer made and set with a million others, and fired").at_least(1_150)
    },
    Row { unit: Unit::CpuNanos, ..row("sleepers", 1.5, "one of 10,000 tasks that sleep 20 to 40 ms") },
    best("sleep_overshoot", Unit::Micros, "how far from its time a sleep of 50 µs to 5 ms ends: the median")
        .at_least(370),
    best("sleep_overshoot_p99", Unit::Micros, "the same: the 99th percentile").at_least(370),
    best("sleep_overshoot_cpu", Unit::CpuNanos, "what one of these sleeps takes of the processor").at_least(370),
    Row {
        unit: Unit::Count,
        goal: Goal::Zero,
        ..row("timer_order", 0.0, "of 100 timers 100 µs apart, set in reverse: how often one fires before an earlier")
    },
    best(
        "foreign_wake",
        Unit::Nanos,
        "a task woken from another thread again and again: what a wake costs that thread",
    ),
    best(
        "foreign_wake_latency",
        Unit::Micros,
        "from a wake in another thread to the poll, the loop asleep: the median",
    )
    .at_least(300),
    best("memory_task", Unit::Bytes, "a task that waits, and its handle"),
    best("memory_timer", Unit::Bytes, "a timer that is set, in a box"),
    best("memory_connection", Unit::Bytes, "an idle connection, and the task that reads from it").at_least(300),
    best("first_tick", Unit::Micros, "in a new process, from nothing to the first poll of a task"),
    row("echo_1k_1", 1.1, "1 KiB to and fro over TCP between two tasks of the loop"),
    row("echo_1k_64", 1.1, "the same over 64 connections at once"),
    row("echo_1k_1024", 1.1, "the same over 1,024 connections at once").at_least(140),
    row("echo_10k_1", 1.1, "10 KiB to and fro"),
    row("echo_10k_64", 1.1, "the same over 64 connections at once"),
    row("echo_10k_1024", 1.1, "the same over 1,024 connections at once").at_least(230),
    row("echo_100k_1", 1.1, "100 KiB to and fro"),
    row("echo_100k_64", 1.1, "the same over 64 connections at once"),
    row("echo_100k_1024", 1.1, "the same over 1,024 connections at once").at_least(750),
    row("readline_1", 1.1, "a line of 1 KiB to and fro, through the system's own buffer"),
    row("readline_64", 1.1, "the same over 64 connections at once"),
    row("readexactly_1", 1.1, "1 KiB to and fro, through the buffer, its length known"),
    row("readexactly_64", 1.1, "the same over 64 connections at once"),
    row("connect_churn", 1.1, "a connection made, 1 KiB to and fro, and the connection closed"),
    row("many_loops_1", 1.1, MANY).at_least(600),
    row("many_loops_2", 1.1, "the same on two threads, each with its loop, its listener on one port and its clients")
        .at_least(600),
    row("many_loops_4", 1.1, "the same on four").at_least(600),
    row("many_loops_8", 1.1, "the same on eight").at_least(600),
    row("udp_ping", 1.1, "a datagram of 1 KiB to and fro over UDP"),
    row("http", 1.0, "a request to hyper's server and its answer, over 64 connections at once, from another thread")
        .at_least(100),
    best("http_p99", Unit::Micros, "what 99 of 100 requests take, when half as many come as it has just answered")
        .at_least(600),
    Row { unit: Unit::Micros, goal: Goal::Zero, ..row("idle", 0.0, IDLES).at_least(1_500) },
];

pub(crate) const AWAITED: u64 = 1_000;
pub(crate) const WAKES: u64 = 1_000;
pub(crate) const REPOLLED: u64 = 1_000;
pub(crate) const REPOLLS: u64 = 100;
pub(crate) const RING: u64 = 300;
pub(crate) const TURNS: u64 = 1_000;
pub(crate) const GROUP: u64 = 100;
pub(crate) const ITEMS: u64 = 1_000;
pub(crate) const ROOM: usize = 16;
pub(crate) const RIVALS: u64 = 10;
pub(crate) const TRIES: u64 = 100;
pub(crate) const PERMITS: usize = 2;
pub(crate) const ARMED: u64 = 10_000;
pub(crate) const SLEEPERS: u64 = 10_000;
pub(crate) const LINKS: u64 = 1_000;
pub(crate) const CALLBACKS: u64 = 10_000;
/// With so many live, there is time to fill them in only once.
pub(crate) const REPLACED: u64 = 100_000;
pub(crate) const MILLION: u64 = 1_000_000;
/// How often each of [`DELAYS`] is slept.
pub(crate) const NIGHTS: u64 = 40;
/// In µs.
pub(crate) const DELAYS: [u64; 7] = [50, 100, 200, 500, 1_000, 2_000, 5_000];
pub(crate) const ORDERED: u64 = 100;
pub(crate) const FOREIGN: u64 = 10_000;
pub(crate) const LATENCIES: usize = 1_000;
pub(crate) const KEPT: u64 = 100_000;
/// Processes that begin, beside the child itself.
pub(crate) const BEGINNINGS: usize = 20;
/// What goes over all connections of an echo, in bytes.
pub(crate) const VOLUME: usize = 1_000 * LINE;
/// But so many messages over each, at least.
pub(crate) const LEAST_EACH: u64 = 4;
/// What is said where the row says nothing else.
pub(crate) const LINE: usize = 1_024;
pub(crate) const CONNECTS: u64 = 100;
/// How many clients a loop of many has, and how long they ask.
pub(crate) const CLIENTS: usize = 64;
pub(crate) const MANY_LOOPS: Duration = Duration::from_millis(500);
pub(crate) const PINGS: u64 = 1_000;
/// Connections, and requests over all of them.
pub(crate) const ASKERS: usize = 64;
pub(crate) const REQUESTS: u64 = 1_000;
/// How long requests come on time.
pub(crate) const HALF_LOAD: Duration = Duration::from_millis(300);
pub(crate) const IDLE: u64 = 10_000;
/// How long an idle loop is watched, and how long it may take to fall asleep.
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const SETTLED: Duration = Duration::from_millis(200);
