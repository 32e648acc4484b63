//! How far a loop has come: open, running, closing, closed. Owns these states; must not know what is done in them.

use std::cell::Cell;

/// `Open` → `Closing` (tasks are being dropped; destructors may still use the loop) → `Closed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    Closing,
    Closed,
}

/// The life of a loop.
pub(crate) struct Life {
    phase: Cell<Phase>,
    running: Cell<bool>,
    /// `stop()` was called: the run ends after this iteration.
    stopping: Cell<bool>,
    /// How many handles users hold on the loop.
    handles: Cell<usize>,
}

impl Default for Life {
    fn default() -> Self {
        Self {
            phase: Cell::new(Phase::Open),
            running: Cell::new(false),
            stopping: Cell::new(false),
            handles: Cell::new(0),
        }
    }
}

impl Life {
    #[inline]
    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        self.phase.set(phase);
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.get()
    }

    pub(crate) fn set_running(&self, running: bool) {
        self.running.set(running);
    }

    #[inline]
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    pub(crate) fn set_stopping(&self, stopping: bool) {
        self.stopping.set(stopping);
    }

    /// A user has one more handle on the loop.
    pub(crate) fn add_handle(&self) {
        self.handles.set(self.handles.get() + 1);
    }

    /// A user has one handle less; returns whether it was the last.
    pub(crate) fn drop_handle(&self) -> bool {
        self.handles.set(self.handles.get() - 1);
        self.handles.get() == 0
    }
}
