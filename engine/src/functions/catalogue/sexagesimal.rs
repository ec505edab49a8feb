//! `ivo_hms_to_degrees(text)` and `ivo_dms_to_degrees(text)`: degrees of hours or degrees, minutes and seconds.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, ReturnFieldArgs};

use super::super::arguments::Arguments;
use super::super::documentation::position_page;
use super::super::form::{Argument, Form};
use super::super::row_function::RowFunction;
use super::super::spatial::Returned;

/// Reads `3:34:45.4`, `3h34m45.4s` or `3 34 45.4`; letters in any case.
///
/// *Units*: degrees. *Nulls*: strict; null where a row's text is no angle. *Errors*: such a text as a constant.
/// *Source*: IVOA catalogue of ADQL user-defined functions 1.2, section 2.8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sexagesimal {
    /// Hours, 0 to 24.
    Hours,
    /// Degrees, -360 to 360.
    Degrees,
}

impl RowFunction for Sexagesimal {
    fn name(&self) -> &'static str {
        if *self == Self::Hours { "ivo_hms_to_degrees" } else { "ivo_dms_to_degrees" }
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Text])]
    }

    fn returned(&self, _call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        Ok(Returned::Number("deg"))
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let texts = arguments.text(0)?;
        let mut angles = Float64Array::builder(arguments.rows());
        for row in 0..arguments.rows() {
            let angle = match texts.get(row).map(|text| (text, self.read(text))) {
                Some((text, None)) => arguments.refuse(|| self.complaint(text))?,
                Some((_, angle)) => angle,
                None => None,
            };
            angles.append_option(angle);
        }
        Ok(Arc::new(angles.finish()))
    }

    fn documentation(&self) -> Documentation {
        let (description, syntax, text, example) = match self {
            Self::Hours => (
                "Degrees of an angle in hours, minutes and seconds.",
                "IVO_HMS_TO_DEGREES(text)",
                "such as `3:34:45.4`, `3h34m45.4s` or `3 34 45.4`, from 0 to 24 hours",
                "SELECT IVO_HMS_TO_DEGREES('12h30m00s')",
            ),
            Self::Degrees => (
                "Degrees of an angle in degrees, minutes and seconds of arc.",
                "IVO_DMS_TO_DEGREES(text)",
                "such as `-42:09:06.768`, `-42d09m06.768s` or `-42 09 06.768`, from -360 to 360 degrees",
                "SELECT IVO_DMS_TO_DEGREES('-00:15:00')",
            ),
        };
        position_page(description, syntax)
            .with_argument("text", format!("{text}; a row with another text is null"))
            .with_sql_example(example)
            .build()
    }
}

impl Sexagesimal {
    fn complaint(self, text: &str) -> String {
        let shown: String = text.chars().take(40).collect();
        match self {
            Self::Hours => format!("'{shown}' is no angle in hours, expected one like 3:34:45.4 or 3h34m45.4s"),
            Self::Degrees => format!("'{shown}' is no angle in degrees, expected one like -42:9:6.7 or -42d9m6.7s"),
        }
    }

    fn read(self, text: &str) -> Option<f64> {
        let text = text.trim();
        let (negative, size) = match (self, text.strip_prefix('-'), text.strip_prefix('+')) {
            (Self::Degrees, Some(size), _) => (true, size),
            (Self::Degrees, _, Some(size)) => (false, size),
            _ => (false, text),
        };
        let [whole, minutes, seconds] = self.parts(size)?;
        let most = if self == Self::Hours { 24.0 } else { 360.0 };
        let size = whole + (minutes + seconds / 60.0) / 60.0;
        if minutes >= 60.0 || seconds > 60.0 || size > most {
            return None;
        }
        let degrees = if self == Self::Hours { size * 15.0 } else { size };
        Some(if negative { -degrees } else { degrees })
    }

    /// The three numbers: parted by colons, by spaces, or each followed by its letter.
    fn parts(self, size: &str) -> Option<[f64; 3]> {
        let letter = if self == Self::Hours { ['h', 'H'] } else { ['d', 'D'] };
        let pieces: Vec<&str> = if size.contains(':') {
            size.split(':').collect()
        } else if let Some((whole, rest)) = size.split_once(letter) {
            let (minutes, seconds) = rest.split_once(['m', 'M'])?;
            vec![whole, minutes, seconds.trim_end().strip_suffix(['s', 'S'])?]
        } else {
            size.split_whitespace().collect()
        };
        let [whole, minutes, seconds] = pieces[..] else { return None };
        Some([whole_number(whole)?, whole_number(minutes)?, decimal(seconds)?])
    }
}

fn whole_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let digits = !text.is_empty() && text.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

fn decimal(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    plain.then(|| text.parse().ok())?
}
