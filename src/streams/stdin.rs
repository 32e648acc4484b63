//! Standard input, whatever it is: a terminal, a pipe, a file, a socket. Owns the bytes that were read ahead; must not
//! know sockets, pipes or transports.
//!
//! A thread reads, by the standard library's own blocking call, and only while a task waits. So nothing about the
//! descriptor is changed: a terminal that is non-blocking for this program would be so for its standard output too,
//! and for every other process that shares it. No file can be watched for readiness, and a thread needs to know no
//! kinds. What it has read belongs to the process, like the standard input itself.

use std::io::{self, BufRead as _, ErrorKind};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::separator::line_to_text;
use crate::base::ByteBuffer;
use crate::error::ReadError;
use crate::event_loop::EventLoop;
use crate::sys::wait_for_input;
use crate::threads::{ThreadPool, submit};

/// What the thread has read.
#[derive(Default)]
struct ReadAhead {
    bytes: ByteBuffer,
    /// So many of the bytes are known to have no line end.
    searched: usize,
    /// The end comes behind the bytes. It is told once: behind it, a terminal may go on.
    has_ended: bool,
    /// The number of reads so far, by which a thread sees that another has read what it was to read.
    reads: u64,
}

impl ReadAhead {
    fn lock() -> MutexGuard<'static, Self> {
        static AHEAD: OnceLock<Mutex<ReadAhead>> = OnceLock::new();
        AHEAD.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Up to `count` bytes; none at the end.
    fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        if self.bytes.is_empty() {
            return std::mem::take(&mut self.has_ended).then(Vec::new);
        }
        self.searched = 0;
        Some(self.bytes.take(count))
    }

    /// A line, or what there is before the end.
    fn take_line(&mut self) -> Option<Vec<u8>> {
        let end = self.bytes.as_slice()[self.searched..].iter().position(|&byte| byte == b'\n');
        if let Some(end) = end {
            return self.take(self.searched + end + 1);
        }
        self.searched = self.bytes.len();
        self.take_rest()
    }

    /// What there is before the end.
    fn take_rest(&mut self) -> Option<Vec<u8>> {
        std::mem::take(&mut self.has_ended).then(|| {
            self.searched = 0;
            self.bytes.take_all()
        })
    }
}

/// The thread that reads. It is no thread of a loop's executor, whose threads `run` waits for at its end: one that
/// waits for a terminal may never end.
fn reader() -> &'static ThreadPool {
    static READER: OnceLock<ThreadPool> = OnceLock::new();
    READER.get_or_init(|| ThreadPool::new(1))
}

/// Reads what there is, or waits until there is something. Does nothing if there was a read since the one with this
/// number.
fn read_ahead(reads: u64) -> io::Result<()> {
    let mut input = io::stdin().lock();
    while ReadAhead::lock().reads == reads {
        match input.fill_buf() {
            Ok(chunk) => {
                let count = chunk.len();
                let mut ahead = ReadAhead::lock();
                ahead.bytes.push(chunk);
                ahead.has_ended = count == 0;
                ahead.reads += 1;
                drop(ahead);
                input.consume(count);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // another process, or an earlier one, has made it non-blocking
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait_for_input(&input)?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The standard input of this process, made by [`stdin`](fn@crate::stdin): bytes and lines, as of a
/// [`StreamReader`](crate::StreamReader).
///
/// # Examples
/// ```
/// use oneloop::{Stdin, run, stdin};
///
/// /// The next line that says something.
/// async fn answer(input: Stdin) -> std::io::Result<Option<String>> {
///     while let Some(line) = input.next_line().await? {
///         if !line.trim().is_empty() {
///             return Ok(Some(line));
///         }
///     }
///     Ok(None)
/// }
///
/// run(async { answer(stdin()).await })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Cancel safety
/// Every method: bytes that were read, and not returned, are kept for the next read.
#[derive(Clone, Copy, Debug)]
pub struct Stdin(());

/// The standard input of this process. asyncio has `connect_read_pipe(…, sys.stdin)`, which fails for a file, and makes
/// a terminal non-blocking, for `print` too.
///
/// It may be anything: a terminal, a pipe, a file, `/dev/null`, a socket. It stays as it is, so `println!` and other
/// processes that share it are not disturbed.
///
/// A thread reads, by [`std::io::stdin`], and only while a task waits. It reads what there is: a line of a terminal, a
/// few KiB of anything else. All values in all loops of the process share what was read ahead, so nothing is lost
/// between them, nor between two runs. What `std::io::stdin` has read ahead before is read too; later it does not see
/// what was read ahead here. A read that is cancelled goes on in the thread, and what it gets is kept for the next one;
/// the thread does not keep the program from ending.
///
/// On a virtual clock, a wait for the standard input is no deadlock, and the clock does not jump meanwhile: the loop
/// waits in real time.
///
/// The standard output is that of the standard library, of which `writeln!` gives an error where `println!` panics: if
/// the output is a pipe that no program reads any more, as under `| head`.
///
/// # Examples
/// ```no_run
/// use oneloop::{run, stdin};
/// use std::io::{Write, stdout};
///
/// run(async {
///     let input = stdin();
///     while let Some(line) = input.next_line().await? {
///         writeln!(stdout(), "{}", line.to_uppercase())?;
///     }
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn stdin() -> Stdin {
    Stdin(())
}

impl Stdin {
    /// Up to `count` bytes, as soon as there is at least one; no bytes at the end, or if `count` is 0. After its end, a
    /// terminal may go on: another read waits for more.
    ///
    /// # Errors
    /// If the system fails, or has no thread.
    ///
    /// # Panics
    /// If this thread is in no loop.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn read(&self, count: usize) -> io::Result<Vec<u8>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        read_until(|ahead| ahead.take(count)).await
    }

    /// The bytes of a line, its `\n` among them. If the input ends in the line, the bytes up to the end; no bytes if it
    /// has ended. For text there is [`next_line`](Self::next_line).
    ///
    /// # Errors
    /// As [`read`](Self::read).
    ///
    /// # Panics
    /// As [`read`](Self::read).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn readline(&self) -> io::Result<Vec<u8>> {
        read_until(ReadAhead::take_line).await
    }

    /// The next line as text, without the `\n` or `\r\n` at its end, as [`std::io::BufRead::lines`] gives it; `None`
    /// when the input has ended: `while let Some(line) = input.next_line().await?`.
    ///
    /// # Errors
    /// As [`read`](Self::read); `InvalidData` for a line that is not UTF-8. The error inside is a [`ReadError::Utf8`],
    /// which holds the line; [`readline`](Self::readline) takes any bytes.
    ///
    /// # Panics
    /// As [`read`](Self::read).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn next_line(&self) -> io::Result<Option<String>> {
        Ok(line_to_text(self.readline().await?).map_err(ReadError::Utf8)?)
    }

    /// All bytes up to the end.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    ///
    /// # Panics
    /// As [`read`](Self::read).
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn read_to_end(&self) -> io::Result<Vec<u8>> {
        read_until(ReadAhead::take_rest).await
    }
}

/// Reads until `take` finds what it looks for.
async fn read_until(take: impl Fn(&mut ReadAhead) -> Option<Vec<u8>>) -> io::Result<Vec<u8>> {
    loop {
        let reads = {
            let mut ahead = ReadAhead::lock();
            if let Some(taken) = take(&mut ahead) {
                return Ok(taken);
            }
            ahead.reads
        };
        let job = submit(&EventLoop::current(), reader(), move || read_ahead(reads))?;
        job.cancel_on_drop().await?;
    }
}
