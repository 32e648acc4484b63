//! Three groups of coroutines, gathered into one: a gathering is awaitable itself, so gatherings nest.
//!
//! The groups are made before the loop runs, as asyncio programs do, and the outermost is given to
//! `run_until_complete`. All seventeen coroutines run at the same time; the results come out in the shape of the
//! groups. In Python:
//!
//! ```python
//! group1 = asyncio.gather(*[coro(f"group 1.{i}") for i in range(1, 6)])
//! group2 = asyncio.gather(*[coro(f"group 2.{i}") for i in range(1, 4)])
//! group3 = asyncio.gather(*[coro(f"group 3.{i}") for i in range(1, 10)])
//!
//! all_groups = asyncio.gather(group1, group2, group3)
//! results = loop.run_until_complete(all_groups)
//! ```
//!
//! On a virtual clock, it takes no time; between 1 and 3 seconds each on a real one.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::time::Duration;

use oneloop::gather::Gathering;
use oneloop::{Clock, Error, EventLoop, gather, sleep};

async fn coro(group: u64, i: u64) -> String {
    let tag = format!("group {group}.{i}");
    println!("> {tag}");
    // Stands in for a random number: scattered, the same in every run.
    let milliseconds = 1_000 + (group * 613 + i * 739) % 2_000;
    sleep(Duration::from_millis(milliseconds)).await;
    println!("< {tag}");
    tag
}

fn group(number: u64, size: u64) -> Gathering<Vec<String>> {
    gather((1..=size).map(|i| coro(number, i)))
}

pub(crate) fn main() -> Result<(), Error> {
    println!("(virtual clock: the waits below take no time)");
    let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
    let all_groups = {
        // Nothing runs yet: this says which loop the coroutines are for.
        let _in = lp.enter();
        gather([group(1, 5), group(2, 3), group(3, 9)])
    };
    for results in lp.run_until_complete(all_groups)? {
        println!("{results:?}");
    }
    Ok(())
}
