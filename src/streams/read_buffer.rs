//! What has come over a wire, or was fed by hand, and has not been read. Owns the buffer and the one who waits for more;
//! must not know what is made of the bytes.

use std::cell::{Cell, RefCell, RefMut};
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;

use super::transport::Stream;
use crate::base::ByteBuffer;
use crate::error::SharedIoError;
use crate::kernel::Leaf;
use crate::reactor::Direction;
use crate::sync::Waiters;

/// What one read from the wire has room for: more than a message, so that it finds the end of what there is, and more
/// each time it does not.
const CHUNKS: std::ops::RangeInclusive<usize> = 4 * 1024..=64 * 1024;

pub(super) struct Input {
    buffer: RefCell<ByteBuffer>,
    limit: usize,
    chunk: Cell<usize>,
    eof: Cell<bool>,
    error: RefCell<Option<SharedIoError>>,
    /// The error was set by hand, and comes before what is in the buffer.
    told: Cell<bool>,
    /// Somebody waits for more.
    waiting: Cell<bool>,
    line: Waiters,
}

impl Input {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            buffer: RefCell::default(),
            limit,
            chunk: Cell::new(*CHUNKS.start()),
            eof: Cell::new(false),
            error: RefCell::default(),
            told: Cell::new(false),
            waiting: Cell::new(false),
            line: Waiters::default(),
        }
    }

    pub(super) fn set_eof(&self) {
        self.eof.set(true);
        self.line.notify(1);
    }

    fn only_one(&self, caller: &str) -> Alone<'_> {
        assert!(
            !self.waiting.replace(true),
            "{caller}() called while another task is already waiting for data of this stream; let one task read, and \
             hand what it reads to others by a Queue, or put the reader behind a Lock"
        );
        Alone(&self.waiting)
    }
}

/// Nobody else waits for data while this lives.
struct Alone<'a>(&'a Cell<bool>);

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl Stream {
    /// What can be read now. No code of a user may run before it is given back.
    pub(crate) fn buffer(&self) -> RefMut<'_, ByteBuffer> {
        self.input.buffer.borrow_mut()
    }

    pub(crate) fn limit(&self) -> usize {
        self.input.limit
    }

    /// Nothing more will come into the buffer.
    pub(crate) fn has_ended(&self) -> bool {
        self.input.eof.get()
    }

    pub(crate) fn read_error(&self) -> Option<io::Error> {
        self.input.error.borrow().as_ref().map(SharedIoError::to_io_error)
    }

    /// Whether reads are to fail whatever there is.
    pub(crate) fn refusal(&self) -> Option<io::Error> {
        self.read_error().filter(|_| self.input.told.get())
    }

    // What is fed by hand.

    pub(crate) fn feed_data(&self, data: &[u8]) {
        assert!(!self.has_ended(), "feed_data() after feed_eof(); nothing comes after the end of a stream");
        if !data.is_empty() {
            self.buffer().push(data);
            self.input.line.notify(1);
        }
    }

    pub(crate) fn feed_eof(&self) {
        self.input.set_eof();
    }

    pub(crate) fn set_read_error(&self, error: SharedIoError) {
        self.input.error.replace(Some(error));
        self.input.told.set(true);
        self.input.line.notify(1);
    }

    // What is taken from the wire.

    /// Waits for more than there is in the buffer: some bytes, the end (nothing is added then), or an error. With `into`,
    /// which the buffer must be empty for, bytes of the wire may go there. Answers how many did.
    pub(crate) async fn more(&self, caller: &str, mut into: Option<&mut [u8]>, wanted: usize) -> io::Result<usize> {
        let before = self.buffer().len();
        let _alone = self.input.only_one(caller);
        loop {
            if let Some(error) = self.read_error() {
                return Err(error);
            }
            self.wait_for_input().await;
            if let Some(error) = self.read_error() {
                return Err(error);
            }
            if self.has_ended() || self.buffer().len() > before {
                return Ok(0);
            }
            let received = match &mut into {
                Some(into) => self.receive(into),
                None => self.receive_into_buffer(wanted),
            };
            match received {
                Ok(0) => {
                    self.input.eof.set(true);
                    return Ok(0);
                }
                Ok(count) => return Ok(if into.is_some() { count } else { 0 }),
                // woken for nothing
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    let error = SharedIoError::new(error);
                    self.input.error.replace(Some(error.clone()));
                    self.lose(&error);
                    return Err(error.to_io_error());
                }
            }
        }
    }

    /// How large a place must be for bytes of the wire to go there directly.
    pub(crate) fn worth_a_read(&self) -> usize {
        self.input.chunk.get()
    }

    fn receive(&self, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len();
        self.transfer(Direction::Read, most, |wire| wire.read(into))
    }

    fn receive_into_buffer(&self, wanted: usize) -> io::Result<usize> {
        let mut buffer = self.buffer();
        let chunk = self.input.chunk.get().max(wanted.min(*CHUNKS.end()));
        let room = buffer.room(chunk);
        let room_len = room.len();
        let received = self.receive(room);
        if let Ok(count) = received {
            buffer.fill(count);
            if count == room_len {
                self.input.chunk.set((2 * chunk).min(*CHUNKS.end()));
            }
        }
        received
    }

    /// Waits until the wire is readable, or somebody else has something for who waits here.
    async fn wait_for_input(&self) {
        const DATA: Leaf = &"data of a stream";
        let mut readable = self.with_wire(|wire| wire.wait(Direction::Read));
        let mut called = pin!(self.input.line.wait(DATA));
        poll_fn(|cx| {
            if let Some(readable) = &mut readable
                && Pin::new(readable).poll(cx).is_ready()
            {
                return Poll::Ready(());
            }
            called.as_mut().poll(cx).map(drop)
        })
        .await;
    }
}
