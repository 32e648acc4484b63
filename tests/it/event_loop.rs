//! The loop itself: running, stopping, entering, closing, and what it refuses.

use std::cell::{Cell, RefCell};
use std::future::{pending, ready};
use std::rc::Rc;
use std::time::Duration;

use oneloop::{
    Error, EventLoop, Task, TaskError, all_tasks, create_future, create_task, ensure_future, gather, sleep, try_gather,
    wait, yield_now,
};

use crate::support::{OnDrop, SECOND, now, panic_of, virtual_loop};

/// A task that holds `thing` and never ends.
fn hold<T: 'static>(lp: &EventLoop, thing: T) -> Task<()> {
    lp.create_task(async move {
        let _thing = thing;
        pending::<()>().await;
    })
}

#[test]
fn the_main_future_may_borrow_from_its_caller_also_what_it_changes() {
    let lp = virtual_loop();
    let mut words = vec!["one"];
    let (text, all) = (String::from("loop"), &mut words);
    let first: &str = lp
        .run_until_complete(async {
            yield_now().await;
            all.push(&text);
            all[0]
        })
        .expect("it runs");
    assert_eq!((first, words.len()), ("one", 2));
}

#[test]
fn the_main_future_is_dropped_before_a_run_that_was_stopped_returns() {
    let lp = virtual_loop();
    let dropped = Cell::new(false);
    let ended = lp.run_until_complete(async {
        let _note = OnDrop(|| dropped.set(true));
        EventLoop::current().stop();
        pending::<()>().await;
    });
    assert!(matches!(ended, Err(Error::Stopped)));
    assert!(dropped.get());
}

#[test]
fn the_main_future_is_dropped_when_a_deadlock_ends_the_run() {
    let lp = virtual_loop();
    let dropped = Cell::new(0);
    let ended = lp.run_until_complete(async {
        let _note = OnDrop(|| dropped.set(dropped.get() + 1));
        pending::<()>().await;
    });
    assert!(matches!(ended, Err(Error::Deadlock(_))));
    assert_eq!(dropped.get(), 1);
    assert_eq!(lp.run_until_complete(ready(1)).ok(), Some(1));
}

#[test]
fn the_main_future_is_dropped_in_the_loops_context() {
    let lp = virtual_loop();
    let tasks = Cell::new(0);
    let ended = lp.run_until_complete(async {
        let _note = OnDrop(|| {
            drop(create_task(async {}));
            tasks.set(all_tasks().len());
        });
        pending::<()>().await;
    });
    assert!(matches!(ended, Err(Error::Deadlock(_))));
    assert!(tasks.get() > 0);
}

#[test]
fn a_future_refused_is_dropped_unpolled() {
    let (lp, polled, dropped) = (virtual_loop(), Cell::new(false), Cell::new(false));
    lp.close().expect("it closes");
    let note = OnDrop(|| dropped.set(true));
    let main = async {
        polled.set(true);
        drop(note);
    };
    assert!(matches!(lp.run_until_complete(main), Err(Error::Closed)));
    assert!(dropped.get() && !polled.get());
}

#[test]
fn tasks_gatherings_and_futures_are_run_as_they_are() {
    let lp = virtual_loop();
    let task = lp.create_task(async {
        sleep(SECOND).await;
        all_tasks().len()
    });
    assert_eq!(lp.run_until_complete(task).ok(), Some(1), "no task was wrapped around it");
    let (values, outcomes, first) = {
        let _in = lp.enter();
        (
            gather([ready(1), ready(2)]),
            gather([ready(3)]).return_exceptions(),
            try_gather([ready(Ok(4)), ready(Err("no"))]),
        )
    };
    assert_eq!(lp.run_until_complete(values).ok(), Some(vec![1, 2]));
    assert!(matches!(lp.run_until_complete(outcomes).as_deref(), Ok([Ok(3)])));
    assert_eq!(lp.run_until_complete(first).ok(), Some(Err("no")));
    let (shared, mapped) = {
        let _in = lp.enter();
        (create_task(ready(5)).shared(), ensure_future(ready(6)).map(|n| n + 1))
    };
    assert_eq!(lp.run_until_complete(shared.clone()).ok(), Some(5));
    assert_eq!(lp.run_until_complete(shared).ok(), Some(5));
    assert_eq!(lp.run_until_complete(mapped).ok(), Some(7));
}

