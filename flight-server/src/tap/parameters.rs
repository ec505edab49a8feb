//! Which parameters does a request carry?
//!
//! From the query string, a form or a multipart body, all alike (DALI 1.1, section 2.3): names in any case, values as they
//! are, unknown names ignored, a single-valued name with two values an error. Files of a multipart body go to the spool as they
//! come, charged to whoever sends them.

use axum::body::to_bytes;
use axum::extract::multipart::Field;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, StatusCode};
use url::form_urlencoded;

use super::intake::LATE;
use crate::error;
use crate::jobs::Part;
use crate::storage::{Account, Storage, StorageError, Written, blocking};

/// Why parameters cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ParameterError {
    /// A name that may be given once was given more often.
    #[error("parameter {0} is given more than once, with different values")]
    Repeated(&'static str),
    /// A value does not fit.
    #[error("parameter {name}: {message}")]
    Value {
        /// The parameter.
        name: &'static str,
        /// What was expected.
        message: String,
    },
    /// The body is in no form that is understood.
    #[error("expected a body of type application/x-www-form-urlencoded or multipart/form-data, found {0:?}")]
    ContentType(String),
    /// The body could not be read.
    #[error("cannot read the request body: {0}")]
    Body(String),
    /// The body is longer than allowed.
    #[error("the request body is too long: {0}")]
    TooLong(String),
    /// The body did not go on.
    #[error("{0}")]
    Late(String),
    /// A file cannot be kept.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// What a part of a multipart body takes at least.
const PART_BYTES: usize = 64;

impl ParameterError {
    /// Status of the response.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::ContentType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Late(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Storage(StorageError::Quota { .. }) => StatusCode::INSUFFICIENT_STORAGE,
            Self::Storage(error) => error::http_status(error.kind()),
            Self::Repeated(_) | Self::Value { .. } | Self::Body(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// Names and values in the order given, and files by the names of their parts.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    pairs: Vec<(String, String)>,
    files: Vec<Part>,
}

/// Where files of a request go, and how much of it is read.
#[derive(Debug)]
pub(super) struct Intake<'a> {
    /// Where.
    pub(super) storage: &'a Storage,
    /// On whose account.
    pub(super) account: Account,
    /// Bytes of everything that is no file.
    pub(super) most_text: usize,
    /// Bytes of all files; `None` is unlimited.
    pub(super) most_files: Option<u64>,
}

impl Parameters {
    /// Parameters that were kept.
    pub(super) fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { pairs: pairs.into_iter().collect(), files: Vec::new() }
    }

    /// Those of a query string alone.
    pub(super) fn of_query(query: Option<&str>) -> Self {
        let mut parameters = Self::default();
        parameters.add_encoded(query.unwrap_or_default().as_bytes());
        parameters
    }

    /// Reads the query string, and the body of a POST.
    pub(super) async fn read(request: Request, intake: &Intake<'_>) -> Result<Self, ParameterError> {
        let mut parameters = Self::of_query(request.uri().query());
        if request.method() != Method::POST {
            return Ok(parameters);
        }
        let content_type =
            request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if media_type == "multipart/form-data" {
            parameters.add_multipart(request, intake).await?;
            return Ok(parameters);
        }
        let body = to_bytes(request.into_body(), intake.most_text).await.map_err(|error| body_error(&error))?;
        match media_type.as_str() {
            "application/x-www-form-urlencoded" => parameters.add_encoded(&body),
            "" if body.is_empty() => {}
            _ => return Err(ParameterError::ContentType(content_type)),
        }
        Ok(parameters)
    }

    /// All pairs and files.
    pub(super) fn into_parts(self) -> (Vec<(String, String)>, Vec<Part>) {
        (self.pairs, self.files)
    }

    /// The value of a name that may be given once; an empty value is none.
    pub(super) fn single(&self, name: &'static str) -> Result<Option<&str>, ParameterError> {
        let mut values = self.all(name);
        let first = values.next();
        // Some clients say the same twice, in two spellings of the name.
        if values.any(|value| Some(value) != first) {
            return Err(ParameterError::Repeated(name));
        }
        Ok(first)
    }

    /// Every value of a name that is not empty.
    pub(super) fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        let matches = move |pair: &&(String, String)| pair.0.eq_ignore_ascii_case(name) && !pair.1.trim().is_empty();
        self.pairs.iter().filter(matches).map(|(_, value)| value.as_str())
    }

    fn add_encoded(&mut self, text: &[u8]) {
        self.pairs.extend(form_urlencoded::parse(text).into_owned());
    }

    async fn add_multipart(&mut self, mut request: Request, intake: &Intake<'_>) -> Result<(), ParameterError> {
        if let Some(quoted) = request.headers().get(CONTENT_TYPE).and_then(quoted_boundary) {
            request.headers_mut().insert(CONTENT_TYPE, quoted);
        }
        let mut body =
            Multipart::from_request(request, &()).await.map_err(|error| ParameterError::Body(error::chain(&error)))?;
        let (mut text, mut files) = (intake.most_text, intake.most_files.unwrap_or(u64::MAX));
        while let Some(mut field) = body.next_field().await.map_err(|error| body_error(&error))? {
            let name = field.name().unwrap_or_default().to_owned();
            // Names count as well, so that a million of empty parts ends.
            text = text.checked_sub(name.len() + PART_BYTES).ok_or_else(|| too_long(intake))?;
            if field.file_name().is_some() {
                let written = spool(&mut field, intake, &mut files).await?;
                self.files.retain(|(known, _)| *known != name);
                self.files.push((name, written));
                continue;
            }
            let mut value = Vec::new();
            while let Some(bytes) = field.chunk().await.map_err(|error| body_error(&error))? {
                text = text.checked_sub(bytes.len()).ok_or_else(|| too_long(intake))?;
                value.extend_from_slice(&bytes);
            }
            let value =
                String::from_utf8(value).map_err(|_| ParameterError::Body(format!("part {name:?} is not UTF-8")))?;
            self.pairs.push((name, value));
        }
        Ok(())
    }
}

