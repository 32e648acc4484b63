//! A thousand accounts, a hundred at a time: by hand, batch after batch, and with a limit.
//!
//! A batch is a `gather` of its own. It ends with its slowest member, and the next begins only then. `.limit(100)` says
//! what was meant, never more than a hundred at once: the next account starts as soon as any is done, and the results
//! are in order all the same. asyncio has no such limit; there it takes a semaphore around every coroutine. In Python:
//!
//! ```python
//! for batch in itertools.batched(accounts, 100):
//!     balances += await asyncio.gather(*[balance(account) for account in batch])
//!
//! semaphore = asyncio.Semaphore(100)
//! async def limited(account):
//!     async with semaphore:
//!         return await balance(account)
//! balances = await asyncio.gather(*[limited(account) for account in accounts])
//! ```
//!
//! The clock is virtual, so it takes no time; the durations printed are those of a program on the real one.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::time::Duration;

use oneloop::{Clock, Error, EventLoop, gather, sleep};

const BATCH: usize = 100;

/// A stand-in for a query that takes between 100 and 500 ms.
async fn balance(account: u64) -> u64 {
    sleep(Duration::from_millis(100 + account * 37 % 400)).await;
    account * 7 % 100
}

async fn batch_after_batch(accounts: &[u64]) -> Vec<u64> {
    let mut balances = Vec::new();
    for (batch, members) in (1..).zip(accounts.chunks(BATCH)) {
        balances.extend(gather(members.iter().copied().map(balance)).await);
        println!("batch {batch}: {} of {} accounts", balances.len(), accounts.len());
    }
    balances
}

pub(crate) fn main() -> Result<(), Error> {
    println!("(virtual clock: the waits below take no time)");
    let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
    let accounts: Vec<u64> = (0..1_000).collect();
    lp.run_until_complete(async {
        let start = lp.time();
        let balances = batch_after_batch(&accounts).await;
        println!("in batches of {BATCH}: {:?}", lp.time() - start);

        let start = lp.time();
        let same = gather(accounts.iter().copied().map(balance)).limit(BATCH).await;
        println!("with a limit of {BATCH}: {:?}", lp.time() - start);
        println!("the same balances in the same order: {}", same == balances);
    })
}
