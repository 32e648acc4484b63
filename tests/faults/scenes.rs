//! What programs do while calls fail. Each scene ends the faults itself, and shows that all works then. Must not know
//! which call fails.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use oneloop::net::{UnixStream, pipe};
use oneloop::{Error, EventLoop, Server, create_task, gather, open_connection, sleep, start_server, timeout};

use crate::echo::echo;
use crate::shim::faults_end;
#[cfg(feature = "process")]
use crate::shim::has_children;

/// Only what hangs takes so long.
const PATIENCE: Duration = Duration::from_secs(20);
const CLIENTS: usize = 4;
const ROUNDS: usize = 4;
const MESSAGE: usize = 1_000;
/// A call that fails each second time, or once, succeeds in so many tries.
const TRIES: usize = 10;

/// The first success.
fn in_some_tries<T, E: std::fmt::Debug>(mut make: impl FnMut() -> Result<T, E>) -> T {
    for _ in 1..TRIES {
        if let Ok(made) = make() {
            return made;
        }
    }
    make().expect("it succeeds in the end")
}

#[track_caller]
fn run<F: Future>(main: F) -> F::Output {
    let lp = in_some_tries(EventLoop::new);
    lp.set_exception_handler(|_| ());
    lp.run_until_complete(timeout(PATIENCE, main)).expect("the run goes on").expect("it hangs")
}

async fn started() -> Server {
    for _ in 1..TRIES {
        if let Ok(server) = start_server(echo, ("127.0.0.1", 0)).await {
            return server;
        }
    }
    start_server(echo, ("127.0.0.1", 0)).await.expect("it starts in the end")
}

async fn ask(address: SocketAddr) -> io::Result<()> {
    let (reader, writer) = open_connection(address).await.map_err(io::Error::other)?;
    let (message, mut back) = ([7; MESSAGE], [0; MESSAGE]);
    for _ in 0..ROUNDS {
        writer.write(message);
        writer.drain().await?;
        reader.readexactly_into(&mut back).await.map_err(io::Error::other)?;
        assert_eq!(back, message, "other bytes come back");
    }
    writer.close();
    writer.wait_closed().await
}

/// Clients of a server get their answers, or errors; none hangs. When the faults have ended, all get their answers,
/// those too that have waited for `held`, as long as no client could be accepted.
pub(crate) fn echo_goes_on(held: Option<Duration>) {
    run(async {
        let server = started().await;
        let address = server.local_addrs()[0];
        let clients = create_task(gather((0..CLIENTS).map(|_| timeout(PATIENCE / 2, ask(address)))));
        if let Some(held) = held {
            sleep(held).await;
            faults_end();
            assert!(clients.await.into_iter().all(|asked| asked.is_ok_and(|asked| asked.is_ok())), "all are answered");
        } else {
            assert!(clients.await.into_iter().all(|asked| asked.is_ok()), "a client hangs");
            faults_end();
        }
        for asked in gather((0..CLIENTS).map(|_| ask(address))).await {
            asked.expect("the server serves");
        }
        server.close();
        server.wait_closed().await;
    });
}

fn bytes() -> Vec<u8> {
    (0..3 * MESSAGE).map(|at| u8::try_from(at % 251).expect("a byte")).collect()
}

/// Bytes through each kind of stream, without an error and in order.
pub(crate) fn all_arrives() {
    run(async {
        let server = started().await;
        ask(server.local_addrs()[0]).await.expect("TCP");
        server.close();
        server.wait_closed().await;

        let (one, other) = UnixStream::pair().expect("a pair");
        let ((reader, _), (_, writer)) = (one.into_streams(), other.into_streams());
        writer.writelines(bytes().chunks(700));
        writer.write_eof();
        assert_eq!(reader.read_to_end().await.expect("a Unix stream"), bytes());
        drop((reader, writer));

        let (one, other) = UnixStream::pair().expect("a pair");
        let sends = create_task(async move { other.write_all(&bytes()).await });
        assert_eq!(read_all(async |room| one.read(room).await).await, bytes());
        sends.await.expect("a Unix stream");

        let (reader, writer) = pipe().expect("a pipe");
        let sends = create_task(async move { writer.write_all(&bytes()).await });
        assert_eq!(read_all(async |room| reader.read(room).await).await, bytes());
        sends.await.expect("a pipe");
    });
}

async fn read_all(mut read: impl AsyncFnMut(&mut [u8]) -> io::Result<usize>) -> Vec<u8> {
    let (mut all, mut room) = (Vec::new(), [0; 400]);
    loop {
        match read(&mut room).await.expect("it reads") {
            0 => return all,
            n => all.extend_from_slice(&room[..n]),
        }
    }
}

/// Pipes are made, or not made with an error; a read or a write that fails loses nothing for the next.
pub(crate) fn pipes_are_made() {
    run(async {
        drop(in_some_tries(UnixStream::pair));
        let (reader, writer) = in_some_tries(pipe);
        let mut sent = 0;
        let (message, mut room) = (bytes(), [0; MESSAGE]);
        let mut got = Vec::new();
        while got.len() < message.len() {
            for _ in 0..TRIES {
                if sent < message.len()
                    && let Ok(n) = writer.write(&message[sent..message.len().min(sent + MESSAGE)]).await
                {
                    sent += n;
                }
                if got.len() < sent
                    && let Ok(n) = reader.read(&mut room).await
                {
                    got.extend_from_slice(&room[..n]);
                }
            }
        }
        assert_eq!(got, message);
        faults_end();
    });
}

/// A loop that cannot be made says why, and the next one is made.
pub(crate) fn loops_are_made() {
    let refused = EventLoop::new();
    assert!(matches!(refused, Err(Error::Io(_))), "{refused:?}");
    faults_end();
    run(sleep(Duration::from_millis(1)));
}

#[cfg(feature = "process")]
/// A process that cannot be started says why, and the next one starts.
pub(crate) fn processes_are_started() {
    use std::process::Stdio;

    use oneloop::create_subprocess_exec;

    run(async {
        let refused = create_subprocess_exec("true").stdout(Stdio::piped()).await;
        assert!(refused.is_err(), "it was started");
        faults_end();
        let process = create_subprocess_exec("true").await.expect("it starts");
        assert!(process.wait().await.success());
        // one that was started, and then could not be watched, is waited for all the same
        for _ in 0..1_000 {
            if !has_children() {
                return;
            }
            sleep(Duration::from_millis(1)).await;
        }
        panic!("a child is left");
    });
}
