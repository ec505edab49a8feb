//! Did something get slower than an earlier report says?

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::results::{Outcome, Report};
use crate::error::BenchError;

/// Which reports to hold against each other.
#[derive(Debug, Clone, Args)]
pub(crate) struct Check {
    /// The earlier report.
    #[arg(long, default_value = "benches/baseline.json")]
    baseline: PathBuf,
    /// The new one.
    #[arg(long)]
    report: PathBuf,
    /// How many times as long something may take.
    #[arg(long, default_value_t = 1.5)]
    factor: f64,
    /// What is compared: times of queries, or the processor's.
    #[arg(long, value_enum, default_value_t = Measure::Median)]
    measure: Measure,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measure {
    /// The median time of a query.
    Median,
    /// The shortest time, which other work on the machine disturbs least.
    Min,
    /// Processor time of a query.
    Cpu,
}

/// Compares; prints each task that got slower.
///
/// *Errors*: a task got slower, failed or is missing; the reports are of skies of other sizes.
pub(crate) fn check(arguments: &Check) -> Result<(), BenchError> {
    let (baseline, report) = (read(&arguments.baseline)?, read(&arguments.report)?);
    if baseline.machine.cpu != report.machine.cpu || baseline.machine.threads != report.machine.threads {
        eprintln!("the baseline was made on another machine: {:?}", baseline.machine);
    }
    let found = slower(&baseline, &report, arguments.measure, arguments.factor)?;
    if found.is_empty() {
        return Ok(());
    }
    Err(BenchError::Slower(found))
}

/// Reads a report.
pub(crate) fn read(path: &Path) -> Result<Report, BenchError> {
    let text = std::fs::read(path).map_err(|source| BenchError::File { path: path.to_owned(), source })?;
    serde_json::from_slice(&text).map_err(|error| BenchError::Argument(format!("{}: {error}", path.display())))
}

/// What of the baseline takes more than `factor` times as long in the report.
fn slower(baseline: &Report, report: &Report, measure: Measure, factor: f64) -> Result<Vec<String>, BenchError> {
    let (before, now) = (&baseline.settings, &report.settings);
    if (before.rows, before.second_rows) != (now.rows, now.second_rows) {
        return Err(BenchError::Argument(format!(
            "the baseline has {} and {} rows, the report {} and {}",
            before.rows, before.second_rows, now.rows, now.second_rows
        )));
    }
    let mut found = Vec::new();
    for task in &baseline.tasks {
        for outcome in &task.outcomes {
            let Some(before) = measured(outcome, measure) else { continue };
            let name = format!("{}, {}", outcome.peer, task.name);
            let now = report.outcome(&task.name, &outcome.peer);
            match now.and_then(|outcome| measured(outcome, measure)) {
                None => found.push(match now.and_then(|outcome| outcome.error.as_ref()) {
                    Some(error) => format!("{name}: {error}"),
                    None => format!("{name}: not measured"),
                }),
                Some(now) if now > before * factor => {
                    let times = now / before;
                    found.push(format!("{name}: {:.3} ms, {:.3} before ({times:.2} times)", now * 1e3, before * 1e3));
                }
                Some(_) => {}
            }
        }
    }
    Ok(found)
}

fn measured(outcome: &Outcome, measure: Measure) -> Option<f64> {
    let seconds = outcome.seconds_of_one().filter(|_| outcome.error.is_none())?;
    Some(match measure {
        Measure::Median => seconds,
        Measure::Min => outcome.seconds.map_or(seconds, |summary| summary.min),
        // Below a tick of the clock there is nothing to compare.
        Measure::Cpu => outcome.cpu_seconds.max(1e-4),
    })
}

#[cfg(test)]
mod tests {
    use super::super::page::tests::report;
    use super::*;

    #[test]
    fn what_takes_longer_fails_or_vanishes_is_found() {
        let baseline = report();
        assert!(slower(&baseline, &baseline, Measure::Median, 1.01).unwrap().is_empty());
        let mut now = report();
        let seconds = now.tasks[0].outcomes[0].seconds.as_mut().unwrap();
        seconds.median *= 1.6;
        let found = slower(&baseline, &now, Measure::Median, 1.5).unwrap();
        assert!(found.len() == 1 && found[0].contains("sidereus, cone 1 arcmin") && found[0].contains("1.60 times"));
        assert!(slower(&baseline, &now, Measure::Median, 1.7).unwrap().is_empty());
        assert!(slower(&baseline, &now, Measure::Min, 1.5).unwrap().is_empty());
        now.tasks[0].outcomes[0].error = Some("broken".to_owned());
        assert_eq!(slower(&baseline, &now, Measure::Min, 9.0).unwrap(), ["sidereus, cone 1 arcmin: broken"]);
        now.tasks.remove(0);
        assert!(slower(&baseline, &now, Measure::Min, 9.0).unwrap()[0].contains("not measured"));
        now.settings.rows += 1;
        assert!(slower(&baseline, &now, Measure::Min, 9.0).is_err());
    }
}
