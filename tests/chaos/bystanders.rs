//! Tasks, callbacks and threads that have nothing to do with the program beside them, and must come to their ends. Owns
//! what each has to reach; must not know the program.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use oneloop::{EventLoop, Lock, Queue, ThreadPool, create_task, gather, sleep, timeout, yield_now};

use crate::judge::with_bystanders;
use crate::ledger::fault;
use crate::world::World;

const YIELDS: u32 = 100;
const NAPS: u32 = 20;
const ITEMS: u32 = 30;
const CALLS: u32 = 50;

/// How far each has come.
#[derive(Clone, Default)]
pub(crate) struct Bystanders(Rc<[Cell<u32>; 8]>);

const NAMES: [(&str, u32); 8] = [
    ("one that yields", YIELDS),
    ("one that sleeps", NAPS),
    ("a consumer of a queue", ITEMS),
    ("a chain of callbacks", CALLS),
    ("timers", NAPS),
    ("calls from another thread", CALLS),
    ("a gathering with limits", 3),
    ("a call in a thread", 1),
];

impl Bystanders {
    fn step(&self, which: usize) -> u32 {
        let count = self.0[which].get() + 1;
        self.0[which].set(count);
        count
    }

    /// Those that have not come to their ends.
    pub(crate) fn missing(&self) -> Vec<String> {
        let all = NAMES.iter().zip(self.0.iter());
        let missing = all.filter(|((_, goal), count)| count.get() != *goal);
        missing.map(|((name, goal), count)| format!("{name}: {} of {goal}", count.get())).collect()
    }

    pub(crate) fn start(&self, world: &World) {
        let me = self.clone();
        drop(create_task(async move {
            for _ in 0..YIELDS {
                yield_now().await;
                me.step(0);
            }
        }));
        let me = self.clone();
        drop(create_task(async move {
            for _ in 0..NAPS {
                sleep(Duration::from_micros(10)).await;
                me.step(1);
            }
        }));
        self.pass_items();
        self.chain();
        self.set_timers();
        let remote = EventLoop::current().remote();
        world.threads.give(move || {
            for number in 1..=CALLS {
                drop(remote.call_soon_threadsafe(move || with_bystanders(|me| me.called(number))));
            }
        });
        self.gather_and_call(&world.pool);
    }

    fn called(&self, number: u32) {
        let count = self.step(5);
        if count != number {
            fault(format!("call {number} of another thread came as number {count}"));
        }
    }

    fn pass_items(&self) {
        let (queue, lock) = (Queue::bounded(2), Lock::new(()));
        let (puts, held) = (queue.clone(), lock.clone());
        drop(create_task(async move {
            for item in 1..=ITEMS {
                let _guard = held.acquire().await;
                puts.put(item).await.expect("it is open");
            }
        }));
        let me = self.clone();
        drop(create_task(async move {
            for wanted in 1..=ITEMS {
                let item = queue.get().await.expect("it is open");
                if item != wanted {
                    fault(format!("item {item} came in place of {wanted}"));
                }
                drop(lock.acquire().await);
                me.step(2);
            }
        }));
    }

    fn chain(&self) {
        if self.step(3) < CALLS {
            let me = self.clone();
            EventLoop::current().call_soon(move || me.chain());
        }
    }

    fn set_timers(&self) {
        let lp = EventLoop::current();
        for number in 1..=NAPS {
            let (me, due) = (self.clone(), lp.time() + Duration::from_micros(u64::from(number) * 7));
            lp.call_at(due, move || {
                if EventLoop::current().time() < due {
                    fault("a timer is early");
                }
                if me.step(4) != number {
                    fault("timers out of order");
                }
            });
        }
    }

    fn gather_and_call(&self, pool: &ThreadPool) {
        let me = self.clone();
        drop(create_task(async move {
            for _ in 0..3 {
                let values = gather((0..4_u32).map(|n| async move {
                    let slept = timeout(Duration::from_secs(9), sleep(Duration::from_micros(u64::from(n)))).await;
                    slept.map_or(0, |()| n)
                }));
                if values.limit(2).await != [0, 1, 2, 3] {
                    fault("other values of a gathering");
                }
                me.step(6);
            }
        }));
        let (me, job) = (self.clone(), EventLoop::current().run_in_executor(Some(pool), || 7));
        drop(create_task(async move {
            if job.await == 7 {
                me.step(7);
            }
        }));
    }
}
