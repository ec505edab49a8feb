//! Jobs as XML (UWS 1.1, section 3 and its schema).

use chrono::SecondsFormat;

use crate::format::xml::escaped;
use crate::jobs::{Job, Phase, Time, now};

const NAMESPACES: &str = "xmlns:uws=\"http://www.ivoa.net/xml/UWS/v1.0\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" \
    xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";

/// A moment as UWS writes it: ISO 8601, UTC, with its `Z`.
pub(super) fn iso(time: Time) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// One job, whole; `url` is its own.
pub(super) fn job(job: &Job, url: &str) -> String {
    let mut text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<uws:job version=\"1.1\" {NAMESPACES}>\n");
    let mut add = |name: &str, value: &str| text.push_str(&format!("<uws:{name}>{}</uws:{name}>\n", escaped(value)));
    add("jobId", job.id.as_str());
    if let Some(run_id) = &job.run_id {
        add("runId", run_id);
    }
    text.push_str(&nillable("ownerId", job.owner.as_deref()));
    text.push_str(&format!("<uws:phase>{}</uws:phase>\n", job.phase));
    let time = |name, time: Option<Time>| nillable(name, time.map(iso).as_deref());
    text.push_str(&time("quote", job.quote(now())));
    text.push_str(&time("creationTime", Some(job.created)));
    text.push_str(&time("startTime", job.started));
    text.push_str(&time("endTime", job.ended));
    text.push_str(&format!("<uws:executionDuration>{}</uws:executionDuration>\n", duration(job)));
    text.push_str(&time("destruction", Some(job.destruction)));
    text.push_str(&parameters(job));
    text.push_str(&results(job, url));
    text.push_str(&error_summary(job));
    text.push_str(&information(job));
    text.push_str("</uws:job>\n");
    text
}

/// Seconds that a job may run; 0 is unlimited.
pub(super) fn duration(job: &Job) -> u64 {
    job.duration.map_or(0, |duration| duration.as_secs())
}

/// A list of jobs; `base` is the list's own URL.
pub(super) fn jobs(jobs: &[Job], base: &str) -> String {
    let mut text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<uws:jobs version=\"1.1\" {NAMESPACES}>\n");
    for job in jobs {
        text.push_str(&format!("<uws:jobref id=\"{0}\" xlink:href=\"{1}/{0}\">\n", job.id, escaped(base)));
        text.push_str(&format!("<uws:phase>{}</uws:phase>\n", job.phase));
        if let Some(run_id) = &job.run_id {
            text.push_str(&format!("<uws:runId>{}</uws:runId>\n", escaped(run_id)));
        }
        text.push_str(&nillable("ownerId", job.owner.as_deref()));
        text.push_str(&nillable("creationTime", Some(&iso(job.created))));
        text.push_str("</uws:jobref>\n");
    }
    text.push_str("</uws:jobs>\n");
    text
}

/// The parameters of a job as a document of their own.
pub(super) fn parameters_document(job: &Job) -> String {
    document(&parameters(job), "parameters")
}

/// The results of a job as a document of their own.
pub(super) fn results_document(job: &Job, url: &str) -> String {
    document(&results(job, url), "results")
}

/// An element with its namespaces, alone in a document.
fn document(element: &str, name: &str) -> String {
    let start = format!("<uws:{name}");
    let rest = element.strip_prefix(&start).unwrap_or(element);
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{start} {NAMESPACES}{rest}")
}

fn parameters(job: &Job) -> String {
    let parameter = |(name, value): &(String, String)| {
        format!("<uws:parameter id=\"{}\">{}</uws:parameter>\n", escaped(name), escaped(value))
    };
    let all: String = job.parameters.iter().map(parameter).collect();
    format!("<uws:parameters>\n{all}</uws:parameters>\n")
}

fn results(job: &Job, url: &str) -> String {
    let Some(result) = job.result.as_ref().filter(|_| job.phase == Phase::Completed) else {
        return "<uws:results/>\n".to_owned();
    };
    format!(
        "<uws:results>\n<uws:result id=\"result\" xlink:href=\"{}/results/result\" size=\"{}\" mime-type=\"{}\"/>\n</uws:results>\n",
        escaped(url),
        result.bytes,
        escaped(&result.media_type)
    )
}

