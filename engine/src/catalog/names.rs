//! Which table does a name in a query mean, for the principal who asks?
//!
//! `table` is looked up in `public`; `schema.table` and `sidereus.schema.table` say more. A part that is not delimited
//! matches in any case, a delimited one exactly. What the principal may not see does not exist: it is neither found nor
//! suggested.

use sidereus_adql::{Name, TableInfo, TableLookup, TableNames, closest};

use super::discover::DEFAULT_SCHEMA;
use super::{CATALOG, CatalogRegistry, TableName, system};
use crate::principal::Principal;

/// The tables of a registry as one principal sees them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RegistryNames<'a> {
    registry: &'a CatalogRegistry,
    principal: &'a Principal,
}

impl<'a> RegistryNames<'a> {
    /// A view for one principal.
    pub(crate) fn new(registry: &'a CatalogRegistry, principal: &'a Principal) -> Self {
        Self { registry, principal }
    }

    /// Every table there is for the principal.
    fn names(&self) -> impl Iterator<Item = TableName> {
        let catalogs = self.registry.visible(self.principal).map(|table| table.name.clone());
        catalogs.chain(system::tables().map(system::SystemTable::table_name))
    }

    fn info(&self, name: TableName) -> TableInfo {
        let columns = match self.registry.table(&name) {
            Some(table) => table.schema.fields().iter().map(|field| field.name().clone()).collect(),
            None => system::find(&name).map(system::SystemTable::column_names).unwrap_or_default(),
        };
        TableInfo { path: vec![name.schema, name.table], columns }
    }

    fn suggestions(&self, path: &[Name]) -> Vec<String> {
        let Some(written) = path.last() else { return Vec::new() };
        let shown = |name: &TableName| if name.schema == DEFAULT_SCHEMA { name.table.clone() } else { name.to_string() };
        let loose = Name { value: written.value.clone(), delimited: false };
        let elsewhere = self.names().filter(|name| loose.matches(&name.table)).map(|name| shown(&name));
        let mut suggestions: Vec<String> = elsewhere.collect();
        let (full, bare): (Vec<String>, Vec<TableName>) =
            (self.names().map(|name| name.to_string()).collect(), self.names().collect());
        let joined = path.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
        let near_full = closest(&joined, full.iter().map(String::as_str)).and_then(|near| {
            bare.iter().find(|name| name.to_string() == near)
        });
        let near_bare = closest(&written.value, bare.iter().map(|name| name.table.as_str()))
            .and_then(|near| bare.iter().find(|name| name.table == near));
        for near in [near_full, near_bare].into_iter().flatten().map(shown) {
            if !suggestions.contains(&near) {
                suggestions.push(near);
            }
        }
        suggestions
    }
}

impl TableNames for RegistryNames<'_> {
    fn table(&self, path: &[Name]) -> TableLookup {
        let default = Name { value: DEFAULT_SCHEMA.to_owned(), delimited: true };
        let (schema, table) = match path {
            [table] => (&default, table),
            [schema, table] => (schema, table),
            [catalog, schema, table] if catalog.matches(CATALOG) => (schema, table),
            _ => return TableLookup::NotFound { suggestions: self.suggestions(path) },
        };
        let mut matching: Vec<TableName> =
            self.names().filter(|name| schema.matches(&name.schema) && table.matches(&name.table)).collect();
        match matching.len() {
            0 => TableLookup::NotFound { suggestions: self.suggestions(path) },
            1 => TableLookup::Found(self.info(matching.swap_remove(0))),
            _ => {
                let quoted = |name: &TableName| format!("\"{}\".\"{}\"", name.schema, name.table);
                TableLookup::Ambiguous(matching.iter().map(quoted).collect())
            }
        }
    }
}
