//! What may stand in an XML document?
//!
//! Escapes text for element content and attributes alike. Characters that XML 1.0 cannot hold at all, not even escaped
//! (most control characters), become U+FFFD, so that a document with damaged strings still parses.

/// Appends text, escaped; tells whether a character had to be replaced.
pub(crate) fn escape_into(text: &str, out: &mut String) -> bool {
    let mut replaced = false;
    let mut start = 0;
    for (index, c) in text.char_indices() {
        let substitute = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&quot;",
            '\t' => "&#9;",
            '\n' => "&#10;",
            '\r' => "&#13;",
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                replaced = true;
                "\u{fffd}"
            }
            _ => continue,
        };
        out.push_str(&text[start..index]);
        out.push_str(substitute);
        start = index + c.len_utf8();
    }
    out.push_str(&text[start..]);
    replaced
}

/// Text, escaped.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape_into(text, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped_and_line_ends_survive() {
        assert_eq!(escaped("a<b & \"c\">\r\n\té"), "a&lt;b &amp; &quot;c&quot;&gt;&#13;&#10;&#9;é");
    }

    #[test]
    fn what_xml_cannot_hold_is_replaced_and_told() {
        let mut out = String::new();
        assert!(escape_into("a\u{0}b\u{1f}\u{ffff}", &mut out));
        assert_eq!(out, "a\u{fffd}b\u{fffd}\u{fffd}");
        assert!(!escape_into("plain", &mut out));
    }
}
