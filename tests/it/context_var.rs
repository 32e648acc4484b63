//! Context variables: set, read and reset, in a context, a task, a callback; and what becomes of their values.
//!
//! Who inherits what, turn by turn and as in CPython, is in `tests/ticks/context_var.rs`.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use futures::future::join;
use oneloop::{
    Context, ContextToken, ContextVar, Error, EventLoop, Handle, LoopHandle, TaskHandle, catch_cancelled, copy_context,
    create_task, current_task, gather, sleep, task_group, yield_now,
};

use crate::support::{Bomb, panic_of, real_loop, reports_as, run, virtual_loop};

/// Notes the value that a variable has when this is dropped.
struct NotesWhenDropped {
    variable: &'static ContextVar<i32>,
    noted: Rc<RefCell<Vec<Option<i32>>>>,
}

impl Drop for NotesWhenDropped {
    fn drop(&mut self) {
        self.noted.borrow_mut().push(self.variable.get());
    }
}

/// Sets a variable when it is dropped.
struct SetsWhenDropped(&'static ContextVar<i32>, i32);

impl Drop for SetsWhenDropped {
    fn drop(&mut self) {
        self.0.set(self.1);
    }
}

// The variable.

#[test]
fn a_variable_is_what_it_was_set_to() {
    static VAR: ContextVar<String> = ContextVar::new("var");
    assert_eq!(VAR.get(), None);
    VAR.set("a".to_owned());
    assert_eq!(VAR.get().as_deref(), Some("a"));
    VAR.set("b".to_owned());
    assert_eq!(VAR.get().as_deref(), Some("b"));
}

#[test]
fn reset_takes_a_set_back() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    let first = VAR.set(42);
    let second = VAR.set(43);
    VAR.reset(second);
    assert_eq!(VAR.get(), Some(42));
    VAR.set(44);
    VAR.reset(first);
    assert_eq!(VAR.get(), None);
}

#[test]
fn tokens_may_be_used_in_any_order() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    let (first, second) = (VAR.set(1), VAR.set(2));
    VAR.reset(first);
    assert_eq!(VAR.get(), None);
    VAR.reset(second);
    assert_eq!(VAR.get(), Some(1));
}

#[test]
fn reset_by_a_token_of_another_variable_panics() {
    static ONE: ContextVar<i32> = ContextVar::new("one");
    static TWO: ContextVar<i32> = ContextVar::new("two");
    let token = ONE.set(42);
    assert_eq!(
        panic_of(|| TWO.reset(token)),
        "this token is of the variable `one`, so it cannot reset `two`; give it to `one.reset()`"
    );
    assert_eq!((ONE.get(), TWO.get()), (Some(42), None));
}

#[test]
fn reset_in_another_context_panics() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    let ctx = Context::new();
    let token = ctx.run(|| VAR.set(1));
    let text = panic_of(|| VAR.reset(token));
    assert_eq!(
        text,
        "this token of the variable `var` was made in another context, so it cannot reset it in this one; reset it in \
         the task or callback that set it, or in the Context::run that did"
    );
    assert_eq!((VAR.get(), ctx.get(&VAR)), (None, Some(1)));
}

#[test]
fn reset_by_a_child_of_the_task_that_set_it_panics() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    run(async {
        let token = VAR.set(1);
        let text = create_task(async { panic_of(|| VAR.reset(token)) }).await;
        assert!(text.contains("was made in another context"), "{text}");
    });
}

#[test]
fn reset_in_a_later_step_of_the_task_that_set_it() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    run(async {
        let token = VAR.set(1);
        yield_now().await;
        VAR.reset(token);
        assert_eq!(VAR.get(), None);
    });
}

#[test]
fn a_value_that_cannot_be_cloned_is_shown() {
    struct Large(i32);
    static VAR: ContextVar<Large> = ContextVar::new("var");
    assert!(VAR.with(|value| value.is_none()));
    VAR.set(Large(7));
    assert_eq!(VAR.with(|value| value.unwrap().0), 7);
}

#[test]
fn a_value_that_is_shown_stays_while_the_variable_is_set_and_reset() {
    static VAR: ContextVar<Vec<i32>> = ContextVar::new("var");
    VAR.set(vec![1]);
    VAR.with(|shown| {
        let token = VAR.set(vec![2]);
        assert_eq!(VAR.get(), Some(vec![2]));
        VAR.reset(token);
        drop(VAR.set(vec![3]));
        assert_eq!(shown, Some(&vec![1]));
    });
    assert_eq!(VAR.get(), Some(vec![3]));
}

