//! Programs that once showed a fault of the library, named by what holds since.

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{join, select};
use futures::stream::{FuturesUnordered, StreamExt as _};
use oneloop::{
    Awaitable, Error, EventLoop, Task, catch_cancelled, create_future, create_task, current_task, gather, sleep,
    try_gather, wait, yield_now,
};

use crate::support::{Bomb, OnDrop, alone, dead, open_descriptors, reports, virtual_loop};

fn quiet(lp: &EventLoop) {
    lp.set_exception_handler(|_| ());
}

#[test]
fn a_refused_run_of_a_done_task_does_not_stop_the_loop_that_runs() {
    let lp = virtual_loop();
    let inner = lp.clone();
    let ended = lp.run_until_complete(async move {
        let task = create_task(async {});
        yield_now().await;
        assert!(task.done());
        assert!(matches!(inner.run_until_complete(task), Err(Error::Running)));
        yield_now().await;
        yield_now().await;
        7
    });
    assert_eq!(ended.expect("it was not stopped"), 7);
}

#[test]
fn a_run_of_a_done_task_refused_by_a_closed_loop_leaks_nothing() {
    alone(|| {
        let before = open_descriptors();
        for _ in 0..10 {
            let lp = virtual_loop();
            let task = lp.create_task(async {});
            lp.run_until_complete(yield_now()).expect("it runs");
            lp.close().expect("it closes");
            assert!(matches!(lp.run_until_complete(task), Err(Error::Closed)));
        }
        assert_eq!(open_descriptors(), before, "each loop has kept its descriptors");
    });
}

#[test]
fn a_callback_of_a_future_that_is_settled_after_the_loop_closed_is_dropped() {
    let witness = Rc::new(());
    let lp = virtual_loop();
    let future = lp.create_future::<()>();
    let held = Rc::clone(&witness);
    future.add_done_callback(move |_| drop(held));
    drop(lp);
    future.set_result(()).expect("it was pending");
    drop(future);
    assert_eq!(Rc::strong_count(&witness), 1);
}

#[test]
fn a_callback_added_to_a_done_future_after_the_loop_closed_is_dropped() {
    let witness = Rc::new(());
    let lp = virtual_loop();
    let future = lp.create_future::<()>();
    future.set_result(()).expect("it was pending");
    drop(lp);
    let held = Rc::clone(&witness);
    future.add_done_callback(move |_| drop(held));
    drop(future);
    assert_eq!(Rc::strong_count(&witness), 1);
}

#[test]
fn a_map_closure_that_panics_under_try_gather_stays_in_its_task() {
    let lp = virtual_loop();
    quiet(&lp);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        lp.run_until_complete(async {
            let inner = create_task(sleep(Duration::from_millis(500)));
            let mapped = Awaitable::from(inner).map(|()| -> Result<(), ()> { panic!("map") });
            let mapped = mapped.map(|r| r);
            let outer = create_task(async move { drop(try_gather([mapped]).await) });
            outer.handle().add_done_callback(|_| ());
            sleep(Duration::from_secs(1)).await;
            5
        })
    }));
    assert!(matches!(ended, Ok(Ok(5))), "the panic came out of the loop");
}

#[derive(Debug)]
struct NoClone;

impl Clone for NoClone {
    fn clone(&self) -> Self {
        panic!("clone")
    }
}

#[test]
fn a_clone_that_panics_under_wait_for_the_first_exception_stays_in_its_task() {
    let lp = virtual_loop();
    quiet(&lp);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        lp.run_until_complete(async {
            let shared = create_task(async {
                yield_now().await;
                Ok::<_, ()>(NoClone)
            })
            .shared();
            create_task(async move {
                let other = create_task(pending()).shared();
                let waiting = wait([shared, other]).return_when(oneloop::ReturnWhen::FirstException);
                drop(waiting.await);
            });
            sleep(Duration::from_secs(1)).await;
            5
        })
    }));
    assert!(matches!(ended, Ok(Ok(5))), "the panic came out of the loop");
}

