//! CPython's `test_selector_events.py`, the part on watched descriptors. Where CPython looks into a mock of the
//! selector, these look at which callbacks are called, of real descriptors.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use oneloop::{EventLoop, Handle};

use crate::support::{Log, note, virtual_loop};

mod base_selector_event_loop_tests {
    use super::*;

    /// A loop, a descriptor that is readable and writable, and who was called.
    struct Watched {
        lp: EventLoop,
        left: UnixStream,
        right: UnixStream,
        log: Log<&'static str>,
    }

    impl Watched {
        fn new() -> Self {
            let (left, right) = UnixStream::pair().expect("a pair");
            (&left).write_all(b"x").expect("room for a byte");
            Self { lp: virtual_loop(), left, right, log: Rc::default() }
        }

        fn add_reader(&self, who: &'static str) -> Handle {
            self.lp.add_reader(&self.right, note(&self.log, who)).expect("it can be watched")
        }

        fn add_writer(&self, who: &'static str) -> Handle {
            self.lp.add_writer(&self.right, note(&self.log, who)).expect("it can be watched")
        }

        /// Who is called in one iteration.
        fn called(&self) -> Vec<&'static str> {
            self.lp.stop();
            self.lp.run_forever().expect("one iteration");
            std::mem::take(&mut *self.log.borrow_mut())
        }
    }

    #[test]
    fn test_add_reader() {
        let watched = Watched::new();
        watched.add_reader("reader");
        assert_eq!(watched.called(), ["reader"]);
    }

    #[test]
    fn test_add_reader_existing() {
        let watched = Watched::new();
        let (reader, writer) = (watched.add_reader("reader"), watched.add_writer("writer"));
        watched.add_reader("new reader");
        assert!(reader.cancelled() && !writer.cancelled());
        assert_eq!(watched.called(), ["new reader", "writer"]);
    }

    #[test]
    fn test_add_reader_existing_writer() {
        let watched = Watched::new();
        let writer = watched.add_writer("writer");
        watched.add_reader("reader");
        assert!(!writer.cancelled());
        assert_eq!(watched.called(), ["reader", "writer"]);
    }

    #[test]
    fn test_remove_reader() {
        let watched = Watched::new();
        watched.add_writer("writer");
        assert!(!watched.lp.remove_reader(&watched.right));
        watched.add_reader("reader");
        assert!(watched.lp.remove_reader(&watched.right));
        assert!(watched.lp.remove_writer(&watched.right));
        assert_eq!(watched.called(), [""; 0]);
    }

    #[test]
    fn test_remove_reader_read_write() {
        let watched = Watched::new();
        let (reader, writer) = (watched.add_reader("reader"), watched.add_writer("writer"));
        assert!(watched.lp.remove_reader(&watched.right));
        assert!(reader.cancelled() && !writer.cancelled());
        assert_eq!(watched.called(), ["writer"]);
    }

    #[test]
    fn test_remove_reader_unknown() {
        let watched = Watched::new();
        assert!(!watched.lp.remove_reader(&watched.right));
        assert!(!watched.lp.remove_reader(&watched.left));
    }

    #[test]
    fn test_add_writer() {
        let watched = Watched::new();
        watched.add_writer("writer");
        assert_eq!(watched.called(), ["writer"]);
    }

    #[test]
    fn test_add_writer_existing() {
        let watched = Watched::new();
        let (reader, writer) = (watched.add_reader("reader"), watched.add_writer("writer"));
        watched.add_writer("new writer");
        assert!(!reader.cancelled() && writer.cancelled());
        assert_eq!(watched.called(), ["reader", "new writer"]);
    }

    #[test]
    fn test_remove_writer() {
        let watched = Watched::new();
        watched.add_reader("reader");
        assert!(!watched.lp.remove_writer(&watched.right));
        watched.add_writer("writer");
        assert!(watched.lp.remove_writer(&watched.right));
        assert!(watched.lp.remove_reader(&watched.right));
        assert_eq!(watched.called(), [""; 0]);
    }

    #[test]
    fn test_remove_writer_read_write() {
        let watched = Watched::new();
        let (reader, writer) = (watched.add_reader("reader"), watched.add_writer("writer"));
        assert!(watched.lp.remove_writer(&watched.right));
        assert!(!reader.cancelled() && writer.cancelled());
        assert_eq!(watched.called(), ["reader"]);
    }

    #[test]
    fn test_remove_writer_unknown() {
        let watched = Watched::new();
        assert!(!watched.lp.remove_writer(&watched.right));
        assert!(!watched.lp.remove_writer(&watched.left));
    }

    #[test]
    fn test_process_events_read() {
        let watched = Watched::new();
        watched.add_reader("reader");
        assert_eq!([watched.called(), watched.called()], [["reader"], ["reader"]]);
    }

    #[test]
    fn test_process_events_read_cancelled() {
        let watched = Watched::new();
        watched.add_reader("reader").cancel();
        assert_eq!(watched.called(), [""; 0]);
        assert!(!watched.lp.remove_reader(&watched.right)); // the event has found out
    }

    #[test]
    fn test_process_events_write() {
        let watched = Watched::new();
        watched.add_writer("writer");
        assert_eq!([watched.called(), watched.called()], [["writer"], ["writer"]]);
    }

    #[test]
    fn test_process_events_write_cancelled() {
        let watched = Watched::new();
        watched.add_writer("writer").cancel();
        assert_eq!(watched.called(), [""; 0]);
        assert!(!watched.lp.remove_writer(&watched.right));
    }
}
