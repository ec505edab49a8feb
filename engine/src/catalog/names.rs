//! Which table does a name in a query mean, for the principal who asks?
//!
//! `table` is looked up in `public`; `schema.table` and `sidereus.schema.table` say more. A part that is not delimited
//! matches in any case, a delimited one exactly. What the principal may not see does not exist: it is neither found nor
//! suggested. Tables that a request brings along are `TAP_UPLOAD.name` or `mydb.name` in any case, also where they are delimited: no two
//! of one request have names that differ in case only. A name without schema is looked up in `mydb` first.

use std::sync::Arc;

use sidereus_adql::{Name, SnapshotLookup, TableInfo, TableLookup, TableNames, closest};

use super::{
    CATALOG, CatalogMetadata, CatalogRegistry, DEFAULT_SCHEMA, OWN_SCHEMA, TableName, UPLOADS, information_schema,
    system, versions,
};
use crate::principal::Principal;

/// The tables of a registry as one principal sees them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RegistryNames<'a> {
    registry: &'a CatalogRegistry,
    principal: &'a Principal,
    uploads: &'a [Arc<CatalogMetadata>],
}

impl<'a> RegistryNames<'a> {
    /// A view for one principal.
    pub(crate) fn new(registry: &'a CatalogRegistry, principal: &'a Principal) -> Self {
        Self { registry, principal, uploads: &[] }
    }

    /// The same with tables of the request.
    pub(crate) fn with_uploads(self, uploads: &'a [Arc<CatalogMetadata>]) -> Self {
        Self { uploads, ..self }
    }

    /// An upload, or a table of the registry.
    fn metadata(self, schema: &str, table: &str) -> Option<&'a Arc<CatalogMetadata>> {
        let name = TableName { schema: schema.to_owned(), table: table.to_owned() };
        self.uploads.iter().find(|upload| upload.name == name).or_else(|| self.registry.table(&name))
    }

    /// Schema and table of everything there is for the principal.
    fn names(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let uploads = self.uploads.iter().map(|table| &table.name);
        let catalogs = self.registry.visible(self.principal).map(|table| &table.name).chain(uploads);
        let aliases = self.registry.visible_aliases(self.principal).map(|(alias, _)| alias);
        let catalogs = catalogs.chain(aliases).map(|name| (name.schema.as_str(), name.table.as_str()));
        catalogs.chain(system::tables().map(|table| (table.schema, table.name)))
    }

    fn info(self, (schema, table): (&str, &str)) -> TableInfo {
        let name = self.registry.meant(TableName { schema: schema.to_owned(), table: table.to_owned() });
        let upload = self.uploads.iter().find(|upload| upload.name == name);
        let upload =
            upload.map(|upload| upload.schema.fields().iter().map(|field| field.name().as_str().into()).collect());
        let columns = match upload.or_else(|| self.registry.column_names(&name)) {
            Some(columns) => columns,
            None => system::find(&name).map(system::SystemTable::column_names).unwrap_or_default(),
        };
        TableInfo { path: vec![name.schema, name.table], columns }
    }

    /// Tables of that name in other schemas, then those whose whole or own name is spelled nearly so.
    fn suggestions(self, path: &[Name]) -> Vec<String> {
        let Some(written) = path.last() else { return Vec::new() };
        let names: Vec<(&str, &str)> = self.names().collect();
        let loose = Name { value: written.value.clone(), delimited: false };
        let mut near: Vec<(&str, &str)> = names.iter().copied().filter(|(_, table)| loose.matches(table)).collect();
        let whole: Vec<String> = names.iter().map(|(schema, table)| format!("{schema}.{table}")).collect();
        let joined = path.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
        let by_whole = closest(&joined, whole.iter().map(String::as_str));
        near.extend(
            whole.iter().zip(&names).filter(|(whole, _)| by_whole == Some(whole.as_str())).map(|(_, name)| *name),
        );
        let by_table = closest(&written.value, names.iter().map(|(_, table)| *table));
        near.extend(names.iter().copied().find(|(_, table)| by_table == Some(table)));
        let mut suggestions = Vec::new();
        for (schema, table) in near {
            let shown = if schema == DEFAULT_SCHEMA { table.to_owned() } else { format!("{schema}.{table}") };
            if !suggestions.contains(&shown) {
                suggestions.push(shown);
            }
        }
        suggestions
    }
}

/// Digits of a snapshot that people are shown.
const SHOWN_DIGITS: usize = 12;

