//! Random texts as MOCs.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sidereus_fuzzing::Target;

fuzz_target!(|text: &str| {
    Target::Moc.read(text);
});
