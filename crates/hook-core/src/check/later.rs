//! What the gate file's language has and these hooks cannot do yet: read and validated, and never passed over. A check
//! that needs it is an error when it runs.

use std::sync::Arc;

use super::{Check, Looking, Route, Scene};
use crate::{
    code::Code,
    finding::Observation,
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

/// Reads the keys around a kind's own, and gives the one that cannot be done yet, if the check has it.
pub fn read(kind: &str, fields: &mut Fields<'_>) -> Option<&'static str> {
    let mut wants = None;
    if kind == "http" {
        let repeat = fields.number("repeat", 1..=MOST_REQUESTS);
        let concurrency = fields.number("concurrency", 1..=1000);
        if fields.has("concurrency") && !fields.has("repeat") {
            fields.fault(fields.place_of("concurrency"), "`concurrency` is for many requests; add `repeat`");
        }
        fields.also(MANY, "is about many requests; add `repeat`", repeat.is_some());
        wants = repeat.map(|_| "repeat").or(concurrency.map(|_| "concurrency"));
    }
    if kind != "preflight" && kind != "steps" {
        let allow = fields.map("allow", "`allow`", |fields| {
            let (failures, errors) = (fields.number("failures", 0..=1000), fields.number("errors", 0..=1000));
            if failures.is_none() && errors.is_none() && !fields.has("failures") && !fields.has("errors") {
                fields.fault(fields.at(), "`allow` says how many: { failures: 1, errors: 2 }");
            }
        });
        wants = wants.or(allow.map(|()| "allow"));
    }
    wants
}

/// The check, which will say that it cannot be made.
pub fn wrap(key: &'static str, check: Arc<dyn Check>) -> Arc<dyn Check> {
    Arc::new(Later { key, title: check.title(), opens: check.opens() })
}

/// A check that cannot be made yet, for a kind that is all of that sort.
pub(super) fn check(key: &'static str, title: String) -> Arc<dyn Check> {
    Arc::new(Later { key, title, opens: None })
}

#[derive(Debug)]
struct Later {
    key: &'static str,
    title: String,
    opens: Option<Route>,
}

impl Check for Later {
    fn title(&self) -> String {
        self.title.clone()
    }

    fn opens(&self) -> Option<Route> {
        self.opens
    }

    fn is_made(&self) -> bool {
        false
    }

    fn look<'a>(&'a self, _scene: &'a Scene) -> Looking<'a> {
        let why = format!("`{}` is read and cannot be done by this version", self.key);
        Box::pin(async move { Observation::errored(Code::NotSupportedYet, "gate file", why) })
    }
}
