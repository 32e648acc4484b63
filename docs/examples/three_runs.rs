//! The first result, then what comes within two seconds, then all the rest: three runs of one loop.
//!
//! `run_until_complete` may be called again and again. Tasks that are not done when it returns stay on the loop, stand
//! still, and go on with the next run. `wait` gives the pending ones back, ready to be waited for again. In Python:
//!
//! ```python
//! finished, unfinished = loop.run_until_complete(
//!     asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED))
//! finished2, unfinished2 = loop.run_until_complete(
//!     asyncio.wait(unfinished, timeout=2))
//! finished3, unfinished3 = loop.run_until_complete(
//!     asyncio.wait(unfinished2))
//! ```
//!
//! The clock is virtual, so the five seconds take no time; the durations are those of a program on the real one.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::time::Duration;

use oneloop::{Clock, Error, EventLoop, ReturnWhen, Task, create_task, sleep, wait};

/// What `random.uniform(0.5, 5)` might have said, in milliseconds.
const NAPS: [u64; 10] = [2900, 1100, 4600, 700, 3300, 2200, 4900, 1800, 3900, 900];

async fn coro(tag: usize) -> usize {
    println!("> {tag}");
    sleep(Duration::from_millis(NAPS[tag - 1])).await;
    println!("< {tag}");
    tag
}

fn print_results(finished: &[Task<usize>]) {
    for task in finished {
        println!("{}", task.result().expect("it is not cancelled, and does not panic"));
    }
}

pub(crate) fn main() -> Result<(), Error> {
    println!("(virtual clock: the waits below take no time)");
    let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
    // create_task and wait are called outside a run, so this says which loop they are for.
    let _in = lp.enter();
    let tasks: Vec<_> = (1..=10).map(|tag| create_task(coro(tag))).collect();

    println!("Get first result:");
    let first = lp.run_until_complete(wait(tasks).return_when(ReturnWhen::FirstCompleted))?;
    print_results(&first.done);
    println!("unfinished: {}", first.pending.len());

    println!("Get more results in 2 seconds:");
    let more = lp.run_until_complete(wait(first.pending).timeout(Duration::from_secs(2)))?;
    print_results(&more.done);
    println!("unfinished: {}", more.pending.len());

    println!("Get all other results:");
    let rest = lp.run_until_complete(wait(more.pending))?;
    print_results(&rest.done);
    println!("unfinished: {}", rest.pending.len());
    Ok(())
}
