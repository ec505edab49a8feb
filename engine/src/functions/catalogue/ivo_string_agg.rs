//! `ivo_string_agg(text, delimiter)`: the texts of a group in one.
//!
//! DataFusion's `string_agg` does the work; here its results are bounded. In a query without `ORDER BY` inside the call
//! the texts come in the order in which the rows of the group are met.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::functions_aggregate::string_agg::string_agg_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, Signature,
};
use datafusion::physical_expr::expressions::Literal;

use super::super::documentation::text_page;

/// Bytes of the text of one group.
const TEXT_BYTES: usize = 64 << 20;

/// Bytes of a delimiter: it comes once a row.
const DELIMITER_BYTES: usize = 1024;

/// Joins the texts of a group; nulls are left out.
///
/// *Nulls*: null for a group without texts. *Errors*: a text of more than 64 MiB; a delimiter that is no literal or has
/// more than 1024 bytes. *Source*: IVOA catalogue of ADQL user-defined functions 1.2, section 2.5.
#[derive(Debug)]
pub(crate) struct StringAgg {
    plain: Arc<AggregateUDF>,
    documentation: Documentation,
}

impl StringAgg {
    /// The function.
    pub(crate) fn new() -> Self {
        let documentation = text_page(
            "The texts of a group in one, nulls left out: an aggregate. At most 64 MiB come of a group.",
            "IVO_STRING_AGG(text, delimiter)",
        )
        .with_argument("text", "the text; `ORDER BY` may follow the arguments")
        .with_argument("delimiter", "what comes between two texts, written out")
        .with_sql_example(
            "SELECT IVO_STRING_AGG(name, ', ' ORDER BY name)\nFROM (SELECT 'Rigel' AS name UNION ALL SELECT 'Deneb') AS stars",
        )
        .build();
        Self { plain: string_agg_udaf(), documentation }
    }
}

impl PartialEq for StringAgg {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for StringAgg {}

impl std::hash::Hash for StringAgg {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl AggregateUDFImpl for StringAgg {
    fn name(&self) -> &str {
        "ivo_string_agg"
    }

    fn signature(&self) -> &Signature {
        self.plain.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.plain.return_type(arg_types)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.plain.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        check_delimiter(&args)?;
        Ok(Box::new(BoundedText(self.plain.accumulator(args)?)))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.plain.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        check_delimiter(&args)?;
        Ok(Box::new(BoundedTexts(self.plain.create_groups_accumulator(args)?)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

fn check_delimiter(args: &AccumulatorArgs) -> Result<()> {
    let literal = args.exprs.get(1).and_then(|delimiter| delimiter.downcast_ref::<Literal>());
    match literal.and_then(|literal| literal.value().try_as_str()) {
        Some(delimiter) if delimiter.is_none_or(|text| text.len() <= DELIMITER_BYTES) => Ok(()),
        Some(_) => plan_err!("the delimiter of ivo_string_agg has more than {DELIMITER_BYTES} bytes"),
        None if literal.is_some_and(|literal| literal.value().is_null()) => Ok(()),
        None => plan_err!("the delimiter of ivo_string_agg must be a string, written out"),
    }
}

fn too_long<T>() -> Result<T> {
    exec_err!("ivo_string_agg would make a text of more than {} MiB", TEXT_BYTES >> 20)
}

/// One text.
#[derive(Debug)]
struct BoundedText(Box<dyn Accumulator>);

impl BoundedText {
    /// A buffer may have grown to twice its content.
    fn check(&self) -> Result<()> {
        if self.0.size() > 2 * TEXT_BYTES + DELIMITER_BYTES { too_long() } else { Ok(()) }
    }
}

impl Accumulator for BoundedText {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update_batch(values)?;
        self.check()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let text = self.0.evaluate()?;
        if text.try_as_str().flatten().is_some_and(|text| text.len() > TEXT_BYTES) { too_long() } else { Ok(text) }
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_batch(states)?;
        self.check()
    }
}

/// One text a group; all together are counted by the memory that a query may use.
struct BoundedTexts(Box<dyn GroupsAccumulator>);

impl GroupsAccumulator for BoundedTexts {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.0.update_batch(values, group_indices, opt_filter, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let texts = self.0.evaluate(emit_to)?;
        let offsets = texts.as_string::<i64>().value_offsets();
        let longest = offsets.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
        if usize::try_from(longest).is_ok_and(|longest| longest > TEXT_BYTES) { too_long() } else { Ok(texts) }
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.0.state(emit_to)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.0.merge_batch(values, group_indices, total_num_groups)
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.0.convert_to_state(values, opt_filter)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}
