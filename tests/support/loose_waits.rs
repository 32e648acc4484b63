//! Waits that belong to no task, so that a test polls and drops them when it likes. Must not know what they wait for.

use std::pin::Pin;

use futures::poll;

/// Some waits. An index counts on from the start where it is past the end.
#[derive(Default)]
pub(crate) struct LooseWaits(Vec<Pin<Box<dyn Future<Output = ()>>>>);

impl LooseWaits {
    /// Polls `wait`, and keeps it unless it has ended.
    pub(crate) async fn begin(&mut self, wait: impl Future<Output = ()> + 'static) {
        let mut wait: Pin<Box<dyn Future<Output = ()>>> = Box::pin(wait);
        if poll!(wait.as_mut()).is_pending() {
            self.0.push(wait);
        }
    }

    pub(crate) async fn poll(&mut self, n: usize) {
        let Some(n) = n.checked_rem(self.0.len()) else { return };
        if poll!(self.0[n].as_mut()).is_ready() {
            drop(self.0.swap_remove(n));
        }
    }

    pub(crate) fn drop_one(&mut self, n: usize) {
        let Some(n) = n.checked_rem(self.0.len()) else { return };
        drop(self.0.swap_remove(n));
    }

    /// Polls each once, in their order.
    pub(crate) async fn poll_all(&mut self) {
        let mut pending = Vec::new();
        for mut wait in self.0.drain(..) {
            if poll!(wait.as_mut()).is_pending() {
                pending.push(wait);
            }
        }
        self.0 = pending;
    }

    pub(crate) fn drop_all(&mut self) {
        self.0.clear();
    }
}