#[test]
fn a_variable_may_be_moved() {
    let var = ContextVar::new("var");
    let untouched = Box::new(ContextVar::<i32>::new("var"));
    var.set(1);
    let var = Box::new(var);
    assert_eq!((var.get(), untouched.get()), (Some(1), None));
}

#[test]
fn a_variable_of_one_thread_is_not_set_in_another() {
    static VAR: ContextVar<Rc<i32>> = ContextVar::new("var"); // for all threads, whatever its values are
    VAR.set(Rc::new(1));
    let there = thread::spawn(|| {
        let before = VAR.get().is_none();
        VAR.set(Rc::new(2));
        before
    });
    assert!(there.join().unwrap());
    assert_eq!(VAR.get().as_deref(), Some(&1));
}

#[test]
fn a_variable_that_threads_begin_to_use_at_once_is_one() {
    const THREADS: i32 = 4;
    for _ in 0..50 {
        let (var, barrier) = (Arc::new(ContextVar::new("var")), Arc::new(Barrier::new(4)));
        let threads: Vec<_> = (0..THREADS)
            .map(|n| {
                let (var, barrier) = (Arc::clone(&var), Arc::clone(&barrier));
                thread::spawn(move || {
                    barrier.wait();
                    let token = var.set(n);
                    barrier.wait();
                    let seen = var.get();
                    var.reset(token);
                    (seen, var.get())
                })
            })
            .collect();
        let seen: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert_eq!(seen, (0..THREADS).map(|n| (Some(n), None)).collect::<Vec<_>>());
    }
}

#[test]
fn many_variables_keep_their_values_apart() {
    let variables: Vec<ContextVar<usize>> = (0..100).map(|_| ContextVar::new("one of many")).collect();
    let tokens: Vec<ContextToken<usize>> = variables.iter().enumerate().rev().map(|(n, var)| var.set(n)).collect();
    assert!(variables.iter().enumerate().all(|(n, var)| var.get() == Some(n)));
    for (n, token) in tokens.into_iter().enumerate().filter(|(n, _)| n % 2 == 0) {
        variables[99 - n].reset(token);
    }
    assert!(variables.iter().enumerate().all(|(n, var)| var.get() == (n % 2 == 0).then_some(n)));
}

#[test]
fn a_variable_a_token_and_a_context_can_be_shown() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    let ctx = Context::new();
    let token = ctx.run(|| VAR.set(1));
    assert_eq!(VAR.name(), "var");
    assert_eq!(format!("{VAR:?}"), "ContextVar { name: \"var\", .. }");
    assert_eq!(format!("{token:?}"), "ContextToken { variable: \"var\", .. }");
    assert_eq!(format!("{ctx:?}"), "Context { set: 1, .. }");
}

// The context.

#[test]
fn what_is_set_in_a_context_stays_there() {
    static VAR: ContextVar<&str> = ContextVar::new("var");
    let (one, two) = (Context::new(), Context::new());
    let seen = one.run(|| {
        assert_eq!(VAR.get(), None);
        VAR.set("spam");
        assert_eq!(two.run(|| VAR.get()), None);
        (VAR.get(), one.get(&VAR), copy_context().get(&VAR))
    });
    assert_eq!(seen, (Some("spam"), Some("spam"), Some("spam")));
    assert_eq!((VAR.get(), one.get(&VAR), two.get(&VAR)), (None, Some("spam"), None));
    assert_eq!(one.run(|| VAR.get()), Some("spam"));
}

#[test]
fn a_panic_leaves_the_context() {
    static VAR: ContextVar<&str> = ContextVar::new("var");
    let ctx = Context::new();
    let text = panic_of(|| {
        ctx.run(|| {
            VAR.set("spam");
            panic!("{}", "out of it")
        });
    });
    assert_eq!((text.as_str(), VAR.get(), ctx.get(&VAR)), ("out of it", None, Some("spam")));
}

#[test]
fn a_context_may_be_entered_again() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    let ctx = Context::new();
    ctx.run(|| {
        VAR.set(1);
        let token = ctx.run(|| VAR.set(2)); // CPython raises RuntimeError
        assert_eq!(VAR.get(), Some(2));
        VAR.reset(token);
        assert_eq!(VAR.get(), Some(1));
    });
    assert_eq!((VAR.get(), ctx.get(&VAR)), (None, Some(1)));
}

