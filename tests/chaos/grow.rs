//! How random programs are made. Owns the chances of each word, and the numbers by which parts are left out; must not
//! know what they mean.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::dice::Dice;
use crate::program::{Act, Around, Charge, Elsewhere, Handle, Line, Program, Script, Step, Together, Wire};

/// How deep scripts and acts are in each other.
const DEPTH: u64 = 4;
/// No more steps are made.
const STEPS_MAX: usize = 60;
pub(crate) const PLACES: usize = 4;
const LINES: &[Line] = &[Line::Fifo, Line::Lifo, Line::Priority];
const TOGETHER: &[Together] = &[
    Together::Gather,
    Together::TryGather,
    Together::CancelRest,
    Together::Outcomes,
    Together::Limited,
    Together::WaitAll,
    Together::WaitFirst,
    Together::WaitFailed,
    Together::WaitTimed,
    Together::Completed,
    Together::Group,
    Together::FailingGroup,
    Together::Race,
    Together::Join,
    Together::Select,
    Together::Unordered,
    Together::Macro,
];
const ELSEWHERE: &[Elsewhere] =
    &[Elsewhere::Returns, Elsewhere::Panics, Elsewhere::ReturnsBomb, Elsewhere::DropsBomb, Elsewhere::CallsBack];
const HANDLES: &[Handle] = &[Handle::Task, Handle::Shield, Handle::Mapped, Handle::Shared, Handle::Gathering];
const WIRES: &[Wire] = &[Wire::Tcp, Wire::Unix, Wire::Pipe, Wire::Streams, Wire::Server];

/// Makes one program. Steps are numbered as they are made; those in `left_out` are made and thrown away, so that the
/// others stay as they were.
pub(crate) struct Grower<'a> {
    dice: Dice,
    left_out: &'a BTreeSet<usize>,
    made: usize,
    /// Inside of a race, where no task is awaited that may be around it: cancelled, such a cycle of awaits spins.
    in_race: bool,
}

impl<'a> Grower<'a> {
    pub(crate) fn new(seed: u64, case: u64, left_out: &'a BTreeSet<usize>) -> Self {
        Self { dice: Dice::new(seed, case), left_out, made: 0, in_race: false }
    }

    /// The program, and how many steps were made for it.
    pub(crate) fn program(mut self) -> (Program, usize) {
        let program = Program {
            real_clock: self.one_in(8),
            main_panics: self.one_in(4),
            cancels_what_is_left: self.one_in(2),
            closes_by_drop: self.one_in(2),
            tasks: (0..2 + self.dice.below(4)).map(|_| self.script(DEPTH)).collect(),
        };
        (program, self.made)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.dice.below(n) == 0
    }

    fn place(&mut self) -> usize {
        self.dice.choose(&[0, 1, 2, PLACES - 1])
    }

    /// A span of time, often one that others have too.
    fn span(&mut self) -> u64 {
        self.dice.choose(&[0, 1, 10, 10, 20, 500, 1_000, 1_000, 3_000])
    }

    fn charge(&mut self, depth: u64) -> Charge {
        match self.dice.below(8) {
            0..=3 => Charge::Nothing,
            4 | 5 => Charge::Bomb,
            _ => Charge::Act(self.act(depth)),
        }
    }

    fn script(&mut self, depth: u64) -> Arc<Script> {
        let count = if self.made > STEPS_MAX { 1 } else { 1 + self.dice.below(2 + depth) };
        let mut steps = Vec::new();
        for _ in 0..count {
            let number = self.made;
            self.made += 1;
            let step = self.step(depth);
            if !self.left_out.contains(&number) {
                steps.push(step);
            }
        }
        Arc::new(Script { steps, value: self.charge(depth.saturating_sub(1)) })
    }

    fn scripts(&mut self, depth: u64) -> Vec<Arc<Script>> {
        (0..=self.dice.below(3)).map(|_| self.script(depth)).collect()
    }

