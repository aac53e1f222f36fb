//! What a parameter lets a function do is what its gate file makes it call, and stands nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use greenlight_tests::{
    SHORT_WINDOWS, actions, binaries,
    infra::{EVERYTHING, Stack, Statement, Template, denied, logical},
};
use rehearsal::{
    FunctionName, HookName, Recorder, Stage,
    world::{Revision, Told, World},
};
use serde_json::Value;
use tokio::task::JoinSet;

use super::{stack, with};

const ALARMS: [HookName; 3] = [HookName::BeforeInstall, HookName::BeforeAllowTraffic, HookName::AfterAllowTraffic];
const FIRST: [HookName; 1] = [HookName::BeforeInstall];

/// Parameters, and what makes use of them.
struct Row {
    parameters: &'static [(&'static str, &'static str)],
    hooks: &'static [HookName],
    /// The gate file's check, where the gate file is inline.
    check: &'static str,
    /// Worlds in which it asks for all that it ever asks for.
    worlds: &'static [fn(&mut World)],
}

/// CodeDeploy tells the AppSpec file's hash alone.
fn by_hash(world: &mut World) {
    world.deployment().revision.told = Told::Hash;
}

/// The AppSpec file is in S3.
fn in_s3(world: &mut World) {
    let (bucket, key) = Revision::PLACE;
    let revision = &mut world.deployment().revision;
    revision.told = Told::S3;
    let text = revision.app_spec.clone();
    world.account.objects.insert(format!("{bucket}/{key}"), text);
}

/// The same, and the deployment names a version of it.
fn versioned_in_s3(world: &mut World) {
    in_s3(world);
    let (bucket, key) = Revision::PLACE;
    let text = world.account.objects[&format!("{bucket}/{key}")].clone();
    world.account.objects.insert(format!("{bucket}/{key}?versionId=3"), text);
    world.deployment().revision.version = Some("3".into());
}

const SSM: &[(&str, &str)] =
    &[("GateSource", "ssm"), ("GateParameter", "/greenlight/{application}/{deployment_group}")];
const S3: &[(&str, &str)] =
    &[("GateSource", "s3"), ("GateBucket", "shop-gates"), ("GateKey", "{application}/gate.yaml")];
const PREFLIGHT: (&str, &str) = ("Preflight", "yes");

