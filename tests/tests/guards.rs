//! The guards that `make guards` removes one at a time: an hour, and so not every day. That each still stands in the code is
//! seen here.

use std::ffi::OsStr;

#[test]
fn every_guard_that_is_to_be_removed_is_in_the_code() {
    greenlight_tests::run_python("guards/remove.py", &[OsStr::new("--check")]).unwrap_or_else(|lost| panic!("{lost}"));
}
