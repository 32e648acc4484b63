//! TCP: connections, their halves and their end, against the standard library's blocking sockets and against itself.
#![cfg(unix)]
#![cfg_attr(target_os = "linux", expect(unsafe_code, reason = "the standard library sends no urgent bytes"))]
#![expect(clippy::print_stdout, reason = "says what it skips")]

use std::cell::Cell;
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::os::fd::{AsFd, AsRawFd};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use oneloop::net::{TcpListener, TcpStream};
use oneloop::{catch_cancelled, create_task, gather, sleep, timeout, yield_now};

use crate::support::{ms, now, run_real};

const ANY: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// Both ends of a connection on this loop.
async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind(ANY).unwrap();
    let client = create_task(TcpStream::connect(listener.local_addr().unwrap()));
    let (server, address) = listener.accept().await.unwrap();
    let client = client.await.unwrap();
    assert_eq!((client.local_addr().unwrap(), client.peer_addr().unwrap()), (address, server.local_addr().unwrap()));
    (client, server)
}

/// One end here, the other a blocking socket for a thread.
async fn with_thread<R: Send + 'static>(
    peer: impl FnOnce(StdStream) -> R + Send + 'static,
) -> (TcpStream, thread::JoinHandle<R>) {
    let listener = StdListener::bind(ANY_STD).unwrap();
    let address = listener.local_addr().unwrap();
    let thread = thread::spawn(move || peer(listener.accept().unwrap().0));
    (TcpStream::connect(address).await.unwrap(), thread)
}

const ANY_STD: &str = "127.0.0.1:0";

async fn read_to_end(stream: &TcpStream, room: usize) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), vec![0; room]);
    loop {
        match stream.read(&mut buffer).await.unwrap() {
            0 => return all,
            n => all.extend_from_slice(&buffer[..n]),
        }
    }
}

fn noise(len: usize) -> Vec<u8> {
    (0..len).map(|i| u8::try_from(i.wrapping_mul(2_654_435_761) >> 7 & 0xFF).unwrap()).collect()
}

// To and fro.

#[test]
fn a_thread_is_talked_to_and_answers() {
    run_real(async {
        let (stream, thread) = with_thread(|mut socket| {
            let mut word = [0; 5];
            socket.read_exact(&mut word).unwrap();
            socket.write_all(&word.map(|byte| byte.to_ascii_uppercase())).unwrap();
        })
        .await;
        stream.write_all(b"hello").await.unwrap();
        let mut echo = [0; 5];
        stream.read_exact(&mut echo).await.unwrap();
        assert_eq!(&echo, b"HELLO");
        assert_eq!(stream.read(&mut echo).await.unwrap(), 0);
        thread.join().unwrap();
    });
}

#[test]
fn megabytes_go_both_ways_at_once_through_halves() {
    run_real(async {
        let bytes = Rc::new(noise(3 << 20));
        let (left, right) = pair().await;
        let ends = [left, right].map(|end| {
            let ((reader, writer), bytes) = (end.into_split(), Rc::clone(&bytes));
            let sends = create_task(async move {
                writer.write_all(&bytes).await.unwrap();
                // dropped, it ends the direction
            });
            let receives = create_task(async move {
                let (mut all, mut buffer) = (Vec::new(), vec![0; 70_000]);
                loop {
                    match reader.read(&mut buffer).await.unwrap() {
                        0 => return all,
                        n => all.extend_from_slice(&buffer[..n]),
                    }
                }
            });
            async move {
                sends.await;
                receives.await
            }
        });
        for got in gather(ends).await {
            assert!(got == *bytes);
        }
    });
}

