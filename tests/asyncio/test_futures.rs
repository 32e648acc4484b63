//! CPython's `test_futures.py`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use futures::FutureExt as _;
use futures::channel::oneshot;
use oneloop::error::InvalidState;
use oneloop::{
    AnyFuture, Awaitable, CallbackId, Cancelled, EventLoop, ExceptionContext, TaskError, catch_cancelled,
    create_future, ensure_future, sleep, try_gather, yield_now,
};

use crate::support::{Log, OnDrop, SECOND, real_loop, reports, reports_as, run, run_briefly, secs, virtual_loop};

/// What is reported while `main` runs and when its loop goes.
fn reported(main: impl Future<Output = ()>) -> Vec<String> {
    let lp = virtual_loop();
    let reports = reports(&lp);
    lp.run_until_complete(main).expect("main comes to its end");
    drop(lp);
    reports.take()
}

#[expect(clippy::unused_async, reason = "a coroutine that fails in its first step")]
async fn bug() -> Result<u8, &'static str> {
    panic!("boom")
}

/// A future that is no task and has ended with a panic, which was not seen.
async fn broken() -> Awaitable<Result<Vec<u8>, &'static str>> {
    let future = ensure_future(try_gather([bug()]));
    while !future.done() {
        yield_now().await;
    }
    future
}

fn is_cancelled<T>(ended: &Result<T, TaskError>) -> bool {
    matches!(ended, Err(TaskError::Cancelled(_)))
}

fn is_not_done<T>(ended: &Result<T, TaskError>) -> bool {
    matches!(ended, Err(TaskError::NotDone))
}

fn panic_message<T>(ended: Result<T, TaskError>) -> Option<String> {
    match ended {
        Err(TaskError::Panicked(panic)) => Some(panic.message().to_owned()),
        _ => None,
    }
}

mod duck_tests {
    use super::*;

    #[test]
    fn test_wrap_future() {
        run(async {
            // what is no future of the loop's, but can be awaited, is run by a task that ends as it does
            let wrapped = ensure_future(std::future::ready(5));
            assert!(!wrapped.done());
            assert_eq!(wrapped.await, 5);
        });
    }

    #[test]
    fn test_ensure_future() {
        run(async {
            let (sender, receiver) = oneshot::channel();
            let wrapped = ensure_future(receiver);
            run_briefly().await;
            assert!(!wrapped.done());
            sender.send("here").expect("it is awaited");
            assert_eq!(wrapped.await, Ok("here"));
        });
    }
}

mod base_future_tests {
    use super::*;

    #[test]
    fn test_initial_state() {
        let future = virtual_loop().create_future::<()>();
        assert!(!future.cancelled());
        assert!(!future.done());
        future.cancel();
        assert!(future.cancelled());
    }

    #[test]
    fn test_cancel() {
        run(async {
            let future = create_future::<Result<u8, &str>>();
            assert!(future.cancel());
            assert!(future.cancelled() && future.done());
            assert!(is_cancelled(&future.result()));
            assert!(is_cancelled(&future.exception()));
            assert_eq!(future.set_result(Ok(1)), Err(InvalidState(Ok(1))));
            assert_eq!(future.set_exception("late"), Err(InvalidState("late")));
            assert!(!future.cancel());
            assert!(future.cancelled() && is_cancelled(&future.result()), "nothing of that has changed it");
            assert_eq!(catch_cancelled(future).await, Err(Cancelled::default()));
        });
    }

    #[test]
    fn test_result() {
        run(async {
            let future = create_future::<Result<u8, &str>>();
            assert!(is_not_done(&future.result()));
            assert_eq!(future.set_result(Ok(42)), Ok(()));
            assert!(!future.cancelled());
            assert!(future.done());
            assert_eq!(future.result().ok(), Some(Ok(42)));
            assert_eq!(future.exception().ok(), Some(None));
            assert_eq!(future.set_result(Ok(1)), Err(InvalidState(Ok(1))));
            assert_eq!(future.set_exception("late"), Err(InvalidState("late")));
            assert!(!future.cancel());
            assert!(!future.cancelled());
            assert_eq!(future.await, Ok(42));
        });
    }

