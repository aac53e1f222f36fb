//! Checks that a request goes to the new version, before it is sent: with the listener rules as they are now.

use std::{sync::Arc, time::Duration};

use aws_client::{
    AwsError,
    model::{Listener, RequestParts},
};
use gate::ReasonCode;
use reqwest::header::HOST;
use tokio::time::Instant;

use super::{
    CheckContext, RoutedRequest, TrafficRoute,
    http_client::HttpRequest,
    listener_rules::{GreenRules, RuleOutcome},
};
use crate::finding::Observation;

/// Rules older than this are read again. Checks that start together share one call.
const LISTENER_CACHE_TTL: Duration = Duration::from_secs(1);

impl CheckContext {
    /// Checks that the listener rules currently forward a request to the new version. A check sends its request after
    /// its barrier has passed, when the rules have switched. The request keeps the rules for the URLs of redirects.
    pub(super) async fn check_leads_to_green(
        &self,
        route: Option<TrafficRoute>,
        request: &mut HttpRequest,
    ) -> Result<RuleOutcome, Observation> {
        let Some(known) = route.and_then(|route| self.routing().listener_for_requests(route)) else {
            return Ok(RuleOutcome::Green);
        };
        let Some(green) = &self.target.green_group else { return Ok(RuleOutcome::Green) };
        let listener = self.current_listener(known).await?;
        let rules = GreenRules { listener, green: green.arn.clone(), parts: request_parts(request) };
        let rule_outcome = rules.evaluate(&rules.parts).map_err(|seen| {
            let expected = format!("a listener rule that forwards to {}", green.name);
            Observation::failed(ReasonCode::RuleLeadsElsewhere, &request.title, expected, seen)
        })?;
        request.green_rules = Some(rules);
        Ok(rule_outcome)
    }

    async fn current_listener(&self, known: &Listener) -> Result<Arc<Listener>, AwsError> {
        let is_production = self.target.production.as_ref().is_some_and(|own| own.arn == known.arn);
        let mut cached = self.listeners.0[usize::from(is_production)].lock().await;
        if let Some((read, listener)) = &*cached
            && read.elapsed() < LISTENER_CACHE_TTL
        {
            return Ok(listener.clone());
        }
        let listener = Arc::new(self.aws.refresh_listener(known).await?);
        *cached = Some((Instant::now(), listener.clone()));
        Ok(listener)
    }
}

/// A request as listener rules see it.
fn request_parts(request: &HttpRequest) -> RequestParts {
    let (url, headers) = (&request.url, &request.headers);
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).or(url.host_str());
    RequestParts {
        host: host.unwrap_or_default().to_owned(),
        ..RoutedRequest::new(request.method.as_str(), &path, headers).parts
    }
}
