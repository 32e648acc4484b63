//! A timeline in the format of Chrome's trace viewer, which Perfetto reads too. Owns the text; must not know how it was
//! recorded.

use std::fmt::Write as _;
use std::time::Duration;

use super::observed_task::TaskEnding;
use super::timeline::{ArrowKind, LaneState, Timeline};

impl Timeline {
    /// The timeline as JSON in the *Trace Event Format*, to be opened in <https://ui.perfetto.dev> or
    /// `chrome://tracing`. A task is a thread there, and an arrow a flow. Times are in microseconds with three
    /// decimals.
    ///
    /// # Examples
    /// ```no_run
    /// # let timeline = oneloop::Recorder::default().timeline();
    /// std::fs::write("trace.json", timeline.to_chrome_trace())?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn to_chrome_trace(&self) -> String {
        let mut events = Vec::new();
        for lane in &self.lanes {
            let (id, name) = (lane.id, quoted(&lane.name));
            events.push(format!(
                r#"{{"ph":"M","pid":1,"tid":{id},"name":"thread_name","args":{{"name":{name},"created":{}}}}}"#,
                quoted(&lane.created)
            ));
            for span in &lane.spans {
                let name = if span.what.is_empty() { state_name(span.state) } else { &span.what };
                events.push(format!(
                    r#"{{"ph":"X","pid":1,"tid":{id},"ts":{},"dur":{},"cat":"{}","name":{}}}"#,
                    micros(span.from),
                    micros(span.to.saturating_sub(span.from)),
                    state_name(span.state),
                    quoted(name)
                ));
            }
            if let Some((at, ending)) = lane.ended {
                let name = ending_name(ending);
                events.push(format!(
                    r#"{{"ph":"i","pid":1,"tid":{id},"ts":{},"s":"t","cat":"end","name":"{name}"}}"#,
                    micros(at)
                ));
            }
        }
        for (number, arrow) in self.arrows.iter().enumerate() {
            let Some(from) = arrow.from else { continue };
            let name = arrow_name(arrow.kind);
            for (phase, lane) in [(r#""ph":"s""#, from), (r#""ph":"f","bp":"e""#, arrow.to)] {
                events.push(format!(
                    r#"{{{phase},"pid":1,"tid":{},"ts":{},"id":{number},"cat":"{name}","name":"{name}"}}"#,
                    self.lanes[lane].id,
                    micros(arrow.at)
                ));
            }
        }
        format!("{{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n{}\n]}}\n", events.join(",\n"))
    }
}

pub(super) fn state_name(state: LaneState) -> &'static str {
    match state {
        LaneState::Ready => "ready",
        LaneState::Running => "running",
        LaneState::Sleeping => "sleeping",
        LaneState::Waiting => "waiting",
    }
}

pub(super) fn ending_name(ending: TaskEnding) -> &'static str {
    match ending {
        TaskEnding::Returned => "returned",
        TaskEnding::Cancelled => "cancelled",
        TaskEnding::Panicked => "panicked",
    }
}

fn arrow_name(kind: ArrowKind) -> &'static str {
    match kind {
        ArrowKind::Created => "creates",
        ArrowKind::Woken => "wakes",
        ArrowKind::Cancelled => "cancels",
    }
}

fn micros(time: Duration) -> String {
    format!("{}.{:03}", time.as_micros(), time.subsec_nanos() % 1_000)
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            char if char < ' ' => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(char));
            }
            char => quoted.push(char),
        }
    }
    quoted.push('"');
    quoted
}
