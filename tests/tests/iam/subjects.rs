//! What is played: gate files with every kind of check and every word of `preflight`, each in the worlds in which it asks
//! AWS for all that it ever asks for.

use greenlight_tests::SHORT_WINDOWS;
use rehearsal::HookName;

/// A gate file at a hook.
#[derive(Clone, Debug)]
pub struct PolicyCase {
    pub hook: HookName,
    /// None for the built-in checks alone.
    pub gate: Option<String>,
    pub source: GateLocation,
    /// Whether AppSpec files may be in S3.
    pub app_spec_in_s3: bool,
    pub world_kinds: Vec<WorldKind>,
}

/// Where the gate file comes from.
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

/// What a world is like, beside healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorldKind {
    Healthy,
    /// A task of each task set ended a moment ago.
    Crashed,
    /// The replacement's task set is not there, so that the task definition is that of the AppSpec file; and CodeDeploy tells
    /// of that by its hash.
    AppSpecHashOnly,
    /// The same, and it is in S3.
    AppSpecInS3,
    /// The same, and the deployment names a version of the object.
    AppSpecVersionInS3,
}

fn hook_key(hook: HookName) -> String {
    hook.binary().replace('-', "_")
}

/// A gate file with these checks and no built-in ones. It observes, so that no failure cuts another check off.
fn gate_with(hook: HookName, checks: &str) -> String {
    format!(
        "version: 1\nmode: observe\nsecrets: {{ token: ssm:/shop/token, hook: secretsmanager:shop/hook#url }}\nhooks:\n  {}: {{ built_in: none, checks: {checks} }}\n",
        hook_key(hook)
    )
}

fn policy_case(hook: HookName, checks: &str) -> PolicyCase {
    let gate = Some(gate_with(hook, checks));
    let mut worlds = vec![WorldKind::Healthy, WorldKind::Crashed];
    if TASK_DEFINITION_ITEMS.iter().any(|word| checks.contains(word)) && checks.contains("preflight") {
        worlds.push(WorldKind::AppSpecHashOnly);
    }
    PolicyCase { hook, gate, source: GateLocation::Inline, app_spec_in_s3: false, world_kinds: worlds }
}

/// Words of `preflight` that look at the task definition.
const TASK_DEFINITION_ITEMS: [&str; 5] = ["task-definition", "log-groups", "roles", "secrets", "images"];

/// The words of `preflight`.
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

/// One check alone, of every kind, with every key that makes it ask for something else.
const SINGLE_CHECKS: [(HookName, &str); 27] = [
    (HookName::BeforeInstall, "none"),
    (HookName::AfterInstall, "[{ tasks: green, expect: [desired == 2] }]"),
    (HookName::AfterInstall, "[{ tasks: green, expect: [pending == 0] }]"),
    (HookName::AfterInstall, "[{ tasks: green, expect: [running == desired] }]"),
    (HookName::AfterInstall, "[{ tasks: green, expect: [steady == true] }]"),
    (HookName::AfterInstall, "[{ tasks: green, expect: [crashed_since_start == 0] }]"),
    (HookName::AfterInstall, "[{ tasks: green, expect: [unhealthy_containers == 0] }]"),
    (HookName::AfterInstall, "[{ tasks: green, expect: [unknown_containers == 0] }]"),
    (HookName::AfterInstall, "[{ tasks: green, stable_for: 200ms, every: 100ms, within: 1s, expect: [pending == 0] }]"),
    (HookName::BeforeInstall, "[{ tasks: blue, expect: [running == desired] }]"),
    (HookName::AfterInstall, "[{ image: green }]"),
    (HookName::AfterInstall, "[{ targets: green, expect: [healthy == registered] }]"),
    (HookName::BeforeInstall, "[{ targets: blue, expect: [healthy == registered] }]"),
    (HookName::BeforeAllowTraffic, "[{ alarms: deployment-group, expect: [state == OK] }]"),
    (HookName::BeforeAllowTraffic, "[{ alarms: { names: shop-db }, expect: [state == OK] }]"),
    (HookName::BeforeAllowTraffic, "[{ alarms: { prefix: shop- }, expect: [state == OK] }]"),
    (HookName::BeforeAllowTraffic, "[{ alarms: { tags: { gate: true } }, expect: [state == OK] }]"),
    (HookName::AfterAllowTraffic, "[{ alarms: deployment-group, for: 200ms, every: 100ms, expect: [state == OK] }]"),
    (HookName::AfterAllowTestTraffic, "[{ forwards_to: green }]"),
    (HookName::AfterAllowTestTraffic, "[{ health_check: test }]"),
    (HookName::AfterAllowTestTraffic, "[{ http: '{{test_url}}/', expect: [status == 200] }]"),
    (HookName::AfterAllowTestTraffic, "[{ grpc: '{{test_url}}' }]"),
    (HookName::AfterAllowTestTraffic, "[{ tcp: '{{test_url}}' }]"),
    (
        HookName::AfterAllowTestTraffic,
        "[{ http: '{{test_url}}/', headers: { X: '{{green.image_tag}}' }, expect: [status == 200] }]",
    ),
    (HookName::AfterAllowTestTraffic, "[{ http: '{{test_url}}/', expect: ['body != {{green.image_digest}}'] }]"),
    (
        HookName::AfterAllowTestTraffic,
        "[{ http: '{{test_url}}/', headers: { X: '{{green.task_set}}' }, expect: [status == 200] }]",
    ),
    (
        HookName::AfterAllowTestTraffic,
        "[{ http: '{{test_url}}/', headers: { A: '{{secret.token}}', B: '{{secret.hook}}' }, expect: [status == 200] }]",
    ),
];

/// Everything at once.
const ALL_CHECKS: &str = "[{ preflight: [task-definition, log-groups, roles, secrets, images] },
    { alarms: { tags: { gate: true }, prefix: shop- }, expect: [state == OK] },
    { tasks: blue, expect: [running == desired, unhealthy_containers == 0] },
    { image: blue }, { targets: blue, expect: [healthy == registered] },
    { tcp: 'localhost:1', when: [env.NOT == set] },
    { http: 'http://localhost:1/', headers: { A: '{{secret.token}}', B: '{{secret.hook}}' }, expect: [status == 200], on_fail: ignore }]";

/// All of them.
pub fn policy_cases() -> Vec<PolicyCase> {
    let alone = SINGLE_CHECKS.iter().map(|(hook, checks)| policy_case(*hook, checks));
    let preflight_cases =
        PREFLIGHT_ITEMS.iter().map(|word| policy_case(HookName::BeforeInstall, &format!("[{{ preflight: {word} }}]")));
    let mut subjects: Vec<_> = alone.chain(preflight_cases).collect();
    for hook in HookName::ALL {
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
