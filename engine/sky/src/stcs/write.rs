//! Which text means this region?
//!
//! Numbers are written with as many digits as tell them from every other number, so that reading gives the same bits.

use crate::point::SkyPoint;
use crate::region::Region;
use std::fmt::Write;

/// Writes a region.
pub(crate) fn write(region: &Region) -> String {
    let mut text = String::new();
    region_into(region, &mut text);
    text
}

fn region_into(region: &Region, text: &mut String) {
    match region {
        Region::Point(point) => shape(text, "Position", &coordinates(point)),
        Region::Circle(circle) => {
            let [lon, lat] = coordinates(&circle.center());
            shape(text, "Circle", &[lon, lat, circle.radius_deg()]);
        }
        Region::Box(sky_box) => {
            let [lon, lat] = coordinates(&sky_box.center());
            shape(text, "Box", &[lon, lat, sky_box.width_deg(), sky_box.height_deg()]);
        }
        Region::Ellipse(ellipse) => {
            let [lon, lat] = coordinates(&ellipse.center());
            let (major, minor) = (ellipse.semi_major_deg(), ellipse.semi_minor_deg());
            shape(text, "Ellipse", &[lon, lat, major, minor, ellipse.position_angle_deg()]);
        }
        Region::Polygon(polygon) => {
            let numbers: Vec<f64> = polygon.vertices().iter().flat_map(coordinates).collect();
            shape(text, "Polygon", &numbers);
        }
        Region::Moc(moc) => {
            let _ = write!(text, "Moc ({})", moc.to_ascii());
        }
        Region::Union(members) => combination(text, "Union", members),
        Region::Intersection(members) => combination(text, "Intersection", members),
        Region::Not(member) => combination(text, "Not", std::slice::from_ref(member)),
        Region::AllSky => text.push_str("AllSky"),
        Region::Empty => text.push_str("Empty"),
    }
}

fn coordinates(point: &SkyPoint) -> [f64; 2] {
    [point.lon_deg(), point.lat_deg()]
}

fn shape(text: &mut String, name: &str, numbers: &[f64]) {
    text.push_str(name);
    text.push_str(" ICRS");
    for number in numbers {
        let plain = *number == 0.0 || (1e-5..1e16).contains(&number.abs());
        let _ = if plain { write!(text, " {number}") } else { write!(text, " {number:e}") };
    }
}

fn combination(text: &mut String, name: &str, members: &[Region]) {
    text.push_str(name);
    text.push_str(" ICRS (");
    for (index, member) in members.iter().enumerate() {
        if index > 0 {
            text.push(' ');
        }
        region_into(member, text);
    }
    text.push(')');
}

#[cfg(test)]
mod tests {
    use crate::region::Region;

    #[test]
    fn text_is_as_it_was_read() {
        for text in [
            "Position ICRS 10.5 -20",
            "Circle ICRS 10 20 1e-9",
            "Box ICRS 359.99999999999994 0 1 2",
            "Ellipse ICRS 1 2 3 2 -45.5",
            "Polygon ICRS 0 0 10 0 0 10",
            "Union ICRS (Circle ICRS 1 2 3 Not ICRS (Moc (3/1-2 7/)))",
            "Intersection ICRS ()",
            "AllSky",
            "Empty",
        ] {
            assert_eq!(Region::from_stcs(text).unwrap().to_stcs(), text);
        }
    }
}
