//! Time limits in tasks of several branches: each ends what it holds, and nothing beside it.

use std::future::pending;
#[cfg(unix)]
use std::net::TcpListener;
use std::pin::pin;
use std::rc::Rc;
use std::thread;

use futures::FutureExt as _;
use futures::channel::oneshot;
use futures::future::{Either, join_all, select, select_all};
use futures::join;
use futures::stream::{self, StreamExt as _};
#[cfg(unix)]
use oneloop::net::TcpStream;
use oneloop::{
    EventLoop, Semaphore, TimeoutError, catch_cancelled, create_task, gather, sleep, timeout, wait_for, yield_now,
};

use super::branches::{Beside, Branch, cancelled_after, caught, timed};
use crate::log::Log;
use crate::real::run_real;
use crate::runs::run;
use crate::time::{LONG, ms, secs};

const LATE: Result<(), TimeoutError> = Err(TimeoutError);

/// What sleeps for ever, for so many seconds.
async fn limited(seconds: u64) -> Result<(), TimeoutError> {
    timeout(secs(seconds), sleep(LONG)).await
}

// Up at different times, where only the branch that was woken is polled.

#[test]
fn in_a_buffer_of_two_each_limit_ends_for_itself() {
    run(async {
        let three = stream::iter(0..3).map(|_| limited(5)).buffer_unordered(2);
        assert_eq!(timed(three.collect::<Vec<_>>()).await, (vec![LATE; 3], 10));
    });
}

#[test]
fn in_a_set_each_limit_ends_at_its_own_time() {
    run(async {
        let ends = (1..=4).map(|n| timed(limited(n)).boxed_local()).collect();
        let ends = Beside::Unordered.all(ends).await;
        assert_eq!(ends, [(LATE, 1), (LATE, 2), (LATE, 3), (LATE, 4)]);
    });
}

#[test]
fn the_first_limit_that_is_up_wins_a_select() {
    run(async {
        let (first, rest) = timed(select_all([7, 5, 9].map(|n| limited(n).boxed_local())))
            .map(|((first, which, rest), time)| ((first, which, time), rest))
            .await;
        assert_eq!(first, (LATE, 1, 5));
        assert_eq!(timed(join_all(rest)).await, (vec![LATE; 2], 4));
    });
}

#[test]
fn of_more_branches_than_a_join_polls_at_once_each_limit_ends_for_itself() {
    run(async {
        let ends = join_all((0..40).map(|n| timed(limited(1 + n % 4)))).await;
        let times: Vec<_> = (0..40).map(|n| (LATE, 1 + n % 4)).collect();
        assert_eq!(ends, times);
    });
}

// Up in one iteration.

#[test]
fn two_limits_that_are_up_at_once_end_each_for_itself() {
    run(async {
        assert_eq!(timed(async { join!(limited(5), limited(5)) }).await, ((LATE, LATE), 5));
        let mut task = create_task(async { join!(limited(5), limited(5)) });
        assert_eq!(task.outcome().await.ok(), Some((LATE, LATE)));
        let waits = async { join!(wait_for(sleep(LONG), secs(5)), wait_for(sleep(LONG), secs(5))) };
        assert_eq!(waits.await, (LATE, LATE));
        assert_eq!(Beside::Unordered.all(vec![limited(5).boxed_local(), limited(5).boxed_local()]).await, [LATE; 2]);
        assert_eq!(join!(limited(5), limited(6)), (LATE, LATE));
    });
}

#[test]
fn two_limits_of_two_tasks_that_are_up_at_once_end_each_for_itself() {
    run(async {
        assert_eq!(gather([limited(5), limited(5)]).await, [LATE; 2]);
        assert_eq!(gather!(limited(5), limited(5)).await, (LATE, LATE));
    });
}

#[test]
fn two_limits_that_are_up_at_once_in_a_select_let_it_go_on() {
    run(async {
        let both = select(limited(5).boxed_local(), limited(5).boxed_local());
        let (Either::Left((first, rest)) | Either::Right((first, rest))) = both.await;
        assert_eq!((first, rest.await), (LATE, LATE));
    });
}

#[test]
fn two_limits_that_are_up_at_once_are_not_seen_by_a_catcher_around_them() {
    run(async {
        let both = catch_cancelled(async { join!(limited(5), limited(5)) });
        assert_eq!(both.await.ok(), Some((LATE, LATE)));
    });
}

#[test]
fn of_a_limit_in_a_limit_that_are_up_at_once_the_outer_one_tells() {
    run(async {
        assert_eq!(timed(timeout(secs(5), limited(5))).await, (Err(TimeoutError), 5));
        let beside = async { join!(timeout(secs(5), limited(5)), limited(5)) };
        assert_eq!(beside.await, (Err(TimeoutError), LATE));
    });
}

#[test]
fn limits_that_are_up_together_since_the_loop_was_busy_end_each_for_itself() {
    let ended = run_real(async {
        create_task(async {
            sleep(ms(1)).await;
            thread::sleep(ms(20));
        });
        join!(timeout(ms(5), sleep(LONG)), timeout(ms(8), sleep(LONG)))
    });
    assert_eq!(ended, (LATE, LATE));
}

#[cfg(unix)]
#[test]
fn reads_that_are_too_slow_end_each_for_itself() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = silent.local_addr().unwrap();
    let ended = run_real(join_all((0..3).map(|_| {
        timeout(ms(20), async move {
            let (reader, _writer) = TcpStream::connect(at).await.unwrap().into_streams();
            reader.readline().await.is_ok()
        })
    })));
    assert_eq!(ended, [Err(TimeoutError); 3]);
}

