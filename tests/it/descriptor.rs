//! Descriptors: who is woken when, on sockets of the machine, and what a closed, cancelled or stale wait leaves behind.
#![cfg(unix)]

use std::cell::{Cell, RefCell};
use std::future::Future as _;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use oneloop::{Descriptor, EventLoop, catch_cancelled, create_task, gather, sleep, timeout, try_gather, yield_now};

use crate::support::{ms, now, real_loop, run_real, virtual_loop, waker_that_calls_when_cloned};

fn pair() -> (UnixStream, UnixStream) {
    let (left, right) = UnixStream::pair().unwrap();
    left.set_nonblocking(true).unwrap();
    right.set_nonblocking(true).unwrap();
    (left, right)
}

fn descriptors() -> (Descriptor<UnixStream>, Descriptor<UnixStream>) {
    let (left, right) = pair();
    (Descriptor::new(left).unwrap(), Descriptor::new(right).unwrap())
}

/// One read of at most `most` bytes.
async fn read(from: &Descriptor<UnixStream>, most: usize) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; most];
    let n = from.read_with(|mut socket| socket.read(&mut buffer)).await?;
    buffer.truncate(n);
    Ok(buffer)
}

async fn write_all(to: &Descriptor<UnixStream>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let n = to.write_with(|mut socket| socket.write(bytes)).await?;
        bytes = &bytes[n..];
    }
    Ok(())
}

/// Whether it says within a little while that it is readable.
async fn is_readable(descriptor: &Descriptor<UnixStream>) -> bool {
    timeout(ms(20), descriptor.readable()).await.is_ok()
}

/// Writes until the system takes no more, and answers how much it took.
fn fill(socket: &UnixStream) -> usize {
    let (mut socket, mut taken) = (socket, 0);
    loop {
        match socket.write(&[7; 4_096]) {
            Ok(n) => taken += n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return taken,
            Err(e) => panic!("{e}"),
        }
    }
}

// Readiness.

#[test]
fn readable_comes_with_the_first_byte_and_writable_at_once() {
    run_real(async {
        let (left, right) = descriptors();
        right.writable().await;
        assert!(!is_readable(&right).await);
        left.get_ref().write_all(b"x").unwrap();
        right.readable().await;
        assert_eq!(read(&right, 9).await.unwrap(), b"x");
    });
}

#[test]
fn readable_is_what_the_system_says_now() {
    run_real(async {
        let (left, right) = descriptors();
        left.get_ref().write_all(b"abc").unwrap();
        for letter in [b"a", b"b", b"c"] {
            assert!(is_readable(&right).await); // there was but one event for all three
            assert!(is_readable(&right).await);
            assert_eq!(read(&right, 1).await.unwrap(), letter);
        }
        assert!(!is_readable(&right).await); // although each read was given all that it asked for
        left.get_ref().write_all(b"d").unwrap();
        assert_eq!(read(&right, 9).await.unwrap(), b"d");
    });
}

/// Waits again and again, and calls `call`, which says whether there was anything. Returns how often.
async fn tries(descriptor: &Descriptor<UnixStream>, mut call: impl FnMut(&UnixStream) -> bool) -> u32 {
    let mut tries = 0;
    let found = timeout(ms(50), async {
        loop {
            descriptor.readable().await;
            tries += 1;
            if call(descriptor.get_ref()) {
                return;
            }
        }
    });
    assert!(found.await.is_err(), "there is nothing");
    tries
}

#[test]
fn readable_does_not_spin_around_calls_that_it_knows_nothing_of() {
    run_real(async {
        let (left, right) = descriptors();
        left.get_ref().write_all(b"1234").unwrap();
        assert_eq!(read(&right, 4).await.unwrap(), b"1234"); // there may be more
        let taken = tries(&right, |mut socket| socket.read(&mut [0; 4]).is_ok()).await;
        assert!(taken <= 1, "{taken} tries of nothing");

        // all is read by calls of which the loop does not learn
        left.get_ref().write_all(b"5678").unwrap();
        right.readable().await;
        let taken = tries(&right, |mut socket| {
            let _ = socket.read(&mut [0; 99]);
            false
        });
        assert_eq!(taken.await, 1);
        let other = right.get_ref().try_clone().unwrap();
        left.get_ref().write_all(b"9").unwrap();
        right.readable().await;
        assert_eq!((&other).read(&mut [0; 9]).unwrap(), 1);
        assert!(!is_readable(&right).await);

        left.get_ref().write_all(b"more").unwrap();
        assert!(is_readable(&right).await);
        assert_eq!(read(&right, 9).await.unwrap(), b"more");
    });
}

