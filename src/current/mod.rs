//! Which loop, task and context this thread is in, and how a task is woken. Must not know how a loop runs.

mod this_thread; // which loop and which context this thread is in
mod waker; // a waker that is a number
mod timer; // a timer that belongs to what waits for it
mod context_var; // variables whose values belong to the context

pub use context_var::{ContextToken, ContextVar, copy_context};
pub(crate) use this_thread::{
    Guard, any_running, copy_thread_context, current, enter, expect, is_in, note_context_use, note_wait, swap_context,
    throw, uses_contexts,
};
pub(crate) use timer::{Timer, deadline_after};
pub(crate) use waker::{key_of, wake_target, waker};
