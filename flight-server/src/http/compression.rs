//! Which answers are packed on their way, and how?
//!
//! Those whose client says that it unpacks them (`Accept-Encoding: zstd` or `gzip`), at the cheapest level, but for what is
//! packed already and what is too short to gain. Each piece of a body leaves whole before more is waited for, trailers stay,
//! and a body that breaks off breaks off packed as well. (The layer of `tower-http` 0.6 loses what its encoder flushes while
//! the body waits.)

use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body::Frame;

/// Bytes below which packing gains nothing.
const MIN_BYTES: u64 = 1024;

/// Bytes that are packed at a time, so that a thread that serves others as well is not busy for long.
const STEP_BYTES: usize = 64 * 1024;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Zstd,
    Gzip,
}

/// Middleware that packs answers.
pub(super) async fn pack(request: Request, next: Next) -> Response {
    let coding = coding(request.headers());
    let mut response = next.run(request).await;
    if !is_worth_packing(&response) {
        return response;
    }
    response.headers_mut().append(VARY, HeaderValue::from_static("accept-encoding"));
    let Some(coding) = coding else { return response };
    let (mut parts, body) = response.into_parts();
    let (packer, name) = match coding {
        Coding::Gzip => (Packer::Gzip(GzEncoder::new(Vec::new(), Compression::fast())), "gzip"),
        Coding::Zstd => match zstd::stream::write::Encoder::new(Vec::new(), 1) {
            Ok(encoder) => (Packer::Zstd(encoder), "zstd"),
            Err(_) => return Response::from_parts(parts, body),
        },
    };
    parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::new(Packed { body, packer: Some(packer), pending: Bytes::new(), last: None }))
}

/// The cheaper of the codings that a client takes; weights other than 0 are not compared.
fn coding(headers: &HeaderMap) -> Option<Coding> {
    let accepted: Vec<&str> = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok()).collect();
    let takes = |wanted: &str| {
        accepted.iter().flat_map(|value| value.split(',')).any(|entry| {
            let mut parts = entry.split(';').map(str::trim);
            let names_it = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
            let weight = parts.find_map(|part| part.strip_prefix("q=")?.trim().parse::<f32>().ok());
            names_it && weight != Some(0.0)
        })
    };
    if takes("zstd") {
        Some(Coding::Zstd)
    } else if takes("gzip") {
        Some(Coding::Gzip)
    } else {
        None
    }
}

fn is_worth_packing(response: &Response) -> bool {
    let headers = response.headers();
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let is_short = length.or_else(|| response.body().size_hint().exact()).is_some_and(|length: u64| length < MIN_BYTES);
    let is_packed = headers.contains_key(CONTENT_ENCODING) || media_type.contains("parquet");
    // Ranges are of the bytes as they are: who takes a file in parts gets all of them in one coding.
    let stays = response.status() == StatusCode::PARTIAL_CONTENT
        || headers
            .get(CACHE_CONTROL)
            .is_some_and(|value| value.as_bytes().windows(12).any(|part| part == b"no-transform"));
    !is_packed
        && !stays
        && !is_short
        && !media_type.starts_with("image/")
        && !media_type.starts_with("text/event-stream")
}

enum Packer {
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Packer {
    /// Packs a piece; with `flush`, all of it can be unpacked from what has left.
    fn write(&mut self, plain: &[u8], flush: bool) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Gzip(encoder) => {
                encoder.write_all(plain)?;
                if flush {
                    encoder.flush()?;
                }
                Ok(std::mem::take(encoder.get_mut()))
            }
            Self::Zstd(encoder) => {
                encoder.write_all(plain)?;
                if flush {
                    encoder.flush()?;
                }
                Ok(std::mem::take(encoder.get_mut()))
            }
        }
    }

    fn finish(self) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

/// A body that is packed while it leaves.
struct Packed {
    body: Body,
    /// Taken at the end.
    packer: Option<Packer>,
    pending: Bytes,
    /// Trailers, which follow the packed bytes.
    last: Option<Frame<Bytes>>,
}

impl Packed {
    /// The packed form of some of what is pending; `None` where it is too little to show.
    fn pack_pending(&mut self) -> Result<Option<Frame<Bytes>>, BoxError> {
        let Some(packer) = &mut self.packer else { return Err("bytes after the end of a body".into()) };
        let step = self.pending.split_to(self.pending.len().min(STEP_BYTES));
        let bytes = packer.write(&step, self.pending.is_empty())?;
        Ok((!bytes.is_empty()).then(|| Frame::data(bytes.into())))
    }
}

