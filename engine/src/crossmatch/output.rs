//! What does a join give of its pairs, and of the rows that found no partner?

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use datafusion::common::{JoinType, Result};

use super::filter::Pairs;

/// Shapes the rows of one join.
#[derive(Debug, Clone)]
pub(super) struct Output {
    pub(super) schema: SchemaRef,
    pub(super) join_type: JoinType,
    /// Columns of the left side.
    pub(super) left: SchemaRef,
    /// Columns of the right side.
    pub(super) right: SchemaRef,
}

/// Rows of one side that are given without those of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alone {
    /// Those with a partner.
    Partnered,
    /// Those without.
    Lonely,
    /// All, with a column that says which they are.
    Marked,
}

impl Alone {
    /// Whether it is one of them.
    pub(super) fn takes(self, has_partner: bool) -> bool {
        match self {
            Self::Partnered => has_partner,
            Self::Lonely => !has_partner,
            Self::Marked => true,
        }
    }
}

impl Output {
    /// Whether pairs are given at all.
    pub(super) fn gives_pairs(&self) -> bool {
        matches!(self.join_type, JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full)
    }

    /// Which rows of one side are given by themselves, if any.
    pub(super) fn gives_alone(&self, left: bool) -> Option<Alone> {
        match self.join_type {
            JoinType::LeftSemi if left => Some(Alone::Partnered),
            JoinType::RightSemi if !left => Some(Alone::Partnered),
            JoinType::Left | JoinType::LeftAnti if left => Some(Alone::Lonely),
            JoinType::Right | JoinType::RightAnti if !left => Some(Alone::Lonely),
            JoinType::Full => Some(Alone::Lonely),
            JoinType::LeftMark if left => Some(Alone::Marked),
            JoinType::RightMark if !left => Some(Alone::Marked),
            _ => None,
        }
    }

    /// Pairs as rows.
    pub(super) fn pairs(&self, pairs: Pairs<'_>) -> Result<RecordBatch> {
        let side =
            |left: bool, schema: &SchemaRef| (0..schema.fields().len()).map(move |index| pairs.column(left, index));
        let columns = side(true, &self.left).chain(side(false, &self.right)).collect::<Result<Vec<_>>>()?;
        self.batch(columns, pairs.len())
    }

    /// Rows of one side as rows of the join, nulls in place of the other side.
    pub(super) fn alone(&self, left: bool, batch: &RecordBatch, rows: &UInt32Array) -> Result<RecordBatch> {
        let columns = batch.columns().iter().map(|column| Ok(take(column, rows, None)?)).collect::<Result<Vec<_>>>()?;
        if !self.gives_pairs() {
            return self.batch(columns, rows.len());
        }
        let other = if left { &self.right } else { &self.left };
        let nulls = other.fields().iter().map(|field| new_null_array(field.data_type(), rows.len()));
        let columns: Vec<ArrayRef> =
            if left { columns.into_iter().chain(nulls).collect() } else { nulls.chain(columns).collect() };
        self.batch(columns, rows.len())
    }

    /// All rows of a batch, each with whether it has a partner.
    pub(super) fn marked(&self, batch: &RecordBatch, has_partner: Vec<bool>) -> Result<RecordBatch> {
        let mark: ArrayRef = Arc::new(BooleanArray::from(has_partner));
        let columns = batch.columns().iter().cloned().chain([mark]).collect();
        self.batch(columns, batch.num_rows())
    }

    pub(super) fn batch(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}
