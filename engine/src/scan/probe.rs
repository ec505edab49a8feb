//! How many rows will a scan hand out, and how long does that take? Told by reading a small part of what it would read.
//!
//! What conditions let through cannot be told from extremes, and what a region holds not from the sizes of files: stars crowd.
//! So a few row groups, evenly spaced over those that the scan would read, are read and filtered, with the columns of the
//! filters alone; the scan of a small region is read whole, and the answer is exact.
//!
//! ```text
//! files of the scan    |....|....|....|....|....|....|        at most 8, evenly spaced
//! row groups of each   [..#..#..]      those that the region touches, some of them
//!                      rows found / rows expected there = what to multiply the expectation with
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::datatypes::Schema;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;

use super::by_key::KeyTest;
use super::cache::FooterCache;
use super::descriptor::{Probed, ScanDescriptor, ScanUnit};
use super::estimate::file_share;
use super::exec::{HatsScanExec, Told};
use super::metrics::ScanMetrics;
use super::select::{self, FileRowGroups, Wanted};
use super::stream::UnitWalk;

/// Row groups that are read, and files that they are of.
const MOST_GROUPS: usize = 16;
const MOST_FILES: usize = 8;
/// Time after which no more of them are read.
const LONGEST: Duration = Duration::from_millis(150);

impl HatsScanExec {
    /// The same scan with what a probe has told of its rows; `None` where there is nothing to find out, or no time.
    ///
    /// *Errors*: a file that cannot be read.
    pub(crate) async fn probed(&self, footers: &Arc<FooterCache>) -> Result<Option<Self>> {
        let descriptor = self.descriptor();
        let is_filtered = descriptor.pruner().is_some() || !descriptor.filter.comparisons.is_empty();
        if !is_filtered || descriptor.lookup.is_some() || descriptor.reading.rows.is_none() {
            return Ok(None);
        }
        let found = Probe::new(descriptor, footers).run().await?;
        Ok(found.map(|probed| Self::new(ScanDescriptor { probed: Some(probed), ..descriptor.clone() })))
    }
}

/// Reads some row groups of a scan.
struct Probe<'a> {
    descriptor: &'a ScanDescriptor,
    /// The same with the columns of the filters alone.
    narrow: ScanDescriptor,
    footers: &'a Arc<FooterCache>,
    metrics: ScanMetrics,
    begun: Instant,
}

/// Some row groups of one file.
struct Sampled {
    units: Vec<ScanUnit>,
    /// Rows that are expected in those, by the part of their keys that is asked for.
    expected: f64,
    /// The same of all row groups of the file.
    expected_of_all: f64,
}

impl<'a> Probe<'a> {
    fn new(descriptor: &'a ScanDescriptor, footers: &'a Arc<FooterCache>) -> Self {
        let columns =
            if descriptor.filter.schema.fields().is_empty() { &descriptor.output } else { &descriptor.filter.schema };
        let one: Vec<_> = columns.fields().iter().take(1).cloned().collect();
        let narrow = ScanDescriptor { output: Arc::new(Schema::new(one)), limit: None, ..descriptor.clone() };
        let metrics = ScanMetrics::new(&ExecutionPlanMetricsSet::new(), 0);
        Self { descriptor, narrow, footers, metrics, begun: Instant::now() }
    }

    async fn run(&self) -> Result<Option<Probed>> {
        let mut files: Vec<(usize, usize)> =
            self.descriptor.streams.iter().flatten().map(|unit| (unit.partition, unit.file)).collect();
        files.dedup();
        let chosen = evenly(&files, MOST_FILES);
        let groups = MOST_GROUPS / chosen.len().max(1);
        // Of all files by their sizes; of those that are opened by what their row groups hold.
        let (mut found, mut seconds, mut share) = (0.0, 0.0, 0.0);
        for (partition, file) in chosen {
            if self.begun.elapsed() > LONGEST {
                break;
            }
            let sampled = self.sample(partition, file, groups).await?;
            let scale = if sampled.expected > 0.0 { sampled.expected_of_all / sampled.expected } else { 1.0 };
            let begun = Instant::now();
            found += self.count(sampled.units).await? as f64 * scale;
            seconds += begun.elapsed().as_secs_f64() * scale;
            share += self.share(partition, file);
        }
        let all: f64 = files.iter().map(|(partition, file)| self.share(*partition, *file)).sum();
        let scale = all / share;
        Ok((share > 0.0).then_some(Probed { rows: found * scale, seconds: seconds * scale }))
    }

    /// The part of the catalog's rows that are expected in a file and asked for.
    fn share(&self, partition: usize, file: usize) -> f64 {
        file_share(&self.descriptor.catalog, self.descriptor.pruner().map(AsRef::as_ref), partition, file)
    }

    /// Row groups of a file that the scan would read, evenly spaced.
    async fn sample(&self, partition: usize, file: usize, most: usize) -> Result<Sampled> {
        let catalog = &self.descriptor.catalog;
        let data_file = &catalog.partitions[partition].files[file];
        let mut fetcher = self.footers.fetcher(catalog, data_file, self.metrics.fetched.clone());
        let footer = self
            .footers
            .footer(catalog, (data_file, &mut fetcher))
            .await
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        let keys = KeyTest { spatial: self.descriptor.pruner().cloned(), narrowing: Told::default().narrowing };
        let (count, rows) = (footer.rows.len(), &footer.rows);
        let row_groups =
            FileRowGroups { keys: footer.keys.as_deref(), rows, positions_present: &footer.positions_present };
        let wanted = Wanted { keys: &keys, rules: self.descriptor.rules };
        let tasks = select::row_groups(row_groups, 0..count, wanted, &self.metrics);
        // A row group is named twice where some of its pages need no test.
        let mut touched: Vec<(usize, f64)> = Vec::new();
        for task in &tasks {
            let expected = task.row_count(rows) as f64;
            match touched.last_mut().filter(|(row_group, _)| *row_group == task.row_group) {
                Some((_, all)) => *all += expected,
                None => touched.push((task.row_group, expected)),
            }
        }
        let chosen = evenly(&touched, most);
        let expected = |groups: &[(usize, f64)]| groups.iter().map(|(_, rows)| rows).sum();
        Ok(Sampled {
            expected: expected(&chosen),
            expected_of_all: expected(&touched),
            units: chosen.iter().map(|(group, _)| ScanUnit { partition, file, share: (*group, count) }).collect(),
        })
    }

    /// Rows of some row groups that pass.
    async fn count(&self, units: Vec<ScanUnit>) -> Result<usize> {
        let descriptor = Arc::new(ScanDescriptor { streams: vec![units], ..self.narrow.clone() });
        let mut walk = UnitWalk::new((descriptor, Told::default()), 0, Arc::clone(self.footers), self.metrics.clone());
        let mut rows = 0;
        while let Some(batch) = walk.next().await? {
            rows += batch.num_rows();
        }
        Ok(rows)
    }
}

/// At most so many of some things, from the middle of equal parts.
fn evenly<T: Copy>(all: &[T], most: usize) -> Vec<T> {
    let count = most.clamp(1, all.len().max(1)).min(all.len());
    (0..count).map(|number| all[(2 * number + 1) * all.len() / (2 * count)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_chosen_is_spread_evenly() {
        assert_eq!(evenly(&[1, 2, 3], 8), [1, 2, 3]);
        assert_eq!(evenly(&(0..100).collect::<Vec<_>>(), 4), [12, 37, 62, 87]);
        assert_eq!(evenly::<i32>(&[], 4), [0; 0]);
        assert_eq!(evenly(&[1, 2, 3], 0), [2]);
    }
}
