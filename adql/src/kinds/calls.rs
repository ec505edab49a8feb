//! Calls: is the function known, do its arguments fit, may an aggregate stand here?

use sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Spanned, Value};
use sqlparser::tokenizer::Span;

use super::types::{common, literal_of};
use super::{Declared, Judge, Place};
use crate::functions::{Feature, Form, FunctionClass, FunctionEntry, Kind, closest_function, find_function};
use crate::request::Label;
use crate::validate::Version;
use crate::walk::{arguments, bare};
use crate::{frames, hints};

impl Judge<'_, '_> {
    pub(super) fn function(&mut self, function: &mut Function, span: Span) -> Kind {
        let Some(ident) = function.name.0.first().and_then(|part| part.as_ident()).cloned() else { return Kind::Any };
        let declared = match self.declared {
            Declared::Names(names) => names.iter().any(|name| declared_name(name).eq_ignore_ascii_case(&ident.value)),
            Declared::Own => false,
        };
        let entry = find_function(&ident.value, self.label)
            .filter(|entry| self.has(entry) && !(declared && entry.feature == Feature::Extension));
        let known = entry.is_some() || declared;
        if !known {
            self.unknown_function(&ident);
        }
        let class = entry.map_or(FunctionClass::Scalar, |entry| entry.class);
        self.call_clauses(function, class, entry.is_none(), ident.span);
        let kinds = self.argument_kinds(function, class);
        let Some(entry) = entry else { return Kind::Any };
        self.arguments(entry, function, &kinds, span);
        match self.standard {
            None => frames::check_frames(entry, &arguments(function), span, self.findings),
            Some(version) => self.standard_arguments(entry, &arguments(function), version, span),
        }
        match entry.returns {
            Kind::Any => common(&kinds),
            kind => kind,
        }
    }

    fn unknown_function(&mut self, name: &Ident) {
        let shown = name.value.to_uppercase();
        if find_function(&name.value, self.label).is_some() {
            return self.findings.bad(name.span, format!("{shown} is not a function of the standard"));
        }
        let message = format!("unknown function {shown}");
        if let Some(hint) = hints::for_function(&name.value) {
            return self.findings.hinted(name.span, message, hint);
        }
        match closest_function(&name.value) {
            Some(meant) => self.findings.hinted(name.span, message, format!("did you mean {meant}?")),
            None => self.findings.bad(name.span, message),
        }
    }

    /// Whether a function belongs to the language that is judged by.
    fn has(&self, entry: &FunctionEntry) -> bool {
        let own = matches!(self.declared, Declared::Own) && entry.class != FunctionClass::Window;
        match self.standard {
            None => true,
            Some(_) if own && entry.feature == Feature::Extension => true,
            Some(Version::V2_1) => entry.feature != Feature::Extension,
            Some(Version::V2_0) => matches!(entry.feature, Feature::Core | Feature::Geometry),
        }
    }

    /// What the standard's grammar says of single arguments.
    fn standard_arguments(&mut self, entry: &FunctionEntry, given: &[&Expr], version: Version, span: Span) {
        let integer = |expr: &Expr| matches!(literal_of(expr), Some(Value::Number(digits, _)) if !digits.contains(['.', 'e', 'E']));
        let text = |expr: &Expr| matches!(literal_of(expr), Some(Value::SingleQuotedString(_)));
        match (entry.name, given) {
            ("ROUND" | "TRUNCATE", [_, places]) if !integer(places) => {
                self.findings.bad(
                    places.span(),
                    format!("the second argument of {} must be a whole number, written out", entry.name),
                );
            }
            ("IN_UNIT", [_, unit]) if !text(unit) => {
                self.findings.bad(unit.span(), "the unit must be a string, written out");
            }
            ("COALESCE", _) => {
                for null in given.iter().filter(|expr| matches!(literal_of(expr), Some(Value::Null))) {
                    self.findings.bad(null.span(), "NULL makes no sense in COALESCE");
                }
            }
            ("DISTANCE", [_, _, _, _]) if version == Version::V2_0 => {
                self.findings.hinted(
                    span,
                    "DISTANCE takes two points in ADQL 2.0",
                    "write DISTANCE(POINT(...), POINT(...))",
                );
            }
            _ if version == Version::V2_0
                && entry.feature == Feature::Geometry
                && entry.coordinate_system
                && frames::leading_frame(entry, given).is_none() =>
            {
                let hint = format!("write {}('ICRS', ...)", entry.name);
                self.findings.hinted(span, format!("{} begins with a coordinate system in ADQL 2.0", entry.name), hint);
            }
            _ => {}
        }
    }

