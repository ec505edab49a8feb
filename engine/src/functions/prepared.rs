//! How is a constant region made ready for many points, once?
//!
//! A function sees its constants anew with every batch. Reading a region of thousands of members takes longer than
//! testing a batch against it, so the last few long texts keep their prepared form. What is kept changes no answer: it
//! is found by the whole text.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::common::Result;
use sidereus_sky::PreparedRegion;

use super::arguments::Geometries;

/// Shorter texts are read again each time.
const LONG_TEXT: usize = 256;

/// How many long texts are kept.
const KEPT: usize = 16;

static RECENT: Mutex<VecDeque<(String, Arc<PreparedRegion>)>> = Mutex::new(VecDeque::new());

/// The prepared form of a constant geometry; `None` where it is null.
///
/// *Errors*: a constant that describes no geometry.
pub(crate) fn prepared(region: &Geometries) -> Result<Option<Arc<PreparedRegion>>> {
    let long_text = region.text(0).filter(|text| text.len() >= LONG_TEXT);
    let Some(text) = long_text else {
        return Ok(region.region(0)?.map(|region| Arc::new(region.prepare())));
    };
    if let Some(kept) = recall(text) {
        return Ok(Some(kept));
    }
    let Some(made) = region.region(0)?.map(|region| Arc::new(region.prepare())) else { return Ok(None) };
    let mut recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    recent.truncate(KEPT - 1);
    recent.push_front((text.to_owned(), Arc::clone(&made)));
    Ok(Some(made))
}

fn recall(text: &str) -> Option<Arc<PreparedRegion>> {
    let recent = RECENT.lock().unwrap_or_else(PoisonError::into_inner);
    recent.iter().find(|(kept, _)| kept == text).map(|(_, prepared)| Arc::clone(prepared))
}
