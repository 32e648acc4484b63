//! Eight jobs, three at a time: a semaphore lets three in, in the order in which they asked. One job is cancelled while
//! it waits and one while it works, and the next jobs take their places. In Python:
//!
//! ```python
//! async def job(n, limit):
//!     async with limit:
//!         await asyncio.sleep(0.1 * n)
//!         return n * n
//!
//! limit = asyncio.Semaphore(3)
//! tasks = [asyncio.create_task(job(n, limit)) for n in range(1, 9)]
//! ```
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::time::{Duration, Instant};

use oneloop::{Clock, Error, EventLoop, Semaphore, Task, create_task, gather, sleep};

fn say(start: Instant, what: &str) {
    println!("{:>5} ms  {what}", (EventLoop::current().time() - start).as_millis());
}

/// Prints that a job leaves when this is dropped, however the job ends.
struct Leaving(Instant, u64);

impl Drop for Leaving {
    fn drop(&mut self) {
        say(self.0, &format!("job {} leaves", self.1));
    }
}

async fn job(n: u64, limit: Semaphore, start: Instant) -> u64 {
    let _permit = limit.acquire().await;
    say(start, &format!("job {n} begins, {} permits left", limit.value()));
    let _leaving = Leaving(start, n);
    sleep(Duration::from_millis(100 * n)).await;
    n * n
}

pub(crate) fn main() -> Result<(), Error> {
    println!("(virtual clock: the waits below take no time)");
    EventLoop::builder().clock(Clock::Virtual).run(async {
        let start = EventLoop::current().time();
        let limit = Semaphore::new(3);
        let jobs: Vec<Task<u64>> = (1..=8).map(|n| create_task(job(n, limit.clone(), start))).collect();
        sleep(Duration::from_millis(150)).await;
        say(start, "jobs 3 and 5 are called off");
        jobs[2].cancel();
        jobs[4].cancel();
        for (n, ended) in (1..).zip(gather(jobs).return_exceptions().await) {
            match ended {
                Ok(square) => println!("{n}: {square}"),
                Err(why) => println!("{n}: {why}"),
            }
        }
        println!("{} permits", limit.value());
    })
}
