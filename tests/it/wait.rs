//! Waits: the three conditions, the time-out, what is in the sets and in which order, and what is left alone.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use oneloop::wait::{PendingSet, WaitSets, Waitable};
use oneloop::{
    AnyFuture, Awaitable, EventLoop, ReturnWhen, Task, TaskError, catch_cancelled, create_future, create_task,
    ensure_future, gather, sleep, wait, yield_now,
};

use crate::support::{after, counted, fail_after, now, pass_after, run, secs, tasks, virtual_loop};

/// The values of those that are done.
fn done(sets: &WaitSets<Task<u64>>) -> Vec<u64> {
    sets.done.iter().map(|task| task.result().unwrap()).collect()
}

fn ids<H: Waitable>(handles: impl IntoIterator<Item = H>, id: impl Fn(&H) -> u64) -> Vec<u64> {
    handles.into_iter().map(|handle| id(&handle)).collect()
}

// Conditions.

#[test]
fn all_completed_waits_for_the_last() {
    run(async {
        let start = now();
        let sets = wait(tasks([3, 1, 2])).await;
        assert_eq!((done(&sets), sets.pending.len(), sets.timed_out), (vec![1, 2, 3], 0, false));
        assert_eq!(now() - start, secs(3));
        let sets = wait(tasks([2, 1])).return_when(ReturnWhen::AllCompleted).await;
        assert_eq!(done(&sets), [1, 2]);
    });
}

#[test]
fn first_completed_waits_for_the_first_and_takes_along_what_ends_with_it() {
    run(async {
        let start = now();
        let sets = wait(tasks([3, 1, 9, 1])).return_when(ReturnWhen::FirstCompleted).await;
        assert_eq!((done(&sets), sets.pending.len(), sets.timed_out), (vec![1, 1], 2, false));
        assert_eq!(now() - start, secs(1));
        assert_eq!(sets.pending.iter().filter(|task| task.done()).count(), 0);
    });
}

#[test]
fn first_exception_is_an_error_or_a_panic_but_no_value_and_no_cancellation() {
    run(async {
        let start = now();
        let victim = create_task(pass_after(50));
        EventLoop::current().call_later(secs(2), {
            let victim = victim.handle();
            move || victim.cancel()
        });
        let all =
            vec![victim, create_task(pass_after(1)), create_task(fail_after(3, 3)), create_task(fail_after(4, 4))];
        let sets = wait(all).return_when(ReturnWhen::FirstException).await;
        assert_eq!((sets.done.len(), sets.pending.len(), now() - start), (3, 1, secs(3)));
        assert!(sets.done[1].cancelled());
        assert!(matches!(sets.done[2].result(), Ok(Err(3))));

        let bad = create_task(async {
            sleep(secs(1)).await;
            panic!("bang")
        });
        let sets = wait([bad, create_task(pass_after::<u64>(9))]).return_when(ReturnWhen::FirstException).await;
        assert_eq!((sets.done.len(), sets.pending.len()), (1, 1));
        assert!(matches!(sets.done[0].result(), Err(TaskError::Panicked(p)) if p.message() == "bang"));
    });
}

#[test]
fn the_conditions_are_values_of_their_own_types_too() {
    run(async {
        let sets = wait([create_task(fail_after(1, 1)), create_task(pass_after(2))]);
        let sets = sets.return_when(wait::FirstException).await;
        assert_eq!((sets.done.len(), sets.pending.len()), (1, 1));
        let sets = wait(sets.pending).return_when(wait::FirstCompleted).await;
        assert_eq!((sets.done.len(), sets.pending.len()), (1, 0));
    });
}

#[test]
fn first_exception_without_any_waits_for_all() {
    run(async {
        let start = now();
        let sets =
            wait([1, 3].map(|n| create_task(pass_after::<u64>(n)))).return_when(ReturnWhen::FirstException).await;
        assert_eq!((sets.done.len(), sets.pending.len(), now() - start), (2, 0, secs(3)));
    });
}

#[test]
fn what_is_done_before_the_wait_counts() {
    run(async {
        let all = tasks([0, 9]);
        sleep(secs(1)).await;
        let start = now();
        let sets = wait(all).return_when(ReturnWhen::FirstCompleted).await;
        assert_eq!((done(&sets), sets.pending.len(), now() - start), (vec![0], 1, Duration::ZERO));
        let failed = create_task(fail_after(0, 0));
        let running = create_task(pass_after(9));
        sleep(secs(1)).await;
        let sets = wait([running, failed]).return_when(ReturnWhen::FirstException).await;
        assert_eq!((sets.done.len(), sets.pending.len()), (1, 1));
    });
}

// Time.

