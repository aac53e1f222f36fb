//! Where the listener rules of a route send a request. The first rule that a request meets decides who answers it: this
//! version, another service, or the load balancer itself. An answer counts only if this version gave it.

use std::sync::Arc;

use reqwest::{Url, header::HOST};
use tokio::{sync::Mutex, time::Instant};

use super::{Route, Scene, Wanted, probe::Request};
use crate::{
    aws::Fault,
    code::Code,
    finding::{Observation, Outcome},
    target::{Listener, Matched, RequestParts, Rule},
};

/// Rules that were read so long ago are read again. Checks that begin together share one call.
const FRESH: std::time::Duration = std::time::Duration::from_secs(1);

/// A listener, and when it was read.
type LastRead = Option<(Instant, Arc<Listener>)>;

/// The listeners as they were read last.
#[derive(Debug, Default)]
pub struct FreshListeners([Mutex<LastRead>; 2]);

/// What is known of where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leads {
    /// Every rule that it may meet forwards it to the new version; or no rules are known.
    ToGreen,
    /// Whether it meets this rule cannot be decided, and not all that it may meet lead to the new version.
    Perhaps(String),
}

/// The listener rules that a request was compared with.
#[derive(Clone)]
pub(super) struct RulesToGreen {
    listener: Arc<Listener>,
    green: String,
    parts: RequestParts,
}

impl RulesToGreen {
    fn judge(&self, parts: &RequestParts) -> Result<Leads, String> {
        judge(&self.listener.rules, parts, std::slice::from_ref(&self.green))
    }

    /// Why the answer to a redirect is not the new version's: a redirect stays at the address, and its path may meet another
    /// rule. Where the method changes, it changes to GET.
    pub fn broken_by_redirect(&self, to: &Url) -> Option<String> {
        let keeps = matches!(self.parts.method.as_str(), "GET" | "HEAD");
        let parts = RequestParts {
            method: if keeps { self.parts.method.clone() } else { "GET".to_owned() },
            path: to.path().to_owned(),
            query: to.query().unwrap_or_default().to_owned(),
            ..self.parts.clone()
        };
        let seen = self.judge(&parts).err()?;
        Some(format!("{} meets {seen}", to.path()))
    }
}

impl Leads {
    /// The observation of a check that sent the request.
    pub fn told(&self, seen: Observation) -> Observation {
        match (self, seen.outcome) {
            (Self::ToGreen, _) => seen,
            (Self::Perhaps(why), Outcome::Passed) => {
                seen.with([why.clone()]).but(Outcome::Doubtful, Code::RuleUndecided)
            }
            (Self::Perhaps(why), _) => seen.with([why.clone()]),
        }
    }
}

impl Scene {
    /// Whether the listener rules lead a request to the new version, by what they are now. A check asks behind its barrier,
    /// when the rules have switched.
    /// The request remembers the rules, for the URLs that it is redirected to.
    pub(super) async fn leads_to_green(
        &self,
        route: Option<Route>,
        request: &mut Request,
    ) -> Result<Leads, Observation> {
        let Some(known) = route.and_then(|route| self.routing().listener_of_requests(route)) else {
            return Ok(Leads::ToGreen);
        };
        let Some(green) = &self.target.green_group else { return Ok(Leads::ToGreen) };
        let listener = self.fresh(known).await.map_err(Fault::observed)?;
        let rules = RulesToGreen { listener, green: green.arn.clone(), parts: parts_of(request) };
        let leads = rules.judge(&rules.parts).map_err(|seen| {
            let expected = format!("a listener rule that forwards to {}", green.name);
            Observation::failed(Code::RuleLeadsElsewhere, &request.title, expected, seen)
        })?;
        request.rules = Some(rules);
        Ok(leads)
    }

    async fn fresh(&self, known: &Listener) -> Result<Arc<Listener>, Fault> {
        let is_production = self.target.production.as_ref().is_some_and(|own| own.arn == known.arn);
        let mut kept = self.listeners.0[usize::from(is_production)].lock().await;
        if let Some((read, listener)) = &*kept
            && read.elapsed() < FRESH
        {
            return Ok(listener.clone());
        }
        let listener = Arc::new(self.aws.listener_now(known).await?);
        *kept = Some((Instant::now(), listener.clone()));
        Ok(listener)
    }
}

