//! Values that are dropped one after another instead of inside each other. Owns the list of them; must not know what
//! they are, nor drop them.

use std::any::Any;
use std::cell::{Cell, RefCell};

/// Values whose drop was deferred: see `node::drop_flat`.
#[derive(Default)]
pub(crate) struct DeferredDrops {
    values: RefCell<Vec<Box<dyn Any>>>,
    draining: Cell<bool>,
}

/// The right to drop the deferred values. There is one at a time.
pub(crate) struct Draining<'a>(&'a Cell<bool>);

impl Drop for Draining<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl DeferredDrops {
    pub(crate) fn defer(&self, value: Box<dyn Any>) {
        self.values.borrow_mut().push(value);
    }

    /// Removes the value that was deferred last.
    pub(crate) fn next(&self) -> Option<Box<dyn Any>> {
        self.values.borrow_mut().pop()
    }

    /// Returns `None` if an outer call drains the list already: that call will drop the rest.
    pub(crate) fn start_draining(&self) -> Option<Draining<'_>> {
        (!self.draining.replace(true)).then(|| Draining(&self.draining))
    }
}
