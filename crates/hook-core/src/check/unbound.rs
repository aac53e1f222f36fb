//! A request to an address of the author's own, which is not bound to a listener: what answers it may be the original.
//! That it passes proves something about an answer, and nothing about the new version, so it always warns.

use std::sync::Arc;

use super::{Check, Looking, Route, Routing, Scene};
use crate::{
    code::Code,
    finding::{Observation, Outcome},
    gate::Named,
    permissions::Need,
};

/// The check, whose pass is unverified.
pub fn wrap(check: Arc<dyn Check>) -> Arc<dyn Check> {
    Arc::new(Unbound(check))
}

#[derive(Debug)]
struct Unbound(Arc<dyn Check>);

impl Check for Unbound {
    fn title(&self) -> String {
        self.0.title()
    }

    fn uses(&self) -> Option<Route> {
        self.0.uses()
    }

    fn opens(&self) -> Option<Route> {
        self.0.opens()
    }

    fn names(&self) -> Vec<Named> {
        self.0.names()
    }

    fn needs(&self) -> Vec<Need> {
        self.0.needs()
    }

    fn foreseen(&self, routing: &Routing<'_>) -> Option<Observation> {
        self.0.foreseen(routing)
    }

    fn look<'a>(&'a self, scene: &'a Scene) -> Looking<'a> {
        Box::pin(async { unverified(self.0.look(scene).await) })
    }
}

fn unverified(seen: Observation) -> Observation {
    let words = "the old version may have answered: the URL is not bound to a listener".to_owned();
    match seen.outcome {
        Outcome::Passed => seen.led_by([words]).but(Outcome::Doubtful, Code::VersionUnverified),
        Outcome::Doubtful => seen.with([words]),
        _ => seen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pass_becomes_unverified() {
        let passed = unverified(Observation::passed("GET http://x/", "answered 200"));
        assert_eq!((passed.outcome, passed.code), (Outcome::Doubtful, Some(Code::VersionUnverified)));
        let other = passed.clone().but(Outcome::Doubtful, Code::TlsUnverified);
        assert_eq!(unverified(other).code, Some(Code::TlsUnverified));
        let failed = Observation::failed(Code::UnexpectedStatus, "GET http://x/", "status == 200", "503");
        assert_eq!(unverified(failed.clone()), failed);
    }
}