    fn step(&mut self, depth: u64) -> Step {
        let Some(deeper) = depth.checked_sub(1) else { return self.leaf() };
        match self.dice.below(20) {
            0..=3 => Step::Around(self.around(), self.script(deeper)),
            4..=6 => {
                let (together, around) = (self.dice.choose(TOGETHER), self.in_race);
                self.in_race |= matches!(together, Together::Race);
                let scripts = self.scripts(deeper);
                self.in_race = around;
                Step::Together(together, scripts)
            }
            7 => Step::Start(self.place(), self.script(deeper)),
            8 => Step::Hold(self.charge(deeper)),
            9 => Step::Threadsafe(self.one_in(2), self.script(deeper)),
            10..=13 => Step::Do(Arc::unwrap_or_clone(self.act(deeper))),
            _ => self.leaf(),
        }
    }

    fn leaf(&mut self) -> Step {
        match self.dice.below(34) {
            0..=5 => Step::Yield,
            6..=12 => Step::Sleep(self.span()),
            13 | 14 => {
                let place = self.place();
                if self.in_race { Step::Outcome(place) } else { Step::AwaitTask(place) }
            }
            15 => Step::Outcome(self.place()),
            16 | 17 => Step::Event(self.place()),
            18 => Step::Future(self.place()),
            19 => Step::Condition,
            20 => Step::Barrier,
            21 => Step::AbortBarrier,
            22 => Step::Get(self.dice.choose(LINES)),
            23 => Step::Put(self.dice.choose(LINES), self.charge(0)),
            24 => Step::Join(self.dice.choose(LINES)),
            25 => Step::ToThread(self.dice.choose(ELSEWHERE)),
            26 => Step::InPool(self.dice.choose(ELSEWHERE)),
            27..=29 => Step::Foreign { wakes: self.dice.below(4), late: self.one_in(3) },
            30 | 31 => Step::Carry(self.dice.choose(WIRES), 1 << self.dice.below(18)),
            _ => Step::Hold(self.charge(0)),
        }
    }

    fn around(&mut self) -> Around {
        match self.dice.below(19) {
            0 => Around::Plain,
            1 | 2 => Around::Catch,
            3 => Around::CatchAndRaise,
            4 | 5 => Around::Limit(self.span()),
            6 => Around::WaitFor(self.span()),
            7 | 8 => Around::Shield,
            9 => Around::Task,
            10 => Around::Shared,
            11 => Around::Mapped,
            12 => Around::Lock(self.place()),
            13 => Around::Permit(self.place()),
            14 => Around::BadWaker,
            15..=17 => Around::GivenUp(self.dice.choose(HANDLES), self.span()),
            _ => Around::OwnContext,
        }
    }

    fn act(&mut self, depth: u64) -> Arc<Act> {
        let deeper = depth.saturating_sub(1);
        Arc::new(match self.dice.below(if depth == 0 { 29 } else { 41 }) {
            0 => Act::Nothing,
            25..=28 => Act::CancelMe,
            1 => Act::Panic,
            2 => Act::PanicWithBomb,
            3 => Act::CancelCall(self.place()),
            4..=6 => Act::CancelTask(self.place()),
            7 | 8 => Act::DropTask(self.place()),
            9 => Act::SetEvent(self.place()),
            10 => Act::ClearEvent(self.place()),
            11 | 12 => Act::SetFuture(self.place(), if depth == 0 { Charge::Bomb } else { self.charge(deeper) }),
            13 => Act::CancelFuture(self.place()),
            14 => Act::NewFuture(self.place()),
            15 => Act::Notify,
            16 => Act::Put(self.dice.choose(LINES), Charge::Bomb),
            17 => Act::Get(self.dice.choose(LINES)),
            18 => Act::Shutdown(self.dice.choose(LINES)),
            19 => Act::Release(self.place()),
            20 => Act::SetVariable(Charge::Bomb),
            21 => Act::SetHandler(Charge::Bomb),
            22 => Act::Stop,
            23 => Act::Refused,
            24 => Act::ShutExecutor,
            29..=31 => Act::Spawn(self.script(deeper)),
            32 | 33 => Act::CallSoon(self.charge(deeper), self.act(deeper)),
            34 | 35 => Act::CallLater(self.span(), self.charge(deeper), self.act(deeper)),
            36 => Act::CallThreadsafe(self.charge(deeper), self.act(deeper)),
            37 | 38 => Act::DoneCallback(self.place(), self.charge(deeper), self.act(deeper)),
            _ => Act::WatchPipe(self.charge(deeper), self.act(deeper)),
        })
    }
}
