//! Which rules, functions and resources does a query run with? One session state a request, built from the lists here.
//!
//! What is not listed is not reachable: functions, analyzer rules and object stores are all allow-lists. No store is
//! registered, so no path in a query can be opened; catalogs bring their own.

use std::sync::Arc;

use datafusion::catalog::CatalogProviderList;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, SessionStateBuilder, SessionStateDefaults};
use datafusion::optimizer::{Optimizer, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::SessionConfig;
use object_store::ObjectStore;
use url::Url;

use crate::catalog::{CATALOG, DEFAULT_SCHEMA};
use crate::cooperation::GiveWay;
use crate::crossmatch::{NearestInLateral, SkyPlanner};
use crate::functions::{self, Builtins};
use crate::id_joins::TellIds;
use crate::merging::MergeInTurn;
use crate::options::{BlockCacheOptions, EngineOptions, Rules};
use crate::runs::GroupByRuns;
use crate::scan::{BlockCache, FooterCache};
use crate::tallies::AnswerByFooters;

/// Makes session states that differ only in the tables they see.
#[derive(Debug, Clone)]
pub(crate) struct SessionFactory {
    template: SessionState,
    /// The same without the rules that may be switched off.
    plain: SessionState,
}

impl SessionFactory {
    /// Sets up resources and lists once.
    ///
    /// *Errors*: no directory for temporary files.
    pub(crate) fn try_new(options: &EngineOptions) -> Result<Self> {
        let blocks = options.block_cache.as_ref().and_then(open_blocks);
        let footers = Arc::new(FooterCache::new(options.metadata_cache).with_blocks(blocks));
        let mut config = SessionConfig::new()
            .with_default_catalog_and_schema(CATALOG, DEFAULT_SCHEMA)
            .with_create_default_catalog_and_schema(false)
            .with_information_schema(false)
            .with_target_partitions(options.threads.max(1))
            .with_batch_size(8192)
            .with_extension(footers);
        config.options_mut().sql_parser.enable_ident_normalization = false;
        let Builtins { mut scalar, aggregate, window } = functions::allowed_builtins();
        scalar.extend(functions::all());
        let planners = [functions::expr_planners(), SessionStateDefaults::default_expr_planners()].concat();
        let builder = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime_env(options)?)
            .with_expr_planners(planners)
            .with_scalar_functions(scalar)
            .with_aggregate_functions(aggregate)
            .with_window_functions(window)
            .with_table_factories(std::collections::HashMap::new());
        let builder = functions::analyzer_rules().into_iter().fold(builder, SessionStateBuilder::with_analyzer_rule);
        let builder = builder
            .with_optimizer_rules(optimizer_rules())
            .with_physical_optimizer_rules(physical_rules())
            .with_query_planner(Arc::new(SkyPlanner::new(true, options.crossmatch_rows)));
        let template = builder.build();
        let plain = SessionStateBuilder::new_from_existing(template.clone());
        let plain = plain.with_query_planner(Arc::new(SkyPlanner::new(false, options.crossmatch_rows))).build();
        Ok(Self { template, plain })
    }

    /// Bytes of memory that queries have reserved, and the cache of footers.
    pub(crate) fn holds(&self) -> (usize, Option<Arc<FooterCache>>) {
        let reserved = self.template.runtime_env().memory_pool.reserved();
        (reserved, self.template.config().get_extension::<FooterCache>())
    }

    /// A state over the given tables.
    pub(crate) fn state(&self, tables: Arc<dyn CatalogProviderList>, rules: Rules) -> SessionState {
        let mut state = if rules.crossmatch { self.template.clone() } else { self.plain.clone() };
        state.register_catalog_list(tables);
        state.mark_start_execution();
        state
    }
}

/// The cache of remote files; an engine whose folder cannot be used does without, and says so.
fn open_blocks(options: &BlockCacheOptions) -> Option<Arc<BlockCache>> {
    let opened = BlockCache::open(&options.folder, options.bytes);
    let opened = opened.inspect_err(|problem| {
        tracing::warn!(%problem, folder = %options.folder.display(), "remote files are read without a cache");
    });
    opened.ok().map(Arc::new)
}

/// DataFusion's rules, and before those that take correlation apart, ours for the best few of a lateral join.
fn optimizer_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let lateral: Arc<dyn OptimizerRule + Send + Sync> = Arc::new(NearestInLateral);
    [lateral].into_iter().chain(Optimizer::new().rules).collect()
}

/// DataFusion's rules between ours: what footers answer, and groupings by runs, have to be known before a plan is distributed;
/// in which order partitions come together, and what gives way, is settled for what comes out at the end.
fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let first: [Arc<dyn PhysicalOptimizerRule + Send + Sync>; 2] = [Arc::new(AnswerByFooters), Arc::new(GroupByRuns)];
    let last: [Arc<dyn PhysicalOptimizerRule + Send + Sync>; 3] =
        [Arc::new(MergeInTurn), Arc::new(GiveWay), Arc::new(TellIds)];
    first.into_iter().chain(PhysicalOptimizer::new().rules).chain(last).collect()
}

fn runtime_env(options: &EngineOptions) -> Result<Arc<RuntimeEnv>> {
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(options.memory_limit)))
        .with_object_store_registry(Arc::new(NoStores))
        .build_arc()
}

/// A registry that knows no store and learns none: user SQL reaches catalogs by name only.
#[derive(Debug)]
struct NoStores;

impl ObjectStoreRegistry for NoStores {
    fn register_store(&self, _: &Url, _: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        Err(DataFusionError::Plan(format!("no store is reachable from a query, {} was asked for", url.scheme())))
    }
}
