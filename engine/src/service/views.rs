//! How do the operator's views become tables?
//!
//! Each is read, checked and planned as any query is, by somebody who may see everything; who may not see a catalog below does
//! not see the view. Views over views are planned in rounds, one for each level, so that none can name itself. What cannot be
//! planned is a problem of the registry, and the rest is served.

use std::collections::BTreeMap;
use std::sync::Arc;

use sidereus_adql::{Language, Limits};

use super::query::QueryService;
use super::{QueryKind, plan, references};
use crate::catalog::{
    CatalogMetadata, CatalogRegistry, Planned, RegistryNames, TableName, ViewDefinition, Views, catalog_provider,
    table_provider,
};
use crate::error::{EngineError, ErrorKind};
use crate::principal::Principal;

/// Levels of views over views.
const MOST_LEVELS: usize = 4;

impl QueryService {
    /// A registry with views and aliases over its catalogs; what is wrong with one is among its problems.
    pub async fn with_views(&self, mut registry: CatalogRegistry, wanted: &Views) -> CatalogRegistry {
        let mut views: Vec<Arc<CatalogMetadata>> = Vec::new();
        let mut waiting: Vec<&ViewDefinition> = Vec::new();
        for view in &wanted.views {
            let taken = registry.table(&view.name).is_some() || waiting.iter().any(|other| other.name == view.name);
            match CatalogRegistry::refused(&view.name).or_else(|| taken.then(|| "its name is taken".to_owned())) {
                Some(why) => registry.add_problem(view.display(), &why),
                None => waiting.push(view),
            }
        }
        let mut problems: BTreeMap<&TableName, String> = BTreeMap::new();
        for _ in 0..MOST_LEVELS {
            let known = Arc::new(registry.with_known(&views, &wanted.aliases));
            let before = views.len();
            let mut later = Vec::new();
            for view in waiting {
                match self.view(&known, view).await {
                    Ok(table) => views.push(Arc::new(table)),
                    Err(error) => {
                        problems.insert(&view.name, error.to_string());
                        later.push(view);
                    }
                }
            }
            waiting = later;
            if views.len() == before {
                break;
            }
        }
        for view in waiting {
            let why = problems.remove(&view.name).unwrap_or_default();
            registry.add_problem(view.display(), &format!("its query does not fit: {why}"));
        }
        registry.add_views(views, &wanted.aliases);
        registry
    }

    async fn view(&self, known: &Arc<CatalogRegistry>, view: &ViewDefinition) -> Result<CatalogMetadata, EngineError> {
        let refuse = |message: String| EngineError::request(ErrorKind::BadQuery, message);
        let owner = Principal::user("owner", known.groups().cloned());
        let language = Language::from(view.label);
        let checked = plan::read(&view.query, language, &RegistryNames::new(known, &owner))?;
        let lowered = &checked.lowered;
        if checked.kind != QueryKind::Select || !lowered.parameters.is_empty() {
            return Err(refuse("a view is a SELECT without parameters".to_owned()));
        }
        let table = |path: &Vec<String>| {
            let found = known.at(path).map(Arc::clone);
            found.ok_or_else(|| refuse(format!("a view reads catalogs and views, and {} is neither", path.join("."))))
        };
        let tables = lowered.tables.iter().map(table).collect::<Result<Vec<_>, _>>()?;
        check_scans(lowered.expanded_table_count, &tables)?;
        let rules = self.options().rules;
        let make_table = move |catalog| table_provider(catalog, rules);
        let state = self.session(catalog_provider(known, &owner, Vec::new(), make_table), rules);
        let logical = plan::plan(&state, &checked).await?;
        let settled = plan::analysed(&state, &logical)?;
        let settled = settled.as_ref().unwrap_or(&logical).schema();
        let schema = plan::with_types_of(logical.schema().inner(), settled.inner());
        let schema = plan::with_units(&schema, &lowered.units);
        let fields = references::described(schema.fields(), lowered, known);
        let is_simple = lowered.expanded_table_count == lowered.tables.len();
        let positions = if is_simple { references::positions(&fields, lowered, known) } else { None };
        let schema = Arc::new(arrow::datatypes::Schema::new(fields));
        let names = lowered.tables.iter().filter_map(|path| match &path[..] {
            [schema, table] => Some(TableName { schema: schema.clone(), table: table.clone() }),
            _ => None,
        });
        let tables = names.zip(tables).collect();
        view.table(Planned { plan: logical, schema, tables, positions }).map_err(refuse)
    }
}

/// Refuses a query that would read more tables than a query may, once its views are written out.
pub(super) fn check_scans(references: usize, tables: &[Arc<CatalogMetadata>]) -> Result<(), EngineError> {
    let each = tables.iter().filter_map(|table| table.view.as_ref()).map(|view| view.scans).max().unwrap_or(1);
    let most = Limits::DEFAULT.tables;
    if each > 1 && references.saturating_mul(each) > most {
        let message = format!("the query reads more than {most} tables once its views are written out");
        return Err(EngineError::request(ErrorKind::LimitExceeded, message));
    }
    Ok(())
}
