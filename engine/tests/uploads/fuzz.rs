//! Random changes of tables in each format: whatever they are, a table or a clear error, quickly, and never a panic.
//!
//! A campaign runs by command:
//! ```text
//! UPLOAD_FORMAT=fits UPLOAD_EXECUTIONS=200000 UPLOAD_SEED=1 \
//!     cargo test --workspace --test uploads -- --ignored --nocapture campaign
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use sidereus_engine::{ErrorKind, UploadLimits};

use crate::draw::{Random, mutated};
use crate::seeds::{FORMATS, seeds};
use crate::{upload, upload_within};

/// Accepted tables that are kept to be changed again, beside the seeds.
const KEPT: usize = 256;
/// Longest that one may take, unoptimised and beside other tests.
const SLOWEST: Duration = Duration::from_secs(20);

struct Summary {
    executions: u64,
    accepted: u64,
    slowest: Duration,
}

/// Whether the bytes were accepted.
fn read(format: &str, bytes: &[u8], folder: &Path) -> Result<bool, String> {
    let file = format!("table.{format}");
    let limits = UploadLimits { bytes: 64 << 20, rows: 1 << 20, columns: 500, ..UploadLimits::default() };
    let outcome = catch_unwind(AssertUnwindSafe(|| upload_within("t", (&file, bytes.to_vec()), folder, limits)));
    match outcome {
        Err(panic) => Err(format!("panicked: {:?}", panic.downcast_ref::<String>())),
        Ok(Ok(table)) => {
            let _ = table.path().map(std::fs::remove_file);
            Ok(true)
        }
        Ok(Err(error)) if matches!(error.kind(), ErrorKind::BadQuery | ErrorKind::LimitExceeded) => Ok(false),
        Ok(Err(error)) => Err(format!("was an error of kind {:?}: {error}", error.kind())),
    }
}

fn campaign(format: &str, executions: u64, time: Duration, seed: u64) -> Summary {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("there is a folder");
    let mut random = Random::new(seed);
    let seeds = seeds(format);
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut summary = Summary { executions: 0, accepted: 0, slowest: Duration::ZERO };
    let started = Instant::now();
    let execute = |bytes: &[u8], summary: &mut Summary| {
        let begun = Instant::now();
        let accepted = read(format, bytes, folder.path());
        let taken = begun.elapsed();
        if accepted.is_err() || taken > SLOWEST {
            let path = std::env::temp_dir().join(format!("failed-{}-{format}", std::process::id()));
            let _ = std::fs::write(&path, bytes);
            panic!("{format}: {} bytes in {}: {accepted:?}, {taken:?}", bytes.len(), path.display());
        }
        summary.executions += 1;
        summary.accepted += u64::from(accepted == Ok(true));
        summary.slowest = summary.slowest.max(taken);
        accepted == Ok(true)
    };
    for (number, seed) in seeds.iter().enumerate() {
        let table = upload(&format!("seed{number}"), &format!("table.{format}"), seed.clone(), folder.path());
        table.expect("a table to begin with is read");
    }
    while summary.executions < executions && started.elapsed() < time {
        let pick = |random: &mut Random| match random.below(3) {
            0 if !kept.is_empty() => kept[random.below(kept.len())].clone(),
            _ => seeds[random.below(seeds.len())].clone(),
        };
        let (one, other) = (pick(&mut random), pick(&mut random));
        let bytes = mutated(&one, &other, &mut random);
        if execute(&bytes, &mut summary) && bytes.len() < 20_000 {
            match kept.len() {
                KEPT => kept[random.below(KEPT)] = bytes,
                _ => kept.push(bytes),
            }
        }
    }
    summary
}

fn short(format: &str) {
    let summary = campaign(format, u64::MAX, Duration::from_secs(4), 20);
    assert!(summary.executions > 100, "only {} tables", summary.executions);
    assert!(summary.accepted < summary.executions, "nothing was refused");
}

#[test]
fn votables() {
    short("votable");
}

#[test]
fn fits() {
    short("fits");
}

#[test]
fn separated_values() {
    short("csv");
    short("ecsv");
}

#[test]
fn parquet() {
    short("parquet");
}

#[test]
fn arrow() {
    short("arrow");
}

#[test]
#[ignore = "takes long: run by command"]
#[allow(clippy::print_stdout, reason = "the report of a campaign")]
fn campaigns() {
    std::panic::set_hook(Box::new(|panic| {
        if panic.location().is_some_and(|place| place.file().contains("uploads")) {
            println!("{panic}");
        }
    }));
    let number = |key: &str| std::env::var(key).ok().and_then(|text| text.parse().ok());
    let (executions, seed) = (number("UPLOAD_EXECUTIONS").unwrap_or(200_000), number("UPLOAD_SEED").unwrap_or(1));
    let wanted = std::env::var("UPLOAD_FORMAT").ok();
    for format in FORMATS.iter().filter(|format| wanted.as_deref().is_none_or(|wanted| wanted == **format)) {
        let begun = Instant::now();
        let Summary { executions, accepted, slowest } = campaign(format, executions, Duration::MAX, seed);
        let taken = begun.elapsed().as_secs();
        println!(
            "{format} seed {seed}: {executions} executions in {taken} s, {accepted} accepted, slowest {slowest:?}"
        );
    }
}
