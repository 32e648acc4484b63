//! The traits of other crates, so that what is built on them runs on this loop. Each is an optional feature with one
//! dependency, the crate that has the traits. The page on the ecosystem says what runs how.
//!
//! | feature | traits | on |
//! | --- | --- | --- |
//! | `futures-io` | `AsyncRead`, `AsyncWrite` of the crate `futures-io` | connections, their halves, pipes, buffered streams, and references to these |
//! | `futures-io`, `tokio-io` | `AsyncBufRead` of each | `BufferedReader`, which a `StreamReader` becomes |
//! | any of the three | the traits for both directions, over TLS too | `Duplex`, which a reader and a writer become |
//! | `tokio-io` | `AsyncRead`, `AsyncWrite` of tokio, without its runtime | connections, their halves, pipes, buffered streams |
//! | `hyper` | `Read`, `Write`, `Executor`, `Timer` of `hyper::rt` | connections, their halves, pipes, buffered streams; `HyperExecutor`, `HyperTimer` |
//! | `stream` | `Stream` of the crate `futures-core` | queues, `as_completed`, intervals, connections that come, lines, signals |
//! | `tracing` | spans of the crate `tracing` | tasks: `TaskSpans` |
//!
//! An operation costs what it costs without the trait: the same system calls, and no allocation. One task at a time may
//! read by such a trait, and one may write; futures of this crate may wait beside them.

// Must not know what speaks over the traits.

#[cfg(any(feature = "futures-io", feature = "tokio-io", feature = "hyper"))]
mod duplex; // a reader and a writer as one
#[cfg(any(feature = "futures-io", feature = "tokio-io"))]
mod buffered; // a reader whose bytes can be looked at
#[cfg(any(feature = "futures-io", feature = "tokio-io", feature = "hyper"))]
mod kinds; // which types have the traits, and how each ends its writing
#[cfg(feature = "futures-io")]
mod for_futures; // `AsyncRead` and `AsyncWrite` of futures-io
#[cfg(feature = "tokio-io")]
mod for_tokio; // `AsyncRead` and `AsyncWrite` of tokio
#[cfg(feature = "hyper")]
mod for_hyper; // `Read`, `Write` and `Executor` of hyper
#[cfg(feature = "hyper")]
mod hyper_timer; // `Timer` and `Sleep` of hyper
#[cfg(feature = "stream")]
mod unfold; // what one future after another returns
#[cfg(feature = "stream")]
mod streams; // `Stream` for what gives one value after another
#[cfg(all(feature = "stream", feature = "signal"))]
mod signals; // signals as a `Stream`
#[cfg(feature = "tracing")]
mod task_spans; // a span of tracing for each task

#[cfg(any(feature = "futures-io", feature = "tokio-io"))]
pub use buffered::BufferedReader;
#[cfg(any(feature = "futures-io", feature = "tokio-io", feature = "hyper"))]
pub use duplex::Duplex;
#[cfg(feature = "hyper")]
pub use for_hyper::HyperExecutor;
#[cfg(feature = "hyper")]
pub use hyper_timer::HyperTimer;
#[cfg(all(feature = "stream", feature = "signal"))]
pub use signals::signals;
#[cfg(feature = "tracing")]
pub use task_spans::TaskSpans;
