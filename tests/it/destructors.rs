//! Destructors that panic, of what a program gives to the loop: they are reported, whatever the loop was doing, and
//! nothing else comes to harm. No task misses its turn, and no panic comes out of a run.

use std::any::Any;
use std::cell::Cell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Poll;

use futures::future::{Either, select};
use oneloop::{
    AnyFuture, Awaitable, ContextVar, EventLoop, catch_cancelled, create_future, create_task, current_task, gather,
    shield, sleep, task_group, timeout, try_gather, wait, yield_now,
};

use crate::support::{Bomb, LONG, OnDrop, SECOND, ms, reports_as, virtual_loop};

const IN_DESTRUCTOR: &str = "Exception in destructor: the bomb went off";

/// Runs `arm` in a task of a loop, beside a task that must take its three steps, and a main task that has nothing to do
/// with it. Returns what was reported until the loop was closed.
#[track_caller]
fn reports_of<F: Future<Output = ()> + 'static>(arm: impl FnOnce() -> F + 'static) -> Vec<String> {
    let lp = virtual_loop();
    let reports = reports_as(&lp, |context| format!("{}: {}", context.message, context.exception.message()));
    let (steps, arms) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)));
    let (count, armed) = (Rc::clone(&steps), Rc::clone(&arms));
    let ended = catch_unwind(AssertUnwindSafe(|| {
        lp.run_until_complete(async {
            create_task(async move {
                arm().await;
                armed.set(true);
            });
            create_task(async move {
                for _ in 0..3 {
                    yield_now().await;
                    count.set(count.get() + 1);
                }
            });
            sleep(SECOND).await;
        })
    }));
    assert!(matches!(ended, Ok(Ok(()))), "the run: {ended:?}");
    assert_eq!((steps.get(), arms.get()), (3, true), "no task was lost");
    assert!(catch_unwind(AssertUnwindSafe(|| drop(lp))).is_ok(), "the closing");
    reports.take()
}

/// A task that has awaited a mapped view of another task beside something that is not of the loop, and drops the view
/// when that is ready. It was cancelled before, so the cancellation has gone to the other task, which has swallowed it.
async fn given_up_view(then: impl AsyncFnOnce() + 'static) {
    let over = Rc::new(Cell::new(false));
    let (set, is_over) = (Rc::clone(&over), poll_fn(move |_| if over.get() { Poll::Ready(()) } else { Poll::Pending }));
    let stubborn = create_task(async move {
        let _ = catch_cancelled(sleep(LONG)).await;
        set.set(true);
        Bomb
    });
    let view = Awaitable::from(stubborn).map(|bomb| bomb);
    let outer = create_task(async move {
        match select(is_over, view).await {
            Either::Left(((), view)) => drop(view),
            Either::Right(_) => unreachable!("the other is polled first"),
        }
        then().await;
    });
    yield_now().await;
    yield_now().await;
    outer.cancel();
    yield_now().await;
    yield_now().await;
    yield_now().await;
    assert!(outer.cancelled());
}

#[test]
fn of_a_value_whose_last_pointer_is_the_note_of_a_cancellation() {
    assert_eq!(reports_of(|| given_up_view(async || sleep(LONG).await)), [IN_DESTRUCTOR]);
}

#[test]
fn of_the_same_when_another_cancellation_comes() {
    let again = async || {
        current_task().expect("inside a task").cancel();
        sleep(LONG).await;
    };
    assert_eq!(reports_of(move || given_up_view(again)), [IN_DESTRUCTOR]);
}

#[test]
fn of_a_value_behind_a_shield_that_a_cancelled_task_awaits() {
    let reports = reports_of(|| async {
        let shielded = shield(create_task(async { Bomb }));
        let task = create_task(async move {
            current_task().expect("inside a task").cancel();
            drop(shielded.await);
        });
        sleep(ms(1)).await;
        assert!(task.cancelled());
    });
    assert_eq!(reports, [IN_DESTRUCTOR]);
}

#[test]
fn of_children_of_a_gathering_that_is_cancelled_which_reaches_all_of_them() {
    let reports = reports_of(|| async {
        let shields: Vec<_> = (0..3).map(|_| shield(create_task(async { Bomb }))).collect();
        let all: Vec<AnyFuture> = shields.iter().map(Awaitable::any).collect();
        let gathering = gather(shields);
        yield_now().await; // the tasks have ended, and the shields not yet
        gathering.cancel();
        assert!(all.iter().all(AnyFuture::cancelled));
        drop(gathering);
    });
    assert_eq!(reports, [IN_DESTRUCTOR; 3]);
}

