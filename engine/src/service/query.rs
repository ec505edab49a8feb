//! From a query text to a stream of record batches: the few lines that chain everything.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use arrow::array::{RecordBatch, RecordBatchOptions, StringArray};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::CatalogProviderList;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::execution::{SessionState, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, execute_stream};
use futures::{StreamExt, TryStreamExt};
use sidereus_adql::{Extensions, Label, Language};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinError;
use tokio::time::{Instant, timeout_at};

use super::account::{Account, count_tasks};
use super::estimate::{Estimate, probed};
use super::permits::Permits;
use super::plan;
use super::provenance::Provenance;
use super::references::described;
use super::result::{OverflowFlag, QueryResult, ResultStream, Run};
use super::rows::joined;
use super::spill::SpillSpace;
use super::template::ScanTemplate;
use super::views::check_scans;
use super::worker::{Lane, Workers};
use super::{CacheUse, Execution, QueryClass, QueryKind, QueryRequest, Resources};
use crate::catalog::{
    CatalogRegistry, RegistryNames, TableDescription, catalog_provider, describe, names_snapshot, table_provider,
};
use crate::error::{EngineError, ErrorKind};
use crate::merging::{self, MergeExec};
use crate::options::{EngineOptions, QueryLimits, Rules};
use crate::principal::Principal;
use crate::scan::HatsScanExec;
use crate::session::SessionFactory;
use crate::uploads;

/// Batches that a query may be ahead of its reader.
const AHEAD: usize = 4;

/// A query that was parsed, checked and planned once and can be run many times, over the snapshot it was prepared on.
#[derive(Debug, Clone)]
pub struct PreparedQuery {
    text: Arc<str>,
    schema: SchemaRef,
    parameters: SchemaRef,
    kind: QueryKind,
    principal: Principal,
    provenance: Arc<Provenance>,
    registry: Arc<CatalogRegistry>,
    state: Arc<SessionState>,
    plan: LogicalPlan,
    template: Option<ScanTemplate>,
    /// Whether many rows of parameters may be joined.
    joins_rows: bool,
}

impl PreparedQuery {
    /// The text it was made of.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Columns of the result.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// One field a parameter, named `$1`, `$2`, ...
    #[must_use]
    pub fn parameters(&self) -> &SchemaRef {
        &self.parameters
    }

    /// What the statement does.
    #[must_use]
    pub fn kind(&self) -> QueryKind {
        self.kind
    }

    /// What its answers are made of; the metadata of its schema says the same.
    #[must_use]
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// Whose query it is.
    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.principal
    }
}

/// Runs queries over a registry of catalogs. Cheap to clone; one for the life of a process.
#[derive(Debug, Clone)]
pub struct QueryService {
    registry: Arc<RwLock<Arc<CatalogRegistry>>>,
    options: EngineOptions,
    sessions: Arc<SessionFactory>,
    workers: Workers,
    pub(super) permits: Permits,
}

impl QueryService {
    /// Makes a service and starts its threads.
    ///
    /// *Errors*: the system gives no threads or no directory for temporary files.
    pub fn try_new(registry: Arc<CatalogRegistry>, options: EngineOptions) -> Result<Self, EngineError> {
        count_tasks();
        let sessions = Arc::new(SessionFactory::try_new(&options)?);
        let workers = Workers::try_new(options.threads)?;
        let permits = Permits::new(options.long_queries);
        Ok(Self { registry: Arc::new(RwLock::new(registry)), options, sessions, workers, permits })
    }

