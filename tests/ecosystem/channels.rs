//! Channels, locks and timers of other crates, which need no trait: a waker is all that they ask for.

use std::rc::Rc;
use std::time::Duration;

use futures::StreamExt as _;
use oneloop::{catch_cancelled, create_task, sleep, timeout, to_thread, yield_now};

use crate::real::run_real;

#[test]
fn async_channel_carries_values_between_tasks_and_from_a_thread() {
    run_real(async {
        let (sender, receiver) = async_channel::bounded(2);
        let from_thread = sender.clone();
        let produced = create_task(async move {
            for n in 0..10 {
                sender.send(n).await.unwrap();
            }
        });
        let thread = to_thread(move || from_thread.send_blocking(100));
        let (produced, thread, sum) =
            futures::join!(produced, thread, async { receiver.fold(0, async |sum, n| sum + n).await });
        let ((), ()) = (produced, thread.unwrap());
        assert_eq!(sum, 145);
    });
}

#[test]
fn a_cancelled_receive_takes_nothing_from_a_channel() {
    run_real(async {
        let (sender, receiver) = tokio::sync::mpsc::channel(4);
        let receiver = Rc::new(tokio::sync::Mutex::new(receiver));
        let waiting = {
            let receiver = Rc::clone(&receiver);
            create_task(async move { receiver.lock().await.recv().await })
        };
        yield_now().await;
        waiting.cancel();
        sender.send("kept").await.unwrap();
        assert!(catch_cancelled(waiting).await.is_err());
        assert_eq!(receiver.lock().await.recv().await, Some("kept"));
    });
}

#[test]
fn the_locks_and_channels_of_tokio_work_without_its_runtime() {
    run_real(async {
        let semaphore = Rc::new(tokio::sync::Semaphore::new(1));
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let (state, mut seen) = tokio::sync::watch::channel(0);
        let notify = Rc::new(tokio::sync::Notify::new());
        let task = {
            let (semaphore, notify) = (Rc::clone(&semaphore), Rc::clone(&notify));
            create_task(async move {
                let _permit = semaphore.acquire().await.unwrap();
                notify.notified().await;
                state.send(7).unwrap();
                sender.send("done").unwrap();
            })
        };
        yield_now().await;
        assert!(semaphore.try_acquire().is_err());
        notify.notify_one();
        seen.changed().await.unwrap();
        assert_eq!((*seen.borrow(), receiver.await), (7, Ok("done")));
        task.await;
        assert!(semaphore.try_acquire().is_ok());
    });
}

#[test]
fn a_timer_of_another_crate_wakes_the_loop_from_its_thread() {
    run_real(async {
        let ticks = Duration::from_millis(2);
        futures_timer::Delay::new(ticks).await;
        let limit = timeout(ticks, futures_timer::Delay::new(Duration::from_secs(600)));
        assert!(limit.await.is_err());
        let both = futures::future::select(futures_timer::Delay::new(ticks), Box::pin(sleep(Duration::from_secs(600))));
        assert!(matches!(both.await, futures::future::Either::Left(_)));
    });
}
