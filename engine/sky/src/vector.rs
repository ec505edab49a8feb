//! Arithmetic of three numbers.
//!
//! Plain functions over `[f64; 3]`; knows nothing of angles, frames or the sphere beyond unit length.

/// Three Cartesian components.
pub(crate) type Vector = [f64; 3];

/// Scalar product.
pub(crate) fn dot(a: &Vector, b: &Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Vector product.
pub(crate) fn cross(a: &Vector, b: &Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// Twice the vector product of two unit vectors, accurate relative to its length even where they nearly coincide.
pub(crate) fn stable_cross(a: &Vector, b: &Vector) -> Vector {
    cross(&add(a, b), &sub(b, a))
}

/// Sum.
pub(crate) fn add(a: &Vector, b: &Vector) -> Vector {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// Difference.
pub(crate) fn sub(a: &Vector, b: &Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// Product with a number.
pub(crate) fn scale(a: &Vector, factor: f64) -> Vector {
    [a[0] * factor, a[1] * factor, a[2] * factor]
}

/// The opposite vector.
pub(crate) fn negate(a: &Vector) -> Vector {
    [-a[0], -a[1], -a[2]]
}

/// Length.
pub(crate) fn norm(a: &Vector) -> f64 {
    dot(a, a).sqrt()
}

/// The unit vector of the same direction; `None` where there is no direction.
pub(crate) fn normalize(a: &Vector) -> Option<Vector> {
    let largest = a[0].abs().max(a[1].abs()).max(a[2].abs());
    // The maximum passes over what is not a number, the products do not.
    if !(largest > 0.0 && (a[0] * 0.0 + a[1] * 0.0 + a[2] * 0.0).is_finite()) {
        return None;
    }
    let scaled = [a[0] / largest, a[1] / largest, a[2] / largest];
    let length = norm(&scaled);
    Some(scale(&scaled, 1.0 / length))
}

/// Angle in radians between two unit vectors, accurate at 0 and at π.
pub(crate) fn angle_between(a: &Vector, b: &Vector) -> f64 {
    2.0 * norm(&sub(a, b)).atan2(norm(&add(a, b)))
}

/// Some unit vector at right angles to a unit vector.
pub(crate) fn any_perpendicular(a: &Vector) -> Vector {
    let axis = if a[2].abs() < 0.6 { [0.0, 0.0, 1.0] } else { [1.0, 0.0, 0.0] };
    normalize(&cross(&axis, a)).unwrap_or([0.0, 1.0, 0.0])
}

/// A 3 by 3 matrix, by rows.
pub(crate) type Matrix = [Vector; 3];

/// Matrix times vector.
pub(crate) fn apply(matrix: &Matrix, vector: &Vector) -> Vector {
    [dot(&matrix[0], vector), dot(&matrix[1], vector), dot(&matrix[2], vector)]
}

/// Transposed matrix: the inverse of a rotation.
pub(crate) fn transpose(matrix: &Matrix) -> Matrix {
    let [a, b, c] = matrix;
    [[a[0], b[0], c[0]], [a[1], b[1], c[1]], [a[2], b[2], c[2]]]
}

/// Matrix product.
pub(crate) fn multiply(left: &Matrix, right: &Matrix) -> Matrix {
    let columns = transpose(right);
    left.map(|row| [dot(&row, &columns[0]), dot(&row, &columns[1]), dot(&row, &columns[2])])
}
