//! smoke
use oneloop::*;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

#[test]
fn basics() {
    let v = run(async {
        let t = create_task(async {
            sleep(Duration::from_millis(2)).await;
            5
        });
        t.await
    })
    .unwrap();
    assert_eq!(v, 5);
}

#[test]
fn gathers() {
    let lp = EventLoop::builder().clock(Clock::Virtual).build().unwrap();
    let v = lp
        .run_until_complete(async {
            gather((0..10u64).map(|i| async move {
                sleep(Duration::from_millis(10 - i)).await;
                i
            }))
            .await
        })
        .unwrap();
    assert_eq!(v, (0..10).collect::<Vec<_>>());
    let v: Result<Vec<u64>, u64> = lp
        .run_until_complete(async {
            try_gather((0..10u64).map(|i| async move {
                sleep(Duration::from_millis(10 - i)).await;
                if i == 5 { Err(i) } else { Ok(i) }
            }))
            .await
        })
        .unwrap();
    assert_eq!(v, Err(5));
}

#[test]
fn cancel_chain_of_a_million() {
    let lp = EventLoop::builder().clock(Clock::Virtual).build().unwrap();
    let n = 1_000_000;
    let r = lp
        .run_until_complete(async {
            let mut t = create_task(async {
                sleep(Duration::from_secs(100)).await;
            });
            for _ in 0..n {
                let p = t;
                t = create_task(async move { p.await });
            }
            for _ in 0..3 {
                yield_now().await
            }
            assert!(t.cancel());
            t.outcome().await.is_err()
        })
        .unwrap();
    assert!(r);
}

#[test]
fn nested_gathers_100_000_deep() {
    let lp = EventLoop::builder().clock(Clock::Virtual).build().unwrap();
    for done in [false, true] {
        let v = lp
            .run_until_complete(async {
                let mut a = if done {
                    let f = create_future();
                    f.set_result(1).unwrap();
                    Awaitable::from(f)
                } else {
                    ensure_future(async {
                        yield_now().await;
                        1
                    })
                };
                for _ in 0..100_000 {
                    a = Awaitable::from(gather([a])).map(|v| v[0] + 1);
                }
                a.await
            })
            .unwrap();
        assert_eq!(v, 100_001);
        // cancelled
        lp.run_until_complete(async {
            let mut a = ensure_future(async {
                sleep(Duration::from_secs(1)).await;
                1
            });
            for _ in 0..100_000 {
                a = Awaitable::from(gather([a])).map(|v| v[0] + 1);
            }
            yield_now().await;
            assert!(a.cancel());
            assert!(a.outcome().await.is_err());
        })
        .unwrap();
        // dropped
        lp.run_until_complete(async {
            let mut a = ensure_future(async {
                sleep(Duration::from_secs(1)).await;
                1
            });
            for _ in 0..100_000 {
                a = Awaitable::from(gather([a])).map(|v| v[0] + 1);
            }
            yield_now().await;
            drop(a);
        })
        .unwrap();
    }
}

#[test]
fn order() {
    let log = Rc::new(RefCell::new(vec![]));
    let lp = EventLoop::builder().clock(Clock::Virtual).build().unwrap();
    let l = log.clone();
    lp.run_until_complete(async move {
        for i in 0..6 {
            let l = l.clone();
            drop(create_task(async move {
                yield_now().await;
                l.borrow_mut().push(i)
            }));
        }
        for _ in 0..4 {
            yield_now().await
        }
    })
    .unwrap();
    assert_eq!(*log.borrow(), [0, 1, 2, 3, 4, 5]);
}
