//! A supervisor: commands are started again when they fail, after pauses that grow, and stopped when the supervisor
//! gets SIGTERM or Ctrl-C: with SIGTERM first, and with SIGKILL if they do not heed it. Without arguments it shows what
//! it does, and one of its commands sends it the signal. It keeps others with
//! `cargo run --features process,signal --example supervisor -- keep 'sleep 60' 'ping localhost'`. In Python:
//!
//! ```python
//! async def keep(command):
//!     while True:
//!         process = await asyncio.create_subprocess_shell(command)
//!         try:
//!             await process.wait()
//!         except asyncio.CancelledError:
//!             process.terminate()
//!             ...
//!             raise
//! ```
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::time::Duration;
use std::{env, io};

use oneloop::signal::{SIGINT, SIGTERM};
use oneloop::{
    Error, Event, EventLoop, Process, catch_cancelled, create_subprocess_shell, run, sleep, task_group, timeout,
};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A command that has run for so long is well, and its next pause is the first again.
const IS_WELL: Duration = Duration::from_secs(60);
/// So many failures in a row are enough.
const FAILURES: u32 = 3;
const TO_STOP: Duration = Duration::from_millis(500);

/// Runs a command again and again, until it succeeds, fails too often, or this is cancelled.
async fn keep(command: String) -> io::Result<()> {
    let (mut pause, mut failures) = (FIRST_PAUSE, 0);
    loop {
        let start = EventLoop::current().time();
        // the shell becomes the command, so that signals are for that; and in a group of its own, so that Ctrl-C is not
        let process = create_subprocess_shell(format!("exec {command}")).process_group(0).kill_on_drop(true).await?;
        let status = match catch_cancelled(process.wait()).await {
            Ok(status) => status,
            Err(cancelled) => {
                stop(&process, &command).await?;
                cancelled.reraise().await
            }
        };
        println!("{command}: {status}");
        if EventLoop::current().time() - start > IS_WELL {
            (pause, failures) = (FIRST_PAUSE, 0);
        }
        failures += 1;
        if status.success() || failures == FAILURES {
            println!("{command}: is left alone");
            return Ok(());
        }
        sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

async fn stop(process: &Process, command: &str) -> io::Result<()> {
    process.terminate()?;
    if timeout(TO_STOP, process.wait()).await.is_err() {
        process.kill()?;
    }
    println!("{command}: {}", process.wait().await);
    Ok(())
}

/// Keeps all commands, until a signal comes.
async fn supervise(commands: Vec<String>) -> io::Result<()> {
    let stopping = Event::new();
    for signal in [SIGTERM, SIGINT] {
        let stopping = stopping.clone();
        EventLoop::current().add_signal_handler(signal, move || stopping.set())?;
    }
    task_group(async |group| {
        for command in commands {
            group.create_task(keep(command));
        }
        stopping.wait().await;
        println!("stopping");
        group.cancel(); // the group returns when each task has stopped its command
        Ok::<(), io::Error>(())
    })
    .await?;
    Ok(())
}

pub(crate) fn main() -> Result<(), Error> {
    let mut arguments = env::args().skip(1);
    let commands = if arguments.next().as_deref() == Some("keep") {
        arguments.collect()
    } else {
        let stubborn = r#"sh -c "trap '' TERM; sleep 1; kill -TERM $PPID; exec sleep 3600""#; // its parent is this
        ["sleep 3600", "false", stubborn].map(String::from).to_vec()
    };
    Ok(run(supervise(commands))??)
}
