//! Random programs in the format of `tests/conformance/FORMAT.md`. Owns what they are made of, and which names a body
//! may use where; must not know how a program is run.

use serde_json::{Value as Json, json};

use super::dice::Dice;

type Ops = Vec<Json>;

/// How deep bodies nest.
const DEPTH_MAX: u32 = 3;
/// How many ops a program has at most, but for its last part.
const OPS_MAX: u32 = 70;
/// The longest sleep. Two timers with one deadline make a program useless, so there are many to choose from.
const NAP_MAX: u64 = 90;
const CELL_MAX: u64 = 4;
const TEXTS: &[&str] = &["", "a", "xy", "\n", "one\n", "a;b", "--", "long text;", "two\nlines\n", "tail--"];
const SEPARATORS: &[&str] = &["\n", ";", "--"];

/// What a program is about. Each has a few.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Topic {
    Tasks,
    Eager,
    Futures,
    Gathers,
    Shields,
    Waits,
    Completed,
    Limits,
    WaitFor,
    Groups,
    Callbacks,
    Acts,
    Contexts,
    Locks,
    Semaphores,
    Conditions,
    Events,
    Barriers,
    Queues,
    Readers,
    Runs,
}

const TOPICS: &[Topic] = &[
    Topic::Tasks,
    Topic::Eager,
    Topic::Futures,
    Topic::Gathers,
    Topic::Gathers,
    Topic::Shields,
    Topic::Waits,
    Topic::Waits,
    Topic::Completed,
    Topic::Limits,
    Topic::Limits,
    Topic::Limits,
    Topic::WaitFor,
    Topic::Groups,
    Topic::Groups,
    Topic::Callbacks,
    Topic::Acts,
    Topic::Acts,
    Topic::Contexts,
    Topic::Locks,
    Topic::Semaphores,
    Topic::Conditions,
    Topic::Events,
    Topic::Barriers,
    Topic::Queues,
    Topic::Readers,
    Topic::Runs,
];

/// The names that the code at hand may use.
#[derive(Clone, Default)]
struct Here {
    /// The task that it is in, or none in a callback.
    task: Option<String>,
    /// Tasks and futures.
    plain: Vec<String>,
    /// Gatherings and shields.
    compound: Vec<String>,
    limits: Vec<String>,
    /// Tokens with their variables.
    tokens: Vec<(String, String)>,
    in_group: bool,
    in_handler: bool,
    depth: u32,
}

impl Here {
    fn inside(&self) -> Self {
        Self { depth: self.depth + 1, ..self.clone() }
    }
}

struct Generator<'a> {
    dice: &'a mut Dice,
    topics: Vec<Topic>,
    coros: serde_json::Map<String, Json>,
    names: u32,
    ops: u32,
    tasks: Vec<String>,
    futures: Vec<String>,
}

/// A program without a recording.
pub(crate) fn program(id: &str, dice: &mut Dice) -> Json {
    let count = 2 + dice.below(3);
    let topics = (0..count).map(|_| dice.choose(TOPICS)).collect();
    let tasks = (0..2 + dice.below(3)).map(|i| format!("t{i}")).collect();
    let futures = (0..dice.below(3)).map(|i| format!("f{i}")).collect();
    let mut generator = Generator { dice, topics, coros: serde_json::Map::new(), names: 0, ops: 0, tasks, futures };
    generator.program(id)
}

