//! How is a job made, changed and ended? (UWS 1.1, sections 2.2.3 and 2.2.4)

use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::response::Response;

use super::super::intake;
use super::super::parameters::Parameters;
use super::super::{asked, links};
use super::list::moment;
use super::{Result, UwsError, answered, see_other, text};
use crate::error::RequestId;
use crate::format::OutputFormat;
use crate::jobs::{Job, Jobs, Time, UploadSource};
use crate::queries::Caller;
use crate::services::Services;

/// Parameters that steer a job and are no part of its query.
const STEERING: [&str; 4] = ["PHASE", "ACTION", "DESTRUCTION", "EXECUTIONDURATION"];

/// Makes a job, and runs it where the request says `PHASE=RUN`.
pub(super) async fn create(
    State(services): State<Services>,
    Extension(jobs): Extension<Jobs>,
    Extension(caller): Extension<Caller>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    let base = links::jobs(request.extensions());
    let default = asked::default_format(request.headers());
    let created = async {
        let parameters = intake::read(request, &jobs, &services, &caller).await?;
        let steering = Steering::of(&parameters)?;
        let mut job = Job::new(&caller.principal, caller.address(), jobs.limits().default_retention);
        job.run_id = asked::run_id(&parameters)?;
        if let Some(time) = steering.destruction {
            job.destruction = time.min(job.created + jobs.limits().longest_retention);
        }
        if let Some(duration) = steering.duration {
            job.duration = jobs.allowed_duration(duration);
        }
        let (pairs, files) = parameters.into_parts();
        job.parameters = queried(pairs);
        let job = jobs.create(job, files).await?;
        let url = format!("{base}/{}", job.id);
        go_on(&jobs, &job, (steering.phase, default)).await?;
        Ok(see_other(&url))
    };
    answered(created.await, &id)
}

/// Changes a job by what is posted to it or to one of its parts.
pub(super) async fn update(
    State(services): State<Services>,
    Extension(jobs): Extension<Jobs>,
    Extension(caller): Extension<Caller>,
    Extension(id): Extension<RequestId>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let (list, url) = (links::jobs(request.extensions()), links::job(request.extensions(), &name));
    let default = asked::default_format(request.headers());
    let changed = async {
        let mut job = jobs.job(&caller.principal, &name).await?;
        let parameters = intake::read(request, &jobs, &services, &caller).await?;
        let steering = Steering::of(&parameters)?;
        if steering.is_delete {
            jobs.delete(&job.id).await?;
            return Ok(see_other(&list));
        }
        if let Some(time) = steering.destruction {
            jobs.set_destruction(&job, time).await?;
        }
        if let Some(duration) = steering.duration {
            jobs.set_duration(&job, duration).await?;
        }
        let (pairs, files) = parameters.into_parts();
        let pairs = queried(pairs);
        if !pairs.is_empty() || !files.is_empty() {
            join(&mut job.parameters, pairs);
            job.run_id = asked::run_id(&Parameters::of(job.parameters.clone()))?;
            job = jobs.set_parameters(job, files).await?;
        }
        go_on(&jobs, &job, (steering.phase, default)).await?;
        Ok(see_other(&url))
    };
    answered(changed.await, &id)
}

/// Ends and forgets a job.
pub(super) async fn delete(
    Extension(jobs): Extension<Jobs>,
    Extension(caller): Extension<Caller>,
    Extension(id): Extension<RequestId>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let list = links::jobs(request.extensions());
    let deleted = async {
        let job = jobs.job(&caller.principal, &name).await?;
        jobs.delete(&job.id).await?;
        Ok(see_other(&list))
    };
    answered(deleted.await, &id)
}

/// Ends and forgets the jobs of `JOB_IDS`, or none where one of them is not the caller's: what `remove_jobs` of astroquery's
/// TAP+ sends.
pub(in super::super) async fn delete_many(
    State(services): State<Services>,
    Extension(jobs): Extension<Jobs>,
    Extension(caller): Extension<Caller>,
    Extension(id): Extension<RequestId>,
    request: Request,
) -> Response {
    let deleted = async {
        let parameters = intake::read(request, &jobs, &services, &caller).await?;
        let names = parameters.single("JOB_IDS")?.unwrap_or_default();
        let mut found = Vec::new();
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            found.push(jobs.job(&caller.principal, name).await?.id);
        }
        if found.is_empty() {
            return Err(UwsError::Value("JOB_IDS", "expected identifiers of jobs, with commas between".to_owned()));
        }
        for job in &found {
            jobs.delete(job).await?;
        }
        Ok(text(format!("{} removed", found.len())))
    };
    answered(deleted.await, &id)
}

