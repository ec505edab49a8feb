//! What is a unit, and by what is a value multiplied to be in another one?
//!
//! ```text
//!  mas.yr**-1   ->  [(mas, 1), (yr, -1)]      symbols as written, with their powers
//!  km/s to pc/yr: the scales are fractions of whole numbers, powers of ten and of pi; so is the factor
//! ```
//!
//! *Source*: VOUnits 1.1. [`table`] holds the symbols, [`parse`] the grammar, [`scale`] the numbers. Knows no column and
//! no query.

mod parse;
mod scale;
mod table;

use std::collections::BTreeMap;
use std::fmt;

use scale::Scale;
use table::{Symbol, symbol};

pub(crate) use parse::{parse_loosely, parse_strictly};
pub(crate) use scale::Factor;

/// Powers are counted in such parts, so that halves and thirds are whole numbers.
const PARTS: i32 = 60;
/// The largest power of one symbol.
const MOST_PARTS: u32 = 100 * PARTS.unsigned_abs();
/// The largest power of ten, or of a tenth.
const MOST_TEN: u32 = 300;
/// The most bytes of its symbols, in all.
const MOST_BYTES: usize = 300;
/// The most symbols of one unit.
const MOST_SYMBOLS: usize = 32;

/// A unit: symbols with powers. One without symbols is that of a pure number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Unit {
    /// Symbols, prefix included, with their powers in [`PARTS`]; each once, in the order written.
    factors: Vec<(String, i32)>,
    /// Power of ten in front.
    ten: i32,
}

impl Unit {
    /// The unit of one symbol.
    pub(crate) fn of(symbol: &str) -> Self {
        Self { factors: vec![(symbol.to_owned(), PARTS)], ten: 0 }
    }

    /// Whether values in this unit are pure numbers.
    pub(crate) fn is_number(&self) -> bool {
        self.factors.is_empty() && self.ten == 0
    }

    /// Whether it can be written, and read again.
    fn is_short(&self) -> bool {
        let bytes: usize = self.factors.iter().map(|(symbol, _)| symbol.len()).sum();
        self.factors.len() <= MOST_SYMBOLS && bytes <= MOST_BYTES
    }

    /// The unit of a product; `None` beyond the bounds of what is followed.
    pub(crate) fn times(mut self, other: &Self) -> Option<Self> {
        self.ten = self.ten.checked_add(other.ten).filter(|ten| ten.unsigned_abs() <= MOST_TEN)?;
        for (symbol, power) in &other.factors {
            match self.factors.iter_mut().find(|(known, _)| known == symbol) {
                Some((_, known)) => {
                    *known = known.checked_add(*power).filter(|sum| sum.unsigned_abs() <= MOST_PARTS)?;
                }
                None => self.factors.push((symbol.clone(), *power)),
            }
        }
        self.factors.retain(|(_, power)| *power != 0);
        self.is_short().then_some(self)
    }

    /// The unit of a quotient.
    pub(crate) fn over(self, other: &Self) -> Option<Self> {
        self.times(&other.clone().power(-1, 1)?)
    }

    /// The unit of a power `numerator / denominator`.
    pub(crate) fn power(mut self, numerator: i32, denominator: i32) -> Option<Self> {
        let powered = |power: i32| {
            let product = power.checked_mul(numerator)?;
            (denominator != 0 && product % denominator == 0).then(|| product / denominator)
        };
        self.ten = powered(self.ten).filter(|ten| ten.unsigned_abs() <= MOST_TEN)?;
        for (_, power) in &mut self.factors {
            *power = powered(*power).filter(|power| power.unsigned_abs() <= MOST_PARTS)?;
        }
        self.factors.retain(|(_, power)| *power != 0);
        Some(self)
    }

    /// By what a value in this unit is multiplied to be in another; `None` where they measure different things.
    pub(crate) fn factor_to(&self, target: &Self) -> Option<Factor> {
        if self.dimensions() != target.dimensions() {
            return None;
        }
        let ratio = self.clone().over(target)?;
        let scales = || ratio.factors.iter().filter_map(|(name, power)| Some((symbol(name)?.scale(), *power)));
        let whole = || {
            scales().try_fold(Scale::power_of_ten(ratio.ten), |product, (scale, power)| {
                (power % PARTS == 0)
                    .then(|| scale.power(power / PARTS))
                    .flatten()
                    .and_then(|scale| product.times(scale))
            })
        };
        Some(whole().map_or_else(
            || {
                let product = scales().map(|(scale, power)| scale.value().powf(f64::from(power) / f64::from(PARTS)));
                Factor::Times(product.product::<f64>() * 10_f64.powi(ratio.ten))
            },
            Scale::factor,
        ))
    }

    /// Whether multiplying by that number gives values in another unit that people convert to by hand.
    pub(crate) fn converts_by(&self, factor: f64) -> bool {
        self.factors.iter().filter_map(|(name, power)| Some((symbol(name)?, *power))).any(|(own, power)| {
            let size = own.scale().value();
            let converts = |(bases, other): &(table::Bases, f64)| {
                let ratio = size / other;
                let raised = ratio.powf(f64::from(power) / f64::from(PARTS));
                *bases == own.bases && (ratio - 1.0).abs() > 1e-9 && (factor / raised - 1.0).abs() < 1e-3
            };
            table::COMMON.iter().any(converts)
        })
    }

    /// What is measured: base units with their powers.
    fn dimensions(&self) -> BTreeMap<String, i32> {
        let mut dimensions: BTreeMap<String, i32> = BTreeMap::new();
        for (name, power) in &self.factors {
            match symbol(name) {
                Some(Symbol { bases, .. }) => {
                    for (base, each) in bases {
                        *dimensions.entry((*base).to_owned()).or_default() += each * power;
                    }
                }
                None => *dimensions.entry(name.clone()).or_default() += power,
            }
        }
        dimensions.retain(|_, power| *power != 0);
        dimensions
    }
}

impl fmt::Display for Unit {
    /// In the grammar of VOUnits: `10**3mas.yr**-1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ten != 0 {
            write!(f, "10**{}", self.ten)?;
        }
        for (index, (symbol, power)) in self.factors.iter().enumerate() {
            let dot = if index == 0 { "" } else { "." };
            write!(f, "{dot}{symbol}")?;
            match (*power, power % PARTS) {
                (PARTS, _) => {}
                (power, 0) => write!(f, "**{}", power / PARTS)?,
                (power, _) => {
                    let divisor = greatest_divisor(power.unsigned_abs(), PARTS.unsigned_abs()).cast_signed();
                    write!(f, "**({}/{})", power / divisor, PARTS / divisor)?;
                }
            }
        }
        Ok(())
    }
}

fn greatest_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_divisor(b, a % b) }
}

#[cfg(test)]
mod tests;
