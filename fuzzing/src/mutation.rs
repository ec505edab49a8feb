//! How does another text come of a text? By changes of characters and of words.

use crate::random::Random;

/// Longest text that is made.
const LONGEST: usize = 64 << 10;
/// Characters to put in, beside those that are there.
const CHARACTERS: &str = "aE1.'\"()[]{}<>=!~*/%+-|&^,;:?$#@\\`_ \n\r\t\u{0}\u{a0}\u{feff}\u{200b}\u{e9}\u{1F30C}";

/// Changes a text in one to eight places; `other` lends parts.
pub(crate) fn mutated(text: &str, other: &str, words: &[&str], random: &mut Random) -> String {
    let mut text = text.to_owned();
    let most = 1 << random.below(4);
    for _ in 0..1 + random.below(most) {
        text = if random.below(3) == 0 {
            change_characters(&text, other, random)
        } else {
            change_words(&text, other, words, random)
        };
        if text.len() > LONGEST {
            text = text.chars().take(LONGEST / 4).collect();
        }
    }
    text
}

fn change_characters(text: &str, other: &str, random: &mut Random) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let at = random.below(characters.len() + 1);
    let end = (at + random.below(8)).min(characters.len());
    let given: Vec<char> = CHARACTERS.chars().collect();
    match random.below(5) {
        0 => characters.insert(at, *random.pick(&given)),
        1 => drop(characters.drain(at..end)),
        2 => {
            if let Some(character) = characters.get_mut(at) {
                *character = *random.pick(&given);
            }
        }
        3 => {
            let copied = characters[at..end].to_vec();
            characters.splice(at..at, copied);
        }
        _ => {
            let skipped = random.below(other.chars().count() + 1);
            characters.truncate(at);
            characters.extend(other.chars().skip(skipped));
        }
    }
    characters.into_iter().collect()
}

fn change_words(text: &str, other: &str, words: &[&str], random: &mut Random) -> String {
    let mut parts = split(text);
    let word: &str = words[random.below(words.len())];
    let at = random.below(parts.len() + 1);
    let end = (at + 1 + random.below(6)).min(parts.len());
    match random.below(8) {
        0 => parts.insert(at, word),
        1 => parts.splice(at..at, [" ", word, " "]).for_each(drop),
        2 if at < end => drop(parts.drain(at..end)),
        3 if at < parts.len() => parts[at] = word,
        4 if !parts.is_empty() => {
            let with = random.below(parts.len());
            parts.swap(at.min(with), with);
        }
        5 => {
            let lent = split(other);
            let from = random.below(lent.len() + 1);
            let to = (from + random.below(12)).min(lent.len());
            parts.splice(at..at, lent[from..to].iter().copied()).for_each(drop);
        }
        6 if at < end => {
            let copied = parts[at..end].to_vec();
            parts.splice(at..at, copied).for_each(drop);
        }
        7 if at < end && random.below(50) == 0 => {
            let most = 1 << random.below(11);
            let copied = parts[at..end].repeat(1 + random.below(most));
            parts.splice(at..at, copied).for_each(drop);
        }
        _ => {
            parts.insert(at, word);
            parts.insert(at, " ");
        }
    }
    parts.concat()
}

/// Words, numbers and single other characters.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let length = if is_word(first) { rest.find(|c| !is_word(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
        let (part, after) = rest.split_at(length);
        parts.push(part);
        rest = after;
    }
    parts
}
