//! The example programs, each with what it prints.
//!
#![doc = include_str!("../../docs/rustdoc/pages.md")]
#![doc = include_str!("../../docs/rustdoc/examples.md")]
#![doc = include_str!("../../docs/examples/README.md")]

/// A page with the program of this name, and its output.
macro_rules! example {
    ($name:ident $(, $options:literal)? $(; $picture:literal)*) => {
        #[doc = concat!(
            "`cargo run ", $($options, " ",)? "--example ", stringify!($name), "`\n\n```rust\n",
            include_str!(concat!("../../docs/examples/", stringify!($name), ".rs")),
            "```\n\nIt prints:\n\n```text\n",
            include_str!(concat!("../../docs/examples/expected/", stringify!($name), ".txt")),
            "```\n\n",
        )]
        $(#[doc = include_str!(concat!("../../docs/examples/", $picture))])*
        #[doc = include_str!("../../docs/rustdoc/wrap.md")]
        pub mod $name {}
    };
}

example!(counting);
example!(downloads);
example!(outcomes);
example!(groups);
example!(three_runs);
example!(batches);
example!(gather_vs_wait);
example!(metrics);
example!(timeline; "timelines/gather.svg"; "timelines/wait.svg");
example!(producer_consumer);
example!(worker_pool);
example!(workers);
example!(barrier_rounds);
example!(echo_server);
example!(chat);
example!(retries);
example!(per_core);
example!(port_scan);
example!(ask_again);
example!(filter);
example!(processes, "--features process");
example!(supervisor, "--features process,signal");
example!(download, "-p oneloop-ecosystem");
example!(http_server, "-p oneloop-ecosystem");
example!(postgres, "-p oneloop-ecosystem");
example!(websocket, "-p oneloop-ecosystem");
example!(websocket_chat, "-p oneloop-ecosystem");
example!(tracing, "-p oneloop-ecosystem");
example!(with_tokio, "-p oneloop-ecosystem");

/// A page with a program that has dependencies of its own, so that it is not compiled here.
macro_rules! host {
    ($name:ident) => {
        #[doc = concat!(
                            "`cargo run -p oneloop-hosts --example ", stringify!($name), "`\n\n```rust,ignore\n",
                            include_str!(concat!("../../docs/examples/hosts/", stringify!($name), ".rs")),
                            "```",
                        )]
        #[doc = include_str!("../../docs/rustdoc/wrap.md")]
        pub mod $name {}
    };
}

host!(poll_loop);
host!(frames);
host!(calloop_host);
host!(calloop_guest);

#[doc = concat!(
    "`cargo run -p oneloop-window`\n\n```rust,ignore\n",
    include_str!("../../docs/examples/hosts/window/main.rs"),
    "```",
)]
#[doc = include_str!("../../docs/rustdoc/wrap.md")]
pub mod window {}

#[doc = concat!(
    "`cargo test -p oneloop-c`\n\n```c\n",
    include_str!("../../docs/examples/hosts/c/program.c"),
    "```\n\nIt includes:\n\n```c\n",
    include_str!("../../docs/examples/hosts/c/oneloop.h"),
    "```",
)]
#[doc = include_str!("../../docs/rustdoc/wrap.md")]
pub mod program {}
