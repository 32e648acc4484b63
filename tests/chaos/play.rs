//! Plays a script: each step as a program would write it. Must not know what comes out of it.

use std::future::poll_fn;
use std::hint::black_box;
use std::panic::panic_any;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::{join_all, select_all};
use futures::stream::FuturesUnordered;
use oneloop::{
    Awaitable, EventLoop, ReturnWhen, Shared, Task, as_completed, catch_cancelled, copy_context, create_task, gather,
    shield, sleep, staggered_race, task_group, timeout, to_thread, try_gather, wait, wait_for, yield_now,
};

use crate::act::perform;
use crate::foreign::Foreign;
use crate::ledger::{COROUTINES, PLANTED};
use crate::program::{Around, Charge, Elsewhere, Handle, Line, Script, Step, Together};
use crate::wires::carry;
use crate::world::{Item, World, here, quietly_drop};

type Playing = Pin<Box<dyn Future<Output = Item>>>;

pub(crate) fn play(world: &Rc<World>, script: &Arc<Script>) -> Playing {
    let (world, script) = (Rc::clone(world), Arc::clone(script));
    let token = COROUTINES.token();
    Box::pin(async move {
        let _token = token;
        let mut held = Vec::new();
        for step in &script.steps {
            held.extend(do_step(Rc::clone(&world), step.clone()).await);
        }
        // before the value is made: the compiler loses a returned value if a local's destructor panics after it
        drop(held);
        Item::new(&script.value)
    })
}

/// Plays a script that may fail: it does if its value is a bomb, with that as the error.
async fn try_play(world: Rc<World>, script: Arc<Script>) -> Result<Item, Rc<Item>> {
    let value = play(&world, &script).await;
    if matches!(script.value, Charge::Bomb) { Err(Rc::new(value)) } else { Ok(value) }
}

/// Does a step, and returns what is to live to the end of the script.
async fn do_step(world: Rc<World>, step: Step) -> Option<Item> {
    match step {
        Step::Yield => yield_now().await,
        Step::Sleep(micros) => sleep(Duration::from_micros(micros)).await,
        Step::Hold(charge) => return Some(Item::new(&charge)),
        Step::Do(act) => perform(&world, &act),
        Step::Around(around, script) => return with_around(world, around, script).await,
        Step::Together(together, scripts) => play_together(world, together, scripts).await,
        Step::Start(place, script) => {
            let task = create_task(play(&world, &script));
            drop(world.tasks[place].replace(Some(task)));
        }
        Step::AwaitTask(place) => return await_task(&world, place).await,
        Step::Outcome(place) => {
            let mut task = world.tasks[place].take()?;
            drop(task.outcome().await);
        }
        Step::Event(place) => world.events[place].wait().await,
        Step::Future(place) => return Some(shared_value(world.future(place)?.shared()).await),
        Step::Condition => {
            let condition = world.condition.clone();
            let mut guard = condition.acquire().await;
            condition.wait(&mut guard).await;
            condition.notify(&guard, 1);
        }
        Step::Barrier => drop(world.barrier.wait().await),
        Step::AbortBarrier => {
            world.barrier.abort().await;
            world.barrier.reset().await;
        }
        Step::Get(line) => return get(&world, line).await,
        Step::Put(line, charge) => put(&world, line, Item::new(&charge)).await,
        Step::Join(Line::Fifo) => world.fifo.join().await,
        Step::Join(Line::Lifo) => world.lifo.join().await,
        Step::Join(Line::Priority) => world.priority.join().await,
        Step::ToThread(elsewhere) => return Some(to_thread(job(elsewhere)).await),
        Step::InPool(elsewhere) => {
            let job = EventLoop::current().run_in_executor(Some(&world.pool), job(elsewhere));
            return Some(job.await);
        }
        Step::Threadsafe(cancels, script) => play_threadsafe(&world, cancels, script).await,
        Step::Foreign { wakes, late } => Foreign::new(world.threads.clone(), wakes, late).await,
        Step::Carry(wire, bytes) => carry(wire, bytes).await,
    }
    None
}

