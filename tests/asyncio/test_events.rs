//! CPython's `test_events.py`: what a loop does with descriptors and with threads. Must not know what else it does.

use std::cell::RefCell;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use oneloop::{EventLoop, LoopHandle, ThreadsafeHandle};

const PATIENCE: Duration = Duration::from_secs(60);

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
        thread::sleep(Duration::from_millis(30)); // while the other thread asks
        ends.store(true, Ordering::Release);
    });
    began.recv_timeout(PATIENCE).expect("it begins");
    (call.expect("the loop is open"), over)
}

/// Runs the loop until `f`, on another thread, has ended.
fn beside<R: Send + 'static>(lp: &EventLoop, f: impl FnOnce(&LoopHandle) -> R + Send + 'static) -> R {
    let handle = lp.handle();
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
        EventLoop::new().expect("a loop")
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

    fn real_loop() -> EventLoop {
        EventLoop::new().expect("a loop")
    }

    #[test]
    fn test_call_soon_threadsafe() {
        let (lp, results) = (real_loop(), Results::default());
        let (handle, callback) = (lp.handle(), results.callback("hello"));
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
        let call = lp.handle().call_soon_threadsafe(results.callback("hello")).expect("the loop is open");
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
        lp.handle().call_soon_threadsafe(results.callback("hello")).expect("the loop is open");
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
            thread::sleep(Duration::from_millis(20)); // until it is cancelled
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
}
