//! The cases: gate files with every kind of check and every item of `preflight`, each in worlds in which the check
//! calls every AWS operation that it can call.

use greenlight_tests::SHORT_WINDOWS;
use rehearsal::Hook;

/// A hook and its gate file.
#[derive(Clone, Debug)]
pub struct PolicyCase {
    pub hook: Hook,
    /// `None` for the built-in checks only.
    pub gate: Option<String>,
    pub source: GateLocation,
    /// Whether the AppSpec file can be in S3.
    pub app_spec_in_s3: bool,
    pub world_kinds: Vec<WorldKind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateLocation {
    Inline,
    Ssm,
    S3,
}

impl GateLocation {
    pub const SSM_PARAMETER: &str = "/greenlight/{application}/{deployment_group}";
    pub const S3_URI: &str = "s3://shop-gates/{application}/{deployment_group}.yaml";
}

/// What is special about a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorldKind {
    Healthy,
    /// A task of each task set has just stopped.
    Crashed,
    /// The replacement has no task set yet, so the task definition comes from the AppSpec file. CodeDeploy reports only
    /// the hash of that file.
    AppSpecHashOnly,
    /// The replacement has no task set yet, and the AppSpec file is in S3.
    AppSpecInS3,
    /// As `AppSpecInS3`, and the deployment names a version of the object.
    AppSpecVersionInS3,
}

fn hook_key(hook: Hook) -> String {
    hook.program_name().replace('-', "_")
}

/// A gate file with these checks and without built-in checks. It observes, so that no failure interrupts another check.
fn gate_with(hook: Hook, checks: &str) -> String {
    format!(
        "version: 1\nmode: observe\nsecrets: {{ token: ssm:/shop/token, hook: secretsmanager:shop/hook#url }}\nhooks:\n  {}: {{ built_in: none, checks: {checks} }}\n",
        hook_key(hook)
    )
}

fn policy_case(hook: Hook, checks: &str) -> PolicyCase {
    let gate = Some(gate_with(hook, checks));
    let mut worlds = vec![WorldKind::Healthy, WorldKind::Crashed];
    if TASK_DEFINITION_ITEMS.iter().any(|word| checks.contains(word)) && checks.contains("preflight") {
        worlds.push(WorldKind::AppSpecHashOnly);
    }
    PolicyCase { hook, gate, source: GateLocation::Inline, app_spec_in_s3: false, world_kinds: worlds }
}

/// Items of `preflight` that read the task definition.
const TASK_DEFINITION_ITEMS: [&str; 5] = ["task-definition", "log-groups", "roles", "secrets", "images"];

/// All items of `preflight`.
pub const PREFLIGHT_ITEMS: [&str; 12] = [
    "service",
    "group",
    "listener-wiring",
    "test-listener",
    "rollback",
    "reachable",
    "requests",
    "task-definition",
    "log-groups",
    "roles",
    "secrets",
    "images",
];

