//! The phases of a loop, and whether it runs. Owns these states; must not know what is done in any of them.

use std::cell::Cell;

/// How far the life of a loop has come. These are all moves from phase to phase:
///
/// ```text
///             close(), or the last                       no task, callback,
///             handle is dropped                          timer or extension is left
///    Open ────────────────────────────▶ Closing ────────────────────────────────────▶ Closed
/// ```
///
/// - `Open`: everything can be scheduled. The loop runs only in this phase, any number of times, one run after another.
/// - `Closing`: other threads can send nothing more. The loop drops what is left, with itself entered, so destructors
///   may still schedule something, which is dropped next.
/// - `Closed`: nothing is kept. A task cannot be created, and a callback, an entry or a timer is dropped at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    Closing,
    Closed,
}

pub(crate) struct Life {
    phase: Cell<Phase>,
    /// True from the end of a turn or run to the beginning of the next one, if a host watches the loop and nothing is
    /// ready.
    asleep: Cell<bool>,
    /// Whether the loop is closed or asleep, in one word, because it is read for each timer.
    closed_or_asleep: Cell<bool>,
    /// True from the beginning of a run to its end. `close()` is refused meanwhile.
    running: Cell<bool>,
    /// True from a call of `stop()` to the end of the run, which ends after the current iteration. Outside of a run,
    /// the next run ends after its first iteration.
    stopping: Cell<bool>,
    /// Set when the loop is given an observer, or loses one.
    observers_changed: Cell<bool>,
    /// Whether one of the two above is set, in one word, because a run reads it after each iteration.
    stopping_or_observers_changed: Cell<bool>,
    /// Whether new tasks take their first step where they are made, while the loop runs.
    eager: Cell<bool>,
    /// How often what was left of earlier calls of `stop()` and of earlier runs was forgotten.
    forgotten_stops: Cell<u32>,
    /// The number of `EventLoop` handles that users hold.
    handles: Cell<usize>,
}

impl Default for Life {
    fn default() -> Self {
        Self {
            phase: Cell::new(Phase::Open),
            asleep: Cell::new(false),
            closed_or_asleep: Cell::new(false),
            running: Cell::new(false),
            stopping: Cell::new(false),
            observers_changed: Cell::new(false),
            stopping_or_observers_changed: Cell::new(false),
            eager: Cell::new(false),
            forgotten_stops: Cell::new(0),
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
        self.note_closed_or_asleep();
    }

    pub(super) fn is_asleep(&self) -> bool {
        self.asleep.get()
    }

    /// Returns what it was before.
    pub(super) fn set_asleep(&self, asleep: bool) -> bool {
        let before = self.asleep.replace(asleep);
        self.note_closed_or_asleep();
        before
    }

    fn note_closed_or_asleep(&self) {
        self.closed_or_asleep.set(self.asleep.get() || self.phase.get() == Phase::Closed);
    }

    /// Whether the loop is closed or asleep: a timer that is set or removed then needs more than a place in the wheel.
    #[inline]
    pub(crate) fn is_closed_or_asleep(&self) -> bool {
        self.closed_or_asleep.get()
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
        self.note_stopping_or_observers_changed();
    }

    /// The loop was given an observer, or has lost one, which a run has to notice; or a run has noticed.
    pub(crate) fn set_observers_changed(&self, changed: bool) {
        self.observers_changed.set(changed);
        self.note_stopping_or_observers_changed();
    }

    fn note_stopping_or_observers_changed(&self) {
        self.stopping_or_observers_changed.set(self.stopping.get() || self.observers_changed.get());
    }

    /// Whether the run is stopped, or its observers have changed. Either takes effect after the current iteration.
    #[inline]
    pub(crate) fn is_stopping_or_observers_changed(&self) -> bool {
        self.stopping_or_observers_changed.get()
    }

    #[inline]
    pub(crate) fn is_eager(&self) -> bool {
        self.eager.get()
    }

    pub(crate) fn set_eager(&self, eager: bool) {
        self.eager.set(eager);
    }

    /// A number that changes when stops are forgotten.
    pub(crate) fn forgotten_stops(&self) -> u32 {
        self.forgotten_stops.get()
    }

    /// What would stop the next run, and was queued or asked for until now, does not.
    pub(crate) fn forget_stops(&self) {
        self.set_stopping(false);
        self.forgotten_stops.set(self.forgotten_stops.get().wrapping_add(1));
    }

    pub(crate) fn add_handle(&self) {
        self.handles.set(self.handles.get() + 1);
    }

    /// Counts a handle less, and returns whether it was the last one.
    pub(crate) fn drop_handle(&self) -> bool {
        self.handles.set(self.handles.get() - 1);
        self.handles.get() == 0
    }
}