#[test]
fn a_copy_goes_its_own_way() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    let one = Context::new();
    one.run(|| {
        VAR.set(10);
        let two = one.copy();
        VAR.set(20);
        assert_eq!((one.get(&VAR), two.get(&VAR)), (Some(20), Some(10)));
        two.run(|| {
            assert_eq!(VAR.get(), Some(10));
            VAR.set(30);
        });
        assert_eq!((one.get(&VAR), two.get(&VAR), VAR.get()), (Some(20), Some(30), Some(20)));
    });
}

#[test]
fn a_clone_is_the_same_context_and_a_copy_another() {
    let ctx = Context::new();
    assert_eq!(ctx.clone(), ctx);
    assert_ne!(ctx.copy(), ctx);
    assert_ne!(copy_context(), copy_context());
}

#[test]
fn a_value_goes_when_the_last_context_that_has_it_does() {
    static VAR: ContextVar<Rc<()>> = ContextVar::new("var");
    let witness = Rc::new(());
    let ctx = Context::new();
    let token = ctx.run(|| VAR.set(Rc::clone(&witness)));
    let copy = ctx.copy();
    drop(ctx);
    assert_eq!(Rc::strong_count(&witness), 2);
    copy.run(|| {
        VAR.set(Rc::default());
    });
    assert_eq!(Rc::strong_count(&witness), 1);
    drop(token); // a token keeps no context
}

#[test]
fn destructors_of_values_may_use_variables() {
    static VAR: ContextVar<SetsWhenDropped> = ContextVar::new("var");
    static SEEN: ContextVar<i32> = ContextVar::new("seen");
    let ctx = Context::new();
    ctx.run(|| {
        let token = VAR.set(SetsWhenDropped(&SEEN, 1));
        VAR.reset(token);
        assert_eq!(SEEN.get(), Some(1));
        drop(VAR.set(SetsWhenDropped(&SEEN, 2)));
        drop(VAR.set(SetsWhenDropped(&SEEN, 3)));
        assert_eq!(SEEN.get(), Some(2));
    });
    drop(ctx);
    assert_eq!(SEEN.get(), Some(3)); // where it was dropped
}

#[test]
fn destructors_at_the_end_of_a_thread_find_no_context() {
    static VAR: ContextVar<SetsWhenDropped> = ContextVar::new("var");
    static SEEN: ContextVar<i32> = ContextVar::new("seen");
    struct Last(Arc<Barrier>);
    impl Drop for Last {
        fn drop(&mut self) {
            let token = SEEN.set(1);
            assert_eq!(SEEN.get(), None);
            drop(token);
            assert_eq!(Context::new().run(|| SEEN.get()), None);
            self.0.wait();
        }
    }
    static LAST: ContextVar<Last> = ContextVar::new("last");
    let barrier = Arc::new(Barrier::new(2));
    let theirs = Arc::clone(&barrier);
    let thread = thread::spawn(move || {
        VAR.set(SetsWhenDropped(&SEEN, 1));
        LAST.set(Last(theirs));
    });
    barrier.wait(); // it was dropped, and got that far
    thread.join().unwrap();
}

// Tasks: CPython's test_context_1 to 6, and what they leave open.

#[test]
fn context_1_a_task_and_its_creator_set_a_variable_apart() {
    static VAR: ContextVar<&str> = ContextVar::new("cvar");
    run(async {
        let sub = create_task(async {
            sleep(Duration::from_millis(10)).await;
            assert_eq!(VAR.get(), None);
            VAR.set("something else");
        });
        VAR.set("yes");
        sub.await;
        assert_eq!(VAR.get(), Some("yes"));
    });
    assert_eq!(VAR.get(), None);
}

#[test]
fn context_2_a_done_callback_sets_a_variable_for_itself() {
    static VAR: ContextVar<String> = ContextVar::new("cvar");
    run(async {
        assert_eq!(VAR.get(), None);
        for j in 0..2 {
            let task = create_task(yield_now());
            task.handle().add_done_callback(|_| drop(VAR.set("something else".to_owned())));
            VAR.set(format!("yes{j}"));
            task.await;
            assert_eq!(VAR.get(), Some(format!("yes{j}")));
            for i in 0..3 {
                VAR.set(format!("yes{i}-{j}"));
                sleep(Duration::from_millis(1)).await;
                assert_eq!(VAR.get(), Some(format!("yes{i}-{j}")));
            }
        }
    });
    assert_eq!(VAR.get(), None);
}

