//! The pages of the cookbook, one for each subject.

/// A page of docs/book/src/cookbook.
macro_rules! page {
    ($(#[$attribute:meta])* $name:ident) => {
        $(#[$attribute])*
        #[doc = include_str!("../../docs/rustdoc/pages.md")]
        #[doc = include_str!(concat!("../../docs/book/src/cookbook/", stringify!($name), ".md"))]
        #[doc = include_str!("../../docs/rustdoc/wrap.md")]
        pub mod $name {}
    };
}

page!(tasks_and_state);
page!(retries_and_limits);
page!(standard_input);
page!(files_and_threads);
page!(processes);
page!(signals_and_shutdown);
page!(udp);
page!(combinators);
page!(per_core);
page!(own_loop);
page!(from_c);

// tests/ecosystem runs the programs of these, with the crates that they are about.
page!(
    #[cfg(not(doctest))]
    http_and_tls
);
page!(
    #[cfg(not(doctest))]
    databases
);
page!(
    #[cfg(not(doctest))]
    tokio_libraries
);
