//! Callbacks, or tasks that are not joined: one that queues the next, and many at once. Owns the batches; must not know
//! any system.

use std::cell::Cell;
use std::rc::Rc;

use futures::channel::oneshot;

use super::repeat;
use crate::measure::Cost;
use crate::sizes::{CALLBACKS, LINKS};
use crate::system::Spawn;

/// Queues one that goes on to the next, and says so after the last.
fn link<S: Spawn>(system: &S, left: u64, end: oneshot::Sender<()>) {
    if left == 0 {
        end.send(()).expect("a task waits for it");
    } else {
        let next = system.clone();
        system.call_soon(move || link(&next, left - 1, end));
    }
}

pub(crate) fn chain<S: Spawn>(times: u64) -> Cost {
    repeat(times, LINKS, async |system: S| {
        let (end, ended) = oneshot::channel();
        link(&system, LINKS, end);
        ended.await.expect("there is a last one");
    })
}

pub(crate) fn batch<S: Spawn>(times: u64) -> Cost {
    repeat(times, CALLBACKS, async |system: S| {
        let called = Rc::new(Cell::new(0));
        for _ in 1..CALLBACKS {
            let called = called.clone();
            system.call_soon(move || called.set(called.get() + 1));
        }
        let (end, ended) = oneshot::channel();
        system.call_soon(move || end.send(called.get()).expect("a task waits for it"));
        assert_eq!(ended.await, Ok(CALLBACKS - 1));
    })
}
