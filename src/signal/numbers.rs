//! The numbers of the signals that both Linux and macOS have. Owns the names.

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $($(#[$doc])* pub const $name: i32 = libc::$name;)*
    };
}

numbers! {
    /// An alarm set by `alarm` or `setitimer` went off.
    SIGALRM,
    /// A child process stopped or ended. To wait for one there is the feature `process`.
    SIGCHLD,
    /// Goes on after it was stopped.
    SIGCONT,
    /// The terminal is gone; by custom, a daemon reads its settings again.
    SIGHUP,
    /// Ctrl-C.
    SIGINT,
    /// Ends a process at once; cannot be caught.
    SIGKILL,
    /// Written to a pipe or socket that nobody reads. Rust programs ignore it from the beginning and get an error.
    SIGPIPE,
    /// Ctrl-\\: ends a process with a core dump.
    SIGQUIT,
    /// Stops a process; cannot be caught.
    SIGSTOP,
    /// Asks a process to end.
    SIGTERM,
    /// Ctrl-Z: stops a process.
    SIGTSTP,
    /// Reads from the terminal in the background.
    SIGTTIN,
    /// Writes to the terminal in the background.
    SIGTTOU,
    /// For the program's own use.
    SIGUSR1,
    /// For the program's own use.
    SIGUSR2,
    /// The window has another size.
    SIGWINCH,
}
