//! Queues against a model: a vector of what is in them. Every item that goes in or comes out is told to the model at
//! that very moment, so nothing can be lost, doubled, or come out of order, whatever is cancelled or dropped meanwhile.

use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::fmt::Debug;
use std::pin::pin;
use std::rc::Rc;

use futures::future::{Either, select};
use oneloop::error::{GetError, PutError};
use oneloop::{LifoQueue, PriorityQueue, Queue, QueueShutDown, Task, TaskError, create_task, yield_now};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use crate::support::run;

/// Of which only the rank is compared.
#[derive(Clone, Copy, Debug)]
struct Item {
    rank: u8,
    number: u32,
}

impl Ord for Item {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for Item {}

/// What is done next; a number says which rank, how many turns, or to which task.
#[derive(Clone, Debug)]
enum Op {
    PutNow(u8),
    GetNow,
    Put(u8),
    Get,
    /// Put, or get, but for so many turns at most: then the wait is dropped.
    PutBriefly(u8, u8),
    GetBriefly(u8),
    Join,
    TaskDone,
    Cancel(usize),
    Turn,
    /// As many turns as it takes until nothing goes on any more.
    Settle,
    ShutDown,
    ShutDownNow,
}

/// With more who get than who put, or the other way round, so that many wait.
fn op(gets: u32, puts: u32) -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => (0..3_u8).prop_map(Op::PutNow),
        10 => Just(Op::GetNow),
        puts => (0..3_u8).prop_map(Op::Put),
        gets => Just(Op::Get),
        5 => (0..3_u8, 0..3_u8).prop_map(|(rank, turns)| Op::PutBriefly(rank, turns)),
        5 => (0..3_u8).prop_map(Op::GetBriefly),
        3 => Just(Op::Join),
        8 => Just(Op::TaskDone),
        // the oldest that waits, which is the first to be woken
        15 => Just(Op::Cancel(0)),
        10 => any::<usize>().prop_map(Op::Cancel),
        20 => Just(Op::Turn),
        15 => Just(Op::Settle),
    ]
}

fn shutdown() -> impl Strategy<Value = Vec<Op>> {
    prop_oneof![
        Just(vec![]),
        Just(vec![Op::ShutDown]),
        Just(vec![Op::ShutDownNow]),
        Just(vec![Op::ShutDown, Op::ShutDownNow])
    ]
}

/// Operations, a shutdown perhaps, and more operations.
fn program() -> impl Strategy<Value = Vec<Op>> {
    prop_oneof![Just((30, 8)), Just((8, 30))].prop_flat_map(|(gets, puts)| {
        let ops = |most| prop::collection::vec(op(gets, puts), 1..most);
        (ops(80), shutdown(), ops(15)).prop_map(|(before, shutdown, after)| [before, shutdown, after].concat())
    })
}

/// A kind of queue, and which of the model's items it should give next.
trait Kind: Clone + Debug + 'static {
    fn new(maxsize: usize) -> Self;
    fn len(&self) -> usize;
    fn is_full(&self) -> bool;
    fn is_shutdown(&self) -> bool;
    async fn put(&self, item: Item) -> Result<(), QueueShutDown<Item>>;
    fn put_nowait(&self, item: Item) -> Result<(), PutError<Item>>;
    async fn get(&self) -> Result<Item, QueueShutDown>;
    fn get_nowait(&self) -> Result<Item, GetError>;
    fn task_done(&self) -> bool;
    async fn join(&self);
    fn shutdown(&self);
    fn shutdown_immediate(&self) -> Vec<Item>;
    fn next(items: &[Item]) -> Option<usize>;
}

macro_rules! kind {
    ($Queue:ident, $next:expr) => {
        impl Kind for $Queue<Item> {
            fn new(maxsize: usize) -> Self {
                Self::new(maxsize)
            }
            fn len(&self) -> usize {
                self.len()
            }
            fn is_full(&self) -> bool {
                self.is_full()
            }
            fn is_shutdown(&self) -> bool {
                self.is_shutdown()
            }
            async fn put(&self, item: Item) -> Result<(), QueueShutDown<Item>> {
                self.put(item).await
            }
            fn put_nowait(&self, item: Item) -> Result<(), PutError<Item>> {
                self.put_nowait(item)
            }
            async fn get(&self) -> Result<Item, QueueShutDown> {
                self.get().await
            }
            fn get_nowait(&self) -> Result<Item, GetError> {
                self.get_nowait()
            }
            fn task_done(&self) -> bool {
                self.task_done().is_ok()
            }
            async fn join(&self) {
                self.join().await;
            }
            fn shutdown(&self) {
                self.shutdown();
            }
            fn shutdown_immediate(&self) -> Vec<Item> {
                self.shutdown_immediate()
            }
            fn next(items: &[Item]) -> Option<usize> {
                let next: fn(&[Item]) -> Option<usize> = $next;
                next(items)
            }
        }
    };
}

