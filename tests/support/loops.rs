//! Loops for tests, on the virtual clock. Must not know what runs on them.

use oneloop::{Clock, EventLoop};

/// A loop whose clock jumps to the next deadline when nothing is ready: no time passes.
pub(crate) fn virtual_loop() -> EventLoop {
    EventLoop::builder().clock(Clock::Virtual).build().expect("a loop")
}
