//! Runs of a loop: one iteration after another, until the loop is stopped or a node is done. Owns the beginning and the
//! end of a run; must not know how an iteration goes.

use std::rc::Rc;

use super::event_loop::EventLoop;
use super::observed::observers_of;
use super::outside::{Outside, WaitLimit};
use super::run_once::Iteration;
use crate::base::{PooledRc, unsize};
use crate::current::{self, Guard};
use crate::error::Error;
use crate::kernel::{ChildTurn, ChildTurnRef, Phase};
use crate::node::{Core, Loop, Node, Watch, Watcher};

impl EventLoop {
    /// Runs until [`stop`](Self::stop): asyncio's `run_forever()`.
    ///
    /// # Examples
    /// ```
    /// use oneloop::EventLoop;
    ///
    /// let lp = EventLoop::new()?;
    /// let stopper = lp.clone();
    /// lp.call_soon(move || stopper.stop());
    /// lp.run_forever()?;
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Running`] inside a running loop, [`Error::Closed`] after `close`, [`Error::Deadlock`] if the clock is
    /// virtual and nothing can ever happen again, [`Error::Io`] if the operating system fails.
    pub fn run_forever(&self) -> Result<(), Error> {
        let _running = Running::begin(self)?;
        self.iterate()
    }

    /// Runs iterations until the loop is stopped.
    fn iterate(&self) -> Result<(), Error> {
        if self.kernel().ready().has_rest() && self.finish_iteration() {
            return Ok(());
        }
        let mut outside = Outside::new(self.kernel(), WaitLimit::Run);
        let mut iteration = Iteration::first(self.kernel());
        if observers_of(self.kernel()).is_some() && self.iterate_observed(&mut iteration, &mut outside)? {
            return Ok(());
        }
        loop {
            iteration.run_once(&mut outside)?;
            if self.kernel().life().is_stopping_or_observers_changed()
                && self.stop_or_iterate_observed(&mut iteration, &mut outside)?
            {
                return Ok(());
            }
        }
    }

    /// Called after an iteration, if the loop is stopped, or its observers have changed. Returns whether it is stopped.
    #[cold]
    fn stop_or_iterate_observed(
        &self,
        iteration: &mut Iteration<'_>,
        outside: &mut Outside<'_>,
    ) -> Result<bool, Error> {
        if self.kernel().life().is_stopping() { Ok(true) } else { self.iterate_observed(iteration, outside) }
    }

    /// Runs the rest of an iteration that a turn has left unfinished. Returns whether the loop is stopped.
    #[cold]
    fn finish_iteration(&self) -> bool {
        Iteration::first(self.kernel()).run_batch_of_turn(|| true);
        self.kernel().life().is_stopping()
    }

    /// Runs until `node` is done, and one iteration longer, as asyncio does: there, a done callback of the future stops
    /// the loop.
    pub(super) fn run_until_done(&self, node: &dyn Node) -> Result<(), Error> {
        if !Rc::ptr_eq(node.core().kernel(), self.kernel()) {
            return Err(Error::ForeignLoop);
        }
        let _running = Running::begin(self)?;
        let stop = PooledRc::new(StopWhenDone {
            kernel: Rc::clone(self.kernel()),
            forgotten_stops: self.kernel().life().forgotten_stops(),
        });
        let core = node.core();
        let number = self.kernel().next_watch();
        if core.is_done() {
            self.kernel().push_child_turn(unsize!(stop => dyn ChildTurn), 0);
        } else {
            core.watchers().add(number, Watcher::Watch(unsize!(stop => dyn Watch), 0));
        }
        let ran = self.iterate();
        drop(core.watchers().remove(number));
        match ran {
            Ok(()) if !core.is_done() => Err(Error::Stopped),
            Err(Error::Deadlock(_)) if core.is_done() => Ok(()),
            // as in asyncio, it does not matter that `stop()` was called if the node is done by now
            other => other,
        }
    }
}

/// A run or a turn of the loop. Dropping this ends it, also after a panic.
pub(super) struct Running<'a> {
    lp: &'a EventLoop,
    _guard: Guard,
}

impl<'a> Running<'a> {
    fn begin(lp: &'a EventLoop) -> Result<Self, Error> {
        if current::any_running() { Err(Error::Running) } else { Self::unless_closed(lp) }
    }

    /// Begins a turn. Other loops may be running, and be in a callback now, but not in a step of a task: a task knows
    /// what it waits for by the loop that the thread is in.
    pub(super) fn begin_turn(lp: &'a EventLoop) -> Result<Self, Error> {
        if lp.kernel().life().is_running() {
            return Err(Error::Running);
        }
        if current::any_task_running() {
            return Err(Error::InsideTask);
        }
        Self::unless_closed(lp)
    }

    fn unless_closed(lp: &'a EventLoop) -> Result<Self, Error> {
        if lp.kernel().life().phase() != Phase::Open {
            return Err(Error::Closed);
        }
        if lp.kernel().was_forked() {
            return Err(Error::Forked);
        }
        let guard = current::enter(Rc::clone(lp.kernel()));
        lp.kernel().life().set_running(true);
        lp.kernel().begin_turn();
        Ok(Self { lp, _guard: guard })
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let kernel = self.lp.kernel();
        kernel.life().set_running(false);
        // `stop()` ends a run or turn after its iteration, so it still holds for an iteration that is unfinished
        if !kernel.ready().has_rest() {
            kernel.life().set_stopping(false);
        }
        kernel.end_turn();
    }
}

/// Stops the loop in an entry of its own when a node is done: asyncio's `_run_until_complete_cb`.
struct StopWhenDone {
    kernel: Rc<Loop>,
    /// The number of the life's forgotten stops when this was made.
    forgotten_stops: u32,
}

impl Watch for StopWhenDone {
    fn child_done(&self, index: u32, _child: &Core) -> Option<u32> {
        Some(index)
    }
}

impl ChildTurn for StopWhenDone {
    fn child_turn(&self, _me: &ChildTurnRef, _index: u32) {
        if self.kernel.life().forgotten_stops() == self.forgotten_stops {
            self.kernel.life().set_stopping(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::current::waker;
    use crate::node::FIRST_VARIANT;
    use crate::primitives::{gather, yield_now};

    /// By chance the waker of an earlier task may fit a later one: see `TaskKey`.
    #[test]
    fn a_wake_does_not_start_a_child_that_a_limit_holds_back() {
        let lp = EventLoop::new().expect("a loop");
        let (running, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let child = || {
            let (running, most) = (Rc::clone(&running), Rc::clone(&most));
            lp.create_task(async move {
                running.set(running.get() + 1);
                most.set(most.get().max(running.get()));
                yield_now().await;
                running.set(running.get() - 1);
            })
        };
        let ended = lp.run_until_complete(async {
            let children = [child(), child(), child()];
            let wakers = [0, 1, 2].map(|i: usize| waker(children[i].handle().state().key(), FIRST_VARIANT));
            let gathering = gather(children).limit(1);
            for _ in 0..3 {
                wakers.iter().for_each(std::task::Waker::wake_by_ref);
                yield_now().await;
            }
            gathering.await.len()
        });
        assert_eq!((ended.ok(), most.get()), (Some(3), 1));
    }
}
