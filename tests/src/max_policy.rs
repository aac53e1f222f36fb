//! The most that the functions can need: the permission table for gate files that use everything.

use std::collections::BTreeSet;

use hook_core::{
    Hook,
    permissions::{self, GateSource, PermissionInputs},
};

/// A gate file whose checks call the operations that the built-in checks do not.
pub const ALL_ACTIONS_GATE: &str = "version: 1
hooks:
  before_install:
    checks:
      - preflight: [task-definition, log-groups, roles, secrets, images]
      - alarms: { tags: { gate: true }, prefix: shop- }
        expect: [state == OK]
";

/// A gate file with a secret from Systems Manager and one from Secrets Manager.
pub const SECRETS_GATE: &str = "version: 1
secrets: { token: ssm:/shop/token, hook: secretsmanager:shop/hook#url }
hooks:
  after_allow_test_traffic:
    checks:
      - { http: '{{test_url}}/', headers: { X-Token: '{{secret.token}}', X-Hook: '{{secret.hook}}' }, expect: [status == 200] }
";

/// The AWS operations that the hooks can call with any gate file. `tests/iam` tests that the table is exact.
///
/// # Panics
/// If one of the gate files has a fault.
pub fn max_allowed_operations() -> BTreeSet<String> {
    let gate = GateSource::parse("s3://bucket/key").expect("a valid gate source");
    let inputs = PermissionInputs { gate, app_spec: Some(("bucket".into(), "key".into())), kms_keys: Vec::new() };
    let tables = Hook::ALL.into_iter().flat_map(|hook| {
        [ALL_ACTIONS_GATE, SECRETS_GATE]
            .map(|file| permissions::required_permissions(Some(file), hook, &inputs).expect("a valid gate file"))
    });
    // To read a version of an object is another IAM action, but the same S3 operation.
    let actions = tables.flatten().map(|permission| permission.action).filter(|it| *it != "s3:GetObjectVersion");
    actions.map(str::to_owned).collect()
}
