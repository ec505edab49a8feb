//! On whose behalf a request runs.
//!
//! Front ends make a [`Principal`] from whatever credentials they were given; the engine only compares names and
//! groups. It knows no token, password or protocol.

use std::collections::BTreeSet;

/// Who is asking: anonymous, or a named user with groups.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Principal {
    name: Option<String>,
    groups: BTreeSet<String>,
}

impl Principal {
    /// Somebody who gave no credentials.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// A user whose credentials were checked.
    #[must_use]
    pub fn user(name: impl Into<String>, groups: impl IntoIterator<Item = String>) -> Self {
        Self { name: Some(name.into()), groups: groups.into_iter().collect() }
    }

    /// The user's name; `None` for anonymous.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Whether the principal belongs to a group.
    #[must_use]
    pub fn is_member(&self, group: &str) -> bool {
        self.groups.contains(group)
    }
}
