//! Panics: kept as a task's outcome, resumed in the task that awaits it, reported if it is not awaited; and no other
//! task is harmed.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use futures::channel::oneshot;
use futures::future::{Either, select};
use oneloop::{
    Awaitable, ContextVar, EventLoop, TaskError, catch_cancelled, create_future, create_task, current_task,
    ensure_future, gather, shield, sleep, task_group, try_gather, wait, yield_now,
};

use crate::support::{Bomb, Log, SECOND, reports_as, virtual_loop};

const NEVER_RETRIEVED: &str = "Task exception was never retrieved";

type Reports = Log<String>;

/// A loop with a virtual clock that keeps what its exception handler is told: what happened, and the panic's text.
fn watched_loop() -> (EventLoop, Reports) {
    let lp = virtual_loop();
    let reports = reports_as(&lp, |context| format!("{}: {}", context.message, context.exception.message()));
    (lp, reports)
}

/// Runs what `arm` starts beside another task, which must not be harmed; answers the reports.
#[track_caller]
fn reports_of(arm: impl FnOnce(&EventLoop)) -> Vec<String> {
    let (lp, reports) = watched_loop();
    let bystander = lp.create_task(async {
        for _ in 0..5 {
            sleep(SECOND).await;
        }
        "unharmed"
    });
    arm(&lp);
    let ended = catch_unwind(AssertUnwindSafe(|| lp.run_until_complete(bystander)));
    assert_eq!(ended.expect("no panic comes out of the loop").ok(), Some("unharmed"));
    let closed = catch_unwind(AssertUnwindSafe(|| drop(lp)));
    assert!(closed.is_ok(), "no panic comes out of the closing");
    reports.take()
}

#[test]
fn a_panic_of_a_task_that_is_not_awaited_is_reported_once() {
    let reports = reports_of(|lp| {
        drop(lp.create_task(async {
            yield_now().await;
            panic!("boom")
        }));
    });
    assert_eq!(reports, [format!("{NEVER_RETRIEVED}: boom")]);
}

#[test]
fn a_panic_is_reported_with_the_tasks_name_and_place_when_the_last_handle_goes() {
    let (lp, _) = watched_loop();
    let seen = Rc::new(RefCell::new(None));
    let keep = Rc::clone(&seen);
    lp.set_exception_handler(move |context| {
        assert!(keep.replace(Some(context.clone())).is_none(), "once");
    });
    let (task, line) = (lp.create_task(async { panic!("boom") }).named("bad"), line!());
    let (task, handle): (oneloop::Task<()>, _) = (task, lp.clone());
    let handle = (task.handle(), handle);
    handle.1.run_until_complete(yield_now()).expect("it runs");
    drop(task);
    assert!(seen.borrow().is_none(), "a handle is left");
    drop(handle);
    let context = seen.take().expect("it was reported");
    assert_eq!((context.task.as_deref(), context.exception.message()), (Some("bad"), "boom"));
    assert_eq!(context.created.map(|place| (place.file(), place.line())), Some((file!(), line)));
    let text = context.to_string();
    assert!(text.starts_with(NEVER_RETRIEVED) && text.contains("bad") && text.contains("boom"), "{text}");
}

#[test]
fn a_panic_that_was_seen_is_not_reported() {
    let (lp, reports) = watched_loop();
    lp.run_until_complete(async {
        let boom = || create_task(async { panic!("boom") });
        let mut task: oneloop::Task<()> = boom();
        assert!(matches!(task.outcome().await, Err(TaskError::Panicked(_))));
        drop(task);
        let looked_at: oneloop::Task<()> = boom();
        yield_now().await;
        assert!(matches!(looked_at.result(), Err(TaskError::Panicked(_))));
        drop(looked_at);
        let awaited: oneloop::Task<()> = boom();
        let mut outer = create_task(awaited);
        assert!(outer.outcome().await.is_err());
        drop(outer);
        let gathered: oneloop::Task<()> = boom();
        assert!(gather([gathered]).return_exceptions().await[0].is_err());
    })
    .expect("it runs");
    drop(lp);
    assert!(reports.take().is_empty());
}

