//! A parameter allows exactly the calls that its gate file causes, and no other parameter allows them.

use std::collections::{BTreeMap, BTreeSet};

use greenlight_tests::{
    SHORT_WINDOWS, binaries, iam_actions,
    infra::{ALL_PARAMETERS, RoleStatement, SamTemplate, Stack, denied_requests, logical_id},
};
use rehearsal::{
    FunctionName, Hook, HookTestBed, Recorder,
    world::{Revision, RevisionFormat, World},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{stack_of, stack_with};

const ALARM_HOOKS: [Hook; 3] = [Hook::BeforeInstall, Hook::BeforeAllowTraffic, Hook::AfterAllowTraffic];
const FIRST_HOOK: [Hook; 1] = [Hook::BeforeInstall];

/// Parameters, and a check that needs them.
struct ParameterCase {
    parameters: &'static [(&'static str, &'static str)],
    hooks: &'static [Hook],
    /// The check of the inline gate file. It is empty if the gate file comes from another source.
    check: &'static str,
    /// Worlds in which the check calls every operation that it can call.
    world_changes: &'static [fn(&mut World)],
}

/// CodeDeploy reports only the hash of the AppSpec file.
fn app_spec_hash_only(world: &mut World) {
    world.deployment().revision.format = RevisionFormat::Hash;
}

fn app_spec_in_s3(world: &mut World) {
    let (bucket, key) = Revision::APP_SPEC_OBJECT;
    let revision = &mut world.deployment().revision;
    revision.format = RevisionFormat::S3;
    let text = revision.app_spec.clone();
    world.account.objects.insert(format!("{bucket}/{key}"), text);
}

/// The AppSpec file is in S3, and the deployment names a version of the object.
fn app_spec_version_in_s3(world: &mut World) {
    app_spec_in_s3(world);
    let (bucket, key) = Revision::APP_SPEC_OBJECT;
    let text = world.account.objects[&format!("{bucket}/{key}")].clone();
    world.account.objects.insert(format!("{bucket}/{key}?versionId=3"), text);
    world.deployment().revision.version = Some("3".into());
}

const SSM: &[(&str, &str)] =
    &[("GateSource", "ssm"), ("GateParameter", "/greenlight/{application}/{deployment_group}")];
const S3: &[(&str, &str)] =
    &[("GateSource", "s3"), ("GateBucket", "shop-gates"), ("GateKey", "{application}/gate.yaml")];
const S3_VERSION: &[(&str, &str)] =
    &[("GateSource", "s3"), ("GateBucket", "shop-gates"), ("GateKey", "shop/gate.yaml"), ("GateObjectVersion", "3")];
const PREFLIGHT: (&str, &str) = ("Preflight", "yes");

const PARAMETER_CASES: [ParameterCase; 11] = [
    ParameterCase {
        parameters: SSM,
        hooks: &Hook::ALL,
        check: "",
        world_changes: &[|world| {
            drop(world.account.parameters.insert("/greenlight/shop/web".into(), SHORT_WINDOWS.into()))
        }],
    },
    ParameterCase {
        parameters: S3,
        hooks: &Hook::ALL,
        check: "",
        world_changes: &[|world| {
            drop(world.account.objects.insert("shop-gates/shop/gate.yaml".into(), SHORT_WINDOWS.into()))
        }],
    },
    // The newest version of the object is not a gate file, and no hook reads it.
    ParameterCase {
        parameters: S3_VERSION,
        hooks: &Hook::ALL,
        check: "",
        world_changes: &[|world| {
            let objects = &mut world.account.objects;
            objects.insert("shop-gates/shop/gate.yaml?versionId=3".into(), SHORT_WINDOWS.into());
            objects.insert("shop-gates/shop/gate.yaml".into(), "not a gate file".into());
        }],
    },
    // Nothing listens on this port, but the hook fetches the secret before it connects.
    ParameterCase {
        parameters: &[("SecretParameterArns", "arn:aws:ssm:eu-west-1:111122223333:parameter/shop/token")],
        hooks: &Hook::ALL,
        check: "{ http: 'http://localhost:9/', headers: { X-Token: '{{secret.parameter}}' }, expect: [status == 200] }",
        world_changes: &[|world| drop(world.account.parameters.insert("/shop/token".into(), "open-sesame".into()))],
    },
    ParameterCase {
        parameters: &[("SecretArns", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/hook-??????")],
        hooks: &Hook::ALL,
        check: "{ http: 'http://localhost:9/', headers: { X-Token: '{{secret.secret}}' }, expect: [status == 200] }",
        world_changes: &[|world| world.account.put_secret("shop/hook", "open-sesame")],
    },
    ParameterCase {
        parameters: &[("AlarmsByTag", "yes")],
        hooks: &ALARM_HOOKS,
        check: "{ alarms: { tags: { gate: 'true' } }, expect: [state == OK] }",
        world_changes: &[|world| drop(world.alarms[0].tags.insert("gate".into(), "true".into()))],
    },
    ParameterCase {
        parameters: &[PREFLIGHT],
        hooks: &FIRST_HOOK,
        check: "{ preflight: [task-definition, log-groups] }",
        world_changes: &[app_spec_hash_only],
    },
    ParameterCase {
        // A task has a task role and an execution role.
        parameters: &[
            PREFLIGHT,
            (
                "TaskRoleArns",
                "arn:aws:iam::111122223333:role/shop-*,arn:aws:iam::111122223333:role/ecsTaskExecutionRole",
            ),
        ],
        hooks: &FIRST_HOOK,
        check: "{ preflight: [task-definition, log-groups, roles] }",
        world_changes: &[app_spec_hash_only],
    },
    ParameterCase {
        parameters: &[
            PREFLIGHT,
            ("TaskSecretArns", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/*"),
            ("TaskParameterArns", "arn:aws:ssm:eu-west-1:111122223333:parameter/shop/*"),
        ],
        hooks: &FIRST_HOOK,
        check: "{ preflight: [task-definition, log-groups, secrets] }",
        world_changes: &[app_spec_hash_only],
    },
    ParameterCase {
        parameters: &[PREFLIGHT, ("RepositoryArns", "arn:aws:ecr:eu-west-1:111122223333:repository/*")],
        hooks: &FIRST_HOOK,
        check: "{ preflight: [task-definition, log-groups, images] }",
        world_changes: &[app_spec_hash_only],
    },
    ParameterCase {
        parameters: &[PREFLIGHT, ("AppSpecObjectArns", "arn:aws:s3:::shop-deployments/*")],
        hooks: &FIRST_HOOK,
        check: "{ preflight: [task-definition, log-groups] }",
        world_changes: &[app_spec_hash_only, app_spec_in_s3, app_spec_version_in_s3],
    },
];

/// The actions that each function called and that its role does not allow by default.
async fn additional_calls(row: &ParameterCase) -> BTreeMap<FunctionName, BTreeSet<String>> {
    let (usual, stack, recorder) = (stack_with(&[]), stack_with(row.parameters), Recorder::default());
    let mut playing = JoinSet::new();
    for hook in row.hooks {
        for world in row.world_changes {
            let mut stage = HookTestBed::at(*hook).await.world(world).recorder(&recorder);
            let variables = &stack.function((*hook).into())["Environment"]["Variables"];
            for (name, value) in variables.as_object().into_iter().flatten() {
                stage = stage.env(name, value.as_str().unwrap());
            }
            if !row.check.is_empty() {
                stage = stage.gate(&format!(
                    "version: 1\nsecrets: {{ parameter: ssm:/shop/token, secret: secretsmanager:shop/hook }}\nhooks:\n  \
                     {}: {{ built_in: none, checks: [{}] }}\n",
                    hook.key(),
                    row.check
                ));
            }
            playing.spawn(stage.run(binaries()));
        }
    }
    for ended in playing.join_all().await {
        let played = ended.unwrap();
        assert_eq!(played.statuses.len(), 1, "{:?}: {}", row.parameters, played.raw_log.join("\n"));
        assert!(!["SettingsInvalid", "GateInvalid", "GateUnreadable"].contains(&&*played.code), "{}", played.verdict);
    }
    let exchanges = recorder.exchanges();
    assert_eq!(denied_requests(&stack, &exchanges), BTreeSet::new(), "{:?}", row.parameters);
    let mut called = iam_actions(&exchanges);
    for (function, actions) in &mut called {
        let usual = usual.allowed_actions(*function);
        actions.retain(|action| !usual.contains(action));
    }
    called
}

/// The actions that the parameters add to the role of each function.
fn additional_permissions(template: &SamTemplate, row: &ParameterCase) -> BTreeMap<FunctionName, BTreeSet<String>> {
    let (usual, stack) = (stack_with(&[]), stack_of(template, row.parameters));
    let more = |function| {
        stack.allowed_actions(function).difference(&usual.allowed_actions(function)).cloned().collect::<BTreeSet<_>>()
    };
    FunctionName::all_functions()
        .map(|function| (function, more(function)))
        .filter(|(_, more)| !more.is_empty())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn parameter_allows_exactly_the_calls_of_its_gate_file() {
    let template = SamTemplate::read();
    let mut missed = Vec::new();
    for row in &PARAMETER_CASES {
        let called = additional_calls(row).await;
        assert_eq!(additional_permissions(&template, row), called, "{:?}", row.parameters);
        for place in template.statement_locations().iter().filter(|place| place.is_conditional) {
            if additional_permissions(&template.without(place), row) != called {
                missed.push(place.sid.clone());
            }
        }
    }
    for place in template.statement_locations().iter().filter(|place| place.is_conditional) {
        let is_platforms = greenlight_tests::infra::PLATFORM_STATEMENTS.contains(&&*place.sid);
        assert!(is_platforms || missed.contains(&place.sid), "no recorded call needs the statement {place}");
    }
}

/// Actions that need `*` as their resource, each with the reason.
const WILDCARD_ONLY: [(&str, &str); 13] = [
    ("cloudwatch:DescribeAlarmHistory", "a narrower resource hides composite alarms"),
    ("cloudwatch:DescribeAlarms", "a narrower resource hides composite alarms"),
    ("codedeploy:GetDeploymentTarget", "accepts no resource according to one of AWS's two references"),
    ("codedeploy:ListDeploymentTargets", "accepts no resource according to one of AWS's two references"),
    ("ec2:", "network interfaces, before they have an ARN"),
    ("ecs:DescribeTaskDefinition", "accepts no resource"),
    ("ecs:ListTasks", "accepts no resource for the tasks of a service; the cluster is a condition"),
    ("elasticloadbalancing:DescribeListeners", "accepts no resource"),
    ("elasticloadbalancing:DescribeLoadBalancers", "accepts no resource"),
    ("elasticloadbalancing:DescribeRules", "accepts no resource"),
    ("elasticloadbalancing:DescribeTargetGroups", "accepts no resource"),
    ("elasticloadbalancing:DescribeTargetHealth", "accepts no resource"),
    ("tag:GetResources", "accepts no resource"),
];

/// Every parameter that adds permissions, including those of the network.
fn all_parameters() -> Vec<(&'static str, &'static str)> {
    let network = [("VpcId", "vpc-1"), ("SubnetIds", "subnet-1,subnet-2")];
    ALL_PARAMETERS.into_iter().chain(SSM.iter().copied()).chain(network).collect()
}

#[test]
fn no_resource_is_wider_than_necessary() {
    let template = SamTemplate::read();
    let all = template.instantiate(all_parameters()).unwrap();
    for stack in [all, stack_of(&template, S3), stack_of(&template, S3_VERSION)] {
        for (function, statement) in
            FunctionName::all_functions().flat_map(|it| stack.role_statements(it).into_iter().map(move |one| (it, one)))
        {
            let description = format!("{function}: {statement:?}");
            assert!(
                !statement.actions.iter().any(|action| action.contains('*')),
                "an action with a wildcard: {description}"
            );
            for resource in &statement.resources {
                if resource == "*" {
                    let forced = |action: &String| WILDCARD_ONLY.iter().any(|(name, _)| action.starts_with(name));
                    assert!(statement.actions.iter().all(forced), "a wildcard that is not necessary: {description}");
                    continue;
                }
                // arn:aws:service:region:account:rest
                let parts: Vec<_> = resource.splitn(6, ':').collect();
                let [_, _, service, region, account, rest] = parts[..] else {
                    panic!("a resource is not an ARN: {description}")
                };
                let is_global = matches!(service, "iam" | "s3");
                assert!(is_global || region == "eu-west-1", "a resource in another region: {description}");
                assert!(service == "s3" || account == "111122223333", "a resource in another account: {description}");
                let is_list = statement.actions.contains("logs:DescribeLogGroups");
                let said = ["shop", "greenlight"].iter().any(|name| rest.contains(name));
                assert!(is_list || said, "no parameter bounds it: {description}");
            }
        }
    }
}

/// An ARN in S3 names no account: without the condition, anybody who owns a bucket of this name owns the gate.
#[test]
fn gate_object_is_read_only_from_the_expected_account_and_in_the_pinned_version() {
    let template = SamTemplate::read();
    let with_owner = |parameters: &[(&'static str, &'static str)]| {
        let own = parameters.iter().copied().chain([("GateBucketOwner", "444455556666")]);
        stack_of(&template, &own.collect::<Vec<_>>())
    };
    for (stack, sid, condition) in [
        (stack_of(&template, S3), "ReadGateObject", json!({ "aws:ResourceAccount": "111122223333" })),
        (with_owner(S3), "ReadGateObject", json!({ "aws:ResourceAccount": "444455556666" })),
        (
            stack_of(&template, S3_VERSION),
            "ReadGateVersion",
            json!({ "aws:ResourceAccount": "111122223333", "s3:VersionId": "3" }),
        ),
        (
            with_owner(S3_VERSION),
            "ReadGateVersion",
            json!({ "aws:ResourceAccount": "444455556666", "s3:VersionId": "3" }),
        ),
    ] {
        for hook in Hook::ALL {
            let statements = stack.role_statements(hook.into());
            let gate: Vec<_> = statements.iter().filter(|it| it.sid.starts_with("ReadGate")).collect();
            let found: Vec<_> = gate.iter().map(|it| (it.sid.as_str(), &it.condition)).collect();
            assert_eq!(found, [(sid, &json!({ "StringEquals": condition }))], "{hook}");
        }
    }
}

/// Every statement of a stack, with the functions that have it.
fn statements_by_role(stack: &Stack) -> Vec<(RoleStatement, Vec<FunctionName>)> {
    let mut all: Vec<(RoleStatement, Vec<FunctionName>)> = Vec::new();
    for (function, own) in
        FunctionName::all_functions().flat_map(|it| stack.role_statements(it).into_iter().map(move |one| (it, one)))
    {
        match all.iter_mut().find(|(known, _)| *known == own) {
            Some((_, whose)) => whose.push(function),
            None => all.push((own, vec![function])),
        }
    }
    all
}

fn function_names(functions: &[FunctionName]) -> String {
    match functions.len() {
        6 => "all six".to_owned(),
        5 if !functions.contains(&FunctionName::OnFailure) => "the five hooks".to_owned(),
        _ => functions.iter().map(|function| function.program_name()).collect::<Vec<_>>().join(", "),
    }
}

/// The golden text that a reviewer approves: every statement of the stack with all parameters.
#[test]
fn the_roles_as_golden_text() {
    let mut text = String::new();
    for (it, functions) in statements_by_role(&SamTemplate::read().instantiate(all_parameters()).unwrap()) {
        text += &format!("{} ({})\n", it.sid, function_names(&functions));
        let actions: Vec<_> = it.actions.iter().map(String::as_str).collect();
        text += &format!("  {} {}\n  on {}\n", it.effect, actions.join(", "), it.resources.join("\n     "));
        if it.condition != Value::Null {
            text += &format!("  if {}\n", it.condition);
        }
    }
    insta::assert_snapshot!(text);
}

/// infra/README.md has a line for each statement, with its functions and actions.
#[test]
fn readme_of_the_stack_lists_every_statement() {
    let readme = include_str!("../../../infra/README.md");
    let mut expected = BTreeSet::new();
    let template = SamTemplate::read();
    let all = template.instantiate(all_parameters()).unwrap();
    for stack in [all, stack_of(&template, S3), stack_of(&template, S3_VERSION)] {
        for (it, functions) in statements_by_role(&stack) {
            // Each function's statement has another log group, but the README has one line for all.
            let whose = if it.sid == "Log" { "all six".to_owned() } else { function_names(&functions) };
            let actions: Vec<_> = it.actions.iter().map(|action| format!("`{action}`")).collect();
            let denied = if it.effect == "Deny" { "denied: " } else { "" };
            expected.insert(format!("| `{}` | {whose} | {denied}{} |", it.sid, actions.join(" ")));
        }
    }
    let missing: Vec<_> = expected.iter().filter(|line| !readme.contains(*line)).collect();
    assert!(missing.is_empty(), "infra/README.md lacks these lines or has others:\n{missing:#?}");
    let lines = readme.lines().filter(|line| line.matches(" | ").count() == 4 && line.starts_with("| `")).count();
    assert_eq!(lines, expected.len(), "infra/README.md lists a statement that the template does not have");
}

#[test]
fn roles_use_less_than_half_of_iams_quota() {
    // IAM's quota for all inline policies of a role, in characters without whitespace.
    const QUOTA: usize = 10_240;
    let stack = SamTemplate::read().instantiate(all_parameters()).unwrap();
    for function in FunctionName::all_functions() {
        let role = format!("{}Role", logical_id(function));
        let own = stack.properties(&role)["Policies"].as_array().into_iter().flatten();
        let shared = stack.resources_of_type("AWS::IAM::Policy").map(|(_, policy)| policy);
        let shared = shared.filter(|policy| policy["Roles"].as_array().into_iter().flatten().any(|it| *it == *role));
        let size: usize = own.chain(shared).map(|policy| policy["PolicyDocument"].to_string().len()).sum();
        assert!(
            size < QUOTA / 2,
            "{role} has {size} of {QUOTA} characters, which leaves too little for long lists of ARNs"
        );
    }
}
