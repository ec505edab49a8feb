//! What does a request ask for?
//!
//! Parameters become a [`JobRequest`], the same for a query that is answered at once and for one that is queued (TAP 1.1,
//! section 2.7). Nothing is looked up and nothing is run here.

use axum::http::header::{ACCEPT, USER_AGENT};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::parameters::{ParameterError, Parameters};
use crate::format::{self, OutputFormat};
use crate::jobs::{JobRequest, QueryLanguage, Upload, UploadSource};

/// Longest run identifier (TAP 1.1, section 2.7.5).
const MAX_RUNID: usize = 64;

/// Longest name of an uploaded table.
const MAX_UPLOAD_NAME: usize = 128;

/// What the parameters of a query ask for; `default` is the format where they name none.
pub(super) fn request(
    parameters: &Parameters,
    default: &'static dyn OutputFormat,
) -> Result<JobRequest, ParameterError> {
    check_tolerated(parameters)?;
    let query = parameters.single("QUERY")?.ok_or_else(|| value("QUERY", "the query is missing"))?;
    let (format, media_type) = output_format(parameters, default)?;
    run_id(parameters)?;
    Ok(JobRequest {
        query: query.to_owned(),
        language: language(parameters)?,
        max_rows: max_rows(parameters)?,
        format: format.name().to_owned(),
        media_type,
        uploads: uploads(parameters)?,
    })
}

/// The format of an answer whose request names none.
pub(super) fn default_format(headers: &HeaderMap) -> &'static dyn OutputFormat {
    let header = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    format::default_for(header(ACCEPT), header(USER_AGENT))
}

/// The client's own name of a run.
pub(super) fn run_id(parameters: &Parameters) -> Result<Option<String>, ParameterError> {
    match parameters.single("RUNID")? {
        Some(id) if id.len() > MAX_RUNID => Err(value("RUNID", format!("at most {MAX_RUNID} bytes"))),
        id => Ok(id.map(str::to_owned)),
    }
}

fn language(parameters: &Parameters) -> Result<QueryLanguage, ParameterError> {
    let expected = QueryLanguage::EXPECTED;
    let name = parameters.single("LANG")?.ok_or_else(|| value("LANG", expected))?;
    QueryLanguage::of_name(name).ok_or_else(|| value("LANG", format!("unknown query language {name:?}: {expected}")))
}

/// Parameters of earlier versions say nothing new where they say what is usual.
fn check_tolerated(parameters: &Parameters) -> Result<(), ParameterError> {
    match parameters.single("REQUEST")? {
        Some(request) if !request.eq_ignore_ascii_case("doQuery") => {
            Err(value("REQUEST", format!("expected doQuery, found {request:?}")))
        }
        _ => Ok(()),
    }
}

fn max_rows(parameters: &Parameters) -> Result<Option<u64>, ParameterError> {
    let parse = |text: &str| {
        text.trim().parse().map_err(|_| value("MAXREC", format!("expected a number of rows, found {text:?}")))
    };
    parameters.single("MAXREC")?.map(parse).transpose()
}

/// The format, and the media type to answer with: the client's own words where it asked by media type.
fn output_format(
    parameters: &Parameters,
    default: &'static dyn OutputFormat,
) -> Result<(&'static dyn OutputFormat, String), ParameterError> {
    let asked = match parameters.single("RESPONSEFORMAT")? {
        Some(asked) => Some(asked),
        None => parameters.single("FORMAT")?,
    };
    let Some(asked) = asked.map(str::trim) else { return Ok((default, default.media_type().to_owned())) };
    let format = format::find(asked).filter(|format| format.is_served()).ok_or_else(|| {
        let names: Vec<&str> = format::ALL.iter().filter(|f| f.is_served()).map(|f| f.name()).collect();
        value(
            "RESPONSEFORMAT",
            format!("unknown format {asked:?}: expected one of {}, or a media type", names.join(", ")),
        )
    })?;
    let is_media_type = ["application/", "text/"].iter().any(|start| asked.to_ascii_lowercase().starts_with(start));
    let is_sendable = is_media_type && HeaderValue::from_str(asked).is_ok();
    let media_type = if is_sendable { asked } else { format.media_type() };
    Ok((format, media_type.to_owned()))
}

