//! The worlds: one in which nothing is wrong, in several forms, and one for each thing that can be.

use rehearsal::world::{
    AllowStatement, Condition, DeploymentGroup, Endpoint, EventSettings, FUNCTIONS_GROUP, Function, FunctionVpc,
    LOAD_BALANCER_GROUP, PRIVATE_ROUTES, Rule, RuleAction, SecurityGroup, SecurityGroupRule, VPC, World,
};

use super::deployed;

/// The name of a hook's function.
pub fn function_name(hook: &str) -> String {
    format!("CodeDeployHook_{hook}")
}

pub const HOOKS: [(&str, &str); 5] = [
    ("BeforeInstall", "before-install"),
    ("AfterInstall", "after-install"),
    ("AfterAllowTestTraffic", "after-allow-test-traffic"),
    ("BeforeAllowTraffic", "before-allow-traffic"),
    ("AfterAllowTraffic", "after-allow-traffic"),
];

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

/// All functions in the private subnet of the load balancer's VPC.
pub fn functions_in_vpc(world: &mut World) {
    change_each_function(world, |function| function.vpc = Some(FunctionVpc::in_load_balancer_vpc()));
}

/// An internal load balancer, which lets in the functions that are beside it.
pub fn internal_load_balancer(world: &mut World) {
    world.load_balancers[0].scheme = "internal".into();
    let own = world.account.network.security_groups.get_mut(LOAD_BALANCER_GROUP).unwrap();
    own.ingress.iter_mut().for_each(|rule| rule.peer = FUNCTIONS_GROUP.to_owned());
}

/// No NAT gateway, and an endpoint for each service that the hooks call.
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

/// A gate file that names one of everything, all of which is there.
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

/// What a world is made of.
pub type WorldChange = fn(&mut World);

/// Worlds in which nothing is wrong.
pub const GOOD_WORLDS: [(&str, WorldChange); 13] = [
    ("functions outside a VPC, a load balancer in the internet", |_| {}),
    ("functions in the VPC, a load balancer in the internet", functions_in_vpc),
    ("functions in the VPC, an internal load balancer", |world| {
        functions_in_vpc(world);
        internal_load_balancer(world);
    }),
    ("the load balancer lets in their addresses", |world| {
        functions_in_vpc(world);
        internal_load_balancer(world);
        let own = world.account.network.security_groups.get_mut(LOAD_BALANCER_GROUP).unwrap();
        own.ingress.iter_mut().for_each(|rule| rule.peer = "10.0.0.0/23".to_owned());
    }),
    ("functions in another VPC that is peered", |world| {
        functions_in_vpc(world);
        internal_load_balancer(world);
        world.load_balancers[0].vpc = "vpc-other".into();
        let table = world.account.network.route_tables.get_mut(PRIVATE_ROUTES).unwrap();
        table.routes.push(("10.9.0.0/16".into(), "pcx-0a1b2c3d4e5f67890".into()));
    }),
    ("no NAT gateway, and every endpoint", no_nat_gateway),
    ("a gate file that names much", with_full_gate),
    ("what `make deploy` makes", deployed::plain),
    ("what `make deploy` makes for a gate file that names much", deployed::narrowest),
    ("what `make deploy` makes in a VPC without a NAT gateway", deployed::widest),
    ("a name without the prefix, which CodeDeploy may invoke", without_prefix),
    ("functions by their ARNs, and as $LATEST", |world| {
        let arn = |hook: &str| format!(" arn:aws:lambda:eu-west-1:111122223333:function:{}", function_name(hook));
        rename_function(world, &format!(" {}", function_name("after-install")), &arn("after-install"));
        rename_function(
            world,
            &format!(" {}\n", function_name("before-install")),
            &format!("{}:$LATEST\n", arn("before-install")),
        );
    }),
    ("actions that IAM simulates apart from others", |world| {
        let apart = ["ecs:ListTasks", "codedeploy:PutLifecycleEventHookExecutionStatus"];
        world.account.simulated_separately.extend(apart.map(str::to_owned));
    }),
];

/// A function whose name has no prefix.
fn without_prefix(world: &mut World) {
    rename_function(world, &function_name("after-install"), "shop-after-install");
    let own = world.account.functions[&function_name("after-install")].clone();
    world.account.functions.insert("shop-after-install".into(), own);
}

