//! Sleeping: never early, in order of deadline, as fine as the machine allows; and yielding.
//!
//! The tests of precision and punctuality run on the machine's clock, all others on the virtual one.

use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use oneloop::observe::Counters;
use oneloop::{
    EventLoop, TimerPrecision, catch_cancelled, create_task, gather, sleep, sleep_until, task_group, timeout, yield_now,
};

use crate::support::{Log, now, run, run_real, secs, virtual_loop};

// A sleep that is set anew.

#[test]
fn a_sleep_that_is_reset_ends_at_its_new_deadline_whatever_phase_it_was_in() {
    run(async {
        let begun = now();
        let mut nap = sleep(secs(100));
        nap.reset(begun + secs(1)); // new
        (&mut nap).await;
        assert_eq!(now(), begun + secs(1));
        nap.reset(begun + secs(3)); // over
        let early = timeout(secs(1), &mut nap).await;
        assert!(early.is_err());
        nap.reset(begun + secs(4)); // armed
        (&mut nap).await;
        assert_eq!(now(), begun + secs(4));
        nap.reset(begun); // a time that has passed
        nap.await;
        assert_eq!(now(), begun + secs(4));
    });
    // and the timers that it has left are gone
    let lp = virtual_loop();
    let begun = lp.time();
    lp.run_until_complete(async {
        let mut nap = sleep(secs(1_000));
        assert!(timeout(secs(1), &mut nap).await.is_err());
        nap.reset(now() + secs(1));
        nap.await;
    })
    .unwrap();
    assert_eq!(lp.time(), begun + secs(2));
}

// On the machine's clock.

#[test]
fn a_coarse_loop_wakes_once_a_millisecond_and_never_early() {
    let lp = EventLoop::builder().timer_precision(TimerPrecision::Coarse).build().expect("a loop");
    let counters = Rc::new(Counters::default());
    lp.add_observer(counters.clone());
    let slept = lp.run_until_complete(async {
        let start = Instant::now();
        let sleeps = (0..1_000_u64).map(|i| async move {
            let duration = Duration::from_micros(5_000 + 10 * i);
            sleep(duration).await;
            assert!(start.elapsed() >= duration);
        });
        gather(sleeps).await;
        start.elapsed()
    });
    let milliseconds = u64::try_from(slept.expect("it ends").as_millis()).expect("a few");
    // a poll counts in whole milliseconds, so a wait may take a second one for the rest
    let most = 2 * (milliseconds + 2);
    assert!(counters.counts().polls <= most, "{:?}, at most {most} polls", counters.counts());
}

#[test]
fn no_sleep_is_early_by_any_clock() {
    run_real(async {
        let sleeps = (0..400_u64).map(|i| async move {
            let duration = Duration::from_micros(50 + (i * 7_919) % 4_950);
            let (start, by_loop) = (Instant::now(), now());
            sleep(duration).await;
            // asked in this order, so that the time between the questions cannot hide an early end
            let (by_loop, by_machine) = (now() - by_loop, start.elapsed());
            assert!(by_machine >= duration && by_loop >= duration, "{duration:?}: {by_machine:?}, {by_loop:?}");
        });
        gather(sleeps).await;
        for micros in [50, 99, 100, 333, 999, 1_000, 1_001, 1_999, 2_500, 5_000] {
            for _ in 0..4 {
                let (start, duration) = (Instant::now(), Duration::from_micros(micros));
                sleep(duration).await;
                assert!(start.elapsed() >= duration, "{duration:?}: {:?}", start.elapsed());
                let deadline = now() + duration;
                sleep_until(deadline).await;
                assert!(now() >= deadline && Instant::now() >= deadline);
            }
        }
    });
}