/// Tables that come along: `name,uri`, given any number of times, or several with `;` between them as in TAP 1.0.
fn uploads(parameters: &Parameters) -> Result<Vec<Upload>, ParameterError> {
    let mut uploads: Vec<Upload> = Vec::new();
    for pair in parameters.all("UPLOAD").flat_map(|text| text.split(';')).map(str::trim).filter(|pair| !pair.is_empty())
    {
        let (name, uri) = pair
            .split_once(',')
            .map(|(name, uri)| (name.trim(), uri.trim()))
            .ok_or_else(|| value("UPLOAD", format!("expected NAME,URI such as t1,param:table, found {pair:?}")))?;
        check_name(name)?;
        if uploads.iter().any(|upload| upload.name.eq_ignore_ascii_case(name)) {
            return Err(value("UPLOAD", format!("two tables are named {name}")));
        }
        uploads.push(Upload { name: name.to_owned(), source: source(uri)? });
    }
    Ok(uploads)
}

fn source(uri: &str) -> Result<UploadSource, ParameterError> {
    match uri.split_once(':') {
        Some((scheme, part)) if scheme.eq_ignore_ascii_case("param") && !part.is_empty() => {
            Ok(UploadSource::Part(part.to_owned()))
        }
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") => {
            Ok(UploadSource::Url(uri.to_owned()))
        }
        _ => Err(value("UPLOAD", format!("expected param:PART, or an http or https URL, found {uri:?}"))),
    }
}

/// A name is a regular identifier, so that it needs no quotes in a query (TAP 1.1, section 2.7.6).
fn check_name(name: &str) -> Result<(), ParameterError> {
    let mut characters = name.chars();
    let is_regular = characters.next().is_some_and(|first| first.is_ascii_alphabetic())
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_regular && name.len() <= MAX_UPLOAD_NAME {
        return Ok(());
    }
    let expected = "expected a table name of letters, digits and underscores that begins with a letter";
    Err(value("UPLOAD", format!("{expected}, found {name:?}")))
}

fn value(name: &'static str, message: impl Into<String>) -> ParameterError {
    ParameterError::Value { name, message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> Result<JobRequest, ParameterError> {
        request(
            &Parameters::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))),
            format::ALL[0],
        )
    }

    const QUERY: [(&str, &str); 2] = [("QUERY", "SELECT 1"), ("LANG", "ADQL")];

    #[test]
    fn uploads_come_repeated_or_in_one() {
        let two = [
            Upload { name: "t1".to_owned(), source: UploadSource::Part("a".to_owned()) },
            Upload { name: "T_2".to_owned(), source: UploadSource::Url("https://x.org/b?c=1,2".to_owned()) },
        ];
        let repeated = [("UPLOAD", "t1,param:a"), ("upload", "T_2, https://x.org/b?c=1,2")];
        assert_eq!(asked(&[&QUERY[..], &repeated].concat()).unwrap().uploads, two);
        let joined = [("UPLOAD", "t1,param:a;T_2,https://x.org/b?c=1,2")];
        assert_eq!(asked(&[&QUERY[..], &joined].concat()).unwrap().uploads, two);
    }

    #[test]
    fn odd_uploads_are_refused_with_what_was_expected() {
        for (upload, part) in [
            ("t1", "NAME,URI"),
            ("1t,param:a", "begins with a letter"),
            ("a b,param:a", "begins with a letter"),
            ("t,param:", "param:PART"),
            ("t,file:///etc/passwd", "param:PART"),
            ("t,ftp://x/y", "param:PART"),
            ("t,param:a;T,param:b", "two tables"),
        ] {
            let error = asked(&[&QUERY[..], &[("UPLOAD", upload)]].concat()).unwrap_err().to_string();
            assert!(error.contains(part), "{upload}: {error}");
        }
    }

    #[test]
    fn a_media_type_is_answered_in_the_clients_own_words() {
        let with = |format| asked(&[&QUERY[..], &[("RESPONSEFORMAT", format)]].concat());
        assert_eq!(with("text/xml").unwrap().media_type, "text/xml");
        assert_eq!(with("csv").unwrap().media_type, "text/csv;header=present");
        assert_eq!(with("votable/td").unwrap().media_type, "application/x-votable+xml");
        assert!(with("docx").unwrap_err().to_string().contains("csv"));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(asked(&[("LANG", "ADQL")]).unwrap_err().to_string().contains("QUERY"));
        assert!(asked(&[("QUERY", "x")]).unwrap_err().to_string().contains("LANG"));
        assert!(
            asked(&[("QUERY", "x"), ("LANG", "OOBLECK")]).unwrap_err().to_string().contains("unknown query language")
        );
        assert!(asked(&[&QUERY[..], &[("REQUEST", "getCapabilities")]].concat()).is_err());
        assert!(asked(&[&QUERY[..], &[("RUNID", &"x".repeat(65))]].concat()).is_err());
    }
}
