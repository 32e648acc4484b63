//! A process to be started. Owns the settings and the start; must not know what becomes of the process.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::task::{Context, Poll};
use std::{fmt, io};

use super::exit::Exit;
use super::process::Process;
use crate::cancel::is_throwing;
use crate::event_loop::EventLoop;
use crate::net::{PipeReader, PipeWriter};
use crate::streams::{DEFAULT_LIMIT, StreamReader, StreamWriter};
use crate::sys::{exit_descriptor, join_stderr_to_stdout, start_new_session};

/// Starts a program: asyncio's `create_subprocess_exec(program, *args)`. Arguments and other settings are those of the
/// standard library's [`Command`]; awaiting it starts the program and gives the [`Process`].
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

/// Has the shell `/bin/sh` run a text: asyncio's `create_subprocess_shell`. What comes from outside has no place in the
/// text: it would be run.
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
pub fn create_subprocess_shell(text: impl AsRef<OsStr>) -> ProcessBuilder {
    ProcessBuilder::from(Command::new("/bin/sh")).arg("-c").arg(text)
}

/// A process to be started, by awaiting this. Standard input, output and error are inherited if nothing is said.
///
/// For settings that are not here, make one [from](Self::from) a [`Command`] of the standard library.
#[must_use = "the process is started when this is awaited"]
pub struct ProcessBuilder {
    command: Command,
    limit: usize,
    kill_on_drop: bool,
}

impl From<Command> for ProcessBuilder {
    fn from(command: Command) -> Self {
        Self { command, limit: DEFAULT_LIMIT, kill_on_drop: false }
    }
}

impl ProcessBuilder {
    fn with(mut self, set: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        set(&mut self.command);
        self
    }

    /// One more argument.
    pub fn arg(self, arg: impl AsRef<OsStr>) -> Self {
        self.with(|command| command.arg(arg))
    }

    /// More arguments.
    pub fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Self {
        self.with(|command| command.args(args))
    }

    /// A variable of its environment, which is this process's if nothing is said.
    pub fn env(self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.with(|command| command.env(name, value))
    }

    /// Several variables of its environment.
    pub fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(self, variables: impl IntoIterator<Item = (N, V)>) -> Self {
        self.with(|command| command.envs(variables))
    }

    /// A variable that it does not inherit.
    pub fn env_remove(self, name: impl AsRef<OsStr>) -> Self {
        self.with(|command| command.env_remove(name))
    }

    /// It inherits no variable, and has none that was set before.
    pub fn env_clear(self) -> Self {
        self.with(Command::env_clear)
    }

    /// Its working directory: asyncio's `cwd`.
    pub fn current_dir(self, dir: impl AsRef<Path>) -> Self {
        self.with(|command| command.current_dir(dir))
    }

    /// Its standard input: `Stdio::piped()` is asyncio's `PIPE`, `Stdio::null()` its `DEVNULL`; a file or the end of a pipe
    /// can be given too.
    pub fn stdin(self, stdin: impl Into<Stdio>) -> Self {
        self.with(|command| command.stdin(stdin))
    }

    /// Its standard output, as [`stdin`](Self::stdin).
    pub fn stdout(self, stdout: impl Into<Stdio>) -> Self {
        self.with(|command| command.stdout(stdout))
    }

    /// Its standard error, as [`stdin`](Self::stdin).
    pub fn stderr(self, stderr: impl Into<Stdio>) -> Self {
        self.with(|command| command.stderr(stderr))
    }

    /// Its standard error goes where its standard output goes, wherever that is: asyncio's `stderr=STDOUT`. It cannot be
    /// taken back.
    pub fn stderr_to_stdout(mut self) -> Self {
        join_stderr_to_stdout(&mut self.command);
        self.with(|command| command.stderr(Stdio::null()))
    }

    /// It leads a session of its own, so that no signal of the terminal reaches it: asyncio's `start_new_session=True`. It
    /// cannot be taken back.
    pub fn start_new_session(mut self) -> Self {
        start_new_session(&mut self.command);
        self
    }

    /// The process group that it joins; 0 for one of its own: asyncio's `process_group`.
    pub fn process_group(self, group: i32) -> Self {
        self.with(|command| command.process_group(group))
    }

    /// The limit of the readers of its pipes: asyncio's `limit`, 64 KiB if nothing is said.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Whether the process is killed when its [`Process`] is dropped while it runs, as asyncio does when the transport is
    /// closed. If nothing is said, it runs on.
    pub fn kill_on_drop(mut self, kill: bool) -> Self {
        self.kill_on_drop = kill;
        self
    }

    /// Starts it. `ended` makes the descriptor that tells of its end.
    pub(super) fn start(&mut self, ended: impl FnOnce(u32) -> io::Result<OwnedFd>) -> io::Result<Process> {
        let lp = EventLoop::current();
        lp.refuse_if_closed();
        let mut child = self.command.spawn().map_err(|error| self.explain(&error))?;
        let pipes = self.pipes(&mut child);
        let exit = Exit::watch(&lp, child, ended)?;
        // from here on the process ends with what is dropped
        let mut process = Process { stdin: None, stdout: None, stderr: None, exit, kill_on_drop: true };
        (process.stdin, process.stdout, process.stderr) = pipes?;
        process.kill_on_drop = self.kill_on_drop;
        Ok(process)
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

    /// The error with what was to be started, which the system does not say.
    fn explain(&self, error: &io::Error) -> io::Error {
        let program = self.command.get_program().display();
        let place = self.command.get_current_dir().map_or_else(String::new, |dir| format!(" in {}", dir.display()));
        io::Error::new(error.kind(), format!("cannot start {program}{place}: {error}"))
    }
}

/// Starts the process at the first poll.
///
/// # Cancel safety
/// If the wait is cancelled, no process was started.
impl Future for ProcessBuilder {
    type Output = io::Result<Process>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Process>> {
        if is_throwing(cx) {
            return Poll::Pending;
        }
        Poll::Ready(self.start(exit_descriptor))
    }
}

impl fmt::Debug for ProcessBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProcessBuilder").field(&self.command).finish()
    }
}
