//! Three runners and two stages: no runner starts on a stage before all have finished the one before. The first at the
//! barrier rings the bell. In Python:
//!
//! ```python
//! async def run(name, pace, barrier):
//!     for stage in range(1, 3):
//!         await asyncio.sleep(pace * stage)
//!         if await barrier.wait() == 0:
//!             print("the bell rings")
//! ```
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::time::{Duration, Instant};

use oneloop::error::BrokenBarrierError;
use oneloop::{Barrier, Clock, Error, EventLoop, catch_cancelled, create_task, gather, sleep, yield_now};

fn say(start: Instant, what: &str) {
    println!("{:>5} ms  {what}", (EventLoop::current().time() - start).as_millis());
}

async fn run(name: &'static str, pace: u64, barrier: Barrier, start: Instant) -> Result<(), BrokenBarrierError> {
    for stage in 1..=2 {
        sleep(Duration::from_millis(pace * stage)).await;
        say(start, &format!("{name} has come in, {} waited already", barrier.n_waiting()));
        let index = barrier.wait().await?;
        if index == 0 {
            say(start, &format!("the bell rings: stage {stage} is over"));
        }
    }
    Ok(())
}

pub(crate) fn main() -> Result<(), Error> {
    println!("(virtual clock: the waits below take no time)");
    EventLoop::builder().clock(Clock::Virtual).run(async {
        let start = EventLoop::current().time();
        let barrier = Barrier::new(3);
        let runners = [("Ann", 300), ("Bob", 200), ("Cyd", 100)];
        let ended = gather(runners.map(|(name, pace)| run(name, pace, barrier.clone(), start))).await;
        assert!(ended.iter().all(Result::is_ok));

        // A waiting task can be cancelled, and the barrier still works for the others; only abort() breaks it.
        let lonely = barrier.clone();
        let waiter = create_task(async move { catch_cancelled(lonely.wait()).await });
        yield_now().await;
        waiter.cancel();
        assert!(waiter.await.is_err());
        println!("called off: {} wait, broken: {}", barrier.n_waiting(), barrier.broken());
        let waiter = create_task({
            let barrier = barrier.clone();
            async move { barrier.wait().await }
        });
        yield_now().await;
        barrier.abort().await;
        println!("aborted: {}", waiter.await.expect_err("it is broken"));
    })
}
