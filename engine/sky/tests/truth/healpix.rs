//! Cell numbers and centres.

use crate::files::{Row, integer, number, rows};
use sidereus_sky::{Cell, Order, center, hash, hash29, separation_deg};

#[test]
fn nested_numbers_agree_at_every_order() {
    let Some(rows) = rows("healpix_nested.csv.gz") else { return };
    for row in &rows {
        let (ra, dec) = (number(row, "ra_deg"), number(row, "dec_deg"));
        for order in 0..=29 {
            let expected = integer(row, &format!("n{order}"));
            assert_eq!(hash(Order::new(order).unwrap(), ra, dec).unwrap(), expected, "{ra} {dec} order {order}");
        }
        assert_eq!(hash29(ra, dec).unwrap(), integer(row, "n29"));
    }
}

#[test]
fn on_borders_one_of_the_libraries_agrees() {
    let Some(rows) = rows("healpix_boundary.csv.gz") else { return };
    for row in &rows {
        let order = Order::try_from(integer(row, "order") as i64).unwrap();
        let (ra, dec) = (number(row, "ra_deg"), number(row, "dec_deg"));
        let own = hash(order, ra, dec).unwrap();
        let accepted = ["healpy", "cdshealpix", "astropy_healpix"].map(|library| integer(row, library));
        assert!(accepted.contains(&own), "{ra} {dec} order {}: {own} not in {accepted:?}", order.get());
    }
}

#[test]
fn centres_agree() {
    let Some(rows) = rows("healpix_centers.csv") else { return };
    let worst = rows.iter().map(distance).fold(0.0, f64::max);
    println!("{} centres, worst {worst:.1e} deg", rows.len());
    assert!(worst < 1e-12);
}

fn distance(row: &Row) -> f64 {
    let order = Order::try_from(integer(row, "order") as i64).unwrap();
    let point = center(Cell::new(order, integer(row, "nested_pix")).unwrap());
    separation_deg(point.lon_deg(), point.lat_deg(), number(row, "ra_deg"), number(row, "dec_deg"))
}
