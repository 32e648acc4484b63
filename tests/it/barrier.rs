//! Barriers beyond CPython's tests: waits that are dropped or cancelled at every place where they can stand, many
//! rounds, and the time before, between and after runs. Must not know how a condition waits.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{Either, join, join3, select};
use futures::stream::{FuturesUnordered, StreamExt as _};
use futures::{FutureExt as _, poll};
use oneloop::error::BrokenBarrierError;
use oneloop::{Barrier, Error, Task, TimeoutError, catch_cancelled, create_task, gather, sleep, timeout, yield_now};

use crate::support::{Log, SECOND, run, virtual_loop};

const BROKEN: Result<usize, BrokenBarrierError> = Err(BrokenBarrierError);

/// A task that waits at the barrier.
fn party(barrier: &Barrier) -> Task<Result<usize, BrokenBarrierError>> {
    let barrier = barrier.clone();
    create_task(async move { barrier.wait().await })
}

/// It is empty and whole: another full round goes through.
async fn assert_good_as_new(barrier: &Barrier) {
    assert_eq!((barrier.n_waiting(), barrier.broken()), (0, false), "{barrier:?}");
    let round = gather((0..barrier.parties()).map(|_| party(barrier))).await;
    let expected: Vec<_> = (0..barrier.parties()).map(Ok).collect();
    assert_eq!(round, expected, "{barrier:?}");
}

// Rounds.

#[test]
fn no_task_is_a_round_ahead_however_long_each_takes() {
    const PARTIES: usize = 5;
    run(async {
        let (barrier, rounds) = (Barrier::new(PARTIES), Rc::new(RefCell::new([0_u64; PARTIES])));
        gather((0..PARTIES).map(|me| {
            let (barrier, rounds) = (barrier.clone(), Rc::clone(&rounds));
            async move {
                for round in 1..=50 {
                    sleep(Duration::from_millis((round * 7 + me as u64 * 13) % 5)).await;
                    rounds.borrow_mut()[me] = round;
                    barrier.wait().await.expect("it is not broken");
                    assert!(rounds.borrow().iter().all(|other| *other >= round), "{rounds:?}");
                    assert!(rounds.borrow().iter().all(|other| *other <= round + 1), "{rounds:?}");
                }
            }
        }))
        .await;
        assert_eq!(*rounds.borrow(), [50; PARTIES]);
        assert_good_as_new(&barrier).await;
    });
}

#[test]
fn the_last_to_come_goes_on_without_a_turn() {
    run(async {
        let barrier = Barrier::new(3);
        let others = [party(&barrier), party(&barrier)];
        yield_now().await;
        assert_eq!(barrier.wait().now_or_never(), Some(Ok(2)));
        assert_eq!((barrier.n_waiting(), others.iter().any(Task::done)), (0, false));
        // a task that comes now is of the next round
        assert_eq!(barrier.wait().now_or_never(), None);
        assert_eq!(gather(others).await, [Ok(0), Ok(1)]);
        assert_good_as_new(&barrier).await;
    });
}

#[test]
fn more_than_it_is_for_make_as_many_rounds_as_they_can() {
    run(async {
        let (barrier, log) = (Barrier::new(3), Log::default());
        let all: Vec<_> = (0..10)
            .map(|i| {
                let (barrier, log) = (barrier.clone(), Rc::clone(&log));
                create_task(async move {
                    barrier.wait().await.expect("it is not broken");
                    log.borrow_mut().push(i);
                })
            })
            .collect();
        sleep(SECOND).await;
        assert_eq!((log.borrow().len(), barrier.n_waiting()), (9, 1));
        let mut rounds: Vec<Vec<i32>> = log.borrow().chunks(3).map(<[i32]>::to_vec).collect();
        for round in &mut rounds {
            round.sort_unstable();
        }
        assert_eq!(rounds, [[0, 1, 2], [3, 4, 5], [6, 7, 8]]);
        assert!(!all[9].done());
    });
}

