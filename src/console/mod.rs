//! Looking into a running program from outside: asyncio's `python -m asyncio ps` and `pstree`.
//!
//! A loop that is built with [`EventLoopBuilder::inspect_by_pid`](crate::EventLoopBuilder::inspect_by_pid), or
//! [`inspect`](crate::EventLoopBuilder::inspect) and a path, opens a Unix socket, which the command `oneloop` asks:
//! `oneloop ps PID`, `oneloop tree PID`. No loop has one by default.
//!
//! The socket is for the user as whom the program runs, and for root. Nothing can be changed by it. A thread of its own
//! answers, so that a program that is stuck in a step can still say in which one.
//!
//! # What is asked and answered
//! A client connects, sends one word and a newline, and is sent one answer, after which the connection is closed. So
//! `echo tree | nc -U PATH` is a client.
//!
//! | word | answer |
//! | --- | --- |
//! | `ps` | the tasks as a table, one a line |
//! | `tree` | the call graph as a tree |
//! | `metrics` | what the loop has counted, a number a line: [`LoopMetrics`](crate::observe::LoopMetrics) |
//! | `json` | the same as JSON: an object with `pid`, `program` and `nodes`, which is [`CallGraph::to_json`](crate::CallGraph::to_json) |
//! | `dot`, `svg`, `html` | the same as drawings |
//!
//! An answer is a line of a word, a space and the number of bytes that follow it. The word is `ok`, and then the bytes
//! are what was asked for; or `busy`, and then they say in which step the loop is stuck; or `error`, and then they say
//! why there is no answer. All of it is UTF-8.
//!
//! A loop that is stuck cannot tell what its tasks wait for. But if it was asked before, it is known what it has
//! answered then: for `ps` and `tree` that is told in the lines behind the first, with its age, unless it had more than
//! 10,000 nodes. What has not been asked for is not known, since a graph that is taken in advance would cost the
//! program time.
//!
//! A client has five seconds from its connection to the end of its answer. Eight are served at a time, others wait.

// Owns the socket by which a program answers, its place, and what is asked and answered there; must not know how a
// graph is taken down.

mod place; // where a socket is
mod socket; // the socket and its file
mod within; // a time limit
mod answer; // what is answered
mod server; // the thread that answers
mod builder; // the settings of a loop

pub use place::path_of;
