//! `Observer`: what is told of what a loop does, in which order, and that it changes nothing.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::Write as _;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use oneloop::observe::{Cause, TaskEnding};
use oneloop::{
    Clock, EventLoop, Left, Moment, ObservedTask, Observer, TurnBudget, catch_cancelled, create_task, gather, sleep,
    yield_now,
};

/// Writes down all that it is told.
#[derive(Default)]
struct Log(RefCell<Vec<String>>);

impl Log {
    fn line(&self, at: &Moment<'_>, line: &str) {
        let cause = match at.cause() {
            Cause::Task(task) => task.name(),
            other => format!("{other:?}").to_lowercase(),
        };
        self.0.borrow_mut().push(format!("{line} | {cause}"));
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }

    /// The lines that begin with one of these words.
    fn take_those(&self, words: &[&str]) -> Vec<String> {
        let is_one = |line: &String| words.iter().any(|word| line.starts_with(word));
        self.take().into_iter().filter(is_one).collect()
    }
}

impl Observer for Log {
    fn created(&self, at: &Moment<'_>, task: ObservedTask<'_>) {
        self.line(at, &format!("created {}", task.name()));
    }
    fn step_began(&self, at: &Moment<'_>, task: ObservedTask<'_>) {
        self.line(at, &format!("step {}", task.name()));
    }
    fn step_ended(&self, at: &Moment<'_>, task: ObservedTask<'_>) {
        self.line(at, &format!("step of {} ended", task.name()));
    }
    fn parked(&self, at: &Moment<'_>, task: ObservedTask<'_>) {
        let ready = if task.is_ready() { ", ready" } else { "" };
        self.line(at, &format!("parked {} on {}{ready}", task.name(), task.waits_for().join(" and ")));
    }
    fn woken(&self, at: &Moment<'_>, task: ObservedTask<'_>) {
        self.line(at, &format!("woken {}", task.name()));
    }
    fn cancelled(&self, at: &Moment<'_>, task: ObservedTask<'_>, message: Option<&str>) {
        self.line(at, &format!("cancelled {} {message:?}", task.name()));
    }
    fn ended(&self, at: &Moment<'_>, task: ObservedTask<'_>, ending: TaskEnding) {
        assert!(task.ending() == Some(ending));
        self.line(at, &format!("ended {} {ending:?}", task.name()));
    }
    fn callback_began(&self, at: &Moment<'_>) {
        self.line(at, "callback");
    }
    fn callback_ended(&self, at: &Moment<'_>) {
        self.line(at, "callback ended");
    }
    fn timer_fired(&self, at: &Moment<'_>, late: Duration) {
        self.line(at, &format!("timer {late:?} late"));
    }
    fn poll_ended(&self, at: &Moment<'_>, events: usize) {
        self.line(at, &format!("poll found {events}"));
    }
    fn batch_began(&self, at: &Moment<'_>, entries: usize) {
        self.line(at, &format!("batch {entries} of iteration {}", at.iteration()));
    }
}

fn observed(clock: Clock) -> (EventLoop, Rc<Log>) {
    let lp = EventLoop::builder().clock(clock).build().expect("a loop");
    let log = Rc::new(Log::default());
    lp.add_observer(log.clone());
    (lp, log)
}

#[test]
fn a_sleep_of_a_child_is_told_from_its_creation_to_its_end() {
    let (lp, log) = observed(Clock::Virtual);
    let main = lp.create_task(async { create_task(sleep(Duration::from_secs(1))).await });
    lp.run_until_complete(main).expect("it ends");
    let expected = [
        "created Task-1 | program",
        "batch 1 of iteration 1 | program",
        "step Task-1 | Task-1",
        "created Task-2 | Task-1",
        "step of Task-1 ended | Task-1",
        "parked Task-1 on Task-2 | Task-1",
        "batch 1 of iteration 2 | program",
        "step Task-2 | Task-2",
        "step of Task-2 ended | Task-2",
        "parked Task-2 on a timer | Task-2",
        "poll found 0 | program",
        "batch 1 of iteration 3 | program",
        "timer 0ns late | timer",
        "woken Task-2 | timer",
        "batch 1 of iteration 4 | program",
        "step Task-2 | Task-2",
        "woken Task-1 | Task-2",
        "step of Task-2 ended | Task-2",
        "ended Task-2 Returned | Task-2",
        "batch 1 of iteration 5 | program",
        "step Task-1 | Task-1",
        "step of Task-1 ended | Task-1",
        "ended Task-1 Returned | Task-1",
        "batch 1 of iteration 6 | program",
        "callback | primitive",
        "callback ended | primitive",
    ];
    assert_eq!(log.take(), expected);
}

