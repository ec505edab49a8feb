//! Which region does this text mean, and which text means this region?
//!
//! A subset of STC-S, the forms of DALI, and the reader's and writer's own words for what neither can say. Sizes of
//! shapes are in degrees. Text comes from anywhere: reading is linear in its length and bounded in depth.
//!
//! ```text
//! region    = shape | Union frame (region ..) | Intersection frame (region ..) | Not frame (region)
//!           | Difference frame (region region) | AllSky | Empty | Moc (ascii) | numbers
//! shape     = Position frame lon lat            | Circle frame lon lat radius
//!           | Box frame lon lat width height    | Ellipse frame lon lat major minor angle
//!           | Polygon frame lon lat lon lat lon lat ..
//! frame     = [ICRS | FK5 | FK4 | GALACTIC | ..] [reference position] [SPHERICAL2]
//! ```

mod frame;
mod read;
mod words;
mod write;

pub(crate) use read::read;
pub(crate) use write::write;
