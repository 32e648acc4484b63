//! A test in a process of its own. Must not know what is tested.

use std::env;
use std::process::ExitStatus;

use super::again::this_test_again;

/// Set in the process that is there for one test.
const CHILD: &str = "ONELOOP_ALONE";

/// Runs the test that calls this in a process of its own, which must end well.
#[track_caller]
pub(crate) fn alone(test: impl FnOnce()) {
    if let Some((status, said)) = in_another_process(test) {
        assert!(status.success(), "{status}\n{said}");
    }
}

/// Runs `test` if this is the process for it, and ends it if it is still there; else starts that process.
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
