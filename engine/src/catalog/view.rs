//! What is a table that is a query over others?
//!
//! The operator defines it; its plan is made once for a registry and put in the place of its name before anything is optimized,
//! so that conditions on it reach the catalogs below. It holds no rows and is in no file. An alias is another name of a table
//! or view and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::catalog::view::ViewTable;
use datafusion::common::tree_node::Transformed;
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::LogicalPlan;
use object_store::memory::InMemory;
use object_store::path::Path;
use sidereus_adql::Label;

use super::problem::broken;
use super::registry::is_visible;
use super::{
    About, CatalogKind, CatalogLocation, CatalogMetadata, CatalogRegistry, HatsTable, PositionColumns, TableName,
    fingerprint, positions,
};
use crate::options::Rules;
use crate::principal::Principal;

/// What the operator defines beside catalogs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Views {
    /// Queries that are tables.
    pub views: Vec<ViewDefinition>,
    /// Names of tables or views, and what they mean.
    pub aliases: Vec<(TableName, TableName)>,
}

/// A query that is a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewDefinition {
    /// The name in queries.
    pub name: TableName,
    /// The query, without parameters.
    pub query: String,
    /// How it is read.
    pub label: Label,
    /// One or two sentences for people.
    pub description: Option<String>,
    /// What is said of its columns, by name; what is not said stays as the query gives it.
    pub columns: BTreeMap<String, ColumnNotes>,
}

/// What is said of a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnNotes {
    /// Unit (VOUnits).
    pub unit: Option<String>,
    /// UCD1+.
    pub ucd: Option<String>,
    /// Data model role.
    pub utype: Option<String>,
    /// One sentence.
    pub description: Option<String>,
}

/// A view that was read and planned.
#[derive(Debug)]
pub(crate) struct View {
    /// Its plan, under the rules of whoever made it.
    pub(crate) plan: LogicalPlan,
    /// The catalogs below, each once.
    pub(crate) catalogs: Vec<TableName>,
    /// How many scans its plan has.
    pub(crate) scans: usize,
    /// The groups of each catalog below that is not for everybody: whoever sees the view is in one of each.
    pub(super) groups: Vec<Vec<String>>,
}

/// What a query said of itself when it was planned.
pub(crate) struct Planned {
    pub(crate) plan: LogicalPlan,
    /// Its columns, types settled.
    pub(crate) schema: SchemaRef,
    /// The tables and views that it names, by the names in its plan.
    pub(crate) tables: Vec<(TableName, Arc<CatalogMetadata>)>,
    /// Columns that are positions of one of its tables, value for value, and what that table says of them.
    pub(crate) positions: Option<(PositionColumns, About)>,
}

impl ViewDefinition {
    /// The table that it is.
    ///
    /// *Errors*: a column that is described and not there.
    pub(crate) fn table(&self, planned: Planned) -> Result<CatalogMetadata, String> {
        let Planned { plan, schema, tables, positions } = planned;
        for name in self.columns.keys() {
            if schema.field_with_name(name).is_err() {
                return Err(format!("it describes the column {name:?}, which its query does not give"));
            }
        }
        let schema = self.described(&schema);
        let (mut catalogs, mut groups, mut scans) = (Vec::new(), Vec::new(), 0);
        for (path, table) in &tables {
            match &table.view {
                Some(view) => {
                    catalogs.extend(view.catalogs.iter().cloned());
                    groups.extend(view.groups.iter().cloned());
                }
                None => {
                    catalogs.push(path.clone());
                    groups.extend(table.groups.clone());
                }
            }
        }
        catalogs.sort();
        catalogs.dedup();
        plan.apply_with_subqueries(|node| {
            scans += usize::from(matches!(node, LogicalPlan::TableScan(_)));
            Ok(datafusion::common::tree_node::TreeNodeRecursion::Continue)
        })
        .map_err(|error| error.to_string())?;
        let snapshots = tables.iter().map(|(_, table)| (table.name.to_string(), table.snapshot.clone()));
        let properties = snapshots.chain([("query".to_owned(), self.query.clone())]).collect();
        let (positions, about) = match positions {
            Some((columns, about)) => {
                (Some(columns), About { frame: about.frame, epoch: about.epoch, ..About::default() })
            }
            None => (positions::guess(&schema), About::default()),
        };
        let location =
            CatalogLocation { store: Arc::new(InMemory::new()), root: Path::default(), display: self.display() };
        Ok(fingerprint::stamp(CatalogMetadata {
            name: self.name.clone(),
            kind: CatalogKind::Plain,
            location,
            schema,
            positions,
            index: None,
            partitions: Vec::new(),
            rows: None,
            description: self.description.clone(),
            about,
            groups: None,
            properties,
            snapshot: String::new(),
            manifest: None,
            id_indexes: Vec::new(),
            collection: None,
            view: Some(Arc::new(View { plan, catalogs, scans, groups })),
        }))
    }

