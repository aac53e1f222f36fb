//! Reads the listeners with their load balancers, and the VPCs of these and of the functions.

use std::collections::{BTreeMap, BTreeSet};

use hook_core::aws_inspector::{self, AwsError, AwsInspector, TrafficConfig, TrafficRoute};

use super::{
    super::{
        findings::missing_endpoints,
        security_groups::{IngressRule, Ipv4Range, RuleSource, SecurityGroupRules as SecurityGroup},
        snapshot::{
            DeploymentGroupConfig, FunctionKind, HookedFunction, ListenerInfo, Lookup, VpcConfig, VpcEndpoint,
            VpcNetwork, VpcRouteTable,
        },
    },
    Collector, DoctorTarget, function_names, join_bounded,
};
use crate::xml::Element;

/// The maximum number of pages to read. A VPC has at most 200 route tables and a few dozen endpoints.
const MAX_PAGES: usize = 50;

/// Reads the listeners of the deployment group.
pub async fn listeners(
    collector: &Collector,
    group: Option<&DeploymentGroupConfig>,
) -> BTreeMap<TrafficRoute, Lookup<ListenerInfo>> {
    let Some(group) = group else { return BTreeMap::new() };
    let arns = [(TrafficRoute::Production, &group.production_listener), (TrafficRoute::Test, &group.test_listener)];
    let lookups = arns.into_iter().filter_map(|(route, arn)| {
        let (collector, arn) = (collector.clone(), arn.clone()?);
        Some(async move {
            let title = format!("the {} listener and its load balancer", route.as_str());
            let none = ["ListenerNotFound", "LoadBalancerNotFound"];
            (route, collector.record(title, read_listener(&collector.survey, &arn).await, &none))
        })
    });
    join_bounded(lookups).await.into_iter().collect()
}

/// Predicts which checks of these functions cannot send their requests through the listeners.
pub async fn predict_failures(
    collector: &Collector,
    functions: &mut [HookedFunction],
    target: &DoctorTarget,
    group: Option<&DeploymentGroupConfig>,
) {
    let uses_listeners =
        |wired: &HookedFunction| wired.gate.requirements.as_ref().is_some_and(|wants| !wants.routes.is_empty());
    let Some(group) = group.filter(|_| functions.iter().any(uses_listeners)) else { return };
    let routes = TrafficConfig {
        production: group.production_listener.clone(),
        test: group.test_listener.clone(),
        target_groups: group.target_groups.clone(),
        service: group.service.clone(),
    };
    let none = ["ListenerNotFound", "LoadBalancerNotFound", "TargetGroupNotFound"];
    let traffic = collector.survey.traffic(&routes).await;
    let Lookup::Found(traffic) = collector.record("the listener rules and the target groups", traffic, &none) else {
        return;
    };
    let names = (target.application.as_str(), target.deployment_group.as_str(), target.region.as_str());
    for wired in functions.iter_mut().filter(|wired| uses_listeners(wired)) {
        let variables = wired.config.found().and_then(|set_up| set_up.variables.clone());
        if let (FunctionKind::Hook(hook), Some(variables)) = (wired.kind, variables) {
            wired.predicted_failures =
                aws_inspector::predict_failures(hook, wired.gate.text.as_deref(), names, &variables, &traffic);
        }
    }
}

async fn read_listener(survey: &AwsInspector, arn: &str) -> Result<ListenerInfo, AwsError> {
    let listeners = "elasticloadbalancing:DescribeListeners";
    let reply = Element::parse(&survey.elb(listeners, &[("ListenerArns.member.1", arn)]).await?);
    let found = reply.child("DescribeListenersResult").and_then(|it| it.items("Listeners").next());
    let found = found.ok_or_else(|| AwsError::missing_field(listeners, "Listeners"))?;
    let balancers = "elasticloadbalancing:DescribeLoadBalancers";
    let balancer = found.text("LoadBalancerArn");
    let reply = Element::parse(&survey.elb(balancers, &[("LoadBalancerArns.member.1", balancer)]).await?);
    let balancer = reply.child("DescribeLoadBalancersResult").and_then(|it| it.items("LoadBalancers").next());
    let balancer = balancer.ok_or_else(|| AwsError::missing_field(balancers, "LoadBalancers"))?;
    Ok(ListenerInfo {
        arn: arn.to_owned(),
        port: found.text("Port").parse().map_err(|_| AwsError::missing_field(listeners, "Port"))?,
        load_balancer: balancer.text("LoadBalancerName").to_owned(),
        is_internal: balancer.text("Scheme") == "internal",
        vpc: balancer.text("VpcId").to_owned(),
        security_groups: balancer.texts("SecurityGroups"),
    })
}

