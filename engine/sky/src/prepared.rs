//! How are many positions tested against one region quickly?
//!
//! A region with everything computed that does not depend on the position. Every answer is that of
//! [`Region::contains`]; shortcuts only skip what cannot change it. Columns are slices of degrees; Arrow is not known.

use crate::angle::reduce_lon_deg;
use crate::bvh::BoundsTree;
use crate::circle::Circle;
use crate::fast_circle::FastCircle;
use crate::healpix::hash29_valid;
use crate::point::unit_vector;
use crate::region::Region;
use crate::vector::Vector;

/// Slack in degrees of the band of latitudes around a shape.
const BAND_SLACK_DEG: f64 = 1e-9;

/// Unions with more members than this get a tree of their bounds.
const FEW_MEMBERS: usize = 8;

/// A region made ready for many positions.
///
/// ```
/// use sidereus_sky::{Circle, Region};
/// let prepared = Region::Circle(Circle::from_degrees(10.0, 20.0, 1.0)?).prepare();
/// let mut inside = Vec::new();
/// prepared.select(&[10.0, 12.0, f64::NAN], &[20.5, 20.0, 20.0], &mut inside);
/// assert_eq!(inside, [true, false, false]);
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PreparedRegion {
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    Constant(bool),
    Circle(FastCircle),
    /// A box, a polygon or an ellipse, and the latitudes it reaches.
    Shape {
        region: Region,
        lat_deg: std::ops::RangeInclusive<f64>,
    },
    Moc(crate::moc::Moc),
    Any(Vec<Self>),
    AnyNear(Vec<Self>, BoundsTree),
    All(Vec<Self>),
    Not(Box<Self>),
}

/// A position on its way through the tests; the vector is made when first asked for.
struct Position {
    lon_deg: f64,
    lat_deg: f64,
    vector: Option<Vector>,
}

impl Position {
    /// `None` for what is no position.
    fn new(lon_deg: f64, lat_deg: f64) -> Option<Self> {
        let valid = lon_deg.is_finite() && lat_deg.abs() <= 90.0;
        valid.then(|| Self { lon_deg: reduce_lon_deg(lon_deg), lat_deg, vector: None })
    }

    fn vector(&mut self) -> Vector {
        let (lon_deg, lat_deg) = (self.lon_deg, self.lat_deg);
        *self.vector.get_or_insert_with(|| unit_vector(lon_deg, lat_deg))
    }
}

impl PreparedRegion {
    pub(crate) fn new(region: &Region) -> Self {
        Self { test: Test::new(region) }
    }

    /// Tells whether a position in degrees is in the region; longitudes are reduced modulo 360.
    ///
    /// *Nulls*: not a number, an infinite longitude and a latitude outside -90..=90 are in no region.
    pub fn contains_lonlat(&self, lon_deg: f64, lat_deg: f64) -> bool {
        match &self.test {
            Test::Circle(circle) => circle.contains_lonlat(lon_deg, lat_deg),
            test => Position::new(lon_deg, lat_deg).is_some_and(|mut position| test.holds(&mut position)),
        }
    }

    /// Tests the positions of two columns and replaces `out` by one answer for each.
    ///
    /// *Shape*: as many answers as the shorter column has rows.
    /// *Nulls*: as for [`PreparedRegion::contains_lonlat`].
    pub fn select(&self, lon_deg: &[f64], lat_deg: &[f64], out: &mut Vec<bool>) {
        out.clear();
        out.reserve(lon_deg.len().min(lat_deg.len()));
        let (lon_deg, lat_deg) = if lon_deg.len() <= lat_deg.len() {
            (lon_deg, &lat_deg[..lon_deg.len()])
        } else {
            (&lon_deg[..lat_deg.len()], lat_deg)
        };
        match &self.test {
            Test::Circle(circle) => circle.select(lon_deg, lat_deg, out),
            _ => out.extend(lon_deg.iter().zip(lat_deg).map(|(lon, lat)| self.contains_lonlat(*lon, *lat))),
        }
    }
}

