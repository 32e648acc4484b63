//! Workers that take jobs from one queue, in a task group. A job that fails ends the group, which cancels the other
//! workers, and its `io::Error` leaves by `?`, as an exception would. In Python:
//!
//! ```python
//! async with asyncio.TaskGroup() as group:
//!     for n in range(3):
//!         group.create_task(worker(n, jobs, results))
//!     for path in paths:
//!         await jobs.put(path)
//!     jobs.shutdown()
//! ```
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::io;
use std::time::{Duration, Instant};

use oneloop::{Clock, Error, EventLoop, Queue, sleep, task_group};

const WORKERS: usize = 3;
/// The files of a slow disk, with their sizes.
const FILES: [(&str, u64); 6] = [("a", 800), ("b", 300), ("c", 200), ("d", 500), ("e", 100), ("f", 400)];

fn say(start: Instant, what: &str) {
    println!("{:>5} ms  {what}", (EventLoop::current().time() - start).as_millis());
}

/// Reads a file, a byte in a millisecond.
async fn read(file: &str) -> io::Result<u64> {
    let found = FILES.into_iter().find(|(name, _)| *name == file);
    let (_, size) = found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("there is no file {file}")))?;
    sleep(Duration::from_millis(size)).await;
    Ok(size)
}

/// Works until the queue is shut down, or a job fails.
async fn work(n: usize, jobs: Queue<String>, results: Queue<u64>, start: Instant) -> io::Result<()> {
    while let Ok(file) = jobs.get().await {
        say(start, &format!("worker {n} reads {file}"));
        results.put(read(&file).await?).await?;
    }
    Ok(())
}

/// How many bytes the files have together.
async fn add_up(files: &[&str]) -> io::Result<u64> {
    let start = EventLoop::current().time();
    let (jobs, results) = (Queue::bounded(1), Queue::unbounded());
    task_group(async |group| {
        for n in 1..=WORKERS {
            group.create_task(work(n, jobs.clone(), results.clone(), start));
        }
        for file in files {
            jobs.put((*file).to_owned()).await?; // waits while the workers are behind
        }
        say(start, "that was the last file");
        jobs.shutdown();
        Ok(())
    })
    .await?;
    say(start, "all are read");
    Ok(results.shutdown_immediate().iter().sum())
}

async fn both() -> io::Result<()> {
    println!("{} bytes", add_up(&["a", "b", "c", "d", "e", "f"]).await?);
    match add_up(&["a", "b", "c", "x", "d", "e"]).await {
        Ok(sum) => println!("{sum} bytes"),
        Err(error) => println!("{:?}: {error}", error.kind()),
    }
    Ok(())
}

pub(crate) fn main() -> Result<(), Error> {
    println!("(virtual clock: the waits below take no time)");
    EventLoop::builder().clock(Clock::Virtual).run(both())??;
    Ok(())
}
