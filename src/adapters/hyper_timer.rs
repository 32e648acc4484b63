//! `Timer` and `Sleep` of hyper. Owns the sleeps that hyper holds; must not know what they limit.
//!
//! hyper asks of a sleep that it is `Send` and `Sync`, which a sleep of this crate cannot be. So the sleeps are kept
//! with their loop, and hyper holds the place of one.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use slab::Slab;

use crate::base::{RemoteCall, RemoteFn};
use crate::current;
use crate::kernel::{LoopSender, Message};
use crate::node::Loop;
use crate::primitives::{Sleep, sleep_until};

/// hyper's `Timer`, on the clock of the loop that this thread is in. Limits of time in hyper, such as
/// `header_read_timeout`, need one.
///
/// A sleep of it is `Send` and `Sync`, as hyper asks, and belongs to its loop all the same: to poll it elsewhere is a
/// panic with the remedy.
///
/// # Examples
/// ```
/// use hyper::rt::Timer;
/// use oneloop::adapters::HyperTimer;
/// use oneloop::{Clock, EventLoop};
/// use std::time::Duration;
///
/// let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
/// let before = lp.time();
/// lp.run_until_complete(async { HyperTimer.sleep(Duration::from_secs(3600)).await })?;
/// assert_eq!(lp.time() - before, Duration::from_secs(3600));
/// # Ok::<(), oneloop::Error>(())
/// ```
///
/// # Panics
/// Its methods, if this thread is in no loop.
#[derive(Clone, Copy, Debug, Default)]
pub struct HyperTimer;

impl hyper::rt::Timer for HyperTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        let kernel = current::expect();
        let deadline = kernel.clock().instant(kernel.clock().deadline_after(duration));
        Box::pin(HyperSleep::new(&kernel, deadline))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(HyperSleep::new(&current::expect(), deadline))
    }

    fn now(&self) -> Instant {
        let kernel = current::expect();
        kernel.clock().instant(kernel.clock().now())
    }
}

/// The sleeps of one loop. One is taken out of its place while it is polled, which may run code of a user.
#[derive(Default)]
struct Sleeps {
    places: RefCell<Slab<Option<Sleep>>>,
}

impl Sleeps {
    fn of(kernel: &Loop) -> Rc<Self> {
        kernel.extensions().get_or_default()
    }

    fn insert(&self, sleep: Sleep) -> usize {
        self.places.borrow_mut().insert(Some(sleep))
    }

    fn take(&self, place: usize) -> Option<Sleep> {
        self.places.borrow_mut().get_mut(place)?.take()
    }

    fn put_back(&self, place: usize, sleep: Sleep) {
        if let Some(empty) = self.places.borrow_mut().get_mut(place) {
            *empty = Some(sleep);
        }
    }

    /// The caller drops the sleep, outside the borrow.
    fn remove(&self, place: usize) -> Option<Sleep> {
        self.places.borrow_mut().try_remove(place).flatten()
    }
}

/// The place of a sleep.
#[derive(Debug)]
struct HyperSleep {
    home: LoopSender,
    place: usize,
}

impl HyperSleep {
    fn new(kernel: &Loop, deadline: Instant) -> Self {
        Self { home: kernel.sender(), place: Sleeps::of(kernel).insert(sleep_until(deadline)) }
    }
}

impl hyper::rt::Sleep for HyperSleep {}

impl Future for HyperSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let kernel = current::current().filter(|kernel| kernel.sender().is(self.home));
        let Some(kernel) = kernel else {
            panic!(
                "a sleep of HyperTimer was polled outside of the event loop that it belongs to; \
                 drive the connection in a task of the loop that made it"
            );
        };
        let sleeps = Sleeps::of(&kernel);
        // it is over, if it is not there
        let Some(mut sleep) = sleeps.take(self.place) else { return Poll::Ready(()) };
        let polled = Pin::new(&mut sleep).poll(cx);
        if polled.is_pending() {
            sleeps.put_back(self.place, sleep);
        }
        polled
    }
}

/// On another thread it asks the loop to forget the sleep.
impl Drop for HyperSleep {
    fn drop(&mut self) {
        match current::entered(self.home.number()).filter(|kernel| kernel.sender().is(self.home)) {
            Some(kernel) => forget(&kernel, self.place),
            // a loop that is closed has forgotten it
            None => drop(self.home.send(Message::Run(RemoteCall::new(Arc::new(Forget(self.place)))))),
        }
    }
}

fn forget(kernel: &Loop, place: usize) {
    // a loop that closes has none any more
    if let Some(sleeps) = kernel.extensions().get::<Sleeps>() {
        drop(sleeps.remove(place));
    }
}

struct Forget(usize);

impl RemoteFn for Forget {
    fn call(&self) {
        if let Some(kernel) = current::current() {
            forget(&kernel, self.0);
        }
    }

    fn discard(&self) {}
}