async fn with_around(world: Rc<World>, around: Around, script: Arc<Script>) -> Option<Item> {
    let inner = play(&world, &script);
    match around {
        Around::Plain => Some(inner.await),
        Around::Catch => catch_cancelled(inner).await.ok(),
        Around::CatchAndRaise => match catch_cancelled(inner).await {
            Ok(item) => Some(item),
            Err(cancelled) => {
                yield_now().await;
                cancelled.reraise().await
            }
        },
        Around::Limit(micros) => timeout(Duration::from_micros(micros), inner).await.ok(),
        Around::WaitFor(micros) => wait_for(create_task(inner), Duration::from_micros(micros)).await.ok(),
        Around::Shield => Some(shield(inner).await),
        Around::Task => Some(create_task(inner).await),
        Around::Shared => {
            let shared = create_task(inner).shared();
            Some(shared_value(shared).await)
        }
        Around::Mapped => {
            let mapped = Awaitable::from(create_task(inner)).map(|item| item);
            Some(mapped.await)
        }
        Around::Lock(place) => {
            let lock = world.locks[place].clone();
            let _guard = lock.acquire().await;
            Some(inner.await)
        }
        Around::Permit(place) => {
            let permits = world.permits[place].clone();
            let _permit = permits.acquire().await;
            Some(inner.await)
        }
        Around::BadWaker => Some(under_bad_waker(inner).await),
        Around::GivenUp(handle, micros) => {
            await_once(handle, inner, Duration::from_micros(micros)).await;
            None
        }
        Around::OwnContext => {
            let context = copy_context();
            let task = create_task(inner).in_context(&context);
            drop(context);
            Some(task.await)
        }
    }
}

/// Polls a handle once, keeps it for a while, and drops it.
async fn await_once(handle: Handle, inner: Playing, kept: Duration) {
    let mut awaited: Pin<Box<dyn Future<Output = Item>>> = match handle {
        Handle::Task => Box::pin(create_task(inner)),
        Handle::Shield => Box::pin(shield(create_task(inner))),
        Handle::Mapped => Box::pin(Awaitable::from(create_task(inner)).map(|item| item)),
        Handle::Shared => Box::pin(create_task(inner).shared()),
        Handle::Gathering => Box::pin(Awaitable::from(gather([inner])).map(|mut items: Vec<Item>| items.remove(0))),
    };
    let first = poll_fn(|cx| Poll::Ready(awaited.as_mut().poll(cx))).await;
    sleep(kept).await;
    drop(first);
    drop(awaited);
}

/// The handle stays until its value is here, as for that of a script.
async fn shared_value(shared: Shared<Item>) -> Item {
    let last = shared.clone();
    let item = shared.await;
    drop(last);
    item
}

async fn play_together(world: Rc<World>, together: Together, scripts: Vec<Arc<Script>>) {
    let plain = || scripts.iter().map(|script| play(&world, script));
    let trying = || scripts.iter().map(|script| try_play(Rc::clone(&world), Arc::clone(script)));
    let tasks = || plain().map(create_task).collect::<Vec<Task<Item>>>();
    match together {
        Together::Gather => drop(gather(plain()).await),
        Together::TryGather => drop(try_gather(trying()).await),
        Together::CancelRest => drop(try_gather(trying()).cancel_rest().await),
        Together::Outcomes => drop(gather(plain()).return_exceptions().await),
        Together::Limited => drop(gather(plain()).limit(1).await),
        Together::WaitAll => drop(wait(tasks()).await),
        Together::WaitFirst => {
            let first = wait(tasks()).return_when(ReturnWhen::FirstCompleted).await;
            drop(first.done);
            drop(wait(first.pending).timeout(Duration::from_millis(1)).await);
        }
        Together::WaitFailed => {
            let tasks: Vec<_> = trying().map(create_task).collect();
            drop(wait(tasks).return_when(ReturnWhen::FirstException).await);
        }
        Together::WaitTimed => drop(wait(tasks()).timeout(Duration::from_micros(10)).await),
        Together::Completed => {
            let mut ended = as_completed(tasks()).timeout(Duration::from_millis(1));
            while let Some(next) = ended.next().await {
                drop(next.map(Task::into_result));
            }
        }
        Together::Group | Together::FailingGroup => in_group(&scripts, &world, together).await,
        Together::Race => {
            let starts = trying().map(|inner| move || inner).collect::<Vec<_>>();
            drop(staggered_race(starts, Duration::from_micros(10)).await);
        }
        Together::Join => drop(join_all(plain()).await),
        Together::Select => drop(select_all(plain()).await),
        Together::Unordered => {
            let mut set: FuturesUnordered<_> = plain().map(|inner| Quiet(Some(inner))).collect();
            while let Some(item) = set.next().await {
                drop(item);
            }
        }
        Together::Macro => {
            let first = play(&world, &scripts[0]);
            drop(oneloop::gather!(first, async { 1 }).await);
        }
    }
}

