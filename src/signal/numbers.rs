//! The signals that both Linux and macOS have. Owns their names; must not know what is done when one comes.

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $($(#[$doc])* pub const $name: i32 = libc::$name;)*
    };
}

numbers! {
    /// An alarm set by `alarm` or `setitimer` went off.
    SIGALRM,
    /// A child process has stopped or ended. The feature `process` has a wait for child processes.
    SIGCHLD,
    /// Continues a process that was stopped.
    SIGCONT,
    /// The terminal is gone. By custom, a daemon reads its settings again.
    SIGHUP,
    /// Ctrl-C: interrupts a process.
    SIGINT,
    /// Ends a process at once; cannot be caught.
    SIGKILL,
    /// A write to a pipe or socket without a reader. Rust programs ignore the signal by default, and the write fails.
    SIGPIPE,
    /// Ctrl-\\: ends a process with a core dump.
    SIGQUIT,
    /// Stops a process; cannot be caught.
    SIGSTOP,
    /// Asks a process to end.
    SIGTERM,
    /// Ctrl-Z: stops a process.
    SIGTSTP,
    /// A process in the background has read from the terminal.
    SIGTTIN,
    /// A process in the background has written to the terminal.
    SIGTTOU,
    /// For the program's own use.
    SIGUSR1,
    /// For the program's own use.
    SIGUSR2,
    /// The size of the terminal's window has changed.
    SIGWINCH,
}
