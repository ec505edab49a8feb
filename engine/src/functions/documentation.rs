//! How is a function's page started? The generator of `docs/functions.md` reads what [`page`] builds.

use datafusion::logical_expr::{DocSection, Documentation, DocumentationBuilder};

/// The section of every geometry function.
const GEOMETRY: DocSection = DocSection { include: true, label: "Geometry", description: None };

/// The section of the functions of numbers.
const NUMBERS: DocSection = DocSection { include: true, label: "Numbers", description: None };

/// Starts the page of a geometry function: one sentence, and how it is called.
pub(crate) fn page(description: &str, syntax: &str) -> DocumentationBuilder {
    Documentation::builder(GEOMETRY, description, syntax)
}

/// Starts the page of a function of numbers.
pub(crate) fn number_page(description: &str, syntax: &str) -> DocumentationBuilder {
    Documentation::builder(NUMBERS, description, syntax)
}
