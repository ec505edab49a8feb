//! Which regions and positions are tried?

use proptest::prelude::{BoxedStrategy, Just, ProptestConfig, Strategy, any, prop, prop_oneof};
use sidereus_sky::{Circle, Ellipse, Moc, Polygon, Region, SkyBox, SkyPoint};

/// A number of cases; failures are not written to files, their seeds are printed.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Positions on the whole sphere, crowded at the places where formulas break.
pub(crate) fn position() -> impl Strategy<Value = (f64, f64)> {
    let uniform = (0.0..360.0, -1.0..1.0_f64).prop_map(|(lon, z): (f64, f64)| (lon, asin_deg(z)));
    let corner_lat = asin_deg(2.0 / 3.0);
    prop_oneof![
        4 => uniform,
        1 => (0.0..360.0, prop::sample::select(vec![90.0, -90.0, 89.9999999, -89.999, 89.0])),
        1 => (prop::sample::select(vec![0.0, 360.0, 359.9999999999, 1e-12, 1e-9, 359.99]), -90.0..90.0),
        1 => (prop::sample::select(vec![0.0, 45.0, 90.0, 180.0, 270.0]),
              prop::sample::select(vec![0.0, corner_lat, -corner_lat, 1e-10, 66.44353569089877])),
    ]
}

fn asin_deg(sine: f64) -> f64 {
    sine.clamp(-1.0, 1.0).asin() * 57.29577951308232
}

/// Sizes in degrees over all scales, up to a limit.
pub(crate) fn size(limit: f64) -> impl Strategy<Value = f64> {
    let log = (-9.0..limit.log10()).prop_map(|exponent: f64| 10.0_f64.powf(exponent));
    prop_oneof![6 => log, 3 => 0.0..limit]
}

pub(crate) fn circle() -> BoxedStrategy<Region> {
    let radius = prop_oneof![
        8 => size(180.0),
        1 => prop::sample::select(vec![0.0, 90.0, 180.0, 179.9999999, 1e-12]),
    ];
    (position(), radius)
        .prop_map(|((lon, lat), radius)| Region::Circle(Circle::from_degrees(lon, lat, radius).unwrap()))
        .boxed()
}

pub(crate) fn sky_box() -> BoxedStrategy<Region> {
    let extent = || prop_oneof![8 => size(180.0), 1 => prop::sample::select(vec![0.0, 180.0, 90.0])];
    (position(), extent(), extent())
        .prop_map(|((lon, lat), width, height)| Region::Box(SkyBox::from_degrees(lon, lat, width, height).unwrap()))
        .boxed()
}

pub(crate) fn ellipse() -> BoxedStrategy<Region> {
    (position(), size(89.9), 0.0..1.0_f64, -360.0..360.0_f64)
        .prop_map(|((lon, lat), major, ratio, angle)| {
            Region::Ellipse(Ellipse::from_degrees(lon, lat, major, major * ratio, angle).unwrap())
        })
        .boxed()
}

/// Star-shaped polygons around a centre: simple, convex or not, either winding; with their centre and reach.
pub(crate) fn star() -> impl Strategy<Value = Polygon> {
    let spokes = prop::collection::vec((0.02..1.0_f64, 0.05..1.0_f64), 3..14);
    (position(), size(85.0).prop_map(|reach| reach.max(1e-7)), spokes, any::<bool>(), 0.0..360.0_f64).prop_filter_map(
        "degenerate",
        |((lon, lat), reach, spokes, reversed, phase)| {
            let total: f64 = spokes.iter().map(|(step, _)| step).sum();
            if spokes.iter().any(|(step, _)| step / total > 0.45) {
                return None;
            }
            let mut azimuth = phase;
            let mut vertices = Vec::new();
            for (step, radius) in &spokes {
                azimuth += step / total * 360.0;
                let vertex = offset(lon, lat, azimuth, reach * radius);
                vertices.push((vertex.lon_deg(), vertex.lat_deg()));
            }
            if reversed {
                vertices.reverse();
            }
            Polygon::from_degrees(&vertices).ok()
        },
    )
}

pub(crate) fn polygon() -> BoxedStrategy<Region> {
    star().prop_map(Region::Polygon).boxed()
}

fn moc() -> BoxedStrategy<Region> {
    let cells = prop::collection::vec((0_u8..8, any::<prop::sample::Index>()), 1..20);
    cells
        .prop_map(|cells| {
            let words: Vec<String> =
                cells.iter().map(|(order, index)| format!("{order}/{}", index.index(12 << (2 * order)))).collect();
            Region::Moc(Moc::from_ascii(&words.join(" ")).unwrap())
        })
        .boxed()
}

pub(crate) fn shape() -> BoxedStrategy<Region> {
    let point = position().prop_map(|(lon, lat)| Region::Point(SkyPoint::from_degrees(lon, lat).unwrap()));
    prop_oneof![4 => circle(), 2 => sky_box(), 3 => polygon(), 2 => ellipse(), 1 => moc(), 1 => point].boxed()
}

/// Shapes and their set combinations.
pub(crate) fn region() -> BoxedStrategy<Region> {
    let leaf = prop_oneof![20 => shape(), 1 => Just(Region::AllSky), 1 => Just(Region::Empty)];
    leaf.prop_recursive(3, 24, 8, |inner| {
        prop_oneof![
            4 => shape(),
            2 => prop::collection::vec(inner.clone(), 0..8).prop_map(Region::Union),
            1 => prop::collection::vec(shape(), 9..30).prop_map(Region::Union),
            2 => prop::collection::vec(inner.clone(), 0..4).prop_map(Region::Intersection),
            1 => inner.prop_map(|region| Region::Not(Box::new(region))),
        ]
    })
    .boxed()
}