#[test]
fn writable_waits_while_a_descriptor_is_full_however_that_came() {
    run_real(async {
        for registered_first in [false, true] {
            let (left, right) = pair();
            let left = if registered_first {
                let left = Descriptor::new(left).unwrap();
                left.writable().await;
                fill(left.get_ref());
                left
            } else {
                fill(&left);
                Descriptor::new(left).unwrap()
            };
            for _ in 0..2 {
                assert!(timeout(ms(10), left.writable()).await.is_err(), "it is full");
            }
            let right = Descriptor::new(right).unwrap();
            let reader = create_task(async move { while !read(&right, 65_536).await.unwrap().is_empty() {} });
            left.writable().await;
            assert_eq!(left.get_ref().write(b"x").unwrap(), 1);
            drop(left);
            reader.await;
        }
    });
}

#[test]
fn a_try_takes_the_readiness_back_and_tells_what_its_call_told() {
    run_real(async {
        let (left, right) = descriptors();
        let calls = Cell::new(0);
        let receive = || {
            right.try_read_with(|mut socket| {
                calls.set(calls.get() + 1);
                socket.read(&mut [0; 1])
            })
        };
        assert_eq!(receive().unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(calls.get(), 0); // nothing was heard of, so nothing was tried
        left.get_ref().write_all(b"ab").unwrap();
        right.readable().await;
        assert_eq!((receive().unwrap(), receive().unwrap()), (1, 1));
        for _ in 0..5 {
            assert_eq!(receive().unwrap_err().kind(), ErrorKind::WouldBlock);
        }
        assert_eq!(calls.get(), 3); // the first in vain was the last

        fill(left.get_ref());
        let tried = Cell::new(0);
        let send = || {
            left.try_write_with(|mut socket| {
                tried.set(tried.get() + 1);
                socket.write(b"x")
            })
        };
        for _ in 0..5 {
            assert_eq!(send().unwrap_err().kind(), ErrorKind::WouldBlock);
        }
        assert_eq!(tried.get(), 1);
        let refused = left.try_read_with(|_| Err::<(), _>(ErrorKind::PermissionDenied.into()));
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::WouldBlock); // not called: nothing was heard of
        right.get_ref().write_all(b"x").unwrap();
        left.readable().await;
        let refused = left.try_read_with(|_| Err::<(), _>(ErrorKind::PermissionDenied.into()));
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::PermissionDenied);
    });
}

#[test]
fn every_socket_and_pipe_takes_calls_of_ones_own() {
    run_real(async {
        let (left, right) = oneloop::net::UnixStream::pair().unwrap();
        left.write_with(|mut socket| socket.write(b"stream")).await.unwrap();
        assert_eq!(right.read_with(|mut socket| socket.read(&mut [0; 9])).await.unwrap(), 6);
        let ((reader, _keep), (_other, writer)) = (left.into_split(), right.into_split());
        writer.try_write_with(|mut socket| socket.write(b"half")).unwrap();
        reader.readable().await;
        assert_eq!(reader.try_read_with(|mut socket| socket.read(&mut [0; 9])).unwrap(), 4);

        let (reader, writer) = oneloop::net::pipe().unwrap();
        writer.write_with(|mut file| file.write(b"pipe")).await.unwrap();
        assert_eq!(reader.read_with(|mut file| file.read(&mut [0; 9])).await.unwrap(), 4);

        let (left, right) = oneloop::net::UnixDatagram::pair().unwrap();
        left.writable().await;
        left.try_write_with(|socket| socket.send(b"datagram")).unwrap();
        right.readable().await;
        assert_eq!(right.try_read_with(|socket| socket.recv(&mut [0; 99])).unwrap(), 8);

        let udp = oneloop::net::UdpSocket::bind(([127, 0, 0, 1], 0)).unwrap();
        udp.connect(udp.local_addr().unwrap()).unwrap();
        udp.write_with(|socket| socket.send(b"to itself")).await.unwrap();
        assert_eq!(udp.read_with(|socket| socket.recv(&mut [0; 99])).await.unwrap(), 9);
    });
}

