//! Tasks that other threads cancel and wait for: `TaskHandle::remote` and `Task::into_threadsafe`. Must not know how a
//! thread reaches a loop.

use std::future::pending;
use std::thread;

use oneloop::{Closed, EventLoop, TaskError, catch_cancelled, create_task, sleep, yield_now};

use crate::support::{SECOND, real_loop, run, run_real, virtual_loop};

#[test]
fn a_thread_cancels_a_task() {
    run_real(async {
        let task = create_task(pending::<()>());
        let remote = task.handle().remote();
        let other = thread::spawn(move || remote.clone().cancel());
        assert!(catch_cancelled(task).await.is_err());
        assert_eq!(other.join().expect("it does not panic"), Ok(()));
    });
}

#[test]
fn a_cancelled_task_may_refuse_and_one_that_has_ended_is_let_be() {
    run(async {
        let task = create_task(async {
            let caught = catch_cancelled(sleep(SECOND)).await.is_err();
            sleep(SECOND).await;
            caught
        });
        let remote = task.handle().remote();
        yield_now().await;
        assert_eq!(remote.cancel(), Ok(()));
        assert!(task.await);
        let later = create_task(sleep(SECOND)); // it may have the place of the first
        assert_eq!(remote.cancel(), Ok(()));
        later.await;
    });
}

#[test]
fn a_handle_that_outlives_the_loop_says_so() {
    let lp = virtual_loop();
    let task = lp.create_task(pending::<()>());
    let (remote, second) = (task.handle().remote(), lp.create_task(pending::<()>()));
    let joined = second.into_threadsafe();
    lp.close().expect("it does not run");
    assert_eq!(remote.cancel(), Err(Closed));
    assert!(matches!(joined.result(), Err(TaskError::Closed)));
    assert!(task.cancelled());
    assert!(matches!(task.into_threadsafe().result(), Err(TaskError::Cancelled(_))), "the end that it had already");
}

#[test]
fn a_thread_waits_for_a_task_that_exists() {
    let lp = real_loop();
    let value = lp.create_task(async {
        yield_now().await;
        String::from("a value")
    });
    let value = value.into_threadsafe();
    let other = thread::spawn(move || value.result());
    while !other.is_finished() {
        lp.run_until_complete(yield_now()).expect("it runs");
    }
    assert_eq!(other.join().expect("it does not panic").expect("it returned"), "a value");
}

#[test]
fn a_task_that_has_ended_is_had_at_once_and_a_dropped_future_lets_its_task_run_on() {
    run(async {
        let mut done = create_task(async { 5 });
        yield_now().await;
        yield_now().await;
        assert!(done.done());
        assert_eq!((&mut done).await, 5);
        assert!(matches!(done.into_threadsafe().result(), Err(TaskError::Taken)));
        let done = create_task(async { 6 });
        yield_now().await;
        yield_now().await;
        assert_eq!(done.into_threadsafe().result().expect("it returned"), 6);
        let running = create_task(sleep(SECOND));
        let handle = running.handle();
        drop(running.into_threadsafe());
        sleep(SECOND * 2).await;
        assert!(handle.done() && !handle.cancelled());
    });
}

#[test]
fn a_thread_cancels_what_it_waits_for() {
    run(async {
        let task = create_task(pending::<()>());
        let handle = task.handle();
        let future = task.into_threadsafe();
        assert!(future.cancel() && future.cancelled());
        assert!(matches!(future.result(), Err(TaskError::Cancelled(_))));
        yield_now().await;
        yield_now().await;
        assert!(handle.cancelled());
        let panics = create_task(async { panic!("bang") as () }).into_threadsafe();
        assert!(matches!(panics.await, Err(TaskError::Panicked(panic)) if panic.message() == "bang"));
    });
}

/// `?` on both errors in one function.
#[test]
fn a_closed_loop_is_an_error_of_the_task_too() {
    fn ask(lp: &EventLoop) -> Result<u8, TaskError> {
        lp.remote().run_coroutine_threadsafe(|| async { 1 })?.result()
    }
    let lp = virtual_loop();
    lp.close().expect("it does not run");
    assert!(matches!(ask(&lp), Err(TaskError::Closed)));
}
