//! How large is a unit, exactly?
//!
//! A [`Scale`] is a fraction of whole numbers with powers of ten and of pi: every unit of VOUnits is one, for constants
//! of nature are given in decimal digits. So conversions between units are rounded once, at the end.

use std::f64::consts::PI;

/// `numerator / denominator * 10**ten * pi**pi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scale {
    pub(super) numerator: u128,
    pub(super) denominator: u128,
    pub(super) ten: i32,
    pub(super) pi: i32,
}

/// What a value is multiplied or divided by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Factor {
    /// Nothing is to be done.
    One,
    /// Multiplied by this.
    Times(f64),
    /// Divided by this whole number, for its inverse is not exact.
    Over(f64),
}

impl Scale {
    pub(super) const ONE: Self = Self { numerator: 1, denominator: 1, ten: 0, pi: 0 };

    pub(super) fn power_of_ten(ten: i32) -> Self {
        Self { ten, ..Self::ONE }
    }

    /// The product, reduced; `None` where the numbers get too large.
    pub(super) fn times(self, other: Self) -> Option<Self> {
        let (left, right) = (self.reduced(), other.reduced());
        let across = |a: u128, b: u128| {
            let divisor = greatest_divisor(a, b);
            (a / divisor, b / divisor)
        };
        let (first, last) = across(left.numerator, right.denominator);
        let (second, below) = across(right.numerator, left.denominator);
        let product = Self {
            numerator: first.checked_mul(second)?,
            denominator: last.checked_mul(below)?,
            ten: left.ten.checked_add(right.ten)?,
            pi: left.pi.checked_add(right.pi)?,
        };
        Some(product.reduced())
    }

    /// A whole power.
    pub(super) fn power(self, power: i32) -> Option<Self> {
        let base = if power < 0 {
            let Self { numerator, denominator, ten, pi } = self;
            Self { numerator: denominator, denominator: numerator, ten: -ten, pi: -pi }
        } else {
            self
        };
        (0..power.unsigned_abs()).try_fold(Self::ONE, |product, _| product.times(base))
    }

    /// The nearest double.
    pub(super) fn value(self) -> f64 {
        let decimal = |number: u128, ten: i32| format!("{number}e{ten}").parse::<f64>().unwrap_or(f64::NAN);
        let (above, below) = (self.ten.max(0), (-self.ten).max(0));
        if self.denominator == 1 {
            return decimal(self.numerator, self.ten) * PI.powi(self.pi);
        }
        decimal(self.numerator, above) * PI.powi(self.pi) / decimal(self.denominator, below)
    }

    /// As a factor: whole numbers are kept whole, above or below.
    pub(super) fn factor(self) -> Factor {
        let inverse = Self { numerator: self.denominator, denominator: self.numerator, ten: -self.ten, pi: 0 };
        match self {
            Self { numerator: 1, denominator: 1, ten: 0, pi: 0 } => Factor::One,
            Self { numerator: 1, ten: ..=0, pi: 0, .. } => Factor::Over(inverse.value()),
            _ => Factor::Times(self.value()),
        }
    }

    /// Without common divisors and without tens in the whole numbers.
    fn reduced(mut self) -> Self {
        let divisor = greatest_divisor(self.numerator, self.denominator).max(1);
        self.numerator /= divisor;
        self.denominator /= divisor;
        while self.numerator != 0 && self.numerator.is_multiple_of(10) {
            self.numerator /= 10;
            self.ten += 1;
        }
        while self.denominator != 0 && self.denominator.is_multiple_of(10) {
            self.denominator /= 10;
            self.ten -= 1;
        }
        self
    }
}

fn greatest_divisor(a: u128, b: u128) -> u128 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
