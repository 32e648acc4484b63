//! Deadlines in order. Owns what is set and when it is due; must not read a clock.

mod slab; // the memory of timers
mod due; // the timers of the slot that was opened, sorted
mod timer_wheel; // setting, removing and expiring timers

pub(crate) use slab::TimerKey;
pub(crate) use timer_wheel::TimerWheel;
