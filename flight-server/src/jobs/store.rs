//! Where are jobs kept, and how do they change?
//!
//! Rows of the metadata database. Every change of phase is one statement that names the phases it starts from, so that of
//! two that happen at once one wins and the other learns it. A change that was told is on disk.

use std::time::Duration;

use chrono::DateTime;
use sidereus_engine::Principal;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::job::{Job, JobError, JobId, JobReport, JobRequest, JobResult, Time};
use super::phase::Phase;
use crate::metadata::{Metadata, MetadataError};

/// Jobs in the metadata database. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct JobStore(Metadata);

/// Which jobs are listed.
#[derive(Debug, Clone, Default)]
pub(crate) struct JobFilter {
    /// In any of these phases; `None` in any at all.
    pub(crate) phases: Option<Vec<Phase>>,
    /// Made after this.
    pub(crate) after: Option<Time>,
    /// The newest so many.
    pub(crate) last: Option<u32>,
}

/// Columns of a [`Holding`]: id, owner, origin, bytes of uploads and of the result.
type HoldingRow = (String, Option<String>, String, i64, Option<i64>);

/// What is kept on disk for a job.
#[derive(Debug)]
pub(super) struct Holding {
    pub(super) id: JobId,
    pub(super) owner: Option<String>,
    pub(super) origin: String,
    pub(super) bytes: u64,
    pub(super) has_result: bool,
}

/// Most jobs of one list.
const LIST_LIMIT: u32 = 10_000;

type Result<T> = std::result::Result<T, MetadataError>;

impl JobStore {
    pub(super) const fn new(metadata: Metadata) -> Self {
        Self(metadata)
    }

    /// The database.
    pub(super) const fn metadata(&self) -> &Metadata {
        &self.0
    }

    /// Keeps a new job with its parameters.
    pub(super) async fn insert(&self, job: &Job) -> Result<()> {
        let mut transaction = self.0.writer().begin().await?;
        sqlx::query(
            "INSERT INTO job (id, owner, origin, run_id, phase, created, destruction, duration, upload_bytes) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(job.id.as_str())
        .bind(&job.owner)
        .bind(&job.origin)
        .bind(&job.run_id)
        .bind(job.phase.name())
        .bind(job.created.timestamp_millis())
        .bind(job.destruction.timestamp_millis())
        .bind(seconds(job.duration))
        .bind(whole(job.upload_bytes))
        .execute(&mut *transaction)
        .await?;
        insert_parameters(&mut transaction, &job.id, &job.parameters).await?;
        Ok(transaction.commit().await?)
    }

    /// A job with its parameters.
    pub(super) async fn job(&self, id: &JobId) -> Result<Option<Job>> {
        let row =
            sqlx::query("SELECT * FROM job WHERE id = ?").bind(id.as_str()).fetch_optional(self.0.reader()).await?;
        let Some(row) = row else { return Ok(None) };
        let parameters = sqlx::query_as("SELECT name, value FROM job_parameter WHERE job = ? ORDER BY ordinal")
            .bind(id.as_str())
            .fetch_all(self.0.reader())
            .await?;
        Ok(Some(Job { parameters, ..job_of(&row)? }))
    }

    /// Phase alone, which is all that a waiting client asks for again and again.
    pub(super) async fn phase(&self, id: &JobId) -> Result<Option<Phase>> {
        let name: Option<String> = sqlx::query_scalar("SELECT phase FROM job WHERE id = ?")
            .bind(id.as_str())
            .fetch_optional(self.0.reader())
            .await?;
        name.map(|name| name.parse().map_err(|error| decode("phase", &error))).transpose()
    }

    /// Jobs of a principal, newest first, without their parameters.
    pub(super) async fn list(&self, principal: &Principal, filter: &JobFilter) -> Result<Vec<Job>> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM job WHERE owner IS ");
        query.push_bind(principal.name().map(str::to_owned));
        if let Some(phases) = &filter.phases {
            query.push(" AND phase IN (");
            let mut names = query.separated(", ");
            for phase in phases {
                names.push_bind(phase.name());
            }
            query.push(")");
        }
        if let Some(after) = filter.after {
            query.push(" AND created > ").push_bind(after.timestamp_millis());
        }
        query.push(" ORDER BY created DESC, id LIMIT ").push_bind(filter.last.unwrap_or(LIST_LIMIT).min(LIST_LIMIT));
        query.build().fetch_all(self.0.reader()).await?.iter().map(job_of).collect()
    }

