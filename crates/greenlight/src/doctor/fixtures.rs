//! A healthy account. Each test of a finding breaks one thing in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use hook_core::{
    Hook,
    aws_inspector::{Requirements, TrafficRoute},
};

use super::{
    findings::all_findings,
    function_name::FunctionKind,
    security_groups::SecurityGroupRules,
    snapshot::{
        AccountSnapshot, AppSpecHooks, DeploymentGroupConfig, EventInvokeConfig, FunctionConfig, FunctionGate,
        HookedFunction, ListenerInfo, Lookup,
    },
    vpc::{RouteTarget, VpcConfig, VpcNetwork, VpcRouteTable},
};

const ON_FAILURE_ARN: &str = "arn:aws:lambda:eu-west-1:111122223333:function:CodeDeployHook_on-failure";

/// Five functions outside a VPC, and a public load balancer.
pub fn healthy_account() -> AccountSnapshot {
    let listener = |port: u16| {
        Lookup::Found(ListenerInfo {
            arn: listener_arn(port),
            port,
            load_balancer: "shop".into(),
            vpc: "vpc-1".into(),
            ..ListenerInfo::default()
        })
    };
    let functions: Vec<_> = Hook::ALL.into_iter().map(hooked_function).collect();
    AccountSnapshot {
        application: "shop".into(),
        group_name: "shop-group".into(),
        region: "eu-west-1".into(),
        group: Lookup::Found(DeploymentGroupConfig {
            role: "arn:aws:iam::111122223333:role/codedeploy".into(),
            alarms: vec!["shop-5xx".into()],
            alarms_enabled: true,
            auto_rollback: true,
            production_listener: Some(listener_arn(443)),
            test_listener: Some(listener_arn(8443)),
            ..DeploymentGroupConfig::default()
        }),
        app_spec: Lookup::Found(AppSpecHooks {
            title: "appspec.yaml".into(),
            is_for_next_deployment: true,
            hooks: functions.iter().map(|it| (it.event.clone(), it.name_in_app_spec.clone())).collect(),
            task_definition: Some("shop:42".into()),
        }),
        functions,
        on_failure_functions: [(ON_FAILURE_ARN.to_owned(), Lookup::Found(config(ON_FAILURE_ARN.to_owned())))].into(),
        on_failure_alarms: [(
            "CodeDeployHook_on-failure".to_owned(),
            Lookup::Found(vec![("CodeDeployHook_on-failure-fails".to_owned(), true)]),
        )]
        .into(),
        listeners: [(TrafficRoute::Production, listener(443)), (TrafficRoute::Test, listener(8443))].into(),
        missing_alarms: Lookup::Found(Vec::new()),
        permission_results: BTreeMap::new(),
        references: BTreeMap::new(),
        task_definition: Lookup::Unreadable,
        network: VpcNetwork::default(),
        unreadable: Vec::new(),
        resources_read: vec!["the deployment group web".into(), "the configuration of CodeDeployHook_x".into()],
    }
}

fn listener_arn(port: u16) -> String {
    format!("arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/shop/1/{port}")
}

fn config(arn: String) -> FunctionConfig {
    FunctionConfig {
        arn,
        role: "arn:aws:iam::111122223333:role/hooks".into(),
        timeout: Duration::from_secs(900),
        state: "Active".into(),
        variables: Some(BTreeMap::new()),
        vpc: None,
    }
}

/// The function of a hook, named for the hook's event.
pub fn hooked_function(hook: Hook) -> HookedFunction {
    let name = format!("CodeDeployHook_{}", hook.program_name());
    HookedFunction {
        event: hook.event_name().into(),
        name_in_app_spec: name.clone(),
        qualifier: None,
        kind: FunctionKind::Hook(hook),
        config: Lookup::Found(config(format!("arn:aws:lambda:eu-west-1:111122223333:function:{name}"))),
        name,
        event_invoke_config: Lookup::Found(Some(EventInvokeConfig {
            max_retry_attempts: 0,
            max_event_age: Duration::from_secs(300),
            on_failure: Some(ON_FAILURE_ARN.into()),
        })),
        gate: FunctionGate {
            title: "the built-in checks".into(),
            requirements: Some(Requirements::default()),
            ..FunctionGate::default()
        },
        needed_permissions: Vec::new(),
        called_services: BTreeSet::from(["codedeploy"]),
        predicted_failures: Vec::new(),
    }
}

/// Puts all functions into a VPC with a NAT gateway and open security groups.
pub fn into_vpc(snapshot: &mut AccountSnapshot) {
    for function in &mut snapshot.functions {
        function.config.found_mut().vpc = Some(VpcConfig {
            id: "vpc-1".into(),
            subnets: vec!["subnet-1".into()],
            security_groups: vec!["sg-functions".into()],
            ipv6: false,
        });
    }
    let routes = vec![("0.0.0.0/0".to_owned(), RouteTarget::Other)];
    let table = VpcRouteTable { id: "rtb-1".into(), is_main: true, routes, ..VpcRouteTable::default() };
    let open = SecurityGroupRules { egress_ports: vec![None], ..SecurityGroupRules::default() };
    let network = &mut snapshot.network;
    network.subnets.insert("subnet-1".into(), "10.0.1.0/24".parse().unwrap());
    network.route_tables.insert("vpc-1".into(), vec![table]);
    network.endpoints.insert("vpc-1".into(), Vec::new());
    network.security_groups.insert("sg-functions".into(), open);
}

/// The codes of all findings.
pub fn codes(snapshot: &AccountSnapshot) -> Vec<&'static str> {
    all_findings(snapshot).into_iter().map(|finding| finding.code).collect()
}
