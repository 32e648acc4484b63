//! Ctrl-C under `run`. It is for the main thread, so that this file is a program of its own: it runs itself again for
//! each case, and looks at how that process ends. Three of the names are CPython's, of `test_runners.py`.

#[path = "support/ignored.rs"]
mod ignored;

use std::cell::Cell;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus};
use std::rc::Rc;
use std::time::Duration;
use std::{env, thread};

use ignored::skips_since_ignored;
use oneloop::signal::{SIGINT, SIGUSR1, ctrl_c};
use oneloop::{
    Clock, Error, EventLoop, Runner, catch_cancelled, create_future, create_task, current_task, run, sleep, yield_now,
};
use signal_hook::low_level::raise;

/// The case that this process is there for.
const CASE: &str = "ONELOOP_INTERRUPT";

/// How a process ends: by itself, or by Ctrl-C.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    Well,
    ByCtrlC,
}

const CASES: &[(&str, Ends, fn())] = &[
    ("interrupt_call_soon", Ends::Well, interrupt_call_soon),
    ("interrupt_wait", Ends::Well, interrupt_wait),
    ("interrupt_cancelled_task", Ends::Well, interrupt_cancelled_task),
    ("interrupt_that_is_caught", Ends::Well, interrupt_that_is_caught),
    ("interrupt_in_the_last_step", Ends::Well, interrupt_in_the_last_step),
    ("main_future_that_panics", Ends::ByCtrlC, main_future_that_panics),
    ("tasks_that_are_left_are_cancelled", Ends::Well, tasks_that_are_left_are_cancelled),
    ("second_interrupt_ends_the_process", Ends::ByCtrlC, second_interrupt_ends_the_process),
    ("second_interrupt_ends_a_busy_process", Ends::ByCtrlC, second_interrupt_ends_a_busy_process),
    ("interrupt_after_a_run", Ends::ByCtrlC, interrupt_after_a_run),
    ("interrupt_of_a_second_run", Ends::Well, interrupt_of_a_second_run),
    ("interrupts_of_the_runs_of_a_runner", Ends::Well, interrupts_of_the_runs_of_a_runner),
    ("interrupt_between_the_runs_of_a_runner", Ends::ByCtrlC, interrupt_between_the_runs_of_a_runner),
    ("interrupt_of_an_earlier_run_is_forgotten", Ends::Well, interrupt_of_an_earlier_run_is_forgotten),
    ("interrupt_of_run_until_complete", Ends::ByCtrlC, interrupt_of_run_until_complete),
    ("interrupt_of_a_run_on_another_thread", Ends::ByCtrlC, interrupt_of_a_run_on_another_thread),
    ("handler_in_the_main_future_comes_first", Ends::Well, handler_in_the_main_future_comes_first),
    ("handler_of_another_loop_comes_first", Ends::Well, handler_of_another_loop_comes_first),
    ("handler_of_another_library_comes_first", Ends::Well, handler_of_another_library_comes_first),
    ("wait_for_ctrl_c_comes_first", Ends::Well, wait_for_ctrl_c_comes_first),
    ("wait_for_ctrl_c_and_then_an_interrupt", Ends::Well, wait_for_ctrl_c_and_then_an_interrupt),
    ("interrupts_between_two_waits_are_kept", Ends::Well, interrupts_between_two_waits_are_kept),
    ("interrupt_behind_a_storm", Ends::Well, interrupt_behind_a_storm),
    ("a_deadlock_is_told_although_ctrl_c_is_watched", Ends::Well, a_deadlock_is_told_although_ctrl_c_is_watched),
];

#[expect(clippy::print_stdout, reason = "this is a test harness")]
fn main() {
    if let Some(wanted) = env::var_os(CASE) {
        let case = CASES.iter().find(|(name, ..)| wanted == **name);
        return case.expect("a case of this name").2();
    }
    if skips_since_ignored(SIGINT) {
        return;
    }
    let wanted = env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let mut failed = 0;
    for (name, ends, _) in CASES.iter().filter(|(name, ..)| name.contains(&wanted)) {
        let this = env::current_exe().expect("the path of this program");
        let child = Command::new(this).env(CASE, name).output().expect("the same program runs again");
        let good = is_as_expected(child.status, *ends);
        println!("test {name} ... {}", if good { "ok" } else { "FAILED" });
        if !good {
            failed += 1;
            println!("{}\n{}", child.status, String::from_utf8_lossy(&child.stderr));
        }
    }
    assert_eq!(failed, 0, "cases that failed");
}