/// Reads everything from EC2 that matters: the functions' subnets and routes, the endpoints there, and the security
/// groups.
pub async fn read_network(
    collector: &Collector,
    functions: &[HookedFunction],
    listeners: &BTreeMap<TrafficRoute, Lookup<ListenerInfo>>,
    region: &str,
) -> VpcNetwork {
    let inside: Vec<(&HookedFunction, &VpcConfig)> =
        functions.iter().filter_map(|wired| Some((wired, wired.config.found()?.vpc.as_ref()?))).collect();
    let names = function_names(inside.iter().map(|(wired, _)| *wired));
    let subnets: BTreeSet<&String> = inside.iter().flat_map(|(_, vpc)| &vpc.subnets).collect();
    let vpcs: BTreeSet<&String> = inside.iter().map(|(_, vpc)| &vpc.id).collect();
    let mut network = VpcNetwork::default();
    if !subnets.is_empty() {
        let ids = numbered_params("SubnetId", subnets.iter().map(|id| id.as_str()));
        let read = read_all_pages(&collector.survey, "ec2:DescribeSubnets", "subnetSet", &ids).await;
        if let Lookup::Found(found) = collector.record(format!("the subnets of {names}"), read, &[]) {
            let range_of =
                |it: &Element| Some((it.text("subnetId").to_owned(), Ipv4Range::parse(it.text("cidrBlock"))?));
            network.subnets = found.iter().filter_map(range_of).collect();
        }
    }
    for vpc in vpcs {
        let of_vpc = filter_params("vpc-id", vpc);
        let (routes, endpoints) = tokio::join!(
            read_all_pages(&collector.survey, "ec2:DescribeRouteTables", "routeTableSet", &of_vpc),
            read_all_pages(&collector.survey, "ec2:DescribeVpcEndpoints", "vpcEndpointSet", &of_vpc),
        );
        if let Lookup::Found(found) = collector.record(format!("the routes of {names}"), routes, &[]) {
            network.route_tables.insert(vpc.clone(), found.iter().map(parse_route_table).collect());
        }
        if let Lookup::Found(found) = collector.record(format!("the endpoints in {vpc}"), endpoints, &[]) {
            network.endpoints.insert(vpc.clone(), found.iter().filter_map(parse_endpoint).collect());
        }
    }
    for (wired, vpc) in &inside {
        let services = missing_endpoints(&network, region, wired, vpc).map(|it| it.services).unwrap_or_default();
        if network.has_route_to_other_network(vpc) && !services.is_empty() {
            let title = format!("whether {} reaches {}", wired.name, services.join(", "));
            let why = format!(
                "{} has no endpoint for that but has routes into other networks, which can have an endpoint or a route to the internet",
                vpc.id
            );
            collector.record_unreadable(title, None, why);
        }
    }
    let of_endpoints = network.endpoints.values().flatten().flat_map(|it| it.security_groups.clone());
    let of_balancers = listeners.values().filter_map(Lookup::found).flat_map(|it| it.security_groups.clone());
    let of_functions = inside.iter().flat_map(|(_, vpc)| vpc.security_groups.clone());
    let groups: BTreeSet<String> = of_endpoints.chain(of_balancers).chain(of_functions).collect();
    if !groups.is_empty() {
        let ids = numbered_params("GroupId", groups.iter().map(String::as_str));
        let read = read_all_pages(&collector.survey, "ec2:DescribeSecurityGroups", "securityGroupInfo", &ids).await;
        if let Lookup::Found(found) = collector.record("the rules of the security groups", read, &[]) {
            network.security_groups =
                found.iter().map(|it| (it.text("groupId").to_owned(), parse_security_group(it))).collect();
        }
    }
    network
}

type QueryParams = Vec<(String, String)>;

