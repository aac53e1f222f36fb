//! A security group of the load balancer that does not let the functions in.

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
    let found = together(hidden).map(|((route, port, balancer, groups, (who, source)), functions)| Found {
        what: format!(
            "the {} port {port} of the load balancer {balancer} lets in nobody {who}: the requests of {} time out",
            route.word(),
            functions.join(", ")
        ),
        place: groups.clone(),
        fix: format!(
            "aws ec2 authorize-security-group-ingress --group-id {} --protocol tcp --port {port} {source}",
            groups.split(", ").next().unwrap_or_default()
        ),
    });
    found.collect()
}

/// Who is not let in, in words, and the option that would let him in; none where he is, or nobody knows.
fn is_hidden(facts: &Facts, knock: &Knock<'_>) -> Option<(String, String)> {
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
    let everybody = "--cidr 0.0.0.0/0".to_owned();
    Some(match (&who, vpc) {
        (Who::Inside(own, _), _) => {
            let first = own.first().map_or("…", String::as_str);
            (format!("from {}", own.join(", ")), format!("--source-group {first}"))
        }
        (Who::Nat, _) => (
            "by a public address, and the functions come by that of their NAT gateway (a rule for their security group does \
             not apply to it)"
                .to_owned(),
            "--cidr ADDRESS-OF-THE-NAT-GATEWAY/32".to_owned(),
        ),
        (Who::Anybody, _) => {
            let why = "from everywhere, and functions outside a VPC come by any address (or put them into the VPC of an \
                       internal load balancer)";
            (why.to_owned(), everybody)
        }
    })
}