    #[test]
    fn test_exception() {
        run(async {
            let future = create_future::<Result<u8, &str>>();
            assert!(is_not_done(&future.exception()));
            assert_eq!(future.set_exception("boom"), Ok(()));
            assert!(!future.cancelled());
            assert!(future.done());
            assert_eq!(future.result().ok(), Some(Err("boom")));
            assert_eq!(future.exception().ok(), Some(Some("boom")));
            assert_eq!(future.set_result(Ok(1)), Err(InvalidState(Ok(1))));
            assert_eq!(future.set_exception("late"), Err(InvalidState("late")));
            assert!(!future.cancel());
            assert!(!future.cancelled());
            assert_eq!(future.await, Err("boom"));
        });
    }

    #[test]
    fn test_future_repr() {
        let lp = virtual_loop();
        let shown = |future: &oneloop::Future<u8>| {
            assert_eq!(format!("{future:?}"), format!("{:?}", future.any()));
            format!("{future:?}")
        };
        let future = lp.create_future();
        assert_eq!(shown(&future), "Future { state: Pending, .. }");
        future.add_done_callback(|_| ());
        assert_eq!(shown(&future), "Future { state: Pending, .. }");
        future.cancel();
        assert_eq!(shown(&future), "Future { state: Cancelled, .. }");
        let future = lp.create_future();
        future.set_result(4).expect("it is pending");
        assert_eq!(shown(&future), "Future { state: Finished, .. }");
        lp.run_until_complete(async {
            let future = broken().await;
            assert_eq!(format!("{future:?}"), "Gathering { state: Panicked, .. }");
            assert_eq!(panic_message(future.into_result()).as_deref(), Some("boom"));
        })
        .expect("it comes to its end");
    }

    #[test]
    fn test_copy_state() {
        run(async {
            let done = create_future::<Result<u8, &str>>();
            done.set_result(Ok(10)).expect("it is pending");
            let copy = done.shared();
            assert!(copy.done());
            assert_eq!(copy.result().ok(), Some(Ok(10)));

            let failed = create_future::<Result<u8, &str>>();
            failed.set_exception("boom").expect("it is pending");
            let copy = failed.shared();
            assert!(copy.done());
            assert_eq!(copy.exception().ok(), Some(Some("boom")));

            let cancelled = create_future::<Result<u8, &str>>();
            cancelled.cancel_with("why");
            let copy = cancelled.shared();
            assert!(copy.cancelled());
            assert!(matches!(copy.result(), Err(TaskError::Cancelled(c)) if c.message() == Some("why")));

            let copy = broken().await.shared();
            assert!(copy.done() && !copy.cancelled());
            assert_eq!(panic_message(copy.result()).as_deref(), Some("boom"));
        });
    }

    #[test]
    fn test_tb_logger_abandoned() {
        let reports = reported(async { drop(create_future::<Result<u8, &str>>()) });
        assert!(reports.is_empty(), "{reports:?}");
    }

    #[test]
    fn test_tb_logger_not_called_after_cancel() {
        let reports = reported(async {
            let future = create_future::<Result<u8, &str>>();
            future.set_exception("boom").expect("it is pending");
            assert!(!future.cancel());
            drop(future);
            run_briefly().await;
        });
        assert!(reports.is_empty(), "{reports:?}");
    }

    #[test]
    fn test_tb_logger_result_unretrieved() {
        let reports = reported(async {
            let future = create_future();
            future.set_result(42).expect("it is pending");
            drop(future);
        });
        assert!(reports.is_empty(), "{reports:?}");
    }

    #[test]
    fn test_tb_logger_result_retrieved() {
        let reports = reported(async {
            let future = create_future();
            future.set_result(42).expect("it is pending");
            assert_eq!(future.result().ok(), Some(42));
            drop(future);
        });
        assert!(reports.is_empty(), "{reports:?}");
    }

