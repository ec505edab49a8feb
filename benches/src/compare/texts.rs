//! How is Sidereus asked?

use serde_json::{Value, json};

use super::protocol::{Kind, Probe, Request};
use crate::error::BenchError;
use crate::run::catalog::Catalog;

/// Columns of a search's answer.
const COLUMNS: &str = "source_id, ra, dec, phot_g_mean_mag";

/// A query of each kind, with `{0}`, `{1}`... for what changes.
#[derive(Debug, Clone)]
pub(crate) struct Texts {
    texts: Value,
}

impl Texts {
    /// Over a catalog and the second table.
    pub(crate) fn new(catalog: &Catalog, second: &Catalog) -> Self {
        let Catalog { table, key, .. } = catalog;
        let near = "DISTANCE(s.ra, s.dec, c.ra, c.dec)";
        let texts = json!({
            "cone": format!("SELECT {{0}} FROM {table} WHERE 1 = CONTAINS(POINT(ra, dec), CIRCLE({{1}}, {{2}}, {{3}}))"),
            "polygon": format!("SELECT {{0}} FROM {table} WHERE 1 = CONTAINS(POINT(ra, dec), POLYGON({{1}}))"),
            "identifier": format!("SELECT {{0}} FROM {table} WHERE source_id = {{1}}"),
            "scan": format!(
                "SELECT COUNT(*) AS n, AVG(bp_rp) AS mean, MIN(phot_g_mean_mag) AS faint_limit, MAX(parallax) AS nearest \
                 FROM {table} WHERE phot_g_mean_mag BETWEEN 15 AND 18 AND bp_rp > 0.8 AND parallax > 1"
            ),
            "density": format!(
                "SELECT {key} / {{0}} AS cell, COUNT(*) AS n, AVG(phot_g_mean_mag) AS mean FROM {table} GROUP BY {key} / {{0}}"
            ),
            "crossmatch": format!(
                "SELECT c.id, n.source_id, n.separation FROM {} AS c JOIN LATERAL (\
                 SELECT s.source_id, {near} AS separation FROM {table} AS s WHERE {near} < {{0}} ORDER BY {near} LIMIT 1) \
                 AS n ON true",
                second.table
            ),
            "export": format!("SELECT {{0}} FROM {table}"),
        });
        Self { texts }
    }

    /// The texts by kind.
    pub(crate) fn as_json(&self) -> Value {
        self.texts.clone()
    }

    /// The text of searches like this with `?` for what changes; a polygon's vertices are no parameters.
    pub(crate) fn to_prepare(&self, probe: &Probe) -> Option<String> {
        let unknown = || "?".to_owned();
        match probe {
            Probe::Cone { .. } => Some(self.fill("cone", &[COLUMNS.to_owned(), unknown(), unknown(), unknown()])),
            Probe::Identifier { .. } => Some(self.fill("identifier", &[COLUMNS.to_owned(), unknown()])),
            Probe::Polygon { .. } => None,
        }
    }

    fn fill(&self, kind: &str, values: &[String]) -> String {
        let mut text = self.texts[kind].as_str().unwrap_or_default().to_owned();
        for (number, value) in values.iter().enumerate() {
            text = text.replace(&format!("{{{number}}}"), value);
        }
        text
    }

    /// The text of a search.
    pub(crate) fn of_probe(&self, probe: &Probe) -> String {
        match probe {
            Probe::Cone { ra, dec, radius_deg, .. } => {
                self.fill("cone", &[COLUMNS.to_owned(), ra.to_string(), dec.to_string(), radius_deg.to_string()])
            }
            Probe::Polygon { vertices, .. } => {
                let vertices: Vec<String> = vertices.iter().map(|(ra, dec)| format!("{ra}, {dec}")).collect();
                self.fill("polygon", &[COLUMNS.to_owned(), vertices.join(", ")])
            }
            Probe::Identifier { source_id } => self.fill("identifier", &[COLUMNS.to_owned(), source_id.to_string()]),
        }
    }

    /// The text of a task over the whole table.
    ///
    /// *Errors*: a task that is no query.
    pub(crate) fn of_whole(&self, request: &Request) -> Result<String, BenchError> {
        let order = |order: u8| (1_u64 << (2 * (29 - u32::from(order.min(29))))).to_string();
        Ok(match (request.kind, request.order, request.radius_deg) {
            (Kind::Scan, ..) => self.fill("scan", &[]),
            (Kind::Density, Some(cells), _) => self.fill("density", &[order(cells)]),
            (Kind::Crossmatch, _, Some(radius)) => self.fill("crossmatch", &[radius.to_string()]),
            (Kind::Export, ..) => {
                let columns: Vec<String> = request.columns.iter().map(|name| format!("\"{name}\"")).collect();
                self.fill("export", &[columns.join(", ")])
            }
            (kind, ..) => return Err(BenchError::Argument(format!("{kind:?} is not asked like this"))),
        })
    }
}
