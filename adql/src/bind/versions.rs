//! A version of a table: `table@1f3a9c`.
//!
//! ```text
//!  FROM gaia@1f3a9c     ->  FROM "public"."gaia@1f3a9c(...)" AS "gaia"
//! ```
//!
//! The table is looked up by its name, then its versions are asked for. Its columns are known by the name of the table.

use sqlparser::ast::ObjectName;
use sqlparser::tokenizer::Span;

use super::{Binder, Bound};
use crate::columns::Columns;
use crate::error::QueryErrorKind;
use crate::names::{Name, SnapshotLookup, TableLookup};
use crate::snapshots::{self, Pin};

/// Exact path and columns of a table, after the path that it is known by where that is another one.
type Found = (Option<Vec<String>>, (Vec<String>, Bound));

impl Binder<'_, '_> {
    /// The snapshot that stands behind a name.
    pub(super) fn pin_of(&mut self, name: &ObjectName) -> Option<Pin> {
        if self.pins.is_empty() {
            return None;
        }
        let last = name.0.last().and_then(|part| part.as_ident())?.span.start;
        let found = self.pins.iter().position(|pin| pin.word == last)?;
        Some(self.pins.swap_remove(found))
    }

    /// A table, or a version of one in one delimited name: `"gaia@1f3a9c"`.
    pub(super) fn look_up_any(&mut self, written: &[Name], at: Span) -> Found {
        if let [path @ .., last] = written
            && let Some((table, snapshot)) = snapshots::split(last)
            && matches!(self.names.table(written), TableLookup::NotFound { .. })
        {
            let table: Vec<Name> = path.iter().cloned().chain([table]).collect();
            if matches!(self.names.table(&table), TableLookup::Found(_)) {
                return self.look_up_version(&table, snapshot, at);
            }
        }
        (None, self.look_up(written, at))
    }

    /// A version of a table.
    pub(super) fn look_up_version(&mut self, written: &[Name], snapshot: &str, at: Span) -> Found {
        let shown = written.iter().map(|name| name.value.as_str()).collect::<Vec<_>>().join(".");
        let nothing = || Bound { columns: Columns::default(), known: false, tables: 1 };
        let info = match self.names.table(written) {
            TableLookup::Found(info) if !self.is_common(written) => info,
            TableLookup::NotFound { .. } | TableLookup::Ambiguous(_) if !self.is_common(written) => {
                return (None, self.look_up(written, at));
            }
            _ => {
                self.findings.bad(at, format!("{shown} is no table of a catalog, so it has no snapshot {snapshot}"));
                return (None, (vec![shown], nothing()));
            }
        };
        let known_as = Some(info.path.clone());
        let (kind, message, hint) = match (snapshots::complaint(snapshot), self.names.snapshot(&info.path, snapshot)) {
            (None, SnapshotLookup::Found(version)) => return (known_as, self.found(version, at)),
            (_, SnapshotLookup::NotFound { known }) if known.is_empty() => {
                (QueryErrorKind::BadQuery, format!("{shown} has no snapshots"), "write its name alone".to_owned())
            }
            (Some(complaint), SnapshotLookup::NotFound { known }) => {
                (QueryErrorKind::BadQuery, complaint, of_here(&shown, &known))
            }
            (Some(complaint), _) => (QueryErrorKind::BadQuery, complaint, "write more of its digits".to_owned()),
            (None, SnapshotLookup::NotFound { known }) => {
                let message = format!("{shown} has no snapshot {snapshot} here");
                (QueryErrorKind::NotFound, message, of_here(&shown, &known))
            }
            (None, SnapshotLookup::Ambiguous(several)) => {
                let message = format!("{snapshot} could mean several snapshots of {shown}");
                (QueryErrorKind::BadQuery, message, format!("write one of {}", several.join(", ")))
            }
        };
        self.findings.add(kind, at, message, Some(hint));
        (known_as, (info.path, nothing()))
    }

    /// Whether a name means a common table expression.
    fn is_common(&self, written: &[Name]) -> bool {
        matches!(written, [name] if self.common.iter().any(|common| name.matches(&common.name)))
    }
}

fn of_here(table: &str, known: &[String]) -> String {
    match known {
        [only] => format!("there is {table}@{only}"),
        several => {
            format!("there are {}", several.iter().map(|one| format!("{table}@{one}")).collect::<Vec<_>>().join(", "))
        }
    }
}
