//! CPython's `test_free_threading.py`, as far as it is about threads that use a loop of another. Must not know what
//! else a loop offers to threads.

use std::sync::mpsc;
use std::thread;

use oneloop::{GroupError, TaskError, all_tasks, create_future, current_task, run, sleep, task_group};

use crate::support::{PATIENCE, ms, real_loop};

/// What a thread gets that has `f` run as a coroutine on this thread's loop.
fn asked_by_a_thread<C>(f: impl FnOnce() -> C + Send + 'static) -> Result<C::Output, TaskError>
where
    C: Future + 'static,
    C::Output: Send + 'static,
{
    let lp = real_loop();
    let (handle, (sender, receiver)) = (lp.remote(), mpsc::channel());
    let asks = thread::spawn(move || {
        let asked = handle.run_coroutine_threadsafe(f).expect("the loop is open");
        sender.send(asked.result_timeout(PATIENCE)).expect("the test waits");
        handle.stop();
    });
    lp.run_forever().expect("it is stopped");
    asks.join().expect("it does not panic");
    receiver.recv().expect("it was sent")
}

#[expect(clippy::module_inception, reason = "CPython's class is named so, too")]
mod test_free_threading {
    use super::*;

    #[test]
    fn test_all_tasks_race() {
        const THREADS: usize = 10;
        const TASKS: usize = 100;
        async fn main() {
            let settler = create_future();
            let settled = settler.clone().shared();
            let ended: Result<(), GroupError<()>> = task_group(async |group| {
                let mut mine = vec![current_task().expect("it is one")];
                for _ in 0..TASKS {
                    let settled = settled.clone();
                    mine.push(
                        group
                            .create_task(async {
                                settled.await;
                                Ok(())
                            })
                            .handle(),
                    );
                }
                assert!(mine.iter().all(|task| !task.done()));
                assert_eq!(all_tasks(), mine);
                settler.set_result(()).expect("it is pending");
                Ok(())
            })
            .await;
            ended.expect("none fails");
        }
        let threads: Vec<_> = (0..THREADS).map(|_| thread::spawn(|| run(main()))).collect();
        for thread in threads {
            thread.join().expect("it does not panic").expect("it runs");
        }
    }

    #[test]
    fn test_run_coroutine_threadsafe() {
        let ended = asked_by_a_thread(|| async {
            sleep(ms(1)).await;
            (42, thread::current().id())
        });
        assert_eq!(ended.expect("it returns"), (42, thread::current().id()));
    }

    #[test]
    fn test_run_coroutine_threadsafe_exception() {
        let ended: Result<(), _> = asked_by_a_thread(|| async {
            sleep(ms(1)).await;
            panic!("test");
        });
        assert!(matches!(ended, Err(TaskError::Panicked(panic)) if panic.message() == "test"));
    }
}
