//! System calls that mio lacks. Owns the raw calls; must not know the loop.
//!
//! Each file wraps a few calls of libc, for one subject, in functions that are safe and return an `io::Result`. So this
//! is where the crate differs from system to system, and nothing here decides when a call is made. The files stand by
//! themselves, and are read when a caller leads to them. Two have code that runs under rules of its own, which they
//! state: `process.rs` (between fork and exec) and `signal.rs` (in a signal handler).

mod result; // how a call says that it has failed
mod fork; // how often this process was forked
mod lock; // locks on files
mod time; // the monotonic clock, a timer with a descriptor, and waits for a descriptor
mod find_byte; // the search for a byte
pub(crate) mod socket_options; // settings of sockets
mod name_of; // what a descriptor is, in words
pub(crate) mod socket; // opening, binding and connecting sockets
pub(crate) mod resolver; // the system's resolver
pub(crate) mod send; // files and descriptors through sockets
#[cfg(feature = "process")]
mod process; // starting, signalling and reaping child processes
#[cfg(feature = "signal")]
mod signal; // signal handlers of the process

pub(crate) use find_byte::find_byte;
pub(crate) use fork::{count_forks, forks};
pub(crate) use lock::lock_within_a_second;
pub(crate) use name_of::{name_of, signal_name};
#[cfg(all(test, feature = "process"))]
pub(crate) use process::exit_pipe;
#[cfg(feature = "process")]
pub(crate) use process::{
    FIRST_OTHER, exit_descriptor, join_stderr_to_stdout, send_signal, set_inherited, start_new_session,
};
#[cfg(feature = "signal")]
pub(crate) use signal::{Caught, is_at_default, is_forbidden, is_main_thread};
pub(crate) use socket::set_nonblocking;
#[cfg(target_os = "linux")]
pub(crate) use time::wait_readable;
pub(crate) use time::{DeadlineTimer, duplicate, monotonic_nanos, wait_for_either, wait_for_input};
