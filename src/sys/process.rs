//! Calls on child processes that the standard library lacks. Owns the raw calls; must not know the loop.
#![expect(unsafe_code, reason = "calls into libc, and code that runs between fork and exec")]

use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::{io, mem, thread};

/// The process's errors go where its output goes.
pub(crate) fn join_stderr_to_stdout(command: &mut Command) {
    let join = || {
        checked(
            // SAFETY: a call without pointers.
            unsafe { libc::dup2(libc::STDOUT_FILENO, libc::STDERR_FILENO) },
        )
    };
    // SAFETY: one system call, which is allowed between fork and exec.
    unsafe { command.pre_exec(join) };
}

/// The process leads a session of its own, without a terminal.
pub(crate) fn start_new_session(command: &mut Command) {
    let start = || {
        checked(
            // SAFETY: a call without arguments.
            unsafe { libc::setsid() },
        )
    };
    // SAFETY: one system call, which is allowed between fork and exec.
    unsafe { command.pre_exec(start) };
}

/// Sends a signal to a child that has not been waited for, so that its number is still its own.
pub(crate) fn send_signal(pid: u32, signal: i32) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    // SAFETY: a call without pointers.
    checked(unsafe { libc::kill(pid, signal) })
}

fn checked(answer: libc::c_int) -> io::Result<()> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// A descriptor that becomes readable when a child has ended. The child still has to be waited for.
pub(crate) fn exit_descriptor(pid: u32) -> io::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    if let Ok(descriptor) = pidfd(pid) {
        return Ok(descriptor);
    }
    exit_pipe(pid)
}

/// Linux has a descriptor for a process, since 5.3. It is close-on-exec.
#[cfg(target_os = "linux")]
fn pidfd(pid: u32) -> io::Result<OwnedFd> {
    use std::os::fd::FromRawFd;

    let pid = libc::c_long::from(pid);
    // SAFETY: a call without pointers.
    let answer = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0 as libc::c_long) };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    let descriptor = libc::c_int::try_from(answer).map_err(io::Error::other)?;
    // SAFETY: it was just made, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Elsewhere a thread waits for the child, and the pipe that it holds ends with it.
pub(crate) fn exit_pipe(pid: u32) -> io::Result<OwnedFd> {
    let (reader, writer) = io::pipe()?;
    let wait = move || {
        while wait_for_exit(pid).is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {}
        drop(writer);
    };
    thread::Builder::new().name(format!("oneloop-wait-{pid}")).spawn(wait)?;
    Ok(reader.into())
}

/// Blocks until the child has ended, and leaves it to be waited for.
fn wait_for_exit(pid: u32) -> io::Result<()> {
    // SAFETY: a plain structure, for which zeros are fine.
    let mut info: libc::siginfo_t = unsafe { mem::zeroed() };
    // SAFETY: what is told goes into a structure that is alive for the call.
    checked(unsafe { libc::waitid(libc::P_PID, pid, &raw mut info, libc::WEXITED | libc::WNOWAIT) })
}
