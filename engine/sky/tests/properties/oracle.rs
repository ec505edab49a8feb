//! What do other formulas say?
//!
//! Tests of points by formulas that share nothing with the crate. They answer `None` within rounding of a border.

use sidereus_sky::{Circle, Ellipse, Polygon, Region, SkyBox, SkyPoint};
use std::f64::consts::{PI, TAU};

const DEGREE: f64 = PI / 180.0;

/// Tells whether a point is in a shape, by brute force.
pub(crate) fn contains(region: &Region, point: &SkyPoint) -> Option<bool> {
    match region {
        Region::Circle(circle) => in_circle(circle, point),
        Region::Box(sky_box) => in_box(sky_box, point),
        Region::Ellipse(ellipse) => in_ellipse(ellipse, point),
        Region::Polygon(polygon) => in_polygon(polygon, point),
        _ => None,
    }
}

/// The sign of a margin, unless it is smaller than a tolerance.
fn decide(margin: f64, tolerance: f64) -> Option<bool> {
    (margin.abs() > tolerance).then_some(margin > 0.0)
}

/// By the angle from cross and scalar product.
fn in_circle(circle: &Circle, point: &SkyPoint) -> Option<bool> {
    decide(circle.radius_deg() * DEGREE - angle(&circle.center().xyz(), &point.xyz()), 1e-14)
}

/// By the azimuths around the two axes of the cross.
fn in_box(sky_box: &SkyBox, point: &SkyPoint) -> Option<bool> {
    let [ahead, east, north] = components(&sky_box.center(), point);
    let across = sky_box.width_deg() * DEGREE / 2.0 - east.atan2(ahead).abs();
    let along = sky_box.height_deg() * DEGREE / 2.0 - north.atan2(ahead).abs();
    // Near the poles of an axis the azimuth around it is ill-defined.
    let reach = ahead.hypot(east).min(ahead.hypot(north));
    decide(across.min(along), 1e-14 / reach.max(1e-16))
}

/// By the sum of the distances to the foci.
fn in_ellipse(ellipse: &Ellipse, point: &SkyPoint) -> Option<bool> {
    let (major, minor) = (ellipse.semi_major_deg() * DEGREE, ellipse.semi_minor_deg() * DEGREE);
    // sin² of half the focal distance, without cancellation: cos(focus) = cos(major) / cos(minor).
    let half = ((major - minor) / 2.0).sin() * ((major + minor) / 2.0).sin() / minor.cos();
    let focus = 2.0 * half.max(0.0).sqrt().min(1.0).asin();
    let [ahead, east, north] = components(&ellipse.center(), point);
    let (sin, cos) = (ellipse.position_angle_deg() * DEGREE).sin_cos();
    let local = [ahead, north * cos + east * sin, east * cos - north * sin];
    let sum = angle(&local, &[focus.cos(), focus.sin(), 0.0]) + angle(&local, &[focus.cos(), -focus.sin(), 0.0]);
    // A flat ellipse hardly changes the sum across its rim.
    let flatness = (minor / major).max(1e-9);
    decide(2.0 * major - sum, 1e-13 + 1e-15 / flatness + major * 1e-12)
}

/// By the turns that the vertices make around the point: once around a point inside, once the other way around the
/// antipode of one.
fn in_polygon(polygon: &Polygon, point: &SkyPoint) -> Option<bool> {
    let vertices = polygon.vertices();
    let nearest = vertices.iter().map(|vertex| angle(&vertex.xyz(), &point.xyz())).fold(PI, f64::min);
    if nearest < 1e-12 {
        return None;
    }
    // Coordinates are rounded to 1e-15: the nearer a vertex, the less its azimuth is known.
    let unsure = 1e-5 + 1e-14 / nearest;
    let azimuths: Vec<f64> = vertices.iter().map(|vertex| azimuth(point, vertex)).collect();
    let mut turns = 0.0;
    for (index, azimuth) in azimuths.iter().enumerate() {
        let step = (azimuths[(index + 1) % azimuths.len()] - azimuth + PI).rem_euclid(TAU) - PI;
        // Half a turn at once: the point is on the edge, or behind it.
        if (step.abs() - PI).abs() < unsure {
            return None;
        }
        turns += step;
    }
    // Azimuths fall where the vertices turn left.
    let inside = if turns_left(vertices) { -1 } else { 1 };
    Some((turns / TAU).round() as i64 == inside)
}

/// Tells whether the side to the left is the smaller one, by the sum of its angles.
fn turns_left(vertices: &[SkyPoint]) -> bool {
    let count = vertices.len();
    let angles = (0..count).map(|index| {
        let (vertex, next) = (&vertices[index], &vertices[(index + 1) % count]);
        (azimuth(vertex, next) - azimuth(vertex, &vertices[(index + count - 1) % count])).rem_euclid(TAU)
    });
    angles.sum::<f64>() - (count as f64 - 2.0) * PI < TAU
}

/// Direction from one point to another, from north through east.
fn azimuth(from: &SkyPoint, to: &SkyPoint) -> f64 {
    let [_, east, north] = components(from, to);
    east.atan2(north)
}

/// Components of a point along the centre, east and north of another.
fn components(center: &SkyPoint, point: &SkyPoint) -> [f64; 3] {
    let (sin_lat, cos_lat) = (center.lat_deg() * DEGREE).sin_cos();
    let (sin_lon, cos_lon) = (center.lon_deg() * DEGREE).sin_cos();
    let axes = [
        [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat],
        [-sin_lon, cos_lon, 0.0],
        [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat],
    ];
    axes.map(|axis| dot(&axis, &point.xyz()))
}

pub(crate) fn angle(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    let cross = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    dot(&cross, &cross).sqrt().atan2(dot(a, b))
}

pub(crate) fn dot(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
