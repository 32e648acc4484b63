//! `start_server` and `Server`: what becomes of clients and of their tasks, how a server ends, and what it does when
//! the system has no descriptor left.
#![cfg(unix)]
#![expect(unsafe_code, reason = "lowers the limit on descriptors, in a process of its own")]

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};
use std::{env, thread};

use oneloop::net::TcpListener;
use oneloop::{
    EventLoop, Listener, Server, StreamReader, StreamWriter, Task, all_tasks, create_task, current_task, gather,
    open_connection, open_unix_connection, sleep, start_server, start_unix_server, timeout, yield_now,
};

use crate::support::{
    Log, PATIENCE, alone, echo, ms, now, panic_of, real_loop, reports_as, run_real, skip, until, virtual_loop,
};

const ANY: (&str, u16) = ("127.0.0.1", 0);

/// The same, and what the exception handler was told.
fn run_and_listen<F: Future>(main: F) -> (F::Output, Vec<String>) {
    let lp = real_loop();
    let told = listen(&lp);
    let value = lp.run_until_complete(timeout(Duration::from_secs(60), main)).unwrap().expect("it hangs");
    (value, told.take())
}

fn listen(lp: &EventLoop) -> Log<String> {
    reports_as(lp, |context| format!("{}: {}", context.message, context.exception))
}

async fn asks((reader, writer): &(StreamReader, StreamWriter), word: &str) -> bool {
    writer.write(word);
    reader.readexactly(word.len()).await.is_ok_and(|answer| answer == word.as_bytes())
}

