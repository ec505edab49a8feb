-- Jobs as UWS 1.1 has them. Times are milliseconds since 1970-01-01T00:00:00 UTC; durations are seconds.
CREATE TABLE job (
    id            TEXT PRIMARY KEY NOT NULL,
    -- Name of the user; NULL is anonymous.
    owner         TEXT,
    -- Address that it came from.
    origin        TEXT NOT NULL,
    run_id        TEXT,
    phase         TEXT NOT NULL,
    created       INTEGER NOT NULL,
    queued        INTEGER,
    started       INTEGER,
    ended         INTEGER,
    destruction   INTEGER NOT NULL,
    -- 0 is unlimited.
    duration      INTEGER NOT NULL,
    -- What the query was thought to take, in milliseconds.
    estimate      INTEGER,
    -- What runs, as JSON; NULL until it is asked to run.
    request       TEXT,
    -- How often it was begun.
    attempts      INTEGER NOT NULL DEFAULT 0,
    error_type    TEXT,
    error         TEXT,
    result_bytes  INTEGER,
    result_rows   INTEGER,
    result_type   TEXT,
    result_digest TEXT,
    overflow      INTEGER,
    -- What the job tells of its work, as JSON.
    report        TEXT,
    -- Bytes of the files that came with it.
    upload_bytes  INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX job_by_phase ON job (phase, queued);
CREATE INDEX job_by_owner ON job (owner, created);
CREATE INDEX job_by_destruction ON job (destruction);

CREATE TABLE job_parameter (
    job     TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    name    TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (job, ordinal)
) STRICT, WITHOUT ROWID;
