//! What the hosts drive: a program of timers, sockets and threads. Owns the program, and how a host tells what it has
//! seen; must not know who drives it.
#![expect(missing_docs, reason = "each example says what it shows")]

use std::cell::Cell;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use oneloop::{Descriptor, Error, EventLoop, LoopHandle, Task, TurnBudget, sleep_until};

/// How often each of the three kinds of thing happens.
pub const TIMES: usize = 100;
/// From one thing of a kind to the next.
pub const APART: Duration = Duration::from_millis(10);
/// How many things happen, in about a second.
pub const THINGS: usize = 3 * TIMES;

/// A program of three tasks, each of which waits for something else, `TIMES` times.
#[derive(Debug)]
pub struct Program {
    tasks: Vec<Task<()>>,
    /// How many things have happened so far.
    happened: Rc<Cell<usize>>,
}

impl Program {
    /// Starts the tasks, and the threads that give two of them something to do. The tasks wait already when this
    /// returns, so that each turn from now on is of something that happens.
    ///
    /// # Panics
    /// If the system has no descriptor or thread left.
    pub fn start(lp: &EventLoop) -> Self {
        let happened = Rc::new(Cell::new(0));
        let tasks = vec![by_timers(lp, &happened), by_a_socket(lp, &happened), by_wakes(lp, &happened)];
        lp.run_ready(()).expect("the loop is not running");
        Self { tasks, happened }
    }

    pub fn is_done(&self) -> bool {
        self.tasks.iter().all(Task::done)
    }

    pub fn happened(&self) -> usize {
        self.happened.get()
    }

    /// Takes a turn, and returns whether anything has happened in it.
    ///
    /// # Errors
    /// As [`EventLoop::run_ready`].
    pub fn turn(&self, lp: &EventLoop, budget: impl Into<TurnBudget>) -> Result<bool, Error> {
        let before = self.happened();
        lp.run_ready(budget)?;
        Ok(self.happened() > before)
    }
}

/// The kinds of thing. Those of one kind come between those of the others.
#[derive(Clone, Copy)]
enum Kind {
    Timer,
    Socket,
    Wake,
}

/// When the things of a kind are to happen, from now on.
fn times(kind: Kind) -> impl Iterator<Item = Instant> + Send {
    let first = Instant::now() + APART + APART * kind as u32 / 3;
    (0..).map(move |number| first + APART * number).take(TIMES)
}

fn sleep_thread_until(when: Instant) {
    thread::sleep(when.saturating_duration_since(Instant::now()));
}

fn count(happened: &Cell<usize>) {
    happened.set(happened.get() + 1);
}

fn by_timers(lp: &EventLoop, happened: &Rc<Cell<usize>>) -> Task<()> {
    let happened = Rc::clone(happened);
    lp.create_task(async move {
        for when in times(Kind::Timer) {
            sleep_until(when).await;
            count(&happened);
        }
    })
}

fn by_a_socket(lp: &EventLoop, happened: &Rc<Cell<usize>>) -> Task<()> {
    let happened = Rc::clone(happened);
    let (mut far, near) = UnixStream::pair().expect("descriptors");
    let written = times(Kind::Socket);
    thread::spawn(move || {
        for when in written {
            sleep_thread_until(when);
            far.write_all(b"x").expect("the other end is open");
        }
        thread::sleep(APART * 100); // an end would be one thing more
    });
    lp.create_task(async move {
        let near = Descriptor::new(near).expect("registered");
        for _ in 0..TIMES {
            near.readable().await;
            near.get_ref().read_exact(&mut [0]).expect("it is readable");
            count(&happened);
        }
    })
}

fn by_wakes(lp: &EventLoop, happened: &Rc<Cell<usize>>) -> Task<()> {
    let (handle, done) = (lp.remote(), lp.create_future::<()>());
    let (left, settled, happened) = (Rc::new(Cell::new(TIMES)), done.clone(), Rc::clone(happened));
    let arrived = Rc::new(move || {
        count(&happened);
        left.set(left.get() - 1);
        if left.get() == 0 {
            settled.set_result(()).expect("it is set once");
        }
    });
    ARRIVED.set(Some(arrived));
    thread::spawn(move || call_again_and_again(&handle));
    lp.create_task(done)
}

thread_local! {
    /// What a call from the other thread does: the call crosses threads, and what it counts does not.
    static ARRIVED: Cell<Option<Rc<dyn Fn()>>> = const { Cell::new(None) };
}

fn call_again_and_again(handle: &LoopHandle) {
    for when in times(Kind::Wake) {
        sleep_thread_until(when);
        let call = || {
            let arrived = ARRIVED.take().expect("the program has started");
            arrived();
            ARRIVED.set(Some(arrived));
        };
        handle.call_soon_threadsafe(call).expect("the loop is open");
    }
}

/// The number that a host has printed after `name`.
///
/// # Panics
/// If it has printed none.
pub fn told(said: &str, name: &str) -> usize {
    let line = said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no `{name}` in what was said: {said}"))
}
