//! The tests are beside this file: `cargo test -p oneloop-ecosystem`. Here are only the pages whose examples are
//! compiled.

#[doc = include_str!("../../docs/book/src/cookbook/http_and_tls.md")]
pub mod http_and_tls {}

#[doc = include_str!("../../docs/book/src/cookbook/databases.md")]
pub mod databases {}

#[doc = include_str!("../../docs/book/src/cookbook/tokio_libraries.md")]
pub mod tokio_libraries {}
