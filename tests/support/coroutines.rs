//! Coroutines and tasks that many programs are made of. Must not know what is made of them.

use std::future::pending;

use oneloop::{Task, create_task, sleep, yield_now};

use super::time::secs;

/// Sleeps for `seconds`, and returns them.
pub(crate) async fn after(seconds: u64) -> u64 {
    sleep(secs(seconds)).await;
    seconds
}

/// Sleeps for `seconds`, and returns them as an `Ok`.
pub(crate) async fn pass_after<E>(seconds: u64) -> Result<u64, E> {
    Ok(after(seconds).await)
}

/// Sleeps for `seconds`, and returns `error`.
pub(crate) async fn fail_after<E>(seconds: u64, error: E) -> Result<u64, E> {
    sleep(secs(seconds)).await;
    Err(error)
}

/// A task for each number, which sleeps for that many seconds and returns the number.
pub(crate) fn tasks<const N: usize>(seconds: [u64; N]) -> [Task<u64>; N] {
    seconds.map(|n| create_task(after(n)))
}

/// A task that has been cancelled.
pub(crate) async fn dead() -> Task<()> {
    let task = create_task(pending::<()>());
    task.cancel();
    yield_now().await;
    yield_now().await;
    assert!(task.cancelled());
    task
}

/// Yields until `is_so` returns true.
///
/// # Panics
/// If it never does, in ten million iterations.
pub(crate) async fn until(is_so: impl Fn() -> bool) {
    for _ in 0..10_000_000 {
        if is_so() {
            return;
        }
        yield_now().await;
    }
    panic!("it never comes true");
}
