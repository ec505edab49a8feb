//! What is a spatial function, to DataFusion and to our own rules?
//!
//! A function is a [`SpatialFunction`]; [`SpatialUdf`] is the one concrete type that shows any of them to DataFusion.
//! Rules downcast to it and ask the hooks [`SpatialFunction::shape`], [`SpatialFunction::predicate`] and
//! [`SpatialFunction::separation`]; no rule looks at a name.
//!
//! Every spatial function is strict (a null argument makes the result null) and immutable.
//!
//! This module must not know any single SQL function.

use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, plan_datafusion_err};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::arguments::Arguments;
use super::form::{Form, coerce};
use super::geometry_type::GeometryKind;
use super::predicate::SpatialPredicate;

/// What a function returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Returned {
    /// A geometry of this kind.
    Geometry(GeometryKind),
    /// A number, `Float64`, in a unit.
    Number(&'static str),
    /// A number without unit, `Float64`.
    Pure,
    /// A whole number, `Int64`.
    Integer,
    /// Six numbers, `Float64`: an astrometric solution.
    Astrometry,
    /// 1 or 0, `Int32`.
    Flag,
    /// A text.
    Text,
}

impl Returned {
    /// A nullable field of such values.
    pub(crate) fn field(self, name: &str) -> Field {
        match self {
            Self::Geometry(kind) => kind.field(name),
            Self::Number(unit) => {
                Field::new(name, DataType::Float64, true).with_metadata([("unit".to_owned(), unit.to_owned())].into())
            }
            Self::Pure => Field::new(name, DataType::Float64, true),
            Self::Integer => Field::new(name, DataType::Int64, true),
            Self::Astrometry => {
                let item = Arc::new(Field::new("item", DataType::Float64, true));
                Field::new(name, DataType::FixedSizeList(item, 6), true)
            }
            Self::Flag => Field::new(name, DataType::Int32, true),
            Self::Text => Field::new(name, DataType::Utf8, true),
        }
    }
}

/// A position written as two expressions in degrees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position<'a> {
    /// Longitude.
    pub(crate) lon: &'a Expr,
    /// Latitude.
    pub(crate) lat: &'a Expr,
}

/// A geometry that a call puts together from expressions.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape<'a> {
    /// A point.
    Point(Position<'a>),
    /// A circle; the radius in degrees.
    Circle(Position<'a>, &'a Expr),
    /// An ellipse; the longer half axis in degrees, beyond which it does not reach.
    Ellipse(Position<'a>, &'a Expr),
}

/// The two ends of a separation; each is a position in expressions or a geometry that is one point.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SeparationEnd<'a> {
    /// Two expressions in degrees.
    Position(Position<'a>),
    /// An expression of kind point.
    Point(&'a Expr),
}

/// A SQL function over geometries.
pub(crate) trait SpatialFunction: Debug + Send + Sync {
    /// The name in lowered SQL, unique.
    fn name(&self) -> &'static str;

    /// What it can be called with.
    fn forms(&self) -> &'static [Form];

    /// What it returns.
    fn returned(&self) -> Returned;

    /// Evaluates a batch: as many values as `arguments.rows()`.
    ///
    /// *Nulls*: a null in a row makes that row's result null; constant nulls do not get here.
    ///
    /// *Errors*: an impossible geometry among the constants; see [`Arguments::settle`].
    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef>;

    /// Its page: description, argument by argument, and an example that runs.
    fn documentation(&self) -> Documentation;

    /// The geometry that a call puts together, where it is one of [`Shape`].
    fn shape<'a>(&self, args: &'a [Expr]) -> Option<Shape<'a>> {
        let _ = args;
        None
    }

    /// Which positions a call answers with 1, all others with 0; `None` when it is no such question.
    fn predicate(&self, args: &[Expr]) -> Option<SpatialPredicate> {
        let _ = args;
        None
    }

    /// Which two geometries share a position wherever a call is answered with 1; `None` when it is no such question.
    fn overlap<'a>(&self, args: &'a [Expr]) -> Option<[&'a Expr; 2]> {
        let _ = args;
        None
    }

    /// Between which two positions a call measures; `None` when it does not.
    fn separation<'a>(&self, args: &'a [Expr]) -> Option<[SeparationEnd<'a>; 2]> {
        let _ = args;
        None
    }
}

/// Shows a [`SpatialFunction`] to DataFusion; two are equal when their names are.
#[derive(Debug)]
pub(crate) struct SpatialUdf {
    function: Arc<dyn SpatialFunction>,
    signature: Signature,
    documentation: Documentation,
}

impl SpatialUdf {
    /// Wraps a function.
    pub(crate) fn new(function: Arc<dyn SpatialFunction>) -> Self {
        let documentation = function.documentation();
        Self { function, signature: Signature::user_defined(Volatility::Immutable), documentation }
    }

    /// The function within.
    pub(crate) fn function(&self) -> &dyn SpatialFunction {
        self.function.as_ref()
    }

    /// The spatial function and the arguments of a call; `None` for any other expression.
    pub(crate) fn call(expr: &Expr) -> Option<(&dyn SpatialFunction, &[Expr])> {
        let Expr::ScalarFunction(call) = expr else { return None };
        let udf = call.func.inner().downcast_ref::<Self>()?;
        Some((udf.function(), &call.args))
    }
}

impl PartialEq for SpatialUdf {
    fn eq(&self, other: &Self) -> bool {
        self.function.name() == other.function.name()
    }
}

impl Eq for SpatialUdf {}

impl Hash for SpatialUdf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.name().hash(state);
    }
}

impl From<SpatialUdf> for Arc<ScalarUDF> {
    fn from(udf: SpatialUdf) -> Self {
        Self::new(ScalarUDF::new_from_impl(udf))
    }
}

impl ScalarUDFImpl for SpatialUdf {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(self.function.returned().field(self.name()).data_type().clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        for (index, field) in args.arg_fields.iter().enumerate() {
            refuse_other_kind(self.name(), index, field)?;
        }
        Ok(Arc::new(self.function.returned().field(self.name())))
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        coerce(self.name(), self.function.forms(), arg_types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let return_type = args.return_field.data_type().clone();
        let Some(arguments) = Arguments::new(args) else {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from(&return_type)?));
        };
        arguments.result(self.name(), self.function.invoke(&arguments)?)
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// Refuses an argument whose field has the shape of a geometry and says that it is something else.
pub(crate) fn refuse_other_kind(name: &str, index: usize, field: &Field) -> Result<()> {
    let has_shape = GeometryKind::of_shape(field.data_type()).is_some_and(|kind| kind != GeometryKind::Region);
    if !has_shape || GeometryKind::of(field).is_some() {
        return Ok(());
    }
    let found = field.metadata().get(super::geometry_type::XTYPE).map_or("", String::as_str);
    Err(plan_datafusion_err!("argument {} of {name} is of type {found}, no geometry", index + 1))
}
