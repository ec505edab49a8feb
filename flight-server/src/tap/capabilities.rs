//! What can the service do? (VOSI 1.1, section 2; TAPRegExt 1.0)
//!
//! Languages and functions come from the language's own table, formats from the list of formats, limits from the
//! configuration: nothing is declared here that is not there.

use axum::extract::{Request, State};
use axum::response::Response;
use sidereus_adql::{Feature, Form, FunctionEntry, Kind, function_table};
use sidereus_engine::{Extension, Extensions, Label};

use super::links;
use super::respond::xml_response;
use crate::config::Config;
use crate::format;
use crate::format::xml::escaped;
use crate::services::Services;

const START: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <vosi:capabilities xmlns:vosi=\"http://www.ivoa.net/xml/VOSICapabilities/v1.0\" \
    xmlns:vr=\"http://www.ivoa.net/xml/VOResource/v1.0\" \
    xmlns:vs=\"http://www.ivoa.net/xml/VODataService/v1.1\" \
    xmlns:tr=\"http://www.ivoa.net/xml/TAPRegExt/v1.0\" \
    xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n";

const REGISTRY: &str = "ivo://ivoa.net/std/TAPRegExt#features";

/// The type under which other services declare what is beyond the standard.
const EXTENSIONS: &str = "ivo://org.gavo.dc/std/exts#extra-adql-keywords";

/// Optional parts of the language that are no functions: feature, form.
const CONSTRUCTS: [(&str, &str); 7] = [
    ("adql-sets", "UNION"),
    ("adql-sets", "EXCEPT"),
    ("adql-sets", "INTERSECT"),
    ("adql-common-table", "WITH"),
    ("adql-type", "CAST"),
    ("adql-string", "ILIKE"),
    ("adql-offset", "OFFSET"),
];

/// Answers `/capabilities`.
pub(super) async fn show(State(services): State<Services>, request: Request) -> Response {
    xml_response(document(&services.config, &links::base(request.extensions())))
}

fn document(config: &Config, base: &str) -> String {
    let base = escaped(base);
    let mut text = START.to_owned();
    for (standard, path) in [
        ("VOSI#capabilities", "capabilities"),
        ("VOSI#availability", "availability"),
        ("VOSI#tables-1.1", "tables"),
        ("DALI#examples", "examples"),
    ] {
        text.push_str(&format!(
            "<capability standardID=\"ivo://ivoa.net/std/{standard}\">\n\
             <interface xsi:type=\"vs:ParamHTTP\" role=\"std\" version=\"1.1\">\
             <accessURL use=\"full\">{base}/{path}</accessURL></interface>\n</capability>\n"
        ));
    }
    text.push_str("<capability xsi:type=\"tr:TableAccess\" standardID=\"ivo://ivoa.net/std/TAP\">\n");
    text.push_str(&format!(
        "<interface xsi:type=\"vs:ParamHTTP\" role=\"std\" version=\"1.1\">\
         <accessURL use=\"base\">{base}</accessURL>{}</interface>\n",
        security_methods(config)
    ));
    text.push_str(&languages(config));
    text.push_str(&output_formats());
    // TAPRegExt wants both of whoever takes uploads; from which hosts tables are fetched is told when one is asked for.
    for method in ["inline", "http", "https"] {
        text.push_str(&format!("<uploadMethod ivo-id=\"ivo://ivoa.net/std/TAPRegExt#upload-{method}\"/>\n"));
    }
    text.push_str(&limits(config));
    text.push_str("</capability>\n</vosi:capabilities>\n");
    text
}

/// None where everybody is anonymous.
const fn security_methods(config: &Config) -> &'static str {
    match (config.users.is_empty(), config.anonymous) {
        (true, _) => "",
        (false, true) => "<securityMethod/><securityMethod standardID=\"ivo://ivoa.net/sso#BasicAA\"/>",
        (false, false) => "<securityMethod standardID=\"ivo://ivoa.net/sso#BasicAA\"/>",
    }
}

fn languages(config: &Config) -> String {
    let mut text = "<language>\n<name>ADQL</name>\n\
        <version ivo-id=\"ivo://ivoa.net/std/ADQL#v2.1\">2.1</version>\n\
        <version ivo-id=\"ivo://ivoa.net/std/ADQL#v2.0\">2.0</version>\n\
        <description>Astronomical Data Query Language</description>\n"
        .to_owned();
    text.push_str(&features(config));
    text.push_str(
        "</language>\n<language>\n<name>SQL</name>\n<version>PostgreSQL flavour</version>\n\
         <description>SELECT statements in SQL with ADQL's geometry and Q3C's functions</description>\n</language>\n",
    );
    text
}

fn features(config: &Config) -> String {
    let off = config.engine_options().map_or(Extensions::NONE, |options| options.extensions_off);
    let declared = |entry: &&FunctionEntry| {
        let is_off = entry.extension.is_some_and(|extension| off.contains(extension));
        entry.available && !is_off && entry.label.is_none_or(|label| label == Label::Adql)
    };
    let table = || function_table().iter().filter(declared);
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    let mut add = |kind: &'static str, form: String| match groups.iter_mut().find(|(known, _)| *known == kind) {
        Some((_, forms)) if forms.contains(&form) => {}
        Some((_, forms)) => forms.push(form),
        None => groups.push((kind, vec![form])),
    };
    for (kind, form) in CONSTRUCTS {
        add(kind, form.to_owned());
    }
    for entry in table() {
        match entry.feature {
            Feature::Core | Feature::Extension | Feature::Conditional => {}
            Feature::Geometry => add("adqlgeo", entry.name.to_owned()),
            Feature::String => add("adql-string", entry.name.to_owned()),
            Feature::Unit => add("adql-unit", entry.name.to_owned()),
        }
    }
    for entry in table().filter(|entry| entry.feature == Feature::Extension) {
        entry.forms.iter().for_each(|form| add("udf", signature(entry, form)));
    }
    let mut text = String::new();
    for (kind, forms) in groups {
        text.push_str(&format!("<languageFeatures type=\"{REGISTRY}-{kind}\">\n"));
        for form in forms {
            text.push_str(&format!("<feature><form>{}</form></feature>\n", escaped(&form)));
        }
        text.push_str("</languageFeatures>\n");
    }
    text.push_str(&extensions(off));
    text
}

