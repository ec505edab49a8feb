//! The tables of a comparison, in Markdown.

use super::page::Group;
use super::results::{Outcome, Report, TaskReport};

/// Marks a figure whose answers differ from those of most peers.
const DIFFERS: &str = " †";

/// A time with three digits and its unit.
pub(crate) fn unit(seconds: f64) -> String {
    if seconds < 0.9995 { format!("{} ms", digits(seconds * 1e3)) } else { format!("{} s", digits(seconds)) }
}

/// Three digits that count.
fn digits(value: f64) -> String {
    match value {
        value if value >= 99.95 => format!("{value:.0}"),
        value if value >= 9.995 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

/// A whole number with commas.
fn thousands(value: u64) -> String {
    let plain = value.to_string();
    let groups: Vec<&[u8]> = plain.as_bytes().rchunks(3).rev().collect();
    groups.into_iter().map(String::from_utf8_lossy).collect::<Vec<_>>().join(",")
}

/// What was measured, where, and how.
pub(crate) fn machine(report: &Report) -> String {
    let (machine, settings) = (&report.machine, &report.settings);
    let processor = machine.cpu.as_deref().unwrap_or("unknown processor");
    let memory = machine.memory_gib.map_or_else(String::new, |memory| format!(", {memory:.0} GiB"));
    format!(
        "{}: {} stars, a second table of {} rows; {processor}, {} threads{memory}; load average {:.1} at the beginning, \
         {:.1} at most. One warm-up and {} timed repetitions of up to {} queries or {} s, the peers in turn.\n",
        report.date,
        thousands(settings.rows),
        thousands(settings.second_rows),
        machine.threads,
        report.load_average[0],
        report.load_average[1],
        settings.repeat,
        settings.probes,
        settings.budget_seconds,
    )
}

/// A table of a group's times; the best of each task is bold.
pub(crate) fn figures(group: &Group, report: &Report) -> String {
    let tasks = group.members(report);
    let best = |task: &TaskReport| {
        let times = task.outcomes.iter().filter(|outcome| outcome.error.is_none()).filter_map(Outcome::seconds_of_one);
        times.fold(f64::INFINITY, f64::min)
    };
    let cell = |task: &TaskReport, outcome: &Outcome| {
        let Some(seconds) = outcome.seconds_of_one().filter(|_| outcome.error.is_none()) else {
            return if not_supported(outcome) { String::new() } else { "failed".to_owned() };
        };
        let text = match outcome.queries_per_second {
            Some(rate) => format!("{rate:.0}"),
            None => unit(seconds),
        };
        let text = if seconds <= best(task) { format!("**{text}**") } else { text };
        let mark = if outcome.answers.differing > 0 { DIFFERS } else { "" };
        let many = outcome.seconds.filter(|_| group.tasks[0] == "cone");
        let p95 = many.map_or_else(String::new, |summary| {
            let scale = if summary.median < 1.0 { 1e3 } else { 1.0 };
            format!(" / {}", digits(summary.p95 * scale))
        });
        format!("{text}{mark}{p95}")
    };
    let note = match (group.clients, group.tasks[0]) {
        (true, _) => "Queries a second, all clients together.\n\n",
        (_, "cone") => "Median / 95th percentile of a query.\n\n",
        _ => "Median of a run.\n\n",
    };
    format!("{note}{}", table(report, &tasks, cell))
}

/// Whether the peer said that it does not do this task.
fn not_supported(outcome: &Outcome) -> bool {
    outcome.error.as_ref().is_some_and(|error| error.contains("not supported: "))
}

/// Processor time and memory.
pub(crate) fn resources(report: &Report) -> String {
    let tasks: Vec<&TaskReport> = report.tasks.iter().filter(|task| !task.outcomes.is_empty()).collect();
    let (searches, whole): (Vec<&TaskReport>, Vec<&TaskReport>) = tasks
        .into_iter()
        .partition(|task| ["cone", "polygon", "identifier"].iter().any(|name| task.name.starts_with(name)));
    let mut text =
        "\n### Processor time and memory\n\nProcessor time of a query, client and server together; the peaks of \
                    memory of all its processes together (pages that PostgreSQL's processes share count for each).\n"
            .to_owned();
    for tasks in [searches, whole].iter().filter(|tasks| !tasks.is_empty()) {
        let cell = |_: &TaskReport, outcome: &Outcome| match &outcome.error {
            Some(_) => String::new(),
            None => format!("{}, {:.0} MB", unit(outcome.cpu_seconds), outcome.peak_mb),
        };
        text.push_str(&format!("\n{}", table(report, tasks, cell)));
    }
    text
}

/// What differs and what failed.
pub(crate) fn differences(report: &Report) -> String {
    let mut text = "\n### Answers\n\n".to_owned();
    let outcomes = || report.tasks.iter().flat_map(|task| task.outcomes.iter().map(move |outcome| (task, outcome)));
    let compared: usize = outcomes().map(|(_, outcome)| outcome.answers.compared).sum();
    let differing: usize = outcomes().map(|(_, outcome)| outcome.answers.differing).sum();
    text.push_str(&format!(
        "{} answers of a peer were compared with those of others, by rows and checksums; {differing} differ from what most \
         give{}.\n",
        thousands(compared as u64),
        if differing > 0 { " (†)" } else { "" }
    ));
    for (task, outcome) in outcomes() {
        let who = format!("\n* {}, {}: ", outcome.peer, task.name);
        if outcome.answers.differing > 0 {
            let example = outcome.answers.example.as_deref().unwrap_or("no example");
            let verdict = &outcome.answers;
            text.push_str(&format!("{who}{} of {} answers differ ({example})", verdict.differing, verdict.compared));
        }
        if let Some(error) = outcome.error.as_ref().filter(|_| !not_supported(outcome)) {
            let error = error.strip_prefix("query failed: ").unwrap_or(error);
            text.push_str(&format!("{who}{}", error.lines().next().unwrap_or_default()));
        }
    }
    text.push('\n');
    text
}

/// Who took part, in which version and configuration, and who did not.
pub(crate) fn peers(report: &Report) -> String {
    let mut text = "\n### Systems\n\n| peer | version | settings | loading |\n|---|---|---|---|\n".to_owned();
    let mut absent = String::new();
    for peer in &report.peers {
        let greeting = &peer.greeting;
        let lacks = greeting.missing.as_ref().or(peer.error.as_ref());
        if let Some(lacks) = lacks {
            let lacks = lacks.lines().next().unwrap_or_default();
            absent.push_str(&format!("* {}: {lacks}; `{}`\n", peer.name, greeting.install));
            continue;
        }
        let plain = |value: &serde_json::Value| value.to_string().replace(['"', '\''], "");
        let settings = greeting.configuration.iter().map(|(name, value)| format!("{name} {}", plain(value)));
        let loading = peer.load_seconds.filter(|seconds| *seconds > 0.0).map_or_else(String::new, unit);
        let settings = settings.collect::<Vec<_>>().join(", ");
        text.push_str(&format!("| {} | {} | {settings} | {loading} |\n", peer.name, greeting.version));
    }
    if !absent.is_empty() {
        text.push_str(&format!("\nNot there:\n\n{absent}"));
    }
    text
}

/// A table with a row for each peer that has any figure, and a column for each task.
fn table(report: &Report, tasks: &[&TaskReport], cell: impl Fn(&TaskReport, &Outcome) -> String) -> String {
    let mut text = "| peer |".to_owned();
    for task in tasks {
        text.push_str(&format!(" {} |", task.name));
    }
    text.push_str(&format!("\n|---|{}\n", "---|".repeat(tasks.len())));
    for peer in &report.peers {
        let outcome = |task: &&TaskReport| {
            let outcome = task.outcomes.iter().find(|outcome| outcome.peer == peer.name)?;
            Some(cell(task, outcome)).filter(|text| !text.is_empty())
        };
        let cells: Vec<Option<String>> = tasks.iter().map(outcome).collect();
        if cells.iter().all(Option::is_none) {
            continue;
        }
        text.push_str(&format!("| {} |", peer.name));
        for cell in cells {
            text.push_str(&cell.map_or_else(|| " |".to_owned(), |cell| format!(" {cell} |")));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_with_three_digits_that_count() {
        assert_eq!(
            [0.000_081, 0.009_999_9, 0.999, 1.0, 75.26, 123.4].map(unit),
            ["0.08 ms", "10.0 ms", "999 ms", "1.00 s", "75.3 s", "123 s"]
        );
        assert_eq!([7, 1000, 1_234_567].map(thousands), ["7", "1,000", "1,234,567"]);
    }
}
