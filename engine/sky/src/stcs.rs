//! placeholder
use crate::error::SkyError;
use crate::region::Region;

pub(crate) fn write(region: &Region) -> String {
    format!("{region:?}")
}

pub(crate) fn read(text: &str) -> Result<Region, SkyError> {
    Err(SkyError::Parse { position: 0, message: text.to_owned() })
}
