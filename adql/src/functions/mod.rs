//! What functions does the language have?
//!
//! One static table in five parts. Everything reads it: the check of arguments, the names written by the lowering, the
//! types of parameters, "did you mean", the standard's own judgement, and the engine's allow-list. A function that is
//! not in the table does not exist.

mod arrays;
mod catalogue;
mod geometry;
mod sql;
mod standard;

use std::sync::LazyLock;

use crate::extensions::Extension;
use crate::names::{closest, same_in_any_case};
use crate::request::Label;

/// What an argument or a result is, as far as the language looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Anything, or not known before the catalog is asked.
    Any,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// A string.
    Text,
    /// A truth value.
    Boolean,
    /// A date or time.
    Timestamp,
    /// A position on the sky.
    Point,
    /// A circle.
    Circle,
    /// A polygon or box.
    Polygon,
    /// Any region that is given by text.
    Region,
    /// A set of HEALPix cells.
    Moc,
    /// Any of the geometries.
    Geometry,
    /// A list of numbers.
    Array,
}

impl Kind {
    /// Whether this is a geometry.
    pub fn is_geometry(self) -> bool {
        matches!(self, Self::Point | Self::Circle | Self::Polygon | Self::Region | Self::Moc | Self::Geometry)
    }

    /// Whether this is a number.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Number | Self::Integer)
    }

    /// Whether a value of kind `given` can stand where this kind is wanted.
    pub fn accepts(self, given: Self) -> bool {
        match (self, given) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Number, Self::Integer) | (Self::Integer, Self::Number) => true,
            (Self::Geometry, given) => given.is_geometry(),
            (wanted, Self::Geometry) => wanted.is_geometry(),
            (wanted, given) => wanted == given,
        }
    }

    /// The word for error messages.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Number => "a number",
            Self::Integer => "a whole number",
            Self::Text => "a string",
            Self::Boolean => "a condition",
            Self::Timestamp => "a timestamp",
            Self::Point => "a point",
            Self::Circle => "a circle",
            Self::Polygon => "a polygon",
            Self::Region => "a region",
            Self::Moc => "a MOC",
            Self::Geometry => "a geometry",
            Self::Array => "an array",
        }
    }
}

/// How a function turns rows into values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FunctionClass {
    /// One value per row.
    Scalar,
    /// One value per group; also over a window.
    Aggregate,
    /// One value per row of a window.
    Window,
}

/// The part of the language that a function belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feature {
    /// ADQL 2.1, mandatory.
    Core,
    /// ADQL 2.1, `features-adqlgeo`.
    Geometry,
    /// ADQL 2.1, `features-adql-string`.
    String,
    /// ADQL 2.1, `features-adql-conditional`.
    Conditional,
    /// ADQL 2.1, `features-adql-unit`.
    Unit,
    /// Beyond ADQL, declared as an extension.
    Extension,
}

/// One way to call a function: the fixed arguments, some of which may be left out, then a repeated group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// Kinds of the leading arguments.
    pub arguments: &'static [Kind],
    /// How many of the leading arguments may be missing from the end.
    pub optional: usize,
    /// Kinds of a group that repeats after them.
    pub repeated: &'static [Kind],
    /// Fewest repetitions of the group.
    pub least: usize,
}

impl Form {
    pub(crate) const fn of(arguments: &'static [Kind]) -> Self {
        Self { arguments, optional: 0, repeated: &[], least: 0 }
    }

    pub(crate) const fn optional(arguments: &'static [Kind], optional: usize) -> Self {
        Self { arguments, optional, repeated: &[], least: 0 }
    }

    pub(crate) const fn repeated(arguments: &'static [Kind], repeated: &'static [Kind], least: usize) -> Self {
        Self { arguments, optional: 0, repeated, least }
    }

    /// Whether that many arguments fit.
    pub fn takes(&self, count: usize) -> bool {
        let most = self.arguments.len();
        if self.repeated.is_empty() {
            return count <= most && count + self.optional >= most;
        }
        count >= most + self.least * self.repeated.len() && (count - most).is_multiple_of(self.repeated.len())
    }

    /// The kind wanted at that position.
    pub fn kind_at(&self, index: usize) -> Kind {
        let after = index.checked_sub(self.arguments.len());
        match (self.arguments.get(index), after) {
            (Some(kind), _) => *kind,
            (None, Some(after)) if !self.repeated.is_empty() => self.repeated[after % self.repeated.len()],
            _ => Kind::Any,
        }
    }
}