#[test]
fn a_panic_whose_awaiter_went_before_it_came_is_reported_once() {
    let (lp, reports) = watched_loop();
    lp.run_until_complete(async {
        let task = create_task(async {
            sleep(SECOND).await;
            panic!("boom")
        });
        let mut handle: Vec<oneloop::Task<()>> = vec![task];
        assert!(futures::poll!(&mut handle[0]).is_pending());
        drop(handle);
        sleep(2 * SECOND).await;
    })
    .expect("it runs");
    drop(lp);
    assert_eq!(reports.take(), [format!("{NEVER_RETRIEVED}: boom")]);
}

#[test]
fn a_panic_that_only_wait_and_done_callbacks_were_told_of_is_reported_once() {
    let (lp, reports) = watched_loop();
    lp.run_until_complete(async {
        let task: oneloop::Task<()> = create_task(async { panic!("boom") });
        task.add_done_callback(|task| assert!(task.done()));
        let sets = wait([task]).await;
        assert_eq!(sets.done.len(), 1);
    })
    .expect("it runs");
    drop(lp);
    assert_eq!(reports.take(), [format!("{NEVER_RETRIEVED}: boom")]);
}

#[test]
fn a_panic_of_the_main_future_comes_out_with_its_own_payload() {
    #[derive(Debug, PartialEq)]
    struct Payload(u8);
    let (lp, reports) = watched_loop();
    let ended = catch_unwind(AssertUnwindSafe(|| {
        lp.run_until_complete(async {
            yield_now().await;
            panic_any(Payload(7));
        })
    }));
    assert_eq!(*ended.unwrap_err().downcast::<Payload>().expect("the payload itself"), Payload(7));
    assert!(!lp.is_running());
    assert_eq!(lp.run_until_complete(ready(1)).ok(), Some(1));
    drop(lp);
    assert!(reports.take().is_empty());
}

#[test]
fn a_panic_of_a_task_given_to_the_loop_comes_out_and_goes_through_awaiters() {
    let (lp, reports) = watched_loop();
    let task = lp.create_task(async {
        let inner = create_task(async {
            let innermost: oneloop::Task<()> = create_task(async { panic!("deep") });
            innermost.await;
        });
        inner.await;
    });
    let ended = catch_unwind(AssertUnwindSafe(|| lp.run_until_complete(task)));
    assert_eq!(ended.unwrap_err().downcast_ref(), Some(&"deep"));
    drop(lp);
    assert!(reports.take().is_empty());
}

#[test]
fn every_awaiter_of_a_shared_task_meets_its_panic() {
    let (lp, reports) = watched_loop();
    lp.run_until_complete(async {
        let shared = create_task(async {
            yield_now().await;
            panic!("boom")
        })
        .shared();
        for _ in 0..3 {
            let mut awaiter = create_task(shared.clone());
            let Err(TaskError::Panicked(panic)) = awaiter.outcome().await else { panic!("it did not panic") };
            assert_eq!(panic.message(), "boom");
        }
    })
    .expect("it runs");
    assert!(reports.take().is_empty());
}

#[test]
fn a_panic_of_a_callback_is_reported_at_once_and_the_batch_goes_on() {
    let after = Rc::new(Cell::new(0));
    let count = Rc::clone(&after);
    let reports = reports_of(move |lp| {
        lp.call_soon(|| panic!("soon"));
        let counted = Rc::clone(&count);
        lp.call_soon(move || counted.set(counted.get() + 1));
        lp.call_later(SECOND, || panic!("later"));
        lp.call_later(SECOND, move || count.set(count.get() + 1));
        lp.create_future::<()>().any().add_done_callback(|_| unreachable!());
        let future = lp.create_future::<()>();
        future.add_done_callback(|_| panic!("done"));
        future.cancel();
    });
    assert_eq!(reports, ["soon", "done", "later"].map(|text| format!("Exception in callback: {text}")));
    assert_eq!(after.get(), 2);
}

#[test]
fn a_panic_of_what_a_callback_holds_or_returns_is_reported() {
    let reports = reports_of(|lp| {
        let held = Bomb;
        lp.call_soon(move || drop(held));
        lp.call_soon(|| Bomb);
    });
    assert_eq!(reports, ["Exception in callback: the bomb went off"; 2]);
}

