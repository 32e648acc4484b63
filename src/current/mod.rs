//! Which loop and which context this thread is in, and how a task is woken. Owns the thread-locals and the waker; must
//! not know how a loop runs.
//!
//! `sleep`, `create_task` and all other free functions find their loop by `this_thread.rs`: the one that runs on the
//! thread, else the one that was entered. The waker of a task (`waker.rs`) is a number, which names a loop and a task
//! of it. On the thread of that loop a wake queues the task; on another it sends a message. So to clone a waker costs
//! nothing, and one that is kept for too long finds no task. `timer.rs` and `single_waiter.rs` are what futures hold
//! that wait for a time, or alone for an event.

mod this_thread; // the loop and the context that this thread is in
mod waker; // a waker that is a number
mod single_waiter; // what waits for an event that at most one future waits for
mod timer; // a timer that is removed when it is dropped
mod context_var; // variables whose values belong to the context

pub(crate) use context_var::CarriedContext;
pub use context_var::{ContextToken, ContextVar, copy_context};
pub(crate) use single_waiter::SingleWaiter;
pub(crate) use this_thread::{
    Guard, any_running, any_task_running, copy_thread_context, count_leaf, current, enter, entered, expect, is_in,
    leave_at_the_end, note_context_use, running_key, running_key_and_step, running_loop, runs_task_of_another,
    step_number, swap_context, thread_context, uses_contexts, writable_context,
};
pub(crate) use timer::{TIMER, Timer, deadline_after};
pub(crate) use waker::{key_of, wake_target, waker};
