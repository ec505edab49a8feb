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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::registry::samples;

    const TABLES: [&str; 6] =
        ["gaia_dr3.source", "hats-import.stars", "public.Case", "public.case", "public.gaia_dr3_g10", "public.secret@team"];

    /// Looks up a name as a query writes it, with parts in double quotes delimited.
    fn look_up(written: &str, principal: &Principal) -> TableLookup {
        let part = |text: &str| Name { value: text.trim_matches('"').to_owned(), delimited: text.starts_with('"') };
        let path: Vec<Name> = written.split('.').map(part).collect();
        RegistryNames::new(&samples::registry(&TABLES), principal).table(&path)
    }

    fn found(written: &str) -> String {
        match look_up(written, &Principal::anonymous()) {
            TableLookup::Found(info) => info.path.join("."),
            other => panic!("{written}: {other:?}"),
        }
    }

    fn suggestions(written: &str) -> Vec<String> {
        match look_up(written, &Principal::anonymous()) {
            TableLookup::NotFound { suggestions } => suggestions,
            other => panic!("{written}: {other:?}"),
        }
    }

    #[test]
    fn public_need_not_be_written_and_case_does_not_matter() {
        for written in ["gaia_dr3_g10", "GAIA_DR3_G10", "Public.gaia_dr3_g10", "\"gaia_dr3_g10\"", "sidereus.public.gaia_dr3_g10"] {
            assert_eq!(found(written), "public.gaia_dr3_g10");
        }
        assert_eq!(found("Gaia_DR3.SOURCE"), "gaia_dr3.source");
        assert_eq!(found("\"hats-import\".stars"), "hats-import.stars");
        assert_eq!(found("\"Case\""), "public.Case");
    }

    #[test]
    fn delimited_names_match_exactly() {
        assert_eq!(suggestions("\"GAIA_DR3_G10\""), ["gaia_dr3_g10"]);
        assert_eq!(suggestions("\"Public\".case").first().map(String::as_str), Some("Case"));
    }

    #[test]
    fn names_that_differ_in_case_only_are_ambiguous_unless_delimited() {
        let ambiguous = look_up("case", &Principal::anonymous());
        assert_eq!(ambiguous, TableLookup::Ambiguous(vec!["\"public\".\"Case\"".into(), "\"public\".\"case\"".into()]));
    }

    #[test]
    fn tables_that_describe_tables_are_found_with_their_columns() {
        let TableLookup::Found(info) = look_up("TAP_SCHEMA.columns", &Principal::anonymous()) else { panic!() };
        assert_eq!(info.path, ["tap_schema", "columns"]);
        assert!(info.columns.iter().any(|column| column == "size"));
        assert_eq!(found("information_schema.Tables"), "information_schema.tables");
    }

    #[test]
    fn unknown_names_bring_suggestions() {
        assert_eq!(suggestions("gaia_dr3_g1"), ["gaia_dr3_g10"]);
        assert_eq!(suggestions("source"), ["gaia_dr3.source"]);
        assert_eq!(suggestions("gaia_dr2.source"), ["gaia_dr3.source"]);
        assert_eq!(suggestions("tap_schema.colums"), ["tap_schema.columns", "information_schema.columns"][..1]);
        assert_eq!(suggestions("other.public.case").len(), 2);
        assert!(suggestions("zzzzzzzzzzz").is_empty());
        assert!(suggestions("a.b.c.d").is_empty());
    }

    #[test]
    fn what_a_principal_may_not_see_does_not_exist() {
        assert!(suggestions("secret").is_empty() && suggestions("secre").is_empty());
        let member = Principal::user("ada", ["team".to_owned()]);
        assert!(matches!(look_up("secret", &member), TableLookup::Found(_)));
        let stranger = Principal::user("bob", ["crew".to_owned()]);
        assert!(matches!(look_up("secret", &stranger), TableLookup::NotFound { .. }));
    }
}
