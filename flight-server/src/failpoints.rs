//! Where can the process be made to end, to see what is left?
//!
//! In builds with debug assertions, `SIDEREUS_FAILPOINT=NAME` ends the process, as `kill -9` would, at the place of that name;
//! `NAME:3` the third time it gets there. Elsewhere a place costs nothing.

#[cfg(debug_assertions)]
pub(crate) fn reach(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};

    static REACHED: AtomicU32 = AtomicU32::new(0);
    let Ok(wanted) = std::env::var("SIDEREUS_FAILPOINT") else { return };
    let (wanted, time) = wanted.split_once(':').unwrap_or((&wanted, "1"));
    if wanted == name && time.parse() == Ok(REACHED.fetch_add(1, Ordering::Relaxed) + 1) {
        std::process::abort();
    }
}

#[cfg(not(debug_assertions))]
pub(crate) const fn reach(_name: &str) {}
