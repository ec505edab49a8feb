//! Many texts for one target, each timed by the processor time of the thread that reads: the machine may be busy.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;

use crate::mutation::mutated;
use crate::random::Random;
use crate::{Target, Verdict};

/// Accepted texts that are kept to be changed again, beside the seeds.
const KEPT: usize = 4096;
/// A text that is slower than all before is read that often more: its memory may have been cold.
const REPEATS: usize = 3;

/// A way to measure the memory that is in use, for drivers that count it: begins a measurement, and ends it with the
/// most bytes that were in use beyond those at the beginning.
pub trait Memory {
    /// Begins a measurement.
    fn begin(&self);
    /// The most bytes in use since then, beyond those at the beginning.
    fn peak(&self) -> usize;
}

/// No measurement of memory.
impl Memory for () {
    fn begin(&self) {}

    fn peak(&self) -> usize {
        0
    }
}

/// One run of a target.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// What reads the texts.
    pub target: Target,
    /// How many texts.
    pub executions: u64,
    /// At most this long.
    pub time: Duration,
    /// Which texts: the same seed makes the same ones.
    pub seed: u64,
    /// Longest that one text may take.
    pub slowest: Duration,
    /// Most bytes that one text may use.
    pub memory: usize,
}

/// What a run saw.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Texts that were read.
    pub executions: u64,
    /// Of them, those that were accepted.
    pub accepted: u64,
    /// The longest that one took.
    pub slowest: Duration,
    /// The most bytes that one used.
    pub memory: usize,
}

/// A text that broke a rule.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Which rule.
    pub rule: String,
    /// The text.
    pub text: String,
}

impl Campaign {
    /// Reads the seeds, then texts made of them; ends with the first that breaks a rule.
    ///
    /// *Errors*: a text that panicked, took longer or used more than is allowed.
    pub fn run(&self, memory: &dyn Memory) -> Result<Summary, Failure> {
        let words = self.target.words();
        let seeds = self.target.seeds();
        let mut kept: Vec<String> = Vec::new();
        let mut random = Random::new(self.seed);
        let mut summary = Summary::default();
        let started = Instant::now();
        for seed in &seeds {
            self.execute(seed, memory, &mut summary)?;
        }
        while summary.executions < self.executions && started.elapsed() < self.time {
            let pick = |random: &mut Random| match random.below(2) {
                0 if !kept.is_empty() => random.pick(&kept).clone(),
                _ => random.pick(&seeds).clone(),
            };
            let (one, other) = (pick(&mut random), pick(&mut random));
            let text = mutated(&one, &other, &words, &mut random);
            if self.execute(&text, memory, &mut summary)? == Verdict::Accepted && text.len() < 2000 {
                match kept.len() {
                    KEPT => kept[random.below(KEPT)] = text,
                    _ => kept.push(text),
                }
            }
        }
        Ok(summary)
    }

    fn execute(&self, text: &str, memory: &dyn Memory, summary: &mut Summary) -> Result<Verdict, Failure> {
        let failure = |rule: String| Failure { rule, text: text.to_owned() };
        memory.begin();
        let (verdict, mut taken) = self.timed(text).map_err(failure)?;
        let used = memory.peak();
        if used > self.memory {
            return Err(failure(format!("used {used} bytes")));
        }
        for _ in 0..(if taken > self.slowest.min(summary.slowest) { REPEATS } else { 0 }) {
            taken = taken.min(self.timed(text).map_err(failure)?.1);
        }
        if taken > self.slowest {
            return Err(failure(format!("took {taken:?}")));
        }
        summary.executions += 1;
        summary.accepted += u64::from(verdict == Verdict::Accepted);
        summary.slowest = summary.slowest.max(taken);
        summary.memory = summary.memory.max(used);
        Ok(verdict)
    }

    fn timed(&self, text: &str) -> Result<(Verdict, Duration), String> {
        let started = ThreadTime::now();
        let verdict = catch_unwind(AssertUnwindSafe(|| self.target.read(text)));
        let verdict = verdict.map_err(|panic| {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            format!("panicked: {}", said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?"))
        });
        Ok((verdict?, started.elapsed()))
    }
}
