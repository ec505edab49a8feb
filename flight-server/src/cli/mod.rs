//! The command line: one file a sub-command.
//!
//! Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 the query or the data failed, 2 the
//! command line or the configuration is wrong. A reader that closes the pipe ends a command quietly.

mod admin;
mod catalog;
mod catalogs;
mod check;
mod config;
mod explain;
mod hash_password;
mod import;
mod query;
mod serve;
mod small_table;
mod snippets;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use sidereus_engine::{EngineError, ErrorKind, Label};

use crate::config::{Config, ConfigError};
use crate::error::chain;
use crate::format::EncodeError;
use crate::server::ServeError;
use crate::services::OpenError;

/// Astronomical catalogs, queried in ADQL, over Flight SQL and TAP.
#[derive(Debug, Parser)]
#[command(name = "sidereus", version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve catalogs over Flight SQL and TAP.
    Serve(serve::Options),
    /// Run one query here and write its rows.
    Query(query::Options),
    /// List the tables that can be queried.
    Catalogs(catalogs::Options),
    /// Show how a query would run.
    Explain(explain::Options),
    /// Judge ADQL queries, one JSON line each, without any catalog.
    Check(check::Options),
    /// Make a catalog out of table files.
    Import(Box<import::Options>),
    /// Check a catalog on disk, seal it, or tell what is in it.
    Catalog(catalog::Options),
    /// List and stop the queries of a running server.
    Admin(admin::Options),
    /// Check or show the configuration.
    Config(config::Options),
    /// Hash a password, read from standard input, for the configuration.
    HashPassword,
}

/// Where catalogs and settings come from.
#[derive(Debug, Clone, Args)]
struct Source {
    /// Folder or URL of catalogs; may be repeated. Without it, the configured or the bundled ones.
    #[arg(long, value_name = "DIR|URL")]
    catalogs: Vec<String>,
    /// Configuration file.
    #[arg(long, value_name = "FILE", env = "SIDEREUS_CONFIG")]
    config: Option<PathBuf>,
    /// Rules to do without: names with commas between them, or `all`. They change the time of a query, never its answer.
    #[arg(long, value_name = "RULES")]
    rules_off: Option<String>,
}

impl Source {
    fn load(&self) -> Result<Config, ConfigError> {
        let mut config = Config::load(self.config.as_deref())?;
        if !self.catalogs.is_empty() {
            config.catalogs.clone_from(&self.catalogs);
        }
        if let Some(rules) = &self.rules_off {
            config.engine.rules_off.clone_from(rules);
        }
        Ok(config)
    }
}

/// The language of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    /// ADQL 2.1.
    Adql,
    /// SQL in the flavour of PostgreSQL.
    Sql,
}

impl From<Language> for Label {
    fn from(language: Language) -> Self {
        match language {
            Language::Adql => Self::Adql,
            Language::Sql => Self::Sql,
        }
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Serve(#[from] ServeError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Encode(#[from] EncodeError),
    #[error("{path}: {source}")]
    File { path: String, source: std::io::Error },
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{folder}: {problems} problems")]
    Unsound { folder: String, problems: usize },
    #[error("{0}: {1}")]
    Server(String, String),
    #[error("{0}")]
    Usage(String),
}

impl CommandError {
    fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        |source| Self::File { path: path.display().to_string(), source }
    }

    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Io(error) | Self::File { source: error, .. } if error.kind() == std::io::ErrorKind::BrokenPipe)
    }

    const fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Usage(_) | Self::Open(OpenError::Config(_)) => 2,
            _ => 1,
        }
    }

    /// What the user sees; the owner of the machine may see every cause of a defect.
    fn text(&self) -> String {
        match self {
            Self::Engine(error) | Self::Encode(EncodeError::Query(error)) if error.kind() != ErrorKind::Internal => {
                error.to_string()
            }
            other => chain(other),
        }
    }
}

/// Runs the command of the process's arguments.
pub(crate) fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Serve(options) => block_on(serve::run(options)),
        Command::Query(options) => block_on(query::run(options)),
        Command::Catalogs(options) => block_on(catalogs::run(options)),
        Command::Explain(options) => block_on(explain::run(options)),
        Command::Check(options) => check::run(&options),
        Command::Import(options) => block_on(import::run(*options)),
        Command::Catalog(options) => block_on(catalog::run(options)),
        Command::Admin(options) => block_on(admin::run(options)),
        Command::Config(options) => config::run(&options),
        Command::HashPassword => hash_password::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell where standard error is closed.
            let _ = writeln!(std::io::stderr(), "error: {}", error.text());
            ExitCode::from(error.exit_code())
        }
    }
}

fn block_on(command: impl Future<Output = Result<(), CommandError>>) -> Result<(), CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(command);
    // Blocking threads of a cancelled query must not hold the process.
    runtime.shutdown_background();
    done
}

/// The query of an argument; `-` reads standard input.
fn query_text(argument: &str) -> Result<String, CommandError> {
    if argument == "-" { Ok(std::io::read_to_string(std::io::stdin())?) } else { Ok(argument.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn help_is_as_expected() {
        let help = Arguments::command().term_width(100).render_long_help().to_string();
        insta::assert_snapshot!(help);
    }

    #[test]
    fn a_closed_pipe_is_no_error() {
        let closed = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert!(CommandError::Io(closed()).is_broken_pipe());
        assert!(CommandError::at(Path::new("x"))(closed()).is_broken_pipe());
        assert!(!CommandError::Usage(String::new()).is_broken_pipe());
    }
}
