//! What permissions depend on in addition to the gate file: where it is, where AppSpec files are, and the KMS keys.

use crate::GateSource;

/// Locations that a gate file does not contain.
#[derive(Clone, Debug, Default)]
pub struct PermissionInputs {
    /// The source of the gate file.
    pub gate: GateSource,
    /// Bucket and key of AppSpec files, which may contain `*`. `None` if no deployment uses an AppSpec file in S3.
    pub app_spec: Option<(String, String)>,
    /// ARNs of customer managed keys that encrypt parameters, secrets or objects. Keys that AWS manages need no
    /// permission.
    pub kms_keys: Vec<String>,
}
