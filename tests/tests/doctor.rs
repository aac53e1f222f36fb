//! `greenlight doctor`, the real program, in a world where nothing is wrong and in worlds where one thing is: it finds that
//! and nothing else, says what it could not look at, and changes nothing.

use std::{
    collections::BTreeSet,
    process::{Output, Stdio},
};

use greenlight_tests::{check_models, greenlight, tidy};
use rehearsal::{
    Exchange, Fault, HookName, OpenStage, Recorder, Stage, Trouble,
    world::{
        Allowed, BALANCER_GROUP, DeploymentGroup, Endpoint, FUNCTIONS_GROUP, Function, FunctionVpc, Ingress,
        PRIVATE_ROUTES, SecurityGroup, VPC, World,
    },
};
use serde_json::Value;
use tokio::process::Command;

/// The name of a hook's function.
fn name(hook: &str) -> String {
    format!("CodeDeployHook_{hook}")
}

const HOOKS: [(&str, &str); 5] = [
    ("BeforeInstall", "before-install"),
    ("AfterInstall", "after-install"),
    ("AfterAllowTestTraffic", "after-allow-test-traffic"),
    ("BeforeAllowTraffic", "before-allow-traffic"),
    ("AfterAllowTraffic", "after-allow-traffic"),
];

/// The AppSpec file names the functions.
fn wired(world: &mut World) {
    let spec = &mut world.deployment().revision.app_spec;
    *spec = spec.split("Hooks:").next().unwrap_or_default().to_owned() + "Hooks:\n";
    for (event, hook) in HOOKS {
        *spec += &format!("  - {event}: {}\n", name(hook));
    }
}

fn named(world: &mut World, from: &str, to: &str) {
    let spec = &mut world.deployment().revision.app_spec;
    assert!(spec.contains(from), "{spec}");
    *spec = spec.replacen(from, to, 1);
}

async fn open(recorder: Option<&Recorder>, fault: Option<Fault>, change: impl FnOnce(&mut World)) -> OpenStage {
    let mut stage = Stage::at(HookName::BeforeInstall).await.world(wired).world(change);
    if let Some(fault) = fault {
        stage = stage.fault(fault);
    }
    if let Some(recorder) = recorder {
        stage = stage.recorder(recorder);
    }
    stage.open().await.unwrap()
}

/// What the doctor says of an account, as a process of its own with nothing of this machine's configuration.
async fn doctor(open: &OpenStage, more: &[&str]) -> Output {
    let mut command = Command::new(greenlight());
    command.args(["doctor", "--application", "shop"]);
    if !more.contains(&"--deployment-group") {
        command.args(["--deployment-group", "web"]);
    }
    command.args(more).stdin(Stdio::null()).env_clear().env("NO_COLOR", "1").env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("AWS_ENDPOINT_URL", open.endpoint()).env("AWS_REGION", "eu-west-1").kill_on_drop(true);
    command.env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "sesame");
    command.output().await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Whether an operation reads.
fn reads(operation: &str) -> bool {
    let action = operation.split(':').nth(1).unwrap_or_default();
    ["Get", "Describe", "List", "Simulate"].iter().any(|verb| action.starts_with(verb))
}

fn only_reads(open: &OpenStage) {
    let calls = open.calls();
    assert!(!calls.is_empty() && calls.keys().all(|call| reads(call)), "{calls:?}");
    assert!(open.puts().is_empty() && open.answers().is_empty());
    assert_eq!(open.unknown_operations(), [""; 0]);
}

/// The codes of the findings, what nobody could look at, and how many things were looked at.
fn report(output: &Output) -> (Vec<String>, Vec<Value>, u64) {
    assert_eq!(text(&output.stderr), "");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let codes = report["findings"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap().to_owned());
    let unseen = report["unseen"].as_array().unwrap().clone();
    let status = if report["findings"] == Value::Array(vec![]) && unseen.is_empty() { 0 } else { 1 };
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    (codes.collect(), unseen, report["looked_at"].as_u64().unwrap())
}

fn each(world: &mut World, change: impl Fn(&mut Function)) {
    world.account.functions.values_mut().for_each(change);
}