fn is_as_expected(status: ExitStatus, ends: Ends) -> bool {
    match ends {
        Ends::Well => status.success(),
        Ends::ByCtrlC => status.signal() == Some(SIGINT),
    }
}

/// Raised on this thread: when it returns, the process's handler has run.
fn press_ctrl_c() {
    raise(SIGINT).expect("a signal");
}

/// Presses it when the main future waits.
fn press_ctrl_c_soon() {
    EventLoop::current().call_later(Duration::from_millis(1), press_ctrl_c);
}

fn is_interrupted<T>(ran: &Result<T, Error>) -> bool {
    matches!(ran, Err(Error::Interrupted))
}

fn interrupt_call_soon() {
    let ran = run(async {
        press_ctrl_c_soon();
        loop {
            yield_now().await;
        }
    });
    let ran: Result<(), _> = ran;
    assert!(is_interrupted(&ran));
    assert_eq!(ran.unwrap_err().to_string(), "interrupted by Ctrl-C");
}

fn interrupt_wait() {
    let mut awaited = None;
    let ran = run(async {
        press_ctrl_c_soon();
        let future = create_future::<()>();
        awaited = Some(future.clone());
        future.await;
    });
    assert!(is_interrupted(&ran));
    assert!(awaited.unwrap().cancelled());
}

fn interrupt_cancelled_task() {
    let ran = run(async {
        let main = current_task().unwrap();
        create_task(async move {
            yield_now().await;
            main.cancel();
            press_ctrl_c();
        });
        sleep(Duration::from_secs(60)).await;
    });
    assert!(matches!(ran, Err(Error::Cancelled(_))));
}

fn interrupt_that_is_caught() {
    let ran = run(async {
        press_ctrl_c_soon();
        let ended = catch_cancelled(sleep(Duration::from_secs(60))).await;
        assert!(ended.is_err());
        yield_now().await; // clean up
        "goodbye"
    });
    assert_eq!(ran.unwrap(), "goodbye");
}

fn interrupt_in_the_last_step() {
    let ran = run(async { press_ctrl_c() });
    assert!(is_interrupted(&ran));
}

fn main_future_that_panics() {
    let ran = std::panic::catch_unwind(|| run(async { panic!("oops") }));
    let ran: Result<Result<(), _>, _> = ran;
    assert!(ran.is_err());
    press_ctrl_c();
}

fn tasks_that_are_left_are_cancelled() {
    struct AtTheEnd(Rc<Cell<bool>>);
    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let ended = Rc::new(Cell::new(false));
    let at_the_end = AtTheEnd(Rc::clone(&ended));
    let ran = run(async move {
        let _left = create_task(async move {
            let _held = at_the_end;
            sleep(Duration::from_secs(60)).await;
        });
        press_ctrl_c_soon();
        sleep(Duration::from_secs(60)).await;
    });
    assert!(is_interrupted(&ran));
    assert!(ended.get());
}

fn second_interrupt_ends_the_process() {
    let _ = run(async {
        press_ctrl_c_soon();
        let _ = catch_cancelled(sleep(Duration::from_secs(60))).await;
        press_ctrl_c();
    });
}

fn second_interrupt_ends_a_busy_process() {
    let _ = run(async {
        press_ctrl_c();
        press_ctrl_c();
    });
}

fn interrupt_after_a_run() {
    run(async {}).unwrap();
    press_ctrl_c();
}

fn interrupt_of_a_second_run() {
    run(async {}).unwrap();
    interrupt_call_soon();
    interrupt_call_soon();
}

fn interrupts_of_the_runs_of_a_runner() {
    let runner = Runner::new().unwrap();
    for _ in 0..3 {
        let ended = runner.run(async {
            press_ctrl_c();
            sleep(Duration::from_secs(60)).await;
        });
        assert!(matches!(ended, Err(Error::Interrupted)));
        assert_eq!(runner.run(async { 5 }).unwrap(), 5);
    }
}

fn interrupt_between_the_runs_of_a_runner() {
    let runner = Runner::new().unwrap();
    runner.run(async {}).unwrap();
    press_ctrl_c();
}

