//! What acts do to the loop and the world. Must not know in which frame of the loop they are done.

use std::hint::black_box;
use std::panic::panic_any;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use oneloop::{EventLoop, Handle, create_future, create_task, current_task};

use crate::ledger::{CALLBACKS, Count, LATER_CALLBACKS, PLANTED, Token, fault};
use crate::play::play;
use crate::program::{Act, Charge, Line};
use crate::world::{Item, VARIABLE, World, act_here, quietly_drop};

/// A destructor that acts may drop what acts, and so on: deeper than this nothing is done.
const DEPTH_MAX: usize = 20;
/// After so many, `stop()` is not called any more.
const STOPS_MAX: usize = 3;

/// What a callback owns: a value, and its place in the ledger.
struct Call {
    item: Item,
    token: Token,
    act: Arc<Act>,
}

impl Call {
    fn new(count: &'static Count, charge: &Charge, act: &Arc<Act>) -> Self {
        Self { item: Item::new(charge), token: count.token(), act: Arc::clone(act) }
    }

    /// Returns its value, which the loop drops.
    fn run(self) -> Item {
        drop(self.token);
        act_here(&self.act);
        self.item
    }
}

struct Deeper<'a>(&'a World);

impl Drop for Deeper<'_> {
    fn drop(&mut self) {
        self.0.depth.set(self.0.depth.get() - 1);
    }
}

pub(crate) fn perform(world: &Rc<World>, act: &Act) {
    if world.depth.get() >= DEPTH_MAX {
        return;
    }
    world.depth.set(world.depth.get() + 1);
    let _deeper = Deeper(world);
    match act {
        Act::Nothing => {}
        Act::Panic => panic!("{PLANTED}: an act"),
        Act::PanicWithBomb => panic_any(Item::new(&Charge::Bomb)),
        Act::CancelCall(_) | Act::CallSoon(..) | Act::CallLater(..) | Act::CallThreadsafe(..) | Act::WatchPipe(..) => {
            call(world, act);
        }
        Act::Stop | Act::Refused | Act::ShutExecutor | Act::SetHandler(_) => of_the_loop(world, act),
        Act::Spawn(script) => drop(create_task(play(world, script))),
        Act::CancelTask(place) => drop(world.with_task(*place, oneloop::Task::cancel)),
        Act::CancelMe => {
            if let Some(me) = current_task() {
                me.cancel();
            }
        }
        Act::DropTask(place) => drop(world.tasks[*place].take()),
        Act::DoneCallback(place, charge, act) => {
            let call = Call::new(&LATER_CALLBACKS, charge, act);
            world.with_task(*place, |task| {
                task.add_done_callback(move |_| drop(call.run()));
            });
        }
        Act::SetEvent(place) => world.events[*place].set(),
        Act::ClearEvent(place) => world.events[*place].clear(),
        Act::SetFuture(place, charge) => {
            drop(world.future(*place).map(|future| future.set_result(Item::new(charge))));
        }
        Act::CancelFuture(place) => drop(world.future(*place).map(|future| future.cancel())),
        Act::NewFuture(place) => drop(world.futures[*place].replace(Some(create_future()))),
        Act::Notify => {
            if let Some(guard) = world.condition.try_acquire() {
                world.condition.notify(&guard, 1);
            }
        }
        Act::Put(..) | Act::Get(_) | Act::Shutdown(_) => with_queue(world, act),
        Act::Release(place) => world.permits[*place].release(),
        Act::SetVariable(charge) => drop(VARIABLE.set(Item::new(charge))),
    }
}

fn call(world: &Rc<World>, act: &Act) {
    let lp = EventLoop::current();
    match act {
        Act::CallSoon(charge, act) => {
            let call = Call::new(&CALLBACKS, charge, act);
            keep(world, lp.call_soon(move || call.run()));
        }
        Act::CallLater(micros, charge, act) => {
            let call = Call::new(&LATER_CALLBACKS, charge, act);
            let timer = lp.call_later(Duration::from_micros(*micros), move || call.run());
            if micros % 20 == 10 {
                timer.cancel();
            }
        }
        Act::CallThreadsafe(charge, act) => {
            let call = Call::new(&CALLBACKS, charge, act);
            drop(lp.remote().call_soon_threadsafe(move || call.run()));
        }
        Act::WatchPipe(charge, act) => {
            let Some(pipe) = world.pipe() else { return };
            let mut call = Some(Call::new(&LATER_CALLBACKS, charge, act));
            let ends = Rc::downgrade(&pipe);
            let watched = lp.add_writer(&pipe.1, move || {
                if let Some(pipe) = ends.upgrade() {
                    EventLoop::current().remove_writer(&pipe.1);
                }
                drop(call.take().map(Call::run));
            });
            keep(world, watched.expect("a pipe can be watched"));
        }
        _ => {
            if let Act::CancelCall(place) = act
                && let Some(handle) = world.calls[*place].take()
            {
                handle.cancel();
            }
        }
    }
}

/// Keeps the handle in a place that depends on nothing but the order of the calls.
fn keep(world: &World, handle: Handle) {
    let mut handle = Some(handle);
    for place in &world.calls {
        handle = place.replace(handle);
    }
}

fn of_the_loop(world: &Rc<World>, act: &Act) {
    let lp = EventLoop::current();
    match act {
        Act::Stop if world.stops.get() < STOPS_MAX => {
            world.stops.set(world.stops.get() + 1);
            if lp.is_running() {
                lp.stop();
            }
        }
        Act::Refused if lp.is_running() && (lp.close().is_ok() || lp.run_until_complete(async {}).is_ok()) => {
            fault("a loop that runs was closed, or run");
        }
        // its task has a handle of the loop, which keeps that open until it ends
        Act::ShutExecutor if !world.closes_by_drop => {
            let shut = lp.clone();
            drop(create_task(async move { shut.shutdown_default_executor(None).await }));
        }
        Act::SetHandler(charge) => {
            let item = Item::new(charge);
            lp.set_exception_handler(move |_| {
                black_box(&item);
                panic!("{PLANTED}: an exception handler");
            });
        }
        _ => {}
    }
}

fn with_queue(world: &Rc<World>, act: &Act) {
    match act {
        Act::Put(Line::Fifo, charge) => drop(world.fifo.put_nowait(Item::new(charge))),
        Act::Put(Line::Lifo, charge) => drop(world.lifo.put_nowait(Item::new(charge))),
        Act::Put(Line::Priority, charge) => drop(world.priority.put_nowait(Item::new(charge))),
        Act::Get(Line::Fifo) => drop(world.fifo.get_nowait()),
        Act::Get(Line::Lifo) => drop(world.lifo.get_nowait()),
        Act::Get(Line::Priority) => drop(world.priority.get_nowait()),
        Act::Shutdown(Line::Fifo) => world.fifo.shutdown(),
        Act::Shutdown(Line::Lifo) => world.lifo.shutdown_immediate().into_iter().for_each(quietly_drop),
        Act::Shutdown(Line::Priority) => drop(world.priority.shutdown_immediate()),
        _ => {}
    }
}
