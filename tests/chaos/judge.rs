//! Runs a program on a loop of its own, beside bystanders, and says what went wrong. Owns the laws; must not know what
//! a step does.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::rc::Rc;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;

use oneloop::{Clock, Error, EventLoop, all_tasks, copy_context, create_task, current_task, sleep, yield_now};

use crate::bystanders::Bystanders;
use crate::descriptors::open_descriptors;
use crate::heap::live_bytes;
use crate::ledger::{CALLBACKS, COROUTINES, ITEMS, LATER_CALLBACKS, WOKEN, fault, take_faults};
use crate::play::play;
use crate::program::Program;
use crate::threads::{Threads, threads_of_the_process};
use crate::world::{LATE, World, quietly, quietly_drop, set_here};

/// So many runs may be stopped before main is done.
const RUNS_MAX: usize = 10;
/// So long main waits for bystanders, in milliseconds of the loop.
const PATIENCE: usize = 5_000;
/// So often main waits until the other threads have done what they were given, which may give them more.
const ROUNDS_OF_REST: usize = 50;
/// What a program that is run again may keep: the memory of a list that has grown once more.
const GROWTHS: usize = 6;
const MAINS_OWN: &str = "planted: main's own";

thread_local! {
    /// The bystanders that another thread's calls look up.
    static BYSTANDERS: RefCell<Option<Bystanders>> = const { RefCell::new(None) };
}

pub(crate) fn set_bystanders(bystanders: Option<Bystanders>) {
    drop(BYSTANDERS.replace(bystanders));
}

pub(crate) fn with_bystanders(look: impl FnOnce(&Bystanders)) {
    let bystanders = BYSTANDERS.with_borrow(Clone::clone);
    if let Some(bystanders) = bystanders {
        look(&bystanders);
    }
}

/// Plays the program several times, and returns what went wrong: a law that was broken, or bytes or descriptors that
/// each time more are held.
pub(crate) fn judge(program: &Program, threads: &Threads) -> Vec<String> {
    let mut before = None;
    for round in 0..GROWTHS {
        // a variable that is set outside of tasks stays in the context of the thread, so it has one for this
        let context = copy_context();
        context.run(|| play_once(program, threads));
        quietly_drop(context);
        wait_for_the_end_of_pools(threads);
        all_is_dropped();
        let faults = take_faults();
        if !faults.is_empty() {
            return faults;
        }
        let held = (live_bytes().1, open_descriptors());
        if before.is_some_and(|(bytes, descriptors)| held.0 <= bytes && held.1 <= descriptors) {
            return Vec::new();
        }
        if round + 1 == GROWTHS {
            let (bytes, descriptors) = before.unwrap_or_default();
            return vec![format!(
                "what is held grows each time: the last time from {bytes} bytes and {descriptors} descriptors to {} \
                 and {}",
                held.0, held.1
            )];
        }
        before = Some(held);
    }
    Vec::new()
}

fn all_is_dropped() {
    let counts = [("values", &ITEMS), ("coroutines", &COROUTINES), ("callbacks", &CALLBACKS)];
    for (what, count) in counts.into_iter().chain([("timers' callbacks", &LATER_CALLBACKS), ("woken futures", &WOKEN)])
    {
        if count.get() != 0 {
            fault(format!("{} {what} are not dropped when the loop is gone", count.get()));
        }
    }
}

