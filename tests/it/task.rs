//! Tasks: their steps, their values, their names, their handles.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt;
use std::future::{pending, ready};
use std::rc::Rc;

use futures::FutureExt as _;
use futures::future::{Either, select};
use oneloop::{
    EventLoop, ExceptionContext, LoopHandle, Task, TaskError, ThreadPool, all_tasks, copy_context, create_future,
    create_task, current_task, ensure_future, gather, sleep, yield_now,
};

use crate::support::{LONG, Log, SECOND, cancelling, ms, run, virtual_loop};

#[test]
fn first_steps_come_in_order_of_creation_and_not_before_the_next_iteration() {
    run(async {
        let log = Log::default();
        for name in ["a", "b", "c"] {
            let log = Rc::clone(&log);
            drop(create_task(async move { log.borrow_mut().push(name) }));
        }
        assert!(log.borrow().is_empty());
        yield_now().await;
        assert_eq!(*log.borrow(), ["a", "b", "c"]);
    });
}

#[test]
fn await_gives_the_value_that_the_coroutine_returned() {
    assert_eq!(run(async { create_task(ready(String::from("it"))).await }), "it");
}

#[test]
fn a_task_whose_handle_is_dropped_runs_on_and_its_value_is_dropped_when_it_ends() {
    run(async {
        let witness = Rc::new(());
        let value = Rc::clone(&witness);
        drop(create_task(async move {
            sleep(SECOND).await;
            value
        }));
        sleep(SECOND / 2).await;
        assert_eq!(Rc::strong_count(&witness), 2);
        sleep(SECOND).await;
        assert_eq!(Rc::strong_count(&witness), 1);
    });
}

#[test]
fn the_value_is_dropped_with_the_last_handle_of_any_kind() {
    run(async {
        let witness = Rc::new(());
        let task = create_task(ready(Rc::clone(&witness)));
        let handle = task.handle();
        yield_now().await;
        drop(task);
        assert_eq!(Rc::strong_count(&witness), 2);
        drop(handle);
        assert_eq!(Rc::strong_count(&witness), 1);
    });
}

#[test]
fn the_coroutine_is_dropped_when_it_returns_and_not_with_the_handle() {
    run(async {
        let witness = Rc::new(());
        let held = Rc::clone(&witness);
        let task = create_task(async move { drop(Rc::clone(&held)) });
        yield_now().await;
        assert_eq!(Rc::strong_count(&witness), 1);
        drop(task);
    });
}

#[test]
fn result_says_not_done_then_gives_copies_then_that_the_value_was_taken() {
    run(async {
        let mut task = create_task(ready(1));
        assert!(matches!(task.result(), Err(TaskError::NotDone)));
        assert!(!task.done());
        yield_now().await;
        assert!(task.done() && !task.cancelled());
        assert_eq!((task.result().ok(), task.result().ok()), (Some(1), Some(1)));
        assert_eq!((&mut task).await, 1);
        assert!(matches!(task.result(), Err(TaskError::Taken)));
        assert!(matches!(task.outcome().await, Err(TaskError::Taken)));
    });
}

#[test]
fn into_outcome_needs_no_binding_that_is_mut_and_leaves_the_task_running_when_dropped() {
    run(async {
        assert!(matches!(create_task(ready(1)).into_outcome().await, Ok(1)));
        let cancelled = create_task(pending::<()>());
        cancelled.cancel();
        assert!(matches!(cancelled.into_outcome().await, Err(TaskError::Cancelled(_))));
        let left = create_task(yield_now());
        let handle = left.handle();
        assert!(left.into_outcome().now_or_never().is_none());
        yield_now().await;
        yield_now().await;
        assert!(handle.done() && !handle.cancelled());
    });
}

#[test]
fn peek_shows_a_value_that_cannot_be_copied() {
    struct NoCopy(u8);
    run(async {
        let task = create_task(async { NoCopy(7) });
        assert!(matches!(task.peek(|value| value.0), Err(TaskError::NotDone)));
        yield_now().await;
        assert_eq!(task.peek(|value| value.0).ok(), Some(7));
        assert_eq!(task.into_result().ok().map(|value| value.0), Some(7));
    });
}

#[test]
fn peek_that_looks_again_finds_the_value_in_use() {
    run(async {
        let task = Rc::new(create_task(ready(1)));
        yield_now().await;
        let again = Rc::clone(&task);
        let seen = task.peek(|value| (*value, again.result().is_err()));
        assert_eq!(seen.ok(), Some((1, true)));
        assert_eq!(task.result().ok(), Some(1));
    });
}

