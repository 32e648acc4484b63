//! Numbers of a loop for Prometheus: an observer counts, and a server answers `GET /metrics`.
//!
//! An `Observer` is told of each task, step, callback and timer, and may keep what it likes of that. Here these are
//! counters, and a histogram of how late timers fire, in the text format that Prometheus reads. What the loop counts
//! without an observer (`EventLoop::metrics`) stands beside them. (`observe::Counters` is such an observer, ready
//! made.) The loop serves them itself: a loop that is stuck does not answer, and that is an alarm too. asyncio has no
//! such hooks.
//!
//! The program asks itself once, and prints what is the same in every run.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use oneloop::observe::TaskEnding;
use oneloop::{
    Clock, Error, EventLoop, Moment, ObservedTask, Observer, StreamReader, StreamWriter, gather, open_connection,
    sleep, start_server,
};

/// The upper ends of the histogram's buckets, in milliseconds.
const LATE: [u64; 4] = [1, 10, 100, 1_000];

#[derive(Default)]
struct Metrics {
    created: Cell<u64>,
    returned: Cell<u64>,
    cancelled: Cell<u64>,
    panicked: Cell<u64>,
    steps: Cell<u64>,
    callbacks: Cell<u64>,
    polls: Cell<u64>,
    timers: Cell<u64>,
    late: RefCell<[u64; LATE.len()]>,
    late_in_all: Cell<Duration>,
    step_began: Cell<Option<Instant>>,
    longest_step: Cell<Duration>,
}

fn count(counter: &Cell<u64>) {
    counter.set(counter.get() + 1);
}

impl Observer for Metrics {
    fn created(&self, _at: &Moment<'_>, _task: ObservedTask<'_>) {
        count(&self.created);
    }

    fn step_began(&self, _at: &Moment<'_>, _task: ObservedTask<'_>) {
        count(&self.steps);
        self.step_began.set(Some(Instant::now())); // by the machine's clock, since a virtual one stands still
    }

    fn step_ended(&self, _at: &Moment<'_>, _task: ObservedTask<'_>) {
        let took = self.step_began.take().map_or(Duration::ZERO, |began| began.elapsed());
        self.longest_step.set(self.longest_step.get().max(took));
    }

    fn ended(&self, _at: &Moment<'_>, _task: ObservedTask<'_>, ending: TaskEnding) {
        match ending {
            TaskEnding::Returned => count(&self.returned),
            TaskEnding::Cancelled => count(&self.cancelled),
            _ => count(&self.panicked),
        }
    }

    fn callback_began(&self, _at: &Moment<'_>) {
        count(&self.callbacks);
    }

    fn timer_fired(&self, _at: &Moment<'_>, late: Duration) {
        count(&self.timers);
        self.late_in_all.set(self.late_in_all.get() + late);
        for (bucket, end) in self.late.borrow_mut().iter_mut().zip(LATE) {
            *bucket += u64::from(late <= Duration::from_millis(end));
        }
    }

    fn poll_ended(&self, _at: &Moment<'_>, _events: usize) {
        count(&self.polls);
    }
}

impl Metrics {
    fn text(&self) -> String {
        let mut text = String::new();
        let ended = self.returned.get() + self.cancelled.get() + self.panicked.get();
        let of_the_loop = EventLoop::current().metrics();
        for (name, kind, value) in [
            ("tasks_created_total", "counter", self.created.get()),
            ("tasks_alive", "gauge", self.created.get() - ended),
            ("tasks_returned_total", "counter", self.returned.get()),
            ("tasks_cancelled_total", "counter", self.cancelled.get()),
            ("tasks_panicked_total", "counter", self.panicked.get()),
            ("steps_total", "counter", self.steps.get()),
            ("callbacks_total", "counter", self.callbacks.get()),
            ("polls_total", "counter", self.polls.get()),
            ("ready_entries", "gauge", of_the_loop.ready as u64),
            ("buffer_bytes", "gauge", of_the_loop.buffer_bytes),
            ("buffer_bytes_most", "gauge", of_the_loop.most_buffer_bytes),
        ] {
            let _ = write!(text, "# TYPE oneloop_{name} {kind}\noneloop_{name} {value}\n");
        }
        let longest = self.longest_step.get().as_secs_f64();
        let _ = write!(text, "# TYPE oneloop_longest_step_seconds gauge\noneloop_longest_step_seconds {longest}\n");
        text.push_str("# TYPE oneloop_timers_late_milliseconds histogram\n");
        for (bucket, end) in self.late.borrow().iter().zip(LATE) {
            let _ = writeln!(text, "oneloop_timers_late_milliseconds_bucket{{le=\"{end}\"}} {bucket}");
        }
        let all = self.timers.get();
        let _ = writeln!(text, "oneloop_timers_late_milliseconds_bucket{{le=\"+Inf\"}} {all}");
        let sum = self.late_in_all.get().as_secs_f64() * 1_000.0;
        let _ = writeln!(text, "oneloop_timers_late_milliseconds_sum {sum}");
        let _ = writeln!(text, "oneloop_timers_late_milliseconds_count {all}");
        text
    }
}

async fn answer(metrics: Rc<Metrics>, reader: StreamReader, writer: StreamWriter) -> io::Result<()> {
    while !reader.readline().await?.trim_ascii().is_empty() {}
    let text = metrics.text();
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n", text.len());
    writer.write(format!("{head}Connection: close\r\n\r\n{text}").as_bytes());
    writer.drain().await?;
    writer.close();
    writer.wait_closed().await
}

async fn program(metrics: Rc<Metrics>) -> io::Result<()> {
    let numbers = Rc::clone(&metrics);
    let server = start_server(move |reader, writer| answer(Rc::clone(&numbers), reader, writer), "127.0.0.1:0").await?;
    gather((0..100).map(|number| sleep(Duration::from_millis(number)))).await; // what the program is really for

    let (reader, writer) = open_connection(server.local_addrs()[0]).await?;
    writer.write(b"GET /metrics HTTP/1.1\r\n\r\n");
    let response = reader.read_to_end().await?;
    let text = String::from_utf8_lossy(&response);
    let (_head, lines) = text.split_once("\r\n\r\n").unwrap_or_default();
    let depends_on_the_system = |line: &&str| {
        ["steps", "callbacks", "polls", "longest", "ready", "buffer"].iter().any(|name| line.contains(name))
    };
    for line in lines.lines().filter(|line| !depends_on_the_system(line)) {
        println!("{line}");
    }
    Ok(())
}

pub(crate) fn main() -> Result<(), Error> {
    println!("(virtual clock: the waits below take no time)");
    let lp = EventLoop::builder().clock(Clock::Virtual).build()?;
    let metrics = Rc::new(Metrics::default());
    lp.add_observer(metrics.clone());
    Ok(lp.run_until_complete(program(metrics))??)
}
