//! Some of several tasks: asyncio's `wait`. Must not know `gather`.

mod waitable; // what can be waited for
mod round; // the countdown behind a wait
mod wait; // the function and its sets

pub(crate) use round::refuse_foreign;
pub use wait::{
    AllCompleted, FirstCompleted, FirstException, Pending, PendingIntoIter, PendingIter, ReturnWhen, Wait,
    WaitCondition, WaitSets, wait,
};
#[doc(hidden)]
pub use wait::{Judge, Judges};
pub use waitable::Waitable;
pub(crate) use waitable::node_of;
#[doc(hidden)]
pub use waitable::{Member, Sealed, Value};
