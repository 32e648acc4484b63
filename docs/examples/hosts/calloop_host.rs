//! calloop as the host: the loop's descriptor is a source of calloop's, beside those that the program has already.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use calloop::generic::Generic;
use calloop::timer::{TimeoutAction, Timer};
use calloop::{Interest, Mode, PostAction};
use oneloop::{Error, EventLoop};
use oneloop_hosts::{APART, Program};

/// What the host has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// How often the loop wanted a turn.
    pub(crate) wakes: usize,
    /// How often it did for nothing.
    pub(crate) for_nothing: usize,
    /// How many things have happened in the loop.
    pub(crate) happened: usize,
    /// How often calloop's own timer came.
    pub(crate) ticks: usize,
}

pub(crate) fn drive() -> Result<Seen, Error> {
    let lp = EventLoop::new()?;
    let mut host = calloop::EventLoop::<Seen>::try_new().expect("descriptors for a loop");
    // level-triggered: if a turn leaves something ready, calloop calls again
    let source = Generic::new(lp.clone(), Interest::READ, Mode::Level);
    let turn = |_, lp: &mut calloop::generic::NoIoDrop<EventLoop>, seen: &mut Seen| {
        seen.wakes += 1;
        let turn = lp.run_ready(()).map_err(std::io::Error::from)?;
        seen.for_nothing += usize::from(turn.entries == 0);
        Ok(PostAction::Continue)
    };
    host.handle().insert_source(source, turn).expect("room for a source");
    let tick = |_, (): &mut (), seen: &mut Seen| {
        seen.ticks += 1;
        TimeoutAction::ToDuration(APART)
    };
    host.handle().insert_source(Timer::from_duration(APART), tick).expect("room for a timer");
    let program = Program::start(&lp);
    let mut seen = Seen::default();
    while !program.is_done() {
        host.dispatch(None, &mut seen).expect("calloop goes on");
    }
    seen.happened = program.happened();
    Ok(seen)
}

#[cfg_attr(test, expect(dead_code, reason = "the test calls `drive`"))]
pub(crate) fn main() -> Result<(), Error> {
    let seen = drive()?;
    println!("{} things have happened in the loop, and it was woken {} times", seen.happened, seen.wakes);
    println!("for nothing: {}; calloop's own timer came {} times", seen.for_nothing, seen.ticks);
    Ok(())
}
