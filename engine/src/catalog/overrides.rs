//! What an operator may say about a table that its files do not say, or say differently.

use std::collections::BTreeMap;

use super::metadata::CatalogKind;
use super::{About, CatalogMetadata, PositionColumns, TableName, fingerprint, positions};

/// Overrides by the name that a table has without them.
pub type CatalogOverrides = BTreeMap<TableName, TableOverride>;

/// What is set for one table; whatever is `None` stays as found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableOverride {
    /// The name in queries.
    pub name: Option<TableName>,
    /// Position columns of a plain table.
    pub positions: Option<PositionColumns>,
    /// One or two sentences for people.
    pub description: Option<String>,
    /// Frame and epoch of the positions, and whom to cite.
    pub about: About,
    /// Groups whose members may see the table.
    pub groups: Option<Vec<String>>,
}

impl TableOverride {
    /// Applies what is set.
    ///
    /// *Errors*: position columns that do not exist, or of a HATS catalog, whose partitions follow its own.
    pub(super) fn apply(&self, mut metadata: CatalogMetadata) -> Result<CatalogMetadata, String> {
        if let Some(columns) = &self.positions {
            if metadata.kind != CatalogKind::Plain && metadata.positions.as_ref() != Some(columns) {
                let message = "position columns of a HATS catalog cannot be configured: its partitions follow its own";
                return Err(message.to_owned());
            }
            positions::check(&metadata.schema, columns)?;
            metadata.positions = Some(columns.clone());
        }
        if let Some(name) = &self.name {
            metadata.name = name.clone();
        }
        if self.description.is_some() {
            metadata.description.clone_from(&self.description);
        }
        metadata.about = metadata.about.overridden_by(&self.about);
        if self.groups.is_some() {
            metadata.groups.clone_from(&self.groups);
        }
        Ok(fingerprint::stamp(metadata))
    }
}