/// What the language has beyond the standard, by the names that the configuration knows.
fn extensions(off: Extensions) -> String {
    let mut text = format!("<languageFeatures type=\"{EXTENSIONS}\">\n");
    // It is ADQL 2.1; but TAPRegExt 1.0 has no key for conditional functions, and validators take one for an error.
    text.push_str(
        "<feature><form>COALESCE</form><description>the conditional function of ADQL 2.1</description></feature>\n",
    );
    for extension in Extension::all().iter().filter(|extension| !off.contains(**extension)) {
        let description = escaped(&extension.description().replace('`', ""));
        text.push_str(&format!(
            "<feature><form>{}</form><description>{description}</description></feature>\n",
            extension.name()
        ));
    }
    text.push_str("</languageFeatures>\n");
    text
}

/// A function as TAPRegExt writes user-defined ones: `name(argument TYPE, ...) -> TYPE`.
fn signature(entry: &FunctionEntry, form: &Form) -> String {
    let repeated = form.repeated.iter().cycle().take(form.repeated.len() * form.least.max(1));
    let arguments: Vec<String> = form
        .arguments
        .iter()
        .chain(repeated)
        .enumerate()
        .map(|(index, kind)| format!("arg{} {}", index + 1, type_name(*kind)))
        .collect();
    format!("{}({}) -> {}", entry.name, arguments.join(", "), type_name(entry.returns))
}

const fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Any | Kind::Number => "DOUBLE",
        Kind::Integer => "BIGINT",
        Kind::Text => "VARCHAR",
        Kind::Boolean => "BOOLEAN",
        Kind::Timestamp => "TIMESTAMP",
        Kind::Point => "POINT",
        Kind::Circle => "CIRCLE",
        Kind::Polygon => "POLYGON",
        Kind::Moc => "MOC",
        Kind::Region | Kind::Geometry => "REGION",
        Kind::Array => "DOUBLE[]",
    }
}

fn output_formats() -> String {
    let mut text = String::new();
    for format in format::ALL.iter().filter(|format| format.is_served()) {
        let id = format.standard_id().map(|id| format!(" ivo-id=\"{id}\"")).unwrap_or_default();
        text.push_str(&format!("<outputFormat{id}><mime>{}</mime>", format.media_type()));
        for alias in [format.name()].iter().chain(format.aliases()) {
            text.push_str(&format!("<alias>{alias}</alias>"));
        }
        text.push_str("</outputFormat>\n");
    }
    text
}

fn limits(config: &Config) -> String {
    let (limits, jobs) = (config.limits, config.jobs);
    let (kept, most) = (jobs.default_hours * 3600, jobs.max_hours * 3600);
    let mut text = format!("<retentionPeriod><default>{kept}</default><hard>{most}</hard></retentionPeriod>\n");
    // What is queued; a query that is answered at once has a limit of its own, which it tells when it is hit.
    if jobs.default_seconds > 0 {
        text.push_str(&format!("<executionDuration><default>{}</default>", jobs.default_seconds));
        if jobs.max_seconds > 0 {
            text.push_str(&format!("<hard>{}</hard>", jobs.max_seconds));
        }
        text.push_str("</executionDuration>\n");
    }
    let default = match (limits.default_rows, limits.max_rows) {
        (0, hard) => hard,
        (default, 0) => default,
        (default, hard) => default.min(hard),
    };
    if default > 0 {
        text.push_str(&format!("<outputLimit><default unit=\"row\">{default}</default>"));
        if limits.max_rows > 0 {
            text.push_str(&format!("<hard unit=\"row\">{}</hard>", limits.max_rows));
        }
        text.push_str("</outputLimit>\n");
    }
    if let Some(bytes) = jobs.upload_bytes() {
        text.push_str(&format!(
            "<uploadLimit><default unit=\"byte\">{bytes}</default><hard unit=\"byte\">{bytes}</hard></uploadLimit>\n"
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_served_format_is_declared() {
        let text = document(&Config::default(), "http://localhost:8080/tap");
        for format in format::ALL {
            let mime = format!("<mime>{}</mime>", format.media_type());
            assert_eq!(text.contains(&mime), format.is_served(), "{}", format.name());
        }
    }

    #[test]
    fn functions_that_are_switched_off_are_not_declared() {
        let mut config = Config::default();
        assert!(features(&config).contains("<form>ARR_DOT("));
        config.language.extensions_off = vec!["arrays".to_owned()];
        let text = features(&config);
        assert!(!text.contains("<form>arrays</form>") && text.contains("<form>case</form>"));
        assert!(!text.contains("ARR_DOT") && text.contains("<form>IVO_HASWORD("));
    }

    #[test]
    fn geometry_is_declared_function_by_function() {
        let text = features(&Config::default());
        for name in ["POINT", "CIRCLE", "CONTAINS", "DISTANCE"] {
            assert!(text.contains(&format!("<form>{name}</form>")), "{name}");
        }
        assert!(text.contains("#features-adqlgeo\""));
    }
}
