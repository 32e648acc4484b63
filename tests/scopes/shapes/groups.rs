//! Task groups, and what else catches, in tasks of several branches: an abort ends the group's own body only, a limit
//! beside it ends only what it holds, and children are waited for.

use std::rc::Rc;

use futures::FutureExt as _;
use futures::join;
#[cfg(unix)]
use oneloop::start_server;
use oneloop::{
    Attempt, GroupError, TimeoutError, catch_cancelled, create_task, sleep, staggered_race, task_group, timeout,
};

use super::branches::{Beside, Branch, cancelled_after, cancelled_soon, caught, timed};
use crate::log::{Log, note};
use crate::runs::run;
use crate::time::{LONG, secs};

type Ended<T> = Result<T, GroupError<u64>>;

/// A group with a child that cleans up for a second if it is cancelled in its first 100, and tells of it; with one that
/// returns or fails after `seconds`; and with a body that returns `seconds` one second later.
async fn group(seconds: u64, fails: bool, cleaned: Log<u64>) -> Ended<u64> {
    task_group(async |g| {
        let mut cleaned = note(&cleaned, seconds);
        g.create_task(async move {
            let is_cancelled = caught(100).await;
            sleep(secs(1)).await;
            if is_cancelled {
                cleaned();
            }
            Ok(())
        });
        g.create_task(async move {
            sleep(secs(seconds)).await;
            if fails { Err(seconds) } else { Ok(()) }
        });
        sleep(secs(seconds + 1)).await;
        Ok(seconds)
    })
    .await
}

/// A group whose child fails after `seconds`, while its body sleeps.
async fn failing(seconds: u64) -> Ended<()> {
    task_group(async |g| {
        g.create_task(async move {
            sleep(secs(seconds)).await;
            Err::<(), _>(seconds)
        });
        sleep(LONG).await;
        Ok(())
    })
    .await
}

/// A group with a child of 12 seconds.
async fn of_twelve() -> Ended<()> {
    task_group(async |g| {
        g.create_task(sleep(secs(12)).map(Ok));
        Ok(())
    })
    .await
}

fn errors_of<T>(ended: Ended<T>) -> Vec<u64> {
    ended.err().map_or_else(Vec::new, |e| e.errors)
}

#[test]
fn groups_beside_each_other_give_each_its_own_errors() {
    for way in Beside::WAYS {
        let cleaned = Log::default();
        let four = [(3, true), (4, false), (3, true), (4, true)];
        let groups = four.map(|(seconds, fails)| group(seconds, fails, Rc::clone(&cleaned)).boxed_local()).into();
        let ended = run(way.all(groups)).into_iter().map(|ended| ended.map_err(|e| e.errors)).collect::<Vec<_>>();
        assert_eq!(ended, [Err(vec![3]), Ok(4), Err(vec![3]), Err(vec![4])], "{way:?}");
        assert_eq!(*cleaned.borrow(), [3, 3, 4], "{way:?}");
    }
}

#[test]
fn a_limit_waits_for_the_children_of_a_group_and_leaves_the_one_beside_it_alone() {
    for way in Beside::WAYS {
        run(async move {
            let cleaned = Log::default();
            let limited = timed(timeout(secs(2), group(9, false, Rc::clone(&cleaned))));
            let limited: Branch<_> = limited.map(|(ended, time)| (ended.is_err(), time)).boxed_local();
            let other = timed(group(7, false, Rc::clone(&cleaned))).map(|(ended, time)| (ended.is_err(), time));
            let ended = way.all(vec![limited, other.boxed_local()]).await;
            assert_eq!(ended, [(true, 3), (false, 101)], "{way:?}");
            assert_eq!(*cleaned.borrow(), [9], "{way:?}");
        });
    }
}

#[test]
fn a_cancellation_waits_for_the_children_of_every_group() {
    for way in Beside::WAYS {
        run(async move {
            let cleaned = Log::default();
            let groups = [9, 8].map(|n| group(n, false, Rc::clone(&cleaned)).boxed_local());
            let mut branches: Vec<Branch<Ended<u64>>> = groups.into();
            branches.push(sleep(secs(1)).map(|()| Ok(0)).boxed_local());
            let ended = timed(cancelled_after(3, way.all(branches))).await;
            assert_eq!((ended.0.is_none(), ended.1), (true, 4), "{way:?}");
            cleaned.borrow_mut().sort_unstable();
            assert_eq!(*cleaned.borrow(), [8, 9], "{way:?}");
        });
    }
}

#[test]
fn a_child_does_not_outlive_a_group_in_a_set_that_is_cancelled_while_it_waits() {
    run(async {
        let over: Log<&str> = Log::default();
        let mut child_ended = note(&over, "child");
        let waits = async move {
            task_group(async |g| {
                g.create_task(async move {
                    assert!(caught(50).await);
                    sleep(secs(10)).await;
                    child_ended();
                    Ok(())
                });
                Ok::<_, ()>(())
            })
            .await
            .is_ok()
        };
        let ended = timed(cancelled_soon(Beside::Unordered.all(vec![waits.boxed_local()])));
        assert_eq!(ended.await, (None, 10));
        assert_eq!(*over.borrow(), ["child"]);
    });
}

