//! What tests share, by subject: plain helpers. Must not know what any test shows.
//!
//! This is all of it, for `tests/it`. A program that needs a part includes those files by their paths, so that nothing
//! in it is unused: a file holds what is used together.

mod again;
mod alone;
mod cancelling;
mod coroutines;
mod descriptors;
mod drops;
#[cfg(unix)]
mod echo;
mod ended;
#[cfg(all(unix, feature = "signal"))]
mod ignored;
mod log;
mod loops;
mod loose_waits;
mod panics;
mod polls;
mod queues;
mod readable;
mod real;
#[cfg(unix)]
mod received;
mod reports;
mod runs;
mod skips;
mod time;
mod timers;
mod wakers;
mod witnesses;

pub(crate) use again::this_test_again;
pub(crate) use alone::alone;
pub(crate) use alone::in_another_process;
pub(crate) use cancelling::cancelling;
pub(crate) use coroutines::{after, dead, fail_after, pass_after, tasks, until};
pub(crate) use descriptors::open_descriptors;
pub(crate) use drops::OnDrop;
#[cfg(unix)]
pub(crate) use echo::echo;
pub(crate) use ended::values_as_completed;
#[cfg(all(unix, feature = "signal"))]
pub(crate) use ignored::skips_since_ignored;
pub(crate) use log::{Log, note};
pub(crate) use loops::virtual_loop;
pub(crate) use loose_waits::LooseWaits;
pub(crate) use panics::{panic_in, panic_of};
pub(crate) use polls::counted;
pub(crate) use queues::{getting, putting, waiting};
pub(crate) use readable::is_readable;
pub(crate) use real::{PATIENCE, real_loop, run_real};
#[cfg(unix)]
pub(crate) use received::read_to_end;
pub(crate) use reports::{reports, reports_as};
pub(crate) use runs::run;
pub(crate) use skips::skip;
pub(crate) use time::{LONG, SECOND, ms, now, secs};
pub(crate) use timers::assert_no_timer_is_left;
pub(crate) use wakers::waker_that_calls_when_cloned;
pub(crate) use witnesses::{Bomb, witness};
