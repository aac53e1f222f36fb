//! Reads the listeners with their load balancers, and the VPCs of these and of the functions.

use std::collections::{BTreeMap, BTreeSet};

use hook_core::aws_inspector::{self, AwsError, AwsInspector, TrafficConfig, TrafficRoute};

use ipnet::Ipv4Net;
use roxmltree::Node;

use super::collector::{Collector, join_bounded};
use crate::{
    cli::aws_xml::{self, ReplyNode as _},
    doctor::{
        endpoints::missing_endpoints,
        function_name::FunctionKind,
        security_groups::{IngressRule, RuleSource, SecurityGroupRules, parse_range},
        snapshot::{DeploymentGroupConfig, HookedFunction, ListenerInfo, Lookup},
        vpc::{RouteTarget, VpcConfig, VpcEndpoint, VpcNetwork, VpcRouteTable},
    },
};

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
        let arn = arn.as_ref()?;
        Some(async move {
            let title = format!("the {} listener and its load balancer", route.as_str());
            let not_found = ["ListenerNotFound", "LoadBalancerNotFound"];
            (route, collector.record(title, read_listener(&collector.survey, arn).await, &not_found))
        })
    });
    join_bounded(lookups).await.into_iter().collect()
}

/// Predicts which checks of these functions cannot send their requests through the listeners.
pub async fn predict_failures(
    collector: &Collector,
    functions: &mut [HookedFunction],
    group: Option<&DeploymentGroupConfig>,
) {
    let uses_listeners =
        |function: &HookedFunction| function.gate.requirements.as_ref().is_some_and(|wants| !wants.routes.is_empty());
    let Some(group) = group.filter(|_| functions.iter().any(uses_listeners)) else { return };
    let routes = TrafficConfig {
        production: group.production_listener.clone(),
        test: group.test_listener.clone(),
        target_groups: group.target_groups.clone(),
        service: group.service.clone(),
    };
    let not_found = ["ListenerNotFound", "LoadBalancerNotFound", "TargetGroupNotFound"];
    let traffic = collector.survey.traffic(&routes).await;
    let Lookup::Found(traffic) = collector.record("the listener rules and the target groups", traffic, &not_found)
    else {
        return;
    };
    for function in functions.iter_mut().filter(|function| uses_listeners(function)) {
        let variables = function.config.found().and_then(|config| config.variables.clone());
        if let (FunctionKind::Hook(hook), Some(variables)) = (function.kind, variables) {
            function.predicted_failures = aws_inspector::predict_failures(
                hook,
                function.gate.text.as_deref(),
                collector.target.names(),
                &variables,
                &traffic,
            );
        }
    }
}

async fn read_listener(survey: &AwsInspector, arn: &str) -> Result<ListenerInfo, AwsError> {
    let listeners = "elasticloadbalancing:DescribeListeners";
    let reply = survey.query(listeners, &[("ListenerArns.member.1", arn)]).await?;
    let document = aws_xml::parse(listeners, &reply)?;
    let found = document.root_element().child("DescribeListenersResult").and_then(|it| it.items("Listeners").next());
    let found = found.ok_or_else(|| AwsError::missing_field(listeners, "Listeners"))?;
    let balancers = "elasticloadbalancing:DescribeLoadBalancers";
    let balancer = found.text_of("LoadBalancerArn");
    let reply = survey.query(balancers, &[("LoadBalancerArns.member.1", balancer)]).await?;
    let document = aws_xml::parse(balancers, &reply)?;
    let balancer =
        document.root_element().child("DescribeLoadBalancersResult").and_then(|it| it.items("LoadBalancers").next());
    let balancer = balancer.ok_or_else(|| AwsError::missing_field(balancers, "LoadBalancers"))?;
    Ok(ListenerInfo {
        arn: arn.to_owned(),
        port: found.text_of("Port").parse().map_err(|_| AwsError::missing_field(listeners, "Port"))?,
        load_balancer: balancer.text_of("LoadBalancerName").to_owned(),
        is_internal: balancer.text_of("Scheme") == "internal",
        vpc: balancer.text_of("VpcId").to_owned(),
        security_groups: balancer.texts("SecurityGroups"),
    })
}

