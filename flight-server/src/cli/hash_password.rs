//! `sidereus hash-password`: a password in, the hash for the configuration out.

use std::io::{IsTerminal, Write};
use std::process::Command;

use super::CommandError;
use crate::auth;

/// Runs the command.
pub(super) fn run() -> Result<(), CommandError> {
    let password = read_password()?;
    let hash = auth::hash_password(&password).map_err(|error| CommandError::Usage(error.to_string()))?;
    Ok(writeln!(std::io::stdout(), "{hash}")?)
}

/// One line of standard input, not shown while it is typed.
fn read_password() -> Result<String, CommandError> {
    let terminal = std::io::stdin().is_terminal();
    if terminal {
        write!(std::io::stderr(), "password: ")?;
        show_typing(false);
    }
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    if terminal {
        show_typing(true);
        writeln!(std::io::stderr())?;
    }
    read?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Where the terminal cannot be told, the password shows while it is typed.
fn show_typing(shown: bool) {
    let _ = Command::new("stty").arg(if shown { "echo" } else { "-echo" }).status();
}
