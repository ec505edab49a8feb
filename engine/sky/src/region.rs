//! What part of the sky is meant?
//!
//! One enum for every shape a query can name and for their set combinations; each operation is one match. Shapes answer
//! for themselves in their own files, relations of two regions live in `relation`, cells in `cell_relation`.

use crate::angle::{SPHERE_SQ_DEG, degrees};
use crate::box_::SkyBox;
use crate::circle::Circle;
use crate::ellipse::Ellipse;
use crate::error::SkyError;
use crate::healpix::{Cell, Order, cell_radius_rad};
use crate::moc::Moc;
use crate::point::SkyPoint;
use crate::polygon::Polygon;
use crate::prepared::PreparedRegion;
use crate::stcs;
use crate::vector::{Vector, add, angle_between, normalize, scale};

/// More members than this are not compared pair by pair for their common area.
const MAX_PAIRWISE: usize = 400;

/// A part of the sky. Borders belong to the shapes; the complement of a shape is without its border.
///
/// ```
/// use sidereus_sky::{Circle, Region, SkyPoint};
/// let ring = Region::Intersection(vec![
///     Region::Circle(Circle::from_degrees(0.0, 0.0, 2.0)?),
///     Region::Not(Box::new(Region::Circle(Circle::from_degrees(0.0, 0.0, 1.0)?))),
/// ]);
/// assert!(ring.contains(&SkyPoint::from_degrees(1.5, 0.0)?));
/// assert!(!ring.contains(&SkyPoint::from_degrees(0.5, 0.0)?));
/// # Ok::<(), sidereus_sky::SkyError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Region {
    /// A position.
    Point(SkyPoint),
    /// A circle.
    Circle(Circle),
    /// The box of ADQL.
    Box(SkyBox),
    /// A polygon of great-circle edges.
    Polygon(Polygon),
    /// An ellipse.
    Ellipse(Ellipse),
    /// A coverage map.
    Moc(Moc),
    /// What is in any member; nothing if there is none.
    Union(Vec<Self>),
    /// What is in every member; everything if there is none.
    Intersection(Vec<Self>),
    /// What is not in the member.
    Not(Box<Self>),
    /// The whole sphere.
    AllSky,
    /// Nothing.
    Empty,
}

impl Region {
    /// Tells whether a point is in the region.
    ///
    /// *Source*: ADQL 2.1 section 4.2.11 (CONTAINS); the border counts as inside.
    pub fn contains(&self, point: &SkyPoint) -> bool {
        match self {
            Self::Point(own) => Circle::clamped(*own, 0.0).contains(point),
            Self::Circle(circle) => circle.contains(point),
            Self::Box(sky_box) => sky_box.contains(point),
            Self::Polygon(polygon) => polygon.contains(point),
            Self::Ellipse(ellipse) => ellipse.contains(point),
            Self::Moc(moc) => moc.contains(point),
            Self::Union(members) => members.iter().any(|member| member.contains(point)),
            Self::Intersection(members) => members.iter().all(|member| member.contains(point)),
            Self::Not(member) => !member.contains(point),
            Self::AllSky => true,
            Self::Empty => false,
        }
    }

    /// The one position that the region is, if it is a shape without extent.
    pub(crate) fn as_point(&self) -> Option<SkyPoint> {
        match self {
            Self::Point(point) => Some(*point),
            Self::Circle(circle) if circle.radius_deg() == 0.0 => Some(circle.center()),
            Self::Box(sky_box) if sky_box.width_deg() == 0.0 && sky_box.height_deg() == 0.0 => Some(sky_box.center()),
            Self::Ellipse(ellipse) if ellipse.semi_major_deg() == 0.0 => Some(ellipse.center()),
            _ => None,
        }
    }

    /// The number of shapes that the region is made of.
    pub(crate) fn shape_count(&self) -> usize {
        match self {
            Self::Union(members) | Self::Intersection(members) => members.iter().map(Self::shape_count).sum(),
            Self::Not(member) => member.shape_count(),
            Self::Polygon(polygon) => polygon.edges().len(),
            _ => 1,
        }
    }

    /// Makes the form that tests many positions quickly; it gives the same answers.
    pub fn prepare(&self) -> PreparedRegion {
        PreparedRegion::new(self)
    }

    /// The area in square degrees.
    ///
    /// *Errors*: a union whose members overlap, or an intersection of several: their area has no closed form.
    /// *Source*: ADQL 2.1 section 4.2.7 (AREA); a point has none.
    ///
    /// ```
    /// use sidereus_sky::Region;
    /// assert!((Region::AllSky.area_sq_deg()? - 41252.96).abs() < 0.01);
    /// # Ok::<(), sidereus_sky::SkyError>(())
    /// ```
    pub fn area_sq_deg(&self) -> Result<f64, SkyError> {
        Ok(match self {
            Self::Point(_) | Self::Empty => 0.0,
            Self::Circle(circle) => circle.area_sq_deg(),
            Self::Box(sky_box) => sky_box.area_sq_deg(),
            Self::Polygon(polygon) => polygon.area_sq_deg(),
            Self::Ellipse(ellipse) => ellipse.area_sq_deg(),
            Self::Moc(moc) => moc.area_sq_deg(),
            Self::AllSky => SPHERE_SQ_DEG,
            Self::Not(member) => SPHERE_SQ_DEG - member.area_sq_deg()?,
            Self::Union(members) => {
                disjoint(members, "area")?;
                members.iter().map(Self::area_sq_deg).sum::<Result<f64, _>>()?
            }
            Self::Intersection(members) => match members.as_slice() {
                [] => SPHERE_SQ_DEG,
                [member] => member.area_sq_deg()?,
                _ => return Err(no_closed_form("area", "an intersection")),
            },
        })
    }

