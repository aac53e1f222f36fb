//! Functions are in a VPC without a route to the internet, and the VPC has no endpoints for services that they call.

use std::collections::BTreeSet;

use hook_core::shell::quote;

use super::{DoctorProblem, FindingKind, PUT_STATUS, group_by, shell_command_for_each};
use crate::doctor::snapshot::{AccountSnapshot, HookedFunction, VpcConfig, VpcNetwork, VpcRouteTable};

pub const KIND: FindingKind = FindingKind { code: "NoEndpoint", find };

/// The services: the prefix of their IAM actions, and the last part of their endpoint names.
const SERVICES: [(&str, &str); 10] = [
    ("codedeploy", "codedeploy"),
    ("ecs", "ecs"),
    ("elasticloadbalancing", "elasticloadbalancing"),
    ("cloudwatch", "monitoring"),
    ("ssm", "ssm"),
    ("secretsmanager", "secretsmanager"),
    ("s3", "s3"),
    ("tag", "tagging"),
    ("logs", "logs"),
    ("ecr", "ecr.api"),
];

/// IAM's endpoint has no region in its name, and only exists in this region.
const IAM: (&str, &str) = ("com.amazonaws.iam", "us-east-1");

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let of_hooks = facts.hook_configs().map(|(wired, set_up)| {
        // Another network can have the endpoints or a route to the internet. That cannot be read, and is reported as
        // such.
        let vpc = set_up.vpc.as_ref().filter(|vpc| !facts.network.has_route_to_other_network(vpc));
        (wired, vpc.and_then(|vpc| missing_endpoints(&facts.network, &facts.region, wired, vpc)))
    });
    let found = group_by(of_hooks).map(|(lacking, functions)| {
        let MissingEndpoints { vpc, subnets, services, .. } = &lacking;
        DoctorProblem {
            message: format!(
                "{} has no route to the internet (a NAT gateway), and {vpc} has no endpoint that serves it for {}: \
                 calls to these services hang until they time out",
                subnets.join(", "),
                services.join(", ")
            ),
            resource: functions.join(", "),
            fix: fix(&lacking, &facts.region).to_owned(),
            command: command(&lacking, &facts.region),
        }
    });
    found.collect()
}

/// The services that a function in a VPC cannot reach.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingEndpoints {
    vpc: String,
    /// The subnets without a route to the internet.
    subnets: Vec<String>,
    /// The route tables of these subnets.
    route_tables: Vec<String>,
    /// The names of the missing endpoints.
    pub services: Vec<String>,
}

/// The services that a function calls and for which it has neither an endpoint nor a route to the internet. `None` if
/// nothing is missing, or if that is not known.
pub fn missing_endpoints(
    network: &VpcNetwork,
    region: &str,
    wired: &HookedFunction,
    vpc: &VpcConfig,
) -> Option<MissingEndpoints> {
    let closed = network.subnets_without_internet(vpc)?;
    let endpoints = network.endpoints.get(&vpc.id)?;
    let tables: BTreeSet<&VpcRouteTable> =
        closed.iter().filter_map(|subnet| network.route_table(&vpc.id, subnet)).collect();
    let serves = |service: &str| {
        endpoints.iter().filter(|endpoint| endpoint.service == service).any(|endpoint| match endpoint.is_gateway {
            true => tables.iter().all(|table| endpoint.route_tables.contains(&table.id)),
            false => endpoint.private_dns,
        })
    };
    let services: Vec<_> = called_endpoints(region, wired).into_iter().filter(|service| !serves(service)).collect();
    let any = !closed.is_empty() && !services.is_empty();
    any.then(|| MissingEndpoints {
        vpc: vpc.id.clone(),
        subnets: closed.into_iter().map(str::to_owned).collect(),
        route_tables: tables.into_iter().map(|table| table.id.clone()).collect(),
        services,
    })
}

/// The names of the endpoints for the services that a function calls.
pub fn called_endpoints(region: &str, wired: &HookedFunction) -> BTreeSet<String> {
    let is_called =
        |prefix: &str| wired.called_services.contains(prefix) || PUT_STATUS.split(':').next() == Some(prefix);
    let known = SERVICES.iter().filter(|(prefix, _)| is_called(prefix));
    let domain = if region.starts_with("cn-") { "cn.com.amazonaws" } else { "com.amazonaws" };
    let known = known.map(|(_, service)| format!("{domain}.{region}.{service}"));
    known.chain(is_called("iam").then(|| IAM.0.to_owned())).collect()
}

/// Whether this region supports an endpoint with that name.
fn is_available_in(service: &str, region: &str) -> bool {
    service != IAM.0 || region == IAM.1
}

fn fix(MissingEndpoints { services, .. }: &MissingEndpoints, region: &str) -> &'static str {
    let [some, all] =
        [services.iter().any(|it| is_available_in(it, region)), services.iter().all(|it| is_available_in(it, region))];
    match (some, all) {
        (_, true) => {
            "create an endpoint for each of them in one subnet of each zone (the template does so, with Endpoints), or \
             a NAT gateway; an endpoint's security group must allow the functions to connect to port 443"
        }
        (true, false) => {
            "create a NAT gateway: the preflight check of a task definition's roles calls IAM, whose only endpoint is \
             in us-east-1; or leave that check out, and create an endpoint for each of the others"
        }
        (false, false) => {
            "create a NAT gateway, or leave out the preflight check of a task definition's roles: it calls IAM, whose \
             only endpoint is in us-east-1"
        }
    }
}

/// Ids as arguments of a shell command.
fn quote_all(ids: &[String]) -> String {
    ids.iter().map(|id| quote(id)).collect::<Vec<_>>().join(" ")
}

fn command(
    MissingEndpoints { vpc, subnets, route_tables: tables, services }: &MissingEndpoints,
    region: &str,
) -> Option<String> {
    let can = services.iter().map(String::as_str).filter(|service| is_available_in(service, region));
    let (gateways, interfaces): (Vec<&str>, Vec<&str>) = can.partition(|service| service.ends_with(".s3"));
    let make = |service: &str, how: &str| {
        let vpc = quote(vpc);
        format!("aws ec2 create-vpc-endpoint --vpc-id {vpc} --service-name {service} --vpc-endpoint-type {how}")
    };
    let interface = format!(
        "Interface --private-dns-enabled --subnet-ids {} --security-group-ids SECURITY-GROUP-OF-THE-ENDPOINTS",
        quote_all(subnets)
    );
    let gateway = format!("Gateway --route-table-ids {}", quote_all(tables));
    let commands_for = |services: &[&str], how: &str| {
        (!services.is_empty()).then(|| shell_command_for_each(services, |service| make(service, how)))
    };
    let commands: Vec<_> =
        commands_for(&interfaces, &interface).into_iter().chain(commands_for(&gateways, &gateway)).collect();
    (!commands.is_empty()).then(|| commands.join("; "))
}
