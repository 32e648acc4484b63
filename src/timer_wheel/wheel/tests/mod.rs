//! The tests of the timer wheel.

mod helpers; // what both kinds of test do with a wheel
mod behaviour; // one promise at a time
mod model; // random operations against a sorted map
