//! Three commands at once, each fed and read while the others run; then one whose lines are read as they come, and one
//! that takes too long. In Python:
//!
//! ```python
//! async def command(text, given):
//!     process = await asyncio.create_subprocess_shell(text, stdin=PIPE, stdout=PIPE)
//!     output, _ = await process.communicate(given)
//!     return process.returncode, output.decode()
//!
//! await asyncio.gather(command("sort", b"pear\napple\n"), command("wc -c", b"12345"), command("exit 3", b""))
//! ```
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::io;
use std::process::Stdio;
use std::time::Duration;

use oneloop::{create_subprocess_exec, create_subprocess_shell, run, timeout, try_gather};

/// How a command ends, and what it says.
async fn command(text: &str, given: &str) -> io::Result<(Option<i32>, String)> {
    let process = create_subprocess_shell(text).stdin(Stdio::piped()).stdout(Stdio::piped()).await?;
    let (output, _) = process.communicate(given).await?;
    Ok((process.returncode(), String::from_utf8_lossy(&output).trim().replace('\n', ", ")))
}

async fn commands() -> io::Result<()> {
    let all = [("sort", "pear\napple\nfig\n"), ("wc -c", "12345"), ("exit 3", "")];
    let ends = try_gather(all.map(|(text, given)| command(text, given))).await?;
    for ((text, _), (code, output)) in all.iter().zip(ends) {
        println!("{text}: {output:?}, exit code {}", code.unwrap_or_default());
    }

    let counting = create_subprocess_shell("for i in 1 2 3; do echo line $i; done").stdout(Stdio::piped()).await?;
    if let Some(lines) = &counting.stdout {
        while let Some(line) = lines.next_line().await? {
            println!("it says {line:?}");
        }
    }
    println!("and ends: {}", counting.wait().await);

    let slow = create_subprocess_exec("sleep").arg("3600").await?;
    if timeout(Duration::from_millis(50), slow.wait()).await.is_err() {
        println!("sleep takes too long");
        slow.terminate()?;
        println!("and ends: {}", slow.wait().await);
    }
    Ok(())
}

pub(crate) fn main() -> Result<(), oneloop::Error> {
    Ok(run(commands())??)
}