#[test]
fn a_task_is_left_to_its_loop_when_its_run_is_stopped() {
    let lp = virtual_loop();
    let task = lp.create_task(async {
        sleep(SECOND).await;
        1
    });
    let shared = task.shared();
    let stopper = lp.clone();
    lp.call_soon(move || stopper.stop());
    assert!(matches!(lp.run_until_complete(shared.clone()), Err(Error::Stopped)));
    assert!(!shared.done());
    assert_eq!(lp.run_until_complete(shared).ok(), Some(1));
}

#[test]
fn a_run_inside_a_running_loop_is_refused_on_the_same_and_on_another_loop() {
    let (lp, other) = (virtual_loop(), virtual_loop());
    let inner = lp.clone();
    lp.run_until_complete(async move {
        assert!(inner.is_running() && !other.is_running());
        assert!(matches!(inner.run_until_complete(ready(1)), Err(Error::Running)));
        assert!(matches!(inner.run_forever(), Err(Error::Running)));
        assert!(matches!(other.run_until_complete(ready(1)), Err(Error::Running)));
        assert!(matches!(oneloop::run(ready(1)), Err(Error::Running)));
        assert!(matches!(inner.close(), Err(Error::StillRunning)));
        other.close().expect("it does not run");
        yield_now().await;
    })
    .expect("the outer run goes on");
    assert!(!lp.is_running());
}

#[test]
fn a_run_is_refused_in_callbacks_and_destructors_too() {
    let lp = virtual_loop();
    let refused = Rc::new(Cell::new(0));
    let (inner, count) = (lp.clone(), Rc::clone(&refused));
    let try_to_run = move || {
        let ended = inner.run_until_complete(ready(()));
        count.set(count.get() + u32::from(matches!(ended, Err(Error::Running))));
    };
    let again = try_to_run.clone();
    lp.call_soon(try_to_run);
    drop(lp.create_task(async move { drop(OnDrop(&again)) }));
    lp.run_until_complete(yield_now()).expect("it runs");
    assert_eq!(refused.get(), 2);
}

#[test]
fn a_closed_loop_refuses_to_run_and_to_schedule() {
    let lp = virtual_loop();
    lp.close().expect("it closes");
    lp.close().expect("it is closed already");
    assert!(lp.is_closed());
    assert!(matches!(lp.run_until_complete(ready(1)), Err(Error::Closed)));
    assert!(matches!(lp.run_forever(), Err(Error::Closed)));
    let refuses = |what: &dyn Fn()| {
        let text = panic_of(what);
        assert!(text.contains("the event loop is closed"), "{text}");
    };
    refuses(&|| drop(lp.call_soon(|| ())));
    refuses(&|| drop(lp.call_later(SECOND, || ())));
    refuses(&|| drop(lp.call_at(lp.time(), || ())));
    refuses(&|| drop(lp.create_task(async {})));
}

#[test]
fn what_belongs_to_another_loop_is_refused() {
    let (lp, other) = (virtual_loop(), virtual_loop());
    let done = lp.create_task(ready(1));
    lp.run_until_complete(yield_now()).expect("it runs");
    assert!(matches!(other.run_until_complete(done), Err(Error::ForeignLoop)));
    assert!(matches!(other.run_until_complete(lp.create_future::<()>()), Err(Error::ForeignLoop)));
    let _in = lp.enter();
    assert!(matches!(other.run_until_complete(gather([ready(1)])), Err(Error::ForeignLoop)));
    assert_eq!(other.run_until_complete(ready(2)).ok(), Some(2));
}

