//! Where is kept what must outlive the process, besides files?
//!
//! One SQLite file in the state folder: write-ahead log, every commit on disk before it is told (`synchronous=FULL`),
//! versioned migrations that only add. Whoever keeps rows here writes SQL of its own over [`Metadata::reader`] and
//! [`Metadata::writer`]; writes take turns, reads never wait for them. This module knows no table's meaning.

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use sidereus_engine::{DISK_FULL, ErrorKind};
use sqlx::TransactionManager;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
    SqliteTransactionManager,
};

/// Connections that read at the same time.
const READERS: u32 = 4;
/// How long a statement waits for another's lock.
const PATIENCE: Duration = Duration::from_secs(30);

/// Every version of the tables: number, what it adds, statements. Never changed once released.
const MIGRATIONS: [(i64, &str, &str); 2] = [
    (1, "jobs", include_str!("migrations/0001_jobs.sql")),
    (2, "signing keys", include_str!("migrations/0002_signing_keys.sql")),
];

/// Why the metadata database cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetadataError {
    /// There is no room for what was to be written.
    #[error("{DISK_FULL}")]
    Full(#[source] sqlx::Error),
    /// The file cannot be opened, read or written.
    #[error("metadata database: {0}")]
    Database(#[source] sqlx::Error),
    /// It was written by a later version of the software, or is damaged.
    #[error("metadata database: cannot bring its tables up to date: {0}")]
    Migrate(#[from] MigrateError),
}

/// SQLITE_FULL and SQLITE_IOERR_SHMSIZE, its codes for a disk without room.
const FULL: [&str; 2] = ["13", "4874"];

impl From<sqlx::Error> for MetadataError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code());
        match code.is_some_and(|code| FULL.contains(&code.as_ref())) {
            true => Self::Full(error),
            false => Self::Database(error),
        }
    }
}

impl MetadataError {
    /// What a caller can do.
    pub(crate) const fn kind(&self) -> ErrorKind {
        match self {
            Self::Full(_) => ErrorKind::Unavailable,
            Self::Database(_) | Self::Migrate(_) => ErrorKind::Internal,
        }
    }
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
        // SQLite ends a transaction by itself where the disk is full, and what the connection holds of it then never ends: later
        // commits on it would be none.
        let is_clean = |connection: &SqliteConnection| SqliteTransactionManager::get_transaction_depth(connection) == 0;
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .after_release(move |connection, _| Box::pin(async move { Ok(is_clean(connection)) }))
            .connect_with(options.clone())
            .await?;
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
