//! The same downloads by `gather` and by `wait`, recorded: who made, woke and cancelled whom, and when.
//!
//! A `Recorder` is an observer of the loop. Its timeline is printed here, a line for each task; with the name of a
//! folder as its argument, the program writes it there as two pictures, and as traces for <https://ui.perfetto.dev>.
//! asyncio has nothing of the kind.
//!
//! What to look for: `gather` waits for the slowest download, and is woken when that ends. `wait` is woken by its own
//! time limit; the two downloads that are late run on until the program cancels them.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::rc::Rc;
use std::time::Duration;
use std::{env, fs};

use oneloop::observe::LaneState;
use oneloop::{Clock, Error, EventLoop, Recorder, Timeline, create_task, current_task, gather, sleep, wait};

/// A stand-in for a request: the later ones are answered sooner, and two servers are slow.
async fn download(number: u64) {
    let milliseconds = if number == 2 || number == 5 { 900 } else { 450 - 50 * number };
    current_task().expect("a gathering or a wait makes a task of it").set_name(&format!("download {number}"));
    sleep(Duration::from_millis(milliseconds)).await;
}

async fn by_gather() {
    current_task().expect("the main task").set_name("main");
    gather((0..7).map(download)).await;
    sleep(Duration::from_millis(100)).await; // makes a page of the results
}

async fn by_wait() {
    current_task().expect("the main task").set_name("main");
    let tasks = (0..7).map(|number| create_task(download(number)));
    let sets = wait(tasks).timeout(Duration::from_millis(500)).await;
    for task in &sets.pending {
        task.cancel_with("too late");
    }
    let _ = wait(sets.pending).await;
    sleep(Duration::from_millis(100)).await;
}

fn recorded(program: impl Future<Output = ()>) -> Result<Timeline, Error> {
    let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
    let recorder = Rc::new(Recorder::default());
    lp.add_observer(recorder.clone());
    lp.run_until_complete(program)?;
    Ok(recorder.timeline())
}

/// The timelines, each with the name of its file and its title.
pub(crate) fn timelines() -> Result<[(&'static str, &'static str, Timeline); 2], Error> {
    Ok([
        ("gather", "gather: the results of all, when the slowest has ended", recorded(by_gather())?),
        ("wait", "wait with a limit of 500 ms: what is late is handed back, and cancelled", recorded(by_wait())?),
    ])
}

pub(crate) fn main() -> Result<(), Error> {
    println!("(virtual clock: the waits below take no time)");
    let folder = env::args().nth(1).filter(|argument| fs::metadata(argument).is_ok_and(|it| it.is_dir()));
    for (name, title, timeline) in timelines()? {
        println!("{title}:");
        for lane in &timeline.lanes {
            let steps = lane.spans.iter().filter(|span| span.what.is_empty() && span.state != LaneState::Ready).count();
            let (at, ending) = lane.ended.expect("the program has waited for all of them");
            println!("  {:<10}  {steps} steps, {ending:?} after {at:?}", lane.name);
        }
        if let Some(folder) = &folder {
            fs::write(format!("{folder}/{name}.svg"), timeline.to_svg(title))?;
            fs::write(format!("{folder}/{name}.json"), timeline.to_chrome_trace())?;
        }
    }
    Ok(())
}
