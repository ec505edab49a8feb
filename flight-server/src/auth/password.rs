//! How are passwords kept and compared?
//!
//! As argon2 hashes in PHC form (`$argon2id$v=19$m=..,t=..,p=..$salt$hash`). Everything here burns CPU by design: call it
//! from a blocking thread.

use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier, password_hash::SaltString};

/// Longest password that is looked at.
const MAX_PASSWORD_BYTES: usize = 1024;

/// Why a password or a hash is not usable.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PasswordError {
    /// Outside the accepted lengths.
    #[error("a password has 1 to {MAX_PASSWORD_BYTES} bytes")]
    Length,
    /// Not an argon2 hash in PHC form.
    #[error("not an argon2 hash in PHC form (make one with `sidereus hash-password`): {0}")]
    Hash(String),
}

/// Hashes a password with argon2id, its recommended parameters and a fresh salt.
pub(crate) fn hash_password(password: &str) -> Result<String, PasswordError> {
    if password.is_empty() || password.len() > MAX_PASSWORD_BYTES {
        return Err(PasswordError::Length);
    }
    let salt =
        SaltString::encode_b64(&rand::random::<[u8; 16]>()).map_err(|error| PasswordError::Hash(error.to_string()))?;
    let hash = Argon2::default()
        .hash_password(password.as_bytes(), &salt)
        .map_err(|error| PasswordError::Hash(error.to_string()))?;
    Ok(hash.to_string())
}

/// Whether a text is a hash that [`verify`] can use.
pub(crate) fn check_hash(hash: &str) -> Result<(), PasswordError> {
    let parsed = PasswordHash::new(hash).map_err(|error| PasswordError::Hash(error.to_string()))?;
    argon2::Algorithm::try_from(parsed.algorithm).map_err(|error| PasswordError::Hash(error.to_string()))?;
    argon2::Params::try_from(&parsed).map_err(|error| PasswordError::Hash(error.to_string()))?;
    if parsed.salt.is_none() || parsed.hash.is_none() {
        return Err(PasswordError::Hash("the salt or the hash is missing".to_owned()));
    }
    Ok(())
}

/// Whether a password belongs to a hash.
pub(super) fn verify(hash: &str, password: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(hash) else { return false };
    let usable = password.len() <= MAX_PASSWORD_BYTES;
    let candidate = if usable { password } else { "" };
    Argon2::default().verify_password(candidate.as_bytes(), &parsed).is_ok() && usable
}

/// A hash that no password is known for, where no user is configured.
pub(super) fn decoy() -> String {
    let unknown: String = rand::random::<[u8; 32]>().iter().map(|byte| format!("{byte:02x}")).collect();
    hash_password(&unknown).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_accepts_its_password_only() {
        let hash = hash_password("moons!").unwrap();
        assert!(hash.starts_with("$argon2id$"));
        check_hash(&hash).unwrap();
        assert!(verify(&hash, "moons!"));
        assert!(!verify(&hash, "moons") && !verify(&hash, "") && !verify(&hash, &"m".repeat(5000)));
    }

    #[test]
    fn equal_passwords_have_different_hashes() {
        assert_ne!(hash_password("moons!").unwrap(), hash_password("moons!").unwrap());
    }

    #[test]
    fn other_texts_are_no_hashes() {
        for text in ["", "moons!", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=19456,t=2,p=1"] {
            check_hash(text).unwrap_err();
        }
    }
}