#[test]
fn a_thousand_parties_go_through_together() {
    run(async {
        let barrier = Barrier::new(1_000);
        for _ in 0..3 {
            assert_good_as_new(&barrier).await;
        }
    });
}

#[test]
fn the_parties_may_be_branches_of_one_task() {
    run(async {
        let barrier = Barrier::new(3);
        let all = join3(barrier.wait(), barrier.wait(), barrier.wait()).await;
        assert_eq!(all, (Ok(0), Ok(1), Ok(2)));
        let mut crowd: FuturesUnordered<_> = (0..6).map(|_| barrier.wait()).collect();
        let mut indexes = Vec::new();
        while let Some(index) = crowd.next().await {
            indexes.push(index.expect("it is not broken"));
        }
        indexes.sort_unstable();
        assert_eq!(indexes, [0, 0, 1, 1, 2, 2]);
        assert_good_as_new(&barrier).await;
    });
}

// Waits that end early.

#[test]
fn a_wait_that_is_dropped_is_as_if_it_had_not_come() {
    run(async {
        let barrier = Barrier::new(3);
        assert_eq!(barrier.wait().now_or_never(), None);
        assert_eq!(barrier.n_waiting(), 0);
        let first = party(&barrier);
        yield_now().await;
        {
            let wait = pin!(barrier.wait());
            let other = pin!(sleep(SECOND));
            assert!(matches!(select(wait, other).await, Either::Right(_)));
        }
        assert_eq!((barrier.n_waiting(), first.done()), (1, false));
        assert_eq!(timeout(SECOND, barrier.wait()).await, Err(TimeoutError));
        assert_eq!((barrier.n_waiting(), first.done()), (1, false));
        let rest = [party(&barrier), party(&barrier)];
        assert_eq!(first.await, Ok(0));
        assert_eq!(gather(rest).await, [Ok(1), Ok(2)]);
        assert_good_as_new(&barrier).await;
    });
}

#[test]
fn all_cancelled_at_once_leave_it_empty() {
    run(async {
        let barrier = Barrier::new(101);
        let all: Vec<_> = (0..100).map(|_| party(&barrier)).collect();
        yield_now().await;
        assert_eq!(barrier.n_waiting(), 100);
        for task in &all {
            task.cancel();
        }
        yield_now().await;
        assert!(all.iter().all(Task::cancelled));
        assert_good_as_new(&barrier).await;
    });
}

#[test]
fn one_cancelled_while_the_round_leaves_is_cancelled_and_the_round_goes_on() {
    run(async {
        let barrier = Barrier::new(3);
        let [one, two] = [party(&barrier), party(&barrier)];
        yield_now().await;
        assert_eq!(barrier.wait().await, Ok(2));
        one.cancel(); // it has been called, and has not gone on
        assert!(catch_cancelled(one).await.is_err());
        assert_eq!(two.await, Ok(1));
        assert_good_as_new(&barrier).await;
    });
}

#[test]
fn one_dropped_while_the_round_leaves_does_not_keep_the_next_out() {
    run(async {
        for polled_again in [false, true] {
            let barrier = Barrier::new(3);
            let mut dropped = Box::pin(barrier.wait());
            assert!(poll!(dropped.as_mut()).is_pending());
            let other = party(&barrier);
            yield_now().await;
            assert_eq!(barrier.wait().await, Ok(2));
            let next: Vec<_> = (0..3).map(|_| party(&barrier)).collect();
            assert_eq!(other.await, Ok(1));
            sleep(SECOND).await;
            assert!(next.iter().all(|task| !task.done()), "one has not left yet");
            if polled_again {
                assert_eq!(dropped.as_mut().now_or_never(), Some(Ok(0)));
            }
            drop(dropped);
            assert_eq!(gather(next).await, [Ok(0), Ok(1), Ok(2)]);
            assert_good_as_new(&barrier).await;
        }
    });
}

