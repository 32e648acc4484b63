//! One test at a time, for tests of what the whole process has only once. Must not know what is tested.

use std::sync::{Mutex, MutexGuard, PoisonError};

static TURN: Mutex<()> = Mutex::new(());

/// Waits until no other test holds this guard. A test that fails releases it too.
pub(crate) fn one_at_a_time() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
