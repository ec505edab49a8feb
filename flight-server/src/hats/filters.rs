//! Which rows does `filters=x>=1,y<2;z==3` ask for?
//!
//! ```text
//! filters   = branch *( ";" branch )          any of them
//! branch    = term *( "," term )              all of them
//! term      = column operator value           ==  =  !=  >=  <=  >  <  in  not in
//! ```
//! The text is what `lsdb` makes of filters of pyarrow: values as Python's `str` writes them, texts without quotes. So a text ends
//! only where another term begins. Whoever filters a file over HTTP filters what comes once more: a term that is not understood
//! for sure (a date, NaN) keeps all rows, and none is lost by the smaller accuracy of a column. Knows no SQL but that of
//! conditions, and no catalog.

use std::ops::Range;

use arrow::datatypes::{DataType, Field};
use sidereus_engine::adql_identifier;

use super::python::{self, Literal};

/// What is wrong with a filter, and where.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("filters, character {place}: expected {expected}, found {found}")]
pub(super) struct FilterError {
    place: usize,
    expected: String,
    found: String,
}

/// What values of a column are, for comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Whole,
    Single,
    Double,
    Boolean,
    Text,
    /// Something that only its reader compares.
    Other,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    Unequal,
    Least,
    Most,
    Above,
    Below,
    In,
    NotIn,
}

/// Spellings, those that begin like another first.
const OPERATORS: [(&str, Operator); 9] = [
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    (">=", Operator::Least),
    ("<=", Operator::Most),
    ("=", Operator::Equal),
    (">", Operator::Above),
    ("<", Operator::Below),
    ("not in", Operator::NotIn),
    ("in", Operator::In),
];

/// A condition on one column.
#[derive(Debug, Clone, PartialEq)]
struct Term {
    column: String,
    /// As SQL; `None` leaves it to the reader.
    condition: Option<String>,
    /// The whole numbers that it lets through, where they are one range.
    range: Option<Range<i128>>,
}

/// A condition on rows: any of some branches, all terms of a branch.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Filters(Vec<Vec<Term>>);

impl Filters {
    /// Reads the text of a parameter over the columns of a file.
    ///
    /// *Errors*: no column, operator or value of that column where one is expected.
    pub(super) fn parse(text: &str, columns: &[Field]) -> Result<Self, FilterError> {
        let mut reader = Reader { text, at: 0, columns };
        let mut branches = vec![Vec::new()];
        loop {
            let term = reader.term()?;
            branches.last_mut().into_iter().for_each(|branch: &mut Vec<Term>| branch.push(term.clone()));
            match reader.rest().chars().next() {
                None => return Ok(Self(branches)),
                Some(';') => branches.push(Vec::new()),
                Some(',') => {}
                Some(_) => return Err(reader.error(reader.at, "a comma, a semicolon or the end".to_owned())),
            }
            reader.at += 1;
        }
    }

