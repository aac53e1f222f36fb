//! The subjects of conditions on an HTTP response, for every kind that sends a request.

use crate::{Subject, reason_code::ReasonCode};

/// What conditions on a response can be about.
pub const RESPONSE_SUBJECTS: &[Subject] = &[
    Subject::status("status", ReasonCode::UnexpectedStatus),
    Subject::duration("latency", ReasonCode::TooSlow),
    Subject::text("body", ReasonCode::UnexpectedBody),
    Subject::headers("header", ReasonCode::UnexpectedHeader),
    Subject::json("json", ReasonCode::UnexpectedBody),
];
