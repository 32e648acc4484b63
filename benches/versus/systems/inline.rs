//! The combinators of the futures crate over futures that are no tasks, all in one: what can be written on any system,
//! oneloop too. Owns its idioms; must not know the systems with tasks.

use futures::StreamExt as _;
use futures::channel::oneshot;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use oneloop_versus::rows::Name;
use oneloop_versus::systems as names;

use super::futures::Pool;
use crate::measure::{Cost, Work};
use crate::sizes::GROUP;
use crate::system::{ANYWHERE, System};
use crate::work::{child, repeat};

pub(super) const SYSTEM: System = System { name: names::INLINE, crates: &["futures"], find, refused: ANYWHERE };

fn find(row: Name) -> Option<Work> {
    Some(match row {
        Name::gather_10 => gather::<10>,
        Name::gather_1000 => gather::<1_000>,
        Name::gather_10000 => gather::<10_000>,
        Name::wait_drain_10 => wait_drain::<10>,
        Name::wait_drain_1000 => wait_drain::<1_000>,
        Name::wait_drain_10000 => wait_drain::<10_000>,
        Name::task_group_100 => group,
        _ => return None,
    })
}

fn gather<const CHILDREN: u64>(times: u64) -> Cost {
    repeat(times, CHILDREN, async |_: Pool| {
        assert_eq!(join_all((0..CHILDREN).map(child)).await.last(), Some(&(CHILDREN - 1)));
    })
}

fn wait_drain<const TASKS: u64>(times: u64) -> Cost {
    repeat(times, TASKS, async |_: Pool| {
        let (gates, waits): (Vec<_>, Vec<_>) = (0..TASKS).map(|_| oneshot::channel::<()>()).unzip();
        let mut waits: FuturesUnordered<_> = waits.into_iter().collect();
        for gate in gates {
            gate.send(()).expect("a task waits for it");
            waits.next().await.expect("one is left").expect("it was opened");
        }
        assert!(waits.is_empty());
    })
}

fn group(times: u64) -> Cost {
    repeat(times, GROUP, async |_: Pool| {
        let mut children: FuturesUnordered<_> = (0..GROUP).map(child).collect();
        while children.next().await.is_some() {}
    })
}
