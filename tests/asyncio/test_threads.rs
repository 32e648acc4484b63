//! CPython's `test_threads.py`: `to_thread`. Must not know the executor behind it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use oneloop::{ContextVar, gather, to_thread};

use crate::support::run;

/// A call that counts how often it was made.
fn counting(count: &Arc<AtomicUsize>) -> impl FnOnce() + Send + use<> {
    let count = Arc::clone(count);
    move || {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

mod to_thread_tests {
    use super::*;

    #[test]
    fn test_to_thread() {
        assert_eq!(run(to_thread(|| [40, 2].iter().sum::<i32>())), 42);
    }

    #[test]
    fn test_to_thread_exception() {
        let failed = catch_unwind(AssertUnwindSafe(|| run(to_thread(|| panic!("test") as ())))).unwrap_err();
        assert_eq!(failed.downcast_ref(), Some(&"test"));
    }

    #[test]
    fn test_to_thread_once() {
        let count = Arc::default();
        run(to_thread(counting(&count)));
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn test_to_thread_contextvars() {
        static TEST_CTX: ContextVar<&str> = ContextVar::new_send("test_ctx");
        let result = run(async {
            TEST_CTX.set("parrot");
            to_thread(|| TEST_CTX.get()).await
        });
        assert_eq!(result, Some("parrot"));
    }

    #[test]
    fn test_to_thread_concurrent() {
        let count = Arc::default();
        let calls: Vec<_> = (0..10).map(|_| to_thread(counting(&count))).collect();
        assert_eq!(count.load(Ordering::Relaxed), 0, "a call begins when it is awaited");
        run(async { gather(calls).await });
        assert_eq!(count.load(Ordering::Relaxed), 10);
    }
}