#[test]
fn a_reader_that_waits_is_woken_by_a_task_a_thread_and_a_timer() {
    run_real(async {
        let (left, right) = descriptors();
        let reader = create_task(async move {
            let mut words = Vec::new();
            for _ in 0..3 {
                words.push(read(&right, 9).await.unwrap());
            }
            words
        });
        yield_now().await;
        write_all(&left, b"task").await.unwrap();
        sleep(ms(5)).await;
        let mut other = left.get_ref().try_clone().unwrap();
        std::thread::spawn(move || other.write_all(b"thread").unwrap()).join().unwrap();
        sleep(ms(5)).await;
        EventLoop::current().call_later(ms(1), move || left.get_ref().write_all(b"timer").unwrap());
        assert_eq!(reader.await, [&b"task"[..], b"thread", b"timer"]);
    });
}

#[test]
fn a_full_writer_waits_until_the_other_side_has_read() {
    run_real(async {
        let (left, right) = descriptors();
        let taken = fill(left.get_ref());
        let writer = create_task(async move {
            write_all(&left, b"end").await.unwrap();
        });
        sleep(ms(5)).await;
        assert!(!writer.done());
        let mut seen = Vec::new();
        while seen.len() < taken + 3 {
            seen.extend(read(&right, 65_536).await.unwrap());
        }
        assert!(seen.ends_with(b"end") && seen.len() == taken + 3);
        writer.await;
    });
}

#[test]
fn both_directions_wait_at_once() {
    run_real(async {
        let (left, right) = descriptors();
        let taken = fill(left.get_ref());
        let left = Rc::new(left);
        let (one, two) = (Rc::clone(&left), Rc::clone(&left));
        let reader = create_task(async move { read(&one, 9).await.unwrap() });
        let writer = create_task(async move { write_all(&two, b"!").await.unwrap() });
        sleep(ms(5)).await;
        right.get_ref().write_all(b"to the reader").unwrap();
        assert_eq!(reader.await, b"to the re");
        assert!(!writer.done());
        let mut seen = 0;
        while seen < taken {
            seen += read(&right, 65_536).await.unwrap().len();
        }
        writer.await;
    });
}

#[test]
fn operations_are_retried_after_an_interruption_and_errors_handed_on() {
    run_real(async {
        let (left, right) = descriptors();
        right.get_ref().write_all(b"x").unwrap(); // so that a read is tried
        let calls = Cell::new(0);
        let interrupted = left.write_with(|_| {
            calls.set(calls.get() + 1);
            if calls.get() < 3 { Err(ErrorKind::Interrupted.into()) } else { Ok("through") }
        });
        assert_eq!((interrupted.await.unwrap(), calls.get()), ("through", 3));
        let refused = left.read_with(|_| Err::<(), _>(ErrorKind::PermissionDenied.into())).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::PermissionDenied);
    });
}

// The end.

#[test]
fn what_was_sent_comes_before_the_end() {
    run_real(async {
        let (left, right) = descriptors();
        write_all(&left, b"last words").await.unwrap();
        drop(left);
        assert_eq!(read(&right, 4).await.unwrap(), b"last");
        assert_eq!(read(&right, 99).await.unwrap(), b" words");
        for _ in 0..3 {
            assert!(read(&right, 9).await.unwrap().is_empty());
            assert!(is_readable(&right).await);
        }
    });
}

#[test]
fn the_end_wakes_a_reader_that_waits() {
    for by_shutdown in [false, true] {
        run_real(async move {
            let (left, right) = descriptors();
            let reader = create_task(async move { read(&right, 9).await.unwrap() });
            sleep(ms(2)).await;
            assert!(!reader.done());
            if by_shutdown {
                left.get_ref().shutdown(Shutdown::Write).unwrap();
            } else {
                drop(left);
            }
            assert!(reader.await.is_empty());
        });
    }
}

