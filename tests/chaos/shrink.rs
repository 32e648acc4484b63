//! Runs programs in processes of their own, so that one that hangs or ends its process is told like any other; and
//! makes one that fails smaller. Owns how the two processes talk; must not know what a program is.

use std::collections::BTreeSet;
use std::env;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::str::FromStr;

/// Set for the process that plays: the seed, the first case and their number.
pub(crate) const PLAYS: &str = "ONELOOP_CHAOS_PLAYS";
/// The steps to leave out.
pub(crate) const WITHOUT: &str = "ONELOOP_CHAOS_WITHOUT";
/// What the process that plays says of a case before it begins.
pub(crate) const BEGINS: &str = "chaos begins";
/// More trials are not made to shrink a program.
const TRIALS_MAX: usize = 300;

/// The value of a variable of the environment, or else `default`.
pub(crate) fn setting<T: FromStr>(variable: &str, default: T) -> T {
    env::var(variable).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable}={text}")))
}

/// Numbers with commas between them.
pub(crate) fn numbers(text: &str) -> Vec<u64> {
    text.split(',').filter(|part| !part.is_empty()).map(|part| part.parse().expect("a number")).collect()
}

pub(crate) fn listed(numbers: &BTreeSet<usize>) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// A case that failed.
pub(crate) struct Failure {
    pub(crate) case: u64,
    /// How many steps were made for it.
    pub(crate) steps: usize,
    pub(crate) said: String,
}

/// Plays `count` cases from `first` in another process, and returns the first that fails.
pub(crate) fn play_elsewhere(
    again: &mut Command,
    seed: u64,
    first: u64,
    count: u64,
    without: &BTreeSet<usize>,
) -> Option<Failure> {
    again.env(PLAYS, format!("{seed},{first},{count}")).env(WITHOUT, listed(without));
    let mut child = again.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the same program runs again");
    let mut stderr = child.stderr.take().expect("it is piped");
    let errors = std::thread::spawn(move || {
        let mut said = Vec::new();
        let _ = stderr.read_to_end(&mut said);
        String::from_utf8_lossy(&said).into_owned()
    });
    let (mut last, mut steps, mut said) = (None, 0, String::new());
    for line in BufReader::new(child.stdout.take().expect("it is piped")).lines().map_while(Result::ok) {
        if let Some((_, rest)) = line.split_once(BEGINS) {
            let told = numbers(rest.trim());
            (last, steps) = (Some(told[0]), usize::try_from(told[1]).expect("a small number"));
            said.clear();
        } else {
            said += &line;
            said.push('\n');
        }
    }
    let status = child.wait().expect("a child");
    let errors = errors.join().expect("it only reads");
    let case = last.unwrap_or(first);
    (!status.success()).then(|| Failure { case, steps, said: format!("{status}\n{said}{errors}") })
}

/// Leaves out as many steps of a case as can be, so that it still fails.
pub(crate) fn shrink(again: &mut Command, seed: u64, failure: Failure) -> (Failure, BTreeSet<usize>) {
    let (case, steps) = (failure.case, failure.steps);
    let (mut smallest, mut without, mut trials) = (failure, BTreeSet::new(), 0);
    let mut piece = steps.div_ceil(2).max(1);
    loop {
        let mut any = false;
        for start in (0..steps).step_by(piece) {
            let mut more: BTreeSet<usize> = without.clone();
            more.extend(start..(start + piece).min(steps));
            if more.len() == without.len() || trials >= TRIALS_MAX {
                continue;
            }
            trials += 1;
            if let Some(failure) = play_elsewhere(again, seed, case, 1, &more) {
                (smallest, without, any) = (failure, more, true);
            }
        }
        match piece {
            1 if !any => return (smallest, without),
            1 => {}
            _ => piece = piece.div_ceil(2),
        }
        if trials >= TRIALS_MAX {
            return (smallest, without);
        }
    }
}
