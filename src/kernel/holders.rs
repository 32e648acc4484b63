//! Which task holds each lock that tasks wait for. Owns the numbers of those locks; must not know what a lock is.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use slab::Slab;

use crate::base::TaskKey;

/// The task that holds a lock, or `TaskKey::NONE`: shared by the lock, which writes it, and the loop.
pub(crate) type HolderCell = Rc<Cell<TaskKey>>;

/// The holders, each under the number of its lock, which is not 0. A lock has a number once a task has had to wait for it:
/// so a lock for which none waits is no concern of the loop.
#[derive(Debug, Default)]
pub(crate) struct Holders {
    cells: RefCell<Slab<HolderCell>>,
}

impl Holders {
    /// A number for a lock, and the cell for those who hold it. `None` if there are more locks than numbers.
    pub(crate) fn enter(&self, holder: TaskKey) -> Option<(u32, HolderCell)> {
        let cells = &mut *self.cells.borrow_mut();
        let number = u32::try_from(cells.vacant_key() + 1).ok()?;
        let cell = Rc::new(Cell::new(holder));
        cells.insert(Rc::clone(&cell));
        Some((number, cell))
    }

    /// The task that holds the lock with this number.
    pub(crate) fn of(&self, number: u32) -> Option<TaskKey> {
        let holder = self.cells.borrow().get(index(number))?.get();
        (holder != TaskKey::NONE).then_some(holder)
    }

    /// The lock is gone.
    pub(crate) fn leave(&self, number: u32) {
        self.cells.borrow_mut().try_remove(index(number));
    }
}

fn index(number: u32) -> usize {
    (number as usize).wrapping_sub(1)
}