#[test]
fn a_gathering_wakes_by_a_turn_of_its_own() {
    let (lp, log) = observed(Clock::Virtual);
    let main = lp.create_task(async { drop(gather([sleep(Duration::ZERO), sleep(Duration::ZERO)]).await) });
    lp.run_until_complete(main).expect("it ends");
    let lines: Vec<_> = log.take().into_iter().filter(|line| line.contains("Task-1")).collect();
    assert!(lines.contains(&"parked Task-1 on a gathering of 2 | Task-1".to_owned()), "{lines:?}");
    assert!(lines.contains(&"woken Task-1 | primitive".to_owned()), "{lines:?}");
}

#[test]
fn a_cancellation_is_told_with_its_cause_and_of_each_task_on_its_way() {
    let (lp, log) = observed(Clock::Virtual);
    let main = lp.create_task(async {
        let inner = create_task(sleep(Duration::from_secs(1)));
        let outer = create_task(inner);
        sleep(Duration::from_millis(1)).await;
        outer.cancel_with("enough");
        assert!(catch_cancelled(outer).await.is_err());
    });
    lp.run_until_complete(main).expect("it ends");
    let expected = [
        "cancelled Task-3 Some(\"enough\") | Task-1",
        "cancelled Task-2 Some(\"enough\") | Task-1",
        "ended Task-2 Cancelled | Task-2",
        "ended Task-3 Cancelled | Task-3",
        "ended Task-1 Returned | Task-1",
    ];
    assert_eq!(log.take_those(&["cancelled", "ended"]), expected);
}

#[test]
fn a_task_that_wakes_itself_is_parked_ready() {
    let (lp, log) = observed(Clock::Virtual);
    let main = lp.create_task(yield_now());
    lp.run_until_complete(main).expect("it ends");
    assert_eq!(log.take_those(&["parked"]), ["parked Task-1 on the next iteration, ready | Task-1"]);
}

