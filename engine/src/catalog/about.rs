//! What does a catalog say of itself beside its rows: in which frame are its positions, and whom to cite for it?
//!
//! The properties of a HATS catalog know an acknowledgement and a reference, the operator's configuration adds to them or says
//! otherwise. Positions of a HATS catalog are ICRS by its standard; those of another table are in a frame that is told, or in
//! none.

use arrow::datatypes::Field;

use super::properties::Properties;
use super::{CatalogMetadata, PositionColumns};

/// Frame and epoch of the positions, and the origin of the rows; `None` is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct About {
    /// `ICRS` or `FK5` (at equinox J2000); positions are searched as ICRS.
    pub frame: Option<String>,
    /// Julian or Besselian year of the positions, such as `J2016.0`.
    pub epoch: Option<String>,
    /// How to cite it, for people.
    pub citation: Option<String>,
    /// Its digital object identifier, such as `10.5270/esa-qa4lep3`.
    pub doi: Option<String>,
    /// Bibliographic code or address of the article that describes it.
    pub bib_reference: Option<String>,
    /// Page about it.
    pub reference_url: Option<String>,
    /// Words of thanks that its makers ask for.
    pub acknowledgement: Option<String>,
    /// Who holds the rights, and the licence.
    pub rights: Option<String>,
    /// Its identifier in the Virtual Observatory.
    pub ivoid: Option<String>,
}

impl About {
    /// By the names that DataOrigin has for them (IVOA note, version 1.1), else those of HATS; frame and epoch are not among them.
    pub fn entries(&self) -> impl Iterator<Item = (&'static str, String)> {
        let doi = self.doi.as_ref().map(|doi| format!("https://doi.org/{doi}"));
        let citation = match (&self.citation, doi) {
            (Some(text), Some(doi)) => Some(format!("{text} {doi}")),
            (text, doi) => doi.or_else(|| text.clone()),
        };
        let entries = [
            ("data_ivoid", self.ivoid.clone()),
            ("citation", citation),
            ("article", self.bib_reference.clone()),
            ("reference_url", self.reference_url.clone()),
            ("rights", self.rights.clone()),
            ("obs_ack", self.acknowledgement.clone()),
        ];
        entries.into_iter().filter_map(|(name, value)| Some((name, value?)))
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What a properties file says; `positions` are those of the catalog.
    pub(super) fn of_properties(properties: &Properties, positions: Option<&PositionColumns>) -> Self {
        let text = |key| properties.get(key).filter(|text| !text.is_empty()).map(str::to_owned);
        Self {
            frame: positions.map(|_| "ICRS".to_owned()),
            epoch: None,
            citation: None,
            doi: None,
            bib_reference: text("bib_reference"),
            reference_url: text("bib_reference_url"),
            acknowledgement: text("obs_ack"),
            rights: text("obs_copyright"),
            ivoid: text("creator_did"),
        }
    }

    /// The same with what another one says otherwise.
    pub(super) fn overridden_by(self, other: &Self) -> Self {
        let or = |own: Option<String>, other: &Option<String>| other.clone().or(own);
        Self {
            frame: or(self.frame, &other.frame),
            epoch: or(self.epoch, &other.epoch),
            citation: or(self.citation, &other.citation),
            doi: or(self.doi, &other.doi),
            bib_reference: or(self.bib_reference, &other.bib_reference),
            reference_url: or(self.reference_url, &other.reference_url),
            acknowledgement: or(self.acknowledgement, &other.acknowledgement),
            rights: or(self.rights, &other.rights),
            ivoid: or(self.ivoid, &other.ivoid),
        }
    }
}

/// Key of the frame of a position column, in the metadata of its field.
pub const FRAME: &str = "frame";
/// Key of the epoch of a position column, in the metadata of its field.
pub const EPOCH: &str = "epoch";

impl CatalogMetadata {
    /// Notes frame and epoch on a field that is a column of this catalog, where that is one of its positions.
    pub(crate) fn note_frame(&self, field: &mut Field, column: &str) {
        let is_position = self.positions.as_ref().is_some_and(|own| own.ra == column || own.dec == column);
        if let Some(frame) = self.about.frame.as_ref().filter(|_| is_position) {
            field.metadata_mut().insert(FRAME.to_owned(), frame.clone());
            if let Some(epoch) = &self.about.epoch {
                field.metadata_mut().insert(EPOCH.to_owned(), epoch.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_say_whom_to_cite_and_the_operator_may_differ() {
        let text = "obs_collection=x\nbib_reference=2007A&A...474..653V\nobs_ack=thanks\nobs_copyright=\n";
        let properties = Properties::parse(text.as_bytes()).unwrap();
        let positions = PositionColumns { ra: "ra".to_owned(), dec: "dec".to_owned() };
        let own = About::of_properties(&properties, Some(&positions));
        assert_eq!((own.frame.as_deref(), own.rights.as_deref()), (Some("ICRS"), None));
        assert_eq!(About::of_properties(&properties, None).frame, None);
        let said = About {
            epoch: Some("J1991.25".to_owned()),
            acknowledgement: Some("many thanks".to_owned()),
            doi: Some("10.1/x".to_owned()),
            ..About::default()
        };
        let both = own.overridden_by(&said);
        assert_eq!((both.frame.as_deref(), both.epoch.as_deref()), (Some("ICRS"), Some("J1991.25")));
        let entries: Vec<_> = both.entries().collect();
        let expected =
            [("citation", "https://doi.org/10.1/x"), ("article", "2007A&A...474..653V"), ("obs_ack", "many thanks")];
        assert_eq!(entries, expected.map(|(name, value)| (name, value.to_owned())));
    }
}
