//! System calls that mio lacks. Owns the raw calls; must not know the loop.

mod fork; // how often this process was forked
mod lock; // locks on files
mod time; // the monotonic clock, a timer with a descriptor, and waits for a descriptor
#[cfg(unix)]
mod find_byte; // the search for a byte
#[cfg(unix)]
pub(crate) mod socket_options; // settings of sockets
#[cfg(unix)]
mod name_of; // what a descriptor is, in words
#[cfg(unix)]
pub(crate) mod socket; // opening, binding and connecting sockets
#[cfg(unix)]
pub(crate) mod resolver; // the system's resolver
#[cfg(unix)]
pub(crate) mod send; // files and descriptors through sockets
#[cfg(all(unix, feature = "process"))]
mod process; // starting, signalling and reaping child processes
#[cfg(feature = "signal")]
mod signal; // signal handlers of the process

#[cfg(unix)]
pub(crate) use find_byte::find_byte;
pub(crate) use fork::{count_forks, forks};
pub(crate) use lock::lock_for_a_moment;
#[cfg(unix)]
pub(crate) use name_of::{name_of, signal_name};
#[cfg(all(test, unix, feature = "process"))]
pub(crate) use process::exit_pipe;
#[cfg(all(unix, feature = "process"))]
pub(crate) use process::{
    FIRST_OTHER, exit_descriptor, join_stderr_to_stdout, send_signal, set_inherited, start_new_session,
};
#[cfg(feature = "signal")]
pub(crate) use signal::{Caught, is_at_default, is_forbidden, is_main_thread};
#[cfg(unix)]
pub(crate) use socket::set_nonblocking;
#[cfg(target_os = "linux")]
pub(crate) use time::wait_readable;
pub(crate) use time::{DeadlineTimer, duplicate, monotonic_nanos, wait_for_either, wait_for_input};
