//! What an echo costs in system calls, and ten thousand connections at once. Needs a program that counts calls, and
//! leave to open many descriptors; says so where it has neither.
#![expect(clippy::print_stdout, reason = "says what it skips")]

use std::collections::BTreeMap;
use std::env;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use oneloop::net::{TcpListener, TcpStream};
use oneloop::{create_task, gather, open_connection, start_server, task_group};

use crate::again::this_test_again;
use crate::limits::raise_descriptor_limit;
use crate::real::run_real;
use crate::turns::one_at_a_time;

const MESSAGE: usize = 1_024;
/// A buffer with room for more than the message, so that a short read tells that it was all.
const ROOM: usize = 4_096;
const ANY: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

async fn echo(stream: TcpStream) {
    let mut buffer = vec![0; ROOM];
    loop {
        match stream.read(&mut buffer).await.unwrap() {
            0 => return,
            n => stream.write_all(&buffer[..n]).await.unwrap(),
        }
    }
}

/// Sends messages and waits for each to come back.
async fn ask(stream: &TcpStream, rounds: usize) {
    let (message, mut buffer) = (vec![7; MESSAGE], vec![0; ROOM]);
    for _ in 0..rounds {
        stream.write_all(&message).await.unwrap();
        let mut back = 0;
        while back < MESSAGE {
            back += stream.read(&mut buffer).await.unwrap();
        }
    }
}

async fn both_ends(rounds: usize) {
    let listener = TcpListener::bind(ANY).unwrap();
    let address = listener.local_addr().unwrap();
    let server = create_task(async move { echo(listener.accept().await.unwrap().0).await });
    let client = TcpStream::connect(address).await.unwrap();
    ask(&client, rounds).await;
    drop(client);
    server.await;
}

/// The same over streams with buffers.
async fn both_ends_of_streams(rounds: usize) {
    let server = start_server(
        async |reader, writer| {
            let mut place = [0; ROOM];
            loop {
                match reader.read_into(&mut place).await? {
                    0 => return Ok::<(), std::io::Error>(()),
                    n => writer.write(&place[..n]),
                }
                writer.drain().await?;
            }
        },
        ("127.0.0.1", 0),
    );
    let server = server.await.unwrap();
    let (reader, writer) = open_connection(server.local_addrs()[0]).await.unwrap();
    let (message, mut answer) = ([7; MESSAGE], [0; MESSAGE]);
    for _ in 0..rounds {
        writer.write(message);
        writer.drain().await.unwrap();
        reader.readexactly_into(&mut answer).await.unwrap();
    }
    writer.close();
    server.close();
    server.wait_closed().await;
}

/// What this program is to do if it was started by one of the tests below.
fn role(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// How often each system call was made, and how often it failed, by a program in a role and its threads.
fn calls(program: &Command, role: &str, value: &str) -> Result<BTreeMap<String, (u64, u64)>, String> {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-c", "-U", "calls,errors,name"]).arg(program.get_program()).args(program.get_args());
    let ran = strace.env(role, value).output();
    let ran = ran.map_err(|e| format!("strace cannot be started: {e}"))?;
    let report = String::from_utf8_lossy(&ran.stderr).into_owned();
    if !ran.status.success() {
        return Err(format!("strace failed: {report}"));
    }
    let rows = report.lines().filter_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            [calls, name] => Some((name.to_owned(), (calls.parse().ok()?, 0))),
            [calls, errors, name] => Some((name.to_owned(), (calls.parse().ok()?, errors.parse().ok()?))),
            _ => None,
        }
    });
    Ok(rows.collect())
}

/// Connects, one connection after another.
async fn connections(rounds: usize) {
    let listener = std::net::TcpListener::bind(SocketAddr::from(ANY)).unwrap();
    for _ in 0..rounds {
        drop((TcpStream::connect(listener.local_addr().unwrap()).await.unwrap(), listener.accept().unwrap()));
    }
}

