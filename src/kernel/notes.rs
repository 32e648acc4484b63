//! What an observed loop notes while an entry runs, for its observers, who are told when the entry has run: what cannot
//! be seen from outside of the entry. Owns the list; must not know who is told, nor how.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// Something that has happened to a task inside an entry.
pub(crate) enum Note<P> {
    /// A cancellation of the task was asked for, or has passed through it on its way to what it awaits.
    Cancelled(P, Option<Arc<str>>),
    /// The task has taken its first step inside the entry.
    Eager(P),
}

/// The notes since they were taken last. A loop without observers makes none.
pub(crate) struct Notes<P> {
    are_taken: Cell<bool>,
    notes: RefCell<Vec<Note<P>>>,
}

impl<P> Default for Notes<P> {
    fn default() -> Self {
        Self { are_taken: Cell::new(false), notes: RefCell::default() }
    }
}

impl<P> Notes<P> {
    /// Whether notes are made from now on.
    pub(crate) fn set_taken(&self, are_taken: bool) {
        self.are_taken.set(are_taken);
    }

    /// Whether anything looks at this loop.
    pub(crate) fn are_taken(&self) -> bool {
        self.are_taken.get()
    }

    #[inline]
    pub(crate) fn add(&self, note: impl FnOnce() -> Note<P>) {
        if self.are_taken.get() {
            let note = note();
            self.notes.borrow_mut().push(note);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.notes.borrow().is_empty()
    }

    /// Takes the notes out. The caller drops them.
    pub(crate) fn take(&self) -> Vec<Note<P>> {
        self.notes.take()
    }
}
