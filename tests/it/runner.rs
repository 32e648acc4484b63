//! Several runs on one loop, and what becomes of what they leave. Ctrl-C is in `tests/interrupt.rs`. Must not know how
//! a loop is run.

use std::cell::{Cell, RefCell};
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use oneloop::{
    Clock, Context, ContextVar, Error, EventLoop, Runner, TaskHandle, catch_cancelled, create_task, run, sleep,
    to_thread, yield_now,
};

use crate::support::{LONG, OnDrop, SECOND, virtual_loop};

static WORD: ContextVar<&str> = ContextVar::new("word");

fn runner() -> Runner {
    Runner::with_loop(virtual_loop())
}

#[test]
fn runs_are_on_one_loop_and_what_one_leaves_goes_on_in_the_next() {
    let runner = runner();
    let steps = Rc::new(Cell::new(0));
    let counting = Rc::clone(&steps);
    let task = runner.run(async {
        let task = create_task(async move {
            for _ in 0..5 {
                yield_now().await;
                counting.set(counting.get() + 1);
            }
            "done"
        });
        yield_now().await;
        (task,)
    });
    let (task,) = task.expect("it runs");
    assert!(steps.get() < 5 && !task.done());
    assert!(matches!(runner.run(task), Ok("done")));
    let borrowed = String::from("mine");
    assert!(matches!(runner.run(async { borrowed.len() }), Ok(4)));
}

#[test]
fn what_a_run_sets_the_next_one_sees_and_the_thread_does_not() {
    WORD.set("of the thread");
    let runner = runner();
    WORD.set("of the thread, later");
    assert!(matches!(runner.run(async { WORD.get() }), Ok(Some("of the thread"))));
    let kept = runner.run(async {
        let token = WORD.set("of a run");
        create_task(async { WORD.set("of a task") }).await;
        token
    });
    assert_eq!(WORD.get(), Some("of the thread, later"));
    let reset = runner.run(async {
        assert_eq!(WORD.get(), Some("of a run"));
        WORD.reset(kept.expect("it runs"));
        WORD.get()
    });
    assert!(matches!(reset, Ok(Some("of the thread"))));
    let own = Context::new();
    let task = {
        let _in = runner.get_loop().enter();
        create_task(async { WORD.get() }).in_context(&own)
    };
    assert!(matches!(runner.run(task), Ok(None)));
}

#[test]
fn each_call_of_run_has_a_context_of_its_own() {
    let set = run(async { WORD.set("of one") });
    assert!(set.is_ok());
    assert!(matches!(run(async { WORD.get() }), Ok(None)));
}

/// What is told of a loop's end: its tasks are cancelled and awaited, and the loop is closed.
fn leaves_a_task(runner: &Runner, told: &Rc<RefCell<Vec<&'static str>>>) -> TaskHandle {
    let (told, lp) = (Rc::clone(told), runner.get_loop().clone());
    let left = runner.run(async {
        let task = create_task(async move {
            if catch_cancelled(pending::<()>()).await.is_err() {
                told.borrow_mut().push("cancelled");
                sleep(SECOND).await;
                told.borrow_mut().push("cleaned up");
                assert!(!lp.is_closed());
            }
        });
        yield_now().await;
        task.handle()
    });
    left.expect("it runs")
}

#[test]
fn closing_cancels_what_is_left_waits_for_it_and_closes_the_loop() {
    let (runner, told) = (runner(), Rc::default());
    let lp = runner.get_loop().clone();
    let left = leaves_a_task(&runner, &told);
    assert!(told.borrow().is_empty() && !left.done());
    runner.close().expect("the task ends");
    assert_eq!(*told.borrow(), ["cancelled", "cleaned up"]);
    assert!(left.done() && lp.is_closed());
}

#[test]
fn dropping_is_closing_also_in_a_panic() {
    let told = Rc::default();
    let panics = || {
        let runner = runner();
        leaves_a_task(&runner, &told);
        let _: Result<(), _> = runner.run(async { panic!("bang") });
    };
    let payload = catch_unwind(AssertUnwindSafe(panics)).expect_err("it panics");
    assert_eq!(payload.downcast_ref(), Some(&"bang"));
    assert_eq!(*told.borrow(), ["cancelled", "cleaned up"]);
}

#[test]
fn closing_waits_for_the_threads_of_the_default_executor() {
    let runner = Runner::new().expect("a loop");
    let (sender, receiver) = std::sync::mpsc::channel();
    let ended = runner.run(async {
        let job = create_task(to_thread(move || {
            let _ = sender.send("the job has begun");
            std::thread::sleep(std::time::Duration::from_millis(30));
            let _ = sender.send("the job has ended");
        }));
        yield_now().await;
        drop(job);
        receiver.recv()
    });
    assert!(matches!(ended, Ok(Ok("the job has begun"))));
    runner.close().expect("it closes");
    assert_eq!(receiver.try_recv(), Ok("the job has ended"));
}

#[test]
fn a_task_that_refuses_to_end_is_told_and_dropped() {
    let (runner, dropped) = (runner(), Rc::new(Cell::new(false)));
    let lp = runner.get_loop().clone();
    let noting = Rc::clone(&dropped);
    let ran = runner.run(async {
        create_task(async move {
            let _guard = OnDrop(move || noting.set(true));
            drop(catch_cancelled(pending::<()>()).await);
            pending::<()>().await;
        });
        yield_now().await;
    });
    assert!(ran.is_ok());
    assert!(matches!(runner.close(), Err(Error::Deadlock(_))));
    assert!(dropped.get() && lp.is_closed());
}

#[test]
fn a_run_inside_a_run_is_refused_and_a_closed_loop_too() {
    let runner = runner();
    let nested = runner.run(async { runner.run(ready(())) });
    assert!(matches!(nested, Ok(Err(Error::Running))));
    assert!(matches!(run(async { runner.run(ready(())) }), Ok(Err(Error::Running))));
    runner.get_loop().close().expect("it does not run");
    assert!(matches!(runner.run(async {}), Err(Error::Closed)));
    assert!(runner.close().is_ok());
}

#[test]
fn a_run_goes_on_after_one_that_failed() {
    let runner = runner();
    let cancelled = runner.run(async {
        oneloop::current_task().expect("it is one").cancel();
        pending::<()>().await;
    });
    assert!(matches!(cancelled, Err(Error::Cancelled(_))));
    let lp = runner.get_loop().clone();
    let stopped = runner.run(async move {
        lp.stop();
        pending::<()>().await;
    });
    assert!(matches!(stopped, Err(Error::Stopped)));
    assert!(matches!(runner.run(pending::<()>()), Err(Error::Deadlock(_))));
    assert!(matches!(runner.run(ready(5)), Ok(5)));
}

#[test]
fn a_loop_with_settings_is_run_and_cleaned_up_in_one_call() {
    let (began, dropped) = (std::time::Instant::now(), Rc::new(Cell::new(false)));
    let noting = Rc::clone(&dropped);
    let lp = EventLoop::builder().clock(Clock::Virtual).run(async move {
        sleep(LONG).await;
        create_task(async move {
            let _guard = OnDrop(move || noting.set(true));
            pending::<()>().await;
        });
        yield_now().await;
        EventLoop::current()
    });
    // the loop is open as long as there is a handle on it
    let lp = lp.expect("it runs");
    assert!(!lp.is_closed() && dropped.get() && began.elapsed() < LONG);
    let nested = run(async { EventLoop::builder().run(ready(())) });
    assert!(matches!(nested, Ok(Err(Error::Running))));
}