#[test]
fn the_time_out_gives_what_is_done_and_cancels_nothing() {
    run(async {
        let start = now();
        let sets = wait(tasks([1, 9, 8])).timeout(secs(5)).await;
        assert_eq!((done(&sets), sets.pending.len(), sets.timed_out), (vec![1], 2, true));
        assert_eq!(now() - start, secs(5));
        let sets = wait(sets.pending).await;
        assert_eq!(done(&sets), [8, 9]); // they went on
    });
}

#[test]
fn a_condition_that_comes_first_leaves_no_timer_behind() {
    let lp = virtual_loop();
    lp.run_until_complete(async {
        let sets = wait(tasks([1])).timeout(secs(1_000_000)).await;
        assert!(!sets.timed_out);
    })
    .unwrap();
    assert!(lp.run_forever().is_err()); // nothing is left to wait for
}

#[test]
fn a_time_out_of_zero_is_a_look_and_none_is_no_limit() {
    run(async {
        let start = now();
        let sets = wait(tasks([0, 1])).timeout(Duration::ZERO).await;
        assert_eq!((sets.pending.is_empty(), sets.timed_out, now() - start), (false, true, Duration::ZERO));
        let sets = wait(sets.pending).timeout(None).await;
        assert!(sets.pending.is_empty() && !sets.timed_out);
    });
}

#[test]
fn the_time_counts_from_the_first_await() {
    run(async {
        let waiting = wait(tasks([100])).timeout(secs(2));
        sleep(secs(10)).await;
        let start = now();
        assert!(waiting.await.timed_out);
        assert_eq!(now() - start, secs(2));
    });
}

// Sets.

#[test]
fn done_is_in_order_of_ending_and_pending_in_that_of_arguments() {
    run(async {
        let all = tasks([9, 3, 8, 1, 7, 2]);
        let order = all.each_ref().map(Task::id);
        let sets = wait(all).timeout(secs(5)).await;
        assert_eq!(ids(sets.done, Task::id), [order[3], order[5], order[1]]);
        assert_eq!(ids(sets.pending, Task::id), [order[0], order[2], order[4]]);
    });
}

#[test]
fn those_done_before_come_first_in_the_order_of_arguments() {
    run(async {
        let [a, b, c, d] = tasks([4, 2, 1, 6]);
        sleep(secs(3)).await; // c ended before b
        let sets = wait([a, b, c, d]).await;
        assert_eq!(done(&sets), [2, 1, 4, 6]);
    });
}

#[test]
fn nothing_waited_for_is_two_empty_sets_at_once() {
    run(async {
        let turns = Rc::new(Cell::new(0));
        let count = Rc::clone(&turns);
        EventLoop::current().call_soon(move || count.set(1));
        let sets = wait(Vec::<Task<u64>>::new()).timeout(secs(9)).await;
        assert!(sets.done.is_empty() && sets.pending.is_empty() && !sets.timed_out);
        assert_eq!(turns.get(), 0); // not one iteration
    });
}

#[test]
fn every_kind_of_handle_can_be_waited_for() {
    run(async {
        let future = create_future();
        future.set_result(1).unwrap();
        assert_eq!(wait([future]).await.done.len(), 1);
        assert_eq!(wait([create_task(after(1)).shared()]).await.done.len(), 1);
        assert_eq!(wait([gather([after(1), after(2)])]).await.done.remove(0).await, [1, 2]);
        assert_eq!(wait([ensure_future(after(1)), create_task(after(2)).into()]).await.done.len(), 2);
        let task = create_task(after(1));
        assert_eq!(wait([task.handle()]).await.done.len(), 1);
        let mixed: Vec<AnyFuture> = vec![task.handle().into(), gather([after(3)]).any()];
        let sets = wait(mixed).return_when(ReturnWhen::FirstCompleted).await;
        assert_eq!((sets.done.len(), sets.pending.len()), (1, 1));
    });
}

#[test]
fn values_need_not_be_clone_and_come_out_of_the_handles() {
    struct Own(Box<u64>);
    run(async {
        let own = |n| create_task(async move { Own(Box::new(after(n).await)) });
        let sets = wait([own(2), own(1)]).await;
        let mut values = Vec::new();
        for task in sets.done {
            values.push(*task.await.0);
        }
        assert_eq!(values, [1, 2]);
    });
}

#[test]
fn a_task_that_is_waited_for_twice_comes_back_twice() {
    run(async {
        let shared = create_task(after(1)).shared();
        let sets = wait([shared.clone(), shared]).await;
        assert_eq!(sets.done.len(), 2);
    });
}

#[test]
#[should_panic(expected = "another event loop")]
fn a_task_of_another_loop_is_refused() {
    let other = virtual_loop();
    let foreign = other.create_future::<()>();
    run(async move { wait([foreign]).await.timed_out });
}

#[test]
fn a_cancelled_task_is_done_and_raises_nothing() {
    run(async {
        let [one, two] = tasks([5, 1]);
        one.cancel_with("why");
        let sets = wait([one, two]).await;
        assert!(sets.done[0].cancelled() && !sets.done[1].cancelled());
    });
}

