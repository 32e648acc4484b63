//! What an observed loop notes while an entry runs, for its observers, who are told when the entry has run: what cannot
//! be seen from outside of the entry. Owns the list; must not know who is told, nor how.

use std::cell::{Cell, RefCell};
use std::panic::Location;
use std::sync::Arc;

/// Where the program has asked for a cancellation; `None` if a part of the crate has: a group, a time limit.
pub(crate) type AskedAt = Option<&'static Location<'static>>;

/// Something that has happened to a task inside an entry.
pub(crate) enum Note<P> {
    /// A cancellation of the task was asked for, or has passed through it on its way to what it awaits.
    Cancelled(P, Option<Arc<str>>, AskedAt),
    /// The task has taken its first step inside the entry.
    Eager(P),
}

/// The notes since they were taken last. A loop whose observers want none makes none.
pub(crate) struct Notes<P> {
    is_observed: Cell<bool>,
    of_cancellations: Cell<bool>,
    /// Of eager tasks that have ended in their first step.
    of_ended: Cell<bool>,
    /// Of eager tasks that have not.
    of_parked: Cell<bool>,
    /// Of the cancellation that is being asked for.
    asked_at: Cell<AskedAt>,
    /// Whether there is any note: looked at after each entry of an observed loop.
    has_any: Cell<bool>,
    list: RefCell<Vec<Note<P>>>,
}

impl<P> Default for Notes<P> {
    fn default() -> Self {
        Self {
            is_observed: Cell::new(false),
            of_cancellations: Cell::new(false),
            of_ended: Cell::new(false),
            of_parked: Cell::new(false),
            asked_at: Cell::new(None),
            has_any: Cell::new(false),
            list: RefCell::default(),
        }
    }
}

impl<P> Notes<P> {
    pub(crate) fn set_observed(&self, is_observed: bool) {
        self.is_observed.set(is_observed);
    }

    /// Whether anything looks at this loop.
    pub(crate) fn is_observed(&self) -> bool {
        self.is_observed.get()
    }

    /// Which notes are made from now on.
    pub(crate) fn set_wanted(&self, of_cancellations: bool, of_ended: bool, of_parked: bool) {
        self.of_cancellations.set(of_cancellations);
        self.of_ended.set(of_ended);
        self.of_parked.set(of_parked);
    }

    /// Whether cancellations are noted.
    #[inline]
    pub(crate) fn of_cancellations(&self) -> bool {
        self.of_cancellations.get()
    }

    #[inline]
    pub(crate) fn add_cancelled(&self, node: &P, message: Option<&Arc<str>>)
    where
        P: Clone,
    {
        if self.of_cancellations.get() {
            self.add(Note::Cancelled(node.clone(), message.cloned(), self.asked_at.get()));
        }
    }

    pub(crate) fn add_eager(&self, node: &P, has_ended: bool)
    where
        P: Clone,
    {
        if (if has_ended { &self.of_ended } else { &self.of_parked }).get() {
            self.add(Note::Eager(node.clone()));
        }
    }

    fn add(&self, note: Note<P>) {
        self.list.borrow_mut().push(note);
        self.has_any.set(true);
    }

    /// The place of the cancellation that is being asked for, from now on.
    pub(crate) fn set_asked_at(&self, place: AskedAt) {
        self.asked_at.set(place);
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_any.get()
    }

    /// Takes the notes out. The caller drops them.
    pub(crate) fn take(&self) -> Vec<Note<P>> {
        self.has_any.set(false);
        self.list.take()
    }
}
