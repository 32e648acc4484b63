//! Lends a value out of its place to code that might come back there. Owns that one move; must not know what is lent.

use std::cell::Cell;

/// Lends a value to code of a user, out of its place, so that it meets no borrow; it is put back even if that panics.
pub(crate) fn lend<T, R>(place: &Cell<Option<T>>, f: impl FnOnce(&T) -> R) -> Option<R> {
    let lent = Lent { value: place.take(), place };
    lent.value.as_ref().map(f)
}

struct Lent<'a, T> {
    value: Option<T>,
    place: &'a Cell<Option<T>>,
}

impl<T> Drop for Lent<'_, T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            self.place.set(Some(value));
        }
    }
}
