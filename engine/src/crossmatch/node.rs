//! What is a crossmatch, to DataFusion's planner? A join of two inputs whose condition says that two positions are near.

use std::cmp::Ordering;
use std::fmt::{self, Display};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::common::{Column, DFSchema, DFSchemaRef, JoinType, Result, internal_datafusion_err};
use datafusion::logical_expr::utils::expr_to_columns;
use datafusion::logical_expr::{Expr, LogicalPlan, SortExpr, UserDefinedLogicalNodeCore, build_join_schema};

use super::reach::Reach;
use crate::functions::{NearEnd, Nearness};

/// The position of a row of each side, and how near the two must be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Near {
    /// Of the left side.
    pub(crate) left: NearEnd,
    /// Of the right side.
    pub(crate) right: NearEnd,
    /// Degrees; of both sides only where it has a [`Reach`].
    pub(crate) radius: Expr,
}

/// Which of its matches a row of the left side keeps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Best {
    /// Sorted by this; ties in any order.
    pub(crate) order: Vec<SortExpr>,
    /// As many as this, from the first.
    pub(crate) count: usize,
}

/// A join of two inputs on their positions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CrossmatchNode {
    pub(crate) left: LogicalPlan,
    pub(crate) right: LogicalPlan,
    /// With [`Best`], inner or left.
    pub(crate) join_type: JoinType,
    /// `None` compares all pairs.
    pub(crate) near: Option<Near>,
    /// Why no nearness is known.
    pub(crate) why: &'static str,
    /// The whole condition; `None` is true.
    pub(crate) filter: Option<Expr>,
    pub(crate) best: Option<Best>,
    schema: DFSchemaRef,
}

impl Near {
    /// Assigns a condition to the sides of a join; `None` where its ends do not belong to one side each, or nothing
    /// bounds the radius.
    pub(crate) fn assign(nearness: &Nearness, left: &DFSchema, right: &DFSchema) -> Option<Self> {
        let (of_left, of_right) = Self::ends(nearness, left, right)?;
        let radius = &nearness.radius;
        let bounded = belongs(radius, left) || belongs(radius, right) || Reach::of(radius, left, right).is_some();
        bounded.then(|| Self { left: of_left.clone(), right: of_right.clone(), radius: radius.clone() })
    }

    /// The end of the left side, and that of the right.
    pub(super) fn ends<'a>(
        nearness: &'a Nearness,
        left: &DFSchema,
        right: &DFSchema,
    ) -> Option<(&'a NearEnd, &'a NearEnd)> {
        let of = |end: &NearEnd, side: &DFSchema| match end {
            NearEnd::Numbers(lon, lat) => {
                belongs(lon, side) && belongs(lat, side) && (has_columns(lon) || has_columns(lat))
            }
            NearEnd::Point(point) => belongs(point, side) && has_columns(point),
        };
        let [first, second] = &nearness.ends;
        match (of(first, left) && of(second, right), of(first, right) && of(second, left)) {
            (true, _) => Some((first, second)),
            (_, true) => Some((second, first)),
            _ => None,
        }
    }
}

fn has_columns(expr: &Expr) -> bool {
    expr.any_column_refs()
}

/// Whether an expression can be computed from the columns of one side.
pub(super) fn belongs(expr: &Expr, side: &DFSchema) -> bool {
    let mut columns = std::collections::HashSet::new();
    expr_to_columns(expr, &mut columns).is_ok()
        && !expr.is_volatile()
        && columns.iter().all(|column| side.has_column(column))
}

impl CrossmatchNode {
    /// A join of all pairs that a condition holds for.
    pub(crate) fn try_new(
        (left, right): (LogicalPlan, LogicalPlan),
        join_type: JoinType,
        near: std::result::Result<Near, &'static str>,
        filter: Option<Expr>,
    ) -> Result<Self> {
        let schema = Arc::new(build_join_schema(left.schema(), right.schema(), &join_type)?);
        let (near, why) = match near {
            Ok(near) => (Some(near), ""),
            Err(why) => (None, why),
        };
        Ok(Self { left, right, join_type, near, why, filter, best: None, schema })
    }

    /// Keeps the best matches of each row of the left side.
    pub(crate) fn with_best(self, best: Best) -> Self {
        Self { best: Some(best), ..self }
    }