#[test]
fn read_exact_fills_the_buffer_from_many_pieces_or_says_that_the_stream_ended() {
    run_real(async {
        let (left, right) = pair().await;
        let writes = create_task(async move {
            for piece in noise(10_000).chunks(7) {
                left.write_all(piece).await.unwrap();
                yield_now().await;
            }
        });
        let (mut first, mut second) = (vec![0; 9_990], [0; 11]);
        right.read_exact(&mut first).await.unwrap();
        assert_eq!(right.read_exact(&mut second).await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert!(first == noise(10_000)[..9_990] && second[..10] == noise(10_000)[9_990..]);
        writes.await;
    });
}

#[test]
fn several_buffers_are_written_and_read_in_one_go() {
    run_real(async {
        let (left, right) = pair().await;
        let pieces = [IoSlice::new(b"one "), IoSlice::new(b""), IoSlice::new(b"loop")];
        assert_eq!(left.write_vectored(&pieces).await.unwrap(), 8);
        let (mut first, mut second) = ([0; 3], [0; 9]);
        let mut room = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(right.read_vectored(&mut room).await.unwrap(), 8);
        assert_eq!((&first, &second[..5]), (b"one", &b" loop"[..]));
    });
}

#[test]
fn no_room_and_no_bytes_are_no_reason_to_wait() {
    run_real(async {
        let (left, _right) = pair().await;
        assert_eq!(left.read(&mut []).await.unwrap(), 0);
        assert_eq!(left.read_vectored(&mut []).await.unwrap(), 0);
        assert_eq!(left.write(&[]).await.unwrap(), 0);
        left.write_all(&[]).await.unwrap();
        left.read_exact(&mut []).await.unwrap();
    });
}

#[test]
fn without_waiting_there_is_only_what_the_loop_has_heard_of() {
    run_real(async {
        let (left, right) = pair().await;
        let mut buffer = [0; 9];
        assert_eq!(right.try_read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(left.try_write(b"there").unwrap(), 5);
        right.readable().await;
        assert_eq!(right.try_read(&mut buffer).unwrap(), 5);
        assert_eq!(right.try_read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
        let full = loop {
            match left.try_write(&vec![7; 65_536]) {
                Ok(_) => {}
                Err(e) => break e.kind(),
            }
        };
        assert_eq!(full, ErrorKind::WouldBlock);
        let room = create_task(async move {
            left.writable().await;
            left.try_write(b"more").unwrap();
            drop(left);
        });
        assert!(read_to_end(&right, 65_536).await.ends_with(b"more"));
        room.await;
    });
}

#[test]
fn what_has_come_with_a_connection_is_read_at_once() {
    run_real(async {
        let listener = TcpListener::bind(ANY).unwrap();
        let mut client = StdStream::connect(listener.local_addr().unwrap()).unwrap();
        client.write_all(b"request").unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 16];
        assert_eq!(server.try_read(&mut buffer).unwrap(), 7, "no event is waited for");
        let silent = StdStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().await.unwrap();
        assert_eq!(server.try_read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
        drop(silent);
        assert_eq!(server.read(&mut buffer).await.unwrap(), 0);
    });
}

// The end.

#[test]
fn the_end_is_never_missed_however_it_falls_together_with_the_last_bytes() {
    // The end in the same event as the bytes, in a later one, between the event and the read, and while no task looks;
    // read with room for more, which is a short read, and with exactly enough room.
    for room in [5, 6, 100] {
        for moment in 0..4 {
            run_real(async move {
                let (left, right) = pair().await;
                if moment == 3 {
                    right.writable().await; // its event has been looked at
                }
                let write = |bytes: &'static [u8]| {
                    let mut socket = left.get_ref();
                    socket.write_all(bytes).unwrap();
                };
                let end = || left.shutdown(Shutdown::Write).unwrap();
                write(b"bytes");
                match moment {
                    0 => end(),
                    1 => right.readable().await,
                    2 => {
                        right.readable().await;
                        end();
                    }
                    _ => {
                        sleep(ms(2)).await;
                        end();
                        sleep(ms(2)).await;
                    }
                }
                let mut buffer = vec![0; room];
                assert_eq!(right.read(&mut buffer).await.unwrap(), 5, "{room} {moment}");
                if moment == 1 {
                    end();
                }
                for _ in 0..3 {
                    let more = timeout(crate::support::PATIENCE / 2, right.read(&mut buffer)).await;
                    assert_eq!(more.expect("the end was missed").unwrap(), 0, "{room} {moment}");
                }
            });
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn bytes_behind_urgent_ones_are_not_forgotten() {
    fn send(socket: &StdStream, bytes: &[u8], flags: i32) {
        // SAFETY: the bytes are alive for the call, and as many as is said.
        let sent = unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags) };
        assert_eq!(usize::try_from(sent), Ok(bytes.len()));
    }
    for waits in [false, true] {
        run_real(async move {
            let (left, right) = pair().await;
            if waits {
                right.writable().await;
            }
            send(left.get_ref(), b"before", 0);
            send(left.get_ref(), b"!", libc::MSG_OOB);
            send(left.get_ref(), b"behind", 0);
            let (mut seen, mut buffer) = (Vec::new(), [0; 99]);
            while seen.len() < 12 {
                let n = right.read(&mut buffer).await.unwrap(); // the first stops in front of the urgent one
                seen.extend_from_slice(&buffer[..n]);
            }
            assert_eq!(seen, b"beforebehind");
        });
    }
}

#[test]
fn bytes_that_come_between_a_short_read_and_the_next_are_heard_of() {
    run_real(async {
        let (left, right) = pair().await;
        let mut buffer = [0; 100];
        for round in 0..200_u32 {
            left.write_all(&round.to_be_bytes()).await.unwrap();
            assert_eq!(right.read(&mut buffer).await.unwrap(), 4);
            if round % 2 == 0 {
                yield_now().await;
            }
        }
    });
}

#[test]
fn shutdown_ends_one_direction_and_the_other_goes_on() {
    run_real(async {
        let (left, right) = pair().await;
        left.write_all(b"question").await.unwrap();
        left.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_to_end(&right, 3).await, b"question");
        right.write_all(b"answer").await.unwrap();
        drop(right);
        assert_eq!(read_to_end(&left, 99).await, b"answer");
        assert_eq!(left.write(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_reset_is_an_error_once_and_then_the_end() {
    run_real(async {
        let (stream, thread) = with_thread(|mut socket| {
            let mut byte = [0];
            socket.read_exact(&mut byte).unwrap(); // and one is left unread: closing resets the connection
        })
        .await;
        stream.write_all(b"xy").await.unwrap();
        thread.join().unwrap();
        let mut buffer = [0; 9];
        assert_eq!(stream.read(&mut buffer).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 0);
    });
}

#[test]
fn a_writer_whose_peer_reads_slowly_waits_and_loses_nothing() {
    run_real(async {
        let (stream, thread) = with_thread(|mut socket| {
            let (mut all, mut buffer) = (Vec::new(), [0; 10_000]);
            loop {
                thread::sleep(Duration::from_micros(100));
                match socket.read(&mut buffer).unwrap() {
                    0 => return all,
                    n => all.extend_from_slice(&buffer[..n]),
                }
            }
        })
        .await;
        let bytes = noise(6 << 20);
        stream.write_all(&bytes).await.unwrap();
        drop(stream);
        assert!(thread.join().unwrap() == bytes);
    });
}

// Halves.

#[test]
fn halves_come_together_again_and_only_with_their_own() {
    run_real(async {
        let (left, right) = pair().await;
        let ((one_reader, one_writer), (two_reader, two_writer)) = (left.into_split(), right.into_split());
        let error = one_reader.reunite(two_writer).unwrap_err();
        assert_eq!(error.to_string(), "the halves belong to different connections");
        let (left, right) = (error.0.reunite(one_writer).unwrap(), two_reader.reunite(error.1).unwrap());
        left.write_all(b"whole").await.unwrap(); // reuniting has ended nothing
        drop(left);
        assert_eq!(read_to_end(&right, 99).await, b"whole");
    });
}

#[test]
fn a_writing_half_that_goes_ends_its_direction_unless_it_is_forgotten() {
    run_real(async {
        let (left, right) = pair().await;
        let (reader, writer) = left.into_split();
        writer.write_all(b"end").await.unwrap();
        drop(writer);
        assert_eq!(read_to_end(&right, 99).await, b"end");
        right.write_all(b"back").await.unwrap();
        let mut buffer = [0; 4];
        reader.read_exact(&mut buffer).await.unwrap();

        let (left, right) = pair().await;
        let (reader, writer) = left.into_split();
        writer.forget();
        let mut byte = [0];
        assert!(timeout(ms(20), right.read(&mut byte)).await.is_err());
        drop(reader);
        assert_eq!(right.read(&mut byte).await.unwrap(), 0);
    });
}

// Cancelled.

#[test]
fn a_cancelled_read_or_accept_loses_nothing() {
    run_real(async {
        let listener = Rc::new(TcpListener::bind(ANY).unwrap());
        let accepts = Rc::clone(&listener);
        let waits = create_task(async move { catch_cancelled(accepts.accept()).await.is_err() });
        sleep(ms(1)).await;
        let client = StdStream::connect(listener.local_addr().unwrap()).unwrap();
        waits.cancel(); // the connection is there, and its event may be
        assert!(waits.await);
        let (server, _) = listener.accept().await.unwrap();
        let server = Rc::new(server);
        let reads = Rc::clone(&server);
        let waits = create_task(async move { catch_cancelled(reads.read(&mut [0; 9])).await.is_err() });
        sleep(ms(1)).await;
        (&client).write_all(b"kept").unwrap();
        waits.cancel();
        assert!(waits.await);
        let mut buffer = [0; 9];
        assert_eq!(server.read(&mut buffer).await.unwrap(), 4);
    });
}

// Listening.

#[test]
fn several_tasks_accept_from_one_listener_and_none_is_forgotten() {
    run_real(async {
        let listener = Rc::new(TcpListener::bind(ANY).unwrap());
        let address = listener.local_addr().unwrap();
        let acceptors = (0..4).map(|_| {
            let listener = Rc::clone(&listener);
            create_task(async move {
                for _ in 0..5 {
                    let (stream, _) = listener.accept().await.unwrap();
                    stream.write_all(b"!").await.unwrap();
                }
            })
        });
        let acceptors: Vec<_> = acceptors.collect();
        let clients = (0..20).map(|_| async move {
            let stream = TcpStream::connect(address).await.unwrap();
            read_to_end(&stream, 9).await
        });
        assert!(gather(clients).await.iter().all(|bytes| bytes == b"!"));
        gather(acceptors).await;
    });
}

#[test]
fn an_address_in_use_is_named_and_can_be_had_again_at_once() {
    run_real(async {
        let listener = TcpListener::bind(ANY).unwrap();
        let address = listener.local_addr().unwrap();
        let error = TcpListener::bind(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(error.to_string().contains(&address.to_string()), "{error}");
        let client = create_task(TcpStream::connect(address));
        let (server, _) = listener.accept().await.unwrap();
        drop(server); // this side closes first, so its address lingers
        drop((client.await.unwrap(), listener));
        TcpListener::bind(address).unwrap();
    });
}

#[test]
fn a_burst_finds_room_before_any_accept() {
    const CLIENTS: usize = 200;
    let most = std::fs::read_to_string("/proc/sys/net/core/somaxconn").ok().and_then(|most| most.trim().parse().ok());
    if most.is_some_and(|most: usize| most < CLIENTS) {
        return crate::support::skip("this machine allows no line that is long enough");
    }
    run_real(async {
        let listener = TcpListener::bind(ANY).unwrap();
        let address = listener.local_addr().unwrap();
        // with a line of 128, as is usual, the last of them would find no room and try again a second later: each time,
        // while a machine that is busy is not always slow
        let burst = async || {
            let start = now();
            let clients: Vec<_> = (0..CLIENTS).map(|_| create_task(TcpStream::connect(address))).collect();
            let streams = gather(clients).await;
            assert!(streams.iter().all(Result::is_ok));
            let took = now() - start;
            for _ in 0..CLIENTS {
                listener.accept().await.unwrap();
            }
            took
        };
        for _ in 0..20 {
            if burst().await < Duration::from_millis(900) {
                return;
            }
        }
        panic!("each burst has waited for room");
    });
}

// Settings.

#[test]
fn settings_reach_the_system() {
    run_real(async {
        let (left, _right) = pair().await;
        left.set_nodelay(true).unwrap();
        assert!(left.nodelay().unwrap() && left.get_ref().nodelay().unwrap());
        assert_eq!(left.keepalive().unwrap(), None);
        left.set_keepalive(Duration::from_millis(9_500)).unwrap();
        assert_eq!(left.keepalive().unwrap(), Some(Duration::from_secs(10)));
        left.set_keepalive(None).unwrap();
        assert_eq!(left.keepalive().unwrap(), None);
        // longer than the system can wait, and no panic
        assert!(
            left.set_keepalive(Duration::MAX).is_err() || left.keepalive().unwrap() > Some(Duration::from_secs(10))
        );
        assert_eq!(left.as_raw_fd(), left.as_fd().as_raw_fd());
    });
}

#[test]
fn to_the_standard_library_and_back() {
    run_real(async {
        let (left, right) = pair().await;
        let thread = thread::spawn({
            let socket = left.into_std();
            move || {
                socket.set_nonblocking(false).unwrap();
                let mut byte = [0];
                (&socket).read_exact(&mut byte).unwrap();
                socket
            }
        });
        right.write_all(b"x").await.unwrap();
        let left = TcpStream::from_std(thread.join().unwrap()).unwrap();
        left.write_all(b"y").await.unwrap();
        let mut byte = [0];
        right.read_exact(&mut byte).await.unwrap();
        let listener = TcpListener::from_std(TcpListener::bind(ANY).unwrap().into_std()).unwrap();
        let client = StdStream::connect(listener.local_addr().unwrap()).unwrap();
        assert_eq!(listener.accept().await.unwrap().1, client.local_addr().unwrap());
    });
}

#[test]
fn ipv6_works_where_the_machine_has_it() {
    let Ok(probe) = StdListener::bind("[::1]:0") else {
        println!("skipped: this machine has no IPv6");
        return;
    };
    drop(probe);
    run_real(async {
        let listener = TcpListener::builder().only_v6(true).bind("[::1]:0".parse::<SocketAddr>().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let client = create_task(TcpStream::connect(("::1", address.port())));
        assert!(listener.accept().await.unwrap().1.is_ipv6());
        assert_eq!(client.await.unwrap().peer_addr().unwrap(), address);
    });
}

// Fairness.

#[test]
fn a_socket_that_is_always_ready_lets_others_have_their_turn() {
    run_real(async {
        let (left, right) = pair().await;
        left.write_all(&[7; 5_000]).await.unwrap();
        right.readable().await;
        let turns = Rc::new(Cell::new(0_u32));
        let counts = Rc::clone(&turns);
        let other = create_task(async move {
            loop {
                counts.set(counts.get() + 1);
                yield_now().await;
            }
        });
        yield_now().await;
        let mut seen = Vec::new();
        for read in 0..400_u32 {
            let mut byte = [0];
            right.read_exact(&mut byte).await.unwrap();
            if seen.last().is_none_or(|(_, turn)| *turn != turns.get()) {
                seen.push((read, turns.get()));
            }
        }
        other.cancel();
        let starts: Vec<_> = seen.iter().map(|(read, _)| *read).collect();
        assert_eq!(starts, [0, 64, 128, 192, 256, 320, 384], "{seen:?}");
    });
}

#[test]
fn a_hot_socket_does_not_keep_another_from_being_heard_of() {
    run_real(async {
        let (hot_left, hot_right) = pair().await;
        let (quiet_left, quiet_right) = pair().await;
        let heard = create_task(async move { quiet_right.read(&mut [0; 9]).await.unwrap() });
        yield_now().await;
        hot_left.write_all(&vec![7; 50_000]).await.unwrap();
        hot_right.readable().await;
        quiet_left.write_all(b"x").await.unwrap();
        let mut reads = 0;
        while !heard.done() {
            hot_right.read_exact(&mut [0]).await.unwrap();
            reads += 1;
        }
        assert!(reads < 300, "{reads} reads before the other socket had its turn");
    });
}

#[test]
fn a_listener_binds_the_first_of_several_addresses_that_is_free() {
    run_real(async {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let addresses = vec![taken.local_addr().unwrap(), "127.0.0.1:0".parse().unwrap()];
        let free = TcpListener::bind(addresses).unwrap();
        assert_ne!(free.local_addr().unwrap(), taken.local_addr().unwrap());
        let text = TcpListener::bind(taken.local_addr().unwrap()).unwrap_err().to_string();
        assert!(text.starts_with(&format!("while attempting to bind on {}", taken.local_addr().unwrap())), "{text}");
    });
}

// Looking first, and not waiting.

#[test]
fn what_is_peeked_at_is_read_afterwards() {
    run_real(async {
        let (left, right) = pair().await;
        left.write_all(b"hello").await.unwrap();
        let mut bytes = [0; 9];
        assert_eq!(right.peek(&mut []).await.unwrap(), 0);
        assert_eq!(right.peek(&mut bytes[..2]).await.unwrap(), 2);
        assert_eq!(right.peek(&mut bytes).await.unwrap(), 5);
        assert_eq!(&bytes[..5], b"hello");
        assert_eq!(right.read(&mut bytes).await.unwrap(), 5);
        // now it waits
        assert!(timeout(Duration::from_millis(10), right.peek(&mut bytes)).await.is_err());
        drop(left);
        assert_eq!(right.peek(&mut bytes).await.unwrap(), 0);
        assert_eq!(right.read(&mut bytes).await.unwrap(), 0);
    });
}

#[test]
fn a_peek_is_over_when_bytes_come() {
    run_real(async {
        let (left, right) = pair().await;
        let peeking = create_task(async move { right.peek(&mut [0; 9]).await.map(|n| (n, right)) });
        yield_now().await;
        left.write_all(b"later").await.unwrap();
        let (n, right) = peeking.await.unwrap();
        assert_eq!(n, 5);
        assert_eq!(right.read(&mut [0; 9]).await.unwrap(), 5);
    });
}

#[test]
fn a_listener_is_readable_while_a_client_waits_and_a_try_never_does() {
    run_real(async {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0)).unwrap();
        assert_eq!(listener.try_accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(timeout(Duration::from_millis(10), listener.readable()).await.is_err());
        let clients = [(); 2].map(|()| StdStream::connect(listener.local_addr().unwrap()).unwrap());
        listener.readable().await;
        listener.readable().await; // it still is
        for client in &clients {
            let (stream, address) = listener.try_accept().unwrap();
            assert_eq!(address, client.local_addr().unwrap());
            assert_eq!(stream.peer_addr().unwrap(), address);
        }
        // the last try has not found out that no client is left, but this does, instead of spinning
        assert!(timeout(Duration::from_millis(10), listener.readable()).await.is_err());
        assert_eq!(listener.try_accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        let _client = StdStream::connect(listener.local_addr().unwrap()).unwrap();
        listener.readable().await;
        listener.try_accept().unwrap();
    });
}