#[test]
fn one_cancelled_before_it_was_let_in_was_never_there() {
    run(async {
        let barrier = Barrier::new(2);
        let mut slow = Box::pin(barrier.wait());
        assert!(poll!(slow.as_mut()).is_pending());
        assert_eq!(barrier.wait().await, Ok(1)); // the round leaves, and the slow one does not
        let blocked = [party(&barrier), party(&barrier), party(&barrier)];
        yield_now().await;
        blocked[1].cancel();
        assert_eq!(timeout(SECOND, barrier.wait()).await, Err(TimeoutError));
        assert!(blocked[1].cancelled());
        assert_eq!(slow.await, Ok(0));
        let [one, _, three] = blocked;
        assert_eq!(gather([one, three]).await, [Ok(0), Ok(1)]);
        assert_good_as_new(&barrier).await;
    });
}

#[test]
fn a_panic_after_the_barrier_does_not_keep_the_others_in() {
    run(async {
        let barrier = Barrier::new(2);
        let inside = barrier.clone();
        let mut panics = create_task(async move {
            inside.wait().await.expect("it is not broken");
            panic!("bang");
        });
        let other = party(&barrier);
        let ended: Result<(), _> = panics.outcome().await;
        assert!(ended.is_err());
        assert_eq!(other.await, Ok(1));
        assert_good_as_new(&barrier).await;
    });
}

// Broken and mended.

#[test]
fn an_aborted_one_refuses_all_at_once_until_it_is_reset() {
    run(async {
        let barrier = Barrier::new(3);
        let inside = [party(&barrier), party(&barrier)];
        yield_now().await;
        for _ in 0..2 {
            barrier.abort().await; // a second time changes nothing
            assert_eq!((barrier.broken(), barrier.n_waiting()), (true, 0));
        }
        assert_eq!(barrier.wait().now_or_never(), Some(BROKEN), "without a turn");
        assert_eq!(gather(inside).await, [BROKEN, BROKEN]);
        assert_eq!(barrier.wait().await, BROKEN);
        barrier.reset().await;
        assert_good_as_new(&barrier).await;
        assert!(BrokenBarrierError.to_string().contains("aborted"));
    });
}

#[test]
fn reset_while_empty_throws_no_task_out() {
    run(async {
        let barrier = Barrier::new(2);
        let early = party(&barrier); // created before, comes after
        barrier.reset().await;
        yield_now().await;
        assert_eq!((early.done(), barrier.n_waiting()), (false, 1));
        assert_eq!(barrier.wait().await, Ok(1));
        assert_eq!(early.await, Ok(0));
    });
}

#[test]
fn reset_throws_out_who_is_inside_and_lets_in_who_comes_meanwhile() {
    run(async {
        let barrier = Barrier::new(3);
        let inside = [party(&barrier), party(&barrier)];
        yield_now().await;
        barrier.reset().await;
        let late: Vec<_> = (0..3).map(|_| party(&barrier)).collect();
        barrier.reset().await; // under way already
        assert_eq!(barrier.n_waiting(), 0);
        assert_eq!(gather(inside).await, [BROKEN, BROKEN]);
        assert_eq!(gather(late).await, [Ok(0), Ok(1), Ok(2)]);
        assert_good_as_new(&barrier).await;
    });
}

#[test]
fn reset_of_a_broken_one_that_is_not_empty_yet_waits_until_it_is() {
    run(async {
        let barrier = Barrier::new(3);
        let mut slow = Box::pin(barrier.wait());
        assert!(poll!(slow.as_mut()).is_pending());
        barrier.abort().await;
        barrier.reset().await;
        assert_eq!((barrier.broken(), barrier.n_waiting()), (false, 0));
        let late: Vec<_> = (0..3).map(|_| party(&barrier)).collect();
        sleep(SECOND).await;
        assert!(late.iter().all(|task| !task.done()), "one has not left yet");
        assert_eq!(slow.await, BROKEN);
        assert_eq!(gather(late).await, [Ok(0), Ok(1), Ok(2)]);
    });
}

