//! `TaskSpans`: a span of tracing for each task, entered in its steps, a child of its creator's.

use std::collections::HashMap;
use std::fmt::{Debug, Write as _};
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use oneloop::adapters::TaskSpans;
use oneloop::{Clock, EventLoop, create_task, yield_now};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Writes down what it is told, with the names of tasks.
#[derive(Default)]
struct Log {
    last: AtomicU64,
    names: Mutex<HashMap<u64, String>>,
    stack: Mutex<Vec<u64>>,
    lines: Mutex<Vec<String>>,
}

struct Named<'a>(&'a str, String);

impl Visit for Named<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == self.0 {
            let _ = write!(self.1, "{value:?}");
        }
    }
}

impl Log {
    fn line(&self, line: String) {
        self.lines.lock().expect("no panic").push(line);
    }

    fn name(&self, id: Option<u64>) -> String {
        id.map_or("nothing".to_owned(), |id| self.names.lock().expect("no panic")[&id].clone())
    }
}

impl Subscriber for &'static Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let mut name = Named("name", String::new());
        span.record(&mut name);
        let name = name.1.replace('"', "");
        self.line(format!("{name} in {}", self.name(span.parent().map(Id::into_u64))));
        self.names.lock().expect("no panic").insert(id, name);
        Id::from_u64(id)
    }
    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut ending = Named("ending", String::new());
        values.record(&mut ending);
        self.line(format!("{} {}", self.name(Some(span.into_u64())), ending.1));
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut text = Named("message", String::new());
        event.record(&mut text);
        let stack = self.stack.lock().expect("no panic");
        let within: Vec<_> = stack.iter().map(|id| self.name(Some(*id))).collect();
        self.line(format!("{:?} within {within:?}", text.1));
    }
    fn enter(&self, span: &Id) {
        self.stack.lock().expect("no panic").push(span.into_u64());
    }
    fn exit(&self, span: &Id) {
        assert_eq!(self.stack.lock().expect("no panic").pop(), Some(span.into_u64()));
    }
}

#[test]
fn each_task_has_a_span_that_is_entered_in_its_steps_and_a_child_of_its_creators() {
    let log: &'static Log = Box::leak(Box::default());
    tracing::subscriber::with_default(log, || {
        let lp = EventLoop::builder().clock(Clock::Virtual).build().expect("a loop");
        lp.add_observer(Rc::new(TaskSpans::default()));
        let main = lp.create_task(async {
            let child = create_task(async {
                tracing::info!("one");
                yield_now().await;
                tracing::info!("two");
            });
            child.named("child").await;
            tracing::info!("three");
        });
        lp.run_until_complete(main.named("main")).expect("it ends");
        tracing::info!("four");
    });
    let expected = [
        "main in nothing",
        "child in main",
        "\"one\" within [\"child\"]",
        "\"two\" within [\"child\"]",
        "child Returned",
        "\"three\" within [\"main\"]",
        "main Returned",
        "\"four\" within []",
    ];
    assert_eq!(*log.lines.lock().expect("no panic"), expected);
}
