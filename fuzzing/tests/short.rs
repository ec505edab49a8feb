//! A few seconds of each campaign, with another seed than the long ones.

use std::time::Duration;

use sidereus_fuzzing::{Campaign, Target};

fn run(target: Target) {
    let campaign = Campaign {
        target,
        executions: u64::MAX,
        time: Duration::from_secs(3),
        seed: 20,
        // Unoptimised, and beside other tests.
        slowest: Duration::from_secs(20),
        memory: usize::MAX,
    };
    let reading = std::thread::Builder::new().stack_size(256 << 20).spawn(move || campaign.run(&()));
    let summary = match reading.expect("a thread can be made").join().expect("panics are caught") {
        Ok(summary) => summary,
        Err(failure) => panic!("{}: a text {}\n{}", target.name(), failure.rule, failure.text),
    };
    assert!(summary.executions > 500, "only {} texts", summary.executions);
    assert!(summary.accepted * 20 > summary.executions, "only {} accepted", summary.accepted);
    assert!(summary.accepted < summary.executions, "nothing was refused");
}

#[test]
fn queries() {
    run(Target::Adql);
}

#[test]
fn regions() {
    run(Target::Stcs);
}

#[test]
fn mocs() {
    run(Target::Moc);
}

#[test]
fn units() {
    run(Target::Units);
}
