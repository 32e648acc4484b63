//! What needs tokio's runtime, inside async-compat: that has one in a thread of its own.

use std::time::Duration;

use async_compat::Compat;
use oneloop::{catch_cancelled, create_task, timeout, yield_now};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::real::run_real;

#[test]
fn timers_and_sockets_of_tokio_are_awaited_by_tasks_of_the_loop() {
    run_real(async {
        let listener = oneloop::net::TcpListener::bind(([127, 0, 0, 1], 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let server = create_task(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut word = [0; 5];
            stream.read_exact(&mut word).await.unwrap();
            stream.write_all(&word.map(|letter| letter.to_ascii_uppercase())).await.unwrap();
        });
        let answer = Compat::new(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream.write_all(b"hello").await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        });
        assert_eq!(answer.await, "HELLO");
        server.await;
    });
}

#[test]
fn a_limit_and_a_cancellation_drop_what_waits_in_tokio() {
    run_real(async {
        let long = || Compat::new(async { tokio::time::sleep(Duration::from_secs(600)).await });
        assert!(timeout(Duration::from_millis(2), long()).await.is_err());
        let task = create_task(long());
        yield_now().await;
        task.cancel();
        assert!(catch_cancelled(task).await.is_err());
    });
}
