//! Timers by deadline. Owns which timers are set and in which order they are due; must not read a clock.

mod slab; // the memory of the timers
mod due; // the timers whose tick has been opened, sorted
mod wheel; // setting, removing and expiring timers

pub(crate) use slab::TimerKey;
pub(crate) use wheel::TimerWheel;
