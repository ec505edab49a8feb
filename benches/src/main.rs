//! `sidereus-benches`: makes synthetic skies and measures the server from outside, as its clients see it.

mod error;
mod run;
mod sky;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Makes synthetic skies and measures the server.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a catalog of random stars, dense towards the Galactic plane.
    MakeSky(sky::MakeSky),
    /// Time cones, a scan and a density map through Flight SQL.
    Run(run::Run),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::MakeSky(arguments) => sky::make(&arguments),
        Command::Run(arguments) => run::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
