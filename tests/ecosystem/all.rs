//! Crates of others, each on one loop of this crate: what docs/ECOSYSTEM.md says, line by line.
#![cfg(unix)]

#[path = "../support/again.rs"]
mod again;
#[path = "../support/real.rs"]
mod real;

mod buffered;
mod channels;
mod codec;
mod examples;
mod http;
mod https;
mod postgres;
mod runtime;
mod services;
mod tls;
mod websocket;
