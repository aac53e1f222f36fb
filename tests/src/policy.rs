//! What the functions may be allowed at most: what the permission table has for gate files that use everything.

use std::collections::BTreeSet;

use hook_core::{
    Hook,
    permissions::{self, GateSource, Places},
};

/// A gate file whose checks call what the built-in ones do not.
pub const EVERYTHING: &str = "version: 1
hooks:
  before_install:
    checks:
      - preflight: [task-definition, log-groups, roles, secrets, images]
      - alarms: { tags: { gate: true }, prefix: shop- }
        expect: [state == OK]
";

/// A gate file that needs secrets of both stores.
pub const SECRETS: &str = "version: 1
secrets: { token: ssm:/shop/token, hook: secretsmanager:shop/hook#url }
hooks:
  after_allow_test_traffic:
    checks:
      - { http: '{{test_url}}/', headers: { X-Token: '{{secret.token}}', X-Hook: '{{secret.hook}}' }, expect: [status == 200] }
";

/// The operations of AWS that the hooks call, whatever their gate files say. `tests/iam` shows that the table is exact.
///
/// # Panics
/// When one of the gate files has a fault.
pub fn allowed() -> BTreeSet<String> {
    let gate = GateSource::parse("s3://bucket/key").expect("a place");
    let places = Places { gate, app_spec: Some(("bucket".into(), "key".into())), keys: Vec::new() };
    let tables = Hook::ALL.into_iter().flat_map(|hook| {
        [EVERYTHING, SECRETS].map(|file| permissions::of(Some(file), hook, &places).expect("a gate file"))
    });
    // For IAM a version of an object is another action; for S3 it is the same operation.
    let actions = tables.flatten().map(|permission| permission.action).filter(|it| *it != "s3:GetObjectVersion");
    actions.map(str::to_owned).collect()
}
