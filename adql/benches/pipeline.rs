//! How long does a query take from text to the statement that is planned?
//!
//! `cargo bench -p sidereus-adql`

use std::hint::black_box;
use std::sync::Arc;

use criterion::Criterion;
use sidereus_adql::{Label, Name, Request, TableInfo, TableLookup, TableNames, check, lower, parse};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Two tables with as many columns as survey tables have.
#[derive(Debug)]
struct Survey(Arc<[Arc<str>]>);

impl Survey {
    fn new() -> Self {
        let named = ["source_id", "ra", "dec", "parallax", "pmra", "pmdec", "phot_g_mean_mag", "bp_rp"];
        let others = (0..140).map(|number| format!("column_{number}"));
        Self(named.into_iter().map(Arc::from).chain(others.map(Arc::from)).collect())
    }
}

impl TableNames for Survey {
    fn table(&self, path: &[Name]) -> TableLookup {
        match path.last() {
            Some(name) if name.matches("gaia_source") || name.matches("neighbours") => TableLookup::Found(TableInfo {
                path: vec!["public".into(), name.value.to_lowercase()],
                columns: Arc::clone(&self.0),
            }),
            _ => TableLookup::NotFound { suggestions: Vec::new() },
        }
    }
}

const TEN_LINES: &str = "SELECT TOP 1000 g.source_id, g.ra, g.dec,
       g.phot_g_mean_mag - 5 * LOG10(1000 / g.parallax) + 5 AS absolute_mag,
       SQRT(POWER(g.pmra, 2) + POWER(g.pmdec, 2)) AS pm,
       COUNT(n.source_id) AS companions
FROM gaia_source AS g
JOIN neighbours AS n ON DISTANCE(g.ra, g.dec, n.ra, n.dec) < 2 / 3600.0
WHERE 1 = CONTAINS(POINT('ICRS', g.ra, g.dec), CIRCLE('ICRS', 56.75, 24.12, 5))
  AND g.parallax BETWEEN 6.5 AND 8.5 AND g.phot_g_mean_mag < 18 AND (g.bp_rp > 0.5 OR g.bp_rp IS NULL)
GROUP BY g.source_id, g.ra, g.dec, g.phot_g_mean_mag, g.parallax, g.pmra, g.pmdec
HAVING COUNT(n.source_id) > 1 ORDER BY absolute_mag, companions DESC";

fn pipeline(text: &str, survey: &Survey) -> usize {
    let Ok(Request::Select(query)) = parse(text, Label::Adql) else { return 0 };
    check(query, survey).and_then(lower).map_or(0, |lowered| black_box(&lowered).units.len())
}

fn queries(criterion: &mut Criterion) {
    let survey = Survey::new();
    assert!(pipeline(TEN_LINES, &survey) > 0, "the query is right");
    criterion.bench_function("ten lines", |bencher| bencher.iter(|| pipeline(black_box(TEN_LINES), &survey)));
    let cone = "SELECT source_id FROM gaia_source WHERE DISTANCE(ra, dec, 56.75, 24.12) < 0.1";
    criterion.bench_function("a cone", |bencher| bencher.iter(|| pipeline(black_box(cone), &survey)));
}

fn timings() {
    let mut criterion = Criterion::default().configure_from_args();
    queries(&mut criterion);
    criterion.final_summary();
}

/// On a stack of the size that the service gives its threads; on a smaller one every step would make its own.
fn main() -> std::io::Result<()> {
    let timing = std::thread::Builder::new().stack_size(128 << 20).spawn(timings)?;
    timing.join().map_err(|_| std::io::Error::other("a timing failed"))
}
