//! Log lines that say whose they are: a span of the crate `tracing` for each task.
//!
//! `TaskSpans` is an observer that enters the span of a task while the task takes a step. So what any crate logs there
//! is marked with the task, and with the tasks that have made it, outermost first. In Python a logging filter reads
//! `asyncio.current_task().get_name()`, and does not know who made the task.
use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use oneloop::adapters::TaskSpans;
use oneloop::{Clock, EventLoop, create_task, gather, sleep};
use tracing::info;

/// It knows nothing of tasks.
async fn download(page: u64) -> u64 {
    info!("asks for page {page}");
    sleep(Duration::from_millis(30 - 10 * page)).await;
    info!("has page {page}");
    page
}

async fn crawl() {
    let downloads = (1..=2).map(|page| create_task(download(page)).named(format!("download-{page}")));
    let pages = gather(downloads).await;
    info!("has {} pages", pages.len());
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let subscriber = tracing_subscriber::fmt()
        .without_time() // so that it prints the same each time
        .with_ansi(false)
        .with_target(false)
        .with_writer(std::io::stdout)
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
        lp.add_observer(Rc::new(TaskSpans::default()));
        let crawler = lp.create_task(crawl()).named("crawler");
        Ok(lp.run_until_complete(crawler)?)
    })
}
