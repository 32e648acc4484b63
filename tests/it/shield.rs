//! Shields: a cancellation of the awaiter stops there, and what is behind runs on.

use std::cell::Cell;
use std::rc::Rc;

use oneloop::{
    EventLoop, Shared, TaskError, all_tasks, catch_cancelled, create_future, create_task, current_task, gather, shield,
    sleep, timeout, try_gather, yield_now,
};

use crate::support::{after, now, reports_as, run, secs, virtual_loop};

#[test]
fn it_gives_the_value_of_what_is_behind() {
    run(async {
        struct Own(Box<u64>);
        assert_eq!(shield(after(1)).await, 1);
        assert_eq!(*shield(create_task(async { Own(Box::new(after(2).await)) })).await.0, 2);
        let future = create_future();
        let setter = future.clone();
        EventLoop::current().call_soon(move || setter.set_result(3).unwrap());
        assert_eq!(shield(future).await, 3);
        assert_eq!(shield(gather([after(1), after(2)])).await, [1, 2]);
    });
}

#[test]
fn a_coroutine_starts_at_the_call() {
    run(async {
        let began = Rc::new(Cell::new(false));
        let mark = Rc::clone(&began);
        let shielded = shield(async move { mark.set(true) });
        assert_eq!(all_tasks().len(), 2);
        yield_now().await;
        assert!(began.get());
        shielded.await;
    });
}

#[test]
fn what_is_done_comes_back_as_it_is() {
    run(async {
        let task = create_task(async { 1 });
        let handle = task.handle();
        yield_now().await;
        let shielded = shield(task);
        assert_eq!(&shielded.any(), handle.as_any());
        assert_eq!(shielded.await, 1);
    });
}

#[test]
fn a_cancellation_of_the_awaiter_is_seen_in_the_next_iteration_and_the_inner_task_runs_on() {
    run(async {
        let inner = create_task(after(5)).shared();
        let behind = inner.clone();
        let outer = create_task(async move { (catch_cancelled(shield(behind)).await.is_err(), now()) });
        sleep(secs(1)).await;
        let cancelled_at = now();
        assert!(outer.cancel());
        assert_eq!(outer.await, (true, cancelled_at));
        assert!(!inner.done());
        assert_eq!(inner.await, 5);
    });
}

#[test]
fn the_shield_itself_can_be_cancelled_at_once() {
    run(async {
        let inner = create_task(after(5));
        let handle = inner.handle();
        let shielded = shield(inner);
        assert!(shielded.cancel_with("enough"));
        assert!(shielded.done() && shielded.cancelled() && !shielded.cancel());
        assert!(matches!(shielded.into_result(), Err(TaskError::Cancelled(c)) if c.message() == Some("enough")));
        sleep(secs(6)).await;
        assert!(handle.done() && !handle.cancelled());
    });
}

#[test]
fn a_cancelled_inner_task_is_raised_in_the_awaiter_with_its_message() {
    run(async {
        let inner = create_task(after(5));
        let handle = inner.handle();
        EventLoop::current().call_later(secs(1), move || assert!(handle.cancel_with("why")));
        let cancelled = catch_cancelled(shield(inner)).await.unwrap_err();
        assert_eq!((cancelled.message(), current_task().unwrap().cancelling()), (Some("why"), 0));
    });
}

#[test]
fn an_inner_panic_goes_on_in_the_awaiter() {
    run(async {
        let mut awaiter = create_task(async {
            shield(async {
                sleep(secs(1)).await;
                panic!("bang")
            })
            .await
        });
        assert!(matches!(awaiter.outcome().await, Err(TaskError::Panicked(panic)) if panic.message() == "bang"));
    });
}

#[test]
fn an_inner_panic_after_the_awaiter_was_cancelled_is_reported_once() {
    let lp = virtual_loop();
    let reports = reports_as(&lp, |context| context.exception.message().to_owned());
    lp.run_until_complete(async {
        let inner = async {
            sleep(secs(2)).await;
            panic!("late")
        };
        let outer = create_task(async move { shield::<_>(inner).await });
        yield_now().await;
        outer.cancel();
        sleep(secs(3)).await;
        drop(outer);
    })
    .unwrap();
    assert_eq!(*reports.borrow(), ["late"]);
}

#[test]
fn dropped_it_lets_the_inner_task_run_on() {
    run(async {
        let ended = Rc::new(Cell::new(false));
        let mark = Rc::clone(&ended);
        drop(shield(async move {
            sleep(secs(1)).await;
            mark.set(true);
        }));
        sleep(secs(2)).await;
        assert!(ended.get());
    });
}

#[test]
fn a_shielded_gathering_keeps_its_children() {
    run(async {
        let gathering = gather([after(1), after(5)]).shared();
        let behind = gathering.clone();
        let outer = create_task(async move { shield(behind).await });
        sleep(secs(2)).await;
        outer.cancel();
        yield_now().await;
        assert!(outer.cancelled());
        assert_eq!(gathering.await, [1, 5]);
    });
}

#[test]
fn a_gathering_of_shields_ends_cancelled_and_its_inner_tasks_run_on() {
    run(async {
        let inner: Vec<Shared<u64>> = [3, 4].map(|n| create_task(after(n)).shared()).into();
        let mut gathering = gather(inner.iter().cloned().map(shield));
        yield_now().await;
        assert!(gathering.cancel());
        assert!(gathering.outcome().await.is_err());
        assert_eq!(gather(inner).await, [3, 4]);
    });
}

#[test]
fn an_error_comes_through_as_a_value() {
    run(async {
        let failing = |n| shield(async move { if after(n).await == 1 { Err(n) } else { Ok(n) } });
        assert_eq!(failing(1).await, Err(1));
        assert_eq!(try_gather([failing(2), failing(1)]).await, Err(1));
    });
}

#[test]
fn nested_shields_are_one_shield() {
    run(async {
        let inner = create_task(after(3)).shared();
        let twice = shield(shield(inner.clone()));
        let outer = create_task(twice);
        yield_now().await;
        outer.cancel();
        yield_now().await;
        assert!(outer.cancelled() && !inner.done());
        assert_eq!(inner.await, 3);
    });
}

#[test]
fn a_time_limit_around_a_shield_ends_the_wait_and_not_the_work() {
    run(async {
        let inner = create_task(after(5)).shared();
        assert!(timeout(secs(1), shield(inner.clone())).await.is_err());
        assert_eq!(current_task().unwrap().cancelling(), 0);
        assert_eq!(inner.await, 5);
    });
}

#[test]
fn several_shields_of_one_task_are_cancelled_one_by_one() {
    run(async {
        let inner = create_task(after(2)).shared();
        let (one, two) = (shield(inner.clone()), shield(inner));
        assert!(one.cancel());
        assert!(!two.done());
        assert_eq!(two.await, 2);
    });
}

#[test]
fn its_callbacks_are_called_when_it_ends_not_when_the_inner_task_does() {
    run(async {
        let called = Rc::new(Cell::new(0));
        let shielded = shield(after(5));
        let count = Rc::clone(&called);
        shielded.add_done_callback(move |ended| count.set(count.get() + 1 + usize::from(ended.cancelled())));
        shielded.cancel();
        yield_now().await;
        assert_eq!(called.get(), 2);
        sleep(secs(6)).await;
        assert_eq!(called.get(), 2);
    });
}
