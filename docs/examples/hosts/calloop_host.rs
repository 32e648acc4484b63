//! calloop as the host: the loop's descriptor is a source of calloop's, beside those that the program has already.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::rc::Rc;
use std::time::{Duration, Instant};

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
    /// How often the idle loop wanted a turn in a fifth of a second.
    pub(crate) idle: usize,
    /// How often calloop's own timer came.
    pub(crate) ticks: usize,
}

pub(crate) fn drive() -> Result<Seen, Error> {
    let lp = EventLoop::new()?;
    let program = Rc::new(Program::start(&lp));
    let mut host = calloop::EventLoop::<Seen>::try_new().expect("descriptors for a loop");
    // level-triggered: if a turn leaves something ready, calloop calls again
    let source = Generic::new(lp.clone(), Interest::READ, Mode::Level);
    let turned = Rc::clone(&program);
    let turn = move |_, lp: &mut calloop::generic::NoIoDrop<EventLoop>, seen: &mut Seen| {
        seen.wakes += 1;
        seen.for_nothing += usize::from(!turned.turn(lp, ()).map_err(std::io::Error::from)?);
        Ok(PostAction::Continue)
    };
    host.handle().insert_source(source, turn).expect("room for a source");
    let tick = |_, (): &mut (), seen: &mut Seen| {
        seen.ticks += 1;
        TimeoutAction::ToDuration(APART)
    };
    host.handle().insert_source(Timer::from_duration(APART), tick).expect("room for a timer");
    let mut seen = Seen::default();
    while !program.is_done() {
        host.dispatch(None, &mut seen).expect("calloop goes on");
    }
    seen.happened = program.happened();
    let (wakes, ends) = (seen.wakes, Instant::now() + Duration::from_millis(200));
    while Instant::now() < ends {
        host.dispatch(Some(ends.saturating_duration_since(Instant::now())), &mut seen).expect("calloop goes on");
    }
    seen.idle = seen.wakes - wakes;
    Ok(seen)
}

#[cfg_attr(test, expect(dead_code, reason = "the test calls `drive`"))]
pub(crate) fn main() -> Result<(), Error> {
    let seen = drive()?;
    println!("things: {}\nturns: {}\nturns for nothing: {}", seen.happened, seen.wakes, seen.for_nothing);
    println!("turns while idle: {}\nown: {}", seen.idle, seen.ticks);
    Ok(())
}
