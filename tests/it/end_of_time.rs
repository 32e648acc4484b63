//! The longest durations: nothing overflows, and on a virtual clock that has come to its end no more time passes.

use std::future::{pending, ready};
use std::time::Duration;

use oneloop::{
    Error, EventLoop, ReturnWhen, Timeout, as_completed, create_task, sleep, sleep_until, staggered_race, timeout,
    timeout_at, wait, wait_for, yield_now,
};

use crate::support::{SECOND, now, real_loop, virtual_loop};

/// A loop whose clock has gone as far as it goes.
fn at_the_end() -> EventLoop {
    let lp = virtual_loop();
    lp.run_until_complete(sleep(Duration::MAX)).expect("all time passes");
    lp
}

#[track_caller]
fn assert_never_ends(main: impl Future) {
    let ended = at_the_end().run_until_complete(main);
    assert!(matches!(ended.map(drop), Err(Error::Deadlock(_))));
}

#[test]
fn a_time_limit_is_not_up_when_no_time_can_pass() {
    for limit in [Duration::MAX, SECOND, Duration::from_nanos(1)] {
        assert_never_ends(timeout(limit, pending::<()>()));
        assert_never_ends(wait_for(pending::<()>(), limit));
        assert_never_ends(Timeout::after(limit).run(pending::<()>()));
        assert_never_ends(async move { timeout_at(now() + limit.min(SECOND), pending::<()>()).await });
        assert_never_ends(async move { wait([create_task(pending::<()>())]).timeout(limit).await });
        assert_never_ends(
            async move { as_completed([create_task(pending::<()>())]).timeout(limit).next().await.is_none() },
        );
        assert_never_ends(staggered_race([|| pending::<Result<(), ()>>(); 2], limit));
        assert_never_ends(sleep(limit));
        assert_never_ends(async move { sleep_until(now() + limit.min(SECOND)).await });
        assert_never_ends(async move {
            EventLoop::current().call_later(limit, || EventLoop::current().stop());
            pending::<()>().await;
        });
    }
}

#[test]
fn what_takes_no_time_goes_on_when_no_time_can_pass() {
    let ran = at_the_end().run_until_complete(async {
        sleep(Duration::ZERO).await;
        sleep_until(now()).await;
        yield_now().await;
        assert_eq!(timeout(SECOND, ready(1)).await, Ok(1));
        assert_eq!(timeout(Duration::MAX, create_task(async { 2 })).await, Ok(2));
        assert!(timeout(Duration::ZERO, pending::<()>()).await.is_err());
        let called = oneloop::create_future();
        let call = called.clone();
        EventLoop::current().call_later(Duration::ZERO, move || call.set_result(3).is_ok());
        assert_eq!(called.await, 3);
    });
    ran.expect("it runs");
}

#[test]
fn the_longest_durations_overflow_nothing() {
    for lp in [virtual_loop(), real_loop()] {
        let ran = lp.run_until_complete(async {
            let longest = Duration::MAX;
            assert!(futures::poll!(Box::pin(sleep(longest))).is_pending());
            assert_eq!(timeout(longest, ready(1)).await, Ok(1));
            assert_eq!(wait_for(create_task(async { 2 }), longest).await, Ok(2));
            let sets = wait([create_task(yield_now())]).timeout(longest).return_when(ReturnWhen::AllCompleted).await;
            assert!(!sets.timed_out);
            assert!(as_completed([create_task(yield_now())]).timeout(longest).next().await.is_some());
            let race = staggered_race([|| ready(Err::<(), ()>(())), || ready(Err(()))], longest).await;
            assert!(race.winner.is_none());
            let later = EventLoop::current().call_later(longest, || ());
            assert!(later.when() > now());
            later.cancel();
        });
        ran.expect("it runs");
    }
}
