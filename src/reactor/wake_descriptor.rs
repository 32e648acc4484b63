//! The wake from another thread. Owns the descriptor that ends a sleep of the loop; must not know what it is woken for.
//!
//! The descriptor is made with the loop, so that a system that has none left says so there. The poll is told of it only
//! before the loop sleeps for the first time, as it needs no wake until then: that is one system call less before the
//! first task of a program.

use std::io;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::os::fd::AsRawFd;

#[cfg(any(target_os = "linux", target_os = "android"))]
use mio::{Interest, unix::SourceFd};
use mio::{Registry, Token};

use crate::base::concurrency::Arc;
#[cfg(any(target_os = "linux", target_os = "android"))]
use crate::sys::EventCounter;

/// The token of the wake. Those of `OwnEvents` are next to it.
const WAKE: Token = Token(usize::MAX);

#[derive(Debug)]
pub(crate) struct WakeDescriptor(
    #[cfg(any(target_os = "linux", target_os = "android"))] EventCounter,
    #[cfg(not(any(target_os = "linux", target_os = "android")))] mio::Waker,
);

#[cfg(any(target_os = "linux", target_os = "android"))]
impl WakeDescriptor {
    fn new(_registry: &Registry) -> io::Result<Self> {
        EventCounter::new().map(Self)
    }

    fn register(&self, registry: &Registry) -> io::Result<()> {
        registry.register(&mut SourceFd(&self.0.as_raw_fd()), WAKE, Interest::READABLE)
    }

    /// Ends the sleep of the loop, from any thread.
    pub(crate) fn wake(&self) {
        self.0.add_one();
    }
}

/// Other systems register the descriptor when they make it.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the signatures of the functions for Linux")]
impl WakeDescriptor {
    fn new(registry: &Registry) -> io::Result<Self> {
        mio::Waker::new(registry, WAKE).map(Self)
    }

    fn register(&self, _registry: &Registry) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn wake(&self) {
        // it fails only if the loop is awake anyway
        let _ = self.0.wake();
    }
}

/// The descriptor, until the poll is told of it.
#[derive(Debug)]
pub(super) struct UnregisteredWake(Option<Arc<WakeDescriptor>>);

impl UnregisteredWake {
    pub(super) fn new(registry: &Registry) -> io::Result<(Self, Arc<WakeDescriptor>)> {
        let wake = Arc::new(WakeDescriptor::new(registry)?);
        Ok((Self(Some(Arc::clone(&wake))), wake))
    }

    /// Tells the poll of the descriptor, unless that was done before.
    #[inline]
    pub(super) fn register(&mut self, registry: &Registry) -> io::Result<()> {
        if let Some(wake) = &self.0 {
            wake.register(registry)?;
            self.0 = None;
        }
        Ok(())
    }
}
