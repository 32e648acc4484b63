//! Nothing is kept: two million operations leave the heap as it was, and a thousand loops leave heap and descriptors.

#[cfg(all(unix, not(oneloop_plain_alloc)))]
#[path = "../support/again.rs"]
mod again;
mod days;
#[path = "../support/descriptors.rs"]
mod descriptors;
#[path = "../support/dice.rs"]
mod dice;
mod foreign_threads;
#[path = "../support/heap.rs"]
mod heap;
mod long_lived;
#[cfg(all(unix, not(oneloop_plain_alloc)))]
#[path = "../support/limits.rs"]
mod limits;
#[path = "../support/loops.rs"]
mod loops;
#[cfg(all(unix, not(oneloop_plain_alloc)))]
mod many_clients;
#[cfg(all(unix, not(oneloop_plain_alloc)))]
#[path = "../support/real.rs"]
mod real;
#[path = "../support/turns.rs"]
mod turns;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use oneloop::{
    Clock, ContextVar, EventLoop, GroupError, LifoQueue, Observer, PriorityQueue, Queue, ReturnWhen, Shared,
    as_completed, catch_cancelled, copy_context, create_future, create_task, gather, shield, sleep, task_group,
    timeout, try_gather, wait, yield_now,
};

use descriptors::open_descriptors;
use heap::live_bytes;
use loops::virtual_loop;
use turns::one_at_a_time;

/// The bytes that this thread has allocated and not given back.
fn live() -> isize {
    live_bytes().0
}

/// What may be more or less at the end for reasons of the allocator's user: a list that has doubled once more.
const SLACK: isize = 4_096;

/// Runs `round` some times to get warm, also where in its millisecond the timer wheel's time may stand, then `rounds`
/// times, and answers by how much the heap has grown.
fn growth(rounds: u32, round: impl AsyncFn()) -> isize {
    let lp = virtual_loop();
    lp.run_until_complete(async {
        for _ in 0..30 {
            round().await;
        }
        let before = live();
        for _ in 0..rounds {
            round().await;
        }
        live() - before
    })
    .unwrap()
}

#[test]
fn two_million_callbacks_timers_and_tasks_leave_nothing() {
    let _turn = one_at_a_time();
    // 2,000 operations a round
    let grown = growth(1_000, async || {
        let lp = EventLoop::current();
        for i in 0..500_u64 {
            lp.call_soon(move || i);
            let timer = lp.call_later(Duration::from_micros(i * 37 % 1_000), move || i);
            if i % 2 == 0 {
                timer.cancel();
            }
            drop(create_task(sleep(Duration::from_micros(i * 91 % 1_000))));
            let task = create_task(yield_now());
            if i % 3 == 0 {
                task.cancel();
            }
        }
        sleep(Duration::from_millis(2)).await;
    });
    assert!(grown.abs() <= SLACK, "{grown} bytes");
}

#[test]
fn half_a_million_tasks_and_callbacks_with_variables_leave_nothing() {
    static VAR: ContextVar<Box<u64>> = ContextVar::new("var");
    let _turn = one_at_a_time();
    let grown = growth(500, async || {
        let lp = EventLoop::current();
        let ctx = copy_context();
        for i in 0..250_u64 {
            let token = VAR.set(Box::new(i));
            lp.call_soon(move || drop(VAR.set(Box::new(i + 1))));
            lp.call_later(Duration::from_micros(i), || ()).cancel();
            drop(create_task(async move {
                yield_now().await;
                VAR.set(Box::new(i + 2));
            }));
            let task = create_task(yield_now()).in_context(&ctx);
            if i % 3 == 0 {
                task.cancel();
            }
            if i % 2 == 0 {
                VAR.reset(token);
            }
        }
        sleep(Duration::from_millis(2)).await;
    });
    assert!(grown.abs() <= SLACK, "{grown} bytes");
}

