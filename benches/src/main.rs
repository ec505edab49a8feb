//! `sidereus-benches`: makes synthetic skies and measures the server from outside, as its clients see it.

mod compare;
mod error;
mod run;
mod sky;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The program's own, so that the engine in this process costs what it costs there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    /// Make a second catalog for a crossmatch: half its objects on stars of a catalog, half anywhere.
    MakeSecond(sky::MakeSecond),
    /// Time cones, a scan and a density map through Flight SQL.
    Run(run::Run),
    /// Compare systems: the same tasks in turn, answers checked against each other.
    Compare(compare::Compare),
    /// Write the tables and plots of a comparison into a page.
    Report(compare::WritePage),
    /// Compare a report with an earlier one; an error tells what got slower.
    Check(compare::Check),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::MakeSky(arguments) => sky::make(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::MakeSecond(arguments) => sky::make_second(&arguments),
        Command::Compare(arguments) => compare::compare(&arguments),
        Command::Report(arguments) => compare::write_page(&arguments),
        Command::Check(arguments) => compare::check(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
