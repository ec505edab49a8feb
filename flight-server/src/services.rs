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
use crate::metrics::Metrics;
use crate::queries::Queries;

/// Why the services cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The configuration does not fit.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The catalogs cannot be opened.
    #[error(transparent)]
    Engine(#[from] EngineError),
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
        let query = QueryService::try_new(Arc::new(registry), config.engine_options()?)?;
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

    /// Reads the catalogs again and serves what is found; returns how many tables that is.
    ///
    /// *Errors*: as [`Self::open`]; the catalogs from before are served on.
    pub(crate) async fn reload(&self) -> Result<usize, OpenError> {
        let registry = CatalogRegistry::open_with(&self.config.roots()?, &self.config.overrides()?).await?;
        let registry = registry.with_versions_of(&self.query.registry()).await;
        let tables = registry.tables().len();
        self.query.replace_registry(Arc::new(registry));
        Ok(tables)
    }

    /// Limits of one query: `max_rows` as asked for (or none) below the configured ceiling, and the configured time.
    pub(crate) fn limits(&self, max_rows: Option<u64>) -> QueryLimits {
        let limits = self.config.limits;
        let ceiling = (limits.max_rows > 0).then_some(limits.max_rows);
        let max_rows = match (max_rows, ceiling) {
            (Some(asked), Some(ceiling)) => Some(asked.min(ceiling)),
            (asked, ceiling) => asked.or(ceiling),
        };
        let timeout = (limits.query_seconds > 0).then(|| Duration::from_secs(limits.query_seconds));
        QueryLimits { max_rows, timeout }
    }
}
