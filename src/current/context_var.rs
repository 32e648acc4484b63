//! Context variables: asyncio's `ContextVar`. Owns the variable, its token, and the way to run code in a context; must
//! not know tasks, nor the loop.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::this_thread;
use crate::base::{Context, ErasedValue, Identity, Parcel, Value, VariableId};

/// The id of a variable that has not been used yet.
const NO_ID: VariableId = 0;

/// The id for the next variable.
static NEXT_ID: AtomicU64 = AtomicU64::new(NO_ID + 1);

/// A variable with a value of its own in every task: asyncio's `ContextVar`.
///
/// A task starts with the values that its creator had, and a callback with the values at its registration. What a task
/// or a callback sets, the others do not see: see [`Context`]. Outside of tasks and callbacks, a thread has a context
/// too, and what is created there inherits from it. A program that uses no variable pays nothing for them.
///
/// A variable is best a `static`. All threads share the variable, but a value never leaves the thread that has set it,
/// so `T` can be any type. (A `const` would be a different variable at each place that names it.)
///
/// # Examples
/// ```
/// use oneloop::{ContextVar, create_task, run};
///
/// static REQUEST: ContextVar<u32> = ContextVar::new("request");
///
/// async fn log(line: &str) -> String {
///     format!("[{}] {line}", REQUEST.get().unwrap_or(0))
/// }
///
/// run(async {
///     let requests = [1, 2].map(|id| {
///         create_task(async move {
///             REQUEST.set(id);
///             create_task(log("accepted")).await // inherits it
///         })
///     });
///     let [one, two] = requests;
///     assert_eq!(one.await, "[1] accepted");
///     assert_eq!(two.await, "[2] accepted");
///     assert_eq!(log("idle").await, "[0] idle");
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
pub struct ContextVar<T> {
    name: &'static str,
    /// `NO_ID` until the variable is first used, because `new` is `const` and cannot count. The address of the variable
    /// would not do as an id, because a variable may be moved.
    id: AtomicU64,
    /// Erases the type of a value, for a context. The variable holds no `T`, so it is `Send` and `Sync` for any `T`.
    erase: fn(T) -> Value,
}

/// The value of a variable before it was set, for [`ContextVar::reset`]: asyncio's `Token`.
///
/// Dropping the token leaves the variable as it is.
///
/// # Examples
/// ```
/// use oneloop::{ContextVar, run};
///
/// run(async {
///     let depth = ContextVar::new("depth");
///     let token = depth.set(1);
///     assert_eq!(depth.get(), Some(1));
///     depth.reset(token);
///     assert_eq!(depth.get(), None);
/// })?;
/// # Ok::<(), oneloop::Error>(())
/// ```
pub struct ContextToken<T> {
    id: VariableId,
    name: &'static str,
    context: Identity,
    before: Option<Value>,
    _value: PhantomData<T>,
}

impl<T: 'static> ContextVar<T> {
    /// A variable that has no value in any context. The name is for debugging.
    pub const fn new(name: &'static str) -> Self {
        Self { name, id: AtomicU64::new(NO_ID), erase: |value| Rc::new(Plain(value)) }
    }

    /// As [`new`](Self::new), and a copy of the value goes along to other threads, as every variable of asyncio does:
    /// to the thread of [`to_thread`](fn@crate::to_thread), and with
    /// [`call_soon_threadsafe`](crate::LoopHandle::call_soon_threadsafe) and
    /// [`run_coroutine_threadsafe`](crate::LoopHandle::run_coroutine_threadsafe) back to a loop. What is set there, is
    /// set there alone. The value of any other variable stays on its thread.
    ///
    /// # Examples
    /// ```
    /// use oneloop::{ContextVar, run, to_thread};
    ///
    /// static REQUEST: ContextVar<u32> = ContextVar::new_send("request");
    ///
    /// let seen = run(async {
    ///     REQUEST.set(7);
    ///     to_thread(|| REQUEST.get()).await
    /// })?;
    /// assert_eq!(seen, Some(7));
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub const fn new_send(name: &'static str) -> Self
    where
        T: Clone + Send,
    {
        Self { name, id: AtomicU64::new(NO_ID), erase: |value| Rc::new(Sendable(value)) }
    }

    /// The name given to `new`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The value of the variable in the current context, or `None` if it is not set there: asyncio's `get()`. asyncio's
    /// `get(default)` is `get().unwrap_or(default)`.
    pub fn get(&self) -> Option<T>
    where
        T: Clone,
    {
        self.with(|value| Some(value?.clone()))
    }

    /// Shows the value of the variable in the current context to `f`. This is for values that cannot be cloned. `f` may
    /// do anything, and may even set this variable: the value that it was shown stays alive.
    ///
    /// # Examples
    /// ```
    /// use oneloop::ContextVar;
    ///
    /// static PATH: ContextVar<Vec<String>> = ContextVar::new("path");
    ///
    /// assert_eq!(PATH.with(|path| path.map_or(0, Vec::len)), 0);
    /// PATH.set(vec!["root".to_owned()]);
    /// assert_eq!(PATH.with(|path| path.map_or(0, Vec::len)), 1);
    /// ```
    pub fn with<R>(&self, f: impl FnOnce(Option<&T>) -> R) -> R {
        let value = this_thread::context_value(self.id());
        f(value.as_deref().and_then(|value| value.as_any().downcast_ref()))
    }

    /// Sets the variable in the current context: for the rest of the running task or callback, and for the tasks and
    /// callbacks that it creates from now on. With the token, [`reset`](Self::reset) restores the previous value.
    ///
    /// # Examples
    /// ```
    /// use oneloop::ContextVar;
    ///
    /// static DEPTH: ContextVar<u32> = ContextVar::new("depth");
    ///
    /// let token = DEPTH.set(1);
    /// assert_eq!(DEPTH.get(), Some(1));
    /// DEPTH.reset(token);
    /// assert_eq!(DEPTH.get(), None);
    /// ```
    pub fn set(&self, value: T) -> ContextToken<T> {
        let (id, value) = (self.id(), (self.erase)(value));
        let context = this_thread::writable_context();
        let before = context.replace(id, Some(value));
        ContextToken { id, name: self.name, context: context.identity(), before, _value: PhantomData }
    }

    /// Restores the value from before the `set` that returned this token: asyncio's `reset()`.
    ///
    /// # Panics
    /// If the token belongs to another variable, or was made in another context: in another task, or in a callback.
    #[track_caller]
    pub fn reset(&self, token: ContextToken<T>) {
        let name = self.name;
        assert!(
            token.id == self.id(),
            "this token is of the variable `{}`, so it cannot reset `{name}`; give it to `{}.reset()`",
            token.name,
            token.name,
        );
        let context = this_thread::writable_context();
        assert!(
            token.context.is(&context),
            "this token of the variable `{name}` was made in another context, so it cannot reset it in this one; \
             reset it in the task or callback that set it, or in the Context::run that did",
        );
        drop(context.replace(token.id, token.before));
    }

    fn id(&self) -> VariableId {
        match self.id.load(Ordering::Relaxed) {
            NO_ID => self.make_id(),
            id => id,
        }
    }

    /// Gives the variable an id. If two threads do so at once, the first id stands.
    #[cold]
    fn make_id(&self) -> VariableId {
        let fresh = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        self.id.compare_exchange(NO_ID, fresh, Ordering::Relaxed, Ordering::Relaxed).map_or_else(|id| id, |_| fresh)
    }
}

