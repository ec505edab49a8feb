//! What does GetSqlInfo answer?
//!
//! Every code of the protocol has an answer here: 0-11, 100-101 and 500-576. Drivers fail in unrelated calls where a
//! single one is missing, so none may be. "No limit" is 0, as the protocol asks. What the language offers is told as
//! it is; a code that promises more than the server does would be a defect.

use std::collections::HashMap;
use std::sync::LazyLock;

use arrow::array::RecordBatch;
use arrow_flight::error::FlightError;
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{
    SqlInfo, SqlNullOrdering, SqlOuterJoinsSupportLevel, SqlSupportedCaseSensitivity, SqlSupportedGroupBy,
    SqlSupportedResultSetConcurrency, SqlSupportedResultSetType, SqlSupportedSubqueries, SqlSupportedTransaction,
    SqlSupportedUnions, SqlSupportsConvert, SqlTransactionIsolationLevel, SupportedSqlGrammar,
};
use tonic::Status;

use super::prepared::HANDLE_LIFE;
use super::status::defect;

/// Functions on numbers that both labels know.
const NUMERIC: &[&str] = &[
    "ABS", "ACOS", "ASIN", "ATAN", "ATAN2", "CEILING", "COS", "COT", "DEGREES", "EXP", "FLOOR", "LOG", "LOG10", "MOD",
    "PI", "POWER", "RADIANS", "RAND", "ROUND", "SIN", "SQRT", "TAN", "TRUNCATE",
];
/// Functions on strings that both labels know.
const STRING: &[&str] = &["LOWER", "UPPER"];
/// Everything else: here, the geometry of ADQL.
const SYSTEM: &[&str] = &[
    "AREA",
    "BOX",
    "CENTROID",
    "CIRCLE",
    "COALESCE",
    "CONTAINS",
    "COORD1",
    "COORD2",
    "COORDSYS",
    "DISTANCE",
    "INTERSECTS",
    "POINT",
    "POLYGON",
    "REGION",
];
/// Words that are reserved beyond SQL-92: those of ADQL.
const KEYWORDS: &[&str] = &[
    "ABS",
    "ACOS",
    "AREA",
    "ASIN",
    "ATAN",
    "ATAN2",
    "BIGINT",
    "BOX",
    "CEILING",
    "CENTROID",
    "CIRCLE",
    "CONTAINS",
    "COORD1",
    "COORD2",
    "COORDSYS",
    "COS",
    "COT",
    "DEGREES",
    "DISTANCE",
    "EXP",
    "FLOOR",
    "ILIKE",
    "INTERSECTS",
    "IN_UNIT",
    "LOG",
    "LOG10",
    "MOD",
    "OFFSET",
    "PI",
    "POINT",
    "POLYGON",
    "POWER",
    "RADIANS",
    "RAND",
    "REGION",
    "ROUND",
    "SIN",
    "SQRT",
    "TAN",
    "TOP",
    "TRUNCATE",
];

static ANSWERS: LazyLock<Result<SqlInfoData, FlightError>> = LazyLock::new(|| {
    let mut builder = SqlInfoDataBuilder::new();
    server(&mut builder);
    names(&mut builder);
    language(&mut builder);
    limits(&mut builder);
    transactions_and_cursors(&mut builder);
    builder.build()
});

/// Rows of the answer to GetSqlInfo: those of the codes asked for, or all where none was named.
pub(super) fn sql_info(codes: &[u32]) -> Result<RecordBatch, Status> {
    ANSWERS.as_ref().map_err(defect)?.record_batch(codes.iter().copied()).map_err(defect)
}

/// What the server is and does.
fn server(builder: &mut SqlInfoDataBuilder) {
    builder.append(SqlInfo::FlightSqlServerName, "Sidereus");
    builder.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    builder.append(SqlInfo::FlightSqlServerArrowVersion, "1.5");
    builder.append(SqlInfo::FlightSqlServerReadOnly, true);
    builder.append(SqlInfo::FlightSqlServerSql, true);
    builder.append(SqlInfo::FlightSqlServerSubstrait, false);
    builder.append(SqlInfo::FlightSqlServerSubstraitMinVersion, "");
    builder.append(SqlInfo::FlightSqlServerSubstraitMaxVersion, "");
    builder.append(SqlInfo::FlightSqlServerTransaction, SqlSupportedTransaction::None as i32);
    builder.append(SqlInfo::FlightSqlServerCancel, true);
    builder.append(SqlInfo::FlightSqlServerBulkIngestion, true);
    builder.append(SqlInfo::FlightSqlServerIngestTransactionsSupported, false);
    let life = i32::try_from(HANDLE_LIFE.as_millis()).unwrap_or(i32::MAX);
    builder.append(SqlInfo::FlightSqlServerStatementTimeout, life);
    builder.append(SqlInfo::FlightSqlServerTransactionTimeout, 0_i32);
    for code in [SqlInfo::SqlDdlCatalog, SqlInfo::SqlDdlSchema, SqlInfo::SqlDdlTable] {
        builder.append(code, false);
    }
}

