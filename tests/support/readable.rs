//! Whether a descriptor is readable, as a host sees it. Must not know what makes it so.

use std::os::fd::AsRawFd;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

/// Whether a descriptor is readable, or becomes so within `patience`. A poll that is made anew reports what is readable
/// already.
pub(crate) fn is_readable(descriptor: &impl AsRawFd, patience: Duration) -> bool {
    let mut poll = Poll::new().expect("a poll");
    let fd = descriptor.as_raw_fd();
    poll.registry().register(&mut SourceFd(&fd), Token(0), Interest::READABLE).expect("registered");
    let mut events = Events::with_capacity(1);
    poll.poll(&mut events, Some(patience)).expect("polled");
    !events.is_empty()
}
