//! The systems that are measured: one file each. Owns their order, and which of the common work a system has as it is.

mod futures;
mod inline;
mod monoio;
mod oneloop;
mod smol;
mod tokio;

use crate::measure::Work;
use crate::system::{Sockets, Spawn, System, Timers};
use crate::work::{callbacks, echo, memory, start, tasks, threads, timers};

/// The first is the one that the others are compared with. Python's are in `python.rs`.
pub(crate) const SYSTEMS: &[System] = &[
    oneloop::SYSTEM,
    tokio::SYSTEM,
    tokio::LOCAL,
    smol::SYSTEM,
    smol::LOCAL,
    futures::SYSTEM,
    monoio::SYSTEM,
    inline::SYSTEM,
];

/// The peer whose children are no tasks.
pub(crate) const INLINE: &str = inline::SYSTEM.name;

/// The common work on tasks.
fn tasks<S: Spawn>(row: &str) -> Option<Work> {
    Some(match row {
        "spawn_join_1000" => tasks::spawn_join::<S, 1_000>,
        "spawn_join_10000" => tasks::spawn_join::<S, 10_000>,
        "spawn_await" => tasks::spawn_await::<S>,
        "self_wake" => tasks::self_wake::<S>,
        "repoll_1000" => tasks::repoll::<S>,
        "yield_ring" => tasks::yield_ring::<S>,
        "gather_10" => tasks::gather::<S, 10>,
        "gather_1000" => tasks::gather::<S, 1_000>,
        "gather_10000" => tasks::gather::<S, 10_000>,
        "wait_drain_10" => tasks::wait_drain::<S, 10>,
        "wait_drain_1000" => tasks::wait_drain::<S, 1_000>,
        "wait_drain_10000" => tasks::wait_drain::<S, 10_000>,
        "task_group_100" => tasks::group::<S>,
        "call_soon_chain" => callbacks::chain::<S>,
        "call_soon_batch" => callbacks::batch::<S>,
        "memory_task" => memory::task::<S>,
        _ => return None,
    })
}

/// The common work on timers and sockets, and what is done on a loop that has both.
fn inputs<S: Timers + Sockets>(row: &str) -> Option<Work> {
    Some(match row {
        "timer_arm_cancel_1" => timers::arm_cancel::<S, 1>,
        "timer_arm_cancel_10000" => timers::arm_cancel::<S, 10_000>,
        "timer_arm_cancel_1000000" => timers::arm_cancel_million::<S>,
        "million_timers" => timers::million::<S>,
        "sleepers" => timers::sleepers::<S>,
        "sleep_overshoot" => timers::overshoot::<S, 50>,
        "sleep_overshoot_p99" => timers::overshoot::<S, 99>,
        "sleep_overshoot_cpu" => timers::overshoot_cpu::<S>,
        "timer_order" => timers::order::<S>,
        "foreign_wake" => threads::wake::<S>,
        "foreign_wake_latency" => threads::latency::<S>,
        "memory_timer" => memory::timer::<S>,
        "memory_connection" => memory::connection::<S>,
        "first_tick" => start::first_tick::<S>,
        "echo_1k_1" => echo::echo::<S, 1>,
        "echo_1k_64" => echo::echo::<S, 64>,
        _ => return None,
    })
}