    #[test]
    fn test_tb_logger_exception_unretrieved() {
        let reports = reported(async {
            drop(broken().await);
            let error = create_future::<Result<u8, &str>>(); // an error is a value like any other
            error.set_exception("an error").expect("it is pending");
            drop(error);
        });
        assert_eq!(reports, ["Future exception was never retrieved: panicked: boom"]);
    }

    #[test]
    fn test_tb_logger_exception_retrieved() {
        let reports = reported(async {
            let future = broken().await;
            assert_eq!(panic_message(future.exception()).as_deref(), Some("boom"));
            drop(future);
        });
        assert!(reports.is_empty(), "{reports:?}");
    }

    #[test]
    fn test_tb_logger_exception_result_retrieved() {
        let reports = reported(async {
            let future = broken().await;
            assert_eq!(panic_message(future.result()).as_deref(), Some("boom"));
            drop(future);
        });
        assert!(reports.is_empty(), "{reports:?}");
    }

    /// A loop that keeps what its handler is told as it is told.
    fn listening_loop() -> (EventLoop, Log<ExceptionContext>) {
        let lp = virtual_loop();
        let told = reports_as(&lp, Clone::clone);
        (lp, told)
    }

    #[test]
    fn test_future_exception_never_retrieved() {
        let (lp, told) = listening_loop();
        let future = lp.run_until_complete(broken()).expect("it comes to its end");
        assert_eq!(told.borrow().len(), 0, "it can still be retrieved");
        drop(future);
        lp.run_until_complete(run_briefly()).expect("it runs");
        drop(lp);
        let told = told.take();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].message, told[0].exception.message()), ("Future exception was never retrieved", "boom"));
        assert_eq!((told[0].task.as_deref(), told[0].created), (None, None));
    }

    #[test]
    fn test_future_exception_never_retrieved_debug() {
        // what asyncio says in its debug mode only: where that was made which failed
        let (lp, told) = listening_loop();
        let (future, line) = (lp.create_task(bug()).named("bad"), line!());
        lp.run_until_complete(run_briefly()).expect("it runs");
        assert!(future.done() && told.borrow().is_empty());
        drop(future);
        lp.run_until_complete(run_briefly()).expect("it runs");
        drop(lp);
        let told = told.take();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].message, told[0].exception.message()), ("Task exception was never retrieved", "boom"));
        assert_eq!(told[0].task.as_deref(), Some("bad"));
        assert_eq!(told[0].created.map(|place| (place.file(), place.line())), Some((file!(), line)));
    }

    #[test]
    fn test_wrap_future() {
        // the result comes from another thread, so time is real here; nothing sleeps in it
        let lp = real_loop();
        let (sender, receiver) = oneshot::channel();
        let (asked, ask) = mpsc::channel();
        let worker = thread::spawn(move || {
            ask.recv().expect("the loop runs");
            sender.send(("oi", thread::current().id())).expect("the test waits");
        });
        let ended = lp.run_until_complete(async {
            let wrapped = ensure_future(receiver);
            run_briefly().await;
            assert!(!wrapped.done());
            asked.send(()).expect("the thread waits");
            wrapped.await.expect("it is sent")
        });
        worker.join().expect("it does not panic");
        let (result, ran_by) = ended.expect("it comes to its end");
        assert_eq!(result, "oi");
        assert_ne!(ran_by, thread::current().id());
    }

    #[test]
    fn test_wrap_future_future() {
        run(async {
            let future = create_future::<u8>();
            let (handle, setter) = (future.any(), future.clone());
            let same = ensure_future(future);
            assert_eq!(same.any(), handle);
            setter.set_result(3).expect("it is pending");
            assert_eq!(same.await, 3);
        });
    }

    #[test]
    fn test_wrap_future_cancel() {
        run(async {
            let (sender, receiver) = oneshot::channel::<u8>();
            let outer = ensure_future(receiver);
            run_briefly().await;
            assert!(outer.cancel());
            run_briefly().await;
            assert!(sender.is_canceled());
            assert!(outer.cancelled());
        });
    }

    #[test]
    fn test_wrap_future_cancel2() {
        run(async {
            let (sender, receiver) = oneshot::channel();
            let inner = receiver.shared();
            let outer = ensure_future(inner.clone());
            run_briefly().await;
            sender.send(42).expect("it is awaited");
            assert!(outer.cancel());
            run_briefly().await;
            assert_eq!(inner.now_or_never(), Some(Ok(42)));
            assert!(outer.cancelled());
        });
    }

    #[test]
    fn test_set_result_unless_cancelled() {
        let reports = reported(async {
            let future = create_future();
            future.cancel();
            assert_eq!(future.set_result(2), Err(InvalidState(2)));
            assert!(future.cancelled());
            // as a timer does it which comes too late
            let setter = future.clone();
            EventLoop::current().call_later(SECOND, move || setter.set_result(3));
            sleep(secs(2)).await;
            assert!(future.cancelled() && is_cancelled(&future.result()));
        });
        assert!(reports.is_empty(), "{reports:?}");
    }
}