    /// The centre of the area.
    ///
    /// *Errors*: a region without a centre (nothing, everything) or without a closed form (as for the area).
    /// *Source*: ADQL 2.1 section 4.2.10 (CENTROID).
    pub fn centroid(&self) -> Result<SkyPoint, SkyError> {
        match self {
            Self::Point(point) => Ok(*point),
            Self::Circle(circle) => Ok(circle.center()),
            Self::Box(sky_box) => Ok(sky_box.center()),
            Self::Ellipse(ellipse) => Ok(ellipse.center()),
            Self::Polygon(polygon) => Ok(polygon.middle()),
            Self::Union(members) if members.len() == 1 => members[0].centroid(),
            Self::Intersection(members) if members.len() == 1 => members[0].centroid(),
            _ => {
                let moment = self.moment()?;
                let direction = normalize(&moment).filter(|_| crate::vector::norm(&moment) > 1e-12);
                direction
                    .map(|xyz| SkyPoint::from_unit(&xyz))
                    .ok_or_else(|| SkyError::Unsupported("the region has no centre".to_owned()))
            }
        }
    }

    /// The integral of the position over the region.
    fn moment(&self) -> Result<Vector, SkyError> {
        Ok(match self {
            Self::Point(_) | Self::Empty | Self::AllSky => [0.0; 3],
            Self::Circle(circle) => {
                let sine = crate::angle::radians(circle.radius_deg()).sin();
                scale(circle.center().vector(), std::f64::consts::PI * sine * sine)
            }
            Self::Box(sky_box) => match sky_box.to_polygon() {
                Some(polygon) => polygon.moment(),
                None => scale(sky_box.center().vector(), sky_box.area_sr()),
            },
            Self::Polygon(polygon) => polygon.moment(),
            Self::Ellipse(ellipse) => scale(ellipse.center().vector(), ellipse.moment()),
            Self::Moc(moc) => moc_moment(moc),
            Self::Not(member) => crate::vector::negate(&member.moment()?),
            Self::Union(members) => {
                disjoint(members, "centre")?;
                members.iter().try_fold([0.0; 3], |sum, member| member.moment().map(|moment| add(&sum, &moment)))?
            }
            Self::Intersection(members) => match members.as_slice() {
                [] => [0.0; 3],
                [member] => member.moment()?,
                _ => return Err(no_closed_form("centre", "an intersection")),
            },
        })
    }

    /// A circle that holds the region: not always the smallest one. For nothing, a circle of radius 0.
    pub fn bounding_cap(&self) -> Circle {
        match self {
            Self::Point(point) => Circle::clamped(*point, 0.0),
            Self::Circle(circle) => *circle,
            Self::Box(sky_box) => Circle::clamped(sky_box.center(), sky_box.reach_deg() + 1e-12),
            Self::Ellipse(ellipse) => Circle::clamped(ellipse.center(), ellipse.semi_major_deg() + 1e-12),
            Self::Polygon(polygon) => polygon_cap(polygon),
            Self::Moc(moc) => moc_cap(moc),
            Self::Union(members) => union_cap(members.iter().map(Self::bounding_cap)),
            Self::Intersection(members) => {
                let caps = members.iter().map(Self::bounding_cap);
                caps.min_by(|a, b| a.radius_deg().total_cmp(&b.radius_deg())).unwrap_or_else(all_sky_cap)
            }
            Self::Not(_) | Self::AllSky => all_sky_cap(),
            Self::Empty => Circle::clamped(SkyPoint::from_unit(&[1.0, 0.0, 0.0]), 0.0),
        }
    }

    /// Writes the region as STC-S text that [`Region::from_stcs`] reads back to an equal region, bit for bit.
    pub fn to_stcs(&self) -> String {
        stcs::write(self)
    }

    /// Reads STC-S text, or the numbers of a DALI point, circle or polygon.
    ///
    /// *Cost*: linear in the length of the text; the nesting is bounded.
    /// *Errors*: the place of what is not understood, and what was expected there.
    /// *Source*: STC-S (IVOA Note 1.33), TAP 1.0 section 6, DALI 1.1 section 3.3.
    ///
    /// ```
    /// use sidereus_sky::Region;
    /// let region = Region::from_stcs("Circle ICRS 10 20 0.5")?;
    /// assert_eq!(Region::from_stcs(&region.to_stcs())?, region);
    /// assert_eq!(Region::from_stcs("10 20 0.5")?, region);
    /// # Ok::<(), sidereus_sky::SkyError>(())
    /// ```
    pub fn from_stcs(text: &str) -> Result<Self, SkyError> {
        stcs::read(text)
    }
}

