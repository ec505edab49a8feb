//! Which conditions of a chain become one?
//!
//! Takes the conditions one after the other, so that a hundred thousand of them need not exist at a time: regions go
//! into one union ([`regions`](super::regions)), equalities into one IN ([`membership`](super::membership)), the others
//! are kept in their order, as many as a chain may have.

use std::collections::HashMap;

use sqlparser::ast::Expr;

use super::chains::Chain;
use super::membership::{self, Literal};
use super::regions::{self, RegionPart};
use crate::limits::Limits;

/// The conditions of one chain so far.
pub(super) struct Folding {
    chain: Chain,
    /// What is left of them, in their order; those that may go into a list leave a gap.
    kept: Vec<Option<Expr>>,
    /// How many are not in a gap.
    count: usize,
    /// By position.
    unions: HashMap<String, Union>,
    /// By what is compared and the kind of literals.
    lists: HashMap<(String, Literal), List>,
}

/// Regions around one position.
struct Union {
    /// Where the condition on the first of them is kept.
    place: usize,
    count: usize,
    /// STC-S of each.
    text: String,
}

/// Equalities of one expression.
#[derive(Default)]
struct List {
    /// They and their gaps, while they are too few to fold.
    few: Vec<(usize, Expr)>,
    count: usize,
    /// Else the gap of the first, what is compared, and the literals.
    whole: Option<(usize, Expr)>,
    items: Vec<Expr>,
}

impl Folding {
    pub(super) fn new(chain: Chain) -> Self {
        Self { chain, kept: Vec::new(), count: 0, unions: HashMap::new(), lists: HashMap::new() }
    }

    /// Adds a lowered condition.
    pub(super) fn add(&mut self, condition: Expr) {
        if let Some(part) = regions::constant_region(&condition, self.chain) {
            return self.add_region(part, || condition);
        }
        self.add_other(condition);
    }

    /// The same, of a condition that changes afterwards.
    pub(super) fn add_copy(&mut self, condition: &Expr) {
        match regions::constant_region(condition, self.chain) {
            Some(part) => self.add_region(part, || condition.clone()),
            None => self.add_other(condition.clone()),
        }
    }

    /// What is left, and how many that would be without a limit.
    pub(super) fn finish(mut self) -> (Vec<Expr>, usize) {
        for union in self.unions.into_values().filter(|union| union.count > 1) {
            if let Some(Some(condition)) = self.kept.get_mut(union.place)
                && let Some(folded) = regions::union_condition(condition, &union.text, self.chain)
            {
                *condition = folded;
            }
        }
        let negated = !self.chain.folds_positive();
        for list in self.lists.into_values() {
            let whole =
                list.whole.map(|(gap, expr)| (gap, Expr::InList { expr: Box::new(expr), list: list.items, negated }));
            for (gap, condition) in list.few.into_iter().chain(whole) {
                self.kept[gap] = Some(condition);
                self.count += 1;
            }
        }
        (self.kept.into_iter().flatten().collect(), self.count)
    }

    /// Adds a region to those around the same position; the first of them is kept as it is.
    fn add_region(&mut self, part: RegionPart, condition: impl FnOnce() -> Expr) {
        if let Some(union) = self.unions.get_mut(&part.position) {
            union.count += 1;
            union.text.push(' ');
            union.text.push_str(&part.text);
            return;
        }
        self.unions.insert(part.position, Union { place: self.kept.len(), count: 1, text: part.text });
        self.keep(condition());
    }

    fn add_other(&mut self, condition: Expr) {
        let Some(key) = membership::key(&condition, self.chain) else { return self.keep(condition) };
        let list = self.lists.entry(key).or_default();
        list.count += membership::literals(&condition);
        if list.count < membership::LEAST {
            list.few.push((self.kept.len(), condition));
            return self.kept.push(None);
        }
        if list.whole.is_some() {
            return list.items.extend(membership::split(condition).1);
        }
        list.few.push((self.kept.len(), condition));
        self.kept.push(None);
        for (gap, earlier) in list.few.drain(..) {
            let (compared, items) = membership::split(earlier);
            list.whole.get_or_insert((gap, compared));
            list.items.extend(items);
        }
    }

    /// Keeps a condition that nothing folds; those beyond the limit are only counted.
    fn keep(&mut self, condition: Expr) {
        self.count += 1;
        if self.count <= Limits::DEFAULT.chain {
            self.kept.push(Some(condition));
        }
    }
}
