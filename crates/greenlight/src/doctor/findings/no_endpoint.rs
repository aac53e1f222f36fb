//! Functions in a VPC without a way to the internet, and services that they call with no endpoint there.

use std::collections::BTreeSet;

use hook_core::shell::quote;

use super::{Found, Kind, PUT, each, together};
use crate::doctor::facts::{Facts, Network, RouteTable, Vpc, Wired};

pub const KIND: Kind = Kind { code: "NoEndpoint", find };

/// The names of services in IAM's actions and in those of endpoints.
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

/// IAM's endpoint has no region in its name, and is in this one alone.
const IAM: (&str, &str) = ("com.amazonaws.iam", "us-east-1");

fn find(facts: &Facts) -> Vec<Found> {
    let of_hooks = facts.hooks().map(|(wired, set_up)| {
        // Another network may have the endpoints, or a way out: that nobody can see, and it is told as such.
        let vpc = set_up.vpc.as_ref().filter(|vpc| !facts.network.leads_elsewhere(vpc));
        (wired, vpc.and_then(|vpc| lacking(&facts.network, &facts.region, wired, vpc)))
    });
    let found = together(of_hooks).map(|(lacking, functions)| {
        let Lacking { vpc, subnets, services, .. } = &lacking;
        Found {
            what: format!(
                "{} has no way to the internet (a NAT gateway), and {vpc} no endpoint that serves it for {}: calls there hang \
                 until they time out",
                subnets.join(", "),
                services.join(", ")
            ),
            place: functions.join(", "),
            fix: fix(&lacking, &facts.region).to_owned(),
            command: command(&lacking, &facts.region),
        }
    });
    found.collect()
}

/// What a function in a VPC cannot reach.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lacking {
    vpc: String,
    /// The subnets that have no way out.
    subnets: Vec<String>,
    /// Their tables of routes.
    tables: Vec<String>,
    /// The names of endpoints that there are not.
    pub services: Vec<String>,
}

/// The services that a function calls, and has neither an endpoint for nor a way out; none where nobody knows.
pub fn lacking(network: &Network, region: &str, wired: &Wired, vpc: &Vpc) -> Option<Lacking> {
    let closed = network.closed_in(vpc)?;
    let endpoints = network.endpoints.get(&vpc.id)?;
    let tables: BTreeSet<&RouteTable> = closed.iter().filter_map(|subnet| network.table(&vpc.id, subnet)).collect();
    let serves = |service: &str| {
        endpoints.iter().filter(|endpoint| endpoint.service == service).any(|endpoint| match endpoint.gateway {
            true => tables.iter().all(|table| endpoint.tables.contains(&table.id)),
            false => endpoint.private_dns,
        })
    };
    let services: Vec<_> = services(region, wired).into_iter().filter(|service| !serves(service)).collect();
    let any = !closed.is_empty() && !services.is_empty();
    any.then(|| Lacking {
        vpc: vpc.id.clone(),
        subnets: closed.into_iter().map(str::to_owned).collect(),
        tables: tables.into_iter().map(|table| table.id.clone()).collect(),
        services,
    })
}

/// The names of the endpoints that a function calls.
pub fn services(region: &str, wired: &Wired) -> BTreeSet<String> {
    let is_called = |prefix: &str| wired.calls.contains(prefix) || PUT.split(':').next() == Some(prefix);
    let known = SERVICES.iter().filter(|(prefix, _)| is_called(prefix));
    let domain = if region.starts_with("cn-") { "cn.com.amazonaws" } else { "com.amazonaws" };
    let known = known.map(|(_, service)| format!("{domain}.{region}.{service}"));
    known.chain(is_called("iam").then(|| IAM.0.to_owned())).collect()
}

/// Whether somebody in this region can make an endpoint of that name.
fn can_be_made(service: &str, region: &str) -> bool {
    service != IAM.0 || region == IAM.1
}

fn fix(Lacking { services, .. }: &Lacking, region: &str) -> &'static str {
    let [some, all] =
        [services.iter().any(|it| can_be_made(it, region)), services.iter().all(|it| can_be_made(it, region))];
    match (some, all) {
        (_, true) => {
            "make an endpoint for each of them in one subnet of each zone (the template has them, with Endpoints), or a NAT \
             gateway; an endpoint's security group lets the functions in at port 443"
        }
        (true, false) => {
            "make a NAT gateway: IAM, which is asked for the roles of a task definition (preflight), has an endpoint in us-east-1 \
             alone; or leave that check out, and make an endpoint for each of the others"
        }
        (false, false) => {
            "make a NAT gateway, or leave out the check (preflight) that looks for the roles of a task definition: IAM has an \
             endpoint in us-east-1 alone"
        }
    }
}

/// Ids as words of a command.
fn quoted(ids: &[String]) -> String {
    ids.iter().map(|id| quote(id)).collect::<Vec<_>>().join(" ")
}

fn command(Lacking { vpc, subnets, tables, services }: &Lacking, region: &str) -> Option<String> {
    let can = services.iter().map(String::as_str).filter(|service| can_be_made(service, region));
    let (gateways, interfaces): (Vec<&str>, Vec<&str>) = can.partition(|service| service.ends_with(".s3"));
    let make = |service: &str, how: &str| {
        let vpc = quote(vpc);
        format!("aws ec2 create-vpc-endpoint --vpc-id {vpc} --service-name {service} --vpc-endpoint-type {how}")
    };
    let interface = format!(
        "Interface --private-dns-enabled --subnet-ids {} --security-group-ids SECURITY-GROUP-OF-THE-ENDPOINTS",
        quoted(subnets)
    );
    let gateway = format!("Gateway --route-table-ids {}", quoted(tables));
    let of =
        |services: &[&str], how: &str| (!services.is_empty()).then(|| each(services, |service| make(service, how)));
    let commands: Vec<_> = of(&interfaces, &interface).into_iter().chain(of(&gateways, &gateway)).collect();
    (!commands.is_empty()).then(|| commands.join("; "))
}
