//! How much processor time and memory does a process take? From `/proc`; zero where there is none.

use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// Figures of processes at a moment.
#[derive(Debug)]
pub(crate) struct Usage<'a> {
    processes: &'a [u32],
    begun: f64,
}

impl<'a> Usage<'a> {
    /// Begins to measure: peaks of memory are forgotten.
    pub(crate) fn begin(processes: &'a [u32]) -> Self {
        for process in processes {
            // Without the permission the peak is that of the process's whole life.
            let _ = std::fs::write(format!("/proc/{process}/clear_refs"), "5");
        }
        Self { processes, begun: cpu_seconds(processes) }
    }

    /// Processor seconds since the beginning, and the sum of the peaks of memory in MB.
    pub(crate) fn end(&self) -> (f64, f64) {
        let peaks = self.processes.iter().map(|process| peak_mb(*process)).sum();
        ((cpu_seconds(self.processes) - self.begun).max(0.0), peaks)
    }
}

/// User and system time so far.
fn cpu_seconds(processes: &[u32]) -> f64 {
    processes.iter().map(|process| times(&process.to_string(), [11, 12])).sum()
}

/// User and system time of the children of this process that have ended.
fn ended_children_seconds() -> f64 {
    times("self", [13, 14])
}

/// The sum of some fields of `stat`, counted from the state, in seconds.
fn times(process: &str, fields: [usize; 2]) -> f64 {
    /// Ticks a second, which Linux has fixed for user space.
    const TICKS: f64 = 100.0;
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let Some((_, rest)) = text.rsplit_once(')') else { return 0.0 };
    let values: Vec<&str> = rest.split_whitespace().collect();
    let ticks = fields.iter().filter_map(|field| values.get(*field)?.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS
}

fn peak_mb(process: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kibibytes.unwrap_or_default() * 1024.0 / 1e6
}

/// What a program took that ran to its end.
#[derive(Debug)]
pub(crate) struct Ran {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// From its start to its end.
    pub(crate) seconds: f64,
    /// Its processor time.
    pub(crate) cpu_seconds: f64,
    /// Its peak of memory, as last seen before it ended.
    pub(crate) peak_mb: f64,
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> std::io::Result<Ran> {
    const LOOK: Duration = Duration::from_millis(5);
    let (before, started) = (ended_children_seconds(), Instant::now());
    let mut child = command.spawn()?;
    let mut peak = 0.0_f64;
    loop {
        peak = peak.max(peak_mb(child.id()));
        if let Some(status) = child.try_wait()? {
            let seconds = started.elapsed().as_secs_f64();
            return Ok(Ran { status, seconds, cpu_seconds: ended_children_seconds() - before, peak_mb: peak });
        }
        std::thread::sleep(LOOK);
    }
}

/// The machine's load average over the last minute.
pub(crate) fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().and_then(|value| value.parse().ok()).unwrap_or_default()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn work_and_memory_of_this_process_are_seen() {
        let processes = [std::process::id()];
        let usage = Usage::begin(&processes);
        let begun = Instant::now();
        let mut block = vec![1_u8; 64 << 20];
        while begun.elapsed().as_millis() < 300 {
            block.iter_mut().for_each(|byte| *byte = byte.wrapping_mul(3));
        }
        std::hint::black_box(&block);
        let (seconds, peak) = usage.end();
        assert!(seconds > 0.02 && peak > 64.0, "{seconds} s, {peak} MB");
        assert_eq!(Usage::begin(&[]).end(), (0.0, 0.0));
        let ran =
            run(Command::new("sh").args(["-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; exit 3"])).unwrap();
        assert!(
            ran.status.code() == Some(3) && ran.cpu_seconds > 0.0 && ran.peak_mb > 0.0 && ran.seconds > 0.0,
            "{ran:?}"
        );
    }
}
