//! How is a constant region made ready for many points, once?

use datafusion::common::Result;
use sidereus_sky::PreparedRegion;

use super::arguments::Geometries;

/// The prepared form of a constant geometry; `None` where it is null.
///
/// *Errors*: a constant that describes no geometry.
pub(crate) fn prepared(region: &Geometries) -> Result<Option<PreparedRegion>> {
    Ok(region.region(0)?.map(|region| region.prepare()))
}
