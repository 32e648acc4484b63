//! Tasks of several branches, with limits, catchers and cancellations: programs by name in `shapes`, and random ones,
//! here. Those without catchers end when arithmetic says so; those with catchers do what a simulator does; and the
//! order of branches, or what polls them, makes no difference.
//!
//! `ONELOOP_TREES=200000` tries so many of each kind in place of a few thousand, `ONELOOP_SEED` other ones.

#[path = "../support/dice.rs"]
mod dice;
#[path = "../support/drops.rs"]
mod drops;
#[path = "../support/log.rs"]
mod log;
#[path = "../support/loops.rs"]
mod loops;
#[path = "../support/panics.rs"]
mod panics;
#[path = "../support/polls.rs"]
mod polls;
#[path = "../support/real.rs"]
mod real;
#[path = "../support/runs.rs"]
mod runs;
#[path = "../support/time.rs"]
mod time;

mod tree;
mod grow;
mod play;
mod cases;
mod arithmetic;
mod simulator;
mod laws;
mod shapes;

use cases::{Difference, try_cases};
use dice::Dice;
use grow::{Grower, Kind};
use play::{Cancel, Outcome, Program, play};
use tree::{Nanos, SECOND, Timing};

/// Tasks that each await one thing at a time, so that all is as in asyncio.
const ONE_BRANCH: &[Kind] =
    &[Kind::Sleep, Kind::Limit, Kind::Limit, Kind::Limit, Kind::Task, Kind::Sequence, Kind::Gather, Kind::Group];
/// Catchers for them.
const CATCHERS: &[Kind] = &[Kind::Catch, Kind::Catch, Kind::CleanUp];
const FAILING: &[Kind] = &[Kind::FailingGroup];

/// Everything without catchers, but groups that fail.
const NO_CATCHERS: &[Kind] = &[
    Kind::Sleep,
    Kind::Limit,
    Kind::Limit,
    Kind::Limit,
    Kind::Join,
    Kind::Unordered,
    Kind::Buffered,
    Kind::Select,
    Kind::Task,
    Kind::Gather,
    Kind::Group,
    Kind::Sequence,
];

const JOINS_AND_SETS: &[Kind] = &[
    Kind::Sleep,
    Kind::Limit,
    Kind::Limit,
    Kind::Catch,
    Kind::Catch,
    Kind::Join,
    Kind::Unordered,
    Kind::Task,
    Kind::Sequence,
];

/// Joins and sets, and the rest.
const EVERY_KIND: &[Kind] = &[
    Kind::Limit,
    Kind::Limit,
    Kind::Catch,
    Kind::Catch,
    Kind::CleanUp,
    Kind::Join,
    Kind::Unordered,
    Kind::Buffered,
    Kind::Select,
    Kind::Task,
    Kind::Gather,
    Kind::Group,
    Kind::Sequence,
];

/// As `EVERY_KIND`, without a select, in which it is a matter of iterations who wins.
const EVERY_KIND_BUT_SELECT: &[Kind] = &[
    Kind::Limit,
    Kind::Limit,
    Kind::Catch,
    Kind::Catch,
    Kind::CleanUp,
    Kind::Join,
    Kind::Join,
    Kind::Unordered,
    Kind::Buffered,
    Kind::Task,
    Kind::Gather,
    Kind::Group,
    Kind::Sequence,
];

/// A program that is not cancelled.
fn random(case: u64, dice: &mut Dice, kinds: &[Kind], timing: Timing) -> Program {
    let root = Grower::new(dice, kinds, timing).tree(1 + case % 5);
    Program { root, timing, cancels: Vec::new() }
}

fn ends_as_arithmetic_says(kinds: &[Kind], timing: Timing) {
    try_cases(5_000, |case, dice| {
        let program = random(case, dice, kinds, timing);
        let (end, value) = arithmetic::end_of(timing, &program.root, 0);
        Difference::between(&program, &play(&program).0, &Outcome::Returned(end, value))
    });
}

