//! `explore`: what the contract leaves open differs from seed to seed, and nothing else does.

use std::cell::RefCell;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread;

use oneloop::net::UnixStream;
use oneloop::{Clock, EventLoop, EventLoopBuilder, LoopHandle, Queue, create_task, explore, gather, sleep, yield_now};

/// The order in which three sockets wake those that read them, when all of them are readable at once.
fn order_of_three_sockets(builder: EventLoopBuilder) -> Vec<u32> {
    let lp = builder.build().expect("a loop");
    let order = Rc::new(RefCell::new(Vec::new()));
    let done = Rc::clone(&order);
    lp.run_until_complete(async move {
        let pairs = [0, 1, 2].map(|number| (number, UnixStream::pair().expect("a pair")));
        let (mut writers, mut readers) = (Vec::new(), Vec::new());
        for (number, (writer, reader)) in pairs {
            writers.push(writer);
            let order = Rc::clone(&order);
            readers.push(create_task(async move {
                reader.read(&mut [0]).await.expect("it is open");
                order.borrow_mut().push(number);
            }));
        }
        yield_now().await; // they wait
        for writer in &writers {
            writer.try_write(b"x").expect("there is room");
        }
        gather(readers).await;
    })
    .expect("it ends");
    done.take()
}

#[test]
fn each_order_of_descriptors_that_are_ready_at_once_has_a_seed() {
    let orders = RefCell::new(HashSet::new());
    explore(0..60, |builder| {
        orders.borrow_mut().insert(order_of_three_sockets(builder));
    });
    assert_eq!(orders.borrow().len(), 6);
    let usual: HashSet<_> = (0..5).map(|_| order_of_three_sockets(EventLoop::builder())).collect();
    assert_eq!(usual.len(), 1);
}

#[test]
fn a_program_without_descriptors_and_threads_runs_the_same_way_with_every_seed() {
    let run = |builder: EventLoopBuilder| {
        let lp = builder.clock(Clock::Virtual).build().expect("a loop");
        let log = Rc::new(RefCell::new(Vec::new()));
        let lines = Rc::clone(&log);
        lp.run_until_complete(async move {
            let queue = Rc::new(Queue::bounded(1));
            let workers = (0..4_u64).map(|worker| {
                let (queue, log) = (Rc::clone(&queue), Rc::clone(&log));
                async move {
                    for round in 0..5 {
                        queue.put((worker, round)).await.expect("it is open");
                        sleep(std::time::Duration::from_millis(worker % 2)).await;
                        let item = queue.get().await.expect("it is open");
                        log.borrow_mut().push(item);
                    }
                }
            });
            gather(workers).await;
        })
        .expect("it ends");
        lines.take()
    };
    let usual = run(EventLoop::builder());
    assert_eq!(usual.len(), 20);
    explore(0..30, |builder| assert_eq!(run(builder), usual));
}

#[test]
fn what_one_thread_sends_comes_in_its_order_with_every_seed() {
    explore(0..20, |builder| {
        let lp = builder.build().expect("a loop");
        let received = Arc::new(Mutex::new(Vec::new()));
        lp.run_until_complete(async {
            let handle = LoopHandle::current();
            let sent_to = Arc::clone(&received);
            let sender = thread::spawn(move || {
                for number in 0..20 {
                    let received = Arc::clone(&sent_to);
                    drop(handle.call_soon_threadsafe(move || received.lock().expect("no panic").push(number)));
                }
            });
            while received.lock().expect("no panic").len() < 20 {
                yield_now().await;
            }
            sender.join().expect("it ends");
        })
        .expect("it ends");
        assert_eq!(*received.lock().expect("no panic"), (0..20).collect::<Vec<_>>());
    });
}

#[test]
fn a_failure_names_its_seed() {
    let run = || explore(0..100, |builder| assert_eq!(order_of_three_sockets(builder)[0], 0, "the first"));
    let payload = catch_unwind(AssertUnwindSafe(run)).expect_err("some seed has another order");
    let text = payload.downcast_ref::<String>().expect("a text");
    let (seed, rest) = text.strip_prefix("seed ").and_then(|rest| rest.split_once(' ')).expect("a seed");
    assert!(
        rest.starts_with(&format!("(ONELOOP_SEED={seed} runs it alone): ")) && rest.contains("the first"),
        "{text}"
    );
    let alone = catch_unwind(AssertUnwindSafe(|| {
        let seed = seed.parse().expect("a number");
        explore([seed], |builder| assert_eq!(order_of_three_sockets(builder)[0], 0));
    }));
    assert!(alone.is_err(), "the same seed fails again");
}