#[test]
fn gather_and_wait_refuse_what_belongs_to_another_loop() {
    let (lp, other) = (virtual_loop(), virtual_loop());
    let foreign = [(), ()].map(|()| lp.create_future::<()>());
    other
        .run_until_complete(async {
            let [one, two] = foreign;
            let mut gathers = create_task(async move { gather([one]).await });
            let mut waits = create_task(async move { drop(wait([two]).await) });
            assert!(matches!(gathers.outcome().await, Err(TaskError::Panicked(_))));
            assert!(matches!(waits.outcome().await, Err(TaskError::Panicked(_))));
        })
        .expect("it runs");
}

#[test]
fn closing_a_running_loop_is_refused_with_the_remedy() {
    let lp = virtual_loop();
    let (inner, text) = (lp.clone(), Rc::new(RefCell::new(String::new())));
    let told = Rc::clone(&text);
    lp.call_soon(move || *told.borrow_mut() = inner.close().expect_err("it runs").to_string());
    lp.run_until_complete(yield_now()).expect("it runs");
    assert!(text.borrow().contains("cannot be closed while it runs"), "{}", text.borrow());
    lp.close().expect("it has ended");
}

#[cfg(not(oneloop_plain_alloc))] // what is left is leaked on purpose, which a sanitizer would tell
#[test]
fn destructors_that_go_on_and_on_do_not_make_closing_endless() {
    struct Again(u32);
    impl Drop for Again {
        fn drop(&mut self) {
            for _ in 0..self.0 {
                let again = Self(self.0);
                drop(create_task(async move {
                    let _again = again;
                    pending::<()>().await;
                }));
            }
        }
    }
    for each in [1, 2] {
        let lp = virtual_loop();
        let told = Rc::new(Cell::new(0));
        let tell = Rc::clone(&told);
        lp.set_exception_handler(move |context| {
            tell.set(tell.get() + u32::from(context.message == "Event loop closed while destructors used it"));
        });
        let again = Again(each);
        drop(lp.create_task(async move { drop(again) }));
        lp.close().expect("it does not run");
        assert_eq!(told.get(), 1);
    }
}

#[test]
fn stop_before_a_run_lets_it_take_one_iteration() {
    let lp = virtual_loop();
    let log = Rc::new(RefCell::new(Vec::new()));
    let (inner, first, second) = (lp.clone(), Rc::clone(&log), Rc::clone(&log));
    lp.call_soon(move || {
        first.borrow_mut().push(1);
        inner.call_soon(move || second.borrow_mut().push(2));
    });
    lp.stop();
    lp.run_forever().expect("it was stopped");
    assert_eq!(*log.borrow(), [1]);
    lp.stop();
    lp.run_forever().expect("it was stopped");
    assert_eq!(*log.borrow(), [1, 2]);
}

#[test]
fn stop_lets_the_batch_end_and_the_value_count_if_it_came_in_time() {
    let lp = virtual_loop();
    let after = Rc::new(Cell::new(false));
    let (stopper, note) = (lp.clone(), Rc::clone(&after));
    lp.call_soon(move || stopper.stop());
    lp.call_soon(move || note.set(true));
    assert_eq!(lp.run_until_complete(ready(1)).ok(), Some(1));
    assert!(after.get());
}

#[test]
fn run_forever_on_a_virtual_clock_ends_with_a_deadlock_when_nothing_can_happen() {
    let lp = virtual_loop();
    let start = lp.time();
    lp.call_later(5 * SECOND, || ());
    assert!(matches!(lp.run_forever(), Err(Error::Deadlock(_))));
    assert_eq!(lp.time() - start, 5 * SECOND);
}

