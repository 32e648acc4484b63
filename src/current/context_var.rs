//! Context variables: asyncio's `ContextVar`. Owns the variable, its token, and what runs in a context; must not know
//! tasks, nor the loop that runs them.

use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::this_thread;
use crate::base::{Context, Identity, Value, VariableId};

/// The number of the variable that is used first next; 0 is none.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A variable with a value of its own in every task: asyncio's `ContextVar`.
///
/// A task starts with the values that its creator had, a callback with those at its registration; what either sets, the
/// others do not see: see [`Context`]. Outside tasks and callbacks a thread has a context too, which what it creates
/// there inherits from. A program that uses no variable pays nothing for them.
///
/// Best made a `static`: the variable is shared by all threads, its values never leave the one that sets them, so `T`
/// can be anything. (A `const` is another variable at each place that names it.)
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
    /// 0 until it is first used: a constant cannot count. Not its address, as it may be moved.
    id: AtomicU64,
    /// It holds no `T`, so it is for all threads whatever `T` is.
    _values: PhantomData<fn(T) -> T>,
}

/// What a variable was before it was set, for [`ContextVar::reset`]: asyncio's `Token`.
///
/// Dropping it leaves the variable as it is.
pub struct ContextToken<T> {
    id: VariableId,
    name: &'static str,
    context: Identity,
    before: Option<Value>,
    _value: PhantomData<T>,
}

impl<T: 'static> ContextVar<T> {
    /// A variable that is set nowhere. The name is for whoever debugs.
    pub const fn new(name: &'static str) -> Self {
        Self { name, id: AtomicU64::new(0), _values: PhantomData }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its value in this context, if it is set: asyncio's `get()`, with `None` for its `LookupError` and
    /// `get().unwrap_or(default)` for its `get(default)`.
    pub fn get(&self) -> Option<T>
    where
        T: Clone,
    {
        self.with(|value| Some(value?.clone()))
    }

    /// Shows its value in this context to `f`, for values that cannot be cloned. `f` may do anything, set this very
    /// variable included: it goes on seeing what it was shown.
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
        f(value.as_deref().and_then(|value| value.downcast_ref()))
    }

    /// Sets it in this context: for the rest of the running task or callback, and for what that creates from now on.
    /// The token takes it back.
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
        let (id, value) = (self.id(), Rc::new(value));
        let context = this_thread::writable_context();
        let before = context.replace(id, Some(value));
        ContextToken { id, name: self.name, context: context.identity(), before, _value: PhantomData }
    }

    /// Makes it what it was before the `set` that gave this token: asyncio's `reset()`.
    ///
    /// # Panics
    /// If the token is that of another variable, or was made in another context: in another task, or in a callback.
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
            0 => self.number(),
            id => id,
        }
    }

    /// Gives it its number. Another thread may be at it too: the first one's stands.
    #[cold]
    fn number(&self) -> VariableId {
        let fresh = NEXT.fetch_add(1, Ordering::Relaxed);
        self.id.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed).map_or_else(|id| id, |_| fresh)
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

/// A copy of the context that this code runs in: asyncio's `copy_context()`. Costs the same however many variables are
/// set.
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
    /// Runs `f` in this context: it sees what is set here, and what it sets stays here. asyncio's `run()`.
    ///
    /// In asyncio, a callback is given a context by an argument; here by a closure that enters it:
    /// `lp.call_soon(move || ctx.run(f))`. And a context may be entered again while it is, as that does no harm.
    ///
    /// # Panics
    /// If `f` does; this thread is back in its own context then.
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        let _inside = Inside::enter(self.clone());
        f()
    }

    /// The value of a variable in this context, if it is set here: asyncio's `ctx.get(var)`.
    pub fn get<T: Clone + 'static>(&self, variable: &ContextVar<T>) -> Option<T> {
        let value = self.value(variable.id());
        value.as_deref().and_then(|value| value.downcast_ref()).cloned()
    }
}

/// This thread is in a context while this lives.
struct Inside {
    outside: Option<Context>,
}

impl Inside {
    fn enter(context: Context) -> Self {
        Self { outside: this_thread::swap_context(Some(context)) }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        drop(this_thread::swap_context(self.outside.take()));
    }
}
