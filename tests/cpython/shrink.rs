//! Makes a program that fails smaller, as long as it fails. Owns what is tried; must not know what failing is.

use serde_json::Value as Json;

use super::known::bodies;

/// How many programs are tried at most.
const TRIES_MAX: u32 = 20_000;

/// The smallest program found for which `fails` holds, as it does for `program`.
pub(crate) fn shrink(mut program: Json, mut fails: impl FnMut(&Json) -> bool) -> Json {
    let mut tries = 0;
    loop {
        let before = program.clone();
        for smaller in [fewer_runs, fewer_ops, flatter, fewer_parts, smaller_numbers, fewer_names] {
            // one change at a time, each from the newest program
            let mut at = 0;
            while tries < TRIES_MAX {
                let Some(candidate) = smaller(&program, at) else { break };
                tries += 1;
                if candidate != program && fails(&candidate) {
                    program = candidate; // what came after the change is at the same number now
                } else {
                    at += 1;
                }
            }
        }
        if program == before {
            return program;
        }
    }
}

/// The bodies of a program, as JSON pointers: those of coroutines, and those inside ops.
fn bodies_of(program: &Json) -> Vec<String> {
    let coros = program["coros"].as_object().expect("coroutines by name");
    let mut found: Vec<String> = coros.keys().map(|name| format!("/coros/{name}")).collect();
    let mut next = 0;
    while let Some(place) = found.get(next).cloned() {
        next += 1;
        for (i, op) in ops_at(program, &place).iter().enumerate() {
            let inside = bodies(op).iter().filter(|at| op[**at].is_array());
            found.extend(inside.map(|at| format!("{place}/{i}/{at}")));
        }
    }
    found
}

fn ops_at<'a>(program: &'a Json, place: &str) -> &'a [Json] {
    program.pointer(place).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

/// The program with other ops in a body.
fn with_ops(program: &Json, place: &str, ops: Vec<Json>) -> Json {
    let mut changed = program.clone();
    *changed.pointer_mut(place).expect("the place of a body") = Json::Array(ops);
    changed
}

/// Each op with the place of its body and its number there.
fn ops_of(program: &Json) -> Vec<(String, usize)> {
    let places = bodies_of(program);
    places.iter().flat_map(|place| (0..ops_at(program, place).len()).map(|i| (place.clone(), i))).collect()
}

/// Without one of the runs.
fn fewer_runs(program: &Json, at: usize) -> Option<Json> {
    let runs = program["runs"].as_array()?;
    let mut changed = program.clone();
    if at < runs.len() {
        let left: Vec<&Json> = runs.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, run)| run).collect();
        if left.is_empty() {
            return None;
        }
        changed["runs"] = serde_json::json!(left);
        return Some(changed);
    }
    // a single run of `main` needs no list
    let is_plain = at == runs.len() && runs.len() == 1 && runs[0] == "main";
    changed.as_object_mut().expect("a program is an object").remove("runs");
    is_plain.then_some(changed)
}

/// Without a stretch of a body: half of it, a quarter, and so on to single ops.
fn fewer_ops(program: &Json, mut at: usize) -> Option<Json> {
    for place in bodies_of(program) {
        let ops = ops_at(program, &place);
        let mut length = ops.len();
        while length > 0 {
            let stretches = ops.len().div_ceil(length);
            if at < stretches {
                let cut = at * length..((at + 1) * length).min(ops.len());
                let left = ops.iter().enumerate().filter(|(i, _)| !cut.contains(i)).map(|(_, op)| op.clone());
                return Some(with_ops(program, &place, left.collect()));
            }
            at -= stretches;
            length /= 2;
        }
    }
    None
}

/// An op replaced by what is in its body.
fn flatter(program: &Json, at: usize) -> Option<Json> {
    let all = ops_of(program).into_iter().flat_map(|(place, i)| {
        let inside: Vec<usize> = bodies(&ops_at(program, &place)[i]).to_vec();
        inside.into_iter().map(move |body| (place.clone(), i, body))
    });
    let (place, i, body) = all.into_iter().nth(at)?;
    let ops = ops_at(program, &place);
    let inside = ops[i][body].as_array().cloned().unwrap_or_default();
    Some(with_ops(program, &place, [&ops[..i], &inside, &ops[i + 1..]].concat()))
}

/// A part of an op less: a handler, or one of a list of labels or children.
fn fewer_parts(program: &Json, at: usize) -> Option<Json> {
    let mut parts = Vec::new();
    for (place, i) in ops_of(program) {
        let op = &ops_at(program, &place)[i];
        let is_body = |part: usize| bodies(op).contains(&part);
        for (part, value) in op.as_array().into_iter().flatten().enumerate().skip(1) {
            match value.as_array() {
                Some(_) if op[0] == "try" && part > 1 => parts.push((format!("{place}/{i}/{part}"), None)),
                Some(list) if !is_body(part) && is_list(list) => {
                    parts.extend((0..list.len()).map(|n| (format!("{place}/{i}/{part}"), Some(n))));
                }
                _ => {}
            }
        }
    }
    let (place, n) = parts.into_iter().nth(at)?;
    let mut changed = program.clone();
    let part = changed.pointer_mut(&place)?;
    match n {
        None => *part = Json::Null,
        Some(n) => drop(part.as_array_mut()?.remove(n)),
    }
    Some(changed)
}

/// Whether it is a list of labels or of children, and no child.
fn is_list(list: &[Json]) -> bool {
    list.first().is_some_and(|first| *first != "t" && *first != "c")
}

/// A number of an op made smaller: 0, half of it, or one less.
fn smaller_numbers(program: &Json, at: usize) -> Option<Json> {
    let numbers = ops_of(program).into_iter().flat_map(|(place, i)| {
        let op = &ops_at(program, &place)[i];
        let parts = op.as_array().into_iter().flatten().enumerate();
        let numbers = parts.filter_map(|(part, value)| Some((part, value.as_u64()?)));
        let smaller = numbers.flat_map(|(part, n)| [0, n / 2, n.saturating_sub(1)].map(|less| (part, less)));
        smaller.map(|(part, less)| (format!("{place}/{i}/{part}"), less)).collect::<Vec<_>>()
    });
    let (place, less) = numbers.into_iter().nth(at)?;
    let mut changed = program.clone();
    *changed.pointer_mut(&place)? = Json::from(less);
    Some(changed)
}

/// Without one of the coroutines or primitives, if nothing needs it.
fn fewer_names(program: &Json, at: usize) -> Option<Json> {
    let named = ["coros", "prims"].into_iter().flat_map(|kind| {
        let names = program[kind].as_object().into_iter().flat_map(|names| names.keys());
        names.map(move |name| (kind, name.clone()))
    });
    let (kind, name) = named.into_iter().nth(at)?;
    let mut changed = program.clone();
    changed[kind].as_object_mut()?.remove(&name);
    Some(changed)
}
