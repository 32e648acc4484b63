//! A host with frames: it draws 60 times a second, and gives the loop 5 ms of each frame. A task that has more to do
//! than that is continued in the next frame, with all others in their order.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::thread;
use std::time::{Duration, Instant};

use oneloop::{Error, EventLoop, yield_now};

const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 60);
pub(crate) const BUDGET: Duration = Duration::from_millis(5);
pub(crate) const STEPS: u32 = 40;
pub(crate) const STEP: Duration = Duration::from_micros(500);

/// What the loop had of each frame until its work was done: how many steps, and how long.
pub(crate) fn drive() -> Result<Vec<(usize, Duration)>, Error> {
    let lp = EventLoop::new()?;
    let work = lp.create_task(async {
        for _ in 0..STEPS {
            let began = Instant::now();
            while began.elapsed() < STEP {} // 20 ms in all
            yield_now().await;
        }
    });
    let mut frames = Vec::new();
    while !work.done() {
        let frame = Instant::now();
        // draw, and then
        let turn = lp.run_ready(BUDGET)?;
        frames.push((turn.entries, frame.elapsed()));
        thread::sleep(FRAME.saturating_sub(frame.elapsed())); // wait for the screen
    }
    Ok(frames)
}

#[cfg_attr(test, expect(dead_code, reason = "the test calls `drive`"))]
pub(crate) fn main() -> Result<(), Error> {
    for (number, (steps, took)) in (1..).zip(drive()?) {
        println!("frame {number}: {steps} steps in {took:?}");
    }
    Ok(())
}