/// One function of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionEntry {
    /// The name in the language, upper case.
    pub name: &'static str,
    /// The name in the lowered SQL; for a rewritten function, the one its rewriting calls.
    pub lowered: &'static str,
    /// Scalar, aggregate or window.
    pub class: FunctionClass,
    /// The ways to call it.
    pub forms: &'static [Form],
    /// What it returns.
    pub returns: Kind,
    /// The part of the language it belongs to.
    pub feature: Feature,
    /// The extension that it is part of, for one beyond ADQL.
    pub extension: Option<Extension>,
    /// The only label it has this meaning under, if there is but one.
    pub label: Option<Label>,
    /// Whether a leading string literal names a coordinate system.
    pub coordinate_system: bool,
    /// Whether an aggregate may also stand over a window: not where its results are large.
    pub over_window: bool,
    /// Whether a call can be answered; else it is known, and refused with the reason.
    pub available: bool,
}

impl FunctionEntry {
    pub(crate) const fn new(name: &'static str, lowered: &'static str, forms: &'static [Form], returns: Kind) -> Self {
        Self {
            name,
            lowered,
            class: FunctionClass::Scalar,
            forms,
            returns,
            feature: Feature::Core,
            extension: None,
            label: None,
            coordinate_system: false,
            over_window: true,
            available: true,
        }
    }

    pub(crate) const fn class(mut self, class: FunctionClass) -> Self {
        self.class = class;
        self
    }

    pub(crate) const fn feature(mut self, feature: Feature) -> Self {
        self.feature = feature;
        self
    }

    /// A function beyond ADQL, of that extension.
    pub(crate) const fn extension(mut self, extension: Extension) -> Self {
        self.feature = Feature::Extension;
        self.extension = Some(extension);
        self
    }

    /// An aggregate whose results are too large for windows.
    pub(crate) const fn aggregate(self) -> Self {
        self.class(FunctionClass::Aggregate).without_window()
    }

    pub(crate) const fn label(mut self, label: Label) -> Self {
        self.label = Some(label);
        self
    }

    pub(crate) const fn without_window(mut self) -> Self {
        self.over_window = false;
        self
    }

    pub(crate) const fn unavailable(mut self) -> Self {
        self.available = false;
        self
    }

    pub(crate) const fn with_coordinate_system(mut self) -> Self {
        self.coordinate_system = true;
        self
    }
}

static TABLE: LazyLock<Vec<FunctionEntry>> = LazyLock::new(|| {
    [standard::FUNCTIONS, geometry::FUNCTIONS, catalogue::FUNCTIONS, arrays::FUNCTIONS, sql::FUNCTIONS].concat()
});

/// All functions of the language.
///
/// The engine's allow-list is the set of their [`lowered`](FunctionEntry::lowered) names.
pub fn function_table() -> &'static [FunctionEntry] {
    &TABLE
}

/// The function of that name under that label, in any letter case.
///
/// ```
/// use sidereus_adql::{Label, find_function};
/// let lowered = |label| find_function("log", label).map(|entry| entry.lowered);
/// assert_eq!((lowered(Label::Adql), lowered(Label::Sql)), (Some("ln"), Some("log10")));
/// ```
pub fn find_function(name: &str, label: Label) -> Option<&'static FunctionEntry> {
    let fits =
        |entry: &&FunctionEntry| same_in_any_case(entry.name, name) && entry.label.is_none_or(|only| only == label);
    TABLE.iter().find(fits)
}

/// The function whose name is closest to a misspelt one.
pub(crate) fn closest_function(name: &str) -> Option<&'static str> {
    closest(name, TABLE.iter().map(|entry| entry.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_listed_twice_under_one_label() {
        for label in [Label::Adql, Label::Sql] {
            for entry in function_table() {
                let same = function_table()
                    .iter()
                    .filter(|other| other.name == entry.name && other.label.is_none_or(|only| only == label));
                assert!(same.count() <= 1, "{} is listed twice", entry.name);
            }
        }
    }

    #[test]
    fn nothing_that_can_fill_the_memory_is_listed() {
        for name in ["REPEAT", "LPAD", "RPAD", "RANGE", "GENERATE_SERIES", "UNNEST", "ARRAY_REPEAT", "ARRAY_AGG"] {
            assert!(find_function(name, Label::Sql).is_none(), "{name}");
        }
    }

    #[test]
    fn forms_count_arguments() {
        let polygon = find_function("polygon", Label::Adql).unwrap();
        let fits = |count| polygon.forms.iter().any(|form| form.takes(count));
        assert_eq!((0..9).filter(|count| fits(*count)).collect::<Vec<_>>(), [3, 4, 5, 6, 7, 8]);
        let round = find_function("ROUND", Label::Adql).unwrap();
        assert_eq!((0..4).filter(|count| round.forms[0].takes(*count)).collect::<Vec<_>>(), [1, 2]);
    }
}
