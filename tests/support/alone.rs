//! A test in a process of its own. Must not know what is tested.

use std::env;
use std::process::ExitStatus;

use super::again::this_test_again;

/// Set in the process that is there for one test.
const CHILD: &str = "ONELOOP_ALONE";

/// Runs the test that calls this in a process of its own, which must succeed.
#[track_caller]
pub(crate) fn alone(test: impl FnOnce()) {
    if let Some((status, said)) = in_another_process(test) {
        assert!(status.success(), "{status}\n{said}");
    }
}

/// In the process that is there for the test, runs `test` and returns `None`. Elsewhere, starts that process, waits for
/// its end, and returns its status and what it printed.
#[track_caller]
pub(crate) fn in_another_process(test: impl FnOnce()) -> Option<(ExitStatus, String)> {
    if env::var_os(CHILD).is_some() {
        test();
        return None;
    }
    let mut again = this_test_again();
    let child = again.env(CHILD, "1").output().expect("the same program runs again");
    let said = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
    assert!(said.contains("running 1 test"), "this test was not found again:\n{said}");
    Some((child.status, said))
}
