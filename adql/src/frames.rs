//! Which coordinate system do the coordinates of one predicate belong to?
//!
//! The leading literal of a constructor (`POINT('ICRS', ra, dec)`, deprecated in ADQL 2.1) changes no coordinate. What
//! it can do is contradict another one: comparing Galactic with equatorial coordinates gives a wrong answer, so a
//! predicate that mixes systems is refused. Systems that agree to 0.03 arcsec (ICRS, FK5 at J2000) count as one; an
//! empty, unknown or absent name fits all. Knows of one transformation that it leaves one system and enters another.

use sqlparser::ast::{Expr, Spanned, Value};
use sqlparser::tokenizer::Span;

use crate::error::Findings;
use crate::functions::{Form, FunctionEntry, find_function};
use crate::request::Label;
use crate::walk::{arguments, bare};

/// The group of systems that all catalogs are given in.
pub(crate) const ICRS: &str = "ICRS";

/// The system a constructor names, if its first argument does.
pub(crate) fn leading_frame(entry: &FunctionEntry, given: &[&Expr]) -> Option<String> {
    if !entry.coordinate_system {
        return None;
    }
    let Expr::Value(first) = bare(given.first()?) else { return None };
    match &first.value {
        Value::SingleQuotedString(name) => Some(name.clone()),
        // NULL is a system where it cannot be a coordinate.
        Value::Null => {
            let coordinates = |form: &&Form| form.kind_at(0).is_number() && form.takes(given.len());
            let fits_without = entry.forms.iter().any(|form| form.takes(given.len() - 1));
            (fits_without && !entry.forms.iter().any(|form| coordinates(&form))).then(String::new)
        }
        _ => None,
    }
}

/// The function that turns a geometry of its first argument's system into one of its second's.
const TRANSFORM: &str = "ivo_geom_transform";

/// The system that a transformation starts from (0) or ends in (1), where it is written out.
fn transformed(entry: &FunctionEntry, given: &[&Expr], index: usize) -> Option<String> {
    let Expr::Value(name) = bare(given.get(index).filter(|_| entry.lowered == TRANSFORM)?) else { return None };
    match &name.value {
        Value::SingleQuotedString(name) => Some(name.clone()),
        _ => None,
    }
}

/// Reports a call whose arguments are given in different systems.
pub(crate) fn check_frames(entry: &FunctionEntry, given: &[&Expr], span: Span, findings: &mut Findings<'_>) {
    let own = leading_frame(entry, given).or_else(|| transformed(entry, given, 0)).and_then(|name| system(&name));
    let mut systems: Vec<String> = own.into_iter().collect();
    for argument in given {
        if let Some(system) = frame_of(argument)
            && !systems.contains(&system)
        {
            systems.push(system);
        }
    }
    if let [first, second, ..] = systems.as_slice() {
        let at = given.last().map_or(span, |expr| expr.span());
        let message = format!("{} mixes coordinates in {first} and {second}", entry.name);
        findings.hinted(at, message, "coordinates are never converted here: give all in one system");
    }
}

/// The system of a geometry expression: that of the constructor it is, or of the constructors inside.
pub(crate) fn frame_of(expr: &Expr) -> Option<String> {
    let Expr::Function(function) = bare(expr) else { return None };
    let name = function.name.0.first().and_then(|part| part.as_ident())?;
    let entry = find_function(&name.value, Label::Adql)?;
    let given = arguments(function);
    if entry.lowered == TRANSFORM {
        return transformed(entry, &given, 1).and_then(|name| system(&name));
    }
    let own = leading_frame(entry, &given).and_then(|name| system(&name));
    own.or_else(|| entry.returns.is_geometry().then(|| given.iter().find_map(|argument| frame_of(argument))).flatten())
}

/// The group of systems that a name belongs to; `None` for those that say nothing.
fn system(name: &str) -> Option<String> {
    let first = name.split([' ', '_']).next().unwrap_or("").to_uppercase();
    match first.as_str() {
        "" | "UNKNOWN" | "UNKNOWNFRAME" => None,
        "ICRS" | "FK5" | "J2000" | "EQ" => Some(ICRS.into()),
        "GALACTIC" | "GAL" | "GALACTICII" => Some("GALACTIC".into()),
        "FK4" | "B1950" => Some("FK4".into()),
        _ => Some(first),
    }
}
