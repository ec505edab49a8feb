//! Which columns does a table of FROM have?
//!
//! A survey's table has hundreds, of which a query names a few: those of a table stay the list that its owner shares,
//! and one is made into a [`Column`] when it is named.

use std::sync::Arc;

use crate::names::Name;
use crate::scope::{Column, ColumnUnit};

/// The columns of a table or of a query, in order.
#[derive(Debug, Clone)]
pub(crate) enum Columns {
    /// Those of a table.
    OfTable {
        /// Its exact path.
        table: Arc<[String]>,
        /// Their exact names, by which they are known.
        names: Arc<[Arc<str>]>,
    },
    /// Those of a query, or of a table that gave them other names.
    Listed(Vec<Column>),
}

impl Default for Columns {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl Columns {
    /// How many.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::OfTable { names, .. } => names.len(),
            Self::Listed(columns) => columns.len(),
        }
    }

    /// One of them.
    pub(crate) fn get(&self, index: usize) -> Option<Column> {
        match self {
            Self::OfTable { table, names } => names.get(index).map(|name| of_table(table, name)),
            Self::Listed(columns) => columns.get(index).cloned(),
        }
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Column> + '_ {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// The names by which they are known.
    pub(crate) fn known_as(&self) -> impl Iterator<Item = &str> {
        let (names, columns) = self.parts();
        names.iter().map(|name| &**name).chain(columns.iter().map(|column| &*column.known_as))
    }

    /// The exact names.
    pub(crate) fn exact(&self) -> impl Iterator<Item = &str> {
        let (names, columns) = self.parts();
        names.iter().map(|name| &**name).chain(columns.iter().map(|column| &*column.exact))
    }

    /// The names of a table's columns, or the columns one by one: one of the two is empty.
    fn parts(&self) -> (&[Arc<str>], &[Column]) {
        match self {
            Self::OfTable { names, .. } => (names, &[]),
            Self::Listed(columns) => (&[], columns),
        }
    }

    /// Places and columns of that name.
    pub(crate) fn matching(&self, name: &Name) -> impl Iterator<Item = (usize, Column)> {
        // Letters beyond ASCII have other lengths in another case; that is rare and slower.
        let ascii = name.value.is_ascii();
        let is_meant = move |known: &str| match ascii && !name.delimited {
            true => name.value.eq_ignore_ascii_case(known),
            false => name.matches(known),
        };
        let places = self.known_as().enumerate().filter(move |(_, known)| is_meant(known));
        places.filter_map(|(index, _)| Some((index, self.get(index)?)))
    }

    /// The columns one by one, to be renamed.
    pub(crate) fn rename(&mut self, rename: impl FnOnce(&mut Vec<Column>)) {
        let mut columns = std::mem::take(self).into_vec();
        rename(&mut columns);
        *self = Self::Listed(columns);
    }

    /// The columns one by one.
    pub(crate) fn into_vec(self) -> Vec<Column> {
        match self {
            Self::Listed(columns) => columns,
            table @ Self::OfTable { .. } => table.iter().collect(),
        }
    }
}

fn of_table(table: &Arc<[String]>, name: &Arc<str>) -> Column {
    let unit = ColumnUnit::OfTable { table: Arc::clone(table), column: Arc::clone(name) };
    Column::new(Arc::clone(name)).with_unit(unit)
}
