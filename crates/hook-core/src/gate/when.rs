//! `when`: whether a hook or a check applies here at all, by what is known without looking: application, deployment
//! group, region, and variables of the function.

use std::collections::BTreeMap;

use super::{Condition, Fact, Facts, Fields, Held, Subject, Value};
use crate::{code::Code, finding::Observation};

const SUBJECTS: &[Subject] = &[
    Subject::new("application", Code::FactUnknown).always_text(),
    Subject::new("deployment_group", Code::FactUnknown).always_text(),
    Subject::new("region", Code::FactUnknown).always_text(),
    Subject::family("env", Code::FactUnknown).always_text(),
];

/// Where a deployment takes place.
#[derive(Clone, Default)]
pub struct Circumstances {
    /// CodeDeploy's application; empty if AWS does not say.
    pub application: String,
    /// The deployment group; empty if AWS does not say.
    pub deployment_group: String,
    /// The region.
    pub region: String,
    /// The function's variables, but for AWS's own.
    pub variables: BTreeMap<String, String>,
}

impl Facts for Circumstances {
    fn fact(&self, subject: &str) -> Option<Value> {
        let text = match subject {
            "application" => &self.application,
            "deployment_group" => &self.deployment_group,
            "region" => &self.region,
            other => self.variables.get(other.strip_prefix("env.")?)?,
        };
        (!text.is_empty()).then(|| Value::Text(text.clone()))
    }
}

/// Reads the key `when`.
pub(super) fn read(fields: &mut Fields<'_>) -> Vec<Condition> {
    let conditions = fields.conditions("when", SUBJECTS);
    let at = fields.place_of("when");
    for condition in &conditions {
        if condition.facts().next().is_some() {
            fields.fault(at, format!("`{condition}`: `when` compares with texts and numbers, not with {{{{facts}}}}"));
        }
        for name in condition.subjects().filter_map(|subject| subject.strip_prefix("env.")) {
            if let Err(why) = Fact::variable(name) {
                fields.fault(at, format!("`{condition}`: {why}"));
            }
        }
    }
    conditions
}

/// Why a check or a hook with these conditions is not made here; none where it is. A variable's value is not shown, and a
/// variable that is not set leaves open whether the check applies, as does one that cannot be compared so: that is not a
/// reason to go on without it.
pub fn unless_applies(when: &[Condition], circumstances: &Circumstances) -> Option<Observation> {
    let resource = "gate file";
    let mut open = None;
    for condition in when {
        match condition.check(circumstances) {
            Held::True => {}
            Held::False { unlike: true, .. } => {
                let why = format!("whether `{condition}` is so cannot be said: the values are of different types");
                open.get_or_insert(why);
            }
            Held::False { .. } => {
                let why = format!("it is for `{condition}`, which is not so here");
                return Some(Observation::left_out(resource, why));
            }
            Held::Absent { subject, .. } => {
                let what = if subject.starts_with("env.") { "is not set" } else { "is not known" };
                let why = format!("{subject} {what}, so whether `{condition}` is so cannot be said");
                open.get_or_insert(why);
            }
        }
    }
    open.map(|why| Observation::errored(Code::FactUnknown, resource, why))
}
