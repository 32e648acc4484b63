//! The ways to drive a loop until its main task is done. Owns the turns; must not know the programs.

use std::time::Duration;

use oneloop::{Error, EventLoop, Left, Shared, TaskError, Turn};

use super::value::Outcome;
use crate::readable::is_readable;

/// Who drives the loop.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Driver {
    /// The loop itself, in a run.
    Run,
    /// A host, by one iteration after another.
    Once,
    /// A host that lets one entry run at a time, and waits only if none is ready.
    Entry,
    /// A host that watches the loop's descriptor, and waits only if that is not readable.
    Descriptor,
}

impl Driver {
    /// Drives the loop until the main task is done, and returns its outcome as `run_until_complete` does.
    pub(crate) fn run(self, lp: &EventLoop, main: Shared<Outcome>) -> Result<Outcome, Error> {
        match self {
            Self::Run => lp.run_until_complete(main),
            Self::Once => by_turns(lp, &main, |lp| lp.run_once(None)),
            Self::Entry => by_turns(lp, &main, |lp| match lp.run_ready(1)? {
                turn if turn.stopped || turn.left == Left::Ready => Ok(turn),
                _ => lp.run_once(None),
            }),
            Self::Descriptor => by_turns(lp, &main, by_descriptor),
        }
    }
}

/// The clock is virtual, so no time makes the descriptor readable.
fn by_descriptor(lp: &EventLoop) -> Result<Turn, Error> {
    if !is_readable(lp, Duration::ZERO) {
        assert!(!lp.has_ready(), "something is ready, and the descriptor is silent");
        return lp.run_once(None);
    }
    let turn = lp.run_ready(())?;
    assert!(turn.entries > 0 || turn.stopped, "the descriptor was readable for nothing");
    Ok(turn)
}

/// Takes turns until `stop()`, which the end of the main task calls, as in asyncio.
fn by_turns(
    lp: &EventLoop,
    main: &Shared<Outcome>,
    take_turn: impl Fn(&EventLoop) -> Result<Turn, Error>,
) -> Result<Outcome, Error> {
    let stops = main.add_done_callback(|_| EventLoop::current().stop());
    loop {
        let turn = take_turn(lp)?;
        if turn.stopped {
            break;
        }
        assert!(turn.entries > 0 || turn.left != Left::Nothing, "the main task can never be done");
    }
    main.remove_done_callback(stops);
    match main.result() {
        Ok(outcome) => Ok(outcome),
        Err(TaskError::Cancelled(cancelled)) => Err(Error::Cancelled(cancelled)),
        Err(TaskError::Panicked(panic)) => panic.resume(),
        Err(_) => Err(Error::Stopped),
    }
}