/// Reads everything from EC2 that matters: the functions' subnets and routes, the endpoints there, and the security
/// groups.
pub async fn read_network(
    collector: &Collector,
    functions: &[HookedFunction],
    listeners: &BTreeMap<TrafficRoute, Lookup<ListenerInfo>>,
) -> VpcNetwork {
    let inside: Vec<(&HookedFunction, &VpcConfig)> =
        functions.iter().filter_map(|function| Some((function, function.config.found()?.vpc.as_ref()?))).collect();
    let names = inside.iter().map(|(function, _)| function.name.as_str()).collect::<Vec<_>>().join(", ");
    let subnets: BTreeSet<&String> = inside.iter().flat_map(|(_, vpc)| &vpc.subnets).collect();
    let vpcs: BTreeSet<&String> = inside.iter().map(|(_, vpc)| &vpc.id).collect();
    let mut network = VpcNetwork::default();
    if !subnets.is_empty() {
        let ids = numbered_params("SubnetId", subnets.iter().map(|id| id.as_str()));
        let read = read_all_pages(&collector.survey, "ec2:DescribeSubnets", "subnetSet", &ids, parse_subnet).await;
        if let Lookup::Found(found) = collector.record(format!("the subnets of {names}"), read, &[]) {
            network.subnets = found.into_iter().collect();
        }
    }
    for vpc in vpcs {
        let of_vpc = filter_params("vpc-id", vpc);
        let (routes, endpoints) = tokio::join!(
            read_all_pages(&collector.survey, "ec2:DescribeRouteTables", "routeTableSet", &of_vpc, parse_route_table),
            read_all_pages(&collector.survey, "ec2:DescribeVpcEndpoints", "vpcEndpointSet", &of_vpc, parse_endpoint),
        );
        if let Lookup::Found(found) = collector.record(format!("the routes of {names}"), routes, &[]) {
            network.route_tables.insert(vpc.clone(), found);
        }
        if let Lookup::Found(found) = collector.record(format!("the endpoints in {vpc}"), endpoints, &[]) {
            network.endpoints.insert(vpc.clone(), found);
        }
    }
    for (function, vpc) in &inside {
        let services = missing_endpoints(&network, &collector.target.region, function, vpc)
            .map(|it| it.services)
            .unwrap_or_default();
        if network.has_route_to_other_network(vpc) && !services.is_empty() {
            let title = format!("whether {} reaches {}", function.name, services.join(", "));
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
        let (operation, list) = ("ec2:DescribeSecurityGroups", "securityGroupInfo");
        let read = read_all_pages(&collector.survey, operation, list, &ids, parse_security_group).await;
        if let Lookup::Found(found) = collector.record("the rules of the security groups", read, &[]) {
            network.security_groups = found.into_iter().collect();
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

/// Reads the items of all pages. Items for which `parse` returns `None` are left out.
async fn read_all_pages<T>(
    survey: &AwsInspector,
    operation: &'static str,
    list: &str,
    input: &QueryParams,
    parse: impl Fn(Node<'_, '_>) -> Option<T>,
) -> Result<Vec<T>, AwsError> {
    let mut found = Vec::new();
    let mut token = String::new();
    for _ in 0..MAX_PAGES {
        let page = (!token.is_empty()).then_some(("NextToken", token.as_str()));
        let params = input.iter().map(|(key, value)| (key.as_str(), value.as_str())).chain(page);
        let reply = survey.query(operation, &params.collect::<Vec<_>>()).await?;
        let document = aws_xml::parse(operation, &reply)?;
        let root = document.root_element();
        found.extend(root.items(list).filter_map(&parse));
        token = root.text_of("nextToken").to_owned();
        if token.is_empty() {
            return Ok(found);
        }
    }
    Err(AwsError::missing_field(operation, format_args!("end after {MAX_PAGES} pages")))
}

fn parse_subnet(item: Node<'_, '_>) -> Option<(String, Ipv4Net)> {
    Some((item.text_of("subnetId").to_owned(), parse_range(item.text_of("cidrBlock"))?))
}

fn parse_route_table(item: Node<'_, '_>) -> Option<VpcRouteTable> {
    let route = |route: Node<'_, '_>| {
        let destinations = ["destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"];
        let destination = destinations.into_iter().map(|name| route.text_of(name)).find(|text| !text.is_empty())?;
        let is_blackhole = route.text_of("state") == "blackhole";
        Some((destination.to_owned(), parse_route_target(route)?)).filter(|_| !is_blackhole)
    };
    Some(VpcRouteTable {
        id: item.text_of("routeTableId").to_owned(),
        is_main: item.items("associationSet").any(|it| it.text_of("main") == "true"),
        subnets: item.items("associationSet").map(|it| it.text_of("subnetId").to_owned()).collect(),
        routes: item.items("routeSet").filter_map(route).collect(),
    })
}

fn parse_route_target(route: Node<'_, '_>) -> Option<RouteTarget> {
    let others = [
        "transitGatewayId",
        "vpcPeeringConnectionId",
        "networkInterfaceId",
        "instanceId",
        "localGatewayId",
        "coreNetworkArn",
    ];
    let ways_out = ["natGatewayId", "egressOnlyInternetGatewayId", "carrierGatewayId"];
    let has = |names: &[&str]| names.iter().any(|name| !route.text_of(name).is_empty());
    match route.text_of("gatewayId") {
        _ if has(&others) => Some(RouteTarget::OtherNetwork),
        _ if has(&ways_out) => Some(RouteTarget::Other),
        "" => None,
        "local" => Some(RouteTarget::Local),
        id if id.starts_with("igw-") => Some(RouteTarget::InternetGateway),
        // A virtual private gateway.
        id if id.starts_with("vgw-") => Some(RouteTarget::OtherNetwork),
        _ => Some(RouteTarget::Other),
    }
}

/// Parses an endpoint, if it is available or about to be.
fn parse_endpoint(item: Node<'_, '_>) -> Option<VpcEndpoint> {
    let usable = ["available", "pending"].iter().any(|state| item.text_of("state").eq_ignore_ascii_case(state));
    usable.then(|| VpcEndpoint {
        id: item.text_of("vpcEndpointId").to_owned(),
        service: item.text_of("serviceName").to_owned(),
        is_gateway: item.text_of("vpcEndpointType") == "Gateway",
        private_dns: item.text_of("privateDnsEnabled") == "true",
        security_groups: item.items("groupSet").map(|group| group.text_of("groupId").to_owned()).collect(),
        route_tables: item.texts("routeTableIdSet").into_iter().collect(),
    })
}

fn parse_security_group(item: Node<'_, '_>) -> Option<(String, SecurityGroupRules)> {
    // The ports of a rule. `None` if it does not apply to TCP.
    let ports = |permission: Node<'_, '_>| {
        let port = |name: &str| permission.text_of(name).parse::<u16>().ok();
        let is_tcp = matches!(permission.text_of("ipProtocol"), "tcp" | "6" | "-1");
        is_tcp.then(|| port("fromPort").zip(port("toPort")))
    };
    let rule = |permission: Node<'_, '_>| {
        let ranges = permission
            .items("ipRanges")
            .filter_map(|range| parse_range(range.text_of("cidrIp")))
            .map(RuleSource::Range);
        let groups =
            permission.items("groups").map(|group| RuleSource::SecurityGroup(group.text_of("groupId").to_owned()));
        let lists = permission.items("prefixListIds").map(|_| RuleSource::PrefixList);
        Some(IngressRule { ports: ports(permission)?, sources: ranges.chain(groups).chain(lists).collect() })
    };
    let rules = SecurityGroupRules {
        ingress: item.items("ipPermissions").filter_map(rule).collect(),
        egress_ports: item.items("ipPermissionsEgress").filter_map(ports).collect(),
    };
    Some((item.text_of("groupId").to_owned(), rules))
}
