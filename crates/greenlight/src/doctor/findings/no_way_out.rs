//! A load balancer in the internet, and functions in a VPC that cannot get there.

use super::{Found, Kind, knocks, together};
use crate::doctor::facts::Facts;

pub const KIND: Kind = Kind { code: "NoWayOut", find };

fn find(facts: &Facts) -> Vec<Found> {
    let closed = knocks(facts).into_iter().map(|knock| {
        let vpc = knock.vpc.map(|vpc| vpc.subnets.join(", ")).unwrap_or_default();
        let key = knock.has_no_way_out(facts).then(|| (knock.listener.balancer.clone(), vpc));
        (knock.wired, key)
    });
    let found = together(closed).map(|((balancer, subnets), mut functions)| {
        functions.dedup();
        Found {
            what: format!(
                "the load balancer {balancer} has public addresses, and {subnets} has no way to the internet (an internet \
                 gateway is none for a function): their requests never reach it"
            ),
            place: functions.join(", "),
            fix: "give the subnets' route table a NAT gateway, or take the functions out of the VPC".to_owned(),
        command: None,
        }
    });
    found.collect()
}
