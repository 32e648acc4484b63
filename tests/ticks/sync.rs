//! Locks, events, conditions, semaphores and barriers.

use std::time::Duration;

use oneloop::{
    Barrier, BoundedSemaphore, Condition, Event, EventLoop, Lock, Queue, Semaphore, Task, TaskError, TaskHandle,
    catch_cancelled, create_task, current_task, sleep, timeout, yield_now,
};

use super::trace::{Trace, end_of, noted, trace, trace_with_jumps, yields};
use crate::time::SECOND;

fn me() -> TaskHandle {
    current_task().unwrap()
}

/// Cancels the running task, and goes on.
fn cancel_me() {
    me().cancel_with("m");
}

/// A task that takes a lock, holds it for so many iterations, and lets it go.
fn locker(t: &Trace, lock: &Lock, name: &'static str, held: u32) -> Task<()> {
    let (lock, holds) = (lock.clone(), t.clone());
    noted(t, name, async move {
        let _guard = lock.acquire().await;
        holds.rec(format!("{name}.got"));
        yields(held).await;
    })
}

/// A lock that is held, and a task that waits for it for each name.
async fn lockers<const N: usize>(t: &Trace, lock: &Lock, names: [&'static str; N]) -> [Task<()>; N] {
    let tasks = names.map(|name| locker(t, lock, name, 0));
    yield_now().await;
    tasks
}

#[test]
fn lock_is_handed_on_in_the_order_of_the_asking() {
    let got = trace(async |t| {
        let lock = Lock::new(());
        let guard = lock.acquire().await;
        let tasks = ["a", "b", "c"].map(|name| {
            let (lock, t) = (lock.clone(), t.clone());
            create_task(async move {
                t.rec(format!("{name}.try"));
                let _guard = lock.acquire().await;
                t.rec(format!("{name}.got"));
            })
        });
        yield_now().await;
        drop(guard);
        t.rec(format!("rel locked={}", lock.locked()));
        end_of(tasks).await;
    });
    assert_eq!(
        got,
        "a.try@+1 ; b.try@+1 ; c.try@+1 ; rel locked=false@+1 ; a.got@+2 ; b.got@+3 ; c.got@+4 ; RESUME ret=()@+6"
    );
}

#[test]
fn lock_asked_for_again_is_behind_who_was_woken() {
    let got = trace(async |t| {
        let lock = Lock::new(());
        let guard = lock.acquire().await;
        let [a] = lockers(&t, &lock, ["a"]).await;
        drop(guard);
        t.rec("rel");
        assert!(lock.try_acquire().is_none());
        drop(lock.acquire().await);
        t.rec("again");
        a.await;
    });
    assert_eq!(got, "rel@+1 ; a.got@+2 ; again@+3 ; RESUME ret=()@+3");
}

#[test]
fn lock_that_is_free_is_had_at_once() {
    let got = trace(async |t| {
        let lock = Lock::new(());
        t.soon("soon", || ());
        for _ in 0..2 {
            let _guard = lock.acquire().await;
            t.rec(format!("got locked={}", lock.locked()));
        }
        t.rec(format!("locked={}", lock.locked()));
    });
    assert_eq!(got, "got locked=true@+0 ; got locked=true@+0 ; locked=false@+0 ; RESUME ret=()@+0 ; soon@+1");
}

#[test]
fn lock_released_when_its_first_waiter_was_cancelled_in_this_tick() {
    let got = trace(async |t| {
        let lock = Lock::new(());
        let guard = lock.acquire().await;
        let tasks = lockers(&t, &lock, ["a", "b", "c"]).await;
        tasks[0].cancel();
        drop(guard);
        t.rec("rel");
        end_of(tasks).await;
    });
    assert_eq!(got, "rel@+1 ; a.CANCEL()@+2 ; b.got@+3 ; c.got@+4 ; RESUME ret=()@+6");
}

#[test]
fn lock_whose_woken_waiter_is_cancelled_wakes_the_next() {
    let got = trace(async |t| {
        let lock = Lock::new(());
        let guard = lock.acquire().await;
        let tasks = lockers(&t, &lock, ["a", "b", "c"]).await;
        drop(guard);
        tasks[0].cancel();
        t.rec("rel");
        end_of(tasks).await;
    });
    assert_eq!(got, "rel@+1 ; a.CANCEL()@+2 ; b.got@+3 ; c.got@+4 ; RESUME ret=()@+6");
}

#[test]
fn lock_whose_woken_waiter_and_the_next_are_cancelled() {
    let got = trace(async |t| {
        let lock = Lock::new(());
        let guard = lock.acquire().await;
        let tasks = lockers(&t, &lock, ["a", "b", "c"]).await;
        drop(guard);
        tasks[0].cancel();
        tasks[1].cancel();
        t.rec("rel");
        end_of(tasks).await;
    });
    assert_eq!(got, "rel@+1 ; a.CANCEL()@+2 ; b.CANCEL()@+2 ; c.got@+3 ; RESUME ret=()@+5");
}

#[test]
fn lock_whose_waiters_were_all_cancelled_is_had_at_once() {
    let got = trace(async |t| {
        let lock = Lock::new(());
        let guard = lock.acquire().await;
        let tasks = lockers(&t, &lock, ["a", "b"]).await;
        tasks[0].cancel();
        tasks[1].cancel();
        drop(guard);
        let again = lock.acquire().await;
        t.rec("again");
        yields(2).await;
        drop(again);
        end_of(tasks).await;
    });
    assert_eq!(got, "again@+1 ; a.CANCEL()@+2 ; b.CANCEL()@+2 ; RESUME ret=()@+5");
}

#[test]
fn lock_with_one_waiter_that_is_not_cancelled_is_not_had_by_a_newcomer() {
    let got = trace(async |t| {
        let lock = Lock::new(());
        let guard = lock.acquire().await;
        let tasks = lockers(&t, &lock, ["a", "b"]).await;
        tasks[0].cancel();
        drop(guard);
        drop(lock.acquire().await);
        t.rec("again");
        end_of(tasks).await;
    });
    assert_eq!(got, "a.CANCEL()@+2 ; b.got@+3 ; again@+4 ; RESUME ret=()@+6");
}

#[test]
fn lock_whose_woken_waiter_is_cancelled_is_not_had_by_a_newcomer() {
    let got = trace(async |t| {
        let lock = Lock::new(());
        let guard = lock.acquire().await;
        let [a] = lockers(&t, &lock, ["a"]).await;
        drop(guard);
        a.cancel();
        drop(lock.acquire().await);
        t.rec("again");
        end_of([a]).await;
    });
    assert_eq!(got, "a.CANCEL()@+2 ; again@+3 ; RESUME ret=()@+5");
}

#[test]
fn lock_waiter_cancelled_while_it_is_held_only_leaves() {
    let got = trace(async |t| {
        let lock = Lock::new(());
        let guard = lock.acquire().await;
        let tasks = lockers(&t, &lock, ["a", "b"]).await;
        tasks[0].cancel();
        yields(2).await;
        t.rec("rel");
        drop(guard);
        end_of(tasks).await;
    });
    assert_eq!(got, "a.CANCEL()@+2 ; rel@+3 ; b.got@+4 ; RESUME ret=()@+6");
}

#[test]
fn lock_waiter_that_leaves_before_the_woken_one_goes_on_wakes_no_task() {
    let got = trace(async |t| {
        let lock = Lock::new(());
        let guard = lock.acquire().await;
        let tasks = ["a", "b", "c"].map(|name| locker(&t, &lock, name, 2));
        yield_now().await;
        tasks[1].cancel();
        drop(guard);
        t.rec("rel");
        end_of(tasks).await;
    });
    assert_eq!(got, "rel@+1 ; b.CANCEL()@+2 ; a.got@+2 ; c.got@+5 ; RESUME ret=()@+9");
}

#[test]
fn lock_held_by_a_cancelled_task_goes_to_the_next() {
    let got = trace(async |t| {
        let lock = Lock::new(());
        let tasks = [locker(&t, &lock, "a", 9), locker(&t, &lock, "b", 0)];
        yields(2).await;
        tasks[0].cancel_with("m");
        t.rec("cancel");
        end_of(tasks).await;
    });
    assert_eq!(got, "a.got@+1 ; cancel@+2 ; a.CANCEL(m)@+3 ; b.got@+4 ; RESUME ret=()@+6");
}

#[test]
fn lock_asked_for_under_ones_own_cancellation() {
    let got = trace(async |t| {
        let lock = Lock::new(());
        let guard = lock.acquire().await;
        let asked = lock.clone();
        let a = noted(&t, "a", async move {
            cancel_me();
            drop(asked.acquire().await);
        });
        let b = locker(&t, &lock, "b", 0);
        yield_now().await;
        t.rec("rel");
        drop(guard);
        end_of([a, b]).await;
    });
    assert_eq!(got, "rel@+1 ; a.CANCEL(m)@+2 ; b.got@+3 ; RESUME ret=()@+5");
}

#[test]
fn lock_that_is_free_is_had_under_ones_own_cancellation() {
    let got = trace(async |t| {
        let lock = Lock::new(());
        let (asked, takes) = (lock.clone(), t.clone());
        let a = noted(&t, "a", async move {
            cancel_me();
            let _guard = asked.acquire().await;
            takes.rec("a.got");
            yield_now().await;
        });
        end_of([a]).await;
        t.rec(format!("locked={}", lock.locked()));
    });
    assert_eq!(got, "a.got@+1 ; a.CANCEL(m)@+2 ; locked=false@+4 ; RESUME ret=()@+4");
}

/// A task that wants a lock within so many seconds.
fn hasty_locker(t: &Trace, lock: &Lock, seconds: u32) -> Task<()> {
    let (lock, t) = (lock.clone(), t.clone());
    create_task(async move {
        match timeout(seconds * SECOND, lock.acquire()).await {
            Ok(_guard) => t.rec("a.got"),
            Err(_) => t.rec("a.late"),
        }
    })
}

#[test]
fn lock_that_comes_too_late() {
    let got = trace_with_jumps(&[(2, 1), (4, 2)], async |t| {
        let lock = Lock::new(());
        let guard = lock.acquire().await;
        let tasks = [hasty_locker(&t, &lock, 1), locker(&t, &lock, "b", 0)];
        sleep(2 * SECOND).await;
        t.rec("rel");
        drop(guard);
        end_of(tasks).await;
    });
    assert_eq!(got, "a.late@+3 ; rel@+5 ; b.got@+6 ; RESUME ret=()@+8");
}

#[test]
fn lock_released_in_the_tick_of_the_time_out_goes_to_the_next() {
    let got = trace(async |t| {
        let lock = Lock::new(());
        let c = locker(&t, &lock, "c", 1);
        end_of([c, hasty_locker(&t, &lock, 0), locker(&t, &lock, "b", 0)]).await;
    });
    assert_eq!(got, "c.got@+1 ; a.late@+3 ; b.got@+4 ; RESUME ret=()@+6");
}

/// A task that waits for an event.
fn waiter(t: &Trace, event: &Event, name: &'static str) -> Task<()> {
    let (event, wakes) = (event.clone(), t.clone());
    noted(t, name, async move {
        event.wait().await;
        wakes.rec(format!("{name}.woke"));
    })
}

#[test]
fn event_set_and_cleared_wakes_who_waits() {
    let got = trace(async |t| {
        let event = Event::new();
        let tasks = ["a", "b"].map(|name| waiter(&t, &event, name));
        yield_now().await;
        event.set();
        event.clear();
        t.rec("set+clear");
        end_of(tasks).await;
    });
    assert_eq!(got, "set+clear@+1 ; a.woke@+2 ; b.woke@+2 ; RESUME ret=()@+4");
}

#[test]
fn event_that_is_set_is_passed_at_once() {
    let got = trace(async |t| {
        let event = Event::new();
        event.set();
        t.soon("soon", || ());
        event.wait().await;
        t.rec("past");
        event.wait().await;
    });
    assert_eq!(got, "past@+0 ; RESUME ret=()@+0 ; soon@+1");
}

#[test]
fn event_cleared_at_once_is_waited_for_again() {
    let got = trace(async |t| {
        let event = Event::new();
        let (waited, wakes) = (event.clone(), t.clone());
        let a = create_task(async move {
            for i in 0..2 {
                waited.wait().await;
                wakes.rec(format!("a.woke{i}"));
            }
        });
        yield_now().await;
        event.set();
        event.clear();
        t.rec("set+clear");
        yields(3).await;
        t.rec("set");
        event.set();
        end_of([a]).await;
    });
    assert_eq!(got, "set+clear@+1 ; a.woke0@+2 ; set@+4 ; a.woke1@+5 ; RESUME ret=()@+7");
}

#[test]
fn event_set_twice_wakes_once() {
    let got = trace(async |t| {
        let event = Event::new();
        let a = waiter(&t, &event, "a");
        yield_now().await;
        event.set();
        event.set();
        let b = waiter(&t, &event, "b");
        t.rec("set");
        end_of([a, b]).await;
    });
    assert_eq!(got, "set@+1 ; a.woke@+2 ; b.woke@+2 ; RESUME ret=()@+4");
}

#[test]
fn event_waiters_cancelled_before_and_after_the_set() {
    let got = trace(async |t| {
        let event = Event::new();
        let tasks = ["a", "b", "c"].map(|name| waiter(&t, &event, name));
        yield_now().await;
        tasks[0].cancel_with("before");
        event.set();
        tasks[1].cancel_with("after");
        t.rec("set");
        end_of(tasks).await;
    });
    assert_eq!(got, "set@+1 ; a.CANCEL(before)@+2 ; b.CANCEL(after)@+2 ; c.woke@+2 ; RESUME ret=()@+4");
}

#[test]
fn event_that_comes_too_late() {
    let got = trace_with_jumps(&[(1, 1)], async |t| {
        let event = Event::new();
        if timeout(SECOND, event.wait()).await.is_err() {
            t.rec("late");
        }
        event.set();
        event.wait().await;
        t.rec("past");
    });
    assert_eq!(got, "late@+2 ; past@+2 ; RESUME ret=()@+2");
}

/// A task that waits for a condition; it says so if it is cancelled there, while it has the lock again.
fn notified(t: &Trace, condition: &Condition, name: &'static str) -> Task<()> {
    let (condition, t) = (condition.clone(), t.clone());
    create_task(async move {
        let mut guard = condition.acquire().await;
        if let Err(cancelled) = catch_cancelled(condition.wait(&mut guard)).await {
            let (message, locked) = (cancelled.message().unwrap_or(""), condition.locked());
            t.rec(format!("{name}.CANCEL({message}) locked={locked} cancelling={}", me().cancelling()));
            cancelled.reraise().await;
        }
        t.rec(format!("{name}.notified"));
    })
}

/// A condition, and a task that waits for it for each name.
async fn all_notified<const N: usize>(t: &Trace, condition: &Condition, names: [&'static str; N]) -> [Task<()>; N] {
    let tasks = names.map(|name| notified(t, condition, name));
    yield_now().await;
    tasks
}

#[test]
fn condition_notifies_in_the_order_of_the_waits() {
    let got = trace(async |t| {
        let condition = Condition::new(());
        let tasks = all_notified(&t, &condition, ["a", "b", "c"]).await;
        condition.notify(&condition.acquire().await, 2);
        t.rec("notify2");
        yields(5).await;
        condition.notify_all(&condition.acquire().await);
        end_of(tasks).await;
    });
    assert_eq!(got, "notify2@+1 ; a.notified@+2 ; b.notified@+2 ; c.notified@+7 ; RESUME ret=()@+9");
}

#[test]
fn condition_notified_and_cancelled_hands_it_on() {
    let got = trace(async |t| {
        let condition = Condition::new(());
        let tasks = all_notified(&t, &condition, ["a", "b"]).await;
        condition.notify(&condition.acquire().await, 1);
        tasks[0].cancel();
        end_of(tasks).await;
    });
    assert_eq!(got, "a.CANCEL() locked=true cancelling=1@+2 ; b.notified@+3 ; RESUME ret=()@+5");
}

#[test]
fn condition_cancelled_and_then_notified_wakes_the_next_and_one_more() {
    let got = trace(async |t| {
        let condition = Condition::new(());
        let tasks = all_notified(&t, &condition, ["a", "b", "c"]).await;
        let guard = condition.acquire().await;
        tasks[0].cancel();
        condition.notify(&guard, 1);
        drop(guard);
        yields(6).await;
        t.rec("rest");
        end_of(tasks).await;
    });
    assert_eq!(
        got,
        "a.CANCEL() locked=true cancelling=1@+2 ; b.notified@+2 ; c.notified@+3 ; rest@+7 ; RESUME ret=()@+9"
    );
}

#[test]
fn condition_wait_that_is_cancelled_wakes_the_next_although_none_was_notified() {
    let got = trace(async |t| {
        let condition = Condition::new(());
        let tasks = all_notified(&t, &condition, ["a", "b"]).await;
        tasks[0].cancel_with("m");
        end_of(tasks).await;
    });
    assert_eq!(got, "a.CANCEL(m) locked=true cancelling=1@+2 ; b.notified@+3 ; RESUME ret=()@+5");
}

#[test]
fn condition_takes_the_lock_again_however_often_it_is_cancelled() {
    let got = trace(async |t| {
        let condition = Condition::new(());
        let tasks = all_notified(&t, &condition, ["a"]).await;
        let guard = condition.acquire().await;
        condition.notify(&guard, 1);
        yields(2).await;
        for message in ["1", "2"] {
            t.rec(format!("cancel{message}"));
            tasks[0].cancel_with(message);
            yields(2).await;
        }
        tasks[0].cancel_with("3");
        tasks[0].cancel_with("4");
        t.rec("cancel34");
        drop(guard);
        end_of(tasks).await;
    });
    assert_eq!(
        got,
        "cancel1@+3 ; cancel2@+5 ; cancel34@+7 ; a.CANCEL(3) locked=true cancelling=4@+8 ; RESUME ret=()@+10"
    );
}

#[test]
fn condition_cancelled_while_it_takes_the_lock_again_hands_its_notification_on() {
    let got = trace(async |t| {
        let condition = Condition::new(());
        let tasks = all_notified(&t, &condition, ["a", "b"]).await;
        let guard = condition.acquire().await;
        condition.notify(&guard, 1);
        yields(2).await;
        tasks[0].cancel_with("m");
        yield_now().await;
        t.rec("rel");
        drop(guard);
        end_of(tasks).await;
    });
    assert_eq!(got, "rel@+4 ; a.CANCEL(m) locked=true cancelling=1@+5 ; b.notified@+6 ; RESUME ret=()@+8");
}

#[test]
fn condition_cancelled_wait_has_to_wait_for_the_lock() {
    let got = trace(async |t| {
        let condition = Condition::new(());
        let tasks = all_notified(&t, &condition, ["a"]).await;
        let guard = condition.acquire().await;
        tasks[0].cancel_with("m");
        t.rec("cancel");
        yields(3).await;
        t.rec("rel");
        drop(guard);
        end_of(tasks).await;
    });
    assert_eq!(got, "cancel@+1 ; rel@+4 ; a.CANCEL(m) locked=true cancelling=1@+5 ; RESUME ret=()@+7");
}

#[test]
fn condition_notifies_more_than_wait() {
    let got = trace(async |t| {
        let condition = Condition::new(());
        let tasks = all_notified(&t, &condition, ["a", "b"]).await;
        condition.notify(&condition.acquire().await, 5);
        t.rec("notify5");
        let late = notified(&t, &condition, "late");
        yields(5).await;
        t.rec(format!("left={}", !late.done()));
        let guard = condition.acquire().await;
        condition.notify(&guard, 0);
        condition.notify(&guard, 1);
        drop(guard);
        end_of(tasks.into_iter().chain([late])).await;
    });
    assert_eq!(got, "notify5@+1 ; a.notified@+2 ; b.notified@+2 ; left=true@+6 ; late.notified@+7 ; RESUME ret=()@+9");
}

#[test]
fn condition_notified_tasks_stand_behind_who_waits_for_the_lock() {
    let got = trace(async |t| {
        let lock = Lock::new(());
        let condition = Condition::with_lock(&lock);
        let [a, b] = all_notified(&t, &condition, ["a", "b"]).await;
        let guard = condition.acquire().await;
        let k = locker(&t, &lock, "k", 0);
        yield_now().await;
        condition.notify_all(&guard);
        t.rec("notify");
        drop(guard);
        end_of([a, b, k]).await;
    });
    assert_eq!(got, "notify@+2 ; k.got@+3 ; a.notified@+4 ; b.notified@+5 ; RESUME ret=()@+7");
}

#[test]
fn condition_that_holds_already_is_passed_at_once() {
    let got = trace(async |t| {
        let condition = Condition::new(());
        t.soon("soon", || ());
        let mut guard = condition.acquire().await;
        condition.wait_for(&mut guard, |()| true).await;
        t.rec("holds");
    });
    assert_eq!(got, "holds@+0 ; RESUME ret=()@+0 ; soon@+1");
}

#[test]
fn condition_wait_for_waits_until_it_holds() {
    let got = trace(async |t| {
        let condition = Condition::new(0);
        let (waited, looks) = (condition.clone(), t.clone());
        let a = create_task(async move {
            let mut value = waited.acquire().await;
            let holds = |value: &i32| {
                looks.rec(format!("look {value}"));
                *value == 2
            };
            waited.wait_for(&mut value, holds).await;
            looks.rec("a.holds");
        });
        for _ in 0..2 {
            yields(3).await;
            let mut value = condition.acquire().await;
            *value += 1;
            condition.notify_all(&value);
            t.rec("notify");
        }
        end_of([a]).await;
    });
    assert_eq!(got, "look 0@+1 ; notify@+3 ; look 1@+4 ; notify@+6 ; look 2@+7 ; a.holds@+7 ; RESUME ret=()@+9");
}

/// A task that waits for a condition for so many seconds.
fn hasty_notified(t: &Trace, condition: &Condition, seconds: u32) -> Task<()> {
    let (condition, t) = (condition.clone(), t.clone());
    create_task(async move {
        let mut guard = condition.acquire().await;
        if timeout(seconds * SECOND, condition.wait(&mut guard)).await.is_err() {
            t.rec(format!("a.late locked={}", condition.locked()));
        }
    })
}

#[test]
fn condition_that_comes_too_late() {
    let got = trace_with_jumps(&[(2, 1)], async |t| {
        let condition = Condition::new(());
        end_of([hasty_notified(&t, &condition, 1)]).await;
    });
    assert_eq!(got, "a.late locked=true@+3 ; RESUME ret=()@+5");
}

#[test]
fn condition_that_comes_too_late_takes_the_lock_again_first() {
    let got = trace_with_jumps(&[(2, 1), (4, 2)], async |t| {
        let condition = Condition::new(());
        let a = hasty_notified(&t, &condition, 1);
        yield_now().await;
        let guard = condition.acquire().await;
        sleep(2 * SECOND).await;
        t.rec("rel");
        drop(guard);
        end_of([a]).await;
    });
    assert_eq!(got, "rel@+5 ; a.late locked=true@+6 ; RESUME ret=()@+8");
}

#[test]
fn condition_notified_in_the_tick_of_the_time_out_hands_it_on() {
    let got = trace(async |t| {
        let condition = Condition::new(());
        let (notifies, notes) = (condition.clone(), t.clone());
        let n = create_task(async move {
            yield_now().await;
            notifies.notify(&notifies.acquire().await, 1);
            notes.rec("notify");
        });
        end_of([n, hasty_notified(&t, &condition, 0), notified(&t, &condition, "b")]).await;
    });
    assert_eq!(got, "notify@+2 ; a.late locked=true@+3 ; b.notified@+4 ; RESUME ret=()@+6");
}

#[test]
fn conditions_on_one_lock_notify_their_own() {
    let got = trace(async |t| {
        let lock = Lock::new(());
        let (c, d) = (Condition::with_lock(&lock), Condition::with_lock(&lock));
        let tasks = [notified(&t, &c, "c"), notified(&t, &d, "d")];
        yield_now().await;
        d.notify(&lock.acquire().await, 1);
        t.rec("notify d");
        yields(3).await;
        c.notify(&c.acquire().await, 1);
        t.rec("notify c");
        end_of(tasks).await;
    });
    assert_eq!(got, "notify d@+1 ; d.notified@+2 ; notify c@+4 ; c.notified@+5 ; RESUME ret=()@+7");
}

/// A task that takes a permit for good.
fn taker(t: &Trace, semaphore: &Semaphore, name: &'static str) -> Task<()> {
    let (semaphore, takes) = (semaphore.clone(), t.clone());
    noted(t, name, async move {
        semaphore.acquire().await.forget();
        takes.rec(format!("{name}.got"));
    })
}

/// A task that has a permit for so many iterations.
fn visitor(t: &Trace, semaphore: &Semaphore, name: &'static str, stays: u32) -> Task<()> {
    let (semaphore, enters) = (semaphore.clone(), t.clone());
    noted(t, name, async move {
        let _permit = semaphore.acquire().await;
        enters.rec(format!("{name}.got"));
        yields(stays).await;
    })
}

#[test]
fn semaphore_granted_and_cancelled_hands_the_permit_on() {
    let got = trace(async |t| {
        let semaphore = Semaphore::new(0);
        let tasks = ["a", "b", "c"].map(|name| taker(&t, &semaphore, name));
        yield_now().await;
        semaphore.release();
        semaphore.release();
        t.rec(format!("rel2 value={}", semaphore.value()));
        tasks[0].cancel();
        yields(2).await;
        t.rec(format!("value={}", semaphore.value()));
        end_of(tasks).await;
    });
    assert_eq!(got, "rel2 value=0@+1 ; a.CANCEL()@+2 ; b.got@+2 ; c.got@+3 ; value=0@+3 ; RESUME ret=()@+5");
}

#[test]
fn semaphore_that_is_free_is_had_at_once() {
    let got = trace(async |t| {
        let semaphore = Semaphore::new(1);
        t.soon("soon", || ());
        for _ in 0..2 {
            let _permit = semaphore.acquire().await;
            t.rec(format!("got locked={}", semaphore.locked()));
        }
        t.rec(format!("locked={}", semaphore.locked()));
    });
    assert_eq!(got, "got locked=true@+0 ; got locked=true@+0 ; locked=false@+0 ; RESUME ret=()@+0 ; soon@+1");
}

#[test]
fn semaphore_asked_for_again_is_behind_who_was_granted_it() {
    let got = trace(async |t| {
        let semaphore = Semaphore::new(1);
        let permit = semaphore.acquire().await;
        let a = visitor(&t, &semaphore, "a", 0);
        yield_now().await;
        drop(permit);
        t.rec(format!("rel value={}", semaphore.value()));
        drop(semaphore.acquire().await);
        t.rec("again");
        a.await;
    });
    assert_eq!(got, "rel value=0@+1 ; a.got@+2 ; again@+3 ; RESUME ret=()@+3");
}

#[test]
fn semaphore_newcomers_stand_behind_the_granted_though_a_permit_is_free() {
    let got = trace(async |t| {
        let semaphore = Semaphore::new(0);
        let a = taker(&t, &semaphore, "a");
        yield_now().await;
        semaphore.release();
        semaphore.release();
        t.rec(format!("rel2 value={} locked={}", semaphore.value(), semaphore.locked()));
        assert!(semaphore.try_acquire().is_none());
        let b = taker(&t, &semaphore, "b");
        let permit = semaphore.acquire().await;
        t.rec("again");
        drop(permit);
        end_of([a, b]).await;
    });
    assert_eq!(got, "rel2 value=1 locked=true@+1 ; a.got@+2 ; again@+3 ; b.got@+4 ; RESUME ret=()@+6");
}

#[test]
fn semaphore_waiter_cancelled_before_the_release_is_passed_over() {
    let got = trace(async |t| {
        let semaphore = Semaphore::new(0);
        let tasks = ["a", "b"].map(|name| taker(&t, &semaphore, name));
        yield_now().await;
        tasks[0].cancel();
        semaphore.release();
        t.rec(format!("rel value={}", semaphore.value()));
        end_of(tasks).await;
    });
    assert_eq!(got, "rel value=0@+1 ; a.CANCEL()@+2 ; b.got@+2 ; RESUME ret=()@+4");
}

#[test]
fn semaphore_granted_and_cancelled_with_no_waiter_behind_keeps_the_permit() {
    let got = trace(async |t| {
        let semaphore = Semaphore::new(0);
        let a = taker(&t, &semaphore, "a");
        yield_now().await;
        semaphore.release();
        a.cancel();
        for _ in 0..2 {
            t.rec(format!("value={} locked={}", semaphore.value(), semaphore.locked()));
            yield_now().await;
        }
    });
    assert_eq!(got, "value=0 locked=true@+1 ; a.CANCEL()@+2 ; value=1 locked=false@+2 ; RESUME ret=()@+3");
}

#[test]
fn semaphore_hands_a_permit_down_a_chain_of_cancelled_waiters() {
    let got = trace(async |t| {
        let semaphore = Semaphore::new(0);
        let tasks = ["a", "b", "c"].map(|name| taker(&t, &semaphore, name));
        yield_now().await;
        semaphore.release();
        t.rec("rel");
        tasks[0].cancel();
        let b = tasks[1].handle();
        t.soon("cancel b", move || b.cancel());
        end_of(tasks).await;
    });
    assert_eq!(got, "rel@+1 ; a.CANCEL()@+2 ; cancel b@+2 ; b.CANCEL()@+3 ; c.got@+4 ; RESUME ret=()@+6");
}

#[test]
fn semaphore_whose_waiters_were_all_cancelled_is_had_at_once() {
    let got = trace(async |t| {
        let semaphore = Semaphore::new(0);
        let a = taker(&t, &semaphore, "a");
        yield_now().await;
        a.cancel();
        semaphore.release();
        t.rec(format!("locked={}", semaphore.locked()));
        let _permit = semaphore.acquire().await;
        t.rec("got");
        end_of([a]).await;
    });
    assert_eq!(got, "locked=false@+1 ; got@+1 ; a.CANCEL()@+2 ; RESUME ret=()@+4");
}

#[test]
fn semaphore_lets_so_many_through_at_a_time() {
    let got = trace(async |t| {
        let semaphore = Semaphore::new(2);
        let stays = [("a", 3), ("b", 1), ("c", 1), ("d", 1)];
        end_of(stays.map(|(name, stays)| visitor(&t, &semaphore, name, stays))).await;
    });
    assert_eq!(got, "a.got@+1 ; b.got@+1 ; c.got@+3 ; d.got@+5 ; RESUME ret=()@+8");
}

/// Two tasks that wait, the first of them for a second only, and a permit that comes after so many seconds.
async fn late_permit(t: Trace, seconds: u32) {
    let semaphore = Semaphore::new(0);
    let (source, gives) = (semaphore.clone(), t.clone());
    EventLoop::current().call_later(seconds * SECOND, move || {
        gives.rec("rel");
        source.release();
    });
    let (hasty, gives_up) = (semaphore.clone(), t.clone());
    let a = create_task(async move {
        if timeout(SECOND, hasty.acquire()).await.is_err() {
            gives_up.rec(format!("a.late value={}", hasty.value()));
        }
    });
    end_of([a, taker(&t, &semaphore, "b")]).await;
}

#[test]
fn semaphore_that_comes_too_late() {
    let got = trace_with_jumps(&[(2, 1), (5, 2)], async |t| late_permit(t, 2).await);
    assert_eq!(got, "a.late value=0@+3 ; rel@+5 ; b.got@+6 ; RESUME ret=()@+8");
}

#[test]
fn semaphore_granted_at_the_very_deadline_goes_to_the_next() {
    let got = trace_with_jumps(&[(2, 1)], async |t| late_permit(t, 1).await);
    assert_eq!(got, "rel@+2 ; a.late value=0@+3 ; b.got@+4 ; RESUME ret=()@+6");
}

#[test]
fn bounded_semaphore_released_too_often() {
    let got = trace(async |t| {
        let semaphore = BoundedSemaphore::new(1);
        let release = || t.rec(if semaphore.release().is_ok() { "released" } else { "refused" });
        release();
        semaphore.acquire().await.forget();
        release();
        let permit = semaphore.acquire().await;
        release();
        drop(permit);
        t.rec(format!("value={}", semaphore.value()));
    });
    // CPython: the last one is released, and the end of the `async with` raises the ValueError
    assert_eq!(got, "refused@+0 ; released@+0 ; refused@+0 ; value=1@+0 ; RESUME ret=()@+0");
}

#[test]
fn what_tasks_of_another_loop_have_waited_for_is_refused() {
    let (lock, event, condition) = (Lock::new(()), Event::new(), Condition::new(()));
    let (semaphore, barrier, queue) = (Semaphore::new(0), Barrier::new(9), Queue::<()>::default());
    let held = lock.clone();
    let _guard = held.try_acquire();
    let waits: [Box<dyn Fn() -> Task<()>>; 6] = [
        Box::new(move || waits_for(&lock, async |lock| drop(lock.acquire().await))),
        Box::new(move || waits_for(&event, async |event| event.wait().await)),
        Box::new(move || waits_for(&condition, async |it| it.wait(&mut it.acquire().await).await)),
        Box::new(move || waits_for(&semaphore, async |semaphore| drop(semaphore.acquire().await))),
        Box::new(move || waits_for(&barrier, async |barrier| assert!(barrier.wait().await.is_err()))),
        Box::new(move || waits_for(&queue, async |queue| assert!(queue.get().await.is_err()))),
    ];
    let (first, second) = (EventLoop::new().unwrap(), EventLoop::new().unwrap());
    let yes = first.run_until_complete(async {
        let tasks: Vec<_> = waits.iter().map(|wait| wait()).collect();
        yield_now().await;
        tasks.iter().all(|task| !task.done())
    });
    assert!(yes.unwrap(), "the first loop's tasks wait");
    for (i, wait) in waits.iter().enumerate() {
        let ended = second.run_until_complete(async { wait().outcome().await }).unwrap();
        let Err(TaskError::Panicked(panic)) = ended else { panic!("{i} was not refused: {ended:?}") };
        assert!(panic.message().contains("is bound to the event loop"), "{i}: {panic}");
    }
}

/// A task that waits for what is shared.
fn waits_for<T: Clone + 'static>(shared: &T, wait: impl AsyncFnOnce(T) + 'static) -> Task<()> {
    let shared = shared.clone();
    create_task(async move { wait(shared).await })
}

/// A task that passes a barrier so many times.
fn party(t: &Trace, barrier: &Barrier, name: &'static str, rounds: u32) -> Task<()> {
    let (barrier, passes) = (barrier.clone(), t.clone());
    noted(t, name, async move {
        for _ in 0..rounds {
            match barrier.wait().await {
                Ok(index) => passes.rec(format!("{name} idx={index}")),
                Err(_) => passes.rec(format!("{name} broken")),
            }
        }
    })
}

/// A task that passes a barrier once, for each name.
fn parties<const N: usize>(t: &Trace, barrier: &Barrier, names: [&'static str; N]) -> Vec<Task<()>> {
    names.into_iter().map(|name| party(t, barrier, name, 1)).collect()
}

fn state(barrier: &Barrier) -> String {
    format!("broken={} n={}", barrier.broken(), barrier.n_waiting())
}

#[test]
fn barrier_of_three() {
    let got = trace(async |t| end_of(parties(&t, &Barrier::new(3), ["a", "b", "c"])).await);
    assert_eq!(got, "c idx=2@+1 ; a idx=0@+2 ; b idx=1@+2 ; RESUME ret=()@+4");
}

#[test]
fn barrier_is_not_broken_by_a_cancellation_but_by_abort() {
    let got = trace(async |t| {
        let barrier = Barrier::new(3);
        let tasks = parties(&t, &barrier, ["a", "b"]);
        yield_now().await;
        tasks[0].cancel();
        yields(2).await;
        t.rec(state(&barrier));
        barrier.abort().await;
        end_of(tasks).await;
    });
    assert_eq!(got, "a.CANCEL()@+2 ; broken=false n=1@+3 ; b broken@+4 ; RESUME ret=()@+6");
}

#[test]
fn barrier_of_one_takes_no_turn() {
    let got = trace(async |t| {
        let barrier = Barrier::new(1);
        t.soon("soon", || ());
        for _ in 0..2 {
            t.rec(format!("idx={:?}", barrier.wait().await));
        }
    });
    assert_eq!(got, "idx=Ok(0)@+0 ; idx=Ok(0)@+0 ; RESUME ret=()@+0 ; soon@+1");
}

#[test]
fn barrier_holds_the_next_round_back_while_this_one_leaves() {
    let got = trace(async |t| {
        let barrier = Barrier::new(3);
        end_of(["a", "b", "c"].map(|name| party(&t, &barrier, name, 2))).await;
    });
    assert_eq!(got, "c idx=2@+1 ; a idx=0@+2 ; b idx=1@+2 ; a idx=2@+3 ; b idx=0@+4 ; c idx=1@+4 ; RESUME ret=()@+6");
}

#[test]
fn barrier_lets_the_rounds_of_many_tasks_through() {
    let got = trace(async |t| {
        let barrier = Barrier::new(2);
        let mut tasks = parties(&t, &barrier, ["a", "b", "c", "d", "e"]);
        yields(5).await;
        t.rec(state(&barrier));
        tasks.extend(parties(&t, &barrier, ["f"]));
        end_of(tasks).await;
    });
    assert_eq!(
        got,
        "b idx=1@+1 ; a idx=0@+2 ; d idx=1@+3 ; c idx=0@+4 ; broken=false n=1@+5 ; f idx=1@+6 ; e idx=0@+7 ; \
         RESUME ret=()@+9"
    );
}

#[test]
fn barrier_waiter_cancelled_while_it_fills() {
    let got = trace(async |t| {
        let barrier = Barrier::new(3);
        let mut tasks = parties(&t, &barrier, ["a", "b"]);
        yield_now().await;
        tasks[0].cancel_with("m");
        t.rec(state(&barrier));
        yields(2).await;
        t.rec(state(&barrier));
        tasks.extend(parties(&t, &barrier, ["c", "d"]));
        end_of(tasks).await;
    });
    assert_eq!(
        got,
        "broken=false n=2@+1 ; a.CANCEL(m)@+2 ; broken=false n=1@+3 ; d idx=2@+4 ; b idx=1@+5 ; c idx=1@+5 ; \
         RESUME ret=()@+7"
    );
}

#[test]
fn barrier_waiter_cancelled_in_the_tick_in_which_the_last_comes() {
    let got = trace(async |t| {
        let barrier = Barrier::new(3);
        let mut tasks = parties(&t, &barrier, ["a", "b"]);
        yield_now().await;
        let a = tasks[0].handle();
        t.soon("cancel a", move || a.cancel_with("m"));
        tasks.extend(parties(&t, &barrier, ["c"]));
        end_of(tasks).await;
        t.rec(state(&barrier));
    });
    assert_eq!(got, "cancel a@+2 ; c idx=2@+2 ; a.CANCEL(m)@+3 ; b idx=1@+3 ; broken=false n=0@+5 ; RESUME ret=()@+5");
}

#[test]
fn barrier_waiter_cancelled_when_it_could_leave() {
    let got = trace(async |t| {
        let barrier = Barrier::new(3);
        let mut tasks = parties(&t, &barrier, ["a", "b"]);
        yield_now().await;
        tasks.extend(parties(&t, &barrier, ["c"]));
        let a = tasks[0].handle();
        t.soon("cancel a", move || a.cancel_with("m"));
        end_of(tasks).await;
        t.rec(state(&barrier));
        end_of(parties(&t, &barrier, ["x", "y", "z"])).await;
    });
    assert_eq!(
        got,
        "c idx=2@+2 ; cancel a@+2 ; a.CANCEL(m)@+3 ; b idx=1@+3 ; broken=false n=0@+5 ; z idx=2@+6 ; x idx=0@+7 ; \
         y idx=1@+7 ; RESUME ret=()@+9"
    );
}

#[test]
fn barrier_entrant_of_the_next_round_cancelled() {
    let got = trace(async |t| {
        let barrier = Barrier::new(2);
        let mut tasks = parties(&t, &barrier, ["a", "b", "c", "d"]);
        let c = tasks[2].handle();
        t.soon("cancel c", move || c.cancel_with("m"));
        let mut rest = tasks.split_off(3);
        end_of(tasks).await;
        t.rec(state(&barrier));
        rest.extend(parties(&t, &barrier, ["e"]));
        end_of(rest).await;
    });
    assert_eq!(
        got,
        "b idx=1@+1 ; cancel c@+1 ; a idx=0@+2 ; c.CANCEL(m)@+2 ; broken=false n=1@+4 ; e idx=1@+5 ; d idx=0@+6 ; \
         RESUME ret=()@+8"
    );
}

#[test]
fn barrier_aborted_while_it_fills() {
    let got = trace(async |t| {
        let barrier = Barrier::new(3);
        let mut tasks = parties(&t, &barrier, ["a", "b"]);
        yield_now().await;
        barrier.abort().await;
        t.rec(format!("abort {}", state(&barrier)));
        tasks.extend(parties(&t, &barrier, ["late"]));
        end_of(tasks).await;
        t.rec(state(&barrier));
    });
    assert_eq!(
        got,
        "abort broken=true n=0@+1 ; a broken@+2 ; b broken@+2 ; late broken@+2 ; broken=true n=0@+4 ; \
         RESUME ret=()@+4"
    );
}

#[test]
fn barrier_aborted_while_it_drains() {
    let got = trace(async |t| {
        let barrier = Barrier::new(2);
        let mut tasks = parties(&t, &barrier, ["a", "b", "c", "d"]);
        let (broken, breaks) = (barrier.clone(), t.clone());
        tasks.push(create_task(async move {
            broken.abort().await;
            breaks.rec(format!("abort {}", state(&broken)));
        }));
        end_of(tasks).await;
        t.rec(state(&barrier));
    });
    assert_eq!(
        got,
        "b idx=1@+1 ; abort broken=true n=0@+1 ; a broken@+2 ; c broken@+2 ; d broken@+2 ; broken=true n=0@+4 ; \
         RESUME ret=()@+4"
    );
}

#[test]
fn barrier_aborted_while_empty() {
    let got = trace(async |t| {
        let barrier = Barrier::new(2);
        t.soon("soon", || ());
        barrier.abort().await;
        t.rec(state(&barrier));
        t.rec(format!("{:?}", barrier.wait().await));
        barrier.reset().await;
        t.rec(state(&barrier));
        end_of(parties(&t, &barrier, ["a", "b"])).await;
    });
    assert_eq!(
        got,
        "broken=true n=0@+0 ; Err(BrokenBarrierError)@+0 ; broken=false n=0@+0 ; soon@+1 ; b idx=1@+1 ; a idx=0@+2 ; \
         RESUME ret=()@+4"
    );
}

#[test]
fn barrier_reset_while_it_fills() {
    let got = trace(async |t| {
        let barrier = Barrier::new(3);
        let mut tasks = vec![party(&t, &barrier, "a", 2), party(&t, &barrier, "b", 2)];
        yield_now().await;
        barrier.reset().await;
        t.rec(format!("reset {}", state(&barrier)));
        yields(4).await;
        t.rec(state(&barrier));
        tasks.extend(parties(&t, &barrier, ["c"]));
        end_of(tasks).await;
    });
    assert_eq!(
        got,
        "reset broken=false n=0@+1 ; a broken@+2 ; b broken@+2 ; broken=false n=2@+5 ; c idx=2@+6 ; b idx=0@+7 ; \
         a idx=1@+7 ; RESUME ret=()@+9"
    );
}

#[test]
fn barrier_reset_while_it_drains() {
    let got = trace(async |t| {
        let barrier = Barrier::new(2);
        let mut tasks = parties(&t, &barrier, ["a", "b", "c", "d"]);
        let (mended, mends) = (barrier.clone(), t.clone());
        tasks.push(create_task(async move {
            mended.reset().await;
            mends.rec(format!("reset {}", state(&mended)));
        }));
        end_of(tasks).await;
        t.rec(state(&barrier));
    });
    assert_eq!(
        got,
        "b idx=1@+1 ; reset broken=false n=0@+1 ; a broken@+2 ; d idx=1@+2 ; c idx=0@+3 ; broken=false n=0@+5 ; \
         RESUME ret=()@+5"
    );
}

#[test]
fn barrier_reset_while_empty() {
    let got = trace(async |t| {
        let barrier = Barrier::new(2);
        t.soon("soon", || ());
        barrier.reset().await;
        t.rec(format!("reset {}", state(&barrier)));
        end_of(parties(&t, &barrier, ["a", "b"])).await;
    });
    assert_eq!(got, "reset broken=false n=0@+0 ; soon@+1 ; b idx=1@+1 ; a idx=0@+2 ; RESUME ret=()@+4");
}

#[test]
fn barrier_aborted_and_reset_before_any_task_leaves() {
    let got = trace(async |t| {
        let barrier = Barrier::new(3);
        let mut tasks = parties(&t, &barrier, ["a", "b"]);
        yield_now().await;
        barrier.abort().await;
        barrier.reset().await;
        t.rec(state(&barrier));
        tasks.extend(parties(&t, &barrier, ["x", "y", "z"]));
        end_of(tasks).await;
        t.rec(state(&barrier));
    });
    assert_eq!(
        got,
        "broken=false n=0@+1 ; a broken@+2 ; b broken@+2 ; z idx=2@+2 ; x idx=0@+3 ; y idx=1@+3 ; \
         broken=false n=0@+5 ; RESUME ret=()@+5"
    );
}

#[test]
fn barrier_that_fills_too_late() {
    let got = trace_with_jumps(&[(1, 1)], async |t| {
        let barrier = Barrier::new(2);
        if timeout(SECOND, barrier.wait()).await.is_err() {
            t.rec(format!("late {}", state(&barrier)));
        }
        end_of(parties(&t, &barrier, ["a", "b"])).await;
    });
    assert_eq!(got, "late broken=false n=0@+2 ; b idx=1@+3 ; a idx=0@+4 ; RESUME ret=()@+6");
}

#[test]
fn barrier_that_fills_in_the_tick_of_the_time_out_lets_the_others_through() {
    let got = trace(async |t| {
        let barrier = Barrier::new(2);
        let (last, comes) = (barrier.clone(), t.clone());
        let c = create_task(async move {
            yield_now().await;
            comes.rec(format!("c idx={:?}", last.wait().await));
        });
        let (hasty, gives_up) = (barrier.clone(), t.clone());
        let a = create_task(async move {
            if timeout(Duration::ZERO, hasty.wait()).await.is_err() {
                gives_up.rec(format!("a.late {}", state(&hasty)));
            }
        });
        end_of([c, a]).await;
        t.rec(state(&barrier));
    });
    assert_eq!(got, "c idx=Ok(1)@+2 ; a.late broken=false n=0@+3 ; broken=false n=0@+5 ; RESUME ret=()@+5");
}

#[test]
fn barrier_whose_abort_is_cancelled_goes_on() {
    let got = trace(async |t| {
        let barrier = Barrier::new(2);
        let mut tasks = parties(&t, &barrier, ["a"]);
        yield_now().await;
        let broken = barrier.clone();
        create_task(async move { broken.abort().await }).cancel();
        yields(2).await;
        t.rec(state(&barrier));
        tasks.extend(parties(&t, &barrier, ["b"]));
        end_of(tasks).await;
    });
    assert_eq!(got, "broken=false n=1@+3 ; b idx=1@+4 ; a idx=0@+5 ; RESUME ret=()@+7");
}
