//! How do the bytes of a result leave over HTTP?
//!
//! The first 8 MiB are held before the status is chosen, or what is there one second after the first row: what fails by
//! then is a proper error with its own status, and what ends by then has its length and its overflow in plain headers. The
//! rest streams; its overflow comes as a trailer and in the document. A late failure is told in the document where the
//! format can, and the transfer breaks off in any case, so that no client takes a part for the whole.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody};
use axum::http::header::{CONTENT_LENGTH, TRAILER};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http_body::Frame;

use crate::error::RequestId;
use crate::format::{EncodeError, Encoding};

/// `true` where rows were left out, `false` where none were.
pub(crate) const OVERFLOW_HEADER: HeaderName = HeaderName::from_static("x-overflow");

/// Bytes that are held before the status is chosen.
const HELD_BYTES: usize = 8 << 20;

/// How long they are held after the first row: whoever waits for rows of a slow query gains nothing from more.
const HELD_TIME: Duration = Duration::from_secs(1);

/// What the end of a failed document has to leave before the transfer breaks off.
const LAST_WORDS_TIME: Duration = Duration::from_millis(200);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A result whose beginning is collected and whose rest may follow.
#[derive(Debug)]
pub(crate) struct ResultBody {
    encoding: Encoding,
    request: RequestId,
    collected: Vec<Bytes>,
    ended: bool,
    started: Instant,
    /// Whether the log knows how it ended.
    told: bool,
}

impl ResultBody {
    /// Collects the beginning.
    ///
    /// *Errors*: whatever fails before the first byte has to leave.
    pub(crate) async fn begin(mut encoding: Encoding, request: RequestId) -> Result<Self, EncodeError> {
        let started = Instant::now();
        let mut collected = Vec::new();
        let mut bytes = 0;
        let mut ended = false;
        let mut first_row = None;
        while bytes < HELD_BYTES && !ended {
            // The document's start and its first rows are worth any wait: most queries fail before them or never.
            let next = match first_row {
                None => encoding.next().await?,
                Some(since) => {
                    let left = HELD_TIME.saturating_sub(Instant::elapsed(&since));
                    match tokio::time::timeout(left, encoding.next()).await {
                        Ok(next) => next?,
                        Err(_elapsed) => break,
                    }
                }
            };
            if first_row.is_none() && encoding.has_left() {
                first_row = Some(Instant::now());
            }
            match next {
                Some(piece) => {
                    bytes += piece.len();
                    collected.push(piece);
                }
                None => ended = true,
            }
        }
        Ok(Self { encoding, request, collected, ended, started, told: false })
    }

    /// A response with the headers that are known now.
    pub(crate) fn into_response(mut self) -> Response {
        let mut headers = HeaderMap::new();
        if self.ended {
            if self.collected.is_empty() {
                self.log_end();
            }
            let length: usize = self.collected.iter().map(Bytes::len).sum();
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
            headers.insert(OVERFLOW_HEADER, flag(self.encoding.is_overflow()));
        } else {
            headers.insert(TRAILER, HeaderValue::from_name(OVERFLOW_HEADER));
        }
        let mut response = Response::new(Body::new(Frames(Box::pin(frames(self)))));
        *response.headers_mut() = headers;
        response
    }

    /// Bytes that end a document after an error, and the error that breaks the transfer off.
    fn close(&mut self, failure: &EncodeError) -> (Option<Bytes>, BoxError) {
        self.told = true;
        let message = failure.public_text(&self.request);
        tracing::warn!(request = %self.request, rows = self.encoding.rows(), message, "a result ended with an error");
        (self.encoding.close_with_error(&message), message.into())
    }

    fn log_end(&mut self) {
        self.told = true;
        let milliseconds = self.started.elapsed().as_secs_f64() * 1e3;
        let (rows, overflow) = (self.encoding.rows(), self.encoding.is_overflow());
        tracing::info!(request = %self.request, rows, overflow, milliseconds, "result sent");
    }
}

impl Drop for ResultBody {
    fn drop(&mut self) {
        if !self.told {
            tracing::info!(request = %self.request, rows = self.encoding.rows(), "the client went away; its query ends");
        }
    }
}

enum Stage {
    Collected(std::vec::IntoIter<Bytes>),
    Streaming,
    Trailers,
    Broken(BoxError),
    Ended,
}

fn frames(mut body: ResultBody) -> impl Stream<Item = Result<Frame<Bytes>, BoxError>> + Send {
    let pieces = std::mem::take(&mut body.collected).into_iter();
    stream::unfold((body, Stage::Collected(pieces)), |(mut body, mut stage)| async move {
        loop {
            match stage {
                Stage::Collected(mut pieces) => match pieces.next() {
                    Some(piece) => {
                        // With its length told, nobody asks for more than the last piece.
                        if body.ended && pieces.len() == 0 {
                            body.log_end();
                        }
                        return Some((Ok(Frame::data(piece)), (body, Stage::Collected(pieces))));
                    }
                    None if body.ended => stage = Stage::Ended,
                    None => stage = Stage::Streaming,
                },
                Stage::Streaming => match body.encoding.next().await {
                    Ok(Some(piece)) => return Some((Ok(Frame::data(piece)), (body, Stage::Streaming))),
                    Ok(None) => stage = Stage::Trailers,
                    Err(failure) => {
                        let (closing, error) = body.close(&failure);
                        stage = Stage::Broken(error);
                        if let Some(closing) = closing {
                            return Some((Ok(Frame::data(closing)), (body, stage)));
                        }
                    }
                },
                Stage::Broken(error) => {
                    // What was given before is written out only while nothing more is there.
                    tokio::time::sleep(LAST_WORDS_TIME).await;
                    return Some((Err(error), (body, Stage::Ended)));
                }
                Stage::Trailers => {
                    body.log_end();
                    let trailers = HeaderMap::from_iter([(OVERFLOW_HEADER, flag(body.encoding.is_overflow()))]);
                    return Some((Ok(Frame::trailers(trailers)), (body, Stage::Ended)));
                }
                Stage::Ended => return None,
            }
        }
    })
    .fuse()
}

fn flag(value: bool) -> HeaderValue {
    HeaderValue::from_static(if value { "true" } else { "false" })
}

/// A stream of frames as a body.
struct Frames<S>(Pin<Box<S>>);

impl<S: Stream<Item = Result<Frame<Bytes>, BoxError>>> HttpBody for Frames<S> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.as_mut().poll_next(context)
    }
}