    /// Replaces the parameters of a job that is still to be asked to run; false where it is not.
    pub(super) async fn set_parameters(&self, job: &Job) -> Result<bool> {
        let mut transaction = self.0.writer().begin().await?;
        let changed = sqlx::query(
            "UPDATE job SET run_id = ?, upload_bytes = ?, estimate = NULL WHERE id = ? AND phase = 'PENDING'",
        )
        .bind(&job.run_id)
        .bind(whole(job.upload_bytes))
        .bind(job.id.as_str())
        .execute(&mut *transaction)
        .await?;
        if changed.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("DELETE FROM job_parameter WHERE job = ?").bind(job.id.as_str()).execute(&mut *transaction).await?;
        insert_parameters(&mut transaction, &job.id, &job.parameters).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Sets when a job is removed.
    pub(super) async fn set_destruction(&self, id: &JobId, time: Time) -> Result<bool> {
        self.changed("UPDATE job SET destruction = ? WHERE id = ?", time.timestamp_millis(), id).await
    }

    /// Sets how long a job may run; false where it has begun.
    pub(super) async fn set_duration(&self, id: &JobId, duration: Option<Duration>) -> Result<bool> {
        let statement = "UPDATE job SET duration = ? WHERE id = ? AND phase IN ('PENDING', 'QUEUED')";
        self.changed(statement, seconds(duration), id).await
    }

    /// Keeps what a query is thought to take.
    pub(super) async fn set_estimate(&self, id: &JobId, estimate: Duration) -> Result<bool> {
        let milliseconds = i64::try_from(estimate.as_millis()).unwrap_or(i64::MAX);
        self.changed("UPDATE job SET estimate = ? WHERE id = ?", milliseconds, id).await
    }

    /// From PENDING to QUEUED, with what is to run.
    pub(super) async fn queue(&self, id: &JobId, request: &JobRequest, time: Time) -> Result<bool> {
        let request = serde_json::to_string(request).map_err(|error| decode("request", &error))?;
        let done =
            sqlx::query("UPDATE job SET phase = 'QUEUED', queued = ?, request = ? WHERE id = ? AND phase = 'PENDING'")
                .bind(time.timestamp_millis())
                .bind(request)
                .bind(id.as_str())
                .execute(self.0.writer())
                .await?;
        Ok(done.rows_affected() > 0)
    }

    /// The job whose turn it is, now EXECUTING: of the principal with the fewest that run, the one that waits longest.
    pub(super) async fn begin_next(&self, time: Time, most_each: u32) -> Result<Option<JobId>> {
        let id: Option<String> = sqlx::query_scalar(
            "UPDATE job SET phase = 'EXECUTING', started = ?1, attempts = attempts + 1 WHERE id = ( \
               SELECT q.id FROM job AS q WHERE q.phase = 'QUEUED' AND ( \
                 SELECT COUNT(*) FROM job AS r WHERE r.phase = 'EXECUTING' \
                   AND COALESCE(r.owner, '@' || r.origin) = COALESCE(q.owner, '@' || q.origin)) < ?2 \
               ORDER BY (SELECT COUNT(*) FROM job AS r WHERE r.phase = 'EXECUTING' \
                   AND COALESCE(r.owner, '@' || r.origin) = COALESCE(q.owner, '@' || q.origin)), q.queued, q.id LIMIT 1) \
             RETURNING id",
        )
        .bind(time.timestamp_millis())
        .bind(most_each)
        .fetch_optional(self.0.writer())
        .await?;
        Ok(id.as_deref().and_then(JobId::parse))
    }

    /// From EXECUTING to COMPLETED; false where it was stopped or removed meanwhile.
    pub(super) async fn complete(
        &self,
        id: &JobId,
        result: &JobResult,
        report: &JobReport,
        time: Time,
    ) -> Result<bool> {
        let report = serde_json::to_string(report).map_err(|error| decode("report", &error))?;
        let done = sqlx::query(
            "UPDATE job SET phase = 'COMPLETED', ended = ?, result_bytes = ?, result_rows = ?, result_type = ?, \
             result_digest = ?, overflow = ?, report = ? WHERE id = ? AND phase = 'EXECUTING'",
        )
        .bind(time.timestamp_millis())
        .bind(whole(result.bytes))
        .bind(whole(result.rows))
        .bind(&result.media_type)
        .bind(&result.digest)
        .bind(result.overflow)
        .bind(report)
        .bind(id.as_str())
        .execute(self.0.writer())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// To ERROR or ABORTED, from any phase before the end; false where it had ended.
    pub(super) async fn end(&self, id: &JobId, phase: Phase, error: Option<&JobError>, time: Time) -> Result<bool> {
        let kind = error.map(|error| if error.is_transient { "transient" } else { "fatal" });
        let done = sqlx::query(
            "UPDATE job SET phase = ?, ended = ?, error = ?, error_type = ? \
             WHERE id = ? AND phase IN ('PENDING', 'QUEUED', 'EXECUTING')",
        )
        .bind(phase.name())
        .bind(time.timestamp_millis())
        .bind(error.map(|error| error.message.as_str()))
        .bind(kind)
        .bind(id.as_str())
        .execute(self.0.writer())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// From EXECUTING back to QUEUED, as if it had not been begun: the server stops.
    pub(super) async fn put_back(&self, id: &JobId) -> Result<bool> {
        let done = sqlx::query(
            "UPDATE job SET phase = 'QUEUED', started = NULL, attempts = attempts - 1 WHERE id = ? AND phase = 'EXECUTING'",
        )
        .bind(id.as_str())
        .execute(self.0.writer())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Forgets a job.
    pub(super) async fn delete(&self, id: &JobId) -> Result<bool> {
        let done = sqlx::query("DELETE FROM job WHERE id = ?").bind(id.as_str()).execute(self.0.writer()).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Puts what ran when the server stopped back into the queue; what was begun `most` times is given up instead.
    pub(super) async fn recover(&self, most: u32, given_up: &JobError, time: Time) -> Result<(u64, u64)> {
        let lost = sqlx::query(
            "UPDATE job SET phase = 'ERROR', ended = ?, error = ?, error_type = 'fatal' \
             WHERE phase = 'EXECUTING' AND attempts >= ?",
        )
        .bind(time.timestamp_millis())
        .bind(&given_up.message)
        .bind(most)
        .execute(self.0.writer())
        .await?;
        let again = sqlx::query("UPDATE job SET phase = 'QUEUED', started = NULL WHERE phase = 'EXECUTING'")
            .execute(self.0.writer())
            .await?;
        Ok((again.rows_affected(), lost.rows_affected()))
    }

    /// Jobs whose time has come to be removed, and when the next one's will.
    pub(super) async fn expired(&self, time: Time) -> Result<Vec<JobId>> {
        let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM job WHERE destruction <= ? ORDER BY destruction")
            .bind(time.timestamp_millis())
            .fetch_all(self.0.reader())
            .await?;
        Ok(ids.iter().filter_map(|id| JobId::parse(id)).collect())
    }

    /// What is kept for every job.
    pub(super) async fn holdings(&self) -> Result<Vec<Holding>> {
        let rows: Vec<HoldingRow> = sqlx::query_as("SELECT id, owner, origin, upload_bytes, result_bytes FROM job")
            .fetch_all(self.0.reader())
            .await?;
        let held = |(id, owner, origin, uploads, result): HoldingRow| {
            let bytes = u64::try_from(uploads.saturating_add(result.unwrap_or_default())).unwrap_or_default();
            Some(Holding { id: JobId::parse(&id)?, owner, origin, bytes, has_result: result.is_some() })
        };
        Ok(rows.into_iter().filter_map(held).collect())
    }

    /// How many jobs are in each phase.
    pub(super) async fn counts(&self) -> Result<Vec<(Phase, u64)>> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT phase, COUNT(*) FROM job GROUP BY phase").fetch_all(self.0.reader()).await?;
        let count = |(name, count): (String, i64)| Some((name.parse().ok()?, u64::try_from(count).unwrap_or_default()));
        Ok(rows.into_iter().filter_map(count).collect())
    }

    /// Ends every connection.
    pub(super) async fn close(&self) {
        self.0.close().await;
    }

    async fn changed(&self, statement: &str, value: i64, id: &JobId) -> Result<bool> {
        let done = sqlx::query(statement).bind(value).bind(id.as_str()).execute(self.0.writer()).await?;
        Ok(done.rows_affected() > 0)
    }
}

async fn insert_parameters(
    transaction: &mut sqlx::Transaction<'_, Sqlite>,
    id: &JobId,
    parameters: &[(String, String)],
) -> Result<()> {
    for (ordinal, (name, value)) in parameters.iter().enumerate() {
        sqlx::query("INSERT INTO job_parameter (job, ordinal, name, value) VALUES (?, ?, ?, ?)")
            .bind(id.as_str())
            .bind(whole(ordinal as u64))
            .bind(name)
            .bind(value)
            .execute(&mut **transaction)
            .await?;
    }
    Ok(())
}

fn job_of(row: &SqliteRow) -> Result<Job> {
    let id: String = row.try_get("id")?;
    let phase: String = row.try_get("phase")?;
    let request: Option<String> = row.try_get("request")?;
    let report: Option<String> = row.try_get("report")?;
    let number = |name: &str| -> Result<Option<u64>> {
        Ok(row.try_get::<Option<i64>, _>(name)?.and_then(|value| u64::try_from(value).ok()))
    };
    Ok(Job {
        id: JobId::parse(&id).ok_or_else(|| decode("id", &"no id of a job"))?,
        owner: row.try_get("owner")?,
        origin: row.try_get("origin")?,
        run_id: row.try_get("run_id")?,
        phase: phase.parse().map_err(|error| decode("phase", &error))?,
        created: time(row, "created")?.unwrap_or_default(),
        queued: time(row, "queued")?,
        started: time(row, "started")?,
        ended: time(row, "ended")?,
        destruction: time(row, "destruction")?.unwrap_or_default(),
        duration: number("duration")?.filter(|seconds| *seconds > 0).map(Duration::from_secs),
        estimate: number("estimate")?.map(Duration::from_millis),
        request: request.map(|text| serde_json::from_str(&text)).transpose().map_err(|e| decode("request", &e))?,
        attempts: row.try_get("attempts")?,
        error: job_error(row)?,
        result: job_result(row)?,
        report: report.map(|text| serde_json::from_str(&text)).transpose().map_err(|e| decode("report", &e))?,
        upload_bytes: number("upload_bytes")?.unwrap_or_default(),
        parameters: Vec::new(),
    })
}

fn job_error(row: &SqliteRow) -> Result<Option<JobError>> {
    let Some(message) = row.try_get("error")? else { return Ok(None) };
    let kind: Option<String> = row.try_get("error_type")?;
    Ok(Some(JobError { message, is_transient: kind.as_deref() == Some("transient") }))
}

fn job_result(row: &SqliteRow) -> Result<Option<JobResult>> {
    let Some(bytes) = row.try_get::<Option<i64>, _>("result_bytes")? else { return Ok(None) };
    let rows: Option<i64> = row.try_get("result_rows")?;
    let overflow: Option<bool> = row.try_get("overflow")?;
    let (media_type, digest): (Option<String>, Option<String>) =
        (row.try_get("result_type")?, row.try_get("result_digest")?);
    Ok(Some(JobResult {
        bytes: u64::try_from(bytes).unwrap_or_default(),
        rows: u64::try_from(rows.unwrap_or_default()).unwrap_or_default(),
        media_type: media_type.unwrap_or_default(),
        digest: digest.unwrap_or_default(),
        overflow: overflow.unwrap_or_default(),
    }))
}

fn time(row: &SqliteRow, column: &str) -> Result<Option<Time>> {
    let milliseconds: Option<i64> = row.try_get(column)?;
    Ok(milliseconds.and_then(DateTime::from_timestamp_millis))
}

fn decode(column: &str, error: &dyn std::fmt::Display) -> MetadataError {
    let source = format!("column {column}: {error}").into();
    MetadataError::Database(sqlx::Error::Decode(source))
}

fn seconds(duration: Option<Duration>) -> i64 {
    duration.map_or(0, |duration| whole(duration.as_secs().max(1)))
}

/// SQLite's integers have a sign; nothing here is as large.
fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
