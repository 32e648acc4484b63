//! What threads share: locks, atomic words, counted pointers. Owns which library they come from, so that a model checker
//! can take their place; must not know what they guard.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard};
pub(crate) use std::thread::{self, ThreadId};

use std::sync::PoisonError;

/// Locks `mutex`. No code of a user runs under a lock of this crate, so what is under a poisoned one is sound.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
