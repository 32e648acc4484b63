//! CPython's `test_base_events.py`, the parts on watched descriptors and on the default executor.

use std::cell::Cell;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::mpsc;

use oneloop::{EventLoop, ThreadPool, TimeoutError, to_thread};

use crate::support::{ms, secs, virtual_loop};

mod base_event_loop_tests {
    use super::*;

    #[test]
    fn test_single_selecter_event_callback_after_stopping() {
        let lp = virtual_loop();
        let (mut left, right) = UnixStream::pair().unwrap();
        let right = Rc::new(right);
        let (callcount, watched) = (Rc::new(Cell::new(0)), Rc::clone(&right));
        let counts = Rc::clone(&callcount);
        lp.add_reader(&*right, move || {
            counts.set(counts.get() + 1);
            let watched = Rc::clone(&watched);
            EventLoop::current().call_soon(move || EventLoop::current().remove_reader(&*watched));
        })
        .unwrap();
        left.write_all(b"x").unwrap();
        for _ in 0..2 {
            let stopper = lp.clone();
            lp.call_soon(move || stopper.stop());
            lp.run_forever().unwrap();
            assert_eq!(callcount.get(), 1);
        }
    }

    #[test]
    fn test_set_default_executor() {
        let (lp, mine) = (virtual_loop(), ThreadPool::new(1));
        assert_eq!(lp.run_until_complete(to_thread(|| 1)).expect("it runs"), 1);
        lp.set_default_executor(mine.clone());
        assert_eq!(mine.thread_count(), 0);
        assert_eq!(lp.run_until_complete(to_thread(|| 2)).expect("it runs"), 2);
        assert_eq!(mine.thread_count(), 1);
    }

    #[test]
    fn test_shutdown_default_executor_timeout() {
        let lp = virtual_loop();
        let (opens, opened) = mpsc::channel::<()>();
        drop(lp.run_in_executor(None, move || opened.recv_timeout(secs(60))));
        let ended = lp.run_until_complete(lp.shutdown_default_executor(ms(10)));
        assert_eq!(ended.expect("it runs"), Err(TimeoutError));
        drop(opens);
    }
}
