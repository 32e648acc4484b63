//! Where a panic of misuse points to: into the program, to the call or the await that is wrong.

use std::cell::RefCell;
use std::future::{pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::time::Duration;

use futures::FutureExt as _;
use futures::executor::block_on;
use oneloop::{Timeout, as_completed, create_task, gather, shield, sleep, timeout, try_gather, wait, yield_now};

use crate::support::{alone, run, virtual_loop};

thread_local! {
    /// What does not panic as it should.
    static WRONG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// The file and the text of the last panic of this thread.
    static LAST: RefCell<(String, String)> = RefCell::default();
}

/// Notes if `misuse` does not panic, or if the panic does not point into this file.
fn points_here<R>(what: &str, misuse: impl FnOnce() -> R) {
    LAST.take();
    let panics = catch_unwind(AssertUnwindSafe(misuse)).is_err();
    let (file, text) = LAST.take();
    if !panics || file != file!() && !text.contains(file!()) {
        WRONG.with_borrow_mut(|wrong| wrong.push(format!("{what}: {file}: {text}")));
    }
}

fn note_places() {
    set_hook(Box::new(|panic| {
        let file = panic.location().map_or_else(String::new, |place| place.file().to_owned());
        LAST.set((file, panic.to_string()));
    }));
}

#[test]
fn a_panic_of_misuse_points_into_the_program() {
    alone(|| {
        note_places();
        let other = virtual_loop();
        points_here("create_task outside", || create_task(ready(())));
        points_here("gather outside", || gather([ready(())]));
        points_here("sleep outside", || block_on(async { sleep(Duration::from_secs(1)).await }));
        points_here("timeout outside", || block_on(timeout(Duration::from_secs(1), pending::<()>())));
        run(async {
            let foreign = || other.create_future::<Result<(), ()>>();
            points_here("gather", || gather([foreign()]));
            points_here("try_gather", || try_gather([foreign()]));
            points_here("gather!", || gather!(foreign(), async {}));
            points_here("try_gather!", || try_gather!(foreign(), foreign()));
            points_here("limit", || gather([ready(())]).limit(0));
            points_here("limit of try_gather", || try_gather([ready(Ok::<(), ()>(()))]).limit(0));
            points_here("wait", || wait([foreign()]));
            points_here("as_completed", || as_completed([foreign()]));
            points_here("the await of another loop's", || async { foreign().await }.now_or_never());
            points_here("the await of a shield of another loop's", || async { shield(foreign()).await }.now_or_never());
            let mut task = create_task(yield_now());
            (&mut task).await;
            points_here("a second await", || async { (&mut task).await }.now_or_never());
            let used = Timeout::none();
            used.run(ready(())).await.expect("it has no limit");
            points_here("a second run", || async { used.run(ready(())).await }.now_or_never());
        });
        drop(take_hook());
        assert_eq!(WRONG.take(), [""; 0]);
    });
}
