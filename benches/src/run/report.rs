//! What was measured, for people and for programs.

use std::io::Write;
use std::path::Path;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use serde::{Deserialize, Serialize};

use super::catalog::Catalog;
use super::tasks::{Measurement, Timing};
use crate::error::BenchError;

/// All results with what is needed to compare them.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    machine: Machine,
    version: String,
    catalog: String,
    rows: u64,
    tasks: Vec<Task>,
}

/// What the benchmark runs on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// The processor's own name.
    pub(crate) cpu: Option<String>,
    /// Threads that run at the same time.
    pub(crate) threads: usize,
    /// Memory.
    pub(crate) memory_gib: Option<f64>,
    /// Operating system.
    pub(crate) system: String,
}

/// One task; without timings where it failed.
#[derive(Debug, Serialize)]
struct Task {
    name: String,
    #[serde(flatten)]
    result: TaskResult,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum TaskResult {
    Timed(Summary),
    Failed { error: String },
}

/// Times in milliseconds; rows and bytes are means over the runs.
#[derive(Debug, Serialize)]
struct Summary {
    runs: usize,
    median_ms: f64,
    p95_ms: f64,
    min_ms: f64,
    rows: f64,
    bytes: f64,
}

impl Report {
    /// Sums up the measurements.
    pub(super) fn new(catalog: &Catalog, server_version: Option<String>, measurements: Vec<Measurement>) -> Self {
        let tasks = measurements.into_iter().map(|measurement| {
            let result = match measurement.outcome {
                Ok(timings) => TaskResult::Timed(Summary::of(&timings)),
                Err(error) => TaskResult::Failed { error: error.to_string() },
            };
            Task { name: measurement.name, result }
        });
        Self {
            machine: Machine::this(),
            version: server_version.unwrap_or_else(|| format!("client {}", env!("CARGO_PKG_VERSION"))),
            catalog: catalog.folder.clone(),
            rows: catalog.rows,
            tasks: tasks.collect(),
        }
    }

    /// An error that names the failed tasks, where there are any.
    pub(super) fn failure(&self) -> Option<BenchError> {
        let failed = self.tasks.iter().filter(|task| matches!(task.result, TaskResult::Failed { .. }));
        let names: Vec<&str> = failed.map(|task| task.name.as_str()).collect();
        (!names.is_empty()).then(|| BenchError::Query(format!("{} tasks: {}", names.len(), names.join("; "))))
    }

    /// Prints the table to standard output.
    pub(super) fn print_table(&self) -> Result<(), BenchError> {
        let mut table = Table::new();
        table.load_preset(UTF8_FULL_CONDENSED).set_header([
            "task",
            "median ms",
            "p95 ms",
            "min ms",
            "rows",
            "bytes",
            "runs",
        ]);
        for task in &self.tasks {
            match &task.result {
                TaskResult::Timed(summary) => table.add_row(summary.cells(&task.name)),
                TaskResult::Failed { error } => table.add_row(vec![task.name.clone(), format!("failed: {error}")]),
            };
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let title = format!("{} ({} rows), {}, warm\n{table}\n", self.catalog, self.rows, self.version);
        write_to_stdout(title.as_bytes())
    }

    /// Writes everything as JSON.
    pub(super) fn write_json(&self, path: &Path) -> Result<(), BenchError> {
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| BenchError::Argument(error.to_string()))?;
        text.push(b'\n');
        if path == Path::new("-") {
            return write_to_stdout(&text);
        }
        std::fs::write(path, text).map_err(|source| BenchError::File { path: path.to_owned(), source })
    }
}

impl Summary {
    /// Of at least one run.
    fn of(timings: &[Timing]) -> Self {
        let mut sorted: Vec<f64> = timings.iter().map(|timing| timing.elapsed.as_secs_f64() * 1e3).collect();
        sorted.sort_by(f64::total_cmp);
        let mean = |value: fn(&Timing) -> u64| timings.iter().map(value).sum::<u64>() as f64 / timings.len() as f64;
        Self {
            runs: timings.len(),
            median_ms: quantile(&sorted, 0.5),
            p95_ms: quantile(&sorted, 0.95),
            min_ms: quantile(&sorted, 0.0),
            rows: mean(|timing| timing.rows),
            bytes: mean(|timing| timing.bytes),
        }
    }

    fn cells(&self, name: &str) -> Vec<String> {
        let milliseconds = |value: f64| format!("{value:.3}");
        vec![
            name.to_owned(),
            milliseconds(self.median_ms),
            milliseconds(self.p95_ms),
            milliseconds(self.min_ms),
            format!("{:.1}", self.rows),
            format!("{:.0}", self.bytes),
            self.runs.to_string(),
        ]
    }
}

/// A quantile of sorted values, between neighbours in proportion.
pub(crate) fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len().saturating_sub(1)) as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    match (sorted.get(below), sorted.get(above)) {
        (Some(low), Some(high)) => low + (high - low) * place.fract(),
        _ => f64::NAN,
    }
}

impl Machine {
    /// This one.
    pub(crate) fn this() -> Self {
        let value = |file: &str, key: &str| {
            let text = std::fs::read_to_string(file).ok()?;
            let line = text.lines().find(|line| line.starts_with(key))?;
            line.split_once(':').map(|(_, value)| value.trim().to_owned())
        };
        let kibibytes =
            value("/proc/meminfo", "MemTotal").and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
        Self {
            cpu: value("/proc/cpuinfo", "model name"),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: kibibytes.map(|memory| (memory / 1_048_576.0 * 10.0).round() / 10.0),
            system: std::env::consts::OS.to_owned(),
        }
    }
}

/// Writes to standard output.
pub(crate) fn write_to_stdout(text: &[u8]) -> Result<(), BenchError> {
    std::io::stdout().write_all(text).map_err(|source| BenchError::File { path: "standard output".into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.5), 2.5);
        assert_eq!(quantile(&[1.0], 0.95), 1.0);
        assert_eq!(quantile(&[0.0, 10.0], 0.95), 9.5);
    }

    #[test]
    fn failed_tasks_stay_in_the_report() {
        let timing = Timing { elapsed: Duration::from_millis(2), rows: 3, bytes: 4 };
        let measurements = vec![
            Measurement { name: "good".to_owned(), outcome: Ok(vec![timing]) },
            Measurement { name: "bad".to_owned(), outcome: Err(BenchError::Query("no".to_owned())) },
        ];
        let catalog = Catalog {
            table: String::new(),
            ra: String::new(),
            dec: String::new(),
            key: String::new(),
            rows: 7,
            cells: Vec::new(),
            folder: "sky".to_owned(),
        };
        let report = Report::new(&catalog, None, measurements);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["tasks"][0]["median_ms"], 2.0);
        assert_eq!(json["tasks"][1]["error"], "query failed: no");
        assert!(report.failure().unwrap().to_string().contains("1 tasks: bad"));
    }
}