#[test]
fn abort_while_the_round_leaves_breaks_it_for_those_who_have_not() {
    run(async {
        let barrier = Barrier::new(3);
        let others = [party(&barrier), party(&barrier)];
        yield_now().await;
        assert_eq!(barrier.wait().await, Ok(2));
        barrier.abort().await;
        assert_eq!(gather(others).await, [BROKEN, BROKEN]);
        assert!(barrier.broken(), "the last to leave does not mend it");
    });
}

#[test]
fn a_dropped_abort_or_reset_that_had_its_turn_is_done_and_one_that_is_not_polled_does_nothing() {
    run(async {
        let barrier = Barrier::new(2);
        drop(barrier.abort());
        assert!(!barrier.broken());
        assert_eq!(barrier.abort().now_or_never(), Some(()));
        assert!(barrier.broken());
        drop(barrier.reset());
        assert!(barrier.broken());
        assert_eq!(barrier.reset().now_or_never(), Some(()));
        assert_good_as_new(&barrier).await;
    });
}

// Before, between and after runs.

#[test]
fn a_round_goes_on_in_the_next_run() {
    let (lp, barrier) = (virtual_loop(), Barrier::new(2));
    let first = {
        let _in = lp.enter();
        party(&barrier)
    };
    lp.run_until_complete(yield_now()).expect("it runs");
    assert_eq!(barrier.n_waiting(), 1);
    let both = lp.run_until_complete(async { join(barrier.wait(), first).await });
    assert_eq!(both.expect("it runs"), (Ok(1), Ok(0)));
}

#[test]
fn a_loop_that_closes_empties_it() {
    /// Looks at the barrier when it is dropped, comes to it, and starts a task that does.
    struct Comes(Barrier, Rc<Cell<u32>>);

    impl Drop for Comes {
        fn drop(&mut self) {
            self.1.set(self.1.get() + 1);
            assert!(self.0.wait().now_or_never().is_none_or(|ended| ended.is_ok()));
            party(&self.0);
        }
    }

    let (barrier, dropped) = (Barrier::new(4), Rc::new(Cell::new(0)));
    let lp = virtual_loop();
    for _ in 0..3 {
        let comes = Comes(barrier.clone(), Rc::clone(&dropped));
        let barrier = barrier.clone();
        lp.create_task(async move {
            let _comes = comes;
            barrier.wait().await
        });
    }
    lp.run_until_complete(yield_now()).expect("it runs");
    assert_eq!(barrier.n_waiting(), 3);
    drop(lp);
    assert_eq!((dropped.get(), barrier.n_waiting(), barrier.broken()), (3, 0, false));
}

#[test]
fn a_barrier_for_one_needs_no_loop() {
    let barrier = Barrier::new(1);
    for _ in 0..3 {
        assert_eq!(barrier.wait().now_or_never(), Some(Ok(0)));
    }
    assert_eq!(barrier.abort().now_or_never(), Some(()));
    assert_eq!(barrier.wait().now_or_never(), Some(BROKEN));
    assert_eq!(barrier.clone().reset().now_or_never(), Some(()));
    assert!(!barrier.broken());
}

#[test]
fn a_round_that_is_never_full_is_a_deadlock_that_names_all_who_wait() {
    let ended = virtual_loop().run_until_complete(async {
        let barrier = Barrier::new(3);
        let _other = party(&barrier).named("other");
        barrier.wait().await
    });
    let Err(Error::Deadlock(deadlock)) = ended else { panic!("{ended:?}") };
    let names: Vec<_> = deadlock.waiting.iter().filter_map(|line| line.split_once(" waits for a ")).collect();
    assert_eq!(names.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["Task-1", "other"]);
}
