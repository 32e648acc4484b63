//! Other threads: they wake what waits, now or when the loop has closed. Owns the threads and their work; must not know
//! what is woken.

use std::collections::VecDeque;
use std::fs;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::world::quietly;

type Job = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Those that were begun and not ended.
    running: usize,
}

/// Two threads that do what they are given, side by side.
#[derive(Clone)]
pub(crate) struct Threads {
    shared: Arc<(Mutex<State>, Condvar)>,
    /// The threads of the process when no program runs.
    at_rest: usize,
}

/// How many threads this process has; 0 on a system that does not tell.
pub(crate) fn threads_of_the_process() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

impl Threads {
    /// They live as long as the process.
    pub(crate) fn start() -> Self {
        let mut threads = Self { shared: Arc::default(), at_rest: 0 };
        for _ in 0..2 {
            let mine = threads.clone();
            thread::spawn(move || mine.work());
        }
        threads.at_rest = threads_of_the_process();
        threads
    }

    pub(crate) fn at_rest(&self) -> usize {
        self.at_rest
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut state = self.state();
        loop {
            match state.jobs.pop_front() {
                Some(job) => {
                    state.running += 1;
                    drop(state);
                    // a waker of the program's own may panic
                    quietly(job);
                    state = self.state();
                    state.running -= 1;
                    self.shared.1.notify_all();
                }
                None => state = self.shared.1.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    pub(crate) fn give(&self, job: impl FnOnce() + Send + 'static) {
        self.state().jobs.push_back(Box::new(job));
        self.shared.1.notify_all();
    }

    /// Waits until all that was given is done.
    pub(crate) fn rest(&self) {
        let busy = |state: &mut State| !state.jobs.is_empty() || state.running > 0;
        drop(self.shared.1.wait_while(self.state(), busy));
    }
}