#[test]
fn deadlines_a_tenth_of_a_millisecond_apart_set_in_reverse_fire_in_order() {
    for by_sleep in [true, false] {
        let fired = run_real(async {
            // late enough that all are set before the first is due, on a busy machine too
            let (log, base) = (Log::default(), now() + Duration::from_millis(50));
            for i in (0..100_usize).rev() {
                let (log, at) = (log.clone(), base + Duration::from_micros(100 * i as u64));
                if by_sleep {
                    create_task(async move {
                        sleep_until(at).await;
                        log.borrow_mut().push(i);
                    });
                } else {
                    EventLoop::current().call_at(at, move || log.borrow_mut().push(i));
                }
            }
            sleep_until(base + Duration::from_millis(11)).await;
            log.take()
        });
        assert_eq!(fired, (0..100).collect::<Vec<_>>());
    }
}

#[test]
fn a_short_sleep_does_not_wait_for_a_long_one() {
    let start = Instant::now();
    run_real(async {
        let long = create_task(sleep(secs(3_600)));
        sleep(Duration::from_millis(1)).await;
        long.cancel();
    });
    assert!(start.elapsed() < secs(60));
}

// Order.

#[test]
fn equal_deadlines_fire_in_the_order_in_which_they_were_set() {
    run(async {
        let (log, at) = (Log::default(), now() + secs(5));
        for i in 0..200_usize {
            let log = log.clone();
            match i % 3 {
                0 => drop(create_task(async move {
                    sleep_until(at).await;
                    log.borrow_mut().push(i);
                })),
                1 => drop(create_task(async move {
                    sleep(secs(5)).await;
                    log.borrow_mut().push(i);
                })),
                _ => drop(create_task(async move {
                    timeout(secs(9), sleep(secs(5))).await.map(|()| log.borrow_mut().push(i))
                })),
            }
        }
        sleep(secs(6)).await;
        assert_eq!(log.take(), (0..200).collect::<Vec<_>>());
    });
}

#[test]
fn deadlines_a_nanosecond_apart_are_told_apart() {
    run(async {
        let (log, start) = (Log::default(), now());
        for i in [3_u8, 1, 4, 0, 2] {
            let log = log.clone();
            create_task(async move {
                sleep(Duration::from_nanos(1 + u64::from(i))).await;
                log.borrow_mut().push(i);
            });
        }
        sleep(Duration::from_nanos(5)).await;
        yield_now().await;
        yield_now().await;
        assert_eq!((log.take(), now() - start), (vec![0, 1, 2, 3, 4], Duration::from_nanos(5)));
    });
}

#[test]
fn a_thousand_scattered_sleeps_end_exactly_at_their_deadlines() {
    run(async {
        let start = now();
        gather((0..1_000_u64).map(|i| async move {
            let at = start + Duration::from_nanos((i * 2_654_435_761) % 10_u64.pow(10 + (i % 7) as u32));
            sleep_until(at).await;
            assert!(now() == at || at <= start);
        }))
        .await;
    });
}

// Yielding.

#[test]
fn yield_now_and_a_sleep_of_zero_take_one_iteration() {
    run(async {
        let log = Log::default();
        let note = |id: usize| {
            let log = log.clone();
            EventLoop::current().call_soon(move || log.borrow_mut().push(id))
        };
        note(1);
        yield_now().await;
        assert_eq!(log.take(), [1]);
        note(2);
        sleep(Duration::ZERO).await;
        assert_eq!(log.take(), [2]);
        note(3);
        sleep_until(now()).await;
        assert_eq!(log.take(), [3]);
        note(4);
        sleep_until(now().checked_sub(secs(1)).unwrap()).await;
        assert_eq!(log.take(), [4]);
    });
}

#[test]
fn tasks_that_yield_take_turns() {
    run(async {
        let log = Log::default();
        let takes_turns = |id: usize| {
            let log = log.clone();
            async move {
                for _ in 0..3 {
                    log.borrow_mut().push(id);
                    if id == 0 { yield_now().await } else { sleep(Duration::ZERO).await }
                }
            }
        };
        gather([0, 1, 2].map(takes_turns)).await;
        assert_eq!(log.take(), [0, 1, 2, 0, 1, 2, 0, 1, 2]);
    });
}

#[test]
fn timers_come_although_a_task_always_yields() {
    run_real(async {
        let busy = create_task(async {
            loop {
                yield_now().await;
            }
        });
        let start = Instant::now();
        sleep(Duration::from_millis(2)).await;
        assert!(start.elapsed() < secs(60));
        busy.cancel();
    });
}

