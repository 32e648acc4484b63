//! How a host learns that a turn of its loop is due. Owns what is made once a host asks; must not know when it is set.

use std::cell::{OnceCell, RefCell};
use std::os::fd::OwnedFd;
use std::rc::Rc;

use crate::base::concurrency::{Arc, Condvar, Mutex, lock, wait_while};
use crate::reactor::OwnEvents;

/// What a loop has for a host that watches it. Empty for a loop that only runs.
#[derive(Default)]
pub(super) struct Host {
    /// What the poll reports for the loop's own sake. Also made for a loop whose timers are to be precise.
    pub(super) own_events: OnceCell<Rc<OwnEvents>>,
    /// The poll's own descriptor, which the host watches.
    pub(super) descriptor: OnceCell<OwnedFd>,
    /// For a host that cannot watch it: what the thread sees that watches in its place.
    pub(super) pauses: RefCell<Option<Arc<Pauses>>>,
}

/// The pauses between turns, as the thread sees them that calls the pender: once in a pause at most.
///
/// ```text
///              a turn begins            the thread finds the descriptor readable
///     InTurn ◀─────────────── Quiet ────────────────────────────────────────────▶ Called
///        │                      ▲                                                   │
///        └──────────────────────┘◀── a turn begins, and ends ───────────────────────┘
///              the turn ends
/// ```
#[derive(Debug, Default)]
pub(crate) struct Pauses {
    pause: Mutex<Pause>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Pause {
    state: PauseState,
    /// How many pauses have begun.
    number: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum PauseState {
    #[default]
    Quiet,
    Called,
    InTurn,
    /// There will be no call any more.
    Over,
}

impl Pauses {
    pub(super) fn begin(&self) {
        let mut pause = lock(&self.pause);
        if pause.state != PauseState::Over {
            pause.state = PauseState::Quiet;
            pause.number += 1;
        }
        drop(pause);
        self.changed.notify_one();
    }

    /// A turn begins.
    pub(super) fn end(&self) {
        let mut pause = lock(&self.pause);
        if pause.state != PauseState::Over {
            pause.state = PauseState::InTurn;
        }
    }

    /// No pause follows.
    pub(crate) fn end_all(&self) {
        lock(&self.pause).state = PauseState::Over;
        self.changed.notify_one();
    }

    /// Waits for a pause in which the pender was not called. Returns its number, or `None` if there will be no more.
    pub(crate) fn next(&self) -> Option<u64> {
        let waits = |pause: &Pause| matches!(pause.state, PauseState::InTurn | PauseState::Called);
        let pause = wait_while(&self.changed, lock(&self.pause), waits);
        (pause.state == PauseState::Quiet).then_some(pause.number)
    }

    /// Whether the pender is to be called in this pause: it is still on, and this is the first question.
    pub(crate) fn may_call(&self, number: u64) -> bool {
        let mut pause = lock(&self.pause);
        let may = pause.state == PauseState::Quiet && pause.number == number;
        if may {
            pause.state = PauseState::Called;
        }
        may
    }
}
