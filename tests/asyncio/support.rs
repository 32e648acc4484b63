//! What these tests share: parts of `tests/support`, and CPython's own helpers under their names. Must not know any
//! subject.

#[cfg(feature = "signal")]
#[path = "../support/again.rs"]
mod again;
#[cfg(feature = "signal")]
#[path = "../support/alone.rs"]
mod alone;
#[path = "../support/cancelling.rs"]
mod cancelling;
#[path = "../support/drops.rs"]
mod drops;
#[path = "../support/ended.rs"]
mod ended;
#[path = "../support/log.rs"]
mod log;
#[path = "../support/loops.rs"]
mod loops;
#[path = "../support/panics.rs"]
mod panics;
#[path = "../support/queues.rs"]
mod queues;
#[path = "../support/real.rs"]
mod real;
#[path = "../support/received.rs"]
mod received;
#[path = "../support/reports.rs"]
mod reports;
#[path = "../support/runs.rs"]
mod runs;
#[path = "../support/time.rs"]
mod time;
#[path = "../support/timers.rs"]
mod timers;

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process;

use oneloop::{TaskHandle, current_task, yield_now};

#[cfg(feature = "signal")]
pub(crate) use alone::alone;
pub(crate) use cancelling::cancelling;
pub(crate) use drops::OnDrop;
pub(crate) use ended::values_as_completed;
pub(crate) use log::{Log, note};
pub(crate) use loops::virtual_loop;
pub(crate) use panics::{panic_in, panic_of};
pub(crate) use queues::{getting, putting, waiting};
pub(crate) use real::{PATIENCE, real_loop, run_real};
pub(crate) use received::read_to_end;
pub(crate) use reports::{reports, reports_as};
pub(crate) use runs::{run, try_run};
pub(crate) use time::{LONG, SECOND, ms, now, secs};
pub(crate) use timers::assert_no_timer_is_left;

/// Lets everything run that is ready now, once: CPython's `test_utils.run_briefly`.
pub(crate) async fn run_briefly() {
    yield_now().await;
}

/// The running task: asyncio's `current_task()`.
pub(crate) fn me() -> TaskHandle {
    current_task().expect("inside a task")
}

/// A path for a Unix socket, at which nothing is.
pub(crate) fn socket_path(name: &str) -> PathBuf {
    let path = env::temp_dir().join(format!("oneloop-{}-{name}", process::id()));
    let _ = fs::remove_file(&path);
    path
}
