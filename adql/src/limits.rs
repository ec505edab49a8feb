//! How long, deep and wide may a query be?
//!
//! A parser that descends, a planner that recurses and the very destructor of a tree end the process on a hostile
//! text. So the tokens are counted before anything recursive sees them, trees are bounded after parsing, and every
//! step runs on a stack made for what the bounds let through.

/// The bounds of one query. [`Limits::DEFAULT`] is what [`parse`](crate::parse()) applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text.
    pub text_bytes: usize,
    /// Nested parentheses, brackets and CASE.
    pub nesting: usize,
    /// Tokens that can make a tree deeper: operators, predicates, keywords of conditions.
    pub operators: usize,
    /// Depth of any expression once chains of AND and OR are balanced: the longest chain of arithmetic.
    pub depth: usize,
    /// Operands of UNION, EXCEPT and INTERSECT, joined tables and sub-queries, counted by their keywords.
    pub selects: usize,
    /// Conditions in one chain of AND or OR, after folding.
    pub chain: usize,
    /// Table references after every common table expression is written out where it is used.
    pub tables: usize,
    /// `?` parameters.
    pub parameters: usize,
}

impl Limits {
    /// An IN list of 300,000 identifiers passes, and so do 300 cones or 5,000 equalities in an OR; what passes is
    /// planned in seconds.
    pub const DEFAULT: Self = Self {
        text_bytes: 8 << 20,
        nesting: 64,
        operators: 60_000,
        depth: 600,
        selects: 256,
        chain: 1_000,
        tables: 256,
        parameters: 10_000,
    };
}

/// Bytes of stack that each nested level may need in an unoptimised build: a level of parentheses costs the parser
/// about a dozen large frames.
const STACK_PER_LEVEL: usize = 512 << 10;
/// Bytes of stack per operator of a chain: dropping, cloning or walking a tree of that depth.
const STACK_PER_OPERATOR: usize = 8 << 10;

/// Runs `work` with enough stack for a query of that many nested levels and operators.
pub(crate) fn on_deep_stack<R>(nesting: usize, operators: usize, work: impl FnOnce() -> R) -> R {
    let needed = (nesting + 4) * STACK_PER_LEVEL + operators * STACK_PER_OPERATOR;
    stacker::maybe_grow(needed, needed + (1 << 20), work)
}

/// Runs `work` with enough stack for any tree that [`parse`](crate::parse()) lets through.
pub(crate) fn on_bounded_stack<R>(work: impl FnOnce() -> R) -> R {
    on_deep_stack(Limits::DEFAULT.nesting, Limits::DEFAULT.depth, work)
}