/// The header with its boundary in quotes, which astroquery leaves away although its own needs them.
fn quoted_boundary(content_type: &HeaderValue) -> Option<HeaderValue> {
    let (_, rest) = content_type.to_str().ok()?.split_once("boundary=")?;
    let boundary = rest.split(';').next()?.trim();
    if boundary.contains('"') {
        return None;
    }
    HeaderValue::from_str(&format!("multipart/form-data; boundary=\"{boundary}\"")).ok()
}

/// Writes a file of a request to the spool, as fast as it comes.
async fn spool(field: &mut Field<'_>, intake: &Intake<'_>, left: &mut u64) -> Result<Written, ParameterError> {
    let mut writer = intake.storage.write(intake.account.clone())?;
    while let Some(bytes) = field.chunk().await.map_err(|error| body_error(&error))? {
        *left = left.checked_sub(bytes.len() as u64).ok_or_else(|| {
            let most = intake.most_files.unwrap_or(u64::MAX);
            ParameterError::TooLong(format!("the files of a request may have {most} bytes together"))
        })?;
        writer = blocking(move || writer.write(&bytes).map(|()| writer)).await?;
    }
    Ok(blocking(move || writer.finish()).await?)
}

fn too_long(intake: &Intake<'_>) -> ParameterError {
    ParameterError::TooLong(format!("parameters may have {} bytes together", intake.most_text))
}

