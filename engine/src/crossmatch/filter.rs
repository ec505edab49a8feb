//! How is an expression over columns of both sides evaluated for pairs of rows?
//!
//! Only the columns that the expression reads are gathered.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{prep_null_mask_filter, take};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::utils::collect_columns;

/// An expression over pairs.
#[derive(Debug, Clone)]
pub(super) struct PairExpr {
    expr: Arc<dyn PhysicalExpr>,
    /// Columns it reads: whether of the left side, and the index there.
    columns: Vec<(bool, usize)>,
    schema: SchemaRef,
}

/// Rows of both sides, paired by position in the two lists.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pairs<'a> {
    pub(super) left: (&'a RecordBatch, &'a UInt32Array),
    pub(super) right: (&'a RecordBatch, &'a UInt32Array),
}

impl Pairs<'_> {
    /// A column of one side, gathered.
    pub(super) fn column(&self, left: bool, index: usize) -> Result<ArrayRef> {
        let (batch, rows) = if left { self.left } else { self.right };
        Ok(take(batch.column(index), rows, None)?)
    }

    pub(super) fn len(&self) -> usize {
        self.left.1.len()
    }
}

impl PairExpr {
    /// `expr` is about the columns of the left side, `width` of them, and then those of the right.
    pub(super) fn try_new(expr: Arc<dyn PhysicalExpr>, width: usize, pairs: &Schema) -> Result<Self> {
        let mut used: Vec<usize> = collect_columns(&expr).into_iter().map(|column| column.index()).collect();
        used.sort_unstable();
        used.dedup();
        let renumbered = expr.transform(|node| {
            let Some(column) = node.downcast_ref::<Column>() else { return Ok(Transformed::no(node)) };
            let place = used.binary_search(&column.index());
            let place = place.map_err(|_| internal_datafusion_err!("column {column} is not among those collected"))?;
            Ok(Transformed::yes(Arc::new(Column::new(column.name(), place)) as Arc<dyn PhysicalExpr>))
        });
        let columns = used.iter().map(|index| match index.checked_sub(width) {
            None => (true, *index),
            Some(of_right) => (false, of_right),
        });
        // Outer joins make columns nullable in what they give, not in what they compare.
        let schema = Arc::new(pairs.project(&used)?);
        Ok(Self { expr: renumbered.data()?, columns: columns.collect(), schema })
    }

    /// One value a pair.
    pub(super) fn evaluate(&self, pairs: Pairs<'_>) -> Result<ArrayRef> {
        let columns =
            self.columns.iter().map(|(left, index)| pairs.column(*left, *index)).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(pairs.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        self.expr.evaluate(&batch)?.into_array(pairs.len())
    }

    /// The type of its values.
    pub(super) fn data_type(&self) -> Result<DataType> {
        self.expr.data_type(&self.schema)
    }

    /// The places of the pairs that the expression is true for.
    pub(super) fn select(&self, pairs: Pairs<'_>) -> Result<Vec<usize>> {
        let truth = self.evaluate(pairs)?;
        let truth = truth.as_boolean_opt().ok_or_else(|| internal_datafusion_err!("a join's condition is no truth"))?;
        let truth = if truth.null_count() > 0 { prep_null_mask_filter(truth) } else { truth.clone() };
        Ok(truth.values().set_indices().collect())
    }

    /// The expression, for plans that people read.
    pub(super) fn expr(&self) -> &Arc<dyn PhysicalExpr> {
        &self.expr
    }
}
