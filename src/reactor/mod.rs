//! Readiness of descriptors, and the wake from other threads, on mio. Owns the poll; must not know what waits for a
//! descriptor.
//!
//! The poll is edge-triggered: the system tells once that a direction of a descriptor has become ready. So the reactor
//! remembers what it was told, a socket tries its system call first, and only one that would have blocked waits.
//!
//! To read: `readiness.rs` (what is known of each direction of a socket) with `fd_waiters.rs` (what waits for it), then
//! `reactor.rs` (the table of registrations, and `wait`, which is the poll). A registration has a name of its own, also
//! in a slot that was used before (`source_key.rs`), so an event that comes late finds nothing. `fd_callbacks.rs` makes
//! `add_reader` of the same poll, and `own_events.rs` is how a loop makes its own poll report something.

mod fd_waiters; // what waits for one direction of a descriptor
mod readiness; // what is known of a socket
mod source_key; // the name of one registration
mod permute; // another order of what a poll has found
mod own_events; // what the poll reports for the loop's own sake
mod watched; // the descriptors that callbacks watch
mod reactor; // the poll, and the table of registrations
mod fd_callbacks; // descriptors that callbacks watch

pub(crate) use fd_waiters::WaiterNumber;
pub(crate) use own_events::OwnEvents;
pub(crate) use reactor::Reactor;
pub(crate) use readiness::{Direction, NewSocket, ReadyEvent, ShortTransfer, Wanted};
pub(crate) use source_key::SourceKey;