// Cancelled and dropped.

#[test]
fn a_cancellation_of_the_waiter_leaves_the_tasks_alone() {
    run(async {
        let (one, two) = (create_task(after(3)).shared(), create_task(after(4)).shared());
        let both = [one.clone(), two.clone()];
        let waiter = create_task(async move {
            let caught = catch_cancelled(wait(both)).await.is_err();
            (caught, now())
        });
        yield_now().await;
        let start = now();
        assert!(waiter.cancel());
        assert_eq!(waiter.await, (true, start));
        assert_eq!(gather([one, two]).await, [3, 4]);
    });
}

#[test]
fn a_wait_by_reference_that_was_cancelled_gives_its_tasks_back() {
    run(async {
        let waiter = create_task(async {
            let mut waiting = wait(tasks([3, 1, 4])).timeout(secs(100));
            assert!(catch_cancelled(&mut waiting).await.is_err());
            let pending = waiting.into_pending();
            assert_eq!(pending.len(), 3);
            let sets = wait(pending).await;
            (done(&sets), sets.timed_out)
        });
        sleep(secs(2)).await;
        waiter.cancel();
        assert_eq!(waiter.await, (vec![1, 3, 4], false));
    });
}

#[test]
fn into_pending_before_the_first_await_keeps_order_and_length() {
    run(async {
        let all = tasks([3, 1, 2]);
        let order = all.each_ref().map(Task::id);
        let pending = wait(all).into_pending();
        assert_eq!((pending.len(), pending.is_empty()), (3, false));
        assert_eq!(pending.iter().map(Task::id).collect::<Vec<_>>(), order);
        assert_eq!((&pending).into_iter().count(), 3);
        assert_eq!(ids(pending, Task::id), order);
    });
}

#[test]
fn dropped_in_the_middle_a_wait_wakes_no_task_and_its_tasks_run_on() {
    run(async {
        let handles = {
            let all = tasks([2, 3]);
            let handles = all.each_ref().map(Task::handle);
            let waiting = wait(all).timeout(secs(1));
            match futures::future::select(waiting, Box::pin(yield_now())).await {
                futures::future::Either::Right(((), waiting)) => drop(waiting),
                futures::future::Either::Left(_) => panic!("it cannot be over"),
            }
            handles
        };
        let start = now();
        sleep(secs(9)).await;
        assert_eq!(now() - start, secs(9));
        assert!(handles.iter().all(|task| task.done() && !task.cancelled()));
    });
}

#[test]
fn a_wait_works_inside_foreign_combinators() {
    run(async {
        let (one, two) = futures::join!(
            wait(tasks([2, 1])).return_when(ReturnWhen::FirstCompleted),
            wait(tasks([5, 4])).timeout(secs(3)),
        );
        assert_eq!((done(&one), one.pending.len()), (vec![1], 1));
        assert_eq!((done(&two), two.pending.len(), two.timed_out), (vec![], 2, true));
    });
}

// Again and again.

/// Waits for the first of `pending` until none is left, and answers who ended when.
async fn drain(mut pending: PendingSet<Task<u64>>) -> Vec<u64> {
    let mut order = Vec::new();
    while !pending.is_empty() {
        let sets = wait(pending).return_when(ReturnWhen::FirstCompleted).await;
        assert!(!sets.done.is_empty() && !sets.timed_out);
        order.extend(done(&sets));
        pending = sets.pending;
    }
    order
}

#[test]
fn draining_by_first_completed_gives_each_task_once_in_order() {
    run(async {
        let seconds = (0..500_u64).map(|i| (i * 7919) % 500);
        let order = drain(wait(seconds.map(|n| create_task(after(n)))).into_pending()).await;
        assert_eq!(order, (0..500).collect::<Vec<_>>());
    });
}

#[test]
fn draining_many_takes_as_many_polls_for_each_as_draining_few() {
    let polls_for = |n: u64| {
        run(async {
            let polls = Rc::default();
            let pending = wait((0..n).map(|i| create_task(after(i)))).into_pending();
            assert_eq!(counted(&polls, drain(pending)).await.len(), usize::try_from(n).unwrap());
            polls.get()
        })
    };
    // counted are the polls of who drains: one for each task, which ends in an iteration of its own, and the first
    assert_eq!((polls_for(400), polls_for(4_000)), (401, 4_001));
}

