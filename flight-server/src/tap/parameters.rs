//! Which parameters does a request carry?
//!
//! From the query string, a form or a multipart body, all alike (DALI 1.1, section 2.3): names in any case, values as they
//! are, unknown names ignored, a single-valued name given twice an error.

use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use bytes::Bytes;
use url::form_urlencoded;

/// Why parameters cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ParameterError {
    /// A name that may be given once was given more often.
    #[error("parameter {0} is given more than once")]
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
}

impl ParameterError {
    /// Status of the response.
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::ContentType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLong(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Repeated(_) | Self::Value { .. } | Self::Body(_) => StatusCode::BAD_REQUEST,
        }
    }
}

/// Names and values in the order given.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads the query string, and the body of a POST.
    pub(super) async fn read(request: Request) -> Result<Self, ParameterError> {
        let mut parameters = Self::default();
        parameters.add_encoded(request.uri().query().unwrap_or_default().as_bytes());
        if request.method() != Method::POST {
            return Ok(parameters);
        }
        let content_type =
            request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match media_type.as_str() {
            "application/x-www-form-urlencoded" => {
                let body =
                    Bytes::from_request(request, &()).await.map_err(|error| body_error(error.status(), &error))?;
                parameters.add_encoded(&body);
            }
            "multipart/form-data" => parameters.add_multipart(request).await?,
            "" => {
                let body =
                    Bytes::from_request(request, &()).await.map_err(|error| body_error(error.status(), &error))?;
                if !body.is_empty() {
                    return Err(ParameterError::ContentType(String::new()));
                }
            }
            _ => return Err(ParameterError::ContentType(content_type.to_owned())),
        }
        Ok(parameters)
    }

    /// The value of a name that may be given once; an empty value is none.
    pub(super) fn single(&self, name: &'static str) -> Result<Option<&str>, ParameterError> {
        let mut values = self.all(name);
        let first = values.next();
        if values.next().is_some() {
            return Err(ParameterError::Repeated(name));
        }
        Ok(first)
    }

    /// Every value of a name that is not empty.
    pub(super) fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        let matches = move |pair: &&(String, String)| pair.0.eq_ignore_ascii_case(name) && !pair.1.trim().is_empty();
        self.0.iter().filter(matches).map(|(_, value)| value.as_str())
    }

    fn add_encoded(&mut self, text: &[u8]) {
        self.0.extend(form_urlencoded::parse(text).into_owned());
    }

    async fn add_multipart(&mut self, request: Request) -> Result<(), ParameterError> {
        let broken = |error: axum::extract::multipart::MultipartError| body_error(error.status(), &error);
        let mut body =
            Multipart::from_request(request, &()).await.map_err(|error| body_error(error.status(), &error))?;
        while let Some(field) = body.next_field().await.map_err(broken)? {
            let name = field.name().unwrap_or_default().to_owned();
            let value = if field.file_name().is_some() {
                // Files come with uploads, which name them in UPLOAD; alone they say nothing.
                String::new()
            } else {
                field.text().await.map_err(broken)?
            };
            self.0.push((name, value));
        }
        Ok(())
    }
}

fn body_error(status: StatusCode, error: &dyn std::error::Error) -> ParameterError {
    let text = crate::error::chain(error);
    if status == StatusCode::PAYLOAD_TOO_LARGE { ParameterError::TooLong(text) } else { ParameterError::Body(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        let parameters = Parameters::read(request).await.unwrap();
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
        let parameters = Parameters::read(request).await.unwrap();
        assert_eq!(parameters.single("QUERY").unwrap(), Some("SELECT 1"));
        assert_eq!(parameters.single("upload_t1").unwrap(), None);
    }

    #[tokio::test]
    async fn other_bodies_are_refused() {
        let error = Parameters::read(post("application/json", "{}")).await.unwrap_err();
        assert_eq!(error.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }

    async fn get(query: &str) -> Parameters {
        let request = Request::get(format!("/tap/sync?{query}")).body(Body::empty()).unwrap();
        Parameters::read(request).await.unwrap()
    }

    fn post(content_type: &str, body: impl Into<Body>) -> Request {
        Request::post("/tap/sync?MAXREC=5").header(CONTENT_TYPE, content_type).body(body.into()).unwrap()
    }
}