    /// The columns that it names; repeats are possible.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flatten().map(|term| term.column.as_str())
    }

    /// The condition as SQL for rows of which one column has whole numbers of a range; `None` where it may hold for each.
    pub(super) fn condition(&self, known: Option<(&str, Range<u64>)>) -> Option<String> {
        let known = known.map(|(name, keys)| (name, i128::from(keys.start)..i128::from(keys.end)));
        let is_open = |term: &&Term| {
            let always = |(name, keys): &(&str, Range<i128>)| {
                let lets = term.range.as_ref().is_some_and(|range| range.start <= keys.start && keys.end <= range.end);
                term.column == *name && lets
            };
            !known.as_ref().is_some_and(always)
        };
        let branch = |terms: &Vec<Term>| -> Option<String> {
            let conditions = terms.iter().filter(is_open).filter_map(|term| term.condition.as_deref());
            let all = conditions.map(|condition| format!("({condition})")).collect::<Vec<_>>().join(" AND ");
            (!all.is_empty()).then_some(all)
        };
        let branches: Vec<String> = self.0.iter().map(branch).collect::<Option<_>>()?;
        (!branches.is_empty()).then(|| branches.iter().map(|all| format!("({all})")).collect::<Vec<_>>().join(" OR "))
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    columns: &'a [Field],
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn error(&self, at: usize, expected: String) -> FilterError {
        let rest = &self.text[at..];
        let shown: String = rest.chars().take(40).collect();
        let found = if rest.is_empty() { "the end".to_owned() } else { format!("{shown:?}") };
        FilterError { place: self.text[..at].chars().count() + 1, expected, found }
    }

    fn term(&mut self) -> Result<Term, FilterError> {
        self.at += self.rest().len() - self.rest().trim_start().len();
        let begins = self.at;
        let Some((field, operator, length)) = head(self.rest(), self.columns) else {
            return Err(self.without_head(begins));
        };
        self.at += length;
        let kind = Kind::of(field.data_type());
        let (condition, range) = match operator {
            Operator::In | Operator::NotIn => (self.list(field, kind, operator)?, None),
            _ => {
                let literal = self.value(field, kind)?;
                (condition(field.name(), kind, operator, &literal), range(kind, operator, &literal))
            }
        };
        Ok(Term { column: field.name().clone(), condition, range })
    }

    fn without_head(&self, begins: usize) -> FilterError {
        let rest = &self.text[begins..];
        match self
            .columns
            .iter()
            .filter(|field| rest.starts_with(field.name().as_str()))
            .map(|field| field.name())
            .max_by_key(|name| name.len())
        {
            Some(name) => {
                let expected = format!("==, !=, >=, <=, >, <, in or not in after column {name}");
                self.error(begins + name.len(), expected)
            }
            None => self.error(begins, "the name of a column of this catalog".to_owned()),
        }
    }

    /// A value up to the end of its term.
    fn value(&mut self, field: &Field, kind: Kind) -> Result<Literal, FilterError> {
        let (begins, rest) = (self.at, self.rest());
        let ends = rest.char_indices().filter(|(_, c)| matches!(c, ',' | ';')).map(|(at, _)| at).find(|at| {
            let is_bare = !matches!(kind, Kind::Text | Kind::Other);
            is_bare || head(&rest[at + 1..], self.columns).is_some()
        });
        let text = &rest[..ends.unwrap_or(rest.len())];
        self.at += text.len();
        let literal = match kind {
            Kind::Text => Some(Literal::Text(text.to_owned())),
            Kind::Other => Some(Literal::Unknown),
            _ => python::bare(text.trim()).filter(|literal| kind.takes(literal)),
        };
        literal.ok_or_else(|| self.error(begins, format!("{} for column {}", kind.name(), field.name())))
    }

    /// A list as Python writes it.
    fn list(&mut self, field: &Field, kind: Kind, operator: Operator) -> Result<Option<String>, FilterError> {
        self.at += self.rest().len() - self.rest().trim_start().len();
        let begins = self.at;
        let wrong = |reader: &Self, at: usize| {
            let expected =
                format!("a list of {}s for column {}, such as [1, 2] or ['a', 'b']", kind.noun(), field.name());
            reader.error(at, expected)
        };
        let (values, length) = python::list(self.rest()).map_err(|at| wrong(self, begins + at))?;
        self.at += length;
        if !values.iter().all(|value| matches!(value, Literal::None) || kind.takes(value)) {
            return Err(wrong(self, begins));
        }
        Ok(membership(field.name(), kind, operator, &values))
    }
}

/// The column and operator that a text begins with, and their length: the longest name that an operator follows.
fn head<'a>(text: &str, columns: &'a [Field]) -> Option<(&'a Field, Operator, usize)> {
    let found = columns.iter().filter_map(|field| {
        let rest = text.strip_prefix(field.name().as_str())?;
        let plain = rest.trim_start();
        let (spelling, operator) = OPERATORS.iter().find(|(spelling, operator)| {
            let is_list = matches!(operator, Operator::In | Operator::NotIn);
            let after = plain.strip_prefix(spelling).map(str::trim_start);
            after.is_some_and(|after| !is_list || after.starts_with(['[', '(', '{']))
        })?;
        Some((field, *operator, text.len() - plain.len() + spelling.len()))
    });
    found.max_by_key(|(field, ..)| field.name().len())
}

impl Kind {
    fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Dictionary(_, values) => Self::of(values),
            DataType::Float64 => Self::Double,
            DataType::Float32 => Self::Single,
            DataType::Boolean => Self::Boolean,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            other if other.is_integer() => Self::Whole,
            _ => Self::Other,
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::Whole | Self::Single | Self::Double => "number",
            Self::Boolean => "truth value",
            Self::Text => "text",
            Self::Other => "value",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "True or False",
            Self::Text => "a text",
            Self::Other => "a value",
            Self::Whole | Self::Single | Self::Double => "a number",
        }
    }

    fn takes(self, literal: &Literal) -> bool {
        match literal {
            Literal::Unknown => true,
            Literal::None => false,
            Literal::Number(_) => matches!(self, Self::Whole | Self::Single | Self::Double | Self::Other),
            Literal::Boolean(_) => matches!(self, Self::Boolean | Self::Other),
            Literal::Text(_) => matches!(self, Self::Text | Self::Other),
        }
    }
}