// Limits of time.

#[test]
fn an_endless_sleep_never_ends_and_can_be_cancelled() {
    run(async {
        let endless = create_task(async { catch_cancelled(sleep(Duration::MAX)).await.is_err() });
        sleep(secs(1_000_000_000)).await;
        assert!(!endless.done());
        endless.cancel();
        assert!(endless.await);
    });
}

#[test]
fn time_counts_from_the_first_poll() {
    run(async {
        let late = sleep(secs(5));
        sleep(secs(100)).await;
        let start = now();
        late.await;
        assert_eq!(now() - start, secs(5));
    });
}

// Cancelled, dropped, polled by others.

#[test]
fn a_cancelled_or_dropped_sleep_leaves_no_timer_behind() {
    let lp = virtual_loop();
    lp.run_until_complete(async {
        let task = create_task(sleep(secs(1_000)));
        let mut dropped = Box::pin(sleep(secs(1_000)));
        assert!(futures::poll!(&mut dropped).is_pending());
        drop(dropped);
        yield_now().await;
        task.cancel();
        yield_now().await;
        assert!(task.cancelled());
    })
    .unwrap();
    let start = lp.time();
    assert!(lp.run_forever().is_err()); // nothing is left to wait for
    assert_eq!(lp.time(), start);
}

#[test]
fn a_sleep_whose_cancellation_was_caught_goes_on_to_the_same_deadline() {
    run(async {
        let start = now();
        let task = create_task(async {
            let mut nap = Box::pin(sleep(secs(5)));
            assert!(catch_cancelled(nap.as_mut()).await.is_err());
            nap.await;
            now()
        });
        sleep(secs(2)).await;
        task.cancel();
        assert_eq!(task.await, start + secs(5));
    });
}

#[test]
fn sleeps_in_foreign_combinators_end_in_time_and_losers_leave_nothing() {
    run(async {
        let start = now();
        futures::join!(sleep(secs(2)), sleep(secs(1)), sleep_until(start + secs(3)));
        assert_eq!(now() - start, secs(3));
        let race = futures::future::select(sleep(secs(9)), sleep(secs(1))).await;
        assert!(matches!(race, futures::future::Either::Right(_)));
        assert_eq!(now() - start, secs(4));
        drop(race);
        let many: futures::stream::FuturesUnordered<_> = (1..=50)
            .rev()
            .map(|n| async move {
                sleep(secs(n)).await;
                n
            })
            .collect();
        let order: Vec<u64> = futures::StreamExt::collect(many).await;
        assert_eq!(order, (1..=50).collect::<Vec<_>>());
        assert_eq!(now() - start, secs(54));
    });
}

#[test]
fn a_sleep_handed_to_another_task_wakes_that_one() {
    run(async {
        let (start, mut nap) = (now(), Box::pin(sleep(secs(5))));
        assert!(futures::poll!(&mut nap).is_pending()); // armed by this task
        let other = create_task(async move {
            nap.await;
            now()
        });
        assert_eq!(other.await, start + secs(5));
    });
}

#[test]
fn a_sleep_that_was_due_while_it_was_not_polled_is_over() {
    run(async {
        let mut nap = Box::pin(sleep(secs(1)));
        assert!(futures::poll!(&mut nap).is_pending());
        yield_now().await;
        sleep(secs(5)).await;
        let start = now();
        let polled = std::future::poll_fn(|cx: &mut Context<'_>| Poll::Ready(nap.as_mut().poll(cx).is_ready())).await;
        assert_eq!((polled, now()), (true, start));
    });
}

#[test]
fn sleeping_children_of_a_group_wake_it_when_the_last_is_up() {
    run(async {
        let start = now();
        let ended: Result<(), oneloop::GroupError<()>> = task_group(async |g| {
            for n in [3, 1, 2] {
                g.create_task(async move {
                    sleep(secs(n)).await;
                    Ok(())
                });
            }
            Ok(())
        })
        .await;
        assert_eq!((ended, now() - start), (Ok(()), secs(3)));
    });
}