/// CodeDeploy's role with AWS's narrower policy.
fn limited_role(world: &mut World) {
    let own = AllowStatement::new("lambda:InvokeFunction", "arn:aws:lambda:*:*:function:CodeDeployHook_*");
    world.account.permissions.insert("CodeDeployForECS".into(), vec![own]);
}

/// Worlds of which a part cannot be known: what is said of it, and why.
pub const UNKNOWABLE_WORLDS: [(&str, &str, &str, WorldChange); 3] = [
    ("a condition on what nobody knows", "ecs:ListTasks on *", "it depends on aws:SourceVpc", |world| {
        allow_conditionally(world, "after-install", AllowStatement::new("ecs:ListTasks", "*"));
    }),
    ("such a condition on a resource", "deploymentgroup:shop/web", "it depends on aws:SourceVpc", |world| {
        let group = "arn:aws:codedeploy:eu-west-1:111122223333:deploymentgroup:shop/*";
        allow_conditionally(
            world,
            "after-install",
            AllowStatement::new("codedeploy:PutLifecycleEventHookExecutionStatus", group),
        );
    }),
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

/// A role may do that from a certain VPC alone.
fn allow_conditionally(world: &mut World, role: &str, allowed: AllowStatement) {
    revoke(world, role, &allowed.action);
    world.account.permissions.get_mut(role).unwrap().push(allowed.when("aws:SourceVpc", "vpc-1"));
}

/// A gate file that looks at what a task definition names.
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

/// One thing that is wrong, and the one code that says so.
pub const BROKEN_WORLDS: [(&str, &str, WorldChange); 62] = [
    ("NoHooks", "no hook at all", |world| {
        let spec = &mut world.deployment().revision.app_spec;
        *spec = spec.split("Hooks:").next().unwrap().to_owned();
    }),
    ("FunctionMissing", "a function that there is not", |world| {
        drop(world.account.functions.remove(&function_name("after-install")));
    }),
    ("FunctionInOtherAccountOrRegion", "a function of another account", |world| {
        let arn = format!("arn:aws:lambda:eu-west-1:999988887777:function:{}", function_name("after-install"));
        rename_function(world, &function_name("after-install"), &arn);
    }),
    ("FunctionInOtherAccountOrRegion", "a function of another region", |world| {
        let arn = format!("arn:aws:lambda:eu-west-2:111122223333:function:{}", function_name("after-install"));
        rename_function(world, &function_name("after-install"), &arn);
    }),
    ("WrongEvent", "an event that is there twice", |world| {
        let own = format!("  - AfterInstall: {}\n", function_name("after-install"));
        rename_function(world, &own, &own.repeat(2));
    }),
    ("WrongEvent", "a function at another event", |world| rename_function(world, "-install\n", "-allow-traffic\n")),
    ("WrongEvent", "the net as a hook", |world| {
        rename_function(world, &function_name("after-install"), &function_name("on-failure"))
    }),
    ("WrongEvent", "an event that there is not", |world| rename_function(world, "- AfterInstall:", "- AfterInstal:")),
    ("NamePrefix", "a name without the prefix", |world| {
        without_prefix(world);
        limited_role(world);
    }),
    ("QualifiedFunctionName", "an alias", |world| {
        let arn = "arn:aws:lambda:eu-west-1:111122223333:function:CodeDeployHook_after-install:live";
        rename_function(world, &function_name("after-install"), arn);
    }),
    ("CannotInvoke", "CodeDeploy may invoke none", |world| revoke(world, "CodeDeployForECS", "lambda:")),
    ("CannotInvoke", "CodeDeploy may invoke others", |world| {
        let own = AllowStatement::new("lambda:InvokeFunction", "arn:aws:lambda:*:*:function:Shop_*");
        world.account.permissions.insert("CodeDeployForECS".into(), vec![own]);
    }),
    ("CannotInvoke", "CodeDeploy has no role", |world| drop(world.account.permissions.remove("CodeDeployForECS"))),
    ("FunctionNotActive", "an idle function", |world| function_mut(world, "after-install").state = "Inactive".into()),
    ("FunctionNotActive", "a net that failed", |world| function_mut(world, "on-failure").state = "Failed".into()),
    ("CannotPutStatus", "a hook may not answer", |world| revoke(world, "after-install", "codedeploy:Put")),
    ("CannotPutStatus", "a hook may answer for others", |world| {
        revoke(world, "after-install", "codedeploy:Put");
        let other = "arn:aws:codedeploy:eu-west-1:111122223333:deploymentgroup:other/*";
        let own = AllowStatement::new("codedeploy:PutLifecycleEventHookExecutionStatus", other);
        world.account.permissions.get_mut("after-install").unwrap().push(own);
    }),
    ("CannotPutStatus", "the net may not answer", |world| revoke(world, "on-failure", "codedeploy:Put")),
    ("TimeoutTooShort", "Lambda's default", |world| function_mut(world, "before-install").timeout = 3),
    ("TimeoutTooShort", "shorter than the built-in checks may take", |world| {
        function_mut(world, "after-install").timeout = 120;
    }),
    ("TimeoutTooShort", "shorter than the gate file needs", |world| {
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
    ("EventSettings", "a great age", |world| change_event_settings(world, |settings| settings.age = 21_600)),
    ("EventSettings", "nothing is set", |world| function_mut(world, "after-install").events.clear()),
    ("NoFailureDestination", "no destination", |world| {
        change_event_settings(world, |settings| settings.on_failure = None)
    }),
    ("NoFailureDestination", "a destination that answers nobody", |world| {
        let queue = "arn:aws:sqs:eu-west-1:111122223333:failures";
        change_event_settings(world, |settings| settings.on_failure = Some(queue.into()));
    }),
    ("NoFailureDestination", "a destination in another account", |world| {
        let net = format!("arn:aws:lambda:eu-west-1:999988887777:function:{}", function_name("on-failure"));
        change_event_settings(world, |settings| settings.on_failure = Some(net));
    }),
    ("NoFailureDestination", "a destination that there is not", |world| {
        drop(world.account.functions.remove(&function_name("on-failure")));
    }),
    ("LacksPermission", "a hook may not look", |world| revoke(world, "after-install", "ecs:ListTasks")),
    ("LacksPermission", "a hook may look in another cluster", |world| {
        deployed::plain(world);
        let own = world.account.permissions.get_mut("CodeDeployHook_greenlight-after-install").unwrap();
        let lists = own.iter_mut().find(|it| it.action == "ecs:ListTasks").unwrap();
        lists.condition.as_mut().unwrap().1 = "arn:aws:ecs:*:*:cluster/other".into();
    }),
    ("LacksPermission", "a hook may not hand on what failed", |world| revoke(world, "after-install", "lambda:")),
    ("LacksPermission", "a hook may not read the gate file", |world| {
        with_full_gate(world);
        revoke(world, "before-install", "ssm:");
    }),
    ("NoEndpoint", "an endpoint is missing", |world| {
        no_nat_gateway(world);
        drop(world.account.network.endpoints.remove("vpce-codedeploy"));
    }),
    ("NoEndpoint", "a gate file in S3, and no way there", |world| {
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
    ("NoEndpoint", "IAM has none in this region", |world| {
        check_with_lookahead(world, "task-definition, log-groups, roles")
    }),
    ("EndpointIngressBlocked", "an endpoint lets nobody in", |world| {
        no_nat_gateway(world);
        world.account.network.security_groups.get_mut("sg-endpoints").unwrap().ingress.clear();
        world.account.network.endpoints.retain(|id, _| id == "vpce-codedeploy");
        let table = world.account.network.route_tables.get_mut(PRIVATE_ROUTES).unwrap();
        table.routes.push(("0.0.0.0/0".into(), "tgw-0a1b2c3d4e5f67890".into()));
    }),
    ("EgressBlocked", "nothing is let out", |world| {
        functions_in_vpc(world);
        world.account.network.security_groups.get_mut(FUNCTIONS_GROUP).unwrap().egress.clear();
    }),
    ("EgressBlocked", "nothing is let out to the test listener", |world| {
        functions_in_vpc(world);
        let port = world.production().unwrap().port;
        let own = world.account.network.security_groups.get_mut(FUNCTIONS_GROUP).unwrap();
        own.egress = [443, port].map(|port| SecurityGroupRule::new(port, "0.0.0.0/0")).into();
    }),
    ("SettingsInvalid", "a setting that there is not", |world| {
        function_mut(world, "after-install").env.insert("GREENLIGHT_GATES".into(), "x".into());
    }),
    ("GateMissing", "a parameter that there is not", |world| {
        change_each_function(world, |function| {
            drop(function.env.insert("GREENLIGHT_GATE_SSM".into(), "/other".into()))
        });
    }),
    ("GateMissing", "an object that there is not", |world| {
        change_each_function(world, |function| {
            drop(function.env.insert("GREENLIGHT_GATE_S3".into(), "s3://other/x.yaml".into()))
        });
    }),
    ("GateInvalid", "a fault in a parameter", |world| store_gate(world, "version: 1\nhoks: {}\n")),
    ("GateInvalid", "a key that this version does not execute", |world| {
        store_gate(world, "version: 1\nhooks: { after_allow_traffic: { checks: [{ metric: { name: Errors } }] } }\n");
    }),
    ("GateInvalid", "a fault inline", |world| {
        function_mut(world, "after-install").env.insert("GREENLIGHT_GATE".into(), "version: 2\n".into());
    }),
    ("UnusedChecks", "checks of a hook that nobody is wired to", |world| {
        with_full_gate(world);
        rename_function(world, &format!("  - AfterInstall: {}\n", function_name("after-install")), "");
    }),
    ("ReferenceMissing", "an alarm of the gate file", |world| {
        store_gate(
            world,
            "version: 1\nhooks: { before_install: { checks: [ALARMS] } }\n"
                .replace("ALARMS", "{ alarms: { names: [gone] }, expect: [state == OK] }")
                .as_str(),
        );
    }),
    ("ReferenceMissing", "a secret of the gate file", |world| {
        with_full_gate(world);
        world.account.secrets.clear();
    }),
    ("ReferenceMissing", "a parameter of the gate file", |world| {
        with_full_gate(world);
        world.account.parameters.remove("/shop/web/db-password");
    }),
    ("ReferenceMissing", "a container of the gate file", |world| {
        with_full_gate(world);
        store_gate(world, &GATE.replace("[web]", "[wbe]"));
    }),
    ("ReferenceMissing", "a variable of the gate file", |world| {
        with_full_gate(world);
        function_mut(world, "after-allow-test-traffic").env.remove("STAGE");
    }),
    ("ListenerMissing", "the test listener is gone", |world| {
        let arn = world.test().unwrap().arn.clone();
        world.listeners.retain(|listener| listener.arn != arn);
    }),
    ("NoTestListener", "no test listener", |world| {
        change_group(world, |group| group.pair.as_mut().unwrap().test = None)
    }),
    ("LoadBalancerInternal", "functions outside its VPC", |world| internal_load_balancer(world)),
    ("NoInternetRoute", "functions behind an internet gateway", |world| {
        no_nat_gateway(world);
        world.load_balancers[0].scheme = "internet-facing".into();
    }),
    ("RequestNotRoutable", "HTTPS without a known name", |world| {
        world.test().unwrap().protocol = "HTTPS".into();
    }),
    ("RequestNotRoutable", "a health check on a port of its own", |world| {
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
    ("RollbackDisabled", "no roll-back", |world| {
        change_group(world, |group| group.auto_rollback.as_mut().unwrap().enabled = false)
    }),
    ("NoAlarms", "no alarms", |world| change_group(world, |group| group.alarms.enabled = false)),
    ("AlarmMissing", "an alarm of the group", |world| drop(world.alarms.pop())),
];

/// The security group of the load balancer hides the test port from whoever comes from where.
pub const BLOCKED_PORT_WORLDS: [(&str, WorldChange); 4] = [
    ("from functions outside a VPC, by a narrow range", |world| restrict_ingress(world, "10.0.0.0/8")),
    ("from functions in the VPC of an internal one", |world| {
        functions_in_vpc(world);
        internal_load_balancer(world);
        restrict_ingress(world, "sg-other");
    }),
    ("from functions behind a NAT gateway, who come by a public address", |world| {
        functions_in_vpc(world);
        restrict_ingress(world, FUNCTIONS_GROUP);
    }),
    ("from a subnet beside the one that is let in", |world| {
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

/// A role loses what begins so.
pub fn revoke(world: &mut World, role: &str, action: &str) {
    let allowed = world.account.permissions.get_mut(role).unwrap();
    let before = allowed.len();
    allowed.retain(|it| !it.action.starts_with(action));
    assert!(allowed.len() < before, "{role} has no {action}");
}

pub fn change_event_settings(world: &mut World, change: impl FnOnce(&mut EventSettings)) {
    change(function_mut(world, "after-install").events.get_mut("$LATEST").unwrap());
}
