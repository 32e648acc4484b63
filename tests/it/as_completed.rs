//! Tasks as they end, one by one: their order, the time-out, and what a dropped iterator leaves alone.

use oneloop::{
    AsCompleted, EventLoop, Task, TaskError, TimeoutError, as_completed, catch_cancelled, create_future, create_task,
    ensure_future, gather, sleep, yield_now,
};

use crate::support::{after, now, run, secs, tasks, virtual_loop};

async fn values(mut ended: AsCompleted<Task<u64>>) -> Vec<Result<u64, TimeoutError>> {
    let mut values = Vec::new();
    while let Some(next) = ended.next().await {
        values.push(match next {
            Ok(task) => Ok(task.await),
            Err(late) => Err(late),
        });
    }
    values
}

#[test]
fn tasks_come_in_the_order_in_which_they_end_each_as_soon_as_it_has() {
    run(async {
        let (start, all) = (now(), tasks([3, 1, 2]));
        let order = all.each_ref().map(Task::id);
        let mut ended = as_completed(all);
        for (seconds, id) in [(1, order[1]), (2, order[2]), (3, order[0])] {
            let task = ended.next().await.unwrap().unwrap();
            assert_eq!((task.id(), task.done(), now() - start), (id, true, secs(seconds)));
        }
        assert!(ended.next().await.is_none());
        assert!(ended.next().await.is_none());
    });
}

#[test]
fn tasks_that_end_together_come_in_the_order_of_their_ends() {
    run(async {
        let ended = values(as_completed(tasks([2, 1, 2, 1, 2])));
        assert_eq!(ended.await, [1, 1, 2, 2, 2].map(Ok));
        let all = [(); 3].map(|()| create_task(async {}));
        let order = all.each_ref().map(Task::id);
        let (mut ended, mut seen) = (as_completed(all), Vec::new());
        while let Some(task) = ended.next().await {
            seen.push(task.unwrap().id());
        }
        assert_eq!(seen, order);
    });
}

#[test]
fn nothing_ends_at_once() {
    run(async {
        let mut ended = as_completed(Vec::<Task<()>>::new()).timeout(secs(1));
        assert!(ended.next().await.is_none());
    });
    assert!(run(async { as_completed(Vec::<Task<()>>::new()).into_rest() }).is_empty());
}

#[test]
fn what_was_done_before_comes_first_in_the_order_of_arguments() {
    run(async {
        let [a, b, c] = tasks([9, 2, 1]);
        sleep(secs(3)).await;
        assert_eq!(values(as_completed([a, b, c])).await, [2, 1, 9].map(Ok));
    });
}

#[test]
fn what_ends_while_next_is_not_awaited_stays_in_the_line() {
    run(async {
        let ended = as_completed(tasks([3, 1, 2]));
        sleep(secs(10)).await;
        let start = now();
        assert_eq!(values(ended).await, [1, 2, 3].map(Ok));
        assert_eq!(now(), start);
    });
}

#[test]
fn cancelled_and_panicked_tasks_are_handed_out_like_others() {
    run(async {
        let victim = create_task(after(9));
        victim.cancel();
        let bad = create_task(async {
            sleep(secs(1)).await;
            panic!("bang")
        });
        let mut ended = as_completed([victim, bad]);
        assert!(ended.next().await.unwrap().unwrap().cancelled());
        let bad = ended.next().await.unwrap().unwrap();
        assert!(matches!(bad.into_result(), Err(TaskError::Panicked(panic)) if panic.message() == "bang"));
    });
}

#[test]
fn futures_gatherings_and_mixtures_are_handed_out_too() {
    run(async {
        let (early, late) = (create_future(), create_future());
        let (one, two) = (early.clone(), late.clone());
        EventLoop::current().call_later(secs(1), move || one.set_result('a').unwrap());
        EventLoop::current().call_later(secs(2), move || two.set_result('b').unwrap());
        let mut ended = as_completed([late, early]);
        let mut letters = Vec::new();
        while let Some(future) = ended.next().await {
            letters.push(future.unwrap().await);
        }
        assert_eq!(letters, ['a', 'b']);
        let mut ended = as_completed([gather([after(3), after(1)]), gather([after(2)])]);
        assert_eq!(ended.next().await.unwrap().unwrap().await, [2]);
        let mut ended = as_completed([create_task(after(2)).into(), ensure_future(after(1))]);
        assert_eq!(ended.next().await.unwrap().unwrap().await, 1);
    });
}

#[test]
fn after_the_time_out_each_that_is_left_is_an_error_and_nothing_is_cancelled() {
    run(async {
        let (start, all) = (now(), tasks([7, 1, 8, 2]));
        let handles = all.each_ref().map(Task::handle);
        let ended = values(as_completed(all).timeout(secs(5))).await;
        assert_eq!(ended, [Ok(1), Ok(2), Err(TimeoutError), Err(TimeoutError)]);
        assert_eq!(now() - start, secs(5));
        sleep(secs(9)).await;
        assert!(handles.iter().all(|task| task.done() && !task.cancelled()));
    });
}

