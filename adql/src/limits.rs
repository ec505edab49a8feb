//! How long, deep and wide may a query be?
//!
//! A parser that descends, a planner that recurses and the very destructor of a tree end the process on a hostile
//! text. So the tokens are counted before anything recursive sees them, the parser counts what it builds, and every
//! step runs on a stack made for what the bounds let through.

/// The bounds of one query. [`Limits::DEFAULT`] is what [`parse`](crate::parse()) applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text.
    pub text_bytes: usize,
    /// Words, numbers, signs and white space between them.
    pub tokens: usize,
    /// Nested parentheses, brackets and CASE.
    pub nesting: usize,
    /// Operators, calls and parentheses, without those of conditions that differ from an earlier one of their chain
    /// only in numbers.
    pub operators: usize,
    /// Values, the same way.
    pub values: usize,
    /// Depth of any expression; of a chain of arithmetic the length. Chains of AND and OR are not deep.
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
    /// An IN list of 300,000 identifiers passes, and so do 100,000 cones or equalities in an OR; what passes is
    /// planned in seconds.
    pub const DEFAULT: Self = Self {
        text_bytes: 16 << 20,
        tokens: 5_000_000,
        nesting: 64,
        operators: 60_000,
        values: 500_000,
        depth: 600,
        selects: 256,
        chain: 1_000,
        tables: 256,
        parameters: 10_000,
    };

    /// Calls of the parser within each other, of an expression, query or operand, for that many nested levels.
    pub(crate) const fn recursion(nesting: usize) -> usize {
        16 * (nesting + 4)
    }
}

/// Bytes of stack that each nested level may need in an unoptimised build: a level of parentheses costs the parser
/// about a dozen large frames.
const STACK_PER_LEVEL: usize = 512 << 10;
/// Bytes of stack per operator of a chain of arithmetic: dropping, cloning or walking a tree of that depth.
const STACK_PER_OPERATOR: usize = 8 << 10;

/// Runs `work` with enough stack for a query of that many nested levels and operators.
pub(crate) fn on_deep_stack<R>(nesting: usize, operators: usize, work: impl FnOnce() -> R) -> R {
    let operators = operators.min((nesting + 1) * Limits::DEFAULT.depth);
    let needed = (nesting + 4) * STACK_PER_LEVEL + operators * STACK_PER_OPERATOR;
    stacker::maybe_grow(needed, needed + (1 << 20), work)
}

/// Runs `work` with enough stack for any tree that [`parse`](crate::parse()) lets through.
pub(crate) fn on_bounded_stack<R>(work: impl FnOnce() -> R) -> R {
    on_deep_stack(Limits::DEFAULT.nesting, Limits::DEFAULT.depth, work)
}
