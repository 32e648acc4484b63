//! This test program, started once more for one of its tests. Must not know what is tested.

use std::env;
use std::process::Command;
use std::thread;

/// A command that runs the test that calls this, and no other, in another process.
#[track_caller]
pub(crate) fn this_test_again() -> Command {
    let name = thread::current().name().expect("the harness names the thread after the test").to_owned();
    let mut command = Command::new(env::current_exe().expect("the path of this program"));
    command.args([&name, "--exact", "--nocapture"]);
    command
}