#[test]
fn a_panic_of_a_cancelled_callbacks_destructor_comes_out_of_cancel() {
    let (lp, reports) = watched_loop();
    let held = Bomb;
    let handle = lp.call_soon(move || drop(held));
    assert!(catch_unwind(AssertUnwindSafe(|| handle.cancel())).is_err());
    assert!(handle.cancelled());
    assert_eq!(lp.run_until_complete(ready(1)).ok(), Some(1));
    assert!(reports.take().is_empty());
}

#[test]
fn a_panic_of_a_coroutines_destructor_is_the_tasks_outcome() {
    let (lp, reports) = watched_loop();
    lp.run_until_complete(async {
        let mut returned = create_task(async { (Bomb, 1).1 });
        let mut cancelled = create_task(async {
            let _bomb = Bomb;
            pending::<()>().await;
        });
        yield_now().await;
        cancelled.cancel();
        assert!(matches!(cancelled.outcome().await, Err(TaskError::Panicked(_))));
        assert!(matches!(returned.outcome().await, Err(TaskError::Panicked(_))));
        let bomb = Bomb;
        let mut unstarted = create_task(async move {
            pending::<()>().await;
            drop(bomb);
        });
        unstarted.cancel();
        assert!(matches!(unstarted.outcome().await, Err(TaskError::Panicked(_))));
    })
    .expect("it runs");
    assert!(reports.take().is_empty());
}

#[test]
fn a_value_that_came_before_a_panic_of_the_coroutines_destructor_is_dropped_once() {
    let (lp, reports) = watched_loop();
    let witness = Rc::new(());
    lp.run_until_complete(async {
        let (bomb, mut value) = (Bomb, Some(Rc::clone(&witness)));
        let mut task = create_task(poll_fn(move |_| {
            let _held = &bomb;
            Poll::Ready(value.take().expect("it is polled once"))
        }));
        assert!(matches!(task.outcome().await, Err(TaskError::Panicked(_))));
        assert_eq!(Rc::strong_count(&witness), 1);
    })
    .expect("it runs");
    assert!(reports.take().is_empty());
}

#[test]
fn a_panic_of_a_detached_tasks_value_is_reported() {
    let reports = reports_of(|lp| drop(lp.create_task(async { Bomb })));
    assert_eq!(reports, ["Exception in destructor: the bomb went off"]);
}

#[test]
fn a_panic_of_a_value_lost_to_a_cancellation_is_the_tasks_outcome() {
    let (lp, _) = watched_loop();
    let mut task = lp.create_task(async {
        current_task().expect("inside a task").cancel();
        Bomb
    });
    let panicked = lp.run_until_complete(async { matches!(task.outcome().await, Err(TaskError::Panicked(_))) });
    assert_eq!(panicked.ok(), Some(true));
}

#[test]
fn panics_of_destructors_while_the_loop_closes_are_reported_and_all_is_dropped() {
    let witness = Rc::new(());
    let held = Rc::clone(&witness);
    let reports = reports_of(move |lp| {
        let (one, two, three, four) = (Bomb, Bomb, Bomb, Bomb);
        let first = lp.create_task(async move {
            let _bomb = one;
            pending::<()>().await;
        });
        first.add_done_callback(move |_| drop(two));
        lp.call_later(100 * SECOND, move || drop(three));
        lp.call_later(100 * SECOND, move || drop(four));
        drop(lp.create_task(async move {
            pending::<()>().await;
            drop(held);
        }));
    });
    assert_eq!(reports, ["Exception in destructor: the bomb went off"; 4]);
    assert_eq!(Rc::strong_count(&witness), 1);
}

#[test]
fn a_panic_of_a_foreign_waker_is_reported() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("wake");
        }
    }
    let kept = Rc::new(RefCell::new(Vec::<std::pin::Pin<Box<dyn Future<Output = ()>>>>::new()));
    let keep = Rc::clone(&kept);
    let reports = reports_of(move |lp| {
        let _in = lp.enter();
        let waker = Waker::from(Arc::new(Panics));
        let mut cx = Context::from_waker(&waker);
        let future = create_future::<()>();
        let (mut timer, mut awaited) = (Box::pin(sleep(SECOND)), Box::pin(future.clone()));
        assert!(timer.as_mut().poll(&mut cx).is_pending() && awaited.as_mut().poll(&mut cx).is_pending());
        lp.call_soon(move || future.set_result(()));
        keep.borrow_mut().extend([timer as _, awaited as _]);
    });
    assert_eq!(reports, ["Exception in waker: wake"; 2]);
    drop(kept);
}

