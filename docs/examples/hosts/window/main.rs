//! winit as the host: its event loop cannot watch a descriptor, but a proxy wakes it from any thread. So a pender sends
//! it a user event, and that event is a turn. Between turns the window gets its own events.
#![expect(clippy::print_stdout, reason = "an example is meant to print")]

use std::error::Error;
use std::time::Duration;

use oneloop::EventLoop;
use oneloop_hosts::Program;
use winit::application::ApplicationHandler;
use winit::event::WindowEvent;
use winit::event_loop::{ActiveEventLoop, ControlFlow};
use winit::window::{Window, WindowId};

/// The loop wants a turn.
#[derive(Debug)]
struct TurnIsDue;

/// How long a turn may keep the window waiting. What is left then makes the pender send another event.
const BUDGET: Duration = Duration::from_millis(4);

struct App {
    lp: EventLoop,
    program: Program,
    window: Option<Window>,
    /// How often the loop wanted a turn, and how often it did for nothing.
    wakes: usize,
    for_nothing: usize,
    failed: Option<oneloop::Error>,
}

impl ApplicationHandler<TurnIsDue> for App {
    fn resumed(&mut self, host: &ActiveEventLoop) {
        host.set_control_flow(ControlFlow::Wait); // no frame is due, and no time-out needed
        let shown = host.create_window(Window::default_attributes().with_title("oneloop"));
        self.window = Some(shown.expect("the display has room for a window"));
    }

    fn user_event(&mut self, host: &ActiveEventLoop, TurnIsDue: TurnIsDue) {
        self.wakes += 1;
        match self.program.turn(&self.lp, BUDGET) {
            Ok(happened) => self.for_nothing += usize::from(!happened),
            Err(error) => self.failed = Some(error),
        }
        if self.program.is_done() || self.failed.is_some() {
            host.exit();
        }
    }

    fn window_event(&mut self, host: &ActiveEventLoop, _window: WindowId, event: WindowEvent) {
        if let WindowEvent::CloseRequested = event {
            host.exit();
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let host = winit::event_loop::EventLoop::<TurnIsDue>::with_user_event().build()?;
    let lp = EventLoop::new()?;
    let program = Program::start(&lp);
    let proxy = host.create_proxy();
    // from a thread of the loop's, at most once between two turns; an error says that the window is gone
    lp.set_pender(move || proxy.send_event(TurnIsDue).unwrap_or(()))?;
    let mut app = App { lp, program, window: None, wakes: 0, for_nothing: 0, failed: None };
    host.run_app(&mut app)?;
    if let Some(error) = app.failed {
        return Err(error.into());
    }
    println!("things: {}\nturns: {}\nturns for nothing: {}", app.program.happened(), app.wakes, app.for_nothing);
    println!("windows: {}", usize::from(app.window.is_some()));
    Ok(())
}
