//! `forwards_to: green`: a barrier. Until the listener forwards to the replacement, the original would respond to its
//! requests.

use std::{collections::BTreeSet, time::Duration};

use lifecycle::{Colour, TrafficRoute};

use super::{KindSpec, PollPolicy, RESPONSE_SUBJECTS, RequestTemplate, WindowKey, poll_policy::MIN_INTERVAL};
use crate::{AwsOperation, Condition, Fact, MapReader, VersionFact, permissions::Requirement};

pub(super) const KEY: &str = "forwards_to";

/// A barrier for the checks that send requests through a listener.
#[derive(Clone, Debug)]
pub struct ForwardsToSpec {
    pub route: TrafficRoute,
    /// How long to wait for the right weights, and how long they must stay the same.
    pub poll_policy: PollPolicy,
    pub version_probe: Option<VersionProbe>,
    /// `settle`, if the gate file has it.
    pub settle: Option<Duration>,
}

/// The request whose response distinguishes the replacement from the original.
#[derive(Clone, Debug)]
pub struct VersionProbe {
    pub request_template: RequestTemplate,
    pub facts: BTreeSet<Fact>,
    pub expect: Vec<Condition>,
    /// The number of matching responses in a row.
    pub consecutive: u32,
}

/// CodeDeploy switches a listener within seconds. If it takes a minute, it will not happen.
const DEFAULT_POLL: PollPolicy = PollPolicy {
    within: Duration::from_secs(60),
    every: Duration::from_secs(2),
    restart_on_failure: true,
    ..PollPolicy::SINGLE_ATTEMPT
};
/// The nodes of a load balancer adopt its rules one after the other, within a second or two.
pub const DEFAULT_SETTLE: Duration = Duration::from_secs(2);
/// How many responses in a row prove a version: enough to reach several nodes.
const REQUIRED_MATCHES: u32 = 3;

pub(super) fn read(fields: &mut MapReader<'_>) -> Option<ForwardsToSpec> {
    let green = fields.variant("forwards_to", &[("green", ())]);
    let route = fields.variant("listener", &TrafficRoute::VARIANTS).unwrap_or(TrafficRoute::Test);
    let version_probe = fields.has("http");
    if !version_probe {
        for key in ["expect", "consecutive"].into_iter().filter(|key| fields.has(key)).collect::<Vec<_>>() {
            let why =
                format!("`{key}` of `forwards_to` needs an `http` request, whose responses it checks; add `http`");
            fields.error(fields.position_of(key), why);
        }
    }
    let request_template = version_probe.then(|| RequestTemplate::read(fields, "http"));
    // Without a request there is nothing to count, so no default is reported.
    let row = 1..=1000;
    let consecutive = if version_probe {
        fields.number_or("consecutive", row, REQUIRED_MATCHES)
    } else {
        fields.number("consecutive", row).unwrap_or(REQUIRED_MATCHES)
    };
    let expect = if version_probe {
        fields.expect_required(RESPONSE_SUBJECTS, "[\"json.version == {{green.image_tag}}\"]")
    } else {
        fields.expect(RESPONSE_SUBJECTS)
    };
    let facts = fields.facts().clone();
    let other_listener = request_template.iter().flatten().find_map(RequestTemplate::route).filter(|to| *to != route);
    if let Some(other) = other_listener {
        let why = format!(
            "this `forwards_to` is the barrier of the {} listener, but its request goes to the {} one",
            route.as_str(),
            other.as_str()
        );
        fields.error(fields.position_of("http"), why);
    }
    let goes_there = request_template.iter().flatten().any(|question| question.route() == Some(route));
    let may_prove = goes_there && expect.iter().any(compares_versions);
    if version_probe && !may_prove {
        fields.warn(
            fields.position_of("http"),
            "the response to this request does not prove which version sent it, so the barrier waits for its `settle` time and \
             warns; compare a value with a fact by `==`, such as json.version == {{green.image_tag}}",
        );
    }
    let has_settle = fields.has("settle");
    let poll_policy = PollPolicy {
        within: fields.duration_or("within", DEFAULT_POLL.within),
        every: fields.duration_or_at_least("every", DEFAULT_POLL.every, MIN_INTERVAL),
        hold_for: fields.duration_or("settle", if may_prove { Duration::ZERO } else { DEFAULT_SETTLE }),
        ..DEFAULT_POLL
    };
    let settle = has_settle.then_some(poll_policy.hold_for);
    let identity = match request_template {
        None => None,
        Some(question) => Some(VersionProbe { request_template: question?, facts, expect, consecutive }),
    };
    green.map(|()| ForwardsToSpec { route, poll_policy, version_probe: identity, settle })
}

