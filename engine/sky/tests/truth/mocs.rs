//! MOC files in every form, and the algebra of MOCs.

use crate::files::shared;
use serde_json::Value;
use sidereus_sky::Moc;

#[test]
fn every_form_of_every_moc_agrees() {
    let Some(truth) = truth() else { return };
    for (name, expected) in truth["items"].as_object().unwrap() {
        let Some(forms) = forms(name) else { return };
        for (form, moc) in forms {
            assert_eq!(moc.ranges().len() as u64, expected["n_ranges"].as_u64().unwrap(), "{name} {form}");
            assert_eq!(digest(&moc), expected["ranges29_sha256_16"].as_str().unwrap(), "{name} {form}");
            assert!((moc.sky_fraction() - expected["sky_fraction"].as_f64().unwrap()).abs() < 1e-15, "{name} {form}");
            assert_eq!(u64::from(moc.max_order().get()), expected["max_order"].as_u64().unwrap(), "{name} {form}");
            assert_eq!(moc.cells().count() as u64, expected["n_cells_uniq"].as_u64().unwrap(), "{name} {form}");
            assert_eq!(Moc::from_ascii(&moc.to_ascii()).unwrap(), moc, "{name} {form}");
        }
    }
}

#[test]
fn the_algebra_agrees() {
    if truth().is_none() {
        return;
    }
    let moc = |name: &str| forms(name).unwrap().remove(0).1;
    let (cone, openngc, ring) = (moc("cone_o10"), moc("openngc_o6"), moc("ring_o8"));
    assert_eq!(cone.union(&openngc).ranges(), moc("union_cone_openngc").ranges());
    assert_eq!(ring.intersection(&openngc).ranges(), moc("intersection_ring_openngc").ranges());
    assert_eq!(openngc.complement().ranges(), moc("complement_openngc").ranges());
    assert_eq!(cone.difference(&ring).ranges(), moc("difference_cone_ring").ranges());
}

#[test]
fn files_of_others_are_read_or_refused() {
    let Some(folder) = shared("data/moc") else { return };
    let bytes = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let server = Moc::from_fits(&bytes("cds_mocserver_moc.fits")).unwrap();
    assert_eq!(server.max_order().get(), 29);
    assert!(server.sky_fraction() > 0.0);
    let glimpse = String::from_utf8(bytes("glimpse.moc.json")).unwrap();
    assert!(Moc::from_json(&glimpse).unwrap().sky_fraction() > 0.0);
    for name in ["hats_skymap_test.fits", "skymap.gaiadr3.depth6.fits"] {
        assert!(Moc::from_fits(&bytes(name)).unwrap_err().to_string().contains("NESTED"), "{name}");
    }
}

#[test]
fn damaged_files_are_refused_without_panic() {
    let Some(folder) = shared("data/moc") else { return };
    let whole = std::fs::read(folder.join("npole_cap_o9.fits")).unwrap();
    for length in (0..whole.len()).step_by(97) {
        let _ = Moc::from_fits(&whole[..length]);
    }
    for (at, byte) in (0..whole.len()).step_by(3).flat_map(|at| [b'9', b'-', 0xff, b' '].map(|byte| (at, byte))) {
        let mut damaged = whole.clone();
        damaged[at] = byte;
        if let Ok(moc) = Moc::from_fits(&damaged) {
            assert!(moc.sky_fraction() <= 1.0);
        }
    }
}

fn truth() -> Option<Value> {
    let path = shared("truth/dev/moc.json")?;
    Some(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

fn forms(name: &str) -> Option<Vec<(&'static str, Moc)>> {
    let folder = shared("data/moc")?;
    let text = |suffix: &str| std::fs::read_to_string(folder.join(format!("{name}.{suffix}"))).unwrap();
    let fits = std::fs::read(folder.join(format!("{name}.fits"))).unwrap();
    Some(vec![
        ("fits", Moc::from_fits(&fits).unwrap()),
        ("ascii", Moc::from_ascii(&text("txt")).unwrap()),
        ("json", Moc::from_json(&text("json")).unwrap()),
    ])
}

fn digest(moc: &Moc) -> String {
    use sha2::Digest;
    let ranges: Vec<String> = moc.ranges().iter().map(|range| format!("{}-{}", range.start, range.end)).collect();
    let hash = sha2::Sha256::digest(ranges.join(","));
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
