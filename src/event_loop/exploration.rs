//! Loops that explore: what their contract leaves open to the outside differs from seed to seed. Owns what a seed
//! decides; must not know how an iteration goes.

use std::thread;
use std::time::Duration;

use crate::base::Random;
use crate::node::Loop;
use crate::observe::Observers;

/// In one of so many iterations, descriptors are polled although it is not their turn.
const POLLS: usize = 4;
/// In one of so many iterations, the thread gives way to others, whose messages may come before what is ready.
const YIELDS: usize = 8;
/// In one of so many of these it sleeps, so that they have time for more.
const SLEEPS: usize = 32;
const SLEEP: Duration = Duration::from_micros(50);

/// What decides in a loop that explores; an extension of the loop.
#[derive(Debug, Default)]
struct Exploration(Random);

/// Has a new loop explore. It is run by the code for loops that are observed.
pub(super) fn begin(kernel: &Loop, seed: u64) {
    // the reactor draws numbers of its own, since how many it needs depends on the system
    let random = Random::new(seed);
    kernel.with_reactor(|reactor| reactor.permute(Random::new(!seed)));
    kernel.extensions().insert(Exploration(random));
    kernel.extensions().get_or_default::<Observers>().keep(kernel);
}

/// Called when an iteration begins.
pub(super) fn disturb(kernel: &Loop) {
    let Some(exploration) = kernel.extensions().get::<Exploration>() else { return };
    let random = &exploration.0;
    if random.one_in(POLLS) {
        kernel.budget().poll_soon();
    }
    if random.one_in(YIELDS) {
        if random.one_in(SLEEPS) { thread::sleep(SLEEP) } else { thread::yield_now() }
    }
}