#[test]
fn a_deadlock_names_who_waits_for_whom() {
    let lp = virtual_loop();
    let ended = lp.run_until_complete(async {
        let silent = create_task(pending::<()>()).named("silent");
        let middle = create_task(silent).named("middle");
        let future = create_task(create_future::<()>()).named("never settled");
        drop(create_task(async move { futures::join!(gather([future]), create_future::<()>()) }).named("both"));
        middle.await;
    });
    let Err(Error::Deadlock(deadlock)) = ended else { panic!("{ended:?}") };
    let expected = [
        "Task-1 waits for middle",
        "silent waits for something outside the loop",
        "middle waits for silent",
        "never settled waits for a future",
        "both waits for a gathering of 1 and a future",
    ];
    assert_eq!(deadlock.waiting[..3], expected[..3]);
    assert_eq!(deadlock.waiting.len(), 5);
    assert!(expected[3..].iter().all(|line| deadlock.waiting.contains(&(*line).to_owned())), "{:?}", deadlock.waiting);
    assert!(deadlock.to_string().contains("middle waits for silent"));
}

#[test]
fn tasks_that_are_not_done_stay_for_the_next_run() {
    let lp = virtual_loop();
    let log = Rc::new(Cell::new(0));
    let count = Rc::clone(&log);
    let task = lp.create_task(async move {
        for i in 1..=3 {
            sleep(SECOND).await;
            count.set(i);
        }
    });
    lp.run_until_complete(sleep(SECOND * 3 / 2)).expect("it runs");
    assert_eq!(log.get(), 1);
    lp.run_until_complete(task).expect("it runs");
    assert_eq!(log.get(), 3);
}

#[test]
fn a_cancelled_main_future_is_an_error_with_its_message() {
    let lp = virtual_loop();
    let ended = lp.run_until_complete(async {
        oneloop::current_task().expect("inside a task").cancel_with("enough");
        pending::<()>().await;
    });
    assert!(matches!(ended, Err(Error::Cancelled(why)) if why.message() == Some("enough")));
}

#[test]
fn run_cancels_and_awaits_what_is_left_and_closes_the_loop() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let (note, kept) = (Rc::clone(&log), Rc::new(RefCell::new(None)));
    let keep = Rc::clone(&kept);
    let value = oneloop::run(async move {
        keep.replace(Some(EventLoop::current()));
        drop(create_task(async move {
            let ended = oneloop::catch_cancelled(pending::<()>()).await;
            note.borrow_mut().push("cancelled");
            yield_now().await;
            note.borrow_mut().push("cleaned up");
            ended.unwrap_err().reraise().await
        }));
        yield_now().await;
        5
    });
    assert_eq!(value.ok(), Some(5));
    assert_eq!(*log.borrow(), ["cancelled", "cleaned up"]);
    let lp = kept.take().expect("it was put there");
    assert!(!lp.is_closed(), "a handle is left");
}

/// How many cancellations the innermost of so many tasks counts that await each other when the run ends, each of which
/// is cancelled.
fn counted_at_the_end_of_a_run(depth: u32) -> u32 {
    let (counted, ended) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
    let (count, end) = (Rc::clone(&counted), Rc::clone(&ended));
    let value = oneloop::run(async move {
        let mut task = create_task(async move {
            let cancelled = oneloop::catch_cancelled(pending::<()>()).await;
            count.set(oneloop::current_task().expect("inside a task").cancelling());
            cancelled.unwrap_err().reraise().await;
        });
        for _ in 1..depth {
            let (inner, end) = (task, Rc::clone(&end));
            task = create_task(async move {
                let _end = OnDrop(move || end.set(end.get() + 1));
                inner.await;
            });
        }
        yield_now().await;
    });
    assert!(value.is_ok());
    assert_eq!(ended.get(), depth - 1, "all are cancelled, one after another");
    counted.get()
}

/// asyncio cancels each task that is left, and each of these cancellations goes down all the awaits below the task.
#[test]
fn a_run_that_leaves_a_long_chain_of_awaits_does_not_follow_it_from_each_of_its_tasks() {
    assert_eq!([1, 10, 64].map(counted_at_the_end_of_a_run), [1, 10, 64]);
    assert!(counted_at_the_end_of_a_run(10_000) < 70);
}

