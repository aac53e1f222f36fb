//! Where the listener rules of a route send a request. The first rule that matches decides who responds: this version,
//! another service, or the load balancer itself. A response counts only if this version sent it.

use std::sync::Arc;

use aws_client::model::{Listener, RequestParts, Rule, RuleMatch};
use gate::ReasonCode;
use reqwest::Url;

use crate::finding::{Observation, Outcome};

/// Where a request goes, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RuleOutcome {
    /// Every rule that may match forwards it to the new version, or no rules are known.
    Green,
    /// Whether this rule matches cannot be decided, and not all rules that may match forward to the new version.
    MaybeGreen(String),
}

/// The listener rules that a request was compared with.
#[derive(Clone)]
pub(super) struct GreenRules {
    pub listener: Arc<Listener>,
    /// The ARN of the new version's target group.
    pub green: String,
    /// The request, as the rules see it.
    pub parts: RequestParts,
}

impl GreenRules {
    pub fn evaluate(&self, parts: &RequestParts) -> Result<RuleOutcome, String> {
        evaluate_rules(&self.listener.rules, parts, std::slice::from_ref(&self.green))
    }

    /// Why a redirect's response is not the new version's. A followed redirect stays at the address, but its path may
    /// match another rule. If the method changes, it changes to GET.
    pub fn broken_by_redirect(&self, to: &Url) -> Option<String> {
        let keeps = matches!(self.parts.method.as_str(), "GET" | "HEAD");
        let parts = RequestParts {
            method: if keeps { self.parts.method.clone() } else { "GET".to_owned() },
            path: to.path().to_owned(),
            query: to.query().unwrap_or_default().to_owned(),
            ..self.parts.clone()
        };
        let seen = self.evaluate(&parts).err()?;
        Some(format!("{} matches {seen}", to.path()))
    }
}

impl RuleOutcome {
    /// Adds the rule outcome to the observation of a check that sent the request.
    pub fn add_to(&self, seen: Observation) -> Observation {
        match (self, seen.outcome) {
            (Self::Green, _) => seen,
            (Self::MaybeGreen(why), Outcome::Passed) => {
                seen.with_details([why.clone()]).with_outcome(Outcome::Unverified, ReasonCode::RuleUndecided)
            }
            (Self::MaybeGreen(why), _) => seen.with_details([why.clone()]),
        }
    }
}

/// Evaluates which rules decide, and where they forward. The error describes the rule that does not forward to
/// `groups`, as a noun: `rule 1 (path /blog/*), which forwards 100 % to tg-blog`.
pub(super) fn evaluate_rules(rules: &[Rule], request: &RequestParts, groups: &[String]) -> Result<RuleOutcome, String> {
    let matched = RuleMatch::for_request(rules, request);
    let rule_outcome = |rule: &&Rule| rule.forwards_only_to(groups);
    let describe = |rule: &Rule| format!("{} {}", rule.display_name(), rule.describe_action());
    if matched.candidates().next().is_some() && matched.candidates().all(|rule| rule_outcome(&rule)) {
        return Ok(RuleOutcome::Green);
    }
    match matched.possible.first() {
        Some((rule, why)) if matched.candidates().any(|rule| rule_outcome(&rule)) => {
            let otherwise = matched.rule.map_or_else(|| "no rule matches".to_owned(), describe);
            let why = format!("{}, depending on {why}; otherwise {otherwise}", describe(rule));
            Ok(RuleOutcome::MaybeGreen(format!("the first matching listener rule is uncertain: {why}")))
        }
        _ => Err(matched.rule.map_or_else(
            || "no rule".to_owned(),
            |rule| format!("{}, which {}", rule.display_name(), rule.describe_action()),
        )),
    }
}

/// Whether the rules forward a request to one of these target groups, as far as that can be decided.
pub(super) fn all_candidates_forward_to(rules: &[Rule], request: &RequestParts, groups: &[String]) -> bool {
    let matched = RuleMatch::for_request(rules, request);
    let mut candidates = matched.candidates().peekable();
    candidates.peek().is_some() && candidates.all(|rule| rule.forwards_only_to(groups))
}

#[cfg(test)]
mod tests {
    use aws_client::model::{Action, Patterns, RuleCondition};

    use super::*;

    fn group(name: &str) -> String {
        format!("arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/{name}/0f")
    }

    fn rule(priority: &str, conditions: Vec<RuleCondition>, action: Action) -> Rule {
        Rule { priority: priority.into(), conditions, action, authenticates: None }
    }

    fn path(path: &str) -> RuleCondition {
        RuleCondition::Path(Patterns { wildcards: vec![path.into()], regexes: Vec::new() })
    }

    fn forward(name: &str) -> Action {
        Action::Forward(vec![(group(name), 100)])
    }

    fn evaluated(rules: &[Rule], path: &str) -> String {
        let request = RequestParts { path: path.into(), method: "GET".into(), ..RequestParts::default() };
        match evaluate_rules(rules, &request, &[group("green")]) {
            Ok(RuleOutcome::Green) => "green".to_owned(),
            Ok(RuleOutcome::MaybeGreen(why)) => why,
            Err(why) => format!("not green: {why}"),
        }
    }

    #[test]
    fn the_first_rule_decides() {
        let rules = [
            rule("1", vec![path("/health*")], forward("blog")),
            rule("2", vec![path("/old/*")], Action::Redirect("https://#{host}:443/#{path}".into())),
            rule("3", vec![path("/ping")], Action::FixedResponse("200".into())),
            rule("4", vec![path("/half")], Action::Forward(vec![(group("green"), 50), (group("blue"), 50)])),
            Rule { authenticates: Some("authenticate-oidc".into()), ..rule("5", vec![path("/my")], forward("green")) },
            rule("default", Vec::new(), forward("green")),
        ];
        assert_eq!(evaluated(&rules, "/"), "green");
        let results = ["/health", "/old/x", "/ping", "/half", "/my"].map(|path| evaluated(&rules, path));
        assert_eq!(
            results,
            [
                "not green: rule 1 (path /health*), which forwards 100 % to blog",
                "not green: rule 2 (path /old/*), which redirects to https://#{host}:443/#{path}",
                "not green: rule 3 (path /ping), which returns a fixed response with status 200",
                "not green: rule 4 (path /half), which forwards 50 % to blue, 50 % to green",
                "not green: rule 5 (path /my), which first authenticates the client (authenticate-oidc), so a request \
                 without a session reaches no target, then forwards 100 % to green",
            ]
        );
        assert_eq!(evaluated(&[], "/"), "not green: no rule");
    }

    #[test]
    fn what_cannot_be_decided_matters_only_where_it_makes_a_difference() {
        let from = || vec![path("/admin*"), RuleCondition::SourceIp(vec!["10.0.0.0/8".into()])];
        let green = rule("default", Vec::new(), forward("green"));
        assert_eq!(evaluated(&[rule("1", from(), forward("green")), green.clone()], "/admin"), "green");
        let differs = [rule("1", from(), forward("blog")), green.clone()];
        assert_eq!(evaluated(&differs, "/"), "green");
        assert_eq!(
            evaluated(&differs, "/admin"),
            "the first matching listener rule is uncertain: rule 1 (path /admin*, source IP 10.0.0.0/8) forwards \
             100 % to blog, depending on the address that the request comes from; otherwise the default rule forwards 100 % \
             to green"
        );
        let elsewhere = [rule("1", from(), forward("blog")), rule("default", Vec::new(), forward("blue"))];
        assert!(evaluated(&elsewhere, "/admin").starts_with("not green"));
    }
}
