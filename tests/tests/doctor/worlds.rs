//! The worlds of the doctor's tests: several in which nothing is wrong, and one for each thing that can be wrong.

use rehearsal::world::{
    AllowStatement, Condition, DeploymentGroup, Endpoint, EventSettings, FUNCTIONS_GROUP, Function, FunctionVpc,
    LOAD_BALANCER_GROUP, PRIVATE_ROUTES, Rule, RuleAction, SecurityGroup, SecurityGroupRule, VPC, World,
};

use super::deployed;

pub fn function_name(hook: &str) -> String {
    format!("CodeDeployHook_{hook}")
}

pub fn rename_function(world: &mut World, from: &str, to: &str) {
    let spec = &mut world.deployment().revision.app_spec;
    assert!(spec.contains(from), "{spec}");
    *spec = spec.replacen(from, to, 1);
}

pub fn change_each_function(world: &mut World, change: impl Fn(&mut Function)) {
    world.account.functions.values_mut().for_each(change);
}

pub fn function_mut<'a>(world: &'a mut World, hook: &str) -> &'a mut Function {
    world.account.functions.get_mut(&function_name(hook)).unwrap()
}

pub fn change_group(world: &mut World, change: impl FnOnce(&mut DeploymentGroup)) {
    change(&mut world.group);
}

/// Puts all functions into the private subnet of the load balancer's VPC.
pub fn functions_in_vpc(world: &mut World) {
    change_each_function(world, |function| function.vpc = Some(FunctionVpc::in_load_balancer_vpc()));
}

/// Makes the load balancer internal. It lets in the functions, which are in the same VPC.
pub fn internal_load_balancer(world: &mut World) {
    world.load_balancers[0].scheme = "internal".into();
    let own = world.account.network.security_groups.get_mut(LOAD_BALANCER_GROUP).unwrap();
    own.ingress.iter_mut().for_each(|rule| rule.peer = FUNCTIONS_GROUP.to_owned());
}

