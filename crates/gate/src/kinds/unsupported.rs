//! Keys of the gate file that these hooks cannot execute yet. They are parsed, so that their own errors show, and
//! rejected: a check that ends only when the deployment is half done does not help.

use crate::{MapReader, Subject, reason_code::ReasonCode};

/// The subjects of many requests together, in addition to those of each request.
const AGGREGATE_SUBJECTS: &[Subject] = &[
    Subject::percent("success_rate", ReasonCode::UnexpectedStatus),
    Subject::duration("p50", ReasonCode::TooSlow),
    Subject::duration("p90", ReasonCode::TooSlow),
    Subject::duration("p95", ReasonCode::TooSlow),
    Subject::duration("p99", ReasonCode::TooSlow),
];

/// More requests than this are a load test, which belongs elsewhere.
const MAX_REQUESTS: u32 = 100_000;

/// Parses and rejects such keys of a check, if the file has them. No suggestion and no schema mentions them.
pub fn read(kind: &str, fields: &mut MapReader<'_>) {
    if kind == "http" {
        if fields.is_in_file("repeat") {
            fields.number("repeat", 1..=MAX_REQUESTS);
            fields.error_not_supported("repeat");
        }
        if fields.is_in_file("concurrency") {
            fields.number("concurrency", 1..=1000);
            fields.error_not_supported("concurrency");
        }
        let has_repeat = fields.is_in_file("repeat");
        fields.extend_subjects(
            AGGREGATE_SUBJECTS,
            "needs many requests, which this version of the hooks cannot send",
            has_repeat,
        );
    }
    if kind != "preflight" && kind != "steps" && fields.is_in_file("allow") {
        fields.map("allow", "`allow`", |fields| {
            let (failures, errors) = (fields.number("failures", 0..=1000), fields.number("errors", 0..=1000));
            if failures.is_none() && errors.is_none() && !fields.has("failures") && !fields.has("errors") {
                fields.error(fields.at(), "`allow` needs a number: { failures: 1, errors: 2 }");
            }
        });
        fields.error_not_supported("allow");
    }
}
