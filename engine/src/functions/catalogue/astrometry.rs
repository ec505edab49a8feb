//! Which star, over how many years, does a call of the epoch functions mean?
//!
//! `(ra, dec, parallax, pmra, pmdec, radial_velocity, ref_epoch, out_epoch)`, the order of the IVOA and of Gaia. What is
//! not known of a star does not move it: a null motion is 0, and a null parallax the smallest that is told from none.
//!
//! This module must not know any single SQL function.

use datafusion::common::{Result, exec_err};
use sidereus_sky::{Astrometry, propagate};

use super::super::arguments::{Arguments, Numbers};
use super::super::form::Argument;

/// The smallest parallax that says something of the distance, in milliarcseconds; as in pgSphere.
pub(crate) const LEAST_PARALLAX_MAS: f64 = 1e-4;

/// The arguments of the epoch functions.
pub(crate) const STAR: [Argument; 8] = [Argument::Number; 8];

const NAMES: [&str; 8] = ["ra", "dec", "parallax", "pmra", "pmdec", "radial_velocity", "ref_epoch", "out_epoch"];

/// A star and two epochs a row.
#[derive(Debug)]
pub(crate) struct Stars<'a> {
    arguments: &'a Arguments,
    columns: [Numbers<'a>; 8],
}

impl<'a> Stars<'a> {
    /// Reads the eight arguments.
    ///
    /// *Errors*: a position or an epoch that is null as a constant: nothing can be said without it.
    pub(crate) fn take(arguments: &'a Arguments) -> Result<Self> {
        let mut columns = [Numbers::Constant(None); 8];
        for (index, column) in columns.iter_mut().enumerate() {
            *column = arguments.number(index)?;
            if matches!(column, Numbers::Constant(None)) && matches!(index, 0 | 1 | 6 | 7) {
                return exec_err!("{} is null: a position and two epochs are needed", NAMES[index]);
            }
        }
        Ok(Self { arguments, columns })
    }

    /// The star of a row at the new epoch; `None` where its position or an epoch is missing, or a number is none.
    ///
    /// *Errors*: the same in constants.
    pub(crate) fn moved(&self, row: usize) -> Result<Option<Astrometry>> {
        let known = |index: usize| self.columns[index].get(row);
        let (Some(ra_deg), Some(dec_deg), Some(from), Some(to)) = (known(0), known(1), known(6), known(7)) else {
            return Ok(None);
        };
        let parallax = known(2).filter(|parallax| *parallax > LEAST_PARALLAX_MAS || !parallax.is_finite());
        let star = Astrometry {
            ra_deg,
            dec_deg,
            parallax_mas: parallax.unwrap_or(LEAST_PARALLAX_MAS),
            pmra_masyr: known(3).unwrap_or(0.0),
            pmdec_masyr: known(4).unwrap_or(0.0),
            rv_kms: known(5).unwrap_or(0.0),
        };
        self.arguments.settle(propagate(&star, to - from))
    }

    /// The parallax of a row as it was given.
    pub(crate) fn parallax(&self, row: usize) -> Option<f64> {
        self.columns[2].get(row)
    }
}
