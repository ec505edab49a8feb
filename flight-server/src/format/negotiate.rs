//! Which format suits a client that asks for none?
//!
//! VOTable, as TAP 1.1 (section 2.7.3) wants it: in BINARY2 for programs, since they read it many times faster, and in
//! TABLEDATA for whoever looks at the text: browsers, curl and its like, and those who do not say who they are. A header
//! `Accept` that names a format, and not just anything, is followed.

use super::{OutputFormat, find, votable};

/// Starts of `User-Agent`, lower case, of programs that show what they get.
const READERS: [&str; 6] = ["mozilla/", "curl/", "wget/", "httpie/", "postmanruntime/", "opera/"];

/// The format of an answer whose request names none, by the headers `Accept` and `User-Agent`.
///
/// `Accept` counts where its first media type is one that is served, not HTML or any XML, which browsers always name.
pub(crate) fn default_for(accept: Option<&str>, user_agent: Option<&str>) -> &'static dyn OutputFormat {
    if let Some(format) = accept.and_then(accepted) {
        return format;
    }
    let agent = user_agent.unwrap_or_default().trim().to_ascii_lowercase();
    if agent.is_empty() || READERS.iter().any(|start| agent.starts_with(start)) {
        &votable::TableData
    } else {
        &votable::Binary2
    }
}

fn accepted(accept: &str) -> Option<&'static dyn OutputFormat> {
    let first = accept.split(',').next().unwrap_or_default().trim();
    // Weights are no part of the media type.
    let kept: Vec<&str> = first.split(';').filter(|part| !part.trim_start().starts_with("q=")).collect();
    let name = kept.join(";").to_ascii_lowercase();
    let is_unspecific = !name.contains('/') || matches!(name.trim(), "text/html" | "text/xml" | "application/xml");
    find(&name).filter(|format| format.is_served() && !is_unspecific)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_get_binary_and_readers_text() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for (accept, agent, expected) in [
            (Some("*/*"), Some("python-requests/2.32"), "votable/b2"),
            (Some("text/html, image/gif, image/jpeg, */*; q=0.2"), Some("STILTS/3.5-2 Java/17"), "votable/b2"),
            (Some("*/*"), Some("curl/7.88.1"), "votable"),
            (Some(browser), Some("Mozilla/5.0 (X11)"), "votable"),
            (None, None, "votable"),
            (Some("text/csv;q=0.9"), Some("curl/7.88.1"), "csv"),
            (Some("application/json, */*"), None, "json"),
            (Some("text/xml"), Some("Java/17"), "votable/b2"),
            (Some("application/x-votable+xml"), Some("pyvo/1.9"), "votable"),
            (Some("csv"), None, "votable"),
        ] {
            assert_eq!(default_for(accept, agent).name(), expected, "{accept:?} {agent:?}");
        }
    }
}
