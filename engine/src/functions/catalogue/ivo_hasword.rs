//! `ivo_hasword(text, words)`: are all these words in a text?

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array};
use datafusion::common::Result;
use datafusion::logical_expr::{Documentation, ReturnFieldArgs};

use super::super::arguments::Arguments;
use super::super::documentation::text_page;
use super::super::form::{Argument, Form};
use super::super::row_function::RowFunction;
use super::super::spatial::Returned;

/// Compares words by their stems, whatever the case; a word is a run of letters and digits.
///
/// *Nulls*: strict. No words are in every text. *Source*: IVOA catalogue of ADQL user-defined functions 1.2, section 2.5
/// (RegTAP 1.1 section 9), which leaves the stems to the service.
#[derive(Debug)]
pub(crate) struct HasWord;

impl RowFunction for HasWord {
    fn name(&self) -> &'static str {
        "ivo_hasword"
    }

    fn forms(&self) -> &'static [Form] {
        &[Form::Exact(&[Argument::Text, Argument::Text])]
    }

    fn returned(&self, _call: &ReturnFieldArgs<'_>) -> Result<Returned> {
        Ok(Returned::Flag)
    }

    fn invoke(&self, arguments: &Arguments) -> Result<ArrayRef> {
        let (texts, needles) = (arguments.text(0)?, arguments.text(1)?);
        let mut flags = Int32Array::builder(arguments.rows());
        let (mut asked, mut wanted) = (String::new(), HashSet::new());
        for row in 0..arguments.rows() {
            let (Some(text), Some(needle)) = (texts.get(row), needles.get(row)) else {
                flags.append_null();
                continue;
            };
            if needle != asked {
                needle.clone_into(&mut asked);
                wanted = words(needle).collect();
            }
            let mut missing = wanted.clone();
            let found = missing.is_empty() || words(text).any(|word| missing.remove(&word) && missing.is_empty());
            flags.append_value(i32::from(found));
        }
        Ok(Arc::new(flags.finish()))
    }

    fn documentation(&self) -> Documentation {
        text_page("1 where all words are in a text, in any order and case, else 0.", "IVO_HASWORD(text, words)")
            .with_argument("text", "the text")
            .with_argument(
                "words",
                "one or more words; endings of English (`-s`, `-ed`, `-ing`) do not count on either side",
            )
            .with_sql_example("SELECT IVO_HASWORD('A catalogue of observed galaxies', 'galaxy observe')")
            .build()
    }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(stem)
}

/// What is left of a word without the endings of English; the same word gives the same stem.
///
/// *Source*: Harman 1991, JASIS 42, 7 (plurals); participles as in Porter 1980, Program 14, 130, step 1b.
fn stem(word: &str) -> String {
    let mut word = singular(word.to_lowercase());
    for ending in ["ing", "ed"] {
        if let Some(rest) = word.strip_suffix(ending)
            && rest.len() > 2
            && rest.contains(['a', 'e', 'i', 'o', 'u', 'y'])
        {
            word.truncate(rest.len());
            undouble(&mut word);
            break;
        }
    }
    // Participles such as shown and grown; a final e is gone from observing, too.
    for (ending, cut) in [("wn", 1), ("e", 1)] {
        if word.ends_with(ending) && word.len() > 3 {
            word.truncate(word.len() - cut);
        }
    }
    word
}

fn singular(mut word: String) -> String {
    if word.len() > 4 && word.ends_with("ies") && !word.ends_with("eies") && !word.ends_with("aies") {
        word.truncate(word.len() - 3);
        word.push('y');
    } else if word.len() > 3 && word.ends_with('s') && !word.ends_with("us") && !word.ends_with("ss") {
        word.truncate(word.len() - 1);
    }
    word
}

/// mapp(ing) to map; fall(ing), pass(ed) stay.
fn undouble(word: &mut String) {
    let mut last = word.chars().rev();
    if let (Some(one), Some(two)) = (last.next(), last.next())
        && one == two
        && !matches!(one, 'l' | 's' | 'z' | 'a' | 'e' | 'i' | 'o' | 'u')
    {
        word.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn forms_of_a_word_have_one_stem() {
        for forms in [
            &["galaxy", "Galaxies"][..],
            &["observe", "observed", "observing", "observes"],
            &["map", "maps", "mapped", "mapping"],
            &["show", "shown", "shows"],
            &["image", "images", "imaging", "imaged"],
            &["pass", "passed"],
        ] {
            let stems: Vec<String> = forms.iter().map(|word| stem(word)).collect();
            assert!(stems.iter().all(|stem| stem == &stems[0]), "{stems:?}");
        }
    }

    #[test]
    fn other_words_keep_apart() {
        for (one, other) in
            [("star", "start"), ("soup", "shown"), ("ring", "red"), ("nebula", "nebular"), ("virus", "vir")]
        {
            assert_ne!(stem(one), stem(other));
        }
        assert_eq!(stem("ÉTOILES"), stem("étoile"));
    }
}
