//! When are two snapshots of a catalog the same?
//!
//! A 64-bit FNV-1a hash over everything that decides which rows a query reads: equal metadata gives equal text on every
//! machine. It is no defence against somebody who seeks a collision.

use std::fmt::Write;

use super::CatalogMetadata;

/// Sets [`CatalogMetadata::snapshot`]: from the manifest where there is one, else from everything else.
pub(super) fn stamp(mut metadata: CatalogMetadata) -> CatalogMetadata {
    if let Some(manifest) = metadata.manifest {
        metadata.snapshot = manifest.to_string();
        return metadata;
    }
    let mut hash = Fnv::new();
    let result = write_parts(&mut hash, &metadata);
    debug_assert!(result.is_ok(), "writing to a hash cannot fail");
    metadata.snapshot = format!("{:016x}", hash.0);
    metadata
}

fn write_parts(hash: &mut Fnv, metadata: &CatalogMetadata) -> std::fmt::Result {
    let (kind, root) = (metadata.kind, &metadata.location.root);
    write!(hash, "{}\n{kind:?}\n{}\n{root}\n", metadata.name, metadata.location.display)?;
    write!(hash, "{:?}\n{:?}\n{:?}\n", metadata.positions, metadata.index, metadata.rows)?;
    for field in metadata.schema.fields() {
        writeln!(hash, "{} {} {}", field.name(), field.data_type(), field.is_nullable())?;
    }
    for partition in &metadata.partitions {
        for file in &partition.files {
            writeln!(hash, "{} {:?}", file.path, file.size)?;
        }
    }
    for (key, value) in &metadata.properties {
        writeln!(hash, "{key}={value}")?;
    }
    Ok(())
}

struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Write for Fnv {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}
