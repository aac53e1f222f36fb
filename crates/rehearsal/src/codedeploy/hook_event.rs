//! The event of a hook function.

use serde_json::json;

/// The event that CodeDeploy sends, with its two keys.
pub(crate) fn hook_event(deployment: &str, execution: &str) -> Vec<u8> {
    json!({ "DeploymentId": deployment, "LifecycleEventHookExecutionId": execution }).to_string().into_bytes()
}