/// Positions that test a region hard: along its borders, a little beside them, at its corners, around it, anywhere.
pub(crate) fn probes(region: &Region, seed: u64) -> Vec<(f64, f64)> {
    let mut random = Random(seed | 1);
    let mut probes = Vec::new();
    border_probes(region, &mut random, &mut probes);
    let cap = region.bounding_cap();
    for _ in 0..24 {
        let radius = cap.radius_deg() * random.unit().sqrt();
        probes.push(lonlat(&offset_from(&cap.center(), random.unit() * 360.0, radius)));
        probes.push((random.unit() * 360.0, asin_deg(random.unit() * 2.0 - 1.0)));
    }
    probes.extend([(0.0, 90.0), (77.0, -90.0), (0.0, 0.0), (180.0, 0.0)]);
    probes
}

fn border_probes(region: &Region, random: &mut Random, probes: &mut Vec<(f64, f64)>) {
    match region {
        Region::Point(point) => beside(point, random, probes),
        Region::Circle(circle) => {
            beside(&circle.center(), random, probes);
            for _ in 0..24 {
                let rim = offset_from(&circle.center(), random.unit() * 360.0, circle.radius_deg());
                beside(&rim, random, probes);
            }
        }
        Region::Box(sky_box) => {
            let (half_width, half_height) = (sky_box.width_deg() / 2.0, sky_box.height_deg() / 2.0);
            for (azimuth, reach) in [(0.0, half_height), (90.0, half_width), (180.0, half_height), (270.0, half_width)]
            {
                let arm = offset_from(&sky_box.center(), azimuth, reach);
                beside(&arm, random, probes);
                let along = offset_from(&arm, azimuth + 90.0, random.unit() * half_width.max(half_height));
                beside(&along, random, probes);
            }
        }
        Region::Polygon(polygon) => {
            let vertices = polygon.vertices();
            for (index, vertex) in vertices.iter().enumerate() {
                beside(vertex, random, probes);
                let (a, b) = (vertex.xyz(), vertices[(index + 1) % vertices.len()].xyz());
                let share = random.unit();
                let between = [0, 1, 2].map(|axis| a[axis] * share + b[axis] * (1.0 - share));
                beside(&SkyPoint::from_xyz(between).unwrap(), random, probes);
            }
        }
        Region::Ellipse(ellipse) => {
            for (turn, reach) in [(0.0, ellipse.semi_major_deg()), (90.0, ellipse.semi_minor_deg())] {
                let azimuth = ellipse.position_angle_deg() + turn;
                beside(&offset_from(&ellipse.center(), azimuth, reach), random, probes);
                beside(&offset_from(&ellipse.center(), azimuth + 180.0, reach * 0.999999), random, probes);
            }
        }
        Region::Moc(moc) => {
            for cell in moc.cells().take(8) {
                let center = sidereus_sky::center(cell);
                let size = 60.0 / f64::from(1_u32 << cell.order().get().min(28));
                for _ in 0..4 {
                    probes.push(lonlat(&offset_from(&center, random.unit() * 360.0, random.unit() * size)));
                }
            }
        }
        Region::Union(members) | Region::Intersection(members) => {
            members.iter().take(6).for_each(|member| border_probes(member, random, probes));
        }
        Region::Not(member) => border_probes(member, random, probes),
        Region::AllSky | Region::Empty => {}
    }
}

/// A point and points within 1e-9 degrees of it.
fn beside(point: &SkyPoint, random: &mut Random, probes: &mut Vec<(f64, f64)>) {
    probes.push(lonlat(point));
    for distance in [1e-9, 1e-11, 1e-13] {
        probes.push(lonlat(&offset_from(point, random.unit() * 360.0, distance)));
    }
}

pub(crate) fn lonlat(point: &SkyPoint) -> (f64, f64) {
    (point.lon_deg(), point.lat_deg())
}

/// The point at a distance and azimuth (north through east) from another.
pub(crate) fn offset_from(from: &SkyPoint, azimuth_deg: f64, distance_deg: f64) -> SkyPoint {
    offset(from.lon_deg(), from.lat_deg(), azimuth_deg, distance_deg)
}

fn offset(lon_deg: f64, lat_deg: f64, azimuth_deg: f64, distance_deg: f64) -> SkyPoint {
    let degree = std::f64::consts::PI / 180.0;
    let (sin_lat, cos_lat) = (lat_deg * degree).sin_cos();
    let (sin_lon, cos_lon) = (lon_deg * degree).sin_cos();
    let (sin_azimuth, cos_azimuth) = (azimuth_deg * degree).sin_cos();
    let (sin, cos) = (distance_deg * degree).sin_cos();
    let center = [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat];
    let east = [-sin_lon, cos_lon, 0.0];
    let north = [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat];
    let along = |axis: usize| center[axis] * cos + (north[axis] * cos_azimuth + east[axis] * sin_azimuth) * sin;
    SkyPoint::from_xyz([along(0), along(1), along(2)]).unwrap()
}

/// A small generator of numbers (xorshift), so that probes depend on the case alone.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}
