//! `when`: whether a hook or a check applies to a deployment. It uses only what is known without checks: application,
//! deployment group, Region, and variables of the function.

use std::collections::BTreeMap;

use super::{Condition, ConditionResult, Fact, Failure, MapReader, Subject, SubjectValues, Value};
use crate::reason_code::ReasonCode;

const SUBJECTS: &[Subject] = &[
    Subject::name("application", ReasonCode::FactUnknown).optional(),
    Subject::name("deployment_group", ReasonCode::FactUnknown).optional(),
    Subject::region("region", ReasonCode::FactUnknown).optional(),
    Subject::names("env", ReasonCode::FactUnknown),
];

/// The values for the subjects of `when`.
#[derive(Clone, Default)]
pub struct WhenContext {
    /// The CodeDeploy application. Empty if AWS does not report it.
    pub application: String,
    /// The deployment group. Empty if AWS does not report it.
    pub deployment_group: String,
    pub region: String,
    /// The function's variables, without those of AWS.
    pub variables: BTreeMap<String, String>,
}

impl SubjectValues for WhenContext {
    fn value_of(&self, subject: &str) -> Option<Value> {
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
pub(super) fn read(fields: &mut MapReader<'_>) -> Vec<Condition> {
    let (places, conditions) = fields.conditions_with_positions("when", SUBJECTS);
    for (at, condition) in places.into_iter().zip(&conditions) {
        if condition.facts().next().is_some() {
            fields.error(at, format!("`{condition}`: `when` compares with texts and numbers, not with {{{{facts}}}}"));
        }
        for name in condition.subjects().filter_map(|subject| subject.strip_prefix("env.")) {
            if let Err(why) = Fact::parse_env(name) {
                fields.error(at, format!("`{condition}`: {why}"));
            }
        }
    }
    conditions
}

/// The result of a hook or a check that is known from its `when`, without running anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Preset {
    /// It does not apply to this deployment.
    Excluded { why: String },
    /// It is not known whether it applies.
    Undecided { why: String },
}

/// Why a hook or a check with these conditions does not run here, or `None` if it runs. The message does not contain
/// the value of a variable. If a variable is not set or cannot be compared, it is not known whether the check applies,
/// so the result is an error instead of a skipped check.
pub fn why_not_applicable(when: &[Condition], when_context: &WhenContext) -> Option<Preset> {
    let mut undecided = None;
    for condition in when {
        let ConditionResult::NotTrue(failures) = condition.evaluate(when_context) else { continue };
        if !failures.is_empty() && failures.iter().all(|failure| matches!(failure, Failure::False { .. })) {
            let why = format!("`{condition}` is false for this deployment");
            return Some(Preset::Excluded { why });
        }
        let first = failures.iter().find(|failure| !matches!(failure, Failure::False { .. }));
        let why = match first {
            Some(Failure::Missing { subject, .. }) if subject.starts_with("env.") => format!("{subject} is not set"),
            Some(Failure::Missing { subject, .. }) => format!("{subject} is not known"),
            Some(Failure::Undecided { reason: why, .. }) => why.clone(),
            _ => "there is no value to compare".to_owned(),
        };
        undecided.get_or_insert(format!("`{condition}` cannot be evaluated: {why}"));
    }
    undecided.map(|why| Preset::Undecided { why })
}