fn function<'a>(world: &'a mut World, hook: &str) -> &'a mut Function {
    world.account.functions.get_mut(&name(hook)).unwrap()
}

fn group(world: &mut World, change: impl FnOnce(&mut DeploymentGroup)) {
    change(&mut world.group);
}

/// All functions in the private subnet of the load balancer's VPC.
fn inside(world: &mut World) {
    each(world, |function| function.vpc = Some(FunctionVpc::beside_the_load_balancer()));
}

/// An internal load balancer, which lets in the functions that are beside it.
fn internal(world: &mut World) {
    world.balancers[0].scheme = "internal".into();
    let own = world.account.network.security_groups.get_mut(BALANCER_GROUP).unwrap();
    own.ingress.iter_mut().for_each(|rule| rule.from = FUNCTIONS_GROUP.to_owned());
}

/// No NAT gateway, and an endpoint for each service that the hooks call.
fn closed_in(world: &mut World) {
    inside(world);
    internal(world);
    let network = &mut world.account.network;
    network.route_tables.get_mut(PRIVATE_ROUTES).unwrap().routes.retain(|(_, by)| by == "local");
    let let_in = SecurityGroup { vpc: VPC.into(), ingress: vec![Ingress::new(443, "10.0.0.0/16")] };
    network.security_groups.insert("sg-endpoints".into(), let_in);
    for service in ["codedeploy", "ecs", "elasticloadbalancing", "monitoring"] {
        let endpoint = Endpoint {
            vpc: VPC.into(),
            service: format!("com.amazonaws.eu-west-1.{service}"),
            security_groups: vec!["sg-endpoints".into()],
            route_tables: Vec::new(),
        };
        network.endpoints.insert(format!("vpce-{service}"), endpoint);
    }
}

fn gate(world: &mut World, file: &str) {
    world.account.parameters.insert("/greenlight/shop".into(), file.to_owned());
    each(world, |function| {
        function.env.insert("GREENLIGHT_GATE_SSM".into(), "/greenlight/{application}".into());
    });
}

/// A gate file that names one of everything, all of which is there.
const GATE: &str = "version: 1
secrets: { token: ssm:/shop/web/db-password, hook: secretsmanager:shop/web/api-key }
hooks:
  before_install:
    checks:
      - alarms: { names: [shop-web-5xx], prefix: shop-, tags: { gate: true } }
        expect: [state == OK]
  after_install:
    checks:
      - { image: green, containers: [web] }
  after_allow_test_traffic:
    checks:
      - http: '{{test_url}}/{{env.STAGE}}'
        headers: { X-Token: '{{secret.token}}', X-Hook: '{{secret.hook}}' }
        expect: [status == 200]
";

fn gated(world: &mut World) {
    gate(world, GATE);
    world.alarms.iter_mut().for_each(|alarm| drop(alarm.tags.insert("gate".into(), "true".into())));
    each(world, |function| drop(function.env.insert("STAGE".into(), "prod".into())));
}

/// What a world is made of.
type Change = fn(&mut World);

/// Worlds in which nothing is wrong.
const GOOD: [(&str, Change); 7] = [
    ("functions outside a VPC, a load balancer in the internet", |_| {}),
    ("functions in the VPC, a load balancer in the internet", inside),
    ("functions in the VPC, an internal load balancer", |world| {
        inside(world);
        internal(world);
    }),
    ("the load balancer lets in their addresses", |world| {
        inside(world);
        internal(world);
        let own = world.account.network.security_groups.get_mut(BALANCER_GROUP).unwrap();
        own.ingress.iter_mut().for_each(|rule| rule.from = "10.0.0.0/23".to_owned());
    }),
    ("functions in another VPC that is peered", |world| {
        inside(world);
        internal(world);
        world.balancers[0].vpc = "vpc-other".into();
        let table = world.account.network.route_tables.get_mut(PRIVATE_ROUTES).unwrap();
        table.routes.push(("10.9.0.0/16".into(), "pcx-0a1b2c3d4e5f67890".into()));
    }),
    ("no NAT gateway, and every endpoint", closed_in),
    ("a gate file that names much", gated),
];