/// How names are written and compared.
fn names(builder: &mut SqlInfoDataBuilder) {
    // Undelimited names match in any case, delimited ones exactly.
    builder.append(SqlInfo::SqlIdentifierCase, SqlSupportedCaseSensitivity::SqlCaseSensitivityCaseInsensitive as i32);
    builder.append(SqlInfo::SqlQuotedIdentifierCase, SqlSupportedCaseSensitivity::SqlCaseSensitivityUnknown as i32);
    builder.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    builder.append(SqlInfo::SqlExtraNameCharacters, "");
    builder.append(SqlInfo::SqlSearchStringEscape, "\\");
    builder.append(SqlInfo::SqlSchemaTerm, "schema");
    builder.append(SqlInfo::SqlProcedureTerm, "function");
    builder.append(SqlInfo::SqlCatalogTerm, "catalog");
    builder.append(SqlInfo::SqlCatalogAtStart, true);
    builder.append(SqlInfo::SqlAllTablesAreSelectable, true);
    builder.append(SqlInfo::SqlSupportsColumnAliasing, true);
    builder.append(SqlInfo::SqlSupportsTableCorrelationNames, true);
    builder.append(SqlInfo::SqlSupportsDifferentTableCorrelationNames, false);
    builder.append(SqlInfo::SqlSupportsNonNullableColumns, true);
}

/// What queries may say.
fn language(builder: &mut SqlInfoDataBuilder) {
    builder.append(SqlInfo::SqlNullOrdering, SqlNullOrdering::SqlNullsSortedHigh as i32);
    builder.append(SqlInfo::SqlKeywords, KEYWORDS);
    builder.append(SqlInfo::SqlNumericFunctions, NUMERIC);
    builder.append(SqlInfo::SqlStringFunctions, STRING);
    builder.append(SqlInfo::SqlSystemFunctions, SYSTEM);
    builder.append(SqlInfo::SqlDatetimeFunctions, &[] as &[&str]);
    builder.append(SqlInfo::SqlNullPlusNullIsNull, true);
    builder.append(SqlInfo::SqlSupportsConvert, conversions());
    builder.append(SqlInfo::SqlSupportsExpressionsInOrderBy, true);
    builder.append(SqlInfo::SqlSupportsOrderByUnrelated, true);
    builder.append(SqlInfo::SqlSupportedGroupBy, bits(&[SqlSupportedGroupBy::SqlGroupByUnrelated as i32]));
    builder.append(SqlInfo::SqlSupportsLikeEscapeClause, true);
    builder.append(SqlInfo::SqlSupportedGrammar, bits(&[SupportedSqlGrammar::SqlMinimumGrammar as i32]));
    // Bit 0 is the entry level.
    builder.append(SqlInfo::SqlAnsi92SupportedLevel, 1_i32);
    builder.append(SqlInfo::SqlSupportsIntegrityEnhancementFacility, false);
    builder.append(SqlInfo::SqlOuterJoinsSupportLevel, SqlOuterJoinsSupportLevel::SqlFullOuterJoins as i32);
    for code in [SqlInfo::SqlSchemasSupportedActions, SqlInfo::SqlCatalogsSupportedActions] {
        builder.append(code, 0_i32);
    }
    builder.append(SqlInfo::SqlSupportedPositionedCommands, 0_i32);
    builder.append(SqlInfo::SqlSelectForUpdateSupported, false);
    builder.append(SqlInfo::SqlStoredProceduresSupported, false);
    let subqueries = [
        SqlSupportedSubqueries::SqlSubqueriesInComparisons,
        SqlSupportedSubqueries::SqlSubqueriesInExists,
        SqlSupportedSubqueries::SqlSubqueriesInIns,
    ];
    builder.append(SqlInfo::SqlSupportedSubqueries, bits(&subqueries.map(|subquery| subquery as i32)));
    builder.append(SqlInfo::SqlCorrelatedSubqueriesSupported, true);
    let unions = [SqlSupportedUnions::SqlUnion as i32, SqlSupportedUnions::SqlUnionAll as i32];
    builder.append(SqlInfo::SqlSupportedUnions, bits(&unions));
}

/// Which types CAST turns into which.
fn conversions() -> HashMap<i32, Vec<i32>> {
    let numbers = [
        SqlSupportsConvert::SqlConvertSmallint,
        SqlSupportsConvert::SqlConvertInteger,
        SqlSupportsConvert::SqlConvertBigint,
        SqlSupportsConvert::SqlConvertReal,
        SqlSupportsConvert::SqlConvertFloat,
        SqlSupportsConvert::SqlConvertVarchar,
    ]
    .map(|target| target as i32);
    numbers.iter().map(|source| (*source, numbers.to_vec())).collect()
}

