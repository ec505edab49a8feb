//! Where do a call's positions lie, whether they came as points or as pairs of numbers?
//!
//! This module must not know any SQL function.

use datafusion::common::Result;

use super::arguments::{Arguments, Geometries, Numbers};

/// A position a row.
#[derive(Debug)]
pub(crate) enum Positions<'a> {
    /// From two numbers, longitude and latitude in degrees.
    Numbers(Numbers<'a>, Numbers<'a>),
    /// From a point.
    Points(Geometries),
}

impl<'a> Positions<'a> {
    /// Reads the position that starts at argument `index`, and tells the index of the argument after it.
    pub(crate) fn take(arguments: &'a Arguments, index: usize) -> Result<(Self, usize)> {
        if arguments.is_number(index) {
            let position = Self::Numbers(arguments.number(index)?, arguments.number(index + 1)?);
            return Ok((position, index + 2));
        }
        Ok((Self::Points(arguments.geometry(index)?), index + 1))
    }

    /// Longitude and latitude of a row as they were given; `None` where one is null.
    ///
    /// *Guarantee*: a point is a position; numbers can be anything, see [`super::geometry_type::is_position`].
    #[inline]
    pub(crate) fn get(&self, row: usize) -> Option<(f64, f64)> {
        match self {
            Self::Numbers(lon, lat) => lon.get(row).zip(lat.get(row)),
            Self::Points(points) => points.position(row),
        }
    }
}
