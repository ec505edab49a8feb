//! What can be wrong with a geometry?
//!
//! One enum; each variant says what the caller can do about it. Messages name the value and what was expected. Knows
//! nothing of queries: whoever has the user's text adds line and column.

use thiserror::Error;

/// An error of this crate.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum SkyError {
    /// A longitude is infinite or not a number.
    #[error("longitude {0} is not a finite number of degrees")]
    Longitude(f64),
    /// A latitude is outside -90..=90 degrees.
    #[error("latitude {0} is outside -90 to 90 degrees")]
    Latitude(f64),
    /// A radius is negative, above 180 degrees or not a number.
    #[error("radius {0} is outside 0 to 180 degrees")]
    Radius(f64),
    /// A width, height, axis or angle is out of its range.
    #[error("{what} {value} is outside {expected}")]
    Extent {
        /// The name of the quantity.
        what: &'static str,
        /// The value given.
        value: f64,
        /// The allowed range in words.
        expected: &'static str,
    },
    /// A vector has no direction.
    #[error("vector ({0}, {1}, {2}) has no direction")]
    Direction(f64, f64, f64),
    /// A polygon has fewer than three distinct vertices.
    #[error("polygon has {0} distinct vertices, expected at least 3")]
    TooFewVertices(usize),
    /// Two consecutive vertices of a polygon are antipodes, so that no shorter arc joins them.
    #[error("polygon vertices {0} and {1} are opposite points of the sphere, the edge between them is undefined")]
    AntipodalEdge(usize, usize),
    /// Two edges of a polygon cross.
    #[error("polygon edges {0} and {1} cross, expected a simple polygon")]
    CrossingEdges(usize, usize),
    /// A polygon has no interior, or its edges split the sphere in two halves.
    #[error("polygon encloses no definite area: {0}")]
    DegeneratePolygon(&'static str),
    /// A HEALPix order is above 29.
    #[error("healpix order {0} is outside 0 to 29")]
    Order(i64),
    /// A HEALPix cell number does not exist at its order.
    #[error("healpix cell {npix} does not exist at order {order}, expected a number below {limit}")]
    Npix {
        /// The order of the cell.
        order: u8,
        /// The number given.
        npix: u64,
        /// The number of cells of the order.
        limit: u64,
    },
    /// Text is no region.
    #[error("at character {position} of the region: {message}")]
    Parse {
        /// Offset in bytes, from 0.
        position: usize,
        /// What was found and expected.
        message: String,
    },
    /// A MOC file or string cannot be read.
    #[error("not a readable MOC: {0}")]
    Moc(String),
    /// A frame is not known.
    #[error("unknown frame {0}, expected one of ICRS, GALACTIC, ECLIPTIC, FK5, FK4, SUPERGALACTIC")]
    UnknownFrame(String),
    /// The operation is not defined for this kind of region.
    #[error("{0}")]
    Unsupported(String),
    /// A relation between two regions could not be decided within the bounds of work and precision.
    #[error("whether the regions {0} could not be decided: their borders run along each other")]
    Undecided(&'static str),
}
