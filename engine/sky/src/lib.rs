//! Spherical geometry and HEALPix coverage for sky catalogs.
//!
//! Answers: is this position in that region, how far apart are two positions, which HEALPix cells can hold the rows
//! of a region, where is a star at another epoch or in another frame? It knows no table, no query and no file: text
//! and bytes are handed in. Angles at the public edge are degrees unless a type says otherwise.
//!
//! ```
//! use sidereus_sky::{Circle, Region, coverage};
//!
//! let region = Region::Circle(Circle::from_degrees(10.0, 20.0, 0.5)?);
//! let cover = coverage(&region, 64);
//! let key = sidereus_sky::hash29(10.1, 20.1)?;
//! assert!(cover.intersects(key, key + 1));
//! # Ok::<(), sidereus_sky::SkyError>(())
//! ```

mod angle;
mod box_;
mod bvh;
mod cell_relation;
mod circle;
mod common;
mod coverage;
mod edge;
mod ellipse;
mod epoch;
mod error;
mod fast_circle;
mod frames;
mod healpix;
mod moc;
mod point;
mod polygon;
mod prepared;
mod region;
mod relation;
mod rim;
mod small_disc;
mod stcs;
mod vector;

pub use angle::{Arcsec, Degrees, Radians};
pub use box_::SkyBox;
pub use circle::Circle;
pub use coverage::{Coverage, CoverageRange, cells_around, coverage};
pub use ellipse::Ellipse;
pub use epoch::{Astrometry, propagate};
pub use error::SkyError;
pub use frames::{Frame, rotate, transform};
pub use healpix::{Cell, CellRange, Order, center, hash, hash29, neighbours};
pub use moc::Moc;
pub use point::{SkyPoint, separation_deg};
pub use polygon::Polygon;
pub use prepared::PreparedRegion;
pub use region::Region;
pub use rim::keys_around;
pub use small_disc::SmallDiscs;
