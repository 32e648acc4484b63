//! What the hosts drive: a program of timers, sockets and threads. Owns the program; must not know who drives it.
#![expect(missing_docs, reason = "each example says what it shows")]

use std::cell::Cell;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use oneloop::{Descriptor, EventLoop, LoopHandle, Task, sleep};

/// How often each of the three kinds of thing happens.
pub const TIMES: usize = 20;
/// From one thing of a kind to the next.
pub const APART: Duration = Duration::from_millis(10);

/// A program of three tasks, each of which waits for something else, `TIMES` times.
#[derive(Debug)]
pub struct Program {
    tasks: Vec<Task<()>>,
    /// How many things have happened so far.
    happened: Rc<Cell<usize>>,
}

impl Program {
    /// Starts the tasks, and the threads that give two of them something to do.
    ///
    /// # Panics
    /// If the system has no descriptor or thread left.
    pub fn start(lp: &EventLoop) -> Self {
        let happened = Rc::new(Cell::new(0));
        let tasks = vec![by_timers(lp, &happened), by_a_socket(lp, &happened), by_wakes(lp, &happened)];
        Self { tasks, happened }
    }

    pub fn is_done(&self) -> bool {
        self.tasks.iter().all(Task::done)
    }

    pub fn happened(&self) -> usize {
        self.happened.get()
    }
}

fn count(happened: &Cell<usize>) {
    happened.set(happened.get() + 1);
}

fn by_timers(lp: &EventLoop, happened: &Rc<Cell<usize>>) -> Task<()> {
    let happened = Rc::clone(happened);
    lp.create_task(async move {
        for _ in 0..TIMES {
            sleep(APART).await;
            count(&happened);
        }
    })
}

fn by_a_socket(lp: &EventLoop, happened: &Rc<Cell<usize>>) -> Task<()> {
    let happened = Rc::clone(happened);
    let (mut far, near) = UnixStream::pair().expect("descriptors");
    thread::spawn(move || {
        for _ in 0..TIMES {
            thread::sleep(APART);
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
    for _ in 0..TIMES {
        thread::sleep(APART);
        let call = || {
            let arrived = ARRIVED.take().expect("the program has started");
            arrived();
            ARRIVED.set(Some(arrived));
        };
        handle.call_soon_threadsafe(call).expect("the loop is open");
    }
}
