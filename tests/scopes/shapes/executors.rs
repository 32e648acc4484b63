//! Executors of another crate inside a step: they end, with a value or with a panic that says why.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;
use futures::executor::block_on;
use oneloop::{Task, create_task, sleep, yield_now};

use crate::drops::OnDrop;
use crate::panics::panic_of;
use crate::runs::run;
use crate::time::LONG;

/// A step that spins takes all the time there is; one that does not takes next to none.
const PATIENCE: Duration = Duration::from_secs(20);

/// What `test` returns, in a thread of its own.
///
/// # Panics
/// If it panics, or if it spins; then that thread goes on until the process ends.
fn without_spinning<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || drop(sender.send(test())));
    receiver.recv_timeout(PATIENCE).expect("it neither spins nor panics")
}

/// A task that, when it ends or is dropped, blocks on a job that is done. It is cancelled in the iteration in which it
/// is woken, or not. Returns what the job returned.
async fn blocks_in_a_destructor(is_cancelled: bool) -> i32 {
    let job: Task<i32> = create_task(async { 5 });
    yield_now().await;
    yield_now().await;
    assert!(job.done());
    let (go, gone) = oneshot::channel::<()>();
    let (tell, told) = mpsc::channel();
    let mut job = Some(job);
    create_task_that_is_cancelled(is_cancelled, go, async move {
        let cleans_up = OnDrop(move || tell.send(block_on(job.take().expect("once"))).unwrap());
        gone.await.unwrap();
        drop(cleans_up);
    })
    .await;
    told.recv().unwrap()
}

async fn create_task_that_is_cancelled(
    is_cancelled: bool,
    go: oneshot::Sender<()>,
    future: impl Future<Output = ()> + 'static,
) {
    let task = create_task(future);
    yield_now().await;
    go.send(()).unwrap();
    if is_cancelled {
        task.cancel();
    }
    yield_now().await;
    assert_eq!((task.done(), task.cancelled()), (true, is_cancelled));
}

#[test]
fn a_destructor_that_blocks_on_a_task_which_is_done_has_its_value() {
    let got = without_spinning(|| [false, true].map(|is_cancelled| run(blocks_in_a_destructor(is_cancelled))));
    assert_eq!(got, [5, 5]);
}

/// A task that was cancelled.
async fn cancelled_task() -> Task<()> {
    let task = create_task(sleep(LONG));
    yield_now().await;
    task.cancel();
    yield_now().await;
    yield_now().await;
    assert!(task.cancelled());
    task
}

#[test]
fn a_step_that_blocks_on_a_cancelled_task_panics_and_names_the_remedy() {
    let text = without_spinning(|| panic_of(|| run(async { block_on(cancelled_task().await) })));
    assert!(text.contains("outcome()"), "it names the remedy: {text}");
}

#[test]
fn a_step_that_blocks_on_two_cancelled_tasks_panics_and_names_the_remedy() {
    let text = without_spinning(|| {
        panic_of(|| {
            run(async {
                let (one, two) = (cancelled_task().await, cancelled_task().await);
                block_on(async { futures::join!(one, two) });
            });
        })
    });
    assert!(text.contains("outcome()"), "it names the remedy: {text}");
}
