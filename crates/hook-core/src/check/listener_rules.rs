//! Where the listener rules of a route send a request. The first rule that a request meets decides who answers it: this
//! version, another service, or the load balancer itself. An answer counts only if this version gave it.

use std::sync::Arc;

use reqwest::header::{ACCEPT, HOST, USER_AGENT};
use tokio::{sync::Mutex, time::Instant};

use super::{Route, Scene, probe::Request, with_scheme};
use crate::{
    aws::Fault,
    code::Code,
    finding::{Observation, Outcome},
    target::{Listener, Matched, RequestParts, Rule},
};

/// Rules that were read so long ago are read again. Checks that begin together share one call.
const FRESH: std::time::Duration = std::time::Duration::from_secs(1);

/// The listeners as they were read last.
#[derive(Debug, Default)]
pub struct FreshListeners([Mutex<Option<(Instant, Arc<Listener>)>>; 2]);

/// What is known of where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leads {
    /// Every rule that it may meet forwards it to the new version; or no rules are known.
    ToGreen,
    /// Whether it meets this rule cannot be decided, and not all that it may meet lead to the new version.
    Perhaps(String),
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
    pub(super) async fn leads_to_green(&self, route: Option<Route>, request: &Request) -> Result<Leads, Observation> {
        let Some(known) = route.and_then(|route| self.listener_of_requests(route)) else { return Ok(Leads::ToGreen) };
        let Some(green) = &self.target.green_group else { return Ok(Leads::ToGreen) };
        let listener = self.fresh(known).await.map_err(Fault::observed)?;
        judge(&listener.rules, &parts_of(request), &green.arn).map_err(|seen| {
            let expected = format!("a listener rule that forwards 100 % to {}", green.name);
            Observation::failed(Code::RuleLeadsElsewhere, &request.title, expected, seen)
        })
    }

    /// The listener whose rules a route's requests meet; none where `ALB_URL` leads to another one, whose rules nobody knows.
    fn listener_of_requests(&self, route: Route) -> Option<&Listener> {
        let listener = self.listener(route).ok()?;
        match (route, &self.test_address) {
            (Route::Test, Some(own)) => {
                let port = reqwest::Url::parse(&with_scheme(own)).ok()?.port_or_known_default();
                (port == Some(listener.port)).then_some(listener)
            }
            _ => Some(listener),
        }
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

/// Which rules decide, and where they lead. The error says in words what does not lead to `green`.
fn judge(rules: &[Rule], request: &RequestParts, green: &str) -> Result<Leads, String> {
    let matched = Matched::of(rules, request);
    let green = [green.to_owned()];
    let leads = |rule: &&Rule| rule.forwards_only_to(&green);
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

/// A request as listener rules see it: with what the client adds to it.
fn parts_of(request: &Request) -> RequestParts {
    let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut headers: Vec<_> =
        request.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let added = [(USER_AGENT, super::probe::USER_AGENT), (ACCEPT, "*/*")];
    let missing = added.into_iter().filter(|(name, _)| !request.headers.contains_key(name));
    headers.extend(missing.map(|(name, value)| (name.as_str().to_owned(), value.to_owned())));
    let host = request.headers.get(HOST).map(text);
    RequestParts {
        host: host.unwrap_or_else(|| request.url.host_str().unwrap_or_default().to_owned()),
        method: request.method.as_str().to_owned(),
        path: request.url.path().to_owned(),
        query: request.url.query().unwrap_or_default().to_owned(),
        headers,
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
        match judge(rules, &request, &group("green")) {
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
