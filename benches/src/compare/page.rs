//! A comparison as a section of a page: tables, plots beside it, and everything that is needed to judge them.

use std::path::{Path, PathBuf};

use clap::Args;

use super::check::read;
use super::plot::{Bar, Panel, svg};
use super::results::{Outcome, Report};
use super::tables::{differences, figures, machine, peers, resources, unit};
use crate::error::BenchError;

/// What stands around the section in a page.
const BEGIN: &str = "<!-- comparison: begin, written by `sidereus-benches report` -->";
const END: &str = "<!-- comparison: end -->";

/// Which page to write.
#[derive(Debug, Clone, Args)]
pub(crate) struct WritePage {
    /// Report of a comparison.
    #[arg(long)]
    json: PathBuf,
    /// The page, whose section between two comments is replaced; plots go into a folder of its name beside it.
    #[arg(long, default_value = "docs/benchmarks.md")]
    page: PathBuf,
}

/// Tasks that are shown together.
#[derive(Debug)]
pub(crate) struct Group {
    /// Heading.
    pub(crate) title: &'static str,
    /// Name of the plot's file.
    pub(crate) file: &'static str,
    /// What the names of its tasks begin with.
    pub(crate) tasks: &'static [&'static str],
    /// Whether several clients ask.
    pub(crate) clients: bool,
}

/// All groups in order.
pub(crate) const GROUPS: [Group; 5] = [
    Group {
        title: "Searches, one client",
        file: "searches",
        tasks: &["cone", "polygon", "identifier"],
        clients: false,
    },
    Group { title: "Searches, four clients", file: "clients", tasks: &["cone"], clients: true },
    Group { title: "Whole table", file: "scans", tasks: &["scan", "density"], clients: false },
    Group { title: "Crossmatch and export", file: "moves", tasks: &["crossmatch", "export"], clients: false },
    Group { title: "Ingest", file: "ingest", tasks: &["ingest"], clients: false },
];

impl Group {
    /// The tasks of a report that belong here.
    pub(crate) fn members<'a>(&self, report: &'a Report) -> Vec<&'a super::results::TaskReport> {
        let belongs = |name: &str| {
            self.tasks.iter().any(|task| name.starts_with(task)) && name.ends_with("clients") == self.clients
        };
        report.tasks.iter().filter(|task| belongs(&task.name)).collect()
    }
}

/// Replaces the section and writes the plots.
pub(crate) fn write_page(arguments: &WritePage) -> Result<(), BenchError> {
    let report = read(&arguments.json)?;
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| BenchError::File { path, source }
    };
    let page = &arguments.page;
    let text = std::fs::read_to_string(page).map_err(failed(page))?;
    let folder = page.with_extension("");
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or("plots").to_owned();
    let text = replaced(&text, &section(&report, Some(&name)))
        .ok_or_else(|| BenchError::Argument(format!("{} has no lines {BEGIN:?} and {END:?}", page.display())))?;
    std::fs::create_dir_all(&folder).map_err(failed(&folder))?;
    for group in &GROUPS {
        if let Some(plot) = plot(group, &report) {
            let path = folder.join(format!("{}.svg", group.file));
            std::fs::write(&path, plot).map_err(failed(&path))?;
        }
    }
    std::fs::write(page, text).map_err(failed(page))
}

/// The whole section; with links to plots in a folder.
pub(crate) fn section(report: &Report, plots: Option<&str>) -> String {
    let mut text = machine(report);
    for group in &GROUPS {
        let tasks = group.members(report);
        if tasks.iter().all(|task| task.outcomes.is_empty()) {
            continue;
        }
        text.push_str(&format!("\n### {}\n\n{}", group.title, figures(group, report)));
        if let Some(folder) = plots {
            text.push_str(&format!("\n![{}]({folder}/{}.svg)\n", group.title, group.file));
        }
    }
    text.push_str(&resources(report));
    text.push_str(&differences(report));
    text.push_str(&peers(report));
    text
}

fn replaced(page: &str, section: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{section}\n{END}{after}"))
}