#[test]
fn context_3_a_hundred_tasks_set_a_variable_apart() {
    static VAR: ContextVar<u64> = ContextVar::new("cvar");
    run(async {
        let children = (0..100).map(|child| async move {
            for i in 0..10 {
                VAR.set(child + i);
                sleep(Duration::from_millis(1 + (child * 7 + i * 3) % 50)).await;
                assert_eq!(VAR.get(), Some(child + i));
            }
        });
        gather(children).await;
        assert_eq!(VAR.get(), None);
    });
    assert_eq!(VAR.get(), None);
}

async fn set_after_a_turn(variable: &'static ContextVar<i32>, value: i32) {
    yield_now().await;
    variable.set(value);
}

#[test]
fn context_4_to_6_tasks_are_given_a_context() {
    static VAR: ContextVar<i32> = ContextVar::new("cvar");
    let seen = run(async {
        let ctx = copy_context();
        let before = ctx.get(&VAR);
        create_task(set_after_a_turn(&VAR, 1)).in_context(&ctx).await;
        let after_one = ctx.get(&VAR);
        EventLoop::current().create_task(set_after_a_turn(&VAR, 2)).in_context(&ctx).await;
        [before, after_one, ctx.get(&VAR), VAR.get()]
    });
    assert_eq!(seen, [None, Some(1), Some(2), None]);
}

#[test]
fn taskgroup_task_context_a_child_of_a_group_is_given_a_context() {
    static VAR: ContextVar<i32> = ContextVar::new("cvar");
    async fn body(value: i32) -> Result<(), &'static str> {
        set_after_a_turn(&VAR, value).await;
        Ok(())
    }
    run(async {
        let ended = task_group(async |g| {
            let ctx = copy_context();
            g.create_task(body(1)).in_context(&ctx).await;
            assert_eq!(ctx.get(&VAR), Some(1));
            g.create_task(body(2)).in_context(&ctx).await;
            assert_eq!(ctx.get(&VAR), Some(2));
            Ok(())
        });
        assert_eq!(ended.await.ok(), Some(()));
        assert_eq!(VAR.get(), None);
    });
}

#[test]
fn run_keeps_context_runs_in_one_context_see_what_earlier_ones_set() {
    static VAR: ContextVar<i32> = ContextVar::new("cvar");
    async fn set(value: i32) -> Option<i32> {
        let old = VAR.get();
        yield_now().await;
        VAR.set(value);
        old
    }
    let (lp, ctx) = (virtual_loop(), copy_context());
    let run_there = |value| lp.run_until_complete(lp.create_task(set(value)).in_context(&ctx)).unwrap();
    assert_eq!((run_there(1), run_there(2), ctx.get(&VAR)), (None, Some(1), Some(2)));
    // a run that is given none has a copy of the thread's
    assert_eq!(lp.run_until_complete(set(3)).unwrap(), None);
    assert_eq!(lp.run_until_complete(set(4)).unwrap(), None);
}

#[test]
fn a_context_may_be_given_to_a_task_while_it_is_entered() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    let (lp, ctx) = (virtual_loop(), Context::new());
    ctx.run(|| {
        VAR.set(1);
        lp.run_until_complete(lp.create_task(set_after_a_turn(&VAR, 2)).in_context(&ctx)).unwrap();
        assert_eq!(VAR.get(), Some(2));
    });
}

#[test]
fn a_task_is_given_no_context_once_it_has_begun() {
    run(async {
        let task = create_task(pending::<()>());
        yield_now().await;
        let text = panic_of(|| drop(task.in_context(&Context::new())));
        assert!(text.contains("a task that has begun keeps its context"), "{text}");
    });
}

#[test]
fn an_empty_context_given_to_a_task_hides_what_is_set() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    run(async {
        VAR.set(1);
        assert_eq!(create_task(async { VAR.get() }).in_context(&Context::new()).await, None);
        assert_eq!(create_task(async { VAR.get() }).await, Some(1));
    });
}

