//! The systems that are measured: one file each. Owns their order, and which of the common work a system has as it is.

mod calloop;
mod compio;
mod floor;
mod futures;
mod glommio;
mod inline;
mod local_sync;
mod monoio;
mod oneloop;
mod ring;
mod smol;
mod tokio;

use oneloop_versus::rows::Name;

use crate::measure::Work;
use crate::system::{Buffered, Cancels, Datagrams, Http, Limits, Listeners, Queues, Sockets, Spawn, System, Timers};
use crate::work::many_loops::many_loops;
use crate::work::sockets::{self, Exact, Lines, Raw};
use crate::work::{callbacks, http, limits, memory, queues, start, tasks, threads, timers};

/// The first is the one that the others are compared with. Python's are in `python.rs`.
pub(crate) const SYSTEMS: &[System] = &[
    oneloop::SYSTEM,
    oneloop::PRECISE,
    oneloop::COARSE,
    tokio::SYSTEM,
    tokio::LOCAL,
    smol::SYSTEM,
    smol::LOCAL,
    futures::SYSTEM,
    monoio::SYSTEM,
    monoio::URING,
    compio::SYSTEM,
    glommio::SYSTEM,
    calloop::SYSTEM,
    inline::SYSTEM,
    floor::CALLS,
    floor::EPOLL,
];

/// The common work on tasks.
fn tasks<S: Spawn>(row: Name) -> Option<Work> {
    Some(match row {
        Name::spawn_join_1000 => tasks::spawn_join::<S, 1_000>,
        Name::spawn_join_10000 => tasks::spawn_join::<S, 10_000>,
        Name::spawn_await | Name::spawn_eager => tasks::spawn_await::<S>,
        Name::self_wake => tasks::self_wake::<S>,
        Name::repoll_1000 => tasks::repoll::<S>,
        Name::yield_ring => tasks::yield_ring::<S>,
        Name::gather_10 => tasks::gather::<S, 10>,
        Name::gather_1000 => tasks::gather::<S, 1_000>,
        Name::gather_10000 => tasks::gather::<S, 10_000>,
        Name::wait_drain_10 => tasks::wait_drain::<S, 10>,
        Name::wait_drain_1000 => tasks::wait_drain::<S, 1_000>,
        Name::wait_drain_10000 => tasks::wait_drain::<S, 10_000>,
        Name::task_group_100 => tasks::group::<S>,
        Name::call_soon_chain => callbacks::chain::<S>,
        Name::call_soon_batch => callbacks::batch::<S>,
        Name::memory_task => memory::task::<S>,
        _ => return None,
    })
}

/// The common work on timers and sockets, for a system that has them all.
fn inputs<S: Limits + Sockets + Buffered + Listeners + Datagrams>(row: Name) -> Option<Work> {
    let sockets = || streams::<S>(row).or_else(|| buffered::<S>(row));
    let timers = || timers::<S>(row).or_else(|| (row == Name::timeouts).then_some(limits::timeouts::<S>));
    timers().or_else(sockets).or_else(|| listeners::<S>(row)).or_else(|| datagrams::<S>(row))
}

/// For a system whose tasks can be cancelled.
fn cancels<S: Cancels>(row: Name) -> Option<Work> {
    (row == Name::cancel_storm).then_some(limits::cancel_storm::<S>)
}

/// For a system that has queues, or takes some crate's.
fn queues<S: Spawn, Q: Queues>(row: Name) -> Option<Work> {
    Some(match row {
        Name::queue => queues::queue::<S, Q>,
        Name::broadcast => queues::broadcast::<S, Q>,
        _ => return None,
    })
}

fn timers<S: Timers>(row: Name) -> Option<Work> {
    Some(match row {
        Name::timer_arm_cancel_1 => timers::arm_cancel::<S, 1>,
        Name::timer_arm_cancel_10000 => timers::arm_cancel::<S, 10_000>,
        Name::timer_arm_cancel_1000000 => timers::arm_cancel_million::<S>,
        Name::million_timers => timers::million::<S>,
        Name::sleepers => timers::sleepers::<S>,
        Name::sleep_overshoot => timers::overshoot::<S, 50>,
        Name::sleep_overshoot_p99 => timers::overshoot::<S, 99>,
        Name::sleep_overshoot_cpu => timers::overshoot_cpu::<S>,
        Name::timer_order => timers::order::<S>,
        Name::memory_timer => memory::timer::<S>,
        // of a loop as it is where there is I/O
        Name::foreign_wake => threads::wake::<S>,
        Name::foreign_wake_latency => threads::latency::<S>,
        Name::first_tick => start::first_tick::<S>,
        _ => return None,
    })
}

fn streams<S: Timers + Sockets>(row: Name) -> Option<Work> {
    Some(match row {
        Name::echo_1k_1 => sockets::echo::<S, Raw<1_024>, 1>,
        Name::echo_1k_64 => sockets::echo::<S, Raw<1_024>, 64>,
        Name::echo_1k_1024 => sockets::echo::<S, Raw<1_024>, 1_024>,
        Name::echo_10k_1 => sockets::echo::<S, Raw<10_240>, 1>,
        Name::echo_10k_64 => sockets::echo::<S, Raw<10_240>, 64>,
        Name::echo_10k_1024 => sockets::echo::<S, Raw<10_240>, 1_024>,
        Name::echo_100k_1 => sockets::echo::<S, Raw<102_400>, 1>,
        Name::echo_100k_64 => sockets::echo::<S, Raw<102_400>, 64>,
        Name::echo_100k_1024 => sockets::echo::<S, Raw<102_400>, 1_024>,
        Name::cold => sockets::cold::<S>,
        Name::idle => sockets::idle::<S>,
        Name::memory_connection => memory::connection::<S>,
        _ => return None,
    })
}

fn buffered<S: Buffered>(row: Name) -> Option<Work> {
    Some(match row {
        Name::readline_1 => sockets::echo::<S, Lines, 1>,
        Name::readline_64 => sockets::echo::<S, Lines, 64>,
        Name::readexactly_1 => sockets::echo::<S, Exact, 1>,
        Name::readexactly_64 => sockets::echo::<S, Exact, 64>,
        _ => return None,
    })
}

fn listeners<S: Listeners + Timers>(row: Name) -> Option<Work> {
    Some(match row {
        Name::connect_churn => sockets::connect_churn::<S>,
        Name::many_loops_1 => many_loops::<S, 1>,
        Name::many_loops_2 => many_loops::<S, 2>,
        Name::many_loops_4 => many_loops::<S, 4>,
        Name::many_loops_8 => many_loops::<S, 8>,
        _ => return None,
    })
}

/// For a system that hyper's traits are there for.
fn http<S: Http>(row: Name) -> Option<Work> {
    Some(match row {
        Name::http => http::requests::<S>,
        Name::http_p99 => http::latency::<S>,
        _ => return None,
    })
}

fn datagrams<S: Datagrams>(row: Name) -> Option<Work> {
    (row == Name::udp_ping).then_some(sockets::udp_ping::<S>)
}