fn path(name: &str) -> PathBuf {
    let path = env::temp_dir().join(format!("oneloop-server-{}-{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

#[test]
fn every_client_has_a_task_of_its_own() {
    run_real(async {
        let server = start_server(echo, ANY).await.unwrap();
        let address = server.local_addrs()[0];
        let streams = gather((0..10).map(|_| async move { open_connection(address).await.unwrap() })).await;
        // the last one first: none waits for another
        for (i, streams) in streams.iter().enumerate().rev() {
            assert!(asks(streams, &format!("client {i}")).await);
        }
        assert_eq!(server.client_count(), 10);
        drop(streams);
        until(|| server.client_count() == 0).await;
    });
}

fn ask_blocking(mut socket: impl Read + Write) {
    for word in ["one", "two"] {
        socket.write_all(word.as_bytes()).unwrap();
        let mut answer = [0; 3];
        socket.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, word.as_bytes());
    }
}

#[test]
fn blocking_clients_of_tcp_and_unix_are_served() {
    let unix = path("blocking");
    run_real(async {
        let tcp = start_server(echo, ANY).await.unwrap();
        let server = start_unix_server(echo, &unix).await.unwrap();
        assert!(server.local_addrs().is_empty());
        let (address, to) = (tcp.local_addrs()[0], unix.clone());
        let peer = thread::spawn(move || {
            ask_blocking(StdStream::connect(address).unwrap());
            ask_blocking(StdUnixStream::connect(to).unwrap());
        });
        while !peer.is_finished() {
            sleep(Duration::from_millis(1)).await;
        }
        peer.join().unwrap();
        assert!(open_unix_connection(&unix).await.is_ok());
        server.close();
        assert!(!unix.exists());
        assert_eq!(open_unix_connection(&unix).await.unwrap_err().kind(), ErrorKind::NotFound);
    });
}

#[test]
fn curl_is_answered_by_a_server_of_a_few_lines() {
    if !Command::new("curl").arg("--version").output().is_ok_and(|ran| ran.status.success()) {
        skip("curl does not run here");
        return;
    }
    run_real(async {
        let handler = async |reader: StreamReader, writer: StreamWriter| {
            let head = String::from_utf8(reader.readuntil("\r\n\r\n").await?).unwrap();
            let body = format!("you asked for {}", head.split(' ').nth(1).unwrap());
            writer
                .write(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()));
            writer.drain().await?;
            Ok::<(), io::Error>(())
        };
        let server = start_server(handler, ANY).await.unwrap();
        let url = format!("http://{}/this", server.local_addrs()[0]);
        let curl =
            thread::spawn(move || Command::new("curl").args(["-q", "-s", "--noproxy", "*", &url]).output().unwrap());
        while !curl.is_finished() {
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(String::from_utf8_lossy(&curl.join().unwrap().stdout), "you asked for /this");
    });
}

// How a client's task ends.

#[test]
fn an_error_or_a_panic_of_a_handler_is_reported_and_closes_the_connection() {
    let ((), told) = run_and_listen(async {
        let kept = Rc::new(RefCell::new(Vec::new()));
        let keeping = Rc::clone(&kept);
        let handler = async move |reader: StreamReader, writer: StreamWriter| {
            // what is kept elsewhere does not keep the connection open
            keeping.borrow_mut().push((reader.clone(), writer));
            match reader.readline().await.unwrap().as_slice() {
                b"fail\n" => Err(io::Error::other("no such luck")),
                b"panic\n" => panic!("out of luck"),
                _ => Ok(()),
            }
        };
        let server = start_server(handler, ANY).await.unwrap();
        for word in ["fail\n", "panic\n"] {
            let (reader, writer) = open_connection(server.local_addrs()[0]).await.unwrap();
            writer.write(word);
            assert_eq!(reader.read_to_end().await.unwrap(), b"");
        }
        // one that just returns leaves it to those who have it
        let (reader, writer) = open_connection(server.local_addrs()[0]).await.unwrap();
        writer.write("return\n");
        assert!(timeout(Duration::from_millis(30), reader.read(1)).await.is_err());
        kept.take();
        assert_eq!(reader.read(1).await.unwrap(), b"");
    });
    assert_eq!(
        told,
        [
            "Unhandled exception in client_connected_cb: no such luck",
            "Unhandled exception in client_connected_cb: panicked: out of luck",
        ]
    );
}

#[test]
fn a_cancelled_handler_closes_the_connection_and_reports_nothing() {
    let ((), told) = run_and_listen(async {
        let kept = Rc::new(RefCell::new(None));
        let keeping = Rc::clone(&kept);
        let handler = async move |reader: StreamReader, writer: StreamWriter| {
            keeping.replace(Some((current_task().unwrap(), writer)));
            reader.readline().await.map(drop)
        };
        let server = start_server(handler, ANY).await.unwrap();
        let (reader, _writer) = open_connection(server.local_addrs()[0]).await.unwrap();
        until(|| kept.borrow().is_some()).await;
        kept.borrow().as_ref().unwrap().0.cancel();
        assert_eq!(reader.read(1).await.unwrap(), b"");
        until(|| server.client_count() == 0).await;
    });
    assert_eq!(told, [""; 0]);
}

#[test]
fn a_client_whose_task_is_cancelled_before_it_begins_is_gone_too() {
    run_real(async {
        let server = start_server(async |_reader, _writer| panic!("it never begins"), ANY).await.unwrap();
        let (reader, _writer) = open_connection(server.local_addrs()[0]).await.unwrap();
        until(|| server.client_count() == 1).await;
        all_tasks().into_iter().filter(|task| Some(task) != current_task().as_ref()).for_each(|task| {
            task.cancel();
        });
        assert_eq!(reader.read(1).await.unwrap(), b"");
        assert_eq!(server.client_count(), 0);
        server.close();
        server.wait_closed().await;
    });
}

#[test]
fn a_handler_that_lets_its_client_go_may_go_on() {
    run_real(async {
        let done = Rc::new(Cell::new(false));
        let doing = Rc::clone(&done);
        let handler = async move |reader: StreamReader, writer: StreamWriter| {
            drop((reader, writer));
            sleep(Duration::from_millis(30)).await;
            doing.set(true);
        };
        let server = start_server(handler, ANY).await.unwrap();
        let (reader, _writer) = open_connection(server.local_addrs()[0]).await.unwrap();
        assert_eq!(reader.read(1).await.unwrap(), b"");
        assert_eq!((server.client_count(), done.get()), (0, false));
        until(|| done.get()).await;
    });
}

// How a server ends.

#[test]
fn a_closed_server_lets_its_port_go_at_once_and_keeps_its_clients() {
    run_real(async {
        let server = start_server(echo, ANY).await.unwrap();
        let address = server.local_addrs()[0];
        let streams = open_connection(address).await.unwrap();
        assert!(asks(&streams, "before").await);
        server.close();
        server.close();
        assert!(!server.is_serving());
        let _other = StdListener::bind(address).expect("the port is free");
        assert!(asks(&streams, "after").await);
    });
}

#[test]
fn a_server_in_a_dropped_handle_serves_on() {
    run_real(async {
        let address = start_server(echo, ANY).await.unwrap().local_addrs()[0];
        yield_now().await;
        assert!(asks(&open_connection(address).await.unwrap(), "still there").await);
    });
}

#[test]
fn a_server_that_has_not_begun_lets_its_clients_wait() {
    run_real(async {
        let server = Server::builder().start_serving(false).listen(echo, ANY).await.unwrap();
        assert!(!server.is_serving());
        let streams = open_connection(server.local_addrs()[0]).await.unwrap();
        streams.1.write("early");
        assert!(timeout(Duration::from_millis(20), streams.0.read(5)).await.is_err());
        server.start_serving();
        server.start_serving();
        assert_eq!(streams.0.readexactly(5).await.unwrap(), b"early");
        server.close();
        assert!(panic_of(|| server.start_serving()).contains("start another one"));
    });
}

#[test]
fn tasks_of_the_server_itself_are_none_of_the_programs() {
    run_real(async {
        let _server = start_server(echo, ANY).await.unwrap();
        yield_now().await;
        assert_eq!(all_tasks(), [current_task().unwrap()]);
    });
}

#[test]
fn serving_for_ever_ends_when_it_is_cancelled_after_the_clients() {
    run_real(async {
        let ended = Rc::new(Cell::new(false));
        let ending = Rc::clone(&ended);
        let handler = async move |reader: StreamReader, _writer: StreamWriter| {
            reader.read_to_end().await.unwrap();
            ending.set(true);
        };
        let server = start_server(handler, ANY).await.unwrap();
        let serving = server.clone();
        let serving = create_task(async move { serving.serve_forever().await });
        let streams = open_connection(server.local_addrs()[0]).await.unwrap();
        until(|| server.client_count() == 1).await;
        serving.cancel();
        sleep(Duration::from_millis(10)).await;
        assert!(!server.is_serving() && !serving.done() && !ended.get());
        drop(streams);
        until(|| serving.done()).await;
        assert!(serving.cancelled() && ended.get());
    });
}

#[test]
fn serving_for_ever_ends_when_another_task_closes_the_server_and_is_refused_twice() {
    run_real(async {
        let server = start_server(echo, ANY).await.unwrap();
        let serve = || {
            let server = server.clone();
            create_task(async move { server.serve_forever().await })
        };
        let (first, mut second): (Task<()>, Task<()>) = (serve(), serve());
        let refused = second.outcome().await.unwrap_err().to_string();
        assert!(refused.contains("another task is in serve_forever()"), "{refused}");
        server.close();
        first.await;
        server.serve_forever().await;
    });
}

#[test]
fn a_server_that_is_dropped_with_its_loop_leaves_nothing() {
    let lp = real_loop();
    let (address, streams) = lp
        .run_until_complete(async {
            let address = start_server(echo, ANY).await.unwrap().local_addrs()[0];
            let streams = open_connection(address).await.unwrap();
            assert!(asks(&streams, "hello").await);
            (address, streams)
        })
        .unwrap();
    lp.close().unwrap();
    assert_nothing_listens(address);
    drop(streams);
}

/// A child that another test has forked may have the listener until it runs its program, so this looks again.
fn assert_nothing_listens(address: SocketAddr) {
    let begun = Instant::now();
    while let Ok(connected) = StdStream::connect(address) {
        drop(connected);
        assert!(begun.elapsed() < PATIENCE, "something listens at {address}");
        thread::sleep(ms(1));
    }
    assert_eq!(StdStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

// Where it listens.

#[test]
fn an_endpoint_of_several_addresses_gets_a_socket_for_each() {
    if StdListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        skip("this machine has no IPv6");
        return;
    }
    run_real(async {
        // the same port for both families: each socket takes its own alone
        let free = StdListener::bind((Ipv6Addr::UNSPECIFIED, 0)).unwrap().local_addr().unwrap().port();
        let addresses: Vec<SocketAddr> = vec![
            (Ipv6Addr::UNSPECIFIED, free).into(),
            (Ipv4Addr::UNSPECIFIED, free).into(),
            (Ipv4Addr::UNSPECIFIED, free).into(),
        ];
        let server = start_server(echo, addresses.clone()).await.unwrap();
        assert_eq!(server.local_addrs(), addresses[..2]);
        for host in [SocketAddr::from((Ipv6Addr::LOCALHOST, free)), (Ipv4Addr::LOCALHOST, free).into()] {
            assert!(asks(&open_connection(host).await.unwrap(), "hello").await);
        }
    });
}

#[test]
fn a_host_is_known_by_its_name() {
    run_real(async {
        let server = start_server(echo, ("localhost", 0)).await.unwrap();
        for address in server.local_addrs() {
            assert!(address.ip().is_loopback());
            assert!(asks(&open_connection(("localhost", address.port())).await.unwrap(), "hello").await);
        }
    });
}

#[test]
fn an_address_in_use_is_named_and_one_of_another_machine_is_passed_over() {
    run_real(async {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0)).unwrap();
        let taken = listener.local_addr().unwrap();
        let error = start_server(echo, taken).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&taken.to_string()), "{error}");
        let elsewhere = SocketAddr::from(([192, 0, 2, 1], 0)); // for documentation: of no machine
        assert_eq!(start_server(echo, elsewhere).await.unwrap_err().kind(), ErrorKind::AddrNotAvailable);
        let here = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = start_server(echo, vec![elsewhere, here]).await.unwrap();
        assert_eq!(server.local_addrs().len(), 1);
        let nowhere = start_server(echo, Vec::<SocketAddr>::new()).await.unwrap_err();
        assert_eq!(nowhere.kind(), ErrorKind::InvalidInput);
    });
}

