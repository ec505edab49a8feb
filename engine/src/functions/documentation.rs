//! How is a function's page started? The generator of `docs/functions.md` reads what [`page`] builds.

use datafusion::logical_expr::{DocSection, Documentation, DocumentationBuilder};

/// The section of every geometry function.
const GEOMETRY: DocSection = DocSection { include: true, label: "Geometry", description: None };

/// The section of the functions of numbers.
const NUMBERS: DocSection = DocSection { include: true, label: "Numbers", description: None };

/// The section of HEALPix and other cells.
const CELLS: DocSection = DocSection { include: true, label: "Cells", description: None };

/// The section of frames, epochs and coordinates.
const POSITIONS: DocSection = DocSection { include: true, label: "Positions and motions", description: None };

/// The section of times, intervals and spectral quantities.
const QUANTITIES: DocSection = DocSection { include: true, label: "Times, intervals, units", description: None };

/// The section of texts.
const TEXTS: DocSection = DocSection { include: true, label: "Texts", description: None };

/// The section of arrays.
const ARRAYS: DocSection = DocSection { include: true, label: "Arrays", description: None };

/// The sections in the order of the page.
#[cfg(test)]
pub(crate) const SECTIONS: [&str; 7] =
    [GEOMETRY.label, POSITIONS.label, CELLS.label, QUANTITIES.label, TEXTS.label, NUMBERS.label, ARRAYS.label];

/// Starts the page of a geometry function: one sentence, and how it is called.
pub(crate) fn page(description: &str, syntax: &str) -> DocumentationBuilder {
    Documentation::builder(GEOMETRY, description, syntax)
}

/// Starts the page of a function of numbers.
pub(crate) fn number_page(description: &str, syntax: &str) -> DocumentationBuilder {
    Documentation::builder(NUMBERS, description, syntax)
}

/// Starts the page of a function of arrays.
pub(crate) fn array_page(description: &str, syntax: &str) -> DocumentationBuilder {
    Documentation::builder(ARRAYS, description, syntax)
}

/// Starts the page of a function of cells.
pub(crate) fn cell_page(description: &str, syntax: &str) -> DocumentationBuilder {
    Documentation::builder(CELLS, description, syntax)
}

/// Starts the page of a function of frames, epochs or coordinates.
pub(crate) fn position_page(description: &str, syntax: &str) -> DocumentationBuilder {
    Documentation::builder(POSITIONS, description, syntax)
}

/// Starts the page of a function of times, intervals or units.
pub(crate) fn quantity_page(description: &str, syntax: &str) -> DocumentationBuilder {
    Documentation::builder(QUANTITIES, description, syntax)
}

/// Starts the page of a function of texts.
pub(crate) fn text_page(description: &str, syntax: &str) -> DocumentationBuilder {
    Documentation::builder(TEXTS, description, syntax)
}
