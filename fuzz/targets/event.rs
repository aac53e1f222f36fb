//! Feeds any bytes to the hooks and to on-failure as the payload of an invocation. The payload either yields two ids
//! that can be sent to AWS, or is refused with a message that is fit for a log. Nothing panics.

#![no_main]

use hook_core::fuzzing::{event, record};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &[u8]| {
    for read in [event(payload), record(payload)] {
        match read {
            Ok(ids) => {
                for id in ids {
                    assert!(!id.is_empty() && id.len() <= 8192, "an id of {} bytes", id.len());
                    assert!(
                        id.bytes().all(|byte| byte.is_ascii_graphic()),
                        "the id has characters that AWS refuses: {id:?}"
                    );
                }
            }
            Err(words) => {
                assert!(words.chars().count() <= 1000, "the message is too long for a log: {words}");
                assert!(!words.chars().any(char::is_control), "the message has control characters: {words:?}");
            }
        }
    }
});