#[test]
fn a_clone_that_panics_once_leaves_the_value_to_others() {
    thread_local! {
        static BAD: Cell<bool> = const { Cell::new(true) };
    }
    #[derive(Debug)]
    struct Once(u32);
    impl Clone for Once {
        fn clone(&self) -> Self {
            assert!(!BAD.replace(false), "the first clone");
            Self(self.0)
        }
    }
    let lp = virtual_loop();
    quiet(&lp);
    let value = lp.run_until_complete(async {
        let shared = create_task(async { Once(3) }).shared();
        let (one, two) = (shared.clone(), shared.clone());
        drop(shared);
        let mut first = create_task(async move { one.await.0 });
        let mut second = create_task(async move { two.await.0 });
        (first.outcome().await.is_err(), second.outcome().await.ok())
    });
    assert_eq!(value.expect("it runs"), (true, Some(3)));
}

#[test]
fn a_look_that_panics_leaves_a_futures_value_in_place() {
    let lp = virtual_loop();
    let future = lp.create_future::<u8>();
    future.set_result(1).expect("it was pending");
    assert!(catch_unwind(AssertUnwindSafe(|| future.peek(|_| panic!("look")))).is_err());
    assert_eq!(future.into_result().ok(), Some(1));
}

/// A task that waits for something with a bomb in its map closure, and has lost the handle to it.
fn bereaved() -> (Task<()>, impl FnOnce(bool)) {
    let bomb = Bomb;
    let mapped = Awaitable::from(create_task(sleep(Duration::from_secs(5)))).map(move |()| drop(bomb));
    let place = Rc::new(RefCell::new(Some(mapped)));
    let waker = Rc::new(RefCell::new(None));
    let (shared, kept) = (Rc::clone(&place), Rc::clone(&waker));
    let waiting = create_task(poll_fn(move |cx| match &mut *shared.borrow_mut() {
        Some(mapped) => {
            kept.replace(Some(cx.waker().clone()));
            Pin::new(mapped).poll(cx)
        }
        None => Poll::Ready(()),
    }));
    let bereave = move |wake: bool| {
        let mapped = place.borrow_mut().take();
        drop(mapped);
        if wake {
            waker.take().expect("it was polled").wake();
        }
    };
    (waiting, bereave)
}

#[test]
fn a_destructor_of_a_map_closure_that_goes_with_a_wait_stays_out_of_the_loop() {
    let lp = virtual_loop();
    quiet(&lp);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        lp.run_until_complete(async {
            let (_waiting, bereave) = bereaved();
            sleep(Duration::from_secs(1)).await;
            bereave(true);
            sleep(Duration::from_secs(9)).await;
            5
        })
    }));
    assert!(matches!(ended, Ok(Ok(5))), "the panic came out of the loop");
}

#[test]
fn a_destructor_of_a_map_closure_that_goes_with_a_wait_stays_out_of_the_closing() {
    let lp = virtual_loop();
    quiet(&lp);
    lp.run_until_complete(async {
        let (_waiting, bereave) = bereaved();
        sleep(Duration::from_secs(1)).await;
        bereave(false);
    })
    .expect("it runs");
    let closed = catch_unwind(AssertUnwindSafe(|| drop(lp)));
    assert!(closed.is_ok(), "the panic came out of the drop of a loop");
}

#[test]
fn a_destructor_of_a_done_callback_that_panics_does_not_end_the_closing() {
    let witness = Rc::new(());
    let lp = virtual_loop();
    quiet(&lp);
    let bomb = Bomb;
    let first = lp.create_task(pending::<()>());
    first.add_done_callback(move |_| drop(bomb));
    let held = Rc::clone(&witness);
    drop(lp.create_task(async move {
        pending::<()>().await;
        drop(held);
    }));
    let closed = catch_unwind(AssertUnwindSafe(|| drop(lp)));
    assert!(closed.is_ok(), "the panic came out of the drop of a loop");
    assert_eq!(Rc::strong_count(&witness), 1, "the second task was not dropped");
}