#[test]
fn an_eager_task_is_told_as_created_by_the_step_in_which_it_began() {
    let (lp, log) = observed(Clock::Virtual);
    let main = lp.create_task(async { create_task(async {}).eager().await });
    lp.run_until_complete(main).expect("it ends");
    let lines = log.take_those(&["created", "step ", "ended"]);
    let expected = [
        "created Task-1 | program",
        "step Task-1 | Task-1",
        "created Task-2 | Task-1",
        "step Task-2 | Task-2",
        "step of Task-2 ended | Task-2",
        "ended Task-2 Returned | Task-2",
        "step of Task-1 ended | Task-1",
        "ended Task-1 Returned | Task-1",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_panic_of_a_task_is_told_as_its_end() {
    let (lp, log) = observed(Clock::Virtual);
    lp.set_exception_handler(|_| {});
    let task = lp.create_task(async { panic!("on purpose") });
    lp.run_until_complete(async { drop(task.into_outcome().await) }).expect("it ends");
    assert_eq!(log.take_those(&["ended"])[0], "ended Task-1 Panicked | Task-1");
}

#[test]
fn what_another_thread_wakes_is_told_as_its_doing() {
    let (lp, log) = observed(Clock::Real);
    let mut woken = false;
    let main = lp.create_task(poll_fn(move |cx| {
        if std::mem::replace(&mut woken, true) {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        std::thread::spawn(|| waker.wake()).join().expect("a wake does not panic");
        Poll::Pending
    }));
    lp.run_until_complete(main).expect("it ends");
    assert_eq!(log.take_those(&["woken"]), ["woken Task-1 | thread"]);
}

#[test]
fn what_a_descriptor_wakes_is_told_as_its_doing() {
    let (lp, log) = observed(Clock::Real);
    let (mut ours, theirs) = std::os::unix::net::UnixStream::pair().expect("a pair");
    let main = lp.create_task(async move {
        theirs.set_nonblocking(true).expect("a setting");
        let theirs = oneloop::Descriptor::new(theirs).expect("a registration");
        theirs.readable().await;
    });
    lp.call_later(Duration::from_millis(1), move || ours.write_all(b"x").map(|()| ours));
    lp.run_until_complete(main).expect("it ends");
    let lines = log.take_those(&["woken", "parked", "poll found 1"]);
    let expected = [
        "parked Task-1 on a descriptor to be readable | Task-1",
        "poll found 1 | program",
        "woken Task-1 | descriptor",
    ];
    assert_eq!(lines, expected);
}

/// Panics in every method that it is told of.
struct Panics;

impl Observer for Panics {
    fn step_began(&self, _at: &Moment<'_>, _task: ObservedTask<'_>) {
        panic!("of an observer");
    }
}

#[test]
fn a_panic_of_an_observer_is_reported_and_the_others_and_the_loop_go_on() {
    let lp = EventLoop::new().expect("a loop");
    let reports = Rc::new(RefCell::new(Vec::new()));
    lp.set_exception_handler({
        let reports = Rc::clone(&reports);
        move |context| reports.borrow_mut().push((context.message, context.exception.message().to_owned()))
    });
    let log = Rc::new(Log::default());
    lp.add_observer(Rc::new(Panics));
    lp.add_observer(log.clone());
    let task = lp.create_task(async { 5 });
    assert_eq!(lp.run_until_complete(task).ok(), Some(5));
    assert_eq!(*reports.borrow(), [("Exception in observer", "of an observer".to_owned())]);
    assert_eq!(log.take_those(&["step "]).len(), 2);
}

#[test]
fn an_observer_may_come_and_go_during_a_run() {
    let lp = EventLoop::new().expect("a loop");
    let log = Rc::new(Log::default());
    let told = Rc::clone(&log);
    lp.run_until_complete(async move {
        let lp = EventLoop::current();
        create_task(async {}).named("before").await;
        let id = lp.add_observer(told);
        create_task(async {}).named("observed").await;
        assert!(lp.remove_observer(id) && !lp.remove_observer(id));
        create_task(async {}).named("afterwards").await;
    })
    .expect("it ends");
    assert_eq!(log.take_those(&["ended"]), ["ended observed Returned | observed"]);
}

#[test]
fn an_observer_is_not_told_of_what_was_before_it() {
    let lp = EventLoop::builder().clock(Clock::Virtual).build().expect("a loop");
    let task = lp.create_task(sleep(Duration::from_secs(1)));
    lp.run_until_complete(yield_now()).expect("it ends");
    let first = lp.add_observer(Rc::new(Log::default()));
    task.cancel();
    assert!(lp.remove_observer(first));
    let log = Rc::new(Log::default());
    lp.add_observer(log.clone());
    lp.run_until_complete(yield_now()).expect("it ends");
    assert_eq!(log.take_those(&["cancelled"]), Vec::<String>::new());
}

#[test]
fn tasks_that_a_closing_loop_drops_are_told_as_cancelled() {
    let (lp, log) = observed(Clock::Virtual);
    drop(lp.create_task(sleep(Duration::from_secs(1))));
    lp.run_until_complete(yield_now()).expect("it ends");
    log.take();
    lp.close().expect("it does not run");
    assert_eq!(log.take(), ["ended Task-1 Cancelled | program"]);
    drop(lp);
    assert_eq!(Rc::strong_count(&log), 1);
}

#[test]
fn turns_are_told_as_runs_are() {
    let program = || async {
        let children = (0..3).map(|i| async move {
            yield_now().await;
            i
        });
        assert_eq!(gather(children).await, [0, 1, 2]);
    };
    let log_of = |drive: &dyn Fn(&EventLoop)| {
        let (lp, log) = observed(Clock::Virtual);
        let _task = lp.create_task(program());
        drive(&lp);
        log.take_those(&["created", "step", "parked", "woken", "ended", "callback"])
    };
    let by_run = log_of(&|lp| drop(lp.run_forever().expect_err("nothing is left to do")));
    let by_turns = log_of(&|lp| assert!(!lp.run_until_stalled().expect("it is open").stopped));
    let entry_by_entry = log_of(&|lp| {
        while lp.run_ready(TurnBudget::UNLIMITED.entries(1)).expect("it is open").left == Left::Ready {}
    });
    assert!(by_run.len() > 20);
    assert_eq!(by_run, by_turns);
    assert_eq!(by_run, entry_by_entry);
}

#[test]
fn an_observed_run_that_is_stopped_before_it_begins_takes_one_iteration() {
    let (lp, log) = observed(Clock::Virtual);
    let task = lp.create_task(yield_now());
    lp.stop();
    lp.run_forever().expect("it is stopped");
    assert_eq!(log.take_those(&["step Task"]), ["step Task-1 | Task-1"]);
    assert!(!task.done());
    lp.run_until_complete(task).expect("it ends");
}

#[test]
fn an_observer_may_use_the_loop() {
    struct Makes(RefCell<bool>);
    impl Observer for Makes {
        fn ended(&self, _at: &Moment<'_>, task: ObservedTask<'_>, _ending: TaskEnding) {
            if task.id() == 1 {
                create_task(async {}).set_name("of the observer");
                self.0.replace(true);
            }
        }
    }
    let (lp, log) = observed(Clock::Virtual);
    let makes = Rc::new(Makes(RefCell::default()));
    lp.add_observer(makes.clone());
    let task = lp.create_task(async {});
    lp.run_until_complete(task).expect("it ends");
    lp.run_until_stalled().expect("it is open");
    assert!(*makes.0.borrow());
    assert_eq!(
        log.take_those(&["ended"]).last().map(String::as_str),
        Some("ended of the observer Returned | of the observer")
    );
}

/// An observer of this method alone.
macro_rules! only {
    ($log:expr, $method:ident($($argument:ident: $type:ty),*)) => {{
        struct Only(Rc<Log>);
        impl Observer for Only {
            fn $method(&self, at: &Moment<'_>, $($argument: $type),*) {
                self.0.$method(at, $($argument),*);
            }
        }
        Rc::new(Only($log)) as Rc<dyn Observer>
    }};
}

/// Something of all that is told: steps, callbacks, timers, primitives, cancellations, eager tasks.
fn program(lp: &EventLoop) -> oneloop::Task<()> {
    lp.call_soon(|| drop(create_task(async {})));
    lp.call_later(Duration::from_secs(2), || drop(create_task(sleep(Duration::from_secs(1)))));
    lp.create_task(async {
        let second = Duration::from_secs(1);
        let (sleeps, caught) = (create_task(sleep(second)), create_task(catch_cancelled(sleep(second * 9))));
        create_task(async {}).eager().await;
        create_task(yield_now()).eager().await;
        gather([sleep(second), sleep(second / 2)]).await;
        caught.cancel_with("enough");
        drop((sleeps.await, caught.await));
        let cancelled = create_task(sleep(second * 9));
        let by_callback = cancelled.handle();
        EventLoop::current().call_soon(move || by_callback.cancel());
        let _ = catch_cancelled(cancelled).await;
        sleep(second * 3).await;
    })
}

#[test]
fn an_observer_of_one_method_is_told_of_it_what_an_observer_of_all_is() {
    let log_of = |observers: &dyn Fn(Rc<Log>) -> Vec<Rc<dyn Observer>>| {
        let lp = EventLoop::builder().clock(Clock::Virtual).build().expect("a loop");
        let log = Rc::new(Log::default());
        for observer in observers(log.clone()) {
            lp.add_observer(observer);
        }
        let main = program(&lp);
        lp.run_until_complete(main).expect("it ends");
        log.take()
    };
    let all = log_of(&|log| vec![log]);
    let check = |words: &[&str], only: &dyn Fn(Rc<Log>) -> Rc<dyn Observer>| {
        let is_one = |line: &&String| words.iter().any(|word| line.starts_with(word));
        let expected: Vec<_> = all.iter().filter(is_one).cloned().collect();
        assert!(expected.len() > 1, "{words:?} in {all:#?}");
        assert_eq!(log_of(&|log| vec![only(log)]), expected);
        assert_eq!(log_of(&|log| vec![Rc::new(Idle), only(log)]), expected, "beside one that does nothing");
    };
    check(&["created"], &|log| only!(log, created(task: ObservedTask<'_>)));
    check(&["step Task"], &|log| only!(log, step_began(task: ObservedTask<'_>)));
    check(&["step of"], &|log| only!(log, step_ended(task: ObservedTask<'_>)));
    check(&["parked"], &|log| only!(log, parked(task: ObservedTask<'_>)));
    check(&["woken"], &|log| only!(log, woken(task: ObservedTask<'_>)));
    check(&["cancelled"], &|log| only!(log, cancelled(task: ObservedTask<'_>, message: Option<&str>)));
    check(&["ended"], &|log| only!(log, ended(task: ObservedTask<'_>, ending: TaskEnding)));
    check(&["callback |"], &|log| only!(log, callback_began()));
    check(&["callback ended"], &|log| only!(log, callback_ended()));
    check(&["timer"], &|log| only!(log, timer_fired(late: Duration)));
    check(&["poll"], &|log| only!(log, poll_ended(events: usize)));
    check(&["batch"], &|log| only!(log, batch_began(entries: usize)));
}

/// Leaves all methods as they are.
struct Idle;

impl Observer for Idle {}

#[test]
fn what_is_handed_on_to_an_observer_that_does_nothing_is_told_further() {
    /// Hands on what it is told of steps, first to one that does nothing.
    struct Both(Idle, Rc<Log>);
    impl Observer for Both {
        fn step_began(&self, at: &Moment<'_>, task: ObservedTask<'_>) {
            self.0.step_began(at, task);
            self.1.step_began(at, task);
        }
    }
    let lp = EventLoop::builder().clock(Clock::Virtual).build().expect("a loop");
    let log = Rc::new(Log::default());
    lp.add_observer(Rc::new(Both(Idle, log.clone())));
    lp.run_until_complete(yield_now()).expect("it ends");
    assert_eq!(log.take(), ["step Task-1 | Task-1", "step Task-1 | Task-1"]);
}

#[test]
fn an_observer_that_comes_to_one_that_does_nothing_is_not_told_of_what_was_before_it() {
    let lp = EventLoop::builder().clock(Clock::Virtual).build().expect("a loop");
    lp.add_observer(Rc::new(Idle));
    let second = Duration::from_secs(1);
    lp.run_until_complete(sleep(second)).expect("it ends"); // the loop learns that nothing is to be told
    let slow = lp.create_task(sleep(second * 2));
    lp.run_until_complete(sleep(second)).expect("it ends");
    let log = Rc::new(Log::default());
    lp.add_observer(log.clone());
    lp.run_until_complete(slow).expect("it ends");
    assert_eq!(log.take_those(&["created", "woken"]), ["woken Task-2 | timer"]);
}

#[test]
fn what_was_made_before_an_eager_task_is_told_as_created() {
    let (lp, log) = observed(Clock::Virtual);
    let main = lp.create_task(async {
        let before = create_task(async {});
        create_task(yield_now()).eager().await;
        before.await;
    });
    lp.run_until_complete(main).expect("it ends");
    let expected = ["created Task-1 | program", "created Task-3 | Task-1", "created Task-2 | Task-1"];
    assert_eq!(log.take_those(&["created"]), expected);
}