fn body_error(error: &dyn std::error::Error) -> ParameterError {
    let text = error::chain(error);
    if text.contains("length limit exceeded") {
        ParameterError::TooLong(text)
    } else if text.contains(LATE) {
        ParameterError::Late(text)
    } else {
        ParameterError::Body(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::StorageLimits;
    use axum::body::Body;

    #[tokio::test]
    async fn names_have_no_case_and_values_keep_theirs() {
        let parameters = get("qUeRy=SELECT%20Ra+FROM+T&lang=&dummy=1").await;
        assert_eq!(parameters.single("QUERY").unwrap(), Some("SELECT Ra FROM T"));
        assert_eq!(parameters.single("LANG").unwrap(), None);
    }

    #[tokio::test]
    async fn a_single_value_given_twice_is_an_error() {
        let parameters = get("LANG=ADQL&lang=SQL").await;
        assert!(matches!(parameters.single("LANG"), Err(ParameterError::Repeated("LANG"))));
    }

    #[tokio::test]
    async fn forms_and_query_strings_join() {
        let request = post("application/x-www-form-urlencoded; charset=UTF-8", "QUERY=a%2Bb");
        let parameters = read(request).await.unwrap();
        assert_eq!(parameters.single("QUERY").unwrap(), Some("a+b"));
        assert_eq!(parameters.single("MAXREC").unwrap(), Some("5"));
    }

    /// The boundary, and the types of text parts, are those that STILTS sends.
    #[tokio::test]
    async fn multipart_forms_of_stilts_are_read() {
        let boundary = "<<<--------------MULTIPART-BOUNDARY------->>>";
        let body = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"QUERY\"\r\n\
             Content-Type: text/plain; charset=UTF-8\r\n\r\nSELECT 1\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"upload_t1\"; filename=\"upload_t1\"\r\n\
             Content-Type: application/x-votable+xml\r\n\r\n<VOTABLE/>\r\n--{boundary}--\r\n"
        );
        let request = post(&format!("multipart/form-data; boundary=\"{boundary}\""), body);
        let parameters = read(request).await.unwrap();
        assert_eq!(parameters.single("QUERY").unwrap(), Some("SELECT 1"));
        assert_eq!(parameters.single("upload_t1").unwrap(), None);
        let [(part, written)] = &parameters.files[..] else { panic!("one file came") };
        assert_eq!((part.as_str(), written.bytes), ("upload_t1", 10));
    }

    #[tokio::test]
    async fn other_bodies_are_refused() {
        let error = read(post("application/json", "{}")).await.unwrap_err();
        assert_eq!(error.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }

    #[tokio::test]
    async fn the_boundary_of_astroquery_is_read() {
        let boundary = "===============1763926281===";
        let body =
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"LANG\"\r\n\r\nADQL\r\n--{boundary}--\r\n");
        let parameters = read(post(&format!("multipart/form-data; boundary={boundary}"), body)).await.unwrap();
        assert_eq!(parameters.single("LANG").unwrap(), Some("ADQL"));
    }

    #[tokio::test]
    async fn bodies_have_limits() {
        let form = post("application/x-www-form-urlencoded", "QUERY=".to_owned() + &"x".repeat(2000));
        assert_eq!(read(form).await.unwrap_err().status(), StatusCode::PAYLOAD_TOO_LARGE);
        let part = |head: &str, body: &str| format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n");
        for body in [
            part("name=\"QUERY\"", &"x".repeat(2000)),
            part("name=\"t\"; filename=\"t\"", &"x".repeat(5000)),
            part("name=\"a\"", "").repeat(100),
        ] {
            let error = read(post("multipart/form-data; boundary=b", body + "--b--\r\n")).await.unwrap_err();
            assert_eq!(error.status(), StatusCode::PAYLOAD_TOO_LARGE, "{error}");
        }
        for body in ["", "--b\r\n", "no multipart at all", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx"]
        {
            let error = read(post("multipart/form-data; boundary=b", body)).await.unwrap_err();
            assert_eq!(error.status(), StatusCode::BAD_REQUEST, "{body:?}: {error}");
        }
    }

    async fn read(request: Request) -> Result<Parameters, ParameterError> {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::open(folder.path(), StorageLimits::default()).unwrap();
        let account = Account::named(None, "test");
        let intake = Intake { storage: &storage, account, most_text: 1000, most_files: Some(4000) };
        Parameters::read(request, &intake).await
    }

    async fn get(query: &str) -> Parameters {
        let request = Request::get(format!("/tap/sync?{query}")).body(Body::empty()).unwrap();
        read(request).await.unwrap()
    }

    fn post(content_type: &str, body: impl Into<Body>) -> Request {
        Request::post("/tap/sync?MAXREC=5").header(CONTENT_TYPE, content_type).body(body.into()).unwrap()
    }
}
