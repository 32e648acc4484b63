//! Tests that a busy neighbour would disturb: they count the system calls, the descriptors or the wakes of the whole
//! process, or look at how punctual the machine lets the loop be. In a program of their own, one at a time.
#![cfg(target_os = "linux")]

#[path = "../support/again.rs"]
mod again;
mod echo;
#[path = "../support/limits.rs"]
mod limits;
#[path = "../support/real.rs"]
mod real;
mod short_sleeps;
#[path = "../support/turns.rs"]
mod turns;
mod wake_writes;
