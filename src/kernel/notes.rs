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

/// Which notes are made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WantedNotes {
    pub(crate) cancellations: bool,
    /// Of eager tasks that have ended in their first step.
    pub(crate) eager_ended: bool,
    /// Of eager tasks that have not.
    pub(crate) eager_parked: bool,
}

/// The notes since they were taken last. A loop whose observers want none makes none.
pub(crate) struct Notes<P> {
    is_observed: Cell<bool>,
    wanted: Cell<WantedNotes>,
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
            wanted: Cell::default(),
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
    pub(crate) fn set_wanted(&self, wanted: WantedNotes) {
        self.wanted.set(wanted);
    }

    /// Whether cancellations are noted.
    #[inline]
    pub(crate) fn of_cancellations(&self) -> bool {
        self.wanted.get().cancellations
    }

    #[inline]
    pub(crate) fn add_cancelled(&self, node: &P, message: Option<&Arc<str>>)
    where
        P: Clone,
    {
        if self.wanted.get().cancellations {
            self.add(Note::Cancelled(node.clone(), message.cloned(), self.asked_at.get()));
        }
    }

    pub(crate) fn add_eager(&self, node: &P, has_ended: bool)
    where
        P: Clone,
    {
        let wanted = self.wanted.get();
        let is_wanted = if has_ended { wanted.eager_ended } else { wanted.eager_parked };
        if is_wanted {
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
