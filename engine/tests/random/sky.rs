//! Separations, by another formula than the engine's: from the vector and the scalar product.

/// Degrees nearer to a border than which nothing is said.
pub(crate) const BLURRED_DEG: f64 = 1e-9;

fn vector((lon, lat): (f64, f64)) -> [f64; 3] {
    let (lon, lat) = (lon.to_radians(), lat.to_radians());
    [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Degrees between two positions.
pub(crate) fn separation(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (a, b) = (vector(a), vector(b));
    let normal = cross(a, b);
    dot(normal, normal).sqrt().atan2(dot(a, b)).to_degrees()
}

/// The position at a distance and azimuth from another.
pub(crate) fn offset(from: (f64, f64), azimuth: f64, distance: f64) -> (f64, f64) {
    let ((sin_lon, cos_lon), (sin_lat, cos_lat)) = (from.0.to_radians().sin_cos(), from.1.to_radians().sin_cos());
    let (center, north) = (vector(from), [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat]);
    let east = [-sin_lon, cos_lon, 0.0];
    let ((to_east, to_north), (away, along)) = (azimuth.to_radians().sin_cos(), distance.to_radians().sin_cos());
    let [x, y, z] = [0, 1, 2].map(|axis| center[axis] * along + (north[axis] * to_north + east[axis] * to_east) * away);
    (y.atan2(x).to_degrees().rem_euclid(360.0) % 360.0, z.atan2(x.hypot(y)).to_degrees())
}

/// Degrees by which a position lies within a convex polygon whose corners turn one way; negative outside.
pub(crate) fn depth(corners: &[(f64, f64)], at: (f64, f64)) -> f64 {
    let (at, count) = (vector(at), corners.len());
    let center = corners
        .iter()
        .map(|corner| vector(*corner))
        .fold([0.0; 3], |sum, v| [sum[0] + v[0], sum[1] + v[1], sum[2] + v[2]]);
    let edges = (0..count).map(|index| {
        let normal = cross(vector(corners[index]), vector(corners[(index + 1) % count]));
        let length = dot(normal, normal).sqrt();
        let side = if dot(normal, center) < 0.0 { -1.0 } else { 1.0 };
        (side * dot(normal, at) / length).asin().to_degrees()
    });
    edges.fold(f64::INFINITY, f64::min)
}

/// Where a star is after some years that moves in a straight line: tangential motions in degrees a year, and by which part
/// of its distance it goes away in a year.
pub(crate) fn moved_in_space(from: (f64, f64), (east, north): (f64, f64), away: f64, years: f64) -> (f64, f64) {
    let ((sin_lon, cos_lon), (sin_lat, cos_lat)) = (from.0.to_radians().sin_cos(), from.1.to_radians().sin_cos());
    let to_north = [-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat];
    let to_east = [-sin_lon, cos_lon, 0.0];
    let (east, north, ahead) = (east.to_radians() * years, north.to_radians() * years, 1.0 + away * years);
    let at = vector(from);
    let [x, y, z] = [0, 1, 2].map(|axis| at[axis] * ahead + to_east[axis] * east + to_north[axis] * north);
    (y.atan2(x).to_degrees().rem_euclid(360.0) % 360.0, z.atan2(x.hypot(y)).to_degrees())
}
