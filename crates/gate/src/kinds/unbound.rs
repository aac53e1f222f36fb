//! Requests that the original may answer: their URL is not that of a listener of the deployment.

use lifecycle::TrafficRoute;

use crate::{MapReader, timing};

/// The key `any_version`: it does not matter which version responds.
pub(super) fn read_any_version(fields: &mut MapReader<'_>) -> bool {
    fields.bool("any_version").unwrap_or(false)
}

/// Whether the check cannot prove anything about the new version, although the team wants it to. Then it warns when the
/// file is read, and again when it has passed. `route` is the listener that the request in `key` goes to.
pub(super) fn warn_if_unbound(
    key: &'static str,
    route: Option<TrafficRoute>,
    any_version: bool,
    fields: &mut MapReader<'_>,
) -> bool {
    let hook = fields.scope().hook.filter(|hook| timing::original_may_answer(*hook));
    let Some(hook) = hook.filter(|_| route.is_none() && !any_version) else { return false };
    let url = fields.string(key).unwrap_or_default();
    timing::warn_unbound(&url, hook, key, fields);
    true
}