mod base_future_done_callback_tests {
    use super::*;

    type Bag = Rc<RefCell<Vec<i32>>>;

    /// Adds a callback that puts `thing` into the bag.
    fn add<T>(future: &oneloop::Future<T>, bag: &Bag, thing: i32) -> CallbackId
    where
        T: 'static,
    {
        let (bag, handle) = (Rc::clone(bag), future.any());
        future.add_done_callback(move |done: &AnyFuture| {
            assert!(done.done() && *done == handle, "it is given the future");
            bag.borrow_mut().push(thing);
        })
    }

    /// Three callbacks, those at `removed` taken back, twice each.
    async fn what_is_left(removed: &[usize]) -> Vec<i32> {
        let (bag, future) = (Bag::default(), create_future());
        let callbacks = [42, 17, 100].map(|thing| add(&future, &bag, thing));
        for &i in removed {
            assert!(future.remove_done_callback(callbacks[i]));
        }
        for &i in removed {
            assert!(!future.remove_done_callback(callbacks[i]));
        }
        assert!(bag.borrow().is_empty());
        future.set_result("foo").expect("it is pending");
        assert!(bag.borrow().is_empty(), "a callback takes a turn of its own");
        run_briefly().await;
        let left = bag.take();
        run_briefly().await;
        assert!(bag.borrow().is_empty(), "it is called once");
        assert_eq!(future.result().ok(), Some("foo"));
        left
    }

    #[test]
    fn test_callbacks_remove_first_callback() {
        assert_eq!(run(what_is_left(&[0])), [17, 100]);
    }

    #[test]
    fn test_callbacks_remove_first_and_second_callback() {
        assert_eq!(run(what_is_left(&[0, 1])), [100]);
        assert_eq!(run(what_is_left(&[1, 0])), [100]);
    }

    #[test]
    fn test_callbacks_remove_third_callback() {
        assert_eq!(run(what_is_left(&[2])), [42, 17]);
    }

    #[test]
    fn test_callbacks_invoked_on_set_result() {
        assert_eq!(run(what_is_left(&[])), [42, 17, 100]);
    }

    #[test]
    fn test_callbacks_invoked_on_set_exception() {
        run(async {
            let (bag, future) = (Bag::default(), create_future::<Result<u8, &str>>());
            add(&future, &bag, 100);
            assert!(bag.borrow().is_empty());
            future.set_exception("boom").expect("it is pending");
            assert!(bag.borrow().is_empty(), "a callback takes a turn of its own");
            run_briefly().await;
            assert_eq!(*bag.borrow(), [100]);
            assert_eq!(future.exception().ok(), Some(Some("boom")));
        });
    }

