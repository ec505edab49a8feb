//! Do two regions meet, and does one hold the other?
//!
//! To be replaced.
use crate::error::SkyError;
use crate::region::Region;

impl Region {
    /// Tells whether a region is wholly inside this one.
    pub fn contains_region(&self, inner: &Self) -> Result<bool, SkyError> {
        match inner {
            Self::Point(point) => Ok(self.contains(point)),
            _ => Err(SkyError::Undecided("contain each other")),
        }
    }

    /// Tells whether two regions have a point in common.
    pub fn intersects(&self, other: &Self) -> Result<bool, SkyError> {
        match (self, other) {
            (Self::Point(point), region) | (region, Self::Point(point)) => Ok(region.contains(point)),
            _ => Err(SkyError::Undecided("meet")),
        }
    }
}