const ROWS: [Row; 10] = [
    Row {
        parameters: SSM,
        hooks: &HookName::ALL,
        check: "",
        worlds: &[|world| drop(world.account.parameters.insert("/greenlight/shop/web".into(), SHORT_WINDOWS.into()))],
    },
    Row {
        parameters: S3,
        hooks: &HookName::ALL,
        check: "",
        worlds: &[|world| drop(world.account.objects.insert("shop-gates/shop/gate.yaml".into(), SHORT_WINDOWS.into()))],
    },
    // Nobody listens there; the secret is fetched before that is known.
    Row {
        parameters: &[("SecretParameterArns", "arn:aws:ssm:eu-west-1:111122223333:parameter/shop/token")],
        hooks: &HookName::ALL,
        check: "{ http: 'http://localhost:9/', headers: { X-Token: '{{secret.parameter}}' }, expect: [status == 200] }",
        worlds: &[|world| drop(world.account.parameters.insert("/shop/token".into(), "open-sesame".into()))],
    },
    Row {
        parameters: &[("SecretArns", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/hook-??????")],
        hooks: &HookName::ALL,
        check: "{ http: 'http://localhost:9/', headers: { X-Token: '{{secret.secret}}' }, expect: [status == 200] }",
        worlds: &[|world| world.account.keep_secret("shop/hook", "open-sesame")],
    },
    Row {
        parameters: &[("AlarmsByTag", "yes")],
        hooks: &ALARMS,
        check: "{ alarms: { tags: { gate: 'true' } }, expect: [state == OK] }",
        worlds: &[|world| drop(world.alarms[0].tags.insert("gate".into(), "true".into()))],
    },
    Row {
        parameters: &[PREFLIGHT],
        hooks: &FIRST,
        check: "{ preflight: [task-definition, log-groups] }",
        worlds: &[by_hash],
    },
    Row {
        // A task has a role of its own and one that ECS starts it with.
        parameters: &[
            PREFLIGHT,
            (
                "TaskRoleArns",
                "arn:aws:iam::111122223333:role/shop-*,arn:aws:iam::111122223333:role/ecsTaskExecutionRole",
            ),
        ],
        hooks: &FIRST,
        check: "{ preflight: [task-definition, log-groups, roles] }",
        worlds: &[by_hash],
    },
    Row {
        parameters: &[
            PREFLIGHT,
            ("TaskSecretArns", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/*"),
            ("TaskParameterArns", "arn:aws:ssm:eu-west-1:111122223333:parameter/shop/*"),
        ],
        hooks: &FIRST,
        check: "{ preflight: [task-definition, log-groups, secrets] }",
        worlds: &[by_hash],
    },
    Row {
        parameters: &[PREFLIGHT, ("RepositoryArns", "arn:aws:ecr:eu-west-1:111122223333:repository/*")],
        hooks: &FIRST,
        check: "{ preflight: [task-definition, log-groups, images] }",
        worlds: &[by_hash],
    },
    Row {
        parameters: &[PREFLIGHT, ("AppSpecObjectArns", "arn:aws:s3:::shop-deployments/*")],
        hooks: &FIRST,
        check: "{ preflight: [task-definition, log-groups] }",
        worlds: &[by_hash, in_s3, versioned_in_s3],
    },
];

/// What each function called beyond what it may by default.
async fn called(row: &Row) -> BTreeMap<FunctionName, BTreeSet<String>> {
    let (usual, stack, recorder) = (stack(&[]), stack(row.parameters), Recorder::default());
    let mut playing = JoinSet::new();
    for hook in row.hooks {
        for world in row.worlds {
            let mut stage = Stage::at(*hook).await.world(world).recorder(&recorder);
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
        assert_eq!(played.answers.len(), 1, "{:?}: {}", row.parameters, played.raw_log.join("\n"));
        assert!(!["SettingsInvalid", "GateInvalid", "GateUnreadable"].contains(&&*played.code), "{}", played.verdict);
    }
    let exchanges = recorder.exchanges();
    assert_eq!(denied(&stack, &exchanges), BTreeSet::new(), "{:?}", row.parameters);
    let mut called = actions(&exchanges);
    for (function, actions) in &mut called {
        let usual = usual.allowed(*function);
        actions.retain(|action| !usual.contains(action));
    }
    called
}

/// What each function of the stack may beyond what it may by default.
fn added(template: &Template, row: &Row) -> BTreeMap<FunctionName, BTreeSet<String>> {
    let (usual, stack) = (stack(&[]), with(template, row.parameters));
    let more =
        |function| stack.allowed(function).difference(&usual.allowed(function)).cloned().collect::<BTreeSet<_>>();
    FunctionName::all().map(|function| (function, more(function))).filter(|(_, more)| !more.is_empty()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_allows_what_its_gate_file_calls_and_nothing_else() {
    let template = Template::read();
    let mut missed = Vec::new();
    for row in &ROWS {
        let called = called(row).await;
        assert_eq!(added(&template, row), called, "{:?}", row.parameters);
        for place in template.statements().iter().filter(|place| place.is_conditional) {
            if added(&template.without(place), row) != called {
                missed.push(place.sid.clone());
            }
        }
    }
    for place in template.statements().iter().filter(|place| place.is_conditional) {
        let is_platforms = greenlight_tests::infra::PLATFORM.contains(&&*place.sid);
        assert!(is_platforms || missed.contains(&place.sid), "nobody misses {place}");
    }
}

/// Actions that take no resource, each with where AWS says so, or that would hide something with one.
const FORCED: [(&str, &str); 13] = [
    ("cloudwatch:DescribeAlarmHistory", "a narrower resource hides composite alarms"),
    ("cloudwatch:DescribeAlarms", "a narrower resource hides composite alarms"),
    ("codedeploy:GetDeploymentTarget", "takes no resource by one of AWS's two references"),
    ("codedeploy:ListDeploymentTargets", "takes no resource by one of AWS's two references"),
    ("ec2:", "network interfaces, before they have an ARN"),
    ("ecs:DescribeTaskDefinition", "takes no resource"),
    ("ecs:ListTasks", "takes no resource for the tasks of a service; the cluster is a condition"),
    ("elasticloadbalancing:DescribeListeners", "takes no resource"),
    ("elasticloadbalancing:DescribeLoadBalancers", "takes no resource"),
    ("elasticloadbalancing:DescribeRules", "takes no resource"),
    ("elasticloadbalancing:DescribeTargetGroups", "takes no resource"),
    ("elasticloadbalancing:DescribeTargetHealth", "takes no resource"),
    ("tag:GetResources", "takes no resource"),
];

/// Every parameter that lets a function do more, the network too.
fn most() -> Vec<(&'static str, &'static str)> {
    let network = [("VpcId", "vpc-1"), ("SubnetIds", "subnet-1,subnet-2")];
    EVERYTHING.into_iter().chain(SSM.iter().copied()).chain(network).collect()
}

#[test]
fn no_resource_is_wider_than_it_has_to_be() {
    let template = Template::read();
    for stack in [template.with(most()).unwrap(), with(&template, S3)] {
        for (function, statement) in
            FunctionName::all().flat_map(|it| stack.role(it).into_iter().map(move |one| (it, one)))
        {
            let told = format!("{function}: {statement:?}");
            assert!(!statement.actions.iter().any(|action| action.contains('*')), "an action with a wildcard: {told}");
            for resource in &statement.resources {
                if resource == "*" {
                    let forced = |action: &String| FORCED.iter().any(|(name, _)| action.starts_with(name));
                    assert!(statement.actions.iter().all(forced), "a wildcard that nothing forces: {told}");
                    continue;
                }
                // arn:aws:service:region:account:rest
                let parts: Vec<_> = resource.splitn(6, ':').collect();
                let [_, _, service, region, account, rest] = parts[..] else { panic!("no ARN: {told}") };
                let is_global = matches!(service, "iam" | "s3");
                assert!(is_global || region == "eu-west-1", "another region: {told}");
                assert!(service == "s3" || account == "111122223333", "another account: {told}");
                let is_list = statement.actions.contains("logs:DescribeLogGroups");
                let said = ["shop", "greenlight"].iter().any(|name| rest.contains(name));
                assert!(is_list || said, "no parameter bounds it: {told}");
            }
        }
    }
}

/// Every statement of a stack, as text, and whose it is.
fn statements(stack: &Stack) -> Vec<(Statement, Vec<FunctionName>)> {
    let mut all: Vec<(Statement, Vec<FunctionName>)> = Vec::new();
    for (function, own) in FunctionName::all().flat_map(|it| stack.role(it).into_iter().map(move |one| (it, one))) {
        match all.iter_mut().find(|(known, _)| *known == own) {
            Some((_, whose)) => whose.push(function),
            None => all.push((own, vec![function])),
        }
    }
    all
}

/// In words.
fn whose(functions: &[FunctionName]) -> String {
    match functions.len() {
        6 => "all six".to_owned(),
        5 if !functions.contains(&FunctionName::LastAnswer) => "the five hooks".to_owned(),
        _ => functions.iter().map(|function| function.binary()).collect::<Vec<_>>().join(", "),
    }
}

/// What a reviewer signs: every statement with everything that can be switched on.
#[test]
fn the_roles_as_golden_text() {
    let mut text = String::new();
    for (it, functions) in statements(&Template::read().with(most()).unwrap()) {
        text += &format!("{} ({})\n", it.sid, whose(&functions));
        let actions: Vec<_> = it.actions.iter().map(String::as_str).collect();
        text += &format!("  {} {}\n  on {}\n", it.effect, actions.join(", "), it.resources.join("\n     "));
        if it.condition != Value::Null {
            text += &format!("  if {}\n", it.condition);
        }
    }
    insta::assert_snapshot!(text);
}

/// The manual of the stack has a line for each statement, with its owners and actions.
#[test]
fn the_manual_has_every_statement() {
    let readme = include_str!("../../../infra/README.md");
    let mut expected = BTreeSet::new();
    let template = Template::read();
    for stack in [template.with(most()).unwrap(), with(&template, S3)] {
        for (it, functions) in statements(&stack) {
            // Each function has a log of its own.
            let whose = if it.sid == "Log" { "all six".to_owned() } else { whose(&functions) };
            let actions: Vec<_> = it.actions.iter().map(|action| format!("`{action}`")).collect();
            let denied = if it.effect == "Deny" { "denied: " } else { "" };
            expected.insert(format!("| `{}` | {whose} | {denied}{} |", it.sid, actions.join(" ")));
        }
    }
    let missing: Vec<_> = expected.iter().filter(|line| !readme.contains(*line)).collect();
    assert!(missing.is_empty(), "infra/README.md lacks, or has otherwise:\n{missing:#?}");
    let lines = readme.lines().filter(|line| line.matches(" | ").count() == 4 && line.starts_with("| `")).count();
    assert_eq!(lines, expected.len(), "infra/README.md has a statement that is none of the template's");
}

#[test]
fn a_role_keeps_room_for_what_is_added() {
    // IAM's quota for all inline policies of a role, without blanks.
    const QUOTA: usize = 10_240;
    let stack = Template::read().with(most()).unwrap();
    for function in FunctionName::all() {
        let role = format!("{}Role", logical(function));
        let own = stack.properties(&role)["Policies"].as_array().into_iter().flatten();
        let shared = stack.of_type("AWS::IAM::Policy").map(|(_, policy)| policy);
        let shared = shared.filter(|policy| policy["Roles"].as_array().into_iter().flatten().any(|it| *it == *role));
        let size: usize = own.chain(shared).map(|policy| policy["PolicyDocument"].to_string().len()).sum();
        assert!(size < QUOTA / 2, "{role} has {size} characters of {QUOTA}, and lists of ARNs may be long");
    }
}