    /// Whether an argument of another kind is let through: by the standard's grammar literals and aggregates stand for
    /// values of any kind, also for a geometry unless the function takes numbers there in another form.
    fn stands_for_any(&self, entry: &FunctionEntry, wanted: Kind, given: &Expr, kind: Kind) -> bool {
        let aggregate =
            |name: &str| find_function(name, self.label).is_some_and(|entry| entry.class == FunctionClass::Aggregate);
        let primary = match bare(given) {
            Expr::Value(_) => true,
            Expr::Function(function) => function_name(function).is_some_and(aggregate),
            _ => false,
        };
        let fits = match wanted.is_geometry() {
            true => primary && entry.forms.len() == 1,
            false => !kind.is_geometry() && kind != Kind::Boolean,
        };
        self.standard.is_some() && fits
    }

    /// DISTINCT, FILTER and OVER stand only where they mean something.
    fn call_clauses(&mut self, function: &Function, class: FunctionClass, declared: bool, at: Span) {
        let name = || function.name.to_string().to_uppercase();
        let distinct = match &function.args {
            FunctionArguments::List(list) => list.duplicate_treatment.is_some(),
            _ => false,
        };
        if class == FunctionClass::Scalar && !declared {
            let extra =
                distinct || function.filter.is_some() || function.over.is_some() || !function.within_group.is_empty();
            if extra {
                self.findings.bad(
                    at,
                    format!("{} is no aggregate: DISTINCT, FILTER, WITHIN GROUP and OVER cannot be used", name()),
                );
            }
            return;
        }
        if class == FunctionClass::Window && function.over.is_none() {
            let name = name();
            self.findings.hinted(at, format!("{name} is a window function"), format!("write {name}(...) OVER (...)"));
        }
        if class != FunctionClass::Scalar && self.place == Place::Rows {
            self.findings.hinted(
                at,
                format!("{} cannot be used in WHERE, ON or GROUP BY", name()),
                "conditions on groups go to HAVING",
            );
        }
        if function.over.is_some() && find_function(&name(), self.label).is_some_and(|entry| !entry.over_window) {
            self.findings.hinted(at, format!("{} cannot stand over a window", name()), "use it with GROUP BY");
        }
        if class == FunctionClass::Aggregate && function.over.is_none() && self.in_aggregate {
            self.findings.bad(at, format!("{} stands inside another aggregate", name()));
        }
    }

    fn argument_kinds(&mut self, function: &mut Function, class: FunctionClass) -> Vec<Kind> {
        let aggregate = class == FunctionClass::Aggregate && function.over.is_none();
        let outer = self.in_aggregate;
        self.in_aggregate |= aggregate;
        let mut kinds = Vec::new();
        if let FunctionArguments::List(list) = &mut function.args {
            for argument in &mut list.args {
                if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument {
                    kinds.push(self.kind(expr));
                }
            }
        }
        function.filter.iter_mut().for_each(|filter| self.condition(filter));
        if has_more_parts(function) {
            let mut rest = function.clone();
            if let FunctionArguments::List(list) = &mut rest.args {
                list.args.clear();
            }
            rest.filter = None;
            self.other(&mut Expr::Function(rest));
        }
        self.in_aggregate = outer;
        kinds
    }

