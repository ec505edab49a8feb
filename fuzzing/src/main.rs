//! Runs one target: `sidereus-fuzzing adql --executions 10000000 --seed 1 [--seconds 600]`.
//!
//! Prints what it saw; ends with an error at the first text that panics, takes more than 100 ms or uses more than
//! 256 MB, and prints that text.

mod memory;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use memory::Counted;
use sidereus_fuzzing::{Campaign, Failure, Summary, Target};

/// Stack of the thread that reads: so large that the readers need not make their own for each text.
const STACK: usize = 256 << 20;

fn main() -> ExitCode {
    let Some(campaign) = campaign(std::env::args().skip(1)) else {
        eprintln!("usage: sidereus-fuzzing adql|stcs|moc|units [--executions N] [--seed N] [--seconds N]");
        return ExitCode::FAILURE;
    };
    // What panics is reported with its text.
    std::panic::set_hook(Box::new(|_| ()));
    let started = Instant::now();
    let run = campaign.clone();
    let reading = std::thread::Builder::new().stack_size(STACK).spawn(move || run.run(&Counted));
    let result = reading.map(|thread| thread.join());
    let seconds = started.elapsed().as_secs_f64();
    match result {
        Ok(Ok(Ok(summary))) => {
            report(&campaign, &summary, seconds);
            ExitCode::SUCCESS
        }
        Ok(Ok(Err(Failure { rule, text }))) => {
            eprintln!("{}: after {seconds:.0} s a text {rule}\n{text}\n{text:?}", campaign.target.name());
            ExitCode::FAILURE
        }
        _ => ExitCode::FAILURE,
    }
}

#[expect(clippy::print_stdout, reason = "the report of a program")]
fn report(campaign: &Campaign, summary: &Summary, seconds: f64) {
    println!(
        "{} seed {}: {} executions in {seconds:.0} s, {} accepted, slowest {:.1} ms, most memory {:.1} MB",
        campaign.target.name(),
        campaign.seed,
        summary.executions,
        summary.accepted,
        summary.slowest.as_secs_f64() * 1e3,
        summary.memory as f64 / 1e6
    );
}

fn campaign(mut words: impl Iterator<Item = String>) -> Option<Campaign> {
    let mut campaign = Campaign {
        target: Target::named(&words.next()?)?,
        executions: 100_000,
        time: Duration::MAX,
        seed: 1,
        slowest: Duration::from_millis(100),
        memory: 256 << 20,
    };
    while let Some(option) = words.next() {
        let number: u64 = words.next()?.parse().ok()?;
        match option.as_str() {
            "--executions" => campaign.executions = number,
            "--seed" => campaign.seed = number,
            "--seconds" => campaign.time = Duration::from_secs(number),
            _ => return None,
        }
    }
    Some(campaign)
}
