//! Random texts as regions.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sidereus_fuzzing::Target;

fuzz_target!(|text: &str| {
    Target::Stcs.read(text);
});