#[test]
fn of_several_callbacks_of_a_future_that_can_no_longer_be_settled() {
    let reports = reports_of(|| async {
        let future = create_future::<()>();
        for _ in 0..3 {
            let bomb = Bomb;
            future.add_done_callback(move |_| drop(bomb));
        }
        drop(future);
    });
    assert_eq!(reports, [IN_DESTRUCTOR; 3]);
}

#[test]
fn of_a_value_whose_last_handle_is_dropped() {
    let reports = reports_of(|| async {
        let task = create_task(async { Bomb });
        let settled = create_future();
        assert!(settled.set_result(Bomb).is_ok());
        let shared = create_task(async { Rc::new(Bomb) }).shared();
        let look = shared.clone();
        yield_now().await;
        assert!(look.result().is_ok(), "the view has it");
        drop((task, settled, shared, look));
    });
    assert_eq!(reports, [IN_DESTRUCTOR; 3]);
}

#[test]
fn of_the_values_of_detached_tasks_and_of_children_of_a_group_and_a_gathering() {
    let reports = reports_of(|| async {
        drop(create_task(async { Bomb }));
        let group = task_group(async |group| {
            (0..3).for_each(|_| drop(group.create_task(async { Ok(Bomb) })));
            Ok::<(), ()>(())
        });
        assert!(group.await.is_ok());
        let slow = async {
            sleep(ms(1)).await;
            Ok::<_, ()>(Bomb)
        };
        let failing: Awaitable<Result<Bomb, ()>> = create_task(async { Err(()) }).into();
        assert!(try_gather([failing, create_task(slow).into()]).await.is_err());
        drop(wait([create_task(async { Bomb })]).await);
        assert!(
            timeout(
                ms(1),
                create_task(async {
                    sleep(LONG).await;
                    drop(Bomb);
                })
            )
            .await
            .is_err()
        );
        sleep(ms(2)).await;
    });
    assert_eq!(reports, [IN_DESTRUCTOR; 6]);
}

#[test]
fn of_a_handle_that_a_decision_about_a_gathering_drops() {
    let reports = reports_of(|| async {
        let handle: Rc<Cell<Option<Box<dyn Any>>>> = Rc::default();
        let dropped = Rc::clone(&handle);
        let child: Awaitable<Result<_, ()>> = Awaitable::from(create_task(yield_now())).map(move |()| {
            drop(dropped.take());
            Ok(None)
        });
        let bomb = Awaitable::from(create_task(async { Bomb })).map(|bomb| Ok(Some(bomb)));
        handle.set(Some(Box::new(try_gather([child, bomb]))));
        sleep(ms(1)).await;
        assert!(handle.take().is_none());
    });
    assert_eq!(reports, [IN_DESTRUCTOR]);
}

#[test]
fn of_an_exception_handler_that_replaces_itself() {
    let lp = virtual_loop();
    let bomb = Bomb;
    lp.set_exception_handler(move |_| {
        let _ = &bomb;
        EventLoop::current().clear_exception_handler();
    });
    let ran = Rc::new(Cell::new(false));
    let runs = Rc::clone(&ran);
    lp.call_soon(|| panic!("boom"));
    lp.call_soon(move || runs.set(true));
    lp.run_until_complete(yield_now()).expect("it runs");
    assert!(ran.get());
}

#[test]
fn of_values_of_variables() {
    static HELD: ContextVar<Bomb> = ContextVar::new("held");
    let reports = reports_of(|| async {
        create_task(async { drop(HELD.set(Bomb)) });
        EventLoop::current().call_soon(|| drop(HELD.set(Bomb)));
        yield_now().await;
        yield_now().await;
    });
    assert_eq!(reports, [IN_DESTRUCTOR; 2]);
}

#[test]
fn while_the_loop_closes() {
    let reports = reports_of(|| async {
        let lp = EventLoop::current();
        let bombs = || (Bomb, ());
        let (soon, later, coroutine, noted) = (bombs(), bombs(), bombs(), bombs());
        lp.call_later(LONG, move || drop(later));
        create_task(async move {
            sleep(LONG).await;
            drop(coroutine);
        });
        create_task(sleep(LONG)).add_done_callback(move |_| drop(noted));
        yield_now().await;
        drop(create_task(async move {
            let mut soon = Some(soon);
            let _late =
                OnDrop(move || drop(soon.take().map(|soon| EventLoop::current().call_soon(move || drop(soon)))));
            sleep(LONG).await;
        }));
    });
    assert_eq!(reports, [IN_DESTRUCTOR; 4]);
}