#[test]
fn a_panic_of_the_exception_handler_itself_harms_no_task() {
    let (lp, _) = watched_loop();
    let calls = Rc::new(Cell::new(0));
    let count = Rc::clone(&calls);
    lp.set_exception_handler(move |_| {
        count.set(count.get() + 1);
        panic!("the handler");
    });
    lp.call_soon(|| panic!("callback"));
    drop(lp.create_task(async { panic!("task") }));
    assert_eq!(lp.run_until_complete(async { sleep(SECOND).await }).ok(), Some(()));
    assert_eq!(calls.get(), 2);
}

#[test]
fn a_panic_of_the_exception_handlers_destructor_does_not_come_out_of_the_closing() {
    let (lp, _) = watched_loop();
    let bomb = Bomb;
    lp.set_exception_handler(move |_| {
        let _held = &bomb;
    });
    let closed = catch_unwind(AssertUnwindSafe(|| drop(lp)));
    assert!(closed.is_ok());
}

#[test]
fn a_handler_that_replaces_itself_and_uses_the_loop_meets_no_borrow() {
    let (lp, reports) = watched_loop();
    let kept = Rc::clone(&reports);
    lp.set_exception_handler(move |context| {
        let (message, kept) = (context.message, Rc::clone(&kept));
        let lp = EventLoop::current();
        lp.set_exception_handler(move |context| kept.borrow_mut().push(format!("{message}, {}", context.message)));
        lp.call_soon(|| panic!("again"));
    });
    lp.call_soon(|| panic!("first"));
    lp.run_until_complete(sleep(SECOND)).expect("it runs");
    assert_eq!(reports.take(), ["Exception in callback, Exception in callback"]);
}

#[test]
fn without_a_handler_the_loop_goes_on_too() {
    let (lp, reports) = watched_loop();
    lp.clear_exception_handler();
    lp.call_soon(|| panic!("callback"));
    assert_eq!(lp.run_until_complete(sleep(SECOND)).ok(), Some(()));
    assert!(reports.take().is_empty());
}

#[test]
fn a_panic_of_a_map_closure_is_met_by_each_look() {
    let (lp, reports) = watched_loop();
    lp.run_until_complete(async {
        let boom = |()| -> Result<(), ()> { panic!("map") };
        let awaited = ensure_future(ready(())).map(boom);
        let mut outer = create_task(awaited);
        assert!(matches!(outer.outcome().await, Err(TaskError::Panicked(_))));
        let slow = ensure_future(sleep(SECOND)).map(boom);
        let other = create_task(sleep(2 * SECOND));
        let mut judged = create_task(try_gather([slow]));
        let outcome = judged.outcome().await;
        assert!(matches!(outcome, Err(TaskError::Panicked(_))), "{outcome:?}");
        other.await;
    })
    .expect("it runs");
    assert!(reports.take().is_empty(), "each was seen");
}

#[test]
fn a_panicking_child_ends_a_gathering_and_its_siblings_run_on() {
    let (lp, reports) = watched_loop();
    lp.run_until_complete(async {
        let sibling = create_task(sleep(SECOND)).shared();
        let bad: oneloop::Task<()> = create_task(async { panic!("child") });
        let mut both = gather([Awaitable::from(bad), sibling.clone().into()]);
        assert!(matches!(both.outcome().await, Err(TaskError::Panicked(_))));
        assert!(!sibling.done());
        sibling.await;
    })
    .expect("it runs");
    assert!(reports.take().is_empty());
}

#[test]
fn what_would_panic_if_it_were_polled_during_a_throw_is_dropped_without_a_poll() {
    let (lp, _) = watched_loop();
    lp.run_until_complete(async {
        let polls = Cell::new(0);
        let mut bad = create_task(poll_fn(move |_| -> Poll<()> {
            polls.set(polls.get() + 1);
            assert!(polls.get() == 1, "polled while throwing");
            Poll::Pending
        }));
        let after = create_task(async {
            sleep(SECOND).await;
            yield_now().await;
            1
        });
        yield_now().await;
        bad.cancel();
        assert!(matches!(bad.outcome().await, Err(TaskError::Cancelled(_))));
        assert_eq!(after.await, 1);
    })
    .expect("it runs");
}

