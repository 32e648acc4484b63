//! How much of everything the rows have, the same for all systems. Must not know what is done with it.

use std::time::Duration;

pub(crate) const AWAITED: u64 = 1_000;
pub(crate) const WAKES: u64 = 1_000;
pub(crate) const REPOLLED: u64 = 1_000;
pub(crate) const REPOLLS: u64 = 100;
pub(crate) const RING: u64 = 300;
pub(crate) const TURNS: u64 = 1_000;
pub(crate) const GROUP: u64 = 100;
pub(crate) const ITEMS: u64 = 1_000;
pub(crate) const ROOM: usize = 16;
pub(crate) const SUBSCRIBERS: u64 = 1_000;
/// So many to each, so that what is made first costs little of it.
pub(crate) const MESSAGES: u64 = 100;
pub(crate) const REQUESTED: u64 = 100_000;
/// What a request may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);
pub(crate) const CANCELLED: u64 = 100_000;
/// Longer than any row takes.
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
pub(crate) const RIVALS: u64 = 10;
pub(crate) const TRIES: u64 = 100;
pub(crate) const PERMITS: usize = 2;
pub(crate) const ARMED: u64 = 10_000;
pub(crate) const SLEEPERS: u64 = 10_000;
pub(crate) const LINKS: u64 = 1_000;
pub(crate) const CALLBACKS: u64 = 10_000;
/// With so many live, there is time to fill them in only once.
pub(crate) const REPLACED: u64 = 100_000;
pub(crate) const MILLION: u64 = 1_000_000;
/// How often each of [`DELAYS`] is slept.
pub(crate) const NIGHTS: u64 = 40;
/// In µs.
pub(crate) const DELAYS: [u64; 7] = [50, 100, 200, 500, 1_000, 2_000, 5_000];
pub(crate) const ORDERED: u64 = 100;
pub(crate) const FOREIGN: u64 = 10_000;
pub(crate) const LATENCIES: usize = 1_000;
pub(crate) const KEPT: u64 = 100_000;
/// Processes that begin, beside the child itself.
pub(crate) const BEGINNINGS: usize = 20;
/// What goes over all connections of an echo, in bytes.
pub(crate) const VOLUME: usize = 1_000 * LINE;
/// But so many messages over each, at least.
pub(crate) const LEAST_EACH: u64 = 4;
/// What is said where the row says nothing else.
pub(crate) const LINE: usize = 1_024;
pub(crate) const CONNECTS: u64 = 100;
/// How many clients a loop of many has, and how long they ask.
pub(crate) const CLIENTS: usize = 64;
pub(crate) const MANY_LOOPS: Duration = Duration::from_millis(500);
pub(crate) const PINGS: u64 = 1_000;
/// Connections, and requests over all of them.
pub(crate) const ASKERS: usize = 64;
pub(crate) const REQUESTS: u64 = 1_000;
/// How long requests come on time.
pub(crate) const HALF_LOAD: Duration = Duration::from_millis(300);
pub(crate) const IDLE: u64 = 10_000;
/// How long an idle loop is watched, or is idle before it is used again; and how long it may take to fall asleep.
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const SETTLED: Duration = Duration::from_millis(200);
