//! Listeners with their load balancers, and the VPCs of those and of the functions.

use std::collections::{BTreeMap, BTreeSet};

use hook_core::survey::{Fault, Route, Survey, TrafficRoutes, foreseen_of};

use super::{
    super::{
        facts::{Endpoint, Group, Kin, Listener, Look, Network, RouteTable, Vpc, Wired},
        findings::lacking,
        net::{From, Group as SecurityGroup, Net, Rule},
    },
    Asked, Looker, all, titles,
};
use crate::xml::Element;

/// Pages of a reply; a VPC has 200 tables of routes and a few dozen endpoints.
const MAX_PAGES: usize = 50;

/// The listeners of the deployment group.
pub async fn listeners(looker: &Looker, group: Option<&Group>) -> BTreeMap<Route, Look<Listener>> {
    let Some(group) = group else { return BTreeMap::new() };
    let arns = [(Route::Production, &group.production), (Route::Test, &group.test)];
    let looks = arns.into_iter().filter_map(|(route, arn)| {
        let (looker, arn) = (looker.clone(), arn.clone()?);
        Some(async move {
            let title = format!("the {} listener and its load balancer", route.word());
            let none = ["ListenerNotFound", "LoadBalancerNotFound"];
            (route, looker.note(title, listener(&looker.survey, &arn).await, &none))
        })
    });
    all(looks).await.into_iter().collect()
}

/// What the checks of these functions will not be able to ask through the listeners.
pub async fn foresee(looker: &Looker, functions: &mut [Wired], asked: &Asked, group: Option<&Group>) {
    let asks = |wired: &Wired| wired.gate.wants.as_ref().is_some_and(|wants| !wants.routes.is_empty());
    let Some(group) = group.filter(|_| functions.iter().any(asks)) else { return };
    let routes = TrafficRoutes {
        production: group.production.clone(),
        test: group.test.clone(),
        target_groups: group.target_groups.clone(),
        service: group.service.clone(),
    };
    let none = ["ListenerNotFound", "LoadBalancerNotFound", "TargetGroupNotFound"];
    let traffic = looker.survey.traffic(&routes).await;
    let Look::Seen(traffic) = looker.note("the listener rules and the target groups", traffic, &none) else { return };
    let place = (asked.application.as_str(), asked.group.as_str(), asked.region.as_str());
    for wired in functions.iter_mut().filter(|wired| asks(wired)) {
        let variables = wired.set_up.seen().and_then(|set_up| set_up.variables.clone());
        if let (Kin::Hook(hook), Some(variables)) = (wired.is, variables) {
            wired.foreseen = foreseen_of(hook, wired.gate.text.as_deref(), place, &variables, &traffic);
        }
    }
}

async fn listener(survey: &Survey, arn: &str) -> Result<Listener, Fault> {
    let listeners = "elasticloadbalancing:DescribeListeners";
    let reply = Element::parse(&survey.elb(listeners, &[("ListenerArns.member.1", arn)]).await?);
    let found = reply.child("DescribeListenersResult").and_then(|it| it.items("Listeners").next());
    let found = found.ok_or_else(|| Fault::lacks(listeners, "Listeners"))?;
    let balancers = "elasticloadbalancing:DescribeLoadBalancers";
    let balancer = found.text("LoadBalancerArn");
    let reply = Element::parse(&survey.elb(balancers, &[("LoadBalancerArns.member.1", balancer)]).await?);
    let balancer = reply.child("DescribeLoadBalancersResult").and_then(|it| it.items("LoadBalancers").next());
    let balancer = balancer.ok_or_else(|| Fault::lacks(balancers, "LoadBalancers"))?;
    Ok(Listener {
        arn: arn.to_owned(),
        port: found.text("Port").parse().map_err(|_| Fault::lacks(listeners, "Port"))?,
        balancer: balancer.text("LoadBalancerName").to_owned(),
        internal: balancer.text("Scheme") == "internal",
        vpc: balancer.text("VpcId").to_owned(),
        groups: balancer.texts("SecurityGroups"),
    })
}

