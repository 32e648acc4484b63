//! Reports of panics from any thread. Owns the way to the exception handler of the loop that a panic concerns; must not
//! know where it comes from.

use super::callback::ThreadsafeHandle;
use crate::current;
use crate::error::Panic;
use crate::kernel::{LoopSender, Message};
use crate::node::report;

/// Reports a panic that no task will meet: at once if this thread is in that loop, else in its next iteration.
pub(super) fn report_from_anywhere(sender: LoopSender, message: &'static str, panic: Panic) {
    if let Some(kernel) = current::current().filter(|kernel| kernel.sender().is(sender)) {
        return report(&kernel, message, panic.into());
    }
    let (_, call) = ThreadsafeHandle::new(move || report(&current::expect(), message, panic.into()));
    // refused by a loop that is closed, and then nothing is left that could be told: the panic hook has told of it
    let _ = sender.send(Message::Run(call));
}
