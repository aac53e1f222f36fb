//! `make guards` removes one safeguard at a time, which takes an hour, so it does not run every day. This test only
//! checks that each safeguard is still in the code.

use std::ffi::OsStr;

#[test]
fn every_safeguard_to_remove_is_in_the_code() {
    greenlight_tests::run_python("guards/remove.py", &[OsStr::new("--check")]).unwrap_or_else(|lost| panic!("{lost}"));
}
