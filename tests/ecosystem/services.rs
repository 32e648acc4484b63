//! Services of tower that are not `Send`, on the loop's own sockets.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use oneloop::{create_task, sleep};
use tower::limit::ConcurrencyLimit;
use tower::{Service as _, ServiceBuilder, ServiceExt as _, service_fn};

use crate::real::run_real;

#[test]
fn a_service_that_is_not_send_is_limited_by_a_layer() {
    run_real(async {
        let (running, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let seen = Rc::clone(&most);
        let service = service_fn(move |n: u32| {
            let (running, most) = (Rc::clone(&running), Rc::clone(&most));
            async move {
                running.set(running.get() + 1);
                most.set(most.get().max(running.get()));
                sleep(Duration::from_millis(1)).await;
                running.set(running.get() - 1);
                Ok::<_, Infallible>(n * 2)
            }
        });
        let service = ConcurrencyLimit::new(service, 3);
        let tasks = (0..12).map(|n| create_task(service.clone().oneshot(n)));
        let answers = oneloop::try_gather(tasks).await.unwrap();
        assert_eq!(answers, (0..12).map(|n| n * 2).collect::<Vec<_>>());
        assert_eq!(seen.get(), 3);
    });
}

#[test]
fn a_builder_stacks_layers_over_a_local_state() {
    run_real(async {
        let count = Rc::new(Cell::new(0));
        let counted = Rc::clone(&count);
        let mut service = ServiceBuilder::new()
            .map_request(|n: u32| n + 1)
            .map_response(|text: String| text.len())
            .service(service_fn(move |n: u32| {
                counted.set(counted.get() + n);
                async move { Ok::<_, Infallible>("x".repeat(n as usize)) }
            }));
        assert_eq!(service.ready().await.unwrap().call(4).await.unwrap(), 5);
        assert_eq!(count.get(), 5);
    });
}