/// All of EC2 that matters: the functions' subnets and routes, the endpoints there, and every security group.
pub async fn network(
    looker: &Looker,
    functions: &[Wired],
    listeners: &BTreeMap<Route, Look<Listener>>,
    region: &str,
) -> Network {
    let inside: Vec<(&Wired, &Vpc)> =
        functions.iter().filter_map(|wired| Some((wired, wired.set_up.seen()?.vpc.as_ref()?))).collect();
    let names = titles(inside.iter().map(|(wired, _)| *wired));
    let subnets: BTreeSet<&String> = inside.iter().flat_map(|(_, vpc)| &vpc.subnets).collect();
    let vpcs: BTreeSet<&String> = inside.iter().map(|(_, vpc)| &vpc.id).collect();
    let mut network = Network::default();
    if !subnets.is_empty() {
        let ids = numbered("SubnetId", subnets.iter().map(|id| id.as_str()));
        let read = items(&looker.survey, "ec2:DescribeSubnets", "subnetSet", &ids).await;
        if let Look::Seen(found) = looker.note(format!("the subnets of {names}"), read, &[]) {
            let net = |it: &Element| Some((it.text("subnetId").to_owned(), Net::parse(it.text("cidrBlock"))?));
            network.subnets = found.iter().filter_map(net).collect();
        }
    }
    for vpc in vpcs {
        let of_vpc = numbered_filter("vpc-id", vpc);
        let (routes, endpoints) = tokio::join!(
            items(&looker.survey, "ec2:DescribeRouteTables", "routeTableSet", &of_vpc),
            items(&looker.survey, "ec2:DescribeVpcEndpoints", "vpcEndpointSet", &of_vpc),
        );
        if let Look::Seen(found) = looker.note(format!("the routes of {names}"), routes, &[]) {
            network.routes.insert(vpc.clone(), found.iter().map(table).collect());
        }
        if let Look::Seen(found) = looker.note(format!("the endpoints in {vpc}"), endpoints, &[]) {
            network.endpoints.insert(vpc.clone(), found.iter().filter_map(endpoint).collect());
        }
    }
    for (wired, vpc) in &inside {
        let services = lacking(&network, region, wired, vpc).map(|it| it.services).unwrap_or_default();
        if network.leads_elsewhere(vpc) && !services.is_empty() {
            let title = format!("whether {} reaches {}", wired.name, services.join(", "));
            let why = format!(
                "{} has no endpoint for that, and routes into other networks, which may have one or a way to the internet",
                vpc.id
            );
            looker.could_not(title, None, why);
        }
    }
    let of_endpoints = network.endpoints.values().flatten().flat_map(|it| it.groups.clone());
    let of_balancers = listeners.values().filter_map(Look::seen).flat_map(|it| it.groups.clone());
    let of_functions = inside.iter().flat_map(|(_, vpc)| vpc.groups.clone());
    let groups: BTreeSet<String> = of_endpoints.chain(of_balancers).chain(of_functions).collect();
    if !groups.is_empty() {
        let ids = numbered("GroupId", groups.iter().map(String::as_str));
        let read = items(&looker.survey, "ec2:DescribeSecurityGroups", "securityGroupInfo", &ids).await;
        if let Look::Seen(found) = looker.note("whom security groups let in and out", read, &[]) {
            network.groups = found.iter().map(|it| (it.text("groupId").to_owned(), security_group(it))).collect();
        }
    }
    network
}

type Input = Vec<(String, String)>;

fn numbered<'a>(name: &str, values: impl Iterator<Item = &'a str>) -> Input {
    values.enumerate().map(|(index, value)| (format!("{name}.{}", index + 1), value.to_owned())).collect()
}

fn numbered_filter(name: &str, value: &str) -> Input {
    vec![("Filter.1.Name".to_owned(), name.to_owned()), ("Filter.1.Value.1".to_owned(), value.to_owned())]
}

/// The items of all pages.
async fn items(
    survey: &Survey,
    operation: &'static str,
    list: &'static str,
    input: &Input,
) -> Result<Vec<Element>, Fault> {
    let mut found = Vec::new();
    let mut token = String::new();
    for _ in 0..MAX_PAGES {
        let page = (!token.is_empty()).then_some(("NextToken", token.as_str()));
        let asked = input.iter().map(|(key, value)| (key.as_str(), value.as_str())).chain(page);
        let reply = Element::parse(&survey.ec2(operation, &asked.collect::<Vec<_>>()).await?);
        found.extend(reply.items(list).cloned());
        token = reply.text("nextToken").to_owned();
        if token.is_empty() {
            return Ok(found);
        }
    }
    Err(Fault::lacks(operation, format_args!("end after {MAX_PAGES} pages")))
}

fn table(item: &Element) -> RouteTable {
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
    RouteTable {
        id: item.text("routeTableId").to_owned(),
        main: item.items("associationSet").any(|it| it.text("main") == "true"),
        subnets: item.items("associationSet").map(|it| it.text("subnetId").to_owned()).collect(),
        routes: item.items("routeSet").filter_map(leads).collect(),
    }
}

/// One that can be used, or will be in a moment.
fn endpoint(item: &Element) -> Option<Endpoint> {
    let usable = ["available", "pending"].iter().any(|state| item.text("state").eq_ignore_ascii_case(state));
    usable.then(|| Endpoint {
        id: item.text("vpcEndpointId").to_owned(),
        service: item.text("serviceName").to_owned(),
        gateway: item.text("vpcEndpointType") == "Gateway",
        private_dns: item.text("privateDnsEnabled") == "true",
        groups: item.items("groupSet").map(|group| group.text("groupId").to_owned()).collect(),
        tables: item.texts("routeTableIdSet").into_iter().collect(),
    })
}

fn security_group(item: &Element) -> SecurityGroup {
    // The ports of a rule, if it is about TCP.
    let ports = |permission: &Element| {
        let port = |name: &str| permission.text(name).parse::<u16>().ok();
        let is_tcp = matches!(permission.text("ipProtocol"), "tcp" | "6" | "-1");
        is_tcp.then(|| port("fromPort").zip(port("toPort")))
    };
    let rule = |permission: &Element| {
        let nets = permission.items("ipRanges").filter_map(|range| Net::parse(range.text("cidrIp"))).map(From::Net);
        let groups = permission.items("groups").map(|group| From::Group(group.text("groupId").to_owned()));
        let lists = permission.items("prefixListIds").map(|_| From::List);
        Some(Rule { ports: ports(permission)?, from: nets.chain(groups).chain(lists).collect() })
    };
    SecurityGroup {
        rules: item.items("ipPermissions").filter_map(rule).collect(),
        out: item.items("ipPermissionsEgress").filter_map(ports).collect(),
    }
}
