//! What do front ends work with?
//!
//! Everything that lives as long as the process is made here, once, from the configuration: [`Services`]. Knows no front
//! end and no protocol.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sidereus_engine::{CatalogRegistry, EngineError, QueryLimits, QueryService};

use crate::auth::Authenticator;
use crate::config::{Config, ConfigError};
use crate::health::Health;
use crate::jobs::{Jobs, JobsError, Workshop};
use crate::metadata::{Metadata, MetadataError};
use crate::metrics::Metrics;
use crate::queries::Queries;
use crate::storage::{Account, Storage, StorageError};

/// Why the services cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The configuration does not fit.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The catalogs cannot be opened.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The state folder cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Its database cannot be used.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The jobs in it cannot be taken up again.
    #[error(transparent)]
    Jobs(#[from] JobsError),
}

/// What front ends work with; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Services {
    /// Knows the catalogs; runs what is asked on this machine itself.
    pub(crate) query: QueryService,
    /// Runs the queries of clients.
    pub(crate) queries: Queries,
    /// What was done, in figures.
    pub(crate) metrics: Arc<Metrics>,
    /// Whether requests may be sent here.
    pub(crate) health: Health,
    /// Says who is asking.
    pub(crate) auth: Arc<Authenticator>,
    /// When they were made.
    pub(crate) started: SystemTime,
    /// What the operator set.
    pub(crate) config: Arc<Config>,
}

impl Services {
    /// Opens the catalogs and makes the services.
    pub(crate) async fn open(config: Config) -> Result<Self, OpenError> {
        let registry = CatalogRegistry::open_with(&config.roots()?, &config.overrides()?).await?;
        let query = QueryService::try_new(Arc::new(CatalogRegistry::default()), config.engine_options()?)?;
        let registry = query.with_views(registry, &config.views()?).await;
        query.replace_registry(Arc::new(registry));
        let metrics = Metrics::new();
        let queries = Queries::new(query.clone(), config.admission_limits()?, Arc::clone(&metrics));
        let health = Health::default();
        Ok(Self {
            query,
            queries,
            metrics,
            health,
            auth: Arc::new(config.authenticator()),
            started: SystemTime::now(),
            config: Arc::new(config),
        })
    }

    /// Opens the state folder and the jobs in it.
    ///
    /// *Errors*: another process works in the configured folder, or its disk or database fails.
    pub(crate) async fn open_jobs(&self) -> Result<Jobs, OpenError> {
        let settings = &self.config.jobs;
        let storage = self.open_storage()?;
        let metadata = Metadata::open(&storage.database()).await?;
        let storage = Arc::new(storage);
        let room = Arc::clone(&storage);
        self.queries.spill_into(move |caller| room.spill(Account::named(caller.principal.name(), &caller.address())));
        let workshop = Workshop {
            queries: self.queries.clone(),
            auth: Arc::clone(&self.auth),
            config: Arc::clone(&self.config),
            storage,
            limits: settings.limits(),
            outgoing: self.config.outgoing.way()?,
        };
        Ok(Jobs::open(metadata, workshop).await?)
    }

    /// The configured state folder, or the user's own; where another server works there, a folder of the life of this one.
    fn open_storage(&self) -> Result<Storage, OpenError> {
        let (folder, limits) = (self.config.state_folder()?, self.config.jobs.storage_limits());
        match Storage::open(&folder, limits) {
            Err(StorageError::InUse(folder)) if self.config.state.is_empty() => {
                let folder = folder.display();
                tracing::warn!(%folder, "another sidereus works in the state folder: jobs of this one end with it (--state)");
                Ok(Storage::temporary(limits)?)
            }
            opened => Ok(opened?),
        }
    }

    /// Reads the catalogs again and serves what is found; returns how many tables that is.
    ///
    /// *Errors*: as [`Self::open`]; the catalogs from before are served on.
    pub(crate) async fn reload(&self) -> Result<usize, OpenError> {
        let registry = CatalogRegistry::open_with(&self.config.roots()?, &self.config.overrides()?).await?;
        let registry = registry.with_versions_of(&self.query.registry()).await;
        let registry = self.query.with_views(registry, &self.config.views()?).await;
        let tables = registry.tables().len();
        self.query.replace_registry(Arc::new(registry));
        Ok(tables)
    }

    /// Limits of one query: `max_rows` as asked for (or none) below the configured ceiling, and the configured time.
    pub(crate) fn limits(&self, max_rows: Option<u64>) -> QueryLimits {
        let seconds = self.config.limits.query_seconds;
        let timeout = (seconds > 0).then(|| Duration::from_secs(seconds));
        QueryLimits { max_rows: self.config.row_ceiling(max_rows), timeout }
    }
}