/// What a request wants to be done with a job.
#[derive(Debug, Default)]
struct Steering {
    phase: Option<NextPhase>,
    is_delete: bool,
    destruction: Option<Time>,
    duration: Option<Option<Duration>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NextPhase {
    Run,
    Abort,
}

impl Steering {
    fn of(parameters: &Parameters) -> Result<Self> {
        let phase = match parameters.single("PHASE")?.map(|phase| phase.trim().to_ascii_uppercase()).as_deref() {
            None => None,
            Some("RUN") => Some(NextPhase::Run),
            Some("ABORT") => Some(NextPhase::Abort),
            Some(other) => return Err(UwsError::Value("PHASE", format!("expected RUN or ABORT, found {other:?}"))),
        };
        let is_delete = match parameters.single("ACTION")? {
            None => false,
            Some(action) if action.trim().eq_ignore_ascii_case("DELETE") => true,
            Some(other) => return Err(UwsError::Value("ACTION", format!("expected DELETE, found {other:?}"))),
        };
        let destruction = parameters.single("DESTRUCTION")?.map(|text| moment("DESTRUCTION", text)).transpose()?;
        let duration = parameters.single("EXECUTIONDURATION")?.map(seconds).transpose()?;
        Ok(Self { phase, is_delete, destruction, duration })
    }
}

/// Seconds; 0 or less asks for as long as possible.
fn seconds(text: &str) -> Result<Option<Duration>> {
    let wrong = || UwsError::Value("EXECUTIONDURATION", format!("expected seconds, or 0 for no limit, found {text:?}"));
    let seconds: i64 = text.trim().parse().map_err(|_| wrong())?;
    Ok(u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs))
}

/// The pairs that are the query's.
fn queried(pairs: Vec<(String, String)>) -> Vec<(String, String)> {
    let steers = |name: &str| STEERING.iter().any(|known| known.eq_ignore_ascii_case(name));
    pairs.into_iter().filter(|(name, _)| !steers(name)).collect()
}

/// Adds later parameters to earlier ones: uploads come on top, of everything else the last value counts.
fn join(parameters: &mut Vec<(String, String)>, later: Vec<(String, String)>) {
    let is_replaced = |name: &str| {
        !name.eq_ignore_ascii_case("UPLOAD") && later.iter().any(|(other, _)| other.eq_ignore_ascii_case(name))
    };
    parameters.retain(|(name, _)| !is_replaced(name));
    parameters.extend(later);
}

/// Tells a job what it will take, and runs or stops it where that is asked for.
async fn go_on(jobs: &Jobs, job: &Job, (phase, default): (Option<NextPhase>, &'static dyn OutputFormat)) -> Result<()> {
    let request = asked::request(&Parameters::of(job.parameters.clone()), default);
    match phase {
        Some(NextPhase::Abort) => return Ok(jobs.abort(job).await?),
        None => {
            if let Ok(request) = request {
                jobs.estimate(job, &request).await;
            }
            return Ok(());
        }
        Some(NextPhase::Run) => {}
    }
    match request {
        Ok(request) => {
            let absent = request.uploads.iter().find_map(|upload| match &upload.source {
                UploadSource::Part(part) if !jobs.has_part(&job.id, part) => Some(part),
                _ => None,
            });
            if let Some(part) = absent {
                let message = format!("parameter UPLOAD: no part {part:?} came with the job");
                return Ok(jobs.refuse(job, message).await?);
            }
            jobs.estimate(job, &request).await;
            Ok(jobs.queue(job, &request).await?)
        }
        Err(error) => Ok(jobs.refuse(job, error.to_string()).await?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        Parameters::of_query(Some(text)).into_parts().0
    }

    #[test]
    fn later_values_replace_earlier_ones_and_uploads_add_up() {
        let mut parameters = pairs("QUERY=a&UPLOAD=t,param:t&LANG=ADQL");
        join(&mut parameters, pairs("query=b&UPLOAD=u,param:u"));
        assert_eq!(parameters, pairs("UPLOAD=t,param:t&LANG=ADQL&query=b&UPLOAD=u,param:u"));
        assert_eq!(queried(pairs("phase=RUN&QUERY=a&Action=DELETE")), pairs("QUERY=a"));
    }

    #[test]
    fn steering_is_read_and_checked() {
        let steering = |text| Steering::of(&Parameters::of_query(Some(text)));
        assert_eq!(steering("phase=run").unwrap().phase, Some(NextPhase::Run));
        assert!(steering("ACTION=delete").unwrap().is_delete);
        assert_eq!(steering("EXECUTIONDURATION=0").unwrap().duration, Some(None));
        assert_eq!(steering("EXECUTIONDURATION=5").unwrap().duration, Some(Some(Duration::from_secs(5))));
        for wrong in ["PHASE=COMPLETED", "ACTION=x", "EXECUTIONDURATION=x", "DESTRUCTION=soon"] {
            assert!(steering(wrong).is_err(), "{wrong}");
        }
    }
}