fn wait_for_the_end_of_pools(threads: &Threads) {
    for _ in 0..2_000 {
        if threads_of_the_process() <= threads.at_rest() {
            break;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn play_once(program: &Program, threads: &Threads) {
    let clock = if program.real_clock { Clock::Real } else { Clock::Virtual };
    let lp = EventLoop::builder().clock(clock).build().expect("a loop");
    lp.set_exception_handler(|_| ());
    let bystanders = Bystanders::default();
    set_bystanders(Some(bystanders.clone()));
    let world = {
        let _in = lp.enter();
        Rc::new(World::new(threads, program.closes_by_drop))
    };
    set_here(Some(Rc::clone(&world)));
    run_main(&lp, program, &world, &bystanders);
    is_usable(&lp);
    let closed = catch_unwind(AssertUnwindSafe(|| if program.closes_by_drop { drop(lp) } else { close(&lp) }));
    if closed.is_err() {
        fault("closing unwinds");
    }
    let late = std::mem::take(&mut *LATE.lock().unwrap_or_else(PoisonError::into_inner));
    for waker in late {
        threads.give(move || waker.wake());
    }
    threads.rest();
    set_here(None);
    set_bystanders(None);
    world.clear();
    drop(world);
}

fn close(lp: &EventLoop) {
    if let Err(error) = lp.close() {
        fault(format!("closing fails: {error}"));
    }
}

/// Whether a panic is the one that the main future means.
fn is_mains_own(payload: &(dyn Any + Send)) -> bool {
    payload.downcast_ref::<&str>().is_some_and(|text| *text == MAINS_OWN)
}

fn run_main(lp: &EventLoop, program: &Program, world: &Rc<World>, bystanders: &Bystanders) {
    let stage = Cell::new(Stage::Fresh);
    for _ in 0..RUNS_MAX {
        let main = main(program, world, bystanders, &stage);
        match catch_unwind(AssertUnwindSafe(|| lp.run_until_complete(main))) {
            Ok(Ok(())) => return,
            Ok(Err(Error::Stopped)) => {}
            Ok(Err(error)) => return fault(format!("the run ends: {error}")),
            Err(payload) if is_mains_own(&*payload) && stage.get() == Stage::Panicked => stage.set(Stage::Begun),
            Err(payload) => {
                quietly_drop(payload);
                return fault("a panic unwinds out of the run, and main has none");
            }
        }
    }
    fault("main comes to no end");
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Fresh,
    Begun,
    Panicked,
}

/// Starts everything, waits until the bystanders have ended, and for a while more. It has no part in the program, so
/// nothing can make it fail.
async fn main(program: &Program, world: &Rc<World>, bystanders: &Bystanders, stage: &Cell<Stage>) {
    let tick = Duration::from_millis(1);
    if stage.get() == Stage::Fresh {
        stage.set(Stage::Begun);
        bystanders.start(world);
        for script in &program.tasks {
            drop(create_task(play(world, script)));
        }
        if program.main_panics {
            yield_now().await;
            yield_now().await;
            stage.set(Stage::Panicked);
            panic_any(MAINS_OWN);
        }
    }
    for _ in 0..PATIENCE {
        if bystanders.missing().is_empty() {
            break;
        }
        sleep(tick).await;
    }
    sleep(5 * tick).await;
    if program.cancels_what_is_left {
        let me = current_task();
        all_tasks().iter().filter(|task| Some(task.id()) != me.as_ref().map(oneloop::TaskHandle::id)).for_each(
            |task| {
                // what was handed over to it may panic when it is dropped, here in main's own frame
                quietly(|| {
                    task.cancel();
                });
            },
        );
    }
    let mut owed = [0; 2];
    for _ in 0..ROUNDS_OF_REST {
        let threads = world.threads.clone();
        // a pool of its own, as the program may shut the default one
        EventLoop::current().run_in_executor(Some(&world.pool), move || threads.rest()).await;
        sleep(5 * tick).await;
        owed = [CALLBACKS.get(), WOKEN.get()];
        if owed == [0, 0] {
            break;
        }
    }
    bystanders.missing().into_iter().for_each(|missing| fault(format!("a bystander is lost: {missing}")));
    for (what, count) in ["callbacks never ran", "futures that were woken are never polled"].iter().zip(owed) {
        if count > 0 {
            fault(format!("{count} {what}"));
        }
    }
}

/// After all that, the loop does what a new one does.
fn is_usable(lp: &EventLoop) {
    for _ in 0..RUNS_MAX {
        let ran = catch_unwind(AssertUnwindSafe(|| {
            lp.run_until_complete(async {
                yield_now().await;
                sleep(Duration::from_micros(1)).await;
                42
            })
        }));
        match ran {
            Ok(Ok(42)) => return,
            Ok(Err(Error::Stopped)) => {}
            Ok(other) => return fault(format!("a run of the used loop gives {other:?}")),
            Err(_) => return fault("a run of the used loop unwinds"),
        }
    }
    fault("the used loop is always stopped");
}