#[test]
fn exception_is_the_error_that_was_returned() {
    run(async {
        let failed = create_task(async { Err::<(), _>("no") });
        let fine = create_task(async { Ok::<_, &str>(1) });
        let ended = create_task(pending::<Result<(), ()>>());
        assert!(matches!(failed.exception(), Err(TaskError::NotDone)));
        yield_now().await;
        ended.cancel();
        yield_now().await;
        assert_eq!(failed.exception().ok(), Some(Some("no")));
        assert_eq!(fine.exception().ok(), Some(None));
        assert!(matches!(ended.exception(), Err(TaskError::Cancelled(_))));
    });
}

#[test]
#[should_panic(expected = "awaited again after its value was taken")]
fn await_after_the_value_was_taken_panics() {
    run(async {
        let mut task = create_task(ready(1));
        (&mut task).await;
        (&mut task).await;
    });
}

#[test]
fn await_of_itself_panics_instead_of_hanging() {
    run(async {
        let reported = Rc::new(RefCell::new(String::new()));
        let note = Rc::clone(&reported);
        EventLoop::current().set_exception_handler(move |context| *note.borrow_mut() = context.to_string());
        let place = Rc::new(Cell::new(None::<Task<()>>));
        let own = Rc::clone(&place);
        let task = create_task(async move { own.take().expect("it was put there").await });
        let handle = task.handle();
        place.set(Some(task));
        yield_now().await;
        assert!(handle.done() && !handle.cancelled());
        drop(handle);
        assert!(reported.borrow().contains("Task cannot await on itself"), "{}", reported.borrow());
    });
}

#[test]
fn ids_count_from_one_and_name_the_task_until_it_has_a_name() {
    run(async {
        let me = current_task().expect("inside a task");
        let other = create_task(async {});
        assert_eq!((me.id(), other.id()), (1, 2));
        assert_eq!((me.name(), other.name()), ("Task-1".into(), "Task-2".into()));
        let other = other.named("reader");
        assert_eq!(other.handle().name(), "reader");
        other.handle().set_name("writer");
        assert_eq!(other.name(), "writer");
        assert!(format!("{other:?}").contains("writer"));
    });
}

#[test]
fn created_at_is_the_line_that_called_create_task() {
    run(async {
        let (task, line) = (create_task(async {}), line!());
        let place = task.handle().created_at();
        assert_eq!((place.file(), place.line()), (file!(), line));
        let main = current_task().expect("inside a task").created_at();
        assert_eq!(main.file(), file!());
    });
}

#[test]
fn current_task_is_the_one_that_runs_and_none_in_callbacks() {
    assert!(current_task().is_none());
    run(async {
        let me = current_task().expect("inside a task");
        let seen = Rc::new(Cell::new(true));
        let in_callback = Rc::clone(&seen);
        EventLoop::current().call_soon(move || in_callback.set(current_task().is_some()));
        let child = create_task(async { current_task().expect("inside a task").id() });
        let id = child.id();
        assert_eq!(child.await, id);
        assert_ne!(me.id(), id);
        assert_eq!(current_task(), Some(me));
        assert!(!seen.get());
    });
}

#[test]
fn current_task_in_a_destructor_of_the_coroutine_is_its_task() {
    struct Note(Rc<Cell<u64>>);
    impl Drop for Note {
        fn drop(&mut self) {
            self.0.set(current_task().map_or(0, |task| task.id()));
        }
    }
    run(async {
        let seen = Rc::new(Cell::new(0));
        let note = Note(Rc::clone(&seen));
        let task = create_task(async move {
            let _note = note;
            pending::<()>().await;
        });
        yield_now().await;
        task.cancel();
        yield_now().await;
        assert!(task.cancelled());
        assert_eq!(seen.get(), task.id());
    });
}

#[test]
fn all_tasks_are_those_not_done_in_order_of_creation() {
    run(async {
        let slow = create_task(sleep(SECOND));
        let quick = create_task(async {});
        let ids = || all_tasks().iter().map(oneloop::TaskHandle::id).collect::<Vec<_>>();
        assert_eq!(ids(), [1, slow.id(), quick.id()]);
        yield_now().await;
        assert_eq!(ids(), [1, slow.id()]);
        slow.await;
        assert_eq!(ids(), [1]);
    });
}

