//! A producer, two consumers, and a queue with room for two between them: the side that is too fast waits. At the end
//! the producer waits until everything is worked off, and shuts the queue down, which ends the consumers. In Python:
//!
//! ```python
//! async def produce(queue):
//!     for n in range(1, 7):
//!         await queue.put(n)          # waits while two are in it
//!     await queue.join()              # until task_done() was called for each
//!     queue.shutdown()
//!
//! async def consume(name, queue, seconds):
//!     try:
//!         while True:
//!             n = await queue.get()
//!             await asyncio.sleep(seconds)
//!             queue.task_done()
//!     except asyncio.QueueShutDown:
//!         print(f"{name} goes home")
//! ```
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::time::{Duration, Instant};

use oneloop::{Clock, Error, EventLoop, Queue, gather, sleep};

/// Prints what happened, and when on the loop's clock.
fn say(start: Instant, what: &str) {
    println!("{:>5} ms  {what}", (EventLoop::current().time() - start).as_millis());
}

async fn produce(queue: Queue<u32>, start: Instant) {
    for n in 1..=6 {
        queue.put(n).await.expect("only this task shuts it down");
        say(start, &format!("put {n}, {} in the queue", queue.len()));
    }
    queue.join().await;
    say(start, "all done, shutting down");
    queue.shutdown();
}

async fn consume(name: &str, queue: Queue<u32>, pace: Duration, start: Instant) -> u32 {
    let mut sum = 0;
    while let Ok(n) = queue.get().await {
        sleep(pace).await;
        say(start, &format!("{name} has worked off {n}"));
        sum += n;
        queue.task_done().expect("once for each item");
    }
    say(start, &format!("{name} goes home"));
    sum
}

pub(crate) fn main() -> Result<(), Error> {
    println!("(virtual clock: the waits below take no time)");
    EventLoop::builder().clock(Clock::Virtual).run(async {
        let start = EventLoop::current().time();
        let queue = Queue::new(2);
        let (quick, slow) = (Duration::from_millis(100), Duration::from_millis(250));
        let ((), ann, bob) = gather!(
            produce(queue.clone(), start),
            consume("Ann", queue.clone(), quick, start),
            consume("Bob", queue, slow, start)
        )
        .await;
        println!("{ann} + {bob} = {}", ann + bob);
    })
}
