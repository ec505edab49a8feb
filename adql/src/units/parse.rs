//! Which unit is a text?
//!
//! ```text
//!  unit    = [scale] product ["/" term]       scale = a power of ten: 10**3, 1000, 0.01
//!  product = term {("." | "*") term}
//!  term    = (symbol | "(" unit ")" | "sqrt(" unit ")") ["**" power]
//!  power   = ["-"] whole | "(" ["-"] whole ["/" whole] ")"
//! ```
//!
//! *Source*: VOUnits 1.1 appendix C. Catalogs are not always so strict: [`parse_loosely`] also takes `m s-1`, `km/s/Mpc`
//! and `m^2`. Knows what symbols there are only by asking the table.

use super::table::{meant, symbol};
use super::{MOST_TEN, PARTS, Unit};

/// The longest text of a unit.
const LONGEST: usize = 1000;
/// The deepest nesting.
const DEEPEST: usize = 8;

/// Why a text is no unit, and what may have been meant.
pub(crate) type NoUnit = (String, Option<String>);

/// Reads a unit as VOUnits writes it.
pub(crate) fn parse_strictly(text: &str) -> Result<Unit, NoUnit> {
    Reader { rest: text.trim(), loose: false, depth: 0 }.whole(text)
}

/// Reads the unit of a column, also in the ways of FITS and of the CDS; `None` for what is no unit.
pub(crate) fn parse_loosely(text: &str) -> Option<Unit> {
    let text = text.trim();
    let none = text.is_empty() || text == "-" || text == "---" || text.eq_ignore_ascii_case("unknown");
    if none { None } else { Reader { rest: text, loose: true, depth: 0 }.whole(text).ok() }
}

struct Reader<'a> {
    rest: &'a str,
    loose: bool,
    depth: usize,
}