fn error_summary(job: &Job) -> String {
    let Some(error) = &job.error else { return String::new() };
    let kind = if error.is_transient { "transient" } else { "fatal" };
    // Line ends stay: a query's error points at its place with a caret in the next line.
    let message = error.message.split('\n').map(escaped).collect::<Vec<_>>().join("\n");
    format!(
        "<uws:errorSummary type=\"{kind}\" hasDetail=\"true\">\n<uws:message>{message}</uws:message>\n</uws:errorSummary>\n"
    )
}

/// How far the job is, and what its scans have read and passed over.
fn information(job: &Job) -> String {
    let mut text = String::new();
    if let Some(report) = &job.report {
        text.push_str(&format!("<progress>{:.3}</progress>\n", report.progress));
        let figures = report.scanned.iter().map(|(name, value)| format!(" {name}=\"{value}\""));
        text.push_str(&format!("<scanned{}/>\n", figures.collect::<String>()));
    }
    if let Some(result) = &job.result {
        text.push_str(&format!("<rows>{}</rows>\n<overflow>{}</overflow>\n", result.rows, result.overflow));
        text.push_str(&format!("<sha256>{}</sha256>\n", result.digest));
    }
    if job.attempts > 1 {
        text.push_str(&format!("<attempts>{}</attempts>\n", job.attempts));
    }
    if text.is_empty() { text } else { format!("<uws:jobInfo>\n{text}</uws:jobInfo>\n") }
}

fn nillable(name: &str, value: Option<&str>) -> String {
    match value {
        Some(value) => format!("<uws:{name}>{}</uws:{name}>\n", escaped(value)),
        None => format!("<uws:{name} xsi:nil=\"true\"/>\n"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sidereus_engine::Principal;

    use super::*;
    use crate::jobs::{JobError, JobReport, JobResult};

    fn completed() -> Job {
        let mut one = Job::new(&Principal::user("a<b", []), "127.0.0.1".to_owned(), Duration::from_secs(60));
        one.phase = Phase::Completed;
        one.parameters = vec![("QUERY".to_owned(), "SELECT 1 WHERE 1 < 2".to_owned())];
        let digest = "00ff".to_owned();
        one.result = Some(JobResult { bytes: 12, rows: 3, media_type: "text/csv".to_owned(), digest, overflow: true });
        one.report = Some(JobReport { progress: 1.0, scanned: vec![("pages".to_owned(), 7)] });
        one
    }

    #[test]
    fn a_job_has_all_of_its_elements_in_the_schemas_order() {
        let text = job(&completed(), "http://h/tap/async/x");
        let names = [
            "jobId",
            "ownerId",
            "phase",
            "quote",
            "creationTime",
            "startTime",
            "endTime",
            "executionDuration",
            "destruction",
            "parameters",
            "results",
            "jobInfo",
        ];
        let places: Vec<usize> = names.iter().map(|name| text.find(&format!("<uws:{name}")).expect(name)).collect();
        assert!(places.is_sorted(), "{text}");
        assert!(text.contains("<uws:ownerId>a&lt;b</uws:ownerId>") && text.contains("<uws:quote xsi:nil=\"true\"/>"));
        assert!(text.contains("xlink:href=\"http://h/tap/async/x/results/result\" size=\"12\" mime-type=\"text/csv\""));
        assert!(text.contains("SELECT 1 WHERE 1 &lt; 2") && text.contains("<scanned pages=\"7\"/>"));
    }

    #[test]
    fn an_error_keeps_its_lines() {
        let mut one = completed();
        (one.phase, one.result) = (Phase::Error, None);
        one.error = Some(JobError { message: "line 1\n  ^ <here>".to_owned(), is_transient: false });
        let text = job(&one, "u");
        assert!(text.contains("type=\"fatal\"") && text.contains("line 1\n  ^ &lt;here&gt;"), "{text}");
        assert!(text.contains("<uws:results/>"));
    }

    #[test]
    fn times_end_with_z() {
        assert!(iso(now()).ends_with('Z') && iso(now()).contains('.'));
    }
}
