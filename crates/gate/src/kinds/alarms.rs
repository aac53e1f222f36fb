//! `alarms:`: the state of CloudWatch alarms: those of the deployment group, and others by name, prefix or tags.

use std::time::Duration;

use lifecycle::TrafficRoute;

use super::{KindSpec, PollPolicy};
use crate::{
    AwsOperation, Condition, MapReader, Referenced, Subject, YamlValue, permissions::Requirement,
    reason_code::ReasonCode,
};

pub(super) const KEY: &str = "alarms";

/// CloudWatch's word for an alarm without enough data.
pub const NO_DATA: &str = "INSUFFICIENT_DATA";

/// CloudWatch's states.
const STATES: &[&str] = &["OK", "ALARM", NO_DATA];

const SUBJECTS: &[Subject] = &[Subject::one_of("state", ReasonCode::AlarmFiring, STATES).optional()];

/// Which alarms to check: the union of all selectors.
#[derive(Clone, Debug, Default)]
pub struct AlarmSelector {
    /// The alarms of the deployment group, which CodeDeploy itself would watch.
    pub deployment_group: bool,
    pub names: Vec<String>,
    /// The alarms whose names begin with one of these.
    pub prefixes: Vec<String>,
    /// The alarms that have all of these tags.
    pub tags: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
pub struct AlarmsSpec {
    pub selector: AlarmSelector,
    pub poll_policy: PollPolicy,
    pub expect: Vec<Condition>,
    /// Ignores alarms that were firing when the deployment was created: an old problem must not block its own fix.
    pub new_only: bool,
}

pub(super) fn read(fields: &mut MapReader<'_>) -> Option<AlarmsSpec> {
    let selector = read_selector(fields);
    let poll_policy =
        PollPolicy::read(fields, &PollPolicy { every: Duration::from_secs(15), ..PollPolicy::SINGLE_ATTEMPT });
    let new_only = fields.bool_or("new_only", false);
    let expect = fields.expect_required(SUBJECTS, "[state != ALARM]");
    Some(AlarmsSpec { selector: selector?, poll_policy, expect, new_only })
}

fn read_selector(fields: &mut MapReader<'_>) -> Option<AlarmSelector> {
    let node = fields.node("alarms")?;
    match &node.data {
        YamlValue::Text(word) if word == "deployment-group" => {
            Some(AlarmSelector { deployment_group: true, ..AlarmSelector::default() })
        }
        YamlValue::Map(_) => {
            let selector = fields.map_or("alarms", "`alarms`", |inner| AlarmSelector {
                deployment_group: inner.bool_or("deployment_group", false),
                names: inner.strings("names").into_iter().map(|(_, name)| name).collect(),
                prefixes: inner.strings("prefix").into_iter().map(|(_, prefix)| prefix).collect(),
                // `gate: true` is what people write for the tag `gate` with the value `true`.
                tags: inner.string_map("tags").into_iter().map(|(key, (_, value))| (key.name, value)).collect(),
            });
            let AlarmSelector { deployment_group, names, prefixes, tags } = &selector;
            if !deployment_group && names.is_empty() && prefixes.is_empty() && tags.is_empty() {
                fields.error(
                    node.at,
                    "`alarms` selects no alarm; give it `names`, `prefix`, `tags` or `deployment_group: true`",
                );
            }
            if prefixes.iter().any(String::is_empty) {
                fields.error(node.at, "an empty `prefix` would select every alarm of the account");
            }
            Some(selector)
        }
        other => {
            let form = "`alarms` is `deployment-group` or { names: […], prefix: …, tags: { … } }";
            fields.error(node.at, format!("{form}, not {other}"));
            None
        }
    }
}

impl KindSpec for AlarmsSpec {
    fn key(&self) -> &'static str {
        KEY
    }

    fn default_name(&self) -> String {
        let AlarmSelector { deployment_group, names, prefixes, tags } = &self.selector;
        let group = deployment_group.then(|| "of the deployment group".to_owned());
        let named = (!names.is_empty()).then(|| names.join(", "));
        let prefixes = prefixes.iter().map(|prefix| format!("{prefix}*"));
        let tagged = (!tags.is_empty()).then(|| format!("tagged {}", render_tags(tags)));
        let parts: Vec<_> = group.into_iter().chain(named).chain(prefixes).chain(tagged).collect();
        format!("alarms {}", parts.join(" and "))
    }

    fn required_route(&self) -> Option<TrafficRoute> {
        None
    }

    fn is_simulated(&self) -> bool {
        true
    }

    fn poll_policy(&self) -> Option<&PollPolicy> {
        Some(&self.poll_policy)
    }

    fn expect(&self) -> &[Condition] {
        &self.expect
    }

    fn references(&self) -> Vec<Referenced> {
        let AlarmSelector { names, prefixes, tags, .. } = &self.selector;
        let tagged = (!tags.is_empty()).then(|| Referenced::AlarmTags(tags.clone()));
        let prefixes = prefixes.iter().cloned().map(Referenced::AlarmPrefix);
        names.iter().cloned().map(Referenced::Alarm).chain(prefixes).chain(tagged).collect()
    }

    fn requirements(&self) -> Vec<Requirement> {
        let alarms = Requirement::new(AwsOperation::Alarms, "to see the state of alarms");
        let tagged = || Requirement::new(AwsOperation::TaggedAlarms, "to find the alarms that have a tag");
        let history = || Requirement::new(AwsOperation::AlarmHistory, "to see what an alarm did between two attempts");
        let history = (!self.poll_policy.hold_for.is_zero()).then(history);
        [alarms].into_iter().chain(history).chain((!self.selector.tags.is_empty()).then(tagged)).collect()
    }
}

impl AlarmSelector {
    /// Whether it selects nothing but the alarms of the deployment group.
    pub fn selects_only_deployment_group(&self) -> bool {
        self.names.is_empty() && self.prefixes.is_empty() && self.tags.is_empty()
    }
}

/// `team=shop, tier=web`.
pub fn render_tags(tags: &[(String, String)]) -> String {
    tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
}
