//! A future of no loop's, which other threads wake. Owns the check that no wake is lost; must not know what polls it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use crate::ledger::{Token, WOKEN};
use crate::threads::Threads;
use crate::world::LATE;

#[derive(Default)]
struct State {
    waits: Option<Waker>,
    rung: bool,
    /// From the last wake to the next poll.
    owed: Option<Token>,
}

pub(crate) struct Foreign {
    threads: Threads,
    state: Arc<Mutex<State>>,
    times: u64,
    late: bool,
    begun: bool,
}

impl Foreign {
    /// It is done when it was woken `times` times, and is woken more often than that. If it is `late`, a copy of its
    /// waker is used after the loop has closed.
    pub(crate) fn new(threads: Threads, times: u64, late: bool) -> Self {
        Self { threads, state: Arc::default(), times, late, begun: false }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// On another thread: says that it is time, and wakes.
fn ring(state: &Mutex<State>, times: u64) {
    let waker = {
        let mut state = lock(state);
        state.rung = true;
        let waker = state.waits.clone(); // gone if the future is
        state.owed = waker.as_ref().map(|_| WOKEN.token());
        waker
    };
    let Some(waker) = waker else { return };
    for _ in 0..times {
        waker.wake_by_ref();
        thread::yield_now();
    }
    waker.wake();
}

impl Future for Foreign {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let (rung, before) = {
            let mut state = self.state();
            drop(state.owed.take());
            (state.rung, state.waits.replace(waker))
        };
        drop(before); // outside of the lock, as a waker may panic
        if rung {
            return Poll::Ready(());
        }
        if !self.begun {
            self.begun = true;
            if self.late {
                lock(&LATE).push(cx.waker().clone());
            }
            let (state, times) = (Arc::clone(&self.state), self.times);
            self.threads.give(move || ring(&state, times));
        }
        Poll::Pending
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let (waker, owed) = {
            let mut state = self.state();
            state.rung = true;
            (state.waits.take(), state.owed.take())
        };
        drop(owed);
        crate::world::quietly_drop(waker);
    }
}