#[test]
fn the_end_wakes_a_writer_that_waits() {
    run_real(async {
        let (left, right) = descriptors();
        fill(left.get_ref());
        let writer = create_task(async move { write_all(&left, b"more").await });
        sleep(ms(2)).await;
        assert!(!writer.done());
        drop(right);
        let kind = writer.await.unwrap_err().kind();
        assert!(matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{kind:?}");
    });
}

#[test]
fn shut_down_by_one_task_while_another_waits_the_other_meets_the_end() {
    run_real(async {
        let (left, _right) = descriptors();
        let left = Rc::new(left);
        let waits = Rc::clone(&left);
        let reader = create_task(async move { read(&waits, 9).await.unwrap() });
        sleep(ms(2)).await;
        left.get_ref().shutdown(Shutdown::Both).unwrap();
        assert!(reader.await.is_empty());
    });
}

// Cancelled.

#[test]
fn a_cancelled_wait_loses_no_data_and_the_next_one_works() {
    run_real(async {
        let (left, right) = descriptors();
        let right = Rc::new(right);
        for round in 0..3 {
            let waits = Rc::clone(&right);
            let reader = create_task(async move { catch_cancelled(read(&waits, 9)).await.is_err() });
            sleep(ms(1)).await;
            assert!(reader.cancel());
            assert!(reader.await, "round {round}");
        }
        write_all(&left, b"kept").await.unwrap();
        assert_eq!(read(&right, 9).await.unwrap(), b"kept");
    });
}

#[test]
fn cancelled_between_the_event_and_its_step_the_data_is_still_there() {
    run_real(async {
        let (left, right) = descriptors();
        let right = Rc::new(right);
        let waits = Rc::clone(&right);
        let reader = create_task(async move { catch_cancelled(read(&waits, 9)).await.is_err() });
        sleep(ms(1)).await;
        left.get_ref().write_all(b"kept").unwrap();
        reader.cancel(); // queued now; the event comes before its step or after it
        assert!(reader.await);
        assert_eq!(read(&right, 9).await.unwrap(), b"kept");
    });
}

#[test]
fn a_waiter_that_was_dropped_does_not_take_the_event_from_the_next() {
    run_real(async {
        let (left, right) = descriptors();
        {
            let mut given_up = Box::pin(right.readable());
            assert!(futures::poll!(&mut given_up).is_pending());
        }
        let reads = futures::future::join(read(&right, 9), async {
            yield_now().await;
            left.get_ref().write_all(b"here").unwrap();
        });
        assert_eq!(reads.await.0.unwrap(), b"here");
    });
}

// Registered, and no more.

#[test]
fn into_inner_gives_the_socket_back_to_be_registered_anew() {
    run_real(async {
        let (left, right) = descriptors();
        let right = Descriptor::new(right.into_inner()).unwrap();
        write_all(&left, b"again").await.unwrap();
        assert_eq!(read(&right, 9).await.unwrap(), b"again");
    });
}

#[test]
fn registered_twice_or_a_regular_file_is_refused() {
    run_real(async {
        let (left, _right) = pair();
        let left = Rc::new(left);
        let first = Descriptor::new(Rc::clone(&left)).unwrap();
        let twice = Descriptor::new(Rc::clone(&left)).unwrap_err();
        assert_eq!(twice.kind(), ErrorKind::AlreadyExists);
        assert!(twice.to_string().contains("is watched by this loop already"), "{twice}");
        drop(first);
        assert!(Descriptor::new(left).is_ok());
        #[cfg(target_os = "linux")]
        assert!(Descriptor::new(std::fs::File::open("Cargo.toml").unwrap()).is_err());
    });
}

#[test]
fn an_event_of_a_closed_descriptor_does_not_reach_the_next_one_with_its_number() {
    run_real(async {
        let mut reused = 0;
        for _ in 0..50 {
            let (left, right) = descriptors();
            right.writable().await;
            left.get_ref().write_all(b"for the old one").unwrap();
            let number = right.get_ref().as_raw_fd();
            drop(right); // its event was not looked at
            let (new_left, new_right) = pair();
            reused += u32::from([&new_left, &new_right].map(AsRawFd::as_raw_fd).contains(&number));
            let (new_left, new_right) = (Descriptor::new(new_left).unwrap(), Descriptor::new(new_right).unwrap());
            let (mut one, mut two) = (Box::pin(new_left.readable()), Box::pin(new_right.readable()));
            for _ in 0..3 {
                assert!(futures::poll!(&mut one).is_pending() && futures::poll!(&mut two).is_pending());
                sleep(Duration::from_micros(100)).await;
            }
        }
        assert!(reused > 0, "the test wants the number to be used again");
    });
}

#[test]
fn closed_in_the_turn_in_which_it_became_ready_it_wakes_no_task_wrongly() {
    run_real(async {
        let (one_left, one) = descriptors();
        let (two_left, two) = descriptors();
        let place = Rc::new(RefCell::new(Some(two)));
        let closes = Rc::clone(&place);
        let reader = create_task(async move {
            one.readable().await;
            drop(closes.take()); // ready in the same poll, and gone before any task looked
            let (left, right) = descriptors(); // which takes its place in the table
            let fresh = is_readable(&right).await;
            drop(left);
            fresh
        });
        yield_now().await;
        one_left.get_ref().write_all(b"x").unwrap();
        two_left.get_ref().write_all(b"x").unwrap();
        assert!(!reader.await);
        assert!(place.take().is_none());
    });
}

#[test]
fn a_descriptor_may_outlive_its_loop() {
    let lp = real_loop();
    let (left, right) = lp.run_until_complete(async { descriptors() }).unwrap();
    lp.close().unwrap();
    drop(lp);
    left.get_ref().write_all(b"still a socket").unwrap();
    drop(left);
    let mut text = String::new();
    right.into_inner().read_to_string(&mut text).unwrap();
    assert_eq!(text, "still a socket");
}

// Many, and TCP.

#[test]
fn many_descriptors_each_get_their_own() {
    run_real(async {
        let pairs: Vec<_> = (0..50_u32).map(|i| (i, descriptors())).collect();
        let echoes = pairs.into_iter().map(|(i, (left, right))| async move {
            let echo = create_task(async move {
                loop {
                    let word = read(&right, 64).await.unwrap();
                    if word.is_empty() {
                        return;
                    }
                    write_all(&right, &word).await.unwrap();
                }
            });
            for round in 0..20_u32 {
                let word = (i * 1_000 + round).to_be_bytes();
                write_all(&left, &word).await.unwrap();
                assert_eq!(read(&left, 64).await.unwrap(), word);
            }
            drop(left);
            echo.await;
            i
        });
        assert_eq!(gather(echoes).await, (0..50).collect::<Vec<_>>());
    });
}

async fn tcp_pair() -> io::Result<(Descriptor<TcpStream>, Descriptor<TcpStream>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let listener = Descriptor::new(listener)?;
    let accepts = create_task(async move { listener.read_with(TcpListener::accept).await });
    yield_now().await;
    let client = TcpStream::connect(address)?; // the system accepts it by itself
    client.set_nonblocking(true)?;
    let (server, peer) = accepts.await?;
    assert_eq!(peer, client.local_addr()?);
    server.set_nonblocking(true)?;
    Ok((Descriptor::new(client)?, Descriptor::new(server)?))
}

#[test]
fn a_megabyte_goes_over_tcp_and_back() {
    async fn send(to: Rc<Descriptor<TcpStream>>, bytes: Rc<Vec<u8>>) -> io::Result<Vec<u8>> {
        let mut sent = 0;
        while sent < bytes.len() {
            sent += to.write_with(|mut socket| socket.write(&bytes[sent..])).await?;
        }
        to.get_ref().shutdown(Shutdown::Write)?;
        Ok(vec![])
    }
    async fn receive(from: Rc<Descriptor<TcpStream>>) -> io::Result<Vec<u8>> {
        let (mut all, mut buffer) = (Vec::new(), [0; 8_192]);
        loop {
            let n = from.read_with(|mut socket| socket.read(&mut buffer)).await?;
            if n == 0 {
                return Ok(all);
            }
            all.extend_from_slice(&buffer[..n]);
        }
    }
    run_real(async {
        let (client, server) = tcp_pair().await.unwrap();
        let (client, server) = (Rc::new(client), Rc::new(server));
        let bytes: Rc<Vec<u8>> =
            Rc::new((0..1_u32 << 20).map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect());
        let there =
            [create_task(send(Rc::clone(&client), Rc::clone(&bytes))), create_task(receive(Rc::clone(&server)))];
        let back = [create_task(send(server, Rc::clone(&bytes))), create_task(receive(client))];
        let got = try_gather(there.into_iter().chain(back)).await.unwrap();
        assert!(got[1] == *bytes && got[3] == *bytes);
    });
}

#[test]
fn a_refused_connection_is_an_error_of_the_operation() {
    run_real(async {
        let (client, server) = tcp_pair().await.unwrap();
        drop(server);
        let mut buffer = [0; 9];
        assert_eq!(client.read_with(|mut socket| socket.read(&mut buffer)).await.unwrap(), 0);
        let kind = loop {
            match client.write_with(|mut socket| socket.write(b"there?")).await {
                Ok(_) => sleep(ms(1)).await,
                Err(e) => break e.kind(),
            }
        };
        assert!(matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{kind:?}");
    });
}

// Beside timers and other work.

#[test]
fn a_due_timer_does_not_wait_for_a_descriptor_that_is_never_ready() {
    run_real(async {
        let (_left, right) = descriptors();
        let waits = create_task(async move { right.readable().await });
        yield_now().await;
        let (start, lp) = (Instant::now(), EventLoop::current());
        for _ in 0..100 {
            let fired = Rc::new(Cell::new(false));
            let mark = Rc::clone(&fired);
            lp.call_at(now().checked_sub(ms(1)).unwrap(), move || mark.set(true));
            sleep(Duration::from_micros(10)).await;
            assert!(fired.get());
        }
        assert!(!waits.done() && start.elapsed() < Duration::from_secs(30));
    });
}

#[test]
fn a_timer_that_is_due_comes_after_the_descriptors_that_are_ready() {
    run_real(async {
        let log = Rc::new(RefCell::new(Vec::new()));
        let (left, right) = descriptors();
        let (reads, calls) = (Rc::clone(&log), Rc::clone(&log));
        let reader = create_task(async move {
            read(&right, 9).await.unwrap();
            reads.borrow_mut().push("reader");
        });
        sleep(ms(2)).await;
        left.get_ref().write_all(b"x").unwrap();
        EventLoop::current().call_at(now().checked_sub(ms(1)).unwrap(), move || calls.borrow_mut().push("timer"));
        reader.await;
        yield_now().await;
        assert_eq!(*log.borrow(), ["reader", "timer"]);
    });
}

#[test]
fn descriptors_are_served_although_timers_are_always_due() {
    /// A timer that is due already, again and again.
    fn tick(lp: &EventLoop, stop: &Rc<Cell<bool>>, ticks: &Rc<Cell<u32>>) {
        let (again, stop, ticks) = (lp.clone(), Rc::clone(stop), Rc::clone(ticks));
        lp.call_at(lp.time(), move || {
            ticks.set(ticks.get() + 1);
            if !stop.get() {
                tick(&again, &stop, &ticks);
            }
        });
    }
    run_real(async {
        let (left, right) = descriptors();
        let (stop, ticks) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(0)));
        tick(&EventLoop::current(), &stop, &ticks);
        let reader = create_task(async move { read(&right, 9).await.unwrap() });
        sleep(ms(1)).await;
        let before = ticks.get();
        left.get_ref().write_all(b"x").unwrap();
        assert_eq!(reader.await, b"x");
        let meanwhile = ticks.get() - before;
        stop.set(true);
        assert!(before > 0 && meanwhile < 200, "{before} ticks before, {meanwhile} while a reader was ready");
    });
}

