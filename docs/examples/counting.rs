//! Three coroutines that count to two, at the same time: the first program of every asyncio tutorial.
//!
//! Each waits between "One" and "Two", and the loop runs the others meanwhile, so all the Ones come first: three waits
//! take no longer than one. In Python:
//!
//! ```python
//! async def count():
//!     print("One")
//!     await asyncio.sleep(0.1)
//!     print("Two")
//!
//! async def main():
//!     await asyncio.gather(count(), count(), count())
//!
//! asyncio.run(main())
//! ```
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::time::Duration;

use oneloop::{Error, gather, run, sleep};

async fn count() {
    println!("One");
    sleep(Duration::from_millis(100)).await;
    println!("Two");
}

pub(crate) fn main() -> Result<(), Error> {
    run(async {
        gather!(count(), count(), count()).await;
    })
}
