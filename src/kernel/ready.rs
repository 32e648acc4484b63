//! What runs next: the entries of the ready queue. Owns the kinds of entry; must not know when or by whom they are run.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

use crate::timer_wheel::TimerKey;

/// Something that takes a turn of its own: a callback, or a primitive that counted down.
pub(crate) trait Run {
    /// Takes the turn. `index` is what the entry was queued with: which child ended, say.
    fn run(self: Rc<Self>, index: u32);
}

/// A share of something that is queued to take a step, once at a time. To clone it does nothing but count.
pub(crate) trait Queued: Clone {
    /// Whether it is to take a step when its place in the queue is reached.
    fn queued(&self) -> &Cell<bool>;
}

/// One place in the ready queue.
pub(crate) enum Entry<P> {
    /// Step the task, if it is still to take one.
    Task(P),
    /// The timer is due: wake its sleeper or run its callback, if it was not cancelled meanwhile.
    Timer(TimerKey),
    /// Run it.
    Run(Rc<dyn Run>, u32),
}

impl<P> fmt::Debug for Entry<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(_) => f.write_str("Task"),
            Self::Timer(key) => f.debug_tuple("Timer").field(key).finish(),
            Self::Run(_, index) => f.debug_tuple("Run").field(index).finish(),
        }
    }
}
