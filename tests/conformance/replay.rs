//! Replays programs on a thread of their own, and compares. Owns that thread; must not know how an op is carried
//! out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use super::case::Case;
use super::drivers::Driver;
use super::program;
use super::quiet::keep_this_thread_quiet;

/// For one case, which takes microseconds: a loop that spins without end must not take the test with it.
const PATIENCE: Duration = Duration::from_secs(60);
/// For a case that calls itself until its ops run out. Only what is touched is ever used.
const STACK: usize = 1 << 28;

pub(crate) enum Verdict {
    Passed,
    Failed(Failure),
}

/// A case that parts from its recording: what each side did, line by line.
pub(crate) struct Failure {
    pub(crate) expected: Vec<String>,
    pub(crate) got: Vec<String>,
}

/// The thread on which cases are replayed, one after another.
pub(crate) struct Replayer {
    driver: Driver,
    cases: Sender<Case>,
    verdicts: Receiver<Verdict>,
}

impl Replayer {
    pub(crate) fn start(driver: Driver) -> Self {
        let (cases, to_replay) = channel();
        let (sender, verdicts) = channel();
        let replay_all = move || {
            keep_this_thread_quiet();
            for case in to_replay {
                if sender.send(replay(&case, driver)).is_err() {
                    return; // the test has given this thread up
                }
            }
        };
        thread::Builder::new().stack_size(STACK).spawn(replay_all).expect("a thread");
        Self { driver, cases, verdicts }
    }

    pub(crate) fn replay(&mut self, case: Case) -> Verdict {
        let expected = case.recording.lines();
        self.cases.send(case).expect("the thread lives as long as this");
        self.verdicts.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            *self = Self::start(self.driver); // the thread that spins is left alone
            let got = vec![format!("no end after {} s", PATIENCE.as_secs())];
            Verdict::Failed(Failure { expected, got })
        })
    }
}

fn replay(case: &Case, driver: Driver) -> Verdict {
    let got = match catch_unwind(AssertUnwindSafe(|| program::run(case, driver))) {
        Ok(got) if got == case.recording => return Verdict::Passed,
        Ok(got) => got.lines(),
        Err(payload) => {
            let text = payload.downcast_ref::<&str>().map(ToString::to_string);
            let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
            vec![format!("panicked: {}", text.unwrap_or_default())]
        }
    };
    Verdict::Failed(Failure { expected: case.recording.lines(), got })
}