fn numbered_params<'a>(name: &str, values: impl Iterator<Item = &'a str>) -> QueryParams {
    values.enumerate().map(|(index, value)| (format!("{name}.{}", index + 1), value.to_owned())).collect()
}

fn filter_params(name: &str, value: &str) -> QueryParams {
    vec![("Filter.1.Name".to_owned(), name.to_owned()), ("Filter.1.Value.1".to_owned(), value.to_owned())]
}

/// Reads the items of all pages.
async fn read_all_pages(
    survey: &AwsInspector,
    operation: &'static str,
    list: &'static str,
    input: &QueryParams,
) -> Result<Vec<Element>, AwsError> {
    let mut found = Vec::new();
    let mut token = String::new();
    for _ in 0..MAX_PAGES {
        let page = (!token.is_empty()).then_some(("NextToken", token.as_str()));
        let params = input.iter().map(|(key, value)| (key.as_str(), value.as_str())).chain(page);
        let reply = Element::parse(&survey.ec2(operation, &params.collect::<Vec<_>>()).await?);
        found.extend(reply.items(list).cloned());
        token = reply.text("nextToken").to_owned();
        if token.is_empty() {
            return Ok(found);
        }
    }
    Err(AwsError::missing_field(operation, format_args!("end after {MAX_PAGES} pages")))
}

fn parse_route_table(item: &Element) -> VpcRouteTable {
    let leads = |route: &Element| {
        let to = ["destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"];
        let by = [
            "natGatewayId",
            "transitGatewayId",
            "vpcPeeringConnectionId",
            "networkInterfaceId",
            "instanceId",
            "egressOnlyInternetGatewayId",
            "localGatewayId",
            "carrierGatewayId",
            "coreNetworkArn",
            "gatewayId",
        ];
        let first = |names: &[&str]| names.iter().map(|name| route.text(name)).find(|text| !text.is_empty());
        (route.text("state") != "blackhole").then_some(())?;
        Some((first(&to)?.to_owned(), first(&by)?.to_owned()))
    };
    VpcRouteTable {
        id: item.text("routeTableId").to_owned(),
        is_main: item.items("associationSet").any(|it| it.text("main") == "true"),
        subnets: item.items("associationSet").map(|it| it.text("subnetId").to_owned()).collect(),
        routes: item.items("routeSet").filter_map(leads).collect(),
    }
}

/// Parses an endpoint, if it is available or about to be.
fn parse_endpoint(item: &Element) -> Option<VpcEndpoint> {
    let usable = ["available", "pending"].iter().any(|state| item.text("state").eq_ignore_ascii_case(state));
    usable.then(|| VpcEndpoint {
        id: item.text("vpcEndpointId").to_owned(),
        service: item.text("serviceName").to_owned(),
        is_gateway: item.text("vpcEndpointType") == "Gateway",
        private_dns: item.text("privateDnsEnabled") == "true",
        security_groups: item.items("groupSet").map(|group| group.text("groupId").to_owned()).collect(),
        route_tables: item.texts("routeTableIdSet").into_iter().collect(),
    })
}

fn parse_security_group(item: &Element) -> SecurityGroup {
    // The ports of a rule. `None` if it does not apply to TCP.
    let ports = |permission: &Element| {
        let port = |name: &str| permission.text(name).parse::<u16>().ok();
        let is_tcp = matches!(permission.text("ipProtocol"), "tcp" | "6" | "-1");
        is_tcp.then(|| port("fromPort").zip(port("toPort")))
    };
    let rule = |permission: &Element| {
        let ranges = permission
            .items("ipRanges")
            .filter_map(|range| Ipv4Range::parse(range.text("cidrIp")))
            .map(RuleSource::Range);
        let groups =
            permission.items("groups").map(|group| RuleSource::SecurityGroup(group.text("groupId").to_owned()));
        let lists = permission.items("prefixListIds").map(|_| RuleSource::PrefixList);
        Some(IngressRule { ports: ports(permission)?, sources: ranges.chain(groups).chain(lists).collect() })
    };
    SecurityGroup {
        ingress: item.items("ipPermissions").filter_map(rule).collect(),
        egress_ports: item.items("ipPermissionsEgress").filter_map(ports).collect(),
    }
}
