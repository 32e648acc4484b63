//! Shows a value in a `Cell` to code that might reach the same cell again. Owns the way out of the cell and back; must
//! not know what the value is.

use std::cell::Cell;

/// Shows the value in `place` to `f`, which may be code of a user; `None` if `place` is empty. The value is taken out
/// meanwhile, so if `f` comes back to `place`, it finds that empty and not borrowed. The value is put back even if `f`
/// panics.
pub(crate) fn lend<T, R>(place: &Cell<Option<T>>, f: impl FnOnce(&T) -> R) -> Option<R> {
    let lent = Lent { value: place.take(), place };
    lent.value.as_ref().map(f)
}

/// As [`lend`], for `f` to change the value.
#[cfg(feature = "tls")]
pub(crate) fn lend_mut<T, R>(place: &Cell<Option<T>>, f: impl FnOnce(&mut T) -> R) -> Option<R> {
    let mut lent = Lent { value: place.take(), place };
    lent.value.as_mut().map(f)
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
