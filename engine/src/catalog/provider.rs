//! How do catalogs appear to DataFusion, for one principal and one request?
//!
//! One database, `sidereus`; its schemas are those of the registry, the two that describe tables, and that of the uploads of
//! the request, which is in no list. A table is made
//! when a query names it. Nothing can be registered or dropped.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::error::Result;

use super::registry::is_visible;
use super::system::{self, Descriptions};
use super::{CATALOG, CatalogMetadata, CatalogRegistry, TableName, information_schema, tap_schema};
use crate::principal::Principal;

type MakeTable = Arc<dyn Fn(Arc<CatalogMetadata>) -> Arc<dyn TableProvider> + Send + Sync>;

/// The tables of a registry as one principal sees them, and the uploads of the request, each made by `make_table` when it is
/// asked for.
pub(crate) fn catalog_provider(
    registry: &Arc<CatalogRegistry>,
    principal: &Principal,
    uploads: Vec<Arc<CatalogMetadata>>,
    make_table: impl Fn(Arc<CatalogMetadata>) -> Arc<dyn TableProvider> + Send + Sync + 'static,
) -> Arc<dyn CatalogProviderList> {
    let (registry, principal) = (Arc::clone(registry), principal.clone());
    let view = View { registry, principal, uploads, make_table: Arc::new(make_table) };
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
    uploads: Vec<Arc<CatalogMetadata>>,
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
        let visible = self.0.registry.visible(&self.0.principal).chain(&self.0.uploads);
        let exists = visible.into_iter().any(|table| table.name.schema == name);
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
        let upload = self.view.uploads.iter().find(|upload| upload.name == name);
        let table = || self.view.registry.table(&name).filter(|table| is_visible(table, &self.view.principal));
        upload.or_else(table)
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

#[cfg(test)]
mod tests {
    use arrow::util::pretty::pretty_format_batches;
    use datafusion::catalog::MemTable;
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::*;
    use crate::catalog::registry::samples;

    const TABLES: [&str; 3] = ["gaia_dr3.source", "public.Odd-Name", "public.secret@team"];

    /// Answers SQL over empty tables.
    async fn ask(sql: &str, principal: &Principal) -> Vec<String> {
        let config =
            SessionConfig::new().with_default_catalog_and_schema(CATALOG, "public").with_information_schema(false);
        let context = SessionContext::new_with_config(config);
        let empty = |catalog: Arc<CatalogMetadata>| -> Arc<dyn TableProvider> {
            Arc::new(MemTable::try_new(Arc::clone(&catalog.schema), vec![vec![]]).unwrap())
        };
        context.register_catalog_list(catalog_provider(&samples::registry(&TABLES), principal, Vec::new(), empty));
        let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
        let table = pretty_format_batches(&batches).unwrap().to_string();
        let cells = |line: &str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join(" ");
        table.lines().filter(|line| line.starts_with('|')).skip(1).map(cells).collect()
    }

    async fn anonymous(sql: &str) -> Vec<String> {
        ask(sql, &Principal::anonymous()).await
    }

    #[tokio::test]
    async fn tap_schema_describes_what_can_be_seen_and_itself() {
        let tables = anonymous("SELECT table_name FROM tap_schema.tables ORDER BY table_index").await;
        let expected = [
            "gaia_dr3.source",
            "public.\"Odd-Name\"",
            "tap_schema.columns",
            "tap_schema.key_columns",
            "tap_schema.keys",
            "tap_schema.schemas",
            "tap_schema.tables",
        ];
        assert_eq!(tables, expected);
        let member = Principal::user("ada", ["team".to_owned()]);
        let seen = ask("SELECT count(*) FROM tap_schema.tables", &member).await;
        assert_eq!(seen, ["8"]);
        assert_eq!(
            anonymous("SELECT schema_name FROM tap_schema.schemas ORDER BY 1").await,
            ["gaia_dr3", "public", "tap_schema"]
        );
    }

    #[tokio::test]
    async fn tap_schema_columns_have_votable_types_and_flags() {
        let sql = "SELECT column_name, datatype, coalesce(arraysize, '-'), coalesce(unit, '-'), indexed, principal, std \
                   FROM tap_schema.columns WHERE table_name = 'gaia_dr3.source' ORDER BY column_index";
        let expected = [
            "\"_healpix_29\" long - - 1 0 0",
            "ra double - deg 1 1 0",
            "dec double - - 1 1 0",
            "Name unicodeChar * - 0 0 0",
        ];
        assert_eq!(anonymous(sql).await, expected);
        let own = "SELECT column_name, datatype, std FROM tap_schema.columns \
                   WHERE table_name = 'tap_schema.columns' AND column_name LIKE '%size%' ORDER BY column_index";
        assert_eq!(anonymous(own).await, ["arraysize unicodeChar 1", "\"size\" int 1"]);
    }

    #[tokio::test]
    async fn every_key_joins_columns_that_exist() {
        let sql = "SELECT count(*) FROM tap_schema.keys k JOIN tap_schema.key_columns c ON k.key_id = c.key_id \
                   JOIN tap_schema.columns f ON f.table_name = k.from_table AND f.column_name = c.from_column \
                   JOIN tap_schema.columns t ON t.table_name = k.target_table AND t.column_name = c.target_column";
        assert_eq!(anonymous(sql).await, ["5"]);
    }

    #[tokio::test]
    async fn no_cell_of_a_required_column_is_null() {
        for table in system::tables() {
            for column in table.columns.iter().filter(|column| !column.nullable) {
                let sql =
                    format!("SELECT count(*) FROM {}.{} WHERE \"{}\" IS NULL", table.schema, table.name, column.name);
                assert_eq!(anonymous(&sql).await, ["0"], "{sql}");
            }
        }
    }

    #[tokio::test]
    async fn information_schema_names_types_as_postgresql_does() {
        let sql = "SELECT column_name, ordinal_position, is_nullable, data_type FROM information_schema.columns \
                   WHERE table_schema = 'gaia_dr3' AND table_catalog = 'sidereus' ORDER BY ordinal_position";
        let expected = [
            "_healpix_29 1 NO bigint",
            "ra 2 NO double precision",
            "dec 3 NO double precision",
            "Name 4 YES character varying",
        ];
        assert_eq!(anonymous(sql).await, expected);
        let tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'";
        assert_eq!(anonymous(tables).await, ["Odd-Name"]);
        let views =
            anonymous("SELECT count(*) FROM information_schema.views WHERE table_schema = 'information_schema'").await;
        assert_eq!(views, ["6"]);
    }

    #[tokio::test]
    async fn sizes_are_told_of_catalogs_that_can_be_seen() {
        let sql = "SELECT schema, tbl_name, nrows, ncols, nindex, coalesce(table_size, '-'), indexes_size \
                   FROM information_schema.tbl_stat ORDER BY tbl_name";
        let seen = ["public Odd-Name 7 4 0 0 bytes 0 bytes", "gaia_dr3 source 7 4 0 0 bytes 0 bytes"];
        assert_eq!(anonymous(sql).await, seen);
        let member = Principal::user("ada", ["team".to_owned()]);
        assert_eq!(ask("SELECT count(*) FROM information_schema.tbl_stat", &member).await, ["3"]);
    }

    #[tokio::test]
    async fn tables_are_reached_by_exact_names_and_only_when_visible() {
        assert_eq!(anonymous("SELECT count(*) FROM gaia_dr3.source").await, ["0"]);
        let provider =
            catalog_provider(&samples::registry(&TABLES), &Principal::anonymous(), Vec::new(), |_| unreachable!());
        let database = provider.catalog(CATALOG).unwrap();
        assert_eq!(database.schema_names(), ["gaia_dr3", "information_schema", "public", "tap_schema"]);
        let public = database.schema("public").unwrap();
        assert_eq!(public.table_names(), ["Odd-Name"]);
        assert!(!public.table_exist("secret") && public.table("secret").await.unwrap().is_none());
        assert!(database.schema("absent").is_none() && provider.catalog("datafusion").is_none());
    }

    #[test]
    fn describing_tables_are_made_once_for_equal_views() {
        let registry = samples::registry(&TABLES);
        let anonymous = registry.descriptions(&Principal::anonymous());
        let stranger = registry.descriptions(&Principal::user("bob", ["crew".to_owned()]));
        let member = registry.descriptions(&Principal::user("ada", ["team".to_owned()]));
        assert!(Arc::ptr_eq(&anonymous, &stranger) && !Arc::ptr_eq(&anonymous, &member));
    }
}
