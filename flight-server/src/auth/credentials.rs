//! What does an `authorization` header say?
//!
//! Reads the schemes `Basic` (RFC 7617; base64 padded or not, since some Flight clients leave the padding out) and
//! `Bearer` (RFC 6750). It checks nothing but the form.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::AuthError;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Credentials as given, unchecked.
#[derive(PartialEq, Eq)]
pub(crate) enum Credentials {
    /// A user name and a password.
    Basic {
        /// Name.
        user: String,
        /// Password in the clear.
        password: String,
    },
    /// A token.
    Bearer(String),
}

impl Credentials {
    /// Reads a header value.
    pub(crate) fn parse(header: &str) -> Result<Self, AuthError> {
        let (scheme, value) = header.trim().split_once(' ').ok_or(AuthError::Malformed("no value after the scheme"))?;
        let value = value.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Ok(Self::Bearer(value.to_owned()));
        }
        if scheme.eq_ignore_ascii_case("basic") {
            return Self::basic(value);
        }
        Err(AuthError::Malformed("the scheme is neither Basic nor Bearer"))
    }

    fn basic(value: &str) -> Result<Self, AuthError> {
        let bytes = BASE64.decode(value).map_err(|_| AuthError::Malformed("the value is not base64"))?;
        let text = String::from_utf8(bytes).map_err(|_| AuthError::Malformed("the value is not UTF-8"))?;
        let (user, password) = text.split_once(':').ok_or(AuthError::Malformed("no colon after the user name"))?;
        Ok(Self::Basic { user: user.to_owned(), password: password.to_owned() })
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Basic { user, .. } => f.debug_struct("Basic").field("user", user).finish_non_exhaustive(),
            Self::Bearer(_) => f.write_str("Bearer(..)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_may_hold_colons() {
        let parsed = Credentials::parse("Basic YTpiOmM=").unwrap();
        assert_eq!(parsed, Credentials::Basic { user: "a".to_owned(), password: "b:c".to_owned() });
    }

    #[test]
    fn broken_headers_are_told_apart() {
        for (header, part) in [
            ("", "no value"),
            ("Basic", "no value"),
            ("Digest x", "neither"),
            ("Basic !!", "not base64"),
            ("Basic /////w==", "not UTF-8"),
            ("Basic YWJj", "no colon"),
        ] {
            let error = Credentials::parse(header).unwrap_err().to_string();
            assert!(error.contains(part), "{header}: {error}");
        }
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let shown = format!("{:?}", Credentials::parse("Basic YTpiOmM=").unwrap());
        assert!(!shown.contains("b:c"), "{shown}");
    }
}