fn does_what_the_simulator_does(kinds: &[Kind]) {
    try_cases(5_000, |case, dice| {
        let mut program = random(case, dice, kinds, Timing::Apart);
        // each has one of the bits that no timer has
        let mut cancels: Vec<_> = (0..dice.below(4)).map(|bit| (1 + dice.below(50)) * SECOND + (1 << bit)).collect();
        cancels.sort_unstable();
        program.cancels = cancels.iter().map(|at| Cancel { at: *at, set_first: true }).collect();
        Difference::between(&program, &play(&program).0, &simulated(&program, &cancels))
    });
}

fn simulated(program: &Program, cancels: &[Nanos]) -> Outcome {
    match simulator::simulated(&program.root, cancels) {
        (at, Ok(value)) => Outcome::Returned(at, value),
        (at, Err(simulator::Cancelled)) => Outcome::Cancelled(at),
    }
}

fn obeys(law: impl Fn(&Program) -> Option<Difference>, kinds: &[Kind]) {
    try_cases(3_000, |case, dice| {
        let mut program = random(case, dice, kinds, Timing::Apart);
        laws::cancel_at_events(dice, &mut program);
        law(&program)
    });
}

// Arithmetic.

#[test]
fn one_branch_without_catchers_ends_when_arithmetic_says() {
    ends_as_arithmetic_says(&[ONE_BRANCH, FAILING].concat(), Timing::Apart);
}

#[test]
fn one_branch_with_timers_that_end_together_ends_when_arithmetic_says() {
    ends_as_arithmetic_says(ONE_BRANCH, Timing::Whole);
}

#[test]
fn one_branch_with_limits_that_end_together_ends_when_arithmetic_says() {
    ends_as_arithmetic_says(&[ONE_BRANCH, FAILING].concat(), Timing::EvenAndOdd);
}

#[test]
fn branches_without_catchers_end_when_arithmetic_says() {
    ends_as_arithmetic_says(&[NO_CATCHERS, FAILING].concat(), Timing::Apart);
}

#[test]
fn branches_with_timers_that_end_together_end_when_arithmetic_says() {
    ends_as_arithmetic_says(NO_CATCHERS, Timing::Whole);
}

#[test]
fn branches_with_limits_that_end_together_end_when_arithmetic_says() {
    ends_as_arithmetic_says(&[NO_CATCHERS, FAILING].concat(), Timing::EvenAndOdd);
}

// The simulator.

#[test]
fn the_simulator_and_arithmetic_agree() {
    try_cases(5_000, |case, dice| {
        let program = random(case, dice, NO_CATCHERS, Timing::Apart);
        let (end, value) = arithmetic::end_of(Timing::Apart, &program.root, 0);
        Difference::between(&program, &simulated(&program, &[]), &Outcome::Returned(end, value))
    });
}

#[test]
fn one_branch_does_what_the_simulator_does() {
    does_what_the_simulator_does(&[ONE_BRANCH, CATCHERS].concat());
}

#[test]
fn joins_and_sets_do_what_the_simulator_does() {
    does_what_the_simulator_does(JOINS_AND_SETS);
}

#[test]
fn branches_of_every_kind_do_what_the_simulator_does() {
    does_what_the_simulator_does(EVERY_KIND);
}

// The laws.

#[test]
fn joins_and_sets_in_reversed_order_give_the_same() {
    obeys(laws::reversed_gives_the_same, JOINS_AND_SETS);
}

#[test]
fn sets_in_place_of_joins_give_the_same() {
    obeys(laws::sets_give_the_same, JOINS_AND_SETS);
}

#[test]
fn branches_of_every_kind_in_reversed_order_give_the_same() {
    obeys(laws::reversed_gives_the_same, EVERY_KIND_BUT_SELECT);
}

#[test]
fn branches_of_every_kind_in_sets_give_the_same() {
    obeys(laws::sets_give_the_same, EVERY_KIND_BUT_SELECT);
}
