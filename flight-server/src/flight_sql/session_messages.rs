//! Which messages do the session actions of Flight carry?
//!
//! The Rust bindings of Arrow Flight have no types for them, so they are written here by hand after `Flight.proto`.
//! Clients send them plain or inside a protobuf `Any`; both are read.

use std::collections::HashMap;

use arrow_flight::sql::Any;
use prost::{Message, Oneof};

/// Prefix of the type of every message inside an `Any`.
const TYPE_PREFIX: &str = "type.googleapis.com/arrow.flight.protocol.";

/// A list of strings as the value of an option.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct StringList {
    /// The strings.
    #[prost(string, repeated, tag = "1")]
    pub(super) values: Vec<String>,
}

/// The value of a session option; `None` asks to unset it.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SessionOptionValue {
    /// The value.
    #[prost(oneof = "OptionValue", tags = "1, 2, 3, 4, 5")]
    pub(super) value: Option<OptionValue>,
}

/// A typed value.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum OptionValue {
    /// Text.
    #[prost(string, tag = "1")]
    Text(String),
    /// Truth value.
    #[prost(bool, tag = "2")]
    Bool(bool),
    /// Integer.
    #[prost(sfixed64, tag = "3")]
    Integer(i64),
    /// Number.
    #[prost(double, tag = "4")]
    Double(f64),
    /// Several strings.
    #[prost(message, tag = "5")]
    List(StringList),
}

/// Request of `SetSessionOptions`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SetSessionOptionsRequest {
    /// Options by name.
    #[prost(map = "string, message", tag = "1")]
    pub(super) options: HashMap<String, SessionOptionValue>,
}

/// What was wrong with an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(super) enum OptionProblem {
    /// Not said.
    Unspecified = 0,
    /// There is no such option.
    InvalidName = 1,
    /// The option cannot have this value.
    InvalidValue = 2,
    /// The option could not be set.
    Error = 3,
}

/// The answer for one option that was not set.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct OptionError {
    /// Why.
    #[prost(enumeration = "OptionProblem", tag = "1")]
    pub(super) problem: i32,
}

/// Result of `SetSessionOptions`: only what failed.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SetSessionOptionsResult {
    /// Errors by option name.
    #[prost(map = "string, message", tag = "1")]
    pub(super) errors: HashMap<String, OptionError>,
}

/// Result of `GetSessionOptions`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct GetSessionOptionsResult {
    /// Options by name.
    #[prost(map = "string, message", tag = "1")]
    pub(super) options: HashMap<String, SessionOptionValue>,
}

/// How closing a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(super) enum CloseStatus {
    /// Not said.
    Unspecified = 0,
    /// The session is closed.
    Closed = 1,
    /// It will be closed.
    Closing = 2,
    /// There is nothing to close.
    NotCloseable = 3,
}

/// Result of `CloseSession`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct CloseSessionResult {
    /// How it ended.
    #[prost(enumeration = "CloseStatus", tag = "1")]
    pub(super) status: i32,
}

/// Reads the body of an action, plain or inside an `Any`.
///
/// *Errors*: where the body is no message of this type.
pub(super) fn decode<M: Message + Default>(body: &[u8]) -> Result<M, prost::DecodeError> {
    match Any::decode(body) {
        Ok(any) if any.type_url.starts_with(TYPE_PREFIX) => M::decode(any.value),
        _ => M::decode(body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_and_wrapped_bodies_are_read() {
        let request = request();
        let plain = request.encode_to_vec();
        let wrapped = Any { type_url: format!("{TYPE_PREFIX}SetSessionOptionsRequest"), value: plain.clone().into() };
        assert_eq!(decode::<SetSessionOptionsRequest>(&plain), Ok(request.clone()));
        assert_eq!(decode::<SetSessionOptionsRequest>(&wrapped.encode_to_vec()), Ok(request));
        assert!(decode::<SetSessionOptionsRequest>(b"\xff\xff").is_err());
    }

    #[test]
    fn the_wire_form_is_that_of_the_protocol() {
        // Field 1 (entry): field 1 "k", field 2 { field 3 (fixed 64-bit): 5 }.
        let bytes = b"\x0a\x0e\x0a\x01k\x12\x09\x19\x05\0\0\0\0\0\0\0";
        let decoded: SetSessionOptionsRequest = decode(bytes).expect("a message");
        assert_eq!(decoded.options["k"].value, Some(OptionValue::Integer(5)));
    }

    fn request() -> SetSessionOptionsRequest {
        let value = SessionOptionValue { value: Some(OptionValue::Text("adql".into())) };
        SetSessionOptionsRequest { options: HashMap::from([("language".into(), value)]) }
    }
}
