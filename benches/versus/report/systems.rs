//! The systems by name, in the order of the columns, and which of them are no peers. Must not know what they are made
//! of.

/// The one that the others are compared with.
pub const ONELOOP: &str = "oneloop";
/// The same with precise sleeps.
pub const ONELOOP_PRECISE: &str = "oneloop-precise";
/// The same with sleeps that end at whole milliseconds.
pub const ONELOOP_COARSE: &str = "oneloop-coarse";
/// A runtime of the current thread with a `LocalSet`.
pub const TOKIO: &str = "tokio";
/// A `LocalRuntime`.
pub const TOKIO_LOCAL: &str = "tokio-local";
/// The executor that is leaked.
pub const SMOL: &str = "smol";
/// The executor that is not.
pub const SMOL_LOCAL: &str = "smol-local";
/// `LocalPool`.
pub const FUTURES: &str = "futures";
/// On epoll.
pub const MONOIO: &str = "monoio";
/// On `io_uring`.
pub const MONOIO_URING: &str = "monoio-uring";
/// On `io_uring`.
pub const COMPIO: &str = "compio";
/// On `io_uring`.
pub const GLOMMIO: &str = "glommio";
/// Callbacks.
pub const CALLOOP: &str = "calloop";
/// Futures that are no tasks.
pub const INLINE: &str = "inline";
/// The calls on the sockets, and no loop.
pub const FLOOR: &str = "floor";
/// The readiness of the sockets, and no tasks.
pub const EPOLL: &str = "epoll";
/// `CPython`'s.
pub const ASYNCIO: &str = "asyncio";
/// A loop for asyncio.
pub const UVLOOP: &str = "uvloop";

/// All of them.
pub const ALL: [&str; 18] = [
    ONELOOP,
    ONELOOP_PRECISE,
    ONELOOP_COARSE,
    TOKIO,
    TOKIO_LOCAL,
    SMOL,
    SMOL_LOCAL,
    FUTURES,
    MONOIO,
    MONOIO_URING,
    COMPIO,
    GLOMMIO,
    CALLOOP,
    INLINE,
    FLOOR,
    EPOLL,
    ASYNCIO,
    UVLOOP,
];

/// Those that are oneloop, and those that have no loop: no peers, and in no ratio.
pub const NO_PEERS: [&str; 5] = [ONELOOP, ONELOOP_PRECISE, ONELOOP_COARSE, FLOOR, EPOLL];

/// A peer, and the ways in which it is measured.
#[derive(Debug)]
pub struct Peer {
    /// As its picture is called.
    pub name: &'static str,
    /// The systems that it is, of which the fastest of a row counts.
    pub systems: &'static [&'static str],
}

/// The peers that a program could be written for instead.
pub const PEERS: [Peer; 8] = [
    Peer { name: TOKIO, systems: &[TOKIO, TOKIO_LOCAL] },
    Peer { name: SMOL, systems: &[SMOL, SMOL_LOCAL] },
    Peer { name: MONOIO, systems: &[MONOIO, MONOIO_URING] },
    Peer { name: COMPIO, systems: &[COMPIO] },
    Peer { name: GLOMMIO, systems: &[GLOMMIO] },
    Peer { name: CALLOOP, systems: &[CALLOOP] },
    Peer { name: FUTURES, systems: &[FUTURES] },
    Peer { name: ASYNCIO, systems: &[ASYNCIO, UVLOOP] },
];

/// Those that are run by Python.
pub const OF_PYTHON: [&str; 2] = [ASYNCIO, UVLOOP];

/// The system of this name.
///
/// # Errors
///
/// There is none.
pub fn find(name: &str) -> Result<&'static str, String> {
    let found = ALL.into_iter().find(|known| *known == name);
    found.ok_or_else(|| format!("unknown system `{name}`; there is {}", ALL.join(", ")))
}
