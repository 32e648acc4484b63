//! The rows of time limits, of `catch_cancelled` and of cancellations. Owns these workloads; must not know how time is
//! measured or shown.

use std::time::Duration;

use oneloop::{EventLoop, catch_cancelled, create_task, sleep, timeout, yield_now};

use crate::measure::Cost;
use crate::rows::repeat;

/// How many operations a batch has.
const BATCH: u64 = 1_000;
/// A time limit that is never reached.
const LONG: Duration = Duration::from_secs(3600);

pub(crate) fn timeout_in_time(lp: &EventLoop, times: u64) -> Cost {
    repeat(lp, times, BATCH, async || {
        for _ in 0..BATCH {
            timeout(LONG, yield_now()).await.expect("it is in time");
        }
    })
}

pub(crate) fn timeout_ten_yields(lp: &EventLoop, times: u64) -> Cost {
    repeat(lp, times, BATCH, async || {
        for _ in 0..BATCH {
            let yields = async {
                for _ in 0..10 {
                    yield_now().await;
                }
            };
            timeout(LONG, yields).await.expect("it is in time");
        }
    })
}

/// On the virtual clock, where no time is waited for.
pub(crate) fn timeout_late(lp: &EventLoop, times: u64) -> Cost {
    repeat(lp, times, BATCH, async || {
        for _ in 0..BATCH {
            timeout(Duration::from_millis(1), sleep(LONG)).await.expect_err("it is late");
        }
    })
}

pub(crate) fn catch(lp: &EventLoop, times: u64) -> Cost {
    repeat(lp, times, BATCH, async || {
        for _ in 0..BATCH {
            catch_cancelled(yield_now()).await.expect("it is not cancelled");
        }
    })
}

pub(crate) fn cancel_sleeper(lp: &EventLoop, times: u64) -> Cost {
    repeat(lp, times, BATCH, async || {
        for _ in 0..BATCH {
            let mut task = create_task(async { sleep(LONG).await });
            yield_now().await;
            task.cancel();
            task.outcome().await.expect_err("it is cancelled");
        }
    })
}

pub(crate) fn cancel_caught(lp: &EventLoop, times: u64) -> Cost {
    repeat(lp, times, BATCH, async || {
        for _ in 0..BATCH {
            let task = create_task(async { catch_cancelled(sleep(LONG)).await.is_err() });
            yield_now().await;
            task.cancel();
            assert!(task.await, "it is caught");
        }
    })
}
