//! Streams over a bad network: packets are lost, delayed, reordered and doubled, and connections reset. What arrives
//! arrives in order; every connection ends, whole or with an error; and no more fail than were reset.
//!
//! The two ends are processes in network namespaces of their own. Where this machine does not allow that, the test says
//! so and passes. `ONELOOP_CONNECTIONS=N` opens so many, `ONELOOP_SEED` other ones.
#![cfg(target_os = "linux")]

#[path = "../support/again.rs"]
mod again;
#[path = "../support/dice.rs"]
mod dice;
mod link;
mod packets;
#[path = "../support/skips.rs"]
mod skips;
mod traffic;

use std::env;
use std::fs::File;
use std::io;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use again::this_test_again;
use link::{Done, Link, enter_new_namespace};
use skips::skip;

/// Which end a process is.
const END: &str = "ONELOOP_NETWORK_END";
const CLIENT: &str = "10.177.0.1";
const SERVER: &str = "10.177.0.2";
const SERVICE: &str = "10.177.0.2:7007";
/// Connections without `ONELOOP_CONNECTIONS`.
const USUAL: u64 = 200;
/// All together take no longer.
const PATIENCE: Duration = Duration::from_secs(300);

fn setting(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |text| text.parse().unwrap_or_else(|e| panic!("{variable}={text}: {e}")))
}

/// Ends its process when it goes.
struct End(Child);

impl Drop for End {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn end(role: &str) -> End {
    let mut again = this_test_again();
    let child = again.env(END, role).stdout(Stdio::piped()).spawn();
    End(child.expect("the same program runs again"))
}

/// The two devices, and the two ends behind them. This thread goes from one namespace to the next.
fn ends() -> io::Result<([File; 2], [End; 2])> {
    let one = enter_new_namespace(CLIENT, SERVER)?;
    let client = end("client");
    let other = enter_new_namespace(SERVER, CLIENT)?;
    Ok(([one, other], [client, end("server")]))
}

/// What the client printed, and what the link did; why not, if this machine has no namespaces or devices.
fn over_a_bad_network(seed: u64) -> Result<(String, Done), String> {
    let (devices, [mut client, _server]) =
        ends().map_err(|error| format!("no namespaces joined by a link: {error}"))?;
    let (begun, mut status) = (Instant::now(), None);
    let done = Link::between(devices, seed).carry(|| {
        status = client.0.try_wait().expect("a child");
        status.is_some() || begun.elapsed() > PATIENCE
    });
    let done = done.expect("the link works");
    let said = io::read_to_string(client.0.stdout.take().expect("it is piped"));
    let said = said.unwrap_or_default();
    assert!(status.is_some_and(|status| status.success()), "the client fails, or hangs: {status:?} {done:?}\n{said}");
    Ok((said, done))
}

#[expect(clippy::print_stdout, reason = "says how many there were")]
#[test]
fn what_arrives_over_a_bad_network_arrives_in_order_and_every_connection_ends() {
    let (seed, count) = (setting("ONELOOP_SEED", 1), setting("ONELOOP_CONNECTIONS", USUAL));
    match env::var(END).as_deref() {
        Ok("server") => return traffic::serve(SERVICE),
        Ok(_) => {
            // the other end is not there yet; a connection that is refused would count as failed
            thread::sleep(Duration::from_millis(500));
            let ended = traffic::ask(SERVICE, seed, count);
            println!("ended {} {} {} {}", ended.whole, ended.failed, ended.bytes, ended.open);
            return;
        }
        Err(_) => {}
    }
    // a thread of its own, as it leaves the namespace that it is in
    let name = thread::current().name().unwrap_or_default().to_owned();
    let ran = thread::Builder::new().name(name).spawn(move || over_a_bad_network(seed)).expect("a thread");
    let (said, done) = match ran.join().unwrap_or_else(|payload| std::panic::resume_unwind(payload)) {
        Ok(ran) => ran,
        Err(why) => return skip(&why),
    };
    let line = said.lines().find_map(|line| line.split_once("ended ")).expect("the client says how").1;
    let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().expect("a number")).collect();
    let [whole, failed, bytes, open] = numbers[..] else { panic!("{line}") };
    assert_eq!(whole + failed, count);
    assert!(failed <= done.resets, "{failed} of {count} connections fail, and {} were reset", done.resets);
    assert!(open <= done.resets, "the server has {open} connections open, and {} were reset", done.resets);
    assert!(done.lost > 0 && done.doubled > 0 && done.resets > 0, "a good network: {done:?}");
    println!(
        "network: {count} connections of seed {seed}, {whole} whole with {bytes} bytes, {failed} failed; {done:?}"
    );
}
