//! Starting a child process: asyncio's `create_subprocess_exec`. Owns the settings and the start; must not know what
//! becomes of the process.

use std::ffi::OsStr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::task::{Context, Poll};
use std::{fmt, io};

use super::process::Process;
use super::watched_child::WatchedChild;
use crate::event_loop::EventLoop;
use crate::net::{PipeReader, PipeWriter};
use crate::streams::{DEFAULT_LIMIT, StreamReader, StreamWriter, assert_limit};
use crate::sys::{FIRST_OTHER, exit_descriptor, join_stderr_to_stdout, set_inherited, start_new_session};

/// Starts a program: asyncio's `create_subprocess_exec(program, *args)`. Arguments and other settings are those of the
/// standard library's [`Command`]. Awaiting the builder starts the program and returns the [`Process`].
///
/// # Examples
/// ```
/// use oneloop::{create_subprocess_exec, run};
/// use std::process::Stdio;
///
/// run(async {
///     let echo = create_subprocess_exec("echo").args(["one", "loop"]).stdout(Stdio::piped()).await?;
///     let line = echo.stdout.as_ref().expect("a pipe").read_to_end().await?;
///     assert_eq!(line, b"one loop\n");
///     assert!(echo.wait().await.success());
///
///     let error = create_subprocess_exec("no-such-program").await.unwrap_err();
///     assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
///     assert!(error.to_string().contains("no-such-program"));
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn create_subprocess_exec(program: impl AsRef<OsStr>) -> ProcessBuilder {
    ProcessBuilder::from(Command::new(program))
}

/// Runs a command line in the shell `/bin/sh`: asyncio's `create_subprocess_shell`. Never put untrusted text into the
/// command line: the shell would run it.
///
/// # Examples
/// ```
/// use oneloop::{create_subprocess_shell, run};
/// use std::process::Stdio;
///
/// run(async {
///     let counts = create_subprocess_shell("printf 'a\nb\n' | wc -l").stdout(Stdio::piped()).await?;
///     let (lines, _) = counts.communicate("").await?;
///     assert_eq!(lines.trim_ascii(), b"2");
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn create_subprocess_shell(command: impl AsRef<OsStr>) -> ProcessBuilder {
    ProcessBuilder::from(Command::new("/bin/sh")).arg("-c").arg(command)
}

/// Settings of a process; awaiting the builder starts the process. By default the process inherits standard input,
/// standard output and standard error, and no other descriptor.
///
/// For settings that are not here, convert a [`Command`] of the standard library with [`from`](Self::from). What its
/// `pre_exec` opens is closed too, unless [`close_fds(false)`](Self::close_fds) is set, as asyncio does it after a
/// `preexec_fn`.
///
/// # Examples
/// ```
/// use oneloop::{create_subprocess_exec, run};
/// use std::process::Stdio;
///
/// run(async {
///     let builder = create_subprocess_exec("env").env_clear().env("NAME", "value").stdout(Stdio::piped());
///     let process = builder.await?;
///     let (output, _) = process.communicate(b"").await?;
///     assert_eq!(output, b"NAME=value\n");
///     Ok::<(), std::io::Error>(())
/// })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the process is started when this is awaited"]
pub struct ProcessBuilder {
    command: Command,
    close_fds: bool,
    passed: Vec<OwnedFd>,
    limit: usize,
    kill_on_drop: bool,
}

impl From<Command> for ProcessBuilder {
    fn from(command: Command) -> Self {
        Self { command, close_fds: true, passed: Vec::new(), limit: DEFAULT_LIMIT, kill_on_drop: false }
    }
}

impl ProcessBuilder {
    fn with(mut self, set: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        set(&mut self.command);
        self
    }

    /// Adds an argument.
    pub fn arg(self, arg: impl AsRef<OsStr>) -> Self {
        self.with(|command| command.arg(arg))
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Self {
        self.with(|command| command.args(args))
    }

    /// Sets a variable of the environment. By default the process inherits the environment of this one.
    pub fn env(self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.with(|command| command.env(name, value))
    }

    /// Sets several variables of the environment.
    pub fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(self, variables: impl IntoIterator<Item = (N, V)>) -> Self {
        self.with(|command| command.envs(variables))
    }

    /// Removes a variable from the environment.
    pub fn env_remove(self, name: impl AsRef<OsStr>) -> Self {
        self.with(|command| command.env_remove(name))
    }

    /// Removes all variables from the environment, inherited ones and those that were set before this call.
    pub fn env_clear(self) -> Self {
        self.with(Command::env_clear)
    }

    /// The working directory: asyncio's `cwd`.
    pub fn current_dir(self, dir: impl AsRef<Path>) -> Self {
        self.with(|command| command.current_dir(dir))
    }

    /// The standard input. `Stdio::piped()` is asyncio's `PIPE`, and `Stdio::null()` its `DEVNULL`; a file or the end
    /// of a pipe can be given too.
    pub fn stdin(self, stdin: impl Into<Stdio>) -> Self {
        self.with(|command| command.stdin(stdin))
    }

    /// The standard output, as [`stdin`](Self::stdin).
    pub fn stdout(self, stdout: impl Into<Stdio>) -> Self {
        self.with(|command| command.stdout(stdout))
    }

    /// The standard error, as [`stdin`](Self::stdin).
    pub fn stderr(self, stderr: impl Into<Stdio>) -> Self {
        self.with(|command| command.stderr(stderr))
    }

    /// Sends the standard error where the standard output goes: asyncio's `stderr=STDOUT`. A later
    /// [`stderr`](Self::stderr) does not undo this.
    pub fn stderr_to_stdout(mut self) -> Self {
        join_stderr_to_stdout(&mut self.command);
        self.with(|command| command.stderr(Stdio::null()))
    }

    /// Whether the process inherits no descriptor but the standard ones and those of [`pass_fds`](Self::pass_fds):
    /// asyncio's `close_fds`; true by default. If false, it inherits every descriptor that was not opened as
    /// close-on-exec. The standard library and this crate open all theirs as close-on-exec; what a C library has
    /// opened, or what this process has inherited itself, often is not.
    ///
    /// A pipe or socket that a process holds by accident does not end as long as that process lives. But to close them
    /// takes a `fork`, which a program of many gigabytes may want to spare itself.
    pub fn close_fds(mut self, close: bool) -> Self {
        self.close_fds = close;
        self
    }

    /// Passes descriptors to the process, which have the same numbers there: asyncio's `pass_fds`. In this process they
    /// are closed after the start; pass a duplicate to keep one. A second call adds to the first.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{create_subprocess_shell, net::PipeReader, run};
    /// use std::{io, os::fd::AsRawFd};
    ///
    /// run(async {
    ///     let (reader, writer) = io::pipe()?;
    ///     let text = format!("echo ready >/dev/fd/{}", writer.as_raw_fd());
    ///     let process = create_subprocess_shell(text).pass_fds([writer]).await?;
    ///     let told = PipeReader::from_fd(reader.into())?.into_stream();
    ///     assert_eq!(told.readline().await?, b"ready\n");
    ///     assert!(process.wait().await.success());
    ///     Ok::<(), io::Error>(())
    /// })??;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pass_fds<T: Into<OwnedFd>>(mut self, descriptors: impl IntoIterator<Item = T>) -> Self {
        self.passed.extend(descriptors.into_iter().map(Into::into));
        self
    }

