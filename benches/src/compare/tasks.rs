//! Which tasks are there, and which queries do they ask?
//!
//! Places are half on stars (partitions hold about equally many rows, so dense regions are asked as often as people
//! ask for them) and half anywhere, in turn. Covers come with the queries, so no peer pays for one.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use sidereus_sky::{Circle, Degrees, Polygon, Radians, Region, SkyPoint, coverage};

use super::protocol::{Kind, Probe, Request};
use crate::error::BenchError;
use crate::run::catalog::Catalog;
use crate::run::places::{Place, anywhere, on_stars};
use crate::run::target::Target;

/// Radii of the cones in degrees.
const CONES: [(&str, f64); 4] = [
    ("cone 1 arcsec", 1.0 / 3600.0),
    ("cone 1 arcmin", 1.0 / 60.0),
    ("cone 10 arcmin", 1.0 / 6.0),
    ("cone 1 deg", 1.0),
];
/// Clients that ask at the same time, where several do.
pub(crate) const CLIENTS: usize = 4;
/// Largest separation of a match.
const MATCH_DEG: f64 = 2.0 / 3600.0;
/// Columns of the exports; the first four are the small one.
const COLUMNS: [&str; 8] = ["source_id", "ra", "dec", "phot_g_mean_mag", "_healpix_29", "parallax", "pmra", "bp_rp"];

/// A task with its name in reports.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    /// Its name.
    pub(crate) name: String,
    /// What is asked.
    pub(crate) request: Request,
}

/// Names of all tasks, in order.
pub(crate) fn names() -> Vec<String> {
    let cones = CONES.map(|(name, _)| name.to_owned());
    let rest = ["polygon", "identifier"].map(str::to_owned);
    let several = [CONES[1].0, CONES[3].0].map(|name| format!("{name}, {CLIENTS} clients"));
    let whole = ["scan", "density 6", "density 9", "crossmatch", "export 4", "export 8", "ingest csv", "ingest fits"];
    cones.into_iter().chain(rest).chain(several).chain(whole.map(str::to_owned)).collect()
}

/// How queries are drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draw {
    /// Queries of the tasks that ask many.
    pub(crate) probes: u32,
    /// Ranges of a region's cover, at most.
    pub(crate) cover: usize,
    /// Seed of the places.
    pub(crate) seed: u64,
}

/// Makes all tasks.
///
/// *Errors*: the target gives no stars.
pub(crate) fn tasks<T: Target>(catalog: &Catalog, draw: Draw, target: &mut T) -> Result<Vec<Task>, BenchError> {
    let Draw { probes: count, cover, seed } = draw;
    let stars = on_stars(count.div_ceil(2), seed, catalog, target)?;
    let places: Vec<Place> =
        stars.iter().copied().zip(anywhere(count / 2, seed)).flat_map(<[Place; 2]>::from).collect();
    let probed = |name: &str, kind: Kind, probes: Vec<Probe>| Task {
        name: name.to_owned(),
        request: Request { probes, ..Request::new(kind) },
    };
    let mut tasks = Vec::new();
    for (name, radius_deg) in CONES {
        let probes = places.iter().map(|place| cone(*place, radius_deg, cover)).collect::<Result<_, _>>()?;
        tasks.push(probed(name, Kind::Cone, probes));
    }
    let mut random = SmallRng::seed_from_u64(seed ^ 0x901_7900);
    let polygons = places.iter().map(|place| polygon(*place, cover, &mut random)).collect::<Result<_, _>>()?;
    tasks.push(probed("polygon", Kind::Polygon, polygons));
    tasks.push(probed("identifier", Kind::Identifier, identifiers(catalog, &stars, target)?));
    for task in [1, 3].map(|number: usize| tasks[number].clone()) {
        let request = Request { clients: CLIENTS, ..task.request };
        tasks.push(Task { name: format!("{}, {CLIENTS} clients", task.name), request });
    }
    tasks.extend(whole());
    Ok(tasks)
}

fn whole() -> Vec<Task> {
    let task = |name: &str, request: Request| Task { name: name.to_owned(), request };
    let columns = |count: usize| COLUMNS[..count].iter().map(|name| (*name).to_owned()).collect();
    let source = |kind: &str| Some(format!("sky.{kind}"));
    vec![
        task("scan", Request::new(Kind::Scan)),
        task("density 6", Request { order: Some(6), ..Request::new(Kind::Density) }),
        task("density 9", Request { order: Some(9), ..Request::new(Kind::Density) }),
        task("crossmatch", Request { radius_deg: Some(MATCH_DEG), ..Request::new(Kind::Crossmatch) }),
        task("export 4", Request { columns: columns(4), ..Request::new(Kind::Export) }),
        task("export 8", Request { columns: columns(8), ..Request::new(Kind::Export) }),
        task("ingest csv", Request { source: source("csv"), ..Request::new(Kind::Ingest) }),
        task("ingest fits", Request { source: source("fits"), ..Request::new(Kind::Ingest) }),
    ]
}

fn cone(place: Place, radius_deg: f64, cover: usize) -> Result<Probe, BenchError> {
    let circle = Circle::from_degrees(place.ra_deg, place.dec_deg, radius_deg).map_err(unusable)?;
    Ok(Probe::Cone { ra: place.ra_deg, dec: place.dec_deg, radius_deg, ranges: ranges(&Region::Circle(circle), cover) })
}