#[test]
fn run_cleans_up_also_when_the_main_future_panics() {
    let ended = Rc::new(Cell::new(false));
    let note = Rc::clone(&ended);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        oneloop::run(async move {
            drop(create_task(async move {
                let _ = oneloop::catch_cancelled(pending::<()>()).await;
                note.set(true);
            }));
            yield_now().await;
            panic!("main");
        })
    }));
    assert!(panicked.is_err());
    assert!(ended.get());
}

#[test]
fn the_last_handle_closes_the_loop_and_drops_its_tasks_in_its_context() {
    let lp = virtual_loop();
    let (seen, expected) = (Rc::new(RefCell::new(None)), format!("{lp:?}"));
    let note = Rc::clone(&seen);
    let task = hold(
        &lp,
        OnDrop(move || {
            note.replace(EventLoop::try_current().map(|lp| (format!("{lp:?}"), lp.is_closed())));
        }),
    );
    lp.run_until_complete(yield_now()).expect("it runs");
    let other = lp.clone();
    drop(lp);
    assert!(seen.borrow().is_none(), "a handle is left");
    drop(other);
    let (name, closed) = seen.take().expect("its context");
    assert!(closed);
    assert_eq!(name.split(',').next(), expected.split(',').next());
    assert!(task.cancelled());
    assert!(EventLoop::try_current().is_none());
}

#[test]
fn destructors_that_use_the_loop_while_it_closes_are_served_and_their_things_dropped() {
    let witness = Rc::new(Cell::new(0));
    let lp = virtual_loop();
    let held = Rc::clone(&witness);
    let task = hold(
        &lp,
        OnDrop(move || {
            let (one, two, three) = (Rc::clone(&held), Rc::clone(&held), Rc::clone(&held));
            drop(create_task(async move { drop(one) }));
            EventLoop::current().call_soon(move || drop(two));
            EventLoop::current().call_later(SECOND, move || drop(three)).cancel();
            assert!(matches!(EventLoop::current().run_until_complete(ready(())), Err(Error::Closed)));
            EventLoop::current().close().expect("it is closing");
            held.set(held.get() + 1);
        }),
    );
    lp.run_until_complete(yield_now()).expect("it runs");
    drop(task);
    drop(lp);
    assert_eq!((witness.get(), Rc::strong_count(&witness)), (1, 1));
}

#[test]
fn a_destructor_that_keeps_a_handle_on_the_loop_while_it_closes_finds_it_closed_later() {
    let kept = Rc::new(RefCell::new(None));
    let lp = virtual_loop();
    let keep = Rc::clone(&kept);
    drop(hold(
        &lp,
        OnDrop(move || {
            keep.replace(Some(EventLoop::current()));
        }),
    ));
    lp.run_until_complete(yield_now()).expect("it runs");
    drop(lp);
    let lp: EventLoop = kept.take().expect("it was kept");
    assert!(lp.is_closed());
    assert!(matches!(lp.run_until_complete(ready(())), Err(Error::Closed)));
}

#[test]
fn close_drops_unstarted_tasks_queued_callbacks_and_timers() {
    let witness = Rc::new(());
    let lp = virtual_loop();
    let held: Vec<_> = (0..4).map(|_| Rc::clone(&witness)).collect();
    let mut held = held.into_iter();
    let mut next = || held.next().expect("four");
    let (one, two, three, four) = (next(), next(), next(), next());
    let task = lp.create_task(async move { drop(one) });
    lp.call_soon(move || drop(two));
    lp.call_later(SECOND, move || drop(three));
    task.add_done_callback(move |_| drop(four));
    lp.close().expect("it closes");
    assert_eq!(Rc::strong_count(&witness), 1);
    assert!(task.cancelled());
    assert!(matches!(task.into_result(), Err(TaskError::Cancelled(_))));
}

#[test]
fn enter_makes_the_loop_current_until_the_guard_goes() {
    let (lp, other) = (virtual_loop(), virtual_loop());
    assert!(EventLoop::try_current().is_none());
    let outer = lp.enter();
    assert_eq!(EventLoop::current(), lp);
    {
        let _inner = other.enter();
        assert_eq!(EventLoop::current(), other);
    }
    assert_eq!(EventLoop::current(), lp);
    drop(outer);
    assert!(EventLoop::try_current().is_none());
}

