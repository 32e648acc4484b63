//! CPython's `test_events.py`, the part on watched descriptors.

use std::cell::RefCell;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use oneloop::EventLoop;

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
}