    /// Reports arguments that fit no form of the function.
    fn arguments(&mut self, entry: &FunctionEntry, function: &Function, kinds: &[Kind], span: Span) {
        let given = arguments(function);
        let skipped = usize::from(frames::leading_frame(entry, &given).is_some());
        let (given, kinds) = (&given[skipped..], &kinds[skipped..]);
        if let FunctionArguments::List(list) = &function.args {
            let star =
                list.args.iter().any(|argument| matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Wildcard)));
            if star && entry.name == "COUNT" && list.args.len() == 1 {
                return;
            }
            if star {
                return self.findings.bad(span, format!("{} takes no *", entry.name));
            }
        }
        let mut forms = entry.forms.iter().filter(|form| form.takes(given.len())).peekable();
        if forms.peek().is_none() {
            let message = format!("{} does not take {}", entry.name, counted(given.len()));
            return self.findings.hinted(span, message, usage(entry));
        }
        let misfit = |form: &&Form| {
            let wrong = |index: usize, kind: Kind| {
                let wanted = form.kind_at(index);
                !wanted.accepts(kind) && !self.stands_for_any(entry, wanted, given[index], kind)
            };
            kinds.iter().enumerate().find(|(index, kind)| wrong(*index, **kind))
        };
        let misfits: Vec<_> =
            forms.map(|form| misfit(&form).map(|(index, kind)| (index, *kind, form.kind_at(index)))).collect();
        if misfits.iter().any(Option::is_none) {
            if let ("REGION", [text]) = (entry.name, given)
                && !matches!(literal_of(text), Some(Value::SingleQuotedString(_)))
            {
                self.findings.bad(text.span(), "the text of a REGION must be a string, written out");
            }
            return;
        }
        if let Some((index, kind, wanted)) = misfits.into_iter().flatten().max_by_key(|(index, ..)| *index) {
            let message = format!("argument {} of {} is {}", index + 1, entry.name, kind.noun());
            let hint = if entry.forms.len() > 1 { usage(entry) } else { format!("it must be {}", wanted.noun()) };
            self.findings.hinted(given[index].span(), message, hint);
        }
    }
}

/// Whether expressions stand in a call elsewhere than among its arguments and in FILTER.
fn has_more_parts(function: &Function) -> bool {
    let ordered = matches!(&function.args, FunctionArguments::List(list) if !list.clauses.is_empty());
    ordered || function.over.is_some() || !function.within_group.is_empty()
}

fn counted(count: usize) -> String {
    match count {
        0 => "an empty list of arguments".into(),
        1 => "one argument".into(),
        count => format!("{count} arguments"),
    }
}

/// How a function is called, for a hint.
fn usage(entry: &FunctionEntry) -> String {
    let word = |kind: &Kind| kind.noun().trim_start_matches("an ").trim_start_matches("a ").to_owned();
    let form = |form: &Form| {
        let needed = form.arguments.len() - form.optional;
        let mut words: Vec<String> = form.arguments[..needed].iter().map(word).collect();
        words.extend(form.arguments[needed..].iter().map(|kind| format!("[{}]", word(kind))));
        words.extend((0..form.least).flat_map(|_| form.repeated).map(word));
        if !form.repeated.is_empty() {
            words.push("...".into());
        }
        format!("{}({})", entry.name, words.join(", "))
    };
    format!("write {}", entry.forms.iter().map(form).collect::<Vec<_>>().join(" or "))
}

/// The function that an expression calls, in upper case.
pub(super) fn called(expr: &Expr) -> Option<&'static str> {
    let Expr::Function(function) = bare(expr) else { return None };
    find_function(function_name(function)?, Label::Adql).map(|entry| entry.name)
}

fn function_name(function: &Function) -> Option<&str> {
    function.name.0.first().and_then(|part| part.as_ident()).map(|ident| ident.value.as_str())
}

/// The name in a declaration such as `f(x REAL) -> REAL`.
fn declared_name(declaration: &str) -> &str {
    declaration.split('(').next().unwrap_or(declaration).trim()
}
