//! What a loop reports to its exception handler. Must not know what panics.

use oneloop::{EventLoop, ExceptionContext};

use super::log::Log;

/// What the loop reports from now on, as text.
pub(crate) fn reports(lp: &EventLoop) -> Log<String> {
    reports_as(lp, ToString::to_string)
}

/// What the loop reports from now on, as what `look` returns for each report.
pub(crate) fn reports_as<T: 'static>(lp: &EventLoop, look: impl Fn(&ExceptionContext) -> T + 'static) -> Log<T> {
    let reports = Log::default();
    let told = Log::clone(&reports);
    lp.set_exception_handler(move |context| told.borrow_mut().push(look(context)));
    reports
}
