//! A step that is taken inside another one, or inside a callback: the first step of an eager task. Owns what of the
//! outer step is put aside meanwhile; must not know why a step is nested.

use super::kernel::Kernel;
use super::ready_queue::Queued;

/// Has `take` take a step inside the running one. Then the outer step goes on as it was: under its number, with what
/// it has counted, the scopes that it polls, and the cancellation on its way in it.
///
/// `take` must not unwind. (So nothing has to be put back by a destructor, whose memory would be copied twice: a
/// twentieth of an eager task.)
#[inline]
pub(crate) fn nested_step<P: Queued>(kernel: &Kernel<P>, take: impl FnOnce()) {
    let outer = kernel.step().number();
    let step = kernel.step().begin_nested();
    let inner = kernel.step().number();
    kernel.budget().hand_on(outer, inner);
    let enclosing = kernel.enclosing().begin_nested();
    let (throw, counts) = kernel.throwing().begin_nested();
    take();
    kernel.throwing().end_nested(throw, &counts);
    kernel.enclosing().end_nested(&enclosing);
    kernel.step().end_nested(&step);
    kernel.budget().hand_on(inner, outer);
}
