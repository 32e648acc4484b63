//! System calls on child processes that the standard library lacks. Owns the raw calls; must not know the loop.
#![expect(unsafe_code, reason = "calls into libc, and code that runs between fork and exec")]

use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::{io, mem, thread};

/// Makes the process write its standard error to where its standard output goes.
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

/// Makes the process the leader of a new session, without a terminal.
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

/// Sends a signal to a child. The child must not have been reaped, because its PID could then belong to another
/// process.
pub(crate) fn send_signal(pid: u32, signal: i32) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    // SAFETY: a call without pointers.
    checked(unsafe { libc::kill(pid, signal) })
}

fn checked(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// A descriptor that becomes readable when a child has ended. The child still has to be reaped.
pub(crate) fn exit_descriptor(pid: u32) -> io::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    if let Ok(descriptor) = pidfd(pid) {
        return Ok(descriptor);
    }
    exit_pipe(pid)
}

/// The descriptor of a process, which Linux has since 5.3. It is close-on-exec.
#[cfg(target_os = "linux")]
fn pidfd(pid: u32) -> io::Result<OwnedFd> {
    use std::os::fd::FromRawFd;

    let pid = libc::c_long::from(pid);
    // SAFETY: a call without pointers.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0 as libc::c_long) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    let descriptor = libc::c_int::try_from(result).map_err(io::Error::other)?;
    // SAFETY: the call above has just opened it, so no other code owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// For systems without such a descriptor: the reading end of a pipe, whose writing end is held by a thread that waits
/// for the child.
pub(crate) fn exit_pipe(pid: u32) -> io::Result<OwnedFd> {
    let (reader, writer) = io::pipe()?;
    let wait = move || {
        while wait_for_exit(pid).is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {}
        drop(writer);
    };
    thread::Builder::new().name(format!("oneloop-wait-{pid}")).spawn(wait)?;
    Ok(reader.into())
}

/// Blocks until the child has ended, and does not reap it.
fn wait_for_exit(pid: u32) -> io::Result<()> {
    // SAFETY: a plain structure, for which zeros are fine.
    let mut info: libc::siginfo_t = unsafe { mem::zeroed() };
    // SAFETY: the call writes to a structure that is alive for the call.
    checked(unsafe { libc::waitid(libc::P_PID, pid, &raw mut info, libc::WEXITED | libc::WNOWAIT) })
}
