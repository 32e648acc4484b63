//! What these tests share: a loop on a virtual clock, and what it reports. Must not know any subject.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use oneloop::{Clock, Error, EventLoop, yield_now};

/// A loop whose clock jumps.
pub(crate) fn virtual_loop() -> EventLoop {
    EventLoop::builder().clock(Clock::Virtual).build().expect("a loop")
}

/// Runs `main` on such a loop.
///
/// # Panics
/// If it does not come to its end.
pub(crate) fn run<F: Future>(main: F) -> F::Output {
    try_run(main).expect("main comes to its end")
}

/// Runs `main` on such a loop, whatever comes of it.
pub(crate) fn try_run<F: Future>(main: F) -> Result<F::Output, Error> {
    virtual_loop().run_until_complete(main)
}

/// Runs what is left on such a loop, which must hold no timer: its clock must not jump.
///
/// # Panics
/// If it does.
pub(crate) fn assert_no_timer_is_left(lp: &EventLoop) {
    let before = lp.time();
    assert!(matches!(lp.run_forever(), Err(Error::Deadlock(_))), "it runs on");
    assert_eq!(lp.time() - before, Duration::ZERO, "a timer was still set");
}

/// Lets everything run that is ready now, once: CPython's `test_utils.run_briefly`.
pub(crate) async fn run_briefly() {
    yield_now().await;
}

/// What the exception handler is told from now on.
pub(crate) fn reports(lp: &EventLoop) -> Rc<RefCell<Vec<String>>> {
    let reports = Rc::new(RefCell::new(Vec::new()));
    let told = Rc::clone(&reports);
    lp.set_exception_handler(move |context| told.borrow_mut().push(context.to_string()));
    reports
}
