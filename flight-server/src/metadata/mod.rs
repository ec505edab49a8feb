//! Where is kept what must outlive the process, besides files?
//!
//! One SQLite file in the state folder: write-ahead log, every commit on disk before it is told (`synchronous=FULL`),
//! versioned migrations that only add. Whoever keeps rows here writes SQL of its own over [`Metadata::reader`] and
//! [`Metadata::writer`]; writes take turns, reads never wait for them. This module knows no table's meaning.

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

/// Connections that read at the same time.
const READERS: u32 = 4;
/// How long a statement waits for another's lock.
const PATIENCE: Duration = Duration::from_secs(30);

/// Every version of the tables: number, what it adds, statements. Never changed once released.
const MIGRATIONS: [(i64, &str, &str); 1] = [(1, "jobs", include_str!("migrations/0001_jobs.sql"))];

/// Why the metadata database cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetadataError {
    /// The file cannot be opened, read or written.
    #[error("metadata database: {0}")]
    Database(#[from] sqlx::Error),
    /// It was written by a later version of the software, or is damaged.
    #[error("metadata database: cannot bring its tables up to date: {0}")]
    Migrate(#[from] MigrateError),
}

/// The metadata database. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Metadata {
    readers: SqlitePool,
    writer: SqlitePool,
}

impl Metadata {
    /// Opens the file, which is made where it is not there, and brings its tables up to date.
    pub(crate) async fn open(file: &Path) -> Result<Self, MetadataError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(PATIENCE);
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        migrator().run(&writer).await?;
        let readers = SqlitePoolOptions::new().max_connections(READERS).connect_with(options.read_only(true)).await?;
        Ok(Self { readers, writer })
    }

    /// Connections for statements that only read.
    pub(crate) const fn reader(&self) -> &SqlitePool {
        &self.readers
    }

    /// The one connection for statements that write.
    pub(crate) const fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// Ends every connection; the log is folded into the file.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

fn migrator() -> Migrator {
    let migration = |(version, description, sql)| {
        let (description, sql) = (Cow::Borrowed(description), Cow::Borrowed(sql));
        Migration::new(version, description, MigrationType::Simple, sql, false)
    };
    Migrator { migrations: MIGRATIONS.map(migration).to_vec().into(), ..Migrator::DEFAULT }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn commits_are_on_disk_and_a_later_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("m.db");
        let metadata = Metadata::open(&file).await.unwrap();
        let pragma = |name: &'static str| {
            let pool = metadata.writer().clone();
            async move { sqlx::query_scalar::<_, i64>(name).fetch_one(&pool).await.unwrap() }
        };
        assert_eq!((pragma("PRAGMA synchronous").await, pragma("PRAGMA foreign_keys").await), (2, 1));
        let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                     VALUES (999, 'later', TRUE, x'00', 0)";
        sqlx::query(later).execute(metadata.writer()).await.unwrap();
        metadata.close().await;
        let error = Metadata::open(&file).await.unwrap_err().to_string();
        assert!(error.contains("999"), "{error}");
    }

    #[tokio::test]
    async fn a_damaged_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("m.db");
        std::fs::write(&file, "no database at all, but long enough to look at".repeat(9)).unwrap();
        assert!(Metadata::open(&file).await.is_err());
    }
}