#[test]
fn two_callbacks_with_destructors_that_panic_do_not_end_the_process() {
    struct Always;
    impl Drop for Always {
        fn drop(&mut self) {
            panic!("always");
        }
    }
    alone(|| {
        let lp = virtual_loop();
        quiet(&lp);
        for bomb in [Always, Always] {
            lp.call_soon(move || drop(bomb));
        }
        lp.close().expect("it closes");
    });
}

#[test]
fn a_panic_whose_payload_panics_when_it_is_dropped_stays_out_of_the_loop() {
    let lp = virtual_loop();
    quiet(&lp);
    lp.call_soon(|| std::panic::panic_any(Bomb));
    let ended = catch_unwind(AssertUnwindSafe(|| {
        lp.run_until_complete(async {
            yield_now().await;
            5
        })
    }));
    assert!(matches!(ended, Ok(Ok(5))), "the panic came out of the loop");
}

#[test]
fn what_waits_to_be_dropped_when_a_destructor_panics_is_dropped_all_the_same() {
    let witness = Rc::new(());
    let lp = virtual_loop();
    let reports = reports(&lp);
    let held = Rc::clone(&witness);
    lp.run_until_complete(async move {
        let good = Awaitable::from(gather([create_task(async {})])).map(move |_| drop(held));
        let bomb = Bomb;
        let bad = Awaitable::from(gather([create_task(async {})])).map(move |_| drop(bomb));
        let both = gather([gather([good]), gather([bad])]);
        drop(both);
    })
    .expect("it runs");
    drop(lp);
    assert_eq!((Rc::strong_count(&witness), reports.take().len()), (1, 1));
}

#[test]
fn a_leaf_that_takes_its_raise_back_leaves_the_raise_of_its_sibling() {
    let lp = virtual_loop();
    let ended = lp.run_until_complete(async {
        let (one, two) = (dead().await, dead().await);
        join(one, async { drop(select(two, ready(())).await) }).await;
    });
    assert!(matches!(ended, Err(Error::Cancelled(_))), "{ended:?}");
}

#[test]
fn a_raise_outside_a_scope_survives_a_panic_inside_it() {
    let lp = virtual_loop();
    let ended = lp.run_until_complete(async {
        let one = dead().await;
        let caught = AssertUnwindSafe(catch_cancelled(async { panic!("inside") })).catch_unwind();
        let _: ((), Result<Result<(), _>, _>) = join(one, caught).await;
    });
    assert!(matches!(ended, Err(Error::Cancelled(_))), "{ended:?}");
}

#[test]
fn a_cancelled_task_in_a_futures_unordered_raises_whenever_it_is_awaited() {
    let lp = virtual_loop();
    let ended = lp.run_until_complete(async {
        let mut all = FuturesUnordered::new();
        all.push(dead().await);
        assert!(catch_cancelled(all.next()).await.is_err());
        assert!(catch_cancelled(all.next()).await.is_err());
    });
    assert!(ended.is_ok(), "{ended:?}");
}

#[test]
fn a_cancellation_is_not_lost_to_a_task_that_was_polled_and_left() {
    let lp = virtual_loop();
    let start = lp.time();
    lp.run_until_complete(async {
        let mut inner = create_task(sleep(Duration::from_secs(50)));
        let handle = inner.handle();
        let outer = create_task(async move {
            let _ = select(&mut inner, yield_now()).await;
            sleep(Duration::from_secs(100)).await; // the wait that the cancellation is to end
            drop(inner);
        });
        sleep(Duration::from_secs(1)).await;
        outer.cancel();
        assert!(catch_cancelled(outer).await.is_err(), "the cancellation was lost");
        let _ = handle;
    })
    .expect("it runs");
    assert_eq!(lp.time() - start, Duration::from_secs(1));
}