/// Removes the NAT gateway, and adds a VPC endpoint for each service that the hooks call.
pub fn no_nat_gateway(world: &mut World) {
    functions_in_vpc(world);
    internal_load_balancer(world);
    let network = &mut world.account.network;
    network.route_tables.get_mut(PRIVATE_ROUTES).unwrap().routes.retain(|(_, by)| by == "local");
    let let_in =
        SecurityGroup { vpc: VPC.into(), ingress: vec![SecurityGroupRule::new(443, "10.0.0.0/16")], egress: vec![] };
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

pub fn store_gate(world: &mut World, file: &str) {
    world.account.parameters.insert("/greenlight/shop".into(), file.to_owned());
    change_each_function(world, |function| {
        function.env.insert("GREENLIGHT_GATE_SSM".into(), "/greenlight/{application}".into());
    });
}

/// A gate file that refers to one resource of every kind. All of them exist.
pub const GATE: &str = "version: 1
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

pub fn with_full_gate(world: &mut World) {
    store_gate(world, GATE);
    world.alarms.iter_mut().for_each(|alarm| drop(alarm.tags.insert("gate".into(), "true".into())));
    change_each_function(world, |function| drop(function.env.insert("STAGE".into(), "prod".into())));
}

pub type WorldChange = fn(&mut World);

/// Worlds in which nothing is wrong.
pub const GOOD_WORLDS: [(&str, WorldChange); 13] = [
    ("functions outside a VPC, an internet-facing load balancer", |_| {}),
    ("functions in the VPC, an internet-facing load balancer", functions_in_vpc),
    ("functions in the VPC, an internal load balancer", |world| {
        functions_in_vpc(world);
        internal_load_balancer(world);
    }),
    ("the load balancer lets in the addresses of the functions", |world| {
        functions_in_vpc(world);
        internal_load_balancer(world);
        let own = world.account.network.security_groups.get_mut(LOAD_BALANCER_GROUP).unwrap();
        own.ingress.iter_mut().for_each(|rule| rule.peer = "10.0.0.0/23".to_owned());
    }),
    ("functions in a peered VPC", |world| {
        functions_in_vpc(world);
        internal_load_balancer(world);
        world.load_balancers[0].vpc = "vpc-other".into();
        let table = world.account.network.route_tables.get_mut(PRIVATE_ROUTES).unwrap();
        table.routes.push(("10.9.0.0/16".into(), "pcx-0a1b2c3d4e5f67890".into()));
    }),
    ("no NAT gateway, and every endpoint", no_nat_gateway),
    ("a gate file that refers to every kind of resource", with_full_gate),
    ("the stack of `make deploy`", deployed::plain),
    ("the stack of `make deploy`, with a gate file that refers to every kind of resource", deployed::narrowest),
    ("the stack of `make deploy`, in a VPC without a NAT gateway", deployed::widest),
    ("a name without the prefix, which CodeDeploy is allowed to invoke", without_prefix),
    ("functions named by ARN, and with $LATEST", |world| {
        let arn = |hook: &str| format!(" arn:aws:lambda:eu-west-1:111122223333:function:{}", function_name(hook));
        rename_function(world, &format!(" {}", function_name("after-install")), &arn("after-install"));
        rename_function(
            world,
            &format!(" {}\n", function_name("before-install")),
            &format!("{}:$LATEST\n", arn("before-install")),
        );
    }),
    ("actions that IAM simulates separately", |world| {
        let apart = ["ecs:ListTasks", "codedeploy:PutLifecycleEventHookExecutionStatus"];
        world.account.simulated_separately.extend(apart.map(str::to_owned));
    }),
];

/// Renames a function to a name without the prefix.
fn without_prefix(world: &mut World) {
    rename_function(world, &function_name("after-install"), "shop-after-install");
    let own = world.account.functions[&function_name("after-install")].clone();
    world.account.functions.insert("shop-after-install".into(), own);
}

/// Gives CodeDeploy's role AWS's narrower policy.
fn limited_role(world: &mut World) {
    let own = AllowStatement::new("lambda:InvokeFunction", "arn:aws:lambda:*:*:function:CodeDeployHook_*");
    world.account.permissions.insert("CodeDeployForECS".into(), vec![own]);
}

/// Worlds in which the doctor cannot know something: the title, the resource that it lists, and the reason that it
/// gives.
pub const UNKNOWABLE_WORLDS: [(&str, &str, &str, WorldChange); 3] = [
    ("a condition on a value that cannot be known", "ecs:ListTasks on *", "it depends on aws:SourceVpc", |world| {
        allow_conditionally(world, "after-install", AllowStatement::new("ecs:ListTasks", "*"));
    }),
    (
        "such a condition on a statement for one resource",
        "deploymentgroup:shop/web",
        "it depends on aws:SourceVpc",
        |world| {
            let group = "arn:aws:codedeploy:eu-west-1:111122223333:deploymentgroup:shop/*";
            allow_conditionally(
                world,
                "after-install",
                AllowStatement::new("codedeploy:PutLifecycleEventHookExecutionStatus", group),
            );
        },
    ),
    (
        "endpoints in another network",
        "reaches com.amazonaws.eu-west-1.codedeploy",
        "routes into other networks",
        |world| {
            no_nat_gateway(world);
            drop(world.account.network.endpoints.remove("vpce-codedeploy"));
            let table = world.account.network.route_tables.get_mut(PRIVATE_ROUTES).unwrap();
            table.routes.push(("10.0.0.0/8".into(), "tgw-0a1b2c3d4e5f67890".into()));
        },
    ),
];

/// Allows an action to a role only from a certain VPC.
fn allow_conditionally(world: &mut World, role: &str, allowed: AllowStatement) {
    revoke(world, role, &allowed.action);
    world.account.permissions.get_mut(role).unwrap().push(allowed.when("aws:SourceVpc", "vpc-1"));
}

/// Stores a gate file with these items of `preflight`, which check what a task definition refers to.
fn check_with_lookahead(world: &mut World, ahead: &str) {
    no_nat_gateway(world);
    store_gate(
        world,
        &format!("version: 1\nhooks: {{ before_install: {{ checks: [{{ preflight: [{ahead}] }}] }} }}\n"),
    );
    for service in ["ssm", "logs"] {
        let endpoint = world.account.network.endpoints["vpce-ecs"].clone();
        let service = format!("com.amazonaws.eu-west-1.{service}");
        world.account.network.endpoints.insert(format!("vpce-{service}"), Endpoint { service, ..endpoint });
    }
}

/// Worlds in which one thing is wrong: the code of the only finding, the title, and the change.
pub const BROKEN_WORLDS: [(&str, &str, WorldChange); 64] = [
    ("NoHooks", "no hook at all", |world| {
        let spec = &mut world.deployment().revision.app_spec;
        *spec = spec.split("Hooks:").next().unwrap().to_owned();
    }),
    ("FunctionMissing", "a function that does not exist", |world| {
        drop(world.account.functions.remove(&function_name("after-install")));
    }),
    ("FunctionInOtherAccountOrRegion", "a function in another account", |world| {
        let arn = format!("arn:aws:lambda:eu-west-1:999988887777:function:{}", function_name("after-install"));
        rename_function(world, &function_name("after-install"), &arn);
    }),
    ("FunctionInOtherAccountOrRegion", "a function in another region", |world| {
        let arn = format!("arn:aws:lambda:eu-west-2:111122223333:function:{}", function_name("after-install"));
        rename_function(world, &function_name("after-install"), &arn);
    }),
    ("WrongEvent", "an event that is listed twice", |world| {
        let own = format!("  - AfterInstall: {}\n", function_name("after-install"));
        rename_function(world, &own, &own.repeat(2));
    }),
    ("WrongEvent", "a function at the wrong event", |world| rename_function(world, "-install\n", "-allow-traffic\n")),
    ("WrongEvent", "the on-failure handler as a hook", |world| {
        rename_function(world, &function_name("after-install"), &function_name("on-failure"))
    }),
    ("WrongEvent", "an event that does not exist", |world| rename_function(world, "- AfterInstall:", "- AfterInstal:")),
    ("NamePrefix", "a name without the prefix", |world| {
        without_prefix(world);
        limited_role(world);
    }),
    ("QualifiedFunctionName", "an alias", |world| {
        let arn = "arn:aws:lambda:eu-west-1:111122223333:function:CodeDeployHook_after-install:live";
        rename_function(world, &function_name("after-install"), arn);
    }),
    ("CannotInvoke", "CodeDeploy is not allowed to invoke any function", |world| {
        revoke(world, "CodeDeployForECS", "lambda:")
    }),
    ("CannotInvoke", "CodeDeploy is only allowed to invoke other functions", |world| {
        let own = AllowStatement::new("lambda:InvokeFunction", "arn:aws:lambda:*:*:function:Shop_*");
        world.account.permissions.insert("CodeDeployForECS".into(), vec![own]);
    }),
    ("CannotInvoke", "CodeDeploy has no role", |world| drop(world.account.permissions.remove("CodeDeployForECS"))),
    ("FunctionNotActive", "an idle function", |world| function_mut(world, "after-install").state = "Inactive".into()),
    ("FunctionNotActive", "a failed on-failure handler", |world| {
        function_mut(world, "on-failure").state = "Failed".into()
    }),
    ("CannotPutStatus", "a hook is not allowed to put its status", |world| {
        revoke(world, "after-install", "codedeploy:Put")
    }),
    ("CannotPutStatus", "a hook is only allowed to put the status of another deployment group", |world| {
        revoke(world, "after-install", "codedeploy:Put");
        let other = "arn:aws:codedeploy:eu-west-1:111122223333:deploymentgroup:other/*";
        let own = AllowStatement::new("codedeploy:PutLifecycleEventHookExecutionStatus", other);
        world.account.permissions.get_mut("after-install").unwrap().push(own);
    }),
    ("CannotPutStatus", "the on-failure handler is not allowed to put the status", |world| {
        revoke(world, "on-failure", "codedeploy:Put")
    }),
    ("TimeoutTooShort", "Lambda's default timeout", |world| function_mut(world, "before-install").timeout = 3),
    ("TimeoutTooShort", "a timeout shorter than the built-in checks can take", |world| {
        function_mut(world, "after-install").timeout = 120;
    }),
    ("TimeoutTooShort", "a timeout shorter than the gate file needs", |world| {
        store_gate(world, "version: 1\nhooks: { after_allow_traffic: { built_in: { alarms: { for: 13m 30s } } } }\n");
        function_mut(world, "after-allow-traffic").timeout = 600;
    }),
    ("TimeoutTooShort", "a gate file that needs more than Lambda allows", |world| {
        store_gate(
            world,
            "version: 1\nhooks: { after_allow_traffic: { built_in: { health_check: { within: 13m 50s } } } }\n",
        );
    }),
    ("EventSettings", "retries", |world| change_event_settings(world, |settings| settings.retries = 2)),
    ("EventSettings", "a long event age", |world| change_event_settings(world, |settings| settings.age = 21_600)),
    ("EventSettings", "no event settings", |world| function_mut(world, "after-install").events.clear()),
    ("NoFailureDestination", "no destination", |world| {
        change_event_settings(world, |settings| settings.on_failure = None)
    }),
    ("NoFailureDestination", "a destination that puts no status", |world| {
        let queue = "arn:aws:sqs:eu-west-1:111122223333:failures";
        change_event_settings(world, |settings| settings.on_failure = Some(queue.into()));
    }),
    ("NoFailureDestination", "a destination in another account", |world| {
        let net = format!("arn:aws:lambda:eu-west-1:999988887777:function:{}", function_name("on-failure"));
        change_event_settings(world, |settings| settings.on_failure = Some(net));
    }),
    ("NoFailureDestination", "a destination that does not exist", |world| {
        drop(world.account.functions.remove(&function_name("on-failure")));
    }),
    ("LacksPermission", "a hook is not allowed to list tasks", |world| revoke(world, "after-install", "ecs:ListTasks")),
    ("LacksPermission", "a hook is only allowed to list tasks in another cluster", |world| {
        deployed::plain(world);
        let own = world.account.permissions.get_mut("CodeDeployHook_greenlight-after-install").unwrap();
        let lists = own.iter_mut().find(|it| it.action == "ecs:ListTasks").unwrap();
        lists.condition.as_mut().unwrap().1 = "arn:aws:ecs:*:*:cluster/other".into();
    }),
    ("LacksPermission", "a hook is not allowed to invoke its on-failure destination", |world| {
        revoke(world, "after-install", "lambda:")
    }),
    ("LacksPermission", "a hook is not allowed to read the gate file", |world| {
        with_full_gate(world);
        revoke(world, "before-install", "ssm:");
    }),
    ("NobodyNotified", "an alarm without an SNS topic", |world| {
        world.stack_alarms.iter_mut().for_each(|alarm| alarm.actions.clear())
    }),
    ("NobodyNotified", "no alarm on the on-failure handler", |world| world.stack_alarms.clear()),
    ("NoEndpoint", "an endpoint is missing", |world| {
        no_nat_gateway(world);
        drop(world.account.network.endpoints.remove("vpce-codedeploy"));
    }),
    ("NoEndpoint", "a gate file in S3, and no route to S3", |world| {
        no_nat_gateway(world);
        world.account.objects.insert("gates/shop.yaml".into(), "version: 1\n".into());
        change_each_function(world, |function| {
            drop(function.env.insert("GREENLIGHT_GATE_S3".into(), "s3://gates/shop.yaml".into()))
        });
    }),
    ("NoEndpoint", "two endpoints are missing", |world| {
        check_with_lookahead(world, "task-definition, log-groups, images");
        drop(world.account.network.endpoints.remove("vpce-com.amazonaws.eu-west-1.logs"));
    }),
    ("NoEndpoint", "IAM, which has no endpoint in this region", |world| {
        check_with_lookahead(world, "task-definition, log-groups, roles")
    }),
    ("EndpointIngressBlocked", "the endpoint's security group lets nothing in", |world| {
        no_nat_gateway(world);
        world.account.network.security_groups.get_mut("sg-endpoints").unwrap().ingress.clear();
        world.account.network.endpoints.retain(|id, _| id == "vpce-codedeploy");
        let table = world.account.network.route_tables.get_mut(PRIVATE_ROUTES).unwrap();
        table.routes.push(("0.0.0.0/0".into(), "tgw-0a1b2c3d4e5f67890".into()));
    }),
    ("EgressBlocked", "the security group lets nothing out", |world| {
        functions_in_vpc(world);
        world.account.network.security_groups.get_mut(FUNCTIONS_GROUP).unwrap().egress.clear();
    }),
    ("EgressBlocked", "the security group lets nothing out to the test listener", |world| {
        functions_in_vpc(world);
        let port = world.production().unwrap().port;
        let own = world.account.network.security_groups.get_mut(FUNCTIONS_GROUP).unwrap();
        own.egress = [443, port].map(|port| SecurityGroupRule::new(port, "0.0.0.0/0")).into();
    }),
    ("SettingsInvalid", "a setting that does not exist", |world| {
        function_mut(world, "after-install").env.insert("GREENLIGHT_GATES".into(), "x".into());
    }),
    ("GateMissing", "a parameter that does not exist", |world| {
        change_each_function(world, |function| {
            drop(function.env.insert("GREENLIGHT_GATE_SSM".into(), "/other".into()))
        });
    }),
    ("GateMissing", "an object that does not exist", |world| {
        change_each_function(world, |function| {
            drop(function.env.insert("GREENLIGHT_GATE_S3".into(), "s3://other/x.yaml".into()))
        });
    }),
    ("GateInvalid", "a mistake in a gate file in a parameter", |world| store_gate(world, "version: 1\nhoks: {}\n")),
    ("GateInvalid", "a key that this version does not execute", |world| {
        store_gate(world, "version: 1\nhooks: { after_allow_traffic: { checks: [{ metric: { name: Errors } }] } }\n");
    }),
    ("GateInvalid", "a mistake in an inline gate file", |world| {
        function_mut(world, "after-install").env.insert("GREENLIGHT_GATE".into(), "version: 2\n".into());
    }),
    ("UnusedChecks", "checks of a hook that the AppSpec file does not name", |world| {
        with_full_gate(world);
        rename_function(world, &format!("  - AfterInstall: {}\n", function_name("after-install")), "");
    }),
    ("ReferenceMissing", "the gate file refers to a missing alarm", |world| {
        store_gate(
            world,
            "version: 1\nhooks: { before_install: { checks: [ALARMS] } }\n"
                .replace("ALARMS", "{ alarms: { names: [gone] }, expect: [state == OK] }")
                .as_str(),
        );
    }),
    ("ReferenceMissing", "the gate file refers to a missing secret", |world| {
        with_full_gate(world);
        world.account.secrets.clear();
    }),
    ("ReferenceMissing", "the gate file refers to a missing parameter", |world| {
        with_full_gate(world);
        world.account.parameters.remove("/shop/web/db-password");
    }),
    ("ReferenceMissing", "the gate file refers to a missing container", |world| {
        with_full_gate(world);
        store_gate(world, &GATE.replace("[web]", "[wbe]"));
    }),
    ("ReferenceMissing", "the gate file refers to a variable that is not set", |world| {
        with_full_gate(world);
        function_mut(world, "after-allow-test-traffic").env.remove("STAGE");
    }),
    ("ListenerMissing", "the test listener was deleted", |world| {
        let arn = world.test().unwrap().arn.clone();
        world.listeners.retain(|listener| listener.arn != arn);
    }),
    ("NoTestListener", "no test listener", |world| {
        change_group(world, |group| group.pair.as_mut().unwrap().test = None)
    }),
    ("LoadBalancerInternal", "functions outside the load balancer's VPC", |world| internal_load_balancer(world)),
    ("NoInternetRoute", "functions behind an internet gateway", |world| {
        no_nat_gateway(world);
        world.load_balancers[0].scheme = "internet-facing".into();
    }),
    ("RequestNotRoutable", "an HTTPS listener without a known host name", |world| {
        world.test().unwrap().protocol = "HTTPS".into();
    }),
    ("RequestNotRoutable", "a health check on another port than the traffic", |world| {
        world.target_groups.iter_mut().for_each(|group| group.health_check.port = Some(9000));
    }),
    ("RequestNotRoutable", "a listener that answers the health check itself", |world| {
        let test = world.test().unwrap();
        test.rules.push(Rule {
            arn: format!("{}/0a1b2c3d4e5f6789", test.arn.replace(":listener/", ":listener-rule/")),
            priority: 1,
            conditions: vec![Condition::Path(vec!["/health*".into()])],
            forward: Vec::new(),
            action: RuleAction::FixedResponse(200),
        });
    }),
    ("RollbackDisabled", "automatic rollback is off", |world| {
        change_group(world, |group| group.auto_rollback.as_mut().unwrap().enabled = false)
    }),
    ("NoAlarms", "alarms are switched off", |world| change_group(world, |group| group.alarms.enabled = false)),
    ("AlarmMissing", "a missing alarm of the deployment group", |world| drop(world.alarms.pop())),
];

/// Worlds in which the load balancer's security group blocks the test port for the functions.
pub const BLOCKED_PORT_WORLDS: [(&str, WorldChange); 4] = [
    ("functions outside a VPC, and the group lets in a narrow range", |world| restrict_ingress(world, "10.0.0.0/8")),
    ("functions in the VPC of an internal load balancer", |world| {
        functions_in_vpc(world);
        internal_load_balancer(world);
        restrict_ingress(world, "sg-other");
    }),
    ("functions behind a NAT gateway, which come from a public address", |world| {
        functions_in_vpc(world);
        restrict_ingress(world, FUNCTIONS_GROUP);
    }),
    ("functions in another subnet than the one that the group lets in", |world| {
        functions_in_vpc(world);
        internal_load_balancer(world);
        restrict_ingress(world, "10.0.0.0/24");
    }),
];

pub fn restrict_ingress(world: &mut World, from: &str) {
    let port = world.test().unwrap().port;
    let own = world.account.network.security_groups.get_mut(LOAD_BALANCER_GROUP).unwrap();
    own.ingress.iter_mut().filter(|rule| rule.ports.0 == port).for_each(|rule| rule.peer = from.to_owned());
}

/// Removes the actions that start with this text from a role. Panics if the role has none.
pub fn revoke(world: &mut World, role: &str, action: &str) {
    let allowed = world.account.permissions.get_mut(role).unwrap();
    let before = allowed.len();
    allowed.retain(|it| !it.action.starts_with(action));
    assert!(allowed.len() < before, "{role} has no {action}");
}

pub fn change_event_settings(world: &mut World, change: impl FnOnce(&mut EventSettings)) {
    change(function_mut(world, "after-install").events.get_mut("$LATEST").unwrap());
}
