//! CPython's `test_runners.py`: `run` and `Runner`. What it says of Ctrl-C, which is for the main thread, is in
//! `tests/interrupt.rs`. Must not know loops that are run by hand.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;
use std::time::Instant;

use oneloop::{
    ContextVar, Error, EventLoop, Runner, TaskHandle, catch_cancelled, copy_context, create_task, run, sleep, yield_now,
};

use crate::support::secs;

mod run_tests {
    use super::*;

    #[test]
    fn test_asyncio_run_return() {
        let value = run(async {
            yield_now().await;
            42
        });
        assert!(matches!(value, Ok(42)));
    }

    #[test]
    fn test_asyncio_run_raises() {
        let fails = || {
            let _: Result<(), Error> = run(async {
                yield_now().await;
                panic!("spam");
            });
        };
        let failed = catch_unwind(AssertUnwindSafe(fails)).unwrap_err();
        assert_eq!(failed.downcast_ref(), Some(&"spam"));
    }

    #[test]
    fn test_asyncio_run_from_running_loop() {
        let inner = run(async { run(async { panic!("a loop runs already") as () }) });
        assert!(matches!(inner, Ok(Err(Error::Running))));
    }

    #[test]
    fn test_asyncio_run_cancels_hanging_tasks() {
        let began = Instant::now();
        let left: RefCell<Option<TaskHandle>> = RefCell::default();
        let value = run(async {
            left.replace(Some(create_task(sleep(secs(60))).handle()));
            123
        });
        assert!(matches!(value, Ok(123)));
        let left = left.take().expect("it was made");
        assert!(left.done() && left.cancelled());
        assert!(began.elapsed() < secs(30));
    }

    /// What is told of a task that panics when `run` cancels it, after `main` has ended in its way.
    fn told_of_a_task_that_fails_when_cancelled(main: impl FnOnce() -> i32) -> (Vec<String>, TaskHandle) {
        let told = Rc::new(RefCell::new(Vec::new()));
        let left: RefCell<Option<TaskHandle>> = RefCell::default();
        let ended = catch_unwind(AssertUnwindSafe(|| {
            run(async {
                let telling = Rc::clone(&told);
                EventLoop::current().set_exception_handler(move |context| {
                    let text = format!("{}: {:?}: {}", context.message, context.task, context.exception.message());
                    telling.borrow_mut().push(text);
                });
                let task = create_task(async {
                    let cancelled = catch_cancelled(sleep(secs(60))).await;
                    yield_now().await; // it is waited for
                    assert!(cancelled.is_ok(), "one by zero");
                });
                left.replace(Some(task.named("leftover").handle()));
                yield_now().await;
                main()
            })
        }));
        assert!(!matches!(ended, Ok(Err(_))));
        (told.take(), left.take().expect("it was made"))
    }

    #[test]
    fn test_asyncio_run_reports_hanging_tasks_errors() {
        let expected = ["unhandled exception during asyncio.run() shutdown: Some(\"leftover\"): one by zero"];
        let (told, left) = told_of_a_task_that_fails_when_cancelled(|| 123);
        assert!(left.done() && !left.cancelled());
        assert_eq!(told, expected);
        let (told, left) = told_of_a_task_that_fails_when_cancelled(|| panic!("main fails, too"));
        assert!(left.done());
        assert_eq!(told, expected);
    }
}

mod runner_tests {
    use super::*;

    async fn done() -> &'static str {
        yield_now().await;
        "done"
    }

    #[test]
    fn test_custom_factory() {
        let lp = EventLoop::new().expect("a loop");
        let runner = Runner::with_loop(lp.clone());
        assert_eq!(*runner.get_loop(), lp);
        assert!(matches!(runner.run(async { EventLoop::current() }), Ok(current) if current == lp));
    }

    #[test]
    fn test_run() {
        let runner = Runner::new().expect("a loop");
        assert!(matches!(runner.run(done()), Ok("done")));
        let lp = runner.get_loop().clone();
        drop(runner);
        assert!(lp.is_closed());
        assert!(matches!(lp.run_until_complete(done()), Err(Error::Closed)));
    }

    #[test]
    fn test_run_future() {
        let runner = Runner::new().expect("a loop");
        let future = runner.get_loop().create_future();
        future.set_result("done").expect("it is pending");
        assert!(matches!(runner.run(future), Ok("done")));
    }

    #[test]
    fn test_run_awaitable() {
        struct Awaitable;
        impl IntoFuture for Awaitable {
            type Output = &'static str;
            type IntoFuture = std::pin::Pin<Box<dyn Future<Output = &'static str>>>;
            fn into_future(self) -> Self::IntoFuture {
                Box::pin(done())
            }
        }
        let runner = Runner::new().expect("a loop");
        assert!(matches!(runner.run(Awaitable), Ok("done")));
    }

    #[test]
    fn test_explicit_close() {
        let runner = Runner::new().expect("a loop");
        let lp = runner.get_loop().clone();
        runner.close().expect("nothing is left");
        assert!(lp.is_closed());
    }

    #[test]
    fn test_run_keeps_context() {
        static VARIABLE: ContextVar<i32> = ContextVar::new("cvar");
        async fn sets(value: i32) -> Option<i32> {
            let before = VARIABLE.get();
            yield_now().await;
            VARIABLE.set(value);
            before
        }
        let runner = Runner::new().expect("a loop");
        assert!(matches!(runner.run(sets(1)), Ok(None)));
        assert!(matches!(runner.run(sets(2)), Ok(Some(1))));
        let context = runner.run(async { copy_context() }).expect("it runs");
        assert_eq!((context.get(&VARIABLE), VARIABLE.get()), (Some(2), None));
    }

    #[test]
    fn test_recursive_run() {
        let runner = Runner::new().expect("a loop");
        let inner = runner.run(async { runner.run(async { panic!("a loop runs already") as () }) });
        let Ok(Err(error @ Error::Running)) = inner else { panic!("{inner:?}") };
        assert!(error.to_string().contains("running"), "{error}");
    }

    /// Tests are no main thread, where asyncio can set no handlers of signals either.
    #[test]
    fn test_signal_install_not_supported_ok() {
        let ran = thread::spawn(|| Runner::new().and_then(|runner| runner.run(done())));
        assert!(matches!(ran.join().expect("it does not panic"), Ok("done")));
    }

    #[test]
    fn test_no_repr_is_call_on_the_task_result() {
        #[derive(Default)]
        struct Shown(Cell<u32>);
        impl fmt::Debug for Shown {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.set(self.0.get() + 1);
                f.write_str("Shown")
            }
        }
        let runner = Runner::new().expect("a loop");
        let value = runner.run(async { Shown::default() }).expect("it runs");
        assert_eq!(value.0.get(), 0);
    }
}