/// A convex quadrilateral of about 1.4 square degrees around a place, turned at random.
fn polygon(place: Place, cover: usize, random: &mut SmallRng) -> Result<Probe, BenchError> {
    const CORNERS_DEG: [(f64, f64); 4] = [(-0.7, -0.5), (0.7, -0.45), (0.6, 0.5), (-0.65, 0.55)];
    let turn = random.random_range(0.0..std::f64::consts::PI);
    let dec_deg = place.dec_deg.clamp(-85.0, 85.0);
    let vertices: Vec<(f64, f64)> = CORNERS_DEG
        .iter()
        .map(|(x, y)| {
            let (along, across) = (x * turn.cos() - y * turn.sin(), x * turn.sin() + y * turn.cos());
            let ra_deg = place.ra_deg + along / Radians::from(Degrees(dec_deg)).0.cos();
            (ra_deg.rem_euclid(360.0), dec_deg + across)
        })
        .collect();
    let region = Region::Polygon(Polygon::from_degrees(&vertices).map_err(unusable)?);
    Ok(Probe::Polygon { planes: planes(&vertices)?, ranges: ranges(&region, cover), vertices })
}

/// Normals of the planes through the edges, on the side of the vertices' sum.
fn planes(vertices: &[(f64, f64)]) -> Result<Vec<[f64; 3]>, BenchError> {
    let points = vertices.iter().map(|(ra, dec)| SkyPoint::from_degrees(*ra, *dec).map(|point| point.xyz()));
    let points: Vec<[f64; 3]> = points.collect::<Result<_, _>>().map_err(unusable)?;
    let sum = points.iter().fold([0.0; 3], |sum, point| [sum[0] + point[0], sum[1] + point[1], sum[2] + point[2]]);
    let edges = points.iter().zip(points.iter().cycle().skip(1));
    Ok(edges
        .map(|(a, b)| {
            let normal = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
            let inner: f64 = normal.iter().zip(sum).map(|(n, s)| n * s).sum();
            normal.map(|value| if inner < 0.0 { -value } else { value })
        })
        .collect())
}

fn ranges(region: &Region, cover: usize) -> Vec<(u64, u64)> {
    coverage(region, cover).ranges().iter().map(|range| (range.start, range.end)).collect()
}

/// Identifiers of stars, each tenth changed to one that is not there.
fn identifiers<T: Target>(catalog: &Catalog, stars: &[Place], target: &mut T) -> Result<Vec<Probe>, BenchError> {
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;

    let Catalog { table, ra, dec, .. } = catalog;
    let mut probes = Vec::with_capacity(stars.len());
    for (number, star) in stars.iter().enumerate() {
        let circle = format!("CIRCLE({}, {}, 0.0001)", star.ra_deg, star.dec_deg);
        let sql = format!("SELECT TOP 1 source_id FROM {table} WHERE 1 = CONTAINS(POINT({ra}, {dec}), {circle})");
        let answer = target.query(&sql)?;
        let id =
            answer.batches.iter().find_map(|batch| batch.column(0).as_primitive_opt::<Int64Type>()?.iter().next()?);
        let id = id.ok_or_else(|| BenchError::WrongAnswer("there is no identifier at a star's place".to_owned()))?;
        probes.push(Probe::Identifier { source_id: id + i64::from(number % 10 == 9) });
    }
    Ok(probes)
}

fn unusable(error: impl std::fmt::Display) -> BenchError {
    BenchError::Argument(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use sidereus_sky::hash29;

    #[test]
    fn covers_planes_and_regions_agree_about_points() {
        let mut random = SmallRng::seed_from_u64(3);
        let mut inside = 0;
        for place in anywhere(50, 8) {
            let Probe::Polygon { vertices, planes, ranges } = polygon(place, 12, &mut random).unwrap() else {
                panic!()
            };
            let region = Polygon::from_degrees(&vertices).unwrap();
            assert!((1.0..1.8).contains(&region.area_sq_deg()), "{}", region.area_sq_deg());
            for _ in 0..200 {
                let dec_deg = (place.dec_deg + random.random_range(-1.2..1.2)).clamp(-90.0, 90.0);
                let ra_deg = (place.ra_deg + random.random_range(-1.5..1.5)).rem_euclid(360.0);
                let point = SkyPoint::from_degrees(ra_deg, dec_deg).unwrap();
                let by_planes =
                    planes.iter().all(|plane| plane.iter().zip(point.xyz()).map(|(n, x)| n * x).sum::<f64>() >= 0.0);
                assert_eq!(by_planes, region.contains(&point));
                let key = hash29(ra_deg, dec_deg).unwrap();
                assert!(!by_planes || ranges.iter().any(|(begin, end)| (*begin..*end).contains(&key)));
                inside += usize::from(by_planes);
            }
        }
        assert!(inside > 500, "{inside} points inside");
    }

    #[test]
    fn names_are_those_of_the_tasks() {
        let whole = whole();
        let names = names();
        assert_eq!(names[8..], whole.iter().map(|task| task.name.clone()).collect::<Vec<_>>());
        assert_eq!(names[..4], CONES.map(|(name, _)| name.to_owned()));
    }
}
