//! Which jobs has somebody? (UWS 1.1, section 2.2.2.1)

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::Response;
use chrono::{DateTime, NaiveDateTime, Utc};

use super::super::links;
use super::super::parameters::Parameters;
use super::super::respond::xml_response;
use super::{Result, UwsError, answered, document};
use crate::error::RequestId;
use crate::jobs::{JobFilter, Jobs, Phase, Time};
use crate::queries::Caller;
use crate::services::Services;

/// Answers the list.
pub(super) async fn show(
    State(services): State<Services>,
    Extension(jobs): Extension<Jobs>,
    Extension(caller): Extension<Caller>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    let base = links::jobs(request.extensions());
    let is_listed = caller.principal.name().is_some() || services.config.jobs.list_anonymous || caller.is_local();
    let parameters = Parameters::of_query(request.uri().query());
    let listed = async {
        let filter = filter(&parameters)?;
        let found = if is_listed { jobs.list(&caller.principal, &filter).await? } else { Vec::new() };
        Ok(xml_response(document::jobs(&found, &base)))
    };
    answered(listed.await, &id)
}

/// `PHASE` any number of times, `AFTER` a moment, `LAST` a number; all must hold.
fn filter(parameters: &Parameters) -> Result<JobFilter> {
    let mut filter = JobFilter::default();
    let phases: Vec<Option<Phase>> =
        parameters.all("PHASE").map(Phase::of_name).collect::<std::result::Result<_, _>>()?;
    if !phases.is_empty() {
        filter.phases = Some(phases.into_iter().flatten().collect());
    }
    filter.after = parameters.single("AFTER")?.map(|text| moment("AFTER", text)).transpose()?;
    let last = |text: &str| {
        let number = text.trim().parse().ok().filter(|number| *number > 0);
        number.ok_or_else(|| UwsError::Value("LAST", format!("expected a positive number of jobs, found {text:?}")))
    };
    filter.last = parameters.single("LAST")?.map(last).transpose()?;
    Ok(filter)
}

/// A moment in ISO 8601, in UTC where it names no zone.
pub(super) fn moment(name: &'static str, text: &str) -> Result<Time> {
    let text = text.trim();
    let zoned = DateTime::parse_from_rfc3339(text).map(|time| time.with_timezone(&Utc)).ok();
    let plain = || {
        let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
        let time = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
        time.or_else(|| text.parse().ok().map(|date: chrono::NaiveDate| date.and_time(chrono::NaiveTime::MIN)))
    };
    let time = zoned.or_else(|| plain().map(|time| time.and_utc()));
    time.ok_or_else(|| UwsError::Value(name, format!("expected a time such as 2026-01-31T12:00:00Z, found {text:?}")))
}

#[cfg(test)]
mod tests {
    use super::super::document::iso;
    use super::*;

    #[test]
    fn times_are_utc_with_and_without_a_zone() {
        for text in
            ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00", "2026-01-31 12:00:00.0", "2026-01-31T13:00:00+01:00"]
        {
            assert_eq!(iso(moment("AFTER", text).unwrap()), "2026-01-31T12:00:00.000Z", "{text}");
        }
        assert_eq!(iso(moment("AFTER", "2026-01-31").unwrap()), "2026-01-31T00:00:00.000Z");
        assert!(moment("AFTER", "yesterday").is_err());
    }

    #[test]
    fn filters_join() {
        let query = "PHASE=COMPLETED&phase=error&PHASE=ARCHIVED&LAST=3&AFTER=2026-01-01";
        let filter = filter(&Parameters::of_query(Some(query))).unwrap();
        assert_eq!(filter.phases, Some(vec![Phase::Completed, Phase::Error]));
        assert_eq!((filter.last, filter.after.is_some()), (Some(3), true));
        for wrong in ["LAST=0", "LAST=x", "PHASE=RUN", "AFTER=x"] {
            assert!(super::filter(&Parameters::of_query(Some(wrong))).is_err(), "{wrong}");
        }
    }
}
