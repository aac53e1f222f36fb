//! Any text as a gate file: it is refused in words, or it is printed, and what is printed means the same.
//! Nothing panics.

#![no_main]

use hook_core::{Hook, gate_file};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let faults = gate_file::check(text);
    let _ = gate_file::render(text, &faults, "greenlight.yaml");
    for hook in Hook::ALL {
        match gate_file::print(Some(text), hook) {
            Err(told) => assert_eq!(told, faults, "what is wrong depends on who reads it"),
            Ok(printed) => {
                assert!(faults.is_empty(), "{hook} takes a file with faults: {faults:?}");
                let again = gate_file::print(Some(&printed), hook)
                    .unwrap_or_else(|faults| panic!("what was printed has faults: {faults:?}\n{printed}"));
                assert_eq!(again, printed, "printed twice it is another file");
                assert_eq!(explained(&printed, hook), explained(text, hook), "what was printed means something else");
            }
        }
    }
});

/// What it means in words. Whether a check is built in is not said by what is printed.
fn explained(text: &str, hook: Hook) -> String {
    gate_file::explain(Some(text), hook).unwrap_or_default().replace(", built-in", "")
}
