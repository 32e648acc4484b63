//! Growing pauses between attempts. Owns their lengths; must not know what is attempted.

use std::time::Duration;

use crate::primitives::sleep;

/// Pauses before a system call is tried again, each twice as long as the one before. For calls that the system refuses
/// while a peer is busy, without an event when the peer no longer is.
#[derive(Debug)]
pub(super) struct Backoff {
    pause: Duration,
}

impl Backoff {
    const SHORTEST: Duration = Duration::from_millis(1);
    const LONGEST: Duration = Duration::from_millis(64);

    pub(super) fn new() -> Self {
        Self { pause: Self::SHORTEST }
    }

    pub(super) async fn wait(&mut self) {
        sleep(self.pause).await;
        self.pause = Self::LONGEST.min(self.pause * 2);
    }
}