#[test]
fn coroutines_that_one_task_polls_share_its_context() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    run(async {
        let second = async {
            yield_now().await;
            VAR.get()
        };
        let ((), seen) = join(set_after_a_turn(&VAR, 1), second).await;
        assert_eq!((seen, VAR.get()), (Some(1), Some(1)));
    });
}

#[test]
fn a_child_that_a_limit_holds_back_has_the_context_of_the_gather() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    run(async {
        VAR.set(1);
        let children = gather((0..3).map(|n| async move {
            let seen = VAR.get();
            VAR.set(10 + n);
            yield_now().await;
            seen
        }));
        let children = children.limit(1);
        VAR.set(2);
        assert_eq!(children.await, [Some(1), Some(1), Some(1)]);
    });
}

#[test]
fn a_task_made_before_anything_is_set_sees_nothing() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    thread::spawn(|| {
        let lp = virtual_loop();
        let seen = Rc::new(Cell::new(Some(0)));
        let (task, noted) = (lp.create_task(async { VAR.get() }), Rc::clone(&seen));
        lp.call_soon(move || noted.set(VAR.get()));
        VAR.set(1);
        assert_eq!((lp.run_until_complete(task).unwrap(), seen.get(), VAR.get()), (None, None, Some(1)));
    })
    .join()
    .unwrap();
}

#[test]
fn the_first_to_set_a_variable_on_a_thread_sets_it_for_itself() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    let seen = |first: fn(&EventLoop)| {
        let there = thread::spawn(move || {
            let lp = virtual_loop();
            first(&lp);
            (lp.run_until_complete(async { VAR.get() }).unwrap(), VAR.get())
        });
        there.join().unwrap()
    };
    assert_eq!(seen(|lp| drop(lp.call_soon(|| VAR.set(1)))), (None, None));
    assert_eq!(seen(|lp| drop(lp.create_task(async { VAR.set(2) }))), (None, None));
}

#[test]
fn a_main_future_that_borrows_has_a_context() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    let ctx = Context::new();
    let mut seen = None;
    ctx.run(|| {
        VAR.set(1);
        virtual_loop().run_until_complete(async { seen = VAR.get() }).unwrap();
    });
    assert_eq!(seen, Some(1));
}

// Destructors.

/// A coroutine that sets the variable, and notes it when it is dropped.
async fn noting(variable: &'static ContextVar<i32>, noted: Rc<RefCell<Vec<Option<i32>>>>, value: i32) {
    let _notes = NotesWhenDropped { variable, noted };
    variable.set(value);
    sleep(Duration::from_secs(value.unsigned_abs().into())).await;
}

#[test]
fn destructors_of_a_coroutine_run_in_its_context() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    let noted = Rc::default();
    let lp = virtual_loop();
    lp.run_until_complete(async {
        create_task(noting(&VAR, Rc::clone(&noted), 1)).await;
        let cancelled = create_task(noting(&VAR, Rc::clone(&noted), 2));
        yield_now().await;
        cancelled.cancel();
        assert!(catch_cancelled(cancelled).await.is_err());
        VAR.set(3);
        let held = NotesWhenDropped { variable: &VAR, noted: Rc::clone(&noted) };
        let unbegun = create_task(async move { drop(held) });
        VAR.set(4);
        unbegun.cancel();
        assert!(catch_cancelled(unbegun).await.is_err());
        create_task(noting(&VAR, Rc::clone(&noted), 5));
        yield_now().await;
    })
    .unwrap();
    lp.close().unwrap();
    assert_eq!(*noted.borrow(), [Some(1), Some(2), Some(3), Some(5)]);
}

#[test]
fn destructors_of_a_main_future_that_is_stopped_run_in_its_context() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    let (lp, noted) = (virtual_loop(), Rc::default());
    lp.call_soon(|| EventLoop::current().stop());
    assert!(matches!(lp.run_until_complete(noting(&VAR, Rc::clone(&noted), 1)), Err(Error::Stopped)));
    assert_eq!((&*noted.borrow(), VAR.get()), (&vec![Some(1)], None));
}

#[test]
fn values_go_with_their_task() {
    static VAR: ContextVar<Rc<()>> = ContextVar::new("var");
    let witness = Rc::new(());
    run(async {
        let set = Rc::clone(&witness);
        let task = create_task(async move {
            VAR.set(set);
            yield_now().await;
        });
        yield_now().await;
        assert_eq!(Rc::strong_count(&witness), 2);
        yield_now().await;
        assert!(task.done());
        assert_eq!(Rc::strong_count(&witness), 1); // though there is a handle
    });
}

