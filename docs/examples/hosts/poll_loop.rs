//! A host with a `poll(2)` of its own: it waits for its own descriptors and for that of the loop, and takes a turn when
//! that is readable. No time-out is needed, since on Linux the descriptor tells of timers too.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use oneloop::{Error, EventLoop};
use oneloop_hosts::Program;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Waits until one of the descriptors is readable, and says which are. All are silent if the time is up.
fn readable<const N: usize>(descriptors: [&dyn AsFd; N], limit: Duration) -> [bool; N] {
    let mut watched = descriptors.map(|descriptor| PollFd::from_borrowed_fd(descriptor.as_fd(), PollFlags::IN));
    let limit = Timespec::try_from(limit).expect("a short time");
    poll(&mut watched, Some(&limit)).expect("poll(2)");
    watched.map(|watched| !watched.revents().is_empty())
}

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
    /// What came on the host's own descriptor.
    pub(crate) own: usize,
}

pub(crate) fn drive() -> Result<Seen, Error> {
    let lp = EventLoop::new()?;
    let (far, mut near) = UnixStream::pair()?; // the host's own business
    let mut writer = far.try_clone()?;
    thread::spawn(move || writer.write_all(b"x"));
    let program = Program::start(&lp);
    let mut seen = Seen::default();
    while !program.is_done() {
        let [wants_turn, own] = readable([&lp, &near], Duration::from_secs(10));
        if wants_turn {
            seen.wakes += 1;
            seen.for_nothing += usize::from(!program.turn(&lp, ())?);
        }
        if own {
            seen.own += near.read(&mut [0])?;
        }
    }
    drop(far);
    seen.happened = program.happened();
    if readable([&lp], Duration::from_millis(200)) == [true] {
        seen.idle += 1;
    }
    Ok(seen)
}

#[cfg_attr(test, expect(dead_code, reason = "the test calls `drive`"))]
pub(crate) fn main() -> Result<(), Error> {
    let seen = drive()?;
    println!("things: {}\nturns: {}\nturns for nothing: {}", seen.happened, seen.wakes, seen.for_nothing);
    println!("turns while idle: {}\nown: {}", seen.idle, seen.own);
    Ok(())
}