/// Keeps panics of destructors to itself when it is dropped: a `FuturesUnordered` that meets one loses memory.
struct Quiet(Option<Playing>);

impl Future for Quiet {
    type Output = Item;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Item> {
        let inner = self.0.as_mut().expect("a set polls no future again after its end");
        inner.as_mut().poll(cx)
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        quietly_drop(self.0.take());
    }
}

async fn in_group(scripts: &[Arc<Script>], world: &Rc<World>, together: Together) {
    let ended = task_group(async |group| {
        let mut children = Vec::new();
        for script in &scripts[1..] {
            children.push(group.create_task(try_play(Rc::clone(world), Arc::clone(script))));
        }
        let body = play(world, &scripts[0]).await;
        drop(children);
        match together {
            Together::FailingGroup => Err(Rc::new(body)),
            _ => Ok(body),
        }
    });
    drop(ended.await);
}

async fn await_task(world: &Rc<World>, place: usize) -> Option<Item> {
    let task = world.tasks[place].take()?;
    Some(task.await)
}

async fn get(world: &Rc<World>, line: Line) -> Option<Item> {
    let got = match line {
        Line::Fifo => world.fifo.get().await,
        Line::Lifo => world.lifo.get().await,
        Line::Priority => world.priority.get().await,
    };
    // refused if the queue has been emptied meanwhile
    let _ = match line {
        Line::Fifo => world.fifo.task_done(),
        Line::Lifo => world.lifo.task_done(),
        Line::Priority => world.priority.task_done(),
    };
    got.ok()
}

async fn put(world: &Rc<World>, line: Line, item: Item) {
    match line {
        Line::Fifo => drop(world.fifo.put(item).await),
        Line::Lifo => drop(world.lifo.put(item).await),
        Line::Priority => drop(world.priority.put(item).await),
    }
}

/// A job for a thread, which returns a value.
fn job(elsewhere: Elsewhere) -> impl FnOnce() -> Item + Send + 'static {
    let remote = EventLoop::current().remote();
    let bomb = matches!(elsewhere, Elsewhere::DropsBomb).then(|| Item::new(&Charge::Bomb));
    move || {
        drop(bomb);
        match elsewhere {
            Elsewhere::Panics => panic!("{PLANTED}: a job"),
            Elsewhere::ReturnsBomb => Item::new(&Charge::Bomb),
            Elsewhere::CallsBack => {
                drop(remote.call_soon_threadsafe(|| Item::new(&Charge::Bomb)));
                Item::new(&Charge::Nothing)
            }
            Elsewhere::Returns | Elsewhere::DropsBomb => Item::new(&Charge::Nothing),
        }
    }
}

async fn play_threadsafe(world: &Rc<World>, cancels: bool, script: Arc<Script>) {
    let remote = EventLoop::current().remote();
    let (told, tells) = futures::channel::oneshot::channel();
    world.threads.give(move || {
        let started = remote.run_coroutine_threadsafe(move || {
            let inner = here().map(|world| play(&world, &script));
            async move {
                match inner {
                    Some(inner) => Some(inner.await),
                    None => None,
                }
            }
        });
        if let (Ok(future), true) = (&started, cancels) {
            future.cancel();
        }
        drop(told.send(started));
    });
    if let Ok(Ok(future)) = tells.await {
        drop(future.await);
    }
}

/// Wakes what is behind it, then panics; its drop panics too.
struct BadWaker {
    inner: Waker,
    item: Item,
}

impl Wake for BadWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        black_box(&self.item);
        self.inner.wake_by_ref();
        if !std::thread::panicking() {
            panic_any(Item::new(&Charge::Bomb));
        }
    }
}

async fn under_bad_waker(inner: Playing) -> Item {
    let mut inner = pin!(inner);
    poll_fn(move |cx| {
        let bad = Arc::new(BadWaker { inner: cx.waker().clone(), item: Item::new(&Charge::Bomb) });
        let waker = Waker::from(Arc::clone(&bad));
        let polled = inner.as_mut().poll(&mut Context::from_waker(&waker));
        drop(waker);
        // the last share is this one if nothing waits under the waker; then it does no harm
        if let Some(bad) = Arc::into_inner(bad) {
            bad.item.disarm();
        }
        polled
    })
    .await
}
