//! Six coroutines of which two fail, and what `wait` and `gather` each make of that.
//!
//! An exception of Python's is an `Err` here: a coroutine that fails is one that returns it. `wait` raises nothing and
//! hands the tasks back; `gather` gives every result in its place, failed or not; `try_gather` gives the first error as
//! soon as there is one, which is what asyncio's `gather` does if nothing is said. None of them cancels anything. In
//! Python:
//!
//! ```python
//! async def nap(number):
//!     await asyncio.sleep(random.uniform(0.5, 3))
//!     if number in (4, 6):
//!         raise Nightmare(number)
//!     return number
//!
//! await asyncio.wait(tasks, return_when=asyncio.ALL_COMPLETED)
//! await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
//! await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
//! await asyncio.gather(*tasks, return_exceptions=True)
//! await asyncio.gather(*tasks)  # raises Nightmare(4)
//! ```
//!
//! The naps are written down instead of drawn, and the clock is virtual, so that every run prints the same at once.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::fmt;
use std::time::Duration;

use oneloop::wait::PendingSet;
use oneloop::{
    Clock, Error, EventLoop, ReturnWhen, Task, TaskError, TaskHandle, create_task, gather, sleep, try_gather, wait,
};

#[derive(Clone, Debug)]
struct Nightmare(usize);

impl fmt::Display for Nightmare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nightmare {}", self.0)
    }
}

type Nap = Result<usize, Nightmare>;

const MILLISECONDS: [u64; 6] = [1900, 800, 2600, 1300, 600, 2200];

async fn nap(number: usize) -> Nap {
    sleep(Duration::from_millis(MILLISECONDS[number - 1])).await;
    if number == 4 || number == 6 { Err(Nightmare(number)) } else { Ok(number) }
}

fn six_naps() -> Vec<Task<Nap>> {
    (1..=6).map(|number| create_task(nap(number)).named(format!("nap {number}"))).collect()
}

fn said(nap: &Nap) -> String {
    match nap {
        Ok(number) => format!("returned {number}"),
        Err(nightmare) => format!("failed: {nightmare}"),
    }
}

fn ending(outcome: Result<Nap, TaskError>) -> String {
    match outcome {
        Ok(nap) => said(&nap),
        Err(TaskError::Cancelled(_)) => "cancelled".to_owned(),
        Err(other) => other.to_string(),
    }
}

fn print_done(tasks: &[Task<Nap>]) {
    for task in tasks {
        println!("  {} {}", task.name(), ending(task.result()));
    }
}

fn print_pending(tasks: &PendingSet<Task<Nap>>) {
    for task in tasks {
        println!("  {} pending", task.name());
    }
}

async fn wait_for_all() {
    println!("wait, ALL_COMPLETED:");
    let sets = wait(six_naps()).return_when(ReturnWhen::AllCompleted).await;
    print_done(&sets.done);
}

async fn wait_for_the_first_exception() {
    println!("wait, FIRST_EXCEPTION:");
    let sets = wait(six_naps()).return_when(ReturnWhen::FirstException).await;
    print_done(&sets.done);
    print_pending(&sets.pending);
    println!("the pending ones run on, and can be waited for:");
    print_done(&wait(sets.pending).await.done);
}

async fn wait_for_the_first_and_cancel_the_rest() {
    println!("wait, FIRST_COMPLETED:");
    let sets = wait(six_naps()).return_when(ReturnWhen::FirstCompleted).await;
    print_done(&sets.done);
    print_pending(&sets.pending);
    println!("the rest, cancelled by hand:");
    for task in &sets.pending {
        task.cancel();
    }
    print_done(&wait(sets.pending).await.done);
}

async fn gather_every_result() {
    println!("gather, errors in their places:");
    for (number, nap) in (1..).zip(gather((1..=6).map(nap)).await) {
        println!("  nap {number} {}", said(&nap));
    }
}

async fn gather_every_ending() {
    println!("gather with return_exceptions, nap 2 cancelled by other code:");
    let tasks = six_naps();
    let second = tasks[1].handle();
    EventLoop::current().call_later(Duration::from_millis(100), move || {
        second.cancel();
    });
    for (number, outcome) in (1..).zip(gather(tasks).return_exceptions().await) {
        println!("  nap {number} {}", ending(outcome));
    }
}

async fn gather_until_the_first_error() {
    println!("try_gather:");
    let lp = EventLoop::current();
    let start = lp.time();
    let tasks = six_naps();
    // The gathering owns the tasks now; a handle without the value is enough to see that they run on.
    let handles: Vec<TaskHandle> = tasks.iter().map(Task::handle).collect();
    match try_gather(tasks).await {
        Ok(numbers) => println!("  all returned: {numbers:?}"),
        Err(nightmare) => println!("  {nightmare} after {:?}", lp.time() - start),
    }
    let (done, running): (Vec<_>, Vec<_>) = handles.into_iter().partition(|task| task.done());
    println!("  {} done, {} run on", done.len(), running.len());
    let done = wait(running).await.done;
    println!("  {} more done after {:?}", done.len(), lp.time() - start);
}

pub(crate) fn main() -> Result<(), Error> {
    println!("(virtual clock: the waits below take no time)");
    EventLoop::builder().clock(Clock::Virtual).run(async {
        wait_for_all().await;
        wait_for_the_first_exception().await;
        wait_for_the_first_and_cancel_the_rest().await;
        gather_every_result().await;
        gather_every_ending().await;
        gather_until_the_first_error().await;
    })
}