#[test]
fn guards_dropped_out_of_order_leave_those_that_stay() {
    let loops: Vec<_> = (0..3).map(|_| virtual_loop()).collect();
    let mut guards: Vec<_> = loops.iter().map(EventLoop::enter).collect();
    drop(guards.remove(1));
    assert_eq!(EventLoop::current(), loops[2]);
    drop(guards.remove(0));
    assert_eq!(EventLoop::current(), loops[2]);
    drop(guards);
    assert!(EventLoop::try_current().is_none());
}

#[test]
fn a_forgotten_guard_leaves_the_thread_in_a_loop_that_can_still_be_closed() {
    std::thread::spawn(|| {
        let witness = Rc::new(());
        let lp = virtual_loop();
        drop(hold(&lp, Rc::clone(&witness)));
        std::mem::forget(lp.enter());
        assert_eq!(lp.run_until_complete(ready(1)).ok(), Some(1));
        drop(lp);
        assert_eq!(Rc::strong_count(&witness), 1);
        let left = EventLoop::current();
        assert!(left.is_closed());
        assert_eq!(virtual_loop().run_until_complete(async { all_tasks().len() }).ok(), Some(1));
    })
    .join()
    .expect("the thread ends well");
}

#[test]
fn a_guard_forgotten_inside_a_task_leaves_the_running_loop_running() {
    std::thread::spawn(|| {
        let (lp, other) = (virtual_loop(), virtual_loop());
        let start = lp.time();
        let foreign = other.clone();
        let ended = lp.run_until_complete(async move {
            let timer = sleep(SECOND);
            drop(create_task(async move { std::mem::forget(foreign.enter()) }));
            timer.await;
            EventLoop::current()
        });
        assert_eq!(ended.expect("it runs"), other);
        assert_eq!(lp.time() - start, SECOND);
        drop((lp, other));
    })
    .join()
    .expect("the thread ends well");
}

#[test]
fn a_loop_closed_by_its_last_handle_inside_another_loops_task() {
    let (lp, other) = (virtual_loop(), virtual_loop());
    let seen = Rc::new(RefCell::new(None));
    let note = Rc::clone(&seen);
    drop(hold(
        &other,
        OnDrop(move || {
            note.replace(EventLoop::try_current().map(|lp| lp.is_running()));
        }),
    ));
    other.run_until_complete(yield_now()).expect("it runs");
    lp.run_until_complete(async move {
        let own = EventLoop::current();
        drop(other);
        assert_eq!(EventLoop::current(), own);
    })
    .expect("it runs");
    assert_eq!(seen.take(), Some(false), "in its own context, which does not run");
}

#[test]
fn a_loop_dropped_during_a_panic_drops_its_tasks() {
    let witness = Rc::new(());
    let held = Rc::clone(&witness);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let lp = virtual_loop();
        drop(hold(&lp, held));
        lp.run_until_complete(async { panic!("main") })
    }));
    assert!(panicked.is_err());
    assert_eq!(Rc::strong_count(&witness), 1);
}

#[test]
fn a_thousand_loops_one_after_another_leave_nothing_behind() {
    let witness = Rc::new(());
    for _ in 0..1000 {
        let lp = virtual_loop();
        drop(hold(&lp, Rc::clone(&witness)));
        lp.run_until_complete(yield_now()).expect("it runs");
    }
    assert_eq!(Rc::strong_count(&witness), 1);
}

#[test]
fn time_stands_still_while_anything_is_ready_and_jumps_when_nothing_is() {
    let lp = virtual_loop();
    let start = lp.time();
    lp.run_until_complete(async {
        for _ in 0..1000 {
            yield_now().await;
        }
        assert_eq!(now(), start);
        sleep(Duration::from_nanos(1)).await;
        assert_eq!(now() - start, Duration::from_nanos(1));
    })
    .expect("it runs");
}