/// Runs this test again twice, of which the longer run differs by nothing but 1,000 rounds, and hands the difference
/// to `check`: how often each system call was made more, and failed more.
fn check_a_thousand_rounds(main: impl AsyncFn(usize), check: impl Fn(&dyn Fn(&str) -> (u64, u64))) {
    const ROUNDS: &str = "ONELOOP_ECHO_ROUNDS";
    if let Some(rounds) = role(ROUNDS) {
        return run_real(main(rounds.parse().unwrap()));
    }
    let _turn = one_at_a_time();
    let again = this_test_again();
    let counted = [100, 1_100].map(|rounds| calls(&again, ROUNDS, &rounds.to_string()));
    let [Ok(few), Ok(many)] = counted else {
        println!("skipped: {counted:?}");
        return;
    };
    check(&|call| {
        let of = |counts: &BTreeMap<String, (u64, u64)>| counts.get(call).copied().unwrap_or_default();
        let ((calls, errors), (before, failed)) = (of(&many), of(&few));
        (calls.abs_diff(before), errors.abs_diff(failed))
    });
}

/// An echo makes no call too many.
fn assert_none_is_in_vain(main: impl AsyncFn(usize)) {
    check_a_thousand_rounds(main, |more| {
        assert_eq!(more("recvfrom"), (2_000, 0), "a read in vain, or one too many");
        assert_eq!(more("sendto"), (2_000, 0));
        assert_eq!(more("epoll_ctl"), (0, 0), "a socket is registered once");
        let (waits, _) = more("epoll_wait");
        assert!(waits <= 2_010, "{waits} waits for 1,000 rounds");
    });
}

#[test]
fn a_connection_that_is_made_is_asked_for_no_error_and_no_peer() {
    check_a_thousand_rounds(connections, |more| {
        assert_eq!(more("connect"), (1_000, 1_000), "each is on its way at first");
        assert_eq!(more("getsockopt"), (0, 0));
        assert_eq!(more("getpeername"), (0, 0));
    });
}

#[test]
fn an_echo_takes_two_receives_and_two_sends_for_both_ends_and_none_in_vain() {
    assert_none_is_in_vain(both_ends);
}

#[test]
fn an_echo_over_streams_takes_no_more() {
    assert_none_is_in_vain(both_ends_of_streams);
}

/// Opens connections, has each answered, and keeps them all until then.
async fn clients(address: SocketAddr, count: usize) {
    let all = gather((0..count).map(|_| async move {
        let stream = TcpStream::connect(address).await.unwrap();
        ask(&stream, 1).await;
        stream
    }));
    let all = all.limit(1_000).await;
    assert_eq!(all.len(), count);
    for stream in &all {
        ask(stream, 1).await;
    }
}

#[test]
fn ten_thousand_connections_at_once() {
    const CLIENTS: &str = "ONELOOP_CLIENTS_OF";
    let count = 10_000.min(raise_descriptor_limit().saturating_sub(100));
    if let Some(address) = role(CLIENTS) {
        return run_real(clients(address.parse().unwrap(), count));
    }
    let _turn = one_at_a_time();
    if count < 10_000 {
        println!("only {count}: this machine allows no more descriptors");
    }
    run_real(async {
        let listener = TcpListener::bind(ANY).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut child = this_test_again().env(CLIENTS, address).stdout(Stdio::null()).spawn().unwrap();
        let served = task_group(async |group| {
            for _ in 0..count {
                let (stream, _) = listener.accept().await.unwrap();
                group.create_task(async move {
                    echo(stream).await;
                    Ok(())
                });
            }
            Ok::<_, ()>(())
        });
        served.await.unwrap();
        assert!(child.wait().unwrap().success());
    });
}

#[test]
fn an_echo_between_two_processes() {
    const CLIENT: &str = "ONELOOP_CLIENT_OF";
    if let Some(address) = role(CLIENT) {
        let address: SocketAddr = address.parse().unwrap();
        return run_real(async { ask(&TcpStream::connect(address).await.unwrap(), 1_000).await });
    }
    let _turn = one_at_a_time();
    run_real(async {
        let listener = TcpListener::bind(ANY).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut child = this_test_again().env(CLIENT, address).stdout(Stdio::null()).spawn().unwrap();
        echo(listener.accept().await.unwrap().0).await;
        assert!(child.wait().unwrap().success());
    });
}