/// A comparison as SQL that holds wherever the reader's does; `None` where that is not sure.
fn condition(column: &str, kind: Kind, operator: Operator, literal: &Literal) -> Option<String> {
    let name = adql_identifier(column);
    if kind == Kind::Other {
        return None;
    }
    if let (Kind::Single, Literal::Number(text)) = (kind, literal) {
        return single(&name, operator, text.parse().ok()?);
    }
    let sign = match operator {
        Operator::Equal => "=",
        Operator::Unequal => "<>",
        Operator::Least => ">=",
        Operator::Most => "<=",
        Operator::Above => ">",
        Operator::Below => "<",
        Operator::In | Operator::NotIn => return None,
    };
    Some(format!("{name} {sign} {}", sql(literal)?))
}

/// A comparison with numbers of single precision: they compare alike in either precision with their neighbours alone.
fn single(name: &str, operator: Operator, value: f64) -> Option<String> {
    let near = value as f32;
    if !near.is_finite() {
        return None;
    }
    let (low, high) = match f64::from(near).partial_cmp(&value)? {
        std::cmp::Ordering::Less => (near, near.next_up()),
        std::cmp::Ordering::Equal => (near, near),
        std::cmp::Ordering::Greater => (near.next_down(), near),
    };
    let (low, high, is_exact) = (f64::from(low), f64::from(high), low == high);
    if !low.is_finite() || !high.is_finite() {
        return None;
    }
    match operator {
        Operator::Equal => Some(format!("{name} >= {low:?} AND {name} <= {high:?}")),
        Operator::Unequal => is_exact.then(|| format!("{name} <> {low:?}")),
        Operator::Least => Some(format!("{name} >= {low:?}")),
        Operator::Most => Some(format!("{name} <= {high:?}")),
        Operator::Above => Some(format!("{name} {} {low:?}", if is_exact { ">" } else { ">=" })),
        Operator::Below => Some(format!("{name} {} {high:?}", if is_exact { "<" } else { "<=" })),
        Operator::In | Operator::NotIn => None,
    }
}

/// Membership as pyarrow has it: what is null is in no list without `None`.
fn membership(column: &str, kind: Kind, operator: Operator, values: &[Literal]) -> Option<String> {
    if matches!(kind, Kind::Single | Kind::Other) {
        return None;
    }
    let name = adql_identifier(column);
    let has_none = values.contains(&Literal::None);
    let listed: Vec<String> = values.iter().filter(|value| **value != Literal::None).map(sql).collect::<Option<_>>()?;
    let list = listed.join(", ");
    Some(match (operator == Operator::NotIn, has_none, listed.is_empty()) {
        (false, false, true) => "1 = 0".to_owned(),
        (false, true, true) => format!("{name} IS NULL"),
        (false, false, false) => format!("{name} IN ({list})"),
        (false, true, false) => format!("{name} IN ({list}) OR {name} IS NULL"),
        (true, false, true) => return None,
        (true, true, true) => format!("{name} IS NOT NULL"),
        (true, true, false) => format!("{name} NOT IN ({list})"),
        (true, false, false) => format!("{name} NOT IN ({list}) OR {name} IS NULL"),
    })
}

/// A value as SQL; `None` for what SQL has no sure word for.
fn sql(literal: &Literal) -> Option<String> {
    match literal {
        Literal::Text(text) => Some(format!("'{}'", text.replace('\'', "''"))),
        Literal::Boolean(value) => Some(if *value { "TRUE" } else { "FALSE" }.to_owned()),
        Literal::Number(text) => match text.parse::<i64>() {
            Ok(whole) => Some(whole.to_string()),
            Err(_) if text.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit()) => None,
            Err(_) => text.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| format!("{number:?}")),
        },
        Literal::None | Literal::Unknown => None,
    }
}