impl Test {
    fn new(region: &Region) -> Self {
        match region {
            Region::AllSky => Self::Constant(true),
            Region::Empty => Self::Constant(false),
            Region::Point(point) => Self::Circle(FastCircle::new(&Circle::clamped(*point, 0.0))),
            Region::Circle(circle) => Self::Circle(FastCircle::new(circle)),
            Region::Box(_) | Region::Polygon(_) | Region::Ellipse(_) => {
                Self::Shape { region: region.clone(), lat_deg: band(&region.bounding_cap()) }
            }
            Region::Moc(moc) => Self::Moc(moc.clone()),
            Region::Union(members) => any(members),
            Region::Intersection(members) => Self::All(members.iter().map(Self::new).collect()),
            Region::Not(member) => Self::Not(Box::new(Self::new(member))),
        }
    }

    fn holds(&self, position: &mut Position) -> bool {
        match self {
            Self::Constant(answer) => *answer,
            Self::Circle(circle) => circle.contains_lonlat(position.lon_deg, position.lat_deg),
            Self::Shape { region, lat_deg } => {
                lat_deg.contains(&position.lat_deg) && shape_contains(region, &position.vector())
            }
            Self::Moc(moc) => moc.contains_key(hash29_valid(position.lon_deg, position.lat_deg)),
            Self::Any(members) => members.iter().any(|member| member.holds(position)),
            Self::AnyNear(members, tree) => {
                let vector = position.vector();
                tree.any(&vector, |member| members[member].holds(position))
            }
            Self::All(members) => members.iter().all(|member| member.holds(position)),
            Self::Not(member) => !member.holds(position),
        }
    }
}

fn any(members: &[Region]) -> Test {
    let tests = members.iter().map(Test::new).collect();
    if members.len() <= FEW_MEMBERS {
        return Test::Any(tests);
    }
    let caps: Vec<Circle> = members.iter().map(Region::bounding_cap).collect();
    Test::AnyNear(tests, BoundsTree::new(&caps))
}

/// The latitudes of a cap.
fn band(cap: &Circle) -> std::ops::RangeInclusive<f64> {
    let (lat_deg, reach) = (cap.center().lat_deg(), cap.radius_deg() + BAND_SLACK_DEG);
    lat_deg - reach..=lat_deg + reach
}

fn shape_contains(region: &Region, xyz: &Vector) -> bool {
    match region {
        Region::Box(sky_box) => sky_box.contains_xyz(xyz),
        Region::Polygon(polygon) => polygon.contains_xyz(xyz),
        Region::Ellipse(ellipse) => ellipse.contains_xyz(xyz),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polygon::Polygon;

    #[test]
    fn no_position_is_in_no_region() {
        let circle = Region::Circle(Circle::from_degrees(0.0, 0.0, 1.0).unwrap());
        for region in [Region::AllSky, Region::Not(Box::new(circle.clone())), circle] {
            let prepared = region.prepare();
            assert!(!prepared.contains_lonlat(f64::NAN, 0.0));
            assert!(!prepared.contains_lonlat(0.0, f64::NAN));
            assert!(!prepared.contains_lonlat(f64::NEG_INFINITY, 0.0));
            assert!(!prepared.contains_lonlat(0.0, -90.000001));
        }
    }

    #[test]
    fn answers_replace_what_was_there() {
        let mut out = vec![true; 7];
        Region::AllSky.prepare().select(&[1.0, 2.0], &[1.0, 2.0, 3.0], &mut out);
        assert_eq!(out, [true, true]);
    }

    #[test]
    fn longitudes_are_reduced() {
        let polygon = Polygon::from_degrees(&[(350.0, -5.0), (10.0, -5.0), (0.0, 10.0)]).unwrap();
        let prepared = Region::Polygon(polygon).prepare();
        assert!(prepared.contains_lonlat(-1.0, 0.0) && prepared.contains_lonlat(719.0, 0.0));
    }
}