/// A value that stays on its thread.
struct Plain<T>(T);

impl<T: 'static> ErasedValue for Plain<T> {
    fn as_any(&self) -> &dyn Any {
        &self.0
    }

    fn parcel(&self) -> Option<Parcel> {
        None
    }
}

/// A value of which copies may go to other threads.
struct Sendable<T>(T);

impl<T: Clone + Send + 'static> ErasedValue for Sendable<T> {
    fn as_any(&self) -> &dyn Any {
        &self.0
    }

    fn parcel(&self) -> Option<Parcel> {
        let copy = self.0.clone();
        Some(Box::new(|| Rc::new(Self(copy))))
    }
}

/// The values of a context that go along to another thread.
#[derive(Default)]
pub(crate) struct CarriedContext {
    parcels: Vec<(VariableId, Parcel)>,
}

impl CarriedContext {
    /// Those of the context that this thread is in.
    pub(crate) fn current() -> Self {
        let context = this_thread::copy_thread_context();
        Self { parcels: context.map_or_else(Vec::new, |context| context.parcels()) }
    }

    /// Runs `f` on this thread, in a new context with the values that have come along.
    pub(crate) fn run<R>(self, f: impl FnOnce() -> R) -> R {
        let _entered = self.enter();
        f()
    }

    /// Enters the context with the values that have come along, if any has.
    fn enter(self) -> Option<EnteredContext> {
        if self.parcels.is_empty() {
            return None;
        }
        let context = Context::new();
        for (id, parcel) in self.parcels {
            context.replace(id, Some(parcel()));
        }
        Some(EnteredContext::enter(context))
    }
}

impl<T> fmt::Debug for ContextVar<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextVar").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for ContextToken<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextToken").field("variable", &self.name).finish_non_exhaustive()
    }
}

/// A copy of the current context: asyncio's `copy_context()`. Its cost does not depend on the number of variables.
///
/// # Examples
/// ```
/// use oneloop::{ContextVar, EventLoop, copy_context};
///
/// static LANGUAGE: ContextVar<&str> = ContextVar::new("language");
///
/// let ctx = copy_context();
/// ctx.run(|| LANGUAGE.set("en"));
/// let lp = EventLoop::new()?;
/// let task = lp.create_task(async { LANGUAGE.set("fr") }).in_context(&ctx);
/// lp.run_until_complete(task)?;
/// assert_eq!(ctx.get(&LANGUAGE), Some("fr")); // the task shared it
/// # Ok::<(), oneloop::Error>(())
/// ```
pub fn copy_context() -> Context {
    this_thread::copy_thread_context().unwrap_or_default()
}

impl Context {
    /// Runs `f` in this context: asyncio's `run()`. `f` sees the values of this context, and what it sets stays in it.
    ///
    /// In asyncio, a callback gets its context by an argument. Here a closure enters it:
    /// `lp.call_soon(move || ctx.run(f))`. A context may be entered again while it is entered, which asyncio refuses.
    ///
    /// # Panics
    /// If `f` panics. This thread is in its previous context again then.
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        let _entered = EnteredContext::enter(self.clone());
        f()
    }

    /// The value of a variable in this context, or `None` if it is not set there: asyncio's `ctx.get(var)`.
    pub fn get<T: Clone + 'static>(&self, variable: &ContextVar<T>) -> Option<T> {
        let value = self.value(variable.id());
        value.as_deref().and_then(|value| value.as_any().downcast_ref()).cloned()
    }
}

/// Until this is dropped, this thread is in a context.
struct EnteredContext {
    /// The context that the thread was in before.
    outside: Option<Context>,
}

impl EnteredContext {
    fn enter(context: Context) -> Self {
        Self { outside: this_thread::swap_context(Some(context)) }
    }
}

impl Drop for EnteredContext {
    fn drop(&mut self) {
        drop(this_thread::swap_context(self.outside.take()));
    }
}
