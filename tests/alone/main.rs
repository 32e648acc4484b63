//! Tests that a busy neighbour would disturb: they count the system calls, the descriptors or the wakes of the whole
//! process, or look at what the machine
//! gives this thread, and how punctual it is. In a program of their own, one at a time.
#![cfg(target_os = "linux")]

#[path = "../support/again.rs"]
mod again;
mod costs;
mod echo;
#[path = "../support/limits.rs"]
mod limits;
#[path = "../support/loops.rs"]
mod loops;
#[path = "../support/real.rs"]
mod real;
#[path = "../support/runs.rs"]
mod runs;
mod short_sleeps;
#[path = "../support/turns.rs"]
mod turns;
mod wake_writes;