#[test]
fn a_hundred_thousand_children_of_every_primitive_leave_nothing() {
    let _turn = one_at_a_time();
    let grown = growth(1_000, async || {
        let nap = |i: u64| sleep(Duration::from_micros(1 + i * 7 % 10));
        gather((0..10).map(nap)).limit(3).await;
        drop(gather((0..10).map(nap)).return_exceptions());
        let fails = |i: u64| async move {
            nap(i).await;
            if i == 5 { Err(i) } else { Ok(()) }
        };
        assert_eq!(try_gather((0..10).map(fails)).await, Err(5));
        let mut pending = wait((0..10).map(|i| create_task(nap(i)))).into_pending();
        while !pending.is_empty() {
            pending = wait(pending).return_when(ReturnWhen::FirstCompleted).await.pending;
        }
        let sets = wait((0..10).map(|i| create_task(nap(i)))).timeout(Duration::from_micros(3)).await;
        drop(sets);
        let mut ended = as_completed((0..10).map(|i| create_task(nap(i)))).timeout(Duration::from_micros(5));
        drop(ended.next().await);
        drop(ended);
        let grouped: Result<(), GroupError<u64>> = task_group(async |g| {
            for i in 0..10 {
                g.create_task(fails(i));
            }
            Ok(())
        })
        .await;
        drop(grouped);
        for i in 0..10 {
            let _ = timeout(Duration::from_micros(5), shield(nap(i))).await;
            let future = create_future::<u64>();
            let waits = create_task(future.clone());
            future.any().add_done_callback(|_| {});
            yield_now().await;
            if i % 2 == 0 {
                assert!(waits.cancel());
            } else {
                future.set_result(i).unwrap();
            }
        }
        sleep(Duration::from_millis(1)).await;
    });
    assert!(grown.abs() <= SLACK, "{grown} bytes");
}

/// By how much the heap grows when `round`, which waits for the task and gives up, is done 5,000 times.
fn growth_beside_a_long_task(round: &impl AsyncFn(&Shared<()>)) -> isize {
    let long = Cell::new(None);
    growth(5_000, async || {
        let task = long.take().unwrap_or_else(|| create_task(sleep(Duration::from_secs(1_000_000))).shared());
        round(&task).await;
        long.set(Some(task));
    })
}

#[test]
fn waits_that_were_given_up_leave_nothing_with_a_task_that_goes_on() {
    let _turn = one_at_a_time();
    let moment = Duration::from_micros(1);
    let grown = [
        growth_beside_a_long_task(&async |long: &Shared<()>| drop(wait([long.clone()]).timeout(moment).await)),
        growth_beside_a_long_task(&async |long: &Shared<()>| {
            let mut ended = as_completed([long.clone()]).timeout(moment);
            assert!(ended.next().await.unwrap().is_err());
        }),
        growth_beside_a_long_task(&async |long: &Shared<()>| {
            assert!(futures::poll!(Box::pin(long.clone())).is_pending());
        }),
        growth_beside_a_long_task(&async |long: &Shared<()>| {
            assert!(futures::poll!(Box::pin(long.clone().outcome())).is_pending());
        }),
        growth_beside_a_long_task(&async |long: &Shared<()>| {
            assert!(timeout(moment, shield(long.clone())).await.is_err());
        }),
        growth_beside_a_long_task(&async |long: &Shared<()>| drop(shield(long.clone()))),
        growth_beside_a_long_task(&async |long: &Shared<()>| {
            let callback = long.add_done_callback(|_| {});
            assert!(long.remove_done_callback(callback));
        }),
        growth_beside_a_long_task(&async |long: &Shared<()>| {
            let sets = wait([long.clone(), create_task(async {}).shared()]);
            drop(sets.return_when(ReturnWhen::FirstCompleted).await);
        }),
    ];
    assert!(grown.iter().all(|bytes| bytes.abs() <= SLACK), "{grown:?} bytes");
}