#[test]
fn handles_are_equal_if_they_are_of_one_task() {
    run(async {
        let (one, two) = (create_task(async {}), create_task(async {}));
        assert_eq!(one.handle(), one.handle());
        assert_ne!(one.handle(), two.handle());
        assert_eq!(oneloop::AnyFuture::from(one.handle()), *one.handle().as_any());
    });
}

#[test]
fn shared_gives_every_clone_the_value_and_runs_the_coroutine_once() {
    run(async {
        let runs = Rc::new(Cell::new(0));
        let counter = Rc::clone(&runs);
        let shared = create_task(async move {
            yield_now().await;
            counter.set(counter.get() + 1);
            String::from("one")
        })
        .shared();
        let awaiters: Vec<_> = (0..5).map(|_| create_task(shared.clone())).collect();
        for awaiter in awaiters {
            assert_eq!(awaiter.await, "one");
        }
        assert_eq!((shared.await.as_str(), runs.get()), ("one", 1));
    });
}

#[test]
fn clone_of_a_shared_value_that_asks_for_it_again_meets_no_borrow() {
    #[derive(Debug)]
    struct Asks(Rc<RefCell<Option<oneloop::Shared<Self>>>>);
    impl Clone for Asks {
        fn clone(&self) -> Self {
            if let Some(shared) = self.0.take() {
                assert!(shared.result().is_err(), "the value is being copied");
            }
            Self(Rc::default())
        }
    }
    run(async {
        let place = Rc::default();
        let shared = create_task(ready(Asks(Rc::clone(&place)))).shared();
        place.replace(Some(shared.clone()));
        shared.clone().await;
        shared.await;
        assert!(place.borrow().is_none());
    });
}

#[test]
fn map_runs_its_closure_once_and_not_before_the_value_is_asked_for() {
    run(async {
        let runs = Rc::new(Cell::new(0));
        let counter = Rc::clone(&runs);
        let mapped = ensure_future(ready(20)).map(move |n| {
            counter.set(counter.get() + 1);
            n + 1
        });
        yield_now().await;
        assert_eq!(runs.get(), 0);
        assert_eq!((mapped.result().ok(), mapped.result().ok()), (Some(21), Some(21)));
        assert_eq!((mapped.await, runs.get()), (21, 1));
    });
}

#[test]
fn map_closure_that_uses_the_loop_meets_no_borrow() {
    let value = run(async {
        let mapped = ensure_future(ready(1)).map(|n| {
            let task = create_task(async {});
            task.cancel();
            all_tasks().len() + n
        });
        mapped.await
    });
    assert_eq!(value, 3); // the main task and the new one, and 1
}

#[test]
fn done_callbacks_run_once_each_in_order_and_one_taken_back_never() {
    run(async {
        let log = Log::default();
        let task = create_task(async {});
        let note = |name| {
            let log = Rc::clone(&log);
            move |_: &oneloop::AnyFuture| log.borrow_mut().push(name)
        };
        task.add_done_callback(note("a"));
        let taken_back = task.add_done_callback(note("b"));
        task.add_done_callback(note("c"));
        assert!(task.remove_done_callback(taken_back));
        assert!(!task.remove_done_callback(taken_back));
        yield_now().await;
        yield_now().await;
        task.add_done_callback(note("late"));
        assert_eq!(*log.borrow(), ["a", "c"]);
        yield_now().await;
        assert_eq!(*log.borrow(), ["a", "c", "late"]);
    });
}

#[test]
fn a_polled_task_moved_to_another_task_wakes_its_new_owner() {
    run(async {
        let mut inner = create_task(async {
            sleep(SECOND).await;
            5
        });
        let first = create_task(async move {
            assert!(futures::poll!(&mut inner).is_pending());
            [inner]
        });
        let [inner] = first.await;
        let second = create_task(inner);
        assert_eq!(second.await, 5);
    });
}

#[test]
fn a_polled_sleep_moved_to_another_task_wakes_its_new_owner_at_the_old_deadline() {
    let lp = virtual_loop();
    let start = lp.time();
    lp.run_until_complete(async {
        let mut timer = Box::pin(sleep(3 * SECOND));
        assert!(futures::poll!(&mut timer).is_pending());
        sleep(SECOND).await;
        create_task(timer).await;
    })
    .expect("it runs");
    assert_eq!(lp.time() - start, 3 * SECOND);
}

#[test]
fn a_task_can_be_awaited_by_a_callbacks_task_after_its_maker_is_gone() {
    run(async {
        let place = Rc::new(Cell::new(None));
        let put = Rc::clone(&place);
        let maker = create_task(async move { put.set(Some(create_task(async { 1 }))) });
        maker.await;
        assert_eq!(place.take().expect("it was put there").await, 1);
    });
}