#[tokio::test(flavor = "multi_thread")]
async fn in_a_good_world_it_finds_nothing() {
    for (title, change) in GOOD {
        let recorder = Recorder::default();
        let open = open(Some(&recorder), None, change).await;
        let output = doctor(&open, &["--json"]).await;
        only_reads(&open);
        let (codes, unseen, looked_at) = report(&output);
        assert!(codes.is_empty() && unseen.is_empty(), "{title}: {}", text(&output.stdout));
        assert!(looked_at > 20, "{title}: {looked_at}");
        if let Err(faults) = check_models(&recorder.exchanges()) {
            panic!("{title}: {faults}");
        }
    }
}

/// One thing that is wrong, and the one code that says so.
const BROKEN: [(&str, &str, Change); 48] = [
    ("NoHooks", "no hook at all", |world| {
        let spec = &mut world.deployment().revision.app_spec;
        *spec = spec.split("Hooks:").next().unwrap().to_owned();
    }),
    ("FunctionMissing", "a function that there is not", |world| {
        drop(world.account.functions.remove(&name("after-install")));
    }),
    ("WrongEvent", "a function at another event", |world| named(world, "-install\n", "-allow-traffic\n")),
    ("WrongEvent", "the net as a hook", |world| named(world, &name("after-install"), &name("last-answer"))),
    ("WrongEvent", "an event that there is not", |world| named(world, "- AfterInstall:", "- AfterInstal:")),
    ("NamePrefix", "a name without the prefix", |world| {
        named(world, &name("after-install"), "shop-after-install");
        let own = world.account.functions[&name("after-install")].clone();
        world.account.functions.insert("shop-after-install".into(), own);
    }),
    ("ThroughAlias", "an alias", |world| {
        let arn = "arn:aws:lambda:eu-west-1:111122223333:function:CodeDeployHook_after-install:live";
        named(world, &name("after-install"), arn);
    }),
    ("CannotInvoke", "CodeDeploy may invoke none", |world| drop_from(world, "CodeDeployForECS", "lambda:")),
    ("CannotInvoke", "CodeDeploy may invoke others", |world| {
        let own = Allowed::new("lambda:InvokeFunction", "arn:aws:lambda:*:*:function:Shop_*");
        world.account.permissions.insert("CodeDeployForECS".into(), vec![own]);
    }),
    ("CannotInvoke", "CodeDeploy has no role", |world| drop(world.account.permissions.remove("CodeDeployForECS"))),
    ("FunctionNotActive", "an idle function", |world| function(world, "after-install").state = "Inactive".into()),
    ("FunctionNotActive", "a net that failed", |world| function(world, "last-answer").state = "Failed".into()),
    ("CannotPut", "a hook may not answer", |world| drop_from(world, "after-install", "codedeploy:Put")),
    ("CannotPut", "a hook may answer for others", |world| {
        drop_from(world, "after-install", "codedeploy:Put");
        let other = "arn:aws:codedeploy:eu-west-1:111122223333:deploymentgroup:other/*";
        let own = Allowed::new("codedeploy:PutLifecycleEventHookExecutionStatus", other);
        world.account.permissions.get_mut("after-install").unwrap().push(own);
    }),
    ("CannotPut", "the net may not answer", |world| drop_from(world, "last-answer", "codedeploy:Put")),
    ("TimeoutTooShort", "Lambda's default", |world| function(world, "before-install").timeout = 3),
    ("TimeoutTooShort", "shorter than the built-in checks may take", |world| {
        function(world, "after-install").timeout = 120;
    }),
    ("TimeoutTooShort", "shorter than the gate file needs", |world| {
        gate(world, "version: 1\nhooks: { after_allow_traffic: { built_in: { alarms: { for: 14m 45s } } } }\n");
    }),
    ("EventSettings", "retries", |world| events(world, |settings| settings.retries = 2)),
    ("EventSettings", "a great age", |world| events(world, |settings| settings.age = 21_600)),
    ("EventSettings", "nothing is set", |world| function(world, "after-install").events.clear()),
    ("NoLastAnswer", "no destination", |world| events(world, |settings| settings.on_failure = None)),
    ("NoLastAnswer", "a destination that answers nobody", |world| {
        let queue = "arn:aws:sqs:eu-west-1:111122223333:failures";
        events(world, |settings| settings.on_failure = Some(queue.into()));
    }),
    ("NoLastAnswer", "a destination that there is not", |world| {
        drop(world.account.functions.remove(&name("last-answer")));
    }),
    ("LacksPermission", "a hook may not look", |world| drop_from(world, "after-install", "ecs:ListTasks")),
    ("LacksPermission", "a hook may not hand on what failed", |world| drop_from(world, "after-install", "lambda:")),
    ("LacksPermission", "a hook may not read the gate file", |world| {
        gated(world);
        drop_from(world, "before-install", "ssm:");
    }),
    ("NoEndpoint", "an endpoint is missing", |world| {
        closed_in(world);
        drop(world.account.network.endpoints.remove("vpce-codedeploy"));
    }),
    ("NoEndpoint", "a gate file in S3, and no way there", |world| {
        closed_in(world);
        world.account.objects.insert("gates/shop.yaml".into(), "version: 1\n".into());
        each(world, |function| drop(function.env.insert("GREENLIGHT_GATE_S3".into(), "s3://gates/shop.yaml".into())));
    }),
    ("EndpointHidden", "an endpoint lets nobody in", |world| {
        closed_in(world);
        world.account.network.security_groups.get_mut("sg-endpoints").unwrap().ingress.clear();
        world.account.network.endpoints.retain(|id, _| id == "vpce-codedeploy");
        let table = world.account.network.route_tables.get_mut(PRIVATE_ROUTES).unwrap();
        table.routes.push(("0.0.0.0/0".into(), "tgw-0a1b2c3d4e5f67890".into()));
    }),
    ("SettingInvalid", "a setting that there is not", |world| {
        function(world, "after-install").env.insert("GREENLIGHT_GATES".into(), "x".into());
    }),
    ("GateMissing", "a parameter that there is not", |world| {
        each(world, |function| drop(function.env.insert("GREENLIGHT_GATE_SSM".into(), "/other".into())));
    }),
    ("GateMissing", "an object that there is not", |world| {
        each(world, |function| drop(function.env.insert("GREENLIGHT_GATE_S3".into(), "s3://other/x.yaml".into())));
    }),
    ("GateInvalid", "a fault in a parameter", |world| gate(world, "version: 1\nhoks: {}\n")),
    ("GateInvalid", "a fault inline", |world| {
        function(world, "after-install").env.insert("GREENLIGHT_GATE".into(), "version: 2\n".into());
    }),
    ("ChecksNeverMade", "checks of a hook that nobody is wired to", |world| {
        gated(world);
        named(world, &format!("  - AfterInstall: {}\n", name("after-install")), "");
    }),
    ("NamedMissing", "an alarm of the gate file", |world| {
        gate(
            world,
            "version: 1\nhooks: { before_install: { checks: [ALARMS] } }\n"
                .replace("ALARMS", "{ alarms: { names: [gone] }, expect: [state == OK] }")
                .as_str(),
        );
    }),
    ("NamedMissing", "a secret of the gate file", |world| {
        gated(world);
        world.account.secrets.clear();
    }),
    ("NamedMissing", "a parameter of the gate file", |world| {
        gated(world);
        world.account.parameters.remove("/shop/web/db-password");
    }),
    ("NamedMissing", "a container of the gate file", |world| {
        gated(world);
        gate(world, &GATE.replace("[web]", "[wbe]"));
    }),
    ("NamedMissing", "a variable of the gate file", |world| {
        gated(world);
        function(world, "after-allow-test-traffic").env.remove("STAGE");
    }),
    ("ListenerMissing", "the test listener is gone", |world| {
        let arn = world.test().unwrap().arn.clone();
        world.listeners.retain(|listener| listener.arn != arn);
    }),
    ("NoTestListener", "no test listener", |world| group(world, |group| group.pair.as_mut().unwrap().test = None)),
    ("InternalLoadBalancer", "functions outside its VPC", |world| internal(world)),
    ("NoWayOut", "functions behind an internet gateway", |world| {
        closed_in(world);
        world.balancers[0].scheme = "internet-facing".into();
    }),
    ("NoRollBack", "no roll-back", |world| group(world, |group| group.auto_rollback.as_mut().unwrap().enabled = false)),
    ("NoAlarms", "no alarms", |world| group(world, |group| group.alarms.enabled = false)),
    ("AlarmMissing", "an alarm of the group", |world| drop(world.alarms.pop())),
];