#[test]
fn values_go_with_their_callback() {
    static VAR: ContextVar<Rc<()>> = ContextVar::new("var");
    let witness = Rc::new(());
    let lp = virtual_loop();
    let ctx = Context::new();
    ctx.run(|| VAR.set(Rc::clone(&witness)));
    let count = || Rc::strong_count(&witness);
    let (ran, cancelled, closed) =
        ctx.run(|| (lp.call_soon(|| ()), lp.call_later(Duration::from_secs(1), || ()), lp.call_soon(|| ())));
    drop(ctx);
    assert_eq!(count(), 2);
    drop((ran, closed));
    cancelled.cancel();
    lp.run_until_complete(yield_now()).unwrap();
    assert_eq!(count(), 1);
}

#[test]
fn values_go_with_the_loop() {
    static VAR: ContextVar<Rc<()>> = ContextVar::new("var");
    let (lp, witness) = (virtual_loop(), Rc::new(()));
    let (of_task, of_callback) = (Rc::clone(&witness), Rc::clone(&witness));
    let task = lp.create_task(async move {
        VAR.set(of_task);
        EventLoop::current().call_later(Duration::from_secs(9), || ());
        pending::<()>().await;
    });
    lp.call_soon(move || {
        VAR.set(of_callback);
        EventLoop::current().call_later(Duration::from_secs(9), || ());
    });
    lp.run_until_complete(yield_now()).unwrap();
    assert_eq!(Rc::strong_count(&witness), 3);
    lp.close().unwrap();
    assert_eq!(Rc::strong_count(&witness), 1);
    drop(task);
}

#[test]
fn a_value_that_holds_its_own_task_makes_no_circle() {
    static VAR: ContextVar<(TaskHandle, Rc<()>)> = ContextVar::new("var");
    let witness = Rc::new(());
    let set = Rc::clone(&witness);
    run(async move {
        create_task(async move {
            VAR.set((current_task().expect("inside a task"), set));
        })
        .await;
    });
    assert_eq!(Rc::strong_count(&witness), 1);
}

#[test]
fn what_the_destructor_of_a_value_sets_reaches_no_task() {
    static VAR: ContextVar<SetsWhenDropped> = ContextVar::new("var");
    static SEEN: ContextVar<i32> = ContextVar::new("seen");
    thread::spawn(|| {
        let later = run(async {
            create_task(async {
                VAR.set(SetsWhenDropped(&SEEN, 1));
            });
            EventLoop::current().call_soon(|| {
                VAR.set(SetsWhenDropped(&SEEN, 2));
            });
            yield_now().await;
            let seen = create_task(async { SEEN.get() }).await;
            (seen, SEEN.get())
        });
        assert_eq!(later, (None, None));
    })
    .join()
    .unwrap();
}

#[test]
fn a_value_that_panics_when_it_is_dropped_is_reported() {
    static VAR: ContextVar<Bomb> = ContextVar::new("var");
    let lp = virtual_loop();
    let reports = reports_as(&lp, |context| context.message);
    lp.call_soon(|| drop(VAR.set(Bomb)));
    lp.run_until_complete(async {
        create_task(async { drop(VAR.set(Bomb)) });
        yield_now().await;
        yield_now().await;
        create_task(async {
            VAR.set(Bomb);
            pending::<()>().await;
        });
        yield_now().await;
    })
    .unwrap();
    lp.close().unwrap();
    assert_eq!(*reports.borrow(), ["Exception in destructor"; 3]);
}

#[test]
fn a_panic_of_a_callback_leaves_its_context() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    let lp = virtual_loop();
    let reports = reports_as(&lp, |context| (context.message, VAR.get()));
    Context::new().run(|| {
        VAR.set(1);
        lp.call_soon(|| panic!("{:?}", VAR.set(VAR.get().unwrap() + 1)));
        lp.call_soon(|| panic!("{:?}", VAR.get()));
    });
    lp.run_until_complete(async { assert_eq!(VAR.get(), None) }).unwrap();
    assert_eq!(*reports.borrow(), [("Exception in callback", Some(2)), ("Exception in callback", Some(1))]);
}