/// Limits of 0 are unknown or none.
fn limits(builder: &mut SqlInfoDataBuilder) {
    let unlimited = (SqlInfo::SqlMaxBinaryLiteralLength as i32..=SqlInfo::SqlMaxUsernameLength as i32)
        .filter(|code| *code != SqlInfo::SqlMaxRowSizeIncludesBlobs as i32)
        .filter_map(|code| u32::try_from(code).ok());
    for code in unlimited {
        builder.append(code, 0_i64);
    }
    builder.append(SqlInfo::SqlMaxRowSizeIncludesBlobs, true);
}

/// There are no transactions, and results are read once from front to back.
fn transactions_and_cursors(builder: &mut SqlInfoDataBuilder) {
    let isolation = SqlTransactionIsolationLevel::SqlTransactionNone as i32;
    builder.append(SqlInfo::SqlDefaultTransactionIsolation, isolation);
    builder.append(SqlInfo::SqlTransactionsSupported, false);
    builder.append(SqlInfo::SqlSupportedTransactionsIsolationLevels, bits(&[isolation]));
    builder.append(SqlInfo::SqlDataDefinitionCausesTransactionCommit, false);
    builder.append(SqlInfo::SqlDataDefinitionsInTransactionsIgnored, false);
    let forward = SqlSupportedResultSetType::SqlResultSetTypeForwardOnly as i32;
    builder.append(SqlInfo::SqlSupportedResultSetTypes, bits(&[forward]));
    let read_only = bits(&[SqlSupportedResultSetConcurrency::SqlResultSetConcurrencyReadOnly as i32]);
    builder.append(SqlInfo::SqlSupportedConcurrenciesForResultSetUnspecified, 0_i32);
    builder.append(SqlInfo::SqlSupportedConcurrenciesForResultSetForwardOnly, read_only);
    builder.append(SqlInfo::SqlSupportedConcurrenciesForResultSetScrollSensitive, 0_i32);
    builder.append(SqlInfo::SqlSupportedConcurrenciesForResultSetScrollInsensitive, 0_i32);
    for code in [
        SqlInfo::SqlBatchUpdatesSupported,
        SqlInfo::SqlSavepointsSupported,
        SqlInfo::SqlNamedParametersSupported,
        SqlInfo::SqlLocatorsUpdateCopy,
        SqlInfo::SqlStoredFunctionsUsingCallSyntaxSupported,
    ] {
        builder.append(code, false);
    }
}

/// A bit mask with one bit for each ordinal.
fn bits(ordinals: &[i32]) -> i32 {
    ordinals.iter().fold(0, |mask, ordinal| mask | (1 << ordinal))
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::{DataType, UInt32Type};

    use super::*;

    #[test]
    fn every_code_is_answered_and_no_list_means_all() {
        let expected: Vec<u32> = [0..=11, 100..=101, 500..=576].into_iter().flatten().collect();
        assert_eq!(codes(&sql_info(&[]).expect("all")), expected);
        assert_eq!(codes(&sql_info(&expected).expect("all by name")), expected);
    }

    #[test]
    fn a_choice_is_answered_and_unknown_codes_give_no_rows() {
        assert_eq!(codes(&sql_info(&[8, 0, 9999]).expect("two")), [0, 8]);
        assert_eq!(codes(&sql_info(&[9999]).expect("none")), [] as [u32; 0]);
    }

    #[test]
    fn the_schema_is_the_protocols() {
        let schema = sql_info(&[]).expect("all").schema();
        let names: Vec<_> = schema.fields().iter().map(|field| (field.name().as_str(), field.is_nullable())).collect();
        assert_eq!(names, [("info_name", false), ("value", false)]);
        assert_eq!(schema.field(0).data_type(), &DataType::UInt32);
        assert!(matches!(schema.field(1).data_type(), DataType::Union(children, _) if children.len() == 6));
    }

    #[test]
    fn answers_have_the_protocols_types() {
        // Children of the union: text, truth value, int64, int32, list, map.
        for (code, child) in [
            (0, 0),
            (3, 1),
            (8, 3),
            (100, 3),
            (500, 1),
            (503, 3),
            (504, 0),
            (508, 4),
            (512, 4),
            (517, 5),
            (522, 3),
            (526, 3),
            (532, 1),
            (541, 2),
            (556, 1),
            (561, 2),
            (562, 3),
            (563, 1),
            (567, 3),
            (576, 1),
        ] {
            let batch = sql_info(&[code]).expect("one");
            assert_eq!(batch.column(1).as_union().type_id(0), child, "code {code}");
        }
    }

    fn codes(batch: &RecordBatch) -> Vec<u32> {
        batch.column(0).as_primitive::<UInt32Type>().values().to_vec()
    }
}
