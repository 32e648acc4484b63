//! What CPython tests of its own asyncio, written anew for this loop under the same names: one file for each of its
//! files, one module for each of its classes. `portable.txt` lists the names; one that makes no sense in Rust stands in
//! `docs/PARITY.md` with its reason.

mod names;
mod support;
mod test_base_events;
mod test_context;
mod test_eager_task_factory;
mod test_events;
mod test_free_threading;
mod test_futures;
mod test_locks;
mod test_queues;
mod test_runners;
mod test_selector_events;
mod test_sendfile;
mod test_server;
mod test_sock_lowlevel;
mod test_staggered;
mod test_streams;
#[cfg(all(unix, feature = "process"))]
mod test_subprocess;
mod test_taskgroups;
mod test_tasks;
mod test_threads;
mod test_timeouts;
mod test_waitfor;