/// A limit around a group whose child answers the limit's cancellation with an error. Then there is an await more.
async fn limit_whose_group_fails() -> Result<(), TimeoutError> {
    timeout(secs(5), async {
        let ended = task_group(async |g| {
            g.create_task(async {
                assert!(caught(50).await);
                Err::<(), _>(1)
            });
            sleep(secs(50)).await;
            Ok(())
        });
        assert_eq!(errors_of(ended.await), [1]);
        sleep(secs(70)).await; // meets the cancellation again
    })
    .await
}

#[test]
fn a_cancellation_whose_place_errors_took_is_met_at_the_next_await() {
    run(async {
        assert_eq!(timed(limit_whose_group_fails()).await, (Err(TimeoutError), 5));
    });
}

#[test]
fn a_cancellation_whose_place_errors_took_is_not_met_beside_its_limit() {
    run(async {
        let three = async { join!(sleep(secs(20)), timed(limit_whose_group_fails()), caught(30)) };
        assert_eq!(timed(three).await, (((), (Err(TimeoutError), 5), false), 30));
    });
}

#[test]
fn two_groups_that_fail_in_one_iteration_give_each_its_error() {
    run(async {
        let ended = timed(async { join!(failing(3), failing(3)) });
        let ((first, second), time) = ended.await;
        assert_eq!((errors_of(first), errors_of(second), time), (vec![3], vec![3], 3));
        let ended = timed(Beside::Unordered.all(vec![failing(3).boxed_local(), failing(3).boxed_local()])).await;
        assert_eq!((ended.0.into_iter().map(errors_of).collect(), ended.1), (vec![vec![3], vec![3]], 3));
    });
}

#[test]
fn two_groups_that_fail_one_after_the_other_give_each_its_error() {
    run(async {
        let ended = timed(async { join!(timed(failing(3)), timed(failing(4))) });
        let (((first, at), (second, then)), _) = ended.await;
        assert_eq!((errors_of(first), at, errors_of(second), then), (vec![3], 3, vec![4], 4));
    });
}

#[test]
fn a_group_that_fails_in_the_iteration_of_a_limit_beside_it_gives_its_error() {
    run(async {
        let (ended, late) = join!(failing(3), timeout(secs(3), sleep(LONG)));
        assert_eq!((errors_of(ended), late), (vec![3], Err(TimeoutError)));
        let (late, ended) = join!(timeout(secs(3), sleep(LONG)), failing(3));
        assert_eq!((errors_of(ended), late), (vec![3], Err(TimeoutError)));
    });
}

// What else catches, beside a limit.

/// `catches` beside a limit of five seconds, polled before it and after it, in both ways: the limit is up, and
/// `catches` goes on to its end.
fn goes_on_beside_a_limit(catches: impl Fn() -> Branch<u64>) {
    assert_eq!(run(timed(catches())), (12, 12), "alone");
    for way in Beside::WAYS {
        for limit_first in [false, true] {
            let limit = timeout(secs(5), sleep(LONG)).map(|ended| u64::from(ended.is_ok())).boxed_local();
            let catches = catches();
            let branches = if limit_first { vec![limit, catches] } else { vec![catches, limit] };
            let mut ended = run(timed(way.all(branches)));
            ended.0.sort_unstable();
            assert_eq!(ended, (vec![0, 12], 12), "{way:?}, the limit first: {limit_first}");
        }
    }
}

#[test]
fn a_group_goes_on_beside_a_limit_that_is_up() {
    goes_on_beside_a_limit(|| of_twelve().map(|ended| if ended.is_ok() { 12 } else { 1 }).boxed_local());
}

#[test]
fn a_catcher_goes_on_beside_a_limit_that_is_up() {
    goes_on_beside_a_limit(|| caught(12).map(|caught| if caught { 1 } else { 12 }).boxed_local());
}

#[test]
fn a_staggered_race_goes_on_beside_a_limit_that_is_up() {
    goes_on_beside_a_limit(|| {
        async {
            let runners = [30, 12].map(|n| move || sleep(secs(n)).map(move |()| Ok::<_, ()>(n)));
            let race = staggered_race(runners, secs(0)).await;
            assert_eq!(race.attempts, [Attempt::Cancelled, Attempt::Won]);
            race.winner.map_or(0, |(_, value)| value)
        }
        .boxed_local()
    });
}

#[cfg(unix)]
#[test]
fn a_server_goes_on_beside_a_limit_that_is_up() {
    goes_on_beside_a_limit(|| {
        async {
            let server = Rc::new(start_server(|_, _| async {}, "127.0.0.1:0").await.unwrap());
            let serving = Rc::clone(&server);
            let cancels = create_task(async move {
                sleep(secs(12)).await;
                server.close();
            });
            let is_cancelled = catch_cancelled(serving.serve_forever()).await.is_err();
            cancels.await;
            if is_cancelled { 1 } else { 12 }
        }
        .boxed_local()
    });
}