/// The whole numbers that a comparison lets through.
fn range(kind: Kind, operator: Operator, literal: &Literal) -> Option<Range<i128>> {
    let Literal::Number(text) = literal else { return None };
    let number: i128 = text.parse::<i64>().ok().filter(|_| kind == Kind::Whole)?.into();
    match operator {
        Operator::Least => Some(number..i128::MAX),
        Operator::Above => Some(number + 1..i128::MAX),
        Operator::Most => Some(i128::MIN..number + 1),
        Operator::Below => Some(i128::MIN..number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Field> {
        let field = |name: &str, data_type| Field::new(name, data_type, true);
        vec![
            field("_healpix_29", DataType::Int64),
            field("n", DataType::Int32),
            field("ra", DataType::Float64),
            field("mag", DataType::Float32),
            field("name", DataType::LargeUtf8),
            field("is_star", DataType::Boolean),
            field("seen", DataType::Date32),
        ]
    }

    fn read(text: &str) -> String {
        match Filters::parse(text, &columns()) {
            Ok(filters) => filters.condition(None).unwrap_or_else(|| "every row".to_owned()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn comparisons_become_conditions() {
        for (text, expected) in [
            ("ra>=1", "((ra >= 1))"),
            ("ra > -1.5e-3", "((ra > -0.0015))"),
            ("ra>=1,n<2;is_star==True", "((ra >= 1) AND (n < 2)) OR ((is_star = TRUE))"),
            ("n!=3", "((n <> 3))"),
            ("n=3", "((n = 3))"),
            ("name==NGC 2024", "((name = 'NGC 2024'))"),
            ("name==O'Neill", "((name = 'O''Neill'))"),
            ("_healpix_29>=4", "((\"_healpix_29\" >= 4))"),
            ("namein['a', \"it's\"]", "((name IN ('a', 'it''s')))"),
            ("n in [1, np.int64(2)]", "((n IN (1, 2)))"),
            ("n not in (1,)", "((n NOT IN (1) OR n IS NULL))"),
            ("n not in[1, None]", "((n NOT IN (1)))"),
            ("n in[None]", "((n IS NULL))"),
            ("n in[]", "((1 = 0))"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_text_ends_where_another_term_begins() {
        for (text, expected) in [
            ("name==a,b;c", "((name = 'a,b;c'))"),
            ("name==a,b,ra>1", "((name = 'a,b') AND (ra > 1))"),
            ("name== NGC 1 ;n<1", "((name = ' NGC 1 ')) OR ((n < 1))"),
            ("name==", "((name = ''))"),
            ("namein['a,ra>1', ']'],n<1", "((name IN ('a,ra>1', ']')) AND (n < 1))"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_sure_keeps_rows() {
        for text in ["seen>=2020-01-01", "ra>nan", "ra<inf", "ra>1;seen<2020-01-01", "rain[nan]"] {
            assert_eq!(read(text), "every row", "{text}");
        }
        assert_eq!(read("seen>=2020-01-01,ra>1"), "((ra > 1))");
        // 0.1 is not a number of single precision: the neighbour below is kept, whoever compares.
        assert_eq!(read("mag>0.1"), "((mag >= 0.09999999403953552))");
        assert_eq!(read("mag<0.5"), "((mag < 0.5))");
        assert_eq!(read("mag!=0.1"), "every row");
    }

    #[test]
    fn what_holds_in_the_whole_cell_is_no_condition() {
        let cell = |text: &str| Filters::parse(text, &columns()).unwrap().condition(Some(("_healpix_29", 16..32)));
        assert_eq!(cell("_healpix_29>=16,_healpix_29<32"), None);
        assert_eq!(cell("_healpix_29>15,_healpix_29<=31"), None);
        assert_eq!(cell("_healpix_29>=17,_healpix_29<32"), Some("((\"_healpix_29\" >= 17))".to_owned()));
        assert_eq!(cell("_healpix_29>=16;ra>1"), None);
        assert_eq!(cell("_healpix_29>=16,ra>1"), Some("((ra > 1))".to_owned()));
    }

    #[test]
    fn errors_say_what_was_expected_and_where() {
        for (text, expected) in [
            ("", "filters, character 1: expected the name of a column of this catalog, found the end"),
            ("ra>1,x<2", "filters, character 6: expected the name of a column of this catalog, found \"x<2\""),
            ("ra~1", "filters, character 3: expected ==, !=, >=, <=, >, <, in or not in after column ra, found \"~1\""),
            ("ra>=one", "filters, character 5: expected a number for column ra, found \"one\""),
            ("is_star==1", "filters, character 10: expected True or False for column is_star, found \"1\""),
            (
                "n in['a']",
                "filters, character 5: expected a list of numbers for column n, such as [1, 2] or ['a', 'b'], found \"['a']\"",
            ),
            (
                "n in[1",
                "filters, character 7: expected a list of numbers for column n, such as [1, 2] or ['a', 'b'], found the end",
            ),
            ("n in[1]x", "filters, character 8: expected a comma, a semicolon or the end, found \"x\""),
            ("ra>1,", "filters, character 6: expected the name of a column of this catalog, found the end"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
