//! Functions in a VPC without a way to the internet, and services that they call with no endpoint there.

use std::collections::BTreeSet;

use super::{Found, Kind, PUT, together};
use crate::doctor::facts::{Facts, RouteTable, Vpc, Wired};

pub const KIND: Kind = Kind { code: "NoEndpoint", find };

/// The names of services in IAM's actions and in those of endpoints.
const SERVICES: [(&str, &str); 8] = [
    ("codedeploy", "codedeploy"),
    ("ecs", "ecs"),
    ("elasticloadbalancing", "elasticloadbalancing"),
    ("cloudwatch", "monitoring"),
    ("ssm", "ssm"),
    ("secretsmanager", "secretsmanager"),
    ("s3", "s3"),
    ("tag", "tagging"),
];

fn find(facts: &Facts) -> Vec<Found> {
    let lacking = facts.hooks().map(|(wired, set_up)| {
        let missing = set_up.vpc.as_ref().and_then(|vpc| missing(facts, wired, vpc));
        (wired, missing)
    });
    let found = together(lacking).map(|((vpc, subnets, services), functions)| {
        let first = services.first().cloned().unwrap_or_default();
        let kind = if first.ends_with(".s3") { "Gateway --route-table-ids …" } else { "Interface --private-dns-enabled" };
        Found {
            what: format!(
                "{subnets} has no way to the internet (a NAT gateway), and {vpc} no endpoint that serves it for {}: calls \
                 there hang until they time out",
                services.join(", ")
            ),
            place: functions.join(", "),
            fix: "make an endpoint for each of them (the template does with Endpoints=yes), or a NAT gateway".to_owned(),
            command: Some(format!(
                "aws ec2 create-vpc-endpoint --vpc-id {vpc} --service-name {first} --vpc-endpoint-type {kind}"
            )),
        }
    });
    found.collect()
}

type Missing = (String, String, Vec<String>);

fn missing(facts: &Facts, wired: &Wired, vpc: &Vpc) -> Option<Missing> {
    let closed = facts.network.closed_in(vpc)?;
    let endpoints = facts.network.endpoints.get(&vpc.id)?;
    let tables: Vec<&RouteTable> = closed.iter().filter_map(|subnet| facts.network.table(&vpc.id, subnet)).collect();
    let serves = |service: &str| {
        endpoints.iter().filter(|endpoint| endpoint.service == service).any(|endpoint| match endpoint.gateway {
            true => tables.iter().all(|table| endpoint.tables.contains(&table.id)),
            false => endpoint.private_dns,
        })
    };
    let services: Vec<_> = services(&facts.region, wired).into_iter().filter(|service| !serves(service)).collect();
    let any = !closed.is_empty() && !services.is_empty();
    any.then(|| (vpc.id.clone(), closed.join(", "), services))
}

/// The names of the endpoints that a function calls.
pub fn services(region: &str, wired: &Wired) -> BTreeSet<String> {
    let actions = wired.needs.iter().map(|(question, _)| question.action.as_str()).chain([PUT]);
    let prefixes: BTreeSet<_> = actions.filter_map(|action| action.split(':').next()).collect();
    let known = SERVICES.iter().filter(|(prefix, _)| prefixes.contains(prefix));
    let domain = if region.starts_with("cn-") { "cn.com.amazonaws" } else { "com.amazonaws" };
    known.map(|(_, service)| format!("{domain}.{region}.{service}")).collect()
}
