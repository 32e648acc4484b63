//! What a child that goes on for long keeps of all that it has been in: nothing. Rounds and rounds of every primitive
//! with one long-lived task, lock or queue leave the heap as it was.

use std::cell::OnceCell;
use std::future::{pending, ready};
use std::pin::pin;
use std::time::Duration;

use futures::future::{join_all, select};
use futures::stream::{FuturesUnordered, StreamExt as _};
use oneloop::{
    Awaitable, Event, Lock, Queue, ReturnWhen, Semaphore, Shared, Task, as_completed, catch_cancelled, create_task,
    ensure_future, gather, shield, staggered_race, task_group, timeout, try_gather, wait, wait_for, yield_now,
};

use crate::turns::one_at_a_time;
use crate::{SLACK, growth};

/// A round that keeps one word would be seen after five hundred.
const ROUNDS: u32 = if cfg!(debug_assertions) { 20_000 } else { 100_000 };

type Outcome = Result<(), ()>;

/// Something that ends long after the test, and can be shared.
fn long_lived() -> Shared<Outcome> {
    create_task(pending::<Outcome>()).shared()
}

fn failing() -> Awaitable<Outcome> {
    create_task(ready(Err(()))).into()
}

/// # Panics
/// If `ROUNDS` rounds leave more than they found.
#[expect(clippy::needless_pass_by_value, reason = "it is written where it is called")]
fn assert_leaves_nothing(name: &str, round: impl AsyncFn(&Shared<Outcome>)) {
    let _turn = one_at_a_time();
    let long = OnceCell::new();
    let grown = growth(ROUNDS, async || round(long.get_or_init(long_lived)).await);
    assert!(grown.abs() <= SLACK, "{name}: {grown} bytes after {ROUNDS} rounds");
}

/// Polls once, and drops.
async fn give_up(future: impl Future) {
    let future = pin!(future);
    assert!(futures::poll!(future).is_pending());
}

#[test]
fn gatherings() {
    assert_leaves_nothing("gather", async |long| give_up(gather([long.clone()])).await);
    assert_leaves_nothing("gather that is never awaited", async |long| drop(gather([long.clone()])));
    assert_leaves_nothing("nested", async |long| give_up(gather([gather([long.clone()])])).await);
    assert_leaves_nothing("return_exceptions", async |long| {
        give_up(gather([long.clone()]).return_exceptions()).await;
    });
    assert_leaves_nothing("try_gather that fails", async |long| {
        assert!(try_gather([failing(), long.clone().into()]).await.is_err());
    });
    assert_leaves_nothing("try_gather that failed at once", async |long| {
        let failed = failing();
        yield_now().await;
        assert!(try_gather([long.clone().into(), failed]).await.is_err());
    });
    assert_leaves_nothing("with a limit", async |long| {
        assert!(try_gather([failing(), long.clone().into()]).limit(2).await.is_err());
    });
    assert_leaves_nothing("of a tuple", async |long| {
        assert!(oneloop::try_gather!(failing(), long.clone()).await.is_err());
    });
    assert_leaves_nothing("whose cancelled child ends it", async |long| {
        let cancelled: Awaitable<Outcome> = create_task(pending()).into();
        cancelled.cancel();
        assert!(catch_cancelled(gather([cancelled, long.clone().into()])).await.is_err());
    });
    assert_leaves_nothing("that is looked at", async |long| {
        let gathering = try_gather([failing(), long.clone().into()]);
        while !gathering.done() {
            yield_now().await;
        }
        assert!(gathering.result().is_ok_and(|outcome| outcome.is_err()));
    });
}

