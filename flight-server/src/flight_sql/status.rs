//! How does an error reach a client?
//!
//! As a gRPC status: code and text from the one table of `crate::error`, the text with its caret, and beside it the
//! places in machine-readable form (`x-sidereus-errors-bin`, JSON). Both travel in HTTP/2 header fields, which clients
//! limit (8 KiB in total is what all take), so a long text is shortened at the end, and says so.

use arrow::error::ArrowError;
use sidereus_engine::EngineError;
use tonic::Status;
use tonic::metadata::{MetadataMap, MetadataValue};

use super::ticket::TicketError;

/// Bytes that a message may take as a header field, where most characters but letters take three.
const MAX_MESSAGE: usize = 5000;
/// Bytes of JSON.
const MAX_DETAILS: usize = 1500;
/// What a shortened text ends with.
const SHORTENED: &str = "\n[the rest of this message is left out]";

/// The status of an engine error.
pub(super) fn status(error: &EngineError) -> Status {
    let plain = crate::error::status(error);
    let mut metadata = plain.metadata().clone();
    if let EngineError::Query(errors) = error {
        add_places(&mut metadata, errors);
    }
    Status::with_metadata(plain.code(), shortened(plain.message()), metadata)
}

fn add_places(metadata: &mut MetadataMap, errors: &sidereus_adql::QueryErrors) {
    let mut json = String::from("[");
    for error in errors.errors() {
        let place = serde_json::json!({
            "line": error.line, "column": error.column, "message": error.message, "hint": error.hint,
        });
        let place = place.to_string();
        if json.len() + place.len() + 2 > MAX_DETAILS {
            break;
        }
        if json.len() > 1 {
            json.push(',');
        }
        json.push_str(&place);
    }
    json.push(']');
    metadata.insert_bin("x-sidereus-errors-bin", MetadataValue::from_bytes(json.as_bytes()));
}

/// The status of a handle or ticket that was refused.
pub(super) fn ticket_status(error: TicketError) -> Status {
    Status::not_found(error.to_string())
}

/// The status of something in a request that is not as the protocol wants it.
#[expect(clippy::needless_pass_by_value, reason = "map_err hands over the error")]
pub(super) fn malformed(error: ArrowError) -> Status {
    Status::invalid_argument(format!("the message cannot be read: {error}"))
}

/// The status of a defect of the server's own; the cause goes to the log only.
pub(super) fn defect(error: impl std::fmt::Display) -> Status {
    tracing::error!(%error, "an answer could not be made");
    Status::internal("the answer could not be made; the server's log says why")
}

/// Cuts a text so that it fits a header field.
fn shortened(message: &str) -> String {
    let mut bytes = 0;
    for (index, character) in message.char_indices() {
        bytes += if character.is_ascii_alphanumeric() { 1 } else { 3 * character.len_utf8() };
        if bytes > MAX_MESSAGE {
            return format!("{}{SHORTENED}", &message[..index]);
        }
    }
    message.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_are_kept_and_long_ones_are_cut_and_say_so() {
        assert_eq!(shortened("line 1, column 2: no"), "line 1, column 2: no");
        let long = shortened(&"é ".repeat(10_000));
        assert!(long.ends_with(SHORTENED) && long.len() < MAX_MESSAGE);
    }
}
