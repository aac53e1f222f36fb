//! Keys of the gate file's language that these hooks cannot execute yet. They are read, so that their own faults show, and
//! refused: a check that ends only when the deployment is half done helps nobody.

use crate::{
    code::Code,
    gate::{Fields, Subject},
};

/// What many requests together have, beside what each of them has.
const MANY: &[Subject] = &[
    Subject::percent("success_rate", Code::UnexpectedStatus),
    Subject::duration("p50", Code::TooSlow),
    Subject::duration("p90", Code::TooSlow),
    Subject::duration("p95", Code::TooSlow),
    Subject::duration("p99", Code::TooSlow),
];

/// More requests than this are a load test, which belongs elsewhere.
const MOST_REQUESTS: u32 = 100_000;

/// Reads and refuses such keys of a check, where the file gives them. No suggestion and no schema names them.
pub fn read(kind: &str, fields: &mut Fields<'_>) {
    if kind == "http" {
        if fields.gives("repeat") {
            fields.number("repeat", 1..=MOST_REQUESTS);
            fields.not_supported("repeat");
        }
        if fields.gives("concurrency") {
            fields.number("concurrency", 1..=1000);
            fields.not_supported("concurrency");
        }
        let many = fields.gives("repeat");
        fields.also(MANY, "is about many requests, which this version of the hooks cannot send", many);
    }
    if kind != "preflight" && kind != "steps" && fields.gives("allow") {
        fields.map("allow", "`allow`", |fields| {
            let (failures, errors) = (fields.number("failures", 0..=1000), fields.number("errors", 0..=1000));
            if failures.is_none() && errors.is_none() && !fields.has("failures") && !fields.has("errors") {
                fields.fault(fields.at(), "`allow` says how many: { failures: 1, errors: 2 }");
            }
        });
        fields.not_supported("allow");
    }
}