#[test]
#[cfg(unix)]
fn a_reader_runs_in_the_context_of_its_registration_and_keeps_what_it_sets() {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    static SEEN: ContextVar<u32> = ContextVar::new("seen");
    let lp = real_loop();
    lp.run_until_complete(async {
        let (mut left, right) = UnixStream::pair().unwrap();
        left.write_all(b"x").unwrap();
        SEEN.set(10);
        let log = Rc::new(RefCell::new(Vec::new()));
        let noted = Rc::clone(&log);
        let reader = EventLoop::current().add_reader(&right, move || {
            let seen = SEEN.get().unwrap();
            noted.borrow_mut().push(seen);
            SEEN.set(seen + 1);
        });
        SEEN.set(0);
        while log.borrow().len() < 3 {
            yield_now().await;
        }
        reader.unwrap().cancel();
        assert_eq!(log.borrow()[..3], [10, 11, 12]);
        assert_eq!(SEEN.get(), Some(0));
    })
    .unwrap();
}

#[test]
#[cfg(unix)]
fn a_reader_that_is_registered_in_an_empty_context_keeps_what_it_sets() {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    static CALLS: ContextVar<u32> = ContextVar::new("calls");
    let calls = |uses_contexts_before: bool| {
        let lp = real_loop();
        if uses_contexts_before {
            CALLS.reset(CALLS.set(0));
        }
        let (mut left, right) = UnixStream::pair().unwrap();
        left.write_all(b"x").unwrap();
        let log = Rc::new(RefCell::new(Vec::new()));
        let (noted, stopper) = (Rc::clone(&log), lp.clone());
        let reader = lp.add_reader(&right, move || {
            let call = CALLS.get().unwrap_or_default() + 1;
            CALLS.set(call);
            noted.borrow_mut().push(call);
            match call {
                2 => panic!("what was set before is kept"),
                4 => stopper.stop(),
                _ => {}
            }
        });
        let reader = reader.unwrap();
        lp.set_exception_handler(|_| {});
        lp.run_forever().unwrap();
        assert_eq!(reader.get_context().and_then(|context| context.get(&CALLS)), Some(4));
        assert_eq!(CALLS.get(), None, "it is the callback's own");
        lp.close().unwrap(); // the reader holds the loop that holds it
        log.take()
    };
    // a new thread has not used any variable
    let first_use = thread::spawn(move || calls(false)).join().unwrap();
    assert_eq!((first_use, calls(true)), (vec![1, 2, 3, 4], vec![1, 2, 3, 4]));
}

#[test]
fn what_is_sent_from_the_loops_own_thread_runs_in_a_copy_of_the_senders_context() {
    static SENT: ContextVar<u8> = ContextVar::new("sent");
    run(async {
        let log: Arc<Mutex<Vec<_>>> = Arc::default();
        let handle = LoopHandle::current();
        let note = |log: &Arc<Mutex<Vec<_>>>, name: &'static str| {
            let log = Arc::clone(log);
            move || log.lock().expect("no test panics").push((name, SENT.get()))
        };
        drop(SENT.set(1));
        let (first, coroutine) = (note(&log, "callback"), note(&log, "coroutine"));
        handle
            .call_soon_threadsafe(move || {
                first();
                drop(SENT.set(9));
            })
            .expect("it is open");
        let asked = handle.run_coroutine_threadsafe(move || async move { coroutine() }).expect("it is open");
        handle.call_soon_threadsafe(note(&log, "cancelled")).expect("it is open").cancel();
        drop(SENT.set(2));
        let (other, elsewhere) = (handle.clone(), note(&log, "another thread"));
        let sent = thread::spawn(move || drop(other.call_soon_threadsafe(elsewhere)));
        sent.join().expect("it sends");
        asked.await.expect("it returns");
        let expected = [("callback", Some(1)), ("another thread", None), ("coroutine", Some(1))];
        assert_eq!(*log.lock().expect("no test panics"), expected);
        assert_eq!(SENT.get(), Some(2));
    });
}

// Asking for a context.

#[test]
fn the_context_of_a_task_is_the_one_that_it_was_given() {
    let ctx = Context::new();
    let task = run(async {
        let task = create_task(yield_now()).in_context(&ctx);
        assert_eq!(task.get_context(), Some(ctx.clone()));
        yield_now().await;
        assert_eq!(task.get_context(), Some(ctx.clone()));
        task.await;
        current_task()
    });
    assert_eq!(task.expect("inside a task").get_context(), None, "it has ended");
}

