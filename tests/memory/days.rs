//! Thirty days of virtual time: a million timers, of which many are cancelled at random. None is early or late, equal
//! deadlines are met in the order in which they were set, and the heap stays flat.

use std::cell::{Cell, RefCell};
use std::env;
use std::rc::Rc;
use std::time::{Duration, Instant};

use oneloop::{EventLoop, TimerHandle, create_task, sleep, timeout};

use crate::dice::Dice;
use crate::loops::virtual_loop;
use crate::turns::one_at_a_time;
use crate::{SLACK, live};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const DAYS: u32 = 30;
/// Timers that are set at any time.
const AT_ONCE: usize = 1_000;
/// Timers without `ONELOOP_TIMERS`.
const USUAL: u64 = 100_000;

/// What the timers of a run have in common.
struct Watch {
    dice: RefCell<Dice>,
    /// The deadline and the number of the timer that has fired last.
    last: Cell<(Instant, u64)>,
    set: Cell<u64>,
    fired: Cell<u64>,
    cancelled: Cell<u64>,
    total: u64,
    handles: RefCell<Vec<Option<TimerHandle>>>,
    /// How long after now a timer may be due, so that so many fill the days.
    span: u64,
}

impl Watch {
    fn below(&self, bound: u64) -> u64 {
        self.dice.borrow_mut().below(bound)
    }

    /// Any time within the span; or, as often, a full hour, with others; or shortly after one.
    fn deadline(&self, now: Instant, start: Instant) -> Instant {
        let when = now + Duration::from_nanos(self.below(2 * self.span));
        let hours = when.duration_since(start).as_secs() / HOUR.as_secs() + 1;
        let full = start + HOUR * u32::try_from(hours).expect("a small number");
        let near = self.dice.borrow_mut().choose(&[10, 1_000, 1_000_000, 1_000_000_000]);
        match self.below(4) {
            0 => full,
            1 => full + Duration::from_nanos(self.below(near)),
            _ => when,
        }
    }

    /// Sets a timer in a place, in which none is.
    fn set(self: &Rc<Self>, place: usize, start: Instant) {
        if self.set.get() == self.total {
            return;
        }
        let lp = EventLoop::current();
        let (number, due) = (self.set.get(), self.deadline(lp.time(), start));
        self.set.set(number + 1);
        let me = Rc::clone(self);
        let handle = lp.call_at(due, move || me.fire(place, number, due, start));
        self.handles.borrow_mut()[place] = Some(handle);
    }

    fn fire(self: &Rc<Self>, place: usize, number: u64, due: Instant, start: Instant) {
        assert_eq!(EventLoop::current().time(), due, "timer {number} is early or late");
        assert!(self.last.get() < (due, number), "timer {number} comes out of order");
        self.last.set((due, number));
        self.fired.set(self.fired.get() + 1);
        self.handles.borrow_mut()[place] = None;
        self.set(place, start);
        // two in three of those that fire cancel another
        if self.below(3) > 0 {
            let other = usize::try_from(self.below(AT_ONCE as u64)).expect("a small number");
            let handle = self.handles.borrow_mut()[other].take();
            if let Some(handle) = handle {
                handle.cancel();
                self.cancelled.set(self.cancelled.get() + 1);
                self.set(other, start);
            }
        }
    }
}

#[expect(clippy::print_stdout, reason = "says how many there were")]
#[test]
fn thirty_days_of_timers_have_no_drift_and_keep_nothing() {
    let _turn = one_at_a_time();
    let total = env::var("ONELOOP_TIMERS").map_or(USUAL, |text| text.parse().expect("a number"));
    let seed = env::var("ONELOOP_SEED").map_or(1, |text| text.parse().expect("a number"));
    let lp = virtual_loop();
    let start = lp.time();
    // a callback's panic goes to the handler
    let wrong = Rc::new(RefCell::new(None));
    let tells = Rc::clone(&wrong);
    lp.set_exception_handler(move |context| {
        tells.borrow_mut().get_or_insert_with(|| context.to_string());
    });
    // each place sees so many timers one after another, of which two in five are cancelled on their way
    let span = u64::try_from(DAY.as_nanos()).expect("a day") * u64::from(DAYS) * AT_ONCE as u64 / total;
    let watch = Rc::new(Watch {
        dice: RefCell::new(Dice::new(seed, 0)),
        last: Cell::new((start, 0)),
        set: Cell::new(0),
        fired: Cell::new(0),
        cancelled: Cell::new(0),
        total,
        handles: RefCell::new((0..AT_ONCE).map(|_| None).collect()),
        span,
    });
    lp.run_until_complete(async {
        (0..AT_ONCE).for_each(|place| watch.set(place, start));
        let ticks = create_task(every_second_minute(start));
        let mut most = [0_isize; 2];
        for day in 1..=DAYS {
            sleep((start + day * DAY).duration_since(EventLoop::current().time())).await;
            let half = usize::from(day > DAYS / 2);
            most[half] = most[half].max(live());
        }
        assert_eq!(ticks.await, DAYS * 24 * 30, "ticks are lost");
        let grown = most[1] - most[0];
        assert!(grown <= SLACK, "{grown} bytes more in the second half");
    })
    .unwrap();
    assert_eq!(wrong.take(), None);
    let (set, fired, cancelled) = (watch.set.get(), watch.fired.get(), watch.cancelled.get());
    assert_eq!(lp.time() - start, DAYS * DAY, "the clock has drifted");
    assert!(set >= total * 9 / 10, "only {set} timers in {DAYS} days");
    println!("time: {DAYS} days, {set} timers of seed {seed}, {fired} fired, {cancelled} cancelled");
}

/// Sleeps by spans, each from the end of the one before, inside of a limit that never passes.
async fn every_second_minute(start: Instant) -> u32 {
    let minutes = Duration::from_secs(120);
    let count = DAYS * 24 * 30;
    for number in 1..=count {
        timeout(2 * minutes, sleep(minutes)).await.expect("the limit is longer");
        assert_eq!(EventLoop::current().time() - start, number * minutes, "the sleeps drift");
    }
    count
}
