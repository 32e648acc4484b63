//! The loop beside asyncio, tick by tick: each test is one program, and what it expects is the trace that the same
//! program leaves in Python 3.13 and later, unless a comment says otherwise. `docs/PARITY.md` names these tests, row by
//! row.

#[path = "../support/log.rs"]
mod log;
#[path = "../support/loops.rs"]
mod loops;
#[path = "../support/time.rs"]
mod time;

mod basics;
mod cancellation;
mod context_var;
mod gather;
mod group;
mod limits;
mod parity;
mod queue;
mod run;
mod shield;
mod sync;
mod threads;
mod trace;
mod wait;
