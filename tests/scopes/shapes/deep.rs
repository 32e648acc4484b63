//! Scopes inside each other, made in a loop on the heap. What is deep is the stack of the polls, as with any futures
//! inside each other: so these run on threads with a large one.

use std::thread;

use futures::FutureExt as _;
use oneloop::{catch_cancelled, create_task, sleep, timeout, yield_now};

use super::branches::{Beside, Branch, timed};
use crate::runs::run;
use crate::time::{LONG, secs};

const DEPTH: usize = 100_000;
/// Room for so many polls inside each other, also without optimisation and under a sanitizer. Only what is used of it
/// is taken from the system.
const STACK: usize = 2 << 30;

fn on_a_large_stack(test: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(STACK).spawn(test).expect("there is address space for it");
    thread.join().expect("the test passes");
}

/// Catchers and limits of `seconds` in turn, the innermost a limit, around a long sleep. Returns true if one of them
/// has ended what it held.
fn nested(depth: usize, seconds: u64) -> Branch<bool> {
    let mut inner: Branch<bool> = sleep(LONG).map(|()| false).boxed_local();
    for i in 0..depth {
        inner = if i % 2 == 0 {
            timeout(secs(seconds), inner).map(|ended| ended.unwrap_or(true)).boxed_local()
        } else {
            catch_cancelled(inner).map(|ended| ended.unwrap_or(true)).boxed_local()
        };
    }
    inner
}

#[test]
fn a_deep_nest_that_is_dropped_takes_no_time() {
    on_a_large_stack(|| {
        run(async {
            for way in Beside::WAYS {
                let held = timed(timeout(secs(5), way.all(vec![nested(DEPTH, 1_000)]))).await;
                // its catchers wait, so the innermost meets the limit
                assert_eq!(held, (Ok(vec![true]), 5), "{way:?}");
                let mut given_up = way.all(vec![nested(DEPTH, 1_000)]).boxed_local();
                assert!(futures::poll!(&mut given_up).is_pending());
                drop(given_up);
            }
        });
    });
}

#[test]
fn a_deep_nest_is_cancelled_at_its_innermost_catcher() {
    on_a_large_stack(|| {
        run(async {
            for way in Beside::WAYS {
                let mut task = create_task(way.all(vec![nested(DEPTH, 1_000)]));
                yield_now().await;
                yield_now().await;
                task.cancel();
                assert_eq!(task.outcome().await.ok(), Some(vec![true]), "{way:?}");
            }
        });
    });
}

#[test]
fn limits_of_a_deep_nest_that_are_up_at_once_end_it() {
    on_a_large_stack(|| {
        run(async {
            // in a set, each looks for the catchers inside it
            for (way, depth) in [(Beside::Join, DEPTH), (Beside::Unordered, 2_000)] {
                assert_eq!(timed(way.all(vec![nested(depth, 7)])).await, (vec![true], 7), "{way:?}");
            }
        });
    });
}