#[test]
fn waits_and_shields() {
    assert_leaves_nothing("wait", async |long| {
        let sets = wait([long.clone().into(), failing()]).return_when(ReturnWhen::FirstCompleted).await;
        assert_eq!((sets.done.len(), sets.pending.len()), (1, 1));
    });
    assert_leaves_nothing("wait with a time limit", async |long| {
        assert!(wait([long.clone()]).timeout(Duration::from_micros(1)).await.timed_out);
    });
    assert_leaves_nothing("as_completed", async |long| {
        assert!(as_completed([long.clone().into(), failing()]).next().await.is_some());
    });
    assert_leaves_nothing("shield", async |long| give_up(shield(long.clone())).await);
    assert_leaves_nothing("shield that is cancelled", async |long| {
        let shielded = shield(long.clone());
        shielded.cancel();
        assert!(catch_cancelled(shielded).await.is_err());
    });
    assert_leaves_nothing("view of a shield that is cancelled", async |long| {
        let shielded = shield(long.clone()).map(|outcome| outcome);
        shielded.cancel();
        assert!(catch_cancelled(shielded).await.is_err());
    });
    assert_leaves_nothing("timeout", async |long| {
        assert!(timeout(Duration::from_micros(1), shield(long.clone())).await.is_err());
    });
    assert_leaves_nothing("wait_for", async |long| {
        assert!(wait_for(shield(long.clone()), Duration::from_micros(1)).await.is_err());
    });
}

#[test]
fn handles_and_groups() {
    assert_leaves_nothing("view", async |long| give_up(long.clone()).await);
    assert_leaves_nothing("view of a view", async |long| {
        give_up(ensure_future(long.clone()).map(|outcome| outcome).shared()).await;
    });
    assert_leaves_nothing("outcome", async |long| give_up(long.clone().outcome()).await);
    assert_leaves_nothing("callback that is removed", async |long| {
        let id = long.add_done_callback(|_| ());
        assert!(long.remove_done_callback(id));
    });
    assert_leaves_nothing("loser of a select", async |long| drop(select(long.clone(), pin!(yield_now())).await));
    assert_leaves_nothing("under a waker of another crate", async |long| {
        let mut set: FuturesUnordered<_> = [Awaitable::from(long.clone()), failing()].into_iter().collect();
        assert_eq!(set.next().await, Some(Err(())));
    });
    assert_leaves_nothing("many under one", async |long| give_up(join_all((0..40).map(|_| long.clone()))).await);
    assert_leaves_nothing("group", async |long| {
        let ended = task_group(async |group| {
            group.create_task(shield(long.clone()));
            group.create_task(ready(Outcome::Err(())));
            Ok(())
        });
        assert!(ended.await.is_err());
    });
    assert_leaves_nothing("race", async |long| {
        let race = staggered_race(
            [0, 1].map(|n| {
                let long = long.clone();
                move || async move { if n == 0 { shield(long).await } else { Ok(()) } }
            }),
            Duration::from_micros(1),
        );
        let race = race.await;
        assert!(race.winner.is_some());
    });
    assert_leaves_nothing("task that is cancelled", async |long| {
        let mut task: Task<Outcome> = create_task(shield(long.clone()));
        yield_now().await;
        task.cancel();
        assert!(task.outcome().await.is_err());
    });
}

#[test]
fn places_in_line() {
    let (lock, event, semaphore) = (Lock::new(()), Event::new(), Semaphore::new(0));
    let (empty, full) = (Queue::<u8>::unbounded(), Queue::new(1));
    full.put_nowait(1).expect("it is empty");
    let guard = lock.try_acquire().expect("it is free");
    assert_leaves_nothing("in line", async |_| {
        give_up(lock.acquire()).await;
        give_up(event.wait()).await;
        give_up(semaphore.acquire()).await;
        give_up(empty.get()).await;
        give_up(full.put(2)).await;
        give_up(full.join()).await;
    });
    let event = Event::new();
    assert_leaves_nothing("in line under wakers of another crate", async |_| {
        let mut set: FuturesUnordered<_> = (0..2).map(|_| event.wait()).collect();
        give_up(set.next()).await;
    });
    drop(guard);
}