#[test]
fn descriptors_are_served_although_tasks_always_yield() {
    run_real(async {
        let turns = Rc::new(Cell::new(0_u32));
        let count = Rc::clone(&turns);
        let busy = create_task(async move {
            loop {
                count.set(count.get() + 1);
                yield_now().await;
            }
        });
        let (left, right) = descriptors();
        let reader = create_task(async move { read(&right, 9).await.unwrap() });
        for _ in 0..100 {
            yield_now().await;
        }
        let before = turns.get();
        left.get_ref().write_all(b"x").unwrap();
        assert_eq!(reader.await, b"x");
        let meanwhile = turns.get() - before;
        assert!(meanwhile < 200, "{meanwhile} turns of others while a reader was ready");
        busy.cancel();
    });
}

#[test]
fn a_virtual_clock_stands_still_while_a_descriptor_is_ready_and_waits_for_one_when_nothing_else_is_left() {
    let lp = virtual_loop();
    lp.run_until_complete(async {
        let (left, right) = descriptors();
        let start = now();
        let sleeper = create_task(sleep(Duration::from_secs(3_600)));
        left.get_ref().write_all(b"x").unwrap();
        assert_eq!((read(&right, 9).await.unwrap(), now()), (b"x".to_vec(), start));
        sleeper.await;
        assert_eq!(now() - start, Duration::from_secs(3_600));
        let mut other = left.get_ref().try_clone().unwrap();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(ms(5));
            other.write_all(b"y").unwrap();
        });
        assert_eq!(read(&right, 9).await.unwrap(), b"y");
        thread.join().unwrap();
    })
    .unwrap();
}