impl ForwardsToSpec {
    /// The barrier of a listener that the gate file has none for.
    pub const fn implicit(route: TrafficRoute) -> Self {
        Self {
            route,
            poll_policy: PollPolicy { hold_for: DEFAULT_SETTLE, ..DEFAULT_POLL },
            version_probe: None,
            settle: None,
        }
    }
}

impl KindSpec for ForwardsToSpec {
    fn key(&self) -> &'static str {
        KEY
    }

    fn default_name(&self) -> String {
        format!("{} listener forwards to green", self.route.as_str())
    }

    fn required_route(&self) -> Option<TrafficRoute> {
        None
    }

    fn is_simulated(&self) -> bool {
        true
    }

    fn listener(&self) -> Option<TrafficRoute> {
        Some(self.route)
    }

    fn is_barrier(&self) -> bool {
        true
    }

    fn poll_policy(&self) -> Option<&PollPolicy> {
        Some(&self.poll_policy)
    }

    fn window_key(&self) -> WindowKey {
        WindowKey::Settle
    }

    fn consecutive(&self) -> u32 {
        self.version_probe.as_ref().map_or(1, |probe| probe.consecutive)
    }

    fn timeout(&self) -> Option<Duration> {
        self.version_probe.as_ref().map(|probe| probe.request_template.timeout)
    }

    fn connect_timeout(&self) -> Option<Duration> {
        self.version_probe.as_ref().map(|probe| probe.request_template.connect_timeout)
    }

    fn expect(&self) -> &[Condition] {
        self.version_probe.as_ref().map_or(&[], |probe| &probe.expect)
    }

    fn requirements(&self) -> Vec<Requirement> {
        vec![Requirement::new(AwsOperation::ListenerRefresh, "to see when a listener forwards to the replacement")]
    }
}

/// Whether the condition can be proof of the version that responds, as far as the gate file shows.
pub fn compares_versions(condition: &Condition) -> bool {
    condition.is_equality()
        && ["body", "json", "header"].iter().any(|subject| condition.uses_subject(subject))
        && green_facts(condition).next().is_some()
}

/// The facts of the new version in a condition.
pub fn green_facts(condition: &Condition) -> impl Iterator<Item = VersionFact> {
    condition.facts().filter_map(|fact| match fact {
        Fact::OfVersion(Colour::Green, version) => Some(*version),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_equality_of_a_value_with_a_fact_of_the_new_version_can_be_proof() {
        let can_prove = |text: &str| compares_versions(&Condition::parse(text, RESPONSE_SUBJECTS).unwrap());
        for text in [
            "json.version == {{green.image_tag}}",
            "json.version == 'v{{green.image_tag}}'",
            "header.x-revision == {{green.revision}}",
            "body == {{green.task_set}}",
        ] {
            assert!(can_prove(text), "{text}");
        }
        for text in [
            "json.status == UP",
            "json.version != {{green.image_tag}}",
            "json.version != {{blue.image_tag}}",
            "json.version == {{blue.image_tag}}",
            "body contains {{green.image_tag}}",
            "json.version matches '{{green.image_tag}}'",
            "json.version exists",
            "status == {{green.revision}}",
        ] {
            assert!(!can_prove(text), "{text}");
        }
    }
}
