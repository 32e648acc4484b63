//! System calls on child processes that the standard library lacks. Owns the raw calls; must not know the loop.
#![expect(unsafe_code, reason = "calls into libc, and code that runs between fork and exec")]

#[cfg(test)]
mod tests;

use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::{io, mem, thread};

use super::result::checked;
#[cfg(target_os = "linux")]
use super::result::count;

/// Makes the process write its standard error to where its standard output goes.
pub(crate) fn join_stderr_to_stdout(command: &mut Command) {
    let join = || {
        // SAFETY: a call without pointers.
        checked(unsafe { libc::dup2(libc::STDOUT_FILENO, libc::STDERR_FILENO) }).map(drop)
    };
    // SAFETY: one system call, which is allowed between fork and exec.
    unsafe { command.pre_exec(join) };
}

/// Makes the process the leader of a new session, without a terminal.
pub(crate) fn start_new_session(command: &mut Command) {
    let start = || {
        // SAFETY: a call without arguments.
        checked(unsafe { libc::setsid() }).map(drop)
    };
    // SAFETY: one system call, which is allowed between fork and exec.
    unsafe { command.pre_exec(start) };
}

// What a process inherits. Descriptors are marked and not closed, so that the standard library can still tell of a
// program that cannot be started. All this runs between fork and exec: system calls only, and no allocation. It has to
// be there, and not before the fork, because another thread may open a descriptor at any time.

/// The first descriptor that is not a standard one.
pub(crate) const FIRST_OTHER: RawFd = libc::STDERR_FILENO + 1;

/// The number of descriptors that are marked one by one: what Linux allows a process if it is not told otherwise. The
/// limit of a process may be far higher, and to mark so many would take minutes.
const ONE_BY_ONE_MAX: RawFd = 1 << 20;

/// A way to have all descriptors closed by exec, but for the standard ones.
type Marking = fn() -> io::Result<()>;

/// The ways that the system may have, the best one first.
const MARKINGS: &[Marking] = &[
    #[cfg(any(target_os = "linux", target_os = "freebsd"))]
    mark_range,
    #[cfg(target_os = "linux")]
    mark_listed,
    mark_one_by_one,
];

/// Makes the process inherit `passed`, and of all other descriptors only the standard ones, or, if `close_others` is
/// false, those that were not opened as close-on-exec.
pub(crate) fn set_inherited(command: &mut Command, close_others: bool, passed: Vec<RawFd>) {
    // what runs nothing between fork and exec is started by a quicker call, which copies no page tables
    if close_others || !passed.is_empty() {
        set_inherited_by(command, if close_others { MARKINGS } else { &[] }, passed);
    }
}

fn set_inherited_by(command: &mut Command, markings: &'static [Marking], passed: Vec<RawFd>) {
    let mark = move || {
        let mut failed = None;
        for marking in markings {
            failed = marking().err();
            if failed.is_none() {
                break;
            }
        }
        failed.map_or(Ok(()), Err)?;
        passed.iter().try_for_each(|&fd| set_close_on_exec(fd, false))
    };
    // SAFETY: system calls, which are allowed between fork and exec. The closure allocates nothing, and is dropped,
    // with what it holds, in this process alone.
    unsafe { command.pre_exec(mark) };
}

fn set_close_on_exec(fd: RawFd, on: bool) -> io::Result<()> {
    let flags = if on { libc::FD_CLOEXEC } else { 0 };
    // SAFETY: a call without pointers.
    checked(unsafe { libc::fcntl(fd, libc::F_SETFD, flags) }).map(drop)
}

/// Marks by one call, which Linux has since 5.11, and FreeBSD since 15.
#[cfg(any(target_os = "linux", target_os = "freebsd"))]
fn mark_range() -> io::Result<()> {
    const FIRST: libc::c_uint = FIRST_OTHER.cast_unsigned();
    #[cfg(target_os = "linux")]
    // SAFETY: a call without pointers.
    let result = unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    #[cfg(target_os = "freebsd")]
    // SAFETY: a call without pointers.
    let result = unsafe { libc::close_range(FIRST, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC.cast_signed()) };
    checked(result).map(drop)
}

/// Marks those that the system lists. The entries are read by the raw call, as `opendir` would allocate.
#[cfg(target_os = "linux")]
fn mark_listed() -> io::Result<()> {
    const ROOM: usize = 4096;
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
    // SAFETY: the path ends with a zero, and lives as long as the program.
    let list = unsafe { libc::open(c"/proc/self/fd".as_ptr(), flags) };
    checked(list)?;
    let mut entries = [0_u8; ROOM];
    loop {
        // SAFETY: the call writes to an array that is alive for the call, and has the size that is passed.
        let read = unsafe { libc::syscall(libc::SYS_getdents64, list, entries.as_mut_ptr(), ROOM) };
        let mut rest = &entries[..count(read)?];
        if rest.is_empty() {
            return Ok(()); // `list` is closed by exec
        }
        while let Some((name, others)) = split_entry(rest) {
            if let Some(fd) = number(name).filter(|&fd| fd >= FIRST_OTHER) {
                set_close_on_exec(fd, true)?;
            }
            rest = others;
        }
    }
}

/// Splits the first entry of a folder, as `getdents64` writes it, from the others: its name, with what fills it up.
#[cfg(target_os = "linux")]
fn split_entry(entries: &[u8]) -> Option<(&[u8], &[u8])> {
    const LENGTH_AT: usize = 16;
    const NAME_AT: usize = 19;
    let length = usize::from(u16::from_ne_bytes(entries.get(LENGTH_AT..LENGTH_AT + 2)?.try_into().ok()?));
    Some((entries.get(NAME_AT..length)?, entries.get(length..)?))
}

/// The number that the bytes begin with, in decimal digits. `None` if they begin with no digit.
#[cfg(target_os = "linux")]
fn number(digits: &[u8]) -> Option<RawFd> {
    let mut number: Option<RawFd> = None;
    for digit in digits.iter().take_while(|digit| digit.is_ascii_digit()) {
        number = number.unwrap_or(0).checked_mul(10)?.checked_add(RawFd::from(digit - b'0'));
    }
    number
}

/// Marks all that the process may have.
fn mark_one_by_one() -> io::Result<()> {
    // SAFETY: a plain structure, for which zeros are fine.
    let mut limit: libc::rlimit = unsafe { mem::zeroed() };
    // SAFETY: the call writes to a structure that is alive for the call.
    checked(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    for fd in FIRST_OTHER..RawFd::try_from(limit.rlim_cur).unwrap_or(RawFd::MAX).min(ONE_BY_ONE_MAX) {
        // fails where there is no descriptor
        let _ = set_close_on_exec(fd, true);
    }
    Ok(())
}

/// Sends a signal to a child. The child must not have been reaped, because its PID could then belong to another
/// process.
pub(crate) fn send_signal(pid: u32, signal: i32) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    // SAFETY: a call without pointers.
    checked(unsafe { libc::kill(pid, signal) }).map(drop)
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
    let result = checked(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0 as libc::c_long) })?;
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
    checked(unsafe { libc::waitid(libc::P_PID, pid as libc::id_t, &raw mut info, libc::WEXITED | libc::WNOWAIT) })
        .map(drop)
}
