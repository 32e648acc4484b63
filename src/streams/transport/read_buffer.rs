//! Bytes that were received and have not been read. Owns the buffer, its limit, the end and the error of the reading
//! direction; must not know the channel.

use std::cell::{Cell, OnceCell, RefCell, RefMut};
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::polled::PolledWait;
use crate::base::ByteBuffer;
use crate::current::{self, SingleWaiter};
use crate::error::SharedIoError;
use crate::node::Loop;

/// The default limit of a reader, asyncio's: the length of the longest line.
pub(crate) const DEFAULT_LIMIT: usize = 64 * 1024;

/// # Panics
/// If the limit is 0, which no line could keep.
#[track_caller]
pub(crate) fn assert_limit(limit: usize) {
    assert!(limit > 0, "the limit of a StreamReader cannot be 0; give it the length of the longest line");
}

/// How many bytes a read from the channel asks for at first, and at most. A chunk longer than a message makes the read
/// short, which on TCP proves that no more bytes are there and saves a system call. It doubles each time that a read
/// fills it.
const CHUNK_MIN: usize = 4 * 1024;
const CHUNK_MAX: usize = 64 * 1024;

/// The one task that may wait for input.
///
/// ```text
///            a read has to wait            bytes or the end are fed
///   Unused ─────────────────────▶ Awaited ──────────────────────────▶ Come ─────┐
///                                  ▲   │                                        │
///                                  │   └───── the program sets an error ──▶ Failed
///                                  └── the task goes on, and may wait again ────┘
/// ```
///
/// From each state the end of the read leads back to `Unused`.
///
/// What wakes the task is what it gets: bytes, although an error is set before it goes on; the first of two errors.
#[derive(Default)]
enum Input {
    #[default]
    Unused,
    Awaited,
    Come,
    Failed(SharedIoError),
}

pub(crate) struct ReadBuffer {
    bytes: RefCell<ByteBuffer>,
    limit: usize,
    chunk: Cell<usize>,
    /// No more bytes will be received.
    ended: Cell<bool>,
    error: RefCell<Option<SharedIoError>>,
    /// The program has set the error: reads fail although bytes are left.
    fails_at_once: Cell<bool>,
    input: Cell<Input>,
    /// What is woken of the task that waits, and the loop that wakes it: that in which one waited first.
    waiter: SingleWaiter,
    kernel: OnceCell<Rc<Loop>>,
    pub(super) polled: PolledWait,
}

impl ReadBuffer {
    #[track_caller]
    pub(super) fn new(empty: ByteBuffer, limit: usize) -> Self {
        assert_limit(limit);
        Self {
            bytes: RefCell::new(empty),
            limit,
            chunk: Cell::new(CHUNK_MIN),
            ended: Cell::new(false),
            error: RefCell::default(),
            fails_at_once: Cell::new(false),
            input: Cell::default(),
            waiter: SingleWaiter::default(),
            kernel: OnceCell::new(),
            polled: PolledWait::default(),
        }
    }

