//! Shields, views and gatherings inside each other, 20,000 deep of each kind and 200,000 of all in turn: nothing goes
//! through them by recursion, whether they are awaited, looked at, cancelled, dropped, or left to a loop that closes.
//! On a stack of 2 MiB, as a thread has it.

use std::any::Any;
use std::thread;

use oneloop::{Awaitable, Task, create_future, create_task, ensure_future, gather, shield, try_gather, yield_now};

use crate::support::run;

const STACK: usize = 2 * 1024 * 1024;
const DEEP: usize = 20_000;
const VERY_DEEP: usize = 200_000;

type Wrap = fn(Awaitable<i32>) -> Awaitable<i32>;

const WRAPS: [(&str, Wrap); 6] = [
    ("shield", |inner| shield(inner)),
    ("map", |inner| inner.map(|n| n)),
    ("shared", |inner| inner.shared().into()),
    ("gather", |inner| ensure_future(gather([inner])).map(|values| values[0])),
    ("return_exceptions", |inner| {
        ensure_future(gather([inner]).return_exceptions()).map(|mut ended| ended.remove(0).unwrap_or(-1))
    }),
    ("try_gather", |inner| {
        ensure_future(try_gather([inner.map(Ok::<i32, ()>)])).map(|values| values.map_or(-1, |values| values[0]))
    }),
];

/// `inner` in many layers: of one kind, or of all kinds in turn.
fn wrapped(inner: Awaitable<i32>, kind: usize) -> Awaitable<i32> {
    let is_one = kind < WRAPS.len();
    let wrap = |level: usize| WRAPS[if is_one { kind } else { level % WRAPS.len() }].1;
    (0..if is_one { DEEP } else { VERY_DEEP }).fold(inner, |inner, level| wrap(level)(inner))
}

/// Runs `program` for each kind of nesting, on a small stack.
fn for_each_kind<F: Future<Output = ()> + 'static>(program: fn(usize) -> F) {
    for kind in 0..=WRAPS.len() {
        let run_it = move || run(program(kind));
        let ended = thread::Builder::new().stack_size(STACK).spawn(run_it).expect("a thread").join();
        assert!(ended.is_ok(), "{}", WRAPS.get(kind).map_or("all in turn", |(name, _)| name));
    }
}

#[test]
fn what_is_nested_deep_is_awaited() {
    for_each_kind(|kind| async move {
        let inner = create_future::<i32>();
        let outer = wrapped(inner.clone().into(), kind);
        assert!(inner.set_result(5).is_ok());
        assert_eq!(outer.await, 5);
    });
}

#[test]
fn what_is_nested_deep_is_looked_at_and_dropped() {
    for_each_kind(|kind| async move {
        let inner = create_future::<i32>();
        let outer = wrapped(inner.clone().into(), kind);
        assert!(inner.set_result(5).is_ok());
        let _ = outer.any().cancelled();
        while !outer.done() {
            yield_now().await;
        }
        assert_eq!(outer.result().ok(), Some(5));
    });
}

#[test]
fn what_is_nested_deep_is_dropped_before_and_after_its_end() {
    for_each_kind(|kind| async move {
        let inner = create_future::<i32>();
        drop(wrapped(inner.clone().into(), kind));
        let outer = wrapped(inner.clone().into(), kind);
        assert!(inner.set_result(5).is_ok());
        while !outer.done() {
            yield_now().await;
        }
        drop(outer);
    });
}

#[test]
fn what_is_nested_deep_is_cancelled_from_either_end() {
    for_each_kind(|kind| async move {
        let (inner, other) = (create_future::<i32>(), create_future::<i32>());
        let (outer, second) = (wrapped(inner.clone().into(), kind), wrapped(other.clone().into(), kind));
        let mut task = create_task(second);
        yield_now().await;
        assert!(outer.cancel() && task.cancel());
        assert!(task.outcome().await.is_err());
        let (inner, other) = (create_future::<i32>(), inner);
        other.cancel();
        let mut outer = wrapped(inner.clone().into(), kind);
        assert!(inner.cancel());
        let ended = outer.outcome().await;
        assert!(matches!(ended, Err(_) | Ok(-1)));
    });
}

#[test]
fn what_is_nested_deep_is_left_to_a_loop_that_closes() {
    for_each_kind(|kind| async move {
        let outer = wrapped(create_future::<i32>().into(), kind);
        create_task(outer);
        let task = create_task(std::future::pending::<i32>());
        let handle = create_task(wrapped(task.into(), kind));
        create_task(async move {
            let _kept = handle; // until the loop drops this coroutine
            std::future::pending::<()>().await;
        });
        yield_now().await;
    });
}

/// A task whose value is a task whose value is a task …
#[test]
fn values_of_tasks_that_are_tasks_are_dropped() {
    const DEPTH: usize = VERY_DEEP;
    struct Chain(#[expect(dead_code, reason = "dropped")] Option<Task<Self>>);
    let dropped = || {
        run(async {
            let mut chain = create_task(async { Chain(None) });
            for n in 0..DEPTH {
                let inner = chain;
                chain = create_task(async { Chain(Some(inner)) });
                if n % 1_000 == 0 {
                    yield_now().await;
                }
            }
            yield_now().await;
            drop(chain);
            let mut boxed: Box<dyn Any> = Box::new(());
            for _ in 0..DEPTH {
                let future = create_future::<Box<dyn Any>>();
                assert!(future.set_result(boxed).is_ok());
                boxed = Box::new(future);
            }
            drop(boxed);
        });
    };
    thread::Builder::new().stack_size(STACK).spawn(dropped).expect("a thread").join().expect("it comes to its end");
}
