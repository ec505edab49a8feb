//! The rigorous columns of the table of epochs.

use crate::files::{number, rows};
use sidereus_sky::{Astrometry, propagate, separation_deg};

/// Positions are printed with 12 decimals of a degree; half of the last is 1.8e-6 mas.
const PRINTED_MAS: f64 = 0.5e-12 * 3.6e6;

#[test]
fn rigorous_motion_agrees() {
    let Some(rows) = rows("epoch_prop.csv") else { return };
    let mut worst = [0.0_f64; 5];
    for row in &rows {
        let star = Astrometry {
            ra_deg: number(row, "ra0"),
            dec_deg: number(row, "dec0"),
            parallax_mas: number(row, "plx0_mas"),
            pmra_masyr: number(row, "pmra0"),
            pmdec_masyr: number(row, "pmdec0"),
            rv_kms: number(row, "rv0_kms"),
        };
        let moved = propagate(&star, number(row, "epoch1") - number(row, "epoch0")).unwrap();
        let (ra, dec) = (number(row, "rig_ra"), number(row, "rig_dec"));
        let errors = [
            separation_deg(moved.ra_deg, moved.dec_deg, ra, dec) * 3.6e6,
            moved.parallax_mas - number(row, "rig_plx"),
            moved.pmra_masyr - number(row, "rig_pmra"),
            moved.pmdec_masyr - number(row, "rig_pmdec"),
            moved.rv_kms - number(row, "rig_rv"),
        ];
        for (worst, error) in worst.iter_mut().zip(errors) {
            *worst = worst.max(error.abs());
        }
    }
    println!("{} rows, worst position (mas), parallax, pmra, pmdec, rv: {worst:?}", rows.len());
    assert!(worst[0] < 1e-6 + 1.5 * PRINTED_MAS, "position {}", worst[0]);
    assert!(worst[1..].iter().all(|error| *error < 2e-9 + 0.5e-9), "{worst:?}");
}