    /// Makes the process the leader of a new session, which no signal of the terminal reaches: asyncio's
    /// `start_new_session=True`. It cannot be undone.
    pub fn start_new_session(mut self) -> Self {
        start_new_session(&mut self.command);
        self
    }

    /// The process group that the process joins; 0 for a new one: asyncio's `process_group`.
    pub fn process_group(self, group: i32) -> Self {
        self.with(|command| command.process_group(group))
    }

    /// The [limit](StreamReader::with_limit) of the readers of its pipes: asyncio's `limit`; 64 KiB by default.
    ///
    /// # Panics
    /// If the limit is 0.
    #[track_caller]
    pub fn limit(mut self, limit: usize) -> Self {
        assert_limit(limit);
        self.limit = limit;
        self
    }

    /// Whether the process is killed when its [`Process`] is dropped; false by default. asyncio kills a process when
    /// its transport is closed.
    pub fn kill_on_drop(mut self, kill: bool) -> Self {
        self.kill_on_drop = kill;
        self
    }

    /// Starts the process. `exit_descriptor` makes a descriptor, from the PID, that becomes readable when the process
    /// ends.
    pub(super) fn start(&mut self, exit_descriptor: impl FnOnce(u32) -> io::Result<OwnedFd>) -> io::Result<Process> {
        let lp = EventLoop::current();
        lp.refuse_if_closed();
        let mut child = self.spawn().map_err(|error| self.start_error(&error))?;
        let pipes = self.pipes(&mut child);
        let child = WatchedChild::watch(&lp, child, exit_descriptor)?;
        // an early return below drops the handle, which kills the process
        let mut process = Process { stdin: None, stdout: None, stderr: None, child, kill_on_drop: true };
        (process.stdin, process.stdout, process.stderr) = pipes?;
        process.kill_on_drop = self.kill_on_drop;
        Ok(process)
    }

    fn spawn(&mut self) -> io::Result<Child> {
        let passed = std::mem::take(&mut self.passed);
        let numbers: Vec<_> = passed.iter().map(AsRawFd::as_raw_fd).collect();
        if let Some(standard) = numbers.iter().find(|&&fd| fd < FIRST_OTHER) {
            let text = format!("descriptor {standard} is a standard one: pass it with stdin, stdout or stderr");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        // the last thing that is done between fork and exec, as it is the last one to be set
        set_inherited(&mut self.command, self.close_fds, numbers);
        self.command.spawn()
    }

    fn pipes(
        &self,
        child: &mut Child,
    ) -> io::Result<(Option<StreamWriter>, Option<StreamReader>, Option<StreamReader>)> {
        let read = |fd: OwnedFd| PipeReader::from_fd(fd).map(|pipe| pipe.into_stream_with_limit(self.limit));
        let stdin = child.stdin.take().map(|pipe| PipeWriter::from_fd(pipe.into()).map(PipeWriter::into_stream));
        let stdout = child.stdout.take().map(|pipe| read(pipe.into()));
        let stderr = child.stderr.take().map(|pipe| read(pipe.into()));
        Ok((stdin.transpose()?, stdout.transpose()?, stderr.transpose()?))
    }

    /// The system's error, with the program and the directory in its text.
    fn start_error(&self, error: &io::Error) -> io::Error {
        let program = self.command.get_program().display();
        let directory = self.command.get_current_dir().map(|dir| format!(" in {}", dir.display()));
        io::Error::new(error.kind(), format!("cannot start {program}{}: {error}", directory.unwrap_or_default()))
    }
}

/// Starts the process at the first poll.
///
/// # Cancel safety
/// If the await is cancelled, no process was started.
impl Future for ProcessBuilder {
    type Output = io::Result<Process>;

    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<Process>> {
        Poll::Ready(self.start(exit_descriptor))
    }
}

impl fmt::Debug for ProcessBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProcessBuilder").field(&self.command).finish()
    }
}
