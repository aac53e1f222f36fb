//! A security group of the load balancer blocks the functions.

use hook_core::shell::quote;

use super::{DoctorProblem, FindingKind, ListenerAccess, group_by, listener_accesses};
use crate::doctor::{
    security_groups::{Client, SecurityGroupRules, allows_ingress},
    snapshot::AccountSnapshot,
};

pub const KIND: FindingKind = FindingKind { code: "IngressBlocked", find };

fn find(facts: &AccountSnapshot) -> Vec<DoctorProblem> {
    let hidden = listener_accesses(facts).into_iter().map(|knock| {
        let key = blocked_ingress(facts, &knock).map(|who| {
            let groups = knock.listener.security_groups.join(", ");
            (knock.route, knock.listener.port, knock.listener.load_balancer.clone(), groups, who)
        });
        (knock.function, key)
    });
    let found =
        group_by(hidden).map(|((route, port, balancer, groups, BlockedIngress { why, fix, source }), functions)| {
            DoctorProblem {
            message: format!(
                "the {} port {port} of the load balancer {balancer} {why}: the requests of {} time out",
                route.as_str(),
                functions.join(", ")
            ),
            resource: groups.clone(),
            fix,
            command: source.map(|source| {
                let group = quote(groups.split(", ").next().unwrap_or_default());
                format!(
                    "aws ec2 authorize-security-group-ingress --group-id {group} --protocol tcp --port {port} {source}"
                )
            }),
        }
        });
    found.collect()
}

/// Why and how a port is blocked.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct BlockedIngress {
    /// The reason, as a predicate for the port.
    why: String,
    /// How to fix it.
    fix: String,
    /// The source option of the command that opens the port. `None` if that would open it to every address, which is
    /// the user's decision.
    source: Option<String>,
}

/// Why the function cannot reach the port. `None` if it can, or if that is not known.
fn blocked_ingress(facts: &AccountSnapshot, knock: &ListenerAccess<'_>) -> Option<BlockedIngress> {
    let ListenerAccess { listener, vpc, .. } = knock;
    // Functions without a route to the load balancer have their own findings.
    if listener.security_groups.is_empty() || knock.is_outside_vpc(facts) || knock.has_no_internet_route(facts) {
        return None;
    }
    let groups: Option<Vec<&SecurityGroupRules>> =
        listener.security_groups.iter().map(|id| facts.network.security_groups.get(id)).collect();
    let groups = groups?;
    let ranges;
    let client = match vpc {
        None => Client::Anywhere,
        Some(_) if !listener.is_internal => Client::BehindNat,
        Some(vpc) => {
            ranges = facts.network.source_ranges(vpc)?;
            Client::InVpc(&vpc.security_groups, &ranges)
        }
    };
    if allows_ingress(groups, listener.port, &client) {
        return None;
    }
    let (why, fix, source) = match client {
        Client::InVpc(own, _) => {
            let first = own.first().map_or("…", String::as_str);
            let why = format!("is not open to {}", own.join(", "));
            (
                why,
                format!("allow inbound traffic from {first}"),
                Some(format!("--source-group {}", own.first().map_or("…".into(), |own| quote(own)))),
            )
        }
        Client::BehindNat => (
            "is not open to any public address, but functions in a VPC connect from the address of their NAT gateway \
             (a rule for their security group does not apply to it)"
                .to_owned(),
            "allow inbound traffic from the NAT gateway's address".to_owned(),
            Some("--cidr ADDRESS-OF-THE-NAT-GATEWAY/32".to_owned()),
        ),
        Client::Anywhere => (
            "is not open to every address, but functions outside a VPC can connect from any address".to_owned(),
            "put the functions into a VPC and allow the address of its NAT gateway, or open the port to every address"
                .to_owned(),
            None,
        ),
    };
    Some(BlockedIngress { why, fix, source })
}
