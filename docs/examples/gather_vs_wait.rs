//! The tour: every other example in turn, as the chapters of one question, `gather` or `wait`?
//!
//! `gather` is about results: one awaitable for many, which gives their values in the order of the arguments, nests,
//! and is cancelled as a whole. `wait` is about tasks: it hands back those that are done and those that are not, on a
//! condition or a time-out, and leaves it to the program what to do with either. In Python:
//!
//! ```python
//! values = await asyncio.gather(a(), b(), c())
//! done, pending = await asyncio.wait(tasks, timeout=2, return_when=asyncio.FIRST_COMPLETED)
//! ```
//!
//! Each chapter is a program of its own, to be run by its name.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use oneloop::Error;

// Open to the crate, since a test that includes this file runs the chapters one by one.
#[path = "batches.rs"]
pub(crate) mod batches;
#[path = "counting.rs"]
pub(crate) mod counting;
#[path = "downloads.rs"]
pub(crate) mod downloads;
#[path = "groups.rs"]
pub(crate) mod groups;
#[path = "outcomes.rs"]
pub(crate) mod outcomes;
#[path = "three_runs.rs"]
pub(crate) mod three_runs;

struct Chapter {
    title: &'static str,
    explanation: &'static str,
    main: fn() -> Result<(), Error>,
}

const CHAPTERS: [Chapter; 6] = [
    Chapter {
        title: "Counting",
        explanation: "gather runs coroutines at the same time: three waits take no longer than one.",
        main: counting::main,
    },
    Chapter {
        title: "Downloads",
        explanation: "gather gives all values in order; wait gives the tasks back, those in time and those not.",
        main: downloads::main,
    },
    Chapter {
        title: "Outcomes",
        explanation: "When some fail, wait stops where it is told to, gather keeps every result, try_gather the first \
            error.",
        main: outcomes::main,
    },
    Chapter {
        title: "Groups",
        explanation: "A gathering can be gathered: results come in the shape of the groups.",
        main: groups::main,
    },
    Chapter {
        title: "Three runs",
        explanation: "What wait leaves pending can be waited for again, even in another run of the loop.",
        main: three_runs::main,
    },
    Chapter {
        title: "Batches",
        explanation: "Many things, a few at a time: one gather after another, or one gather with a limit.",
        main: batches::main,
    },
];

pub(crate) fn main() -> Result<(), Error> {
    for (number, Chapter { title, explanation, main }) in (1..).zip(CHAPTERS) {
        if number > 1 {
            println!();
        }
        println!("{number}. {title}\n{explanation}\n");
        main()?;
    }
    Ok(())
}
