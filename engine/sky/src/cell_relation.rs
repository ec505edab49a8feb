//! Is this cell outside of a region, inside of it, or undecided?
//!
//! A cell is seen as the cap around its centre that holds it. The answers err in one direction only: `Outside` and
//! `Inside` are certain, `Mixed` may be either. MOCs are compared cell by cell. Which cells are asked is decided in
//! `coverage` and `relation`.
//!
//! ```text
//!      Outside           Mixed            Inside
//!     ( )  |####|       (|)####|         |##( )##|
//! ```

use crate::angle::radians;
use crate::box_::SkyBox;
use crate::circle::Circle;
use crate::ellipse::Ellipse;
use crate::healpix::{Cell, cell_radius_rad, neighbours};
use crate::moc::Moc;
use crate::polygon::Polygon;
use crate::region::Region;
use crate::vector::{Vector, angle_between, norm, sub};

/// What is known of a cell and a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    /// No point of the cell is in the region.
    Outside,
    /// Every point of the cell is in the region.
    Inside,
    /// Anything.
    Mixed,
}

/// A cell, the cap that holds it, and whether points beside its border count as its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patch {
    pub(crate) cell: Cell,
    pub(crate) center: Vector,
    /// Radius of the cap, padding included.
    radius: f64,
    padded: bool,
}

/// How far, in degrees, a position may be from the cell that a catalog filed it under.
const KEY_PADDING_DEG: f64 = 1e-9;

/// Errors of angles between unit vectors, in radians, with room to spare.
const ROUNDING: f64 = 1e-14;

impl Patch {
    /// The cell with all positions that a rounded key may have filed under it.
    pub(crate) fn padded(cell: Cell) -> Self {
        let radius = cell_radius_rad(cell.order()) + radians(KEY_PADDING_DEG);
        Self { cell, center: cell.center_vector(), radius, padded: true }
    }

    /// The cell as it is.
    pub(crate) fn exact(cell: Cell) -> Self {
        let radius = cell_radius_rad(cell.order()) + ROUNDING;
        Self { cell, center: cell.center_vector(), radius, padded: false }
    }

    /// Decides by a distance to the border of a region, negative inside.
    fn by_distance(&self, distance: f64) -> Relation {
        if distance > self.radius {
            Relation::Outside
        } else if distance < -self.radius {
            Relation::Inside
        } else {
            Relation::Mixed
        }
    }
}

impl Region {
    /// Compares the region with a cell.
    pub(crate) fn relation(&self, patch: &Patch) -> Relation {
        match self {
            Self::Point(point) => patch.by_distance(angle_between(&patch.center, point.vector())),
            Self::Circle(circle) if circle.radius_deg() >= 180.0 => Relation::Inside,
            Self::Circle(circle) => circle_relation(circle, patch),
            Self::Box(sky_box) => box_relation(sky_box, patch),
            Self::Polygon(polygon) => polygon_relation(polygon, patch),
            Self::Ellipse(ellipse) => ellipse_relation(ellipse, patch),
            Self::Moc(moc) => moc_relation(moc, patch),
            Self::Union(members) => combine(members, patch, Relation::Inside, Relation::Outside),
            Self::Intersection(members) => combine(members, patch, Relation::Outside, Relation::Inside),
            Self::Not(member) => match member.relation(patch) {
                Relation::Outside => Relation::Inside,
                Relation::Inside => Relation::Outside,
                Relation::Mixed => Relation::Mixed,
            },
            Self::AllSky => Relation::Inside,
            Self::Empty => Relation::Outside,
        }
    }
}

/// One member that `decides` settles it; all others must be `neutral`.
fn combine(members: &[Region], patch: &Patch, decides: Relation, neutral: Relation) -> Relation {
    let mut combined = neutral;
    for member in members {
        let relation = member.relation(patch);
        if relation == decides {
            return decides;
        }
        if relation == Relation::Mixed {
            combined = Relation::Mixed;
        }
    }
    combined
}