// Several at once, and one for ever.

#[test]
fn several_tasks_that_wait_for_one_direction_are_all_woken_in_the_order_in_which_they_came() {
    run_real(async {
        let (left, right) = descriptors();
        let (right, log) = (Rc::new(right), Rc::new(RefCell::new(Vec::new())));
        let readers: Vec<_> = (0..4)
            .map(|i| {
                let (right, log) = (Rc::clone(&right), Rc::clone(&log));
                create_task(async move {
                    let word = read(&right, 1).await.unwrap();
                    log.borrow_mut().push((i, word));
                })
            })
            .collect();
        yield_now().await;
        left.get_ref().write_all(b"ab").unwrap();
        sleep(ms(2)).await;
        assert_eq!(*log.borrow(), [(0, b"a".to_vec()), (1, b"b".to_vec())]);
        left.get_ref().write_all(b"cd").unwrap();
        gather(readers).await;
        assert_eq!(log.borrow()[2..], [(2, b"c".to_vec()), (3, b"d".to_vec())]);
    });
}

#[test]
fn one_of_several_who_wait_is_cancelled_and_the_others_wait_on() {
    run_real(async {
        let (left, right) = descriptors();
        let right = Rc::new(right);
        let mut readers: Vec<_> = (0..3)
            .map(|_| {
                let right = Rc::clone(&right);
                create_task(async move { catch_cancelled(read(&right, 1)).await.map(Result::unwrap) })
            })
            .collect();
        yield_now().await;
        readers[0].cancel();
        yield_now().await;
        left.get_ref().write_all(b"ab").unwrap();
        assert!(readers.remove(0).await.is_err());
        assert_eq!(readers.remove(0).await.unwrap(), b"a");
        assert_eq!(readers.remove(0).await.unwrap(), b"b");
    });
}