impl Generator<'_> {
    fn has(&self, topic: Topic) -> bool {
        self.topics.contains(&topic)
    }

    /// True once in so many times.
    fn once_in(&mut self, times: u64) -> bool {
        self.dice.below(times) == 0
    }

    fn name(&mut self, kind: &str) -> String {
        self.names += 1;
        format!("{kind}{}", self.names)
    }

    fn nap(&mut self) -> u64 {
        1 + self.dice.below(NAP_MAX)
    }

    /// A time limit; now and then none, or one that is up at once.
    fn limit(&mut self) -> Json {
        match self.dice.below(8) {
            0 => Json::Null,
            1 => json!(0),
            _ => json!(self.nap()),
        }
    }

    fn some_limit(&mut self) -> u64 {
        if self.once_in(6) { 0 } else { self.nap() }
    }

    fn value(&mut self) -> u64 {
        self.dice.below(100)
    }

    fn flag(&mut self) -> bool {
        self.once_in(2)
    }

    fn any_of(&mut self, names: &[String]) -> Option<String> {
        let last = u64::try_from(names.len()).expect("a short list");
        (last > 0).then(|| names[usize::try_from(self.dice.below(last)).expect("a small number")].clone())
    }

    /// A task, future, gathering or shield that is not the running task.
    fn other(&mut self, here: &Here) -> String {
        let all: Vec<String> = here.plain.iter().chain(&here.compound).cloned().collect();
        let others: Vec<String> = all.into_iter().filter(|name| Some(name) != here.task.as_ref()).collect();
        self.any_of(&others).expect("a program has two tasks")
    }

    fn program(&mut self, id: &str) -> Json {
        let known = Here { plain: [&self.tasks[..], &self.futures].concat(), ..Here::default() };
        let mut main: Ops = self.futures.iter().map(|future| json!(["future", future])).collect();
        if self.has(Topic::Conditions) {
            main.push(json!(["cell", "x", 0]));
        }
        let mut here = Here { task: Some("main".to_owned()), ..known.clone() };
        if self.has(Topic::Contexts) {
            let token = self.name("k");
            main.push(json!(["cv_set", "V", self.value(), token]));
            here.tokens.push(("V".to_owned(), token));
            main.push(json!(["ctx", "X"]));
        }
        for task in self.tasks.clone() {
            let mut body = self.body(&mut Here { task: Some(task.clone()), ..known.clone() }, 5);
            body.push(json!(["return", self.value()]));
            self.coros.insert(task.clone(), json!(body));
            let shares = self.has(Topic::Contexts) && self.once_in(3);
            main.push(if shares { json!(["task_in", task, task, "X"]) } else { json!(["task", task, task]) });
        }
        main.append(&mut self.body(&mut here, 5));
        let mut case = json!({ "id": id, "prims": self.prims() });
        if self.has(Topic::Runs) {
            let runs = ["main", "again", "last"];
            main.push(json!(["return", 1]));
            self.coros.insert("main".to_owned(), json!(main));
            let mut again = self.body(&mut Here { task: Some("again".to_owned()), ..known.clone() }, 4);
            again.push(json!(["return", 2]));
            self.coros.insert("again".to_owned(), json!(again));
            main = self.body(&mut Here { task: Some("last".to_owned()), ..known.clone() }, 3);
            case["runs"] = json!(runs);
        }
        main.append(&mut self.ending());
        let last = if self.has(Topic::Runs) { "last" } else { "main" };
        self.coros.insert(last.to_owned(), json!(main));
        case["coros"] = Json::Object(std::mem::take(&mut self.coros));
        case
    }

    fn prims(&mut self) -> Json {
        let mut prims = serde_json::Map::new();
        let size = |dice: &mut Dice, most: u64| 1 + dice.below(most);
        for topic in self.topics.clone() {
            let (name, spec) = match topic {
                Topic::Locks => ("L", json!(["lock"])),
                Topic::Semaphores => ("S", json!([self.dice.choose(&["sem", "bsem"]), size(self.dice, 2)])),
                Topic::Conditions => ("C", json!(["cond"])),
                Topic::Events => ("E", json!(["event"])),
                Topic::Barriers => ("B", json!(["barrier", size(self.dice, 3)])),
                Topic::Queues => {
                    ("Q", json!([self.dice.choose(&["queue", "queue", "pqueue", "lqueue"]), self.dice.below(3)]))
                }
                Topic::Readers => ("R", json!(["reader", 2 + size(self.dice, 10)])),
                _ => continue,
            };
            prims.entry(name).or_insert(spec);
        }
        Json::Object(prims)
    }

    /// The last part of a program: it settles what is left open, and looks at how everything has ended.
    fn ending(&mut self) -> Ops {
        let mut ops = vec![json!(["soon", "ending"])];
        ops.extend(self.futures.iter().map(|future| json!(["set", future, 0])));
        if self.has(Topic::Events) {
            ops.push(json!(["ev_set", "E"]));
        }
        if self.has(Topic::Readers) {
            ops.extend([json!(["sleep", self.nap()]), json!(["feed_eof", "R"])]);
        }
        if self.has(Topic::Conditions) {
            ops.extend([json!(["cell_set", "x", CELL_MAX]), json!(["notify_all", "C"])]);
        }
        ops.push(json!(["wait", self.tasks, "ALL_COMPLETED", 2 * NAP_MAX]));
        ops.extend(self.tasks.iter().map(|task| json!(["cancel", task])));
        ops.extend([json!(["yield"]), json!(["yield"]), json!(["yield"])]);
        ops.extend(self.tasks.iter().chain(&self.futures).map(|name| json!(["state", name])));
        if self.has(Topic::Readers) {
            ops.push(json!(["at_eof", "R"]));
        }
        ops
    }

    /// Up to `most` pieces of code, one at least.
    fn body(&mut self, here: &mut Here, most: u64) -> Ops {
        (0..=self.dice.below(most)).flat_map(|_| self.piece(here)).collect()
    }

    fn inner(&mut self, here: &Here) -> Ops {
        self.body(&mut here.inside(), 3)
    }

    /// A short coroutine, for a child. It knows the names that all know.
    fn leaf(&mut self) -> String {
        let name = self.name("c");
        let known = Here { plain: [&self.tasks[..], &self.futures].concat(), ..Here::default() };
        let mut here = Here { task: Some(name.clone()), depth: DEPTH_MAX - 1, ..known };
        let mut body: Ops = (0..self.dice.below(3)).flat_map(|_| self.piece(&mut here)).collect();
        body.push(match self.dice.below(5) {
            0 => json!(["raise", self.dice.choose(&["red", "blue"])]),
            1 => json!(["try", [["sleep", self.nap()]], null, self.on_cancel(&here), null]),
            _ => json!(["return", self.value()]),
        });
        self.coros.insert(name.clone(), json!(body));
        name
    }

    fn plain(&mut self) -> Ops {
        vec![match self.dice.below(6) {
            0 => json!(["log", self.name("m")]),
            1 | 2 => json!(["yield"]),
            _ => json!(["sleep", self.nap()]),
        }]
    }

    /// An op, or a few that belong together.
    fn piece(&mut self, here: &mut Here) -> Ops {
        self.ops += 1;
        if self.ops > OPS_MAX || here.depth > DEPTH_MAX || self.once_in(3) {
            return self.plain();
        }
        if self.once_in(3) {
            return self.common(here);
        }
        if self.once_in(6) {
            return self.act(here);
        }
        let topics = self.topics.clone();
        match self.dice.choose(&topics) {
            Topic::Tasks | Topic::Eager => self.new_task(here),
            Topic::Futures => self.of_futures(here),
            Topic::Gathers => self.of_gathers(here),
            Topic::Shields => self.of_shields(here),
            Topic::Waits => self.of_waits(here),
            Topic::Completed => self.of_completed(here),
            Topic::Limits => self.of_limits(here),
            Topic::WaitFor => vec![json!(["wait_for", self.child(here), self.limit()])],
            Topic::Groups => self.of_groups(here),
            Topic::Callbacks | Topic::Acts | Topic::Contexts | Topic::Runs => self.act(here),
            Topic::Locks => vec![json!(["lock", "L", self.inner(here)])],
            Topic::Semaphores => self.of_semaphores(here),
            Topic::Conditions => self.of_conditions(),
            Topic::Events => vec![json!(["ev_wait", "E"])],
            Topic::Barriers => {
                vec![json!([self.dice.choose(&["barrier", "barrier", "barrier_abort", "barrier_reset"]), "B"])]
            }
            Topic::Queues => self.of_queues(),
            Topic::Readers => self.of_readers(),
        }
    }

    /// What every program is made of.
    fn common(&mut self, here: &mut Here) -> Ops {
        vec![match self.dice.below(12) {
            0..=3 => return self.attempt(here),
            4 | 5 => {
                let own = here.task.clone().filter(|_| self.once_in(6));
                json!(["cancel", own.unwrap_or_else(|| self.other(here))])
            }
            6 | 7 => json!(["await", self.other(here)]),
            8 => json!(["state", self.other(here)]),
            9 => json!([self.dice.choose(&["cancelling", "uncancel"])]),
            10 => json!(["call", self.leaf()]),
            _ if here.in_handler => json!(["reraise"]),
            _ if here.in_group => return self.start(here),
            _ => json!(["log", self.name("m")]),
        }]
    }

    fn attempt(&mut self, here: &Here) -> Ops {
        let mut body = self.inner(here);
        if self.once_in(5) {
            body.push(json!(["raise", "green"]));
        }
        let in_handler = Here { in_handler: true, ..here.clone() };
        let on_error = match self.dice.below(5) {
            0 | 1 => Json::Null,
            2 => json!([]),
            3 => json!([["reraise"]]),
            _ => json!(self.inner(&in_handler)),
        };
        let on_cancel = self.on_cancel(&in_handler);
        let last = match self.dice.below(5) {
            0 => json!([["log", self.name("z")]]),
            1 => json!([["yield"], ["log", self.name("z")]]),
            2 => json!([["sleep", self.nap()]]),
            _ => Json::Null,
        };
        vec![json!(["try", body, on_error, on_cancel, last])]
    }

    fn on_cancel(&mut self, here: &Here) -> Json {
        match self.dice.below(8) {
            0 | 1 => Json::Null,
            2 => json!([]),
            3 => json!([["uncancel"]]),
            4 => json!([["reraise"]]),
            5 => json!([["yield"], ["reraise"]]),
            6 => json!([["sleep", self.nap()], ["return", self.value()]]),
            _ if here.depth < DEPTH_MAX => json!(self.inner(here)),
            _ => json!([["cancelling"]]),
        }
    }

    fn child(&mut self, here: &Here) -> Json {
        if self.once_in(3) {
            return json!(["t", self.other(here)]);
        }
        let leaf = self.leaf();
        json!(["c", self.name("n"), leaf])
    }

    /// Children, mostly each once.
    fn children(&mut self, here: &Here) -> Vec<Json> {
        let count = self.dice.below(4);
        let mut children: Vec<Json> = (0..count).map(|_| self.child(here)).collect();
        if let Some(first) = children.first().map(|child| child[1].clone())
            && self.once_in(8)
        {
            children.push(json!(["t", first]));
        }
        children
    }

    /// What may follow the making of something that others can hold.
    fn follow_up(&mut self, label: &str) -> Ops {
        match self.dice.below(6) {
            0 => vec![json!(["on_done", label, self.name("d")])],
            1 => vec![json!(["cancel", label])],
            2 => vec![json!(["yield"]), json!(["cancel", label])],
            3 => vec![json!(["await", label])],
            4 => vec![json!(["state", label])],
            _ => vec![],
        }
    }

    /// How a task of a leaf is made. (A leaf knows what is there from the beginning, and so can take its first step.)
    fn start_op(&mut self) -> &'static str {
        if self.has(Topic::Eager) && self.flag() { "eager" } else { "task" }
    }

    fn new_task(&mut self, here: &mut Here) -> Ops {
        let (label, leaf) = (self.name("n"), self.leaf());
        let mut ops = vec![json!([self.start_op(), label, leaf])];
        ops.append(&mut self.follow_up(&label));
        here.plain.push(label);
        ops
    }

    fn of_futures(&mut self, here: &mut Here) -> Ops {
        if self.futures.is_empty() || self.once_in(3) {
            let label = self.name("f");
            let mut ops = vec![json!(["future", label])];
            match self.dice.below(3) {
                0 => ops.push(json!(["later_do", self.nap(), [["set", label, self.value()]], self.name("h")])),
                1 => ops.push(json!(["soon_do", [["fail", label, "grey"]]])),
                _ => ops.push(json!(["set", label, self.value()])),
            }
            ops.append(&mut self.follow_up(&label));
            here.plain.push(label);
            return ops;
        }
        let future = self.any_of(&self.futures.clone()).expect("there is one");
        vec![if self.once_in(3) { self.settle() } else { json!(["await", future]) }]
    }

    fn settle(&mut self) -> Json {
        match self.any_of(&self.futures.clone()) {
            Some(future) if self.once_in(3) => json!(["fail", future, "grey"]),
            Some(future) => json!(["set", future, self.value()]),
            None => json!(["log", self.name("m")]),
        }
    }

    fn of_gathers(&mut self, here: &mut Here) -> Ops {
        if self.flag() {
            return vec![json!(["gather", self.children(here), self.flag()])];
        }
        let label = self.name("g");
        let mut ops = vec![json!(["gather_as", label, self.children(here), self.flag()])];
        ops.append(&mut self.follow_up(&label));
        here.compound.push(label);
        ops
    }

    fn of_shields(&mut self, here: &mut Here) -> Ops {
        if self.flag() {
            return vec![json!(["shield", self.child(here)])];
        }
        let label = self.name("s");
        let mut ops = vec![json!(["shield_as", label, self.child(here)])];
        ops.append(&mut self.follow_up(&label));
        here.compound.push(label);
        ops
    }

    fn new_tasks(&mut self, most: u64) -> (Vec<String>, Ops) {
        let labels: Vec<String> = (0..self.dice.below(most + 1)).map(|_| self.name("n")).collect();
        let ops = labels.iter().map(|label| json!(["task", label, self.leaf()])).collect();
        (labels, ops)
    }

    fn of_waits(&mut self, here: &mut Here) -> Ops {
        let (mut labels, mut ops) = self.new_tasks(3);
        let made = labels.clone();
        for _ in 0..2 {
            let other = self.other(here);
            if !labels.contains(&other) {
                labels.push(other);
            }
        }
        let when = self.dice.choose(&["ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"]);
        ops.push(json!(["wait", labels, when, self.limit()]));
        if self.once_in(3) {
            ops.push(json!(["wait", labels, "FIRST_COMPLETED", self.limit()]));
        }
        here.plain.extend(made);
        ops
    }

    /// Of tasks and futures: a gathering is never cancelled to asyncio, so the recorder goes no further there.
    fn of_completed(&mut self, here: &mut Here) -> Ops {
        let (mut labels, mut ops) = self.new_tasks(4);
        let made = labels.clone();
        let others: Vec<String> = here.plain.iter().filter(|name| Some(*name) != here.task.as_ref()).cloned().collect();
        if let Some(other) = self.any_of(&others)
            && !labels.contains(&other)
        {
            labels.insert(0, other);
        }
        ops.push(json!(["as_completed", labels, self.limit()]));
        here.plain.extend(made);
        ops
    }

    fn of_limits(&mut self, here: &mut Here) -> Ops {
        if self.once_in(4) {
            return vec![json!(["timeout", self.limit(), self.inner(here)])];
        }
        let name = self.name("T");
        let mut inside = here.inside();
        inside.limits.push(name.clone());
        let mut body = self.body(&mut inside, 3);
        if self.once_in(3) {
            let act = json!(["reschedule", name, self.limit()]);
            body.insert(0, if self.flag() { act } else { json!(["later_do", self.nap(), [act], self.name("h")]) });
        }
        let limited = json!(["timeout_as", name, self.limit(), body]);
        let after = json!(["expired", name]);
        if self.once_in(3) { vec![limited, after] } else { vec![json!(["try", [limited], [], null, [after]])] }
    }

    fn of_groups(&mut self, here: &Here) -> Ops {
        let inside = &mut Here { in_group: true, ..here.inside() };
        let mut body: Ops = (0..self.dice.below(3)).flat_map(|_| self.start(inside)).collect();
        body.append(&mut self.body(inside, 2));
        if self.flag() {
            body.append(&mut self.start(inside));
        }
        let group = json!(["group", body]);
        if self.flag() { vec![group] } else { vec![json!(["try", [group], [], null, null])] }
    }

    fn start(&mut self, here: &mut Here) -> Ops {
        let (label, leaf) = (self.name("n"), self.leaf());
        here.plain.push(label.clone());
        vec![json!(["start", label, leaf])]
    }

    fn of_semaphores(&mut self, here: &Here) -> Ops {
        match self.dice.below(4) {
            0 => vec![json!(["sem_acquire", "S"]), json!(["sleep", self.nap()]), json!(["sem_release", "S"])],
            1 => vec![json!(["sem_acquire", "S"])],
            _ => vec![json!(["sem", "S", self.inner(here)])],
        }
    }

    fn of_conditions(&mut self) -> Ops {
        vec![match self.dice.below(5) {
            0 => json!(["cond_wait", "C"]),
            1 => json!(["notify", "C", 1 + self.dice.below(2)]),
            2 => json!(["notify_all", "C"]),
            3 => return vec![self.set_cell(), json!(["notify_all", "C"])],
            _ => json!(["cond_wait_for", "C", "x", self.dice.below(CELL_MAX + 1)]),
        }]
    }

    fn set_cell(&mut self) -> Json {
        json!(["cell_set", "x", self.dice.below(CELL_MAX + 1)])
    }

    fn of_queues(&mut self) -> Ops {
        vec![match self.dice.below(5) {
            0 | 1 => json!(["put", "Q", self.value()]),
            2 | 3 => json!(["get", "Q"]),
            _ => json!(["join", "Q"]),
        }]
    }

    fn of_readers(&mut self) -> Ops {
        vec![match self.dice.below(6) {
            0 => json!(["read", "R", -1]),
            1 => json!(["read", "R", self.dice.below(8)]),
            2 | 3 => json!(["readline", "R"]),
            4 => json!(["readexactly", "R", self.dice.below(8)]),
            _ => json!(["readuntil", "R", self.dice.choose(SEPARATORS)]),
        }]
    }

    /// What a callback can do too.
    fn act(&mut self, here: &mut Here) -> Ops {
        let topics = self.topics.clone();
        vec![match self.dice.choose(&topics) {
            Topic::Acts | Topic::Callbacks => return self.callback(here),
            Topic::Contexts => return self.of_contexts(here),
            Topic::Runs if self.once_in(2) => json!(["stop"]),
            Topic::Limits | Topic::WaitFor => match self.any_of(&here.limits) {
                Some(limit) if self.flag() => json!(["reschedule", limit, self.limit()]),
                Some(limit) => json!(["expired", limit]),
                None => json!(["cancel", self.other(here)]),
            },
            Topic::Locks => json!(["locked", "L"]),
            Topic::Semaphores => json!([self.dice.choose(&["locked", "sem_release"]), "S"]),
            Topic::Conditions => self.set_cell(),
            Topic::Events => json!([self.dice.choose(&["ev_set", "ev_set", "ev_clear"]), "E"]),
            Topic::Queues => match self.dice.below(6) {
                0 | 1 => json!(["put_nowait", "Q", self.value()]),
                2 => json!(["get_nowait", "Q"]),
                3 | 4 => json!(["task_done", "Q"]),
                _ => json!(["shutdown", "Q", self.flag()]),
            },
            Topic::Readers => match self.dice.below(8) {
                0 => json!(["feed_eof", "R"]),
                1 => json!(["feed_error", "R", "torn"]),
                2 => json!(["at_eof", "R"]),
                _ => json!(["feed", "R", self.dice.choose(TEXTS)]),
            },
            Topic::Futures => self.settle(),
            _ if self.flag() => json!(["state", self.other(here)]),
            _ => json!(["cancel", self.other(here)]),
        }]
    }

    fn callback(&mut self, here: &mut Here) -> Ops {
        let mut inside = Here { task: None, in_group: false, in_handler: false, ..here.inside() };
        let deep = here.depth > DEPTH_MAX;
        let acts = |me: &mut Self, inside: &mut Here| -> Ops {
            (0..if deep { 0 } else { 1 + me.dice.below(3) }).flat_map(|_| me.act(inside)).collect()
        };
        match self.dice.below(7) {
            0 => vec![json!(["soon", self.name("s")])],
            1 => {
                let timer = self.name("h");
                let mut ops = vec![json!(["later", self.nap(), self.name("l"), timer])];
                if self.once_in(3) {
                    ops.extend([json!(["yield"]), json!(["unschedule", timer])]);
                }
                // a callback does not yield
                ops.retain(|op| here.task.is_some() || op[0] != "yield");
                ops
            }
            2 => vec![json!(["on_done", self.other(here), self.name("d")])],
            3 => vec![json!(["soon_do", acts(self, &mut inside)])],
            4 => vec![json!(["later_do", self.some_limit().max(1), acts(self, &mut inside), self.name("h")])],
            5 => vec![json!(["on_done_do", self.other(here), acts(self, &mut inside)])],
            _ => {
                let (label, leaf) = (self.name("n"), self.leaf());
                here.plain.push(label.clone());
                vec![json!([self.start_op(), label, leaf]), json!(["on_done_do", label, acts(self, &mut inside)])]
            }
        }
    }

    fn of_contexts(&mut self, here: &mut Here) -> Ops {
        let variable = self.dice.choose(&["U", "V"]);
        vec![match self.dice.below(9) {
            0 | 1 => {
                let token = self.name("k");
                here.tokens.push((variable.to_owned(), token.clone()));
                json!(["cv_set", variable, self.value(), token])
            }
            2 | 3 => json!(["cv_get", variable]),
            4 => match here.tokens.pop() {
                Some((_, token)) if self.once_in(8) => json!(["cv_reset", variable, token]),
                Some((variable, token)) => json!(["cv_reset", variable, token]),
                None => json!(["cv_get", variable]),
            },
            5 => json!(["ctx_get", "X", variable]),
            6 => json!(["soon_cv", variable]),
            7 => json!(["soon_in", "X", variable]),
            _ => {
                let (label, leaf) = (self.name("n"), self.leaf());
                here.plain.push(label.clone());
                json!(["task_in", label, leaf, "X"])
            }
        }]
    }
}
