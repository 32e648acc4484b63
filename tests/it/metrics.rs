//! `EventLoop::metrics`: what a loop counts of itself, without an observer.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use oneloop::observe::{Counters, LoopMetrics};
use oneloop::{Clock, Descriptor, EventLoop, create_task, gather, sleep, yield_now};

fn virtual_loop() -> EventLoop {
    EventLoop::builder().clock(Clock::Virtual).build().expect("a loop")
}

#[test]
fn a_new_loop_has_counted_nothing() {
    assert_eq!(virtual_loop().metrics(), LoopMetrics::default());
}

#[test]
fn the_memory_of_the_buffers_of_streams_is_counted_while_they_have_it() {
    let lp = EventLoop::new().expect("a loop");
    let within = lp.run_until_complete(async {
        let metrics = || EventLoop::current().metrics();
        let (ours, theirs) = oneloop::net::UnixStream::pair().expect("a pair");
        let ((reader, _kept), (_unread, writer)) = (ours.into_streams(), theirs.into_streams());
        assert_eq!(metrics().buffer_bytes, 0, "no byte has come yet");
        writer.write(b"a line\n");
        reader.readline().await.expect("it comes");
        let small = metrics().buffer_bytes;
        assert!((7..=64 * 1024).contains(&small), "{small}");
        writer.write(vec![0; 8 << 20]); // more than the system takes
        let large = metrics();
        assert!(large.buffer_bytes > 1 << 20, "{large:?}");
        assert_eq!(large.most_buffer_bytes, large.buffer_bytes);
        large
    });
    let (within, after) = (within.expect("it ends"), lp.metrics());
    assert_eq!((after.buffer_bytes, after.most_buffer_bytes), (0, within.most_buffer_bytes), "all are closed");
}

#[test]
fn iterations_and_their_entries_are_counted() {
    let lp = virtual_loop();
    lp.call_soon(|| ());
    lp.call_soon(|| ()).cancel(); // its entry stays
    assert_eq!(lp.metrics().ready, 2);
    lp.run_until_stalled().expect("it is open");
    let metrics = lp.metrics();
    assert_eq!((metrics.entries, metrics.largest_batch, metrics.ready), (2, 2, 0));
    let before = metrics.iterations;
    lp.run_until_complete(yield_now()).expect("it ends"); // two steps, and the callback that stops the run
    let metrics = lp.metrics();
    assert_eq!((metrics.entries, metrics.iterations - before), (5, 3));
    assert_eq!(metrics.largest_batch, 2);
}

#[test]
fn tasks_are_counted_when_they_are_made_and_while_they_have_not_ended() {
    let lp = virtual_loop();
    let main = lp.create_task(async {
        let children = [create_task(async {}), create_task(async {})];
        let within = EventLoop::current().metrics();
        gather(children).await;
        within
    });
    let within = lp.run_until_complete(main).expect("it ends");
    assert_eq!((within.tasks, within.tasks_created, within.ready), (3, 3, 2));
    assert_eq!((lp.metrics().tasks, lp.metrics().tasks_created), (0, 3));
}

#[test]
fn timers_are_counted_when_they_are_set_and_when_they_are_due() {
    let lp = virtual_loop();
    for seconds in [1, 2, 9] {
        lp.call_later(Duration::from_secs(seconds), || ());
    }
    lp.call_later(Duration::from_secs(1), || ()).cancel();
    assert_eq!((lp.metrics().timers, lp.metrics().timers_set, lp.metrics().timers_due), (3, 4, 0));
    lp.run_until_complete(sleep(Duration::from_secs(3))).expect("it ends");
    assert_eq!((lp.metrics().timers, lp.metrics().timers_set, lp.metrics().timers_due), (1, 5, 3));
}

#[test]
fn polls_and_their_events_are_counted() {
    let lp = EventLoop::new().expect("a loop");
    let (mut ours, theirs) = UnixStream::pair().expect("a pair");
    theirs.set_nonblocking(true).expect("a setting");
    lp.run_until_complete(async {
        let theirs = Descriptor::new(theirs).expect("a registration");
        ours.write_all(b"x").expect("there is room");
        theirs.readable().await;
    })
    .expect("it ends");
    assert!(lp.metrics().polls >= 1 && lp.metrics().events >= 1, "{:?}", lp.metrics());
}

#[test]
fn a_long_batch_in_a_busy_loop_is_the_largest_at_once() {
    let lp = virtual_loop();
    let largest = lp.run_until_complete(async {
        for _ in 0..100 {
            create_task(yield_now());
        }
        yield_now().await; // that batch is being run
        let largest = EventLoop::current().metrics().largest_batch;
        yield_now().await;
        largest
    });
    assert_eq!(largest.expect("it ends"), 101);
}

#[test]
fn what_an_observer_counts_too_is_the_same() {
    let lp = virtual_loop();
    let counters = Rc::new(Counters::default());
    lp.add_observer(counters.clone());
    let program = async {
        EventLoop::current().call_later(Duration::from_secs(1), || ());
        gather((0..5).map(|i| async move {
            sleep(Duration::from_millis(300 * i)).await;
            yield_now().await;
        }))
        .await;
    };
    lp.run_until_complete(lp.create_task(program)).expect("it ends");
    let (metrics, counts) = (lp.metrics(), counters.counts());
    assert_eq!(metrics.iterations, counts.iterations);
    assert_eq!(metrics.largest_batch, counts.largest_batch);
    assert_eq!(metrics.tasks_created, counts.tasks_created);
    assert_eq!(metrics.timers_due, counts.timers_fired);
    // the entry of a timer that runs a callback is one entry
    assert_eq!(metrics.entries, counts.steps + counts.callbacks + counts.timers_fired - 1);
}

#[test]
fn they_can_be_read_of_a_closed_loop() {
    let lp = virtual_loop();
    lp.run_until_complete(lp.create_task(async {})).expect("it ends");
    let _pending = lp.create_task(sleep(Duration::from_secs(1)));
    lp.close().expect("it does not run");
    assert_eq!((lp.metrics().tasks, lp.metrics().tasks_created), (0, 2));
}
