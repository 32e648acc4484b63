//! What comes from other threads, in which iteration it is met. Sent by the loop's own thread, through the same door,
//! so that the iterations are certain.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, mpsc};

use oneloop::{EventLoop, LoopHandle, ThreadPool, create_task, yield_now};

use super::trace::{count_ticks, trace};
use crate::loops::virtual_loop;
use crate::time::secs;

#[test]
fn call_soon_threadsafe_takes_its_place_in_the_queue() {
    let log = trace(async |t| {
        let order = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&order);
        t.soon("before", || ());
        LoopHandle::current().call_soon_threadsafe(move || seen.lock().unwrap().push("sent")).unwrap();
        let (seen, t2) = (Arc::clone(&order), t.clone());
        t.soon("after", move || seen.lock().unwrap().iter().for_each(|event| t2.rec(event)));
        yield_now().await;
    });
    assert_eq!(log, "before@+1 ; after@+1 ; sent@+1 ; RESUME ret=()@+1");
}

#[test]
fn run_coroutine_threadsafe_steps_after_two_iterations_and_tells_one_after_the_end() {
    let lp = virtual_loop();
    let ticks = count_ticks(&lp);
    let seen = Rc::new(RefCell::new(Vec::new()));
    let (ended, told) = (Arc::new(Mutex::new(None)), Rc::clone(&seen));
    let first = Arc::clone(&ended);
    lp.run_until_complete(async move {
        let asked = LoopHandle::current().run_coroutine_threadsafe(move || async move {
            *first.lock().unwrap() = Some("step");
        });
        let asked = asked.unwrap();
        let sent = ticks.get();
        let mut last = (None, false);
        for _ in 0..6 {
            yield_now().await;
            let now = (ended.lock().unwrap().take().or(last.0), asked.done());
            if now != last {
                told.borrow_mut().push((now.0, now.1, ticks.get() - sent));
                last = now;
            }
        }
    })
    .unwrap();
    // sent at 0, called at +1, its first and last step at +2, told at +3: each seen by a task that has its turn earlier
    assert_eq!(*seen.borrow(), [(Some("step"), false, 2), (Some("step"), true, 3)]);
}

#[test]
fn run_in_executor_settles_its_future_in_a_turn_of_its_own() {
    let log = trace(async |t| {
        let (lp, pool, (begins, begun)) = (EventLoop::current(), ThreadPool::new(1), mpsc::channel());
        let (opens, opened) = mpsc::channel::<()>();
        let job = lp.run_in_executor(Some(&pool), move || opened.recv_timeout(secs(60)).is_ok());
        job.add_done_callback(t.cb("job"));
        let awaiter = create_task({
            let t = t.clone();
            async move {
                job.await;
                t.rec("resumed");
            }
        });
        yield_now().await;
        drop(opens); // now it ends, in this iteration
        let next = lp.run_in_executor(Some(&pool), move || begins.send(()));
        begun.recv_timeout(secs(60)).unwrap(); // the first has ended and told
        t.rec("ended");
        awaiter.await;
        drop(next);
    });
    assert_eq!(log.split(" ; RESUME").next(), Some("ended@+1 ; job.cb@+3 ; resumed@+3"));
}
