//! A security group of the load balancer that does not let the functions in.

use hook_core::shell::quote;

use super::{Found, Kind, Knock, knocks, together};
use crate::doctor::{
    facts::Facts,
    net::{Group, Who, lets_in},
};

pub const KIND: Kind = Kind { code: "PortHidden", find };

fn find(facts: &Facts) -> Vec<Found> {
    let hidden = knocks(facts).into_iter().map(|knock| {
        let key = is_hidden(facts, &knock).map(|who| {
            let groups = knock.listener.groups.join(", ");
            (knock.route, knock.listener.port, knock.listener.balancer.clone(), groups, who)
        });
        (knock.wired, key)
    });
    let found =
        together(hidden).map(|((route, port, balancer, groups, Hidden { why, fix, source }), functions)| Found {
            what: format!(
                "the {} port {port} of the load balancer {balancer} {why}: the requests of {} time out",
                route.word(),
                functions.join(", ")
            ),
            place: groups.clone(),
            fix,
            command: source.map(|source| {
                let group = quote(groups.split(", ").next().unwrap_or_default());
                format!(
                    "aws ec2 authorize-security-group-ingress --group-id {group} --protocol tcp --port {port} {source}"
                )
            }),
        });
    found.collect()
}

/// How a port is hidden.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Hidden {
    /// From whom, to be read after the port.
    why: String,
    /// What to do.
    fix: String,
    /// The option of the command that would let them in; none where that would be everybody, which is for you to want.
    source: Option<String>,
}

/// Whether the port is hidden from who knocks; none where it is not, or nobody knows.
fn is_hidden(facts: &Facts, knock: &Knock<'_>) -> Option<Hidden> {
    let Knock { listener, vpc, .. } = knock;
    // Who does not get there at all is told that.
    if listener.groups.is_empty() || knock.is_shut_out(facts) || knock.has_no_way_out(facts) {
        return None;
    }
    let groups: Option<Vec<&Group>> = listener.groups.iter().map(|id| facts.network.groups.get(id)).collect();
    let groups = groups?;
    let nets;
    let who = match vpc {
        None => Who::Anybody,
        Some(_) if !listener.internal => Who::Nat,
        Some(vpc) => {
            nets = facts.network.addresses(vpc)?;
            Who::Inside(&vpc.groups, &nets)
        }
    };
    if lets_in(groups, listener.port, &who) {
        return None;
    }
    let (why, fix, source) = match who {
        Who::Inside(own, _) => {
            let first = own.first().map_or("…", String::as_str);
            let why = format!("is not open to {}", own.join(", "));
            (why, format!("let {first} in"), Some(format!("--source-group {}", own.first().map_or("…".into(), |own| quote(own)))))
        }
        Who::Nat => (
            "is open to no public address, and in a VPC functions come by that of their NAT gateway (a rule for their security \
             group does not count for it)"
                .to_owned(),
            "let the NAT gateway's address in".to_owned(),
            Some("--cidr ADDRESS-OF-THE-NAT-GATEWAY/32".to_owned()),
        ),
        Who::Anybody => (
            "is not open to everybody, and functions outside a VPC come from any address".to_owned(),
            "put the functions into a VPC and let the address of its NAT gateway in, or open the port to everybody".to_owned(),
            None,
        ),
    };
    Some(Hidden { why, fix, source })
}