    /// The bytes. No code of a user may run while they are borrowed.
    pub(crate) fn bytes(&self) -> RefMut<'_, ByteBuffer> {
        self.bytes.borrow_mut()
    }

    /// The longest line, or message up to a separator, that a reader accepts.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether no more bytes will be received.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    pub(crate) fn error(&self) -> Option<io::Error> {
        self.error.borrow().as_ref().map(SharedIoError::to_io_error)
    }

    /// `Err` if the program has set an error. Reads fail with it although the buffer may hold bytes.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.fails_at_once.get() { self.error().map_or(Ok(()), Err) } else { Ok(()) }
    }

    // Bytes, the end and an error from the program, for a reader without a channel or beside it.

    #[track_caller]
    pub(crate) fn feed_data(&self, data: &[u8]) {
        assert!(!self.has_ended(), "feed_data() after feed_eof(); nothing comes after the end of a stream");
        if !data.is_empty() {
            self.bytes().push(data);
            self.wake(Input::Come);
        }
    }

    pub(crate) fn feed_eof(&self) {
        self.ended.set(true);
        self.wake(Input::Come);
    }

    pub(crate) fn set_error(&self, error: SharedIoError) {
        self.error.replace(Some(error.clone()));
        self.fails_at_once.set(true);
        self.wake(Input::Failed(error));
    }

    /// Wakes the task that waits, unless it was woken before, and the one that polls.
    fn wake(&self, with: Input) {
        self.polled.wake();
        match self.input.take() {
            Input::Awaited => {
                self.input.set(with);
                if let Some(kernel) = self.kernel.get() {
                    self.waiter.wake(kernel);
                }
            }
            other => self.input.set(other),
        }
    }

    // The same from the channel, by the one task that waits for it and so needs no call.

    pub(super) fn note_eof(&self) {
        self.ended.set(true);
    }

    pub(super) fn note_error(&self, error: SharedIoError) {
        self.error.replace(Some(error));
    }

    /// How many bytes the next read from the channel asks for, if the caller has no use for more.
    pub(crate) fn chunk(&self) -> usize {
        self.chunk.get()
    }

    /// Adds the bytes that `receive` puts into the room that it is given: room for a chunk, or for `wanted` bytes if
    /// that is more, within the limits of a chunk.
    pub(super) fn fill(
        &self,
        wanted: usize,
        receive: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut bytes = self.bytes();
        let chunk = self.chunk.get().max(wanted.min(CHUNK_MAX));
        let room = bytes.room(chunk);
        let room_len = room.len();
        let received = receive(room);
        if let Ok(count) = received {
            bytes.fill(count);
            if count == room_len {
                self.chunk.set((2 * chunk).min(CHUNK_MAX));
            }
        }
        received
    }

    /// Takes the right to wait for bytes, for as long as the claim lives.
    ///
    /// # Panics
    /// If another task has it. `method` is the reader's method, for the message.
    pub(super) fn claim(&self, method: &str) -> ReadClaim<'_> {
        let input = self.input.take();
        let is_unused = matches!(input, Input::Unused);
        self.input.set(if is_unused { Input::Awaited } else { input });
        assert!(
            is_unused,
            "{method}() called while another task is already waiting for data of this stream; let one task read, and \
             hand what it reads to others by a Queue, or put the reader behind a Lock"
        );
        ReadClaim(self)
    }

    /// The loop that wakes the task that waits.
    ///
    /// # Panics
    /// If none has waited before, and this thread is in no loop.
    #[track_caller]
    pub(super) fn kernel(&self) -> &Rc<Loop> {
        if let Some(kernel) = self.kernel.get() {
            return kernel;
        }
        let kernel = current::expect();
        self.kernel.get_or_init(|| kernel)
    }

    /// Ready once another task has fed, failed or closed the stream since the claim, or since the task went on.
    pub(super) fn poll_input(&self, cx: &Context<'_>) -> Poll<()> {
        if self.is_awaited() {
            self.waiter.set(cx); // code of a user, if it is a waker of another crate: it may feed the stream
        }
        if self.is_awaited() { Poll::Pending } else { Poll::Ready(()) }
    }

    fn is_awaited(&self) -> bool {
        let input = self.input.take();
        let is_awaited = matches!(input, Input::Awaited);
        self.input.set(input);
        is_awaited
    }
}

/// The right of one task to wait for bytes.
pub(super) struct ReadClaim<'a>(&'a ReadBuffer);

impl ReadClaim<'_> {
    /// The task goes on, and may wait again.
    ///
    /// # Errors
    /// If an error has woken it.
    pub(super) fn woken(&self) -> io::Result<()> {
        match self.0.input.replace(Input::Awaited) {
            Input::Failed(error) => Err(error.to_io_error()),
            Input::Unused | Input::Awaited | Input::Come => Ok(()),
        }
    }
}

impl Drop for ReadClaim<'_> {
    fn drop(&mut self) {
        self.0.input.set(Input::Unused);
        self.0.waiter.clear();
    }
}
