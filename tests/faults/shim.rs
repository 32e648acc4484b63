//! The process with the shim: how it is started, and what is measured around each scene in it. Must not know what a
//! scene does.
#![expect(unsafe_code, reason = "calls into the shim, and of getrusage")]

use std::env;
use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::mem::{MaybeUninit, transmute};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::again::this_test_again;
use crate::descriptors::open_descriptors;
use crate::heap::live_bytes;
use crate::skips::skip;

/// What a scene may use of the processor in a second.
const BUSY_MAX: Duration = Duration::from_millis(250);
/// What a scene that is played again may keep: the memory of a list that has doubled.
const SLACK: isize = 4_096;

/// Which call fails, and how often.
pub(crate) struct Fault {
    pub(crate) call: &'static CStr,
    pub(crate) errno: c_int,
    /// So many calls succeed first.
    pub(crate) after: c_long,
    pub(crate) every: c_long,
    /// Without end if negative.
    pub(crate) times: c_long,
}

type SetFault = unsafe extern "C" fn(*const c_char, c_int, c_long, c_long, c_long);
type SetShort = unsafe extern "C" fn(c_int);
type Made = unsafe extern "C" fn() -> c_long;

/// The calls of the shim.
pub(crate) struct Shim {
    fault: SetFault,
    short: SetShort,
    made: Made,
}

fn symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: a name with its end.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!found.is_null()).then_some(found)
}

impl Shim {
    /// `None` in a process without it.
    fn find() -> Option<Self> {
        let fault = symbol(c"oneloop_fault")?;
        let short = symbol(c"oneloop_short")?;
        let made = symbol(c"oneloop_faults_made")?;
        // SAFETY: in the shim, `shim.c`, this is such a function.
        let fault = unsafe { transmute::<*mut c_void, SetFault>(fault) };
        // SAFETY: as above.
        let short = unsafe { transmute::<*mut c_void, SetShort>(short) };
        // SAFETY: as above.
        let made = unsafe { transmute::<*mut c_void, Made>(made) };
        Some(Self { fault, short, made })
    }

    fn set(&self, fault: &Fault) {
        // SAFETY: the string is static.
        unsafe { (self.fault)(fault.call.as_ptr(), fault.errno, fault.after, fault.every, fault.times) }
    }

    fn set_short(&self, on: bool) {
        // SAFETY: a number.
        unsafe { (self.short)(c_int::from(on)) }
    }

    /// No call fails any more.
    fn clear(&self) {
        // SAFETY: a null pointer stands for no call.
        unsafe { (self.fault)(std::ptr::null(), 0, 0, 1, 0) }
    }

    /// How many calls have failed so far.
    fn made(&self) -> c_long {
        // SAFETY: it only reads.
        unsafe { (self.made)() }
    }
}

/// Ends the faults, also when what they are made for panics.
struct Clearing<'a>(&'a Shim);

impl Drop for Clearing<'_> {
    fn drop(&mut self) {
        self.0.set_short(false);
        self.0.clear();
    }
}

/// Lets a scene end the faults, and see that all is well again.
pub(crate) fn faults_end() {
    let shim = Shim::find().expect("a process with the shim");
    shim.clear();
}

/// In the process with the shim.
pub(crate) struct Scene {
    shim: Shim,
    played: u32,
}

impl Scene {
    /// Plays a scene under a fault, which must be met, and must leave nothing.
    pub(crate) fn play(&mut self, fault: &Fault, scene: impl Fn()) {
        let name = format!("{} with errno {}", fault.call.to_string_lossy(), fault.errno);
        let before = self.shim.made();
        Self::measured(&name, || {
            self.shim.set(fault);
            let _clearing = Clearing(&self.shim);
            scene();
        });
        assert!(self.shim.made() > before, "{name}: the scene does not meet it");
        self.played += 1;
    }

    /// Plays a scene in which reads and writes move one byte.
    pub(crate) fn play_short(&mut self, scene: impl Fn()) {
        Self::measured("one byte at a time", || {
            self.shim.set_short(true);
            let _clearing = Clearing(&self.shim);
            scene();
        });
        self.played += 1;
    }

    fn measured(name: &str, scene: impl Fn()) {
        let mut held = None;
        for _ in 0..4 {
            let (begun, busy) = (Instant::now(), processor_time());
            scene();
            let (took, busy) = (begun.elapsed(), processor_time().saturating_sub(busy));
            let allowed = BUSY_MAX.max(took.mul_f64(BUSY_MAX.as_secs_f64()));
            assert!(busy <= allowed, "{name}: {busy:?} of the processor in {took:?}: it spins");
            let now = (live_bytes().1, open_descriptors());
            let before = held.replace(now);
            if before.is_some_and(|(bytes, descriptors): (isize, usize)| now.0 <= bytes + SLACK && now.1 <= descriptors)
            {
                return;
            }
        }
        panic!("{name}: each time more is held, now {held:?} bytes and descriptors");
    }
}

/// Whether this process has a child that it has not waited for.
#[cfg(feature = "process")]
pub(crate) fn has_children() -> bool {
    let mut about = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: room for one structure. No child is taken away.
    unsafe { libc::waitid(libc::P_ALL, 0, about.as_mut_ptr(), libc::WEXITED | libc::WNOHANG | libc::WNOWAIT) == 0 }
}

/// What this process has used of the processor.
fn processor_time() -> Duration {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: room for one structure.
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()) }, 0);
    // SAFETY: the system has filled it, and zeros are valid as well.
    let usage = unsafe { usage.assume_init() };
    let time = |of: libc::timeval| {
        Duration::from_secs(of.tv_sec.cast_unsigned()) + Duration::from_micros(of.tv_usec.cast_unsigned())
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// The shim, compiled once; why not, if that is impossible here.
fn compiled() -> &'static Result<PathBuf, String> {
    static SHIM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    SHIM.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/shim.c");
        let shim = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("shim-{}.so", std::process::id()));
        let mut compiler = Command::new("cc");
        compiler.args(["-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o"]).arg(&shim).arg(&source);
        match compiler.arg("-ldl").output() {
            Err(error) => Err(format!("no C compiler: {error}")),
            Ok(built) if !built.status.success() => panic!("{}", String::from_utf8_lossy(&built.stderr)),
            Ok(_) => Ok(shim),
        }
    })
}

/// Runs the test that calls this again, with the shim, and there `scenes`.
#[expect(clippy::print_stdout, reason = "says how many faults there were")]
#[track_caller]
pub(crate) fn under_faults(scenes: impl FnOnce(&mut Scene)) {
    if let Some(shim) = Shim::find() {
        let mut scene = Scene { shim, played: 0 };
        scenes(&mut scene);
        println!("faults: {} scenes, each played at least twice, {} faults", scene.played, scene.shim.made());
        return;
    }
    match compiled() {
        Err(why) => skip(why),
        Ok(shim) => {
            let again = this_test_again().env("LD_PRELOAD", shim).output().expect("the same program runs again");
            let said = String::from_utf8_lossy(&again.stdout);
            assert!(again.status.success(), "{said}{}", String::from_utf8_lossy(&again.stderr));
            let counted = said.lines().find(|line| line.contains("faults: ")).expect("it ran with the shim");
            println!("{}", &counted[counted.find("faults: ").unwrap_or(0)..]);
        }
    }
}
