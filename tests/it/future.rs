//! `oneloop::Future`: settled once, awaited, cancelled, told of.

use std::cell::Cell;
use std::future::Future as _;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use oneloop::error::InvalidState;
use oneloop::{AnyFuture, Error, EventLoop, TaskError, catch_cancelled, create_future, create_task, sleep, yield_now};

use crate::support::{Log, SECOND, run, virtual_loop};

#[test]
fn the_first_result_stands_and_the_second_comes_back() {
    run(async {
        let future = create_future();
        assert_eq!(future.set_result(1), Ok(()));
        assert_eq!(future.set_result(2), Err(InvalidState(2)));
        assert_eq!(future.await, 1);
    });
}

#[test]
fn set_exception_settles_with_an_error_and_comes_back_if_it_is_late() {
    run(async {
        let future = create_future::<Result<u8, &str>>();
        assert!(matches!(future.exception(), Err(TaskError::NotDone)));
        assert_eq!(future.set_exception("first"), Ok(()));
        assert_eq!(future.set_exception("second"), Err(InvalidState("second")));
        assert_eq!(future.set_result(Ok(1)), Err(InvalidState(Ok(1))));
        assert_eq!(future.exception().ok(), Some(Some("first")));
        assert_eq!(future.await, Err("first"));
    });
}

#[test]
fn a_value_set_before_the_await_is_there_at_once() {
    let lp = virtual_loop();
    let future = lp.create_future();
    future.set_result(3).expect("it is pending");
    let mut future = pin!(future);
    assert_eq!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(3));
}

#[test]
fn cancel_settles_it_at_once_and_the_awaiter_sees_it_in_the_next_iteration() {
    run(async {
        let future = create_future::<()>();
        let handle = future.any();
        let awaiter = create_task(catch_cancelled(future));
        yield_now().await;
        assert!(handle.cancel_with("enough"));
        assert!(handle.cancelled() && !awaiter.done());
        assert!(!handle.cancel(), "it was done already");
        let ended = awaiter.await;
        assert_eq!(ended.unwrap_err().message(), Some("enough"));
    });
}

#[test]
fn set_result_after_cancel_comes_back() {
    run(async {
        let mut future = create_future();
        assert!(future.cancel());
        assert_eq!(future.set_result(1), Err(InvalidState(1)));
        assert!(matches!(future.outcome().await, Err(TaskError::Cancelled(_))));
        assert!(matches!(future.result(), Err(TaskError::Cancelled(_))));
    });
}

#[test]
fn cancel_after_set_result_does_nothing() {
    run(async {
        let future = create_future();
        future.set_result(1).expect("it is pending");
        assert!(!future.cancel());
        assert_eq!(future.await, 1);
    });
}

#[test]
fn cancel_of_one_awaiter_cancels_the_future_for_all() {
    run(async {
        let shared = create_future::<()>().shared();
        let [one, two] = [shared.clone(), shared.clone()].map(|shared| create_task(catch_cancelled(shared)));
        yield_now().await;
        one.cancel();
        assert!(shared.cancelled());
        assert!(one.await.is_err() && two.await.is_err());
    });
}

#[test]
fn await_through_outcome_leaves_the_future_alone_when_the_awaiter_is_cancelled() {
    run(async {
        let mut future = create_future::<u8>();
        let setter = future.clone();
        let looker = create_task(async move { future.outcome().await });
        yield_now().await;
        looker.cancel();
        yield_now().await;
        assert!(looker.cancelled() && !setter.done());
    });
}

#[test]
fn awaiters_that_resume_take_the_value_in_the_order_of_their_awaits() {
    run(async {
        let future = create_future();
        let first = create_task(future.clone());
        let mut second = create_task(future.clone());
        yield_now().await;
        future.set_result(9).expect("it is pending");
        assert_eq!(first.await, 9);
        assert!(matches!(second.outcome().await, Err(TaskError::Panicked(_)))); // the value went to the first
    });
}

#[test]
fn an_awaiter_dropped_before_it_resumes_leaves_the_value() {
    run(async {
        let future = create_future();
        let awaiter = create_task(future.clone());
        yield_now().await;
        future.set_result(4).expect("it is pending");
        awaiter.cancel();
        yield_now().await;
        assert!(awaiter.cancelled());
        assert_eq!(future.await, 4);
    });
}

#[test]
fn callbacks_of_a_future_that_cannot_be_settled_are_dropped_uncalled() {
    run(async {
        let witness = Rc::new(Cell::new(0));
        let future = create_future::<()>();
        let held = Rc::clone(&witness);
        future.add_done_callback(move |_| held.set(1));
        drop(future);
        assert_eq!((witness.get(), Rc::strong_count(&witness)), (0, 1));
    });
}

