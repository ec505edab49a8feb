//! What does the operator say of tables?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sidereus_engine::{About, ColumnNotes, Label, PositionColumns, TableName, ViewDefinition};

use super::{ConfigError, value};

/// Frames that positions may be in, which are searched as ICRS; both agree within a tenth of an arc second.
const FRAMES: [&str; 2] = ["ICRS", "FK5"];

/// One `[table."schema.name"]` section.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TableOverride {
    /// Name in queries, `schema.table`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// Column of right ascensions in ICRS degrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ra: Option<String>,
    /// Column of declinations in ICRS degrees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dec: Option<String>,
    /// One or two sentences for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// Groups that see the table; without it everybody does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) groups: Option<Vec<String>>,
    /// Frame of the positions: `ICRS` or `FK5`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) frame: Option<String>,
    /// Epoch of the positions, such as `J2016.0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) epoch: Option<String>,
    /// How to cite the table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) citation: Option<String>,
    /// Its DOI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) doi: Option<String>,
    /// Bibliographic code of the article about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bib_reference: Option<String>,
    /// Page about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reference_url: Option<String>,
    /// Words of thanks that its makers ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) acknowledgement: Option<String>,
}

/// One `[view."schema.name"]` section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct View {
    /// The query that the view is.
    pub(crate) query: String,
    /// How it is read, `ADQL` or `SQL`.
    #[serde(default)]
    pub(crate) language: ViewLanguage,
    /// One or two sentences for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// What is said of its columns, by `[view."schema.name".columns.NAME]`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) columns: BTreeMap<String, ViewColumn>,
}

/// The language of a view.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum ViewLanguage {
    /// ADQL.
    #[default]
    Adql,
    /// The dialect of PostgreSQL.
    Sql,
}

/// What is said of a column of a view.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ViewColumn {
    /// Unit, in VOUnits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unit: Option<String>,
    /// Meaning, as a UCD1+.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ucd: Option<String>,
    /// Role in a data model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) utype: Option<String>,
    /// One sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
}

impl View {
    pub(super) fn for_engine(&self, name: &str) -> Result<ViewDefinition, ConfigError> {
        let notes = |(name, column): (&String, &ViewColumn)| {
            let ViewColumn { unit, ucd, utype, description } = column.clone();
            (name.clone(), ColumnNotes { unit, ucd, utype, description })
        };
        Ok(ViewDefinition {
            name: table_name(&format!("view.{name:?}"), name)?,
            query: self.query.clone(),
            label: match self.language {
                ViewLanguage::Adql => Label::Adql,
                ViewLanguage::Sql => Label::Sql,
            },
            description: self.description.clone(),
            columns: self.columns.iter().map(notes).collect(),
        })
    }
}

impl TableOverride {
    pub(super) fn for_engine(&self, key: &str) -> Result<sidereus_engine::TableOverride, ConfigError> {
        let positions = match (&self.ra, &self.dec) {
            (Some(ra), Some(dec)) => Some(PositionColumns { ra: ra.clone(), dec: dec.clone() }),
            (None, None) => None,
            _ => return Err(value(key, "ra and dec go together")),
        };
        let name = self.name.as_deref().map(|name| table_name(&format!("{key}.name"), name)).transpose()?;
        let (description, groups) = (self.description.clone(), self.groups.clone());
        let about = self.about(key)?;
        Ok(sidereus_engine::TableOverride { name, positions, description, about, groups })
    }

    fn about(&self, key: &str) -> Result<About, ConfigError> {
        let known = |frame: &str| FRAMES.into_iter().find(|known| known.eq_ignore_ascii_case(frame));
        let frame = match self.frame.as_deref().map(|frame| known(frame).ok_or(frame)).transpose() {
            Ok(frame) => frame.map(str::to_owned),
            Err(frame) => {
                let message = format!("positions are searched as ICRS: expected ICRS or FK5, found {frame:?}");
                return Err(value(format!("{key}.frame"), message));
            }
        };
        if let Some(epoch) = self.epoch.as_deref().filter(|epoch| !is_epoch(epoch)) {
            let message = format!("expected a Julian or Besselian year, such as J2016.0, found {epoch:?}");
            return Err(value(format!("{key}.epoch"), message));
        }
        let starts = ["https://doi.org/", "http://doi.org/", "doi:"];
        let bare = |doi: &str| starts.iter().find_map(|start| doi.strip_prefix(start)).unwrap_or(doi).to_owned();
        let doi = self.doi.as_deref().map(bare);
        if let Some(doi) = doi.as_ref().filter(|doi| !doi.starts_with("10.") || !doi.contains('/')) {
            return Err(value(
                format!("{key}.doi"),
                format!("expected a DOI, such as 10.26093/cds/vizier, found {doi:?}"),
            ));
        }
        Ok(About {
            frame,
            epoch: self.epoch.clone(),
            citation: self.citation.clone(),
            doi,
            bib_reference: self.bib_reference.clone(),
            reference_url: self.reference_url.clone(),
            acknowledgement: self.acknowledgement.clone(),
            ..About::default()
        })
    }
}

fn is_epoch(text: &str) -> bool {
    let year = text.strip_prefix(['J', 'B']);
    year.is_some_and(|year| {
        year.starts_with(|c: char| c.is_ascii_digit())
            && year.parse().is_ok_and(|year: f64| (1000.0..3000.0).contains(&year))
    })
}

pub(super) fn table_name(key: &str, text: &str) -> Result<TableName, ConfigError> {
    match text.split_once('.') {
        Some((schema, table)) if !schema.is_empty() && !table.is_empty() => {
            Ok(TableName { schema: schema.to_owned(), table: table.to_owned() })
        }
        _ => Err(value(key, format!("expected SCHEMA.TABLE, such as public.stars, found {text:?}"))),
    }
}
