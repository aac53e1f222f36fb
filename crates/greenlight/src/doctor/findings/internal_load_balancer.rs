//! An internal load balancer, and functions that are not where it can be reached.

use super::{Found, Kind, each, knocks, together};
use crate::doctor::facts::Facts;

pub const KIND: Kind = Kind { code: "InternalLoadBalancer", find };

fn find(facts: &Facts) -> Vec<Found> {
    let shut_out = knocks(facts).into_iter().map(|knock| {
        let key = knock.is_shut_out(facts).then(|| (knock.listener.balancer.clone(), knock.listener.vpc.clone()));
        (knock.wired, key)
    });
    let found = together(shut_out).map(|((balancer, vpc), mut functions)| {
        functions.dedup();
        Found {
            what: format!(
                "they are not in {vpc}, and the load balancer {balancer} is internal: their requests never reach it"
            ),
            place: functions.join(", "),
            fix: format!("give them subnets of {vpc} and a security group that the load balancer's lets in"),
            command: Some(each(&functions, |name| {
                format!(
                    "aws lambda update-function-configuration --function-name {name} --vpc-config \
                     SubnetIds=…,SecurityGroupIds=…"
                )
            })),
        }
    });
    found.collect()
}
