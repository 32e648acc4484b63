//! CPython's `test_events.py`: what a loop does with descriptors, threads, signals and processes. Must not know what
//! else it does.

#![expect(clippy::print_stdout, reason = "says what it skips")]

use std::cell::RefCell;
#[cfg(target_os = "linux")]
use std::fs::File;
use std::future::poll_fn;
use std::io::{ErrorKind, Read, Write};
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdTcpListener, TcpStream as StdTcpStream,
    UdpSocket as StdUdpSocket,
};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::{UnixListener as StdUnixListener, UnixStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use oneloop::net::{PipeReader, PipeWriter, TcpConnector, TcpListener, TcpStream, UdpSocket, pipe};
use oneloop::{
    Error, EventLoop, LoopHandle, Queue, Server, StreamReader, StreamWriter, ThreadsafeHandle, create_future,
    create_task, getaddrinfo, open_connection, open_unix_connection, sleep, start_server, start_unix_server,
};

#[cfg(feature = "signal")]
use crate::support::alone;
use crate::support::{
    PATIENCE, SECOND, assert_no_timer_is_left, ms, panic_of, real_loop, reports, reports_as, run_briefly, run_real,
    secs, socket_path, virtual_loop,
};

/// What happened, and a stop when so many things have.
#[derive(Clone, Default)]
struct Results(Arc<Mutex<Vec<&'static str>>>);

impl Results {
    fn callback(&self, arg: &'static str) -> impl FnOnce() + Send + use<> {
        let results = Arc::clone(&self.0);
        move || {
            results.lock().unwrap().push(arg);
            if results.lock().unwrap().len() >= 2 {
                EventLoop::current().stop();
            }
        }
    }

    fn seen(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }
}

/// A callback that takes a while; whether it has ended; and its handle, when it has begun.
fn begun(handle: &LoopHandle, results: &Results) -> (ThreadsafeHandle, Arc<AtomicBool>) {
    let (over, (begins, began)) = (Arc::new(AtomicBool::new(false)), mpsc::channel());
    let (ends, results) = (Arc::clone(&over), results.callback("hello"));
    let call = handle.call_soon_threadsafe(move || {
        begins.send(()).expect("the thread waits");
        results();
        thread::sleep(ms(30)); // while the other thread asks
        ends.store(true, Ordering::Release);
    });
    began.recv_timeout(PATIENCE).expect("it begins");
    (call.expect("the loop is open"), over)
}

/// Runs the loop until `f`, on another thread, has ended.
fn beside<R: Send + 'static>(lp: &EventLoop, f: impl FnOnce(&LoopHandle) -> R + Send + 'static) -> R {
    let handle = lp.remote();
    let thread = thread::spawn(move || {
        let result = f(&handle);
        handle.stop();
        result
    });
    lp.call_later(PATIENCE, || EventLoop::current().stop());
    lp.run_forever().expect("it is stopped");
    thread.join().expect("it does not panic")
}

mod event_loop_tests_mixin {
    use super::*;

    fn new_event_loop() -> EventLoop {
        real_loop()
    }

    /// Runs until `done` says so.
    fn run_until(lp: &EventLoop, done: impl Fn() -> bool) {
        for _ in 0..1_000 {
            if done() {
                return;
            }
            lp.stop();
            lp.run_forever().expect("one iteration");
        }
        panic!("it does not come about");
    }

    #[test]
    fn test_reader_callback() {
        let lp = new_event_loop();
        let (r, w) = UnixStream::pair().unwrap();
        r.set_nonblocking(true).unwrap();
        let (fd, w, bytes_read) = (r.as_raw_fd(), Rc::new(w), Rc::new(RefCell::new(Vec::new())));
        let heard = Rc::clone(&bytes_read);
        let reader = move || {
            let mut buffer = [0; 1024];
            match (&r).read(&mut buffer) {
                Ok(0) => assert!(EventLoop::current().remove_reader(&fd)),
                Ok(n) => heard.borrow_mut().extend_from_slice(&buffer[..n]),
                Err(e) => assert_eq!(e.kind(), ErrorKind::WouldBlock),
            }
        };
        lp.add_reader(&fd, reader).unwrap();
        let send = |bytes: &'static [u8]| {
            let w = Rc::clone(&w);
            lp.call_soon(move || (&*w).write_all(bytes).unwrap());
        };
        send(b"abc");
        run_until(&lp, || bytes_read.borrow().len() >= 3);
        send(b"def");
        run_until(&lp, || bytes_read.borrow().len() >= 6);
        drop(w);
        run_until(&lp, || Rc::strong_count(&bytes_read) == 1);
        assert!(!lp.remove_reader(&fd)); // it has removed itself at the end
        assert_eq!(*bytes_read.borrow(), b"abcdef");
    }

    #[test]
    fn test_writer_callback() {
        let lp = new_event_loop();
        let (mut r, w) = UnixStream::pair().unwrap();
        w.set_nonblocking(true).unwrap();
        let (fd, stopper) = (w.as_raw_fd(), lp.clone());
        let data = [b'x'; 1024];
        let writer = move || {
            (&w).write_all(&data).unwrap();
            stopper.stop();
        };
        lp.add_writer(&fd, writer).unwrap();
        lp.run_forever().unwrap();
        assert!(lp.remove_writer(&fd));
        assert!(!lp.remove_writer(&fd));
        let mut read = Vec::new();
        r.read_to_end(&mut read).unwrap(); // what the writer held was closed with it
        assert_eq!(read, data);
    }

    #[test]
    fn test_remove_fds_after_closing() {
        let lp = new_event_loop();
        let (r, w) = UnixStream::pair().unwrap();
        lp.add_reader(&r, || {}).unwrap();
        lp.add_writer(&w, || {}).unwrap();
        lp.close().unwrap();
        assert!(!lp.remove_reader(&r));
        assert!(!lp.remove_writer(&w));
    }

    #[test]
    fn test_add_fds_after_closing() {
        let lp = new_event_loop();
        let (r, w) = UnixStream::pair().unwrap();
        lp.close().unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| lp.add_reader(&r, || {}))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| lp.add_writer(&w, || {}))).is_err());
    }

    /// A handler, and how often it was called.
    #[cfg(feature = "signal")]
    fn counter() -> (Rc<std::cell::Cell<u32>>, impl FnMut() + 'static) {
        let caught = Rc::new(std::cell::Cell::new(0));
        let count = Rc::clone(&caught);
        (caught, move || count.set(count.get() + 1))
    }

    #[cfg(feature = "signal")]
    #[test]
    fn test_add_signal_handler() {
        use oneloop::error::SignalError;
        use oneloop::signal::{SIGINT, SIGKILL};

        alone(|| {
            let (lp, (caught, handler)) = (new_event_loop(), counter());
            for signal in [1000, 0, -1] {
                assert!(matches!(lp.add_signal_handler(signal, || ()), Err(SignalError::Invalid(_))));
                assert!(!lp.remove_signal_handler(signal));
            }
            assert!(matches!(lp.add_signal_handler(SIGKILL, || ()), Err(SignalError::Forbidden(_))));
            assert!(!lp.remove_signal_handler(SIGKILL));
            lp.add_signal_handler(SIGINT, handler).unwrap();
            signal_hook::low_level::raise(SIGINT).unwrap();
            run_until(&lp, || caught.get() == 1);
            // that the default is back, a test of signals shows
            assert!(lp.remove_signal_handler(SIGINT));
            assert!(!lp.remove_signal_handler(SIGINT));
        });
    }

    #[cfg(feature = "signal")]
    #[test]
    fn test_signal_handling_while_selecting() {
        use oneloop::signal::SIGALRM;

        alone(|| {
            let (lp, (caught, mut handler)) = (new_event_loop(), counter());
            lp.add_signal_handler(SIGALRM, move || {
                handler();
                EventLoop::current().stop();
            })
            .unwrap();
            let (selects, selecting) = mpsc::channel();
            lp.call_soon(move || selects.send(()).unwrap());
            let sender = thread::spawn(move || {
                selecting.recv().unwrap();
                signal_hook::low_level::raise(SIGALRM).unwrap();
            });
            lp.call_later(secs(60), || EventLoop::current().stop());
            lp.run_forever().unwrap();
            sender.join().unwrap();
            assert_eq!(caught.get(), 1);
        });
    }

    #[cfg(feature = "signal")]
    #[test]
    fn test_signal_handling_args() {
        use oneloop::signal::SIGALRM;

        alone(|| {
            let (lp, (caught, mut handler)) = (new_event_loop(), counter());
            let some_args = (42,);
            lp.add_signal_handler(SIGALRM, move || {
                handler();
                assert_eq!(some_args, (42,));
            })
            .unwrap();
            signal_hook::low_level::raise(SIGALRM).unwrap();
            run_until(&lp, || caught.get() == 1);
        });
    }

    #[test]
    fn test_call_soon_threadsafe() {
        let (lp, results) = (real_loop(), Results::default());
        let (handle, callback) = (lp.remote(), results.callback("hello"));
        let sent = thread::spawn(move || handle.call_soon_threadsafe(callback).map(drop)).join();
        sent.expect("it does not panic").expect("the loop is open");
        lp.call_soon(results.callback("world"));
        lp.run_forever().expect("it is stopped");
        assert_eq!(results.seen(), ["hello", "world"]);
    }

    #[test]
    fn test_call_soon_threadsafe_handle_block_check_cancelled() {
        let (lp, results) = (real_loop(), Results::default());
        let asked = results.clone();
        let (cancelled, over) = beside(&lp, move |handle| {
            let (call, over) = begun(handle, &asked);
            (call.cancelled(), over.load(Ordering::Acquire))
        });
        assert_eq!((cancelled, over), (false, true), "the answer comes when the callback has ended");
        assert_eq!(results.seen(), ["hello"]);
    }

    #[test]
    fn test_call_soon_threadsafe_handle_block_cancellation() {
        let (lp, results) = (real_loop(), Results::default());
        let asked = results.clone();
        let (cancelled, over) = beside(&lp, move |handle| {
            let (call, over) = begun(handle, &asked);
            call.cancel();
            let over = over.load(Ordering::Acquire);
            (call.cancelled(), over)
        });
        assert_eq!((cancelled, over), (true, true), "it comes too late, and returns when the callback has ended");
        assert_eq!(results.seen(), ["hello"]);
    }

    #[test]
    fn test_call_soon_threadsafe_handle_cancel_same_thread() {
        let (lp, results) = (real_loop(), Results::default());
        let call = lp.remote().call_soon_threadsafe(results.callback("hello")).expect("the loop is open");
        call.cancel();
        assert!(call.cancelled());
        lp.run_until_complete(async {}).expect("it runs");
        assert!(results.seen().is_empty());
    }

    #[test]
    fn test_call_soon_threadsafe_handle_cancel_other_thread() {
        let (lp, results) = (real_loop(), Results::default());
        let asked = results.clone();
        beside(&lp, move |handle| {
            // the loop is kept busy until the call is cancelled
            let (done, wait) = mpsc::channel::<()>();
            handle.call_soon_threadsafe(move || wait.recv_timeout(PATIENCE)).expect("the loop is open");
            let call = handle.call_soon_threadsafe(asked.callback("hello")).expect("the loop is open");
            let cancels = call.clone();
            thread::spawn(move || cancels.cancel()).join().expect("it does not panic");
            assert!(call.cancelled());
            drop(done);
        });
        assert!(results.seen().is_empty());
    }

    #[test]
    fn test_call_soon_threadsafe_same_thread() {
        let (lp, results) = (real_loop(), Results::default());
        lp.remote().call_soon_threadsafe(results.callback("hello")).expect("the loop is open");
        lp.call_soon(results.callback("world"));
        lp.run_forever().expect("it is stopped");
        assert_eq!(results.seen(), ["hello", "world"]);
    }

    #[test]
    fn test_run_in_executor() {
        let lp = real_loop();
        let arg = "yo".to_owned();
        let job = lp.run_in_executor(None, move || (arg, thread::current().id()));
        let (arg, thread) = lp.run_until_complete(job).expect("it ends");
        assert_eq!(arg, "yo");
        assert_ne!(thread, thread::current().id());
    }

    #[test]
    fn test_run_in_executor_cancel() {
        let lp = real_loop();
        let (ends, ended) = mpsc::channel();
        let job = lp.run_in_executor(None, move || {
            thread::sleep(ms(20)); // until it is cancelled
            ends.send(()).expect("the test waits");
        });
        job.cancel();
        let shut = lp.run_until_complete(lp.shutdown_default_executor(PATIENCE));
        assert_eq!(shut.expect("it runs"), Ok(()));
        lp.close().expect("it does not run");
        // it ran to its end unless it was withdrawn before it began; either way nothing comes to the closed loop
        let _ = ended.recv_timeout(PATIENCE);
        assert!(job.cancelled());
    }

    /// Runs `peer`, which may block, on a thread beside the loop.
    fn peer<R: Send + 'static>(peer: impl FnOnce() -> R + Send + 'static) -> thread::JoinHandle<R> {
        thread::spawn(peer)
    }

    // Runs and callbacks.

    #[test]
    fn test_run_until_complete_nesting() {
        let (lp, ran) = (virtual_loop(), Rc::new(RefCell::new(false)));
        let inner_ran = Rc::clone(&ran);
        let nested = lp.run_until_complete(async {
            assert!(lp.is_running());
            lp.run_until_complete(async move { inner_ran.replace(true) })
        });
        assert!(matches!(nested, Ok(Err(Error::Running))));
        assert!(!*ran.borrow());
        assert!(!lp.is_running());
    }

    #[test]
    fn test_run_until_complete() {
        let delay = ms(100);
        let lp = virtual_loop();
        let before = lp.time();
        lp.run_until_complete(sleep(delay)).expect("it ends");
        assert_eq!(lp.time() - before, delay);
        // by the machine's clock it may take longer
        let (lp, delay) = (new_event_loop(), ms(5));
        let before = lp.time();
        lp.run_until_complete(sleep(delay)).expect("it ends");
        assert!(lp.time() - before >= delay);
    }

    #[test]
    fn test_run_until_complete_stopped() {
        let (lp, ended) = (virtual_loop(), Rc::new(RefCell::new(false)));
        let ends = Rc::clone(&ended);
        let stopped = lp.run_until_complete(async {
            lp.stop();
            sleep(ms(100)).await;
            ends.replace(true);
        });
        assert!(matches!(stopped, Err(Error::Stopped)));
        assert!(!*ended.borrow());
    }

    #[test]
    fn test_call_later() {
        let (lp, results) = (virtual_loop(), Rc::new(RefCell::new(Vec::new())));
        let (before, heard) = (lp.time(), Rc::clone(&results));
        lp.call_later(ms(100), move || {
            heard.borrow_mut().push("hello world");
            EventLoop::current().stop();
        });
        lp.run_forever().expect("it is stopped");
        assert_eq!(*results.borrow(), ["hello world"]);
        assert_eq!(lp.time() - before, ms(100));
    }

    #[test]
    fn test_call_soon() {
        let (lp, results) = (virtual_loop(), Rc::new(RefCell::new(Vec::new())));
        let (arg1, arg2, heard) = ("hello".to_owned(), "world".to_owned(), Rc::clone(&results));
        lp.call_soon(move || {
            heard.borrow_mut().push((arg1, arg2));
            EventLoop::current().stop();
        });
        assert!(results.borrow().is_empty()); // not before the loop runs
        lp.run_forever().expect("it is stopped");
        assert_eq!(*results.borrow(), [("hello".to_owned(), "world".to_owned())]);
    }

    #[test]
    fn test_timeout_rounding() {
        let (lp, mut polls) = (new_event_loop(), 0);
        let delays = [1e-2, 1e-4, 1e-6, 1e-8, 1e-10].map(Duration::from_secs_f64);
        let before = lp.time();
        let mut waits = Box::pin(async move {
            for delay in delays {
                sleep(delay).await;
            }
        });
        let counted = poll_fn(|cx| {
            polls += 1;
            waits.as_mut().poll(cx)
        });
        lp.run_until_complete(counted).expect("it ends");
        assert!(lp.time() - before >= delays.iter().sum::<Duration>());
        assert_eq!(polls, 6, "each sleep wakes its task once, in time");
    }

    #[test]
    fn test_close_running_event_loop() {
        let lp = virtual_loop();
        let closed = lp.run_until_complete(async { lp.close() });
        assert!(matches!(closed, Ok(Err(Error::StillRunning))));
        assert!(!lp.is_closed());
    }

    #[test]
    fn test_close() {
        fn refused<R>(what: impl FnOnce() -> R) -> bool {
            panic_of(what).contains("closed")
        }
        let (lp, delay) = (new_event_loop(), SECOND);
        let handle = lp.remote();
        lp.close().expect("it does not run");
        assert!(lp.is_closed());
        assert!(matches!(lp.run_forever(), Err(Error::Closed)));
        assert!(matches!(lp.run_until_complete(lp.create_future::<()>()), Err(Error::Closed)));
        assert!(refused(|| lp.call_soon(|| false)));
        assert!(handle.call_soon_threadsafe(|| false).is_err());
        assert!(refused(|| lp.call_later(delay, || false)));
        assert!(refused(|| lp.call_at(lp.time(), || false)));
        assert!(refused(|| lp.create_task(async {})));
        #[cfg(feature = "signal")]
        assert!(refused(|| lp.add_signal_handler(oneloop::signal::SIGTERM, || ())));
        assert!(refused(|| lp.run_in_executor(None, || false)));
    }

    // Connections.

    /// A server on a thread that greets one client and closes.
    fn greeter() -> (SocketAddr, thread::JoinHandle<SocketAddr>) {
        let listener = StdTcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let greets = peer(move || {
            let (mut client, from) = listener.accept().unwrap();
            client.write_all(b"Test message").unwrap();
            from
        });
        (address, greets)
    }

    /// A port that was free a moment ago.
    fn unused_port() -> u16 {
        StdTcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    #[test]
    fn test_create_connection() {
        let (address, greets) = greeter();
        run_real(async {
            let (reader, writer) = open_connection(address).await.unwrap();
            assert_eq!(reader.read_to_end().await.unwrap(), b"Test message");
            assert_eq!(writer.peer_addr().unwrap(), address);
            let local = writer.local_addr().unwrap();
            writer.close();
            writer.wait_closed().await.unwrap();
            assert_eq!(greets.join().unwrap(), local);
        });
    }

    #[test]
    fn test_create_unix_connection() {
        let path = socket_path("connection");
        let listener = StdUnixListener::bind(&path).unwrap();
        let greets = peer(move || listener.accept().unwrap().0.write_all(b"Test message").unwrap());
        run_real(async {
            let (reader, writer) = open_unix_connection(&path).await.unwrap();
            assert_eq!(reader.read_to_end().await.unwrap(), b"Test message");
            writer.close();
            writer.wait_closed().await.unwrap();
        });
        greets.join().unwrap();
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn test_create_connection_local_addr() {
        let (address, greets) = greeter();
        let stream = run_real(async {
            // another program may take the port
            for _ in 0..5 {
                let port = unused_port();
                let connector = TcpConnector::new().local_addr(([127, 0, 0, 1], port));
                match connector.connect(address).await {
                    Ok(stream) => {
                        assert_eq!(stream.local_addr().unwrap(), SocketAddr::from(([127, 0, 0, 1], port)));
                        return stream.into_std();
                    }
                    Err(e) => assert_eq!(e.kind(), ErrorKind::AddrInUse),
                }
            }
            panic!("no port is free");
        });
        assert_eq!(greets.join().unwrap(), stream.local_addr().unwrap());
    }

    const LOCAL_V6: (Ipv6Addr, u16) = (Ipv6Addr::LOCALHOST, 0);

    #[test]
    fn test_create_connection_local_addr_skip_different_family() {
        run_real(async {
            // the address of the other family is passed over, and the attempt fails for its own reason
            let connector = TcpConnector::new().local_addr(LOCAL_V6).local_addr(([127, 0, 0, 1], 0));
            let error = connector.connect(([127, 0, 0, 1], 1)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
            // and succeeds where there is a listener
            let (address, greets) = greeter();
            let stream = connector.connect(address).await.unwrap();
            assert_eq!(greets.join().unwrap(), stream.local_addr().unwrap());
        });
    }

    #[test]
    fn test_create_connection_local_addr_nomatch_family() {
        run_real(async {
            let listener = StdTcpListener::bind("127.0.0.1:0").unwrap();
            let connector = TcpConnector::new().local_addr(LOCAL_V6);
            let error = connector.connect(listener.local_addr().unwrap()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
            listener.set_nonblocking(true).unwrap();
            assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock); // it was not even tried
        });
    }

    #[test]
    fn test_create_connection_local_addr_in_use() {
        run_real(async {
            let listener = StdTcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            let error = TcpConnector::new().local_addr(address).connect(address).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddrInUse);
            assert!(error.to_string().contains(&format!("bind on {address}")), "{error}");
        });
    }

    #[test]
    fn test_connect_accepted_socket() {
        let listener = StdTcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = peer(move || {
            let mut stream = StdTcpStream::connect(address).unwrap();
            stream.write_all(b"test data").unwrap();
            let mut response = Vec::new();
            stream.read_to_end(&mut response).unwrap();
            response
        });
        let (accepted, _) = listener.accept().unwrap();
        run_real(async {
            let (reader, writer) = TcpStream::from_std(accepted).unwrap().into_streams();
            assert_eq!(reader.readexactly(9).await.unwrap(), b"test data");
            writer.write("roger");
            writer.close();
            writer.wait_closed().await.unwrap();
        });
        assert_eq!(client.join().unwrap(), b"roger");
    }

    // Servers.

    async fn nothing(_reader: StreamReader, _writer: StreamWriter) {}

    /// A handler that reads `xxx` and hands its client over.
    fn hears_xxx(came: &oneloop::Future<StreamWriter>) -> impl AsyncFn(StreamReader, StreamWriter) + use<> {
        let came = came.clone();
        async move |reader: StreamReader, writer: StreamWriter| {
            assert_eq!(reader.readexactly(3).await.unwrap(), b"xxx");
            came.set_result(writer).expect("one client");
        }
    }

    fn says_xxx(mut stream: impl Read + Write) {
        stream.write_all(b"xxx").unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }

    async fn close_client(writer: &StreamWriter) {
        writer.close();
        writer.wait_closed().await.unwrap();
    }

    /// Listens on these hosts, some twice, and tells on which it does.
    fn served_hosts(hosts: &[IpAddr]) -> Vec<IpAddr> {
        run_real(async {
            let to: Vec<SocketAddr> = hosts.iter().map(|host| (*host, 0).into()).collect();
            let server = start_server(nothing, to).await.unwrap();
            let hosts = server.local_addrs().iter().map(SocketAddr::ip).collect();
            server.close();
            hosts
        })
    }

    #[test]
    fn test_create_server_multiple_hosts_ipv4() {
        let [one, two] = [Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED].map(IpAddr::from);
        assert_eq!(served_hosts(&[one, two, one]), [one, two]);
    }

    /// Whether this machine has IPv6; says so if not.
    fn has_ipv6() -> bool {
        let has = StdTcpListener::bind(LOCAL_V6).is_ok();
        if !has {
            println!("skipped: there is no IPv6");
        }
        has
    }

    #[test]
    fn test_create_server_multiple_hosts_ipv6() {
        if has_ipv6() {
            let [one, two] = [Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED].map(IpAddr::from);
            assert_eq!(served_hosts(&[one, two, one]), [one, two]);
        }
    }

    #[test]
    fn test_create_server() {
        run_real(async {
            let came = create_future();
            let server = start_server(hears_xxx(&came), ("0.0.0.0", 0)).await.unwrap();
            let [address] = server.local_addrs()[..] else { panic!("one socket") };
            assert!(address.ip().is_unspecified() && address.is_ipv4());
            let to = ([127, 0, 0, 1], address.port()).into();
            let client = peer(move || says_xxx(StdTcpStream::connect::<SocketAddr>(to).unwrap()));
            let writer = came.await;
            assert_eq!(writer.local_addr().unwrap(), to);
            assert_eq!(writer.peer_addr().unwrap().ip(), Ipv4Addr::LOCALHOST);
            close_client(&writer).await;
            client.join().unwrap();
            server.close();
            server.wait_closed().await;
        });
    }

    #[test]
    fn test_create_server_trsock() {
        run_real(async {
            let server = start_server(nothing, ("0.0.0.0", 0)).await.unwrap();
            let [sock] = &server.sockets()[..] else { panic!("one socket") };
            assert!(sock.local_addr().unwrap().ip().is_unspecified());
            let dup = sock.with(|listener| listener.as_fd().try_clone_to_owned()).unwrap().unwrap();
            let dup = StdTcpListener::from(dup);
            assert_eq!(dup.local_addr().ok(), sock.local_addr());
            assert_eq!(dup.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "nor does the server's block");
            server.close();
        });
    }

    #[test]
    fn test_create_server_reuse_port() {
        run_real(async {
            for reuse in [false, true] {
                let builder = || Server::builder().reuse_port(reuse);
                let server = builder().listen(nothing, ("0.0.0.0", 0)).await.unwrap();
                let [address] = server.local_addrs()[..] else { panic!("one socket") };
                let second = builder().listen(nothing, address).await;
                assert_eq!(
                    second.as_ref().map_err(std::io::Error::kind).err(),
                    (!reuse).then_some(ErrorKind::AddrInUse)
                );
                server.close();
                if let Ok(second) = second {
                    assert_eq!(second.local_addrs(), [address]);
                    second.close();
                }
                run_briefly().await;
            }
        });
    }

    #[test]
    fn test_create_unix_server() {
        let path = socket_path("server");
        run_real(async {
            let came = create_future();
            let server = start_unix_server(hears_xxx(&came), &path).await.unwrap();
            assert!(server.is_serving());
            let to = path.clone();
            let client = peer(move || says_xxx(UnixStream::connect(to).unwrap()));
            let writer = came.await;
            assert_eq!(server.client_count(), 1);
            close_client(&writer).await;
            client.join().unwrap();
            server.close();
            server.wait_closed().await;
        });
        assert!(!path.exists());
    }

    #[test]
    fn test_create_server_sock() {
        run_real(async {
            let socket = StdTcpListener::bind("0.0.0.0:0").unwrap();
            let (fd, address) = (socket.as_raw_fd(), socket.local_addr().unwrap());
            let listener = TcpListener::from_std(socket).unwrap();
            assert_eq!(listener.as_raw_fd(), fd); // the very same, not a copy
            let came = create_future();
            let server = Server::builder().over(hears_xxx(&came), [listener]);
            assert_eq!(server.local_addrs(), [address]);
            let to = SocketAddr::from(([127, 0, 0, 1], address.port()));
            let client = peer(move || says_xxx(StdTcpStream::connect(to).unwrap()));
            close_client(&came.await).await;
            client.join().unwrap();
            server.close();
        });
    }

    #[test]
    fn test_create_server_addr_in_use() {
        run_real(async {
            let socket = StdTcpListener::bind("0.0.0.0:0").unwrap();
            let address = socket.local_addr().unwrap();
            let server = Server::builder().over(nothing, [TcpListener::from_std(socket).unwrap()]);
            let error = start_server(nothing, address).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddrInUse);
            server.close();
        });
    }

    #[test]
    fn test_create_server_dual_stack() {
        if !has_ipv6() {
            return;
        }
        run_real(async {
            let (clients, tries) = (Queue::new(0), 5);
            for tried in 1.. {
                let port = unused_port();
                let both: [IpAddr; 2] = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
                let to: Vec<SocketAddr> = both.iter().map(|host| (*host, port).into()).collect();
                let came = clients.clone();
                let hands_over = async move |reader: StreamReader, writer: StreamWriter| {
                    assert_eq!(reader.readexactly(3).await.unwrap(), b"xxx");
                    came.put_nowait(writer).expect("there is room");
                };
                let server = match start_server(hands_over, to.clone()).await {
                    Err(e) if e.kind() == ErrorKind::AddrInUse && tried < tries => continue,
                    server => server.unwrap(),
                };
                assert_eq!(server.local_addrs(), to);
                let hosts: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
                for host in hosts {
                    let client = peer(move || says_xxx(StdTcpStream::connect((host, port)).unwrap()));
                    let writer = clients.get().await.expect("it is not shut down");
                    assert_eq!(writer.peer_addr().unwrap().ip(), host); // each by the socket of its family
                    close_client(&writer).await;
                    client.join().unwrap();
                }
                server.close();
                return;
            }
        });
    }

    #[test]
    fn test_server_close() {
        run_real(async {
            let server = start_server(nothing, ("0.0.0.0", 0)).await.unwrap();
            let to = SocketAddr::from(([127, 0, 0, 1], server.local_addrs()[0].port()));
            let mut client = StdTcpStream::connect(to).unwrap();
            client.write_all(b"xxx").unwrap();
            drop(client);
            server.close();
            assert_eq!(StdTcpStream::connect(to).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        });
    }

    // Datagrams.

    fn check_datagram_endpoint(host: IpAddr) {
        run_real(async {
            let server = UdpSocket::bind((host, 0)).unwrap();
            let address = server.local_addr().unwrap();
            let client = UdpSocket::bind((host, 0)).unwrap();
            client.connect(address).unwrap();
            assert_eq!(client.peer_addr().unwrap(), address);
            client.send(b"xxx").await.unwrap();
            let mut buffer = [0; 100];
            let (count, from) = server.recv_from(&mut buffer).await.unwrap();
            assert_eq!((&buffer[..count], from), (&b"xxx"[..], client.local_addr().unwrap()));
            server.send_to(&[b"resp:", &buffer[..count]].concat(), from).await.unwrap();
            let count = client.recv(&mut buffer).await.unwrap();
            assert_eq!(&buffer[..count], b"resp:xxx");
        });
    }

    #[test]
    fn test_create_datagram_endpoint() {
        check_datagram_endpoint(Ipv4Addr::LOCALHOST.into());
    }

    #[test]
    fn test_create_datagram_endpoint_ipv6() {
        if has_ipv6() {
            check_datagram_endpoint(Ipv6Addr::LOCALHOST.into());
        }
    }

    #[test]
    fn test_create_datagram_endpoint_sock() {
        run_real(async {
            let found = getaddrinfo("127.0.0.1", 0).await.unwrap();
            let socket = StdUdpSocket::bind(&found[..]).unwrap();
            let (fd, address) = (socket.as_raw_fd(), socket.local_addr().unwrap());
            let socket = UdpSocket::from_std(socket).unwrap();
            assert_eq!((socket.as_raw_fd(), socket.local_addr().unwrap()), (fd, address));
            assert_eq!(socket.send_to(b"to itself", address).await.unwrap(), 9);
            assert_eq!(socket.recv_from(&mut [0; 99]).await.unwrap(), (9, address));
            assert_eq!(socket.into_std().as_raw_fd(), fd);
        });
    }

    #[test]
    fn test_datagram_send_to_non_listening_address() {
        async fn assert_hears(socket: &UdpSocket, text: &[u8]) {
            let mut buffer = [0; 10];
            let count = socket.recv(&mut buffer).await.unwrap();
            assert_eq!(&buffer[..count], text);
        }
        run_real(async {
            let [one, two, gone] = [(); 3].map(|()| UdpSocket::bind(([127, 0, 0, 1], 0)).unwrap());
            let [to_one, to_two, to_gone] = [&one, &two, &gone].map(|socket| socket.local_addr().unwrap());
            drop(gone);
            one.send_to(b"a", to_two).await.unwrap();
            assert_hears(&two, b"a").await;
            two.send_to(b"b", to_one).await.unwrap();
            assert_hears(&one, b"b").await;
            one.send_to(b"c", to_gone).await.unwrap();
            run_briefly().await;
            two.send_to(b"d", to_one).await.unwrap();
            assert_hears(&one, b"d").await; // it still hears
        });
    }

    // Pipes and terminals.

    #[test]
    fn test_read_pipe() {
        run_real(async {
            let (reader, mut writer) = std::io::pipe().unwrap();
            let reader = PipeReader::from_fd(reader.into()).unwrap().into_stream();
            let reads = create_task({
                let reader = reader.clone();
                async move { reader.read(10).await.unwrap() }
            });
            run_briefly().await;
            assert!(!reads.done());
            writer.write_all(b"1").unwrap();
            assert_eq!(reads.await, b"1");
            writer.write_all(b"2345").unwrap();
            assert_eq!(reader.readexactly(4).await.unwrap(), b"2345");
            assert!(!reader.at_eof());
            drop(writer);
            assert_eq!(reader.read(10).await.unwrap(), b"");
            assert!(reader.at_eof());
        });
    }

    #[test]
    fn test_unclosed_pipe_transport() {
        let lp = new_event_loop();
        let streams = lp.run_until_complete(async {
            let (reader, writer) = pipe().unwrap();
            (reader.into_stream(), writer.into_stream())
        });
        let (reader, writer) = streams.expect("it runs");
        lp.close().expect("it does not run");
        // what is left of them can still be shown, and goes quietly
        assert!(format!("{reader:?}").contains("eof: false"), "{reader:?}");
        assert!(format!("{writer:?}").contains("closing: false"), "{writer:?}");
        drop((reader, writer));
    }

    #[test]
    fn test_write_pipe() {
        run_real(async {
            let (mut reader, writer) = std::io::pipe().unwrap();
            let writer = PipeWriter::from_fd(writer.into()).unwrap().into_stream();
            let mut heard = [0; 4];
            writer.write("1");
            writer.drain().await.unwrap();
            assert_eq!(reader.read(&mut heard).unwrap(), 1);
            assert_eq!(heard[0], b'1');
            writer.write("2345");
            writer.drain().await.unwrap();
            reader.read_exact(&mut heard).unwrap();
            assert_eq!(&heard, b"2345");
            assert!(!writer.is_closing());
            drop(reader);
            writer.close();
            let _ = writer.wait_closed().await; // it may have heard that the reader is gone
            assert!(writer.is_closing());
        });
    }

    #[test]
    fn test_write_pipe_disconnect_on_close() {
        run_real(async {
            let (mut reader, writer) = UnixStream::pair().unwrap();
            let writer = PipeWriter::from_fd(writer.into()).unwrap().into_stream();
            writer.write("1");
            writer.drain().await.unwrap();
            let mut byte = [0];
            reader.read_exact(&mut byte).unwrap();
            assert_eq!(&byte, b"1");
            assert!(!writer.is_closing());
            drop(reader);
            // asyncio watches for this; here it is the next write that meets it, and no close is needed then
            writer.write("2");
            assert_eq!(writer.wait_closed().await.unwrap_err().kind(), ErrorKind::BrokenPipe);
            assert!(writer.is_closing());
        });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn test_read_pty_output() {
        let Ok(mut master) = File::options().read(true).write(true).open("/dev/ptmx") else {
            println!("skipped: there are no terminals");
            return;
        };
        run_real(async {
            let reader = PipeReader::from_fd(master.try_clone().unwrap().into()).unwrap().into_stream();
            // no program has opened the terminal: what it gives is the echo of what is typed
            master.write_all(b"1").unwrap();
            assert_eq!(reader.read(10).await.unwrap(), b"1");
            master.write_all(b"2345").unwrap();
            assert_eq!(reader.readexactly(4).await.unwrap(), b"2345");
            assert!(!reader.at_eof());
        });
    }

    /// The other side of a terminal in raw mode, and the terminal's path. `script` keeps it, since the standard library
    /// opens none.
    #[cfg(target_os = "linux")]
    struct Terminal {
        keeper: std::process::Child,
        typed: StreamWriter,
        shown: StreamReader,
        path: String,
    }

    #[cfg(target_os = "linux")]
    impl Terminal {
        async fn open() -> Option<Self> {
            use std::process::{Command, Stdio};

            let mut script = Command::new("script");
            script.args(["-q", "-c", "stty raw -echo; tty; exec sleep 60", "/dev/null"]);
            let Ok(mut keeper) = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
                println!("skipped: there is no script(1)");
                return None;
            };
            let typed = PipeWriter::from_fd(keeper.stdin.take().unwrap().into()).unwrap().into_stream();
            let shown = PipeReader::from_fd(keeper.stdout.take().unwrap().into()).unwrap().into_stream();
            let path = String::from_utf8(shown.readline().await.unwrap()).unwrap().trim_end().to_owned();
            Some(Self { keeper, typed, shown, path })
        }

        fn file(&self) -> File {
            File::options().read(true).write(true).open(&self.path).unwrap()
        }

        async fn assert_shows(&self, text: &str) {
            assert_eq!(self.shown.readexactly(text.len()).await.unwrap(), text.as_bytes());
        }
    }

    #[cfg(target_os = "linux")]
    impl Drop for Terminal {
        fn drop(&mut self) {
            self.keeper.kill().unwrap();
            self.keeper.wait().unwrap();
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn test_write_pty() {
        run_real(async {
            let Some(terminal) = Terminal::open().await else { return };
            let writer = PipeWriter::from_fd(terminal.file().into()).unwrap().into_stream();
            writer.write("1");
            terminal.assert_shows("1").await;
            writer.write("2345");
            terminal.assert_shows("2345").await;
            assert!(!writer.is_closing());
            drop(terminal);
            writer.close();
            let _ = writer.wait_closed().await; // it may have heard that the terminal is gone
            assert!(writer.is_closing());
        });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn test_bidirectional_pty() {
        run_real(async {
            let Some(terminal) = Terminal::open().await else { return };
            let reader = PipeReader::from_fd(terminal.file().into()).unwrap().into_stream();
            let writer = PipeWriter::from_fd(terminal.file().into()).unwrap().into_stream();
            for (shown, typed) in [("1", "a"), ("2345", "bcde")] {
                writer.write(shown);
                terminal.assert_shows(shown).await;
                terminal.typed.write(typed);
                assert_eq!(reader.readexactly(typed.len()).await.unwrap(), typed.as_bytes());
                assert!(!reader.at_eof() && !writer.is_closing());
            }
            drop(terminal);
            let _ = reader.read(1).await; // the end, or that the terminal is gone
            writer.close();
            let _ = writer.wait_closed().await;
            assert!(writer.is_closing());
        });
    }
}

mod handle_tests {
    use super::*;

    #[test]
    fn test_handle() {
        let lp = virtual_loop();
        let callback = Rc::new(());
        let held = Rc::clone(&callback);
        let handle = lp.call_soon(move || panic!("{held:?} runs"));
        assert!(!handle.cancelled());
        assert_eq!(Rc::strong_count(&callback), 2);
        handle.cancel();
        assert!(handle.cancelled());
        assert_eq!(Rc::strong_count(&callback), 1);
        let reports = reports(&lp);
        lp.run_until_complete(run_briefly()).expect("it runs");
        assert!(reports.borrow().is_empty());
    }

    #[test]
    fn test_callback_with_exception() {
        let lp = virtual_loop();
        let reports = reports_as(&lp, Clone::clone);
        let handle = lp.call_soon(|| panic!("ValueError"));
        lp.run_until_complete(run_briefly()).expect("it goes on");
        let reports = reports.borrow();
        let [context] = &reports[..] else { panic!("{reports:?}") };
        assert_eq!((context.message, context.exception.message()), ("Exception in callback", "ValueError"));
        assert_eq!(context.task, None);
        assert!(!handle.cancelled());
    }
}

mod timer_tests {
    use super::*;

    #[test]
    fn test_when() {
        let lp = virtual_loop();
        let when = lp.time() + secs(3);
        assert_eq!(lp.call_at(when, || false).when(), when);
        assert_eq!(lp.call_later(secs(3), || false).when(), when);
    }

    #[test]
    fn test_timer() {
        let lp = virtual_loop();
        let args = Rc::new((1, 2, 3));
        let held = Rc::clone(&args);
        let handle = lp.call_later(SECOND, move || panic!("{held:?} runs"));
        assert!(!handle.cancelled());
        assert_eq!(Rc::strong_count(&args), 2);
        handle.cancel();
        assert!(handle.cancelled());
        assert_eq!(Rc::strong_count(&args), 1); // what it held is gone at once
        assert_no_timer_is_left(&lp);
    }

    #[test]
    fn test_timer_comparison() {
        // timers are not compared here; how they are ordered shows in how they run
        let (lp, order) = (virtual_loop(), Rc::new(RefCell::new(Vec::new())));
        let when = lp.time() + SECOND;
        let set = |name: &'static str, when| {
            let order = Rc::clone(&order);
            lp.call_at(when, move || order.borrow_mut().push(name))
        };
        let later = set("later", when + secs(10));
        let [first, second] = ["first", "second"].map(|name| set(name, when));
        let cancelled = set("cancelled", when);
        cancelled.cancel();
        assert_eq!(first.when(), second.when());
        assert_eq!(cancelled.when(), second.when());
        assert!(first.when() < later.when());
        lp.run_until_complete(sleep(secs(60))).expect("it ends");
        assert_eq!(*order.borrow(), ["first", "second", "later"]);
    }
}

mod test_server {
    use super::*;

    #[test]
    fn test_get_loop() {
        let lp = real_loop();
        let other = real_loop();
        let serving = lp.run_until_complete(async {
            let asked = create_future();
            let answer = asked.clone();
            let handler = async move |_reader: StreamReader, _writer: StreamWriter| {
                answer.set_result(EventLoop::current()).expect("one client");
            };
            let server = start_server(handler, ("127.0.0.1", 0)).await.unwrap();
            let client = open_connection(server.local_addrs()[0]).await.unwrap();
            let serving = asked.await;
            server.close();
            drop(client);
            server.wait_closed().await;
            serving
        });
        let serving = serving.expect("it ends");
        assert_eq!(serving, lp); // its clients are served where it was made
        assert_ne!(serving, other);
    }
}

#[cfg(feature = "process")]
mod subprocess_tests_mixin {
    use std::process::Stdio;
    use std::thread;

    use oneloop::signal::{SIGKILL, SIGTERM, SIGUSR1};
    use oneloop::{Process, ProcessBuilder, create_subprocess_exec, create_subprocess_shell, timeout};

    use crate::support::{ms, run};

    /// `echo.py`: what it reads, it writes at once.
    async fn echo() -> Process {
        piped(create_subprocess_exec("cat").kill_on_drop(true)).await.unwrap()
    }

    /// `echo2.py`: all that it reads, to both outputs.
    fn echo2() -> ProcessBuilder {
        create_subprocess_shell("read -r x; printf OUT:$x; printf ERR:$x >&2")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
    }

    fn piped(builder: ProcessBuilder) -> ProcessBuilder {
        builder.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped())
    }

    async fn say(process: &Process, text: &str) {
        let stdin = process.stdin.as_ref().unwrap();
        stdin.write(text);
        stdin.drain().await.unwrap();
    }

    async fn heard(process: &Process, count: usize) -> String {
        let data = process.stdout.as_ref().unwrap().readexactly(count).await.unwrap();
        String::from_utf8(data).unwrap()
    }

    /// The transport's `close()`.
    async fn assert_killed_by_closing(process: Process) {
        let end = process.wait();
        drop(process);
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&end.await), Some(SIGKILL));
    }

    #[test]
    fn test_subprocess_exec() {
        run(async {
            let process = echo().await;
            say(&process, "Python The Winner").await;
            assert_eq!(heard(&process, 17).await, "Python The Winner");
            assert_killed_by_closing(process).await;
        });
    }

    #[test]
    fn test_subprocess_interactive() {
        run(async {
            let process = echo().await;
            say(&process, "Python ").await;
            assert_eq!(heard(&process, 7).await, "Python ");
            say(&process, "The Winner").await;
            assert_eq!(heard(&process, 10).await, "The Winner");
            assert_killed_by_closing(process).await;
        });
    }

    #[test]
    fn test_subprocess_shell() {
        run(async {
            let process = piped(create_subprocess_shell("echo Python")).await.unwrap();
            process.stdin.as_ref().unwrap().close();
            let (output, errors) = process.communicate("").await.unwrap();
            assert_eq!((output.trim_ascii_end(), &*errors), (&b"Python"[..], &b""[..]));
            assert_eq!(process.returncode(), Some(0));
        });
    }

    async fn end(process: &Process) -> Option<i32> {
        process.wait().await;
        process.returncode()
    }

    #[test]
    fn test_subprocess_exitcode() {
        run(async {
            let process = create_subprocess_shell("exit 7").await.unwrap();
            assert_eq!(end(&process).await, Some(7));
        });
    }

    #[test]
    fn test_subprocess_close_after_finish() {
        run(async {
            let process = create_subprocess_shell("exit 7").kill_on_drop(true).await.unwrap();
            assert!(process.stdin.is_none() && process.stdout.is_none() && process.stderr.is_none());
            assert_eq!(end(&process).await, Some(7));
            drop(process);
        });
    }

    #[test]
    fn test_subprocess_kill() {
        run(async {
            let process = echo().await;
            process.kill().unwrap();
            assert_eq!(end(&process).await, Some(-SIGKILL));
        });
    }

    #[test]
    fn test_subprocess_terminate() {
        run(async {
            let process = echo().await;
            process.terminate().unwrap();
            assert_eq!(end(&process).await, Some(-SIGTERM));
        });
    }

    #[test]
    fn test_subprocess_send_signal() {
        run(async {
            let process = echo().await;
            process.send_signal(SIGUSR1).unwrap();
            assert_eq!(end(&process).await, Some(-SIGUSR1));
        });
    }

    #[test]
    fn test_subprocess_stderr() {
        run(async {
            let process = echo2().stderr(Stdio::piped()).await.unwrap();
            let (output, errors) = process.communicate("test\n").await.unwrap();
            assert_eq!((&*output, &*errors), (&b"OUT:test"[..], &b"ERR:test"[..]));
            assert_eq!(process.returncode(), Some(0));
        });
    }

    #[test]
    fn test_subprocess_stderr_redirect_to_stdout() {
        run(async {
            let process = echo2().stderr_to_stdout().await.unwrap();
            assert!(process.stdout.is_some() && process.stderr.is_none());
            let (output, errors) = process.communicate("test\n").await.unwrap();
            assert_eq!((&*output, &*errors), (&b"OUT:testERR:test"[..], &b""[..]));
            assert_eq!(process.returncode(), Some(0));
        });
    }

    #[test]
    fn test_subprocess_close_client_stream() {
        run(async {
            // `echo3.py`: it says when its output is closed
            let text = "trap '' PIPE; while read -r x; do echo OUT:$x 2>/dev/null || echo ERR >&2; done";
            let mut process = piped(create_subprocess_shell(text).kill_on_drop(true)).await.unwrap();
            say(&process, "test\n").await;
            assert_eq!(heard(&process, 9).await, "OUT:test\n");
            process.stdout = None;
            // a child of another test may hold the other end for a moment, between its fork and its exec: what is said
            // then goes nowhere, and what is said next fails
            let heard = loop {
                say(&process, "xxx\n").await;
                let stderr = process.stderr.as_ref().unwrap();
                if let Ok(line) = timeout(ms(1), stderr.readline()).await {
                    break line.unwrap();
                }
                thread::sleep(ms(1));
            };
            assert_eq!(heard, b"ERR\n");
            assert_killed_by_closing(process).await;
        });
    }

    #[test]
    fn test_subprocess_wait_no_same_group() {
        run(async {
            let process = create_subprocess_shell("exit 7").start_new_session().await.unwrap();
            assert_eq!(end(&process).await, Some(7));
        });
    }
}
