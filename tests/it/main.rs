//! The library's own tests: one file for each of its public names, or for what several have in common. They run in one
//! process, many at once, so that a test here must not depend on what others do to that process: it counts only what
//! is its own, or runs in a process of its own, by `support::alone`. What a neighbour would disturb even so, since it
//! slows the machine down, is in `tests/alone`.

#[path = "../support/mod.rs"]
mod support;

mod activity;
mod another_loop;
mod as_completed;
mod barrier;
mod boundaries;
mod call_graph;
mod cancel;
mod carried;
mod closable_semaphore;
mod condition;
mod connect;
mod context_var;
mod counters;
mod debug_mode;
mod descriptor;
mod destructors;
mod eager;
mod end_of_time;
mod error;
mod event;
mod event_loop;
mod examples;
#[cfg(not(oneloop_plain_alloc))] // it leaves everything as it is, which a detector of leaks would tell
mod exit;
mod explore;
#[cfg(not(oneloop_plain_alloc))] // a sanitizer has threads of its own
mod fork;
mod future;
mod gather;
mod handle;
mod host;
mod inspect;
mod interval;
mod into_stream;
mod lock;
mod loop_handle;
mod lookup;
mod metrics;
mod multicast;
mod nested;
mod observer;
mod panic_places;
mod panics;
mod pender;
mod pipes;
mod poll_level;
mod process;
mod queue;
mod readers;
mod recorder;
mod regressions;
mod remote_task;
mod runner;
mod semaphore;
mod semaphore_permit;
mod send_fds;
mod sendfile;
mod server;
mod shield;
mod signal;
mod sleep;
mod socket_settings;
mod staggered;
mod stdin;
mod stream_polls;
mod streams;
mod task;
mod task_group;
#[cfg(feature = "tracing")]
mod task_spans;
mod tcp;
mod thread_pool;
mod threads;
mod timeout;
mod tls;
mod turns;
mod udp;
mod unix_sockets;
mod wait;
mod wait_detail;
mod waiters;
mod waker;
