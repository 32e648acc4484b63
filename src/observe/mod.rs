//! Observers, which are told of all that a loop does: trio calls them instruments, asyncio has none.
//!
//! | you want | take |
//! | --- | --- |
//! | numbers for metrics | [`Counters`] |
//! | what each task did, and when, as a picture or a trace | [`Recorder`], which gives a [`Timeline`] |
//! | to know, in another thread, which step the loop is stuck in | [`Activity`] |
//! | reports of slow steps | debug mode: [`EventLoop::set_debug`](crate::EventLoop::set_debug) |
//! | anything else | a type of your own with the trait [`Observer`] |
//!
//! A loop may have several, added before or during a run. One that has none pays nothing for them.
//!
//! # Examples
//! ```
//! use oneloop::observe::Counters;
//! use oneloop::{EventLoop, create_task};
//! use std::rc::Rc;
//!
//! let (lp, counters) = (EventLoop::new()?, Rc::new(Counters::default()));
//! let id = lp.add_observer(counters.clone());
//! lp.run_until_complete(async { create_task(async {}).await })?;
//! lp.remove_observer(id);
//! assert_eq!(counters.counts().tasks_created, 1 + 1); // the main future is a task too
//! # Ok::<(), oneloop::Error>(())
//! ```

// Owns the trait and what its methods are given, and four observers: the recorder, the counters, the activity, and
// that of debug mode; must not know when the loop tells.

mod wanted; // which methods of an observer are called
mod observed_task; // a task, as an observer sees it
mod observer; // the trait, and the moment of a call
mod observers; // the observers of one loop
mod activity; // the observer that tells other threads which step is running
mod metrics; // what a loop counts without an observer
mod counters; // the observer that counts
mod debug_mode; // the observer of debug mode
mod timeline; // what each task did when
mod recorder; // the observer that records a timeline
mod chrome_trace; // a timeline for a viewer of traces
mod timeline_svg; // a timeline as a picture

pub use activity::{Activity, CurrentStep};
pub use counters::{Counters, Counts, LATENESS_CLASSES, LongestStep, Wakes};
pub(crate) use debug_mode::DebugMode;
pub use metrics::LoopMetrics;
pub use observed_task::{ObservedTask, TaskEnding};
pub use observer::{Cause, Moment, Observer};
pub use observers::ObserverId;
pub(crate) use observers::{Observers, Watching, drop_notes};
pub use recorder::Recorder;
pub use timeline::{Arrow, ArrowKind, Lane, LaneState, Span, Timeline};
pub(crate) use wanted::Methods;
