//! Works out which VPC endpoints a function needs, and which of them its VPC lacks.

use std::collections::BTreeSet;

use super::{
    permission_query::PUT_STATUS,
    snapshot::HookedFunction,
    vpc::{VpcConfig, VpcNetwork, VpcRouteTable},
};

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

/// The services that a function in a VPC cannot reach.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingEndpoints {
    pub vpc: String,
    /// The subnets without a route to the internet.
    pub subnets: Vec<String>,
    /// The route tables of these subnets.
    pub route_tables: Vec<String>,
    /// The names of the missing endpoints.
    pub services: Vec<String>,
}

/// The services that a function calls and for which it has neither an endpoint nor a route to the internet. `None` if
/// nothing is missing, or if that is not known.
pub fn missing_endpoints(
    network: &VpcNetwork,
    region: &str,
    function: &HookedFunction,
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
    let services: Vec<_> = called_endpoints(region, function).into_iter().filter(|service| !serves(service)).collect();
    let any = !closed.is_empty() && !services.is_empty();
    any.then(|| MissingEndpoints {
        vpc: vpc.id.clone(),
        subnets: closed.into_iter().map(str::to_owned).collect(),
        route_tables: tables.into_iter().map(|table| table.id.clone()).collect(),
        services,
    })
}

/// The names of the endpoints for the services that a function calls.
pub fn called_endpoints(region: &str, function: &HookedFunction) -> BTreeSet<String> {
    let is_called =
        |prefix: &str| function.called_services.contains(prefix) || PUT_STATUS.split(':').next() == Some(prefix);
    let known = SERVICES.iter().filter(|(prefix, _)| is_called(prefix));
    let domain = if region.starts_with("cn-") { "cn.com.amazonaws" } else { "com.amazonaws" };
    let known = known.map(|(_, service)| format!("{domain}.{region}.{service}"));
    known.chain(is_called("iam").then(|| IAM.0.to_owned())).collect()
}

/// Whether this region supports an endpoint with that name.
pub fn is_available_in(service: &str, region: &str) -> bool {
    service != IAM.0 || region == IAM.1
}
