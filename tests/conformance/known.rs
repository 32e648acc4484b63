//! What the interpreter carries out: the keys of a case, the kinds of primitive and the ops, as `FORMAT.md` has them. A
//! case that asks for more is known by its text, before it is run. Must not know how anything is carried out.

use std::collections::BTreeSet;

use serde_json::Value as Json;

const KEYS: &[&str] = &["id", "prims", "coros", "runs", "trace", "end"];

/// Each kind of primitive, and how many elements it has.
const PRIMS: &[(&str, usize)] = &[
    ("lock", 1),
    ("event", 1),
    ("cond", 1),
    ("sem", 2),
    ("bsem", 2),
    ("queue", 2),
    ("pqueue", 2),
    ("lqueue", 2),
    ("barrier", 2),
    ("reader", 2),
];

/// An op, how many elements it has, and which of them are bodies.
type Op = (&'static str, usize, &'static [usize]);

/// What only a task does: it waits, or asks which task is running. Its bodies are those of tasks.
const OF_A_TASK: &[Op] = &[
    ("yield", 1, &[]),
    ("sleep", 2, &[]),
    ("call", 2, &[]),
    ("return", 2, &[]),
    ("raise", 2, &[]),
    ("reraise", 1, &[]),
    ("try", 5, &[1, 2, 3, 4]),
    ("await", 2, &[]),
    ("cancelling", 1, &[]),
    ("uncancel", 1, &[]),
    ("gather", 3, &[]),
    ("wait", 4, &[]),
    ("as_completed", 3, &[]),
    ("wait_for", 3, &[]),
    ("timeout", 3, &[2]),
    ("timeout_as", 4, &[3]),
    ("shield", 2, &[]),
    ("group", 2, &[1]),
    ("start", 3, &[]),
    ("lock", 3, &[2]),
    ("sem", 3, &[2]),
    ("sem_acquire", 2, &[]),
    ("ev_wait", 2, &[]),
    ("cond_wait", 2, &[]),
    ("cond_wait_for", 4, &[]),
    ("notify", 3, &[]),
    ("notify_all", 2, &[]),
    ("put", 3, &[]),
    ("get", 2, &[]),
    ("join", 2, &[]),
    ("barrier", 2, &[]),
    ("barrier_abort", 2, &[]),
    ("barrier_reset", 2, &[]),
    ("read", 3, &[]),
    ("readline", 2, &[]),
    ("readexactly", 3, &[]),
    ("readuntil", 3, &[]),
];

/// What a callback does too. Its bodies are those of callbacks.
const AT_ONCE: &[Op] = &[
    ("log", 2, &[]),
    ("task", 3, &[]),
    ("task_in", 4, &[]),
    ("eager", 3, &[]),
    ("future", 2, &[]),
    ("set", 3, &[]),
    ("fail", 3, &[]),
    ("cancel", 2, &[]),
    ("state", 2, &[]),
    ("gather_as", 4, &[]),
    ("shield_as", 3, &[]),
    ("soon", 2, &[]),
    ("soon_do", 2, &[1]),
    ("soon_cv", 2, &[]),
    ("soon_in", 3, &[]),
    ("later", 4, &[]),
    ("later_do", 4, &[2]),
    ("unschedule", 2, &[]),
    ("on_done", 3, &[]),
    ("on_done_do", 3, &[2]),
    ("stop", 1, &[]),
    ("cv_set", 4, &[]),
    ("cv_get", 2, &[]),
    ("cv_reset", 3, &[]),
    ("ctx", 2, &[]),
    ("ctx_get", 3, &[]),
    ("reschedule", 3, &[]),
    ("expired", 2, &[]),
    ("cell", 3, &[]),
    ("cell_set", 3, &[]),
    ("locked", 2, &[]),
    ("sem_release", 2, &[]),
    ("ev_set", 2, &[]),
    ("ev_clear", 2, &[]),
    ("put_nowait", 3, &[]),
    ("get_nowait", 2, &[]),
    ("task_done", 2, &[]),
    ("shutdown", 3, &[]),
    ("feed", 3, &[]),
    ("feed_eof", 2, &[]),
    ("feed_error", 3, &[]),
    ("at_eof", 2, &[]),
];

/// What a case asks for that the interpreter does not know.
pub(crate) fn unknown(case: &Json) -> BTreeSet<String> {
    let mut unknown = BTreeSet::new();
    let keys = case.as_object().expect("a case is an object").keys();
    unknown.extend(keys.filter(|key| !KEYS.contains(&key.as_str())).map(|key| format!("key {key}")));
    for prim in case["prims"].as_object().into_iter().flat_map(|prims| prims.values()) {
        let (kind, length) = shape(prim);
        if !PRIMS.contains(&(kind, length)) {
            let known = PRIMS.iter().any(|(known, _)| *known == kind);
            unknown.insert(format!("primitive {kind}{}", of_length(known, length)));
        }
    }
    for body in case["coros"].as_object().expect("coroutines by name").values() {
        look_into(body, &[OF_A_TASK, AT_ONCE], &mut unknown);
    }
    unknown
}

/// Looks at each op of a body, which may be one of `tables`, and into the bodies inside.
fn look_into(body: &Json, tables: &[&[Op]], unknown: &mut BTreeSet<String>) {
    for op in body.as_array().into_iter().flatten() {
        let (name, length) = shape(op);
        let found = |table: &&&[Op]| table.iter().any(|(known, of, _)| *known == name && *of == length);
        let Some(table) = tables.iter().find(found) else {
            let known = tables.iter().any(|table| table.iter().any(|(known, ..)| *known == name));
            let place = if tables.len() == 1 { " in a callback" } else { "" };
            unknown.insert(format!("op {name}{}{place}", of_length(known, length)));
            continue;
        };
        let inside: &[&[Op]] = if std::ptr::eq(*table, AT_ONCE) { &[AT_ONCE] } else { tables };
        for at in bodies(op) {
            look_into(&op[*at], inside, unknown);
        }
    }
}

/// Which elements of an op are bodies.
pub(crate) fn bodies(op: &Json) -> &'static [usize] {
    let (name, _) = shape(op);
    let found = OF_A_TASK.iter().chain(AT_ONCE).find(|(known, ..)| *known == name);
    found.map_or(&[], |(.., bodies)| bodies)
}

/// The name that an op or a primitive begins with, and how many elements it has.
fn shape(of: &Json) -> (&str, usize) {
    (of[0].as_str().expect("it begins with a name"), of.as_array().map_or(0, Vec::len))
}

/// Said of what is known with fewer or more elements.
fn of_length(known: bool, length: usize) -> String {
    if known { format!(" of {length} elements") } else { String::new() }
}