fn no_closed_form(what: &str, of: &str) -> SkyError {
    SkyError::Unsupported(format!("the {what} of {of} of regions has no closed form"))
}

/// Fails unless no two members have a point in common.
fn disjoint(members: &[Region], what: &str) -> Result<(), SkyError> {
    if members.len() > MAX_PAIRWISE {
        return Err(no_closed_form(what, "a large union"));
    }
    for (index, member) in members.iter().enumerate() {
        for other in &members[index + 1..] {
            if member.intersects(other)? {
                return Err(no_closed_form(what, "a union of overlapping members"));
            }
        }
    }
    Ok(())
}

pub(crate) fn all_sky_cap() -> Circle {
    Circle::clamped(SkyPoint::from_unit(&[1.0, 0.0, 0.0]), 180.0)
}

fn polygon_cap(polygon: &Polygon) -> Circle {
    let middle = polygon.middle();
    let farthest = polygon.edges().iter().map(|edge| edge.farthest(middle.vector())).fold(0.0, f64::max);
    let radius_deg = degrees(farthest) + 1e-7;
    // Beyond a hemisphere the interior may be on either side of the border.
    if radius_deg < 90.0 { Circle::clamped(middle, radius_deg) } else { all_sky_cap() }
}

/// A circle around circles.
fn union_cap(caps: impl Iterator<Item = Circle>) -> Circle {
    let caps: Vec<Circle> = caps.collect();
    let sum = caps.iter().fold([0.0; 3], |sum, cap| add(&sum, cap.center().vector()));
    let Some(middle) = normalize(&sum) else { return all_sky_cap() };
    let reach = |cap: &Circle| degrees(angle_between(&middle, cap.center().vector())) + cap.radius_deg();
    let radius_deg = caps.iter().map(reach).fold(0.0, f64::max) + 1e-12;
    Circle::clamped(SkyPoint::from_unit(&middle), radius_deg)
}

fn moc_cap(moc: &Moc) -> Circle {
    union_cap(moc.cells().map(|cell| {
        let center = SkyPoint::from_unit(&cell.center_vector());
        Circle::clamped(center, degrees(cell_radius_rad(cell.order())))
    }))
}

/// Sums the centres of cells, large cells cut to order 6, where a cell is flat enough.
fn moc_moment(moc: &Moc) -> Vector {
    let fine = Order::try_from(6).unwrap_or(Order::MIN);
    let mut sum = [0.0; 3];
    for cell in moc.cells() {
        let order = cell.order().max(fine);
        let shift = 2 * (order.get() - cell.order().get());
        for npix in cell.npix() << shift..(cell.npix() + 1) << shift {
            let area = 4.0 * std::f64::consts::PI / order.cell_count() as f64;
            sum = add(&sum, &scale(&Cell::known(order, npix).center_vector(), area));
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations() {
        let left = circle(0.0, 0.0, 2.0);
        let right = circle(3.0, 0.0, 2.0);
        let both = Region::Intersection(vec![left.clone(), right.clone()]);
        let either = Region::Union(vec![left.clone(), right]);
        let point = |lon| SkyPoint::from_degrees(lon, 0.0).unwrap();
        assert!(both.contains(&point(1.5)) && !both.contains(&point(0.0)));
        assert!(either.contains(&point(0.0)) && !either.contains(&point(6.0)));
        assert!(!Region::Not(Box::new(left)).contains(&point(0.0)));
        assert!(Region::Intersection(vec![]).contains(&point(0.0)));
        assert!(!Region::Union(vec![]).contains(&point(0.0)));
    }

    #[test]
    fn areas_of_combinations() {
        let small = circle(0.0, 0.0, 1.0);
        let area = small.area_sq_deg().unwrap();
        let apart = Region::Union(vec![small.clone(), circle(10.0, 0.0, 1.0)]);
        assert!((apart.area_sq_deg().unwrap() - 2.0 * area).abs() < 1e-12);
        assert!(Region::Union(vec![small.clone(), circle(1.0, 0.0, 1.0)]).area_sq_deg().is_err());
        let rest = Region::Not(Box::new(small)).area_sq_deg().unwrap();
        assert!((rest + area - SPHERE_SQ_DEG).abs() < 1e-9);
    }

    #[test]
    fn centroids() {
        let pair = Region::Union(vec![circle(350.0, 0.0, 1.0), circle(20.0, 0.0, 1.0)]);
        assert!((pair.centroid().unwrap().lon_deg() - 5.0).abs() < 1e-12);
        assert!(Region::AllSky.centroid().is_err());
        let moc = Region::Moc(Moc::from_ascii("0/4").unwrap());
        let center = moc.centroid().unwrap();
        assert!(center.separation(&SkyPoint::from_degrees(0.0, 0.0).unwrap()).0 < 1e-6);
    }

    fn circle(lon: f64, lat: f64, radius: f64) -> Region {
        Region::Circle(Circle::from_degrees(lon, lat, radius).unwrap())
    }
}