    /// The registry that it serves now.
    #[must_use]
    pub fn registry(&self) -> Arc<CatalogRegistry> {
        Arc::clone(&self.registry.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Serves another registry from now on. What was prepared or runs keeps the one it began with.
    pub fn replace_registry(&self, registry: Arc<CatalogRegistry>) {
        *self.registry.write().unwrap_or_else(PoisonError::into_inner) = registry;
    }

    /// Whether a query was prepared over the catalogs that are served now.
    #[must_use]
    pub fn is_current(&self, prepared: &PreparedQuery) -> bool {
        Arc::ptr_eq(&prepared.registry, &self.registry())
    }

    /// What plans a query over tables.
    pub(super) fn session(&self, tables: Arc<dyn CatalogProviderList>, rules: Rules) -> SessionState {
        self.sessions.state(tables, rules)
    }

    /// The resources it was given.
    #[must_use]
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// What it holds now.
    #[must_use]
    pub fn resources(&self) -> Resources {
        let limit = self.options.memory_limit as u64;
        let (memory, footers) = self.sessions.holds();
        let cache =
            |(bytes, capacity, [hits, misses]): (u64, u64, [u64; 2])| CacheUse { bytes, capacity, hits, misses };
        let blocks = footers.as_ref().and_then(|footers| footers.blocks_use()).map(cache);
        let footers = footers.map(|footers| cache(footers.usage())).unwrap_or_default();
        Resources { memory: memory as u64, memory_limit: limit, footers, blocks }
    }

    /// Tables that the principal may see, TAP_SCHEMA's own included, ordered by name. Reads no file.
    #[must_use]
    pub fn tables(&self, principal: &Principal) -> Vec<TableDescription> {
        describe(&self.registry(), principal)
    }

    /// Parses, checks and plans the text of a request under its rules and within its time; its parameters are not looked at.
    ///
    /// *Errors*: `BadQuery` with every place, `NotFound`, `Forbidden`, `LimitExceeded`, `Timeout`.
    pub async fn prepare(&self, principal: &Principal, request: &QueryRequest) -> Result<PreparedQuery, EngineError> {
        let (service, principal) = (self.clone(), principal.clone());
        let request = QueryRequest { parameters: Vec::new(), ..request.clone() };
        let limits = request.limits;
        let task = async move { service.plan_text(principal, request).await };
        within(deadline(limits), Box::pin(self.workers.run(task))).await?
    }

    async fn plan_text(&self, principal: Principal, request: QueryRequest) -> Result<PreparedQuery, EngineError> {
        let off = if request.label == Label::Adql { self.options.extensions_off } else { Extensions::NONE };
        let language = Language { label: request.label, standard: request.standard, off };
        let rules = request.rules.unwrap_or(self.options.rules);
        let registry = self.registry();
        let uploads = uploads::metadata(&request.uploads)?;
        let names = RegistryNames::new(&registry, &principal).with_uploads(&uploads);
        let checked = plan::read(&request.text, language, &names)?;
        let provenance = Provenance::of(&checked.lowered, language.label, &registry);
        let tables: Vec<_> =
            checked.lowered.tables.iter().filter_map(|path| registry.at(path)).map(Arc::clone).collect();
        check_scans(checked.lowered.expanded_table_count, &tables)?;
        // Who names a snapshot wants the same answer again.
        let below = tables.iter().filter_map(|table| table.view.as_ref()).flat_map(|view| &view.catalogs);
        let below = below.map(|name| vec![name.schema.clone(), name.table.clone()]);
        let is_settled =
            checked.lowered.tables.iter().cloned().chain(below).any(|path| names_snapshot(&registry, &path));
        let rules = Rules { run_grouping: rules.run_grouping && !is_settled, ..rules };
        let make_table = move |catalog| table_provider(catalog, rules);
        let mut state = self.sessions.state(catalog_provider(&registry, &principal, uploads, make_table), rules);
        let plan = plan::plan(&state, &checked).await?;
        let parameters = plan::parameter_schema(&checked.lowered.parameters, &plan)?;
        let plan = plan::with_parameter_types(plan, &parameters)?;
        if is_settled {
            let one_by_one = merging::is_one_by_one(&plan)?;
            merging::settle(state.config_mut().options_mut(), one_by_one);
        }
        let analysed = plan::analysed(&state, &plan)?;
        let template = analysed.as_ref().filter(|_| rules.scan_template).and_then(ScanTemplate::of);
        let settled = analysed.as_ref().unwrap_or(&plan).schema();
        let schema = plan::with_types_of(plan.schema().inner(), settled.inner());
        let schema = match checked.kind {
            QueryKind::Select => plan::with_units(&schema, &checked.lowered.units),
            QueryKind::Explain { .. } => schema,
        };
        let fields = match checked.kind {
            QueryKind::Select => described(schema.fields(), &checked.lowered, &registry).into(),
            QueryKind::Explain { .. } => SchemaRef::unwrap_or_clone(schema).fields,
        };
        let schema = Arc::new(Schema::new_with_metadata(fields, provenance.metadata()));
        let (kind, provenance, state) = (checked.kind, Arc::new(provenance), Arc::new(state));
        let text = Arc::from(request.text);
        let joins_rows = rules.parameter_joins;
        Ok(PreparedQuery {
            text,
            schema,
            parameters,
            kind,
            principal,
            provenance,
            registry,
            state,
            plan,
            template,
            joins_rows,
        })
    }

    /// Runs a prepared query with values for its parameters; a limit of no rows at all asks for the columns alone.
    ///
    /// *Errors*: as [`Self::prepare`]; a wrong number or type of parameters; `Forbidden` for another's query; what its gate says.
    pub async fn execute(
        &self,
        principal: &Principal,
        prepared: &PreparedQuery,
        execution: Execution,
    ) -> Result<QueryResult, EngineError> {
        check_owner(principal, prepared)?;
        let Execution { parameters, limits, gate, spill } = execution;
        let deadline = deadline(limits);
        let values = cast_parameters(&parameters, &prepared.parameters)?;
        if limits.max_rows == Some(0) && prepared.kind == QueryKind::Select {
            return Ok(QueryResult::columns_alone(Arc::clone(&prepared.schema)));
        }
        let (sender, receiver) = mpsc::channel(AHEAD);
        let (told, planned) = oneshot::channel();
        let (overflow, account) = (OverflowFlag::default(), Arc::new(Account::default()));
        let cut = Cut { remaining: limits.max_rows, overflow: overflow.clone() };
        let (few_rows, threads) = (self.options.short_rows, self.options.threads);
        let memory = (Arc::clone(&account), self.options.query_memory);
        let output = Output { cut, sender, deadline, permits: Permits::new(0), memory, spill };
        let prepared = prepared.clone();
        // What reads little goes on where it was planned: to wake another thread takes longer than many a query.
        let short = async move {
            let admitted = async {
                let physical = physical(prepared, values, limits.max_rows, threads).await?;
                let class = QueryClass::of(physical.plan.as_ref(), few_rows);
                if let Some(gate) = gate {
                    gate(class).await?;
                }
                Ok::<_, EngineError>((physical, class))
            };
            match admitted.await {
                Err(error) => drop(told.send(Err(error))),
                Ok((physical, class)) if lane(physical.plan.as_ref(), few_rows) == Lane::Long => {
                    drop(told.send(Ok((physical, class, Some(output)))));
                }
                Ok((physical, class)) => {
                    drop(told.send(Ok((physical.clone(), class, None))));
                    produce(physical, output).await;
                }
            }
        };
        let mut task = self.workers.start(Lane::Short, account.time(short))?;
        let Ok(planned) = within(deadline, planned).await? else { return Err(ended(task.join().await.err())) };
        let (physical, class, long) = planned?;
        let (schema, plan) = (Arc::clone(&physical.schema), Arc::clone(&physical.plan));
        if let Some(output) = long {
            let permits = if class == QueryClass::Scan { self.permits.clone() } else { Permits::new(0) };
            let long = produce(physical, Output { permits, ..output });
            task = self.workers.start(Lane::Long, account.time(long))?;
        }
        let run = Run { overflow, class, plan, account };
        Ok(QueryResult::new(received(receiver, task, deadline), schema, run))
    }

    /// A query without parameters that gives what a prepared one gives for each row of parameters, one after the other, in one
    /// pass over its catalogs; `None` where there is none, and the query is to be run for each.
    ///
    /// *Shapes*: a column for each parameter, in order. *Errors*: as [`Self::execute`].
    pub async fn joined(
        &self,
        principal: &Principal,
        prepared: &PreparedQuery,
        rows: &RecordBatch,
    ) -> Result<Option<PreparedQuery>, EngineError> {
        check_owner(principal, prepared)?;
        if !prepared.joins_rows
            || prepared.kind != QueryKind::Select
            || rows.num_columns() != prepared.parameters.fields().len()
        {
            return Ok(None);
        }
        let (query, rows) = (prepared.clone(), rows.clone());
        // What cannot be planned with columns in place of constants is run for each row.
        let joining = async move { Ok(joined(&query.state, &query.plan, &rows).await.unwrap_or(None)) };
        let plan = Box::pin(self.workers.run(joining)).await?;
        let parameters = Arc::new(Schema::empty());
        Ok(plan.map(|plan| PreparedQuery { plan, parameters, template: None, ..prepared.clone() }))
    }

    /// What a prepared query will cost, without running it.
    ///
    /// *Errors*: as [`Self::execute`].
    pub async fn estimate(
        &self,
        principal: &Principal,
        prepared: &PreparedQuery,
        parameters: &[ScalarValue],
        limits: QueryLimits,
    ) -> Result<Estimate, EngineError> {
        check_owner(principal, prepared)?;
        let physical = within(deadline(limits), self.physical(prepared, parameters, limits)).await??;
        let state = Arc::clone(&physical.state);
        let probing = async move { probed(physical.plan, &state).await };
        let plan = within(deadline(limits), Box::pin(self.workers.run(probing))).await??;
        Ok(Estimate::of(&plan, self.options.threads))
    }

    /// The operators of a query, ready to run.
    async fn physical(
        &self,
        prepared: &PreparedQuery,
        parameters: &[ScalarValue],
        limits: QueryLimits,
    ) -> Result<Physical, EngineError> {
        let values = cast_parameters(parameters, &prepared.parameters)?;
        let (prepared, threads) = (prepared.clone(), self.options.threads);
        let task = async move { physical(prepared, values, limits.max_rows, threads).await };
        Box::pin(self.workers.run(task)).await
    }

    /// Prepares and runs a query.
    ///
    /// *Errors*: as [`Self::prepare`] and [`Self::execute`].
    pub async fn run(&self, principal: &Principal, request: &QueryRequest) -> Result<QueryResult, EngineError> {
        let prepared = self.prepare(principal, request).await?;
        let (parameters, limits) = (request.parameters.clone(), request.limits);
        self.execute(principal, &prepared, Execution { parameters, limits, ..Execution::default() }).await
    }
}

fn check_owner(principal: &Principal, prepared: &PreparedQuery) -> Result<(), EngineError> {
    match *principal == prepared.principal {
        true => Ok(()),
        false => Err(EngineError::request(ErrorKind::Forbidden, "this query was prepared by somebody else")),
    }
}

type Batch = Result<RecordBatch, EngineError>;

/// Where the batches of a query go, and what holds them up.
struct Output {
    cut: Cut,
    sender: mpsc::Sender<Batch>,
    deadline: Deadline,
    permits: Permits,
    /// Who is charged for memory, and the most that it may have; 0 is what there is.
    memory: (Arc<Account>, usize),
    spill: Option<Arc<dyn SpillSpace>>,
}

/// Runs a plan into a channel. Operators start tasks as soon as they are executed, on the threads of whoever executes them.
async fn produce(physical: Physical, output: Output) {
    let Physical { plan, schema, state, note } = physical;
    let Output { cut, sender, deadline, permits, memory: (account, most), spill } = output;
    let runtime = match account.runtime(state.runtime_env(), most, spill) {
        Ok(runtime) => runtime,
        // Nobody may be waiting.
        Err(error) => return drop(sender.send(Err(error.into())).await),
    };
    let context = TaskContext::from(state.as_ref()).with_runtime(runtime);
    let mut batches = match batches(plan, context, schema) {
        Ok(batches) => cut.apply(Box::pin(batches.chain(futures::stream::iter(note.map(Ok))))),
        Err(error) => futures::stream::once(async { Err(error) }).boxed(),
    };
    while let Some(batch) = next_within(&mut batches, &permits, deadline).await {
        let failed = batch.is_err();
        if sender.send(batch).await.is_err() || failed {
            return;
        }
    }
}

/// What a task sends, to its end. The task lives in the stream: dropping the stream stops it. A panic closes the channel
/// early, so its outcome is asked for at the end.
fn received(receiver: mpsc::Receiver<Batch>, task: SpawnedTask<()>, deadline: Deadline) -> ResultStream {
    // The time is watched here as well: an operator that does not yield cannot be told of it there.
    let stream = futures::stream::unfold((receiver, Some(task)), move |(mut receiver, mut task)| async move {
        match within(deadline, receiver.recv()).await {
            Ok(Some(batch)) => return Some((batch, (receiver, task))),
            Ok(None) => {}
            Err(late) => {
                let _running = task.take()?;
                return Some((Err(late), (receiver, None)));
            }
        }
        let error = task.take()?.join().await.err()?;
        Some((Err(ended(Some(error))), (receiver, None)))
    });
    Box::pin(stream)
}

fn ended(error: Option<JoinError>) -> EngineError {
    let why = error.map_or_else(|| "it told no result".to_owned(), |error| error.to_string());
    EngineError::request(ErrorKind::Internal, format!("a query task ended: {why}"))
}

type Deadline = Option<(Instant, Duration)>;

/// A plan ready to run.
#[derive(Clone)]
struct Physical {
    plan: Arc<dyn ExecutionPlan>,
    schema: SchemaRef,
    state: Arc<SessionState>,
    /// A last batch: what an explained query will cost.
    note: Option<RecordBatch>,
}

async fn physical(
    prepared: PreparedQuery,
    values: Vec<ScalarValue>,
    max_rows: Option<u64>,
    threads: usize,
) -> Result<Physical, EngineError> {
    let values = (!values.is_empty()).then(|| ParamValues::from(values));
    // One row more than is handed out tells a full answer from a cut one.
    let cut = max_rows.filter(|_| prepared.kind == QueryKind::Select);
    let cut = cut.map(|rows| usize::try_from(rows.saturating_add(1)).unwrap_or(usize::MAX));
    if let Some(template) = &prepared.template
        && let Some(plan) = template.bind(&prepared.state, values.as_ref(), cut)?
    {
        return Ok(Physical { plan, schema: prepared.schema, state: prepared.state, note: None });
    }
    let mut logical = prepared.plan;
    if let Some(values) = values {
        logical = logical.with_param_values(values)?;
    }
    if let Some(rows) = cut {
        logical = plan::cut(logical, rows)?;
    }
    let plan = prepared.state.create_physical_plan(&logical).await?;
    let schema = plan::with_types_of(&prepared.schema, &plan.schema());
    let note = match &logical {
        LogicalPlan::Explain(explain) => {
            let explained = prepared.state.create_physical_plan(&explain.plan).await?;
            Some(note(&schema, &Estimate::of(&probed(explained, &prepared.state).await?, threads))?)
        }
        _ => None,
    };
    Ok(Physical { plan, schema, state: prepared.state, note })
}

/// An estimate as a row of an explanation.
fn note(schema: &SchemaRef, estimate: &Estimate) -> Result<RecordBatch, EngineError> {
    let column = |text: String| Arc::new(StringArray::from(vec![text])) as _;
    let columns = vec![column("estimate".to_owned()), column(estimate.to_string())];
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(|error| {
        EngineError::request(ErrorKind::Internal, format!("an explanation has other columns: {error}"))
    })
}

fn cast_parameters(values: &[ScalarValue], declared: &SchemaRef) -> Result<Vec<ScalarValue>, EngineError> {
    if values.len() != declared.fields().len() {
        let (given, wanted) = (values.len(), declared.fields().len());
        let message = format!("the query has {wanted} parameters, {given} values were given");
        return Err(EngineError::request(ErrorKind::BadQuery, message));
    }
    let cast = |(value, field): (&ScalarValue, &Arc<arrow::datatypes::Field>)| {
        value.cast_to(field.data_type()).map_err(|_| {
            let message = format!("parameter {}: {value} is no {}", field.name(), field.data_type());
            EngineError::request(ErrorKind::BadQuery, message)
        })
    };
    values.iter().zip(declared.fields()).map(cast).collect()
}

fn batches(plan: Arc<dyn ExecutionPlan>, context: TaskContext, schema: SchemaRef) -> Result<ResultStream, EngineError> {
    let plan = match plan.output_partitioning().partition_count() {
        1 => plan,
        _ => Arc::new(MergeExec::new(plan, false)),
    };
    let stream = execute_stream(plan, Arc::new(context))?;
    let stream = stream.map_err(EngineError::from).map(move |batch| {
        let batch = batch?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let dressed = RecordBatch::try_new_with_options(Arc::clone(&schema), batch.columns().to_vec(), &options);
        dressed.map_err(|error| EngineError::request(ErrorKind::Internal, format!("result columns differ: {error}")))
    });
    Ok(Box::pin(stream))
}

/// Queries without joins that read few rows are short.
fn lane(plan: &dyn ExecutionPlan, few_rows: usize) -> Lane {
    let mut node = plan;
    loop {
        match *node.children() {
            [] => break,
            [input] => node = input.as_ref(),
            _ => return Lane::Long,
        }
    }
    match node.downcast_ref::<HatsScanExec>().map(|scan| scan.descriptor().reading().rows) {
        None => Lane::Short,
        Some(Some(rows)) if rows <= few_rows as f64 => Lane::Short,
        Some(_) => Lane::Long,
    }
}

/// Hands out at most so many rows, and tells when there were more.
struct Cut {
    remaining: Option<u64>,
    overflow: OverflowFlag,
}

impl Cut {
    fn apply(self, batches: ResultStream) -> ResultStream {
        let Some(remaining) = self.remaining else { return batches };
        let overflow = self.overflow;
        let cut = futures::stream::try_unfold((batches, remaining), move |(mut batches, remaining)| {
            let overflow = overflow.clone();
            async move {
                let Some(batch) = batches.try_next().await? else { return Ok(None) };
                let rows = batch.num_rows() as u64;
                if rows <= remaining {
                    return Ok(Some((batch, (batches, remaining - rows))));
                }
                overflow.set();
                let kept = usize::try_from(remaining).unwrap_or(usize::MAX);
                let empty: ResultStream = Box::pin(futures::stream::empty());
                Ok((kept > 0).then(|| (batch.slice(0, kept), (empty, 0))))
            }
        });
        Box::pin(cut)
    }
}

fn deadline(limits: QueryLimits) -> Deadline {
    limits.timeout.map(|timeout| (Instant::now() + timeout, timeout))
}

async fn within<T>(deadline: Deadline, work: impl Future<Output = T>) -> Result<T, EngineError> {
    match deadline {
        None => Ok(work.await),
        // Work that is always ready would never be found late by the clock alone.
        Some((at, allowed)) if Instant::now() >= at => Err(timed_out(allowed)),
        Some((at, allowed)) => timeout_at(at, work).await.map_err(|_| timed_out(allowed)),
    }
}

/// The next batch, made under a permit.
async fn next_within(
    batches: &mut ResultStream,
    permits: &Permits,
    deadline: Deadline,
) -> Option<Result<RecordBatch, EngineError>> {
    let made = async {
        let _permit = permits.wait().await;
        batches.next().await
    };
    match within(deadline, made).await {
        Ok(next) => next,
        Err(error) => Some(Err(error)),
    }
}

fn timed_out(allowed: Duration) -> EngineError {
    let message = format!("the query did not end within {} s", allowed.as_secs_f64());
    EngineError::request(ErrorKind::Timeout, message)
}
