//! `ivo_specconv(value, from, to)`: a wavelength, frequency, photon energy or wave number in another unit.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use datafusion::common::{Result, ScalarValue, plan_datafusion_err};
use datafusion::logical_expr::{Documentation, ReturnFieldArgs};

use super::super::arguments::Arguments;
use super::super::documentation::quantity_page;
use super::super::form::{Argument, Form};
use super::super::row_function::RowFunction;
use super::super::spatial::Returned;

/// Speed of light in metres a second.
const LIGHT: f64 = 299_792_458.0;
/// Planck's constant in joule seconds.
const PLANCK: f64 = 6.626_070_15e-34;
/// Joules in an electronvolt.
const ELECTRONVOLT: f64 = 1.602_176_634e-19;

/// What a unit measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Wavelength,
    Frequency,
    Energy,
    WaveNumber,
}

impl Quantity {
    /// The frequency in hertz of a value in SI units, and the other way round: each is its own inverse or a ratio.
    fn to_frequency(self, value: f64) -> f64 {
        match self {
            Self::Wavelength => LIGHT / value,
            Self::Frequency => value,
            Self::Energy => value / PLANCK,
            Self::WaveNumber => value * LIGHT,
        }
    }

    fn of_frequency(self, frequency: f64) -> f64 {
        match self {
            Self::Wavelength => LIGHT / frequency,
            Self::Frequency => frequency,
            Self::Energy => frequency * PLANCK,
            Self::WaveNumber => frequency / LIGHT,
        }
    }
}

/// A unit by its name in VOUnits.
type Unit = (&'static str, Quantity, f64);

const UNITS: [Unit; 27] = [
    ("m", Quantity::Wavelength, 1.0),
    ("cm", Quantity::Wavelength, 1e-2),
    ("mm", Quantity::Wavelength, 1e-3),
    ("um", Quantity::Wavelength, 1e-6),
    ("nm", Quantity::Wavelength, 1e-9),
    ("Angstrom", Quantity::Wavelength, 1e-10),
    ("pm", Quantity::Wavelength, 1e-12),
    ("km", Quantity::Wavelength, 1e3),
    ("Hz", Quantity::Frequency, 1.0),
    ("kHz", Quantity::Frequency, 1e3),
    ("MHz", Quantity::Frequency, 1e6),
    ("GHz", Quantity::Frequency, 1e9),
    ("THz", Quantity::Frequency, 1e12),
    ("PHz", Quantity::Frequency, 1e15),
    ("J", Quantity::Energy, 1.0),
    ("erg", Quantity::Energy, 1e-7),
    ("meV", Quantity::Energy, 1e-3 * ELECTRONVOLT),
    ("eV", Quantity::Energy, ELECTRONVOLT),
    ("keV", Quantity::Energy, 1e3 * ELECTRONVOLT),
    ("MeV", Quantity::Energy, 1e6 * ELECTRONVOLT),
    ("GeV", Quantity::Energy, 1e9 * ELECTRONVOLT),
    ("TeV", Quantity::Energy, 1e12 * ELECTRONVOLT),
    ("PeV", Quantity::Energy, 1e15 * ELECTRONVOLT),
    ("m**-1", Quantity::WaveNumber, 1.0),
    ("1/m", Quantity::WaveNumber, 1.0),
    ("cm**-1", Quantity::WaveNumber, 1e2),
    ("1/cm", Quantity::WaveNumber, 1e2),
];

/// Converts by the relations of light in vacuum.
///
/// *Units*: those named. *Nulls*: strict. *Errors*: a unit that is no literal, or not known. *Source*: the function of this
/// name of GAVO DaCHS, in its form of three arguments; constants of the SI (2019).
#[derive(Debug)]
pub(crate) struct SpecConv;

impl RowFunction for SpecConv {
    fn name(&self) -> &'static str {
        "ivo_specconv"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Number, Argument::Text, Argument::Text])]
    }

    fn returned(&self, call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        let literal = |index: usize| call.scalar_arguments.get(index).copied().flatten();
        unit(literal(1))?;
        Ok(unit(literal(2))?.map_or(Returned::Pure, |(name, ..)| Returned::Number(name)))
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let values = arguments.number(0)?;
        let named = |index: usize| {
            let text = ScalarValue::Utf8(arguments.text(index)?.get(0).map(str::to_owned));
            unit(Some(&text))
        };
        let (Some(from), Some(to)) = (named(1)?, named(2)?) else {
            return Ok(Arc::new(Float64Array::new_null(arguments.rows())));
        };
        let convert = |value: f64| match from.1 == to.1 {
            true => value * (from.2 / to.2),
            false => to.1.of_frequency(from.1.to_frequency(value * from.2)) / to.2,
        };
        Ok(Arc::new((0..arguments.rows()).map(|row| values.get(row).map(convert)).collect::<Float64Array>()))
    }

    fn documentation(&self) -> Documentation {
        let names: Vec<String> = UNITS.iter().map(|(name, ..)| format!("`{name}`")).collect();
        quantity_page(
            "A wavelength, frequency, photon energy or wave number (in vacuum) in another unit.",
            "IVO_SPECCONV(value, from, to)",
        )
        .with_argument("value", "a number")
        .with_argument("from, to", format!("units, written out: {}", names.join(", ")))
        .with_sql_example("SELECT IVO_SPECCONV(656.3, 'nm', 'THz')")
        .build()
    }
}

/// The unit that a literal names; `None` for a null.
fn unit(literal: Option<&ScalarValue>) -> Result<Option<Unit>> {
    let Some(text) = literal.and_then(ScalarValue::try_as_str) else {
        return Err(plan_datafusion_err!("the units of ivo_specconv must be strings, written out"));
    };
    let Some(name) = text else { return Ok(None) };
    let found = UNITS.iter().find(|(known, ..)| *known == name.trim());
    found.copied().map(Some).ok_or_else(|| {
        let shown: String = name.chars().take(40).collect();
        let known: Vec<&str> = UNITS.iter().map(|(name, ..)| *name).collect();
        plan_datafusion_err!("unknown spectral unit '{shown}', expected one of {}", known.join(", "))
    })
}
