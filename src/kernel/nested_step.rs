//! A step that is taken inside another one, or inside a callback: the first step of an eager task. Owns what of the
//! outer step is put aside meanwhile; must not know why a step is nested.

use super::enclosing::EnclosingPutAside;
use super::kernel::Kernel;
use super::ready_queue::Queued;
use super::running_step::StepPutAside;
use super::throwing::ThrowingPutAside;

/// A step runs inside another one. When this is dropped, the outer step goes on as it was: under its number, with what
/// it has counted, the scopes that it polls, and the cancellation on its way in it.
pub(crate) struct NestedStep<'a, P: Queued> {
    kernel: &'a Kernel<P>,
    step: StepPutAside,
    enclosing: EnclosingPutAside<P>,
    /// Taken when it is put back.
    throwing: Option<ThrowingPutAside>,
}

impl<'a, P: Queued> NestedStep<'a, P> {
    pub(crate) fn begin(kernel: &'a Kernel<P>) -> Self {
        let outer = kernel.step().number();
        let step = kernel.step().begin_nested();
        kernel.budget().hand_on(outer, kernel.step().number());
        let (enclosing, throwing) = (kernel.enclosing().begin_nested(), Some(kernel.throwing().begin_nested()));
        Self { kernel, step, enclosing, throwing }
    }
}

impl<P: Queued> Drop for NestedStep<'_, P> {
    fn drop(&mut self) {
        let kernel = self.kernel;
        let inner = kernel.step().number();
        kernel.step().end_nested(&self.step);
        kernel.budget().hand_on(inner, kernel.step().number());
        kernel.enclosing().end_nested(&self.enclosing);
        if let Some(throwing) = self.throwing.take() {
            kernel.throwing().end_nested(throwing);
        }
    }
}
