//! Any bytes as the payload of an invocation, of a hook and of the safety net: it names an execution with two ids that
//! can be sent to AWS, or it is refused in words that are fit for a log. Nothing panics.

#![no_main]

use hook_core::fuzzing::{event, record};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    for read in [event(payload), record(payload)] {
        match read {
            Ok(ids) => {
                for id in ids {
                    assert!(!id.is_empty() && id.len() <= 8192, "an id of {} bytes", id.len());
                    assert!(id.bytes().all(|byte| byte.is_ascii_graphic()), "no id: {id:?}");
                }
            }
            Err(words) => {
                assert!(words.chars().count() <= 1000, "too long for a log: {words}");
                assert!(!words.chars().any(char::is_control), "not one line: {words:?}");
            }
        }
    }
});
