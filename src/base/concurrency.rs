//! What threads share: locks, atomic words, counted pointers. Owns which library they come from, since a model checker
//! takes the place of the standard one when all interleavings are tried; must not know what they guard.
//!
//! `cargo test` with `--cfg oneloop_loom` replaces them by loom's, for the tests in the files named `interleavings`.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

#[cfg(not(all(test, oneloop_loom)))]
mod library {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
    pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
    pub(crate) use std::thread;
}

#[cfg(all(test, oneloop_loom))]
mod library {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
    pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};
    pub(crate) use loom::thread::{self, ThreadId};
}

#[cfg(all(test, oneloop_loom))]
pub(crate) use library::ThreadId;
pub(crate) use library::{AtomicBool, AtomicU64, Condvar, Mutex, MutexGuard, Ordering, fence, thread};
pub(crate) use std::sync::Arc; // loom's does not point to a `dyn Trait`

/// Locks `mutex`. No code of a user runs under a lock of this crate, so what is under a poisoned one is sound.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until `condition` does not hold.
pub(crate) fn wait_while<'a, T>(
    condvar: &Condvar,
    mut guard: MutexGuard<'a, T>,
    condition: impl Fn(&T) -> bool,
) -> MutexGuard<'a, T> {
    while condition(&guard) {
        guard = condvar.wait(guard).unwrap_or_else(PoisonError::into_inner);
    }
    guard
}

/// Waits until `condition` does not hold, but no longer than `limit`.
pub(crate) fn wait_while_for<'a, T>(
    condvar: &Condvar,
    mut guard: MutexGuard<'a, T>,
    limit: Duration,
    condition: impl Fn(&T) -> bool,
) -> MutexGuard<'a, T> {
    if !condition(&guard) {
        return guard; // without a look at the clock
    }
    let Some(deadline) = Instant::now().checked_add(limit) else { return wait_while(condvar, guard, condition) };
    while condition(&guard) {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        guard = condvar.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0;
    }
    guard
}

/// Tries all interleavings of the threads in `program`, and prints how many they were: all in which the system takes
/// the processor from a thread that could go on no more than three times.
#[cfg(all(test, oneloop_loom))]
pub(crate) fn interleave(name: &str, program: impl Fn() + Send + Sync + 'static) {
    const PREEMPTIONS: usize = 3;
    let tried = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counted = Arc::clone(&tried);
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(PREEMPTIONS);
    model.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        program();
    });
    println!("{name}: {} interleavings", tried.load(Ordering::Relaxed));
}
