//! CPython's `test_base_events.py`, the part on watched descriptors.

use std::cell::Cell;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use oneloop::EventLoop;

use crate::support::virtual_loop;

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
}
