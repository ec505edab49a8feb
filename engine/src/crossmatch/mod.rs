//! Which rows of two tables are neighbours on the sky?
//!
//! ```text
//!  Join, filter: DISTANCE(a.ra, a.dec, b.ra, b.dec) < r          joins.rs, after the optimizer
//!  Join LATERAL (.. ORDER BY .. LIMIT k)                         lateral.rs, before decorrelation
//!      -> CrossmatchNode -> CrossmatchExec                       node.rs, planner.rs, exec.rs
//!           one side in memory                                   neighbours.rs
//!             filed under the cells around each row              cells.rs, for one small radius
//!             in zones of declination                            zones.rs, for any
//!           a radius that depends on both sides           reach.rs
//!           pairs near enough -> the whole condition -> rows     pairs.rs; the best k of each row: nearest.rs, partners.rs
//!           two large catalogs: one partition after the other    paired.rs
//! ```
//! These only propose pairs, never too few; the condition of the join decides on each of them, so the answer is that
//! of the nested loop that compares all pairs. A condition that does not say that two positions are near each other
//! stays DataFusion's join.
//!
//! This module must not know catalogs.

mod cells;
mod exec;
mod filter;
mod input;
mod joins;
mod lateral;
mod narrow;
mod nearest;
mod neighbours;
mod node;
mod output;
mod paired;
mod pairs;
mod partners;
mod planner;
mod reach;
mod zones;

pub(crate) use exec::CrossmatchExec;
pub(crate) use lateral::NearestInLateral;
pub(crate) use planner::SkyPlanner;
