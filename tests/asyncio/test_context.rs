//! CPython's `test_context.py`: what a task sets is its own. Its setting is the precision of decimal numbers, a
//! variable of the context, which here the test has itself.

use oneloop::{ContextVar, gather, sleep};

use crate::support::{ms, run};

static PRECISION: ContextVar<usize> = ContextVar::new("precision");

/// A fraction as text, with as many digits as the context says.
fn divided(x: f64, y: f64) -> String {
    let digits = PRECISION.get().expect("it was set");
    format!("{:.digits$}", x / y)
}

mod decimal_context_test {
    use super::*;

    #[test]
    fn test_asyncio_task_decimal_context() {
        async fn fractions(pause: u64, precision: usize, x: f64, y: f64) -> [String; 2] {
            PRECISION.set(precision);
            let first = divided(x, y);
            sleep(ms(pause)).await;
            [first, divided(x, y * y)]
        }
        let ended = run(async { gather([fractions(100, 3, 1.0, 3.0), fractions(200, 6, 1.0, 3.0)]).await });
        assert_eq!(ended, [["0.333", "0.111"], ["0.333333", "0.111111"]]);
    }
}
