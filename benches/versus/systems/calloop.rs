//! calloop: callbacks on its timers and its sources, and futures in its executor, which is a source too. Owns its
//! idioms; must not know the other systems. Its futures cannot be joined: what they return goes to a callback, so it
//! has no row whose tasks wait for one another.

mod sockets;

use std::future::Future;
use std::mem::replace;
use std::time::Duration;

use calloop::futures::{Scheduler, executor};
use calloop::timer::{TimeoutAction, TimeoutFuture, Timer};
use calloop::{EventLoop, LoopHandle};
use oneloop_versus::rows::Name;
use oneloop_versus::systems as names;

use crate::measure::{Cost, Stopwatch, Work};
use crate::sizes::{ARMED, AWAITED, CALLBACKS, LINKS, REPOLLED, REPOLLS, SLEEPERS, WAKES};
use crate::system::{ANYWHERE, System};
use crate::work::timers::{SEED, far_off, naps};
use crate::work::wake_itself;

pub(super) const SYSTEM: System = System { name: names::CALLOOP, crates: &["calloop"], find, refused: ANYWHERE };

fn find(row: Name) -> Option<Work> {
    Some(match row {
        Name::spawn_join_1000 => spawn_join::<1_000>,
        Name::spawn_join_10000 => spawn_join::<10_000>,
        Name::spawn_await | Name::spawn_eager => spawn_await,
        Name::self_wake => self_wake,
        Name::repoll_1000 => repoll,
        Name::call_soon_chain => call_soon_chain,
        Name::call_soon_batch => call_soon_batch,
        Name::timer_arm_cancel_1 => |times| timer_arm_cancel(1, times * ARMED),
        Name::timer_arm_cancel_10000 => |times| timer_arm_cancel(10_000, times * ARMED),
        // of a million, which it goes through to cancel one, the row would take minutes
        Name::sleepers => sleepers,
        _ => return sockets::find(row),
    })
}

/// A loop whose data is how many have ended.
struct Counted {
    event_loop: EventLoop<'static, u64>,
    tasks: Scheduler<()>,
}

impl Counted {
    fn new() -> Self {
        let event_loop = EventLoop::try_new().expect("descriptors for a loop");
        let (executor, tasks) = executor().expect("a descriptor for an executor");
        event_loop.handle().insert_source(executor, |(), (), ended| *ended += 1).expect("room for one more");
        Self { event_loop, tasks }
    }

    fn handle(&self) -> LoopHandle<'static, u64> {
        self.event_loop.handle()
    }

    fn spawn(&self, future: impl Future<Output: 'static> + 'static) {
        let future = async { drop(future.await) };
        self.tasks.schedule(future).expect("the executor is there");
    }

    /// Until so many have ended.
    fn run(&mut self, count: u64) {
        self.dispatch(None, count);
    }

    /// The same of callbacks that are called when there is nothing else, for which it must not wait.
    fn run_idle(&mut self, count: u64) {
        self.dispatch(Some(Duration::ZERO), count);
    }

    fn dispatch(&mut self, timeout: Option<Duration>, count: u64) {
        let mut ended = 0;
        while ended < count {
            self.event_loop.dispatch(timeout, &mut ended).expect("the loop does not break");
        }
    }
}

/// Does `batch`, which is so many operations, so many times.
fn repeat(times: u64, operations: u64, batch: impl Fn(&mut Counted)) -> Cost {
    let mut counted = Counted::new();
    let watch = Stopwatch::wall();
    for _ in 0..times {
        batch(&mut counted);
    }
    watch.cost(times * operations)
}

fn spawn_join<const TASKS: u64>(times: u64) -> Cost {
    repeat(times, TASKS, |counted| {
        for _ in 0..TASKS {
            counted.spawn(async {});
        }
        counted.run(TASKS);
    })
}

fn spawn_await(times: u64) -> Cost {
    repeat(times, AWAITED, |counted| {
        for _ in 0..AWAITED {
            counted.spawn(async {});
            counted.run(1);
        }
    })
}

fn self_wake(times: u64) -> Cost {
    repeat(times, WAKES, |counted| {
        counted.spawn(wake_itself(WAKES));
        counted.run(1);
    })
}

fn repoll(times: u64) -> Cost {
    repeat(times, REPOLLED * REPOLLS, |counted| {
        for _ in 0..REPOLLED {
            counted.spawn(wake_itself(REPOLLS - 1));
        }
        counted.run(REPOLLED);
    })
}

/// Queues one that goes on to the next, and ends with the last.
fn link(handle: LoopHandle<'static, u64>, left: u64, ended: &mut u64) {
    if left == 0 {
        *ended += 1;
    } else {
        handle.clone().insert_idle(move |ended| link(handle, left - 1, ended));
    }
}

fn call_soon_chain(times: u64) -> Cost {
    repeat(times, LINKS, |counted| {
        link(counted.handle(), LINKS, &mut 0);
        counted.run_idle(1);
    })
}

fn call_soon_batch(times: u64) -> Cost {
    repeat(times, CALLBACKS, |counted| {
        let handle = counted.handle();
        for _ in 0..CALLBACKS {
            handle.insert_idle(|ended| *ended += 1);
        }
        counted.run_idle(CALLBACKS);
    })
}

/// Lets a new timer take the place of any one of those that are live, so many times.
fn timer_arm_cancel(count: u64, times: u64) -> Cost {
    let counted = Counted::new();
    let (handle, mut number) = (counted.handle(), SEED);
    let arm = |number: &mut u64| {
        let source = Timer::from_duration(far_off(number));
        handle.insert_source(source, |_, (), _| TimeoutAction::Drop).expect("room for one more")
    };
    let mut live: Vec<_> = (0..count).map(|_| arm(&mut number)).collect();
    let watch = Stopwatch::wall();
    for _ in 0..times {
        let fresh = arm(&mut number);
        let any = usize::try_from(number % count).expect("a place in memory");
        handle.remove(replace(&mut live[any], fresh));
    }
    watch.cost(times)
}

fn sleepers(times: u64) -> Cost {
    let mut counted = Counted::new();
    let watch = Stopwatch::cpu();
    for _ in 0..times {
        for nap in naps() {
            counted.spawn(TimeoutFuture::from_duration(&counted.handle(), nap));
        }
        counted.run(SLEEPERS);
    }
    watch.cost(times * SLEEPERS)
}