/// Decides by the chord where it can: an arc is at least its chord, and hardly longer where it is short.
fn circle_relation(circle: &Circle, patch: &Patch) -> Relation {
    let radius = radians(circle.radius_deg());
    let difference = sub(&patch.center, circle.center().vector());
    let chord = norm(&difference);
    let longest = chord * (1.0 + 0.05 * chord * chord) + ROUNDING;
    if chord > radius + patch.radius {
        Relation::Outside
    } else if chord < 0.5 && longest < radius - patch.radius {
        Relation::Inside
    } else if chord < 0.5 && chord > radius - patch.radius && longest < radius + patch.radius {
        Relation::Mixed
    } else {
        patch.by_distance(angle_between(&patch.center, circle.center().vector()) - radius)
    }
}

/// A box is the common part of half-spheres: one that misses the cap misses for all.
fn box_relation(sky_box: &SkyBox, patch: &Patch) -> Relation {
    let reach = angle_between(&patch.center, sky_box.center().vector()) - radians(sky_box.reach_deg());
    if reach > patch.radius + 1e-12 {
        return Relation::Outside;
    }
    if patch.radius >= std::f64::consts::FRAC_PI_2 {
        return Relation::Mixed;
    }
    patch.by_distance(-crate::angle::asin_clamped(sky_box.depth(&patch.center)))
}

fn polygon_relation(polygon: &Polygon, patch: &Patch) -> Relation {
    let distance = polygon.edge_distance(&patch.center);
    if distance <= patch.radius {
        return Relation::Mixed;
    }
    if polygon.contains_xyz(&patch.center) { Relation::Inside } else { Relation::Outside }
}

/// Directions of the tangents that close in an ellipse where its quadratic form says little.
const TANGENTS: u32 = 16;

/// Compares a cap with an ellipse: by its bounding circle, by half-spheres that touch it, and by its quadratic form,
/// whose change over the cap is bounded by its gradient at the centre and its curvature.
fn ellipse_relation(ellipse: &Ellipse, patch: &Patch) -> Relation {
    let reach = angle_between(&patch.center, ellipse.center().vector()) - radians(ellipse.semi_major_deg());
    if reach > patch.radius {
        return Relation::Outside;
    }
    if patch.radius >= 0.5 {
        return Relation::Mixed;
    }
    let [ahead, major, minor] = ellipse.components(&patch.center);
    let (tan_major, tan_minor) = ellipse.tangents();
    let miss = (0..TANGENTS).map(|step| {
        let (sin, cos) = (std::f64::consts::TAU * f64::from(step) / f64::from(TANGENTS)).sin_cos();
        // Support of the ellipse in this direction of the tangent plane.
        let support = (tan_major * cos).hypot(tan_minor * sin);
        (support * ahead - cos * major - sin * minor) / (1.0 + support * support).sqrt()
    });
    if miss.fold(f64::INFINITY, f64::min) < -(patch.radius.sin() + ROUNDING) {
        return Relation::Outside;
    }
    if tan_minor == 0.0 || ahead <= patch.radius {
        return Relation::Mixed;
    }
    let ratio = tan_minor / tan_major;
    let weights = [tan_minor * tan_minor, -ratio * ratio, -1.0];
    let form = weights[0] * ahead * ahead + weights[1] * major * major - minor * minor;
    let gradient = 2.0 * ((weights[0] * ahead).powi(2) + (weights[1] * major).powi(2) + minor * minor).sqrt();
    let curvature = weights[0].max(1.0);
    let change = gradient * patch.radius + curvature * patch.radius * patch.radius + 1e-15;
    match form {
        form if form > change => Relation::Inside,
        form if form < -change => Relation::Outside,
        _ => Relation::Mixed,
    }
}

/// Compares ranges. With padding, the neighbours of the cell have a say, since a position on its border may be filed
/// under either.
fn moc_relation(moc: &Moc, patch: &Patch) -> Relation {
    let own = patch.cell.range29();
    let (mut meets, mut holds) = (moc.meets_range(own), moc.holds_range(own));
    if patch.padded && meets == holds {
        for neighbour in neighbours(patch.cell) {
            let range = neighbour.range29();
            meets |= moc.meets_range(range);
            holds &= moc.holds_range(range);
        }
    }
    match (meets, holds) {
        (false, _) => Relation::Outside,
        (_, true) => Relation::Inside,
        _ => Relation::Mixed,
    }
}
