//! CPython's `test_runners.py`: `run`. Must not know loops that are run by hand.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Instant;

use oneloop::{Error, EventLoop, TaskHandle, catch_cancelled, create_task, run, sleep, yield_now};

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
