//! Errors on their way to code that has no other error than `io::Error`.

use std::io;

use oneloop::error::GroupError;
use oneloop::{
    Error, EventLoop, Queue, QueueShutDown, TaskError, TimeoutError, create_task, run, task_group, timeout, yield_now,
};

use crate::support::ms;

/// A function of a program that has no error but those of the system.
fn kind(ended: impl FnOnce() -> io::Result<()>) -> io::ErrorKind {
    ended().unwrap_err().kind()
}

#[test]
fn a_timeout_becomes_an_io_error_that_timed_out() {
    let late = kind(|| Err(TimeoutError)?);
    assert_eq!(late, io::ErrorKind::TimedOut);
    let io = io::Error::from(TimeoutError);
    assert!(io.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<TimeoutError>));
}

#[test]
fn two_question_marks_take_a_limit_and_the_error_inside_it_apart() {
    async fn limited(answer: io::Result<u8>) -> io::Result<u8> {
        let answer = timeout(ms(10), async { answer }).await??;
        Ok(answer + 1)
    }
    run(async {
        assert_eq!(limited(Ok(1)).await.unwrap(), 2);
        let refused = limited(Err(io::ErrorKind::ConnectionRefused.into())).await;
        assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    })
    .unwrap();
}

#[test]
fn the_error_of_a_run_becomes_an_io_error_which_a_main_may_return() {
    let lp = EventLoop::new().unwrap();
    lp.close().unwrap();
    assert_eq!(kind(|| Ok(lp.run_until_complete(async {})?)), io::ErrorKind::Other);
    let refused = || Error::Io(io::ErrorKind::PermissionDenied.into());
    assert_eq!(kind(|| Err(refused())?), io::ErrorKind::PermissionDenied);
    assert_eq!(kind(|| Err(Error::Interrupted)?), io::ErrorKind::Interrupted);
}

#[test]
fn the_end_of_a_task_becomes_an_io_error_with_the_same_text() {
    run(async {
        let early = create_task(async {});
        assert_eq!(kind(|| Ok(early.result()?)), io::ErrorKind::WouldBlock);
        early.cancel_with("enough");
        yield_now().await;
        let cancelled = io::Error::from(early.result().unwrap_err());
        assert_eq!((cancelled.kind(), cancelled.to_string().as_str()), (io::ErrorKind::Other, "cancelled: enough"));
        assert!(cancelled.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<TaskError>));
    })
    .unwrap();
}

#[test]
fn a_group_whose_errors_are_of_one_kind_becomes_an_io_error_of_that_kind() {
    async fn failing(body: io::ErrorKind) -> io::Result<()> {
        Ok(task_group(async |_| Err::<(), io::Error>(body.into())).await?)
    }
    run(async {
        let refused = failing(io::ErrorKind::ConnectionRefused).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(refused.to_string(), "an error in a task group: connection refused");
        let text: GroupError<&str> = task_group(async |_| Err::<(), _>("no")).await.unwrap_err();
        assert_eq!(io::Error::from(text).kind(), io::ErrorKind::Other);
    })
    .unwrap();
}

#[test]
fn a_queue_that_is_shut_down_becomes_an_io_error_of_put_and_get() {
    let queue = Queue::bounded(1);
    queue.shutdown();
    run(async {
        let put = queue.put("an item").await;
        let get = queue.get().await;
        for error in [put.map_err(io::Error::from).unwrap_err(), get.map_err(io::Error::from).unwrap_err()] {
            assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
            assert_eq!(error.to_string(), "the queue is shut down");
            assert!(error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<QueueShutDown>));
        }
    })
    .unwrap();
}

#[test]
fn an_error_that_the_main_future_returned_keeps_its_text_in_the_error_of_the_run() {
    fn main_of_a_program() -> Result<(), Error> {
        Ok(run(async { Err(io::Error::from(io::ErrorKind::ConnectionReset)) })??)
    }
    assert_eq!(format!("{:?}", main_of_a_program().unwrap_err()), "connection reset");
}