#[test]
fn a_panic_beside_a_catcher_during_a_throw_ends_the_task_with_the_panic_and_the_throw_with_it() {
    let (lp, _) = watched_loop();
    lp.run_until_complete(async {
        let polls = Cell::new(0);
        let panics = poll_fn(move |_| -> Poll<()> {
            polls.set(polls.get() + 1);
            assert!(polls.get() == 1, "polled while throwing");
            Poll::Pending
        });
        let mut bad = create_task(async { futures::join!(panics, catch_cancelled(sleep(SECOND))) });
        let after = create_task(async {
            sleep(SECOND).await;
            yield_now().await;
            1
        });
        yield_now().await;
        bad.cancel();
        assert!(matches!(bad.outcome().await, Err(TaskError::Panicked(_))));
        assert_eq!(after.await, 1);
    })
    .expect("it runs");
}

#[test]
fn a_payload_that_panics_when_it_is_dropped_harms_no_task() {
    let reports = reports_of(|lp| {
        lp.call_soon(|| panic_any(Bomb));
        drop(lp.create_task(async { panic_any(Bomb) }));
    });
    let text = "a value that is not a string";
    assert_eq!(reports, [format!("Exception in callback: {text}"), format!("{NEVER_RETRIEVED}: {text}")]);
}

/// The value of a task that is awaited no more goes when the cancellation that was handed to that task comes back.
#[test]
fn a_value_whose_destructor_panics_in_a_step_of_another_task_is_reported() {
    let reports = reports_of(|lp| {
        lp.create_task(async {
            let inner = create_task(async {
                let _ = catch_cancelled(sleep(SECOND)).await;
                Bomb
            });
            let view = Awaitable::from(inner).map(|bomb| bomb);
            let (go, gone) = oneshot::channel::<()>();
            let outer = create_task(async move {
                match select(gone, view).await {
                    Either::Left((_, view)) => drop(view),
                    Either::Right(_) => unreachable!("the view is not done"),
                }
                sleep(SECOND).await;
            });
            yield_now().await;
            yield_now().await;
            outer.cancel(); // handed on to `inner`, which returns a value all the same
            go.send(()).expect("it is received");
        });
    });
    assert_eq!(reports, ["Exception in destructor: the bomb went off"]);
}

/// A task that cancels itself and then awaits: the cancellation ends what it awaits, and the value goes with that.
#[test]
fn a_value_whose_destructor_panics_when_a_wait_is_ended_is_reported() {
    let reports = reports_of(|lp| {
        lp.create_task(async {
            let shielded = shield(create_task(async { Bomb }));
            create_task(async move {
                current_task().expect("inside a task").cancel();
                drop(shielded.await);
            });
        });
    });
    assert_eq!(reports, ["Exception in destructor: the bomb went off"]);
}

/// What stands behind it in the batch runs, in its order.
#[test]
fn entries_behind_a_destructor_that_panics_are_not_lost() {
    let (lp, reports) = watched_loop();
    let ran = Log::<u32>::default();
    let (before, after) = (Rc::clone(&ran), Rc::clone(&ran));
    lp.create_task(async move {
        EventLoop::current().call_soon(move || before.borrow_mut().push(1));
        let shielded = shield(create_task(async { Bomb }));
        create_task(async move {
            current_task().expect("inside a task").cancel();
            drop(shielded.await);
        });
        EventLoop::current().call_soon(move || after.borrow_mut().push(2));
    });
    lp.run_until_complete(sleep(SECOND)).expect("no panic comes out of the loop");
    assert_eq!(*ran.borrow(), [1, 2]);
    assert_eq!(*reports.borrow(), ["Exception in destructor: the bomb went off"]);
}

