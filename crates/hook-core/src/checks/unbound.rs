//! A request to a URL that is not bound to a listener: the original may respond to it. A pass proves something about a
//! response, but nothing about the new version, so it always warns.

use gate::ReasonCode;

use crate::finding::{Observation, Outcome};

/// Makes a pass unverified, if the check is not bound to a listener.
pub(super) fn mark_version_unverified(is_unbound: bool, seen: Observation) -> Observation {
    if !is_unbound {
        return seen;
    }
    let detail = "the old version may have responded: the URL is not bound to a listener".to_owned();
    match seen.outcome {
        Outcome::Passed => {
            seen.prepend_details([detail]).with_outcome(Outcome::Unverified, ReasonCode::VersionUnverified)
        }
        Outcome::Unverified => seen.with_details([detail]),
        _ => seen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pass_becomes_unverified() {
        let passed = mark_version_unverified(true, Observation::passed("GET http://x/", "answered 200"));
        assert_eq!((passed.outcome, passed.code), (Outcome::Unverified, Some(ReasonCode::VersionUnverified)));
        let other = passed.clone().with_outcome(Outcome::Unverified, ReasonCode::TlsUnverified);
        assert_eq!(mark_version_unverified(true, other).code, Some(ReasonCode::TlsUnverified));
        let failed = Observation::failed(ReasonCode::UnexpectedStatus, "GET http://x/", "status == 200", "503");
        assert_eq!(mark_version_unverified(true, failed.clone()), failed);
        let bound = Observation::passed("GET http://x/", "answered 200");
        assert_eq!(mark_version_unverified(false, bound.clone()), bound);
    }
}
