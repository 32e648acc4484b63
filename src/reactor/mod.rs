//! Readiness of descriptors, and the wake from other threads, on mio. Owns the poll; must not know what waits for a
//! descriptor.

mod fd_waiters; // what waits for one direction of a descriptor
mod readiness; // what is known of a socket
mod signal; // what the poll reports for the loop's own sake
mod reactor; // the poll, and the table of registrations
mod fd_callbacks; // descriptors that callbacks watch

pub(crate) use fd_waiters::WaiterNumber;
pub(crate) use reactor::{Reactor, SourceKey};
pub(crate) use readiness::{Direction, ReadyEvent, Wanted};
pub(crate) use signal::Signal;
