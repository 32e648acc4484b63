//! Child processes: asyncio's `create_subprocess_exec` and what it gives. Owns the public handle; must not know how an end
//! is noticed.

#[cfg(test)]
mod tests;

use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::os::unix::process::ExitStatusExt;
use std::pin::{Pin, pin};
use std::process::ExitStatus;
use std::rc::Rc;
use std::task::{Context, Poll};

use super::exit::Exit;
use crate::signal::{SIGKILL, SIGTERM};
use crate::streams::{StreamReader, StreamWriter};

/// A child process: asyncio's `Process`, made by [`create_subprocess_exec`](fn@create_subprocess_exec) and
/// [`create_subprocess_shell`](fn@create_subprocess_shell).
///
/// Dropping it leaves the process running, as in asyncio and in the standard library, unless it was started with
/// [`kill_on_drop`](ProcessBuilder::kill_on_drop); its pipes close. In any case the loop sees to its end, so that it does not stay
/// as a zombie. A loop that closes leaves running what runs, and a thread sees to its end.
///
/// On a virtual clock a process is something that may still happen, so waiting for one is no deadlock; but time does not
/// stand still for it: if a timer is set, the clock jumps to that.
///
/// # Examples
/// ```
/// use oneloop::{create_subprocess_exec, run};
/// use std::process::Stdio;
///
/// run(async {
///     let sort = create_subprocess_exec("sort").stdin(Stdio::piped()).stdout(Stdio::piped()).await?;
///     let (sorted, _) = sort.communicate("pear\napple\n").await?;
///     assert_eq!(sorted, b"apple\npear\n");
///     assert_eq!(sort.returncode(), Some(0));
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Process {
    /// Its standard input, if that is a pipe.
    pub stdin: Option<StreamWriter>,
    /// Its standard output, if that is a pipe.
    pub stdout: Option<StreamReader>,
    /// Its standard error, if that is a pipe of its own.
    pub stderr: Option<StreamReader>,
    pub(super) exit: Rc<Exit>,
    pub(super) kill_on_drop: bool,
}

impl Process {
    /// Its number: asyncio's `pid`. Once it has ended, the system may give the number to another.
    pub fn pid(&self) -> u32 {
        self.exit.pid()
    }

    /// How it has ended, as a number: its exit code, or `-n` if signal `n` ended it; `None` while it runs, as far as the
    /// loop has noticed. asyncio's `returncode`. 255 if somebody else has waited for it.
    pub fn returncode(&self) -> Option<i32> {
        let status = self.exit.status()?;
        status.code().or_else(|| status.signal().map(|signal| -signal))
    }

    /// How it has ended: `None` while it runs, as far as the loop has noticed.
    pub fn status(&self) -> Option<ExitStatus> {
        self.exit.status()
    }

    /// Waits until it has ended: asyncio's `wait()`. Any number of tasks may wait. A process that writes more to a pipe than
    /// anybody reads never ends: use [`communicate`](Self::communicate) then.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{create_subprocess_shell, gather, run};
    ///
    /// run(async {
    ///     let process = create_subprocess_shell("exit 3").await?;
    ///     let statuses = gather([process.wait(), process.wait()]).await;
    ///     assert!(statuses.iter().all(|status| status.code() == Some(3)));
    ///     Ok::<(), std::io::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Cancel safety
    /// Nothing is lost, and the process runs on.
    pub fn wait(&self) -> impl Future<Output = ExitStatus> + use<> {
        let exit = Rc::clone(&self.exit);
        async move { exit.wait().await }
    }

    /// Writes `input` to its standard input, closes that, reads its standard output and error to their ends, all at once, and
    /// waits until it has ended: asyncio's `communicate()`. What is no pipe gives nothing. A process that does not read its
    /// input is no error.
    ///
    /// All is kept in memory. A grandchild that goes on holding a pipe keeps this waiting.
    ///
    /// # Errors
    /// If a pipe fails.
    ///
    /// # Panics
    /// If another task is reading from one of the pipes.
    ///
    /// # Cancel safety
    /// The process runs on, and gets all of the input. Nothing that was read is lost: another `communicate("")`, or reads
    /// from the pipes, go on.
    pub async fn communicate(&self, input: impl AsRef<[u8]>) -> io::Result<(Vec<u8>, Vec<u8>)> {
        let feed = pin!(self.feed(input.as_ref()));
        let (output, errors) = (pin!(read_all(self.stdout.as_ref())), pin!(read_all(self.stderr.as_ref())));
        let mut all = (Part::Pending(feed), Part::Pending(output), Part::Pending(errors));
        poll_fn(|cx| {
            let done = [all.0.poll(cx)?, all.1.poll(cx)?, all.2.poll(cx)?];
            if done == [true; 3] { Poll::Ready(Ok::<_, io::Error>(())) } else { Poll::Pending }
        })
        .await?;
        self.exit.wait().await;
        Ok((all.1.take(), all.2.take()))
    }

    async fn feed(&self, input: &[u8]) -> io::Result<()> {
        let Some(stdin) = &self.stdin else { return Ok(()) };
        if stdin.is_closing() {
            return Ok(());
        }
        stdin.write(input);
        let fed = stdin.drain().await;
        stdin.close();
        match fed {
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => Ok(()),
            other => other,
        }
    }

    /// Sends it a signal: asyncio's `send_signal()`. Nothing happens if it has ended.
    ///
    /// # Errors
    /// If there is no such signal, or the process belongs to somebody else by now.
    pub fn send_signal(&self, signal: i32) -> io::Result<()> {
        self.exit.send_signal(signal)
    }

    /// Asks it to end, with `SIGTERM`: asyncio's `terminate()`. Nothing happens if it has ended.
    ///
    /// # Errors
    /// If the process belongs to somebody else by now.
    pub fn terminate(&self) -> io::Result<()> {
        self.send_signal(SIGTERM)
    }

    /// Ends it at once, with `SIGKILL`: asyncio's `kill()`. Nothing happens if it has ended.
    ///
    /// # Errors
    /// If the process belongs to somebody else by now.
    pub fn kill(&self) -> io::Result<()> {
        self.send_signal(SIGKILL)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.kill_on_drop {
            // one that belongs to somebody else by now cannot be killed
            let _ = self.kill();
        }
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("pid", &self.pid())
            .field("returncode", &self.returncode())
            .finish_non_exhaustive()
    }
}

async fn read_all(pipe: Option<&StreamReader>) -> io::Result<Vec<u8>> {
    match pipe {
        Some(pipe) => pipe.read_to_end().await,
        None => Ok(Vec::new()),
    }
}

/// One of several futures that are polled together.
enum Part<'a, F, T> {
    Pending(Pin<&'a mut F>),
    Done(T),
}

impl<T, F: Future<Output = io::Result<T>>> Part<'_, F, T> {
    /// Whether it is done.
    fn poll(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        if let Self::Pending(future) = self
            && let Poll::Ready(value) = future.as_mut().poll(cx)
        {
            *self = Self::Done(value?);
        }
        Ok(matches!(self, Self::Done(_)))
    }
}

impl<T: Default, F> Part<'_, F, T> {
    fn take(&mut self) -> T {
        match self {
            Self::Done(value) => std::mem::take(value),
            Self::Pending(_) => T::default(),
        }
    }
}
