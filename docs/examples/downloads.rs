//! Ten downloads at once: `gather` for all the results in order, `wait` for those that come in time.
//!
//! `gather` answers with the values, in the order of the arguments, however the downloads finish. `wait` answers with
//! the tasks, in two sets: done (here in order of completion, where Python's set has none) and pending. It cancels
//! nothing, so what is to be done about the pending ones is said by the program. In Python:
//!
//! ```python
//! pages = await asyncio.gather(*[download(i) for i in range(10)])
//!
//! tasks = [asyncio.create_task(download(i)) for i in range(10)]
//! done, pending = await asyncio.wait(tasks, timeout=0.5)
//! for task in pending:
//!     task.cancel()
//! await asyncio.gather(*pending, return_exceptions=True)
//! ```
//!
//! The loop has a virtual clock, which jumps to the next deadline when nothing is ready: the program takes no time and
//! prints the same on a busy machine. `oneloop::run` runs it on the real one.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::time::Duration;

use oneloop::{Clock, Error, EventLoop, TaskError, create_task, gather, sleep, wait};

/// A stand-in for a request: the later ones are answered sooner, and two servers are slow.
async fn download(i: u64) -> String {
    let milliseconds = if i == 3 || i == 7 { 2_000 } else { 300 - 20 * i };
    sleep(Duration::from_millis(milliseconds)).await;
    format!("page {i} after {milliseconds} ms")
}

async fn all_in_order() {
    println!("gather, in the order of the arguments:");
    for page in gather((0..10).map(download)).await {
        println!("  {page}");
    }
}

async fn those_in_time() {
    let tasks = (0..10).map(|i| create_task(download(i)).named(format!("download {i}")));
    let sets = wait(tasks).timeout(Duration::from_millis(500)).await;
    println!("wait for at most 500 ms, {} done, in order of completion:", sets.done.len());
    for task in sets.done {
        println!("  {}", task.await);
    }
    println!("{} pending:", sets.pending.len());
    for task in &sets.pending {
        println!("  {}", task.name());
        task.cancel();
    }
    // A cancelled task ends when it has its turn, after its destructors: wait for that before going on.
    let ended = gather(sets.pending).return_exceptions().await;
    let cancelled = ended.iter().filter(|end| matches!(end, Err(TaskError::Cancelled(_)))).count();
    println!("{cancelled} cancelled");
}

pub(crate) fn main() -> Result<(), Error> {
    println!("(virtual clock: the waits below take no time)");
    EventLoop::builder().clock(Clock::Virtual).run(async {
        all_in_order().await;
        those_in_time().await;
    })
}
