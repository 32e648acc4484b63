//! `program.c`, compiled and run. Owns the compiler's arguments; must not know what the program does.
//!
//! Skipped, by its text, on a machine without a C compiler.
#![expect(clippy::print_stdout, reason = "what is skipped is said")]

use std::env;
use std::path::Path;
use std::process::Command;

#[test]
fn a_program_in_c_drives_the_loop() {
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    if Command::new(&compiler).arg("--version").output().is_err() {
        println!("skipped: no C compiler");
        return;
    }
    // cargo leaves the library beside this test
    let this = env::current_exe().expect("the path of this program");
    let libraries = this.parent().expect("a folder");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/examples/hosts/c/program.c");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("program");
    let mut compile = Command::new(&compiler);
    compile.args(["-std=c99", "-D_POSIX_C_SOURCE=200809L", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"]);
    compile.arg(&program).arg(source).arg("-L").arg(libraries).arg("-loneloop_c");
    let ended = compile.output().expect("the compiler starts");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let ran = Command::new(program).env("LD_LIBRARY_PATH", libraries).output().expect("it starts");
    let said = String::from_utf8_lossy(&ran.stdout);
    assert_eq!(
        said.trim(),
        "calls 13, timers 1, woken at most 5 times: yes, for nothing 0, idle: yes, refused: yes",
        "{}: {}",
        ran.status,
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(ran.status.success(), "{}", ran.status);
}