#[test]
fn an_untyped_handle_keeps_a_future_alive_and_can_cancel_it() {
    run(async {
        let future = create_future::<()>();
        let called = Rc::new(Cell::new(false));
        let note = Rc::clone(&called);
        future.add_done_callback(move |future: &AnyFuture| note.set(future.cancelled()));
        let handle = future.any();
        drop(future);
        assert!(handle.cancel());
        yield_now().await;
        assert!(called.get());
    });
}

#[test]
fn callbacks_and_awaiters_take_turns_in_the_order_in_which_they_came() {
    run(async {
        let log = Log::default();
        let future = create_future::<()>().shared();
        let note = |name: &'static str| {
            let log = Rc::clone(&log);
            move |_: &AnyFuture| log.borrow_mut().push(name)
        };
        future.add_done_callback(note("first"));
        let (waited, noted) = (future.clone(), Rc::clone(&log));
        let awaiter = create_task(async move {
            let _ = catch_cancelled(waited).await;
            noted.borrow_mut().push("awaiter");
        });
        yield_now().await;
        future.add_done_callback(note("last"));
        future.cancel();
        assert!(log.borrow().is_empty());
        awaiter.await;
        assert_eq!(*log.borrow(), ["first", "awaiter", "last"]);
    });
}

#[test]
fn a_callback_that_settles_another_future_wakes_its_awaiter() {
    run(async {
        let (one, two) = (create_future::<()>(), create_future::<u8>());
        let setter = two.clone();
        one.add_done_callback(move |_| setter.set_result(6).expect("it is pending"));
        let settler = one.clone();
        EventLoop::current().call_later(SECOND, move || settler.set_result(()));
        assert_eq!(two.await, 6);
        drop(one);
    });
}

#[test]
fn a_destructor_of_the_value_that_settles_the_same_future_meets_no_borrow() {
    struct Settles(Option<oneloop::Future<Self>>, Rc<Cell<bool>>);
    impl Drop for Settles {
        fn drop(&mut self) {
            if let Some(future) = self.0.take() {
                let late = future.set_result(Self(None, Rc::clone(&self.1)));
                self.1.set(late.is_err());
            }
        }
    }
    run(async {
        let refused = Rc::new(Cell::new(false));
        let future = create_future();
        let value = Settles(Some(future.clone()), Rc::clone(&refused));
        assert!(future.set_result(value).is_ok());
        drop(future.clone().into_result());
        assert!(refused.get());
    });
}

#[test]
fn a_future_settled_after_its_loop_closed_gives_its_value() {
    let lp = virtual_loop();
    let future = lp.create_future();
    let waiting = lp.create_task(future.clone());
    lp.run_until_complete(yield_now()).expect("it runs");
    drop(lp);
    assert!(waiting.cancelled());
    future.set_result(1).expect("it is pending");
    assert_eq!(future.into_result().ok(), Some(1));
}

#[test]
fn await_of_a_future_of_another_loop_panics_instead_of_hanging() {
    let (lp, other) = (virtual_loop(), virtual_loop());
    let foreign = other.create_future::<()>();
    let ended = lp.run_until_complete(async {
        let mut awaiter = create_task(foreign);
        awaiter.outcome().await
    });
    let Ok(Err(TaskError::Panicked(panic))) = ended else { panic!("{ended:?}") };
    assert!(panic.message().contains("another event loop"), "{panic}");
}

#[test]
fn a_pending_future_given_to_the_loop_is_run_as_it_is() {
    let lp = virtual_loop();
    let future = lp.create_future();
    let setter = future.clone();
    lp.call_later(SECOND, move || setter.set_result(8));
    assert_eq!(lp.run_until_complete(future).ok(), Some(8));
    let cancelled = lp.create_future::<()>();
    cancelled.cancel_with("no more");
    let ended = lp.run_until_complete(cancelled);
    assert!(matches!(ended, Err(Error::Cancelled(why)) if why.message() == Some("no more")));
}

#[test]
fn shared_of_a_future_gives_all_a_copy_and_into_result_the_original() {
    run(async {
        let future = create_future();
        let setter = future.clone();
        let shared = future.shared();
        let all: Vec<_> = (0..3).map(|_| create_task(shared.clone())).collect();
        sleep(SECOND).await;
        setter.set_result(vec![1]).expect("it is pending");
        for one in all {
            assert_eq!(one.await, [1]);
        }
        assert_eq!(shared.into_result().ok(), Some(vec![1]));
    });
}

#[test]
#[should_panic(expected = "use outcome() there")]
fn await_of_a_cancelled_future_outside_any_task_panics() {
    let lp = virtual_loop();
    let future = lp.create_future::<()>();
    future.cancel();
    let _ = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
}

#[test]
fn debug_shows_the_state() {
    run(async {
        let future = create_future::<()>();
        assert!(format!("{future:?}").contains("Pending"));
        future.cancel();
        assert!(format!("{:?}", future.any()).contains("Cancelled"));
    });
}