// Beside a cancellation of the task.

/// A limit beside a sleep of 50 seconds, which may catch; the task is cancelled in the iteration in which the limit is
/// up.
async fn limit_and_cancel_at_once(way: Beside, limit_first: bool, catches: bool) -> Option<Vec<&'static str>> {
    let limit = limited(5).map(|ended| if ended.is_err() { "late" } else { "in time" }).boxed_local();
    let other: Branch<_> = if catches {
        caught(50).map(|caught| if caught { "caught" } else { "slept" }).boxed_local()
    } else {
        sleep(secs(50)).map(|()| "slept").boxed_local()
    };
    let branches = if limit_first { vec![limit, other] } else { vec![other, limit] };
    let mut task = create_task(way.all(branches));
    let handle = task.handle();
    EventLoop::current().call_later(secs(5), move || assert!(handle.cancel()));
    let mut ended = task.outcome().await.ok()?;
    ended.sort_unstable();
    Some(ended)
}

#[test]
fn a_limit_that_is_up_when_its_task_is_cancelled_tells_if_that_is_caught_beside_it() {
    for way in Beside::WAYS {
        for limit_first in [false, true] {
            let ended = run(limit_and_cancel_at_once(way, limit_first, true));
            assert_eq!(ended, Some(vec!["caught", "late"]), "{way:?}, the limit first: {limit_first}");
        }
    }
}

#[test]
fn a_limit_that_is_up_when_its_task_is_cancelled_lets_that_through_if_nothing_catches_it() {
    for way in Beside::WAYS {
        for limit_first in [false, true] {
            let ended = run(limit_and_cancel_at_once(way, limit_first, false));
            assert_eq!(ended, None, "{way:?}, the limit first: {limit_first}");
        }
    }
}

#[test]
fn a_cancellation_that_was_swallowed_beside_a_limit_does_not_count_for_it() {
    run(async {
        let task = create_task(async { join!(caught(100), timeout(secs(50), sleep(secs(100)))) });
        sleep(secs(5)).await;
        assert!(task.cancel() && task.cancel());
        assert_eq!(timed(task).await, ((true, LATE), 45));
    });
}

#[test]
fn a_cancellation_that_was_swallowed_inside_a_limit_counts_for_it() {
    run(async {
        let inside = async {
            assert!(caught(100).await);
            sleep(LONG).await;
        };
        assert_eq!(timed(cancelled_after(5, timeout(secs(50), inside))).await, (None, 50));
    });
}

// What is awaited beside it.

#[test]
fn a_limit_on_a_future_of_another_crate_does_not_cancel_a_task_beside_it() {
    run(async {
        let (_sender, receiver) = oneshot::channel::<()>();
        let worker = create_task(sleep(secs(50)).map(|()| 9));
        assert_eq!(timed(async { join!(worker, timeout(secs(10), receiver)) }).await, ((9, Err(TimeoutError)), 50));
    });
}

#[test]
fn the_cancellation_of_a_select_over_a_future_of_another_crate_does_not_cancel_the_task_beside_it() {
    run(async {
        let (_sender, receiver) = oneshot::channel::<()>();
        let mut worker = create_task(sleep(secs(50)));
        let handle = worker.handle();
        let outer = create_task(async move { drop(select(&mut worker, receiver).await) });
        sleep(secs(1)).await;
        assert!(outer.cancel());
        assert!(catch_cancelled(outer).await.is_err());
        sleep(secs(100)).await;
        assert!(handle.done() && !handle.cancelled());
    });
}

// Not polled for a while, and moved.

#[test]
fn a_limit_that_is_up_while_it_is_not_polled_tells_when_it_is_polled_next() {
    run(async {
        let mut work = pin!(timeout(secs(30), pending::<()>()));
        let ticking = async {
            loop {
                match select(work.as_mut(), pin!(sleep(secs(20)))).await {
                    Either::Left((ended, _)) => break ended,
                    Either::Right(_) => sleep(secs(20)).await, // handles the tick, while the limit is up
                }
            }
        };
        assert_eq!(timed(ticking).await, (LATE, 40));
    });
}

#[test]
fn a_limit_that_goes_on_in_another_task_is_kept() {
    run(async {
        let shared = timed(limited(50)).boxed_local().shared();
        let (first, second) = (create_task(shared.clone()), create_task(shared));
        yield_now().await;
        assert!(first.cancel());
        assert_eq!(timed(catch_cancelled(second)).await, (Ok((LATE, 50)), 50));
        assert!(first.cancelled());
    });
}

#[test]
fn a_semaphore_passes_over_a_waiter_whose_limit_is_up() {
    run(async {
        let (semaphore, log) = (Rc::new(Semaphore::new(1)), Log::default());
        let permit = semaphore.acquire().await;
        let late = create_task({
            let semaphore = Rc::clone(&semaphore);
            async move { timeout(secs(5), semaphore.acquire()).await.map(drop) }
        });
        let note = |name, semaphore: Option<Rc<Semaphore>>| {
            let log = Rc::clone(&log);
            create_task(async move {
                if let Some(semaphore) = semaphore {
                    drop(semaphore.acquire().await);
                }
                log.borrow_mut().push(name);
            })
        };
        let next = note("next waiter", Some(Rc::clone(&semaphore)));
        sleep(secs(5)).await; // the limit is up in the iteration in which this is
        drop(permit);
        let other = note("queued after the release", None);
        assert_eq!(late.await, LATE);
        join!(next, other);
        assert_eq!(*log.borrow(), ["next waiter", "queued after the release"]);
    });
}