kind!(Queue, |items| (!items.is_empty()).then_some(0));
kind!(LifoQueue, |items| items.len().checked_sub(1));
kind!(PriorityQueue, |items| (0..items.len()).min_by_key(|&i| items[i].rank)); // the first of equal ones

/// A queue and what should be in it.
#[derive(Clone, Debug)]
struct Both<K> {
    queue: K,
    model: Rc<Model>,
}

#[derive(Debug, Default)]
struct Model {
    maxsize: usize,
    items: RefCell<Vec<Item>>,
    unfinished: Cell<usize>,
    shut_down: Cell<bool>,
    /// How often nothing was left unfinished.
    finishes: Cell<u32>,
}

impl<K: Kind> Both<K> {
    fn was_put(&self, item: Item) {
        let Model { maxsize, items, unfinished, shut_down, .. } = &*self.model;
        assert!(!shut_down.get(), "put after the shutdown");
        items.borrow_mut().push(item);
        assert!(*maxsize == 0 || items.borrow().len() <= *maxsize, "there was no room");
        unfinished.set(unfinished.get() + 1);
    }

    fn was_got(&self, item: Item) {
        let mut items = self.model.items.borrow_mut();
        let next = K::next(&items).expect("an item came out of nothing");
        assert_eq!(items.remove(next).number, item.number, "another one's turn was it");
    }

    fn finish(&self, items: usize) {
        let Model { unfinished, finishes, .. } = &*self.model;
        unfinished.set(unfinished.get().saturating_sub(items));
        if unfinished.get() == 0 {
            finishes.set(finishes.get() + 1);
        }
    }

    async fn put(&self, item: Item) {
        match self.queue.put(item).await {
            Ok(()) => self.was_put(item),
            Err(QueueShutDown(back)) => {
                assert!(self.model.shut_down.get());
                assert_eq!(back.number, item.number);
            }
        }
    }

    async fn get(&self) {
        match self.queue.get().await {
            Ok(item) => self.was_got(item),
            Err(_) => assert!(self.model.shut_down.get() && self.model.items.borrow().is_empty()),
        }
    }

    async fn join(&self) {
        let (before, had_work) = (self.model.finishes.get(), self.model.unfinished.get() > 0);
        self.queue.join().await;
        assert_eq!(self.model.finishes.get() > before, had_work);
    }

    fn compare(&self) {
        let Model { maxsize, items, shut_down, .. } = &*self.model;
        let len = items.borrow().len();
        assert_eq!((self.queue.len(), self.queue.is_shutdown()), (len, shut_down.get()));
        assert_eq!(self.queue.is_full(), *maxsize > 0 && len >= *maxsize);
    }
}

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Put,
    Get,
    Join,
}

struct World<K> {
    both: Both<K>,
    tasks: Vec<(Role, Task<()>)>,
    numbers: u32,
}

impl<K: Kind> World<K> {
    fn new(maxsize: usize) -> Self {
        let model = Rc::new(Model { maxsize, ..Model::default() });
        Self { both: Both { queue: K::new(maxsize), model }, tasks: Vec::new(), numbers: 0 }
    }

    fn item(&mut self, rank: u8) -> Item {
        self.numbers += 1;
        Item { rank, number: self.numbers }
    }

