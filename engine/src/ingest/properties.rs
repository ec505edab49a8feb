//! What does a catalog say about itself?
//!
//! The text of `hats.properties`: `key=value` lines, lists separated by spaces. Keys that this module sets cannot be
//! overridden by the options' further properties.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use arrow::temporal_conversions::timestamp_s_to_datetime;

use super::failure::bad_input;
use super::keys::KEY_COLUMN;
use super::options::WriteOptions;
use crate::catalog::CatalogKind;
use crate::error::EngineError;
use crate::integrity::MANIFEST;

/// What is known only once all rows are written.
#[derive(Debug)]
pub(super) struct Summary {
    /// Rows.
    pub(super) rows: u64,
    /// Deepest order of a partition.
    pub(super) order: u8,
    /// Order of the row-count map.
    pub(super) skymap_order: u8,
    /// Part of the sky that holds rows.
    pub(super) sky_fraction: f64,
    /// Bytes of the Parquet files.
    pub(super) bytes: u64,
}

/// The value of `dataproduct_type`.
///
/// *Errors*: a kind whose layout is another one.
pub(super) fn product_type(kind: CatalogKind) -> Result<&'static str, EngineError> {
    match kind {
        CatalogKind::Object => Ok("object"),
        CatalogKind::Source => Ok("source"),
        CatalogKind::Association | CatalogKind::Map | CatalogKind::Plain => {
            Err(bad_input(format!("a catalog of kind {kind:?} cannot be written, expected Object or Source")))
        }
    }
}

/// The text of the properties file.
pub(super) fn properties(options: &WriteOptions, summary: &Summary) -> Result<String, EngineError> {
    let mut further: BTreeMap<&str, &str> =
        options.properties.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let mut text = String::from("#HATS catalog\n");
    for (key, value) in own_entries(options, summary)? {
        further.remove(key);
        push_line(&mut text, key, &value);
    }
    for (key, value) in further {
        push_line(&mut text, key, value);
    }
    Ok(text)
}

fn own_entries(options: &WriteOptions, summary: &Summary) -> Result<Vec<(&'static str, String)>, EngineError> {
    let mut entries = vec![
        ("obs_collection", options.name.clone()),
        ("dataproduct_type", product_type(options.kind)?.to_owned()),
        ("hats_nrows", summary.rows.to_string()),
        ("hats_col_ra", options.positions.ra.clone()),
        ("hats_col_dec", options.positions.dec.clone()),
        ("hats_col_healpix", KEY_COLUMN.to_owned()),
        ("hats_col_healpix_order", "29".to_owned()),
        ("hats_npix_suffix", ".parquet".to_owned()),
        ("hats_order", summary.order.to_string()),
        ("hats_max_rows", options.rows_per_partition.to_string()),
        ("hats_skymap_order", summary.skymap_order.to_string()),
        ("moc_sky_fraction", format!("{:.6}", summary.sky_fraction)),
        ("hats_estsize", (summary.bytes / 1024).to_string()),
    ];
    entries.extend(own_provenance());
    if !options.default_columns.is_empty() {
        entries.push(("hats_cols_default", options.default_columns.join(" ")));
    }
    if let Some(description) = &options.description {
        entries.push(("obs_description", description.clone()));
    }
    Ok(entries)
}

/// Who wrote it, when, and how it can be checked.
fn own_provenance() -> [(&'static str, String); 4] {
    [
        ("hats_builder", format!("sidereus {}", env!("CARGO_PKG_VERSION"))),
        ("hats_creation_date", creation_date()),
        ("hats_version", "v1.0".to_owned()),
        ("sidereus_manifest", MANIFEST.to_owned()),
    ]
}

/// Adds who wrote it, when, and how it can be checked.
pub(super) fn provenance(text: &mut String) {
    for (key, value) in own_provenance() {
        push_line(text, key, &value);
    }
}

/// Adds one entry, on one line.
pub(super) fn push_line(text: &mut String, key: &str, value: &str) {
    let one_line = value.split(['\r', '\n']).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    text.push_str(&format!("{key}={one_line}\n"));
}

fn creation_date() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    let moment = i64::try_from(seconds).ok().and_then(timestamp_s_to_datetime).unwrap_or_default();
    moment.format("%Y-%m-%dT%H:%MUTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> Summary {
        Summary { rows: 7, order: 2, skymap_order: 4, sky_fraction: 0.5, bytes: 4096 }
    }

    #[test]
    fn values_stay_on_their_line_and_own_keys_win() {
        let mut options = WriteOptions::new("stars");
        options.description = Some("two\nlines\r\nhere".to_owned());
        options.properties.insert("hats_nrows".to_owned(), "999".to_owned());
        options.properties.insert("obs_regime".to_owned(), "Optical".to_owned());
        let text = properties(&options, &summary()).unwrap();
        assert!(text.starts_with("#HATS catalog\nobs_collection=stars\ndataproduct_type=object\nhats_nrows=7\n"));
        assert!(text.contains("\nobs_description=two lines here\n"));
        assert!(text.ends_with("\nobs_regime=Optical\n"));
        assert!(!text.contains("999"));
    }

    #[test]
    fn kinds_of_other_layout_are_refused() {
        assert!(product_type(CatalogKind::Association).is_err());
        assert!(product_type(CatalogKind::Plain).is_err());
    }
}
