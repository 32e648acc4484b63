//! The handle on a child process: asyncio's `Process`. Owns the public methods; must not know how a process is started,
//! or how its exit is noticed.

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

use super::watched_child::WatchedChild;
use crate::signal::{SIGKILL, SIGTERM};
use crate::streams::{StreamReader, StreamWriter};

/// A child process: asyncio's `Process`, made by [`create_subprocess_exec`](fn@crate::create_subprocess_exec) and
/// [`create_subprocess_shell`](fn@crate::create_subprocess_shell).
///
/// Dropping the handle closes the pipes and leaves the process running, as in asyncio and in the standard library,
/// unless the process was started with [`kill_on_drop`](crate::ProcessBuilder::kill_on_drop). In any case the loop
/// reaps the process when it ends, so that no zombie stays. If the loop closes first, the process runs on, and a thread
/// reaps it.
///
/// On a virtual clock, waiting for a process is no deadlock. But time does not wait for the process: if a timer is set,
/// the clock jumps to its deadline.
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
    /// The standard input of the process, if that is a pipe.
    pub stdin: Option<StreamWriter>,
    /// The standard output of the process, if that is a pipe.
    pub stdout: Option<StreamReader>,
    /// The standard error of the process, if that is a pipe of its own.
    pub stderr: Option<StreamReader>,
    pub(super) child: Rc<WatchedChild>,
    pub(super) kill_on_drop: bool,
}

impl Process {
    /// The PID: asyncio's `pid`. Once the process has ended, the system may give its PID to another one.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// The exit code, or `-n` if signal `n` has ended the process: asyncio's `returncode`. `None` until the loop has
    /// noticed the end. 255 if other code has reaped the process, since its exit code is unknown then.
    pub fn returncode(&self) -> Option<i32> {
        let status = self.child.status()?;
        status.code().or_else(|| status.signal().map(|signal| -signal))
    }

    /// How the process has ended; `None` until the loop has noticed the end.
    pub fn status(&self) -> Option<ExitStatus> {
        self.child.status()
    }

    /// Waits until the process has ended: asyncio's `wait()`. Any number of tasks may wait. A process never ends if it
    /// waits for a reader of a full pipe: use [`communicate`](Self::communicate) then.
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
    /// # Panics
    /// If the process runs and was started by another loop than the one that awaits this, or its loop is closed: only
    /// that loop learns of the end.
    ///
    /// # Cancel safety
    /// Nothing is lost, and the process runs on.
    pub fn wait(&self) -> impl Future<Output = ExitStatus> + use<> {
        let child = Rc::clone(&self.child);
        async move { child.wait().await }
    }

    /// Exchanges data with the process: asyncio's `communicate()`. Writes `input` to its standard input and closes
    /// that, and meanwhile reads its standard output and standard error to their ends. Then waits until the process has
    /// ended.
    ///
    /// Returns the output and the errors, which are empty if they are not pipes. It is no error if the process does not
    /// read its input.
    ///
    /// All bytes are kept in memory. If the process leaves a child that holds a pipe open, this waits for that child
    /// too.
    ///
    /// # Errors
    /// If a pipe fails.
    ///
    /// # Panics
    /// If another task is reading from one of the pipes. And as [`wait`](Self::wait).
    ///
    /// # Cancel safety
    /// The process runs on, and all of `input` is still written to it. Nothing that was read is lost: another
    /// `communicate("")`, or reads from the pipes, go on from there.
    pub async fn communicate(&self, input: impl AsRef<[u8]>) -> io::Result<(Vec<u8>, Vec<u8>)> {
        let writing = pin!(self.write_input(input.as_ref()));
        let (output, errors) = (pin!(read_all(self.stdout.as_ref())), pin!(read_all(self.stderr.as_ref())));
        let mut parts = (Part::Pending(writing), Part::Pending(output), Part::Pending(errors));
        poll_fn(|cx| {
            let done = [parts.0.poll(cx)?, parts.1.poll(cx)?, parts.2.poll(cx)?];
            if done == [true; 3] { Poll::Ready(Ok::<_, io::Error>(())) } else { Poll::Pending }
        })
        .await?;
        self.child.wait().await;
        Ok((parts.1.take(), parts.2.take()))
    }

    async fn write_input(&self, input: &[u8]) -> io::Result<()> {
        let Some(stdin) = &self.stdin else { return Ok(()) };
        if stdin.is_closing() {
            return Ok(());
        }
        stdin.write(input);
        let drained = stdin.drain().await;
        stdin.close();
        match drained {
            // the process does not read its input
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => Ok(()),
            other => other,
        }
    }

    /// Sends a signal: asyncio's `send_signal()`. Does nothing if the process has ended.
    ///
    /// # Errors
    /// If there is no such signal, or the process has changed its user and may not be signalled.
    pub fn send_signal(&self, signal: i32) -> io::Result<()> {
        self.child.send_signal(signal)
    }

    /// Asks the process to end, with `SIGTERM`: asyncio's `terminate()`. Does nothing if the process has ended.
    ///
    /// # Errors
    /// If the process has changed its user and may not be signalled.
    pub fn terminate(&self) -> io::Result<()> {
        self.send_signal(SIGTERM)
    }

    /// Ends the process at once, with `SIGKILL`: asyncio's `kill()`. Does nothing if the process has ended.
    ///
    /// # Errors
    /// If the process has changed its user and may not be signalled.
    pub fn kill(&self) -> io::Result<()> {
        self.send_signal(SIGKILL)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.kill_on_drop {
            // fails only if the process has changed its user
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

/// One of the futures that `communicate` polls together, or its value.
enum Part<'a, F, T> {
    Pending(Pin<&'a mut F>),
    Done(T),
}

impl<T, F: Future<Output = io::Result<T>>> Part<'_, F, T> {
    /// Polls the future unless it is done. Returns whether it is done.
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
