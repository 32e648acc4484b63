//! Spans of the crate `tracing`, one for each task. Owns the observer that makes and enters them; must not know who
//! subscribes.

use std::cell::RefCell;
use std::collections::HashMap;

use tracing::Span;
use tracing::span::EnteredSpan;

use crate::observe::{Cause, Moment, ObservedTask, Observer, TaskEnding};

/// An [`Observer`] that gives each task a span of the crate `tracing`, which is entered while the task takes a step. So
/// every event that the task's code emits, also that of other crates, says which task it was; and a subscriber that
/// measures spans measures steps.
///
/// A span is called `task`, and has the level `INFO` and the target `oneloop`. It has the fields `id`, `name` and, when
/// it has ended, `ending`. Its parent is the span of the task that has made this one; of a task that no task has made,
/// the span that the thread was in when the loop was told of it. A name counts if it is given in the step that makes
/// the task. The first step of an eager task is told afterwards, so what it emits is in the span of its creator.
///
/// # Examples
/// ```
/// use oneloop::{EventLoop, adapters::TaskSpans, create_task};
/// use std::rc::Rc;
///
/// let lp = EventLoop::new()?;
/// lp.add_observer(Rc::new(TaskSpans::default()));
/// lp.run_until_complete(async {
///     create_task(async { tracing::info!("says which task this is") }).named("reader").await;
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct TaskSpans {
    /// The spans of the tasks that have not ended, by the task's number.
    spans: RefCell<HashMap<u64, Span>>,
    /// The span of the running step.
    entered: RefCell<Option<EnteredSpan>>,
}

impl TaskSpans {
    /// The span of a task. A task that was made before the loop had this observer is given its span now.
    ///
    /// A subscriber is code of a user, so it is called under no borrow.
    fn span(&self, cause: Cause<'_>, task: ObservedTask<'_>) -> Span {
        let known = self.spans.borrow().get(&task.id()).cloned();
        known.unwrap_or_else(|| {
            let parent = match cause {
                Cause::Task(creator) if creator.id() != task.id() => self.span(cause, creator),
                _ => Span::current(),
            };
            let span = tracing::info_span!(
                target: "oneloop",
                parent: &parent,
                "task",
                id = task.id(),
                name = task.name(),
                ending = tracing::field::Empty,
            );
            self.spans.borrow_mut().insert(task.id(), span.clone());
            span
        })
    }
}

impl Observer for TaskSpans {
    fn created(&self, at: &Moment<'_>, task: ObservedTask<'_>) {
        self.span(at.cause(), task);
    }

    fn step_began(&self, at: &Moment<'_>, task: ObservedTask<'_>) {
        let span = self.span(at.cause(), task);
        drop(self.entered.replace(Some(span.entered())));
    }

    fn step_ended(&self, _at: &Moment<'_>, _task: ObservedTask<'_>) {
        drop(self.entered.take());
    }

    fn ended(&self, _at: &Moment<'_>, task: ObservedTask<'_>, ending: TaskEnding) {
        let span = self.spans.borrow_mut().remove(&task.id());
        if let Some(span) = span {
            span.record("ending", tracing::field::debug(ending));
        }
    }
}