/// Single checks of every kind, with every key that changes the check's requests.
const SINGLE_CHECKS: [(Hook, &str); 27] = [
    (Hook::BeforeInstall, "none"),
    (Hook::AfterInstall, "[{ tasks: green, expect: [desired == 2] }]"),
    (Hook::AfterInstall, "[{ tasks: green, expect: [pending == 0] }]"),
    (Hook::AfterInstall, "[{ tasks: green, expect: [running == desired] }]"),
    (Hook::AfterInstall, "[{ tasks: green, expect: [steady == true] }]"),
    (Hook::AfterInstall, "[{ tasks: green, expect: [crashed_since_start == 0] }]"),
    (Hook::AfterInstall, "[{ tasks: green, expect: [unhealthy_containers == 0] }]"),
    (Hook::AfterInstall, "[{ tasks: green, expect: [unknown_containers == 0] }]"),
    (Hook::AfterInstall, "[{ tasks: green, stable_for: 200ms, every: 100ms, within: 1s, expect: [pending == 0] }]"),
    (Hook::BeforeInstall, "[{ tasks: blue, expect: [running == desired] }]"),
    (Hook::AfterInstall, "[{ image: green }]"),
    (Hook::AfterInstall, "[{ targets: green, expect: [healthy == registered] }]"),
    (Hook::BeforeInstall, "[{ targets: blue, expect: [healthy == registered] }]"),
    (Hook::BeforeAllowTraffic, "[{ alarms: deployment-group, expect: [state == OK] }]"),
    (Hook::BeforeAllowTraffic, "[{ alarms: { names: shop-db }, expect: [state == OK] }]"),
    (Hook::BeforeAllowTraffic, "[{ alarms: { prefix: shop- }, expect: [state == OK] }]"),
    (Hook::BeforeAllowTraffic, "[{ alarms: { tags: { gate: true } }, expect: [state == OK] }]"),
    (Hook::AfterAllowTraffic, "[{ alarms: deployment-group, for: 200ms, every: 100ms, expect: [state == OK] }]"),
    (Hook::AfterAllowTestTraffic, "[{ forwards_to: green }]"),
    (Hook::AfterAllowTestTraffic, "[{ health_check: test }]"),
    (Hook::AfterAllowTestTraffic, "[{ http: '{{test_url}}/', expect: [status == 200] }]"),
    (Hook::AfterAllowTestTraffic, "[{ grpc: '{{test_url}}' }]"),
    (Hook::AfterAllowTestTraffic, "[{ tcp: '{{test_url}}' }]"),
    (
        Hook::AfterAllowTestTraffic,
        "[{ http: '{{test_url}}/', headers: { X: '{{green.image_tag}}' }, expect: [status == 200] }]",
    ),
    (Hook::AfterAllowTestTraffic, "[{ http: '{{test_url}}/', expect: ['body != {{green.image_digest}}'] }]"),
    (
        Hook::AfterAllowTestTraffic,
        "[{ http: '{{test_url}}/', headers: { X: '{{green.task_set}}' }, expect: [status == 200] }]",
    ),
    (
        Hook::AfterAllowTestTraffic,
        "[{ http: '{{test_url}}/', headers: { A: '{{secret.token}}', B: '{{secret.hook}}' }, expect: [status == 200] }]",
    ),
];

const ALL_CHECKS: &str = "[{ preflight: [task-definition, log-groups, roles, secrets, images] },
    { alarms: { tags: { gate: true }, prefix: shop- }, expect: [state == OK] },
    { tasks: blue, expect: [running == desired, unhealthy_containers == 0] },
    { image: blue }, { targets: blue, expect: [healthy == registered] },
    { tcp: 'localhost:1', when: [env.NOT == set] },
    { http: 'http://localhost:1/', headers: { A: '{{secret.token}}', B: '{{secret.hook}}' }, expect: [status == 200], on_fail: ignore }]";

pub fn policy_cases() -> Vec<PolicyCase> {
    let alone = SINGLE_CHECKS.iter().map(|(hook, checks)| policy_case(*hook, checks));
    let preflight_cases =
        PREFLIGHT_ITEMS.iter().map(|word| policy_case(Hook::BeforeInstall, &format!("[{{ preflight: {word} }}]")));
    let mut subjects: Vec<_> = alone.chain(preflight_cases).collect();
    for hook in Hook::ALL {
        let worlds = vec![WorldKind::Healthy, WorldKind::Crashed];
        let built_in = PolicyCase { gate: None, world_kinds: worlds, ..policy_case(hook, "none") };
        for source in [GateLocation::Ssm, GateLocation::S3] {
            let gate = Some(SHORT_WINDOWS.to_owned());
            subjects.push(PolicyCase { gate, source, ..built_in.clone() });
        }
        subjects.push(built_in);
        let worlds = vec![
            WorldKind::Healthy,
            WorldKind::Crashed,
            WorldKind::AppSpecHashOnly,
            WorldKind::AppSpecInS3,
            WorldKind::AppSpecVersionInS3,
        ];
        subjects.push(PolicyCase {
            app_spec_in_s3: true,
            world_kinds: worlds,
            source: GateLocation::S3,
            ..policy_case(hook, ALL_CHECKS)
        });
        subjects.push(PolicyCase { source: GateLocation::Ssm, ..policy_case(hook, ALL_CHECKS) });
    }
    subjects
}
