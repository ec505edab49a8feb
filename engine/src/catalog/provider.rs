//! How do catalogs appear to DataFusion, for one principal and one request?
//!
//! One database, `sidereus`; its schemas are those of the registry and the two that describe tables. A table is made
//! when a query names it. Nothing can be registered or dropped.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::error::Result;

use super::registry::is_visible;
use super::system::{self, Descriptions};
use super::{CatalogMetadata, CatalogRegistry, TableName, information_schema, tap_schema};
use crate::principal::Principal;

/// Name of the only catalog of tables, in DataFusion's sense.
pub(crate) const CATALOG: &str = "sidereus";

type MakeTable = Arc<dyn Fn(Arc<CatalogMetadata>) -> Arc<dyn TableProvider> + Send + Sync>;

/// The tables of a registry as one principal sees them, each made by `make_table` when it is asked for.
pub(crate) fn catalog_provider(
    registry: &Arc<CatalogRegistry>,
    principal: &Principal,
    make_table: impl Fn(Arc<CatalogMetadata>) -> Arc<dyn TableProvider> + Send + Sync + 'static,
) -> Arc<dyn CatalogProviderList> {
    let view = View { registry: Arc::clone(registry), principal: principal.clone(), make_table: Arc::new(make_table) };
    Arc::new(Databases(Arc::new(Schemas(view))))
}

/// A schema that describes tables, filled for a principal; `None` when there is no such schema.
pub(crate) fn system_schema(
    registry: &CatalogRegistry,
    principal: &Principal,
    name: &str,
) -> Option<Arc<dyn SchemaProvider>> {
    let name = [tap_schema::NAME, information_schema::NAME].into_iter().find(|known| *known == name)?;
    Some(Arc::new(SystemSchema { name, descriptions: registry.descriptions(principal) }))
}

#[derive(Clone)]
struct View {
    registry: Arc<CatalogRegistry>,
    principal: Principal,
    make_table: MakeTable,
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("principal", &self.principal).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Databases(Arc<Schemas>);

impl CatalogProviderList for Databases {
    fn register_catalog(&self, _: String, _: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![CATALOG.to_owned()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        (name == CATALOG).then(|| Arc::clone(&self.0) as _)
    }
}

#[derive(Debug)]
struct Schemas(View);

impl CatalogProvider for Schemas {
    fn schema_names(&self) -> Vec<String> {
        let visible = self.0.registry.visible(&self.0.principal).map(|table| table.name.schema.clone());
        let system = [tap_schema::NAME, information_schema::NAME].map(str::to_owned);
        visible.chain(system).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        if let Some(system) = system_schema(&self.0.registry, &self.0.principal, name) {
            return Some(system);
        }
        let exists = self.0.registry.visible(&self.0.principal).any(|table| table.name.schema == name);
        exists.then(|| Arc::new(CatalogSchema { view: self.0.clone(), name: name.to_owned() }) as _)
    }
}

/// A schema of catalogs.
#[derive(Debug)]
struct CatalogSchema {
    view: View,
    name: String,
}

impl CatalogSchema {
    fn find(&self, table: &str) -> Option<&Arc<CatalogMetadata>> {
        let name = TableName { schema: self.name.clone(), table: table.to_owned() };
        self.view.registry.table(&name).filter(|table| is_visible(table, &self.view.principal))
    }
}

#[async_trait]
impl SchemaProvider for CatalogSchema {
    fn table_names(&self) -> Vec<String> {
        let visible = self.view.registry.visible(&self.view.principal);
        visible.filter(|table| table.name.schema == self.name).map(|table| table.name.table.clone()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        Ok(self.find(name).map(|table| (self.view.make_table)(Arc::clone(table))))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.find(name).is_some()
    }
}

/// A schema of describing tables.
#[derive(Debug)]
struct SystemSchema {
    name: &'static str,
    descriptions: Arc<Descriptions>,
}

impl SystemSchema {
    fn find(&self, table: &str) -> Option<&'static system::SystemTable> {
        system::find(&TableName { schema: self.name.to_owned(), table: table.to_owned() })
    }
}

#[async_trait]
impl SchemaProvider for SystemSchema {
    fn table_names(&self) -> Vec<String> {
        system::tables().filter(|table| table.schema == self.name).map(|table| table.name.to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        self.find(name).map_or(Ok(None), |table| self.descriptions.provider(table))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.find(name).is_some()
    }
}
