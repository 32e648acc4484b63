//! The system's calls fail, with each errno that their manual pages tell of: servers go on, nothing spins, nothing is
//! kept. A shim between this program and the system makes them fail. It is compiled by the test, and loaded into the
//! process in which the test runs again; without a C compiler the tests say so and pass.
//!
//! `ONELOOP_FAULTS=1` plays those scenes too that take a second or two each.
#![cfg(all(target_os = "linux", not(oneloop_plain_alloc)))]

#[path = "../support/again.rs"]
mod again;
#[path = "../support/descriptors.rs"]
mod descriptors;
#[path = "../support/echo.rs"]
mod echo;
#[path = "../support/heap.rs"]
mod heap;
mod scenes;
mod shim;
#[path = "../support/skips.rs"]
mod skips;

use std::env;
use std::time::Duration;

use libc::{
    EACCES, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, ECONNABORTED, ECONNREFUSED, ECONNRESET, EHOSTDOWN, EHOSTUNREACH,
    EINTR, EIO, EMFILE, ENETDOWN, ENETUNREACH, ENFILE, ENOBUFS, ENOMEM, ENONET, ENOPROTOOPT, ENOSPC, ENOTCONN,
    EOPNOTSUPP, EPERM, EPIPE, EPROTO, ETIMEDOUT,
};

#[cfg(feature = "process")]
use scenes::processes_are_started;
use scenes::{all_arrives, echo_goes_on, loops_are_made, pipes_are_made};
use shim::{Fault, under_faults};

/// What else `accept` may say.
const OTHERS_OF_ACCEPT: &[i32] =
    &[ENFILE, ENOBUFS, EPROTO, EPERM, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP, ENETUNREACH];
/// A call that fails for so long shows whether what meets it spins.
const HELD: Duration = Duration::from_secs(1);

const fn once(call: &'static std::ffi::CStr, errno: i32) -> Fault {
    Fault { call, errno, after: 0, every: 1, times: 1 }
}

const fn second(call: &'static std::ffi::CStr, errno: i32) -> Fault {
    Fault { call, errno, after: 0, every: 2, times: -1 }
}

const fn always(call: &'static std::ffi::CStr, errno: i32) -> Fault {
    Fault { call, errno, after: 0, every: 1, times: -1 }
}

/// Once, but not when the loop is made, which calls it first.
const fn once_in_a_loop(call: &'static std::ffi::CStr, errno: i32) -> Fault {
    Fault { call, errno, after: 1, every: 1, times: 1 }
}

#[test]
fn a_server_accepts_again_after_each_error_of_accept() {
    under_faults(|scene| {
        // the server pauses for a second after most of them
        let many: &[i32] = if env::var_os("ONELOOP_FAULTS").is_some() { OTHERS_OF_ACCEPT } else { &[] };
        for &errno in [EMFILE, ENOMEM, ECONNABORTED, EINTR].iter().chain(many) {
            scene.play(&once(c"accept4", errno), || echo_goes_on(None));
        }
    });
}

#[test]
fn a_server_whose_accept_always_fails_does_not_spin() {
    under_faults(|scene| {
        for errno in [EMFILE, EPERM] {
            scene.play(&always(c"accept4", errno), || echo_goes_on(Some(HELD)));
        }
    });
}

#[test]
fn a_server_goes_on_when_the_connections_of_some_clients_fail() {
    under_faults(|scene| {
        for errno in [ECONNREFUSED, ENOMEM, ECONNRESET, ETIMEDOUT, ENOTCONN, EINTR] {
            scene.play(&once(c"recv", errno), || echo_goes_on(None));
            scene.play(&second(c"recv", errno), || echo_goes_on(None));
        }
        for errno in [ECONNRESET, ENOBUFS, ENOMEM, EPIPE, EINTR] {
            scene.play(&once(c"send", errno), || echo_goes_on(None));
            scene.play(&second(c"send", errno), || echo_goes_on(None));
        }
        for errno in [EADDRNOTAVAIL, EAGAIN, ECONNREFUSED, ENETUNREACH, ETIMEDOUT, EPERM, EACCES] {
            scene.play(&second(c"connect", errno), || echo_goes_on(None));
        }
        for errno in [EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES, EAFNOSUPPORT] {
            scene.play(&second(c"socket", errno), || echo_goes_on(None));
        }
        for errno in [ENOMEM, ENOSPC] {
            scene.play(&second(c"epoll_ctl", errno), || echo_goes_on(None));
        }
    });
}

#[test]
fn storms_of_interruptions_are_not_seen() {
    under_faults(|scene| {
        for call in [c"recv", c"send", c"read", c"write", c"accept4", c"epoll_wait"] {
            scene.play(&second(call, EINTR), all_arrives);
        }
    });
}

#[test]
fn all_arrives_byte_by_byte() {
    under_faults(|scene| scene.play_short(all_arrives));
}

#[test]
fn pipes_that_fail_give_their_errors() {
    under_faults(|scene| {
        for errno in [EMFILE, ENFILE] {
            scene.play(&once(c"pipe2", errno), pipes_are_made);
            scene.play(&once(c"socketpair", errno), pipes_are_made);
        }
        for errno in [EIO, ENOMEM] {
            scene.play(&second(c"read", errno), pipes_are_made);
        }
        for errno in [EIO, ENOSPC, EPIPE] {
            scene.play(&second(c"write", errno), pipes_are_made);
        }
        for errno in [ENOMEM, ENOSPC, EPERM] {
            scene.play(&once_in_a_loop(c"epoll_ctl", errno), pipes_are_made);
        }
    });
}

#[test]
fn loops_that_cannot_be_made_give_their_errors() {
    under_faults(|scene| {
        for call in [c"epoll_create1", c"eventfd"] {
            for errno in [EMFILE, ENFILE, ENOMEM] {
                scene.play(&once(call, errno), loops_are_made);
            }
        }
        scene.play(&once(c"epoll_ctl", ENOMEM), loops_are_made);
    });
}

#[cfg(feature = "process")]
#[test]
fn processes_that_cannot_be_started_give_their_errors() {
    under_faults(|scene| {
        for errno in [EAGAIN, ENOMEM] {
            scene.play(&once(c"fork", errno), processes_are_started);
        }
        for errno in [EMFILE, ENFILE] {
            scene.play(&once(c"pipe2", errno), processes_are_started);
        }
        for errno in [ENOMEM, ENOSPC] {
            scene.play(&once_in_a_loop(c"epoll_ctl", errno), processes_are_started);
        }
    });
}
