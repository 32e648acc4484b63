//! calloop as the guest: its descriptor is watched by a callback of the loop, which lets calloop dispatch without a
//! wait.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use calloop::channel::{Event, channel};
use oneloop::{Error, EventLoop, sleep};

const MESSAGES: usize = 5;

/// How many messages calloop has received while the loop ran tasks of its own.
pub(crate) fn drive() -> Result<usize, Error> {
    let lp = EventLoop::new()?;
    let guest = calloop::EventLoop::<usize>::try_new().expect("descriptors for a loop");
    let (sender, messages) = channel();
    let receive = |event, (): &mut (), received: &mut usize| {
        *received += usize::from(matches!(event, Event::Msg(())));
    };
    guest.handle().insert_source(messages, receive).expect("room for a source");
    thread::spawn(move || {
        for _ in 0..MESSAGES {
            thread::sleep(Duration::from_millis(5));
            sender.send(()).expect("the channel is open");
        }
    });

    let (guest, received) = (Rc::new(RefCell::new(guest)), Rc::new(Cell::new(0)));
    let (dispatched, seen) = (Rc::clone(&guest), Rc::clone(&received));
    lp.add_reader(&*guest.borrow(), move || {
        let mut count = seen.get();
        dispatched.borrow_mut().dispatch(Some(Duration::ZERO), &mut count).expect("calloop goes on");
        seen.set(count);
    })
    .map_err(std::io::Error::other)?;
    lp.run_until_complete(async {
        while received.get() < MESSAGES {
            sleep(Duration::from_millis(1)).await; // the loop's own business
        }
    })?;
    lp.remove_reader(&*guest.borrow());
    Ok(received.get())
}

#[cfg_attr(test, expect(dead_code, reason = "the test calls `drive`"))]
pub(crate) fn main() -> Result<(), Error> {
    println!("calloop has received {} messages inside the loop", drive()?);
    Ok(())
}