#[test]
fn one_that_is_polled_by_several_wakers_keeps_one_place() {
    run_real(async {
        let (left, right) = descriptors();
        let mut first = Box::pin(right.readable());
        for _ in 0..3 {
            assert!(futures::poll!(&mut first).is_pending());
        }
        let second = async {
            yield_now().await;
            left.get_ref().write_all(b"x").unwrap();
        };
        futures::future::join(first, second).await;
        assert_eq!(read(&right, 9).await.unwrap(), b"x");
    });
}

/// How often another task has had its turn while `tries` makes 64,000 tries without waiting once.
async fn turns_beside(tries: impl AsyncFn()) -> u32 {
    let turns = Rc::new(Cell::new(0));
    let counted = Rc::clone(&turns);
    let other = create_task(async move {
        loop {
            counted.set(counted.get() + 1);
            yield_now().await;
        }
    });
    tries().await;
    other.cancel();
    turns.get()
}

#[test]
fn a_loop_of_tries_lets_others_have_their_turn() {
    const TRIES: u32 = 64_000;
    run_real(async {
        let (left, right) = oneloop::net::UnixStream::pair().unwrap();
        drop(left); // at its end, so it is always ready
        let reads = async || {
            let mut done = 0;
            while done < TRIES {
                match right.try_read(&mut [0; 9]) {
                    Ok(_) => done += 1,
                    Err(_) => right.readable().await,
                }
            }
        };
        let turns = turns_beside(reads).await;
        assert!(turns >= TRIES / 65, "{turns} turns");

        let (null, _) = pair();
        let descriptor = Descriptor::new(null).unwrap();
        let writes = async || {
            let mut done = 0;
            while done < TRIES {
                match descriptor.try_write_with(|_| Ok(())) {
                    Ok(()) => done += 1,
                    Err(_) => descriptor.writable().await,
                }
            }
        };
        let turns = turns_beside(writes).await;
        assert!(turns >= TRIES / 65, "{turns} turns");

        // one that waits each time as well
        let both = async || {
            for _ in 0..TRIES {
                descriptor.writable().await;
                let _ = descriptor.try_write_with(|_| Ok(()));
            }
        };
        let turns = turns_beside(both).await;
        assert!(turns >= TRIES / 65, "{turns} turns");
    });
}

