//! `std::process::exit` in the middle of a run: the process ends with its status, and nothing panics on the way. The
//! thread-locals of the thread that calls it are dropped, a loop among them, while the loop runs.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::process::exit;
use std::task::Poll;
use std::time::Duration;

use futures::task::{ArcWake, waker};
use oneloop::{ContextVar, EventLoop, Task, create_future, create_task, sleep, task_group, to_thread, yield_now};

use crate::support::{LONG, OnDrop, in_another_process, ms};

const STATUS: i32 = 3;

thread_local! {
    static LOOP: EventLoop = EventLoop::new().expect("a loop");
    /// What a program may keep for its thread.
    static KEPT: RefCell<Vec<Task<()>>> = const { RefCell::new(Vec::new()) };
}

/// Runs `main` on the loop of the thread, in a process of its own, which must end with `STATUS`.
#[track_caller]
fn exits<F: Future<Output = ()>>(main: impl FnOnce() -> F) {
    let child = in_another_process(|| {
        LOOP.with(|lp| {
            KEPT.with_borrow_mut(|kept| kept.push(lp.create_task(sleep(LONG))));
            let _in = lp.enter();
            lp.run_until_complete(async {
                main().await;
                sleep(LONG).await;
            })
        })
        .expect("it ends before");
    });
    if let Some((status, said)) = child {
        assert_eq!(status.code(), Some(STATUS), "{status}\n{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn in_the_main_future() {
    exits(async || exit(STATUS));
}

#[test]
fn in_a_task_and_in_a_group() {
    exits(async || {
        create_task(async {
            let _ = task_group(async |group| {
                let _child: Task<Result<(), ()>> = group.create_task(async {
                    yield_now().await;
                    exit(STATUS)
                });
                pending::<Result<(), ()>>().await
            })
            .await;
        });
    });
}

#[test]
fn in_callbacks() {
    exits(async || drop(EventLoop::current().call_soon(|| exit(STATUS))));
}

#[test]
fn in_a_timer() {
    exits(async || drop(EventLoop::current().call_later(ms(1), || exit(STATUS))));
}

#[test]
fn in_a_done_callback() {
    exits(async || {
        let future = create_future::<()>();
        future.add_done_callback(|_| exit(STATUS));
        future.cancel();
        yield_now().await;
        yield_now().await;
    });
}

#[test]
fn in_a_destructor_of_a_task_that_is_cancelled() {
    exits(async || {
        let task = create_task(async {
            let _exit = OnDrop(|| exit(STATUS));
            pending::<()>().await;
        });
        yield_now().await;
        task.cancel();
    });
}

#[test]
fn in_a_destructor_of_a_value() {
    exits(async || {
        let future = create_future();
        assert!(future.set_result(OnDrop(|| exit(STATUS))).is_ok());
        drop(future);
    });
}

#[test]
fn in_a_destructor_while_the_loop_closes() {
    let child = in_another_process(|| {
        let lp = EventLoop::new().expect("a loop");
        lp.call_later(LONG, {
            let exits = OnDrop(|| exit(STATUS));
            move || drop(exits)
        });
        drop(lp);
    });
    assert!(child.is_none_or(|(status, said)| status.code() == Some(STATUS) && !said.contains("panicked")));
}

#[test]
fn in_the_exception_handler() {
    exits(async || {
        EventLoop::current().set_exception_handler(|_| exit(STATUS));
        drop(create_task(async { std::panic::resume_unwind(Box::new(())) }));
    });
}

#[test]
fn in_a_waker_of_another_crate() {
    struct Exits;
    impl ArcWake for Exits {
        fn wake_by_ref(_: &std::sync::Arc<Self>) {
            exit(STATUS)
        }
    }
    exits(async || {
        let mut slept = Box::pin(sleep(ms(1)));
        let waker = waker(std::sync::Arc::new(Exits));
        let mut cx = std::task::Context::from_waker(&waker);
        assert!(slept.as_mut().poll(&mut cx).is_pending());
        std::mem::forget(slept);
    });
}

#[test]
fn on_a_thread_of_a_pool() {
    exits(async || to_thread(|| exit(STATUS)).await);
}

#[test]
fn in_a_context() {
    static HELD: ContextVar<u8> = ContextVar::new("held");
    exits(async || {
        drop(HELD.set(1));
        create_task(poll_fn(|_| if HELD.get().is_some() { exit(STATUS) } else { Poll::<()>::Pending }));
    });
}

#[test]
fn on_another_thread_while_the_loop_sleeps() {
    exits(async || {
        std::thread::spawn(|| {
            std::thread::sleep(Duration::from_millis(5));
            exit(STATUS)
        });
    });
}