    fn start<F: Future<Output = ()> + 'static>(&mut self, role: Role, body: impl FnOnce(Both<K>) -> F) {
        let task = create_task(body(self.both.clone()));
        self.tasks.push((role, task));
    }

    async fn apply(&mut self, op: &Op) {
        let both = self.both.clone();
        match *op {
            Op::PutNow(rank) => self.put_now(rank),
            Op::GetNow => match both.queue.get_nowait() {
                Ok(item) => both.was_got(item),
                Err(error) => {
                    assert!(both.model.items.borrow().is_empty());
                    assert_eq!(error == GetError::QueueShutDown, both.model.shut_down.get());
                }
            },
            Op::Put(rank) => {
                let item = self.item(rank);
                self.start(Role::Put, async move |both| both.put(item).await);
            }
            Op::Get => self.start(Role::Get, async |both| both.get().await),
            Op::PutBriefly(rank, turns) => {
                let item = self.item(rank);
                self.start(Role::Put, async move |both| briefly(turns, both.put(item)).await);
            }
            Op::GetBriefly(turns) => self.start(Role::Get, async move |both| briefly(turns, both.get()).await),
            Op::Join => self.start(Role::Join, async |both| both.join().await),
            Op::TaskDone => {
                let expected = both.model.unfinished.get() > 0;
                assert_eq!(both.queue.task_done(), expected);
                if expected {
                    both.finish(1);
                }
            }
            Op::Cancel(n) => {
                let waits: Vec<_> = self.tasks.iter().filter(|(_, task)| !task.done()).collect();
                if let Some((_, task)) = waits.get(n % waits.len().max(1)) {
                    task.cancel();
                }
            }
            Op::Turn => yield_now().await,
            Op::Settle => self.settle().await,
            Op::ShutDown => {
                both.model.shut_down.set(true);
                both.queue.shutdown();
            }
            Op::ShutDownNow => {
                both.model.shut_down.set(true);
                let left = both.queue.shutdown_immediate();
                for item in &left {
                    both.was_got(*item);
                }
                both.finish(left.len());
            }
        }
        both.compare();
    }

    fn put_now(&mut self, rank: u8) {
        let (item, both) = (self.item(rank), &self.both);
        let was_full = both.queue.is_full();
        match both.queue.put_nowait(item) {
            Ok(()) => both.was_put(item),
            Err(PutError::QueueFull(back)) => {
                assert!(was_full && !both.model.shut_down.get());
                assert_eq!(back.number, item.number);
            }
            Err(PutError::QueueShutDown(back)) => {
                assert!(both.model.shut_down.get());
                assert_eq!(back.number, item.number);
            }
        }
    }

    /// When nothing goes on any more, who still waits must have a reason.
    async fn settle(&mut self) {
        for _ in 0..2 * self.tasks.len() + 5 {
            yield_now().await;
        }
        self.both.compare();
        let (queue, model) = (&self.both.queue, &self.both.model);
        let waits = |role: Role| self.tasks.iter().filter(|(is, task)| *is == role && !task.done()).count();
        let (getting, putting, joining) = (waits(Role::Get), waits(Role::Put), waits(Role::Join));
        let open = !queue.is_shutdown();
        assert!(getting == 0 || open && queue.len() == 0, "{getting} wait to get from {queue:?}");
        assert!(putting == 0 || open && queue.is_full(), "{putting} wait to put to {queue:?}");
        assert!(joining == 0 || model.unfinished.get() > 0, "{joining} wait to join {queue:?}");
        let shown = format!("getters: {getting}, putters: {putting}, unfinished: {},", model.unfinished.get());
        assert!(format!("{queue:?}").contains(&shown), "{queue:?}, but {shown}");
        for (_, mut task) in self.tasks.extract_if(.., |(_, task)| task.done()) {
            if let Err(TaskError::Panicked(panic)) = task.outcome().await {
                panic.resume();
            }
        }
    }
}

/// Runs `body`, but drops it after so many turns.
async fn briefly(turns: u8, body: impl Future<Output = ()>) {
    let time = async {
        for _ in 0..turns {
            yield_now().await;
        }
    };
    match select(pin!(body), pin!(time)).await {
        Either::Left(_) | Either::Right(_) => {}
    }
}

fn play<K: Kind>(maxsize: usize, ops: &[Op]) {
    run(async {
        let mut world = World::<K>::new(maxsize);
        for op in ops {
            world.apply(op).await;
        }
        world.settle().await;
    });
}

proptest! {
    #![proptest_config(Config {
        cases: 300,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..Config::default()
    })]

    #[test]
    fn any_sequence_of_operations_gives_what_a_vector_gives(
        maxsize in 0..4_usize,
        ops in program(),
    ) {
        play::<Queue<Item>>(maxsize, &ops);
        play::<LifoQueue<Item>>(maxsize, &ops);
        play::<PriorityQueue<Item>>(maxsize, &ops);
    }
}
