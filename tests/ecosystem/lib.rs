//! The tests are beside this file: `cargo test -p oneloop-ecosystem`. Here is only the page whose examples are compiled.
#![doc = include_str!("../../docs/ECOSYSTEM.md")]
