//! Logging in: tokens, wrong passwords, other people's handles.

use std::io::Write;
use std::process::{Command, Stdio};

use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::{Action, BasicAuth, HandshakeRequest};
use prost::Message;
use tonic::transport::Channel;
use tonic::{Code, Request};

use crate::server::{Client, Server, count, open, rows};

const TEXT: &str = "SELECT TOP 3 hip FROM hipparcos2";

#[tokio::test]
async fn a_password_gives_a_token() {
    let server = server(false);
    let mut client = server.client().await;
    assert_eq!(rows(&mut client, TEXT).await.expect_err("nobody").code(), Code::Unauthenticated);
    let wrong = client.handshake("galileo", "moon").await.expect_err("a wrong password").to_string();
    assert!(wrong.contains("unknown user or wrong password"), "{wrong}");
    client.handshake("galileo", "moons!").await.expect("a token");
    assert_eq!(count(&rows(&mut client, TEXT).await.expect("rows")), 3);
    client.set_token("made up".to_owned());
    assert_eq!(rows(&mut client, TEXT).await.expect_err("a made up token").code(), Code::Unauthenticated);
}

#[tokio::test]
async fn closing_the_session_ends_its_token() {
    let server = server(false);
    let mut client = logged_in(&server, "galileo", "moons!").await;
    assert_eq!(count(&rows(&mut client, TEXT).await.expect("rows")), 3);
    let close = Action { r#type: "CloseSession".to_owned(), body: Vec::new().into() };
    client.do_action(close).await.expect("closed").message().await.expect("a result");
    assert_eq!(rows(&mut client, TEXT).await.expect_err("no token").code(), Code::Unauthenticated);
}

#[tokio::test]
async fn credentials_may_be_unpadded_or_in_the_message() {
    let server = server(false);
    let mut client = server.client().await;
    // galileo:moons! without the padding, on every call.
    client.set_header("authorization", "Basic Z2FsaWxlbzptb29ucyE");
    assert_eq!(count(&rows(&mut client, TEXT).await.expect("rows")), 3);

    let mut plain: FlightServiceClient<Channel> = server.client().await.into_inner();
    let login = BasicAuth { username: "galileo".to_owned(), password: "moons!".to_owned() };
    let first = HandshakeRequest { protocol_version: 0, payload: login.encode_to_vec().into() };
    let answer = plain.handshake(Request::new(futures::stream::iter([first]))).await.expect("an answer");
    let token = answer.into_inner().message().await.expect("a message").expect("a message").payload;
    let mut client = server.client().await;
    client.set_token(String::from_utf8(token.to_vec()).expect("text"));
    assert_eq!(count(&rows(&mut client, TEXT).await.expect("rows")), 3);
}

#[tokio::test]
async fn nobody_runs_anothers_statement() {
    let server = server(true);
    let mut galileo = logged_in(&server, "galileo", "moons!").await;
    let mut kepler = logged_in(&server, "kepler", "ellipses").await;
    let mut anonymous = server.client().await;
    let info = galileo.execute(TEXT.to_owned(), None).await.expect("a description");
    for other in [&mut kepler, &mut anonymous] {
        let error = open(other, &info).await.expect_err("another's ticket");
        assert_eq!(error.code(), Code::NotFound);
    }
    assert!(open(&mut galileo, &info).await.is_ok());
}

async fn logged_in(server: &Server, user: &str, password: &str) -> Client {
    let mut client = server.client().await;
    client.handshake(user, password).await.expect("a token");
    client
}

fn server(anonymous: bool) -> Server {
    let users = [("galileo", "moons!"), ("kepler", "ellipses")]
        .map(|(name, password)| format!("[[user]]\nname = \"{name}\"\npassword_hash = \"{}\"\n", hash(password)));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("sidereus.toml");
    std::fs::write(&path, format!("anonymous = {anonymous}\n{}", users.concat())).expect("a file");
    Server::start_with(&["--config", path.to_str().expect("a path")], &[])
}

fn hash(password: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sidereus"))
        .arg("hash-password")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    writeln!(child.stdin.take().expect("its input"), "{password}").expect("a line");
    let output = child.wait_with_output().expect("its output");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}