/// The panic comes out of the step itself, after the poll. Returns what a callback sees after that, then what the task
/// sees in its next step, then what is seen outside.
fn seen_around_a_step_whose_destructor_panics(variable: &'static ContextVar<&str>) -> Vec<Option<&'static str>> {
    let seen = Log::<Option<&str>>::default();
    let (in_callback, in_task) = (Rc::clone(&seen), Rc::clone(&seen));
    let reports = reports_of(|lp| {
        lp.create_task(async move {
            let shielded = shield(create_task(async { Bomb }));
            create_task(async move {
                variable.set("inside");
                current_task().expect("inside a task").cancel();
                let _ = catch_cancelled(async { drop(shielded.await) }).await;
                in_task.borrow_mut().push(variable.get());
            });
            EventLoop::current().call_soon(move || in_callback.borrow_mut().push(variable.get()));
        });
    });
    assert_eq!(reports, ["Exception in destructor: the bomb went off"]);
    seen.borrow_mut().push(variable.get());
    seen.take()
}

#[test]
fn a_step_with_a_destructor_that_panics_leaves_each_in_its_own_context() {
    static VAR: ContextVar<&str> = ContextVar::new("var");
    VAR.set("outside");
    let seen = seen_around_a_step_whose_destructor_panics(&VAR);
    assert_eq!(seen, [Some("outside"), Some("inside"), Some("outside")]);
}

/// A thread makes its first context when it first sets a variable.
#[test]
fn a_thread_whose_first_context_is_made_in_a_step_that_panics_leaves_it_too() {
    static VAR: ContextVar<&str> = ContextVar::new("var");
    let seen = thread::spawn(|| seen_around_a_step_whose_destructor_panics(&VAR)).join().expect("it returns");
    assert_eq!(seen, [None, Some("inside"), None]);
}

/// A waker whose destructor panics.
struct BombWaker {
    _bomb: Bomb,
}

impl Wake for BombWaker {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn an_await_given_up_under_a_waker_whose_destructor_panics_lets_the_future_go() {
    let lp = virtual_loop();
    let value = Rc::new(());
    let future = lp.create_future::<Rc<()>>();
    let copy = Rc::clone(&value);
    lp.run_until_complete(async move {
        let mut awaited = Box::pin(future.clone());
        let waker = Waker::from(Arc::new(BombWaker { _bomb: Bomb }));
        assert!(awaited.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop(waker); // the future has the last share
        future.set_result(copy).expect("it is pending");
        drop(awaited);
    })
    .unwrap();
    assert_eq!(Rc::strong_count(&value), 1, "the future is kept, with its value");

    let future = lp.create_future::<Rc<()>>();
    let given_up = lp.run_until_complete(async {
        let mut awaited = Box::pin(future.clone());
        let waker = Waker::from(Arc::new(BombWaker { _bomb: Bomb }));
        assert!(awaited.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        catch_unwind(AssertUnwindSafe(|| drop(awaited))).is_err()
    });
    assert!(given_up.unwrap(), "the destructor's panic goes to the one who gives up");
    future.set_result(Rc::clone(&value)).expect("it is pending");
    drop(future);
    assert_eq!(Rc::strong_count(&value), 1, "the future is kept, with its value");
}

/// An error that panics when it is dropped, and holds something.
#[derive(Clone)]
struct BadError {
    _held: Rc<()>,
    _bomb: Rc<Bomb>,
}

impl BadError {
    fn new(held: &Rc<()>) -> Self {
        Self { _held: Rc::clone(held), _bomb: Rc::new(Bomb) }
    }
}

#[test]
fn errors_are_dropped_though_destructors_beside_them_panic() {
    let held = Rc::new(());
    let reports = reports_of(|lp| {
        let (one, other) = (BadError::new(&held), BadError::new(&held));
        drop(lp.create_task(async move {
            let children = [one, other].map(|error| async move { Err::<(), _>(error) });
            let _ = catch_unwind_of(async { drop(try_gather(children).await) }).await;
        }));
        let error = BadError::new(&held);
        drop(lp.create_task(async move {
            let group = task_group(async |group| {
                drop(group.create_task(async move { Err::<(), _>(error) }));
                yield_now().await;
                Ok(Bomb)
            });
            let _ = catch_unwind_of(async { drop(group.await) }).await;
        }));
    });
    assert_eq!(Rc::strong_count(&held), 1, "an error is lost: {reports:?}");
}

/// Awaits `future`, and tells whether it panicked.
async fn catch_unwind_of(future: impl Future<Output = ()>) -> bool {
    futures::FutureExt::catch_unwind(AssertUnwindSafe(future)).await.is_err()
}
