//! `sidereus admin`: what does a running server do, and how is a query of it stopped?
//!
//! Asks the server's admin listener, whose address and token are those of the configuration.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

use super::CommandError;
use crate::config::Config;

/// Options of the command.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    action: Action,
    /// Configuration file of the server.
    #[arg(long, value_name = "FILE", env = "SIDEREUS_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// Address of the admin listener, where it is not that of the configuration.
    #[arg(long, value_name = "ADDR", global = true)]
    server: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the queries that run.
    Queries {
        /// Write all that is known, as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Stop a query.
    Kill {
        /// Its id.
        id: String,
    },
    /// Take no new queries, or take them again.
    Maintenance {
        /// Whether queries are refused.
        state: State,
        /// What users are told.
        #[arg(long, default_value = "")]
        note: String,
    },
}

/// A switch.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    /// Queries are refused.
    On,
    /// Queries are taken.
    Off,
}

/// Runs the command.
pub(super) async fn run(options: Options) -> Result<(), CommandError> {
    let admin = Config::load(options.config.as_deref())?.admin;
    let address = options.server.unwrap_or(admin.listen);
    if address.is_empty() {
        let message =
            "the server has no admin listener: name it with --server, or in the configuration as admin.listen";
        return Err(CommandError::Usage(message.to_owned()));
    }
    let client = reqwest::Client::new();
    let url = |path: &str| format!("http://{address}{path}");
    let request = match &options.action {
        Action::Queries { .. } => client.get(url("/queries")),
        Action::Kill { id } => client.delete(url(&format!("/queries/{id}"))),
        Action::Maintenance { state, note } => {
            let state = if matches!(state, State::On) { "on" } else { "off" };
            client.post(url("/maintenance")).form(&[("state", state), ("note", note)])
        }
    };
    let asked = async {
        let answer = request.bearer_auth(&admin.token).send().await?;
        Ok::<_, reqwest::Error>((answer.status(), answer.text().await?))
    };
    let (status, text) = asked.await.map_err(|error| CommandError::Server(address.clone(), error.to_string()))?;
    if !status.is_success() {
        return Err(CommandError::Server(address, text.trim_end().to_owned()));
    }
    let text = match options.action {
        Action::Queries { json: false } => table(&text),
        _ => text,
    };
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

/// One line a query.
fn table(text: &str) -> String {
    let queries: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
    let mut lines = format!(
        "{:32}  {:12} {:8} {:12} {:9} {:>9} {:>9} {:>12}  query\n",
        "id", "principal", "protocol", "class", "phase", "seconds", "cpu", "rows"
    );
    for query in queries {
        let word = |key: &str| query[key].as_str().unwrap_or("-").to_owned();
        let number = |key: &str| query[key].as_f64().unwrap_or_default();
        let words: Vec<String> = word("text").split_whitespace().map(str::to_owned).collect();
        let query_text: String = words.join(" ").chars().take(60).collect();
        lines.push_str(&format!(
            "{:32}  {:12} {:8} {:12} {:9} {:>9.1} {:>9.1} {:>12}  {query_text}\n",
            word("id"),
            word("principal"),
            word("protocol"),
            word("class"),
            word("phase"),
            number("seconds"),
            number("cpu_seconds"),
            number("rows"),
        ));
    }
    lines
}