#[test]
fn a_task_that_was_polled_twice_and_dropped_is_not_cancelled_with_its_awaiter() {
    let lp = virtual_loop();
    lp.run_until_complete(async {
        let mut inner = create_task(sleep(Duration::from_secs(50)));
        let handle = inner.handle();
        let outer = create_task(async move {
            assert!(futures::poll!(&mut inner).is_pending());
            assert!(futures::poll!(&mut inner).is_pending());
            drop(inner);
            sleep(Duration::from_secs(100)).await;
        });
        sleep(Duration::from_secs(1)).await;
        outer.cancel();
        let lost = catch_cancelled(outer).await.is_ok();
        assert_eq!((lost, handle.cancelled()), (false, false), "(cancellation lost, other task cancelled)");
    })
    .expect("it runs");
}

#[test]
fn a_wait_that_is_dropped_takes_its_timer_along() {
    let lp = virtual_loop();
    let start = lp.time();
    let ended = lp.run_until_complete(async {
        let future = create_future::<()>();
        drop(select(wait([future.clone()]).timeout(Duration::from_secs(3600)), yield_now()).await);
        future.await;
    });
    assert!(matches!(ended, Err(Error::Deadlock(_))));
    assert_eq!(lp.time() - start, Duration::ZERO);
}

#[test]
fn a_loop_in_a_thread_local_goes_with_its_thread() {
    thread_local! {
        static LOOP: EventLoop = virtual_loop();
    }
    alone(|| {
        let gone = Arc::new(AtomicBool::new(false));
        let notes = Arc::clone(&gone);
        let run = move || {
            LOOP.with(|lp| {
                let held = OnDrop(move || notes.store(true, Ordering::Release));
                drop(lp.create_task(async move {
                    let _held = held;
                    pending::<()>().await;
                }));
                lp.run_until_complete(yield_now()).expect("it runs");
            });
        };
        thread::spawn(run).join().expect("it ends well");
        assert!(gone.load(Ordering::Acquire), "its task was dropped with it");
    });
}

#[test]
fn a_guard_of_another_loop_kept_across_an_await_does_not_hide_a_cancellation() {
    let (lp, other) = (virtual_loop(), virtual_loop());
    let start = lp.time();
    lp.run_until_complete(async {
        let task = create_task(async move {
            let _in = other.enter();
            assert!(catch_cancelled(pending::<()>()).await.is_err());
            current_task().map(|task| task.cancelling())
        });
        sleep(Duration::from_secs(1)).await;
        task.cancel();
        let _ = catch_cancelled(task).await;
    })
    .expect("it runs");
    assert_eq!(lp.time() - start, Duration::from_secs(1));
}

#[test]
fn a_cancellation_is_not_lost_to_a_task_that_was_left_for_a_foreign_future() {
    let lp = virtual_loop();
    lp.run_until_complete(async {
        let mut inner = create_task(sleep(Duration::from_secs(50)));
        let outer = create_task(async move {
            let _ = select(&mut inner, yield_now()).await;
            pending::<()>().await; // of foreign make: it is not known that it is waited for
            drop(inner);
        });
        sleep(Duration::from_secs(1)).await;
        outer.cancel();
        for _ in 0..10 {
            yield_now().await;
        }
        assert!(outer.cancelled(), "the cancellation was lost");
    })
    .expect("it runs");
}

#[test]
fn a_raise_that_waits_for_a_siblings_survives_a_catch_between_them() {
    let lp = virtual_loop();
    let ended = lp.run_until_complete(async {
        let place = Rc::new(RefCell::new(Some(dead().await)));
        let (second, third) = (dead().await, dead().await);
        let polled = Rc::clone(&place);
        let first = poll_fn(move |cx| match &mut *polled.borrow_mut() {
            Some(first) => Pin::new(first).poll(cx),
            None => Poll::Ready(()),
        });
        let catcher = async {
            assert!(catch_cancelled(third).await.is_err());
            let first = place.borrow_mut().take();
            drop(first);
        };
        futures::join!(first, second, catcher);
    });
    assert!(matches!(ended, Err(Error::Cancelled(_))), "{ended:?}");
}