/// The security group of the load balancer hides the test port from whoever comes from where.
const HIDDEN: [(&str, Change); 4] = [
    ("from functions outside a VPC, by a narrow range", |world| hide(world, "10.0.0.0/8")),
    ("from functions in the VPC of an internal one", |world| {
        inside(world);
        internal(world);
        hide(world, "sg-other");
    }),
    ("from functions behind a NAT gateway, who come by a public address", |world| {
        inside(world);
        hide(world, FUNCTIONS_GROUP);
    }),
    ("from a subnet beside the one that is let in", |world| {
        inside(world);
        internal(world);
        hide(world, "10.0.0.0/24");
    }),
];

fn hide(world: &mut World, from: &str) {
    let port = world.test().unwrap().port;
    let own = world.account.network.security_groups.get_mut(BALANCER_GROUP).unwrap();
    own.ingress.iter_mut().filter(|rule| rule.ports.0 == port).for_each(|rule| rule.from = from.to_owned());
}

/// A role loses what begins so.
fn drop_from(world: &mut World, role: &str, action: &str) {
    let allowed = world.account.permissions.get_mut(role).unwrap();
    let before = allowed.len();
    allowed.retain(|it| !it.action.starts_with(action));
    assert!(allowed.len() < before, "{role} has no {action}");
}