#[test]
fn what_ended_before_the_time_out_is_not_lost_by_it() {
    run(async {
        let ended = as_completed(tasks([7, 1])).timeout(secs(5));
        sleep(secs(6)).await;
        assert_eq!(values(ended).await, [Ok(1), Err(TimeoutError)]);
    });
}

#[test]
fn the_time_counts_from_the_call_and_a_second_limit_replaces_the_first() {
    run(async {
        let start = now();
        let ended = as_completed(tasks([1, 3, 50])).timeout(secs(2)).timeout(secs(4));
        assert_eq!(values(ended).await, [Ok(1), Ok(3), Err(TimeoutError)]);
        assert_eq!(now() - start, secs(4));
        assert_eq!(values(as_completed(tasks([1])).timeout(None)).await, [Ok(1)]);
    });
}

#[test]
fn a_limit_that_was_kept_leaves_no_timer_behind() {
    let lp = virtual_loop();
    lp.run_until_complete(async {
        assert_eq!(values(as_completed(tasks([1, 2])).timeout(secs(1_000_000))).await, [1, 2].map(Ok));
        drop(as_completed(tasks([1])).timeout(secs(1_000_000)));
        let start = now();
        sleep(secs(2)).await;
        assert_eq!(now() - start, secs(2));
    })
    .unwrap();
    let start = lp.time();
    assert!(lp.run_forever().is_err()); // nothing is left to wait for
    assert_eq!(lp.time(), start);
}

#[test]
fn dropped_it_leaves_the_tasks_alone_and_into_rest_gives_them_back() {
    run(async {
        let all = tasks([1, 3, 2]);
        let (order, handles) = (all.each_ref().map(Task::id), all.each_ref().map(Task::handle));
        let mut ended = as_completed(all).timeout(secs(100));
        assert_eq!(ended.next().await.unwrap().unwrap().id(), order[0]);
        let rest = ended.into_rest();
        assert_eq!(rest.iter().map(Task::id).collect::<Vec<_>>(), order[1..]);
        assert_eq!(gather(rest).await, [3, 2]);
        assert!(handles.iter().all(|task| !task.cancelled()));
        let abandoned = tasks([1]);
        let handle = abandoned[0].handle();
        drop(as_completed(abandoned));
        sleep(secs(2)).await;
        assert!(handle.done() && !handle.cancelled());
    });
}

#[test]
fn a_cancellation_of_who_asks_leaves_the_tasks_alone_and_the_line_whole() {
    run(async {
        let asker = create_task(async {
            let mut ended = as_completed(tasks([5, 6]));
            assert!(catch_cancelled(ended.next()).await.is_err());
            values(ended).await
        });
        sleep(secs(1)).await;
        assert!(asker.cancel());
        assert_eq!(asker.await, [5, 6].map(Ok));
    });
}

#[test]
fn a_cancelled_next_between_the_end_and_its_turn_loses_no_task() {
    run(async {
        let future = create_future();
        let setter = future.clone();
        let asker = create_task(async move {
            let mut ended = as_completed([future]);
            let mut cancelled = 0;
            loop {
                match catch_cancelled(ended.next()).await {
                    Ok(next) => return (cancelled, next.unwrap().unwrap().await),
                    Err(_) => cancelled += 1,
                }
            }
        });
        yield_now().await;
        setter.set_result(1).unwrap();
        assert!(asker.cancel());
        assert_eq!(asker.await, (1, 1));
    });
}

#[test]
fn tasks_cancelled_by_the_asker_come_out_cancelled() {
    run(async {
        let all = tasks([1, 50, 60]);
        let handles = all.each_ref().map(Task::handle);
        let mut ended = as_completed(all);
        let first = ended.next().await.unwrap().unwrap();
        assert_eq!(first.await, 1);
        assert_eq!(handles.iter().filter(|task| task.cancel()).count(), 2);
        let mut cancelled = 0;
        while let Some(task) = ended.next().await {
            cancelled += usize::from(task.unwrap().cancelled());
        }
        assert_eq!(cancelled, 2);
    });
}

#[test]
fn many_tasks_come_out_once_each() {
    run(async {
        let all: Vec<_> = (0..2_000).map(|i| create_task(after((i * 37) % 101))).collect();
        let (mut ended, mut log) = (as_completed(all), Vec::new());
        while let Some(task) = ended.next().await {
            log.push(task.unwrap().await);
        }
        assert_eq!(log.len(), 2_000);
        assert!(log.is_sorted());
    });
}

#[test]
#[should_panic(expected = "another event loop")]
fn a_task_of_another_loop_is_refused() {
    let other = virtual_loop();
    let foreign = other.create_future::<()>();
    run(async move { as_completed([foreign]).next().await.is_none() });
}
