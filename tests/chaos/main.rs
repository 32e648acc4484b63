//! Random programs over the whole of the library, with destructors, callbacks and wakers that panic or use the loop,
//! other threads, pools, `stop()`, and what is done while a loop closes. Whatever a program does, nothing unwinds out
//! of a run but the main future's own panic, nothing that was queued or woken is lost, bystanders come to their ends,
//! the library itself panics only to tell of a misuse, and bytes and descriptors are given back.
//!
//! `ONELOOP_CHAOS=N` plays so many programs, `ONELOOP_SEED` other ones. One that fails is made smaller, and told with
//! the command that plays it again.

#[path = "../support/again.rs"]
mod again;
#[path = "../support/descriptors.rs"]
mod descriptors;
#[path = "../support/dice.rs"]
mod dice;
#[path = "../support/echo.rs"]
mod echo;
#[path = "../support/heap.rs"]
mod heap;

mod act;
mod bystanders;
mod foreign;
mod grow;
mod judge;
mod ledger;
mod play;
mod program;
mod shrink;
mod threads;
mod wires;
mod world;

use std::collections::BTreeSet;
use std::env;
use std::process::abort;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use again::this_test_again;
use grow::Grower;
use judge::judge;
use ledger::watch_panics;
use oneloop::EventLoop;
use shrink::{BEGINS, PLAYS, WITHOUT, listed, numbers, play_elsewhere, setting, shrink};
use threads::Threads;

/// Programs without `ONELOOP_CHAOS`.
const USUAL: u64 = 300;
/// So many inboxes are made before one serves another loop.
const INBOXES_AT_FIRST: usize = 16;
/// A process plays so many and ends, which is when a sanitizer looks for leaks.
const IN_ONE_PROCESS: u64 = 1_000;
/// A program that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Ends the process if nothing is sent for a while.
#[expect(clippy::print_stdout, reason = "the process that started this one reads it")]
fn watchdog() -> Sender<()> {
    let (alive, hears) = channel();
    thread::spawn(move || {
        while hears.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {}
        println!("it hangs");
        abort();
    });
    alive
}

/// The first loops of a process each make an inbox, which is kept for later ones: that is nothing that a program leaks.
fn make_first_loops() {
    for _ in 0..INBOXES_AT_FIRST {
        EventLoop::new().and_then(|lp| lp.close()).expect("descriptors for one loop");
    }
}

/// In the process that plays.
#[expect(clippy::print_stdout, reason = "the process that started this one reads it")]
fn play_here(plays: &str) {
    let [seed, first, count] = numbers(plays)[..] else { panic!("{PLAYS}={plays}") };
    let without = numbers(&setting(WITHOUT, String::new()));
    let without = without.into_iter().map(|step| usize::try_from(step).expect("a small number")).collect();
    watch_panics();
    let alive = watchdog();
    let threads = Threads::start();
    make_first_loops();
    for case in first..first + count {
        let (program, steps) = Grower::new(seed, case, &without).program();
        // before it is played: it may end the process
        println!("\n{BEGINS} {case},{steps}\n{program:?}");
        let faults = judge(&program, &threads);
        if !faults.is_empty() {
            println!("{}", faults.join("\n"));
            std::process::exit(1);
        }
        alive.send(()).expect("the watchdog lives");
    }
}

#[expect(clippy::print_stdout, reason = "says how many there were")]
#[test]
fn whatever_random_programs_do_the_loop_goes_on_and_gives_everything_back() {
    if let Ok(plays) = env::var(PLAYS) {
        return play_here(&plays);
    }
    let (seed, count) = (setting("ONELOOP_SEED", 1_u64), setting("ONELOOP_CHAOS", USUAL));
    let mut again = this_test_again();
    let from = setting("ONELOOP_CHAOS_FIRST", 0_u64);
    for first in (from..from + count).step_by(usize::try_from(IN_ONE_PROCESS).expect("a small number")) {
        let batch = IN_ONE_PROCESS.min(from + count - first);
        if let Some(failure) = play_elsewhere(&mut again, seed, first, batch, &BTreeSet::new()) {
            let case = failure.case;
            let (smallest, without) = shrink(&mut again, seed, failure);
            panic!(
                "program {case} of seed {seed} goes wrong:\n{}\nplay it again: {PLAYS}={seed},{case},1 {WITHOUT}={} \
                 cargo test --test chaos -- --nocapture",
                smallest.said,
                listed(&without)
            );
        }
    }
    println!("chaos: {count} programs of seed {seed}, each played at least twice");
}
