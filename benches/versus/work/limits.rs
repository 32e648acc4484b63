//! What ends before its time: requests under a limit that they keep, and tasks that are cancelled. Owns the batches;
//! must not know any system.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::{child, repeat};
use crate::measure::Cost;
use crate::sizes::{CANCELLED, HOUR, LIMIT, REQUESTED};
use crate::system::{Cancels, Limits};

/// All requests at once, each a task that waits for its answer no longer than it may.
pub(crate) fn timeouts<S: Limits>(times: u64) -> Cost {
    repeat(times, REQUESTED, async |system: S| {
        let request = |i| async move {
            let answer = S::limit(LIMIT, child(i)).await;
            answer.into_iter().next().expect("it comes in time")
        };
        let tasks: Vec<_> = (0..REQUESTED).map(|i| system.spawn(request(i))).collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await;
        }
        assert_eq!(sum, REQUESTED * (REQUESTED - 1) / 2);
    })
}

/// What a task has to put in order, however it ends.
struct CleanUp(Rc<Cell<u64>>);

impl Drop for CleanUp {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// From the first cancellation to the last clean-up, or to the end of the last task if that is later. What was begun
/// before is not counted.
pub(crate) fn cancel_storm<S: Cancels>(times: u64) -> Cost {
    S::run(async |system: S| {
        let mut time = Duration::ZERO;
        for _ in 0..times {
            let (begun, cleaned) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
            let wait = || {
                let (begun, clean_up) = (begun.clone(), CleanUp(cleaned.clone()));
                async move {
                    begun.set(begun.get() + 1);
                    S::timer(HOUR).await;
                    drop(clean_up);
                }
            };
            let tasks: Vec<_> = (0..CANCELLED).map(|_| system.spawn(wait())).collect();
            while begun.get() < CANCELLED {
                S::yield_now().await;
            }
            let start = Instant::now();
            S::cancel_all(tasks).await;
            // some do not wait, and compio says that a task has ended before it has dropped what was in it
            while cleaned.get() < CANCELLED {
                S::yield_now().await;
            }
            time += start.elapsed();
        }
        Cost::Time { operations: times * CANCELLED, time }
    })
}