impl TableNames for RegistryNames<'_> {
    fn snapshot(&self, table: &[String], written: &str) -> SnapshotLookup {
        let [schema, table] = table else { return SnapshotLookup::NotFound { known: Vec::new() } };
        let name = TableName { schema: schema.clone(), table: table.clone() };
        let written = written.to_ascii_lowercase();
        let shown = |version: &CatalogMetadata| version.snapshot.chars().take(SHOWN_DIGITS).collect::<String>();
        let matching: Vec<&CatalogMetadata> = self
            .registry
            .versions(&name)
            .map(AsRef::as_ref)
            .filter(|version| version.snapshot.starts_with(&written))
            .collect();
        match matching[..] {
            [] => SnapshotLookup::NotFound { known: self.registry.versions(&name).map(|known| shown(known)).collect() },
            [version] => {
                let name = versions::version_name(version);
                SnapshotLookup::Found(self.info((&name.schema, &name.table)))
            }
            _ => SnapshotLookup::Ambiguous(matching.into_iter().map(|version| version.snapshot.clone()).collect()),
        }
    }

    fn position(&self, table: &[String]) -> Option<(String, String)> {
        let [schema, table] = table else { return None };
        let table = self.metadata(schema, table)?;
        table.positions.as_ref().map(|columns| (columns.ra.clone(), columns.dec.clone()))
    }

    fn unit(&self, table: &[String], column: &str) -> Option<String> {
        let [schema, table] = table else { return None };
        let table = self.metadata(schema, table)?;
        let field = table.schema.field_with_name(column).ok()?;
        field.metadata().get("unit").filter(|unit| !unit.is_empty()).cloned()
    }

    fn table(&self, path: &[Name]) -> TableLookup {
        let own = |table: &Name| {
            self.uploads
                .iter()
                .any(|upload| upload.name.schema == OWN_SCHEMA && table.value.eq_ignore_ascii_case(&upload.name.table))
        };
        let is_own = matches!(path, [table] if own(table));
        let default = Name { value: if is_own { OWN_SCHEMA } else { DEFAULT_SCHEMA }.to_owned(), delimited: true };
        let (schema, table) = match path {
            [table] => (&default, table),
            [schema, table] => (schema, table),
            [catalog, schema, table] if catalog.matches(CATALOG) => (schema, table),
            _ => return TableLookup::NotFound { suggestions: self.suggestions(path) },
        };
        let matches = |(in_schema, name): &(&str, &str)| match *in_schema {
            UPLOADS | OWN_SCHEMA => {
                schema.value.eq_ignore_ascii_case(in_schema) && table.value.eq_ignore_ascii_case(name)
            }
            _ => schema.matches(in_schema) && table.matches(name),
        };
        let matching: Vec<(&str, &str)> = self.names().filter(matches).collect();
        match matching[..] {
            [] if path.len() == 1 && table.matches(information_schema::STATISTICS) => {
                TableLookup::Found(self.info((information_schema::NAME, information_schema::STATISTICS)))
            }
            [] => TableLookup::NotFound { suggestions: self.suggestions(path) },
            [name] => TableLookup::Found(self.info(name)),
            _ => {
                let quoted = |(schema, table): &(&str, &str)| format!("\"{schema}\".\"{table}\"");
                TableLookup::Ambiguous(matching.iter().map(quoted).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::registry::samples;

    const TABLES: [&str; 6] = [
        "gaia_dr3.source",
        "hats-import.stars",
        "public.Case",
        "public.case",
        "public.gaia_dr3_g10",
        "public.secret@team",
    ];

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
        for written in
            ["gaia_dr3_g10", "GAIA_DR3_G10", "Public.gaia_dr3_g10", "\"gaia_dr3_g10\"", "sidereus.public.gaia_dr3_g10"]
        {
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
        assert!(info.columns.iter().any(|column| &**column == "size"));
        assert_eq!(found("information_schema.Tables"), "information_schema.tables");
        assert_eq!(found("TBL_STAT"), "information_schema.tbl_stat");
        let lookup = look_up("public.tbl_stat", &Principal::anonymous());
        assert!(matches!(lookup, TableLookup::NotFound { .. }), "only the bare name is that of Data Lab");
    }

    #[test]
    fn units_are_those_of_the_fields() {
        let registry = samples::registry(&TABLES);
        let principal = Principal::anonymous();
        let names = RegistryNames::new(&registry, &principal);
        let unit = |column| names.unit(&["gaia_dr3".to_owned(), "source".to_owned()], column);
        assert_eq!((unit("ra").as_deref(), unit("dec"), unit("absent")), (Some("deg"), None, None));
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
