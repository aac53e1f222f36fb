//! Reads any text as a gate file. The text is either refused with diagnostics, or printed as a file that means the
//! same. Nothing panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lifecycle::Hook;

fuzz_target!(|text: &str| {
    let faults = gate::check(text);
    let _ = gate::render(text, &faults, "greenlight.yaml");
    for hook in Hook::ALL {
        match gate::to_yaml(Some(text), hook) {
            Err(found) => assert_eq!(found, faults, "`to_yaml` and `check` find different faults"),
            Ok(printed) => {
                assert!(faults.is_empty(), "{hook} accepts a file with faults: {faults:?}");
                let again = gate::to_yaml(Some(&printed), hook)
                    .unwrap_or_else(|faults| panic!("the printed file has faults: {faults:?}\n{printed}"));
                assert_eq!(again, printed, "printing the printed file gives a different file");
                assert_eq!(explained(&printed, hook), explained(text, hook), "the printed file means something else");
            }
        }
    }
});

/// The explanation of a gate file. A printed file does not mark built-in checks, so the mark is removed.
fn explained(text: &str, hook: Hook) -> String {
    gate::explain(Some(text), hook).map(|it| it.to_string()).unwrap_or_default().replace(", built-in", "")
}
