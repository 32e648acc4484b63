//! What an echo costs through the traits: no allocation for an operation, and the system calls of the plain stream.
//! Needs a program that counts calls, and says so where the machine has none.
#![cfg(unix)]
#![expect(unsafe_code, reason = "an allocator that counts")]
#![expect(clippy::print_stdout, reason = "says what it skips")]

#[path = "../support/again.rs"]
mod again;
#[path = "../support/real.rs"]
mod real;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::env;
use std::io::Result;
use std::pin::Pin;
use std::task::{Context, Poll};

use oneloop::create_task;
use oneloop::net::{TcpListener, TcpStream};

use again::this_test_again;
use real::run_real;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: the system's allocator does the work; a thread-local word without destructor allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const MESSAGE: usize = 1_024;
/// Room for more than the message, so that a short read tells that it was all.
const ROOM: usize = 4_096;
const ROUNDS: usize = 1_000;
/// In the environment: which echo this process is to make, and how many rounds of it.
const ECHO: &str = "ONELOOP_ECHO_THROUGH";
/// What begins and ends the loop, and is not of a round.
const TOLERANCE: u64 = 20;

/// One read and one write of all, as something that moves bytes does them.
trait Moves {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize>;
    async fn write_all(&mut self, bytes: &[u8]) -> Result<()>;
}

struct Plain(TcpStream);

impl Moves for Plain {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.0.read(buffer).await
    }

    async fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        self.0.write_all(bytes).await
    }
}

struct ByFutures(TcpStream);

impl Moves for ByFutures {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        futures::AsyncReadExt::read(&mut self.0, buffer).await
    }

    async fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        futures::AsyncWriteExt::write_all(&mut self.0, bytes).await
    }
}

struct ByTokio(TcpStream);

impl Moves for ByTokio {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        tokio::io::AsyncReadExt::read(&mut self.0, buffer).await
    }

    async fn write_all(&mut self, bytes: &[u8]) -> Result<()> {
        tokio::io::AsyncWriteExt::write_all(&mut self.0, bytes).await
    }
}

struct ByHyper(TcpStream);

fn poll_read(stream: &mut TcpStream, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Result<usize>> {
    let mut buffer = hyper::rt::ReadBuf::new(buffer);
    hyper::rt::Read::poll_read(Pin::new(stream), cx, buffer.unfilled()).map_ok(|()| buffer.filled().len())
}

impl Moves for ByHyper {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        std::future::poll_fn(|cx| poll_read(&mut self.0, cx, buffer)).await
    }

    async fn write_all(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let write = |cx: &mut Context<'_>| hyper::rt::Write::poll_write(Pin::new(&mut self.0), cx, bytes);
            let count = std::future::poll_fn(write).await?;
            bytes = &bytes[count..];
        }
        Ok(())
    }
}

async fn answer(mut stream: impl Moves) -> Result<()> {
    let mut buffer = [0; ROOM];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n]).await?,
        }
    }
}

async fn ask(stream: &mut impl Moves, rounds: usize) -> Result<()> {
    let (message, mut buffer) = ([7; MESSAGE], [0; ROOM]);
    for _ in 0..rounds {
        stream.write_all(&message).await?;
        let mut back = 0;
        while back < MESSAGE {
            back += stream.read(&mut buffer).await?;
        }
    }
    Ok(())
}

/// Both ends of an echo, and how many allocations the rounds make after some that make room.
async fn echo<M: Moves + 'static>(through: fn(TcpStream) -> M, rounds: usize) -> usize {
    let listener = TcpListener::bind(([127, 0, 0, 1], 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = create_task(async move { answer(through(listener.accept().await?.0)).await });
    let mut client = through(TcpStream::connect(address).await.unwrap());
    ask(&mut client, 10).await.unwrap();
    let before = ALLOCATIONS.get();
    ask(&mut client, rounds).await.unwrap();
    let allocations = ALLOCATIONS.get() - before;
    drop(client);
    server.await.unwrap();
    allocations
}

fn echo_through(name: &str, rounds: usize) -> usize {
    run_real(async {
        match name {
            "plain" => echo(Plain, rounds).await,
            "futures" => echo(ByFutures, rounds).await,
            "tokio" => echo(ByTokio, rounds).await,
            "hyper" => echo(ByHyper, rounds).await,
            other => panic!("no echo through {other}"),
        }
    })
}

#[test]
fn an_operation_through_a_trait_allocates_nothing() {
    for name in ["plain", "futures", "tokio", "hyper"] {
        assert_eq!(echo_through(name, ROUNDS), 0, "{name}");
    }
}

/// How often this test, run again for one echo, made each system call.
fn calls(name: &str) -> std::result::Result<BTreeMap<String, u64>, String> {
    let program = this_test_again();
    let mut strace = std::process::Command::new("strace");
    strace.args(["-f", "-c", "-U", "calls,name"]).arg(program.get_program()).args(program.get_args());
    let ran = strace.env(ECHO, name).output().map_err(|e| format!("strace cannot be started: {e}"))?;
    let report = String::from_utf8_lossy(&ran.stderr).into_owned();
    if !ran.status.success() {
        return Err(format!("strace failed: {report}"));
    }
    let rows = report.lines().filter_map(|line| {
        let (count, name) = line.trim().split_once(char::is_whitespace)?;
        Some((name.trim().to_owned(), count.parse().ok()?))
    });
    Ok(rows.collect())
}

#[test]
fn an_echo_through_a_trait_makes_the_system_calls_of_the_plain_stream() {
    if let Ok(name) = env::var(ECHO) {
        echo_through(&name, ROUNDS);
        return;
    }
    let plain = match calls("plain") {
        Ok(calls) => calls,
        Err(reason) => return println!("skipped: {reason}"),
    };
    let count = |calls: &BTreeMap<String, u64>, name: &str| calls.get(name).copied().unwrap_or(0);
    assert!(count(&plain, "recvfrom") >= 2 * ROUNDS as u64, "{plain:?}");
    for through in ["futures", "tokio", "hyper"] {
        let calls = calls(through).expect("strace ran before");
        for call in ["recvfrom", "sendto", "epoll_wait", "read", "write"] {
            let (here, there) = (count(&calls, call), count(&plain, call));
            assert!(
                here.abs_diff(there) <= TOLERANCE,
                "{through}: {here} calls of {call}, and {there} by the plain stream"
            );
        }
    }
}
