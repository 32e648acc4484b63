//! What the interpreter carries out: the keys of a case, the kinds of primitive and the ops, as `FORMAT.md` has them. A
//! case that asks for more is known by its text, before it is run. Must not know how anything is carried out.

use std::collections::BTreeSet;

use serde_json::Value as Json;

const KEYS: &[&str] = &["id", "prims", "coros", "trace", "end"];

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
];

/// Each op, how many elements it has, and which of them are bodies.
const OPS: &[(&str, usize, &[usize])] = &[
    ("log", 2, &[]),
    ("yield", 1, &[]),
    ("sleep", 2, &[]),
    ("call", 2, &[]),
    ("return", 2, &[]),
    ("raise", 2, &[]),
    ("reraise", 1, &[]),
    ("try", 5, &[1, 2, 3, 4]),
    ("task", 3, &[]),
    ("future", 2, &[]),
    ("set", 3, &[]),
    ("fail", 3, &[]),
    ("cancel", 2, &[]),
    ("await", 2, &[]),
    ("state", 2, &[]),
    ("cancelling", 1, &[]),
    ("uncancel", 1, &[]),
    ("gather", 3, &[]),
    ("gather_as", 4, &[]),
    ("wait", 4, &[]),
    ("as_completed", 3, &[]),
    ("wait_for", 3, &[]),
    ("timeout", 3, &[2]),
    ("shield", 2, &[]),
    ("group", 2, &[1]),
    ("start", 3, &[]),
    ("soon", 2, &[]),
    ("later", 4, &[]),
    ("unschedule", 2, &[]),
    ("on_done", 3, &[]),
    ("lock", 3, &[2]),
    ("sem", 3, &[2]),
    ("ev_wait", 2, &[]),
    ("ev_set", 2, &[]),
    ("ev_clear", 2, &[]),
    ("cond_wait", 2, &[]),
    ("notify", 3, &[]),
    ("put", 3, &[]),
    ("get", 2, &[]),
    ("put_nowait", 3, &[]),
    ("get_nowait", 2, &[]),
    ("task_done", 2, &[]),
    ("join", 2, &[]),
    ("shutdown", 3, &[]),
    ("barrier", 2, &[]),
    ("barrier_abort", 2, &[]),
];

/// What a case asks for that the interpreter does not know.
pub(crate) fn unknown(case: &Json) -> BTreeSet<String> {
    let mut unknown = BTreeSet::new();
    let keys = case.as_object().expect("a case is an object").keys();
    unknown.extend(keys.filter(|key| !KEYS.contains(&key.as_str())).map(|key| format!("key {key}")));
    for prim in case["prims"].as_object().into_iter().flat_map(|prims| prims.values()) {
        let (kind, length) = shape(prim);
        if !PRIMS.contains(&(kind, length)) {
            unknown.insert(format!(
                "primitive {kind}{}",
                of_length(PRIMS.iter().any(|(known, _)| *known == kind), length)
            ));
        }
    }
    for body in case["coros"].as_object().expect("coroutines by name").values() {
        look_into(body, &mut unknown);
    }
    unknown
}

/// Looks at each op of a body, and into the bodies inside.
fn look_into(body: &Json, unknown: &mut BTreeSet<String>) {
    for op in body.as_array().into_iter().flatten() {
        let (name, length) = shape(op);
        if let Some((.., bodies)) = OPS.iter().find(|(known, of, _)| *known == name && *of == length) {
            bodies.iter().for_each(|at| look_into(&op[*at], unknown));
        } else {
            let known = OPS.iter().any(|(known, ..)| *known == name);
            unknown.insert(format!("op {name}{}", of_length(known, length)));
        }
    }
}

/// The name that an op or a primitive begins with, and how many elements it has.
fn shape(of: &Json) -> (&str, usize) {
    (of[0].as_str().expect("it begins with a name"), of.as_array().map_or(0, Vec::len))
}

/// Said of what is known with fewer or more elements.
fn of_length(known: bool, length: usize) -> String {
    if known { format!(" of {length} elements") } else { String::new() }
}