#[test]
fn the_context_of_a_task_is_one_and_the_same_at_any_time() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    run(async {
        let me = current_task().expect("inside a task");
        let before = me.get_context().expect("it runs");
        VAR.set(1);
        assert_eq!(before.get(&VAR), Some(1));
        let task = create_task(async {
            VAR.set(2);
            yield_now().await;
            VAR.set(3);
        });
        let of_task = task.get_context().expect("it has not begun");
        assert_eq!(of_task.get(&VAR), Some(1), "a copy of its creator's");
        yield_now().await;
        assert_eq!((of_task.get(&VAR), task.get_context()), (Some(2), Some(of_task.clone())));
        task.await;
        assert_eq!(of_task.get(&VAR), Some(3));
        assert_eq!((VAR.get(), me.get_context()), (Some(1), Some(before)));
    });
}

#[test]
fn the_context_of_a_task_that_sets_its_first_variable_later() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    run(async {
        let task = create_task(async {
            yield_now().await;
            VAR.set(1);
        });
        yield_now().await;
        let ctx = task.get_context().expect("it waits");
        assert_eq!(ctx.get(&VAR), None);
        task.await;
        assert_eq!(ctx.get(&VAR), Some(1));
    });
}

#[test]
fn a_task_that_runs_in_another_context_for_a_moment_keeps_its_own() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    run(async {
        VAR.set(1);
        yield_now().await;
        let me = current_task().expect("inside a task");
        let seen = Context::new().run(|| me.get_context());
        assert_eq!(seen.and_then(|ctx| ctx.get(&VAR)), Some(1));
        let of_creator = create_task(async move { me.get_context() }).eager().await;
        assert_eq!(of_creator.and_then(|ctx| ctx.get(&VAR)), Some(1));
    });
}

#[test]
fn the_context_of_a_callback_is_the_copy_in_which_it_will_run() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    run(async {
        let lp = EventLoop::current();
        VAR.set(1);
        let soon = lp.call_soon(|| VAR.set(2));
        let later = lp.call_later(Duration::from_secs(1), || unreachable!());
        VAR.set(3);
        let (of_soon, of_later) = (soon.get_context().expect("queued"), later.get_context().expect("set"));
        assert_eq!((of_soon.get(&VAR), of_later.get(&VAR)), (Some(1), Some(1)));
        assert_eq!(soon.get_context(), Some(of_soon.clone()));
        yield_now().await;
        assert_eq!((of_soon.get(&VAR), soon.get_context()), (Some(2), None));
        later.cancel();
        assert_eq!(later.get_context(), None);
        assert_eq!(VAR.get(), Some(3));
    });
}

#[test]
fn the_context_of_a_callback_without_a_value_is_kept_once_it_was_asked_for() {
    static VAR: ContextVar<i32> = ContextVar::new("var");
    Context::new().run(|| VAR.set(0)); // from here on this thread uses variables
    run(async {
        let handle = EventLoop::current().call_soon(|| VAR.set(1));
        let ctx = handle.get_context().expect("queued");
        assert_eq!(handle.get_context(), Some(ctx.clone()));
        yield_now().await;
        assert_eq!(ctx.get(&VAR), Some(1));
    });
}

#[test]
#[cfg(unix)]
fn the_context_of_a_reader_is_the_same_at_each_call() {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    static VAR: ContextVar<i32> = ContextVar::new("var");
    run(async {
        let (mut theirs, ours) = UnixStream::pair().expect("a pair");
        let (seen, handle) = (Rc::new(RefCell::new(Vec::new())), Rc::new(Cell::new(None::<Handle>)));
        VAR.set(0);
        let noted = seen.clone();
        let reader = EventLoop::current().add_reader(&ours, move || {
            VAR.set(VAR.get().unwrap_or(0) + 1);
            noted.borrow_mut().push(copy_context().get(&VAR));
        });
        handle.set(Some(reader.expect("it can be watched")));
        let handle = handle.take().expect("it was set");
        let ctx = handle.get_context().expect("it is not called now");
        theirs.write_all(b"x").expect("there is room");
        while seen.borrow().len() < 2 {
            yield_now().await;
        }
        assert_eq!(ctx.get(&VAR), *seen.borrow().last().expect("it was called"));
        assert_eq!(handle.get_context(), Some(ctx));
        EventLoop::current().remove_reader(&ours);
        assert_eq!(handle.get_context(), None);
    });
}