    /// What messages call it.
    pub(crate) fn display(&self) -> String {
        format!("view {}", self.name)
    }

    fn described(&self, schema: &Schema) -> SchemaRef {
        let described = |field: &FieldRef| -> Field {
            let mut field = field.as_ref().clone();
            if let Some(ColumnNotes { unit, ucd, utype, description }) = self.columns.get(field.name()) {
                let notes = [("unit", unit), ("ucd", ucd), ("utype", utype), ("description", description)];
                for (key, value) in notes.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))) {
                    field.metadata_mut().insert(key.to_owned(), value);
                }
            }
            field
        };
        Arc::new(Schema::new(schema.fields().iter().map(described).collect::<Vec<_>>()))
    }
}

/// What a query reads where a table is named: the catalog, or the plan of the view, under the rules of the query.
pub(crate) fn table_provider(catalog: Arc<CatalogMetadata>, rules: Rules) -> Arc<dyn TableProvider> {
    let Some(view) = &catalog.view else { return Arc::new(HatsTable::new(catalog, rules)) };
    let under_rules = view.plan.clone().transform_down_with_subqueries(|node| {
        let LogicalPlan::TableScan(mut scan) = node else { return Ok(Transformed::no(node)) };
        if let Some(table) = source_as_provider(&scan.source)?.downcast_ref::<HatsTable>() {
            scan.source = provider_as_source(Arc::new(table.with_rules(rules)));
        }
        Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
    });
    let plan = under_rules.map_or_else(|_| view.plan.clone(), |transformed| transformed.data);
    Arc::new(ViewTable::new(plan, None))
}

impl CatalogRegistry {
    /// The same catalogs and these views, to plan other views over.
    pub(crate) fn with_known(&self, views: &[Arc<CatalogMetadata>], aliases: &[(TableName, TableName)]) -> Self {
        let mut known = Self::default();
        known.tables.clone_from(&self.tables);
        known.versions.clone_from(&self.versions);
        known.views = views.to_vec();
        known.aliases = aliases.iter().cloned().collect();
        known
    }

    /// Adds views that were planned over its catalogs, aliases, and what is wrong with others.
    pub(crate) fn add_views(&mut self, views: Vec<Arc<CatalogMetadata>>, aliases: &[(TableName, TableName)]) {
        self.views = views;
        for (alias, target) in aliases {
            let why = match (self.table(alias), self.table(target)) {
                (Some(_), _) => Some("its name is taken by a table".to_owned()),
                (_, None) => Some(format!("there is no table {target}")),
                _ => Self::refused(alias),
            };
            match why {
                Some(why) => self.add_problem(format!("alias {alias}"), &why),
                None => {
                    self.aliases.insert(alias.clone(), target.clone());
                }
            }
        }
    }

    /// Notes something that is not served, and logs it.
    pub(crate) fn add_problem(&mut self, what: String, why: &str) {
        let problem = broken(what, why);
        tracing::warn!(%problem, "left out");
        self.problems.push(problem);
    }

    /// Why there can be no view or alias of a name.
    pub(crate) fn refused(name: &TableName) -> Option<String> {
        let reserved = super::registry::RESERVED_SCHEMAS.iter().any(|other| other.eq_ignore_ascii_case(&name.schema));
        reserved.then(|| format!("the schema name {} is reserved", name.schema))
    }

    /// Aliases of what a principal may see, and what they mean.
    pub(super) fn visible_aliases<'a>(
        &'a self,
        principal: &'a Principal,
    ) -> impl Iterator<Item = (&'a TableName, &'a Arc<CatalogMetadata>)> {
        let found = self.aliases.iter().filter_map(|(alias, target)| Some((alias, self.table(target)?)));
        found.filter(|(_, target)| is_visible(target, principal))
    }

    /// The name that an alias means, or the name itself.
    pub(super) fn meant(&self, name: TableName) -> TableName {
        self.aliases.get(&name).cloned().unwrap_or(name)
    }

    /// The view of exactly this name.
    pub(super) fn view(&self, name: &TableName) -> Option<&Arc<CatalogMetadata>> {
        self.views.iter().find(|view| &view.name == name)
    }
}