// Without descriptors.

/// Lowers the limit on descriptors.
fn allow_descriptors(count: u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: one structure, alive for the call.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }, 0);
    limit.rlim_cur = count;
    // SAFETY: one structure, alive for the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
}

/// Takes all descriptors that are left, but for some.
fn take_all_but(count: usize) -> Vec<File> {
    let mut taken: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    taken.truncate(taken.len() - count);
    taken
}

#[test]
fn without_descriptors_a_server_pauses_for_a_second_reports_once_and_loses_no_client() {
    alone(|| {
        allow_descriptors(100);
        let lp = virtual_loop();
        let told = listen(&lp);
        lp.run_until_complete(async {
            let server = Server::builder().start_serving(false).listen(echo, ANY).await.unwrap();
            let address = server.local_addrs()[0];
            let clients = gather((0..10).map(|_| async move { open_connection(address).await.unwrap() })).await;
            let taken = take_all_but(3);
            server.start_serving();
            until(|| !told.borrow().is_empty()).await;
            assert_eq!(server.client_count(), 3);
            let begun = now();

            // the three are served meanwhile, and the pauses go by without another word
            for client in &clients[..3] {
                assert!(asks(client, "hello").await);
            }
            sleep(Duration::from_millis(2_500)).await;
            assert_eq!((server.client_count(), told.borrow().len()), (3, 1));

            drop(taken);
            for client in &clients {
                assert!(asks(client, "all of us").await);
            }
            assert_eq!(now() - begun, Duration::from_secs(3));
            assert_eq!((server.client_count(), told.borrow().len()), (10, 1));

            // another time is another report
            let late = open_connection(address);
            let taken = take_all_but(1);
            let late = late.await.unwrap();
            until(|| told.borrow().len() == 2).await;
            drop(taken);
            assert!(asks(&late, "late").await);
        })
        .unwrap();
        for text in told.take() {
            assert!(text.starts_with("socket.accept() out of system resource: "), "{text}");
        }
    });
}