#[test]
#[should_panic(expected = "no event loop on this thread")]
fn create_task_outside_a_loop_says_what_to_do() {
    drop(create_task(async {}));
}

#[test]
fn handles_that_are_equal_have_one_hash() {
    run(async {
        let (task, future) = (create_task(async {}), create_future::<u8>());
        let view = future.clone().shared();
        let all = [task.any(), task.handle().into(), future.any(), view.any(), create_task(async {}).any()];
        assert_eq!(HashSet::from(all).len(), 3);
        let lp = EventLoop::current();
        assert_eq!(HashSet::from([lp.clone(), lp.clone(), EventLoop::new().unwrap()]).len(), 2);
        assert_eq!(HashSet::from([lp.remote(), LoopHandle::current()]).len(), 1);
        let pool = ThreadPool::new(1);
        assert_eq!(HashSet::from([pool.clone(), pool, ThreadPool::new(1)]).len(), 2);
        let context = copy_context();
        assert_eq!(HashSet::from([context.clone(), context, copy_context()]).len(), 2);
    });
}

// A handle that cancels.

#[test]
fn a_handle_that_cancels_on_drop_cancels_its_task_as_the_loser_of_a_select() {
    run(async {
        let slow = create_task(sleep(LONG)).cancel_on_drop();
        let watched = slow.any();
        match select(slow, sleep(ms(1))).await {
            Either::Right(((), slow)) => drop(slow),
            Either::Left(_) => unreachable!("it sleeps for long"),
        }
        assert!(!watched.done());
        yield_now().await;
        assert!(watched.cancelled());
    });
}

#[test]
fn a_handle_that_cancels_on_drop_gives_the_value_and_has_the_methods_of_the_task() {
    run(async {
        let task = create_task(async { 7 }).named("seven").cancel_on_drop();
        assert_eq!((task.name().as_str(), task.done()), ("seven", false));
        assert_eq!(task.await, 7);
    });
}

#[test]
fn a_cancelled_owner_requests_the_cancellation_of_its_task_once() {
    run(async {
        let seen = Rc::new(Cell::new(0));
        let noted = Rc::clone(&seen);
        let inner = create_task(async move {
            let _caught = oneloop::catch_cancelled(sleep(LONG)).await;
            noted.set(cancelling());
        });
        let owner = create_task(inner.cancel_on_drop());
        yield_now().await;
        yield_now().await;
        owner.cancel();
        owner.await; // the task inside has swallowed it
        assert_eq!(seen.get(), 1);
    });
}

#[test]
fn an_error_is_reported_once_if_it_was_asked_for_and_nothing_has_seen_it() {
    let lp = virtual_loop();
    let reports = Log::default();
    let kept = Rc::clone(&reports);
    let told = move |context: &ExceptionContext| kept.borrow_mut().push(context.task.clone().expect("a task"));
    lp.set_exception_handler(told);
    let fails = |name: &str| create_task(async { Err::<(), _>("in vain") }).named(name);
    lp.run_until_complete(async {
        drop(fails("not asked for"));
        drop(create_task(async { Ok::<_, &str>(()) }).named("succeeds").reporting_errors());
        let _ = fails("awaited").reporting_errors().await;
        let looked_at = fails("looked at").reporting_errors();
        fails("dropped at once").reporting_errors();
        let late = fails("dropped at its end").reporting_errors();
        sleep(SECOND).await;
        assert_eq!(looked_at.exception().expect("it has ended"), Some("in vain"));
        let again = late.any();
        drop((looked_at, late));
        assert_eq!(*reports.borrow(), ["dropped at once"], "a handle is left");
        drop(again);
        let _ = gather([fails("gathered").reporting_errors()]).await;
    })
    .expect("it ends");
    assert_eq!(*reports.borrow(), ["dropped at once", "dropped at its end"]);
}

#[test]
fn a_text_of_an_error_that_panics_harms_nothing() {
    struct Wordless;
    impl fmt::Display for Wordless {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("no words")
        }
    }
    let lp = virtual_loop();
    let reports = Log::default();
    let kept = Rc::clone(&reports);
    lp.set_exception_handler(move |context| kept.borrow_mut().push(context.to_string()));
    lp.run_until_complete(async {
        create_task(async { Err::<(), _>(Wordless) }).reporting_errors();
        sleep(SECOND).await;
    })
    .expect("it ends");
    assert_eq!(*reports.borrow(), ["Exception in Display of an error: panicked: no words"]);
}