/// A loop that is dropped in the middle of everything.
fn short_life(clock: Clock) {
    let lp = EventLoop::builder().clock(clock).build().unwrap();
    let never = || sleep(Duration::from_secs(3_600));
    lp.run_until_complete(async {
        let future = create_future::<()>();
        let shared = create_task(never()).shared();
        create_task(gather([future.clone(), create_future()]));
        create_task({
            let shared = shared.clone();
            async move { shield(shared).await }
        });
        create_task({
            let shared = shared.clone();
            async move { drop(wait([shared]).timeout(Duration::from_secs(60)).await) }
        });
        create_task(async move { drop(as_completed([shared]).next().await) });
        create_task(timeout(Duration::from_secs(60), never()));
        create_task(async move {
            let ended: Result<(), GroupError<()>> = task_group(async |g| {
                g.create_task(async move {
                    never().await;
                    Ok(())
                });
                Ok(())
            })
            .await;
            drop(ended);
        });
        drop(gather((0..5).map(|_| never())).limit(2));
        future.any().add_done_callback(|_| {});
        EventLoop::current().call_later(Duration::from_secs(60), never);
        #[cfg(unix)]
        create_task(waits_for_a_socket());
        yield_now().await;
        yield_now().await;
        EventLoop::current().call_soon(never);
    })
    .unwrap();
}

#[cfg(unix)]
async fn waits_for_a_socket() {
    let (left, right) = std::os::unix::net::UnixStream::pair().unwrap();
    right.set_nonblocking(true).unwrap();
    let right = oneloop::Descriptor::new(right).unwrap();
    right.readable().await;
    drop(left);
}

/// How many descriptors the process has open.
#[test]
fn a_thousand_loops_leave_neither_memory_nor_descriptors() {
    let _turn = one_at_a_time();
    for clock in [Clock::Virtual, Clock::Real] {
        for _ in 0..5 {
            short_life(clock);
        }
        let before = (live(), open_descriptors());
        for _ in 0..500 {
            short_life(clock);
        }
        let grown = live() - before.0;
        assert!(grown.abs() <= SLACK, "{grown} bytes");
        assert_eq!(open_descriptors(), before.1);
    }
}

/// What an observer is still to be told of when its loop closes holds the tasks, and these their loop.
#[test]
fn observed_loops_with_cancelled_tasks_leave_nothing() {
    struct Silent;
    impl Observer for Silent {}
    let _turn = one_at_a_time();
    let life = || {
        let lp = virtual_loop();
        lp.add_observer(Rc::new(Silent));
        let tasks = [(); 3].map(|()| lp.create_task(sleep(Duration::from_secs(1))));
        lp.run_until_complete(yield_now()).expect("it ends");
        for task in tasks {
            task.cancel();
        }
    };
    (0..3).for_each(|_| life());
    let before = (live(), open_descriptors());
    (0..1_000).for_each(|_| life());
    assert!(live() - before.0 < SLACK, "{} bytes are kept", live() - before.0);
    assert_eq!(open_descriptors(), before.1);
}

#[test]
fn what_stands_around_a_future_adds_a_constant_to_its_size() {
    async fn large() -> u8 {
        let ballast = [1; 10_000];
        yield_now().await;
        ballast[0]
    }
    let alone = size_of_val(&large());
    let limited = size_of_val(&timeout(Duration::from_secs(1), large()));
    let caught = size_of_val(&catch_cancelled(large()));
    let layers = size_of_val(&catch_cancelled(timeout(Duration::from_secs(1), catch_cancelled(large()))));
    for size in [limited, caught, layers] {
        assert!(size < alone + 500, "{size} bytes around {alone}");
    }
}

#[test]
fn a_queue_gives_back_what_a_burst_has_needed() {
    const ITEMS: u64 = 100_000;
    fn burst(put: impl Fn(u64), get: impl Fn() -> bool) -> isize {
        let before = live();
        (0..ITEMS).for_each(put);
        assert!(live() - before > 800_000, "the items are there");
        while get() {}
        live() - before
    }
    let _turn = one_at_a_time();
    let (fifo, lifo, ranked) = (Queue::unbounded(), LifoQueue::unbounded(), PriorityQueue::unbounded());
    let kept = [
        burst(|n| fifo.put_nowait(n).expect("no limit"), || fifo.get_nowait().is_ok()),
        burst(|n| lifo.put_nowait(n).expect("no limit"), || lifo.get_nowait().is_ok()),
        burst(|n| ranked.put_nowait(n).expect("no limit"), || ranked.get_nowait().is_ok()),
    ];
    assert!(kept.iter().all(|bytes| *bytes < 32 * 1024), "{kept:?} bytes are kept");
}