/// The signal stays caught after the first run, because that has waited for it: Ctrl-C is the program's from then on.
fn interrupt_of_an_earlier_run_is_forgotten() {
    let runner = Runner::new().unwrap();
    let ended = runner.run(async {
        press_ctrl_c_soon();
        catch_cancelled(sleep(Duration::from_secs(60))).await.unwrap_err();
        current_task().unwrap().uncancel();
        press_ctrl_c_soon();
        ctrl_c().await.unwrap();
    });
    ended.unwrap();
    assert_eq!(runner.run(async { 5 }).unwrap(), 5);
}

fn interrupt_of_run_until_complete() {
    let lp = EventLoop::new().unwrap();
    let _ = lp.run_until_complete(async { press_ctrl_c() });
}

fn interrupt_of_a_run_on_another_thread() {
    let other = thread::spawn(|| run(async { press_ctrl_c() }));
    let _ = other.join();
}

fn handler_in_the_main_future_comes_first() {
    let ran = run(async {
        let heard = create_future();
        let setter = heard.clone();
        let lp = EventLoop::current();
        lp.add_signal_handler(SIGINT, move || assert!(setter.set_result(()).is_ok() || setter.done())).unwrap();
        press_ctrl_c();
        press_ctrl_c();
        heard.await;
        assert!(lp.remove_signal_handler(SIGINT));
        assert!(!lp.remove_signal_handler(SIGINT), "what `run` does is no handler");
    });
    ran.unwrap();
}

fn handler_of_another_loop_comes_first() {
    let lp = EventLoop::new().unwrap();
    lp.add_signal_handler(SIGINT, || ()).unwrap();
    let ran = run(async {
        press_ctrl_c();
        press_ctrl_c();
        sleep(Duration::from_millis(1)).await;
    });
    ran.unwrap();
}

fn handler_of_another_library_comes_first() {
    signal_hook::flag::register(SIGINT, std::sync::Arc::default()).unwrap();
    let ran = run(async {
        press_ctrl_c();
        press_ctrl_c();
        sleep(Duration::from_millis(1)).await;
    });
    ran.unwrap();
}

fn wait_for_ctrl_c_comes_first() {
    let ran = run(async {
        press_ctrl_c_soon();
        ctrl_c().await
    });
    ran.unwrap().unwrap();
}

fn wait_for_ctrl_c_and_then_an_interrupt() {
    let ran = run(async {
        press_ctrl_c_soon();
        ctrl_c().await.unwrap();
        assert!(EventLoop::current().remove_signal_handler(SIGINT));
        press_ctrl_c_soon();
        sleep(Duration::from_secs(60)).await;
    });
    assert!(is_interrupted(&ran));
}

fn interrupts_between_two_waits_are_kept() {
    let ran = run(async {
        press_ctrl_c_soon();
        ctrl_c().await.unwrap();
        press_ctrl_c();
        press_ctrl_c();
        sleep(Duration::from_millis(1)).await;
        ctrl_c().await.unwrap();
        ctrl_c().await
    });
    ran.unwrap().unwrap();
}

fn interrupt_behind_a_storm() {
    let ran = run(async {
        EventLoop::current().add_signal_handler(SIGUSR1, || ()).unwrap();
        for _ in 0..70_000 {
            raise(SIGUSR1).expect("a signal");
        }
        press_ctrl_c();
        assert!(catch_cancelled(sleep(Duration::from_secs(60))).await.is_err(), "it was lost");
    });
    ran.unwrap();
}

/// The pipe by which Ctrl-C comes is a descriptor that is watched, but the program does not wait for it.
fn a_deadlock_is_told_although_ctrl_c_is_watched() {
    let stuck = || EventLoop::builder().clock(Clock::Virtual).run(async { create_future::<()>().await });
    assert!(matches!(stuck(), Err(Error::Deadlock(_))));
    let with_a_wait = EventLoop::builder().clock(Clock::Virtual).run(async {
        let waits = create_task(async { ctrl_c().await.is_ok() });
        sleep(Duration::from_secs(1)).await;
        thread::spawn(|| {
            thread::sleep(Duration::from_millis(50));
            raise(SIGINT)
        });
        waits.await // no deadlock meanwhile: it waits for a signal
    });
    assert!(matches!(with_a_wait, Ok(true)));
    // and what it waited for counts no longer
    assert!(matches!(stuck(), Err(Error::Deadlock(_))));
}