#[test]
fn a_server_that_is_closed_in_its_pause_is_gone() {
    alone(|| {
        allow_descriptors(60);
        let lp = virtual_loop();
        let told = listen(&lp);
        lp.run_until_complete(async {
            let server = start_server(echo, ANY).await.unwrap();
            let client = open_connection(server.local_addrs()[0]);
            let taken = take_all_but(1);
            let (reader, _writer) = client.await.unwrap();
            until(|| !told.borrow().is_empty()).await;
            server.close();
            server.wait_closed().await;
            drop(taken);
            // it was never accepted: the system turns it away
            assert!(reader.read(1).await.is_err());
        })
        .unwrap();
    });
}

// Its sockets.

#[test]
fn a_servers_sockets_are_shown_with_their_options_until_it_is_closed() {
    run_real(async {
        let path = path("sockets");
        let tcp = start_server(async |_reader, _writer| (), ANY).await.unwrap();
        let unix = start_unix_server(async |_reader, _writer| (), &path).await.unwrap();
        let (of_tcp, of_unix) = (tcp.sockets(), unix.sockets());
        let ([of_tcp], [of_unix]) = (&of_tcp[..], &of_unix[..]) else { panic!("a socket each") };
        assert_eq!(of_tcp.local_addr(), Some(tcp.local_addrs()[0]));
        assert_eq!(of_unix.local_addr(), None, "it is no address of IP");
        let set = of_tcp.with(|listener| match listener {
            Listener::Tcp(listener) => listener.set_ttl(17).and_then(|()| listener.ttl()),
            _ => unreachable!(),
        });
        assert_eq!(set.unwrap().unwrap(), 17);
        let there = of_unix.with(|listener| match listener {
            Listener::Unix(listener) => listener.local_addr().unwrap().as_pathname().unwrap().to_owned(),
            _ => unreachable!(),
        });
        assert_eq!(there, Some(path));
        assert_eq!(of_tcp.raw_fd(), of_tcp.with(|listener| listener.as_fd().as_raw_fd()));
        let debug = format!("{of_tcp:?}");
        for server in [&tcp, &unix] {
            server.close();
            assert!(server.sockets().is_empty());
        }
        assert_eq!((of_tcp.local_addr(), of_tcp.raw_fd(), of_unix.raw_fd()), (None, None, None));
        assert_eq!(of_unix.with(|_| ()), None);
        assert_ne!(format!("{of_tcp:?}"), debug);
    });
}

#[test]
fn a_view_of_a_servers_socket_keeps_it_open_only_while_it_shows_it() {
    run_real(async {
        let server = start_server(async |_reader, _writer| (), ANY).await.unwrap();
        let (address, socket) = (server.local_addrs()[0], server.sockets().remove(0));
        let inside = socket.with(|listener| {
            server.close();
            (listener.as_raw_fd() >= 0, StdStream::connect(address).is_ok())
        });
        assert_eq!(inside, Some((true, true)));
        assert_nothing_listens(address);
    });
}
