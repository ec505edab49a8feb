//! Random texts as units.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sidereus_fuzzing::Target;

fuzz_target!(|text: &str| {
    Target::Units.read(text);
});
