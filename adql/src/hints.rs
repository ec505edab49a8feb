//! What did somebody mean who wrote another dialect, or slipped?
//!
//! The common mistakes of astronomers' queries, each with what to write instead. Knows words and tokens only; whether
//! something is wrong is found out elsewhere.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::dialect::is_structural;
use crate::reserved::is_reserved;
use crate::tokens::keyword;

/// What this language has in place of a function of another.
pub(crate) fn for_function(name: &str) -> Option<&'static str> {
    let cone =
        "write 1 = CONTAINS(POINT(ra, dec), CIRCLE(ra0, dec0, radius)), or DISTANCE(ra, dec, ra0, dec0) < radius";
    Some(match name.to_uppercase().as_str() {
        "ISNULL" | "IFNULL" | "NZ" => "write COALESCE(value, other)",
        "IF" | "IIF" | "IF_THEN_ELSE" | "DECODE" => "write CASE WHEN condition THEN value ELSE other END",
        "LEN" | "STRLEN" => "write LENGTH(text)",
        "GETDATE" | "SYSDATE" => "write NOW()",
        "CHARINDEX" | "INSTR" | "LOCATE" => "write POSITION(part IN text)",
        "TO_STRING" | "TO_NUMBER" | "CONVERT" => "write CAST(value AS type)",
        "SQR" | "SQUARE" => "write POWER(value, 2)",
        "STDEV" => "write STDDEV(value)",
        "CONE" | "CONESEARCH" | "CONE_SEARCH" | "FGETNEARBYOBJEQ" | "FGETOBJFROMRECTEQ" => cone,
        "SEPARATION" | "ANGSEP" | "ANG_SEP" | "ANGDIST" | "HAVERSINE" | "SCISQL_ANGSEP" => {
            "write DISTANCE(ra1, dec1, ra2, dec2), in degrees"
        }
        _ => return None,
    })
}

/// What a name that is no column is often meant to be.
pub(crate) fn for_column(name: &str, delimited: bool) -> Option<String> {
    if delimited {
        return Some(format!("names are in double quotes; a string is written '{name}'"));
    }
    Some(match name.to_uppercase().as_str() {
        "NAN" | "INF" | "INFINITY" => format!("numbers that are none are written in quotes: '{name}'"),
        "DISTINCT" | "ALL" => format!("{} goes before TOP", name.to_uppercase()),
        _ => return None,
    })
}

/// What was meant where the grammar did not go on: the token that was found, and those before it.
pub(crate) fn for_syntax(before: &[TokenWithSpan], found: &TokenWithSpan) -> Option<&'static str> {
    let back = |count: usize| before.len().checked_sub(count).and_then(|at| before.get(at)).map(|token| &token.token);
    let word = |count: usize| back(count).and_then(keyword);
    match (&found.token, back(1)) {
        (Token::Comma, Some(Token::Number(..))) if word(2) == Some(Keyword::LIMIT) => {
            Some("write LIMIT rows OFFSET first")
        }
        (Token::Comma, _) if word(2) == Some(Keyword::BETWEEN) => Some("write BETWEEN low AND high"),
        (Token::Lt, Some(Token::Eq)) => Some("write <="),
        (Token::Word(shape), _)
            if word(1) == Some(Keyword::IN)
                && ["CIRCLE", "BOX", "POLYGON", "REGION"].iter().any(|name| shape.value.eq_ignore_ascii_case(name)) =>
        {
            Some("write 1 = CONTAINS(point, region)")
        }
        (_, _) if word(1) == Some(Keyword::IN) => Some("write IN (value, value)"),
        (Token::Word(nan), _) if nan.value.eq_ignore_ascii_case("NAN") => match word(1) {
            Some(Keyword::NOT) => Some("write <> 'NaN'"),
            Some(Keyword::IS) => Some("write = 'NaN'"),
            _ => None,
        },
        (Token::Word(unit), Some(Token::Number(..))) if is_angle(&unit.value) => {
            Some("angles are degrees, written without a unit: 5 arcsec are 5/3600.")
        }
        (Token::Word(next), Some(Token::Word(last)))
            if !is_structural(next.keyword) && !is_structural(last.keyword) && !is_reserved(&next.value) =>
        {
            Some("is there a comma missing?")
        }
        _ => None,
    }
}

fn is_angle(word: &str) -> bool {
    ["deg", "degrees", "arcmin", "arcsec", "mas", "rad"].iter().any(|unit| word.eq_ignore_ascii_case(unit))
}