impl Reader<'_> {
    fn whole(mut self, text: &str) -> Result<Unit, NoUnit> {
        if text.len() > LONGEST {
            return Err((format!("a unit of {} bytes; at most {LONGEST} are taken", text.len()), None));
        }
        let unit = Some(self.unit()?).filter(Unit::is_short).ok_or_else(too_large)?;
        match self.rest.chars().next() {
            None => Ok(unit),
            Some(more) => Err((format!("unexpected {more} in the unit '{text}'"), hint_of(more))),
        }
    }

    fn unit(&mut self) -> Result<Unit, NoUnit> {
        let scale = self.scale()?;
        let alone = scale.is_some() && (self.rest.is_empty() || self.rest.starts_with('/'));
        let mut unit = scale.unwrap_or_default();
        if !alone {
            unit = times(unit, &self.product()?)?;
        }
        while self.accept("/") {
            let below = self.term()?;
            unit = unit.over(&below).ok_or_else(too_large)?;
            if !self.loose {
                break;
            }
            while self.separator() {
                unit = times(unit, &self.term()?)?;
            }
        }
        Ok(unit)
    }

    /// A power of ten in front.
    fn scale(&mut self) -> Result<Option<Unit>, NoUnit> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(self.rest.len());
        let (digits, after) = self.rest.split_at(end);
        if digits.is_empty() || digits == "." {
            return Ok(None);
        }
        self.rest = after;
        let ten = if digits == "10" && self.accept("**") {
            match self.power()? {
                (power, 1) => power,
                _ => return Err(no_power_of_ten()),
            }
        } else {
            power_of_ten(digits).ok_or_else(no_power_of_ten)?
        };
        self.separator();
        if ten.unsigned_abs() > MOST_TEN { Err(too_large()) } else { Ok(Some(Unit { factors: Vec::new(), ten })) }
    }

    fn product(&mut self) -> Result<Unit, NoUnit> {
        let mut unit = self.term()?;
        while self.separator() {
            unit = times(unit, &self.term()?)?;
        }
        Ok(unit)
    }

    fn term(&mut self) -> Result<Unit, NoUnit> {
        let unit = self.factor()?;
        if self.accept("**") || (self.loose && self.accept("^")) {
            let (numerator, denominator) = self.power()?;
            return unit.power(numerator, denominator).ok_or_else(too_large);
        }
        let signed = |c: char| c.is_ascii_digit() || c == '-' || c == '+';
        if self.loose && self.rest.starts_with(signed) {
            let (numerator, denominator) = self.power()?;
            return unit.power(numerator, denominator).ok_or_else(too_large);
        }
        Ok(unit)
    }

    fn factor(&mut self) -> Result<Unit, NoUnit> {
        let root = self.rest.starts_with("sqrt(");
        if root {
            self.accept("sqrt");
        }
        if self.accept("(") {
            self.depth += 1;
            if self.depth > DEEPEST {
                return Err((format!("a unit nested deeper than {DEEPEST} levels"), None));
            }
            let unit = self.unit()?;
            self.depth -= 1;
            if !self.accept(")") {
                return Err(("a parenthesis in the unit is never closed".into(), None));
            }
            return if root { unit.power(1, 2).ok_or_else(too_large) } else { Ok(unit) };
        }
        self.symbol()
    }

    fn symbol(&mut self) -> Result<Unit, NoUnit> {
        let quoted = self.rest.strip_prefix('\'').and_then(|rest| rest.find('\'').map(|end| end + 2));
        let of_symbol = |c: char| c.is_alphabetic() || c == '%' || c == '_';
        let end = quoted.unwrap_or_else(|| self.rest.find(|c| !of_symbol(c)).unwrap_or(self.rest.len()));
        let (written, after) = self.rest.split_at(end);
        if written.is_empty() {
            let found = self.rest.chars().next();
            let found = found.map_or_else(|| "the end of the text".to_owned(), |found| found.to_string());
            return Err((format!("expected the symbol of a unit, found {found}"), None));
        }
        self.rest = after;
        if quoted.is_none() && symbol(written).is_none() {
            let hint = meant(written).map(|meant| format!("did you mean {meant}?"));
            return Err((format!("unknown unit {written}"), hint));
        }
        Ok(Unit { factors: vec![(written.to_owned(), PARTS)], ten: 0 })
    }

    /// A power, as a fraction.
    fn power(&mut self) -> Result<(i32, i32), NoUnit> {
        if !self.accept("(") {
            return Ok((self.whole_number()?, 1));
        }
        let numerator = self.whole_number()?;
        let denominator = if self.accept("/") { self.whole_number()? } else { 1 };
        if !self.accept(")") || denominator <= 0 {
            return Err(("expected a power such as 2, -1 or (1/2)".into(), None));
        }
        Ok((numerator, denominator))
    }

    fn whole_number(&mut self) -> Result<i32, NoUnit> {
        let sign = usize::from(self.rest.starts_with(['-', '+']));
        let digits = self.rest[sign..].find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len() - sign);
        let (number, after) = self.rest.split_at(sign + digits);
        let number = number.parse::<i32>().ok().filter(|number| number.unsigned_abs() <= MOST_TEN);
        self.rest = after;
        number.ok_or_else(|| ("expected a power such as 2, -1 or (1/2)".into(), None))
    }

    /// What stands between two factors.
    fn separator(&mut self) -> bool {
        if self.loose {
            let spaced = self.rest.trim_start();
            let follows = spaced.starts_with(|c: char| c.is_alphabetic() || c == '(' || c == '\'');
            if spaced.len() < self.rest.len() && follows {
                self.rest = spaced;
                return true;
            }
        }
        self.accept(".") || (!self.rest.starts_with("**") && self.accept("*"))
    }

    fn accept(&mut self, text: &str) -> bool {
        if self.loose && self.rest.trim_start().starts_with(text) {
            self.rest = self.rest.trim_start();
        }
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = if self.loose && text == "/" { rest.trim_start() } else { rest };
                true
            }
            None => false,
        }
    }
}

fn times(unit: Unit, other: &Unit) -> Result<Unit, NoUnit> {
    unit.times(other).ok_or_else(too_large)
}

fn too_large() -> NoUnit {
    ("a power or a scale in the unit is too large".into(), None)
}

fn no_power_of_ten() -> NoUnit {
    ("the scale of a unit must be a power of ten".into(), Some("write it so: 10**3".into()))
}

fn hint_of(more: char) -> Option<String> {
    match more {
        '/' | '.' | '*' => Some("what is divided by goes into parentheses: a/(b.c)".into()),
        ' ' => Some("units are multiplied by a dot: km.s**-1".into()),
        '^' | '0'..='9' | '-' | '+' => Some("powers are written so: m**2, s**-1".into()),
        _ => None,
    }
}

/// The power of ten that digits are, such as `1000` and `0.01`.
fn power_of_ten(digits: &str) -> Option<i32> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let only_zeros = |text: &str| text.bytes().all(|byte| byte == b'0');
    match (whole.strip_prefix('1'), fraction.trim_end_matches('0')) {
        (Some(zeros), "") if only_zeros(zeros) => i32::try_from(zeros.len()).ok(),
        (None, fraction) if only_zeros(whole) => {
            let zeros = fraction.strip_suffix('1').filter(|zeros| only_zeros(zeros))?;
            i32::try_from(zeros.len() + 1).ok().map(|places| -places)
        }
        _ => None,
    }
}
