//! `sidereus config`: is the configuration right, and what holds in the end?

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::CommandError;
use crate::config::{Config, unknown_variables};

/// Options of the command.
#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say whether the configuration is right.
    Check(Source),
    /// Print what holds in the end, without secrets.
    Show(Source),
}

#[derive(Debug, Args)]
struct Source {
    /// Configuration file.
    #[arg(long, value_name = "FILE", env = "SIDEREUS_CONFIG")]
    config: Option<PathBuf>,
}

/// Runs the command.
pub(super) fn run(options: &Options) -> Result<(), CommandError> {
    let (Action::Check(source) | Action::Show(source)) = &options.action;
    let config = Config::load(source.config.as_deref())?;
    for name in unknown_variables() {
        writeln!(std::io::stderr(), "warning: {name} is no variable of this program")?;
    }
    let mut out = std::io::stdout();
    match &options.action {
        Action::Check(_) => {
            let roots = config.roots()?;
            writeln!(out, "ok: {} users, catalogs from {}", config.users.len(), roots.join(", "))?;
        }
        Action::Show(_) => {
            let text = config.show().map_err(|error| CommandError::Usage(error.to_string()))?;
            out.write_all(text.as_bytes())?;
        }
    }
    Ok(())
}