#[test]
fn a_callback_may_try_as_often_as_it_likes() {
    run_real(async {
        let (left, _right) = descriptors();
        let (done, tried) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let (count, all) = (Rc::clone(&done), Rc::clone(&tried));
        EventLoop::current().call_soon(move || {
            for _ in 0..1_000 {
                all.set(all.get() + 1);
                count.set(count.get() + u32::from(left.try_write_with(|_| Ok(())).is_ok()));
            }
        });
        while tried.get() == 0 {
            yield_now().await;
        }
        assert_eq!(done.get(), 1_000);
    });
}

#[test]
fn outside_a_step_an_operation_goes_through_although_too_many_did_before() {
    let lp = real_loop();
    let _in = lp.enter();
    let (left, _right) = descriptors();
    for _ in 0..200 {
        // no task, so no step begins anew
        assert!(futures::executor::block_on(left.write_with(|_| Ok(()))).is_ok());
    }
}

#[test]
fn an_error_that_is_over_does_not_make_a_half_ready_for_ever() {
    run_real(async {
        let bind = || std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        // a connected socket receives from its peer alone, and keeps the port from others
        let (elsewhere, held, socket) = (bind(), bind(), bind());
        held.connect(elsewhere.local_addr().unwrap()).unwrap();
        socket.set_nonblocking(true).unwrap();
        socket.connect(held.local_addr().unwrap()).unwrap();
        socket.send(b"x").unwrap();
        let socket = Descriptor::new(socket).unwrap();
        let tries = Cell::new(0);
        let receive = || {
            socket.read_with(|socket| {
                tries.set(tries.get() + 1);
                socket.recv(&mut [0; 9])
            })
        };
        assert_eq!(receive().await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert!(timeout(ms(20), receive()).await.is_err());
        assert!(tries.get() <= 3, "{} tries", tries.get());
    });
}

#[test]
fn an_event_that_comes_while_the_waker_is_cloned_ends_the_wait() {
    let lp = real_loop();
    let _in = lp.enter();
    let (ours, theirs) = pair();
    let ours = Descriptor::new(ours).unwrap();
    let nested = lp.clone();
    let waker = waker_that_calls_when_cloned(move || {
        (&theirs).write_all(b"x").unwrap();
        nested.run_until_complete(async { sleep(Duration::from_millis(1)).await }).unwrap();
    });
    let mut byte = [0];
    let mut read = pin!(ours.read_with(|mut stream| stream.read(&mut byte)));
    let polled = read.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(matches!(polled, Poll::Ready(Ok(1))), "{polled:?}");
}
