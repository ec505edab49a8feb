//! Session options: kept for a client that sends back what it was given.

use arrow::array::AsArray;
use arrow::datatypes::Float64Type;
use arrow_flight::Action;
use tonic::metadata::MetadataMap;

use crate::server::{Client, Server, rows};

/// Natural logarithm under ADQL, to base 10 under SQL.
const LOGARITHM: &str = "SELECT TOP 1 LOG(100) AS l FROM openngc";

#[tokio::test]
async fn options_are_kept_by_cookie_or_by_token() {
    let server = Server::start();
    let mut client = server.client().await;
    assert_eq!(logarithm(&mut client).await, 2.0);
    let given = set(&mut client, "language", "adql").await;
    assert_eq!(logarithm(&mut client).await, 2.0, "nothing was sent back");
    let cookie = given.get("set-cookie").expect("a cookie").to_str().expect("text");
    client.set_header("cookie", cookie.split(';').next().expect("a pair"));
    assert!((logarithm(&mut client).await - 100_f64.ln()).abs() < 1e-12);

    let mut other = server.client().await;
    let token = given.get("authorization").expect("a token").to_str().expect("text");
    other.set_token(token.strip_prefix("Bearer ").expect("a bearer token").to_owned());
    assert!((logarithm(&mut other).await - 100_f64.ln()).abs() < 1e-12);
    other.do_action(action("CloseSession", Vec::new())).await.expect("closed");
    assert_eq!(logarithm(&mut other).await, 2.0);
}

#[tokio::test]
async fn fields_of_one_call_win() {
    let server = Server::start();
    let mut client = server.client().await;
    client.set_header("x-sidereus-language", "adql");
    assert!((logarithm(&mut client).await - 100_f64.ln()).abs() < 1e-12);
    client.set_header("x-sidereus-language", "klingon");
    assert!(rows(&mut client, LOGARITHM).await.expect_err("an error").message().contains("x-sidereus-language"));
}

#[tokio::test]
async fn unknown_actions_and_options_are_told() {
    let server = Server::start();
    let mut client = server.client().await;
    assert!(client.do_action(action("NoSuchAction", Vec::new())).await.is_err());
    let body = options("colour", "red");
    let mut results = client.do_action(action("SetSessionOptions", body)).await.expect("an answer");
    let result = results.message().await.expect("a result").expect("a result").body;
    // { errors: { "colour": { value: INVALID_NAME } } }
    assert_eq!(&result[..], b"\x0a\x0c\x0a\x06colour\x12\x02\x08\x01");
}

async fn logarithm(client: &mut Client) -> f64 {
    rows(client, LOGARITHM).await.expect("a row")[0].column(0).as_primitive::<Float64Type>().value(0)
}

async fn set(client: &mut Client, name: &str, value: &str) -> MetadataMap {
    let request = action("SetSessionOptions", options(name, value));
    client.inner_mut().do_action(request).await.expect("an answer").metadata().clone()
}

/// `{ session_options: { name: { string_value: value } } }`, as protobuf.
fn options(name: &str, value: &str) -> Vec<u8> {
    field(1, &[field(1, name.as_bytes()), field(2, &field(1, value.as_bytes()))].concat())
}

fn field(number: u8, payload: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(payload.len()).expect("a short field")], payload].concat()
}

fn action(name: &str, body: Vec<u8>) -> Action {
    Action { r#type: name.to_owned(), body: body.into() }
}
