//! Which task holds each lock that tasks wait for, and in debug mode which locks and permits are held at all. Owns the
//! numbers of those locks; must not know what a lock or a semaphore is.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use slab::Slab;

use super::journal::{is_in_order, is_nested};
use super::running_step::APART;
use crate::base::TaskKey;

/// Who holds a lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hold {
    /// The task that holds it, or `TaskKey::NONE`.
    pub(crate) task: TaskKey,
    /// The number of the step before the first one in which the task can have taken it: a step that hands a lock over
    /// knows its own number, and not that of the next.
    after: u32,
}

impl Hold {
    pub(crate) const NONE: Self = Self { task: TaskKey::NONE, after: 0 };

    /// The task takes it in the step with this number.
    #[inline]
    pub(crate) fn taken_in(step: u32, task: TaskKey) -> Self {
        Self { task, after: step.wrapping_sub(APART) }
    }

    /// The task is to take it later than in the step with this number.
    #[inline]
    pub(crate) fn handed_over_in(step: u32, task: TaskKey) -> Self {
        Self { task, after: step }
    }

    /// The number of the step in which the task has taken it; of a lock that was handed over, of the first step in
    /// which the task can have taken it.
    pub(crate) fn step(self) -> u32 {
        self.after.wrapping_add(APART)
    }

    /// Whether the task, whose last step has this number, has taken what was handed over to it.
    pub(crate) fn is_taken(self, last_step: u32) -> bool {
        is_nested(self.step()) || is_in_order(self.step(), last_step)
    }
}

/// Shared by the lock, which writes it, and the loop.
pub(crate) type HoldCell = Rc<Cell<Hold>>;

/// What lends out permits: a semaphore.
pub(crate) trait Lender {
    /// How many are held.
    fn lent(&self) -> usize;
}

/// The holders, each under the number of its lock, which is not 0. A lock has a number once a task has had to wait for
/// it: so a lock for which none waits is no concern of the loop, but in debug mode.
#[derive(Default)]
pub(crate) struct Holders {
    cells: RefCell<Slab<HoldCell>>,
    /// Those that were made in debug mode.
    lenders: RefCell<Vec<Weak<dyn Lender>>>,
    wants_all: Cell<bool>,
}

impl Holders {
    /// Whether each lock is to have a number that a task acquires, and each lender to be known.
    pub(crate) fn want_all(&self, all: bool) {
        self.wants_all.set(all);
    }

    #[inline]
    pub(crate) fn wants_all(&self) -> bool {
        self.wants_all.get()
    }

    /// A number for a lock, and the cell for those who hold it. `None` if there are more locks than numbers.
    pub(crate) fn enter(&self, hold: Hold) -> Option<(u32, HoldCell)> {
        let cells = &mut *self.cells.borrow_mut();
        let number = u32::try_from(cells.vacant_key() + 1).ok()?;
        let cell = Rc::new(Cell::new(hold));
        cells.insert(Rc::clone(&cell));
        Some((number, cell))
    }

    /// Who holds the lock with this number.
    pub(crate) fn of(&self, number: u32) -> Option<Hold> {
        let hold = self.cells.borrow().get(index(number))?.get();
        (hold.task != TaskKey::NONE).then_some(hold)
    }

    /// How many of the locks a task holds, or is the next to hold.
    pub(crate) fn held(&self) -> usize {
        self.cells.borrow().iter().filter(|(_, cell)| cell.get().task != TaskKey::NONE).count()
    }

    /// Notes a lender, in debug mode.
    pub(crate) fn note_lender(&self, lender: Weak<dyn Lender>) {
        if self.wants_all() {
            let lenders = &mut *self.lenders.borrow_mut();
            // only when there is no more room, so that many lenders are not looked at by each new one
            if lenders.len() == lenders.capacity() {
                lenders.retain(|lender| lender.strong_count() > 0);
            }
            lenders.push(lender);
        }
    }

    /// How many permits are held of the lenders that are known.
    pub(crate) fn lent(&self) -> usize {
        self.lenders.borrow().iter().filter_map(Weak::upgrade).map(|lender| lender.lent()).sum()
    }

    /// The lock is gone.
    pub(crate) fn leave(&self, number: u32) {
        self.cells.borrow_mut().try_remove(index(number));
    }
}

fn index(number: u32) -> usize {
    (number as usize).wrapping_sub(1)
}