/// Which rules decide, and where they lead. The error says in words what does not lead to `groups`.
pub(super) fn judge(rules: &[Rule], request: &RequestParts, groups: &[String]) -> Result<Leads, String> {
    let matched = Matched::of(rules, request);
    let leads = |rule: &&Rule| rule.forwards_only_to(groups);
    let words = |rule: &Rule| format!("{} {}", rule.title(), rule.does());
    if matched.candidates().next().is_some() && matched.candidates().all(|rule| leads(&rule)) {
        return Ok(Leads::ToGreen);
    }
    let decisive = matched.rule.map_or_else(|| "no rule fits it".to_owned(), words);
    match matched.perhaps.first() {
        Some((rule, why)) if matched.candidates().any(|rule| leads(&rule)) => {
            let why = format!("{}, depending on {why}; otherwise {decisive}", words(rule));
            Ok(Leads::Perhaps(format!("the first listener rule that the request meets is perhaps {why}")))
        }
        _ => Err(decisive),
    }
}

/// Whether the rules lead a request to one of these target groups, as far as can be decided.
pub(super) fn leads_to(rules: &[Rule], request: &RequestParts, groups: &[String]) -> bool {
    let matched = Matched::of(rules, request);
    let mut candidates = matched.candidates().peekable();
    candidates.peek().is_some() && candidates.all(|rule| rule.forwards_only_to(groups))
}

/// A request as listener rules see it.
fn parts_of(request: &Request) -> RequestParts {
    let (url, headers) = (&request.url, &request.headers);
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).or(url.host_str());
    RequestParts {
        host: host.unwrap_or_default().to_owned(),
        ..Wanted::new(request.method.as_str(), &path, headers).parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Action, Patterns, RuleCondition};

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

    fn judged(rules: &[Rule], path: &str) -> String {
        let request = RequestParts { path: path.into(), method: "GET".into(), ..RequestParts::default() };
        match judge(rules, &request, &[group("green")]) {
            Ok(Leads::ToGreen) => "green".to_owned(),
            Ok(Leads::Perhaps(why)) => why,
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
        assert_eq!(judged(&rules, "/"), "green");
        let told = ["/health", "/old/x", "/ping", "/half", "/my"].map(|path| judged(&rules, path));
        assert_eq!(
            told,
            [
                "not green: rule 1 (path /health*) forwards 100 % to blog",
                "not green: rule 2 (path /old/*) redirects to https://#{host}:443/#{path}",
                "not green: rule 3 (path /ping) answers 200 itself (fixed-response)",
                "not green: rule 4 (path /half) forwards 50 % to blue, 50 % to green",
                "not green: rule 5 (path /my) authenticates first (authenticate-oidc), which answers a request without a \
                 session itself, then forwards 100 % to green",
            ]
        );
        assert_eq!(judged(&[], "/"), "not green: no rule fits it");
    }

    #[test]
    fn what_cannot_be_decided_matters_only_where_it_makes_a_difference() {
        let from = || vec![path("/admin*"), RuleCondition::SourceIp(vec!["10.0.0.0/8".into()])];
        let green = rule("default", Vec::new(), forward("green"));
        assert_eq!(judged(&[rule("1", from(), forward("green")), green.clone()], "/admin"), "green");
        let differs = [rule("1", from(), forward("blog")), green.clone()];
        assert_eq!(judged(&differs, "/"), "green");
        assert_eq!(
            judged(&differs, "/admin"),
            "the first listener rule that the request meets is perhaps rule 1 (path /admin*, source IP 10.0.0.0/8) forwards \
             100 % to blog, depending on the address that the request comes from; otherwise the default rule forwards 100 % \
             to green"
        );
        let elsewhere = [rule("1", from(), forward("blog")), rule("default", Vec::new(), forward("blue"))];
        assert!(judged(&elsewhere, "/admin").starts_with("not green"));
    }
}