    #[test]
    fn test_remove_done_callback() {
        run(async {
            let (bag, future, other) = (Bag::default(), create_future(), create_future::<&str>());
            let one = add(&future, &bag, 1);
            let two = add(&future, &bag, 2);
            assert!(future.remove_done_callback(two));
            assert!(!future.remove_done_callback(two));

            let three = add(&other, &bag, 3);
            assert!(!future.remove_done_callback(three), "it is another future's");
            assert!(other.remove_done_callback(three), "which still had it");

            // each has a number of its own, so that of many alike each is taken back by itself
            let two = add(&future, &bag, 2);
            let ones: Vec<_> = (0..5).map(|_| add(&future, &bag, 1)).chain([one]).collect();
            assert_eq!(ones.iter().filter(|&&one| future.remove_done_callback(one)).count(), 6);
            assert_eq!(ones.iter().filter(|&&one| future.remove_done_callback(one)).count(), 0);

            assert!(bag.borrow().is_empty());
            future.set_result("foo").expect("it is pending");
            assert!(!future.remove_done_callback(two), "it is queued already");
            run_briefly().await;
            assert_eq!(*bag.borrow(), [2]);
            assert_eq!(future.result().ok(), Some("foo"));
        });
    }

    /// A callback that does `act` when it is taken back.
    fn add_evil(future: &oneloop::Future<u8>, act: impl FnMut() + 'static) -> CallbackId {
        let evil = OnDrop(act);
        future.add_done_callback(move |_| drop(evil))
    }

    #[test]
    fn test_remove_done_callbacks_list_mutation() {
        run(async {
            let (bag, future) = (Bag::default(), create_future());
            add(&future, &bag, 1);
            let others: Vec<_> = (0..63).map(|_| add(&future, &bag, 2)).collect();
            let (handle, removed) = (future.any(), Rc::new(Cell::new(0)));
            let count = Rc::clone(&removed);
            let evil = add_evil(&future, move || {
                count.set(count.get() + others.iter().filter(|&&one| handle.remove_done_callback(one)).count());
            });
            add(&future, &bag, 3);
            assert!(future.remove_done_callback(evil));
            assert_eq!(removed.get(), 63);
            future.set_result(0).expect("it is pending");
            run_briefly().await;
            assert_eq!(*bag.borrow(), [1, 3]);
        });
    }

    #[test]
    fn test_remove_done_callbacks_list_clear() {
        run(async {
            let (bag, future) = (Bag::default(), create_future());
            let ids = Rc::new(RefCell::new(Vec::new()));
            for i in 0..64 {
                // each takes back the one that is left last
                let (handle, rest) = (future.any(), Rc::clone(&ids));
                let evil = add_evil(&future, move || {
                    let last = rest.borrow_mut().pop();
                    if let Some(id) = last {
                        assert!(handle.remove_done_callback(id), "{i}");
                    }
                });
                ids.borrow_mut().push(evil);
            }
            let first = ids.borrow_mut().remove(0);
            assert!(future.remove_done_callback(first));
            assert!(ids.borrow().is_empty());
            add(&future, &bag, 1);
            future.set_result(0).expect("it is pending");
            run_briefly().await;
            assert_eq!(*bag.borrow(), [1]);
        });
    }

    #[test]
    fn test_schedule_callbacks_list_mutation_1() {
        run(async {
            let (bag, future) = (Bag::default(), create_future());
            let later: Rc<RefCell<Vec<CallbackId>>> = Rc::default();
            let ids = Rc::clone(&later);
            future.add_done_callback(move |future: &AnyFuture| {
                // they are queued, so it comes too late
                assert_eq!(ids.borrow().iter().filter(|&&id| future.remove_done_callback(id)).count(), 0);
            });
            later.borrow_mut().extend([1, 2].map(|thing| add(&future, &bag, thing)));
            future.set_result(1).expect("it is pending");
            run_briefly().await;
            assert_eq!(*bag.borrow(), [1, 2]);
        });
    }

    #[test]
    fn test_schedule_callbacks_list_mutation_2() {
        run(async {
            let (bag, future) = (Bag::default(), create_future());
            add(&future, &bag, 1);
            for _ in 0..63 {
                add(&future, &bag, 2);
            }
            let (more, kept) = (future.clone(), Rc::clone(&bag));
            let evil = add_evil(&future, move || {
                for _ in 0..100 {
                    add(&more, &kept, 3);
                }
            });
            assert!(future.remove_done_callback(evil));
            future.set_result(0).expect("it is pending");
            run_briefly().await;
            let bag = bag.take();
            assert_eq!(bag.len(), 164);
            assert!(bag.is_sorted(), "the new ones are the last");
        });
    }
}