    /// Columns of both sides, which every expression is about.
    pub(crate) fn pair_schema(&self) -> Result<DFSchema> {
        self.left.schema().join(self.right.schema())
    }

    fn near_exprs(&self) -> Vec<Expr> {
        let end = |end: &NearEnd| match end {
            NearEnd::Numbers(lon, lat) => vec![lon.clone(), lat.clone()],
            NearEnd::Point(point) => vec![point.clone()],
        };
        let exprs = |near: &Near| [end(&near.left), end(&near.right), vec![near.radius.clone()]].concat();
        self.near.as_ref().map(exprs).unwrap_or_default()
    }
}

impl Eq for CrossmatchNode {}

impl Hash for CrossmatchNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.left.hash(state);
        self.right.hash(state);
        self.join_type.hash(state);
        self.expressions().hash(state);
    }
}

impl PartialOrd for CrossmatchNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (&self.filter, &other.filter) {
            _ if self == other => Some(Ordering::Equal),
            (mine, others) => mine.partial_cmp(others).filter(|order| order.is_ne()),
        }
    }
}

impl UserDefinedLogicalNodeCore for CrossmatchNode {
    fn name(&self) -> &'static str {
        "Crossmatch"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.left, &self.right]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        let order = self.best.iter().flat_map(|best| best.order.iter().map(|sort| sort.expr.clone()));
        self.near_exprs().into_iter().chain(self.filter.clone()).chain(order).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crossmatch: {}", self.join_type)?;
        if let Some(near) = &self.near {
            write!(f, ", radius={}", near.radius)?;
        } else {
            write!(f, ", all pairs: {}", self.why)?;
        }
        if let Some(filter) = &self.filter {
            write!(f, ", filter={filter}")?;
        }
        if let Some(best) = &self.best {
            let order: Vec<String> = best.order.iter().map(ToString::to_string).collect();
            write!(f, ", best {} by {}", best.count, order.join(", "))?;
        }
        Ok(())
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let missing = || internal_datafusion_err!("a crossmatch lost an expression or an input");
        let mut exprs = exprs.into_iter();
        let mut next = || exprs.next().ok_or_else(missing);
        let mut end = |end: &NearEnd| {
            Ok::<_, datafusion::error::DataFusionError>(match end {
                NearEnd::Numbers(..) => NearEnd::Numbers(next()?, next()?),
                NearEnd::Point(_) => NearEnd::Point(next()?),
            })
        };
        let near = match &self.near {
            Some(near) => {
                let (left, right) = (end(&near.left)?, end(&near.right)?);
                Ok(Near { left, right, radius: next()? })
            }
            None => Err(self.why),
        };
        let filter = self.filter.as_ref().map(|_| next()).transpose()?;
        let best = match &self.best {
            Some(best) => {
                let sort = |sort: &SortExpr| Ok(SortExpr { expr: next()?, ..sort.clone() });
                let order = best.order.iter().map(sort).collect::<Result<Vec<_>>>()?;
                Some(Best { order, count: best.count })
            }
            None => None,
        };
        let [left, right] = <[LogicalPlan; 2]>::try_from(inputs).map_err(|_| missing())?;
        Ok(Self { best, ..Self::try_new((left, right), self.join_type, near, filter)? })
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let (left, right) = (self.left.schema(), self.right.schema());
        let width = left.fields().len();
        let (mut of_left, mut of_right) = (Vec::new(), Vec::new());
        for column in output_columns {
            match self.join_type {
                JoinType::RightMark if *column == right.fields().len() => {}
                JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => of_right.push(*column),
                JoinType::LeftMark if *column == width => {}
                _ if *column < width => of_left.push(*column),
                _ => of_right.push(*column - width),
            }
        }
        let mut used = std::collections::HashSet::<Column>::new();
        for expr in self.expressions() {
            expr_to_columns(&expr, &mut used).ok()?;
        }
        for column in &used {
            match (left.maybe_index_of_column(column), right.maybe_index_of_column(column)) {
                (Some(index), _) => of_left.push(index),
                (None, Some(index)) => of_right.push(index),
                (None, None) => return None,
            }
        }
        for columns in [&mut of_left, &mut of_right] {
            columns.sort_unstable();
            columns.dedup();
        }
        Some(vec![of_left, of_right])
    }
}

impl Display for NearEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numbers(lon, lat) => write!(f, "({lon}, {lat})"),
            Self::Point(point) => point.fmt(f),
        }
    }
}