impl HttpBody for Packed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            if !self.pending.is_empty() {
                if let Some(packed) = self.pack_pending().transpose() {
                    return Poll::Ready(Some(packed));
                }
                continue;
            }
            if self.packer.is_none() {
                return Poll::Ready(self.last.take().map(Ok));
            }
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.pending = data,
                    Err(trailers) => self.last = Some(trailers),
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => {
                    let Some(packer) = self.packer.take() else { return Poll::Ready(None) };
                    return Poll::Ready(Some(
                        packer.finish().map(|bytes| Frame::data(bytes.into())).map_err(Into::into),
                    ));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use axum::Router;
    use axum::routing::get;
    use futures::{StreamExt, stream};
    use tower::ServiceExt;

    #[tokio::test]
    async fn what_is_there_leaves_before_more_is_waited_for() {
        let mut body = packed("text/csv", || stream::iter([Ok(Bytes::from("1,2\n"))]).chain(stream::pending())).await;
        let mut plain = [0; 4];
        let mut bytes = Vec::new();
        while flate2::read::GzDecoder::new(bytes.as_slice()).read_exact(&mut plain).is_err() {
            let frame = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await;
            bytes.extend_from_slice(&frame.unwrap().unwrap().into_data().unwrap());
        }
        assert_eq!(&plain, b"1,2\n");
    }

    #[tokio::test]
    async fn what_came_before_a_break_leaves_whole() {
        let broken = || {
            let rows =
                (0..200_000_u32).map(|row| Ok(Bytes::from(format!("{row},{}\n", row.wrapping_mul(2_654_435_761)))));
            let late = stream::once(async {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                Err("lost".to_owned())
            });
            stream::iter(rows).chain(late)
        };
        let mut body = packed("text/csv", broken).await;
        let mut bytes = Vec::new();
        while let Some(Ok(frame)) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            bytes.extend_from_slice(&frame.into_data().unwrap());
        }
        let mut plain = String::new();
        let ended = flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut plain);
        assert!(ended.is_err(), "the packed stream has no end");
        assert!(plain.ends_with(&format!("\n199999,{}\n", 199_999_u32.wrapping_mul(2_654_435_761))));
    }

    #[tokio::test]
    async fn a_broken_body_breaks_off_packed_as_well() {
        let broken = || stream::iter([Ok(Bytes::from("1,2\n")), Err("lost".to_owned())]);
        let body = packed("text/csv", broken).await;
        assert!(axum::body::to_bytes(body, usize::MAX).await.is_err());
    }

    #[tokio::test]
    async fn what_is_packed_stays_as_it_is() {
        let whole = || stream::iter([Ok(Bytes::from("PAR1"))]);
        let answer = answer("application/vnd.apache.parquet", whole).await;
        assert!(answer.headers().get(CONTENT_ENCODING).is_none());
    }

    #[tokio::test]
    async fn trailers_follow_the_packed_bytes() {
        let trailers = HeaderMap::from_iter([(VARY, HeaderValue::from_static("x"))]);
        let frames =
            stream::iter([Ok::<_, String>(Frame::data(Bytes::from("1,2\n"))), Ok(Frame::trailers(trailers.clone()))]);
        let packer = Some(Packer::Gzip(GzEncoder::new(Vec::new(), Compression::fast())));
        let body = Body::new(http_body_of(frames));
        let mut body = Packed { body, packer, pending: Bytes::new(), last: None };
        let (mut bytes, mut end) = (Vec::new(), None);
        while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            match frame.unwrap().into_data() {
                Ok(data) => bytes.extend_from_slice(&data),
                Err(frame) => end = frame.into_trailers().ok(),
            }
        }
        let mut plain = String::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut plain).unwrap();
        assert_eq!((plain.as_str(), end), ("1,2\n", Some(trailers)));
    }

    #[test]
    fn a_coding_is_taken_where_it_is_not_refused() {
        let of =
            |text: &'static str| coding(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(text))]));
        assert_eq!(of("gzip, deflate, br, zstd"), Some(Coding::Zstd));
        assert_eq!(of("zstd;q=0, GZIP;q=0.5"), Some(Coding::Gzip));
        assert_eq!(of("identity, gzip; q=0"), None);
    }

    /// Frames as a body.
    fn http_body_of<S>(frames: S) -> impl HttpBody<Data = Bytes, Error = String> + Send + 'static
    where
        S: stream::Stream<Item = Result<Frame<Bytes>, String>> + Send + 'static,
    {
        struct Frames<S>(Pin<Box<S>>);
        impl<S: stream::Stream<Item = Result<Frame<Bytes>, String>>> HttpBody for Frames<S> {
            type Data = Bytes;
            type Error = String;

            fn poll_frame(
                mut self: Pin<&mut Self>,
                context: &mut Context<'_>,
            ) -> Poll<Option<Result<Frame<Bytes>, String>>> {
                self.0.as_mut().poll_next_unpin(context)
            }
        }
        Frames(Box::pin(frames))
    }

    async fn packed<S>(media_type: &'static str, pieces: fn() -> S) -> Body
    where
        S: stream::Stream<Item = Result<Bytes, String>> + Send + 'static,
    {
        let answer = answer(media_type, pieces).await;
        assert_eq!(answer.headers()[CONTENT_ENCODING], "gzip");
        answer.into_body()
    }

    async fn answer<S>(media_type: &'static str, pieces: fn() -> S) -> Response
    where
        S: stream::Stream<Item = Result<Bytes, String>> + Send + 'static,
    {
        let handler = move || async move { ([(CONTENT_TYPE, media_type)], Body::from_stream(pieces())) };
        let request = Request::get("/").header(ACCEPT_ENCODING, "gzip").body(Body::empty()).unwrap();
        Router::new().route("/", get(handler)).layer(axum::middleware::from_fn(pack)).oneshot(request).await.unwrap()
    }
}