#[test]
fn the_rest_keeps_its_place_although_other_watchers_came_in_between() {
    run(async {
        // asyncio registers anew for each wait: behind a callback that came after the first wait
        let log = Rc::new(RefCell::new(Vec::new()));
        let [one, two] = tasks([1, 2]);
        let handle = two.handle();
        let sets = wait([one, two]).return_when(ReturnWhen::FirstCompleted).await;
        let between = Rc::clone(&log);
        handle.add_done_callback(move |_| {
            between.borrow_mut().push("callback");
            let between = Rc::clone(&between);
            EventLoop::current().call_soon(move || between.borrow_mut().push("what it queued"));
        });
        let waiting = wait(sets.pending);
        let mut waiting = Box::pin(waiting);
        let polled = futures::poll!(&mut waiting);
        assert!(polled.is_pending());
        let later = Rc::clone(&log);
        handle.add_done_callback(move |_| later.borrow_mut().push("later callback"));
        drop(waiting.await);
        log.borrow_mut().push("waiter");
        assert_eq!(*log.borrow(), ["callback", "later callback", "what it queued", "waiter"]);
    });
}

#[test]
fn what_ends_between_two_waits_is_in_the_next() {
    run(async {
        let sets = wait(tasks([1, 2, 3, 50])).return_when(ReturnWhen::FirstCompleted).await;
        sleep(secs(5)).await; // 2 and 3 end, and no task waits
        let start = now();
        let sets = wait(sets.pending).return_when(ReturnWhen::FirstCompleted).await;
        assert_eq!((done(&sets), sets.pending.len(), now() - start), (vec![2, 3], 1, Duration::ZERO));
    });
}

#[test]
fn what_ends_between_two_waits_keeps_its_order_when_most_have_been_handed_out() {
    let order = run(async {
        let mut pending = wait(tasks([1, 2, 3, 9, 8, 7, 10])).into_pending();
        for seconds in 1..=3 {
            let sets = wait(pending).return_when(ReturnWhen::FirstCompleted).await;
            assert_eq!(done(&sets), [seconds]);
            pending = sets.pending;
        }
        let sets = wait(pending).timeout(Duration::ZERO).await;
        assert_eq!((sets.done.len(), sets.pending.len()), (0, 4));
        sleep(secs(5)).await; // 7 and 8 end
        let sets = wait(sets.pending).return_when(ReturnWhen::FirstCompleted).await;
        let mut order = done(&sets);
        sleep(secs(1)).await; // 9 does
        order.extend(done(&wait(sets.pending).await));
        order
    });
    assert_eq!(order, [7, 8, 9, 10]);
}

#[test]
fn the_rest_can_be_filtered_and_joined_by_others() {
    run(async {
        let sets = wait(tasks([1, 2, 3])).return_when(ReturnWhen::FirstCompleted).await;
        let more = sets.pending.into_iter().chain(tasks([1, 9]));
        let sets = wait(more.filter(|task| !task.done())).timeout(secs(4)).await;
        assert_eq!((done(&sets), sets.pending.len()), (vec![2, 1, 3], 1));
    });
}

#[test]
fn the_rest_without_its_first_is_waited_for_anew() {
    run(async {
        let all = tasks([9, 3, 1, 2]);
        let order = all.each_ref().map(Task::id);
        let mut rest = wait(all).into_pending().into_iter();
        let first = rest.next().unwrap();
        assert_eq!(first.id(), order[0]);
        let sets = wait(rest).return_when(ReturnWhen::FirstCompleted).await;
        assert_eq!((done(&sets), ids(sets.pending, Task::id)), (vec![1], vec![order[1], order[3]]));
        assert_eq!(first.await, 9);
    });
}

#[test]
fn a_condition_and_a_time_out_hold_for_one_wait_only() {
    run(async {
        let start = now();
        let all = [1, 5, 6].map(|n| create_task(fail_after(n, n)));
        let sets = wait(all).return_when(ReturnWhen::FirstException).timeout(secs(2)).await;
        assert_eq!((sets.done.len(), sets.timed_out, now() - start), (1, false, secs(1)));
        let sets = wait(sets.pending).await;
        assert_eq!((sets.done.len(), sets.timed_out, now() - start), (2, false, secs(6)));
    });
}

#[test]
fn two_waits_for_the_same_task_both_end() {
    run(async {
        let shared = create_task(after(2)).shared();
        let waiters = [(); 2].map(|()| {
            let shared = shared.clone();
            async move { wait([shared]).await.done.remove(0).await }
        });
        assert_eq!(gather(waiters).await, [2, 2]);
    });
}

#[test]
fn an_awaitable_view_is_judged_by_its_own_value() {
    run(async {
        let failing = Awaitable::from(create_task(after(1))).map(Err::<u64, u64>);
        let passing = Awaitable::from(create_task(fail_after(2, 2))).map(|_| Ok::<u64, u64>(0));
        let sets = wait([passing, failing]).return_when(ReturnWhen::FirstException).await;
        assert_eq!((sets.done.len(), sets.pending.len()), (1, 1));
        assert!(matches!(sets.done[0].result(), Ok(Err(1))));
    });
}
