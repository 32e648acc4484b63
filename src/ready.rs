//! What runs next: the entries of the ready queue. Owns the kinds of entry; must not know when or by whom they are run.

use std::rc::Rc;

use crate::key::TaskKey;
use crate::timer_wheel::TimerKey;

/// Something that takes a turn of its own: a callback, or a primitive that counted down.
pub(crate) trait Run {
    /// Takes the turn. `index` is what the entry was queued with: which child ended, say.
    fn run(self: Rc<Self>, index: u32);
}

/// One place in the ready queue.
pub(crate) enum Entry {
    /// Step the task, if it still lives.
    Task(TaskKey),
    /// The timer is due: wake its sleeper or run its callback, if it was not cancelled meanwhile.
    Timer(TimerKey),
    /// Run it.
    Run(Rc<dyn Run>, u32),
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Task(key) => f.debug_tuple("Task").field(key).finish(),
            Self::Timer(key) => f.debug_tuple("Timer").field(key).finish(),
            Self::Run(_, index) => f.debug_tuple("Run").field(index).finish(),
        }
    }
}
