//! Tests that this machine cannot run. Must not know what it lacks.

/// Says why a test is skipped.
#[expect(clippy::print_stdout, reason = "says what it skips")]
pub(crate) fn skip(why: &str) {
    println!("skipped: {why}");
}