fn plot(group: &Group, report: &Report) -> Option<String> {
    let panel = |task: &&super::results::TaskReport| {
        let mut outcomes: Vec<&Outcome> = task.outcomes.iter().filter(|outcome| outcome.error.is_none()).collect();
        outcomes
            .sort_by(|a, b| a.seconds_of_one().unwrap_or(f64::MAX).total_cmp(&b.seconds_of_one().unwrap_or(f64::MAX)));
        let bars = outcomes.into_iter().filter_map(|outcome| {
            let seconds = outcome.seconds_of_one()?;
            let label = match outcome.queries_per_second {
                Some(rate) => format!("{rate:.0}/s"),
                None => unit(seconds),
            };
            let value = outcome.queries_per_second.unwrap_or(seconds);
            let ours = outcome.peer.starts_with("sidereus");
            Some(Bar { name: outcome.peer.clone(), value, label, ours })
        });
        Panel { title: task.name.clone(), bars: bars.collect() }
    };
    let panels: Vec<Panel> = group.members(report).iter().map(panel).filter(|panel| !panel.bars.is_empty()).collect();
    (!panels.is_empty()).then(|| svg(&panels))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::answers::Verdict;
    use super::super::protocol::Greeting;
    use super::super::results::{PeerReport, Settings, Summary, TaskReport};
    use super::*;
    use crate::run::report::Machine;

    /// A report of two peers, one of which answers wrongly, and one that is not there.
    pub(crate) fn report() -> Report {
        let outcome = |peer: &str, median: f64, differing: usize| Outcome {
            peer: peer.to_owned(),
            seconds: Some(Summary { runs: 5, median, p95: 2.0 * median, min: median / 2.0 }),
            cpu_seconds: median / 4.0,
            peak_mb: 120.0,
            rows: 40,
            answers: Verdict {
                compared: 10,
                differing,
                example: (differing > 0).then(|| "query 3: 2 rows".to_owned()),
            },
            ..Outcome::default()
        };
        let rate = |peer: &str, rate: f64| Outcome {
            peer: peer.to_owned(),
            queries_per_second: Some(rate),
            ..Outcome::default()
        };
        let failed = Outcome { peer: "other".to_owned(), error: Some("no".to_owned()), ..Outcome::default() };
        let task = |name: &str, outcomes: Vec<Outcome>| TaskReport { name: name.to_owned(), outcomes };
        let peer = |name: &str, missing: Option<&str>| PeerReport {
            name: name.to_owned(),
            greeting: Greeting {
                version: format!("{name} 1"),
                install: format!("pip install {name}"),
                missing: missing.map(str::to_owned),
                ..Greeting::default()
            },
            load_seconds: Some(1.5),
            error: None,
        };
        let settings = Settings { rows: 100_000, second_rows: 5000, repeat: 5, probes: 20, budget_seconds: 3.0 };
        Report {
            date: "2026-01-01".to_owned(),
            machine: Machine { cpu: None, threads: 2, memory_gib: Some(8.0), system: "linux".to_owned() },
            load_average: [0.5, 1.5],
            settings,
            peers: vec![peer("sidereus", None), peer("other", None), peer("absent", Some("module absent"))],
            tasks: vec![
                task("cone 1 arcmin", vec![outcome("sidereus", 0.0015, 0), outcome("other", 0.01, 2)]),
                task("cone 1 arcmin, 4 clients", vec![rate("sidereus", 1234.0), rate("other", 90.0)]),
                task("scan", vec![outcome("sidereus", 0.2, 0), failed]),
            ],
        }
    }

    #[test]
    fn the_section_tells_figures_differences_failures_and_who_is_absent() {
        let text = section(&report(), Some("benchmarks"));
        for expected in [
            "100,000 stars",
            "load average 0.5",
            "| sidereus | **1.50 ms** / 3.00 |",
            "| other | 10.0 ms † / 20.0 |",
            "| sidereus | **1234** |",
            "other, cone 1 arcmin: 2 of 10 answers differ (query 3: 2 rows)",
            "other, scan: no",
            "absent: module absent; `pip install absent`",
            "](benchmarks/searches.svg)",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
        assert!(!text.contains("### Ingest"));
    }

    #[test]
    fn only_the_section_of_a_page_changes() {
        let page = format!("# Title\n\n{BEGIN}\nold\n{END}\n\nrest\n");
        let once = replaced(&page, "new\n").unwrap();
        assert!(once.starts_with("# Title\n") && once.ends_with("\n\nrest\n") && !once.contains("old"));
        assert_eq!(replaced(&once, "new\n").unwrap(), once);
        assert!(replaced("# Title\n", "new").is_none());
    }

    #[test]
    fn every_group_with_figures_has_a_plot() {
        let report = report();
        let plots: Vec<bool> = GROUPS.iter().map(|group| plot(group, &report).is_some()).collect();
        assert_eq!(plots, [true, true, true, false, false]);
        assert!(plot(&GROUPS[0], &report).unwrap().contains("1.50 ms"));
    }
}