fn events(world: &mut World, change: impl FnOnce(&mut rehearsal::world::EventSettings)) {
    change(function(world, "after-install").events.get_mut("$LATEST").unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn in_each_broken_world_it_finds_just_that() {
    let hidden = HIDDEN.map(|(title, change)| ("PortHidden", title, change));
    let mut codes_seen = BTreeSet::new();
    for (code, title, change) in BROKEN.into_iter().chain(hidden) {
        let open = open(None, None, change).await;
        let output = doctor(&open, &["--json"]).await;
        only_reads(&open);
        let (codes, unseen, _) = report(&output);
        assert_eq!(codes, [code], "{title}: {}", text(&output.stdout));
        assert!(unseen.is_empty(), "{title}: {unseen:?}");
        codes_seen.insert(code);
    }
    // Every kind of finding has its world, but for one that needs an AppSpec file of its own.
    let manual = include_str!("../../docs/DOCTOR.md");
    let kinds: BTreeSet<_> = manual.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    codes_seen.insert("TaskDefinitionMissing");
    assert_eq!(codes_seen, kinds);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_deployment_s_own_files_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("appspec.yaml");
    let path = path.to_str().unwrap();
    let open = open(None, None, |_| {}).await;
    let hooks: String = HOOKS.iter().map(|(event, hook)| format!("  - {event}: {}\n", name(hook))).collect();
    let spec = |definition: &str| {
        format!(
            "version: 0.0\nResources:\n  - TargetService:\n      Properties:\n        TaskDefinition: \"{definition}\"\nHooks:\n{hooks}"
        )
    };
    for (definition, codes) in
        [("shop:42", &[][..]), ("<TASK_DEFINITION>", &[]), ("shop:99", &["TaskDefinitionMissing"])]
    {
        std::fs::write(path, spec(definition)).unwrap();
        let output = doctor(&open, &["--json", "--appspec", path]).await;
        assert_eq!(report(&output).0, codes, "{definition}: {}", text(&output.stdout));
    }
    let gate = folder.path().join("gate.yaml");
    std::fs::write(&gate, "version: 1\nhoks: {}\n").unwrap();
    let given = ["--json", "--gate", gate.to_str().unwrap(), "--function", "AfterInstall=CodeDeployHook_after-install"];
    let output = doctor(&open, &given).await;
    assert_eq!(report(&output).0, ["GateInvalid"], "{}", text(&output.stdout));
    only_reads(&open);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_denied_is_said_and_never_good() {
    // Everything is asked for in this world.
    let everything = |world: &mut World| {
        gated(world);
        closed_in(world);
        world.deployment().revision.told = rehearsal::world::Told::Hash;
        for service in ["ssm", "secretsmanager", "tagging"] {
            let endpoint = world.account.network.endpoints["vpce-ecs"].clone();
            let service = format!("com.amazonaws.eu-west-1.{service}");
            world.account.network.endpoints.insert(format!("vpce-{service}"), Endpoint { service, ..endpoint });
        }
    };
    let all = open(None, None, everything).await;
    let output = doctor(&all, &["--json"]).await;
    let (codes, unseen, whole) = report(&output);
    assert!(codes.is_empty() && unseen.is_empty(), "{}", text(&output.stdout));
    let operations: Vec<String> = all.calls().keys().cloned().collect();
    let help = Command::new(greenlight()).args(["doctor", "--help"]).output().await.unwrap();
    let help = text(&help.stdout);
    assert!(operations.len() > 15, "{operations:?}");
    for operation in operations {
        assert!(help.contains(operation.split(':').nth(1).unwrap()), "--help does not say {operation}");
        let open = open(None, Some(Fault::always(&operation, Trouble::Deny)), everything).await;
        let output = doctor(&open, &["--json"]).await;
        only_reads(&open);
        let (codes, unseen, looked_at) = report(&output);
        assert_eq!(codes, [""; 0], "{operation}: {}", text(&output.stdout));
        let permissions: BTreeSet<_> = unseen.iter().map(|it| it["permission"].as_str().unwrap_or_default()).collect();
        assert!(permissions.contains(operation.as_str()), "{operation}: {unseen:?}");
        assert!(looked_at < whole, "{operation}: {looked_at} of {whole}");
        let said = text(&doctor(&open, &[]).await.stdout);
        let last = said.trim_end().lines().last().unwrap();
        assert!(last.contains("could not be looked at") && !last.starts_with("nothing found:"), "{last}");
        assert!(said.contains(&format!("could not look ({operation})")), "{said}");
    }
}

/// Several things at once, as a terminal shows them.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_reads() {
    let broken = |world: &mut World| {
        function(world, "before-install").timeout = 3;
        drop_from(world, "after-install", "codedeploy:Put");
        world.group.auto_rollback.as_mut().unwrap().enabled = false;
        hide(world, "10.0.0.0/8");
        each(world, |function| drop(function.env.insert("GREENLIGHT_GATE_FILE".into(), "/opt/greenlight.yaml".into())));
        world.account.functions.insert("smoke".into(), world.account.functions[&name("after-install")].clone());
        named(world, &name("before-allow-traffic"), "smoke");
        named(world, &format!("  - AfterAllowTraffic: {}\n", name("after-allow-traffic")), "");
    };
    let good = doctor(&open(None, None, |_| {}).await, &[]).await;
    let open = open(None, None, broken).await;
    let output = doctor(&open, &[]).await;
    assert_eq!((good.status.code(), output.status.code()), (Some(0), Some(1)), "{good:?}");
    let said = [text(&good.stdout), text(&output.stdout)].map(|said| tidy(&said)).join("\n========\n\n");
    insta::assert_snapshot!(said);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_nothing_to_look_at_it_says_so() {
    let open = open(None, None, |_| {}).await;
    for (args, says) in [
        (
            &["--deployment-group", "other"][..],
            "nothing was looked at: codedeploy:GetDeploymentGroup: DeploymentGroupDoesNotExist",
        ),
        (&["--appspec", "gone.yaml"], "cannot read the AppSpec file gone.yaml"),
        (&["--gate", "gone.yaml"], "cannot read the gate file gone.yaml"),
        (&["--function", "AfterInstall"], "it is EVENT=NAME"),
        (&["--function", "Install=x"], "the hooks are BeforeInstall"),
    ] {
        let output = doctor(&open, args).await;
        assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
        assert!(text(&output.stderr).contains(says), "{args:?}: {output:?}");
    }
}

/// The refusals are as true to the wire as the answers.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_fit_the_service_models() {
    let recorder = Recorder::default();
    for trouble in [Trouble::Deny, Trouble::Throttle, Trouble::Fail] {
        let fault = Fault::first(1, "*", trouble);
        let open = open(Some(&recorder), Some(fault), |world| {
            inside(world);
            world.account.functions.remove(&name("after-install"));
        })
        .await;
        doctor(&open, &["--json"]).await;
    }
    let refused = |it: &&Exchange| it.reply.as_ref().is_some_and(|reply| reply.status != 200);
    let exchanges = recorder.exchanges();
    let services: BTreeSet<_> =
        exchanges.iter().filter(refused).filter_map(|it| it.operation.split(':').next()).collect();
    assert!(["ec2", "iam", "lambda"].iter().all(|service| services.contains(service)), "{services:?}");
    if let Err(faults) = check_models(&exchanges) {
        panic!("{faults}");
    }
}

/// What is done to an exchange that was right.
type Doctored = fn(&mut Exchange);

fn in_reply(exchange: &mut Exchange, from: &str, to: &str) {
    replaced(&mut exchange.reply.as_mut().unwrap().body, from, to);
}

fn replaced(body: &mut Vec<u8>, from: &str, to: &str) {
    let text = String::from_utf8(std::mem::take(body)).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    *body = text.replacen(from, to, 1).into_bytes();
}

const DOCTORED: [(&str, Doctored); 9] = [
    ("ec2:DescribeSubnets", |it| in_reply(it, "<vpcId>", "<colour>green</colour><vpcId>")),
    ("ec2:DescribeSubnets", |it| in_reply(it, "doc/2016-11-15/", "doc/2016-11-16/")),
    ("ec2:DescribeRouteTables", |it| in_reply(it, ">active<", ">Active<")),
    ("ec2:DescribeRouteTables", |it| replaced(&mut it.request.body, "Filter.1.Name", "Filter.0.Name")),
    ("ec2:DescribeVpcEndpoints", |it| replaced(&mut it.request.body, "Filter.1.Name", "Filters.1.Name")),
    ("lambda:GetFunctionConfiguration", |it| in_reply(it, "\"Timeout\":900", "\"Timeout\":\"900\"")),
    ("lambda:GetFunctionConfiguration", |it| it.request.path = it.request.path.replace("2015-03-31", "2015-03-30")),
    ("lambda:GetFunctionEventInvokeConfig", |it| in_reply(it, "MaximumRetryAttempts", "MaximumRetries")),
    ("iam:SimulatePrincipalPolicy", |it| in_reply(it, ">allowed<", ">Allowed<")),
];

/// The check of what it asks is one.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_models_do_not_say_is_refused() {
    let recorder = Recorder::default();
    doctor(&open(Some(&recorder), None, inside).await, &["--json"]).await;
    let right = recorder.exchanges();
    check_models(&right).unwrap();
    for (operation, change) in DOCTORED {
        let mut exchange = right.iter().find(|it| it.operation == operation).unwrap().clone();
        change(&mut exchange);
        let faults = check_models(&[exchange]);
        assert!(faults.is_err_and(|said| said.contains(operation)), "{operation}");
    }
}

/// Every finding once, as a terminal shows it: the first broken world of each.
#[tokio::test(flavor = "multi_thread")]
async fn every_finding_in_words() {
    let mut told = String::new();
    let mut seen = BTreeSet::new();
    for (code, title, change) in BROKEN.into_iter().chain(HIDDEN.map(|(title, change)| ("PortHidden", title, change))) {
        let output = doctor(&open(None, None, change).await, &[]).await;
        let said = tidy(&text(&output.stdout));
        let finding = said.split_once("✗ ").map_or("", |(_, rest)| rest).rsplit_once("\n\n").map_or("", |it| it.0);
        assert!(finding.starts_with(code), "{title}: {said}");
        seen.insert(code);
        told += &format!("== {title}\n{finding}\n\n");
    }
    insta::assert_snapshot!(told);
}
