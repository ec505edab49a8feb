//! Which values were bound last to a prepared statement?
//!
//! Binding gives a new handle that holds the values, and clients run that. Some (flightsql-dbapi) run the handle that they
//! prepared instead: for them the values are kept here, by the handle's identity, the latest of all within bounds.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use lru::LruCache;

/// Bytes of values that are kept.
const MAX_BYTES: usize = 32 << 20;

/// Values by the identity of the handle that they were bound to.
pub(super) struct Bound(Mutex<Kept>);

struct Kept {
    values: LruCache<Bytes, Bytes>,
    bytes: usize,
}

impl Default for Bound {
    fn default() -> Self {
        Self(Mutex::new(Kept { values: LruCache::unbounded(), bytes: 0 }))
    }
}

impl std::fmt::Debug for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bound").field("bytes", &self.lock().bytes).finish_non_exhaustive()
    }
}

impl Bound {
    /// Keeps values in place of those bound before.
    pub(super) fn keep(&self, handle: &Bytes, values: &Bytes) {
        let mut kept = self.lock();
        kept.bytes += values.len();
        let before = kept.values.put(handle.clone(), values.clone());
        kept.bytes -= before.map_or(0, |before| before.len());
        while kept.bytes > MAX_BYTES {
            let Some((_, oldest)) = kept.values.pop_lru() else { return };
            kept.bytes -= oldest.len();
        }
    }

    /// The values bound last; empty where none are kept.
    pub(super) fn find(&self, handle: &Bytes) -> Bytes {
        self.lock().values.get(handle).cloned().unwrap_or_default()
    }

    /// Forgets what was bound.
    pub(super) fn forget(&self, handle: &Bytes) {
        let mut kept = self.lock();
        let before = kept.values.pop(handle);
        kept.bytes -= before.map_or(0, |before| before.len());
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_values_are_kept_within_bounds() {
        let bound = Bound::default();
        let (one, other) = (Bytes::from_static(b"one"), Bytes::from_static(b"other"));
        assert!(bound.find(&one).is_empty());
        bound.keep(&one, &Bytes::from_static(b"1"));
        bound.keep(&one, &Bytes::from_static(b"22"));
        assert_eq!((bound.find(&one), bound.lock().bytes), (Bytes::from_static(b"22"), 2));
        bound.keep(&other, &Bytes::from(vec![0; MAX_BYTES]));
        assert!(bound.find(&one).is_empty() && bound.lock().bytes == MAX_BYTES);
        bound.forget(&other);
        assert_eq!((bound.find(&other), bound.lock().bytes), (Bytes::new(), 0));
    }
}
